/*
 * key_keeper.c
 *		Stores how often keys have encrypted, and rotates those that are spent.
 *
 * The sealer does it because it is there, in each database, and sessions wake
 * it anyway.  A rotation that fails (the KEK is gone, say) is told in the log
 * and tried again when the next session wakes the sealer: it must not keep the
 * trail from being sealed.
 */
#include "sealer/key_keeper.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "audit/stream.h"
#include "keys/key_use.h"
#include "util/guc.h"
#include "util/subtransaction.h"

/* What the transaction stores.  More keys than this wait for the next time. */
typedef struct Kept
{
	CsecKeyUse *use;
	uint64		uses;
} Kept;

static Kept kept[64];
static int	nkept = 0;

static void
wake_sealer(void)
{
	CsecStream *stream = csec_stream_of(MyDatabaseId, false);

	if (stream != NULL)
		csec_stream_poke_sealer(stream);
}

void
csec_key_keeper_init(void)
{
	csec_key_use_due_hook = wake_sealer;
}

static void
store(CsecKeyUse *use, uint64 uses)
{
	Oid			types[3] = {INT4OID, INT4OID, INT8OID};
	Datum		args[3] = {UInt32GetDatum(use->id), Int32GetDatum(use->version),
	Int64GetDatum((int64) uses)};

	if (SPI_execute_with_args("INSERT INTO csec.key_use (id, version, uses) VALUES ($1, $2, $3) "
							  "ON CONFLICT (id, version) DO UPDATE SET uses = excluded.uses, stored_at = pg_catalog.now()",
							  3, types, args, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not write csec.key_use");
}

/* The key rotates, if this version of it is still the active one. */
static void
rotate(void *arg)
{
	CsecKeyUse *use = arg;
	Oid			types[2] = {INT4OID, INT4OID};
	Datum		args[2] = {UInt32GetDatum(use->id), Int32GetDatum(use->version)};
	char	   *name;

	if (SPI_execute_with_args("SELECT name FROM csec.key WHERE id = $1 AND version = $2 "
							  "AND purpose = 'data' AND state = 'active'",
							  2, types, args, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read csec.key");
	if (SPI_processed == 0)
		return;
	name = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	SPI_execute(psprintf("CALL csec.rotate_key(%s, %s)", quote_literal_cstr(name),
						 quote_literal_cstr("csec.key_max_uses was reached")), false, 0);
	ereport(LOG,
			(errmsg("key \"%s\" was rotated: version %u has encrypted csec.key_max_uses (%d) values",
					name, use->version, csec_key_max_uses)));
}

/* A failure is told, and nothing else comes of it. */
static void
try_rotate(CsecKeyUse *use)
{
	ErrorData  *error = csec_in_subtransaction(rotate, use);

	if (error == NULL)
		return;
	ereport(WARNING,
			(errmsg("could not rotate key %u, which has encrypted csec.key_max_uses values: %s",
					use->id, error->message),
			 errhint("CALL csec.rotate_key(...) before it encrypts no longer.")));
	FreeErrorData(error);
}

void
csec_keys_keep(void)
{
	int			n;
	CsecKeyUse **all = csec_key_use_all(&n);

	SPI_connect();
	nkept = 0;
	for (int i = 0; i < n; i++)
	{
		uint64		uses = pg_atomic_read_u64(&all[i]->uses);

		if (uses != pg_atomic_read_u64(&all[i]->stored) && nkept < lengthof(kept))
		{
			store(all[i], uses);
			kept[nkept++] = (Kept) {all[i], uses};
		}
		if (csec_key_use_spent(uses))
			try_rotate(all[i]);
	}
	SPI_finish();

	/* the margin of a start is for what is not stored, not for what is lost */
	ForceSyncCommit();
}

void
csec_keys_kept(void)
{
	for (int i = 0; i < nkept; i++)
		pg_atomic_write_u64(&kept[i].use->stored, kept[i].uses);
	nkept = 0;
}
