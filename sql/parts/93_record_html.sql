-- The record as a page: one file without anything from elsewhere, for the
-- screen and for print, with charts drawn in SVG.
--
-- Whatever comes from tables, the trail or a person goes through csec.html().
-- Should that be forgotten somewhere one day, the page's own policy still lets
-- no script run and nothing be loaded.  A page is well-formed XML, too, so a
-- test can tell that nothing in it was left open.

CREATE FUNCTION csec.html(value text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
		SELECT replace(replace(replace(replace(replace(
			-- the page's style keeps what turns the direction of writing within its cell
			regexp_replace(coalesce(value, ''), E'[\\u0001-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f]', '?', 'g'),
			'&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;')
	$$;
REVOKE ALL ON FUNCTION csec.html(text) FROM PUBLIC;
COMMENT ON FUNCTION csec.html(text) IS 'internal: a text within a page';

CREATE FUNCTION csec.html_title(title text, title_zh text, language text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
		SELECT CASE
			WHEN language = 'zh' THEN csec.html(coalesce(title_zh, title))
			WHEN language = 'en' OR title_zh IS NULL OR title_zh = title THEN csec.html(title)
			ELSE csec.html(title) || ' <span class="zh" lang="zh-Hans">' || csec.html(title_zh) || '</span>' END
	$$;
REVOKE ALL ON FUNCTION csec.html_title(text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.html_title(text, text, text) IS 'internal: a title in one language or both';

CREATE FUNCTION csec.html_word(words jsonb, word text, language text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
		SELECT csec.html_title(coalesce(words -> word ->> 0, word), words -> word ->> 1, language)
	$$;
REVOKE ALL ON FUNCTION csec.html_word(jsonb, text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.html_word(jsonb, text, text) IS 'internal: a word of csec.record_word on a page, or the word itself';

CREATE FUNCTION csec.html_time(value text) RETURNS text
	LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp SET DateStyle = 'ISO, YMD' AS $$
BEGIN
	RETURN '<time>' || to_char(value::timestamptz, 'YYYY-MM-DD') || ' <small>' || to_char(value::timestamptz, 'HH24:MI:SS') || '</small></time>';
EXCEPTION WHEN data_exception THEN
	RETURN csec.html(value);
END
$$;
REVOKE ALL ON FUNCTION csec.html_time(text) FROM PUBLIC;
COMMENT ON FUNCTION csec.html_time(text) IS 'internal: a time on a page; what is none as it is';

CREATE FUNCTION csec.html_value(item jsonb, field jsonb, words jsonb, language text) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		SELECT CASE
			WHEN v.value IS NULL OR v.value IN ('', '[]') THEN NULL
			WHEN field ->> 'name' = 'title' THEN csec.html_title(v.value, item ->> 'title_zh', language)
			-- what a person vouched for, and what a review found, is in his own words
			WHEN field ->> 'name' = 'finding' AND item ->> 'evidence' IN ('live', 'unknown') THEN csec.html_title(v.value, csec.finding_zh(v.value), language)
			WHEN field ->> 'kind' = 'list' AND jsonb_typeof(item -> (field ->> 'name')) = 'array' THEN
				(SELECT string_agg(format('<span class="chip %s">%s</span>', regexp_replace(field ->> 'name', '[^a-z]', '', 'g'),
						CASE field ->> 'name' WHEN 'via' THEN csec.html_title(i, csec.finding_zh(i), language) WHEN 'clearances' THEN csec.html_word(words, i, language) ELSE csec.html(i) END), ' ')
					FROM jsonb_array_elements_text(item -> (field ->> 'name')) i)
			WHEN field ->> 'kind' = 'time' THEN csec.html_time(v.value)
			WHEN field ->> 'kind' = 'word' THEN format('<span class="word %s">%s</span>', regexp_replace(v.value, '[^a-z]', '', 'g'), csec.html_word(words, v.value, language))
			ELSE csec.html(v.value) END
		FROM (SELECT item ->> (field ->> 'name') AS value) v
	$$;
REVOKE ALL ON FUNCTION csec.html_value(jsonb, jsonb, jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.html_value(jsonb, jsonb, jsonb, text) IS 'internal: one field of one row on a page; null: it is empty';

-- Columns in which no row has anything are left out.
CREATE FUNCTION csec.html_table(rows jsonb, fields jsonb, words jsonb, language text) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		WITH r AS MATERIALIZED (SELECT n, item FROM jsonb_array_elements(rows) WITH ORDINALITY u (item, n)),
		f AS MATERIALIZED (
			SELECT n, jsonb_build_object('name', field ->> 'field', 'kind', field ->> 'kind') AS field, field ->> 'field' AS name,
				coalesce(field ->> 'beside', field ->> 'field') AS head, field ->> 'beside' IS NULL AS leads,
				csec.html_title(field ->> 'title', field ->> 'title_zh', language) AS title
			FROM jsonb_array_elements(fields) WITH ORDINALITY u (field, n)),
		v AS MATERIALIZED (
			SELECT r.n AS row_no, f.n AS field_no, f.head, f.leads, f.title, f.field ->> 'kind' AS kind, csec.html_value(r.item, f.field, words, language) AS value
			FROM r CROSS JOIN f),
		heads AS MATERIALIZED (
			SELECT f.n, f.name, f.title, f.field ->> 'kind' AS kind FROM f
			WHERE f.leads AND EXISTS (SELECT FROM v WHERE v.head = f.name AND v.value IS NOT NULL)),
		cells AS (
			SELECT v.row_no, v.head, string_agg(CASE WHEN v.leads THEN v.value ELSE '<div class="beside"><span>' || v.title || '</span> ' || v.value || '</div>' END, '' ORDER BY NOT v.leads, v.field_no) AS cell
			FROM v WHERE v.value IS NOT NULL GROUP BY v.row_no, v.head),
		shown AS (
			-- of a column of words that comes first, only where it changes
			SELECT r.n AS row_no, h.n AS head_no, h.name, coalesce(c.cell, '') AS cell, h.kind = 'word' AND h.n = (SELECT min(n) FROM heads)
				AND c.cell IS NOT DISTINCT FROM lag(c.cell) OVER (PARTITION BY h.n ORDER BY r.n) AS same
			FROM r CROSS JOIN heads h LEFT JOIN cells c ON c.row_no = r.n AND c.head = h.name)
		SELECT CASE WHEN (SELECT count(*) FROM r) = 0 THEN '<p class="none">' || csec.html_word(words, 'none', language) || '</p>'
			WHEN (SELECT count(*) FROM heads) = 0 THEN '<p class="none">' || (SELECT count(*) FROM r) || ' &#215; ' || csec.html_word(words, 'withheld', language) || '</p>'
			ELSE '<table><thead><tr>' || (SELECT string_agg('<th scope="col">' || title || '</th>', '' ORDER BY n) FROM heads) || '</tr></thead><tbody>' || E'\n'
				|| (SELECT string_agg('<tr>' || t.cells || '</tr>', E'\n' ORDER BY t.row_no) FROM (
					SELECT s.row_no, string_agg('<td class="of-' || regexp_replace(s.name, '[^a-z]', '', 'g') || CASE WHEN s.same THEN ' same' ELSE '' END || '">' || s.cell || '</td>', '' ORDER BY s.head_no) AS cells
					FROM shown s GROUP BY s.row_no) t)
				|| E'\n</tbody></table>' END
	$$;
REVOKE ALL ON FUNCTION csec.html_table(jsonb, jsonb, jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.html_table(jsonb, jsonb, jsonb, text) IS 'internal: the rows of a part as a table of a page';

-- Columns over time, stacked: in clear, masked, neither.
CREATE FUNCTION csec.svg_columns(items jsonb) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
		WITH i AS MATERIALIZED (
			SELECT n - 1 AS n, item ->> 0 AS label, (item ->> 1)::numeric AS c, (item ->> 2)::numeric AS m, (item ->> 3)::numeric AS o
			FROM jsonb_array_elements(items) WITH ORDINALITY u (item, n)),
		s AS (SELECT greatest(count(*), 1)::numeric AS count, greatest(max(c + m + o), 1) AS top, 1030 / greatest(count(*), 1)::numeric AS step FROM i),
		ticks AS (SELECT t * d.apart AS g, s.top FROM s, LATERAL (SELECT p.unit * k AS apart FROM (SELECT 10 ^ floor(log(s.top)) / 10 AS unit) p, unnest(ARRAY[10, 20, 50, 100]) k
			WHERE p.unit * k >= 1 AND s.top / (p.unit * k) <= 5 ORDER BY k LIMIT 1) d, generate_series(0, floor(s.top / d.apart)::int) t),
		b AS (SELECT i.*, 40 + i.n * s.step + greatest(s.step * 0.5 - 22, s.step * 0.12) AS x, least(s.step * 0.76, 44) AS width, s.top, s.count, s.step FROM i CROSS JOIN s)
		SELECT '<svg viewBox="0 0 1080 196" role="img">'
			|| (SELECT string_agg(format('<line x1="40" x2="1070" y1="%1$s" y2="%1$s" class="grid"/><text x="34" y="%2$s" class="scale">%3$s</text>',
					round(160 - 140 * g / top, 1), round(164 - 140 * g / top, 1), round(g)), '') FROM ticks)
			|| coalesce((SELECT string_agg(format('<g><title>%s: %s / %s / %s</title>', csec.html(b.label), b.c, b.m, b.o)
					|| format('<rect class="c" x="%s" y="%s" width="%s" height="%s"/>', round(b.x, 1), round(160 - 140 * b.c / b.top, 1), round(b.width, 1), round(140 * b.c / b.top, 1))
					|| format('<rect class="m" x="%s" y="%s" width="%s" height="%s"/>', round(b.x, 1), round(160 - 140 * (b.c + b.m) / b.top, 1), round(b.width, 1), round(140 * b.m / b.top, 1))
					|| format('<rect class="o" x="%s" y="%s" width="%s" height="%s"/>', round(b.x, 1), round(160 - 140 * (b.c + b.m + b.o) / b.top, 1), round(b.width, 1), round(140 * b.o / b.top, 1))
					|| CASE WHEN b.n % greatest(ceil(b.count / 12), 1) = 0 THEN format('<text x="%s" y="180" class="tick">%s</text>', round(b.x + b.width / 2, 1), csec.html(b.label)) ELSE '' END
					|| '</g>', '' ORDER BY b.n) FROM b), '')
			|| '</svg>'
	$$;
REVOKE ALL ON FUNCTION csec.svg_columns(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION csec.svg_columns(jsonb) IS 'internal: a chart over time, of [label, in clear, masked, neither]';

CREATE FUNCTION csec.svg_bars(items jsonb) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
		WITH i AS MATERIALIZED (
			SELECT n - 1 AS n, item ->> 0 AS label, (item ->> 1)::numeric AS c, (item ->> 2)::numeric AS m, (item ->> 3)::numeric AS o
			FROM jsonb_array_elements(items) WITH ORDINALITY u (item, n)),
		s AS (SELECT count(*) AS count, greatest(max(c + m + o), 1) AS top FROM i)
		SELECT format('<svg viewBox="0 0 520 %s" role="img">', greatest(s.count, 1) * 24 + 6)
			|| coalesce((SELECT string_agg(format('<g><title>%1$s: %2$s / %3$s / %4$s</title><text x="162" y="%5$s" class="name">%6$s</text>',
						csec.html(i.label), i.c, i.m, i.o, i.n * 24 + 18, csec.html(CASE WHEN length(i.label) > 24 THEN left(i.label, 23) || '...' ELSE i.label END))
					|| format('<rect class="c" x="170" y="%s" width="%s" height="15"/>', i.n * 24 + 6, round(300 * i.c / s.top, 1))
					|| format('<rect class="m" x="%s" y="%s" width="%s" height="15"/>', round(170 + 300 * i.c / s.top, 1), i.n * 24 + 6, round(300 * i.m / s.top, 1))
					|| format('<rect class="o" x="%s" y="%s" width="%s" height="15"/>', round(170 + 300 * (i.c + i.m) / s.top, 1), i.n * 24 + 6, round(300 * i.o / s.top, 1))
					|| format('<text x="%s" y="%s" class="count">%s</text></g>', round(176 + 300 * (i.c + i.m + i.o) / s.top, 1), i.n * 24 + 18, i.c + i.m + i.o), '' ORDER BY i.n)
				FROM i), '') || '</svg>'
		FROM s
	$$;
REVOKE ALL ON FUNCTION csec.svg_bars(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION csec.svg_bars(jsonb) IS 'internal: a chart of bars, of [label, in clear, masked, neither]';

CREATE FUNCTION csec.record_style() RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
		SELECT $css$
:root { color-scheme: only light; --ink: #1b2430; --soft: #5b6675; --line: #d9dee5; --faint: #f4f6f8; --clear: #c2500e; --masked: #17756c; --none: #aeb7c2; --good: #1a7f4b; --bad: #b3261e; --open: #7a6a1c; }
* { box-sizing: border-box; }
html { background: #e9ecf0; }
body { margin: 0 auto; max-width: 1180px; padding: 44px 52px 40px; background: #fff; color: var(--ink);
	font: 14px/1.5 "Inter", "Helvetica Neue", "Segoe UI", "Noto Sans", "Liberation Sans", Arial, "Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", "WenQuanYi Micro Hei", sans-serif;
	font-variant-numeric: tabular-nums; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
header { border-top: 5px solid var(--ink); padding-top: 18px; }
h1 { font-size: 28px; line-height: 1.2; font-weight: 650; letter-spacing: -0.01em; margin: 0 0 4px; }
h1 .zh { font-weight: 400; color: var(--soft); font-size: 23px; margin-left: 8px; }
.of { font-size: 17px; margin: 0 0 18px; color: var(--soft); overflow-wrap: anywhere; }
.of b { color: var(--ink); font-weight: 600; }
dl { display: grid; grid-template-columns: repeat(3, 1fr); gap: 8px 28px; margin: 0; padding: 12px 0; border-top: 1px solid var(--line); border-bottom: 1px solid var(--line); }
dt { font-size: 11px; color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
dd code { font: 12px/1.4 "Liberation Mono", Consolas, monospace; color: var(--soft); }
.tiles { display: grid; grid-template-columns: repeat(5, 1fr); gap: 12px; margin: 20px 0 8px; }
.tile { border: 1px solid var(--line); border-radius: 6px; padding: 10px 14px 12px; }
.tile b { display: block; font-size: 26px; line-height: 1.2; font-weight: 650; letter-spacing: -0.02em; }
.tile b small { font-size: 15px; font-weight: 400; color: var(--soft); }
.tile span { font-size: 12px; color: var(--soft); }
.tile.bad b { color: var(--bad); }
.tile.clear b { color: var(--clear); }
h2 { font-size: 18px; font-weight: 650; margin: 34px 0 10px; padding-bottom: 6px; border-bottom: 2px solid var(--ink); break-after: avoid; }
h2 .no { color: var(--soft); font-weight: 400; margin-right: 8px; }
h2 .zh { font-weight: 400; color: var(--soft); margin-left: 6px; }
h3 { font-size: 13px; font-weight: 600; margin: 0 0 6px; break-after: avoid; }
h3 .zh { font-weight: 400; color: var(--soft); }
.charts { display: grid; grid-template-columns: 1fr 1fr; gap: 18px 36px; margin: 12px 0 16px; }
.charts > div { break-inside: avoid; min-width: 0; }
.charts > .wide { grid-column: 1 / -1; }
svg { display: block; width: 100%; height: auto; font: 11px "Liberation Sans", Arial, "WenQuanYi Micro Hei", sans-serif; }
svg .c, .key .c { fill: var(--clear); background: var(--clear); }
svg .m, .key .m { fill: var(--masked); background: var(--masked); }
svg .o, .key .o { fill: var(--none); background: var(--none); }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg text { fill: var(--soft); }
svg .scale, svg .name { text-anchor: end; }
svg .tick { text-anchor: middle; }
svg .name { fill: var(--ink); }
.key { font-size: 12px; color: var(--soft); margin: 4px 0 0; }
.key i { display: inline-block; width: 11px; height: 11px; border-radius: 2px; margin: 0 5px 0 14px; vertical-align: -1px; }
.key i:first-child { margin-left: 0; }
table { width: 100%; border-collapse: collapse; font-size: 12.5px; line-height: 1.42; }
th { text-align: left; white-space: nowrap; font-weight: 600; font-size: 11.5px; color: var(--soft); vertical-align: bottom; padding: 4px 12px 5px 0; border-bottom: 1px solid var(--ink); }
th .zh { font-weight: 400; display: block; }
td, .chip, dd, .of b { unicode-bidi: isolate; }
td { vertical-align: top; min-width: 66px; padding: 5px 12px 5px 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
td:last-child, th:last-child { padding-right: 0; min-width: 0; }
td.same > * { visibility: hidden; }
td.of-relation, td.of-seq, td.of-at { white-space: nowrap; }
td.of-field { font: 12px/1.5 "Liberation Mono", Consolas, monospace; color: var(--soft); }
td.of-finding { min-width: 220px; }
td.of-finding .zh { display: block; color: var(--soft); }
td.of-reason { min-width: 92px; } td.of-client { min-width: 118px; }
td.of-exactness .beside { white-space: nowrap; }
time { white-space: nowrap; }
time small { font-size: inherit; color: var(--soft); }
.beside { color: var(--soft); font-size: 11.5px; line-height: 1.4; }
.beside > span:first-child { opacity: .75; }
.beside .zh { display: none; }
.word .zh { color: inherit; opacity: .8; }
.word { white-space: nowrap; }
.of-state .pass, .of-state .fail, .of-state .unknown { font-weight: 600; }
.pass { color: var(--good); } .fail { color: var(--bad); } .unknown { color: var(--open); }
.of-state .pass::before { content: "\25CF\00A0"; } .of-state .fail::before { content: "\25B2\00A0"; } .of-state .unknown::before { content: "\25CB\00A0"; }
td.of-title .zh { display: inline-block; color: var(--soft); }
.word.clear { color: var(--clear); font-weight: 600; }
.word.masked { color: var(--masked); }
.chip { display: inline-block; padding: 0 6px; margin: 1px 0; border-radius: 3px; font-size: 11.5px; border: 1px solid var(--line); background: var(--faint); }
.chip.revealed { border-color: #eec3a9; background: #fdf1ea; color: #8f3a08; }
.chip.masked { border-color: #b3d6d1; background: #edf7f5; color: #0e5a52; }
.none, .more { color: var(--soft); margin: 6px 0; }
footer { margin-top: 34px; padding-top: 10px; border-top: 1px solid var(--line); font-size: 11.5px; color: var(--soft); }
@page { size: A4 landscape; margin: 13mm 12mm 15mm; @bottom-right { content: counter(page) " / " counter(pages); font: 9pt Arial, sans-serif; color: #5b6675; } }
@media print {
	html { background: none; }
	body { max-width: none; padding: 0; font-size: 9.5pt; }
	table { font-size: 8.5pt; } th, .beside, .chip { font-size: 8pt; }
	thead { display: table-header-group; } tr, .tile, dl { break-inside: avoid; }
	h2 { margin-top: 20pt; }
}
$css$
	$$;
REVOKE ALL ON FUNCTION csec.record_style() FROM PUBLIC;
COMMENT ON FUNCTION csec.record_style() IS 'internal: how the page of a record looks';

CREATE FUNCTION csec.record_html(doc jsonb, language text DEFAULT 'both', most int DEFAULT 500) RETURNS text
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
	words jsonb := (SELECT jsonb_object_agg(w.word, jsonb_build_array(w.title, w.title_zh)) FROM csec.record_words() w);
	head jsonb := doc -> 'record';
	charts jsonb := doc -> 'charts';
	heading text := CASE WHEN doc -> 'record' ->> 'subject' IS NULL THEN 'table record' ELSE 'record' END;
	measures jsonb := coalesce(jsonb_path_query_first(doc, '$.parts[*] ? (@.name == "security_measures").rows'), '[]');
	page text;
	rows jsonb;
	p jsonb;
	number int := 0;
	total int;
	held int;
	asked int;
BEGIN
	IF language IS NULL OR language NOT IN ('en', 'zh', 'both') THEN
		RAISE EXCEPTION 'the page is made in en, zh or both' USING ERRCODE = 'invalid_parameter_value', HINT = 'Say language => ''both''.';
	END IF;
	IF jsonb_typeof(head) IS DISTINCT FROM 'object' OR jsonb_typeof(charts) IS DISTINCT FROM 'object' OR jsonb_typeof(doc -> 'parts') IS DISTINCT FROM 'array' OR most IS NULL THEN
		RAISE EXCEPTION 'there is no record to make a page of' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Give a document of csec.customer_record_json() or csec.table_record_json(), and how many accesses it is to list at most.';
	END IF;
	SELECT count(*) FILTER (WHERE m ->> 'state' = 'pass'), count(*) INTO held, asked FROM jsonb_array_elements(measures) m;
	page := '<!DOCTYPE html>' || E'\n<html lang="' || CASE language WHEN 'zh' THEN 'zh-Hans' ELSE 'en' END || '"><head><meta charset="utf-8"/>'
		|| '<meta http-equiv="Content-Security-Policy" content="default-src ''none''; style-src ''unsafe-inline''"/>'
		|| '<meta name="viewport" content="width=device-width, initial-scale=1"/><title>'
		|| csec.html(concat_ws(' ', words -> heading ->> CASE language WHEN 'zh' THEN 1 ELSE 0 END, head ->> 'table', head ->> 'subject')) || '</title><style>' || csec.record_style() || E'</style></head><body>\n'
		|| '<header><h1>' || csec.html_word(words, heading, language) || '</h1><p class="of">' || csec.html_word(words, 'table', language) || ' <b>' || csec.html(head ->> 'table') || '</b>'
		|| CASE WHEN head ->> 'subject' IS NULL THEN '' ELSE ' &#8194; ' || csec.html_word(words, 'customer', language) || ' <b>' || csec.html(head ->> 'subject') || '</b>' END || '</p>'
		|| '<dl><div><dt>' || csec.html_word(words, 'period', language) || '</dt><dd>'
		|| coalesce(csec.html_time(head ->> 'from'), csec.html_word(words, 'beginning', language)) || ' &#8211; ' || coalesce(csec.html_time(head ->> 'to'), csec.html_word(words, 'today', language))
		|| '</dd></div><div><dt>' || csec.html_word(words, 'made', language) || '</dt><dd>' || csec.html_time(head ->> 'made_at') || ' ' || csec.html(to_char((head ->> 'made_at')::timestamptz, 'TZ'))
		|| '</dd></div><div><dt>' || csec.html_word(words, 'made_by', language) || '</dt><dd>' || csec.html(concat_ws(' - ', head ->> 'made_by', head ->> 'reason', head ->> 'ticket'))
		|| '</dd></div><div><dt>' || csec.html_word(words, 'server', language) || '</dt><dd>' || csec.html(format('%s, PostgreSQL %s, csec %s', head ->> 'database', head ->> 'server', head ->> 'csec'))
		|| '</dd></div><div style="grid-column: span 2"><dt>' || csec.html_word(words, 'trail', language) || '</dt><dd>' || csec.html(head ->> 'trail_seq') || ' &#183; ' || csec.html_time(head ->> 'trail_at')
		|| ' <br/><code>' || csec.html(head ->> 'trail_hash') || '</code></dd></div></dl></header>'
		|| '<div class="tiles"><div class="tile"><b>' || csec.html(charts ->> 'total') || '</b><span>' || csec.html_word(words, 'accesses', language)
		|| '</span></div><div class="tile"><b>' || csec.html(charts ->> 'people_total') || '</b><span>' || csec.html_word(words, 'people', language)
		|| '</span></div><div class="tile clear"><b>' || csec.html(charts ->> 'clear_total') || '</b><span>' || csec.html_word(words, 'in_clear', language)
		|| '</span></div><div class="tile"><b>' || held || ' <small>/ ' || asked || '</small></b><span>' || csec.html_word(words, 'measures_held', language)
		|| '</span></div><div class="tile bad"><b>' || (SELECT count(*) FROM jsonb_array_elements(measures) m WHERE m ->> 'state' = 'fail') || '</b><span>' || csec.html_word(words, 'not_held', language)
		|| E'</span></div></div>\n';
	FOR p IN SELECT jsonb_array_elements(doc -> 'parts') LOOP
		number := number + 1;
		page := page || '<section><h2><span class="no">' || number || '</span>' || csec.html_title(p ->> 'title', p ->> 'title_zh', language) || '</h2>';
		rows := p -> 'rows';
		total := jsonb_array_length(rows);
		IF p ->> 'name' IN ('access_records', 'change_records') THEN
			SELECT coalesce(jsonb_agg(r.item ORDER BY r.n DESC), '[]') INTO rows FROM (
				SELECT item, n FROM jsonb_array_elements(rows) WITH ORDINALITY u (item, n) WHERE n > total - most) r;
		END IF;
		IF p ->> 'name' = 'access_records' AND (charts ->> 'total')::int > 0 THEN
			page := page || '<div class="charts"><div class="wide"><h3>' || csec.html_word(words, 'over_time', language) || '</h3>' || csec.svg_columns(charts -> 'time')
				|| '<p class="key"><i class="c"></i>' || csec.html_word(words, 'clear', language) || '<i class="m"></i>' || csec.html_word(words, 'masked', language)
				|| '<i class="o"></i>' || csec.html_word(words, 'no field', language) || '</p></div><div><h3>' || csec.html_word(words, 'by_person', language) || '</h3>' || csec.svg_bars(charts -> 'people')
				|| '</div><div><h3>' || csec.html_word(words, 'by_field', language) || '</h3>' || csec.svg_bars(charts -> 'fields') || '</div></div>';
		END IF;
		IF jsonb_array_length(rows) < total THEN
			page := page || '<p class="more">' || jsonb_array_length(rows) || ': ' || csec.html_word(words, 'newest', language) || ' ' || total || '</p>';
		END IF;
		page := page || csec.html_table(rows, p -> 'fields', words, language) || E'</section>\n';
	END LOOP;
	RETURN page || '<footer>' || csec.html_word(words, 'page note', language) || E'</footer></body></html>\n';
END
$$;
REVOKE ALL ON FUNCTION csec.record_html(jsonb, text, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.record_html(jsonb, text, int) TO csec_auditor, csec_officer;
COMMENT ON FUNCTION csec.record_html(jsonb, text, int) IS
	'a document of csec.customer_record_json() or csec.table_record_json() as a page in English (en), Chinese (zh) or both; of accesses and changes the newest so many';

CREATE FUNCTION csec.customer_record_html(tab regclass, subject text, from_time timestamptz DEFAULT NULL, to_time timestamptz DEFAULT NULL,
		language text DEFAULT 'both', most int DEFAULT 500) RETURNS text
	LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
		SELECT csec.record_html(csec.customer_record_json(tab, subject, from_time, to_time), language, most)
	$$;
REVOKE ALL ON FUNCTION csec.customer_record_html(regclass, text, timestamptz, timestamptz, text, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.customer_record_html(regclass, text, timestamptz, timestamptz, text, int) TO PUBLIC;
COMMENT ON FUNCTION csec.customer_record_html(regclass, text, timestamptz, timestamptz, text, int) IS
	'the security record of a customer as a page of its own, for the screen and for print';

CREATE FUNCTION csec.table_record_html(tab regclass, from_time timestamptz, to_time timestamptz DEFAULT NULL,
		language text DEFAULT 'both', most int DEFAULT 500) RETURNS text
	LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
		SELECT csec.record_html(csec.table_record_json(tab, from_time, to_time), language, most)
	$$;
REVOKE ALL ON FUNCTION csec.table_record_html(regclass, timestamptz, timestamptz, text, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.table_record_html(regclass, timestamptz, timestamptz, text, int) TO PUBLIC;
COMMENT ON FUNCTION csec.table_record_html(regclass, timestamptz, timestamptz, text, int) IS
	'the security record of a table within a time as a page: who read how often and what, measures, incidents, reviews; no customer''s data';
