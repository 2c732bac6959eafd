/*
 * seal.c
 *		Seals a batch: chains its records and stores them.
 */
#include "sealer/seal.h"

#include "utils/timestamp.h"

#include "audit/chain.h"
#include "audit/store.h"
#include "sealer/note.h"
#include "sealer/outcome.h"
#include "sealer/reading.h"
#include "sealer/session.h"
#include "sealer/tree.h"
#include "util/crypto_failed.h"
#include "util/pgcompat.h"

/* A clock that goes back by more than this is put on record. */
#define CLOCK_STEP_US (2 * USECS_PER_SEC)

static void
tell_clock_step(CsecBatch *batch, const CsecState *state, TimestampTz now,
				XLogRecPtr lsn)
{
	char	   *detail;

	if (state->seq == 0 || now >= state->sealed_at - CLOCK_STEP_US)
		return;
	detail = psprintf("{\"microseconds\": " INT64_FORMAT "}", now - state->sealed_at);
	csec_note_server(batch, lsn, "clock set back", detail);
	pfree(detail);
}

static void
seal_item(CsecItem *item, CsecState *state, CsecWalReader *reader,
		  TimestampTz now)
{
	uint8	   *record = (uint8 *) VARDATA(item->record);
	size_t		len = VARSIZE(item->record) - VARHDRSZ;
	CsecHeader	header = {
		.kind = item->kind,
		.outcome = item->outcome,
		.seq = state->seq + 1,
		.sealed_at = now,
		.lsn = item->lsn,
		.timeline = csec_wal_timeline(reader, item->lsn),
		.body_len = (uint32) (len - CSEC_HEADER_SIZE)
	};

	csec_header_put(record, &header);
	if (!csec_chain_hash(state->hash, record, len, item->hash))
		csec_crypto_failed("compute the hash of an audit record");
	memcpy(state->hash, item->hash, CSEC_HASH_SIZE);
	state->seq++;
}

void
csec_seal(CsecBatch *batch, CsecState *state, CsecWalReader *reader,
		  XLogRecPtr position)
{
	TimestampTz now = GetCurrentTimestamp();

	if (batch->count > 0)
	{
		CsecStore  *store;

		tell_clock_step(batch, state, now, position);
		csec_outcomes_store(batch);
		csec_reads_store();
		store = csec_store_begin(now);
		for (int i = 0; i < batch->count; i++)
		{
			CsecItem   *item = &batch->item[i];

			seal_item(item, state, reader, now);
			csec_store_add(store, state->seq, item->record, item->hash);
			csec_tree_add(item->hash);
		}
		csec_tree_store();
		csec_store_end(store);
		csec_sessions_store();
		state->sealed_at = now;
	}
	state->resume_lsn = position;
	csec_state_store(state);
}
