/*
 * identity.c
 *		Who a record is about, as the bytes of its first fields.
 *
 * The names of roles need the catalogs, which an abort callback may not read.
 * So whoever collects for a record acquires the identity when it begins, in
 * the transaction; it is made once and shared until a role, the application's
 * name or the context changes.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/inet.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "audit/identity.h"
#include "audit/leader.h"
#include "audit/record.h"
#include "policy/context.h"
#include "util/bytes.h"

bool		csec_is_own_worker = false;

static CsecIdentity *current = NULL;

/* A role was renamed, dropped, changed: its name must be read anew. */
static void
role_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	CsecIdentity *old = current;

	current = NULL;
	if (old != NULL)
		csec_identity_release(old);
}

/* In each backend, before its first identity. */
void
csec_identity_init(void)
{
	CacheRegisterSyscacheCallback(AUTHOID, role_changed, (Datum) 0);
}

/*
 * Add a text field, cut to CSEC_CLAIM_MAX bytes at a character's end: what a
 * client claims must not outgrow the record.
 */
static void
add_text(CsecIdentity *identity, CsecTag tag, const char *text)
{
	uint8	   *p = identity->fields + identity->len;
	size_t		len = text == NULL ? 0 : strlen(text);

	if (len == 0)
		return;
	if (len > CSEC_CLAIM_MAX)
		len = pg_mbcliplen(text, (int) len, CSEC_CLAIM_MAX);
	*p++ = (uint8) tag;
	p += csec_put_varint(p, len);
	memcpy(p, text, len);
	identity->len = p + len - identity->fields;
}

/* A role's name; a role that is gone by its number. */
static void
add_role(CsecIdentity *identity, CsecTag tag, Oid role)
{
	char	   *name = GetUserNameFromId(role, true);

	if (name == NULL)
		name = psprintf("%u", role);
	add_text(identity, tag, name);
	pfree(name);
}

/* Call one of PostgreSQL's own functions without arguments; false: NULL. */
static bool
call_builtin(PGFunction function, Datum *result)
{
	LOCAL_FCINFO(fcinfo, 0);

	InitFunctionCallInfoData(*fcinfo, NULL, 0, InvalidOid, NULL, NULL);
	*result = function(fcinfo);
	return !fcinfo->isnull;
}

/*
 * Address and port of the client, as pg_stat_activity shows them.  Asked of
 * PostgreSQL's functions: the Port itself is in a header that needs Kerberos.
 */
void
csec_identity_client(char *out, size_t size)
{
	Datum		address;
	Datum		port;

	if (IsParallelWorker())
		strlcpy(out, csec_leader_client(), size);
	else if (MyBackendType != B_BACKEND)
		strlcpy(out, "[internal]", size);
	else if (call_builtin(inet_client_addr, &address) &&
			 call_builtin(inet_client_port, &port))
		snprintf(out, size, "%s:%d",
				 DatumGetCString(DirectFunctionCall1(inet_out, address)),
				 DatumGetInt32(port));
	else
		strlcpy(out, "[local]", size);
}

static void
add_client(CsecIdentity *identity)
{
	char		client[CSEC_CLAIM_MAX];

	csec_identity_client(client, sizeof(client));
	add_text(identity, CSEC_TAG_CLIENT, client);
}

/* What the application claims, with the reader's default reason. */
static void
claims_now(const char **actor, const char **reason, const char **ticket)
{
	const CsecContext *context = csec_context();
	CsecClaimSource source;

	*actor = context->actor.text;
	*ticket = context->ticket.text;
	*reason = csec_reason_in_force(&source);
	if (*reason == NULL)
		*reason = "";
}

static CsecIdentity *
make_identity(const char *actor, const char *reason, const char *ticket)
{
	CsecIdentity *identity = MemoryContextAllocZero(TopMemoryContext, sizeof(CsecIdentity));

	identity->references = 1;	/* that of "current" */
	identity->login = GetAuthenticatedUserId();
	identity->session_user = GetSessionUserId();
	identity->reader = GetOuterUserId();
	identity->current_user = GetUserId();
	strlcpy(identity->application, application_name ? application_name : "",
			sizeof(identity->application));
	strlcpy(identity->person, csec_context()->person, sizeof(identity->person));
	strlcpy(identity->actor, actor, sizeof(identity->actor));
	strlcpy(identity->reason, reason, sizeof(identity->reason));
	strlcpy(identity->ticket, ticket, sizeof(identity->ticket));

	add_text(identity, CSEC_TAG_PERSON, identity->person);
	add_role(identity, CSEC_TAG_LOGIN, identity->login);
	if (identity->session_user != identity->login)
		add_role(identity, CSEC_TAG_SESSION_USER, identity->session_user);
	if (identity->reader != identity->login)
		add_role(identity, CSEC_TAG_READER, identity->reader);
	if (identity->current_user != identity->reader)
		add_role(identity, CSEC_TAG_CURRENT_USER, identity->current_user);
	add_text(identity, CSEC_TAG_APPLICATION, identity->application);
	add_client(identity);
	add_text(identity, CSEC_TAG_ACTOR, actor);
	add_text(identity, CSEC_TAG_REASON, reason);
	add_text(identity, CSEC_TAG_TICKET, ticket);
	return identity;
}

static bool
still_true(const CsecIdentity *identity, const char *actor, const char *reason,
		   const char *ticket)
{
	return identity->current_user == GetUserId() &&
		identity->reader == GetOuterUserId() &&
		identity->session_user == GetSessionUserId() &&
		identity->login == GetAuthenticatedUserId() &&
		strcmp(identity->person, csec_context()->person) == 0 &&
		strcmp(identity->actor, actor) == 0 &&
		strcmp(identity->reason, reason) == 0 &&
		strcmp(identity->ticket, ticket) == 0 &&
		strncmp(identity->application, application_name ? application_name : "",
				sizeof(identity->application) - 1) == 0;
}

/*
 * The identity as it is now.  In a transaction only; csec_identity_release()
 * gives it back, at any time.
 */
CsecIdentity *
csec_identity_acquire(void)
{
	const char *actor;
	const char *reason;
	const char *ticket;

	/* a procedure may have begun a transaction, or a block set a claim, since the statement began */
	csec_context_observe();
	claims_now(&actor, &reason, &ticket);
	if (current == NULL || !still_true(current, actor, reason, ticket))
	{
		CsecIdentity *fresh = make_identity(actor, reason, ticket);

		if (current != NULL)
			csec_identity_release(current);
		current = fresh;
	}
	current->references++;
	return current;
}

void
csec_identity_release(CsecIdentity *identity)
{
	if (--identity->references == 0)
		pfree(identity);
}
