/*
 * token.c
 *		A login token: JWS in compact form, signed by Ed25519.            [FE]
 */
#include "policy/token.h"

#include <string.h>

static int
digit_of(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/*
 * Base64url without padding; gives the number of bytes, or -1.  Bits to spare
 * must be zero, so that no two tokens are the same one.
 */
static int
decode(const uint8_t *text, size_t len, uint8_t *out, size_t size)
{
	uint32_t	bits = 0;
	int			nbits = 0;
	size_t		n = 0;

	if (len % 4 == 1)
		return -1;
	for (size_t i = 0; i < len; i++)
	{
		int			digit = digit_of(text[i]);

		if (digit < 0)
			return -1;
		bits = (bits << 6 | (uint32_t) digit) & 0xffff;
		nbits += 6;
		if (nbits < 8)
			continue;
		nbits -= 8;
		if (n == size)
			return -1;
		out[n++] = (uint8_t) (bits >> nbits);
	}
	return (bits & ((1u << nbits) - 1)) == 0 ? (int) n : -1;
}

/* A short text of visible ASCII, written without escapes. */
static bool
get_text(const CsecJsonMember *member, char *out, size_t max)
{
	if (member == NULL || member->value.kind != CSEC_JSON_STRING ||
		!member->value.plain || member->value.len == 0 || member->value.len > max)
		return false;
	for (size_t i = 0; i < member->value.len; i++)
		if (member->value.data[i] <= ' ' || member->value.data[i] >= 0x7f)
			return false;
	memcpy(out, member->value.data, member->value.len);
	out[member->value.len] = '\0';
	return true;
}

static const char *
parse_header(const uint8_t *text, size_t len, CsecToken *token)
{
	CsecJsonMember member[CSEC_JSON_MEMBERS];
	const CsecJsonMember *alg;
	const CsecJsonMember *typ;
	int			size = decode(text, len, token->bytes, sizeof(token->bytes));
	int			n = size < 0 ? -1 : csec_json_object(token->bytes, (size_t) size, member);

	if (n < 0)
		return "malformed header";
	alg = csec_json_find(member, n, "alg");
	if (alg == NULL || !csec_json_is(&alg->value, "EdDSA"))
		return "algorithm is not EdDSA";
	if (!get_text(csec_json_find(member, n, "kid"), token->kid, CSEC_TOKEN_KID_MAX))
		return "header names no key";
	typ = csec_json_find(member, n, "typ");
	if (typ != NULL && !csec_json_is(&typ->value, "JWT"))
		return "type is not JWT";
	if (n != 2 + (typ != NULL))
		return "header has more than alg, kid and typ";
	return NULL;
}

static bool
get_time(const CsecToken *token, const char *name, int64_t *out)
{
	const CsecJsonMember *member = csec_json_find(token->claim, token->nclaims, name);

	return member != NULL && csec_json_integer(&member->value, out);
}

static const char *
parse_claims(const uint8_t *text, size_t len, CsecToken *token)
{
	int			size = decode(text, len, token->bytes, sizeof(token->bytes));

	token->nclaims = size < 0 ? -1 :
		csec_json_object(token->bytes, (size_t) size, token->claim);
	if (token->nclaims < 0)
		return "malformed claims";
	if (!get_text(csec_json_find(token->claim, token->nclaims, "sub"),
				  token->subject, CSEC_PERSON_MAX))
		return "claims name no subject";
	if (!get_text(csec_json_find(token->claim, token->nclaims, "jti"),
				  token->id, CSEC_TOKEN_ID_MAX))
		return "claims have no jti";
	if (!get_time(token, "iat", &token->issued) || !get_time(token, "exp", &token->expires))
		return "claims have no iat and exp in whole seconds";
	token->not_before = token->issued;
	if (csec_json_find(token->claim, token->nclaims, "nbf") != NULL &&
		!get_time(token, "nbf", &token->not_before))
		return "malformed claims";
	return NULL;
}

const char *
csec_token_parse(const uint8_t *text, size_t len, CsecToken *token)
{
	const uint8_t *end = text + len;
	const uint8_t *payload;
	const uint8_t *signature;
	const char *wrong;

	memset(token, 0, sizeof(*token));
	if (len > CSEC_TOKEN_MAX)
		return "longer than a token may be";
	payload = len == 0 ? NULL : memchr(text, '.', len);
	signature = payload == NULL ? NULL : memchr(payload + 1, '.', (size_t) (end - payload - 1));
	if (signature == NULL)
		return "not three parts";
	if (decode(signature + 1, (size_t) (end - signature - 1),
			   token->signature, sizeof(token->signature)) != sizeof(token->signature))
		return "malformed signature";
	token->signed_len = (size_t) (signature - text);
	wrong = parse_header(text, (size_t) (payload - text), token);
	if (wrong != NULL)
		return wrong;
	return parse_claims(payload + 1, (size_t) (signature - payload - 1), token);
}

bool
csec_token_is_signed(const CsecToken *token, const uint8_t *text, const uint8_t *public_key)
{
	return csec_ed25519_verify(public_key, text, token->signed_len, token->signature);
}

const char *
csec_token_check_names(const CsecToken *token, const char *issuer, const char *audience)
{
	const CsecJsonMember *iss = csec_json_find(token->claim, token->nclaims, "iss");
	const CsecJsonMember *aud = csec_json_find(token->claim, token->nclaims, "aud");

	if (iss == NULL || !csec_json_is(&iss->value, issuer))
		return "made by another issuer than the key's";
	if (aud == NULL || !csec_json_names(&aud->value, audience))
		return "made for another audience";
	return NULL;
}

const char *
csec_token_check_times(const CsecToken *token, int64_t now, int64_t skew, int64_t longest)
{
	if (token->expires <= token->issued || token->expires <= token->not_before)
		return "never valid";
	if (token->expires - token->issued > longest)
		return "valid for longer than csec.token_lifetime";
	if (token->issued > now + skew || token->not_before > now + skew)
		return "not yet valid";
	if (token->expires <= now - skew)
		return "expired";
	return NULL;
}
