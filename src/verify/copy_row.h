/*
 * copy_row.h
 *		A row as COPY … TO STDOUT (FORMAT binary) sends it.             [FE]
 *
 * The server may be the suspect: what it sends is checked like any other
 * bytes from outside.
 */
#ifndef CSEC_VERIFY_COPY_ROW_H
#define CSEC_VERIFY_COPY_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "verify/row.h"

typedef enum CsecCopyRow
{
	CSEC_COPY_ROW,				/* the fields were taken */
	CSEC_COPY_END,				/* the trailer, or a header alone */
	CSEC_COPY_BROKEN
} CsecCopyRow;

/*
 * Takes count fields off one message; the first of a COPY begins with the
 * file's header.  The fields point into the message.
 */
extern CsecCopyRow csec_copy_row(const uint8_t *message, size_t len, bool first,
								 CsecDatum *field, int count);

#endif							/* CSEC_VERIFY_COPY_ROW_H */
