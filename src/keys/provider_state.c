/*
 * provider_state.c
 *		Did the provider give the keys when it was last asked?
 *
 * There are two states, of which a count says which is valid, as with KEKs
 * (kek.c): the launcher writes the other one and then counts up, so nobody waits
 * and there is no lock that a process could die with.  They lie in csec's own
 * pages as KEKs do, which outlive a crash of a session as these do.
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "port/atomics.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "keys/kek.h"
#include "keys/provider_state.h"
#include "util/clock.h"
#include "util/row.h"
#include "util/secure_memory.h"

typedef struct Shared
{
	pg_atomic_uint32 count;
	CsecProviderState state[2];
	int64		asked;			/* on csec_clock_ms(); the launcher alone looks here */
} Shared;

static Shared *shared = NULL;

void
csec_provider_state_init(void)
{
	shared = csec_secure_alloc(sizeof(Shared), true);
	pg_atomic_init_u32(&shared->count, 0);
	shared->state[0].tried = shared->state[0].well = GetCurrentTimestamp();
	shared->asked = csec_clock_ms();
}

int64
csec_provider_asked_ago(void)
{
	return csec_clock_ms() - shared->asked;
}

bool
csec_provider_told(const char *trouble)
{
	uint32		count = pg_atomic_read_u32(&shared->count);
	CsecProviderState *old = &shared->state[count % 2];
	CsecProviderState *new = &shared->state[(count + 1) % 2];
	bool		failed = old->since != 0;
	bool		news;

	memset(new, 0, sizeof(*new));
	new->tried = GetCurrentTimestamp();
	new->well = trouble == NULL ? new->tried : old->well;
	shared->asked = csec_clock_ms();
	if (trouble != NULL)
	{
		new->since = failed ? old->since : new->tried;
		strlcpy(new->trouble, trouble, sizeof(new->trouble));
	}
	news = strcmp(old->trouble, new->trouble) != 0 || failed != (trouble != NULL);
	new->episode = old->episode + news;
	pg_write_barrier();
	pg_atomic_write_u32(&shared->count, count + 1);
	/* who still copies the old one must see that it is out before it is written over */
	pg_memory_barrier();
	return news;
}

/*
 * The launcher is in no database, and what the operating system says of an error
 * may be in any encoding; what was cut may end within a character.
 */
static void
make_valid(char *text)
{
	if (!pg_verifymbstr(text, strlen(text), true))
		for (; *text; text++)
			if (IS_HIGHBIT_SET(*text))
				*text = '?';
}

void
csec_provider_state(CsecProviderState *out)
{
	uint32		count;

	do
	{
		count = pg_atomic_read_u32(&shared->count);
		pg_read_barrier();
		*out = shared->state[count % 2];
		pg_read_barrier();
	} while (count != pg_atomic_read_u32(&shared->count));
	make_valid(out->trouble);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_key_provider);

/*
 * csec.key_provider(OUT keks, OUT tried_at, OUT well_at, OUT failing_since, OUT trouble)
 */
Datum
csec_key_provider(PG_FUNCTION_ARGS)
{
	CsecProviderState state;
	Datum		values[5];
	bool		nulls[5] = {false};

	csec_provider_state(&state);
	values[0] = CStringGetTextDatum(csec_kek_names());
	values[1] = TimestampTzGetDatum(state.tried);
	values[2] = TimestampTzGetDatum(state.well);
	values[3] = TimestampTzGetDatum(state.since);
	values[4] = CStringGetTextDatum(state.trouble);
	nulls[3] = nulls[4] = state.since == 0;
	return csec_row(fcinfo, values, nulls);
}
