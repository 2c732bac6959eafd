/*
 * faults.c
 *		Preloaded into a server under test: a clock that can be set, a disk
 *		that can be full, files at which a process waits.
 *
 * What is wrong stands in files of the folder $CSEC_FAULTS, and ends when they
 * are removed: "clock" holds the seconds by which the time of day is wrong,
 * "full" parts of paths, one a line, of files that cannot grow, "held" likewise of
 * those that are not flushed, or of which (PATH@OFFSET;) a block is not read: who is
 * about to leaves his number in "waits".
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

/* The text of a file of faults; 0: there is none. */
static int
fault(const char *name, char *text, size_t size)
{
	const char *folder = getenv("CSEC_FAULTS");
	char		path[PATH_MAX];
	int			fd;
	ssize_t		n;

	if (folder == NULL)
		return 0;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, size - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static long
seconds_wrong(void)
{
	char		text[32];
	int			saved = errno;
	long		seconds = fault("clock", text, sizeof(text)) ? atol(text) : 0;

	errno = saved;
	return seconds;
}

int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	int			result = REAL(gettimeofday) (tv, tz);

	tv->tv_sec += seconds_wrong();
	return result;
}

time_t
time(time_t *t)
{
	time_t		now = REAL(time) (NULL) + seconds_wrong();

	if (t != NULL)
		*t = now;
	return now;
}

/* Is a file, or what is at an offset of it, among those that a fault names by parts of their paths? */
static int
is_named(const char *name, int fd, off_t offset)
{
	char		text[4096];
	char		link[64];
	char		path[PATH_MAX + 32];
	ssize_t		n;

	if (!fault(name, text, sizeof(text)))
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_MAX);
	if (n < 0)
		return 0;
	if (offset < 0)
		path[n] = '\0';
	else
		sprintf(path + n, "@%lld;", (long long) offset);
	for (char *part = strtok(text, "\n"); part != NULL; part = strtok(NULL, "\n"))
		if (strstr(path, part) != NULL)
			return 1;
	return 0;
}

/* Would a write up to this end make a file grow that cannot? */
static int
is_full(int fd, off_t end)
{
	struct stat st;

	if (!is_named("full", fd, -1) || fstat(fd, &st) != 0 || end <= st.st_size)
		return 0;
	errno = ENOSPC;
	return 1;
}

static void
leave_number(void)
{
	char		path[PATH_MAX];
	int			fd;

	snprintf(path, sizeof(path), "%s/waits", getenv("CSEC_FAULTS"));
	fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	(void) dprintf(fd, "%d\n", (int) getpid());
	close(fd);
}

/* (A signal ends the sleep, not the wait.) */
static void
wait_if_held(int fd, off_t offset)
{
	int			told = 0;

	while (is_named("held", fd, offset))
	{
		if (!told++)
			leave_number();
		usleep(10000);
	}
}

int
fsync(int fd)
{
	wait_if_held(fd, -1);
	return REAL(fsync) (fd);
}

ssize_t
pread(int fd, void *buf, size_t n, off_t offset)
{
	wait_if_held(fd, offset);
	return REAL(pread) (fd, buf, n, offset);
}

ssize_t
pwrite(int fd, const void *buf, size_t n, off_t offset)
{
	return is_full(fd, offset + n) ? -1 : REAL(pwrite) (fd, buf, n, offset);
}

ssize_t
pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
	off_t		end = offset;

	for (int i = 0; i < count; i++)
		end += iov[i].iov_len;
	return is_full(fd, end) ? -1 : REAL(pwritev) (fd, iov, count, offset);
}

int
posix_fallocate(int fd, off_t offset, off_t len)
{
	return is_full(fd, offset + len) ? ENOSPC : REAL(posix_fallocate) (fd, offset, len);
}
