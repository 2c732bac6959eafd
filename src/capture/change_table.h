/*
 * change_table.h
 *		What is known of a table whose changes are recorded.
 */
#ifndef CSEC_CAPTURE_CHANGE_TABLE_H
#define CSEC_CAPTURE_CHANGE_TABLE_H

#include "utils/rel.h"

#include "capture/change_value.h"
#include "capture/envelope_column.h"
#include "policy/table.h"

typedef struct CsecChangeTable
{
	Oid			relid;			/* hash key: a partition, not its root */
	bool		valid;
	int			natts;
	CsecChangeColumn *columns;
	int			nmasked;
	AttrNumber *masked;			/* those of csec's types */
	bool		sealed;			/* told under the keys of its customers */
	int			nencrypted;
	CsecEnvelopeColumn *encrypted;	/* of a table that is sealed */
} CsecChangeTable;

/* Worked out when it is first asked for; good for the length of a statement. */
extern CsecChangeTable *csec_change_table(Relation rel, const CsecTable *policy);

#endif							/* CSEC_CAPTURE_CHANGE_TABLE_H */
