/*
 * masked_exit.h
 *		The ways out of csec.masked, as functions of fmgr.
 *
 * Each takes a value of either type; encrypted_exit.c lends them to
 * csec.encrypted.
 */
#ifndef CSEC_TYPES_MASKED_EXIT_H
#define CSEC_TYPES_MASKED_EXIT_H

#include "postgres.h"

#include "fmgr.h"

extern PGDLLEXPORT Datum csec_masked_out(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum csec_masked_send(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum csec_masked_to_text(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum csec_mask_value(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum csec_category_of(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum csec_masked_column_size(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum csec_masked_lower(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum csec_masked_upper(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum csec_masked_btrim(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum csec_masked_ltrim(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum csec_masked_rtrim(PG_FUNCTION_ARGS);

#endif							/* CSEC_TYPES_MASKED_EXIT_H */
