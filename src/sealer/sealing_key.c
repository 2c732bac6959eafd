/*
 * sealing_key.c
 *		The private keys of the trail's epochs, in a file of their own.
 *
 * They are in no table: the WAL and its archive, base backups and dumps would
 * keep each of them for ever, and who found one could seal the past anew.  A
 * file is replaced by another one and its old blocks are overwritten.  (What a
 * file system or a drive copies beneath that is out of reach: docs/limits.md.)
 *
 * The file lies where keys lie, outside the data directory, so no base backup
 * carries it, and a server that comes from one finds none.  With
 * csec.embedded_keys, for demos, it is in the data directory.
 *
 * Its name has the system identifier and the database; its bytes
 * (sealer/sealing_file.h) are under a key that is derived from the root key.
 */
#include "sealer/sealing_key.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/xlog.h"
#include "miscadmin.h"
#include "port.h"
#include "storage/fd.h"

#include "keys/keyring.h"
#include "sealer/sealing_file.h"
#include "util/crypto_failed.h"
#include "util/guc.h"
#include "util/secure_memory.h"
#include "util/write_whole.h"

/* Where the file lies; NULL where no setting says. */
static const char *
sealing_directory(void)
{
	if (csec_guc_is_set(csec_sealing_key_directory))
		return csec_sealing_key_directory;
	if (csec_guc_is_set(csec_key_directory))
		return csec_key_directory;
	return csec_embedded_keys ? DataDir : NULL;
}

static void
name_of(char *name, size_t size)
{
	snprintf(name, size, "csec_sealing_" UINT64_FORMAT "_%u.key",
			 GetSystemIdentifier(), MyDatabaseId);
}

static void
path_of(char *path, size_t size)
{
	char		name[MAXPGPATH];
	const char *directory = sealing_directory();

	if (directory == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("there is no place for the keys that sign checkpoints"),
				 errhint("Set csec.sealing_key_directory to a directory outside the data directory that the server may write to.")));
	name_of(name, sizeof(name));
	if (snprintf(path, size, "%s/%s", directory, name) >= (int) size)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("the path of the sealing keys is too long")));
}

static CsecAead *
cipher(void)
{
	CsecAead   *aead = csec_aead_create(CSEC_SUITE_AES_256_GCM, csec_keyring_sealing_key());

	if (aead == NULL)
		csec_crypto_failed("set up the cipher of the sealing keys");
	return aead;
}

void
csec_sealing_keys_add(CsecSealingKeys *keys)
{
	int			i = keys->count;

	if (!pg_strong_random(keys->seed[i], CSEC_ED25519_SEED) ||
		!csec_ed25519_public(keys->seed[i], keys->public_key[i]))
		csec_crypto_failed("make a key to sign checkpoints with");
	keys->count++;
}

void
csec_sealing_keys_wipe(CsecSealingKeys *keys)
{
	csec_secure_wipe(keys, sizeof(*keys));
}

static bool
parse(const uint8 *bytes, ssize_t len, CsecSealingKeys *keys)
{
	char		name[MAXPGPATH];
	CsecAead   *aead = cipher();

	name_of(name, sizeof(name));
	keys->count = csec_sealing_file_get(bytes, (size_t) len, aead, name, keys->seed);
	csec_aead_free(aead);
	for (int i = 0; i < keys->count; i++)
		if (!csec_ed25519_public(keys->seed[i], keys->public_key[i]))
			return false;
	return keys->count > 0;
}

void
csec_sealing_keys_read(CsecSealingKeys *keys, const char **why)
{
	char		path[MAXPGPATH];
	uint8		bytes[CSEC_SEALING_FILE_MAX + 1];
	ssize_t		len;
	int			fd;

	*why = NULL;
	keys->count = 0;
	path_of(path, sizeof(path));
	/* a FIFO must not keep the sealer waiting */
	fd = OpenTransientFile(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | PG_BINARY);
	if (fd < 0 && errno == ENOENT)
	{
		*why = "no key";
		return;
	}
	if (fd < 0 || (len = read(fd, bytes, sizeof(bytes))) < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read the sealing keys in \"%s\": %m", path)));
	(void) CloseTransientFile(fd);
	if (!parse(bytes, len, keys))
	{
		keys->count = 0;
		*why = "damaged key";
	}
}

static void
check_directory(const char *path)
{
	struct stat st;
	char		directory[MAXPGPATH];

	strlcpy(directory, path, sizeof(directory));
	get_parent_directory(directory);
	if (stat(directory, &st) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not stat the directory of the sealing keys \"%s\": %m", directory)));
	if (st.st_uid != geteuid() || (st.st_mode & (S_IRWXG | S_IRWXO) & ~(S_IRGRP | S_IXGRP)) ||
		(!csec_embedded_keys && (st.st_mode & S_IRWXG)))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("the directory of the sealing keys \"%s\" is not the server's user's alone", directory),
				 errhint("Make that user its owner, and use chmod 700 on it.")));
}

static void
write_new(const char *path, const uint8 *bytes, size_t len)
{
	int			fd;

	(void) unlink(path);
	fd = OpenTransientFilePerm(path, O_CREAT | O_EXCL | O_WRONLY | PG_BINARY, S_IRUSR | S_IWUSR);
	if (fd < 0 || !csec_write_whole(fd, bytes, len) || pg_fsync(fd) != 0 ||
		CloseTransientFile(fd) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not write the sealing keys to \"%s\": %m", path)));
}

/* What a file that has lost its name had in it. */
static void
erase(int fd)
{
	static const uint8 zeroes[CSEC_SEALING_FILE_MAX] = {0};

	if (!csec_write_whole(fd, zeroes, sizeof(zeroes)) || pg_fsync(fd) != 0)
		ereport(WARNING,
				(errcode_for_file_access(),
				 errmsg("could not overwrite the sealing key of the last epoch: %m")));
	(void) CloseTransientFile(fd);
}

void
csec_sealing_keys_write(const CsecSealingKeys *keys)
{
	char		name[MAXPGPATH];
	char		path[MAXPGPATH];
	char		temporary[MAXPGPATH + 4];
	uint8		bytes[CSEC_SEALING_FILE_MAX];
	uint8		nonce[2][CSEC_AEAD_NONCE];
	CsecAead   *aead;
	size_t		len = 0;
	int			old;

	path_of(path, sizeof(path));
	check_directory(path);
	name_of(name, sizeof(name));
	aead = cipher();			/* from here to its end nothing raises an error */
	if (pg_strong_random(nonce, sizeof(nonce)))
		len = csec_sealing_file_put(bytes, aead, name, keys->count, keys->seed, nonce);
	csec_aead_free(aead);
	if (len == 0)
		csec_crypto_failed("encrypt the sealing keys");
	snprintf(temporary, sizeof(temporary), "%s.tmp", path);
	write_new(temporary, bytes, len);
	old = OpenTransientFile(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | PG_BINARY);
	durable_rename(temporary, path, ERROR);
	if (old >= 0)
		erase(old);
}
