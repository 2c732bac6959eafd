/*
 * columns_check.h
 *		Do a row's columns say what its record says?                    [FE]
 */
#ifndef CSEC_VERIFY_COLUMNS_CHECK_H
#define CSEC_VERIFY_COLUMNS_CHECK_H

#include "audit/columns.h"
#include "audit/record.h"
#include "verify/row.h"

/*
 * The name of the first column that differs, or NULL.  The encoding is the
 * database's: a login that is not valid in it has no column.
 */
extern const char *csec_differing_column(const CsecRow *row,
										 const CsecHeader *header,
										 const CsecColumns *columns,
										 int encoding);

#endif							/* CSEC_VERIFY_COLUMNS_CHECK_H */
