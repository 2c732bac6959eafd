-- Were this to fail, what works on text would not work on a masked field, or would see more than its reader.

SELECT current_user AS dba \gset
CREATE ROLE regress_masked_text_owner LOGIN IN ROLE csec_loader;
CREATE ROLE regress_masked_text_low LOGIN;
CREATE ROLE regress_masked_text_clerk LOGIN;
GRANT CREATE, USAGE ON SCHEMA public TO PUBLIC;
SELECT csec.set_clearance('regress_masked_text_clerk', level => 'important');

\c - regress_masked_text_owner
CREATE TABLE people (id int PRIMARY KEY, name csec.person_name, phone csec.phone, email csec.email, plain text);
INSERT INTO people VALUES
	(1, '张三', '13812341234', 'A.B@example.com', '13812341234'),
	(2, '李四', '13987654321', 'c@example.org', '138****1234'),
	(3, NULL, NULL, NULL, 'none');
GRANT SELECT ON people TO PUBLIC;
-- What each function and operator gives; the same text of SQL for everybody.
CREATE VIEW everything AS
SELECT id, w.* FROM people p, LATERAL (VALUES
	('like', (p.phone LIKE '138%34')::text),
	('not like', (p.phone NOT LIKE '%3412%')::text),
	('ilike', (p.email ILIKE 'a%')::text),
	('similar', (p.phone SIMILAR TO '138[*]+1234')::text),
	('~', (p.phone ~ '^\d{11}$')::text),
	('~*', (p.email ~* 'EXAMPLE')::text),
	('!~', (p.phone !~ '\*')::text),
	('^@', (p.phone ^@ '1381')::text),
	('~~ any', (p.phone LIKE ANY (ARRAY['%12341%', 'x']))::text),
	('<', (p.phone < '138*')::text),
	('>=', (p.phone >= '1381')::text),
	('between', (p.phone BETWEEN '1380' AND '1389')::text),
	('< text', (p.phone < p.plain)::text),
	('row <', ((p.phone, p.id) < ('1381', 0))::text),
	('length', length(p.phone)::text),
	('char_length', char_length(p.phone)::text),
	('octet_length', octet_length(p.name)::text),
	('bit_length', bit_length(p.phone)::text),
	('pg_column_size', pg_column_size(p.phone)::text),
	('position', position('4' in p.phone)::text),
	('strpos', strpos(p.phone, '*')::text),
	('substr', substr(p.phone, 4, 5)),
	('substring', substring(p.phone from 4 for 3)),
	('substring re', substring(p.phone from '^.....')),
	('left', left(p.phone, 6)),
	('right', right(p.phone, 6)),
	('upper', upper(p.email)),
	('lower', lower(p.email)),
	('initcap', initcap(p.email)),
	('trim', trim(p.phone)),
	('trim chars', trim(leading '1' from p.phone)),
	('lpad', lpad(p.phone, 13, '0')),
	('repeat', repeat(p.name, 2)),
	('split_part', split_part(p.email, '@', 1)),
	('translate', translate(p.phone, '*', '-')),
	('ascii', ascii(p.phone)::text),
	('md5 of mask', (md5(p.phone) = md5('138****1234'))::text),
	('starts_with', starts_with(p.phone, '1381')::text),
	('string_to_array', string_to_array(p.email, '@')::text),
	('regexp_matches', (regexp_match(p.phone, '138(.{4})'))::text),
	('to_tsvector', to_tsvector('simple', p.email)::text),
	('format', format('%s', p.phone)),
	('is null', (p.phone IS NULL)::text),
	('coalesce', COALESCE(p.phone, 'none')),
	('coalesce text', COALESCE(p.phone, p.plain)),
	('case', CASE p.phone WHEN '13812341234' THEN 'hit' ELSE 'miss' END),
	('case text', CASE WHEN p.id = 1 THEN p.phone ELSE p.plain END),
	('cast to int array', (ARRAY[p.phone]::text[])::text),
	('= literal', (p.phone = '13812341234')::text),
	('= mask', (p.phone = '138****1234')::text),
	('= text', (p.phone = '13812341234'::text)::text),
	('= varchar', (p.phone = '13812341234'::varchar)::text),
	('= char', (p.phone = '13812341234'::char(11))::text),
	('= column', (p.phone = p.plain)::text),
	('column =', (p.plain = p.phone)::text),
	('<>', (p.phone <> '13812341234')::text),
	('!=', (p.phone != '13812341234'::text)::text),
	('in', (p.phone IN ('13812341234', 'x'))::text),
	('not in', (p.phone NOT IN ('13812341234', 'x'))::text),
	('any text', (p.phone = ANY ('{13812341234}'::text[]))::text),
	('any varchar', (p.phone = ANY ('{13812341234}'::varchar[]))::text),
	('any literal', (p.phone = ANY ('{13812341234}'))::text),
	('all', (p.phone <> ALL (ARRAY['13812341234']))::text),
	('distinct from', (p.phone IS DISTINCT FROM '13812341234')::text),
	('not distinct', (p.phone IS NOT DISTINCT FROM '13812341234'::text)::text),
	('nullif', NULLIF(p.phone, '13812341234')),
	('row =', ((p.id, p.phone) = (1, '13812341234'))::text),
	('row in', ((p.id, p.phone) IN ((1, '13812341234')))::text),
	('array =', (ARRAY[p.phone] = ARRAY['13812341234'::csec.phone])::text),
	('array_position', array_position(ARRAY[p.phone], '13812341234')::text),
	('exists', EXISTS (SELECT FROM people q WHERE q.phone = p.phone)::text)
) w(what, shown);
GRANT SELECT ON everything TO PUBLIC;

\c - regress_masked_text_clerk
CREATE TEMP TABLE clear AS SELECT * FROM everything;
SELECT what, shown FROM clear WHERE id = 1;

-- The reader without clearance: what differs is what the mask explains.
\c - regress_masked_text_low
SET csec.allow_masked_dml = on;
CREATE TEMP TABLE masked AS SELECT * FROM everything;
SELECT what, shown FROM masked WHERE id = 1;
SELECT what FROM masked WHERE shown ~ '12341234|3412|A\.B';
SELECT what, shown FROM masked WHERE id = 3 AND shown IS NOT NULL;

-- Operators are found whatever the search_path: literals keep comparing the
-- value, not the mask.
SET search_path = public;
SELECT id FROM people WHERE phone = '13812341234';
SELECT id FROM people WHERE phone = '138****1234';
SELECT id FROM people WHERE phone LIKE '138****12%';
SET search_path = '';
SELECT id FROM public.people WHERE phone = '13812341234';
SELECT id FROM public.people WHERE phone = '13812341234'::text;
SELECT id FROM public.people WHERE '13812341234'::varchar = phone;
SELECT id FROM public.people WHERE phone = ANY ('{13812341234,2}'::text[]);
SELECT id FROM public.people WHERE lower(email) = 'a.b@example.com';
SELECT id FROM public.people WHERE phone <> '13812341234';
SELECT id FROM public.people WHERE phone IS DISTINCT FROM '13812341234' ORDER BY id;
SET search_path = csec, public;
SELECT id FROM people WHERE phone = '13812341234';
SELECT 'a'::text = 'a'::text AS text_is_text;
RESET search_path;

-- Parameters as drivers send them.
PREPARE by_unknown AS SELECT id FROM people WHERE phone = $1;
PREPARE by_text(text) AS SELECT id FROM people WHERE phone = $1;
PREPARE by_varchar(varchar) AS SELECT id FROM people WHERE phone = $1;
PREPARE by_array(text[]) AS SELECT id FROM people WHERE phone = ANY ($1);
EXECUTE by_unknown('13812341234');
EXECUTE by_text('13812341234');
EXECUTE by_varchar('13812341234');
EXECUTE by_array('{13812341234}');

-- Where both meet, the result is text, and an ordinary one.
SELECT pg_typeof(CASE WHEN true THEN phone ELSE plain END) AS "case", pg_typeof(COALESCE(phone, 'x')) AS literal,
	pg_typeof(phone || 'x') AS cat, pg_typeof(lower(phone)) AS lower FROM people WHERE id = 1;
SELECT phone FROM people WHERE id = 1 UNION SELECT plain FROM people WHERE id = 3 ORDER BY 1;
SELECT phone FROM people WHERE id = 1 UNION ALL SELECT 'none';
SELECT string_agg(phone, ',' ORDER BY phone::text), max(phone), count(DISTINCT phone) FROM people;
SELECT phone::text COLLATE "C" FROM people ORDER BY phone::text COLLATE "C";
SELECT phone COLLATE "C" FROM people;
SELECT id FROM people WHERE phone = 13812341234;

\c - :dba
SET client_min_messages = warning;
DROP OWNED BY regress_masked_text_owner, regress_masked_text_low, regress_masked_text_clerk CASCADE;
SELECT csec.revoke_clearance('regress_masked_text_clerk', level => 'important');
DROP ROLE regress_masked_text_owner, regress_masked_text_low, regress_masked_text_clerk;
