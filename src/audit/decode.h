/*
 * decode.h
 *		What the functions that take records apart for SQL share.
 */
#ifndef CSEC_AUDIT_DECODE_H
#define CSEC_AUDIT_DECODE_H

#include "postgres.h"

#include "audit/record.h"

extern void csec_decode_record(bytea *record, CsecHeader *header, CsecBody *body);
extern void csec_malformed_record(bytea *record) pg_attribute_noreturn();
extern Datum csec_decode_text(CsecField field);

#endif							/* CSEC_AUDIT_DECODE_H */
