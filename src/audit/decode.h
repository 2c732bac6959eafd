/*
 * decode.h
 *		What the functions that take records apart for SQL share.
 */
#ifndef CSEC_AUDIT_DECODE_H
#define CSEC_AUDIT_DECODE_H

#include "postgres.h"

#include "fmgr.h"

#include "audit/change_row.h"
#include "audit/record.h"
#include "audit/whole_record.h"
#include "util/pgcompat.h"

/* Is it a whole record, in its one form?  It is taken apart. */
extern bool csec_is_record(bytea *record, CsecHeader *header, CsecBody *body);
extern void csec_decode_record(bytea *record, CsecHeader *header, CsecBody *body);
pg_noreturn extern void csec_malformed_record(bytea *record);
extern Datum csec_decode_text(CsecField field);

/*
 * Shows an old or new value of a column otherwise than the record does: true
 * and *text (palloc'd) where it was opened, false to leave it as it is.
 */
typedef struct CsecChangeOpener
{
	bool		(*open) (struct CsecChangeOpener *opener, uint64 column,
						 const CsecChangeSide *side, Datum *text);
} CsecChangeOpener;

extern void csec_decode_changes(FunctionCallInfo fcinfo, bytea *record, CsecBody *body,
								CsecChangeOpener *opener);

#endif							/* CSEC_AUDIT_DECODE_H */
