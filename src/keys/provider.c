/*
 * provider.c
 *		Where the root key comes from.
 *
 * Keys do not live in the data directory: a base backup would carry them off
 * with the data.  So the root key is a file in csec.key_directory, and that
 * directory is refused inside the data directory, or when anyone but the
 * server's user could read or replace what is in it.  csec.embedded_keys is
 * for demos and tests: it keeps a key of its own in the data directory, made
 * at the first start.
 *
 * Read once, by the postmaster, before there is anybody to talk to: whatever
 * is wrong ends the start.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file_perm.h"
#include "miscadmin.h"
#include "port.h"
#include "storage/fd.h"

#include "keys/provider.h"
#include "util/guc.h"
#include "util/secure_memory.h"

#define ROOT_KEY_FILE		"root.key"
#define EMBEDDED_KEY_FILE	"csec_embedded.key"
#define HEX_SIZE			(2 * CSEC_ROOT_KEY_SIZE)

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* 64 hexadecimal digits, at most one line end behind them, nothing else. */
static bool
parse_key(const char *text, ssize_t len, uint8 *key)
{
	if (len == HEX_SIZE + 1 && text[HEX_SIZE] == '\n')
		len--;
	if (len != HEX_SIZE)
		return false;
	for (int i = 0; i < CSEC_ROOT_KEY_SIZE; i++)
	{
		int			high = hex_digit(text[2 * i]);
		int			low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		key[i] = (uint8) (high << 4 | low);
	}
	return true;
}

/* Only the server's user may read or write it. */
static void
check_closed(const char *path, const struct stat *st)
{
	if (st->st_uid != geteuid())
		ereport(FATAL,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("\"%s\" does not belong to the user that the server runs as", path),
				 errhint("Make that user the owner of csec's key directory and of what is in it.")));
	if (st->st_mode & (S_IRWXG | S_IRWXO))
		ereport(FATAL,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("\"%s\" can be reached by others than the user that the server runs as", path),
				 errhint("Use chmod 700 on csec's key directory and chmod 600 on the files in it.")));
}

static void
read_key_file(const char *path, uint8 *key)
{
	int			fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char		text[HEX_SIZE + 2];
	struct stat st;
	ssize_t		len;
	bool		ok;

	if (fd < 0 || fstat(fd, &st) != 0)
		ereport(FATAL,
				(errcode_for_file_access(),
				 errmsg("could not open csec's root key \"%s\": %m", path),
				 errhint("Create it with \"openssl rand -hex 32\" and keep a copy where the database is not.")));
	check_closed(path, &st);
	len = read(fd, text, sizeof(text));
	close(fd);
	ok = parse_key(text, len, key);
	csec_secure_wipe(text, sizeof(text));
	if (!ok)
		ereport(FATAL,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("\"%s\" is not a csec key", path),
				 errdetail("A key is one line of %d hexadecimal digits.", HEX_SIZE)));
}

/* Refuse a key directory that is, or lies below, the data directory. */
static void
check_outside_data(const char *directory)
{
	char		keys[PATH_MAX];
	char		data[PATH_MAX];
	size_t		len;

	if (realpath(directory, keys) == NULL || realpath(DataDir, data) == NULL)
		ereport(FATAL,
				(errcode_for_file_access(),
				 errmsg("could not resolve csec.key_directory \"%s\": %m", directory)));
	len = strlen(data);
	if (strncmp(keys, data, len) == 0 && (keys[len] == '/' || keys[len] == '\0'))
		ereport(FATAL,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("csec.key_directory \"%s\" lies inside the data directory", directory),
				 errhint("Every backup of the data would carry the key with it: choose a directory outside.")));
}

static void
read_from_directory(uint8 *key)
{
	char		path[MAXPGPATH];
	struct stat st;

	check_outside_data(csec_key_directory);
	if (stat(csec_key_directory, &st) != 0)
		ereport(FATAL,
				(errcode_for_file_access(),
				 errmsg("could not stat csec.key_directory \"%s\": %m", csec_key_directory)));
	check_closed(csec_key_directory, &st);
	if (snprintf(path, sizeof(path), "%s/%s", csec_key_directory, ROOT_KEY_FILE) >= (int) sizeof(path))
		ereport(FATAL,
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
	char		text[HEX_SIZE + 1];
	int			fd;
	bool		written;

	if (!pg_strong_random(key, sizeof(key)))
		ereport(FATAL,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not make a random key for csec")));
	for (int i = 0; i < CSEC_ROOT_KEY_SIZE; i++)
	{
		text[2 * i] = "0123456789abcdef"[key[i] >> 4];
		text[2 * i + 1] = "0123456789abcdef"[key[i] & 15];
	}
	text[HEX_SIZE] = '\n';
	snprintf(temporary, sizeof(temporary), "%s.tmp", path);
	(void) unlink(temporary);
	fd = open(temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, S_IRUSR | S_IWUSR);
	written = fd >= 0 && write(fd, text, sizeof(text)) == (ssize_t) sizeof(text);
	csec_secure_wipe(key, sizeof(key));
	csec_secure_wipe(text, sizeof(text));
	if (fd >= 0)
		close(fd);
	if (!written)
		ereport(FATAL,
				(errcode_for_file_access(),
				 errmsg("could not write \"%s\": %m", temporary)));
	durable_rename(temporary, path, FATAL);
}

static void
read_embedded(uint8 *key)
{
	char		path[MAXPGPATH];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", DataDir, EMBEDDED_KEY_FILE);
	if (stat(path, &st) != 0 && errno == ENOENT)
		create_embedded_key(path);
	read_key_file(path, key);
}

/* Fill key with the root key, or end the server's start. */
void
csec_provider_read_root_key(uint8 *key)
{
	bool		directory = csec_key_directory != NULL && csec_key_directory[0] != '\0';

	if (directory && csec_embedded_keys)
		ereport(FATAL,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("csec.key_directory and csec.embedded_keys are both set"),
				 errhint("Set csec.embedded_keys = off.")));
	if (directory)
		read_from_directory(key);
	else if (csec_embedded_keys)
		read_embedded(key);
	else
		ereport(FATAL,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("csec has no key: csec.key_directory is not set"),
				 errhint("Set it to a directory outside the data directory that holds root.key (openssl rand -hex 32), or, for a demo, set csec.embedded_keys = on.")));
}
