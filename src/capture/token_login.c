/*
 * token_login.c
 *		csec.login(token): the person behind a login that several share.
 *
 * The token is checked, used up, put on record and all of that made durable,
 * in this order, before the person counts: whatever becomes of the server or
 * of the transaction, no token serves twice, and nothing is done in the name
 * of a person whose login is not on record.
 *
 * The person stands in the context of the transaction (policy/context.c) and
 * goes with it, so nothing stays on a connection that goes on to somebody
 * else; the rows of a cursor WITH HOLD would, so a pool has none.  Roles and clearances stay those of the login.
 *
 * What is refused is on record, with nothing of the token in it that is not
 * csec's own text, or known to be signed by a key that csec has.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "audit/emit.h"
#include "capture/control.h"
#include "capture/token_login.h"
#include "crypto/hash.h"
#include "policy/catalog.h"
#include "policy/context.h"
#include "policy/person.h"
#include "policy/reader.h"
#include "policy/row_mac.h"
#include "policy/token.h"
#include "policy/used_token.h"
#include "util/crypto_failed.h"
#include "util/guc.h"
#include "util/pgcompat.h"

#define ACTION "login by token"

/* Digits of a token's digest by which records name it. */
#define TOKEN_NAME 32

#define UNIX_TO_POSTGRES ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)

typedef struct Key
{
	char	   *kid;
	char	   *issuer;
	char	   *audience;
	uint8		public_key[CSEC_ED25519_PUBLIC];
	bool		sound;
	TimestampTz until;			/* DT_NOEND: not retired */
} Key;

static void
add_member(StringInfo json, const char *name, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	appendStringInfoString(json, json->len == 0 ? "{" : ", ");
	escape_json(json, name);
	appendStringInfoString(json, ": ");
	escape_json(json, value);
}

/* Put a refusal on record, and raise it.  Kid and person where they are csec's. */
static void
refuse(const char *why, const char *kid, const char *person)
{
	StringInfoData detail;

	initStringInfo(&detail);
	add_member(&detail, "why", why);
	add_member(&detail, "key", kid);
	appendStringInfoChar(&detail, '}');
	(void) csec_denial_emit(ACTION, person, detail.data);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
			 errmsg("login token refused: %s", why),
			 errhint("Nobody is logged in. A token is good once and for a short time: ask its issuer for another.")));
}

void
csec_token_login_check_statement(Node *stmt)
{
	if (!IsA(stmt, DeclareCursorStmt) ||
		!(castNode(DeclareCursorStmt, stmt)->options & CURSOR_OPT_HOLD) ||
		!csec_is_pool_role(csec_login_id()))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("a pool role has no cursors WITH HOLD"),
			 errdetail("What one person read would stay on the connection for others."),
			 errhint("Fetch the rows within the transaction.")));
}

static bool
read_key(const char *kid, Key *key)
{
	CsecPolicyScan scan;
	HeapTuple	row;
	Datum		value;
	bool		isnull;
	bool		found = false;

	csec_policy_scan_one(&scan, CSEC_POLICY_ISSUER_KEY, CStringGetTextDatum(kid));
	row = csec_policy_scan_next(&scan);
	if (row != NULL)
	{
		bytea	   *bytes;

		found = true;
		key->kid = csec_policy_text(&scan, row, "kid");
		key->issuer = csec_policy_text(&scan, row, "issuer");
		key->audience = csec_policy_text(&scan, row, "audience");
		key->sound = csec_row_is_sound(row, RelationGetDescr(scan.rel));
		value = csec_policy_value(&scan, row, "public_key", &isnull);
		bytes = isnull ? NULL : DatumGetByteaPP(value);
		if (bytes == NULL || VARSIZE_ANY_EXHDR(bytes) != sizeof(key->public_key))
			key->sound = false;
		else
			memcpy(key->public_key, VARDATA_ANY(bytes), sizeof(key->public_key));
		value = csec_policy_value(&scan, row, "until", &isnull);
		key->until = isnull ? DT_NOEND : DatumGetTimestampTz(value);
	}
	csec_policy_scan_end(&scan);
	return found;
}

/* NULL: there is such a person, who may act. */
static const char *
check_person(const char *person)
{
	CsecPolicyScan scan;
	HeapTuple	row;
	const char *wrong = "unknown person";

	csec_policy_scan_one(&scan, CSEC_POLICY_PERSON, CStringGetTextDatum(person));
	row = csec_policy_scan_next(&scan);
	if (row != NULL)
	{
		char	   *state = csec_policy_text(&scan, row, "state");

		if (!csec_row_is_sound(row, RelationGetDescr(scan.rel)))
			wrong = "person that csec did not enter";
		else if (state != NULL && strcmp(state, "active") == 0)
			wrong = NULL;
		else if (state != NULL && strcmp(state, "suspended") == 0)
			wrong = "person is suspended";
		else
			wrong = "person has left";
	}
	csec_policy_scan_end(&scan);
	return wrong;
}

/* Of issuer and jti: what is used once. */
static bytea *
digest_of(const Key *key, const CsecToken *token)
{
	bytea	   *digest = palloc(VARHDRSZ + CSEC_SHA256_SIZE);

	SET_VARSIZE(digest, VARHDRSZ + CSEC_SHA256_SIZE);
	if (!csec_sha256_begin() ||
		!csec_sha256_add(key->issuer, strlen(key->issuer) + 1) ||
		!csec_sha256_add(token->id, strlen(token->id)) ||
		!csec_sha256_end((uint8 *) VARDATA(digest)))
		csec_crypto_failed("compute SHA-256");
	return digest;
}

static TimestampTz
time_of(int64 unix_time)
{
	return (unix_time - UNIX_TO_POSTGRES) * USECS_PER_SEC;
}

static void
record(const Key *key, const CsecToken *token, bytea *digest)
{
	StringInfoData detail;
	char		name[TOKEN_NAME + 1];

	hex_encode(VARDATA(digest), TOKEN_NAME / 2, name);
	name[TOKEN_NAME] = '\0';
	initStringInfo(&detail);
	add_member(&detail, "key", key->kid);
	add_member(&detail, "issuer", key->issuer);
	add_member(&detail, "token", name);
	add_member(&detail, "expires", timestamptz_to_str(time_of(token->expires)));
	appendStringInfoChar(&detail, '}');
	csec_emit_flush(csec_control_emit_at_once(ACTION, token->subject, detail.data));
}

/* What may be another at each moment. */
static const char *
check_now(const CsecToken *token)
{
	int64		now = (GetCurrentTimestamp() / USECS_PER_SEC) + UNIX_TO_POSTGRES;
	const char *wrong = csec_token_check_times(token, now, csec_token_clock_skew, csec_token_lifetime);

	return wrong != NULL ? wrong : check_person(token->subject);
}

/* Everything that can be said of a token before it is used. */
static void
check(const uint8 *text, const CsecToken *token, Key *key)
{
	const char *wrong;

	if (!read_key(token->kid, key))
		refuse("unknown key", NULL, NULL);
	if (!key->sound)
		refuse("key that csec did not enter", key->kid, NULL);
	if (!csec_token_is_signed(token, text, key->public_key))
		refuse("wrong signature", key->kid, NULL);
	if (key->until <= GetCurrentTimestamp())
		refuse("retired key", key->kid, token->subject);
	wrong = csec_token_check_names(token, key->issuer, key->audience);
	if (wrong == NULL)
		wrong = check_now(token);
	if (wrong != NULL)
		refuse(wrong, key->kid, token->subject);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_login_token);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_authenticated_person);

/*
 * csec.login(token text)
 *		The person whom the token names acts in this transaction.
 */
Datum
csec_login_token(PG_FUNCTION_ARGS)
{
	text	   *given = PG_ARGISNULL(0) ? NULL : PG_GETARG_TEXT_PP(0);
	const uint8 *text = given == NULL ? NULL : (uint8 *) VARDATA_ANY(given);
	CsecToken  *token = palloc(sizeof(CsecToken));
	Key			key = {0};
	const char *wrong;
	bytea	   *digest;

	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("nobody can log in by a token during recovery"),
				 errhint("That a token is used has to be written down: log in on the primary.")));
	if (!csec_is_pool_role(csec_login_id()))
		refuse("the login is no pool role", NULL, NULL);
	if (csec_context()->person[0] != '\0')
		refuse("somebody is logged in in this transaction", NULL, NULL);
	wrong = given == NULL ? "no token" :
		csec_token_parse(text, VARSIZE_ANY_EXHDR(given), token);
	if (wrong != NULL)
		refuse(wrong, NULL, NULL);
	check(text, token, &key);
	digest = digest_of(&key, token);
	if (!csec_used_token_take(digest, time_of(token->expires)))
		refuse("used before", key.kid, token->subject);

	/* who waited for that may have been suspended, or come too late */
	wrong = check_now(token);
	if (wrong != NULL)
		refuse(wrong, key.kid, token->subject);
	record(&key, token, digest);
	csec_context_enter_person(token->subject);
	if (!IsTransactionBlock())
		ereport(WARNING,
				(errcode(ERRCODE_NO_ACTIVE_SQL_TRANSACTION),
				 errmsg("the login ends with this statement"),
				 errhint("Log in after BEGIN, in the transaction that does the work.")));
	PG_RETURN_TEXT_P(cstring_to_text(token->subject));
}

/* csec.authenticated_person(): who logged in by a token; null: nobody. */
Datum
csec_authenticated_person(PG_FUNCTION_ARGS)
{
	const char *person = csec_context()->person;

	if (person[0] == '\0')
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(person));
}
