-- By hand: the application reads through functions that insert one row for
-- each subject read.
CREATE TABLE trail.reads (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at timestamptz NOT NULL DEFAULT clock_timestamp(),
	login name NOT NULL DEFAULT session_user,
	client inet DEFAULT inet_client_addr(),
	application text DEFAULT current_setting('application_name'),
	reason text,
	relation regclass NOT NULL,
	subject bigint NOT NULL
);
CREATE INDEX ON trail.reads (relation, subject);
