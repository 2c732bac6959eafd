-- Were this to fail, bytes that somebody made could crash the server, or be read beyond their
-- end.  Here is what only the server parses: decoders of records, envelopes and dumped values,
-- values in text and in binary, claims about a customer, notes, anchors, signatures, proofs, keys.
-- Genuine bytes and those of tests/fuzz/corpus are read as they are, then altered at random, from
-- a seed.  A refusal has a code of its own: an internal error is none, nor a mistake in a query
-- here.  Under AddressSanitizer each byte too far is seen, too.
\getenv source PG_ABS_SRCDIR
SET client_min_messages = warning;
CREATE ROLE regress_any_backup LOGIN IN ROLE csec_backup;

SELECT csec.create_trail();
CREATE TABLE person (id int8 PRIMARY KEY, name csec.person_name, phone csec.phone, id_no csec.id_card, note text);
SELECT csec.protect('person', 'id', '{"name": "person_name", "phone": "phone", "id_no": "id_card"}');
GRANT SELECT ON person TO regress_any_backup;
INSERT INTO person SELECT i, 'zhang wei', '1380013800' || i, '11010519491231002X', 'n' FROM generate_series(1, 9) i;
UPDATE person SET phone = '13900139000', note = 'other' WHERE id < 7;
SELECT count(*) FROM person;
SELECT csec.control('test', 'object', '{"a": [1, "b"]}');
SELECT csec.flush_audit();

-- what is altered, with the kind of what reads it
CREATE TABLE genuine (kind text, bytes bytea);
GRANT INSERT ON genuine TO regress_any_backup;
INSERT INTO genuine SELECT 'record', record FROM csec_trail.audit_log UNION SELECT 'record', csec.whole_record(record) FROM csec_trail.audit_log;
INSERT INTO genuine
SELECT kind, substr(pg_read_binary_file(:'source' || '/fuzz/corpus/' || name), 2)
FROM (VALUES ('record', 'record'), ('record', 'record_of_page'), ('note', 'checkpoint'), ('note', 'note'),
	('anchor', 'anchor'), ('anchor', 'anchor_least'), ('stamp', 'stamp_token'), ('stamp', 'stamp_response')) c (kind, name);
INSERT INTO genuine SELECT 'proof', hash || string_agg(part, '' ORDER BY ordinality)
FROM csec_trail.audit_log, unnest(csec.inclusion_proof(seq, (SELECT max(seq) FROM csec_trail.audit_log))) WITH ORDINALITY p (part)
WHERE seq < 4 GROUP BY seq, hash;
INSERT INTO genuine SELECT 'subject_key', csec.generate_space(1) FROM generate_series(1, 3);
INSERT INTO genuine VALUES
	('modifier', 'phone'), ('modifier', 'plain'),
	('claims', '{"name": "zhang wei", "id_no": {"last": "002x"}, "note": {"is": "128.5", "newest_by": "id"}}'),
	('value', '13800138001'), ('value', '11010519491231002X'), ('value', '\xe5bca0e4b889');
\c - regress_any_backup
SET row_security = off;
INSERT INTO genuine SELECT 'text', (row_to_json(p) ->> 'phone')::bytea FROM (SELECT phone FROM person WHERE id < 4) p;
INSERT INTO genuine SELECT 'text', (row_to_json(p) ->> 'id_no')::bytea FROM (SELECT id_no FROM person WHERE id < 4) p;
\c - postgres
SET client_min_messages = warning;
INSERT INTO genuine SELECT 'binary', bytes FROM genuine WHERE kind IN ('text', 'value');
SET csec.probe_limit = 1000000;
SET csec.probe_quota = 1000000;
SELECT kind, count(*) > 1 AS some FROM genuine GROUP BY kind ORDER BY kind;

CREATE FUNCTION pick(n int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT floor(random() * n)::int';

-- Bytes set, cut off, put in, repeated, or another length where one may be.
CREATE FUNCTION altered(b bytea) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
	at int;
	len int;
BEGIN
	FOR i IN 0 .. pick(4) LOOP
		at := pick(length(b) + 1);
		len := pick(12);
		b := CASE pick(7)
			WHEN 0 THEN substr(b, 1, at)
			WHEN 1 THEN substr(b, 1, at) || decode(repeat('ff', len), 'hex') || substr(b, at + 1 + len)
			WHEN 2 THEN substr(b, 1, at) || decode(repeat('00', len), 'hex') || substr(b, at + 1)
			WHEN 3 THEN substr(b, 1, at) || substr(b, at + 1 + len)
			WHEN 4 THEN b || substr(b, at + 1)
			ELSE substr(b, 1, at) || decode(lpad(to_hex(pick(256)), 2, '0'), 'hex') || substr(b, at + 2)
		END;
	END LOOP;
	RETURN b;
END
$$;

-- Of the text of an envelope or a dumped value the bytes, or the text itself.
CREATE FUNCTION altered_text(b bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	prefix text := substr(encode(b, 'escape'), 1, 8);
	body text := substr(encode(b, 'escape'), 9);
BEGIN
	IF pick(4) = 0 THEN
		RETURN prefix || regexp_replace(encode(altered(body::bytea), 'escape'), '\\', '', 'g');
	END IF;
	RETURN prefix || translate(encode(altered(decode(body, 'base64')), 'base64'), E'\n', '');
END
$$;

-- Of a dumped value so that its head is right, but for its last bytes.
CREATE FUNCTION altered_field(b bytea) RETURNS bytea LANGUAGE plpgsql AS $$
BEGIN
	RETURN CASE WHEN length(b) > 20 AND pick(4) > 0 THEN altered_text(b)::bytea ELSE altered(b) END;
EXCEPTION WHEN invalid_text_representation THEN
	RETURN b;
END
$$;

-- In binary a value comes by COPY here, by drivers as parameters: 4 bytes of its length, then the value.
CREATE TABLE wire (phone csec.phone, id_no csec.id_card);
CREATE FUNCTION received(field bytea) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	path text := current_setting('data_directory') || '/any_bytes.copy';
	file oid := lo_from_bytea(0, '\x5047434f50590aff0d0a000000000000000000'::bytea || int2send(1::int2)
		|| int4send(length(field)) || field || int2send(-1::int2));
BEGIN
	PERFORM lo_export(file, path);
	IF pick(2) = 0 THEN
		SET LOCAL client_encoding = 'LATIN1';
	END IF;
	EXECUTE format('COPY wire (%s) FROM %L (FORMAT binary)', CASE pick(2) WHEN 0 THEN 'phone' ELSE 'id_no' END, path);
END
$$;

CREATE FUNCTION in_parts(b bytea) RETURNS bytea[] LANGUAGE sql AS
	'SELECT array_agg(substr(b, i, 32)) FROM generate_series(33, length(b), 32) i';

-- What reads a kind of bytes: $1 as they are, $2 as text.
CREATE TABLE reader (kind text, query text);
INSERT INTO reader VALUES
	('record', 'SELECT csec.whole_record($1)'),
	('record', 'SELECT csec.whole_record($1, missing_ok => true)'),
	('record', 'SELECT csec.record_fields($1)'),
	('record', 'SELECT count(*) FROM csec.record_changes($1)'),
	('record', 'SELECT count(*) FROM (SELECT csec.record_subjects($1) LIMIT 1000) s'),
	('record', 'SELECT csec.record_has_subject($1, ''3'')'),
	('record', 'SELECT csec.record_subject_keys($1)'),
	('record', 'SELECT csec.record_values_under($1, 1, 1)'),
	('record', 'SELECT count(*) FROM csec.open_record_changes($1)'),
	('record', 'SELECT csec.record_names($1, ''postgres'')'),
	('proof', 'SELECT csec.verify_inclusion(1, 5, substr($1, 1, 32), in_parts($1), $1)'),
	('proof', 'SELECT csec.verify_consistency(3, 5, substr($1, 1, 32), substr($1, 33, 32), in_parts($1))'),
	('subject_key', 'SELECT csec.rewrap_subject($1, 1, NULL)'),
	('subject_key', 'SELECT csec.rewrap_subject($1, 1, ''8b8fae1e-3a3b-4c8e-9d57-0d1f9c0c5a11'')'),
	('modifier', 'SELECT csec.masked_typmod_in(ARRAY[$2::cstring])'),
	('modifier', 'SELECT csec.encrypted_typmod_in(ARRAY[''phone'', $2::cstring])'),
	('binary', 'SELECT received($1)'),
	('note', 'SELECT csec.read_checkpoint($1)'),
	('note', 'SELECT csec.signature_by($1, $1, ''witness+12345678+AXp6enp6enp6enp6enp6enp6enp6enp6enp6enp6enp6'')'),
	('anchor', 'SELECT csec.read_cut($1)'),
	('stamp', 'SELECT csec.timestamp_by($1, $1, $2)'),
	('claims', 'SELECT csec.match_customer(''person'', ''1'', $2::jsonb)'),
	('claims', 'SELECT csec.detail($2)'),
	('value', 'INSERT INTO person VALUES (100, $2, $2, $2)'),
	('value', 'SELECT count(*) FROM person WHERE phone = $2 OR id_no = $2'),
	('text', 'SELECT $2::csec.masked'),
	('text', 'SELECT $2::csec.encrypted'),
	('text', 'INSERT INTO person VALUES (100, NULL, $2, $2)');

-- All of csec's functions in C that parse bytes.
SELECT p.oid::regprocedure AS not_tried FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE pronamespace = 'csec'::regnamespace AND lanname = 'c'
AND proargtypes::oid[] && ARRAY['bytea', 'bytea[]', 'cstring[]', 'json', 'jsonb']::regtype[]::oid[]
AND NOT EXISTS (SELECT FROM reader WHERE strpos(query, 'csec.' || proname || '(') > 0) ORDER BY 1;

CREATE FUNCTION tried(rounds int, OUT kind text, OUT read int, OUT refused int, OUT internal text[]) RETURNS SETOF record
	LANGUAGE plpgsql AS $$
DECLARE
	r record;
	bytes bytea;
	as_text text;
	code text;
	message text;
BEGIN
	FOR kind IN SELECT DISTINCT g.kind FROM genuine g ORDER BY 1 LOOP
		read := 0;
		refused := 0;
		internal := '{}';
		FOR i IN 1 .. rounds LOOP
			FOR r IN SELECT g.bytes, d.query FROM genuine g JOIN reader d ON d.kind = g.kind
					WHERE g.kind = tried.kind ORDER BY d.query, g.bytes OFFSET 0 LOOP
				bytes := r.bytes;
				as_text := encode(bytes, 'escape');
				IF i > 1 AND tried.kind = 'text' THEN
					as_text := altered_text(bytes);
				ELSIF i > 1 THEN
					bytes := CASE tried.kind WHEN 'binary' THEN altered_field(bytes) ELSE altered(bytes) END;
					as_text := regexp_replace(encode(bytes, 'escape'), '\\', '', 'g');
				END IF;
				BEGIN
					IF tried.kind = 'value' AND pick(2) = 0 THEN
						as_text := convert_from(bytes, 'UTF8');
					END IF;
					EXECUTE r.query USING bytes, as_text;
					read := read + 1;
					RAISE SQLSTATE 'ZZ000';
				EXCEPTION
					WHEN SQLSTATE 'ZZ000' THEN NULL;
					WHEN OTHERS THEN
						GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
						refused := refused + 1;
						IF code IN ('XX000', '42601', '42883', '42P01') AND cardinality(internal) < 5 THEN
							internal := internal || (r.query || ': ' || message || ': ' || coalesce(bytes::text, as_text));
						END IF;
				END;
			END LOOP;
		END LOOP;
		RETURN NEXT;
	END LOOP;
END
$$;
SELECT setseed(0.5) IS NOT NULL AS seeded;
SELECT kind, read > 0 AS read, refused > 0 AS refused, internal FROM tried(8);
SELECT verified, problem FROM csec.verify_trail();
DROP TABLE genuine;
DROP TABLE wire;
DROP TABLE person;
DROP ROLE regress_any_backup;
