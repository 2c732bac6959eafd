/*
 * session_book.c
 *		Are the records of each session numbered without holes?         [FE]
 */
#include "verify/session_book.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#define FIRST_SLOTS 256

void
csec_sessions_init(CsecSessionBook *book)
{
	memset(book, 0, sizeof(*book));
	book->slots = FIRST_SLOTS;
	book->slot = csec_alloc(book->slots * sizeof(uint32_t));
	book->older_than = INT64_MIN;
	/* unforeseeable, so that nobody can choose sessions that all want one slot */
	if (RAND_bytes((unsigned char *) book->seed, sizeof(book->seed)) != 1)
		csec_fail("could not generate a random key");
}

void
csec_sessions_clear(CsecSessionBook *book)
{
	memset(book->slot, 0, book->slots * sizeof(uint32_t));
	book->count = 0;
	book->last = 0;
	book->gap_seq = 0;
	book->older_than = INT64_MIN;
}

void
csec_sessions_free(CsecSessionBook *book)
{
	free(book->session);
	free(book->slot);
	memset(book, 0, sizeof(*book));
}

void
csec_sessions_start_at(CsecSessionBook *book, int64_t moment)
{
	if (moment > book->older_than)
		book->older_than = moment;
}

static uint64_t
mixed(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

/* Times and process ids are close to each other: mix all their bits. */
static uint32_t
hash_of(const CsecSessionBook *book, int64_t started, uint32_t pid)
{
	return (uint32_t) mixed((mixed((uint64_t) started ^ book->seed[0]) + pid) ^ book->seed[1]);
}

/* The slot of a session: its own, or the free one where it belongs. */
static uint32_t *
slot_of(CsecSessionBook *book, int64_t started, uint32_t pid)
{
	uint32_t	at = hash_of(book, started, pid) & (book->slots - 1);

	for (;; at = (at + 1) & (book->slots - 1))
	{
		uint32_t	index = book->slot[at];

		if (index == 0 || (book->session[index - 1].started == started &&
						   book->session[index - 1].pid == pid))
			return &book->slot[at];
	}
}

static void
grow(CsecSessionBook *book)
{
	if (book->count == book->capacity)
	{
		if (book->capacity >= UINT32_MAX / 4)
			csec_fail("the trail has more sessions than this program can hold");
		book->capacity = book->capacity == 0 ? FIRST_SLOTS / 2 : book->capacity * 2;
		book->session = csec_realloc(book->session,
									 book->capacity * sizeof(CsecSession));
	}
	if (book->count < book->slots / 4 * 3)
		return;
	book->slots *= 2;
	free(book->slot);
	book->slot = csec_alloc(book->slots * sizeof(uint32_t));
	for (uint32_t i = 0; i < book->count; i++)
		*slot_of(book, book->session[i].started, book->session[i].pid) = i + 1;
}

/* The session of a record, or a new one with number 0. */
static CsecSession *
find_session(CsecSessionBook *book, int64_t started, uint32_t pid)
{
	CsecSession *session;
	uint32_t   *slot;

	if (book->last != 0)
	{
		session = &book->session[book->last - 1];
		if (session->started == started && session->pid == pid)
			return session;
	}
	grow(book);
	slot = slot_of(book, started, pid);
	if (*slot == 0)
	{
		session = &book->session[book->count++];
		memset(session, 0, sizeof(*session));
		session->started = started;
		session->pid = pid;
		*slot = book->count;
	}
	book->last = *slot;
	return &book->session[*slot - 1];
}

static void
check_number(uint32_t pid, uint64_t seq, uint64_t expected, uint64_t number,
			 bool honest, CsecFinding *finding)
{
	if (number == expected || (number > expected && honest))
		return;
	csec_find(finding, "session_gap", (int64_t) seq,
			  "session of process %u: record %llu follows record %llu", pid,
			  (unsigned long long) number, (unsigned long long) (expected - 1));
}

/* What went before a gap is told apart by its seq alone. */
void
csec_sessions_resume(CsecSessionBook *book, const CsecCut *cut)
{
	book->older_than = cut->gaps_until;
	book->gap_seq = 1;
	for (uint32_t i = 0; i < cut->sessions; i++)
	{
		int64_t		started;
		uint32_t	pid;
		uint64_t	number;
		bool		before_gap;
		CsecSession *session;

		csec_cut_session(cut, i, &started, &pid, &number, &before_gap);
		session = find_session(book, started, pid);
		session->number = number;
		session->seq = before_gap ? 0 : cut->last;
	}
}

void
csec_sessions_add(CsecSessionBook *book, const CsecHeader *header,
				  const CsecBody *body, CsecFinding *finding)
{
	CsecSession *session = find_session(book, body->session_start,
										body->session_pid);

	if (body->kind == CSEC_KIND_GAP || body->kind == CSEC_KIND_GENESIS)
		csec_sessions_start_at(book, header->sealed_at);
	if (session->number == 0)
	{
		session->first_number = body->number;
		session->first_seq = header->seq;
		session->older_than = book->older_than;
		session->gap_before = book->gap_seq;
	}
	else
		check_number(session->pid, header->seq, session->number + 1,
					 body->number, book->gap_seq > session->seq, finding);
	session->number = body->number;
	session->seq = header->seq;
	if (body->kind == CSEC_KIND_GAP)
		book->gap_seq = header->seq;
}

void
csec_sessions_join(CsecSessionBook *book, const CsecSessionBook *piece,
				   CsecFinding *finding)
{
	for (uint32_t i = 0; i < piece->count; i++)
	{
		const CsecSession *new = &piece->session[i];
		CsecSession *session = find_session(book, new->started, new->pid);
		int64_t		older_than = new->older_than > book->older_than ?
			new->older_than : book->older_than;
		uint64_t	gap = new->gap_before > book->gap_seq ?
			new->gap_before : book->gap_seq;

		/* the earliest finding stands, whichever of the two saw it */
		if (finding->problem == NULL || finding->seq >= (int64_t) new->first_seq)
		{
			CsecFinding hole = {0};

			check_number(new->pid, new->first_seq, session->number + 1,
						 new->first_number,
						 session->number == 0 ? new->started < older_than :
						 gap > session->seq, &hole);
			if (hole.problem != NULL)
				*finding = hole;
		}
		session->number = new->number;
		session->seq = new->seq;
	}
	if (piece->older_than > book->older_than)
		book->older_than = piece->older_than;
	if (piece->gap_seq > book->gap_seq)
		book->gap_seq = piece->gap_seq;
}
