/*
 * key_check.h
 *		Is a query the look-up of a foreign-key check?
 */
#ifndef CSEC_CAPTURE_KEY_CHECK_H
#define CSEC_CAPTURE_KEY_CHECK_H

#include "executor/execdesc.h"

extern bool csec_is_key_check(const QueryDesc *queryDesc);

#endif							/* CSEC_CAPTURE_KEY_CHECK_H */
