-- preflight.sql: can csec be installed on this server, and what should be known
-- before?  Needs nothing of csec, changes nothing, and is run in the database
-- that holds the customers, best as a superuser:
--
--	psql -X -d yourdatabase -f preflight.sql
--
-- "stop": csec will not run.  "change": a setting to change first.  "note":
-- works, and is good to know.

BEGIN TRANSACTION READ ONLY;

WITH setting AS (
	SELECT
		current_setting('server_version_num')::int / 10000 AS version,
		current_setting('wal_level') AS wal_level,
		(SELECT string_to_array(translate(setting, ' "', ''), ',') FROM pg_settings WHERE name = 'shared_preload_libraries') AS preloaded,
		current_setting('max_replication_slots')::int AS slots,
		(SELECT count(*) FROM pg_replication_slots)::int AS slots_used,
		current_setting('max_worker_processes')::int AS workers,
		(SELECT setting::bigint FROM pg_settings WHERE name = 'max_slot_wal_keep_size') AS slot_keep_mb,
		(SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
		(SELECT string_agg(rolname, ', ') FROM pg_roles
			WHERE rolname IN ('rds_superuser', 'cloudsqlsuperuser', 'azure_pg_admin', 'alloydbsuperuser', 'supabase_admin')) AS managed_by
), finding (ord, verdict, what, remedy) AS (
	SELECT 1, 'stop', format('PostgreSQL %s: csec is for 15', version), 'Use a server of version 15.'
	FROM setting WHERE version <> 15
	UNION ALL
	SELECT 2, 'stop', format('this looks like a managed server (role %s)', managed_by),
		'csec must be in shared_preload_libraries and on the server''s disk. Ask the provider; most do not allow it.'
	FROM setting WHERE managed_by IS NOT NULL
	UNION ALL
	SELECT 3, 'stop', 'this server is a standby', 'Run this on the primary. Reads of protected tables are refused on standbys.'
	WHERE pg_is_in_recovery()
	UNION ALL
	SELECT 5, 'change', format('%s is not superuser', current_user), 'CREATE EXTENSION csec needs one.'
	FROM setting WHERE NOT superuser
	UNION ALL
	SELECT 6, 'change', 'csec is not in shared_preload_libraries',
		format('Set shared_preload_libraries = ''%s'' and restart the server.', array_to_string(array_remove(preloaded, '') || 'csec'::text, ', '))
	FROM setting WHERE preloaded IS NOT NULL AND 'csec' <> ALL (preloaded)
	UNION ALL
	SELECT 7, 'change', 'wal_level is minimal', 'Set wal_level = replica and restart: the trail travels in the WAL.'
	FROM setting WHERE wal_level = 'minimal'
	UNION ALL
	SELECT 8, 'change', format('all %s replication slots are taken', slots), 'Raise max_replication_slots and restart: each database with csec needs one.'
	FROM setting WHERE slots_used >= slots
	UNION ALL
	SELECT 9, 'change', format('max_slot_wal_keep_size is %s MB', slot_keep_mb), 'Set it to -1, or above csec.max_unsealed (1024 MB): beyond it WAL goes before it is sealed.'
	FROM setting WHERE slot_keep_mb BETWEEN 0 AND 1024
	UNION ALL
	SELECT 10, 'change', format('max_worker_processes is %s', workers), 'csec uses one worker, and two for each database that has a trail. Raise it and restart.'
	FROM setting WHERE workers < 4
	UNION ALL
	SELECT 11, 'change', 'extension pgcrypto is not available', 'Install the contrib package of PostgreSQL.'
	WHERE NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pgcrypto')
	UNION ALL
	-- (what DROP EXTENSION csec leaves is an empty one)
	SELECT 12, 'stop', format('there is a schema %I that is not of the extension', nspname), 'Rename it: csec''s schemas have fixed names.'
	FROM pg_namespace n WHERE nspname IN ('csec', 'csec_zh') AND NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'csec')
		AND (nspname = 'csec_zh' OR NOT (SELECT rolsuper FROM pg_roles r WHERE r.oid = nspowner)
			OR EXISTS (SELECT FROM aclexplode(nspacl) a WHERE a.grantee <> nspowner AND a.privilege_type <> 'USAGE')
			OR EXISTS (SELECT FROM pg_depend WHERE refclassid = 'pg_namespace'::regclass AND refobjid = n.oid AND classid <> 'pg_default_acl'::regclass))
	UNION ALL
	SELECT 13, 'change', format('%s has default privileges: who may use csec would not be as csec says', current_user),
		'Let a superuser create it who has none: CREATE ROLE csec_owner SUPERUSER; SET ROLE csec_owner; CREATE EXTENSION csec CASCADE.'
	WHERE EXISTS (SELECT FROM pg_default_acl WHERE defaclrole = current_user::regrole AND defaclnamespace IN (0, coalesce(to_regnamespace('csec'), 0)))
		AND NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'csec')
	UNION ALL
	SELECT 14, 'change', format('there is a role %I that is no group', rolname), 'csec gives roles of its names rights of their own: rename it.'
	FROM pg_roles WHERE rolname IN ('csec_auditor', 'csec_admin', 'csec_officer', 'csec_backup', 'csec_loader', 'csec_trail_reader', 'csec_management', 'csec_break_glass')
		AND (rolcanlogin OR rolsuper OR rolcreaterole OR rolbypassrls OR rolreplication)
	UNION ALL
	SELECT 13, 'change', format('publication %I publishes all tables', pubname),
		'It would publish csec''s own, too, which subscribers do not have, or do not take. Make one that names tables, or schemas.'
	FROM pg_publication WHERE puballtables
	UNION ALL
	SELECT 20, 'note', format('the database is in %s', pg_encoding_to_char(encoding)), 'Masks of anything but ASCII need UTF8: other text is shown as ***.'
	FROM pg_database WHERE datname = current_database() AND pg_encoding_to_char(encoding) <> 'UTF8'
	UNION ALL
	SELECT 21, 'note', format('%s logical replication slot(s) here', count(*)), 'They send fields whole to members of csec_backup, and refuse others: see docs/policy.md.'
	FROM pg_replication_slots WHERE slot_type = 'logical' AND database = current_database() HAVING count(*) > 0
	UNION ALL
	SELECT 22, 'note', 'statements are logged with what they contain',
		'A number typed into a statement stands in the log. Look at log_statement, log_min_duration_statement and log_parameter_max_length, and use parameters.'
	WHERE current_setting('log_statement') <> 'none' OR current_setting('log_min_duration_statement', true) <> '-1'
	UNION ALL
	SELECT 30, 'note', format('%s has %s', c.oid::regclass, pg_size_pretty(pg_table_size(c.oid))),
		'csec.protect() rewrites a table whose fields it masks, under lock; over 1 GB only with allow_lock => true.'
	FROM pg_class c
	WHERE c.relkind = 'r' AND c.relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema', 'csec_trail')
		AND c.relpages > 131072
	UNION ALL
	SELECT 31, 'note', format('%s looks like personal data (%s)', a.attrelid::regclass, string_agg(a.attname, ', ' ORDER BY a.attnum)),
		format('SELECT * FROM csec.plan_protect(%L, ...) will say what protecting it does.', a.attrelid::regclass::text)
	FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
	WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
		AND c.relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema', 'csec', 'csec_trail')
		AND a.atttypid IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'date'::regtype)
		AND a.attname ~* '(phone|mobile|e?mail|address|id_?(no|card)|passport|bank|iban|birth|ssn|姓名|电话|手机|邮箱|地址|身份证|银行卡|生日)'
	GROUP BY a.attrelid
	UNION ALL
	SELECT 99, 'ok', 'nothing found that keeps csec from running', 'Go on with README.md.'
)
SELECT verdict, what, remedy FROM finding f
WHERE ord < 99 OR NOT EXISTS (SELECT FROM finding WHERE verdict IN ('stop', 'change'))
ORDER BY ord, what;

COMMIT;
