-- Retention: which months of the trail may leave, and the step by which they
-- do: proposed by one person, approved by another, carried out by the sealer.
--
-- The trail is one chain, so only its beginning can leave, month by month, and
-- the longest rule that applies counts for all of it.

CREATE TABLE csec.retention_rule (
	name		text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_]{0,62}$'),
	keep		interval NOT NULL CHECK (keep >= interval '6 months'),
	law			text NOT NULL CHECK (length(law) BETWEEN 1 AND 1000),
	applies		bool NOT NULL DEFAULT true,
	shipped		bool NOT NULL DEFAULT false
);
COMMENT ON TABLE csec.retention_rule IS 'how long records of the trail are kept at least; the longest rule that applies counts. No rule that applies: for ever';
COMMENT ON COLUMN csec.retention_rule.name IS 'the law or the rules';
COMMENT ON COLUMN csec.retention_rule.keep IS 'so long after the end of the month in which they were sealed';
COMMENT ON COLUMN csec.retention_rule.law IS 'where it says so, and what is csec''s own reading where it gives no number for such records';
COMMENT ON COLUMN csec.retention_rule.shipped IS 'as csec shipped it: left out of dumps; false as soon as it is changed';
SELECT pg_temp.sign_rows('csec.retention_rule');

INSERT INTO csec.retention_rule (name, keep, law, applies, shipped) VALUES
	('pipl', interval '3 years', 'PIPL art. 56: reports and records of the handling of personal information, at least three years', true, true),
	('cn_network', interval '6 months', 'Cybersecurity Law art. 21: network logs, at least six months', true, true),
	('cn_aml', interval '10 years', 'Anti-Money Laundering Law (2024) art. 34: customers'' identity data and transactions, at least ten years; for trails about them', false, true),
	('postal', interval '3 years', 'as PIPL', false, true),
	('pci_dss', interval '1 year', 'PCI DSS 10.5.1: audit log history, at least twelve months', false, true),
	('hipaa', interval '6 years', '45 CFR 164.316(b)(2): documentation, six years', false, true);

CREATE SEQUENCE csec.trail_cut_order_id;
REVOKE ALL ON SEQUENCE csec.trail_cut_order_id FROM PUBLIC;
COMMENT ON SEQUENCE csec.trail_cut_order_id IS 'numbers orders to cut the trail';

CREATE TABLE csec.trail_cut_order (
	id			int8 PRIMARY KEY DEFAULT nextval('csec.trail_cut_order_id'),
	state		text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'approved', 'rejected', 'withdrawn')),
	bound		timestamptz NOT NULL,
	last_seq	int8 NOT NULL,
	reason		text NOT NULL,
	requested_by text NOT NULL,
	requested_login text NOT NULL,
	requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	decided_by	text,
	decided_at	timestamptz,
	decision	text,
	anchor		bytea,
	anchor_mac	bytea
);
COMMENT ON TABLE csec.trail_cut_order IS 'orders to let months of the trail leave: see csec.trail_cut_orders';
COMMENT ON COLUMN csec.trail_cut_order.bound IS 'the months before this are to leave';
COMMENT ON COLUMN csec.trail_cut_order.last_seq IS 'the last record in them';
COMMENT ON COLUMN csec.trail_cut_order.requested_by IS 'the person who asked';
COMMENT ON COLUMN csec.trail_cut_order.decided_by IS 'the person who approved, rejected or withdrew it';
COMMENT ON COLUMN csec.trail_cut_order.decision IS 'what that person said';
COMMENT ON COLUMN csec.trail_cut_order.anchor IS 'what was approved: the anchor of the cut';
COMMENT ON COLUMN csec.trail_cut_order.anchor_mac IS 'that the server made the anchor';
SELECT pg_temp.sign_rows('csec.trail_cut_order');

DO $$
DECLARE
	t record;
BEGIN
	FOR t IN SELECT * FROM (VALUES ('retention_rule', 'name'), ('trail_cut_order', 'id')) v (name, object) LOOP
		PERFORM pg_temp.record_rows(format('csec.%I', t.name), t.object);
		EXECUTE format('GRANT SELECT ON csec.%I TO csec_admin, csec_auditor, csec_officer, csec_management, csec_backup', t.name);
	END LOOP;
END
$$;
SELECT pg_temp.ship_rules('csec.retention_rule', 'name');
SELECT pg_temp.count_policy('csec.retention_rule');
GRANT INSERT, UPDATE, DELETE ON csec.retention_rule TO csec_admin;
SELECT pg_catalog.pg_extension_config_dump('csec.retention_rule', 'WHERE NOT shipped');
SELECT pg_catalog.pg_extension_config_dump('csec.trail_cut_order_id', '');
SELECT pg_catalog.pg_extension_config_dump('csec.trail_cut_order', '');

-- ---- what keeps a month ----

-- Each thing that keeps the records between two moments, in words.  Of a row
-- that somebody changed behind csec's back nothing is believed: it keeps all.
CREATE FUNCTION csec.kept_by(from_time timestamptz, to_time timestamptz) RETURNS text[]
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' AS $$
		SELECT array_agg(k.what ORDER BY k.sort, k.what) FROM (
			SELECT 1 AS sort, format('rule %s: %s', r.name, r.keep) AS what FROM csec.retention_rule r
				WHERE r.applies AND csec.row_is_sound(r) AND kept_by.to_time + r.keep > clock_timestamp()
			UNION ALL
			SELECT 1, 'no retention rule applies' WHERE NOT EXISTS (SELECT FROM csec.retention_rule r WHERE r.applies)
			UNION ALL
			SELECT 2, format('evidence hold %s', h.id) FROM csec.evidence_hold h
				WHERE csec.row_is_sound(h) AND h.released_at IS NULL AND coalesce(h.from_time < kept_by.to_time, true) AND coalesce(h.to_time > kept_by.from_time, true)
			UNION ALL
			-- when it began may not be known yet
			SELECT 3, format('incident %s is open', i.id) FROM csec.incident i
				WHERE csec.row_is_sound(i) AND i.state NOT IN ('closed', 'false_alarm') AND coalesce(i.happened_from < kept_by.to_time, true)
					AND coalesce(i.happened_until, i.discovered_at) >= kept_by.from_time
			UNION ALL
			SELECT 4, format('%s, changed behind csec''s back', u.what) FROM (
				SELECT 'rule ' || r.name AS what FROM csec.retention_rule r WHERE NOT csec.row_is_sound(r)
				UNION ALL SELECT 'evidence hold ' || h.id FROM csec.evidence_hold h WHERE NOT csec.row_is_sound(h)
				UNION ALL SELECT 'incident ' || i.id FROM csec.incident i WHERE NOT csec.row_is_sound(i)) u) k
	$$;
REVOKE ALL ON FUNCTION csec.kept_by(timestamptz, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION csec.kept_by(timestamptz, timestamptz) IS 'internal: the rules, holds and open incidents that keep the records of a time; null: none does';

-- What the trail itself is not ready for.
CREATE FUNCTION csec.cut_is_early(last_seq bigint, next_seq bigint) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		SELECT CASE
			WHEN next_seq IS NULL THEN 'no record would remain'
			WHEN next_seq <> last_seq + 1 THEN 'the clock was set back: a later month has records that come before'
			-- the tree goes on with whole tiles
			WHEN (SELECT s.seq FROM csec_trail.sealer_state s) < (last_seq + 255) / 256 * 256 OR (SELECT s.seq FROM csec_trail.sealer_state s) <= last_seq
				THEN 'fewer than 256 records remain'
			WHEN coalesce((SELECT max(c.size) FROM csec_trail.checkpoint c), 0) < last_seq THEN 'no checkpoint is over all of it'
			WHEN EXISTS (SELECT FROM csec.anchor_report() a WHERE a.place <> 'checkpoint' AND a.problem IS DISTINCT FROM 'not set'
					AND coalesce((SELECT c.size FROM csec_trail.checkpoint c WHERE c.epoch = a.epoch), 0) < last_seq)
				THEN 'no checkpoint over all of it has gone outside'
			WHEN EXISTS (SELECT FROM csec.alert_cursor c WHERE c.seq < last_seq) AND current_setting('csec.alerts')::bool
				THEN 'not all of it was looked at for alerts'
		END
	$$;
REVOKE ALL ON FUNCTION csec.cut_is_early(bigint, bigint) FROM PUBLIC;
COMMENT ON FUNCTION csec.cut_is_early(bigint, bigint) IS 'internal: why the trail cannot be cut behind a record yet; null: it can';

CREATE FUNCTION csec.retention_plan()
	RETURNS TABLE (month date, first_seq int8, last_seq int8, bytes int8, keep_until timestamptz, state text, kept_by text[])
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' AS $$
DECLARE
	m record;
	span record;
	first_held date;
	early text;
BEGIN
	FOR m IN SELECT t.* FROM csec.trail_months() t ORDER BY t.month LOOP
		span := csec.month_span(m.log);
		CONTINUE WHEN span.last_seq IS NULL AND m.bound > clock_timestamp();
		month := m.month::date;
		first_seq := span.first_seq;
		last_seq := span.last_seq;
		bytes := pg_total_relation_size(m.log) + coalesce(pg_total_relation_size(m.subjects), 0);
		keep_until := m.bound + (SELECT max(r.keep) FILTER (WHERE r.applies) FROM csec.retention_rule r HAVING bool_and(csec.row_is_sound(r)));
		kept_by := csec.kept_by(m.month, m.bound);
		early := CASE WHEN last_seq IS NOT NULL THEN csec.cut_is_early(last_seq, (SELECT min(l.seq) FROM csec_trail.audit_log l WHERE l.at >= m.bound)) END;
		state := CASE
			WHEN keep_until IS NULL OR keep_until > clock_timestamp() THEN 'kept'
			WHEN kept_by IS NOT NULL THEN 'held'
			WHEN first_held IS NOT NULL THEN 'behind'
			WHEN early IS NOT NULL THEN 'not ready'
			WHEN EXISTS (SELECT FROM csec.trail_cut_orders o WHERE o.state IN ('proposed', 'approved') AND o.bound >= m.bound) THEN 'ordered'
			ELSE 'due' END;
		IF state = 'behind' THEN
			kept_by := ARRAY[format('month %s before it is held', first_held)];
		ELSIF state = 'not ready' THEN
			kept_by := ARRAY[early];
		END IF;
		IF first_held IS NULL AND state IN ('kept', 'held') THEN
			first_held := month;
		END IF;
		RETURN NEXT;
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.retention_plan() FROM PUBLIC;
COMMENT ON FUNCTION csec.retention_plan() IS 'what view csec.retention_plan shows';

-- Why the months before a moment may not leave; null: they may.
CREATE FUNCTION csec.cut_problem(bound timestamptz, last_seq bigint) RETURNS text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' AS $$
DECLARE
	kept text[];
BEGIN
	IF last_seq IS NULL OR bound IS NULL OR NOT EXISTS (SELECT FROM csec.trail_months() m WHERE m.bound = cut_problem.bound) THEN
		RETURN 'no month of the trail ends there';
	END IF;
	kept := csec.kept_by((SELECT min(m.month) FROM csec.trail_months() m), bound);
	IF kept IS NOT NULL THEN
		RETURN 'kept by ' || array_to_string(kept, ', ');
	END IF;
	RETURN csec.cut_is_early(last_seq, (SELECT min(l.seq) FROM csec_trail.audit_log l WHERE l.at >= bound));
END
$$;
REVOKE ALL ON FUNCTION csec.cut_problem(timestamptz, bigint) FROM PUBLIC;
COMMENT ON FUNCTION csec.cut_problem(timestamptz, bigint) IS 'internal: what keeps the months before a moment, which end with a record; null: nothing does';

-- ---- the step ----

CREATE FUNCTION csec.cut_order_lapses(o csec.trail_cut_order) RETURNS timestamptz
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
	AS $$ SELECT coalesce(o.decided_at, o.requested_at) + csec.access_limit('lapse') $$;
REVOKE ALL ON FUNCTION csec.cut_order_lapses(csec.trail_cut_order) FROM PUBLIC;
COMMENT ON FUNCTION csec.cut_order_lapses(csec.trail_cut_order) IS 'internal: until when an order waits, for its approval or to be carried out';

-- The record of a cut says so, while it is there: it may have left with a later cut.
CREATE FUNCTION csec.cut_is_done(order_no bigint, last_seq bigint) RETURNS bool
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		SELECT coalesce(
			(SELECT c.order_no = cut_is_done.order_no FROM csec.trail_cuts() c WHERE cut_is_done.last_seq BETWEEN c.from_seq AND c.to_seq),
			cut_is_done.last_seq < (SELECT b.first_seq FROM csec.trail_begin() b))
	$$;
REVOKE ALL ON FUNCTION csec.cut_is_done(bigint, bigint) FROM PUBLIC;
COMMENT ON FUNCTION csec.cut_is_done(bigint, bigint) IS 'internal: did the records up to this one leave by this order?';

CREATE FUNCTION csec.cut_order_state(o csec.trail_cut_order) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		SELECT CASE
			WHEN o.state NOT IN ('proposed', 'approved') THEN o.state
			WHEN o.state = 'approved' AND csec.cut_is_done(o.id, o.last_seq) THEN 'done'
			WHEN NOT csec.row_is_sound(o) THEN 'altered'
			WHEN coalesce(csec.cut_order_lapses(o) > clock_timestamp(), false) THEN o.state
			ELSE 'lapsed' END
	$$;
REVOKE ALL ON FUNCTION csec.cut_order_state(csec.trail_cut_order) FROM PUBLIC;
COMMENT ON FUNCTION csec.cut_order_state(csec.trail_cut_order) IS 'internal: the state of an order at this moment';

CREATE FUNCTION csec.trail_cut_orders()
	RETURNS TABLE (id int8, state text, bound timestamptz, last_seq int8, reason text, requested_by text, requested_at timestamptz,
		decided_by text, decided_at timestamptz, decision text, lapses_at timestamptz, waits_for text)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
		SELECT o.id, s.state, o.bound, o.last_seq, o.reason, o.requested_by, o.requested_at, o.decided_by, o.decided_at, o.decision,
			CASE WHEN s.state IN ('proposed', 'approved') THEN csec.cut_order_lapses(o) END,
			CASE s.state WHEN 'proposed' THEN 'approval by another person'
				WHEN 'approved' THEN coalesce(csec.cut_problem(o.bound, o.last_seq), 'the sealer') END
		FROM csec.trail_cut_order o CROSS JOIN LATERAL (SELECT csec.cut_order_state(o) AS state) s
		ORDER BY o.id
	$$;
REVOKE ALL ON FUNCTION csec.trail_cut_orders() FROM PUBLIC;
COMMENT ON FUNCTION csec.trail_cut_orders() IS 'what view csec.trail_cut_orders shows';

CREATE VIEW csec.trail_cut_orders AS SELECT * FROM csec.trail_cut_orders();
REVOKE ALL ON csec.trail_cut_orders FROM PUBLIC;
COMMENT ON VIEW csec.trail_cut_orders IS 'orders to let months of the trail leave, and where each stands';
COMMENT ON COLUMN csec.trail_cut_orders.state IS 'proposed, approved, done, rejected, withdrawn; altered: changed behind csec''s back, and in force no more; lapsed: not approved, or not carried out, within 48 hours (csec.access_limit)';
COMMENT ON COLUMN csec.trail_cut_orders.bound IS 'the months before this';
COMMENT ON COLUMN csec.trail_cut_orders.last_seq IS 'the last record in them';
COMMENT ON COLUMN csec.trail_cut_orders.waits_for IS 'what is missing';

CREATE VIEW csec.retention_plan AS SELECT * FROM csec.retention_plan();
REVOKE ALL ON csec.retention_plan FROM PUBLIC;
COMMENT ON VIEW csec.retention_plan IS 'the months of the trail: which may leave, and what keeps the others';
COMMENT ON COLUMN csec.retention_plan.bytes IS 'on disk, with indexes';
COMMENT ON COLUMN csec.retention_plan.keep_until IS 'by the longest rule that applies';
COMMENT ON COLUMN csec.retention_plan.state IS 'kept: its time is not over; held: by what kept_by says; behind: a month before it stays; not ready: see kept_by; ordered; due';
COMMENT ON COLUMN csec.retention_plan.kept_by IS 'rules of csec.retention_rule, holds, open incidents, or what is missing';

CREATE FUNCTION csec.cut_order_to_decide(id int8, action text) RETURNS csec.trail_cut_order
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	o csec.trail_cut_order;
	state text;
BEGIN
	SELECT * INTO o FROM csec.trail_cut_order t WHERE t.id = cut_order_to_decide.id FOR UPDATE;
	IF NOT FOUND THEN
		PERFORM csec.refuse(action, 'order ' || coalesce(id::text, 'null'), 'the order does not exist', 'See csec.trail_cut_orders.', 'undefined_object');
	END IF;
	state := csec.cut_order_state(o);
	IF state <> 'proposed' THEN
		PERFORM csec.refuse(action, 'order ' || id, format('order %s is %s', id, state), 'This is done to one that is proposed.', 'object_not_in_prerequisite_state');
	END IF;
	RETURN o;
END
$$;
REVOKE ALL ON FUNCTION csec.cut_order_to_decide(int8, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.cut_order_to_decide(int8, text) IS 'internal: an order that waits for its decision, locked, or the refusal';

CREATE FUNCTION csec.propose_trail_cut(before date, reason text) RETURNS int8
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' AS $$
DECLARE
	object text := 'before ' || coalesce(before::text, 'null');
	who text := csec.acting_person('propose_trail_cut', object);
	o csec.trail_cut_order;
	problem text;
BEGIN
	PERFORM csec.require_trail();
	PERFORM csec.check_reason('propose_trail_cut', object, reason);
	o.bound := before::timestamptz;
	o.last_seq := (SELECT max((csec.month_span(m.log)).last_seq) FROM csec.trail_months() m WHERE m.bound <= o.bound);
	problem := csec.cut_problem(o.bound, o.last_seq);
	IF problem IS NOT NULL THEN
		PERFORM csec.refuse('propose_trail_cut', object, format('what the trail has from before %s cannot leave: %s', before, problem),
			'See csec.retention_plan.', 'object_not_in_prerequisite_state');
	END IF;
	PERFORM csec.lock_name('cut order', true);
	IF EXISTS (SELECT FROM csec.trail_cut_order t WHERE csec.cut_order_state(t) IN ('proposed', 'approved')) THEN
		PERFORM csec.refuse('propose_trail_cut', object, 'another order waits', 'See csec.trail_cut_orders.', 'object_in_use');
	END IF;
	INSERT INTO csec.trail_cut_order (bound, last_seq, reason, requested_by, requested_login)
		VALUES (o.bound, o.last_seq, propose_trail_cut.reason, who, (SELECT r.rolname FROM pg_roles r WHERE r.oid = csec.login()))
		RETURNING * INTO o;
	PERFORM csec.control('cut proposed', 'trail', jsonb_build_object('order', o.id, 'before', o.bound, 'to', o.last_seq,
		'person', who, 'reason', o.reason, 'policy', csec.policy_version()));
	RETURN o.id;
END
$$;
REVOKE ALL ON FUNCTION csec.propose_trail_cut(date, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.propose_trail_cut(date, text) IS
	'ask that the months of the trail before a first of a month (UTC) leave; another person approves it within 48 hours: csec.approve_trail_cut() of the number that this gives';

-- Which later start of the server ended every session from before?
CREATE FUNCTION csec.server_started_after(seq bigint, moment timestamptz) RETURNS timestamptz
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		SELECT coalesce((SELECT s.started FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) f
				CROSS JOIN LATERAL (SELECT (csec.detail(f.detail) ->> 'server_started')::timestamptz AS started) s
			WHERE l.kind = 8 AND l.seq > server_started_after.seq AND f.action = 'start' AND s.started > moment
			ORDER BY l.seq LIMIT 1), 'infinity')
	$$;
REVOKE ALL ON FUNCTION csec.server_started_after(bigint, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION csec.server_started_after(bigint, timestamptz) IS 'internal: when the server was started next after a moment, as records behind a number say; infinity: it was not';

-- What leaves is verified first: no cut may take the traces of another deed along.
CREATE FUNCTION csec.anchor_of(o csec.trail_cut_order, who text, OUT anchor bytea, OUT mac bytea)
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
	verdict record := csec.check_trail(NULL, o.last_seq);
	m record;
	one int8;
	subject_rows int8 := 0;
	ended timestamptz := (SELECT l.at FROM csec_trail.audit_log l WHERE l.seq = o.last_seq);
BEGIN
	IF NOT verdict.verified THEN
		PERFORM csec.refuse('approve_trail_cut', 'order ' || o.id, format('what is to leave does not verify: %s, record %s', verdict.problem, verdict.bad_seq),
			'It stays, as evidence: see csec.verify_trail().', 'data_corrupted');
	END IF;
	FOR m IN SELECT t.subjects FROM csec.trail_months() t WHERE t.bound <= o.bound AND t.subjects IS NOT NULL LOOP
		EXECUTE format('SELECT count(*) FROM %s', m.subjects) INTO one;
		subject_rows := subject_rows + one;
	END LOOP;
	SELECT c.anchor, c.mac INTO anchor, mac FROM csec.measure_cut(o.id, o.last_seq, o.bound, subject_rows,
		csec.server_started_after(o.last_seq, ended), o.requested_by, who, o.reason) c;
END
$$;
REVOKE ALL ON FUNCTION csec.anchor_of(csec.trail_cut_order, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.anchor_of(csec.trail_cut_order, text) IS 'internal: verify what an order lets leave, and make the anchor of the cut';

CREATE FUNCTION csec.approve_trail_cut(id int8, reason text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	object text := 'order ' || coalesce(id::text, 'null');
	who text := csec.acting_person('approve_trail_cut', object);
	o csec.trail_cut_order := csec.cut_order_to_decide(id, 'approve_trail_cut');
	made record;
	problem text := csec.cut_problem(o.bound, o.last_seq);
BEGIN
	IF o.requested_by = who OR o.requested_login = (SELECT r.rolname FROM pg_roles r WHERE r.oid = csec.login())
			OR csec.person_of(to_regrole(quote_ident(o.requested_login))) = who THEN
		PERFORM csec.refuse('approve_trail_cut', object, 'nobody approves an order of his own', 'Another person has to, whichever login is used.');
	END IF;
	IF NOT csec.person_is_active(o.requested_by) THEN
		PERFORM csec.refuse('approve_trail_cut', object, 'who asked is suspended or has left', 'Reject the order.', 'object_not_in_prerequisite_state');
	END IF;
	IF problem IS NOT NULL THEN
		PERFORM csec.refuse('approve_trail_cut', object, 'what is to leave cannot: ' || problem, 'See csec.retention_plan.', 'object_not_in_prerequisite_state');
	END IF;
	made := csec.anchor_of(o, who);
	UPDATE csec.trail_cut_order t SET state = 'approved', decided_by = who, decided_at = clock_timestamp(), decision = approve_trail_cut.reason,
		anchor = made.anchor, anchor_mac = made.mac WHERE t.id = o.id;
	PERFORM csec.control('cut approved', 'trail', jsonb_strip_nulls(jsonb_build_object('order', o.id, 'before', o.bound, 'to', o.last_seq,
		'person', who, 'for', o.requested_by, 'reason', reason, 'anchor', encode(sha256(made.anchor), 'hex'), 'policy', csec.policy_version())));
END
$$;
REVOKE ALL ON FUNCTION csec.approve_trail_cut(int8, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.approve_trail_cut(int8, text) IS
	'approve an order to let months of the trail leave, as another person than who asked; they are verified first, then the sealer lets them leave, within 48 hours or not at all';

CREATE FUNCTION csec.decide_against_cut(o csec.trail_cut_order, state text, who text, reason text) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	UPDATE csec.trail_cut_order t SET state = decide_against_cut.state, decided_by = who, decided_at = clock_timestamp(), decision = decide_against_cut.reason WHERE t.id = o.id;
	PERFORM csec.control('cut ' || state, 'trail', jsonb_strip_nulls(jsonb_build_object('order', o.id, 'person', who, 'for', o.requested_by,
		'reason', reason, 'policy', csec.policy_version())));
END
$$;
REVOKE ALL ON FUNCTION csec.decide_against_cut(csec.trail_cut_order, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.decide_against_cut(csec.trail_cut_order, text, text, text) IS 'internal: an order is over without a cut, on record';

CREATE FUNCTION csec.reject_trail_cut(id int8, reason text) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	object text := 'order ' || coalesce(id::text, 'null');
	who text := csec.acting_person('reject_trail_cut', object);
	o csec.trail_cut_order := csec.cut_order_to_decide(id, 'reject_trail_cut');
BEGIN
	PERFORM csec.check_reason('reject_trail_cut', object, reason);
	PERFORM csec.decide_against_cut(o, CASE WHEN o.requested_by = who THEN 'withdrawn' ELSE 'rejected' END, who, reason);
END
$$;
REVOKE ALL ON FUNCTION csec.reject_trail_cut(int8, text) FROM PUBLIC;
COMMENT ON FUNCTION csec.reject_trail_cut(int8, text) IS 'reject an order to let months of the trail leave; one''s own is withdrawn';

-- The sealer asks; everything is looked at once more.  An order that somebody
-- changed comes without its code, so that the sealer puts that on record.
CREATE FUNCTION csec.cut_to_carry_out(OUT id int8, OUT anchor bytea, OUT mac bytea)
	RETURNS SETOF record
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		SELECT o.id, o.anchor, CASE s.state WHEN 'approved' THEN o.anchor_mac END
		FROM csec.trail_cut_order o CROSS JOIN LATERAL (SELECT csec.cut_order_state(o) AS state) s
		WHERE o.state = 'approved' AND (s.state = 'altered' OR s.state = 'approved' AND csec.cut_problem(o.bound, o.last_seq) IS NULL)
		ORDER BY s.state DESC, o.id DESC LIMIT 1
	$$;
REVOKE ALL ON FUNCTION csec.cut_to_carry_out() FROM PUBLIC;
COMMENT ON FUNCTION csec.cut_to_carry_out() IS 'internal: the approved order that the sealer is to carry out, if nothing keeps its months';

GRANT EXECUTE ON FUNCTION csec.propose_trail_cut(date, text) TO csec_admin, csec_officer;
GRANT EXECUTE ON FUNCTION csec.approve_trail_cut(int8, text) TO csec_officer, csec_management;
GRANT EXECUTE ON FUNCTION csec.reject_trail_cut(int8, text) TO csec_admin, csec_officer, csec_management;
GRANT EXECUTE ON FUNCTION csec.retention_plan(), csec.trail_cut_orders() TO csec_admin, csec_officer, csec_auditor, csec_management;
GRANT SELECT ON csec.retention_plan, csec.trail_cut_orders TO csec_admin, csec_officer, csec_auditor, csec_management;
