/*
 * state.c
 *		The head of the trail, and where the sealer goes on.
 *
 * Stored in the transaction that stores the records: a crash at any instant
 * finds both or neither, and so each record exactly once.
 */
#include "sealer/state.h"

#include "access/table.h"
#include "utils/builtins.h"
#include "utils/pg_lsn.h"
#include "utils/timestamp.h"

#include "audit/chain.h"
#include "keys/keyring.h"
#include "sealer/rowset.h"
#include "util/crypto_failed.h"
#include "util/pgcompat.h"

enum
{
	STATE_SYSTEM_ID,
	STATE_DATABASE,
	STATE_TIMELINE,
	STATE_RESUME_LSN,
	STATE_SEQ,
	STATE_SEALED_AT,
	STATE_HASH,
	STATE_HEAD_MAC,
	STATE_SESSIONS_SINCE,
	STATE_FORGOTTEN_LSN,
	STATE_ABSENT_FROM,
	STATE_COLUMNS
};

static void
head_mac(const CsecState *state, uint8 *out)
{
	if (!csec_chain_head_mac(csec_keyring_trail_mac(), state->seq, state->hash, out))
		csec_crypto_failed("compute the MAC of the trail's head");
}

static void
read_row(Datum *values, ItemPointer tid, void *arg)
{
	CsecState  *state = arg;
	bytea	   *hash = DatumGetByteaPP(values[STATE_HASH]);
	bytea	   *mac = DatumGetByteaPP(values[STATE_HEAD_MAC]);
	uint8		expected[CSEC_HEAD_MAC_SIZE];

	state->system_id = (uint64) DatumGetInt64(values[STATE_SYSTEM_ID]);
	state->database = DatumGetObjectId(values[STATE_DATABASE]);
	state->timeline = (TimeLineID) DatumGetInt64(values[STATE_TIMELINE]);
	state->resume_lsn = DatumGetLSN(values[STATE_RESUME_LSN]);
	state->seq = (uint64) DatumGetInt64(values[STATE_SEQ]);
	state->sealed_at = DatumGetTimestampTz(values[STATE_SEALED_AT]);
	state->sessions_since = DatumGetTimestampTz(values[STATE_SESSIONS_SINCE]);
	state->forgotten_lsn = DatumGetLSN(values[STATE_FORGOTTEN_LSN]);
	state->absent_from = DatumGetLSN(values[STATE_ABSENT_FROM]);
	state->tid = *tid;

	if (VARSIZE_ANY_EXHDR(hash) != CSEC_HASH_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the hash in csec_trail.sealer_state has not %d bytes",
						CSEC_HASH_SIZE)));
	memcpy(state->hash, VARDATA_ANY(hash), CSEC_HASH_SIZE);
	head_mac(state, expected);
	state->head_is_sound = state->seq == 0 ||
		(VARSIZE_ANY_EXHDR(mac) == CSEC_HEAD_MAC_SIZE &&
		 memcmp(VARDATA_ANY(mac), expected, CSEC_HEAD_MAC_SIZE) == 0);
}

bool
csec_state_load(CsecState *state)
{
	Relation	rel = csec_trail_table_if_any("sealer_state");
	int			rows;

	if (rel == NULL)
		return false;
	rows = csec_rows_scan(rel, read_row, state);
	table_close(rel, NoLock);
	if (rows != 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("csec_trail.sealer_state has %d rows, not one", rows),
				 errhint("The trail was tampered with: restore the row from a backup, or rename schema csec_trail so that csec.create_trail() begins a new one.")));
	return true;
}

void
csec_state_store(CsecState *state)
{
	Relation	rel = csec_trail_table("sealer_state");
	Datum		values[STATE_COLUMNS];
	char		hash[VARHDRSZ + CSEC_HASH_SIZE];
	char		mac[VARHDRSZ + CSEC_HEAD_MAC_SIZE];

	SET_VARSIZE(hash, sizeof(hash));
	memcpy(VARDATA(hash), state->hash, CSEC_HASH_SIZE);
	SET_VARSIZE(mac, sizeof(mac));
	head_mac(state, (uint8 *) VARDATA(mac));

	values[STATE_SYSTEM_ID] = Int64GetDatum((int64) state->system_id);
	values[STATE_DATABASE] = ObjectIdGetDatum(state->database);
	values[STATE_TIMELINE] = Int64GetDatum((int64) state->timeline);
	values[STATE_RESUME_LSN] = LSNGetDatum(state->resume_lsn);
	values[STATE_SEQ] = Int64GetDatum((int64) state->seq);
	values[STATE_SEALED_AT] = TimestampTzGetDatum(state->sealed_at);
	values[STATE_HASH] = PointerGetDatum(hash);
	values[STATE_HEAD_MAC] = PointerGetDatum(mac);
	values[STATE_SESSIONS_SINCE] = TimestampTzGetDatum(state->sessions_since);
	values[STATE_FORGOTTEN_LSN] = LSNGetDatum(state->forgotten_lsn);
	values[STATE_ABSENT_FROM] = LSNGetDatum(state->absent_from);
	csec_row_put(rel, &state->tid, values);
	table_close(rel, NoLock);
}
