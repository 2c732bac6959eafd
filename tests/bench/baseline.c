/*
 * What the machine does with no database in the way.
 *
 * baseline sha COUNT LENGTH	hash COUNT records of LENGTH bytes, each with the
 *								hash before it; prints the seconds
 * baseline seal|open|sm4_seal|sm4_open|hmac COUNT LENGTH
 *								encrypt, decrypt or digest COUNT texts of LENGTH
 *								bytes with a warm context: AES-256-GCM, SM4-CTR
 *								then HMAC-SM3, HMAC-SHA256; prints the seconds
 * baseline flush FILE			overwrite and flush 8 kB for half a second; prints
 *								the median time of one in microseconds
 */
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_FLUSHES 100000

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static int
chain(long count, size_t length)
{
	EVP_MD	   *md = EVP_MD_fetch(NULL, "SHA256", NULL);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char hash[32] = {0};
	unsigned char *record = malloc(length);
	double		start;

	if (md == NULL || ctx == NULL || record == NULL || length < sizeof(long))
		return 1;
	memset(record, 'r', length);
	start = now();
	for (long i = 0; i < count; i++)
	{
		memcpy(record, &i, sizeof(i));
		if (!EVP_DigestInit_ex2(ctx, md, NULL) ||
			!EVP_DigestUpdate(ctx, hash, sizeof(hash)) ||
			!EVP_DigestUpdate(ctx, record, length) ||
			!EVP_DigestFinal_ex(ctx, hash, NULL))
			return 1;
	}
	printf("%.6f %02x\n", now() - start, hash[0]);
	return 0;
}

/* ---- what encrypting costs at least ---- */

#define NONCE	12
#define HEADER	61				/* associated data: an envelope's header */
#define TAG		16
#define BLOCK	64

typedef struct Bare
{
	EVP_CIPHER_CTX *cipher;
	EVP_MD_CTX *digest;
	unsigned char nonce[16];
	unsigned char header[HEADER];
	unsigned char pad[2][BLOCK];	/* of HMAC */
	unsigned char mac[32];
	unsigned char tag[TAG];
	unsigned char *text;
	unsigned char *sealed;
	int			length;
} Bare;

static int
hmac(Bare *b, const unsigned char *data, size_t length)
{
	return EVP_DigestInit_ex2(b->digest, NULL, NULL) &&
		EVP_DigestUpdate(b->digest, b->pad[0], BLOCK) &&
		EVP_DigestUpdate(b->digest, data, length) &&
		EVP_DigestFinal_ex(b->digest, b->mac, NULL) &&
		EVP_DigestInit_ex2(b->digest, NULL, NULL) &&
		EVP_DigestUpdate(b->digest, b->pad[1], BLOCK) &&
		EVP_DigestUpdate(b->digest, b->mac, sizeof(b->mac)) &&
		EVP_DigestFinal_ex(b->digest, b->mac, NULL);
}

static int
gcm_seal(Bare *b)
{
	int			n;

	return EVP_EncryptInit_ex2(b->cipher, NULL, NULL, b->nonce, NULL) &&
		EVP_EncryptUpdate(b->cipher, NULL, &n, b->header, HEADER) &&
		EVP_EncryptUpdate(b->cipher, b->sealed, &n, b->text, b->length) &&
		EVP_EncryptFinal_ex(b->cipher, b->sealed + b->length, &n) &&
		EVP_CIPHER_CTX_ctrl(b->cipher, EVP_CTRL_AEAD_GET_TAG, TAG, b->tag);
}

static int
gcm_open(Bare *b)
{
	int			n;

	return EVP_DecryptInit_ex2(b->cipher, NULL, NULL, b->nonce, NULL) &&
		EVP_CIPHER_CTX_ctrl(b->cipher, EVP_CTRL_AEAD_SET_TAG, TAG, b->tag) &&
		EVP_DecryptUpdate(b->cipher, NULL, &n, b->header, HEADER) &&
		EVP_DecryptUpdate(b->cipher, b->text, &n, b->sealed, b->length) &&
		EVP_DecryptFinal_ex(b->cipher, b->text + b->length, &n);
}

/* Either way: the cipher is its own inverse, and a digest goes over it. */
static int
sm4_crypt(Bare *b)
{
	int			n;

	return EVP_EncryptInit_ex2(b->cipher, NULL, NULL, b->nonce, NULL) &&
		EVP_EncryptUpdate(b->cipher, b->sealed, &n, b->text, b->length) &&
		hmac(b, b->sealed, b->length);
}

static int
digest_text(Bare *b)
{
	return hmac(b, b->text, b->length);
}

static int
encrypting(const char *what, long count, int length)
{
	int			sm4 = strncmp(what, "sm4", 3) == 0;
	int			opening = strcmp(what, "open") == 0;
	unsigned char key[32] = {1};
	Bare		b = {.length = length};
	int			(*work) (Bare *) = strcmp(what, "hmac") == 0 ? digest_text :
		sm4 ? sm4_crypt : opening ? gcm_open : gcm_seal;
	double		start;

	b.text = calloc(1, length + BLOCK);
	b.sealed = calloc(1, length + BLOCK);
	b.digest = EVP_MD_CTX_new();
	b.cipher = EVP_CIPHER_CTX_new();
	if (!EVP_DigestInit_ex2(b.digest, EVP_MD_fetch(NULL, sm4 ? "SM3" : "SHA256", NULL), NULL) ||
		!EVP_CipherInit_ex2(b.cipher, EVP_CIPHER_fetch(NULL, sm4 ? "SM4-CTR" : "AES-256-GCM", NULL),
							key, NULL, 1, NULL))
		return 1;
	if (opening && (!gcm_seal(&b) ||
					!EVP_CipherInit_ex2(b.cipher, NULL, key, NULL, 0, NULL)))
		return 1;
	start = now();
	for (long i = 0; i < count; i++)
	{
		if (!opening)
			memcpy(b.nonce, &i, sizeof(i));
		if (!work(&b))
			return 1;
	}
	printf("%.6f %02x\n", now() - start, b.sealed[0] ^ b.mac[0]);
	return 0;
}

static int
by_size(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

static int
flush(const char *file)
{
	static double took[MAX_FLUSHES];
	static char page[8192];
	int			n = 0;
	int			fd = open(file, O_RDWR | O_CREAT, 0600);
	double		end = now() + 0.5;

	if (fd < 0 || pwrite(fd, page, sizeof(page), 0) < 0 || fsync(fd) != 0)
		return 1;
	while (n < MAX_FLUSHES && now() < end)
	{
		double		start = now();

		if (pwrite(fd, page, sizeof(page), 0) < 0 || fdatasync(fd) != 0)
			return 1;
		took[n++] = now() - start;
	}
	qsort(took, n, sizeof(took[0]), by_size);
	printf("%.0f\n", took[n / 2] * 1e6);
	close(fd);
	return unlink(file) != 0;
}

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "sha") == 0)
		return chain(atol(argv[2]), (size_t) atol(argv[3]));
	if (argc == 3 && strcmp(argv[1], "flush") == 0)
		return flush(argv[2]);
	if (argc == 4)
		return encrypting(argv[1], atol(argv[2]), atoi(argv[3]));
	fprintf(stderr, "usage: baseline sha|seal|open|sm4_seal|sm4_open|hmac COUNT LENGTH | flush FILE\n");
	return 2;
}
