-- The plan's lines about the subject: do its columns name one customer a row?

-- Is there a unique index on these columns or some of them?  In a partitioned
-- table the columns that it is partitioned by may be there in addition, as
-- PostgreSQL demands them.
CREATE FUNCTION csec.is_unique(tab regclass, columns text[]) RETURNS boolean
	LANGUAGE sql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT EXISTS (
			SELECT FROM pg_index i
			WHERE i.indrelid = tab AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
				AND NOT EXISTS (
					SELECT FROM unnest(i.indkey[0:i.indnkeyatts - 1]) k JOIN pg_attribute a ON a.attrelid = tab AND a.attnum = k
					WHERE a.attname <> ALL (columns)
						AND NOT EXISTS (SELECT FROM pg_partitioned_table p WHERE p.partrelid = tab AND a.attnum = ANY (p.partattrs)))
				AND EXISTS (
					SELECT FROM unnest(i.indkey[0:i.indnkeyatts - 1]) k JOIN pg_attribute a ON a.attrelid = tab AND a.attnum = k
					WHERE a.attname = ANY (columns)))
	$$;
REVOKE ALL ON FUNCTION csec.is_unique(regclass, text[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.is_unique(regclass, text[]) IS 'internal: do columns tell the rows of a table apart?';

-- A kind of key: equal keys of one kind have the same text in the trail.
CREATE FUNCTION csec.key_kind(type regtype) RETURNS text
	LANGUAGE sql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT CASE
			WHEN b IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) THEN 'integer'
			WHEN b IN ('text'::regtype, 'varchar'::regtype) THEN 'text'
			WHEN b = 'uuid'::regtype THEN 'uuid'
			WHEN b = 'numeric'::regtype THEN 'numeric' END
		FROM csec.base_type(type) b
	$$;
REVOKE ALL ON FUNCTION csec.key_kind(regtype) FROM PUBLIC;
COMMENT ON FUNCTION csec.key_kind(regtype) IS 'internal: the kind of a subject key''s column; null: it cannot be one';

CREATE FUNCTION csec.plan_subject_columns(request csec.protect_request) RETURNS SETOF csec.plan_row
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	s text;
	a pg_attribute;
	type regtype;
BEGIN
	FOREACH s IN ARRAY request.subject LOOP
		a := (SELECT t FROM pg_attribute t WHERE t.attrelid = request.tab AND t.attname = s AND t.attnum > 0 AND NOT t.attisdropped);
		type := csec.base_type(a.atttypid);
		IF a.attname IS NULL THEN
			RETURN NEXT csec.refusal(s, format('subject column "%s" does not exist', s), '42703', 'Name columns of the table.');
		ELSIF type IN ('csec.masked'::regtype, 'csec.encrypted'::regtype) OR request.fields ? s THEN
			RETURN NEXT csec.refusal(s, format('subject column "%s" is to be a masked field', s), '42809',
				'Subjects stand in the trail as they are: use a key that is not confidential.');
		ELSIF a.attgenerated = 'v' THEN
			RETURN NEXT csec.refusal(s, format('subject column "%s" is generated and not stored', s), '42809',
				'No row has its value, so no record could: make it STORED, or name the columns that it is made of.');
		ELSIF csec.key_kind(type) IS NULL THEN
			RETURN NEXT csec.refusal(s, format('subject column "%s" is of type %s', s, type), '42804',
				'A key is of an integer type, text, varchar, uuid or numeric.');
		ELSIF EXISTS (SELECT FROM pg_collation WHERE oid = a.attcollation AND NOT collisdeterministic) THEN
			RETURN NEXT csec.refusal(s, format('subject column "%s" has a collation under which different texts are equal', s), '0A000',
				'Give it a deterministic collation, or name another key: the trail tells customers apart by the text of their keys.');
		ELSIF NOT a.attnotnull AND request.subject_of IS NULL THEN
			RETURN NEXT csec.refusal(s, format('subject column "%s" may be null', s), '42830', 'Set it NOT NULL: each row is about somebody.');
		ELSIF NOT a.attnotnull THEN
			RETURN NEXT csec.step('note', s, 'rows in which it is null are about nobody');
		END IF;
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION csec.plan_subject_columns(csec.protect_request) FROM PUBLIC;
COMMENT ON FUNCTION csec.plan_subject_columns(csec.protect_request) IS 'internal: what is wrong with the subject columns';

CREATE FUNCTION csec.plan_subject_of(request csec.protect_request) RETURNS SETOF csec.plan_row
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	name text := csec.qualified(request.subject_of);
	customer csec.protected_table := (SELECT p FROM csec.protected_table p WHERE p.relid = request.subject_of);
	kinds text[];
BEGIN
	IF customer.relid IS NULL OR customer.subject_of IS NOT NULL THEN
		RETURN NEXT csec.refusal('subject_of', format('%s is not a protected table with subjects of its own', coalesce(name, request.subject_of::text)),
			'42704', 'Protect the table of customers first, and name that one.');
		RETURN;
	END IF;
	kinds := ARRAY(SELECT csec.key_kind(a.atttypid) FROM unnest(customer.subject) WITH ORDINALITY u (s, n)
		JOIN pg_attribute a ON a.attrelid = request.subject_of AND a.attname = s ORDER BY n);
	IF kinds IS DISTINCT FROM ARRAY(SELECT csec.key_kind(a.atttypid) FROM unnest(request.subject) WITH ORDINALITY u (s, n)
			JOIN pg_attribute a ON a.attrelid = request.tab AND a.attname = s ORDER BY n) THEN
		RETURN NEXT csec.refusal('subject', format('the subject columns do not match the key of %s: %s', name, array_to_string(kinds, ', ')),
			'42804', 'Name as many columns, in the same order and of the same kinds of types.');
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.plan_subject_of(csec.protect_request) FROM PUBLIC;
COMMENT ON FUNCTION csec.plan_subject_of(csec.protect_request) IS 'internal: do the subjects match those of the table of customers?';

CREATE FUNCTION csec.plan_subject(request csec.protect_request) RETURNS SETOF csec.plan_row
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF array_ndims(request.subject) > 1 OR coalesce(cardinality(request.subject), 0) NOT BETWEEN 1 AND 8 OR EXISTS (SELECT FROM unnest(request.subject) s WHERE s IS NULL)
		OR cardinality(request.subject) > (SELECT count(DISTINCT s) FROM unnest(request.subject) s) THEN
		RETURN NEXT csec.refusal('subject', 'a subject is said by one to eight different columns', '22023',
			'Give subject => ''id'', or an array of columns.');
		RETURN;
	END IF;
	RETURN QUERY SELECT * FROM csec.plan_subject_columns(request);
	IF request.subject_of IS NOT NULL THEN
		RETURN QUERY SELECT * FROM csec.plan_subject_of(request);
	ELSIF NOT csec.is_unique(request.tab, request.subject) AND NOT EXISTS (
			SELECT FROM csec.plan_subject_columns(request) p WHERE p.kind = 'refuse') THEN
		RETURN NEXT csec.refusal('subject', format('the subject (%s) is not unique', array_to_string(request.subject, ', ')), '42830',
			'Add a unique constraint; for a table that refers to customers, name theirs as subject_of.');
	ELSIF (SELECT relkind FROM pg_class WHERE oid = request.tab) = 'p' OR (SELECT count(*) FROM csec.tree(request.tab)) > 1 THEN
		RETURN NEXT csec.step('note', array_to_string(request.subject, ', '), 'that a subject is in one partition only is taken on trust');
	END IF;
END
$$;
REVOKE ALL ON FUNCTION csec.plan_subject(csec.protect_request) FROM PUBLIC;
COMMENT ON FUNCTION csec.plan_subject(csec.protect_request) IS 'internal: what is wrong with the subject';
