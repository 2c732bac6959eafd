/*
 * collector.c
 *		What the current statement has read, until it is emitted.
 *
 * Collectors live in TopMemoryContext: a portal that is suspended and then
 * rolled back never reaches ExecutorEnd, and its memory is gone before the
 * transaction's callbacks run.  They are emitted at the end of the outermost
 * statement (each run of a portal is one), and whatever is left at commit,
 * abort or termination goes out there.  Nothing in the way out allocates.
 *
 * Reads by the same identity of the same columns of the same table, with the
 * same exactness, are one record per statement: a function called for each of
 * 100,000 rows does not make as many records.
 *
 * Rows that an UPDATE or DELETE finds by their key are told by the records of
 * the changes.  They are collected all the same, and forgotten when the query
 * has changed them (csec_collectors_settle): one that fails, or whose rows a
 * trigger swallows, has read them, and may have shown them.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "utils/memutils.h"

#include "audit/emit.h"
#include "audit/leader.h"
#include "audit/record.h"
#include "capture/coalesce.h"
#include "capture/collector.h"
#include "util/bytes.h"
#include "util/clock.h"
#include "util/guc.h"

#define MOST_SPARES	2			/* a read under a permit has two */

uint64		csec_collectors_generation = 1;

static CsecCollector *collectors = NULL;
static CsecCollector *spare = NULL; /* kept, so that a short read allocates nothing */
static int	spares = 0;
static uint64 statement_number = 0;

/* A top-level statement begins. */
void
csec_statement_begin(void)
{
	statement_number++;
	csec_leader_publish(statement_number);
}

uint64
csec_statement_number(void)
{
	return statement_number;
}

static CsecCollector *
take_collector(bool integers)
{
	CsecCollector *c = spare;

	if (c != NULL && c->subjects.integers == integers)
	{
		spare = c->next;
		spares--;
		csec_subjects_reset(&c->subjects);
		c->subjects.all = false;
		return c;
	}
	c = MemoryContextAllocZero(TopMemoryContext, sizeof(CsecCollector));
	csec_subjects_init(&c->subjects, integers);
	return c;
}

static void
set_columns(CsecCollector *c, const uint8 *columns, size_t len)
{
	if (c->columns == NULL || c->columns_size < len)
	{
		if (c->columns != NULL)
			pfree(c->columns);
		c->columns = NULL;
		c->columns_size = Max(len, 256);
		c->columns = MemoryContextAlloc(TopMemoryContext, c->columns_size);
	}
	memcpy(c->columns, columns, len);
	c->columns_len = len;
}

static void
drop_collector(CsecCollector *c)
{
	csec_identity_release(c->identity);
	c->identity = NULL;
	if (spares < MOST_SPARES && c->subjects.ranges_size <= 1024)
	{
		c->next = spare;
		spare = c;
		spares++;
	}
	else
	{
		csec_subjects_free(&c->subjects);
		pfree(c->columns);
		pfree(c);
	}
}

static bool
same_read(const CsecCollector *c, const CsecIdentity *identity, const CsecReadKind *kind)
{
	return c->root == kind->table->root && c->exactness == kind->exactness &&
		c->identity == identity && c->statement == kind->statement &&
		c->told_by == kind->told_by && c->permit == kind->permit &&
		c->columns_len == kind->columns_len && c->probed_len == kind->probed_len &&
		memcmp(c->columns, kind->columns, kind->columns_len) == 0 &&
		memcmp(c->probed, kind->probed, kind->probed_len) == 0;
}

/* The collector that there is for a read, or NULL. */
static CsecCollector *
find_same(const CsecIdentity *identity, const CsecReadKind *kind)
{
	for (CsecCollector *c = collectors; c != NULL; c = c->next)
		if (same_read(c, identity, kind))
		{
			c->leads |= IsInParallelMode() && !IsParallelWorker();
			c->shared = true;
			return c;
		}
	return NULL;
}

/*
 * The collector of the current statement for a read; made at the first row.
 * May allocate and raise: called while the executor runs.
 */
CsecCollector *
csec_collector_for(const CsecReadKind *kind)
{
	CsecIdentity *identity = csec_identity_acquire();
	CsecCollector *c = find_same(identity, kind);

	if (c != NULL)
	{
		csec_identity_release(identity);
		return c;
	}

	/* room for the largest piece, which an abort may have to emit */
	csec_record_reserve(CSEC_RECORD_OVERHEAD + kind->columns_len +
						Max(CSEC_RECORD_ROOM, CSEC_TEXTS_ROOM + CSEC_VARINT_MAX));
	if (unlikely(kind->repeats_within != 0))
		csec_repeats_prepare();
	c = take_collector(kind->table->subject_is_integer);
	c->identity = identity;
	c->root = kind->table->root;
	strlcpy(c->relation, kind->table->qualified_name, sizeof(c->relation));
	c->statement = kind->statement;
	c->exactness = kind->exactness;
	c->strict = kind->strict;
	c->intent_flushed = false;
	c->told = false;
	c->emitted_part = false;
	c->leads = IsInParallelMode() && !IsParallelWorker();
	c->told_by = kind->told_by;
	c->counted = kind->counted;
	c->permit = kind->permit;
	c->repeats_within = kind->repeats_within;
	c->superseded = false;
	c->shared = false;
	c->rows = 0;
	c->emitted_at = csec_clock_ms();
	set_columns(c, kind->columns, kind->columns_len);
	memcpy(c->probed, kind->probed, kind->probed_len);
	c->probed_len = kind->probed_len;
	c->subjects.all = kind->exactness == CSEC_EXACT_ALL || kind->table->nsubject == 0;
	c->next = collectors;
	collectors = c;
	return c;
}

/* Has it met nothing yet, and told nothing? */
static bool
is_unused(const CsecCollector *c)
{
	return c->rows == 0 && !c->emitted_part && !c->subjects.all &&
		c->subjects.nranges == 0 && c->subjects.ntexts == 0;
}

/*
 * The collector for rows that a permit shows, of a read that has one for the
 * others.  Where that has met nothing yet, and is nobody else's, it becomes the
 * one for these: most reads under a permit meet no others.
 */
CsecCollector *
csec_collector_of_permit(CsecCollector *plain, const CsecReadKind *kind)
{
	CsecCollector *c;

	if (plain->shared || !is_unused(plain))
		c = csec_collector_for(kind);
	else
	{
		c = find_same(plain->identity, kind);
		if (c == NULL)
		{
			set_columns(plain, kind->columns, kind->columns_len);
			plain->permit = kind->permit;
			plain->repeats_within = 0;
			return plain;
		}
	}
	plain->superseded = true;
	return c;
}

/* The fields of a read that stand before its subjects. */
static void
begin_read(const CsecCollector *c, CsecStatus status, CsecExactness exactness,
		   uint64 rows, uint16 flags)
{
	if (c->strict)
		flags |= CSEC_BODY_STRICT;
	if (IsParallelWorker())
		flags |= CSEC_BODY_PARALLEL;
	if (c->emitted_part)
		flags |= CSEC_BODY_CONTINUED;
	if (c->leads)
		flags |= CSEC_BODY_LEADER;
	csec_record_begin(CSEC_KIND_READ, flags, c->identity);
	csec_record_u32(CSEC_TAG_RELID, c->root);
	csec_record_text(CSEC_TAG_RELATION, c->relation);
	csec_record_text(CSEC_TAG_STATEMENT, c->statement);
	csec_record_varint(CSEC_TAG_STATEMENT_NO, csec_leader_statement(statement_number));
	csec_record_u8(CSEC_TAG_STATUS, (uint8) status);
	csec_record_u8(CSEC_TAG_EXACTNESS, (uint8) exactness);
	csec_record_varint(CSEC_TAG_ROWS, rows);
	csec_record_bytes(CSEC_TAG_COLUMNS, c->columns, c->columns_len);
}

/*
 * Emit one record with as many subjects as fit, from *from on; rows are told
 * once, in the first of several.
 */
static XLogRecPtr
emit_piece(CsecCollector *c, CsecStatus status, CsecExactness exactness,
		   uint64 rows, uint16 flags, int *from)
{
	size_t		room;
	uint8	   *out;

	begin_read(c, status, exactness, rows, flags);
	out = csec_record_open_field(CSEC_TAG_SUBJECTS, &room);
	room -= CSEC_LEADER_ROOM + CSEC_PROBED_ROOM + 4 * CSEC_VARINT_MAX;
	csec_record_close_field(csec_subjects_encode(&c->subjects, from, out, room));
	if (c->subjects.integers && *from < c->subjects.nranges)
		csec_record_add_flags(CSEC_BODY_PARTIAL);
	if (c->probed_len > 0)
		csec_record_bytes(CSEC_TAG_PROBED, c->probed, c->probed_len);
	csec_leader_append();
	if (c->permit != 0)
		csec_record_varint(CSEC_TAG_PERMIT, (uint64) c->permit);
	c->emitted_part = true;
	if (c->repeats_within != 0 && status == CSEC_STATUS_OK && csec_is_repeat(c->repeats_within))
		return InvalidXLogRecPtr;
	return csec_record_emit();
}

/* Emit what a collector holds, in as many records as it takes. */
static XLogRecPtr
emit_read(CsecCollector *c, CsecStatus status, bool more_follows)
{
	uint64		rows = c->rows;
	CsecExactness exactness = c->told && rows == 0 ? CSEC_EXACT_INTENT : c->exactness;
	int			from = 0;
	XLogRecPtr	lsn;

	csec_subjects_sort(&c->subjects);
	do
	{
		lsn = emit_piece(c, status, exactness, rows,
						 more_follows ? CSEC_BODY_PARTIAL : 0, &from);
		rows = 0;
	} while (c->subjects.integers && from < c->subjects.nranges);
	c->rows = 0;
	c->emitted_at = csec_clock_ms();
	return lsn;
}

/*
 * Strict: before the first row leaves, say and flush that it is about to.
 * The subjects read so far, at least the first, are in it.
 *
 * Of a read that gives one row, that is all there is to say, and it is said
 * once: as delivered, which it is a moment later.  Should the statement fail
 * in that moment, a second record tells so.
 */
void
csec_collector_strict_first(CsecCollector *c, bool one_row)
{
	int			from = 0;
	XLogRecPtr	lsn;

	csec_subjects_sort(&c->subjects);
	if (one_row)
		lsn = emit_piece(c, CSEC_STATUS_OK, c->exactness, c->rows, 0, &from);
	else
		lsn = emit_piece(c, CSEC_STATUS_OK, CSEC_EXACT_INTENT, 0, CSEC_BODY_PARTIAL, &from);
	csec_emit_flush(lsn);
	c->intent_flushed = true;
	if (one_row)
	{
		c->told = true;
		c->rows = 0;
	}
}

/*
 * The set is full, or has waited long enough: emit it and go on with an empty
 * one.  What the changes will tell is not emitted meanwhile: should they fail,
 * a set that became too large is told as all.
 */
void
csec_collector_spill(CsecCollector *c)
{
	if (c->told_by != NULL)
	{
		c->subjects.all = true;
		return;
	}
	emit_read(c, CSEC_STATUS_OK, true);
	csec_subjects_reset(&c->subjects);
}

/* Is there something to emit meanwhile? */
static bool
can_spill(const CsecCollector *c)
{
	return c->rows > 0 && c->told_by == NULL;
}

/* When what waits to be emitted began to, on csec_clock_ms(); 0: nothing does. */
int64
csec_collectors_wait_since(void)
{
	int64		since = 0;

	for (CsecCollector *c = collectors; c != NULL; c = c->next)
		if (can_spill(c) && (since == 0 || c->emitted_at < since))
			since = c->emitted_at;
	return since;
}

/* Emit what was read so far. */
void
csec_collectors_spill(void)
{
	for (CsecCollector *c = collectors; c != NULL; c = c->next)
		if (can_spill(c))
			csec_collector_spill(c);
}

/* Nothing to tell: all of its rows were shown by permits, and told so. */
static bool
is_superseded(const CsecCollector *c)
{
	return c->superseded && is_unused(c);
}

/*
 * A statement, or the transaction, is over: everything goes out.  That a
 * strict read found nothing has not been flushed yet, where it is the whole
 * answer; the client is told after this.
 */
void
csec_collectors_emit(CsecStatus status)
{
	XLogRecPtr	flush_to = InvalidXLogRecPtr;

	if (status == CSEC_STATUS_OK)
		csec_repeats_emit_due();
	if (likely(collectors == NULL))
		return;
	while (collectors != NULL)
	{
		CsecCollector *c = collectors;

		if ((!c->told || c->rows > 0 || status != CSEC_STATUS_OK) && !is_superseded(c))
		{
			XLogRecPtr	lsn = emit_read(c, status, false);

			if (c->strict && !c->intent_flushed && status == CSEC_STATUS_OK)
				flush_to = Max(flush_to, lsn);
		}
		collectors = c->next;
		drop_collector(c);
	}
	csec_collectors_generation++;
	csec_emit_flush(flush_to);
}

/* Drop what this tells, or has not shown after all. */
void
csec_collectors_forget(const void *told_by)
{
	CsecCollector **link = &collectors;

	while (*link != NULL)
	{
		CsecCollector *c = *link;

		if (c->told_by != told_by)
		{
			link = &c->next;
			continue;
		}
		*link = c->next;
		drop_collector(c);
		csec_collectors_generation++;
	}
}

/*
 * A query is done.  Rows that it found and changed are told by the records of
 * the changes; where it did not change all of them, a trigger swallowed some or
 * another session was faster, what it found has been read.
 */
void
csec_collectors_settle(const EState *estate)
{
	uint64		found = 0;		/* by all of them: partitions may differ in columns */

	for (CsecCollector *c = collectors; c != NULL; c = c->next)
		if (c->told_by == estate && c->counted)
			found += c->rows;
	for (CsecCollector *c = collectors; c != NULL; c = c->next)
		if (c->told_by == estate && c->counted && c->rows > 0 && found != estate->es_processed)
			c->told_by = NULL;
	csec_collectors_forget(estate);
}

/* Has it met a subject? */
static bool
has_subject(const CsecCollector *c)
{
	return c->rows > 0 || c->subjects.all || c->subjects.nranges > 0 || c->subjects.ntexts > 0;
}

/*
 * A query failed, before what it found was told by a change, or on its first
 * row.  It will be told as a read, with the next end of a statement or of the
 * transaction; but the error goes to the client first.
 */
void
csec_collectors_failed(const void *told_by)
{
	for (CsecCollector *c = collectors; c != NULL; c = c->next)
	{
		if (c->told_by == told_by)
			c->told_by = NULL;
		if (c->strict && !c->intent_flushed && !csec_emit_refused() && has_subject(c) && c->told_by == NULL)
			csec_collector_strict_first(c, false);
	}
}
