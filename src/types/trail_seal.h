/*
 * trail_seal.h
 *		Encrypts values for one record of the trail.
 */
#ifndef CSEC_TYPES_TRAIL_SEAL_H
#define CSEC_TYPES_TRAIL_SEAL_H

#include "lib/stringinfo.h"

#include "keys/subject_key.h"
#include "policy/category.h"
#include "types/trail_envelope.h"

/* The headers of a record that is being made; all zero at first. */
typedef struct CsecTrailSealer
{
	unsigned	n;
	struct
	{
		size_t		size;
		uint8		data[CSEC_TRAIL_HEADER_MAX];	/* with the nonce that comes next */
	}			header[CSEC_TRAIL_HEADERS];
} CsecTrailSealer;

/* A value that is about to be encrypted. */
typedef struct CsecTrailSealing
{
	CsecAead   *aead;
	unsigned	place;
	bool		is_new;			/* its header must be told */
	size_t		size;			/* of what will be appended */
} CsecTrailSealing;

/*
 * csec_trail_seal_begin, csec_trail_seal
 *		Append the envelope of a text as trail_envelope.h has it: under the
 *		customer's key, or with NULL the category's (category NULL: of none, or
 *		not known).
 *
 * The first tells how long it will be, the second, with no other between them,
 * makes it.  After an error that came from either no further value can be told
 * in that record.
 */
extern void csec_trail_seal_begin(CsecTrailSealer *sealer, const CsecCustomer *customer,
								  uint32 id, const CsecCategory *category, size_t len,
								  CsecTrailSealing *sealing);
extern void csec_trail_seal(StringInfo out, CsecTrailSealer *sealer,
							const CsecTrailSealing *sealing, const char *text, size_t len);

#endif							/* CSEC_TYPES_TRAIL_SEAL_H */
