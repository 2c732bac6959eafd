/*
 * envelope_key.h
 *		The key that an envelope names: a data key, or that of one customer.
 */
#ifndef CSEC_TYPES_ENVELOPE_KEY_H
#define CSEC_TYPES_ENVELOPE_KEY_H

#include "postgres.h"

#include "types/envelope.h"

/* Was it destroyed?  Then nothing opens the value any more. */
extern bool csec_envelope_key_is_destroyed(const CsecEnvelope *envelope);

/* Is it in this database, and not destroyed, nor another one of its number? */
extern bool csec_envelope_key_is_known(const CsecEnvelope *envelope);

/* ... and can it be used here? */
extern bool csec_envelope_key_opens(const CsecEnvelope *envelope);

/* Error where it is a customer's that is not in this database. */
extern void csec_envelope_key_must_be_there(const CsecEnvelope *envelope);

/*
 * The key made ready, until the next look-up of a key; NULL: the key of that
 * number is not the one that encrypted the value.  Errors, which name the key:
 * undefined_object where it is not here, object_not_in_prerequisite_state
 * where it was destroyed or its KEK is not here.
 */
extern CsecAead *csec_envelope_key_aead(const CsecEnvelope *envelope);

/* What is wrong with the key (docs/envelope-format.md#problems); NULL: nothing. */
extern const char *csec_envelope_key_problem(const CsecEnvelope *envelope);

#endif							/* CSEC_TYPES_ENVELOPE_KEY_H */
