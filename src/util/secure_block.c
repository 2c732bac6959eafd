/*
 * secure_block.c
 *		Pages of a process's own for what is made of keys.               [FE]
 */
#include "util/secure_block.h"

#include <sys/mman.h>
#include <unistd.h>

#include <openssl/crypto.h>

static size_t
in_pages(size_t size)
{
	size_t		page = (size_t) sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

void *
csec_secure_block(size_t size)
{
	void	   *block = mmap(NULL, in_pages(size), PROT_READ | PROT_WRITE,
							 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (block == MAP_FAILED)
		return NULL;
	/* said at the server's start where it fails (secure_memory.c) */
	(void) mlock(block, in_pages(size));
#ifdef MADV_DONTDUMP
	(void) madvise(block, in_pages(size), MADV_DONTDUMP);
#endif
	return block;
}

void
csec_secure_block_free(void *block, size_t size)
{
	if (block == NULL)
		return;
	OPENSSL_cleanse(block, in_pages(size));
	(void) munmap(block, in_pages(size));
}
