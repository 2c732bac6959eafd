-- Twins of the record and the workflows with Chinese titles, in a schema of their own.  Where the
-- database's encoding has no such characters the schema stays empty.

CREATE SCHEMA csec_zh;
REVOKE ALL ON SCHEMA csec_zh FROM PUBLIC;
GRANT USAGE ON SCHEMA csec_zh TO csec_admin, csec_auditor, csec_officer;
COMMENT ON SCHEMA csec_zh IS 'the customer security record and its workflows with Chinese titles';
-- the names of persons in views are looked up in the name of who asks
GRANT EXECUTE ON FUNCTION csec.login_title(text), csec.person_title(text) TO csec_admin, csec_auditor, csec_officer;

-- The record with the Chinese titles of parts and fields for names.
CREATE FUNCTION csec.titled_record(tab regclass, subject text, from_time timestamptz, to_time timestamptz)
	RETURNS TABLE (part text, no int8, content jsonb)
	LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
		SELECT coalesce(p.title_zh, p.title), r.no,
			(SELECT jsonb_object_agg(coalesce(f.title_zh, f.title),
					CASE WHEN f.kind = 'word' THEN coalesce(to_jsonb((SELECT min(w.title_zh) FROM csec.record_words() w WHERE w.word = r.content ->> f.field)), r.content -> f.field)
						WHEN f.field = 'finding' AND r.content ->> 'evidence' IN ('live', 'unknown') THEN to_jsonb(csec.finding_zh(r.content ->> 'finding'))
						WHEN f.field = 'via' AND jsonb_typeof(r.content -> 'via') = 'array' THEN (SELECT jsonb_agg(csec.finding_zh(v)) FROM jsonb_array_elements_text(r.content -> 'via') v)
						WHEN f.field = 'clearances' AND jsonb_typeof(r.content -> 'clearances') = 'array' THEN
							(SELECT jsonb_agg(coalesce((SELECT min(w.title_zh) FROM csec.record_words() w WHERE w.word = v), v)) FROM jsonb_array_elements_text(r.content -> 'clearances') v)
						WHEN f.field = 'title' THEN coalesce(nullif(r.content -> 'title_zh', 'null'), r.content -> 'title')
						ELSE r.content -> f.field END)
				FROM csec.part_fields(tab, r.part) f WHERE r.content -> f.field IS NOT NULL)
		FROM csec.customer_record(tab, subject, from_time, to_time) WITH ORDINALITY r (part, no, at, content, n) JOIN csec.record_parts(tab) p ON p.name = r.part
		ORDER BY r.n
	$$;
REVOKE ALL ON FUNCTION csec.titled_record(regclass, text, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.titled_record(regclass, text, timestamptz, timestamptz) TO csec_admin, csec_auditor, csec_officer;
COMMENT ON FUNCTION csec.titled_record(regclass, text, timestamptz, timestamptz) IS 'internal: csec.customer_record() with Chinese titles for names';

DO $$
DECLARE
	v record;
	made text;
BEGIN
	-- name; what it is made of; expressions and titles, one after the other; who may read it; its twin
	FOR v IN SELECT * FROM (VALUES
		(pg_temp.title(E'\\xe59fbae69cace4bfa1e681af'), 'csec.basic_information b LEFT JOIN csec.level l ON l.name = b.level',
			ARRAY['b.tab', pg_temp.title(E'\\xe695b0e68daee8a1a8'),
				'b.field', pg_temp.title(E'\\xe5ad97e6aeb5'),
				'coalesce(b.title_zh, b.category)', pg_temp.title(E'\\xe695b0e68daee7b1bbe588ab'),
				'coalesce(l.title_zh, b.level)', pg_temp.title(E'\\xe695b0e68daee7baa7e588ab'),
				'b.storage', pg_temp.title(E'\\xe5ad98e582a8e696b9e5bc8f'),
				'b.masks_on', pg_temp.title(E'\\xe68ea9e7a081e5b7b2e590afe794a8'),
				'b.protected_at', pg_temp.title(E'\\xe799bbe8aeb0e697b6e997b4'),
				'b.protected_by', pg_temp.title(E'\\xe799bbe8aeb0e4baba')],
			'csec_admin, csec_auditor, csec_officer', 'csec.basic_information'),
		(pg_temp.title(E'\\xe8aebfe997aee8aeb0e5bd95'), 'csec.access_records a',
			ARRAY['a.at', pg_temp.title(E'\\xe8aebfe997aee697b6e997b4'),
				'a.repeats', pg_temp.title(E'\\xe9878de5a48de6aca1e695b0'),
				'coalesce(csec.person_title(a.person), csec.login_title(a.login))', pg_temp.title(E'\\xe8aebfe997aee4babae59198'),
				'a.login', pg_temp.title(E'\\xe799bbe5bd95e8b4a6e58fb7'),
				'a.reader', pg_temp.title(E'\\xe4bdbfe794a8e8a792e889b2'),
				'a.actor', pg_temp.title(E'\\xe5a3b0e6988ee794a8e688b7'),
				'a.client', pg_temp.title(E'\\xe8aebfe997aee69da5e6ba90'),
				'a.application', pg_temp.title(E'\\xe5ba94e794a8e7a88be5ba8f'),
				'a.reason', pg_temp.title(E'\\xe8aebfe997aee58e9fe59ba0'),
				'a.ticket', pg_temp.title(E'\\xe5b7a5e58d95e58fb7'),
				'a.relation', pg_temp.title(E'\\xe695b0e68daee8a1a8'),
				'a.statement', pg_temp.title(E'\\xe6938de4bd9c'),
				'a.revealed', pg_temp.title(E'\\xe6988ee69687e5ad97e6aeb5'),
				'a.masked', pg_temp.title(E'\\xe68ea9e7a081e5ad97e6aeb5'),
				'a.redacted', pg_temp.title(E'\\xe99a90e8978fe5ad97e6aeb5'),
				'a.other', pg_temp.title(E'\\xe585b6e4bb96e5ad97e6aeb5'),
				'a.subjects', pg_temp.title(E'\\xe6b689e58f8ae5aea2e688b7e695b0'),
				'a.exactness', pg_temp.title(E'\\xe7a1aee5ae9ae7a88be5baa6'),
				'a.status', pg_temp.title(E'\\xe8aebfe997aee7bb93e69e9c'),
				'a.seq', pg_temp.title(E'\\xe8aeb0e5bd95e58fb7'),
				'a.sealed_at', pg_temp.title(E'\\xe585a5e993bee697b6e997b4'),
				'a.relid', pg_temp.title(E'\\xe695b0e68daee8a1a8e58fb7')],
			'csec_auditor', 'csec.access_records; fast when bounded by its columns seq, sealed_at and relid'),
		(pg_temp.title(E'\\xe58f98e69bb4e8aeb0e5bd95'), 'csec.change_records c',
			ARRAY['c.at', pg_temp.title(E'\\xe58f98e69bb4e697b6e997b4'),
				'coalesce(csec.person_title(c.person), csec.login_title(c.login))', pg_temp.title(E'\\xe58f98e69bb4e4babae59198'),
				'c.login', pg_temp.title(E'\\xe799bbe5bd95e8b4a6e58fb7'),
				'c.actor', pg_temp.title(E'\\xe5a3b0e6988ee794a8e688b7'),
				'c.client', pg_temp.title(E'\\xe8aebfe997aee69da5e6ba90'),
				'c.reason', pg_temp.title(E'\\xe58f98e69bb4e58e9fe59ba0'),
				'c.ticket', pg_temp.title(E'\\xe5b7a5e58d95e58fb7'),
				'c.relation', pg_temp.title(E'\\xe695b0e68daee8a1a8'),
				'c.op', pg_temp.title(E'\\xe6938de4bd9c'),
				'c.subject', pg_temp.title(E'\\xe5aea2e688b7e7bc96e58fb7'),
				'c.changed', pg_temp.title(E'\\xe58f98e69bb4e58685e5aeb9'),
				'c.outcome', pg_temp.title(E'\\xe58f98e69bb4e7bb93e69e9c'),
				'c.seq', pg_temp.title(E'\\xe8aeb0e5bd95e58fb7'),
				'c.sealed_at', pg_temp.title(E'\\xe585a5e993bee697b6e997b4')],
			'csec_auditor', 'csec.change_records'),
		(pg_temp.title(E'\\xe58aa0e5af86e696b9e5bc8f'), 'csec.encryption_status e LEFT JOIN csec.category c ON c.name = e.category LEFT JOIN csec.record_word s ON s.word = ''key '' || e.key_state',
			ARRAY['e.relid', pg_temp.title(E'\\xe695b0e68daee8a1a8'),
				'e.attname', pg_temp.title(E'\\xe5ad97e6aeb5'),
				'coalesce(c.title_zh, e.category)', pg_temp.title(E'\\xe695b0e68daee7b1bbe588ab'),
				'e.storage', pg_temp.title(E'\\xe5ad98e582a8e696b9e5bc8f'),
				'e.suite', pg_temp.title(E'\\xe58aa0e5af86e696b9e5bc8f'),
				'e.key', pg_temp.title(E'\\xe5af86e992a5'),
				'e.key_version', pg_temp.title(E'\\xe5af86e992a5e78988e69cac'),
				'coalesce(s.title_zh, e.key_state)', pg_temp.title(E'\\xe5af86e992a5e78ab6e68081'),
				'e.search', pg_temp.title(E'\\xe6a380e7b4a2e6a087e7adbe'),
				'e.share', pg_temp.title(E'\\xe58da0e6af94')],
			'csec_admin, csec_auditor, csec_officer', 'csec.encryption_status'),
		(pg_temp.title(E'\\xe5ae89e585a8e68eaae696bd'), 'csec.security_measures m LEFT JOIN csec.record_word a ON a.word = m.area LEFT JOIN csec.record_word s ON s.word = m.state LEFT JOIN csec.record_word e ON e.word = m.evidence',
			ARRAY['m.tab', pg_temp.title(E'\\xe695b0e68daee8a1a8'),
				'coalesce(a.title_zh, m.area)', pg_temp.title(E'\\xe9a286e59f9f'),
				'coalesce(m.title_zh, m.title)', pg_temp.title(E'\\xe68eaae696bd'),
				'm.item', pg_temp.title(E'\\xe5afb9e8b1a1'),
				'coalesce(s.title_zh, m.state)', pg_temp.title(E'\\xe7bb93e8aeba'),
				'coalesce(e.title_zh, m.evidence)', pg_temp.title(E'\\xe8af81e68dae'),
				'CASE WHEN m.evidence = ''attested'' THEN m.finding ELSE csec.finding_zh(m.finding) END', pg_temp.title(E'\\xe8afb4e6988e'),
				'm.attested_by', pg_temp.title(E'\\xe8af81e6988ee4baba'),
				'm.until', pg_temp.title(E'\\xe69c89e69588e69c9fe887b3')],
			'csec_auditor, csec_officer', 'csec.security_measures'),
		(pg_temp.title(E'\\xe5ae89e585a8e4ba8be4bbb6'), 'csec.incident i LEFT JOIN csec.record_word k ON k.word = i.kind LEFT JOIN csec.record_word v ON v.word = i.severity LEFT JOIN csec.record_word s ON s.word = i.state',
			ARRAY['i.id', pg_temp.title(E'\\xe7bc96e58fb7'),
				'coalesce(k.title_zh, i.kind)', pg_temp.title(E'\\xe4ba8be4bbb6e7b1bbe59e8b'),
				'i.title', pg_temp.title(E'\\xe4ba8be4bbb6'),
				'coalesce(v.title_zh, i.severity)', pg_temp.title(E'\\xe4b8a5e9878de7a88be5baa6'),
				'i.happened_from', pg_temp.title(E'\\xe58f91e7949fe697b6e997b4'),
				'i.happened_until', pg_temp.title(E'\\xe7bb93e69d9fe697b6e997b4'),
				'i.discovered_at', pg_temp.title(E'\\xe58f91e78eb0e697b6e997b4'),
				'i.place', pg_temp.title(E'\\xe58f91e7949fe59cb0e782b9'),
				'i.persons', pg_temp.title(E'\\xe6b689e58f8ae4babae695b0'),
				'i.impact', pg_temp.title(E'\\xe5bdb1e5938d'),
				'i.measures', pg_temp.title(E'\\xe5a484e7bdaee68eaae696bd'),
				'i.result', pg_temp.title(E'\\xe5a484e79086e7bb93e69e9c'),
				'coalesce(s.title_zh, i.state)', pg_temp.title(E'\\xe78ab6e68081')],
			'csec_admin, csec_auditor, csec_officer', 'csec.incident'),
		(pg_temp.title(E'\\xe5aea1e69fa5e8aeb0e5bd95'), 'csec.review r LEFT JOIN csec.checklist c ON c.name = r.checklist LEFT JOIN csec.review_finding f ON f.review = r.id LEFT JOIN csec.record_word s ON s.word = r.state LEFT JOIN csec.record_word w ON w.word = r.conclusion LEFT JOIN csec.record_word v ON v.word = f.severity',
			ARRAY['r.id', pg_temp.title(E'\\xe7bc96e58fb7'),
				'r.relid', pg_temp.title(E'\\xe695b0e68daee8a1a8'),
				'coalesce(r.concluded_at, r.started_at, r.planned_at)', pg_temp.title(E'\\xe5aea1e69fa5e697a5e69c9f'),
				'coalesce(c.title, r.checklist)', pg_temp.title(E'\\xe5aea1e69fa5e4ba8be9a1b9'),
				'csec.person_title(r.reviewer)', pg_temp.title(E'\\xe5aea1e69fa5e4baba'),
				'coalesce(s.title_zh, r.state)', pg_temp.title(E'\\xe78ab6e68081'),
				'coalesce(w.title_zh, r.conclusion)', pg_temp.title(E'\\xe5aea1e69fa5e7bb93e8aeba'),
				'f.finding', pg_temp.title(E'\\xe58f91e78eb0e997aee9a298'),
				'coalesce(v.title_zh, f.severity)', pg_temp.title(E'\\xe4b8a5e9878de7a88be5baa6'),
				'csec.person_title(f.fixed_by)', pg_temp.title(E'\\xe695b4e694b9e4baba'),
				'f.fixed_at', pg_temp.title(E'\\xe695b4e694b9e697b6e997b4'),
				'csec.person_title(f.verified_by)', pg_temp.title(E'\\xe5a48de6a0b8e4baba'),
				'f.verified_at', pg_temp.title(E'\\xe5a48de6a0b8e697b6e997b4')],
			'csec_admin, csec_auditor, csec_officer', 'csec.review with its findings'),
		(pg_temp.title(E'\\xe8aebfe997aee794b3e8afb7'), 'csec.access_requests q LEFT JOIN csec.record_word k ON k.word = q.kind LEFT JOIN csec.record_word s ON s.word = q.state LEFT JOIN csec.record_word v ON v.word = q.review LEFT JOIN csec.level l ON l.name = q.level',
			ARRAY['q.id', pg_temp.title(E'\\xe7bc96e58fb7'),
				'coalesce(k.title_zh, q.kind)', pg_temp.title(E'\\xe794b3e8afb7e7b1bbe59e8b'),
				'coalesce(s.title_zh, q.state)', pg_temp.title(E'\\xe78ab6e68081'),
				'csec.person_title(q.person)', pg_temp.title(E'\\xe794b3e8afb7e4baba'),
				'q.login', pg_temp.title(E'\\xe799bbe5bd95e8b4a6e58fb7'),
				'q."table"', pg_temp.title(E'\\xe695b0e68daee8a1a8'),
				'q.fields', pg_temp.title(E'\\xe5ad97e6aeb5'),
				'coalesce(l.title_zh, q.level)', pg_temp.title(E'\\xe695b0e68daee7baa7e588ab'),
				'q.subjects', pg_temp.title(E'\\xe5aea2e688b7e7bc96e58fb7'),
				'q.purpose', pg_temp.title(E'\\xe794b3e8afb7e79baee79a84'),
				'q.ticket', pg_temp.title(E'\\xe5b7a5e58d95e58fb7'),
				'q.max_rows', pg_temp.title(E'\\xe8a18ce695b0e4b88ae99990'),
				'q.rows_taken', pg_temp.title(E'\\xe5b7b2e794a8e8a18ce695b0'),
				'q.export', pg_temp.title(E'\\xe58581e8aeb8e5afbce587ba'),
				'q.submitted_at', pg_temp.title(E'\\xe68f90e4baa4e697b6e997b4'),
				'csec.person_title(q.owner_approval)', pg_temp.title(E'\\xe695b0e68daee8b49fe8b4a3e4babae5aea1e689b9'),
				'csec.person_title(q.officer_approval)', pg_temp.title(E'\\xe5ae89e585a8e8b49fe8b4a3e4babae5aea1e689b9'),
				'q.valid_from', pg_temp.title(E'\\xe7949fe69588e697b6e997b4'),
				'q.valid_until', pg_temp.title(E'\\xe588b0e69c9fe697b6e997b4'),
				'q.recertify_by', pg_temp.title(E'\\xe5a48de6a0b8e69c9fe99990'),
				'q.why', pg_temp.title(E'\\xe69c80e8bf91e58f98e69bb4e58e9fe59ba0'),
				'coalesce(v.title_zh, q.review)', pg_temp.title(E'\\xe4ba8be5908ee5a48de69fa5'),
				'q.review_by', pg_temp.title(E'\\xe5a48de69fa5e69c9fe99990'),
				'csec.person_title(q.reviewed_by)', pg_temp.title(E'\\xe5a48de69fa5e4baba')],
			'csec_admin, csec_auditor, csec_officer', 'csec.access_requests'),
		(pg_temp.title(E'\\xe9809ae68aa5e69c9fe99990'), 'csec.incident_deadlines d LEFT JOIN csec.record_word r ON r.word = d.recipient LEFT JOIN csec.record_word s ON s.word = d.state',
			ARRAY['d.incident', pg_temp.title(E'\\xe4ba8be4bbb6e7bc96e58fb7'),
				'd.title', pg_temp.title(E'\\xe4ba8be4bbb6'),
				'd.regime', pg_temp.title(E'\\xe6b395e8a784'),
				'coalesce(r.title_zh, d.recipient)', pg_temp.title(E'\\xe9809ae68aa5e5afb9e8b1a1'),
				'd.class', pg_temp.title(E'\\xe58886e7baa7'),
				'd.due_at', pg_temp.title(E'\\xe688aae6ada2e697b6e997b4'),
				'd.met_at', pg_temp.title(E'\\xe5ae8ce68890e697b6e997b4'),
				'd.reference', pg_temp.title(E'\\xe4be9de68dae'),
				'coalesce(s.title_zh, d.state)', pg_temp.title(E'\\xe78ab6e68081')],
			'csec_admin, csec_auditor, csec_officer', 'csec.incident_deadlines'),
		(pg_temp.title(E'\\xe5ae89e585a8e5918ae8ada6'), 'csec.alert a LEFT JOIN csec.record_word k ON k.word = a.kind LEFT JOIN csec.record_word v ON v.word = a.severity LEFT JOIN csec.record_word s ON s.word = a.state',
			ARRAY['a.id', pg_temp.title(E'\\xe7bc96e58fb7'),
				'coalesce(k.title_zh, a.kind)', pg_temp.title(E'\\xe5918ae8ada6e7b1bbe59e8b'),
				'coalesce(v.title_zh, a.severity)', pg_temp.title(E'\\xe4b8a5e9878de7a88be5baa6'),
				'coalesce(s.title_zh, a.state)', pg_temp.title(E'\\xe78ab6e68081'),
				'coalesce(csec.person_title(a.person), csec.login_title(a.login))', pg_temp.title(E'\\xe79bb8e585b3e4babae59198'),
				'a.relid', pg_temp.title(E'\\xe695b0e68daee8a1a8'),
				'a.subject', pg_temp.title(E'\\xe5aea2e688b7e7bc96e58fb7'),
				'a.times', pg_temp.title(E'\\xe6aca1e695b0'),
				'a.at', pg_temp.title(E'\\xe58f91e7949fe697b6e997b4'),
				'a.last_at', pg_temp.title(E'\\xe69c80e8bf91e58f91e7949fe697b6e997b4'),
				'a.raised_at', pg_temp.title(E'\\xe5918ae8ada6e697b6e997b4'),
				'csec.person_title(a.acknowledged_by)', pg_temp.title(E'\\xe7a1aee8aea4e4baba'),
				'a.acknowledged_at', pg_temp.title(E'\\xe7a1aee8aea4e697b6e997b4'),
				'a.reason', pg_temp.title(E'\\xe7a1aee8aea4e8afb4e6988e'),
				'a.incident', pg_temp.title(E'\\xe4ba8be4bbb6e7bc96e58fb7'),
				'a.first_seq', pg_temp.title(E'\\xe8aeb0e5bd95e58fb7')],
			'csec_admin, csec_auditor, csec_officer', 'csec.alert'),
		(pg_temp.title(E'\\xe4babae59198e68c87e6a087'), 'csec.person_indicators i',
			ARRAY['i.person', pg_temp.title(E'\\xe4babae59198e7bc96e58fb7'),
				'i.name', pg_temp.title(E'\\xe5a793e5908d'),
				'i.department', pg_temp.title(E'\\xe983a8e997a8'),
				'i.open_findings', pg_temp.title(E'\\xe69caae695b4e694b9e997aee9a298e695b0'),
				'i.overdue_findings', pg_temp.title(E'\\xe980bee69c9fe997aee9a298e695b0'),
				'i.overdue_reviews', pg_temp.title(E'\\xe980bee69c9fe5aea1e69fa5e695b0'),
				'i.open_alerts', pg_temp.title(E'\\xe69caae7a1aee8aea4e5918ae8ada6e695b0'),
				'i.alerts_30_days', pg_temp.title(E'\\xe8bf913330e5a4a9e5918ae8ada6e695b0'),
				'i.unreviewed_break_glass', pg_temp.title(E'\\xe69caae5a48de69fa5e7b4a7e680a5e8aebfe997aee695b0')],
			'csec_auditor, csec_officer', 'csec.person_indicators'),
		(pg_temp.title(E'\\xe983a8e997a8e68c87e6a087'), 'csec.department_indicators i',
			ARRAY['i.department', pg_temp.title(E'\\xe983a8e997a8'),
				'i.persons', pg_temp.title(E'\\xe4babae695b0'),
				'i.open_findings', pg_temp.title(E'\\xe69caae695b4e694b9e997aee9a298e695b0'),
				'i.overdue_findings', pg_temp.title(E'\\xe980bee69c9fe997aee9a298e695b0'),
				'i.overdue_reviews', pg_temp.title(E'\\xe980bee69c9fe5aea1e69fa5e695b0'),
				'i.open_alerts', pg_temp.title(E'\\xe69caae7a1aee8aea4e5918ae8ada6e695b0'),
				'i.alerts_30_days', pg_temp.title(E'\\xe8bf913330e5a4a9e5918ae8ada6e695b0'),
				'i.unreviewed_break_glass', pg_temp.title(E'\\xe69caae5a48de69fa5e7b4a7e680a5e8aebfe997aee695b0')],
			'csec_auditor, csec_officer', 'csec.department_indicators'),
		(pg_temp.title(E'\\xe4babae59198'), 'csec.person p LEFT JOIN csec.record_word s ON s.word = ''person '' || p.state',
			ARRAY['p.id', pg_temp.title(E'\\xe4babae59198e7bc96e58fb7'),
				'p.name', pg_temp.title(E'\\xe5a793e5908d'),
				'p.department', pg_temp.title(E'\\xe983a8e997a8'),
				'p.post', pg_temp.title(E'\\xe5b297e4bd8d'),
				'csec.person_title(p.manager)', pg_temp.title(E'\\xe4b8bbe7aea1'),
				'coalesce(s.title_zh, p.state)', pg_temp.title(E'\\xe78ab6e68081'),
				'p.since', pg_temp.title(E'\\xe78ab6e68081e8b5b7e5a78be697b6e997b4')],
			'csec_admin, csec_auditor, csec_officer', 'csec.person')) t (title, source, columns, readers, twin)
	LOOP
		SELECT string_agg(format('%s AS %I', v.columns[n], v.columns[n + 1]), ', ' ORDER BY n) INTO made
			FROM generate_series(1, cardinality(v.columns), 2) n;
		EXECUTE format('CREATE VIEW csec_zh.%I AS SELECT %s FROM %s', v.title, made, v.source);
		EXECUTE format('REVOKE ALL ON csec_zh.%I FROM PUBLIC', v.title);
		EXECUTE format('GRANT SELECT ON csec_zh.%I TO %s', v.title, v.readers);
		EXECUTE format('COMMENT ON VIEW csec_zh.%I IS %L', v.title, 'twin with Chinese titles of ' || v.twin);
	END LOOP;

	EXECUTE format($f$CREATE FUNCTION csec_zh.%1$I(%2$I regclass, %3$I text, %4$I timestamptz DEFAULT NULL, %5$I timestamptz DEFAULT NULL,
			OUT %6$I text, OUT %7$I int8, OUT %8$I jsonb) RETURNS SETOF record
		LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
		AS $b$ SELECT part, no, content FROM csec.titled_record($1, $2, $3, $4) $b$;
		REVOKE ALL ON FUNCTION csec_zh.%1$I(regclass, text, timestamptz, timestamptz) FROM PUBLIC;
		GRANT EXECUTE ON FUNCTION csec_zh.%1$I(regclass, text, timestamptz, timestamptz) TO csec_admin, csec_auditor, csec_officer;
		COMMENT ON FUNCTION csec_zh.%1$I(regclass, text, timestamptz, timestamptz) IS 'twin with Chinese titles of csec.customer_record()'$f$,
		pg_temp.title(E'\\xe5aea2e688b7e8aeb0e5bd95'), pg_temp.title(E'\\xe695b0e68daee8a1a8'), pg_temp.title(E'\\xe5aea2e688b7e7bc96e58fb7'), pg_temp.title(E'\\xe8b5b7e5a78be697b6e997b4'), pg_temp.title(E'\\xe688aae6ada2e697b6e997b4'), pg_temp.title(E'\\xe983a8e58886'), pg_temp.title(E'\\xe5ba8fe58fb7'), pg_temp.title(E'\\xe58685e5aeb9'));
	EXECUTE format($f$CREATE FUNCTION csec_zh.%1$I(%2$I regclass, %3$I text, %4$I timestamptz DEFAULT NULL, %5$I timestamptz DEFAULT NULL) RETURNS text
		LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
		AS $b$ SELECT csec.customer_record_html($1, $2, $3, $4, 'zh') $b$;
		REVOKE ALL ON FUNCTION csec_zh.%1$I(regclass, text, timestamptz, timestamptz) FROM PUBLIC;
		GRANT EXECUTE ON FUNCTION csec_zh.%1$I(regclass, text, timestamptz, timestamptz) TO csec_admin, csec_auditor, csec_officer;
		COMMENT ON FUNCTION csec_zh.%1$I(regclass, text, timestamptz, timestamptz) IS 'twin in Chinese of csec.customer_record_html()'$f$,
		pg_temp.title(E'\\xe5aea2e688b7e8aeb0e5bd95e7bd91e9a1b5'), pg_temp.title(E'\\xe695b0e68daee8a1a8'), pg_temp.title(E'\\xe5aea2e688b7e7bc96e58fb7'), pg_temp.title(E'\\xe8b5b7e5a78be697b6e997b4'), pg_temp.title(E'\\xe688aae6ada2e697b6e997b4'));
EXCEPTION WHEN null_value_not_allowed THEN
	-- a title that the encoding does not have
	NULL;
END
$$;
DROP FUNCTION pg_temp.title(bytea), pg_temp.add_trigger(regclass, name, text, text), pg_temp.sign_rows(regclass),
	pg_temp.record_rows(regclass, name, text), pg_temp.count_policy(regclass), pg_temp.ship_rules(regclass, name[]);
