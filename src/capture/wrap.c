/*
 * wrap.c
 *		Puts observers into a plan that is ready to run.
 *
 * What is known of a wrapped node stands in the query's own memory and is
 * found by the node's address; a reset callback of that memory forgets it,
 * after an error as well.  Nodes are wrapped by replacing ExecProcNode,
 * expressions by one of our own that notes the row and then runs them.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "utils/memutils.h"

#include "capture/wrap.h"

/* Who wants to see the rows of a node. */
typedef struct Watch
{
	struct Watch *next;
	CsecRowWatcher watcher;
	void	   *arg;
} Watch;

/* A wrapped node. */
typedef struct Wrapped
{
	PlanState  *node;
	ExecProcNodeMtd original;
	CsecObserver *observers;
	struct Watch *watches;
	bool		in_flight;		/* it is at work on a row */
} Wrapped;

/* An expression that runs on a row of the table, to be noted before. */
typedef struct WrappedExpr
{
	ExprState	state;			/* must be first: what is run in its place */
	ExprState  *original;
	CsecRowWatcher watcher;
	void	   *arg;
} WrappedExpr;

/* A projection, whose expression lies in it. */
typedef struct WrappedProjection
{
	ProjectionInfo info;		/* must be first */
	ExprState  *original;		/* its steps point into it: it runs where it is */
	CsecRowWatcher watcher;
	void	   *arg;
	int			input;			/* variable number of the tuple that has the key */
} WrappedProjection;

/* All wrapped nodes of all queries that run, by address. */
typedef struct WrappedEntry
{
	PlanState  *node;
	Wrapped    *wrapped;
	char		status;
} WrappedEntry;

#define SH_PREFIX nodes
#define SH_ELEMENT_TYPE WrappedEntry
#define SH_KEY_TYPE PlanState *
#define SH_KEY node
#define SH_HASH_KEY(tb, key) ((uint32) ((uintptr_t) (key) >> 4) * 2654435761u)
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

static nodes_hash *nodes = NULL;
static Wrapped *last = NULL;	/* most plans have one */

/* Those of one query, forgotten with its memory. */
struct CsecWrappedQuery
{
	MemoryContextCallback callback;
	List	   *list;
};

static void
forget_query(void *arg)
{
	CsecWrappedQuery *query = arg;
	ListCell   *lc;

	foreach(lc, query->list)
	{
		Wrapped    *wrapped = lfirst(lc);

		nodes_delete(nodes, wrapped->node);
		if (last == wrapped)
			last = NULL;
	}
}

/*
 * In place of a node's own ExecProcNode.  The collector is there before the
 * first row: a read that finds nothing, or fails at once, is a read.
 */
static TupleTableSlot *
next_row(PlanState *node)
{
	Wrapped    *wrapped = last;
	TupleTableSlot *slot;

	if (unlikely(wrapped == NULL || wrapped->node != node))
	{
		WrappedEntry *entry = nodes_lookup(nodes, node);

		if (entry == NULL)
			elog(ERROR, "csec lost track of a plan node");
		wrapped = entry->wrapped;
	}
	for (CsecObserver *observer = wrapped->observers; observer != NULL; observer = observer->next)
		csec_observer_ready(observer);
	wrapped->in_flight = true;
	slot = wrapped->original(node);
	wrapped->in_flight = false;
	last = wrapped;
	if (TupIsNull(slot))
	{
		for (CsecObserver *observer = wrapped->observers; observer != NULL; observer = observer->next)
			if (unlikely(observer->strict))
				csec_observer_end(observer);
		return slot;
	}
	for (CsecObserver *observer = wrapped->observers; observer != NULL; observer = observer->next)
		if (!observer->in_expression)
			csec_observer_note(observer, slot);
	for (Watch *watch = wrapped->watches; watch != NULL; watch = watch->next)
		watch->watcher(watch->arg, slot);
	return slot;
}

/* In place of an expression: notes the row, then runs the expression. */
static Datum
note_and_run(ExprState *state, ExprContext *econtext, bool *isnull)
{
	WrappedExpr *expr = (WrappedExpr *) state;

	expr->watcher(expr->arg, econtext->ecxt_scantuple);
	return expr->original->evalfunc(expr->original, econtext, isnull);
}

static Datum
note_and_project(ExprState *state, ExprContext *econtext, bool *isnull)
{
	WrappedProjection *projection = (WrappedProjection *)
		((char *) state - offsetof(ProjectionInfo, pi_state));

	projection->watcher(projection->arg,
						projection->input == OUTER_VAR ? econtext->ecxt_outertuple :
						projection->input == INNER_VAR ? econtext->ecxt_innertuple :
						econtext->ecxt_scantuple);
	return projection->original->evalfunc(projection->original, econtext, isnull);
}

/* An error that can carry a value out: not a cancellation, a deadlock, a full disk. */
static bool
error_may_tell(void)
{
	switch (ERRCODE_TO_CATEGORY(geterrcode()))
	{
		case MAKE_SQLSTATE('4', '0', '0', '0', '0'):
		case MAKE_SQLSTATE('5', '3', '0', '0', '0'):
		case MAKE_SQLSTATE('5', '5', '0', '0', '0'):
		case MAKE_SQLSTATE('5', '7', '0', '0', '0'):
			return false;
		default:
			return true;
	}
}

/*
 * A query failed: an error message is a way out for the row that caused it,
 * which no node has handed up.  Runs in PG_CATCH, while the query's memory and
 * buffers are still there; allocates nothing.
 */
void
csec_wrap_failed(EState *estate)
{
	nodes_iterator iterator;
	WrappedEntry *entry;

	if (nodes == NULL || nodes->members == 0 || !error_may_tell())
		return;
	nodes_start_iterate(nodes, &iterator);
	while ((entry = nodes_iterate(nodes, &iterator)) != NULL)
	{
		if (entry->node->state != estate || !entry->wrapped->in_flight)
			continue;
		for (CsecObserver *o = entry->wrapped->observers; o != NULL; o = o->next)
			if (!o->in_expression)
				csec_observer_failed(o);
	}
}

/* What is known of a node, which is wrapped if it was not. */
static Wrapped *
wrapped_node(CsecWrappedQuery *query, PlanState *node)
{
	WrappedEntry *entry;
	bool		found;

	entry = nodes_insert(nodes, node, &found);
	if (!found)
	{
		Wrapped    *wrapped = palloc0(sizeof(Wrapped));

		wrapped->node = node;
		wrapped->original = node->ExecProcNodeReal;
		entry->wrapped = wrapped;
		query->list = lappend(query->list, wrapped);
		ExecSetExecProcNode(node, next_row);
	}
	return entry->wrapped;
}

void
csec_wrap_node(CsecWrappedQuery *query, PlanState *node, CsecObserver *observer)
{
	Wrapped    *wrapped = wrapped_node(query, node);

	observer->next = wrapped->observers;
	wrapped->observers = observer;
}

void
csec_wrap_watch(CsecWrappedQuery *query, PlanState *node, CsecRowWatcher watcher, void *arg)
{
	Wrapped    *wrapped = wrapped_node(query, node);
	Watch	   *watch = palloc(sizeof(Watch));

	watch->watcher = watcher;
	watch->arg = arg;
	watch->next = wrapped->watches;
	wrapped->watches = watch;
}

bool
csec_is_wrapped(const ExprState *expr)
{
	return expr != NULL &&
		(expr->evalfunc == note_and_run || expr->evalfunc == note_and_project);
}

/*
 * An expression to run in place of another.  It keeps the other's flags and
 * result slot, which callers look at; only the way in is another.
 */
ExprState *
csec_wrap_expression_watch(ExprState *original, CsecRowWatcher watcher, void *arg)
{
	WrappedExpr *expr = palloc0(sizeof(WrappedExpr));

	expr->state = *original;
	expr->state.evalfunc = note_and_run;
	expr->original = original;
	expr->watcher = watcher;
	expr->arg = arg;
	return &expr->state;
}

static void
observe(void *arg, TupleTableSlot *row)
{
	csec_observer_note(arg, row);
}

ExprState *
csec_wrap_expression(ExprState *original, CsecObserver *observer)
{
	observer->in_result = observer->fetched == NULL;
	observer->in_expression = true;
	return csec_wrap_expression_watch(original, observe, observer);
}

/* The same for a projection. */
static ProjectionInfo *
wrap_projection(ProjectionInfo *original, int input, CsecRowWatcher watcher, void *arg)
{
	WrappedProjection *projection = palloc0(sizeof(WrappedProjection));

	projection->info = *original;
	projection->original = &original->pi_state;
	projection->info.pi_state.evalfunc = note_and_project;
	projection->watcher = watcher;
	projection->arg = arg;
	projection->input = input;
	return &projection->info;
}

ProjectionInfo *
csec_wrap_projection_watch(ProjectionInfo *original, CsecRowWatcher watcher, void *arg)
{
	return wrap_projection(original, 0, watcher, arg);
}

/* Of the input tuple that has the key. */
ProjectionInfo *
csec_wrap_projection(ProjectionInfo *original, CsecObserver *observer, int input)
{
	observer->in_result = observer->fetched == NULL;
	observer->in_expression = true;
	return wrap_projection(original, input, observe, observer);
}

/* For the nodes that will be wrapped of one query, in its memory. */
CsecWrappedQuery *
csec_wrap_query(EState *estate)
{
	CsecWrappedQuery *query;

	if (nodes == NULL)
		nodes = nodes_create(TopMemoryContext, 64, NULL);
	query = MemoryContextAllocZero(estate->es_query_cxt, sizeof(CsecWrappedQuery));
	query->callback.func = forget_query;
	query->callback.arg = query;
	MemoryContextRegisterResetCallback(estate->es_query_cxt, &query->callback);
	return query;
}
