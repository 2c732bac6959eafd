/*
 * wrap.h
 *		Puts observers into a plan that is ready to run.
 */
#ifndef CSEC_CAPTURE_WRAP_H
#define CSEC_CAPTURE_WRAP_H

#include "nodes/execnodes.h"

#include "capture/observer.h"

typedef struct CsecWrappedQuery CsecWrappedQuery;

extern CsecWrappedQuery *csec_wrap_query(EState *estate);
extern void csec_wrap_node(CsecWrappedQuery *query, PlanState *node,
						   CsecObserver *observer);

/* Call back with each row that a node hands up. */
typedef void (*CsecRowWatcher) (void *arg, TupleTableSlot *row);
extern void csec_wrap_watch(CsecWrappedQuery *query, PlanState *node,
							CsecRowWatcher watcher, void *arg);

extern bool csec_is_wrapped(const ExprState *expr);
extern ExprState *csec_wrap_expression(ExprState *original, CsecObserver *observer);
extern ProjectionInfo *csec_wrap_projection(ProjectionInfo *original,
											CsecObserver *observer, int input);

/* Call back before the filter, or what a scan computes, sees a row. */
extern ExprState *csec_wrap_expression_watch(ExprState *original, CsecRowWatcher watcher, void *arg);
extern ProjectionInfo *csec_wrap_projection_watch(ProjectionInfo *original,
												  CsecRowWatcher watcher, void *arg);
extern void csec_wrap_failed(EState *estate);

#endif							/* CSEC_CAPTURE_WRAP_H */
