/*
 * What the machine does with no database in the way.
 *
 * baseline sha COUNT LENGTH	hash COUNT records of LENGTH bytes, each with the
 *								hash before it; prints the seconds
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
	fprintf(stderr, "usage: baseline sha COUNT LENGTH | flush FILE\n");
	return 2;
}
