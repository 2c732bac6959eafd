/*
 * identity.h
 *		Who a record is about, as the bytes of its first fields.
 */
#ifndef CSEC_AUDIT_IDENTITY_H
#define CSEC_AUDIT_IDENTITY_H

#include "policy/context.h"

/* Names, client, and three claimed texts, each cut to CSEC_CLAIM_MAX. */
#define CSEC_IDENTITY_MAX	2048

typedef struct CsecIdentity
{
	int			references;
	Oid			login;
	Oid			session_user;
	Oid			reader;
	Oid			current_user;
	char		person[CSEC_PERSON_SIZE];
	char		actor[CSEC_CLAIM_MAX + 1];
	char		reason[CSEC_CLAIM_MAX + 1];
	char		ticket[CSEC_CLAIM_MAX + 1];
	char		application[NAMEDATALEN];
	size_t		len;
	uint8		fields[CSEC_IDENTITY_MAX];
} CsecIdentity;

/*
 * This process is a worker of csec's own.  What it looks up in the trail is
 * not recorded: the record would be the next thing to look at, without end.
 */
extern bool csec_is_own_worker;

extern void csec_identity_init(void);
extern CsecIdentity *csec_identity_acquire(void);
extern void csec_identity_client(char *out, size_t size);
extern void csec_identity_release(CsecIdentity *identity);

#endif							/* CSEC_AUDIT_IDENTITY_H */
