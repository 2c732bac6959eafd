-- By hand: the generic trigger that most databases carry, old and new row as
-- jsonb, with the columns that changed.
CREATE TABLE trail.changes (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at timestamptz NOT NULL DEFAULT clock_timestamp(),
	transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
	login name NOT NULL DEFAULT session_user,
	client inet DEFAULT inet_client_addr(),
	application text DEFAULT current_setting('application_name'),
	relation regclass NOT NULL,
	action text NOT NULL,
	old_row jsonb,
	new_row jsonb,
	changed jsonb
);
CREATE INDEX ON trail.changes (relation, at);

CREATE FUNCTION audit_row() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	old_row jsonb;
	new_row jsonb;
	changed jsonb;
BEGIN
	IF TG_OP <> 'INSERT' THEN
		old_row := to_jsonb(OLD);
	END IF;
	IF TG_OP <> 'DELETE' THEN
		new_row := to_jsonb(NEW);
	END IF;
	IF TG_OP = 'UPDATE' THEN
		SELECT jsonb_object_agg(n.key, n.value) INTO changed
		  FROM jsonb_each(new_row) n
		  JOIN jsonb_each(old_row) o ON o.key = n.key
		 WHERE n.value IS DISTINCT FROM o.value;
	END IF;
	INSERT INTO trail.changes (relation, action, old_row, new_row, changed)
	VALUES (TG_RELID, TG_OP, old_row, new_row, changed);
	RETURN NULL;
END $$;
