# Statements that lead values out: what Debian's sqlsmith rarely comes to.  Columns go through
# random nestings of what makes other values of them, and leave by a random way.
package Exits;
use strict;
use warnings;

my @tables = (
	[ 'cust', qw(name phone email address note id_no card born) ],
	[ 'orders', 'phone' ], [ 'visits', 'note' ], [ 'kept', qw(name phone) ], [ 'shown', qw(name dialled id_no other) ]);

# of text, to text: each %s is one operand
my @texts = (
	'(%s)::text', '(%s)::varchar', '(%s)::text::bpchar', 'upper(%s)', 'lower(%s)', 'reverse(%s)', 'md5(%s)', 'initcap(%s)',
	"format('%%s|%%L', %s, 1)", 'concat(%s, 1)', "concat_ws('-', %s, %s)", "(%s) || ''", 'substr((%s)::text, 2)',
	'left(%s, 9)', 'right(%s, 9)', "replace((%s)::text, '*', '')", "regexp_replace(%s, '(.)', '<\\1>', 'g')",
	"split_part((%s)::text, '@', 1)", "translate((%s)::text, '0123456789', 'abcdefghij')", 'quote_literal(%s)', 'quote_ident((%s)::text)',
	"encode(convert_to((%s)::text, 'UTF8'), 'hex')", "encode(convert_to((%s)::text, 'UTF8'), 'base64')", 'to_json(%s)::text',
	'to_jsonb(ARRAY[%s])::text', 'json_build_object(1, %s)::text', 'jsonb_build_array(%s, 1)::text', 'ARRAY[%s]::text',
	'(ARRAY[%s, NULL])[1]', "array_to_string(ARRAY[%s], ',')", 'ROW(%s, 1)::text', 'hstore(ARRAY[(%s)::text, NULL])::text',
	'COALESCE(%s, NULL)', 'CASE WHEN random() < 2 THEN %s END', 'GREATEST((%s)::text, NULL)', 'NULLIF(%s, NULL)',
	'xmlelement(name a, %s)::text', 'xmlforest(%s AS b)::text', 'to_tsvector((%s)::text)::text', 'string_to_array((%s)::text, NULL)::text',
	"overlay((%s)::text placing 'x' from 1)", 'ascii(%s)::text', 'length(%s)::text', "lpad((%s)::text, 40, '#')", "repeat((%s)::text, 2)",
	'(SELECT %s)', '(SELECT max(x) FROM (VALUES ((%s)::text)) v(x))', "pg_typeof(%s)::text", 'trim(%s)', "textcat(%s, '')", 'hashtext(%s)::text');
my @aggregates = (
	'%s', '%s', '%s', '%s', "string_agg((%s)::text, ',')", 'array_agg(%s)', 'json_agg(%s)', 'jsonb_object_agg(random(), %s)', 'min((%s)::text)',
	'max(%s)', 'mode() WITHIN GROUP (ORDER BY %s)', 'percentile_disc(0.5) WITHIN GROUP (ORDER BY (%s)::text)', 'count(DISTINCT %s)', 'xmlagg(xmlelement(name x, %s))');
my @conditions = (
	'true', 'id > 0', "(%s)::text LIKE '%%8246%%'", "%s ~ 'canary'", "(%s)::text > '5'", '%s IS NOT NULL', '%s = %s', '%s <> %s', '%s IN (SELECT phone FROM orders)',
	"%s IS DISTINCT FROM 'x'", "length(%s) > 3", "position('8' in (%s)::text) > 0", '1 / (length(%s) - 11) IS NULL', '(%s)::int8 > 0', '(%s)::text::date IS NULL', '(%s)::text::jsonb IS NULL');
my @ways = (
	'SELECT {e} FROM {t}', 'SELECT {e}, {e} FROM {t} WHERE {c}', 'SELECT {a} FROM {t}', 'SELECT DISTINCT {e} FROM {t} WHERE {c} ORDER BY 1',
	'SELECT t FROM {t} t WHERE {c}', 'SELECT (t).*, {e} FROM {t} t', 'SELECT row_to_json(t) FROM {t} t', 'SELECT t::text || {e} FROM {t} t',
	'COPY (SELECT {e} FROM {t}) TO STDOUT', 'COPY (SELECT {e}, {c} FROM {t}) TO STDOUT (FORMAT csv)', 'COPY (SELECT {p} FROM {t}) TO STDOUT (FORMAT binary)', 'TABLE {t}',
	'DECLARE c CURSOR FOR SELECT {e} FROM {t} WHERE {c}; FETCH ALL FROM c', 'DECLARE c SCROLL CURSOR FOR SELECT {p} FROM {t}; FETCH LAST FROM c; FETCH PRIOR FROM c',
	'PREPARE p AS SELECT {e} FROM {t} WHERE {c}; EXECUTE p; DEALLOCATE p', 'CREATE TABLE own.c AS SELECT {e} AS x FROM {t}; TABLE own.c', 'CREATE TEMP TABLE c AS SELECT {p} AS x FROM {t}; SELECT x::text, x FROM c',
	'CREATE MATERIALIZED VIEW own.m AS SELECT {e} AS x FROM {t}; TABLE own.m', 'CREATE VIEW own.v AS SELECT {e} AS x FROM {t} WHERE {c}; SELECT * FROM own.v',
	'INSERT INTO own.notes (t) SELECT {e} FROM {t}; SELECT t FROM own.notes', 'INSERT INTO own.notes (p) SELECT {p} FROM {t} RETURNING p, p::text',
	'UPDATE own.notes SET t = (SELECT {e} FROM {t} LIMIT 1) RETURNING *', 'UPDATE {t} SET {p} = {p} WHERE {c} RETURNING {e}', 'UPDATE {t} SET {p} = {e} RETURNING {p}', 'DELETE FROM {t} WHERE {c} RETURNING {e}',
	'DO $$ DECLARE r record; BEGIN FOR r IN SELECT {e} AS x FROM {t} LOOP RAISE NOTICE \'%\', r; END LOOP; END $$',
	'DO $$ DECLARE v text; BEGIN SELECT {e} INTO v FROM {t} WHERE {c} LIMIT 1; RAISE EXCEPTION \'%\', v; END $$',
	'DO $$ DECLARE v public.cust; BEGIN SELECT * INTO v FROM public.cust LIMIT 1; RAISE NOTICE \'% % %\', v, v.phone, v.id_no::text; PERFORM v.name::text::int; END $$',
	'SELECT {e}::int FROM {t}', 'SELECT ({e})::date FROM {t}', 'SELECT ({e})::numeric FROM {t} WHERE {c}', 'SELECT 1 / (CASE WHEN {c} THEN 0 ELSE 0 END), {e} FROM {t}', 'SELECT set_config(\'csec.actor\', {e}, true) FROM {t}',
	'EXPLAIN (ANALYZE, VERBOSE, COSTS off, TIMING off) SELECT {e} FROM {t} WHERE {c} ORDER BY {p}', 'SELECT {e} FROM {t} UNION SELECT t FROM own.notes', 'SELECT {e} FROM {t} INTERSECT SELECT {e} FROM {t}',
	'SELECT {p}, lag({p}) OVER (ORDER BY {e}), rank() OVER (PARTITION BY {p} ORDER BY id) FROM {t}', 'WITH RECURSIVE w AS (SELECT 1 AS n, {e} AS x FROM {t} UNION ALL SELECT n + 1, x FROM w WHERE n < 2) SELECT * FROM w',
	'WITH w AS MATERIALIZED (SELECT {e} AS x, {p} FROM {t} WHERE {c}) SELECT x, w FROM w', 'SELECT definer(1), (definer(2)).*, {e} FROM {t} LIMIT 3', 'SELECT query_to_xml(\'SELECT {p} FROM {t}\', true, false, \'\')',
	'SELECT table_to_xml(\'{t}\', true, false, \'\')', 'SELECT cursor_to_xml(\'c\', 1, true, false, \'\') FROM {t}', 'SELECT * FROM ROWS FROM (jsonb_array_elements_text((SELECT jsonb_agg({p}) FROM {t}))) x',
	'SELECT j.* FROM {t} t, json_populate_record(NULL::public.cust, row_to_json(t)) j', 'SELECT array_agg({p})::text[], array_agg({p})::csec.phone[] FROM {t}', 'SELECT lo_from_bytea(0, convert_to({e}, \'UTF8\')) FROM {t} LIMIT 1',
	'SET LOCAL row_security = off; SELECT {e}, {p} FROM {t}', 'SET LOCAL enable_seqscan = off; SET LOCAL force_parallel_mode = on; SELECT {e} FROM {t} WHERE {c}', 'SET LOCAL client_min_messages = debug5; SELECT {e} FROM {t} WHERE {c}',
	'SET LOCAL search_path = pg_catalog; SELECT {e} FROM public.{t}', 'SET LOCAL bytea_output = escape; SELECT textsend({e}), record_send(t) FROM {t} t', 'SET LOCAL client_encoding = LATIN1; SELECT {e} FROM {t}',
	'MERGE INTO own.notes n USING {t} t ON n.id = t.{p}::text::int WHEN NOT MATCHED THEN INSERT (t) VALUES (t.{p}::text)', 'MERGE INTO own.notes n USING public.cust t ON n.id = t.id WHEN MATCHED THEN UPDATE SET t = t.phone::text; SELECT t FROM own.notes',
	'INSERT INTO {t} SELECT * FROM {t} ON CONFLICT DO NOTHING RETURNING *', 'INSERT INTO cust SELECT * FROM cust ON CONFLICT (id) DO UPDATE SET phone = excluded.phone, city = {x} RETURNING *', 'INSERT INTO cust (id, phone) SELECT -id, phone FROM cust RETURNING phone',
	'CREATE FUNCTION own.f(text) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE NOTICE \'spy %\', $1; RETURN true; END $$; SELECT id FROM {t} WHERE own.f({e}) AND {c}',
	'CREATE FUNCTION own.g(csec.masked) RETURNS text LANGUAGE sql AS \'SELECT $1::text\'; SELECT own.g({p}) FROM {t}', 'CREATE AGGREGATE own.cat(text) (SFUNC = textcat, STYPE = text); SELECT own.cat({e}) FROM {t}',
	'CREATE INDEX ON {t} (({e}))', 'ALTER TABLE {t} ADD CHECK ({c})', 'CREATE STATISTICS own.s ON ({e}), id FROM {t}; ANALYZE {t}; SELECT * FROM pg_stats_ext_exprs', 'ANALYZE {t}; SELECT most_common_vals, histogram_bounds FROM pg_stats WHERE tablename = \'{t}\'',
	'SELECT pg_get_viewdef(\'shown\'), {e} FROM {t} LIMIT 1', 'ALTER TABLE {t} ALTER {p} TYPE text; TABLE {t}', 'CREATE TABLE own.k (x csec.phone PRIMARY KEY); INSERT INTO own.k SELECT phone FROM cust; INSERT INTO own.k SELECT phone FROM cust', 'SELECT csec.category_of({p}), csec.masked_eq({p}, {p}) FROM {t}',
	'SELECT pg_notify(\'c\', {e}) FROM {t} LIMIT 2', 'CREATE DOMAIN own.d AS text CHECK (VALUE = \'x\'); SELECT {e}::own.d FROM {t}', 'SELECT to_number({e}, \'999\'), to_date({e}, \'YYYY\') FROM {t}', 'SELECT {p}::csec.email, {p}::csec.id_card FROM {t}');

sub pick { return $_[ rand @_ ] }

sub expression
{
	my ($depth, @columns) = @_;
	return pick(@columns) if $depth <= 0;
	my $form = pick(@texts);
	$form =~ s/%s/expression(int(rand($depth)), @columns)/ge;
	return $form =~ s/%%/%/gr;
}

sub filled
{
	my ($form, @columns) = @_;
	$form =~ s/%s/pick(@columns)/ge;
	return $form =~ s/%%/%/gr;
}

# One statement, or some that belong together.
sub statement
{
	my ($table, @columns) = @{ pick(@tables) };
	my %part = (
		t => sub { $table }, p => sub { pick(@columns) }, e => sub { expression(int(rand(4)), @columns) },
		x => sub { 'excluded.name::text' },
		c => sub { filled(pick(@conditions), @columns) }, a => sub { filled(pick(@aggregates), @columns) });
	return pick(@ways) =~ s/\{(\w)\}/$part{$1}->()/ger;
}

1;
