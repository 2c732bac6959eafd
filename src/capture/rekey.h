/*
 * rekey.h
 *		Rows under the keys of the customers that they are about.
 */
#ifndef CSEC_CAPTURE_REKEY_H
#define CSEC_CAPTURE_REKEY_H

#include "executor/tuptable.h"
#include "utils/rel.h"

#include "capture/envelope_column.h"
#include "keys/subject_key.h"
#include "policy/table.h"

/*
 * Is an envelope under this customer's key, or of nobody's (NULL) under a data
 * key?
 */
extern bool csec_envelope_is_of(const CsecEnvelope *envelope, const CsecCustomer *customer);

/*
 * Is it as it would be stored now: csec_encrypted_current(), and not under a
 * data key where its customer (NULL: nobody) has a key?  What is under another
 * customer's is left alone: that it is there must show (csec.check_envelopes).
 */
extern bool csec_envelope_is_current(const CsecEnvelope *envelope, const CsecCustomer *customer);

/* Made anew as it would be stored now. */
extern struct varlena *csec_envelope_renew(const CsecEnvelope *envelope, const CsecCustomer *customer);

/*
 * An error where a stored row has a value that is not under the key of its
 * customer: somebody's trigger wrote it after csec's.
 */
extern void csec_check_rekeyed(Relation rel, TupleTableSlot *slot, const CsecCustomer *customer,
							   const CsecEnvelopeColumn *columns, int ncolumns);

#endif							/* CSEC_CAPTURE_REKEY_H */
