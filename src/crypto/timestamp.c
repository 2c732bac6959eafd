/*
 * timestamp.c
 *		Time stamps of an authority: RFC 3161.                           [FE]
 *
 * The authority's certificate expires, and what it stamped before that stays
 * stamped: so the chain of certificates is looked at as of the stamp's time.
 */
#include "crypto/timestamp.h"

#include <string.h>
#include <time.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/ts.h>
#include <openssl/x509.h>

/* Until OpenSSL 3.4 their names did not say that the context takes what it is given. */
#if OPENSSL_VERSION_NUMBER < 0x30400000L
#define TS_VERIFY_CTX_set0_data TS_VERIFY_CTX_set_data
#define TS_VERIFY_CTX_set0_store TS_VERIFY_CTX_set_store
#endif

/* The certificates as what is trusted; NULL where there is none. */
static X509_STORE *
read_store(const char *certificates, size_t len)
{
	BIO		   *bio = BIO_new_mem_buf(certificates, (int) len);
	X509_STORE *store = X509_STORE_new();
	X509	   *certificate;
	int			n = 0;

	while (bio != NULL && store != NULL &&
		   (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
	{
		n += X509_STORE_add_cert(store, certificate);
		X509_free(certificate);
	}
	BIO_free(bio);
	ERR_clear_error();
	if (n > 0)
		return store;
	X509_STORE_free(store);
	return NULL;
}

bool
csec_certificates_valid(const char *certificates, size_t len)
{
	X509_STORE *store = read_store(certificates, len);

	X509_STORE_free(store);
	return store != NULL;
}

static PKCS7 *
read_token(const uint8_t *bytes, size_t len)
{
	const uint8_t *p = bytes;
	TS_RESP    *response = d2i_TS_RESP(NULL, &p, (long) len);
	PKCS7	   *token = NULL;

	if (response != NULL)
	{
		if (TS_RESP_get_token(response) != NULL)
			token = PKCS7_dup(TS_RESP_get_token(response));
		TS_RESP_free(response);
	}
	else
	{
		p = bytes;
		token = d2i_PKCS7(NULL, &p, (long) len);
	}
	ERR_clear_error();
	return token;
}

static bool
time_of(PKCS7 *token, int64_t *time)
{
	TS_TST_INFO *info = PKCS7_to_TS_TST_INFO(token);
	ASN1_TIME  *epoch = ASN1_TIME_set(NULL, 0);
	int			days;
	int			seconds;
	bool		good = info != NULL && epoch != NULL &&
		ASN1_TIME_diff(&days, &seconds, epoch, TS_TST_INFO_get_time(info)) == 1;

	if (good)
		*time = (int64_t) days * 86400 + seconds;
	ASN1_TIME_free(epoch);
	TS_TST_INFO_free(info);
	return good;
}

/* By a digest of 256 bits at least: for a weaker one other data can be found. */
static bool
has_strong_digest(PKCS7 *token)
{
	TS_TST_INFO *info = PKCS7_to_TS_TST_INFO(token);
	const EVP_MD *digest = NULL;

	if (info != NULL)
		digest = EVP_get_digestbyobj(TS_MSG_IMPRINT_get_algo(TS_TST_INFO_get_msg_imprint(info))->algorithm);
	TS_TST_INFO_free(info);
	ERR_clear_error();
	return digest != NULL && EVP_MD_get_size(digest) >= 32;
}

static bool
verify(PKCS7 *token, const void *data, size_t len, X509_STORE *store, int64_t time)
{
	TS_VERIFY_CTX *context = TS_VERIFY_CTX_new();
	BIO		   *bio = BIO_new_mem_buf(data, (int) len);
	X509_VERIFY_PARAM *param;
	bool		good;

	if (context == NULL || bio == NULL || store == NULL)
	{
		TS_VERIFY_CTX_free(context);
		BIO_free(bio);
		X509_STORE_free(store);
		return false;
	}
	param = X509_STORE_get0_param(store);
	X509_VERIFY_PARAM_set_time(param, (time_t) time);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
	TS_VERIFY_CTX_set_flags(context, TS_VFY_VERSION | TS_VFY_DATA | TS_VFY_SIGNATURE);
	TS_VERIFY_CTX_set0_data(context, bio);
	TS_VERIFY_CTX_set0_store(context, store);
	good = TS_RESP_verify_token(context, token) == 1;
	TS_VERIFY_CTX_free(context);
	ERR_clear_error();
	return good;
}

/* The certificates in the token: trusting these asks whether it is sound. */
static X509_STORE *
own_store(PKCS7 *token)
{
	STACK_OF(X509) *certificates = PKCS7_type_is_signed(token) ? token->d.sign->cert : NULL;
	X509_STORE *store = X509_STORE_new();

	for (int i = 0; store != NULL && i < sk_X509_num(certificates); i++)
		X509_STORE_add_cert(store, sk_X509_value(certificates, i));
	ERR_clear_error();
	return store;
}

CsecStamp
csec_timestamp_judge(const uint8_t *token, size_t token_len,
					 const void *data, size_t len,
					 const char *certificates, size_t certificates_len,
					 int64_t *time)
{
	PKCS7	   *read = read_token(token, token_len);
	CsecStamp	stamp = CSEC_STAMP_FORGED;

	if (read != NULL && time_of(read, time) && has_strong_digest(read))
	{
		if (certificates_len > 0 &&
			verify(read, data, len, read_store(certificates, certificates_len), *time))
			stamp = CSEC_STAMP_GOOD;
		else if (verify(read, data, len, own_store(read), *time))
			stamp = CSEC_STAMP_FOREIGN;
	}
	PKCS7_free(read);
	return stamp;
}
