-- Permits that last are looked at again, every 90 days: csec.access_limit says
-- how often.  What nobody keeps has ended by then, whether or not anything runs.

-- Is the first all of the second, or a part of it?  Null is everything.
CREATE FUNCTION csec.is_part(less anyarray, more anyarray) RETURNS bool
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
	AS $$ SELECT more IS NULL OR (less IS NOT NULL AND less <@ more) $$;
REVOKE ALL ON FUNCTION csec.is_part(anyarray, anyarray) FROM PUBLIC;
COMMENT ON FUNCTION csec.is_part(anyarray, anyarray) IS 'internal: does a list name nothing that the other one does not?';

CREATE FUNCTION csec.recertify(id int8, decision text, reason text, fields name[] DEFAULT NULL, subjects text[] DEFAULT NULL,
		max_rows int8 DEFAULT NULL, until timestamptz DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' AS $$
DECLARE
	who text := csec.acting_person('recertify', 'request ' || id);
	r csec.access_request := csec.request_to_move(id, ARRAY['approved', 'active', 'suspended'], 'recertify');
	again timestamptz := clock_timestamp() + csec.access_limit('recertify');
BEGIN
	PERFORM csec.check_not_concerned('recertify', r, who);
	IF NOT csec.is_data_owner(csec.login(), r.relid) THEN
		PERFORM csec.refuse('recertify', 'request ' || id, 'the owner of the data recertifies', 'Ask him.');
	END IF;
	PERFORM csec.check_reason('recertify', 'request ' || id, reason);
	IF decision = 'revoke' THEN
		PERFORM csec.enter_state(r, 'revoked', who, reason, '{"recertified": "revoke"}');
		RETURN;
	END IF;
	IF decision IS NULL OR decision NOT IN ('keep', 'reduce')
		OR (decision = 'reduce') <> (num_nonnulls(fields, subjects, max_rows, until) > 0) THEN
		PERFORM csec.refuse('recertify', 'request ' || id, 'a permit is kept, reduced or revoked', 'To reduce it, name what is left of it.', 'invalid_parameter_value');
	END IF;
	IF NOT csec.is_part(fields, r.fields) AND fields IS NOT NULL OR cardinality(fields) = 0
		OR NOT csec.is_part(subjects, r.subjects) AND subjects IS NOT NULL OR cardinality(subjects) = 0
		OR max_rows > r.max_rows OR max_rows < 1 OR until > r.valid_until OR until <= clock_timestamp() THEN
		PERFORM csec.refuse('recertify', 'request ' || id, 'what is left of a permit must be a part of it', 'For more, a request has to be made.', 'invalid_parameter_value');
	END IF;
	UPDATE csec.access_request q SET fields = coalesce(recertify.fields, q.fields), subjects = coalesce(recertify.subjects, q.subjects),
			max_rows = coalesce(recertify.max_rows, q.max_rows), valid_until = coalesce(recertify.until, q.valid_until),
			recertify_by = CASE WHEN coalesce(recertify.until, q.valid_until) > again THEN again END,
			changed_at = clock_timestamp(), changed_by = who, why = reason
		WHERE q.id = r.id RETURNING * INTO r;
	UPDATE csec.access_permit p SET fields = r.fields, subjects = r.subjects, max_rows = r.max_rows, valid_until = least(r.valid_until, r.recertify_by)
		WHERE p.id = r.id;
	PERFORM csec.control('access recertified', 'request ' || id, jsonb_strip_nulls(jsonb_build_object('person', who, 'for', r.person,
		'table', r.relid::text, 'decision', decision, 'fields', to_jsonb(r.fields), 'subjects', to_jsonb(r.subjects), 'rows', r.max_rows,
		'until', r.valid_until, 'again_by', r.recertify_by, 'reason', reason, 'policy', csec.policy_version())));
END
$$;
COMMENT ON FUNCTION csec.recertify(int8, text, text, name[], text[], int8, timestamptz) IS
	'the owner of the data looks at a permit again: keep, reduce (to what is named), revoke; one that nobody keeps ends by csec.access_requests.recertify_by';
