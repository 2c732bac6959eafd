/*
 * verify_session.c
 *		Are the records of each session numbered without holes?
 *
 * A sealer that left a record out, or took one twice, shows here.  Two holes
 * are honest: across a gap record, and before the first record of a session
 * that is older than the trail, than a gap, or than the point from which the
 * trail is looked at.
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "audit/verify.h"

typedef struct SessionKey
{
	int64		started;
	int64		pid;
} SessionKey;

typedef struct Session
{
	SessionKey	key;
	uint64		number;
	uint64		seq;			/* of its last record; 0: before a gap */
} Session;

struct CsecSessionCheck
{
	HTAB	   *sessions;
	Session    *last;
	uint64		gap_seq;		/* of the last gap record */
	int64		older_than;		/* such sessions may begin above 1 */
	bool		at_start;		/* nothing was looked at yet */
};

CsecSessionCheck *
csec_session_check_begin(bool from_the_start)
{
	CsecSessionCheck *check = palloc0(sizeof(CsecSessionCheck));
	HASHCTL		info = {
		.keysize = sizeof(SessionKey),
		.entrysize = sizeof(Session),
		.hcxt = CurrentMemoryContext
	};

	check->sessions = hash_create("csec sessions to verify", 1024, &info,
								  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	check->older_than = PG_INT64_MIN;
	check->at_start = !from_the_start;
	return check;
}

/* What went before a gap is told apart by its seq alone. */
void
csec_session_check_resume(CsecSessionCheck *check, const CsecCut *cut)
{
	check->older_than = cut->gaps_until;
	check->gap_seq = 1;
	for (uint32 i = 0; i < cut->sessions; i++)
	{
		int64		started;
		uint32		pid;
		uint64		number;
		bool		before_gap;
		SessionKey	key;
		Session    *session;

		csec_cut_session(cut, i, &started, &pid, &number, &before_gap);
		key.started = started;
		key.pid = pid;
		session = hash_search(check->sessions, &key, HASH_ENTER, NULL);
		session->number = number;
		session->seq = before_gap ? 0 : cut->last;
	}
}

static void
check_number(CsecSessionCheck *check, Session *session, bool is_new,
			 const CsecHeader *header, const CsecBody *body,
			 CsecVerdict *verdict)
{
	uint64		expected = is_new ? 1 : session->number + 1;
	bool		honest = is_new ? body->session_start < check->older_than :
		check->gap_seq > session->seq;

	if (body->number == expected || (body->number > expected && honest))
		return;
	csec_verdict(verdict, "session_gap", (int64) header->seq,
				 "session of process %u: record %llu follows record %llu",
				 body->session_pid, (unsigned long long) body->number,
				 (unsigned long long) (expected - 1));
}

void
csec_session_check(CsecSessionCheck *check, const CsecHeader *header,
				   const CsecBody *body, CsecVerdict *verdict)
{
	SessionKey	key = {body->session_start, body->session_pid};
	Session    *session = check->last;
	bool		found = true;

	if (body->kind == CSEC_KIND_GAP || body->kind == CSEC_KIND_GENESIS ||
		check->at_start)
		check->older_than = Max(check->older_than, header->sealed_at);
	check->at_start = false;

	if (session == NULL || session->key.started != key.started ||
		session->key.pid != key.pid)
		session = hash_search(check->sessions, &key, HASH_ENTER, &found);
	check->last = session;
	check_number(check, session, !found, header, body, verdict);
	session->number = body->number;
	session->seq = header->seq;
	if (body->kind == CSEC_KIND_GAP)
		check->gap_seq = header->seq;
}
