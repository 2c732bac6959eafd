/*
 * record.h
 *		The bytes of an audit record.                                   [FE]
 *
 * A record is a sealer's header followed by a backend's body; its hash is
 * SHA-256(hash of the record before ‖ header ‖ body).  The body is what the
 * backend wrote into the WAL under its MAC, unchanged, so that the sealer
 * can add to it but not rewrite it.  docs/record-format.md says the same
 * byte by byte.
 *
 * Header (36 bytes, big endian)
 *	 0  u8   format version = 1
 *	 1  u8   hash algorithm: 1 = SHA-256
 *	 2  u8   kind, as in the body
 *	 3  u8   outcome of the transaction (CsecOutcome)
 *	 4  u64  seq
 *	12  i64  time of sealing, µs since 2000-01-01 UTC
 *	20  u64  LSN: end of the WAL record that carried the body
 *	28  u32  timeline of that LSN
 *	32  u32  length of the body
 *
 * Body
 *	 0  u8   format version = 1
 *	 1  u8   kind (CsecRecordKind)
 *	 2  u16  flags (CSEC_BODY_*)
 *	 4  i64  session: its start, µs since 2000-01-01 UTC
 *	12  u32  session: its process id
 *	16  u64  number of the record in its session, from 1
 *	24  i64  time in the backend
 *	32  fields: tag u8, length varint, value; tags ascend, none twice
 */
#ifndef CSEC_AUDIT_RECORD_H
#define CSEC_AUDIT_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CSEC_FORMAT_VERSION		1
#define CSEC_HASH_SHA256		1
#define CSEC_HEADER_SIZE		36
#define CSEC_BODY_FIXED_SIZE	32
#define CSEC_HASH_SIZE			32

/* The prefix of csec's logical messages, and the MAC that ends each. */
#define CSEC_WAL_PREFIX			"csec"
#define CSEC_RECORD_MAC_SIZE	16

/* One body never exceeds this; larger sets of subjects come in several. */
#define CSEC_BODY_MAX			(1024 * 1024)

typedef enum CsecRecordKind
{
	CSEC_KIND_GENESIS = 1,		/* the trail was created */
	CSEC_KIND_READ = 2,
	CSEC_KIND_CHANGE = 3,
	CSEC_KIND_OUTCOME = 4,		/* how a transaction ended, told later */
	CSEC_KIND_CONTROL = 5,		/* policy, DDL, settings, roles */
	CSEC_KIND_DENIAL = 6,
	CSEC_KIND_GAP = 7,			/* WAL between two points was never seen */
	CSEC_KIND_SERVER = 8,		/* sealer start and stop, clock steps */
	CSEC_KIND_REJECTED = 9,		/* a message with a bad MAC, or repeated */
	CSEC_KIND_CONNECTION = 10,	/* somebody connected, or tried to */
	CSEC_KIND_CUT = 11			/* records left by an approved cut: see cut.h */
} CsecRecordKind;

#define CSEC_KIND_LAST CSEC_KIND_CUT

/* Action of a SERVER record: the head's MAC was not this server's. */
#define CSEC_NOTE_HEAD "head not sound"
#define CSEC_NOTE_KEY "sealing key"

typedef enum CsecOutcome
{
	CSEC_OUTCOME_NONE = 0,		/* nothing to come out: a read, a control */
	CSEC_OUTCOME_COMMITTED = 1,
	CSEC_OUTCOME_ABORTED = 2,
	CSEC_OUTCOME_OPEN = 3,		/* not known at sealing: an outcome follows */
	CSEC_OUTCOME_PREPARED = 4
} CsecOutcome;

/* flags of the body */
#define CSEC_BODY_ABORTED		0x0001	/* the backend knows it rolled back */
#define CSEC_BODY_PARTIAL		0x0002	/* more of the same statement follows */
#define CSEC_BODY_STRICT		0x0004	/* was flushed before rows left */
#define CSEC_BODY_PARALLEL		0x0008	/* from a parallel worker */
#define CSEC_BODY_CONTINUED		0x0010	/* more of the same read went before */
#define CSEC_BODY_LEADER		0x0020	/* parallel workers may have records of
										 * the same read */

/* The record is one of several of a read: see the index audit_log_pieces. */
#define CSEC_BODY_PIECE (CSEC_BODY_PARTIAL | CSEC_BODY_PARALLEL | \
						 CSEC_BODY_CONTINUED | CSEC_BODY_LEADER)

typedef enum CsecTag
{
	CSEC_TAG_PERSON = 0,		/* text: who proved by a token to be behind the
								 * login, which several people share */
	CSEC_TAG_LOGIN = 1,			/* text: the authenticated role */
	CSEC_TAG_SESSION_USER = 2,	/* text, where it differs from the login */
	CSEC_TAG_READER = 3,		/* text: outer role, where it differs */
	CSEC_TAG_CURRENT_USER = 4,	/* text, where it differs from the reader */
	CSEC_TAG_APPLICATION = 5,	/* text, as claimed by the client */
	CSEC_TAG_CLIENT = 6,		/* text: address and port, or [local] */
	CSEC_TAG_ACTOR = 7,			/* text, as claimed by the application */
	CSEC_TAG_REASON = 8,		/* text */
	CSEC_TAG_TICKET = 9,		/* text */
	CSEC_TAG_START_LSN = 10,	/* u64: insert position, in a first record */
	CSEC_TAG_XID = 11,			/* u32: transaction or subtransaction */
	CSEC_TAG_RELID = 12,		/* u32: the protected table */
	CSEC_TAG_RELATION = 13,		/* text: its qualified name */
	CSEC_TAG_STATEMENT = 14,	/* text: command tag */
	CSEC_TAG_STATEMENT_NO = 15, /* varint: statement within the session */
	CSEC_TAG_STATUS = 16,		/* u8 (CsecStatus) */
	CSEC_TAG_EXACTNESS = 17,	/* u8 (CsecExactness) */
	CSEC_TAG_ROWS = 18,			/* varint */
	CSEC_TAG_COLUMNS = 19,		/* columns: u8 CsecDecision+1 or 0, name; ... */
	CSEC_TAG_SUBJECTS = 20,		/* the set of subjects, see below */
	CSEC_TAG_CHANGES = 21,		/* the changed rows, see docs */
	CSEC_TAG_PROBED = 22,		/* names of columns compared with values */
	CSEC_TAG_OBJECT = 23,		/* text: what a control record is about */
	CSEC_TAG_ACTION = 24,		/* text: what was done to it */
	CSEC_TAG_DETAIL = 25,		/* text: JSON object, never a field's value */
	CSEC_TAG_FROM_LSN = 26,		/* u64: of a gap */
	CSEC_TAG_TO_LSN = 27,		/* u64: of a gap */
	CSEC_TAG_OUTCOME = 28,		/* u8: of an outcome record */
	CSEC_TAG_POLICY_VERSION = 29,	/* varint */
	CSEC_TAG_PAYLOAD = 30,		/* bytes of a rejected message, cut; of a cut
								 * its anchor */
	CSEC_TAG_LEADER = 31,		/* i64 session start, u32 pid: whom a parallel
								 * worker works for */
	CSEC_TAG_PERMIT = 32,		/* varint: the permit that showed the rows */
	CSEC_TAG_WITHIN = 33,		/* varint: ms after it in which reads just like
								 * it may be told as a number */
	CSEC_TAG_REPEATS = 34		/* varint: of how many such reads the record
								 * tells; i64, i64: the first and the last */
} CsecTag;

#define CSEC_TAG_LAST CSEC_TAG_REPEATS

typedef enum CsecStatus
{
	CSEC_STATUS_OK = 0,
	CSEC_STATUS_ERROR = 1		/* the statement or its transaction failed */
} CsecStatus;

/* How far "was read" is known to be "was shown". */
typedef enum CsecExactness
{
	CSEC_EXACT_DELIVERED = 1,
	CSEC_EXACT_SCANNED = 2,		/* passed the scan, perhaps not shown */
	CSEC_EXACT_ALL = 3,			/* every row of the table must be assumed */
	CSEC_EXACT_INTENT = 4		/* strict: written before the rows left */
} CsecExactness;

/*
 * Columns and names come one behind the other to the end of the field, each
 * name as varint length and bytes; in columns a u8 stands before each: 0, or
 * 1 + the CsecDecision that the reader met there.
 *
 * Subjects: u8 form, then
 *	CSEC_SUBJECTS_RANGES  integer keys: varint number of ranges; for each, the
 *		zigzag varint distance of its low end from the high end before it
 *		(from 0 at first) and the varint length - 1; ascending and apart
 *	CSEC_SUBJECTS_TEXTS   other keys: varint count; each varint length, bytes
 *	CSEC_SUBJECTS_ALL     nothing more
 */
typedef enum CsecSubjectsForm
{
	CSEC_SUBJECTS_RANGES = 1,
	CSEC_SUBJECTS_TEXTS = 2,
	CSEC_SUBJECTS_ALL = 3
} CsecSubjectsForm;

typedef struct CsecHeader
{
	uint8_t		kind;
	uint8_t		outcome;
	uint64_t	seq;
	int64_t		sealed_at;
	uint64_t	lsn;
	uint32_t	timeline;
	uint32_t	body_len;
} CsecHeader;

typedef struct CsecField
{
	const uint8_t *data;		/* NULL where the body has no such field */
	uint32_t	len;
} CsecField;

/* A body taken apart; the fields point into the caller's bytes. */
typedef struct CsecBody
{
	uint8_t		kind;
	uint16_t	flags;
	int64_t		session_start;
	uint32_t	session_pid;
	uint64_t	number;
	int64_t		at;
	CsecField	field[CSEC_TAG_LAST + 1];
} CsecBody;

/* Walks over a subjects field of form RANGES or TEXTS. */
typedef struct CsecSubjectsReader
{
	CsecSubjectsForm form;
	uint64_t	left;			/* items not yet given */
	int64_t		high;			/* end of the range given last */
	bool		first;
	const uint8_t *p;
	const uint8_t *end;
} CsecSubjectsReader;

extern void csec_header_put(uint8_t *out, const CsecHeader *header);
extern bool csec_header_get(const uint8_t *in, size_t len, CsecHeader *header);
extern bool csec_body_get(const uint8_t *in, size_t len, CsecBody *body);

/*
 * The number in a field of one, two, four or eight bytes, and in a varint
 * field; otherwise, where the body has no such field.
 */
extern uint64_t csec_field_u64(CsecField field, uint64_t otherwise);
extern uint64_t csec_field_varint(CsecField field, uint64_t otherwise);

/* Is the field there, and this text? */
extern bool csec_field_is(CsecField field, const char *text);

/* Is it a record of this kind, and this its action? */
extern bool csec_body_says(const CsecBody *body, int kind, const char *action);

/*
 * Takes the next name off a COLUMNS (with decision) or PROBED (decision =
 * NULL) field, which shrinks; false at its end.
 */
extern bool csec_field_next_name(CsecField *field, uint8_t *decision,
								 const uint8_t **name, uint32_t *len);

extern bool csec_subjects_open(CsecField field, CsecSubjectsReader *reader);
extern bool csec_subjects_next_range(CsecSubjectsReader *reader,
									 int64_t *low, int64_t *high);
extern bool csec_subjects_next_text(CsecSubjectsReader *reader,
									const uint8_t **text, uint32_t *len);

extern const char *csec_kind_name(int kind);
extern const char *csec_outcome_name(int outcome);
extern const char *csec_exactness_name(int exactness);

#endif							/* CSEC_AUDIT_RECORD_H */
