/*
 * acts.h
 *		Which statements are acts of the control plane.
 */
#ifndef CSEC_CAPTURE_ACTS_H
#define CSEC_CAPTURE_ACTS_H

#include "nodes/parsenodes.h"

/* What the statement acts upon, palloc'd; NULL: nothing that is recorded. */
extern char *csec_act_object(Node *stmt);

/* More about it: a JSON object, palloc'd, or NULL. */
extern char *csec_act_detail(Node *stmt);

/* Has it done what it does even where it fails? */
extern bool csec_act_is_at_once(Node *stmt);

#endif							/* CSEC_CAPTURE_ACTS_H */
