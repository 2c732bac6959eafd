/*-------------------------------------------------------------------------
 * mac_test.c
 *		Digests and MACs give what their standards say.
 *
 *	sources: crypto/hash.c crypto/mac.c util/secure_block.c
 *	libs: -lcrypto
 *
 * Without this, a MAC that is not HMAC-SHA256 or SipHash-2-4 would still agree
 * with itself, and no other program could check a record.
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "crypto/hash.h"
#include "crypto/mac.h"

/* Contexts live as long as their process. */
static CsecMac *mac;

static void
from_hex(const char *hex, uint8_t *out)
{
	for (size_t i = 0; hex[2 * i] != '\0'; i++)
		sscanf(hex + 2 * i, "%2hhx", &out[i]);
}

static bool
hmac_is(const char *key, const char *message, const char *expected)
{
	uint8_t		k[64], m[256], e[32], got[32];

	from_hex(key, k);
	from_hex(message, m);
	from_hex(expected, e);
	csec_mac_free(mac);
	mac = csec_hmac_create(k, strlen(key) / 2);

	/* twice: the context is used again */
	for (int i = 0; i < 2; i++)
		if (!csec_mac_begin(mac) || !csec_mac_add(mac, m, strlen(message) / 2) ||
			!csec_mac_end(mac, got, 32) || memcmp(got, e, 32) != 0)
			return false;
	return true;
}

static bool
siphash_is(size_t len, const char *expected)
{
	uint8_t		key[16], message[64], e[8], got[8];

	for (int i = 0; i < 16; i++)
		key[i] = (uint8_t) i;
	for (int i = 0; i < 64; i++)
		message[i] = (uint8_t) i;
	from_hex(expected, e);
	csec_mac_free(mac);
	mac = csec_siphash_create(key);
	for (int i = 0; i < 2; i++)
		if (!csec_mac_begin(mac) || !csec_mac_add(mac, message, len) ||
			!csec_mac_end(mac, got, 8) || memcmp(got, e, 8) != 0)
			return false;
	return true;
}

int
main(void)
{
	uint8_t		digest[32], expected[32];

	/* RFC 4231, cases 1, 2, 3 and 4 */
	ok(hmac_is("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
			   "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
	   "HMAC-SHA256, RFC 4231 case 1");
	ok(hmac_is("4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
			   "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
	   "HMAC-SHA256, RFC 4231 case 2");
	ok(hmac_is("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
			   "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd",
			   "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
	   "HMAC-SHA256, RFC 4231 case 3");
	ok(hmac_is("0102030405060708090a0b0c0d0e0f10111213141516171819",
			   "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
			   "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
	   "HMAC-SHA256, RFC 4231 case 4");

	/* RFC 4231, case 5: cut to the first 16 bytes */
	{
		uint8_t		key[20];

		memset(key, 0x0c, sizeof(key));
		csec_mac_free(mac);
		mac = csec_hmac_create(key, sizeof(key));
		from_hex("a3b6167473100ee06e0c796c2955552b", expected);
		ok(csec_mac_begin(mac) && csec_mac_add(mac, "Test With Truncation", 20) &&
		   csec_mac_end(mac, digest, 16) && memcmp(digest, expected, 16) == 0,
		   "HMAC-SHA256, RFC 4231 case 5");
	}

	/* the SipHash-2-4 reference vectors, of 0, 1, 7 and 15 bytes */
	ok(siphash_is(0, "310e0edd47db6f72"), "SipHash-2-4 of nothing");
	ok(siphash_is(1, "fd67dc93c539f874"), "SipHash-2-4 of one byte");
	ok(siphash_is(7, "37d1018bf50002ab"), "SipHash-2-4 of seven bytes");
	ok(siphash_is(15, "e545be4961ca29a1"), "SipHash-2-4 of fifteen bytes");

	/* FIPS 180-4 */
	from_hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", expected);
	ok(csec_sha256("abc", 3, digest) && memcmp(digest, expected, 32) == 0,
	   "SHA-256 of abc");

	/* openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt key:key
	 * -kdfopt salt:salt -kdfopt info:info HKDF */
	from_hex("9ca0d662557439e3b83365f2da4626d35da195c6d9d1779f09838cf9e408966e", expected);
	ok(csec_hkdf((const uint8_t *) "key", 3, "salt", "info", digest, 32) &&
	   memcmp(digest, expected, 32) == 0, "HKDF-SHA256 as the openssl command has it");
	return unit_done();
}
