/*
 * token.h
 *		A login token: JWS in compact form (RFC 7515), claims as in JWT
 *		(RFC 7519), signed by Ed25519 (RFC 8037).                        [FE]
 *
 *		base64url( {"alg":"EdDSA","kid":"…"} ) . base64url( {
 *			"iss":"…", "aud":"…", "sub":"…", "jti":"…", "iat":…, "exp":… } )
 *		. base64url( signature )
 *
 * There is one way to read a token, and no choice in it.  The header has alg,
 * kid and perhaps typ: any other member (crit, jwk, jku, x5c, b64, …) would be
 * an instruction by whoever made the token on how to check it, and is refused.
 */
#ifndef CSEC_POLICY_TOKEN_H
#define CSEC_POLICY_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/sign.h"
#include "util/json.h"

#define CSEC_TOKEN_MAX		4096	/* bytes of a whole token */
#define CSEC_TOKEN_KID_MAX	64
#define CSEC_TOKEN_NAME_MAX	256 /* of an issuer or audience */
#define CSEC_TOKEN_ID_MAX	256 /* of jti */
#define CSEC_PERSON_MAX		63	/* as csec.person has it */

typedef struct CsecToken
{
	char		kid[CSEC_TOKEN_KID_MAX + 1];
	char		subject[CSEC_PERSON_MAX + 1];
	char		id[CSEC_TOKEN_ID_MAX + 1];
	int64_t		issued;			/* seconds since 1970, as the two below */
	int64_t		not_before;		/* "issued" where the token has none */
	int64_t		expires;
	size_t		signed_len;		/* so much of the token is signed */
	uint8_t		signature[CSEC_ED25519_SIGNATURE];
	int			nclaims;		/* they point into "bytes" */
	CsecJsonMember claim[CSEC_JSON_MEMBERS];
	uint8_t		bytes[CSEC_TOKEN_MAX];
} CsecToken;

/*
 * Take a token apart.  NULL, or what is wrong with it, in words that hold
 * nothing of it.  Nothing in it may be believed before csec_token_is_signed().
 */
extern const char *csec_token_parse(const uint8_t *text, size_t len, CsecToken *token);

extern bool csec_token_is_signed(const CsecToken *token, const uint8_t *text,
								 const uint8_t *public_key);

/* Likewise, whether the claims hold: by whom and for whom it was made. */
extern const char *csec_token_check_names(const CsecToken *token, const char *issuer,
										  const char *audience);

/* And whether this is the time for it.  All in seconds. */
extern const char *csec_token_check_times(const CsecToken *token, int64_t now,
										  int64_t skew, int64_t longest);

#endif							/* CSEC_POLICY_TOKEN_H */
