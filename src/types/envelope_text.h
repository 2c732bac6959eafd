/*
 * envelope_text.h
 *		Envelopes as text: how dumps have them, and how they come back.
 */
#ifndef CSEC_TYPES_ENVELOPE_TEXT_H
#define CSEC_TYPES_ENVELOPE_TEXT_H

#include "postgres.h"

extern bool csec_is_envelope_text(const char *text, size_t len);

/*
 * The envelope that a text writes.  Its category must be the field's, and if
 * its key can be used here it must be authentic.
 */
extern struct varlena *csec_envelope_from_text(uint32 category, const char *text, size_t len);

#endif							/* CSEC_TYPES_ENVELOPE_TEXT_H */
