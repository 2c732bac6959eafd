/*
 * encrypted_exit.c
 *		The ways out of csec.encrypted: those of csec.masked, for envelopes only.
 */
#include "postgres.h"

#include "types/encrypted_exit.h"
#include "types/encrypted_value.h"
#include "types/masked_exit.h"

Datum
csec_encrypted_exit(PG_FUNCTION_ARGS, PGFunction masked)
{
	NullableDatum *arg = &fcinfo->args[0];
	Datum		given = arg->value;
	struct varlena *value = PG_GETARG_VARLENA_PP(0);
	CsecEnvelope envelope;
	Datum		result;

	csec_encrypted_read(value, &envelope);
	/* Detoasted once.  The executor may own the argument: it gets it back. */
	arg->value = PointerGetDatum(value);
	result = masked(fcinfo);
	arg->value = given;
	return result;
}

CSEC_ENCRYPTED_EXIT(csec_encrypted_out, csec_masked_out)
CSEC_ENCRYPTED_EXIT(csec_encrypted_send, csec_masked_send)
CSEC_ENCRYPTED_EXIT(csec_encrypted_to_text, csec_masked_to_text)
CSEC_ENCRYPTED_EXIT(csec_encrypted_mask, csec_mask_value)
CSEC_ENCRYPTED_EXIT(csec_encrypted_category, csec_category_of)
CSEC_ENCRYPTED_EXIT(csec_encrypted_column_size, csec_masked_column_size)
CSEC_ENCRYPTED_EXIT(csec_encrypted_lower, csec_masked_lower)
CSEC_ENCRYPTED_EXIT(csec_encrypted_upper, csec_masked_upper)
CSEC_ENCRYPTED_EXIT(csec_encrypted_btrim, csec_masked_btrim)
CSEC_ENCRYPTED_EXIT(csec_encrypted_ltrim, csec_masked_ltrim)
CSEC_ENCRYPTED_EXIT(csec_encrypted_rtrim, csec_masked_rtrim)
