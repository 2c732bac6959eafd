/*
 * cut.c
 *		Carries out the approved cut of the trail, if there is one.
 *
 * One transaction drops the partitions and seals the record of it: so after a
 * crash at any instant the trail is either as it was or cut with its anchor.
 * What is left to be seen to here is cheap, and asked again at the last moment:
 * that the order stands (csec.cut_to_carry_out()), that its anchor is the one
 * that was approved (its MAC), and that the partitions end where it says.
 *
 * The sealer waits for the locks no longer than its lock_timeout; whoever reads
 * the trail at length puts the cut off, not the sealing.
 */
#include "sealer/cut.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "audit/chain.h"
#include "audit/cut.h"
#include "audit/store.h"
#include "keys/keyring.h"
#include "sealer/note.h"
#include "util/clock.h"
#include "util/pgcompat.h"
#include "util/subtransaction.h"

/* After an approval it is looked for so often, for so long; else now and then. */
#define SOON_MS		1000
#define EAGER_MS	60000
#define SELDOM_MS	60000

static int64 eager_until = 0;	/* on csec_clock_ms() */
static int64 looked_at = 0;
static int64 refused = 0;		/* the order that was told to be unsound */

typedef struct Order
{
	int64		number;
	bytea	   *anchor;
	bytea	   *mac;
} Order;

void
csec_cut_observe(const CsecBody *body)
{
	if (csec_body_says(body, CSEC_KIND_CONTROL, CSEC_CUT_APPROVED) &&
		csec_field_is(body->field[CSEC_TAG_OBJECT], CSEC_CUT_OBJECT))
		eager_until = csec_clock_ms() + EAGER_MS;
}

bool
csec_cut_is_due(void)
{
	int64		now = csec_clock_ms();

	if (now - looked_at < (now < eager_until ? SOON_MS : SELDOM_MS))
		return false;
	looked_at = now;
	return true;
}

static bytea *
bytes_in(MemoryContext context, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull);
	MemoryContext old;
	bytea	   *copy;

	if (isnull)
		return NULL;
	old = MemoryContextSwitchTo(context);
	copy = DatumGetByteaPCopy(value);
	MemoryContextSwitchTo(old);
	return copy;
}

static bool
find_order(Order *order)
{
	MemoryContext caller = CurrentMemoryContext;
	bool		found;

	SPI_connect();
	if (SPI_execute("SELECT id, anchor, mac FROM csec.cut_to_carry_out()", true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look for orders to cut the trail");
	found = SPI_processed == 1;
	if (found)
	{
		bool		isnull;

		order->number = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
		order->anchor = bytes_in(caller, 2);
		order->mac = bytes_in(caller, 3);
	}
	SPI_finish();
	return found;
}

/* The anchor that this server made for this order, behind which records are. */
static bool
is_sound(const Order *order, const CsecState *state, CsecCut *cut)
{
	uint8		mac[CSEC_HEAD_MAC_SIZE];

	return order->anchor != NULL && order->mac != NULL &&
		VARSIZE(order->mac) - VARHDRSZ == CSEC_HEAD_MAC_SIZE &&
		csec_chain_cut_mac(csec_keyring_trail_mac(), (uint8 *) VARDATA(order->anchor),
						   VARSIZE(order->anchor) - VARHDRSZ, mac) &&
		memcmp(VARDATA(order->mac), mac, sizeof(mac)) == 0 &&
		csec_cut_get((uint8 *) VARDATA(order->anchor), VARSIZE(order->anchor) - VARHDRSZ, cut) &&
		cut->order == (uint64) order->number && cut->last < state->seq;
}

/* Somebody changed what was approved: once on record, and not done. */
static void
refuse(const Order *order, CsecBatch *batch, XLogRecPtr lsn)
{
	char	   *detail;

	if (refused == order->number)
		return;
	refused = order->number;
	detail = psprintf("{\"order\": " INT64_FORMAT "}", order->number);
	csec_note_server(batch, lsn, "cut refused", detail);
	pfree(detail);
	ereport(WARNING,
			(errmsg("the cut of the audit trail by order " INT64_FORMAT " is refused", order->number),
			 errdetail("Its anchor is not the one that was approved.")));
}

static void
drop_months(void *arg)
{
	const CsecCut *cut = arg;
	Oid			types[] = {TIMESTAMPTZOID, INT8OID};
	Datum		args[] = {TimestampTzGetDatum(cut->bound), Int64GetDatum((int64) cut->last)};

	SPI_connect();
	csec_trail_own_ddl = true;
	PG_TRY();
	{
		if (SPI_execute_with_args("SELECT csec.drop_trail_months($1, $2)", 2, types, args,
								  NULL, false, 0) != SPI_OK_SELECT)
			elog(ERROR, "could not drop months of the trail");
	}
	PG_FINALLY();
	{
		csec_trail_own_ddl = false;
	}
	PG_END_TRY();
	SPI_finish();
	CommandCounterIncrement();
}

/* What goes wrong (a lock is held) keeps nothing else. */
static bool
try_to_drop(CsecCut *cut)
{
	ErrorData  *error = csec_in_subtransaction(drop_months, cut);

	if (error == NULL)
		return true;
	ereport(LOG,
			(errmsg("the cut of the audit trail by order " UINT64_FORMAT " could not be carried out yet: %s",
					cut->order, error->message)));
	FreeErrorData(error);
	return false;
}

void
csec_cut_carry_out(CsecBatch *batch, const CsecState *state, XLogRecPtr lsn)
{
	Order		order = {0};
	CsecCut		cut;
	char	   *detail;

	if (!find_order(&order))
		return;
	if (!is_sound(&order, state, &cut))
	{
		refuse(&order, batch, lsn);
		return;
	}
	if (!try_to_drop(&cut))
		return;
	detail = psprintf("{\"order\": " UINT64_FORMAT ", \"from\": " UINT64_FORMAT ", \"to\": " UINT64_FORMAT
					  ", \"records\": " UINT64_FORMAT ", \"subject_rows\": " UINT64_FORMAT ", \"checkpoint\": " UINT64_FORMAT "}",
					  cut.order, cut.first, cut.last, cut.last - cut.first + 1, cut.subject_rows, cut.epoch);
	csec_note_trail_cut(batch, lsn, detail, (uint8 *) VARDATA(order.anchor),
						VARSIZE(order.anchor) - VARHDRSZ);
	pfree(detail);
	ForceSyncCommit();
	ereport(LOG,
			(errmsg("records " UINT64_FORMAT " to " UINT64_FORMAT " leave the audit trail by order " UINT64_FORMAT,
					cut.first, cut.last, cut.order)));
}
