/*
 * observer.c
 *		Notes one row's subject for the record of a read.
 *
 * An observer stands at a point of a plan where the rows of one protected
 * table pass.  The collector that it feeds belongs to a statement and is
 * looked up anew when the statement is another (a cursor's next FETCH).
 */
#include "postgres.h"

#include "access/tableam.h"
#include "nodes/execnodes.h"
#include "nodes/plannodes.h"
#include "utils/memutils.h"

#include "capture/coalesce.h"
#include "capture/columns.h"
#include "capture/indexed_row.h"
#include "capture/observer.h"
#include "capture/permitted.h"
#include "capture/subject_key.h"
#include "util/clock.h"
#include "util/guc.h"

#define CACHE_LINE	64
#define LINES_AHEAD	4			/* most rows are not longer */

/* The rows of the current run go nowhere: MOVE. */
bool		csec_reads_discarded = false;

/*
 * The collector of the current statement, for rows that a permit shows, or 0;
 * "plain" is the one for the others, or NULL.
 */
static CsecCollector *
find_collector(CsecObserver *observer, int64 permit, CsecCollector *plain)
{
	uint8		probed[CSEC_PROBED_ROOM];
	CsecReadKind kind = {
		.table = observer->table,
		.statement = observer->statement,
		.exactness = observer->exactness,
		.strict = observer->strict,
		.told_by = observer->told ? observer->scan->state : NULL,
		.counted = observer->counted,
		.probed = plain == NULL ? probed : plain->probed,
		.permit = permit
	};

	if (observer->exactness == CSEC_EXACT_DELIVERED && csec_reads_discarded)
		kind.exactness = CSEC_EXACT_SCANNED;
	kind.columns = csec_columns_encode(observer->table, observer->selected,
									   observer->permitted, permit, &kind.columns_len);
	if (permit == 0 && !observer->strict)
		kind.repeats_within = csec_repeats_within(observer->table, observer->selected, observer->conditions);
	if (plain != NULL)
	{
		kind.probed_len = plain->probed_len;
		return csec_collector_of_permit(plain, &kind);
	}
	kind.probed_len = csec_columns_probed(observer->table, observer->conditions,
										  probed, sizeof(probed));
	return csec_collector_for(&kind);
}

/* Find the collector of the current statement. */
void
csec_observer_attach(CsecObserver *observer)
{
	observer->collector = find_collector(observer, 0, NULL);
	observer->generation = csec_collectors_generation;
}

/* The slot that holds the key of the row that just passed. */
static TupleTableSlot *
key_slot(CsecObserver *observer, TupleTableSlot *result)
{
	if (observer->in_result)
		return result;
	if (observer->fetched != NULL)
		return csec_indexed_row(observer->scan, observer->fetched);
	return ((ScanState *) observer->scan)->ss_ScanTupleSlot;
}

/*
 * Rows of customers whom a permit shows are told apart from the others: what
 * the reader met there is something else.
 */
static CsecCollector *
collector_of_row(CsecObserver *observer, TupleTableSlot *result)
{
	TupleTableSlot *slot = key_slot(observer, result);
	int64		permit = slot == NULL ? 0 :
	csec_permitted_by(observer->permitted, slot, observer->attno);

	if (observer->collector->permit == permit)
		return observer->collector;
	if (permit == 0)
	{
		/* it has become another's */
		csec_observer_attach(observer);
		return observer->collector;
	}
	if (observer->permit != permit || observer->shown_generation != csec_collectors_generation)
	{
		observer->shown = find_collector(observer, permit, observer->collector);
		observer->permit = permit;
		observer->shown_generation = csec_collectors_generation;
	}
	return observer->shown;
}

/* Not an integer: its text. */
static pg_noinline bool
note_text(CsecObserver *observer, CsecCollector *c, TupleTableSlot *slot)
{
	StringInfoData text;
	MemoryContext old = MemoryContextSwitchTo(observer->scan->state->es_query_cxt);
	bool		found;

	initStringInfo(&text);
	found = csec_subject_text(observer->table, slot, observer->attno, &text);
	if (found && !csec_subjects_add_text(&c->subjects, text.data, text.len))
	{
		csec_collector_spill(c);
		csec_subjects_add_text(&c->subjects, text.data, text.len);
	}
	pfree(text.data);
	MemoryContextSwitchTo(old);
	return found;
}

static bool
note_integer(CsecObserver *observer, CsecCollector *c, TupleTableSlot *slot)
{
	int64		key;

	if (!csec_subject_integer(observer->table, slot, observer->attno, &key))
		return false;
	if (unlikely(!csec_subjects_add_integer(&c->subjects, key)))
	{
		csec_collector_spill(c);
		csec_subjects_add_integer(&c->subjects, key);
	}
	return true;
}

/*
 * A sequential scan reads a page's rows as they came, and each lies below the
 * one before it.  So the next one begins where this one's length below this
 * one is, most likely; the processor gets it from memory while this one is on
 * its way out, which it does not see by itself.  Of a long row it sees the rest.
 */
static pg_attribute_always_inline void	/* else gcc takes it for one without effect */
fetch_next_row(const TupleTableSlot *slot)
{
	if (TTS_IS_BUFFERTUPLE(slot))
	{
		HeapTuple	tuple = ((const HeapTupleTableSlot *) slot)->tuple;
		const char *row = (const char *) tuple->t_data;

		for (int line = 1; line <= LINES_AHEAD; line++)
			__builtin_prefetch(row - line * CACHE_LINE);
	}
}

/* Add the row's subject to the set; false: the row has none (an outer join). */
static inline bool
note_subject(CsecObserver *observer, CsecCollector *c, TupleTableSlot *result)
{
	TupleTableSlot *slot;

	if (c->subjects.all)
		return true;
	slot = key_slot(observer, result);
	if (slot == NULL)
	{
		c->subjects.all = true; /* never as nothing */
		return true;
	}
	if (observer->in_sequence)
		fetch_next_row(slot);
	/* who gets the whole row will take it apart: once, not the key first */
	if (slot == result && observer->exactness == CSEC_EXACT_DELIVERED)
		slot_getallattrs(slot);
	if (c->subjects.integers)
		return note_integer(observer, c, slot);
	return note_text(observer, c, slot);
}

/*
 * What was read must not wait in memory for longer than
 * csec.audit_flush_interval, so a long statement emits on its way.  The clock
 * is looked at for each of the first rows and then now and then: a statement
 * that gives few rows slowly must not be missed, one that gives millions must
 * not pay for it.
 */
static void
spill_if_late(CsecCollector *c)
{
	if (c->rows >= 512 && (c->rows & 255) != 0)
		return;
	if (c->rows < 2 || c->told_by != NULL)
		return;
	if (csec_clock_ms() - c->emitted_at > csec_audit_flush_interval)
		csec_collector_spill(c);
}

/* A row of the observed table passes; result is what the node hands up. */
void
csec_observer_note(CsecObserver *observer, TupleTableSlot *result)
{
	CsecCollector *c;

	/* what ran below may have ended statements of its own */
	csec_observer_ready(observer);
	c = observer->collector;
	if (unlikely(observer->permitted != NULL))
		c = collector_of_row(observer, result);
	if (!note_subject(observer, c, result) && observer->in_result)
		return;
	if (observer->again)
		return;
	c->rows++;
	if (unlikely(c->strict && !c->intent_flushed && c->told_by == NULL))
		csec_collector_strict_first(c, observer->one_row);
	spill_if_late(c);
}

/*
 * There are no more rows.  That a strict table has none to give is told like
 * one: before anybody can act upon it.  Where the statement ends with this,
 * its last record tells so (csec_collectors_emit).
 */
void
csec_observer_end(CsecObserver *observer)
{
	CsecCollector *c;

	csec_observer_ready(observer);
	c = observer->collector;
	if (c->strict && !c->intent_flushed && c->told_by == NULL && !observer->last)
		csec_collector_strict_first(c, false);
}

/* Note the row on which a node failed; where it cannot be known, all rows. */
void
csec_observer_failed(CsecObserver *observer)
{
	CsecCollector *c = observer->collector;
	TupleTableSlot *slot = ((ScanState *) observer->scan)->ss_ScanTupleSlot;
	int64		key;

	if (observer->generation != csec_collectors_generation || c->subjects.all)
		return;
	if (!observer->in_result && observer->fetched == NULL && c->subjects.integers &&
		(TTS_EMPTY(slot) ||
		 !csec_subject_integer(observer->table, slot, observer->attno, &key) ||
		 csec_subjects_add_integer(&c->subjects, key)))
	{
		/* whether a permit would have shown this row was not asked */
		if (c->permit != 0)
			c->exactness = CSEC_EXACT_INTENT;
		return;
	}
	c->subjects.all = true;
	c->exactness = CSEC_EXACT_INTENT;
}

/* Where the key stands in the tuples of an index-only scan; false: nowhere. */
static bool
key_in_index(IndexOnlyScan *plan, const CsecTable *table, AttrNumber *attno)
{
	for (int i = 0; i < table->nsubject; i++)
	{
		ListCell   *lc;

		attno[i] = InvalidAttrNumber;
		foreach(lc, plan->indextlist)
		{
			TargetEntry *tle = lfirst_node(TargetEntry, lc);

			if (!tle->resjunk && IsA(tle->expr, Var) &&
				((Var *) tle->expr)->varattno == table->subject_attno[i])
				attno[i] = tle->resno;
		}
		if (attno[i] == InvalidAttrNumber)
			return false;
	}
	return true;
}

/* An index-only scan has only the index's columns. */
void
csec_observer_use_index(CsecObserver *observer)
{
	if (observer->table->nsubject == 0 ||
		key_in_index((IndexOnlyScan *) observer->scan->plan, observer->table, observer->attno))
		return;
	memcpy(observer->attno, observer->table->subject_attno, sizeof(observer->attno));
	observer->fetched = table_slot_create(((ScanState *) observer->scan)->ss_currentRelation,
										  &observer->scan->state->es_tupleTable);
}
