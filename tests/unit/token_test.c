/*-------------------------------------------------------------------------
 * token_test.c
 *		Login tokens are read in one way, or not at all.
 *
 *	sources: policy/token.c util/json.c crypto/sign.c
 *	libs: -lcrypto
 *
 * Without this, a token could mean one thing to who signed it and another to
 * the database, or its bytes could lead the parser out of them.
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "policy/token.h"

static CsecJsonMember member[CSEC_JSON_MEMBERS];

/* Of a copy that ends where the text ends, so that ASan sees a step beyond. */
static int
members(const char *text)
{
	size_t		len = strlen(text);
	uint8_t    *copy = malloc(len > 0 ? len : 1);
	int			n;

	memcpy(copy, text, len);
	n = csec_json_object(copy, len, member);
	free(copy);
	return n;
}

static void
test_json(void)
{
	static const char *const bad[] = {
		"", " ", "{", "}", "[]", "1", "\"a\"", "{}{}", "{} x", "{a:1}", "{'a':1}", "{\"a\"}", "{\"a\":}",
		"{\"a\":1,}", "{,}", "{\"a\":1 \"b\":2}", "{\"a\":01}", "{\"a\":+1}", "{\"a\":.5}", "{\"a\":1.}",
		"{\"a\":1e}", "{\"a\":-}", "{\"a\":nul}", "{\"a\":True}", "{\"a\":\"\t\"}", "{\"a\":\"\\x\"}",
		"{\"a\":\"\\u12g4\"}", "{\"a\":\"\\u12", "{\"a\":\"\\", "{\"a\":\"x}", "{\"a\":\"\xff\"}", "{\"a\":\"\xc0\x80\"}",
		"{\"a\":[1,]}", "{\"a\":[1 2]}", "{\"a\":[}", "{\"a\":{\"b\"}}", "{\"a\":1,\"a\":1}", "{\"\\u0061\":1}",
		"{\"a\":[[[[[[[[[1]]]]]]]]]}", "{\"a\":\"\\\0\"}", "{\"a\":1}\1"
	};
	static const char *const good[] = {
		"{}", " { } ", "{\"a\":1}", "{\"a\":-0.5e+10 , \"b\" : null}", "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u20aC\"}",
		"{\"\xe5\xbc\xa0\":\"\xe5\xbc\xa0\"}", "{\"a\":[],\"b\":[1,\"x\",{},[true,false]]}", "{\"a\":{\"a\":1,\"a\":2}}",
		"{\"a\":[[[[[[1]]]]]]}", "\t{\"\":0}\r\n"
	};
	char		many[2048] = "{";

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (members(bad[i]) >= 0)
			ok(false, "%s is no object", bad[i]);
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		if (members(good[i]) < 0)
			ok(false, "%s is an object", good[i]);
	ok(true, "objects, and what is none");
	for (int i = 0; i < CSEC_JSON_MEMBERS; i++)
		sprintf(many + strlen(many), "%s\"m%d\":%d", i > 0 ? "," : "", i, i);
	strcat(many, "}");
	ok(members(many) == CSEC_JSON_MEMBERS, "as many members as there may be");
	strcpy(many + strlen(many) - 1, ",\"one\":1}");
	ok(members(many) < 0, "  and one more");
}

/* The value of {"a": value}. */
static const CsecJsonValue *
value(const char *text)
{
	static char object[256];

	snprintf(object, sizeof(object), "{\"a\":%s}", text);
	if (csec_json_object((uint8_t *) object, strlen(object), member) != 1)
		ok(false, "%s is a value", text);
	return &member[0].value;
}

static void
test_values(void)
{
	int64_t		n;

	ok(csec_json_is(value("\"x\""), "x") && !csec_json_is(value("\"xy\""), "x") &&
	   !csec_json_is(value("\"\\u0078\""), "x") && !csec_json_is(value("[\"x\"]"), "x") &&
	   !csec_json_is(value("1"), "1"), "a text is itself only");
	ok(csec_json_names(value("\"x\""), "x") && csec_json_names(value("[\"y\" , \"x\"]"), "x") &&
	   csec_json_names(value("[ \"x\" ]"), "x"), "a text, or among texts");
	ok(!csec_json_names(value("[]"), "x") && !csec_json_names(value("[ ]"), "x") &&
	   !csec_json_names(value("[\"x\", 1]"), "x") && !csec_json_names(value("[[\"x\"]]"), "x") &&
	   !csec_json_names(value("{\"x\":\"x\"}"), "x"), "  and not among other things");
	ok(csec_json_integer(value("999999999999999"), &n) && n == 999999999999999, "a large integer");
	ok(csec_json_integer(value("0"), &n) && n == 0, "none");
	ok(!csec_json_integer(value("1000000000000000"), &n) && !csec_json_integer(value("-1"), &n) &&
	   !csec_json_integer(value("1.0"), &n) && !csec_json_integer(value("1e3"), &n) &&
	   !csec_json_integer(value("\"1\""), &n), "what is no such integer");
}

/* RFC 8037, appendix A: the key, header {"alg":"EdDSA"}, and its signature. */
static const char rfc8037[] =
"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
"hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

static void
test_signature(void)
{
	static const uint8_t public_key[CSEC_ED25519_PUBLIC] = {
		0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a,
		0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a
	};
	CsecToken	token;
	char		text[sizeof(rfc8037)];

	/* it has neither kid nor claims, but what is signed is known by then */
	is(csec_token_parse((const uint8_t *) rfc8037, strlen(rfc8037), &token), "header names no key", "the token of RFC 8037");
	ok(csec_token_is_signed(&token, (const uint8_t *) rfc8037, public_key), "  is signed");
	strcpy(text, rfc8037);
	text[0] = 'f';
	ok(!csec_token_is_signed(&token, (const uint8_t *) text, public_key), "  changed it is not");
	token.signature[63] ^= 1;
	ok(!csec_token_is_signed(&token, (const uint8_t *) rfc8037, public_key), "  nor with another signature");
	/* g has bits beyond the last byte */
	text[0] = 'e';
	text[strlen(text) - 1] = 'h';
	is(csec_token_parse((const uint8_t *) text, strlen(text), &token), "malformed signature", "loose bits");
}

/* {"alg":"EdDSA","kid":"k"} . {"sub":"p","jti":"j","iat":100,"exp":160,"iss":"i","aud":"a"} . zeros */
static const char sound[] =
"eyJhbGciOiJFZERTQSIsImtpZCI6ImsifQ."
"eyJzdWIiOiJwIiwianRpIjoiaiIsImlhdCI6MTAwLCJleHAiOjE2MCwiaXNzIjoiaSIsImF1ZCI6ImEifQ."
"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

static bool
in_time(const CsecToken *token, int64_t now, int64_t skew, int64_t longest)
{
	return csec_token_check_times(token, now, skew, longest) == NULL;
}

static void
test_token(void)
{
	CsecToken	token;
	size_t		len = strlen(sound);

	if (!ok(csec_token_parse((const uint8_t *) sound, len, &token) == NULL, "a sound token"))
		return;
	is(token.kid, "k", "its key");
	is(token.subject, "p", "its subject");
	ok(csec_token_check_names(&token, "i", "a") == NULL && csec_token_check_names(&token, "x", "a") != NULL &&
	   csec_token_check_names(&token, "i", "x") != NULL, "by whom and for whom");
	ok(in_time(&token, 100, 0, 60) && in_time(&token, 159, 0, 60), "from when until when");
	ok(!in_time(&token, 99, 0, 60) && !in_time(&token, 160, 0, 60), "  not before and after");
	ok(in_time(&token, 95, 5, 60) && in_time(&token, 164, 5, 60) && !in_time(&token, 94, 5, 60) &&
	   !in_time(&token, 165, 5, 60), "  but for clocks that are apart");
	ok(!in_time(&token, 100, 0, 59), "for too long");

	/* no shorter one is sound, and none is read beyond its end */
	for (size_t n = 0; n < len; n++)
	{
		uint8_t    *copy = malloc(n > 0 ? n : 1);

		memcpy(copy, sound, n);
		if (csec_token_parse(copy, n, &token) == NULL)
			ok(false, "the first %zu bytes", n);
		free(copy);
	}
	ok(true, "cut anywhere");
}

static void
test_random(void)
{
	CsecToken	token;

	unit_seed();
	for (int i = 0; i < 200000; i++)
	{
		char		text[sizeof(sound)];

		memcpy(text, sound, sizeof(sound));
		for (int n = 1 + (int) unit_below(4); n > 0; n--)
			text[unit_below(sizeof(sound) - 1)] = (char) unit_below(256);
		(void) csec_token_parse((const uint8_t *) text, strlen(sound), &token);
	}
	ok(true, "bytes changed at random");
}

int
main(void)
{
	test_json();
	test_values();
	test_signature();
	test_token();
	test_random();
	return unit_done();
}
