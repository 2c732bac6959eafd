-- Were this to fail, a query that shows nothing would hand all customers to a function hidden in it, unrecorded: B.5, A.7.

\getenv source PG_ABS_SRCDIR
\set trail :source '/lib/trail.sql'
\set ECHO none
\i :trail
\set ECHO all
SELECT current_user AS dba \gset
SELECT trail.make_cust(40);
ALTER TABLE cust ADD mood text;
UPDATE cust SET mood = 'glad';
CREATE TABLE ord (no int PRIMARY KEY, cust_id int8);
INSERT INTO ord SELECT i, i FROM generate_series(1, 40) i;
VACUUM ANALYZE cust, ord;
-- What a spy saw it keeps: each is written so that the query shows little.
CREATE FUNCTION spy(text) RETURNS text LANGUAGE plpgsql STABLE COST 1 AS $$ BEGIN PERFORM set_config('spy.saw', current_setting('spy.saw') || right($1, 2) || ' ', false); RETURN $1; END $$;
CREATE FUNCTION spy_set(text) RETURNS SETOF text LANGUAGE plpgsql STABLE ROWS 1 AS $$ BEGIN PERFORM spy($1); END $$;
CREATE FUNCTION rejects(text) RETURNS bool LANGUAGE plpgsql STABLE COST 1 AS $$ BEGIN PERFORM spy($1); RETURN false; END $$;
CREATE DOMAIN spy_domain AS text CHECK (spy(VALUE) IS NOT NULL);
CREATE TYPE spy_type AS (x spy_domain);
-- How many customers the spy saw, and what the trail says of them.
CREATE FUNCTION told(OUT spy_saw bigint, OUT trail text) LANGUAGE plpgsql AS $$
BEGIN
	spy_saw := (SELECT count(DISTINCT x) FROM regexp_split_to_table(trim(current_setting('spy.saw')), ' ') x WHERE x <> '');
	PERFORM set_config('spy.saw', '', false);
	trail := (SELECT string_agg(regexp_replace(s, '.*rows, (\S+) (\S+) .*', '\1 \2'), '; ') FROM trail.seen() s);
END
$$;
SET spy.saw = '';
SELECT trail.mute();

-- In the condition of a scan, hidden in a domain's check.
SELECT id FROM cust WHERE rejects(phone::text);
SELECT * FROM told();
SELECT id FROM cust WHERE phone::text::spy_domain = 'x';
SELECT * FROM told();
SELECT id FROM cust WHERE ROW(phone::text)::spy_type = ROW('x')::spy_type;
SELECT * FROM told();
SELECT id FROM cust WHERE ('(' || phone::text || ')')::spy_type IS NULL;
SELECT * FROM told();
SELECT id FROM cust WHERE (jsonb_populate_record(NULL::spy_type, jsonb_build_object('x', phone::text))) IS NULL;
SELECT * FROM told();
SELECT id FROM cust WHERE phone::text::spy_domain = ANY (ARRAY['x']);
SELECT * FROM told();

-- In what a scan computes for a node above that drops its rows.
SELECT id FROM cust ORDER BY spy(phone::text) LIMIT 1;
SELECT * FROM told();
SELECT id, phone::text::spy_domain FROM cust ORDER BY 2 DESC LIMIT 1;
SELECT * FROM told();
SELECT id FROM (SELECT id, spy(phone::text) AS s FROM cust OFFSET 0) x WHERE s = 'x';
SELECT * FROM told();
SELECT DISTINCT ON (mood) id, mood, spy(phone::text) IS NULL FROM cust ORDER BY mood, id;
SELECT * FROM told();

-- In a join: its condition, the inner side, a function in FROM.
SELECT c.id FROM cust c JOIN ord o ON o.cust_id = c.id AND rejects(c.phone::text);
SELECT * FROM told();
SELECT c.id FROM cust c LEFT JOIN ord o ON o.cust_id = c.id AND rejects(c.phone::text) WHERE o.no IS NOT NULL;
SELECT * FROM told();
SELECT c.id FROM cust c, LATERAL spy_set(c.phone::text);
SELECT * FROM told();
SELECT c.id FROM cust c, LATERAL (SELECT no FROM ord WHERE no = length(spy(c.phone::text)) - 100) o;
SELECT * FROM told();
SELECT c.id FROM cust c JOIN LATERAL (SELECT spy(c.phone::text) AS s FROM ord WHERE ord.no = c.id OFFSET 0) o ON s = 'x';
SELECT * FROM told();
SELECT c.id FROM cust c, LATERAL ROWS FROM (spy_set(c.phone::text), generate_series(2, 1)) WITH ORDINALITY;
SELECT * FROM told();
SELECT c.id FROM cust c, LATERAL (VALUES (spy(c.phone::text))) v (x) WHERE x = 'y';
SELECT * FROM told();
SELECT c.id FROM cust c WHERE EXISTS (SELECT FROM ord WHERE no = c.id AND rejects(c.phone::text));
SELECT * FROM told();
SELECT c.id FROM cust c WHERE (SELECT count(*) FROM ord WHERE no = c.id AND rejects(c.phone::text)) > 0;
SELECT * FROM told();
SELECT c.id FROM cust c WHERE c.id = ALL (SELECT no FROM ord WHERE rejects(c.phone::text) AND no = c.id) AND c.id < 0;
SELECT * FROM told();

-- In an aggregate, a window, a row's lock, a grouping.
SELECT count(*) FILTER (WHERE rejects(phone::text)) FROM cust;
SELECT * FROM told();
SELECT id FROM (SELECT id, lag(spy(phone::text)) OVER (ORDER BY id) AS s FROM cust) x WHERE s = 'x';
SELECT * FROM told();
SELECT mood FROM cust GROUP BY mood HAVING max(spy(phone::text)) = 'x';
SELECT * FROM told();
SELECT id FROM cust WHERE rejects(phone::text) FOR UPDATE;
SELECT * FROM told();

-- Fetched only in part, the rest is not in it.
SELECT id, spy(phone::text) IS NOT NULL FROM cust LIMIT 3;
SELECT * FROM told();
