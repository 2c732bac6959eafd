/*
 * row.h
 *		One row as the result of a function of SQL.
 */
#ifndef CSEC_UTIL_ROW_H
#define CSEC_UTIL_ROW_H

#include "postgres.h"

#include "fmgr.h"

/* A row of the function's OUT parameters. */
extern Datum csec_row(FunctionCallInfo fcinfo, const Datum *values, const bool *nulls);

#endif							/* CSEC_UTIL_ROW_H */
