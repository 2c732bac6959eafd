-- Destroying the key of one customer, by two persons; and the later life of
-- customers' keys.

CREATE TABLE csec.subject_destruction (
	id			int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	relid		regclass NOT NULL,
	subject		text,
	pseudonym	uuid NOT NULL,
	reason		text NOT NULL CHECK (octet_length(reason) BETWEEN 1 AND 256 AND reason !~ '[[:cntrl:]]'),
	state		text NOT NULL DEFAULT 'requested' CHECK (state IN ('requested', 'destroyed', 'withdrawn', 'lapsed')),
	requested_by text NOT NULL,
	person		text NOT NULL,
	requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	decided_by	text,
	decided_at	timestamptz
);
CREATE UNIQUE INDEX subject_destruction_open ON csec.subject_destruction (pseudonym) WHERE state = 'requested';
REVOKE ALL ON csec.subject_destruction FROM PUBLIC;
GRANT SELECT ON csec.subject_destruction TO csec_admin, csec_officer, csec_auditor;
COMMENT ON SEQUENCE csec.subject_destruction_id_seq IS 'numbers of the requests';
COMMENT ON TABLE csec.subject_destruction IS 'requests to destroy the key of one customer; the trail has them, too, so dumps leave them out';
COMMENT ON COLUMN csec.subject_destruction.id IS 'number of the request';
COMMENT ON COLUMN csec.subject_destruction.relid IS 'the table that has the customers';
COMMENT ON COLUMN csec.subject_destruction.subject IS 'the customer, while the request is open';
COMMENT ON COLUMN csec.subject_destruction.pseudonym IS 'the customer as csec.subject_key names it';
COMMENT ON COLUMN csec.subject_destruction.reason IS 'why; without personal data, as it goes into the trail';
COMMENT ON COLUMN csec.subject_destruction.state IS 'requested; destroyed; withdrawn; lapsed: nobody approved it within 48 hours';
COMMENT ON COLUMN csec.subject_destruction.requested_by IS 'the login that asked for it';
COMMENT ON COLUMN csec.subject_destruction.person IS 'the person who asked for it';
COMMENT ON COLUMN csec.subject_destruction.requested_at IS 'when';
COMMENT ON COLUMN csec.subject_destruction.decided_by IS 'the login that approved or withdrew it; null: it lapsed, or csec.apply_tombstones() found it carried out';
COMMENT ON COLUMN csec.subject_destruction.decided_at IS 'when';

-- Who asked is what the second person's approval rests on.
CREATE FUNCTION csec.destruction_rules() RETURNS trigger
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF TG_OP = 'UPDATE' AND (NEW.id, NEW.relid, NEW.pseudonym, NEW.reason, NEW.requested_by, NEW.person)
			IS NOT DISTINCT FROM (OLD.id, OLD.relid, OLD.pseudonym, OLD.reason, OLD.requested_by, OLD.person)
		AND OLD.state = 'requested' AND (NEW.subject IS NULL OR NEW.subject = OLD.subject) THEN
		RETURN NEW;
	END IF;
	PERFORM csec.control('refused ' || lower(TG_OP) || ' subject_destruction', 'csec.subject_destruction', '{}');
	RAISE EXCEPTION 'requests to destroy keys cannot be altered' USING ERRCODE = 'object_in_use',
		HINT = 'csec.withdraw_destruction() takes one back.';
END
$$;
REVOKE ALL ON FUNCTION csec.destruction_rules() FROM PUBLIC;
COMMENT ON FUNCTION csec.destruction_rules() IS 'trigger of csec.subject_destruction: what was asked for stays as it was asked for';
CREATE TRIGGER destruction_rules BEFORE UPDATE OR DELETE ON csec.subject_destruction
	FOR EACH ROW EXECUTE FUNCTION csec.destruction_rules();
CREATE TRIGGER destruction_truncated BEFORE TRUNCATE ON csec.subject_destruction
	FOR EACH STATEMENT EXECUTE FUNCTION csec.destruction_rules();
ALTER TABLE csec.subject_destruction ENABLE ALWAYS TRIGGER destruction_rules, ENABLE ALWAYS TRIGGER destruction_truncated;

CREATE FUNCTION csec.destruction_lapses() RETURNS interval
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$ SELECT interval '48 hours' $$;
REVOKE ALL ON FUNCTION csec.destruction_lapses() FROM PUBLIC;
COMMENT ON FUNCTION csec.destruction_lapses() IS 'internal: how long a request to destroy a key waits for the second person';

CREATE FUNCTION csec.lapse_destructions() RETURNS void
	LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
	UPDATE csec.subject_destruction SET state = 'lapsed', subject = NULL, decided_at = clock_timestamp()
	WHERE state = 'requested' AND requested_at <= clock_timestamp() - csec.destruction_lapses()
$$;
REVOKE ALL ON FUNCTION csec.lapse_destructions() FROM PUBLIC;
COMMENT ON FUNCTION csec.lapse_destructions() IS 'internal: requests that nobody approved in time are over';

-- The table that has the customers, and the subject as their keys go by it.
CREATE FUNCTION csec.customer_named(tab regclass, subject text, OUT customers regclass, OUT name text)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	p csec.protected_table := (SELECT t FROM csec.protected_table t WHERE t.relid = tab);
BEGIN
	customers := coalesce(p.subject_of, tab);
	IF subject IS NULL OR NOT EXISTS (SELECT FROM csec.subject_space s WHERE s.relid = customers) THEN
		RAISE EXCEPTION 'the customers of % have no keys of their own', tab
			USING ERRCODE = 'undefined_object', HINT = 'They have where the table is protected with subject_keys => true; name a customer as its key column has it.';
	END IF;
	name := csec.subject_as_filed(customers, subject);
END
$$;
REVOKE ALL ON FUNCTION csec.customer_named(regclass, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.customer_named(regclass, text) IS 'internal: whose key a table and a subject name';

-- A number as it is, any other subject by its pseudonym: this goes into the trail.
CREATE FUNCTION csec.destruction_detail(d csec.subject_destruction) RETURNS jsonb
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_strip_nulls(jsonb_build_object('request', d.id, 'pseudonym', d.pseudonym,
		'subject', CASE WHEN d.subject ~ '^-?[0-9]{1,19}$' AND EXISTS (SELECT FROM csec.protected_table t JOIN pg_attribute a
				ON a.attrelid = t.relid AND a.attname = t.subject[1]
				WHERE t.relid = d.relid AND cardinality(t.subject) = 1 AND csec.key_kind(a.atttypid) = 'integer') THEN d.subject END,
		'reason', d.reason, 'requested_by', d.requested_by))
$$;
REVOKE ALL ON FUNCTION csec.destruction_detail(csec.subject_destruction) FROM PUBLIC;
COMMENT ON FUNCTION csec.destruction_detail(csec.subject_destruction) IS 'internal: what the trail is told of a request';

-- A value whose tags are another search key's (of another database, or from before a
-- rotation) has its place in an index by what it is opened for, which nothing does any
-- more when its key is destroyed.  To rebuild all indexes for each customer would be
-- too dear, so it is said while there is time.  All values are looked at while
-- csec.key has another search key; without one only values of a key that it does not
-- know can be there: they come with a restored table, so there are many, and a sample
-- finds them.
CREATE FUNCTION csec.warn_of_other_tags(customers regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	tables text;
	sample int8 := CASE WHEN NOT EXISTS (SELECT FROM csec.key k WHERE k.purpose = 'search' AND k.state = 'decrypt_only') THEN 64 END;
BEGIN
	-- where one took the place of another that was lost, all are rebuilt
	IF EXISTS (SELECT FROM csec.index_key i WHERE i.replaced) THEN
		RETURN;
	END IF;
	SELECT string_agg(csec.qualified(t.relid), ', ' ORDER BY csec.qualified(t.relid)) INTO tables
	FROM csec.protected_table t
	WHERE coalesce(t.subject_of, t.relid) = customers AND EXISTS (
		SELECT FROM csec.parts_of(t.relid) p CROSS JOIN LATERAL csec.scan_envelopes(p, '{}', sample) s
		WHERE s.key_id IS NULL AND s.search_mark IS NOT NULL AND NOT s.current AND NOT EXISTS (
			SELECT FROM csec.key k WHERE k.purpose = 'search' AND k.state = 'active'
				AND ('x' || encode(substr(k.commitment, 1, 4), 'hex'))::bit(32)::int8 IN (s.search_mark, s.next_mark)));
	IF tables IS NOT NULL THEN
		RAISE WARNING 'values of % have tags of another search key: when keys of their customers are destroyed, look-ups may miss others', tables
			USING HINT = 'CALL csec.reencrypt(...) and REINDEX these tables before it is approved.';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.warn_of_other_tags(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.warn_of_other_tags(regclass) IS 'internal: warns where customers'' values have tags of other search keys; a look at all of them while csec.key has another one that is not destroyed, else at a sample';

CREATE FUNCTION csec.destroy_subject_key(tab regclass, subject text, reason text) RETURNS int8
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := csec.acting_person('destroy_subject_key', tab::text);
	customer record := csec.customer_named(tab, subject);
	d csec.subject_destruction;
	k csec.subject_key;
BEGIN
	PERFORM csec.need_reason(reason);
	PERFORM csec.refuse_held('destroy_subject_key', csec.qualified(customer.customers), customer.customers, customer.name);
	PERFORM csec.lapse_destructions();
	d.pseudonym := csec.subject_pseudonym(customer.customers, customer.name);
	-- an approval that is on its way comes first
	SELECT * INTO k FROM csec.subject_key o WHERE o.pseudonym = d.pseudonym FOR SHARE;
	IF k.pseudonym IS NULL AND NOT csec.is_buried(d.pseudonym) THEN
		RAISE EXCEPTION 'no customer of % goes by that key', csec.qualified(customer.customers)
			USING ERRCODE = 'undefined_object', HINT = 'Name one as its key column has it; of several columns, csec.subject_key(...). A key is made with the first change of a customer''s row.';
	ELSIF k.destroyed_at IS NOT NULL THEN
		RAISE EXCEPTION 'the key of this customer was destroyed already' USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	INSERT INTO csec.subject_destruction (relid, subject, pseudonym, reason, requested_by, person)
		VALUES (customer.customers, customer.name, d.pseudonym, reason, csec.login()::text, who)
		ON CONFLICT DO NOTHING RETURNING * INTO d;
	IF d.id IS NULL THEN
		RAISE EXCEPTION 'it is requested already to destroy the key of this customer'
			USING ERRCODE = 'duplicate_object', HINT = 'csec.subject_destruction shows it: somebody else than its requester calls csec.approve_destruction(id).';
	END IF;
	PERFORM csec.control('request destroy subject key', csec.qualified(d.relid), csec.destruction_detail(d));
	PERFORM csec.warn_of_other_tags(d.relid);
	RETURN d.id;
END
$$;
REVOKE ALL ON FUNCTION csec.destroy_subject_key(regclass, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.destroy_subject_key(regclass, text, text) TO csec_admin, csec_officer;
COMMENT ON FUNCTION csec.destroy_subject_key(regclass, text, text) IS
	'ask for the key of one customer to be destroyed: for good, in tables, trail and every backup that is restored. A second person approves it within 48 hours: csec.approve_destruction() of the number that this gives. reason: it goes into the trail, so name nobody';

-- A request that waits, for who may decide it.
CREATE FUNCTION csec.open_destruction(request int8) RETURNS csec.subject_destruction
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	d csec.subject_destruction;
BEGIN
	SELECT * INTO d FROM csec.subject_destruction o WHERE o.id = request FOR UPDATE;
	IF d.id IS NULL THEN
		RAISE EXCEPTION 'there is no request %', request USING ERRCODE = 'undefined_object', HINT = 'See csec.subject_destruction.';
	ELSIF d.state = 'requested' AND d.requested_at <= clock_timestamp() - csec.destruction_lapses() THEN
		d.state := 'lapsed';
	END IF;
	IF d.state <> 'requested' THEN
		RAISE EXCEPTION 'request % is %', request, d.state USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = CASE d.state WHEN 'lapsed' THEN 'Nobody approved it within 48 hours: ask anew with csec.destroy_subject_key().' ELSE 'See csec.subject_destruction.' END;
	END IF;
	RETURN d;
END
$$;
REVOKE ALL ON FUNCTION csec.open_destruction(int8) FROM PUBLIC;
COMMENT ON FUNCTION csec.open_destruction(int8) IS 'internal: a request that waits for its approval, locked';

CREATE FUNCTION csec.approve_destruction(request int8) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who text := csec.acting_person('approve_destruction', 'request ' || request);
	d csec.subject_destruction := csec.open_destruction(request);
BEGIN
	-- his login, too: who stands behind it may have been entered since
	IF who = d.person OR csec.login()::text = d.requested_by OR csec.person_of(to_regrole(d.requested_by)) = who THEN
		PERFORM csec.control('refused destroy subject key', csec.qualified(d.relid), csec.destruction_detail(d));
		RAISE EXCEPTION 'request % must be approved by somebody else than who made it', request
			USING ERRCODE = 'insufficient_privilege', HINT = 'A second person, a member of csec_officer or csec_admin, calls this.';
	END IF;
	PERFORM csec.refuse_held('approve_destruction', csec.qualified(d.relid), d.relid, d.subject);
	PERFORM csec.control('destroy subject key', csec.qualified(d.relid),
		csec.destruction_detail(d) || jsonb_build_object('approved_by', csec.login()::text));
	UPDATE csec.subject_key k SET wrapped = NULL, destroyed_at = clock_timestamp() WHERE k.pseudonym = d.pseudonym AND k.destroyed_at IS NULL;
	-- what may fail comes before the note, which no rollback takes back
	PERFORM csec.reorder_tags(false);
	PERFORM csec.bury(d.pseudonym);
	UPDATE csec.subject_destruction o SET state = 'destroyed', subject = NULL, decided_by = csec.login()::text, decided_at = clock_timestamp()
		WHERE o.id = d.id;
END
$$;
REVOKE ALL ON FUNCTION csec.approve_destruction(int8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.approve_destruction(int8) TO csec_admin, csec_officer;
COMMENT ON FUNCTION csec.approve_destruction(int8) IS
	'destroy the key that csec.destroy_subject_key() asked for; not by the person who asked. There is no way back';

CREATE FUNCTION csec.withdraw_destruction(request int8) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	d csec.subject_destruction;
BEGIN
	PERFORM csec.acting_person('withdraw_destruction', 'request ' || request);
	d := csec.open_destruction(request);
	-- the note outlives a crash before the commit of the approval
	IF csec.is_buried(d.pseudonym) THEN
		RAISE EXCEPTION 'request % was carried out: the key of this customer is noted as destroyed', request
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'Its approval was lost on the way to its commit: call csec.approve_destruction() once more, or csec.apply_tombstones(), which ends it.';
	END IF;
	PERFORM csec.control('withdraw destroy subject key', csec.qualified(d.relid), csec.destruction_detail(d));
	UPDATE csec.subject_destruction o SET state = 'withdrawn', subject = NULL, decided_by = csec.login()::text, decided_at = clock_timestamp()
		WHERE o.id = d.id;
END
$$;
REVOKE ALL ON FUNCTION csec.withdraw_destruction(int8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.withdraw_destruction(int8) TO csec_admin, csec_officer;
COMMENT ON FUNCTION csec.withdraw_destruction(int8) IS 'take back a request of csec.destroy_subject_key(), one''s own or another''s';

CREATE FUNCTION csec.apply_tombstones(OUT destroyed int8, OUT noted int8)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	d csec.subject_destruction;
BEGIN
	UPDATE csec.subject_key k SET wrapped = NULL, destroyed_at = clock_timestamp() FROM csec.tombstones() t (pseudonym)
		WHERE k.pseudonym = t.pseudonym AND k.destroyed_at IS NULL;
	GET DIAGNOSTICS destroyed = ROW_COUNT;
	-- approved, and lost on the way to the commit; one that is on its way ends by itself
	FOR d IN SELECT o.* FROM csec.subject_destruction o
		WHERE o.state = 'requested' AND o.pseudonym IN (SELECT t FROM csec.tombstones() t) ORDER BY o.id FOR UPDATE SKIP LOCKED
	LOOP
		PERFORM csec.control('destroy subject key', csec.qualified(d.relid), csec.destruction_detail(d) || '{"noted_before": true}');
		UPDATE csec.subject_destruction o SET state = 'destroyed', subject = NULL, decided_at = clock_timestamp() WHERE o.id = d.id;
	END LOOP;
	IF destroyed > 0 THEN
		PERFORM csec.reorder_tags(false);
	END IF;
	SELECT count(csec.bury(k.pseudonym)) INTO noted FROM csec.subject_key k
		WHERE k.destroyed_at IS NOT NULL AND NOT EXISTS (SELECT FROM csec.tombstones() t (pseudonym) WHERE t.pseudonym = k.pseudonym);
END
$$;
REVOKE ALL ON FUNCTION csec.apply_tombstones() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.apply_tombstones() TO csec_admin;
COMMENT ON FUNCTION csec.apply_tombstones() IS
	'after a restore, or on a promoted standby: takes the keys out of csec.subject_key that csec.tombstone_directory says are destroyed (they are not used anyway), and notes there those that only this database knew of; gives how many of each. Ends requests that were carried out, and whose approval was lost on the way to its commit';

CREATE FUNCTION csec.subject_key_status()
	RETURNS TABLE (relid regclass, customers int8, destroyed int8, last_destroyed_at timestamptz, noted int8, trouble text)
	LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	WITH seen AS MATERIALIZED (SELECT * FROM csec.tombstones_seen()), note AS MATERIALIZED (SELECT unnest(s.pseudonyms) AS pseudonym FROM seen s)
	SELECT s.relid, count(k.pseudonym) FILTER (WHERE k.destroyed_at IS NULL), count(k.pseudonym) FILTER (WHERE k.destroyed_at IS NOT NULL), max(k.destroyed_at),
		CASE WHEN o.trouble IS NULL THEN count(n.pseudonym) FILTER (WHERE k.destroyed_at IS NULL) END, o.trouble
	FROM csec.subject_space s CROSS JOIN seen o LEFT JOIN csec.subject_key k ON k.space = s.id LEFT JOIN note n ON n.pseudonym = k.pseudonym
	GROUP BY s.id, s.relid, o.trouble
$$;
REVOKE ALL ON FUNCTION csec.subject_key_status() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.subject_key_status() TO csec_admin, csec_auditor, csec_officer;
COMMENT ON FUNCTION csec.subject_key_status() IS 'what view csec.subject_key_status shows';

CREATE VIEW csec.subject_key_status AS SELECT * FROM csec.subject_key_status();
REVOKE ALL ON csec.subject_key_status FROM PUBLIC;
GRANT SELECT ON csec.subject_key_status TO csec_admin, csec_auditor, csec_officer;
COMMENT ON VIEW csec.subject_key_status IS 'how many customers of each table have a key, and how many keys were destroyed';
COMMENT ON COLUMN csec.subject_key_status.customers IS 'keys in csec.subject_key';
COMMENT ON COLUMN csec.subject_key_status.destroyed IS 'keys that were destroyed';
COMMENT ON COLUMN csec.subject_key_status.noted IS 'of customers, those whose key is noted as destroyed and not used: csec.apply_tombstones() takes them out of the table; null: not to be known';
COMMENT ON COLUMN csec.subject_key_status.trouble IS 'why the directory of destroyed keys is of no use, and what helps: until then no customer''s key is used';

-- ---- where the key that makes pseudonyms is lost ----

CREATE FUNCTION csec.customers_known(tab regclass) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'csec_customers_known_sql';
REVOKE ALL ON FUNCTION csec.customers_known(regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.customers_known(regclass) IS 'internal: is the key here, and does it open, that makes pseudonyms of a table''s customers?';

-- Without it nobody can say whose a row is, so no row can be written.  The old
-- one stays, of no table: values under its customers' keys can be read again if
-- what is lost is found.
CREATE PROCEDURE csec.replace_subject_space(tab regclass, reason text)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	old int4;
BEGIN
	PERFORM csec.need_reason(reason);
	IF NOT EXISTS (SELECT FROM csec.protected_table t WHERE t.relid = tab AND t.subject_keys AND coalesce(t.subject_of, tab) = tab) THEN
		RAISE EXCEPTION 'the customers of % have no keys of their own', tab
			USING ERRCODE = 'undefined_object', HINT = 'Name the table that has the customers, protected with subject_keys => true.';
	END IF;
	LOCK TABLE csec.subject_space IN SHARE ROW EXCLUSIVE MODE;
	IF csec.customers_known(tab) THEN
		RAISE EXCEPTION 'the keys of the customers of % can be had', tab
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'CALL csec.rewrap_subject_keys() wraps them under another data key.';
	END IF;
	UPDATE csec.subject_space s SET relid = NULL WHERE s.relid = tab RETURNING s.id INTO old;
	PERFORM csec.make_space(tab);
	PERFORM csec.control('replace subject space', csec.qualified(tab), jsonb_build_object('lost', old,
		'new', (SELECT s.id FROM csec.subject_space s WHERE s.relid = tab), 'reason', reason));
END
$$;
REVOKE ALL ON PROCEDURE csec.replace_subject_space(regclass, text) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE csec.replace_subject_space(regclass, text) TO csec_admin;
COMMENT ON PROCEDURE csec.replace_subject_space(regclass, text) IS
	'where what makes pseudonyms of a table''s customers is lost, with its row or with its data key: another one, so that rows can be written again; each customer gets a new key with the next write';

-- ---- under another data key ----

CREATE FUNCTION csec.rewrap_subject_step(after uuid, batch int4, OUT last uuid, OUT rewrapped int8)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	active csec.key := (SELECT k FROM csec.key k WHERE k.purpose = 'data' AND k.name = 'data' AND k.state = 'active');
	-- those under the active one are, those under one that was destroyed are lost
	done_with bytea[] := ARRAY(SELECT int4send(k.id) || substr(int4send(k.version), 3) FROM csec.key k
		WHERE k.purpose = 'data' AND (k.state = 'destroyed' OR (k.id, k.version) = (active.id, active.version)));
BEGIN
	-- two at once, whose batches differ, could each wait for the other
	PERFORM csec.lock_name('rewrap subject keys', true);
	rewrapped := 0;
	IF after IS NULL THEN
		UPDATE csec.subject_space s SET wrapped = csec.rewrap_subject(s.wrapped, s.id, NULL) WHERE substr(s.wrapped, 2, 6) <> ALL (done_with);
		GET DIAGNOSTICS rewrapped = ROW_COUNT;
	END IF;
	last := (SELECT b.pseudonym FROM (SELECT k.pseudonym FROM csec.subject_key k
		WHERE after IS NULL OR k.pseudonym > after ORDER BY k.pseudonym LIMIT greatest(batch, 1)) b ORDER BY 1 DESC LIMIT 1);
	WITH done AS (
		UPDATE csec.subject_key k SET wrapped = csec.rewrap_subject(k.wrapped, k.space, k.pseudonym)
		WHERE (after IS NULL OR k.pseudonym > after) AND k.pseudonym <= last AND k.wrapped IS NOT NULL AND substr(k.wrapped, 2, 6) <> ALL (done_with)
		RETURNING 1)
	SELECT rewrap_subject_step.rewrapped + count(*) INTO rewrapped FROM done;
END
$$;
REVOKE ALL ON FUNCTION csec.rewrap_subject_step(uuid, int4) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.rewrap_subject_step(uuid, int4) TO csec_admin;
COMMENT ON FUNCTION csec.rewrap_subject_step(uuid, int4) IS 'internal: one batch of csec.rewrap_subject_keys(), in the order of the pseudonyms';

-- Transactions of its own: nothing in it is looked up by a path.
CREATE PROCEDURE csec.rewrap_subject_keys(batch int4 DEFAULT 10000)
	LANGUAGE plpgsql AS $$
DECLARE
	step record;
	after pg_catalog.uuid;
BEGIN
	LOOP
		step := csec.rewrap_subject_step(after, batch);
		COMMIT;
		after := step.last;
		EXIT WHEN after IS NULL;
	END LOOP;
END
$$;
REVOKE ALL ON PROCEDURE csec.rewrap_subject_keys(int4) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE csec.rewrap_subject_keys(int4) TO csec_admin;
COMMENT ON PROCEDURE csec.rewrap_subject_keys(int4) IS
	'wrap the keys of customers anew under the active data key, after csec.rotate_key(): a COMMIT after each batch; values stay as they are';
