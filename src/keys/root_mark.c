/*
 * root_mark.c
 *		Which root key the trails of this cluster were sealed under.
 *
 * A server under another root key reads nothing of protected tables, and what
 * its sealers note of that stays in the trails for good.  So a sealer that
 * finds its trail sealed under the server's key leaves a mark of that key in
 * the data directory, which is no secret, and the postmaster does not start
 * under another one.  Base backups carry it along: who gives a copy a wrong
 * key is told so, too.  It keeps nobody out who means it: the file can be
 * removed, and is, where the key is lost for good.
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"

#include "keys/root_mark.h"
#include "util/hex.h"
#include "util/write_whole.h"

/* Relative to the data directory, where every process of the server is. */
#define MARK		"csec_root_key.mark"
#define MAX_MARK	64

static size_t
put_mark(char *to, const uint8 *fingerprint, size_t size)
{
	Assert(2 * size < MAX_MARK);
	csec_hex_put(to, fingerprint, size);
	to[2 * size] = '\n';
	return 2 * size + 1;
}

void
csec_root_mark_check(const uint8 *fingerprint, size_t size)
{
	char		expected[MAX_MARK];
	char		found[MAX_MARK + 1];
	size_t		len = put_mark(expected, fingerprint, size);
	int			fd = OpenTransientFile(MARK, O_RDONLY | PG_BINARY);
	ssize_t		n;

	if (fd < 0 && errno == ENOENT)
		return;
	n = fd < 0 ? -1 : read(fd, found, sizeof(found));
	if (n < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read file \"%s\": %m", MARK)));
	CloseTransientFile(fd);
	if ((size_t) n == len && memcmp(found, expected, len) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_CONFIG_FILE_ERROR),
			 errmsg("csec's root key is not the one that this cluster's trails were sealed under"),
			 errdetail("Its mark in file \"%s/%s\" is another one.", DataDir, MARK),
			 errhint("Give the server the right one. Only if that is lost for good, remove this file; docs/keys.md has the steps that follow.")));
}

void
csec_root_mark_leave(const uint8 *fingerprint, size_t size)
{
	char		mark[MAX_MARK];
	char		made[MAXPGPATH];
	size_t		len = put_mark(mark, fingerprint, size);
	int			fd;
	bool		written;

	if (access(MARK, F_OK) == 0)
		return;
	/* each database has a sealer */
	snprintf(made, sizeof(made), MARK ".%u", MyDatabaseId);
	fd = OpenTransientFile(made, O_CREAT | O_TRUNC | O_WRONLY | PG_BINARY);
	written = fd >= 0 && csec_write_whole(fd, mark, len) && pg_fsync(fd) == 0;
	/* sealing goes on without it: the next start tries again */
	if (!written)
		ereport(WARNING,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", made)));
	if (fd >= 0)
		CloseTransientFile(fd);
	if (written)
		durable_rename(made, MARK, WARNING);
}
