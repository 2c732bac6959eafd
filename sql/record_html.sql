-- The record as a page: were this to fail, a text that somebody wrote would be
-- more than a text on it, or the page would not be whole.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE "regress_<b>'html""&" LOGIN IN ROLE csec_auditor;
CREATE ROLE regress_html_clerk LOGIN;
CREATE TABLE "cust<i>'&" ("id<u>" text PRIMARY KEY, name text, "note'); DROP TABLE x; --" text);
INSERT INTO "cust<i>'&" VALUES ('<script>alert(1)</script>', '</td><script>alert(2)</script>', '" onload="alert(3)'),
	(E'\u202Emorf\u0001\u001f', 'x', ']]><!--'), ('plain', 'Li Na', NULL);
SELECT csec.protect('"cust<i>''&"', 'id<u>', '{"name": "person_name"}');
GRANT SELECT ON "cust<i>'&" TO "regress_<b>'html""&", regress_html_clerk;
SELECT csec.set_clearance('"regress_<b>''html""&"', level => 'important');
SELECT csec.register_person('h1', '<h1 onclick="alert(4)">&amp;</h1>', '</title>', '%s %I $1 \1'), csec.assign_login('h1', 'regress_html_clerk');
INSERT INTO csec.record_part (relid, name, position, title, title_zh, source) VALUES ('"cust<i>''&"', 'own', 15, '<svg onload=alert(5)>', '''"><a href="javascript:alert(6)">', '"cust<i>''&"');
INSERT INTO csec.record_field (relid, part, field, position, title, kind) VALUES ('"cust<i>''&"', 'own', 'name', 1, '<th>', 'time'),
	('"cust<i>''&"', 'own', 'note''); DROP TABLE x; --', 2, '&#60;', 'word'), ('"cust<i>''&"', 'basic_information', 'name', 2, '{{7*7}}', 'text');
INSERT INTO csec.incident (kind, title, place, discovered_at, reported_by, impact, measures, result, changed_by)
	VALUES ('other', '<iframe src="//evil.example">', '</style><style>*{display:none}', now(), 'h1', '<img src=x onerror=alert(7)>', '<!--', '-->', 'h1');
INSERT INTO csec.incident_subject (incident, relid, subject, revealed) SELECT max(id), '"cust<i>''&"', '<script>alert(1)</script>', '{<b>}' FROM csec.incident;
INSERT INTO csec.review (checklist, relid, period_from, period_to, due, owner, reviewer, planned_by, summary, changed_by)
	VALUES ('<hr>', '"cust<i>''&"', '2024-01-01', '2024-02-01', '2024-02-10', 'h1', '<p>', 'h1', '<table>', 'h1');
INSERT INTO csec.review_finding (review, severity, finding, fixer, due, found_by, fixed_by) SELECT max(id), 'minor', '<marquee>', 'h1', now(), 'h1', '<x>' FROM csec.review;
SELECT csec.attest('mfa', '<embed src=x>', now() + interval '1 day') > 0 AS attested;
\c - regress_html_clerk
SET application_name = '<script>alert(8)</script>';
BEGIN;
SELECT csec.set_context('<script>alert(9)</script>', '" autofocus onfocus="alert(10)', '</code>');
SELECT count(*) > 0 AS read FROM "cust<i>'&" WHERE "id<u>" LIKE '%alert(1)%';
SELECT name FROM "cust<i>'&" WHERE "id<u>" = '<script>alert(1)</script>';
COMMIT;
\c - postgres
SELECT csec.flush_audit();
-- pages that this session keeps
CREATE TABLE page (name text, html text, x xml);
GRANT ALL ON page TO "regress_<b>'html""&";
\c - "regress_<b>'html""&"
INSERT INTO page (name, html)
	SELECT language, csec.customer_record_html('"cust<i>''&"', '<script>alert(1)</script>', language => language) FROM unnest(ARRAY['en', 'zh', 'both']) language
	UNION ALL SELECT 'odd', csec.customer_record_html('"cust<i>''&"', E'\u202Emorf\u0001\u001f')
	UNION ALL SELECT 'nobody', csec.customer_record_html('"cust<i>''&"', 'no such customer')
	UNION ALL SELECT 'table', csec.table_record_html('"cust<i>''&"', '2024-01-01');
SELECT csec.customer_record_html('"cust<i>''&"', 'plain', language => '<b>');
SELECT csec.customer_record_html('"cust<i>''&"', 'plain', language => NULL);
-- what is no record, or of no time
SELECT csec.record_html(NULL);
SELECT csec.record_html('{}');
SELECT csec.record_html('{"record": {}, "parts": {}, "charts": {}}');
SELECT csec.customer_record_html('"cust<i>''&"', 'plain', most => NULL);
SELECT csec.customer_record_html('"cust<i>''&"', 'plain', now(), now() - interval '1 day');
SELECT csec.table_record_html('"cust<i>''&"', now(), now() - interval '1 day');
-- nothing is open
UPDATE page SET x = xmlparse(document html);
-- no element but ours, no attribute but ours
SELECT DISTINCT xpath('local-name(.)', e)::text AS element FROM page, unnest(xpath('//*[not(self::html or self::head or self::meta or self::title or self::style or self::body
	or self::header or self::h1 or self::h2 or self::h3 or self::p or self::b or self::small or self::span or self::dl or self::dt or self::dd or self::div or self::code or self::br
	or self::time or self::section or self::table or self::thead or self::tbody or self::tr or self::th or self::td or self::i or self::svg or self::g or self::line or self::rect or self::text or self::footer)]', x)) e;
SELECT DISTINCT a::text AS attribute FROM page, unnest(xpath('//@*[not(name() = "class" or name() = "lang" or name() = "charset" or name() = "content" or name() = "http-equiv" or name() = "name" or name() = "scope"
	or name() = "style" or name() = "viewBox" or name() = "role" or name() = "x" or name() = "y" or name() = "x1" or name() = "x2" or name() = "y1" or name() = "y2" or name() = "width" or name() = "height")]', x)) a;
-- it names no other place and runs nothing
SELECT name, regexp_replace(html, '>[^<]*<', '><', 'g') ~* 'https?:|src=|href=|url|@import' OR (xpath('//style/text()', x))[1]::text ~* 'url|@import|https?:' AS refers,
	(xpath('//meta[@http-equiv="Content-Security-Policy"]/@content', x))[1]::text AS policy FROM page ORDER BY name;
-- each text is there, as a text
SELECT t, bool_or(x::text LIKE '%' || t || '%') AS there FROM (SELECT string_agg(v::text, ' ') AS x FROM page, unnest(xpath('//body//text()', x)) v WHERE name = 'both') p,
	unnest(ARRAY['&lt;script&gt;alert(1)', '&lt;/td&gt;&lt;script&gt;alert(2)', 'onload="alert(3)', '&lt;h1 onclick="alert(4)"&gt;&amp;amp;&lt;/h1&gt;', '&lt;svg onload=alert(5)&gt;',
		'javascript:alert(6)', 'onerror=alert(7)', 'alert(8)', 'alert(9)', 'alert(10)', '&lt;/code&gt;', '&lt;iframe', '&lt;/style&gt;&lt;style&gt;', '&lt;marquee&gt;', '&lt;embed',
		'{{7*7}}', 'cust&lt;i&gt;''&amp;', '&lt;hr&gt;', '&lt;b&gt;']) t GROUP BY t ORDER BY t COLLATE "C";
-- parts in their order, in the language asked for
SELECT name, xpath('//h1//text()', x)::text[] AS title, (SELECT array_agg(btrim(concat_ws('', VARIADIC xpath('.//text()', h)::text[]))) FROM unnest(xpath('//h2', x)) h) AS parts FROM page WHERE name IN ('en', 'zh', 'table') ORDER BY name;
-- categories and levels as they are called there
SELECT name, (xpath('//td[@class="of-category"]//text()', x))::text[] AS category, (xpath('//td[@class="of-level"]//text()', x))::text[] AS level FROM page WHERE name IN ('en', 'zh', 'both') ORDER BY name;
-- charts: by time, person and field; in clear, masked, neither
SELECT array_length(xpath('//svg', x), 1) AS charts, (SELECT array_agg(b::text) FROM unnest(xpath('(//svg)[2]/g/title/text()', x)) b WHERE b::text ~ 'h1.: ') AS clerk FROM page WHERE name = 'both';
-- of many the newest
SELECT array_length(xpath('//section[3]//tbody/tr', xmlparse(document csec.customer_record_html('"cust<i>''&"', '<script>alert(1)</script>', most => 1))), 1) AS listed;
-- in JSON each is a text, and nothing else
SELECT t, jsonb_path_exists(j, '$.** ? (@ == $t)', jsonb_build_object('t', t)) AS there FROM csec.customer_record_json('"cust<i>''&"', '<script>alert(1)</script>') j,
	unnest(ARRAY['<script>alert(8)</script>', '<script>alert(9)</script>', '" autofocus onfocus="alert(10)', '</code>', '<iframe src="//evil.example">', '-->', '<marquee>']) t;
-- a document that was kept is a page later, too
SELECT csec.record_html(csec.customer_record_json('"cust<i>''&"', 'plain')) ~ 'Customer security record' AS page;
-- no value that the reader may not see
SELECT bool_or(html ~ 'alert\(2\)') AS name_in_clear FROM page WHERE name = 'table';
\c - regress_html_clerk
SELECT csec.customer_record_html('"cust<i>''&"', 'plain');
