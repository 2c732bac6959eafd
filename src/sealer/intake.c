/*
 * intake.c
 *		What the sealer takes from the WAL into its batch.
 *
 * Messages of this database that carry the trail's MAC are records; those that
 * carry none, or say what is not for a backend to say, are put on record as
 * rejected.  Of all else only what tells how transactions, reads and runs of
 * the server ended matters.
 */
#include "sealer/intake.h"

#include "access/rmgr.h"
#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "miscadmin.h"
#include "replication/message.h"
#include "utils/timestamp.h"

#include "audit/stream.h"
#include "keys/keyring.h"
#include "sealer/absence.h"
#include "sealer/cut.h"
#include "sealer/note.h"
#include "sealer/outcome.h"
#include "sealer/reading.h"
#include "sealer/session.h"
#include "util/bytes.h"
#include "util/crypto_failed.h"

static XLogRecPtr here_from;	/* where the WAL ended when this sealer began */
static XLogRecPtr key_from;		/* behind it all was written under our key */
static uint8 bound[12];			/* what the MAC of a message is bound to */

/*
 * Sessions may write before there is a sealer, and a server keeps its key as
 * long as it runs: so what this run wrote counts.  Each run begins with a
 * checkpoint, but for that of a standby which was promoted.
 */
void
csec_intake_begin(void)
{
	here_from = GetXLogInsertRecPtr();
	key_from = PromoteIsTriggered() ? here_from : GetRedoRecPtr();
	csec_put_u64(bound, GetSystemIdentifier());
	csec_put_u32(bound + 8, MyDatabaseId);
}

static bool
mac_is_right(const uint8 *message, size_t len)
{
	CsecMac    *mac = csec_keyring_trail_mac();
	uint8		expected[CSEC_RECORD_MAC_SIZE];
	size_t		body_len = len - CSEC_RECORD_MAC_SIZE;

	if (!csec_mac_begin(mac) ||
		!csec_mac_add(mac, bound, sizeof(bound)) ||
		!csec_mac_add(mac, message, body_len) ||
		!csec_mac_end(mac, expected, sizeof(expected)))
		csec_crypto_failed("compute the MAC of an audit record");
	return memcmp(message + body_len, expected, sizeof(expected)) == 0;
}

/* What only the sealer says is not for a backend to say. */
static bool
kind_is_the_sealers(uint8 kind)
{
	return kind == CSEC_KIND_GENESIS || kind == CSEC_KIND_OUTCOME ||
		kind == CSEC_KIND_REJECTED || kind == CSEC_KIND_CONNECTION ||
		kind == CSEC_KIND_CUT;
}

static void
take_message(CsecBatch *batch, CsecState *state, const uint8 *message, size_t len,
			 XLogRecPtr lsn)
{
	CsecBody	body;
	const char *why = NULL;
	int			item;

	/* what a server with another key wrote before this one cannot be told apart */
	if (len < CSEC_BODY_FIXED_SIZE + CSEC_RECORD_MAC_SIZE ||
		!mac_is_right(message, len))
		why = state->head_is_sound || lsn > key_from ? "forged" : "another key";
	else if (!csec_body_get(message, len - CSEC_RECORD_MAC_SIZE, &body) ||
			 kind_is_the_sealers(body.kind))
		why = "malformed";
	else if (csec_session_admit(&body, lsn, state, &why))
		why = NULL;
	if (why != NULL)
	{
		csec_note_rejected(batch, lsn, why, message, len);
		return;
	}

	csec_cut_observe(&body);
	item = csec_batch_add(batch, body.kind, message, len - CSEC_RECORD_MAC_SIZE,
						  lsn);
	if (body.kind == CSEC_KIND_READ)
		csec_read_observe(batch, item, &body);
	if (body.field[CSEC_TAG_XID].data == NULL)
		return;
	if (body.flags & CSEC_BODY_ABORTED)
		batch->item[item].outcome = CSEC_OUTCOME_ABORTED;
	else
		csec_outcome_expect(batch, item,
							(TransactionId) csec_field_u64(body.field[CSEC_TAG_XID], 0));
}

/* False: there is more to say of it than the batch has room for. */
static bool
look_at_record(CsecBatch *batch, CsecState *state, XLogReaderState *xlog, bool *position_due)
{
	xl_logical_message *message;

	/* first, as nothing else may be said of a record that is read again */
	if (!csec_outcome_observe(batch, xlog))
		return false;
	csec_absence_observe(state, batch, xlog, here_from);
	if (XLogRecGetRmid(xlog) != RM_LOGICALMSG_ID)
	{
		if (csec_wal_backup_lacks(xlog, state->resume_lsn))
			*position_due = true;
		if (csec_wal_server_began(xlog))
			csec_reads_cut(batch, xlog->EndRecPtr);
		return true;
	}
	message = (xl_logical_message *) XLogRecGetData(xlog);
	if (message->dbId == MyDatabaseId &&
		message->prefix_size == sizeof(CSEC_WAL_PREFIX) &&
		memcmp(message->message, CSEC_WAL_PREFIX, sizeof(CSEC_WAL_PREFIX)) == 0)
		take_message(batch, state,
					 (uint8 *) message->message + message->prefix_size,
					 message->message_size, xlog->EndRecPtr);
	return true;
}

bool
csec_intake(CsecWalReader *reader, CsecBatch *batch, CsecState *state, bool *position_due)
{
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (csec_batch_full(batch))
			return true;
		switch (csec_wal_next(reader))
		{
			case CSEC_WAL_END:
				csec_absence_over(state);
				return false;
			case CSEC_WAL_RECORD:
				if (!look_at_record(batch, state, reader->xlog, position_due))
				{
					csec_wal_again(reader);
					return true;
				}
				break;
			case CSEC_WAL_BROKEN:
				csec_note_gap(batch, reader->position, "wal unreadable",
							  reader->lost_from, reader->position);
				csec_reads_cut(batch, reader->position);
				state->sessions_since = GetCurrentTimestamp();
				break;
		}
	}
}
