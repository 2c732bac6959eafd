-- What csec answers in a review itself, the sample of accesses, and the
-- indicators.

-- The item's name says what is looked at.  Null: it is for a person.
CREATE FUNCTION csec.live_answer(item text, r csec.review, OUT answer text, OUT evidence text)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	bad int8;
	what text;
BEGIN
	CASE item
		WHEN 'trail_whole' THEN
			what := 'gaps, rejected messages, suspensions and broken links in the period';
			SELECT count(*) INTO bad FROM csec.gaps() g WHERE g.what IN ('gap', 'rejected', 'suspension') AND g.at >= r.period_from AND g.at < r.period_to;
			bad := bad + (SELECT count(*) FROM csec.alert a WHERE a.kind = 'chain_break' AND a.at >= r.period_from AND a.at < r.period_to);
		WHEN 'alerts_acknowledged' THEN
			what := 'alerts of the period that nobody acknowledged';
			SELECT count(*) INTO bad FROM csec.alert a WHERE a.state = 'open' AND a.at >= r.period_from AND a.at < r.period_to;
		WHEN 'break_glass_reviewed' THEN
			what := 'broken glasses of the period that nobody looked at in time';
			SELECT count(*) INTO bad FROM csec.access_request q WHERE q.kind = 'break_glass' AND q.made_at >= r.period_from AND q.made_at < r.period_to
				AND (q.review = 'escalated' OR q.review = 'open' AND q.review_by <= clock_timestamp());
		WHEN 'policy_sound' THEN
			what := 'rows of policy that were changed behind csec''s back';
			SELECT count(*) INTO bad FROM csec.unsound_rows();
		WHEN 'sample_looked_at' THEN
			what := 'accesses of the sample that nobody looked at, or that are not justified';
			SELECT count(*) INTO bad FROM csec.review_sample s WHERE s.review = r.id AND s.verdict IS DISTINCT FROM 'justified';
		WHEN 'masks_enforced' THEN
			what := 'protected tables whose masks are not in force';
			SELECT count(*) INTO bad FROM csec.protected_table t WHERE NOT t.enforce AND (r.relid IS NULL OR t.relid = r.relid);
		WHEN 'permits_recertified' THEN
			what := 'permits that ended because nobody recertified them';
			SELECT count(*) INTO bad FROM csec.access_request q WHERE q.recertify_by <= clock_timestamp()
				AND (q.state IN ('approved', 'active') OR q.state = 'revoked' AND q.why = 'not recertified' AND q.changed_at >= r.period_from);
		WHEN 'leavers_gone' THEN
			what := 'logins, clearances and permits of persons who left or are suspended';
			SELECT count(*) INTO bad FROM csec.person p JOIN csec.person_login l ON l.person = p.id JOIN pg_roles o ON o.oid = l.role
				WHERE p.state <> 'active' AND (o.rolcanlogin AND p.state = 'left'
					OR EXISTS (SELECT FROM csec.clearance c WHERE c.role = l.role AND (c.until IS NULL OR c.until > clock_timestamp()))
					OR EXISTS (SELECT FROM csec.access_permit m WHERE m.login = l.role AND m.valid_until > clock_timestamp()));
		WHEN 'logins_known' THEN
			what := 'logins with a clearance that are nobody''s';
			SELECT count(DISTINCT e.role) INTO bad FROM csec.effective_clearances e JOIN pg_roles o ON o.oid = e.role
				WHERE e.in_force AND o.rolcanlogin AND NOT EXISTS (SELECT FROM csec.person_login l WHERE l.role = e.role);
		WHEN 'findings_closed' THEN
			what := 'findings of other reviews that are overdue';
			SELECT count(*) INTO bad FROM csec.review_finding f WHERE f.review <> r.id AND f.state <> 'verified' AND f.due < clock_timestamp();
		WHEN 'incidents_closed' THEN
			what := 'reports and letters on incidents that are overdue';
			SELECT count(*) INTO bad FROM csec.incident i CROSS JOIN LATERAL csec.deadlines_of(i) d WHERE i.state <> 'closed' AND d.state = 'overdue';
		ELSE
			RETURN;
	END CASE;
	answer := CASE WHEN bad = 0 THEN 'yes' ELSE 'no' END;
	evidence := what || ': ' || bad;
EXCEPTION WHEN OTHERS THEN
	-- what could not be looked at is no yes
	answer := 'unknown';
	evidence := 'could not be looked at: ' || SQLERRM;
END
$$;
REVOKE ALL ON FUNCTION csec.live_answer(text, csec.review) FROM PUBLIC;
COMMENT ON FUNCTION csec.live_answer(text, csec.review) IS 'internal: csec''s own answer to an item of a checklist, from what is in force; null where a person has to answer';

CREATE FUNCTION csec.answer_live(r csec.review) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	INSERT INTO csec.review_answer AS a (review, item, answer, live, evidence, by)
		SELECT r.id, i.item, l.answer, true, l.evidence, 'csec' FROM csec.checklist_item i CROSS JOIN LATERAL csec.live_answer(i.item, r) l
			WHERE i.checklist = r.checklist AND l.answer IS NOT NULL
		ON CONFLICT ON CONSTRAINT review_answer_pkey DO UPDATE SET answer = EXCLUDED.answer, live = true, evidence = EXCLUDED.evidence, by = 'csec', at = clock_timestamp()
			WHERE (a.answer, a.evidence, a.live) IS DISTINCT FROM (EXCLUDED.answer, EXCLUDED.evidence, EXCLUDED.live);
END
$$;
REVOKE ALL ON FUNCTION csec.answer_live(csec.review) FROM PUBLIC;
COMMENT ON FUNCTION csec.answer_live(csec.review) IS 'internal: answer the items of a review that csec can';

-- Numbers drawn from the seed, each a look-up; where reads are few among the
-- records, all that there are, in an order that the seed decides.
CREATE FUNCTION csec.sample_accesses(from_time timestamptz, to_time timestamptz, size int, seed text, tab regclass DEFAULT NULL)
	RETURNS TABLE (number int, seq int8)
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
	low int8;
	high int8;
	tables oid[] := CASE WHEN tab IS NOT NULL THEN csec.subject_tables(tab, false) END;
	drawn int8[];
BEGIN
	IF to_regclass('csec_trail.audit_log') IS NULL THEN
		RETURN;
	END IF;
	-- a minute around, as csec.seq_after() has it
	low := coalesce(csec.seq_after(from_time - interval '2 minutes'), 1);
	high := coalesce(csec.seq_after(to_time), (SELECT max(l.seq) + 1 FROM csec_trail.audit_log l));
	IF high - low > 50000 THEN
		drawn := ARRAY(
			SELECT d.seq FROM (
				SELECT DISTINCT ON (c.seq) c.k, c.seq FROM (
					SELECT k, low + (('x' || substr(encode(sha256(convert_to(seed || ' ' || k, 'UTF8')), 'hex'), 1, 15))::bit(60)::int8 % (high - low)) AS seq
					FROM generate_series(1, size * 20) k) c ORDER BY c.seq, c.k) d
				CROSS JOIN LATERAL (SELECT l.record FROM csec_trail.audit_log l WHERE l.seq = d.seq AND l.kind = 2 AND (tables IS NULL OR l.relid = ANY (tables)) OFFSET 0) l
				CROSS JOIN LATERAL csec.record_fields(l.record) f
			WHERE f.at >= from_time AND f.at < to_time ORDER BY d.k LIMIT size);
	END IF;
	IF coalesce(cardinality(drawn), 0) < size AND high - low <= 1000000 THEN
		drawn := ARRAY(
			SELECT l.seq FROM csec_trail.audit_log l CROSS JOIN LATERAL csec.record_fields(l.record) f
			WHERE l.seq >= low AND l.seq < high AND l.kind = 2 AND (tables IS NULL OR l.relid = ANY (tables)) AND f.at >= from_time AND f.at < to_time
			ORDER BY sha256(convert_to(seed || ' ' || l.seq, 'UTF8')) LIMIT size);
	END IF;
	RETURN QUERY SELECT o::int, s FROM unnest(drawn) WITH ORDINALITY u (s, o);
END
$$;
REVOKE ALL ON FUNCTION csec.sample_accesses(timestamptz, timestamptz, int, text, regclass) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.sample_accesses(timestamptz, timestamptz, int, text, regclass) TO csec_auditor;
COMMENT ON FUNCTION csec.sample_accesses(timestamptz, timestamptz, int, text, regclass) IS
	'draw so many reads of a time by a seed, as numbers of audit records; the same seed draws the same ones';

CREATE FUNCTION csec.reviews()
	RETURNS TABLE (id int8, state text, checklist text, "table" text, period_from timestamptz, period_to timestamptz, due timestamptz, owner text, reviewer text,
		concluded_at timestamptz, conclusion text, summary text, findings int8, open_findings int8, closed_at timestamptz, overdue bool)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
		SELECT r.id, r.state, r.checklist, r.relid::text, r.period_from, r.period_to, r.due, r.owner, r.reviewer,
			r.concluded_at, r.conclusion, r.summary, f.all_of_them, f.open_ones, r.closed_at,
			r.state IN ('planned', 'in_progress') AND r.due < clock_timestamp() OR f.late
		FROM csec.review r CROSS JOIN LATERAL (
			SELECT count(*) AS all_of_them, count(*) FILTER (WHERE g.state <> 'verified') AS open_ones,
				coalesce(bool_or(g.state <> 'verified' AND g.due < clock_timestamp()), false) AS late
			FROM csec.review_finding g WHERE g.review = r.id) f
		WHERE csec.reader() IS NOT NULL
			AND (csec.current_person() IN (r.owner, r.reviewer)
				OR EXISTS (SELECT FROM csec.review_finding g WHERE g.review = r.id AND g.fixer = csec.current_person())
				OR csec.is_case_officer() OR csec.is_member(csec.login(), 'csec_admin') OR csec.is_member(csec.login(), 'csec_auditor'))
	$$;
COMMENT ON FUNCTION csec.reviews() IS 'what view csec.reviews shows';

CREATE VIEW csec.reviews AS SELECT * FROM csec.reviews();
GRANT SELECT ON csec.reviews TO PUBLIC;
COMMENT ON VIEW csec.reviews IS
	'reviews: to owner, reviewer and those who have to put something right their own, to csec''s roles all';

CREATE FUNCTION csec.person_indicators()
	RETURNS TABLE (person text, name text, department text, open_findings int8, overdue_findings int8, overdue_reviews int8, open_alerts int8, alerts_30_days int8, unreviewed_break_glass int8)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
		WITH counted AS (
			SELECT f.fixer AS person, 'finding' AS what, 1 AS n FROM csec.review_finding f WHERE f.state <> 'verified'
			UNION ALL SELECT f.fixer, 'late finding', 1 FROM csec.review_finding f WHERE f.state <> 'verified' AND f.due < clock_timestamp()
			UNION ALL SELECT r.reviewer, 'late review', 1 FROM csec.review r WHERE r.state IN ('planned', 'in_progress') AND r.due < clock_timestamp()
			UNION ALL SELECT a.person, 'open alert', 1 FROM csec.alert a WHERE a.state = 'open' AND a.person IS NOT NULL
			UNION ALL SELECT a.person, 'alert', 1 FROM csec.alert a WHERE a.at > clock_timestamp() - interval '30 days' AND a.person IS NOT NULL
			UNION ALL SELECT q.person, 'glass', 1 FROM csec.access_request q WHERE q.review IN ('open', 'escalated'))
		SELECT c.person, p.name, p.department,
			count(*) FILTER (WHERE c.what = 'finding'), count(*) FILTER (WHERE c.what = 'late finding'), count(*) FILTER (WHERE c.what = 'late review'),
			count(*) FILTER (WHERE c.what = 'open alert'), count(*) FILTER (WHERE c.what = 'alert'), count(*) FILTER (WHERE c.what = 'glass')
		FROM (SELECT * FROM counted UNION ALL SELECT q.id, 'person', 1 FROM csec.person q WHERE q.state <> 'left') c
			LEFT JOIN csec.person p ON p.id = c.person
		GROUP BY c.person, p.name, p.department ORDER BY c.person COLLATE "C"
	$$;
REVOKE ALL ON FUNCTION csec.person_indicators() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.person_indicators() TO csec_officer, csec_auditor, csec_management;
COMMENT ON FUNCTION csec.person_indicators() IS 'what view csec.person_indicators shows';

CREATE VIEW csec.person_indicators AS SELECT * FROM csec.person_indicators();
REVOKE ALL ON csec.person_indicators FROM PUBLIC;
GRANT SELECT ON csec.person_indicators TO csec_officer, csec_auditor, csec_management;
COMMENT ON VIEW csec.person_indicators IS 'for each person: findings to put right, overdue ones, overdue reviews, alerts, and broken glasses that nobody looked at';

CREATE VIEW csec.department_indicators AS
	SELECT i.department, pg_catalog.count(*) AS persons, pg_catalog.sum(i.open_findings)::int8 AS open_findings, pg_catalog.sum(i.overdue_findings)::int8 AS overdue_findings,
		pg_catalog.sum(i.overdue_reviews)::int8 AS overdue_reviews, pg_catalog.sum(i.open_alerts)::int8 AS open_alerts,
		pg_catalog.sum(i.alerts_30_days)::int8 AS alerts_30_days, pg_catalog.sum(i.unreviewed_break_glass)::int8 AS unreviewed_break_glass
	FROM csec.person_indicators() i GROUP BY i.department;
REVOKE ALL ON csec.department_indicators FROM PUBLIC;
GRANT SELECT ON csec.department_indicators TO csec_officer, csec_auditor, csec_management;
COMMENT ON VIEW csec.department_indicators IS 'the same for each department; null: of persons without one';
