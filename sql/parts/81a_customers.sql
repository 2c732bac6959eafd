-- How a customer is named in a request, and who is one himself.

-- Customers in the form that the trail has.
CREATE FUNCTION csec.subjects_as_filed(action text, tab regclass, subjects text[]) RETURNS text[]
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	kinds text[] := csec.subject_kinds(tab);
	one text;
	parts text[];
	filed text[] := '{}';
BEGIN
	FOREACH one IN ARRAY subjects LOOP
		parts := CASE WHEN cardinality(kinds) = 1 THEN ARRAY[one] ELSE csec.subject_parts(one) END;
		FOR n IN 1 .. cardinality(kinds) LOOP
			IF NOT coalesce(csec.key_as_filed(kinds[n], parts[n]) IS NOT NULL AND octet_length(parts[n]) <= 2700 AND cardinality(parts) = cardinality(kinds), false) THEN
				PERFORM csec.refuse(action, tab::text, 'a customer of this table is named by ' ||
						CASE WHEN cardinality(kinds) > 1 THEN 'a key of several columns' WHEN kinds[n] = 'integer' THEN 'an integer' ELSE 'a key of its type' END,
					'Give the keys as texts; of several columns, csec.subject_key(...).', 'invalid_parameter_value');
			END IF;
			parts[n] := csec.key_as_filed(kinds[n], parts[n]);
		END LOOP;
		filed := filed || csec.subject_key(VARIADIC parts);
	END LOOP;
	RETURN filed;
END
$$;
REVOKE ALL ON FUNCTION csec.subjects_as_filed(text, regclass, text[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.subjects_as_filed(text, regclass, text[]) IS 'internal: customers by the names that the trail has for them, or the refusal of what can be none';

-- The customers, each once; never the person himself.
CREATE FUNCTION csec.subjects_for(action text, tab regclass, who text, subjects text[]) RETURNS text[]
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	wanted text[];
BEGIN
	IF subjects IS NULL THEN
		RETURN NULL;
	END IF;
	SELECT array_agg(DISTINCT s) INTO wanted FROM unnest(csec.subjects_as_filed(action, tab, subjects)) s;
	IF coalesce(cardinality(wanted), 0) NOT BETWEEN 1 AND 10000 THEN
		PERFORM csec.refuse(action, tab::text, 'from 1 to 10000 customers can be named', 'Null asks for all of them.', 'invalid_parameter_value');
	END IF;
	IF wanted && csec.own_subjects(who, tab) THEN
		PERFORM csec.refuse(action, tab::text, 'nobody gets a permit for himself as a customer', 'Ask as every customer does.');
	END IF;
	RETURN wanted;
END
$$;
REVOKE ALL ON FUNCTION csec.subjects_for(text, regclass, text, text[]) FROM PUBLIC;
COMMENT ON FUNCTION csec.subjects_for(text, regclass, text, text[]) IS 'internal: the customers of a request, in one form';

CREATE FUNCTION csec.own_subjects(who text, tab regclass) RETURNS text[]
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
		SELECT array_agg(c.subject) FROM csec.person_customer c
			WHERE c.person = who AND c.relid IN (tab, (SELECT t.subject_of FROM csec.protected_table t WHERE t.relid = tab))
	$$;
REVOKE ALL ON FUNCTION csec.own_subjects(text, regclass) FROM PUBLIC;
COMMENT ON FUNCTION csec.own_subjects(text, regclass) IS 'internal: as which customers of a table a person is known himself';
