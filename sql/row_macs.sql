-- Every column of every row that csec signs, altered one by one behind its back.
-- Were this to fail, one of them could be altered and the row be honoured.
\set VERBOSITY terse
SET client_min_messages = warning;
-- two values of each type, which = may take for one another but are not the same
CREATE TABLE value (type regtype PRIMARY KEY, one text, other text);
INSERT INTO value VALUES ('text', '''a''', '''a '''), ('name', '''a''', '''A'''), ('bool', 'true', 'false'), ('int2', '1', '257'), ('int4', '1', '65537'), ('int8', '1', '4294967297'), ('float8', '0', '''-0'''),
	('numeric', '1', '1.0'), ('timestamptz', '''2024-01-01Z''', '''2024-01-01 00:00:00.000001Z'''), ('date', '''2024-01-01''', '''2024-01-02'''), ('interval', '''1 day''', '''24 hours'''),
	('text[]', '''{a,b}''', '''{"a,b"}'''), ('name[]', '''{a,b}''', '''{b,a}'''), ('bytea', '''\x00''', '''\x0000'''), ('jsonb', '''{"a": 1}''', '''{"a": "1"}'''), ('oid', '1', '2'),
	('oid[]', '''{1}''', '''[0:0]={1}'''), ('int2[]', '''{1}''', '''{1,2}'''), ('regclass', '''pg_class''', '''pg_type'''), ('regrole', '10', '0'), ('regtype', '''int4''', '''int8''');
-- A row of a table, with no rule but the signature.  What altered it unnoticed.
CREATE FUNCTION unnoticed(tab regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	c record;
	came text[] := '{}';
	sound bool;
	tried int := 0;
BEGIN
	FOR c IN SELECT conname FROM pg_constraint WHERE conrelid = tab AND contype <> 'n' ORDER BY contype = 'p' LOOP
		EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', tab, c.conname);
	END LOOP;
	FOR c IN SELECT attname FROM pg_attribute WHERE attrelid = tab AND attnum > 0 AND attnotnull AND NOT attisdropped LOOP
		EXECUTE format('ALTER TABLE %s ALTER %I DROP NOT NULL', tab, c.attname);
	END LOOP;
	EXECUTE format('ALTER TABLE %s DISABLE TRIGGER ALL', tab);
	EXECUTE format('DELETE FROM %s', tab);
	EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER sign_row', tab);
	EXECUTE (SELECT format('INSERT INTO %s (%s) VALUES (%s)', tab, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum),
			-- a text of its own for each column
			string_agg(CASE WHEN a.atttypid IN ('text'::regtype, 'name'::regtype) THEN quote_literal(a.attname) ELSE coalesce(v.one || '::' || v.type, 'NULL') END, ', ' ORDER BY a.attnum))
		FROM pg_attribute a LEFT JOIN value v ON v.type = a.atttypid WHERE a.attrelid = tab AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> 'mac');
	EXECUTE format('ALTER TABLE %s DISABLE TRIGGER sign_row', tab);
	EXECUTE format('SELECT csec.row_is_sound(t) FROM %s t', tab) INTO sound;
	IF NOT sound THEN
		RAISE EXCEPTION '% is not sound as signed', tab;
	END IF;
	FOR c IN
		SELECT a.attname, b.attname AS with, w.new FROM pg_attribute a JOIN value v ON v.type = a.atttypid
			LEFT JOIN pg_attribute b ON b.attrelid = tab AND b.atttypid = a.atttypid AND b.attnum > a.attnum AND a.atttypid IN ('text'::regtype, 'name'::regtype)
			CROSS JOIN LATERAL (VALUES (v.other || '::' || v.type), ('NULL'), (CASE WHEN b.attname IS NOT NULL THEN quote_ident(b.attname) END)) w (new)
		WHERE a.attrelid = tab AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> 'mac' AND w.new IS NOT NULL
	LOOP
		BEGIN
			EXECUTE format('UPDATE %s SET %I = %s', tab, c.attname, c.new)
				-- two that change places
				|| CASE WHEN c.new = quote_ident(c.with) THEN format(', %I = %I', c.with, c.attname) ELSE '' END;
			EXECUTE format('SELECT csec.row_is_sound(t) FROM %s t', tab) INTO sound;
			tried := tried + 1;
			IF sound IS DISTINCT FROM false THEN
				came := came || format('%s := %s', c.attname, c.new);
			END IF;
			RAISE EXCEPTION USING ERRCODE = 'OK001';
		EXCEPTION WHEN SQLSTATE 'OK001' THEN
		END;
	END LOOP;
	-- of another row, another table, none
	EXECUTE format('UPDATE %s SET mac = NULL', tab);
	EXECUTE format('SELECT csec.row_is_sound(t) FROM %s t', tab) INTO sound;
	IF sound IS DISTINCT FROM false THEN
		came := came || 'mac := NULL'::text;
	END IF;
	RAISE EXCEPTION USING ERRCODE = 'OK000', MESSAGE = tried || ' ' || array_to_string(came, '; ');
EXCEPTION WHEN SQLSTATE 'OK000' THEN
	RETURN SQLERRM;
END $$;
CREATE TABLE came AS SELECT c.oid::regclass AS tab, unnoticed(c.oid) AS what FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'mac'
	WHERE c.relnamespace = 'csec'::regnamespace AND c.relkind = 'r';
SELECT count(*) > 20 AS tables, sum(split_part(what, ' ', 1)::int) > 500 AS alterations FROM came;
-- columns of types that are not above would not be tried
SELECT c.tab, a.attname, a.atttypid::regtype FROM came c JOIN pg_attribute a ON a.attrelid = c.tab AND a.attnum > 0 AND NOT a.attisdropped WHERE a.attname <> 'mac' AND NOT EXISTS (SELECT FROM value v WHERE v.type = a.atttypid);
SELECT * FROM came WHERE what !~ '^\d+ $' ORDER BY tab::text;
DROP TABLE value, came;
DROP FUNCTION unnoticed;
