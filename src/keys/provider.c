/*
 * provider.c
 *		Where keys come from: a directory, a command, or the data directory.
 *
 * Keys do not live in the data directory: a base backup would carry them off
 * with the data.  So a key is a file in csec.key_directory, and that
 * directory is refused inside the data directory, or when anyone but the
 * server's user could read or replace what is in it; or csec.key_command
 * prints it.  csec.embedded_keys is for demos and tests: it keeps keys of its
 * own in the data directory, made at the first start.
 *
 * The postmaster reads them before there is anybody to talk to: there, an error
 * ends the start.  Later, at a reload and now and then, the launcher asks again.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file_perm.h"
#include "miscadmin.h"
#include "port.h"
#include "storage/fd.h"

#include "keys/key_text.h"
#include "keys/provider.h"
#include "util/crypto_failed.h"
#include "util/data_directory.h"
#include "util/guc.h"
#include "util/secure_memory.h"
#include "util/write_whole.h"

#define EMBEDDED_ROOT_KEY	"csec_embedded.key"

/* Only the server's user may read or write it. */
static void
check_closed(const char *path, const struct stat *st)
{
	if (st->st_uid != geteuid())
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("\"%s\" does not belong to the user that the server runs as", path),
				 errhint("Make that user the owner of csec's key directory and of what is in it.")));
	if (st->st_mode & (S_IRWXG | S_IRWXO))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("\"%s\" can be reached by others than the user that the server runs as", path),
				 errhint("Use chmod 700 on csec's key directory and chmod 600 on the files in it.")));
}

/*
 * Opened without waiting: a pipe that nobody writes to must not keep the
 * server from starting, and what is no file is refused unread.
 */
static int
open_key_file(const char *path)
{
	int			fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int			why = errno;
	struct stat st;

	if (fd < 0 && why == ELOOP)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("csec's key \"%s\" is a symbolic link", path),
				 errhint("Put the file itself there, or name the directory in which it is.")));
	if (fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open csec's key \"%s\": %m", path),
				 why == ENOENT ?
				 errhint("For a new cluster make it with \"openssl rand -hex 32\" and keep a copy where the database is not. If it was there before, bring it back from that copy: no new key opens what it encrypted.") :
				 errhint("It must be a file of the user that the server runs as, with mode 600.")));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
	{
		close(fd);
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("csec's key \"%s\" is not a file", path),
				 errhint("Put a file with the key there.")));
	}
	PG_TRY();
	{
		check_closed(path, &st);
	}
	PG_CATCH();
	{
		close(fd);
		PG_RE_THROW();
	}
	PG_END_TRY();
	return fd;
}

static void
read_key_file(const char *path, uint8 *key)
{
	int			fd = open_key_file(path);
	char		text[CSEC_KEY_TEXT + 2];
	ssize_t		len = read(fd, text, sizeof(text));
	bool		ok = len >= 0 && csec_key_text_get(text, (size_t) len, key);

	close(fd);
	csec_secure_wipe(text, sizeof(text));
	if (!ok)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("\"%s\" is not a csec key", path),
				 errdetail("A key is one line of %d hexadecimal digits.", CSEC_KEY_TEXT),
				 errhint("Bring it back from its copy; no new key opens what it encrypted. The line has no blanks, no mark of byte order before it and no carriage return behind.")));
}

static void
check_key_directory(void)
{
	struct stat st;

	if (stat(csec_key_directory, &st) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not stat csec.key_directory \"%s\": %m", csec_key_directory),
				 errhint("It must be a directory with mode 700 that the user whom the server runs as owns.")));
	if (!S_ISDIR(st.st_mode))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("csec.key_directory \"%s\" is not a directory", csec_key_directory),
				 errhint("Name the directory that holds root.key.")));
	if (csec_in_data_directory(csec_key_directory))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("csec.key_directory \"%s\" lies inside the data directory", csec_key_directory),
				 errhint("Every backup of the data would carry the key with it: choose a directory outside.")));
	check_closed(csec_key_directory, &st);
}

static void
read_from_directory(const char *name, uint8 *key)
{
	char		path[MAXPGPATH];

	check_key_directory();
	if (snprintf(path, sizeof(path), "%s/%s.key", csec_key_directory, name) >= (int) sizeof(path))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("csec.key_directory is too long")));
	read_key_file(path, key);
}

/*
 * Make the embedded key under another name and rename it, so that a crash in
 * between leaves no half of a key.
 */
static void
create_embedded_key(const char *path)
{
	char		temporary[MAXPGPATH];
	uint8		key[CSEC_ROOT_KEY_SIZE];
	char		text[CSEC_KEY_TEXT + 1];
	int			fd;
	bool		written;

	if (!pg_strong_random(key, sizeof(key)))
		csec_crypto_failed("make a random key for csec");
	csec_key_text_put(text, key);
	snprintf(temporary, sizeof(temporary), "%s.tmp", path);
	(void) unlink(temporary);
	fd = open(temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, S_IRUSR | S_IWUSR);
	written = fd >= 0 && csec_write_whole(fd, text, sizeof(text));
	csec_secure_wipe(key, sizeof(key));
	csec_secure_wipe(text, sizeof(text));
	if (fd >= 0)
		close(fd);
	if (!written)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not write \"%s\": %m", temporary)));
	durable_rename(temporary, path, ERROR);
}

static void
read_embedded(const char *name, uint8 *key)
{
	char		path[MAXPGPATH];
	struct stat st;

	if (strcmp(name, CSEC_ROOT_KEY) == 0)
		snprintf(path, sizeof(path), "%s/%s", DataDir, EMBEDDED_ROOT_KEY);
	else
		snprintf(path, sizeof(path), "%s/csec_embedded_%s.key", DataDir, name);
	if (stat(path, &st) != 0 && errno == ENOENT)
		create_embedded_key(path);
	read_key_file(path, key);
}

static void
read_from_command(const char *name, uint8 *key)
{
	char		text[CSEC_KEY_TEXT + 2];
	ssize_t		len = csec_key_command_run(name, text, sizeof(text));
	bool		ok = csec_key_text_get(text, (size_t) len, key);

	csec_secure_wipe(text, sizeof(text));
	if (!ok)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("what csec.key_command printed for key \"%s\" is not a csec key", name),
				 errdetail("A key is one line of %d hexadecimal digits.", CSEC_KEY_TEXT),
				 errhint("Run the command by hand as the server's user, and see what it prints beside the key, or in its place.")));
}

void
csec_provider_read_key(const char *name, uint8_t *key)
{
	bool		directory = csec_guc_is_set(csec_key_directory);
	bool		command = csec_guc_is_set(csec_key_command);

	if (directory + command + csec_embedded_keys > 1)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("more than one of csec.key_directory, csec.key_command and csec.embedded_keys is set"),
				 errhint("Keys come from one place: leave one of them, and set csec.embedded_keys = off on a server with real data.")));
	if (directory)
		read_from_directory(name, key);
	else if (command)
		read_from_command(name, key);
	else if (csec_embedded_keys)
		read_embedded(name, key);
	else
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("csec has no key: neither csec.key_directory nor csec.key_command is set"),
				 errhint("Set csec.key_directory to a directory outside the data directory that holds root.key: a new one (openssl rand -hex 32) for a new cluster only, of a standby or a restored backup that of the server it comes from. For a demo, set csec.embedded_keys = on.")));
}
