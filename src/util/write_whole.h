/*
 * write_whole.h
 *		Bytes written to a file, all of them or none that count.
 */
#ifndef CSEC_UTIL_WRITE_WHOLE_H
#define CSEC_UTIL_WRITE_WHOLE_H

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

/*
 * False where not all was written; errno says why.  A short write sets none:
 * then the disk is full.
 */
static inline bool
csec_write_whole(int fd, const void *bytes, size_t len)
{
	errno = 0;
	if (write(fd, bytes, len) == (ssize_t) len)
		return true;
	if (errno == 0)
		errno = ENOSPC;
	return false;
}

#endif							/* CSEC_UTIL_WRITE_WHOLE_H */
