-- Persons: who stands behind the logins.  Separation of duties, the customer
-- who works here, and leaving are about persons; one may have several logins,
-- and a login that nobody claimed is a person of its own.

-- Refuse, and say so in the trail: the record belongs to no transaction, so it
-- stays when the error that follows rolls everything back.
CREATE FUNCTION csec.denial(action text, object text, detail jsonb) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_denial';
REVOKE ALL ON FUNCTION csec.denial(text, text, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION csec.denial(text, text, jsonb) IS
	'internal: put a denial into the trail, which no rollback takes back';

-- Texts that a record or a message only quotes.  Never cut without saying so.
CREATE FUNCTION csec.shortened(value text, most int DEFAULT 1000) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
		SELECT CASE WHEN length(value) > most THEN left(value, most) || format('... [%s more characters]', length(value) - most) ELSE value END
	$$;
REVOKE ALL ON FUNCTION csec.shortened(text, int) FROM PUBLIC;
COMMENT ON FUNCTION csec.shortened(text, int) IS 'internal: the beginning of a text, and how much there was behind it';

CREATE FUNCTION csec.refuse(action text, object text, message text, hint text, code text DEFAULT 'insufficient_privilege') RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM csec.denial(action, coalesce(csec.shortened(object), ''), jsonb_build_object('why', csec.shortened(message), 'policy', csec.policy_version()));
	RAISE EXCEPTION '%', csec.shortened(message) USING ERRCODE = code, HINT = hint;
END
$$;
REVOKE ALL ON FUNCTION csec.refuse(text, text, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.refuse(text, text, text, text, text) IS
	'internal: refuse an act, and put that on record';

-- The version of the policy: how often it was changed.  Not transactional, so
-- that no two states have one number.
CREATE SEQUENCE csec.policy_changes;
REVOKE ALL ON SEQUENCE csec.policy_changes FROM PUBLIC;
COMMENT ON SEQUENCE csec.policy_changes IS 'counts the changes of policy: the version that workflow records name';
SELECT pg_catalog.pg_extension_config_dump('csec.policy_changes', '');

CREATE FUNCTION csec.policy_version() RETURNS int8
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$ SELECT last_value FROM csec.policy_changes $$;
REVOKE ALL ON FUNCTION csec.policy_version() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.policy_version() TO csec_admin, csec_officer, csec_auditor;
COMMENT ON FUNCTION csec.policy_version() IS 'the version of the policy: it grows with each change of levels, categories, clearances, protection and rules';

CREATE FUNCTION csec.policy_counted() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM nextval('csec.policy_changes');
	RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION csec.policy_counted() FROM PUBLIC;
COMMENT ON FUNCTION csec.policy_counted() IS 'trigger of the policy tables: the policy has another version';

-- Each changed row as a control record; the argument names the column that
-- says what the row is about.
CREATE FUNCTION csec.row_recorded() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	act text := lower(TG_OP) || ' ' || TG_TABLE_NAME;
	was jsonb;
	made jsonb;
BEGIN
	IF TG_OP = 'TRUNCATE' THEN
		PERFORM csec.control(act, format('%I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME), '{}');
		RETURN NULL;
	END IF;
	IF TG_OP <> 'INSERT' THEN
		was := to_jsonb(OLD) - 'mac';
	END IF;
	IF TG_OP <> 'DELETE' THEN
		made := to_jsonb(NEW) - 'mac';
	END IF;
	PERFORM csec.control(act, coalesce(made, was) ->> TG_ARGV[0],
		jsonb_strip_nulls(jsonb_build_object('old', was, 'new', made)));
	RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION csec.row_recorded() FROM PUBLIC;
COMMENT ON FUNCTION csec.row_recorded() IS 'trigger: each changed row is a control record';

CREATE TABLE csec.person (
	id			text PRIMARY KEY CHECK (id ~ '^[A-Za-z0-9][A-Za-z0-9_.@-]{0,62}$'),
	name		text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
	department	text CHECK (length(department) <= 200),
	post		text CHECK (length(post) <= 200),
	manager		text CHECK (manager <> id),
	state		text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'suspended', 'left')),
	since		timestamptz NOT NULL DEFAULT statement_timestamp()
);
COMMENT ON TABLE csec.person IS 'the people behind the logins';
COMMENT ON COLUMN csec.person.id IS 'number or name in the personnel register';
COMMENT ON COLUMN csec.person.manager IS 'the person whom this one reports to';
COMMENT ON COLUMN csec.person.state IS 'active; suspended: may decide nothing and sees nothing in clear; left';
COMMENT ON COLUMN csec.person.since IS 'since when the state is this';
SELECT pg_temp.sign_rows('csec.person');

-- No foreign keys: pg_restore --jobs loads the tables in any order.
CREATE TABLE csec.person_login (
	role		regrole PRIMARY KEY,
	person		text NOT NULL
);
CREATE INDEX person_login_person ON csec.person_login (person);
COMMENT ON TABLE csec.person_login IS 'which login is whose; one person may have several';
SELECT pg_temp.sign_rows('csec.person_login');

CREATE TABLE csec.person_customer (
	person		text,
	relid		regclass,
	subject		text NOT NULL,
	PRIMARY KEY (person, relid)
);
COMMENT ON TABLE csec.person_customer IS 'the persons who are customers themselves, and as which';
COMMENT ON COLUMN csec.person_customer.relid IS 'the protected table of customers';
COMMENT ON COLUMN csec.person_customer.subject IS 'the own customer number, as csec.subject_key() writes it';
SELECT pg_temp.sign_rows('csec.person_customer');

DO $$
DECLARE
	t record;
BEGIN
	FOR t IN SELECT * FROM (VALUES ('person', 'id'), ('person_login', 'role'), ('person_customer', 'person')) v (name, object) LOOP
		PERFORM pg_temp.record_rows(format('csec.%I', t.name), t.object);
		EXECUTE format('GRANT SELECT ON csec.%I TO csec_admin, csec_auditor, csec_officer, csec_backup', t.name);
	END LOOP;
	FOR t IN SELECT unnest(ARRAY['person', 'person_login']) AS name LOOP
		PERFORM pg_temp.add_trigger(format('csec.%I', t.name), 'policy_changed', 'AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s FOR EACH STATEMENT', 'policy_changed()');
	END LOOP;
	FOR t IN SELECT unnest(ARRAY['level', 'category', 'clearance', 'default_reason', 'protected_table', 'protected_field']) AS name LOOP
		PERFORM pg_temp.count_policy(format('csec.%I', t.name));
	END LOOP;
END
$$;
SELECT pg_catalog.pg_extension_config_dump('csec.person', '');
SELECT pg_catalog.pg_extension_config_dump('csec.person_login',
	'WHERE EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = role)');
SELECT pg_catalog.pg_extension_config_dump('csec.person_customer',
	'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relid)');

-- A login that is nobody's is a person of its own.  No id of a person has a colon.
CREATE FUNCTION csec.person_of(role regrole) RETURNS text
	LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
		SELECT coalesce((SELECT l.person FROM csec.person_login l WHERE l.role = person_of.role),
			(SELECT 'login:' || r.rolname FROM pg_roles r WHERE r.oid = person_of.role))
	$$;
REVOKE ALL ON FUNCTION csec.person_of(regrole) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.person_of(regrole) TO csec_admin, csec_officer, csec_auditor;
COMMENT ON FUNCTION csec.person_of(regrole) IS 'the person whose login it is; login:NAME for one that is nobody''s';

CREATE FUNCTION csec.logins_of(person text) RETURNS regrole[]
	LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
		SELECT coalesce(array_agg(r.oid::regrole ORDER BY r.rolname), '{}') FROM pg_roles r
			WHERE csec.person_of(r.oid::regrole) = person
	$$;
REVOKE ALL ON FUNCTION csec.logins_of(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.logins_of(text) TO csec_admin, csec_officer, csec_auditor;
COMMENT ON FUNCTION csec.logins_of(text) IS 'the logins of a person';

CREATE FUNCTION csec.person_is_active(person text) RETURNS bool
	LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
		SELECT coalesce((SELECT p.state = 'active' FROM csec.person p WHERE p.id = person),
			-- of a login that is nobody's PostgreSQL says whether he has left
			EXISTS (SELECT FROM pg_roles r WHERE 'login:' || r.rolname = person AND r.rolcanlogin))
	$$;
REVOKE ALL ON FUNCTION csec.person_is_active(text) FROM PUBLIC;
COMMENT ON FUNCTION csec.person_is_active(text) IS 'internal: may the person act: not suspended, not left';

-- A row behind csec's back could make one person two, or another customer.
CREATE FUNCTION csec.person_is_sound(person text, login regrole) RETURNS bool
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		SELECT NOT EXISTS (SELECT FROM csec.person_login l WHERE (l.role = login OR l.person = person_is_sound.person) AND NOT csec.row_is_sound(l))
			AND NOT EXISTS (SELECT FROM csec.person p WHERE p.id = person AND NOT csec.row_is_sound(p))
			AND NOT EXISTS (SELECT FROM csec.person_customer c WHERE c.person = person_is_sound.person AND NOT csec.row_is_sound(c))
	$$;
REVOKE ALL ON FUNCTION csec.person_is_sound(text, regrole) FROM PUBLIC;
COMMENT ON FUNCTION csec.person_is_sound(text, regrole) IS 'internal: is what is known of a person as csec left it?';

CREATE FUNCTION csec.lock_name(name text, alone bool) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_lock_name';
REVOKE ALL ON FUNCTION csec.lock_name(text, bool) FROM PUBLIC;
COMMENT ON FUNCTION csec.lock_name(text, bool) IS
	'internal: a lock on a name until the end of the transaction, alone or shared; no pg_advisory_lock() is in its way';

CREATE FUNCTION csec.try_lock_name(name text) RETURNS boolean
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'csec_try_lock_name';
REVOKE ALL ON FUNCTION csec.try_lock_name(text) FROM PUBLIC;
COMMENT ON FUNCTION csec.try_lock_name(text) IS
	'internal: csec.lock_name() alone; false, and no wait, where somebody has the lock';

-- While somebody acts, or is given something, nobody suspends him or sends him
-- off: what he got a moment before would stay.  The lock of who acts comes
-- ahead of all others, so that nobody waits for who waits for him.
CREATE FUNCTION csec.hold_person(person text) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM csec.lock_name('person ' || person, false);
	-- nor does a superuser's UPDATE come in between
	IF NOT current_setting('transaction_read_only')::bool THEN
		PERFORM FROM csec.person p WHERE p.id = person FOR SHARE;
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.hold_person(text) FROM PUBLIC;
COMMENT ON FUNCTION csec.hold_person(text) IS 'internal: the state of a person stays as it is to the end of the transaction';

CREATE FUNCTION csec.stop_person(action text, person text) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET lock_timeout = '10s' AS $$
BEGIN
	PERFORM csec.lock_name('person ' || person, true);
EXCEPTION WHEN lock_not_available THEN
	PERFORM csec.refuse(action, person, 'the person is acting just now', 'Try again, or terminate his sessions first.', 'lock_not_available');
END
$$;
REVOKE ALL ON FUNCTION csec.stop_person(text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.stop_person(text, text) IS 'internal: wait until a person has done what he is at, and let him begin nothing until the end of the transaction';

-- Who is put in charge of something does not leave at the same instant: what
-- others have to take over from him is looked for when he leaves.
CREATE FUNCTION csec.may_be_charged(person text) RETURNS bool
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM csec.hold_person(person);
	RETURN csec.person_is_active(person);
END
$$;
REVOKE ALL ON FUNCTION csec.may_be_charged(text) FROM PUBLIC;
COMMENT ON FUNCTION csec.may_be_charged(text) IS 'internal: is a person active, and stays so to the end of the transaction?';

-- Under another isolation level all that follows would go by what was so when
-- the transaction began: a delegation, a rule, a suspension since would not count.
CREATE FUNCTION csec.need_now(action text, object text) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT csec.sees_now() THEN
		PERFORM csec.refuse(action, object, 'this is decided by what is so now, which isolation level READ COMMITTED alone shows',
			'Call it in a transaction of its own: BEGIN ISOLATION LEVEL READ COMMITTED.', 'invalid_transaction_state');
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.need_now(text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.need_now(text, text) IS 'internal: refuses to decide by the snapshot of a transaction that began earlier';

-- Who acts: a person who may.  Every function of the workflows begins with it.
CREATE FUNCTION csec.acting_person(action text, object text) RETURNS text
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text;
BEGIN
	PERFORM csec.need_now(action, object);
	who := csec.current_person();
	IF who IS NULL AND csec.is_pool_role(csec.login()) THEN
		PERFORM csec.refuse(action, object, 'nobody acts here: several people share the login, and none has logged in in this transaction',
			'Begin it with csec.login(token).');
	END IF;
	IF who IS NULL OR csec.reader() IS NULL THEN
		PERFORM csec.refuse(action, object, 'nobody acts here: the login does not hold the role that it acts as',
			'Log in as a role of your own.');
	END IF;
	PERFORM csec.hold_person(who);
	IF NOT csec.person_is_sound(who, csec.login()) THEN
		PERFORM csec.refuse(action, object, 'what is known of the person was changed behind csec''s back', 'See csec.unsound_rows.');
	END IF;
	IF NOT csec.person_is_active(who) THEN
		PERFORM csec.refuse(action, object, 'a person who is suspended or has left may not act',
			'Ask the security officer.');
	END IF;
	RETURN who;
END
$$;
REVOKE ALL ON FUNCTION csec.acting_person(text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.acting_person(text, text) IS 'internal: the person who acts, if he may';

-- Nobody arranges who he is: with a login moved to another person he could
-- approve himself.  A superuser could not be stopped, and is on record.
CREATE FUNCTION csec.check_other_person(action text, person text, role regrole DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := csec.acting_person(action, person);
BEGIN
	IF NOT csec.is_superuser(csec.login()) AND (who = person OR role = csec.login() OR csec.person_of(role) = who) THEN
		PERFORM csec.refuse(action, person, 'what is said of a person must be said by another one',
			'Ask another member of csec_admin or csec_officer.');
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.check_other_person(text, text, regrole) FROM PUBLIC;
COMMENT ON FUNCTION csec.check_other_person(text, text, regrole) IS 'internal: refuses to arrange who one is oneself';

CREATE FUNCTION csec.check_person(action text, id text) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM csec.person p WHERE p.id = check_person.id) THEN
		PERFORM csec.refuse(action, id, format('person "%s" does not exist', id), 'See csec.person.', 'undefined_object');
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.check_person(text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.check_person(text, text) IS 'internal: refuses a person who does not exist';

-- A chain of managers that comes back to its beginning.
CREATE FUNCTION csec.check_manager(id text, manager text) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	above text := manager;
BEGIN
	IF manager IS NULL THEN
		RETURN;
	END IF;
	PERFORM csec.check_person('change_person', manager);
	WHILE above IS NOT NULL LOOP
		IF above = id THEN
			PERFORM csec.refuse('change_person', id, 'a person cannot be above himself', 'Name another manager.', 'invalid_parameter_value');
		END IF;
		SELECT p.manager INTO above FROM csec.person p WHERE p.id = above;
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.check_manager(text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.check_manager(text, text) IS 'internal: refuses a manager who does not exist or is below';

CREATE FUNCTION csec.register_person(id text, name text, department text DEFAULT NULL, post text DEFAULT NULL, manager text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM csec.acting_person('register_person', id);
	PERFORM csec.check_manager(id, manager);
	INSERT INTO csec.person (id, name, department, post, manager)
		VALUES (register_person.id, register_person.name, register_person.department, register_person.post, register_person.manager);
END
$$;
REVOKE ALL ON FUNCTION csec.register_person(text, text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.register_person(text, text, text, text, text) TO csec_admin, csec_officer;
COMMENT ON FUNCTION csec.register_person(text, text, text, text, text) IS 'enter a person; logins by csec.assign_login()';

CREATE FUNCTION csec.change_person(id text, name text DEFAULT NULL, department text DEFAULT NULL, post text DEFAULT NULL, manager text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM csec.check_person('change_person', id);
	PERFORM csec.check_other_person('change_person', id);
	PERFORM csec.check_manager(id, manager);
	UPDATE csec.person p SET name = coalesce(change_person.name, p.name), department = coalesce(change_person.department, p.department),
			post = coalesce(change_person.post, p.post), manager = coalesce(change_person.manager, p.manager)
		WHERE p.id = change_person.id;
END
$$;
REVOKE ALL ON FUNCTION csec.change_person(text, text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.change_person(text, text, text, text, text) TO csec_admin, csec_officer;
COMMENT ON FUNCTION csec.change_person(text, text, text, text, text) IS 'change what is known of a person; null leaves it as it is';

CREATE FUNCTION csec.set_person_state(id text, state text, reason text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM csec.check_person('set_person_state', id);
	PERFORM csec.check_other_person('set_person_state', id);
	IF state NOT IN ('active', 'suspended') THEN
		PERFORM csec.refuse('set_person_state', id, 'a person is made active or suspended',
			'csec.offboard() is for one who leaves.', 'invalid_parameter_value');
	END IF;
	PERFORM csec.check_reason('set_person_state', id, reason);
	PERFORM csec.stop_person('set_person_state', id);
	UPDATE csec.person p SET state = set_person_state.state, since = clock_timestamp() WHERE p.id = set_person_state.id;
	IF state = 'suspended' THEN
		PERFORM csec.suspend_permits(id, reason);
	END IF;
	PERFORM csec.control('set_person_state', id, jsonb_build_object('state', state, 'reason', reason, 'policy', csec.policy_version()));
END
$$;
REVOKE ALL ON FUNCTION csec.set_person_state(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.set_person_state(text, text, text) TO csec_admin, csec_officer;
COMMENT ON FUNCTION csec.set_person_state(text, text, text) IS 'suspend a person or make him active again; while suspended he decides nothing, and neither his clearances nor his permits, which are suspended with him, show anything';

CREATE FUNCTION csec.check_reason(action text, object text, reason text) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT csec.states(reason, 1000) OR reason ~ '[[:cntrl:]]' THEN
		PERFORM csec.refuse(action, object, 'a reason of 1 to 1000 characters in one line is needed', 'Say why.', 'invalid_parameter_value');
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.check_reason(text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.check_reason(text, text, text) IS 'internal: refuses a reason that is none';

CREATE FUNCTION csec.assign_login(person text, role regrole) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM csec.check_person('assign_login', person);
	IF role IS NULL OR NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = role AND (r.rolcanlogin OR r.rolname !~ '^(csec|pg)_')) THEN
		PERFORM csec.refuse('assign_login', person, 'the login does not exist', 'Name a role that he logs in with.', 'undefined_object');
	END IF;
	IF csec.is_pool_role(role) THEN
		PERFORM csec.refuse('assign_login', person, 'several people share the login', 'They say who they are by csec.login(token).', 'object_not_in_prerequisite_state');
	END IF;
	PERFORM csec.check_other_person('assign_login', person, role);
	-- who leaves just now leaves with this login, or has left; what it is being given is given before
	PERFORM csec.hold_person(person);
	PERFORM csec.stop_person('assign_login', csec.person_of(role));
	-- a dropped role's number may be another's by now
	DELETE FROM csec.person_login l WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = l.role);
	INSERT INTO csec.person_login AS l (role, person) VALUES (assign_login.role, assign_login.person)
		ON CONFLICT ON CONSTRAINT person_login_pkey DO UPDATE SET person = EXCLUDED.person;
END
$$;
REVOKE ALL ON FUNCTION csec.assign_login(text, regrole) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.assign_login(text, regrole) TO csec_admin, csec_officer;
COMMENT ON FUNCTION csec.assign_login(text, regrole) IS 'say whose login it is; not for one''s own';

CREATE FUNCTION csec.release_login(role regrole) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM csec.check_other_person('release_login', csec.person_of(role), role);
	PERFORM csec.stop_person('release_login', csec.person_of(role));
	DELETE FROM csec.person_login l WHERE l.role = release_login.role;
	IF NOT FOUND THEN
		PERFORM csec.refuse('release_login', role::text, 'the login is nobody''s', 'See csec.person_login.', 'undefined_object');
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.release_login(regrole) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.release_login(regrole) TO csec_admin, csec_officer;
COMMENT ON FUNCTION csec.release_login(regrole) IS 'a login is nobody''s any more, and so a person of its own';

CREATE FUNCTION csec.set_own_customer(person text, tab regclass, subject text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM csec.check_person('set_own_customer', person);
	PERFORM csec.check_other_person('set_own_customer', person);
	IF NOT EXISTS (SELECT FROM csec.protected_table t WHERE t.relid = tab) THEN
		PERFORM csec.refuse('set_own_customer', person, format('"%s" is not protected', tab), 'Name a protected table of customers.', 'object_not_in_prerequisite_state');
	END IF;
	-- a permit that he is being given is among those below, or made with this
	PERFORM csec.stop_person('set_own_customer', person);
	DELETE FROM csec.person_customer c WHERE c.person = set_own_customer.person AND c.relid = tab;
	IF subject IS NOT NULL THEN
		INSERT INTO csec.person_customer (person, relid, subject)
			VALUES (set_own_customer.person, tab, (csec.subjects_as_filed('set_own_customer', tab, ARRAY[set_own_customer.subject]))[1]);
	END IF;
	-- nor is he shown by a permit that he has already
	UPDATE csec.access_permit p SET not_subjects = csec.own_subjects(set_own_customer.person, p.relid)
		WHERE (p.login = ANY (csec.logins_of(set_own_customer.person)) OR p.person = set_own_customer.person)
			AND p.not_subjects IS DISTINCT FROM csec.own_subjects(set_own_customer.person, p.relid);
END
$$;
REVOKE ALL ON FUNCTION csec.set_own_customer(text, regclass, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.set_own_customer(text, regclass, text) TO csec_admin, csec_officer;
COMMENT ON FUNCTION csec.set_own_customer(text, regclass, text) IS 'as which customer a person is in a protected table; null: as none';
