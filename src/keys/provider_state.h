/*
 * provider_state.h
 *		Did the provider give the keys when it was last asked?
 *
 * A running server goes on without its provider, and does not start again
 * without it.  So what the launcher finds when it asks is kept where every
 * session can look, until the provider is well again.  On a standby that is also
 * whether the keys open what is in the databases.
 */
#ifndef CSEC_KEYS_PROVIDER_STATE_H
#define CSEC_KEYS_PROVIDER_STATE_H

#include "postgres.h"

#include "datatype/timestamp.h"

#define CSEC_PROVIDER_TROUBLE	1024

typedef struct CsecProviderState
{
	TimestampTz tried;			/* when it was asked last; at the server's start it was */
	TimestampTz well;			/* when it gave all last */
	TimestampTz since;			/* it has failed since then; 0: it does not */
	uint32		episode;		/* counts up when it fails, fails otherwise, or is well again */
	char		trouble[CSEC_PROVIDER_TROUBLE]; /* why, and what helps; in any encoding */
} CsecProviderState;

/* The postmaster, at start, which ends where the provider does not give them. */
extern void csec_provider_state_init(void);

/*
 * What came of asking; NULL: it gave all.  The launcher alone.  Gives whether
 * that is news.
 */
extern bool csec_provider_told(const char *trouble);

/* So long ago it was asked, in ms, whatever was done to the clock. */
extern int64 csec_provider_asked_ago(void);

/* trouble is valid in the database's encoding. */
extern void csec_provider_state(CsecProviderState *out);

#endif							/* CSEC_KEYS_PROVIDER_STATE_H */
