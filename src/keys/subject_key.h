/*
 * subject_key.h
 *		A key for each customer, which can be destroyed alone.
 *
 * Tables that are protected with subject_keys keep their fields, and the trail
 * what changed in them, under the key of the customer that a row is about.  The
 * keys stand in csec.subject_key, wrapped under a data key.  A session keeps
 * those that it used last, csec.subject_key_cache of them.
 */
#ifndef CSEC_KEYS_SUBJECT_KEY_H
#define CSEC_KEYS_SUBJECT_KEY_H

#include "postgres.h"

#include "crypto/aead.h"
#include "keys/tombstone.h"
#include "util/pgcompat.h"

/* A customer: the table that has the customers, and the pseudonym. */
typedef struct CsecCustomer
{
	Oid			table;
	uint8		pseudonym[CSEC_PSEUDONYM];
} CsecCustomer;

typedef struct CsecSubjectKey CsecSubjectKey;

typedef enum CsecSubjectKeyState
{
	CSEC_SUBJECT_KEY_USABLE = 0,
	CSEC_SUBJECT_KEY_UNKNOWN,	/* there is no row of that number */
	CSEC_SUBJECT_KEY_OTHER,		/* there is, but of another key */
	CSEC_SUBJECT_KEY_SHUT,		/* there is, and it does not open now */
	CSEC_SUBJECT_KEY_DESTROYED	/* or the data key that wraps it was */
} CsecSubjectKeyState;

extern void csec_subject_key_init(void);

/*
 * The customer of a table that a subject, as text, names.  Error where that
 * table has no keys of customers.
 */
extern void csec_customer_of(Oid table, const char *subject, size_t len, CsecCustomer *out);

/* Can it be said of a table's customers who they are?  Not while a key is missing. */
extern bool csec_customers_known(Oid table);

/* The number that stands in envelopes. */
extern uint64 csec_subject_number(const uint8 *pseudonym);

/*
 * The key of a customer, made where there is none; NULL: it was destroyed.
 * Valid until the next look-up of such a key.  Errors: those of unwrapping.
 */
extern const CsecSubjectKey *csec_subject_key_for(const CsecCustomer *customer);

/* Was it destroyed?  Makes none. */
extern bool csec_subject_key_is_destroyed(const CsecCustomer *customer);

/* The key that an envelope names; *key only where it is usable. */
extern CsecSubjectKeyState csec_subject_key_find(uint64 number, const uint8 *commitment,
												 const CsecSubjectKey **key);

/* The errors that say that the key of that number was destroyed; why it does not open. */
pg_noreturn extern void csec_refuse_destroyed(uint64 number);
pg_noreturn extern void csec_refuse_shut(uint64 number);

extern uint64 csec_subject_key_number(const CsecSubjectKey *key);
extern const uint8 *csec_subject_key_commitment(const CsecSubjectKey *key);
extern CsecAead *csec_subject_key_aead(const CsecSubjectKey *key, int suite);

#endif							/* CSEC_KEYS_SUBJECT_KEY_H */
