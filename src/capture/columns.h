/*
 * columns.h
 *		Which columns a query reads of a protected table, as a record's field.
 */
#ifndef CSEC_CAPTURE_COLUMNS_H
#define CSEC_CAPTURE_COLUMNS_H

#include "nodes/bitmapset.h"

#include "capture/permitted.h"
#include "policy/table.h"

extern const uint8 *csec_columns_encode(const CsecTable *table,
										Bitmapset *selected,
										const CsecPermitted *permitted, int64 permit,
										size_t *len);
extern size_t csec_columns_probed(const CsecTable *table, Bitmapset *conditions,
								  uint8 *out, size_t room);
extern bool csec_columns_touch_fields(const CsecTable *table, Bitmapset *selected);
extern bool csec_columns_above_general(const CsecTable *table, Bitmapset *selected);
extern bool csec_columns_strict(const CsecTable *table, Bitmapset *selected);

#endif							/* CSEC_CAPTURE_COLUMNS_H */
