-- Odd texts in every text argument of every function and procedure of csec that
-- is not internal, as the catalog has them: one that comes is tried, too.
-- Were this to fail, a text would be kept in part without saying so, break
-- something, or fill the trail with whatever somebody sends.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_odd LOGIN;
CREATE ROLE regress_odd_clerk LOGIN;
DO $$ DECLARE r name; BEGIN
	FOR r IN SELECT rolname FROM pg_roles WHERE rolname LIKE 'csec\_%' AND NOT rolcanlogin LOOP EXECUTE format('GRANT %I TO regress_odd', r); END LOOP;
END $$;
CREATE TABLE cust (id int PRIMARY KEY, name text, phone text);
INSERT INTO cust VALUES (42, 'Zhang Wei', '13812345678');
SELECT csec.protect('cust', 'id', '{"name": "person_name", "phone": "phone"}');
ALTER TABLE cust OWNER TO regress_odd;
GRANT SELECT ON cust TO PUBLIC;

-- something in every state for whatever may be done to it; of one number all
INSERT INTO csec.person (id, name) VALUES ('p1', 'Li Na'), ('p2', 'Wang Wei'), ('p3', 'Zhao Lei');
INSERT INTO csec.person_login VALUES ('regress_odd_clerk', 'p2');
INSERT INTO csec.incident (id, state, kind, title, discovered_at, reported_by, changed_by)
	SELECT n, s, 'leak', 'x', now(), 'p1', 'p1' FROM unnest(ARRAY['reported', 'triaged', 'confirmed', 'contained', 'notified', 'recovered', 'lessons']) WITH ORDINALITY u (s, n);
INSERT INTO csec.incident_report (incident, regime, recipient, by, reference) SELECT 4, r, 'authority', 'p1', 'x' FROM unnest(ARRAY['pipl', 'cn_network']) r;
INSERT INTO csec.incident_subject (incident, relid, subject, revealed) VALUES (3, 'cust', '42', '{name}');
INSERT INTO csec.incident_notice (incident, relid, subject) VALUES (3, 'cust', '42');
INSERT INTO csec.evidence_hold (id, reason, placed_by) VALUES (1, 'x', 'p1');
INSERT INTO csec.alert (id, kind, key, severity, at, last_at) VALUES (1, 'watched', 'x', 'major', now(), now());
INSERT INTO csec.checklist (name, title, every) VALUES ('odd', 'Odd', '1 month');
INSERT INTO csec.checklist_item (checklist, item, position, question) VALUES ('odd', 'one', 1, 'One?');
INSERT INTO csec.review (id, state, checklist, period_from, period_to, due, owner, reviewer, planned_by, changed_by)
	SELECT n, s, 'odd', 'yesterday', now(), now() + interval '1 day', 'p1', 'login:regress_odd', 'p1', 'p1'
	FROM unnest(ARRAY['planned', 'in_progress', 'in_progress', 'findings_open', 'verified']) WITH ORDINALITY u (s, n);
INSERT INTO csec.review_answer (review, item, answer, live, by) VALUES (3, 'one', 'no', false, 'p1');
INSERT INTO csec.review_sample (review, number, seq) VALUES (2, 1, 1);
INSERT INTO csec.review_finding (id, review, state, severity, finding, fixer, due, found_by, fixed_by) VALUES
	(1, 4, 'open', 'minor', 'x', 'login:regress_odd', now(), 'p1', NULL), (2, 4, 'fixed', 'minor', 'x', 'p1', now(), 'p1', 'p1'), (3, 3, 'open', 'minor', 'x', 'p1', now(), 'p1', NULL);
INSERT INTO csec.access_request (id, state, person, login, relid, fields, level, subjects, max_rows, purpose, lasting, valid_from, valid_until, changed_by, kind, review, review_by, submitted_at)
	VALUES (1, 'draft', 'login:regress_odd', 'regress_odd', 'cust', '{phone}', 'important', '{42}', 9, 'x', '1 hour', NULL, NULL, 'p1', 'request', NULL, NULL, NULL),
		(2, 'submitted', 'p2', 'regress_odd_clerk', 'cust', '{phone}', 'important', '{42}', 9, 'x', '1 hour', NULL, NULL, 'p2', 'request', NULL, NULL, now()),
		(3, 'active', 'p2', 'regress_odd_clerk', 'cust', '{phone}', 'important', '{42}', 9, 'x', '1 hour', now(), now() + interval '1 hour', 'p2', 'request', NULL, NULL, now()),
		(4, 'suspended', 'p2', 'regress_odd_clerk', 'cust', '{phone}', 'important', '{42}', 9, 'x', '1 hour', now(), now() + interval '1 hour', 'p2', 'request', NULL, NULL, now()),
		(5, 'active', 'p2', 'regress_odd_clerk', 'cust', '{phone}', 'important', '{42}', 9, 'x', '1 hour', now(), now() + interval '1 hour', 'p2', 'break_glass', 'open', now() + interval '1 day', now());

-- what is stored has its end wherever it has its beginning
CREATE FUNCTION whole(t text) RETURNS bool LANGUAGE sql IMMUTABLE AS
	$$ SELECT length(t) - length(replace(t, 'BEG', '')) = length(t) - length(replace(t, 'END', '')) OR t ~ 'more characters\]' $$;
CREATE FUNCTION check_whole() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	IF NOT public.whole(NEW::text) THEN
		RAISE EXCEPTION 'cut in %', TG_TABLE_NAME USING ERRCODE = 'XX999';
	END IF;
	PERFORM set_config('odd.stored', 'yes', true);
	RETURN NULL;
END $$;
GRANT EXECUTE ON FUNCTION whole(text), check_whole() TO PUBLIC;
DO $$ DECLARE t regclass; BEGIN
	FOR t IN SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'csec'::regnamespace AND c.relkind = 'r' LOOP
		EXECUTE format('CREATE TRIGGER odd AFTER INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION check_whole()', t);
	END LOOP;
END $$;

-- what is passed for the other arguments: by function and name, by name, by type
CREATE TABLE passed (func name, arg name, typ text, value text);
INSERT INTO passed VALUES
	(NULL, NULL, 'regclass', '''cust'''), (NULL, NULL, 'regrole', '''regress_odd_clerk'''), (NULL, NULL, 'bool', 'true'), (NULL, NULL, 'int4', '1'), (NULL, NULL, 'int8', '1'),
	(NULL, NULL, 'timestamptz', 'now() + interval ''1 hour'''), (NULL, NULL, 'interval', '''1 hour'''), (NULL, NULL, 'jsonb', '''{}'''), (NULL, NULL, 'text', '''x'''), (NULL, NULL, 'name', '''phone'''),
	(NULL, NULL, 'masked', '''x'''), (NULL, NULL, 'encrypted', '''x'''), (NULL, NULL, '_text', '''{42}'''), (NULL, NULL, '_name', '''{phone}'''), (NULL, NULL, 'bytea', 'decode(repeat(''11'', 32), ''hex'')'), (NULL, NULL, 'date', 'current_date'),
	(NULL, 'kind', NULL, '''misuse'''), (NULL, 'verdict', NULL, '''justified'''), (NULL, 'decision', NULL, '''keep'''), (NULL, 'conclusion', NULL, '''unsatisfactory'''),
	(NULL, 'state', NULL, '''active'''), (NULL, 'severity', NULL, '''minor'''), (NULL, 'answer', NULL, '''yes'''), (NULL, 'item', NULL, '''one'''), (NULL, 'checklist', NULL, '''odd'''),
	(NULL, 'handler', NULL, '''p3'''), (NULL, 'owner', NULL, '''p1'''), (NULL, 'reviewer', NULL, '''p3'''), (NULL, 'fixer', NULL, '''p3'''), (NULL, 'person', NULL, '''p2'''),
	(NULL, 'regime', NULL, '''gdpr'''), (NULL, 'recipient', NULL, '''authority'''), (NULL, 'measure', NULL, '''training'''), (NULL, 'subject', NULL, '''42'''),
	(NULL, 'persons', NULL, '''{p2}'''), (NULL, 'accused', NULL, '''{p2}'''), ('register_person', 'id', NULL, '''p9'''), ('change_person', 'id', NULL, '''p2'''), ('set_person_state', 'id', NULL, '''p2'''),
	('request_access', 'lasting', NULL, '''30 minutes'''), ('set_clearance', 'level', NULL, '''general'''), ('revoke_clearance', 'level', NULL, '''general'''),
	('record_has_subject', 'record', NULL, '(SELECT l.record FROM csec_trail.audit_log l LIMIT 1)'), ('record_names', 'record', NULL, '(SELECT l.record FROM csec_trail.audit_log l LIMIT 1)'),
	('scope_incident', 'from_time', NULL, 'now()'), ('scope_incident', 'to_time', NULL, 'now() + interval ''1 hour'''),
	('add_scope', 'from_time', NULL, 'now()'), ('add_scope', 'to_time', NULL, 'now() + interval ''1 hour'''), ('offboard', 'person', NULL, '''p3'''),
	('note_notice', 'sent', NULL, 'false'), ('note_notice', 'error', NULL, '''x'''), ('protect', 'fields', NULL, '''{"name": "person_name"}''');
GRANT SELECT ON passed TO PUBLIC;
CREATE TABLE odd (kind text, value text);
INSERT INTO odd VALUES
	('markup', 'BEG<script>alert("x")</script><img src=x onerror=''y''>''; DROP TABLE cust; --%s%1$s %I $1 $(id) `id` \ {,} &amp; ]]> ' || U&'\202E\2066\200B\FEFF\+01F600' || 'END'),
	('control', 'BEG' || (SELECT string_agg(chr(c), '') FROM generate_series(1, 31) c) || chr(127) || chr(133) || 'END'),
	('script', 'BEG<script>''; --%s\ ' || U&'\202E' || 'END'), ('9000', 'BEG' || repeat('y', 9000) || 'END'), ('900', 'BEG' || repeat('字', 900) || 'END'), ('1 MB', 'BEG' || repeat('长', 350000) || 'END'), ('blank', E' ');
GRANT SELECT ON odd TO PUBLIC;

-- a function with one odd argument, and the optional ones only where they are named above; always undone
CREATE FUNCTION try(fn oid, arg text, value text, id int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	call text;
	state text;
	said text;
	stored bool;
BEGIN
	SELECT format(CASE p.prokind WHEN 'p' THEN 'CALL %s(%s)' ELSE 'SELECT count(*) FROM %s(%s) x' END, fn::regproc,
			string_agg(CASE WHEN p.provariadic <> 0 AND a.n = p.pronargs THEN 'VARIADIC ' ELSE '' END || format(CASE WHEN p.proargnames IS NULL THEN '%2$s' ELSE '%1$I => %2$s' END, a.name,
			CASE WHEN a.name = arg THEN CASE t.typname WHEN '_text' THEN 'ARRAY[$1]' WHEN '_name' THEN 'ARRAY[$1]::name[]' WHEN 'jsonb' THEN 'jsonb_build_object($1, $1)' ELSE '$1::' || a.type::regtype END
				WHEN a.name IN ('id', 'incident') AND t.typname IN ('int8', 'int4') THEN id::text
				ELSE v.value || '::' || a.type::regtype END), ', ' ORDER BY a.n))
		INTO call
		FROM pg_proc p, LATERAL (SELECT coalesce(u.name, 'argument ' || u.n) AS name, u.type, u.n FROM unnest(p.proargnames[1:p.pronargs], p.proargtypes::oid[]) WITH ORDINALITY u (name, type, n)) a
			JOIN pg_type t ON t.oid = a.type
			LEFT JOIN LATERAL (SELECT q.value, q.func IS NOT NULL AS meant FROM public.passed q
				WHERE coalesce(q.func = p.proname, true) AND coalesce(q.arg = a.name, true) AND coalesce(q.typ = t.typname, true)
				ORDER BY q.func IS NULL, q.arg IS NULL, q.typ IS NULL LIMIT 1) v ON true
		WHERE p.oid = fn AND (a.name = arg OR a.n <= p.pronargs - p.pronargdefaults OR v.meant) GROUP BY p.prokind;
	PERFORM set_config('odd.stored', '', true);
	BEGIN
		EXECUTE call USING value;
		stored := current_setting('odd.stored') = 'yes';
		RAISE EXCEPTION USING ERRCODE = 'OK000';
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, said = MESSAGE_TEXT;
	END;
	RETURN CASE WHEN state = 'OK000' THEN CASE WHEN stored THEN 'stored' ELSE 'done' END
		-- what no function means to say: internal errors, limits of the server's own, values cut by a type
		WHEN state ~ '^(XX|5[34]|P0004|22001|42(601|883|804|P))' THEN 'BROKEN ' || state || ' ' || left(said, 100)
		ELSE 'refused' END;
END $$;
GRANT EXECUTE ON FUNCTION try(oid, text, text, int) TO PUBLIC;

CREATE TABLE tried (func text, arg text, kind text, came text);
GRANT ALL ON tried TO PUBLIC;
SELECT coalesce(max(seq), 0) AS before FROM csec_trail.audit_log \gset
\c - regress_odd
SET client_min_messages = error;
DO $$
DECLARE
	f record;
	-- the one of those above that most could be done to
	good int;
BEGIN
	FOR f IN SELECT p.oid, p.oid::regprocedure::text AS name, p.pronargs, p.proargnames, p.proargtypes::oid[] AS types FROM pg_proc p
		WHERE p.pronamespace = 'csec'::regnamespace AND p.prokind IN ('f', 'p') AND has_function_privilege(p.oid, 'EXECUTE')
			AND coalesce(obj_description(p.oid, 'pg_proc'), '') !~ '^internal' AND p.prorettype <> 'trigger'::regtype
			AND p.proargtypes::oid[] && ARRAY['text', 'text[]', 'name', 'name[]', 'jsonb']::regtype[]::oid[] ORDER BY 2
	LOOP
		good := 1;
		IF f.proargnames && '{id,incident}' THEN
			SELECT n INTO good FROM generate_series(1, 7) n ORDER BY public.try(f.oid, NULL, NULL, n) NOT IN ('stored', 'done'), n LIMIT 1;
		END IF;
		INSERT INTO public.tried SELECT f.name, u.name, o.kind, public.try(f.oid, u.name, o.value, good)
			FROM (SELECT coalesce(a.name, 'argument ' || a.n), a.type FROM unnest(f.proargnames[1:f.pronargs], f.types) WITH ORDINALITY a (name, type, n)) u (name, type), public.odd o WHERE u.type = ANY (ARRAY['text', 'text[]', 'name', 'name[]', 'jsonb']::regtype[])
				-- a name longer than names can be is cut by whoever makes it one
				AND (u.type NOT IN ('name'::regtype, 'name[]'::regtype) OR octet_length(o.value) < 64);
	END LOOP;
END $$;
\c - postgres
SELECT csec.flush_audit();
-- none broke anything, or was kept in part; none of 1 MB was kept, in a table or in the trail
SELECT count(DISTINCT (func, arg)) > 120 AS many, count(*) FILTER (WHERE came = 'stored') > 150 AS stored FROM tried;
SELECT func, arg, kind, came FROM tried WHERE came ~ '^BROKEN' ORDER BY 1, 2, 3;
SELECT func, arg, kind, came FROM tried WHERE came = 'stored' AND kind = '1 MB' ORDER BY 1, 2;
SELECT f.kind, f.action, left(f.object, 40) AS object, max(length(l.record)) AS longest, bool_and(whole(f::text)) AS whole
	FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) f
	WHERE l.seq > :before GROUP BY 1, 2, 3 HAVING max(length(l.record)) > 40000 OR NOT bool_and(whole(f::text)) ORDER BY 1, 2, 3;
SET client_min_messages = warning;
DROP FUNCTION check_whole() CASCADE;
SELECT csec.unprotect_all('test is over', allow_lock => true);
DROP OWNED BY regress_odd, regress_odd_clerk;
DROP ROLE regress_odd, regress_odd_clerk;
