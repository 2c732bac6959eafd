/*
 * conflict.h
 *		Notes the existing row that ON CONFLICT DO UPDATE meets.
 */
#ifndef CSEC_CAPTURE_CONFLICT_H
#define CSEC_CAPTURE_CONFLICT_H

#include "capture/wrap.h"

extern void csec_conflict_observe(CsecWrappedQuery *query, ModifyTableState *node,
								  CsecObserver *observer);

#endif							/* CSEC_CAPTURE_CONFLICT_H */
