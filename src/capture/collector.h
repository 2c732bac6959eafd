/*
 * collector.h
 *		What the current statement has read, until it is emitted.
 */
#ifndef CSEC_CAPTURE_COLLECTOR_H
#define CSEC_CAPTURE_COLLECTOR_H

#include "datatype/timestamp.h"
#include "nodes/bitmapset.h"

#include "audit/emit.h"
#include "capture/subjects.h"
#include "policy/table.h"

/* A qualified name, quoted: each character of either part may be doubled. */
#define CSEC_RELATION_MAX (2 * (2 * NAMEDATALEN + 2) + 2)

struct EState;

/* What makes reads of one table in one statement one record. */
typedef struct CsecReadKind
{
	const CsecTable *table;
	const char *statement;		/* command, a constant */
	CsecExactness exactness;
	bool		strict;
	const void *told_by;		/* see CsecCollector */
	bool		counted;
	const uint8 *columns;		/* as the record's field */
	size_t		columns_len;
	const uint8 *probed;		/* as the record's field */
	size_t		probed_len;
	int64		permit;			/* that shows these rows, or 0 */
	int			repeats_within; /* see capture/coalesce.h */
} CsecReadKind;

/* More names of probed columns are left out. */
#define CSEC_PROBED_ROOM 512

/* One kind of read of one table by one identity in one statement. */
typedef struct CsecCollector
{
	struct CsecCollector *next;
	CsecIdentity *identity;
	Oid			root;
	char		relation[CSEC_RELATION_MAX];
	const char *statement;		/* command, a constant */
	CsecExactness exactness;
	bool		strict;
	bool		intent_flushed;
	bool		told;			/* all of it, unless more rows come */
	bool		emitted_part;	/* something of it went out already */
	bool		leads;			/* parallel workers may read along */
	const void *told_by;		/* the query whose changes will tell these
								 * rows, if it comes to them, or the statement
								 * that shows them only by failing; or NULL */
	bool		counted;		/* it will change as many rows as these */
	int64		permit;			/* that shows these rows, or 0 */
	int			repeats_within; /* ms in which reads like it become a number, or 0 */
	bool		superseded;		/* its rows went to collectors of permits */
	bool		shared;			/* several observers feed it */
	uint64		rows;			/* since the last emission */
	int64		emitted_at;		/* on csec_clock_ms() */
	size_t		columns_len;
	size_t		columns_size;
	uint8	   *columns;		/* as the record's field */
	size_t		probed_len;
	uint8		probed[CSEC_PROBED_ROOM];
	CsecSubjects subjects;
} CsecCollector;

/* Changes with each emission at a statement's end: collectors are gone then. */
extern uint64 csec_collectors_generation;

extern void csec_statement_begin(void);
extern uint64 csec_statement_number(void);
extern CsecCollector *csec_collector_for(const CsecReadKind *kind);
extern CsecCollector *csec_collector_of_permit(CsecCollector *plain, const CsecReadKind *kind);
extern void csec_collector_strict_first(CsecCollector *collector, bool one_row);
extern void csec_collector_spill(CsecCollector *collector);
extern int64 csec_collectors_wait_since(void);
extern void csec_collectors_spill(void);
extern void csec_collectors_emit(CsecStatus status);
extern void csec_collectors_settle(const struct EState *estate);
extern void csec_collectors_forget(const void *told_by);
extern void csec_collectors_failed(const void *told_by);

#endif							/* CSEC_CAPTURE_COLLECTOR_H */
