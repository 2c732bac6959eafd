/*
 * hash.c
 *		SHA-256 with a context that is fetched once.                    [FE]
 *
 * OpenSSL 3 spends longer on finding an algorithm than on hashing a record,
 * so the context is made at the first use and kept for the life of the
 * process.  Programs have threads, and each of these a context of its own.
 */
#include "crypto/hash.h"

#include <openssl/evp.h>

#ifdef FRONTEND
#define PER_THREAD __thread
#else
#define PER_THREAD
#endif

static PER_THREAD EVP_MD *sha256 = NULL;
static PER_THREAD EVP_MD_CTX *context = NULL;

static bool
have_context(void)
{
	if (context != NULL)
		return true;
	if (sha256 == NULL)
		sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (sha256 == NULL)
		return false;
	context = EVP_MD_CTX_new();
	if (context != NULL && EVP_DigestInit_ex2(context, sha256, NULL) == 1)
		return true;
	EVP_MD_CTX_free(context);
	context = NULL;
	return false;
}

bool
csec_sha256_begin(void)
{
	return have_context() && EVP_DigestInit_ex2(context, NULL, NULL) == 1;
}

bool
csec_sha256_add(const void *data, size_t len)
{
	return EVP_DigestUpdate(context, data, len) == 1;
}

bool
csec_sha256_end(uint8_t *out)
{
	return EVP_DigestFinal_ex(context, out, NULL) == 1;
}

bool
csec_sha256(const void *data, size_t len, uint8_t *out)
{
	return csec_sha256_begin() && csec_sha256_add(data, len) &&
		csec_sha256_end(out);
}

#ifdef FRONTEND
void
csec_sha256_release(void)
{
	EVP_MD_CTX_free(context);
	EVP_MD_free(sha256);
	context = NULL;
	sha256 = NULL;
}
#endif
