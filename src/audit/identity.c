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

#include "libpq/libpq-be.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "audit/identity.h"
#include "audit/record.h"
#include "policy/context.h"
#include "util/bytes.h"

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

void
csec_identity_init(void)
{
	static bool registered = false;

	if (registered)
		return;
	CacheRegisterSyscacheCallback(AUTHOID, role_changed, (Datum) 0);
	registered = true;
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

/* Address and port of the client, as pg_stat_activity shows them. */
static void
add_client(CsecIdentity *identity)
{
	char		client[NI_MAXHOST + NI_MAXSERV + 2];

	if (MyProcPort == NULL)
		strlcpy(client, "[internal]", sizeof(client));
	else if (MyProcPort->remote_port == NULL || MyProcPort->remote_port[0] == '\0')
		strlcpy(client, "[local]", sizeof(client));
	else
		snprintf(client, sizeof(client), "%s:%s",
				 MyProcPort->remote_host, MyProcPort->remote_port);
	add_text(identity, CSEC_TAG_CLIENT, client);
}

static CsecIdentity *
make_identity(const CsecContext *context)
{
	CsecIdentity *identity = MemoryContextAllocZero(TopMemoryContext, sizeof(CsecIdentity));

	identity->references = 1;	/* that of "current" */
	identity->login = GetAuthenticatedUserId();
	identity->session_user = GetSessionUserId();
	identity->reader = GetOuterUserId();
	identity->current_user = GetUserId();
	identity->context = context->generation;
	strlcpy(identity->application, application_name ? application_name : "",
			sizeof(identity->application));

	add_role(identity, CSEC_TAG_LOGIN, identity->login);
	if (identity->session_user != identity->login)
		add_role(identity, CSEC_TAG_SESSION_USER, identity->session_user);
	if (identity->reader != identity->login)
		add_role(identity, CSEC_TAG_READER, identity->reader);
	if (identity->current_user != identity->reader)
		add_role(identity, CSEC_TAG_CURRENT_USER, identity->current_user);
	add_text(identity, CSEC_TAG_APPLICATION, identity->application);
	add_client(identity);
	add_text(identity, CSEC_TAG_ACTOR, context->actor);
	add_text(identity, CSEC_TAG_REASON, context->reason);
	add_text(identity, CSEC_TAG_TICKET, context->ticket);
	return identity;
}

static bool
still_true(const CsecIdentity *identity, const CsecContext *context)
{
	return identity->context == context->generation &&
		identity->current_user == GetUserId() &&
		identity->reader == GetOuterUserId() &&
		identity->session_user == GetSessionUserId() &&
		identity->login == GetAuthenticatedUserId() &&
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
	const CsecContext *context = csec_context_now();

	csec_identity_init();
	if (current == NULL || !still_true(current, context))
	{
		CsecIdentity *fresh = make_identity(context);

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
