/*
 * tombstone.c
 *		Which customers' keys were destroyed, noted where no backup of the
 *		database brings them back.
 *
 * A tombstone is made just before its transaction commits, and is on disk by
 * then.  A crash in between leaves one without the commit, and so does what the
 * server has yet to do before it and that fails (ON COMMIT, NOTIFY): the key counts
 * as destroyed, which two persons had asked for, and asking again completes it.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "keys/tombstone.h"
#include "util/data_directory.h"
#include "util/guc.h"
#include "util/hex.h"

StaticAssertDecl(CSEC_PSEUDONYM == UUID_LEN, "a pseudonym is stored as a uuid");

#define EMBEDDED_DIRECTORY	"csec_destroyed"
#define IN_KEY_DIRECTORY	"destroyed"

/* In the data directory: the server has had a directory of tombstones. */
#define MADE_BEFORE			"csec_has_destroyed"

/* One to be made when the transaction commits. */
typedef struct Pending
{
	uint8		pseudonym[CSEC_PSEUDONYM];
	SubTransactionId sub;
	struct Pending *next;
} Pending;

static Pending *pending = NULL; /* in TopTransactionContext */

/* False where there is no place for it. */
static bool
directory(char *path, size_t size)
{
	int			n;

	if (csec_guc_is_set(csec_tombstone_directory))
		n = snprintf(path, size, "%s", csec_tombstone_directory);
	else if (csec_guc_is_set(csec_key_directory))
		n = snprintf(path, size, "%s/" IN_KEY_DIRECTORY, csec_key_directory);
	else if (csec_embedded_keys)
		n = snprintf(path, size, "%s/" EMBEDDED_DIRECTORY, DataDir);
	else
		return false;
	return n > 0 && n < (int) size;
}

static void
need_directory(char *path, size_t size)
{
	/* room for the name of a tombstone */
	if (!directory(path, size - 2 * CSEC_PSEUDONYM - 3))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("there is no place to note destroyed keys of customers"),
				 errhint("Set csec.tombstone_directory to a directory outside the data directory that the server's user may write, and restart the server.")));
}

static void
make_directory(const char *path)
{
	if (mkdir(path, S_IRWXU) != 0 && errno != EEXIST)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create directory \"%s\": %m", path)));
}

/* The directory of a tombstone, or with the rest of its name the file. */
static void
append_name(char *path, const uint8 *pseudonym, bool whole)
{
	char	   *p = path + strlen(path);

	*p++ = '/';
	csec_hex_put(p, pseudonym, 1);
	if (!whole)
		return;
	p[2] = '/';
	csec_hex_put(p + 3, pseudonym + 1, CSEC_PSEUDONYM - 1);
}

/* In the data directory a restore would take them back with the rest. */
static void
check_outside_data(const char *path)
{
	if (!csec_embedded_keys && csec_in_data_directory(path))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("the directory of destroyed keys, \"%s\", lies inside the data directory", path),
				 errhint("A restored backup would take it back to its day: choose a directory outside for csec.tombstone_directory.")));
}

/*
 * A directory that is not there must not pass for one without tombstones: a
 * backup restored on another machine would bring back who was destroyed.
 */
static void
check_directory(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the directory of destroyed keys, \"%s\", is not there", path),
				 errhint("Bring it back from where the keys are kept. Only if no customer's key was ever destroyed, make it anew, empty.")));
	if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("the directory of destroyed keys, \"%s\", can be written by others than the server's user", path),
				 errhint("Make that user its owner, and use chmod 700.")));
	check_outside_data(path);
}

static void
need_checked_directory(char *path, size_t size)
{
	need_directory(path, size);
	check_directory(path);
}

/* What would fail only when there is something to note, or to look for; a standby notes nothing. */
static void
check_usable(const char *path)
{
	if (access(path, R_OK | X_OK | (RecoveryInProgress() ? 0 : W_OK)) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("the directory of destroyed keys, \"%s\", cannot be used: %m", path),
				 errhint("The server's user must be able to read and write it: use chmod 700.")));
}

/* Backups have it, too, so a server that is restored knows of its tombstones. */
static void
note_made(void)
{
	int			fd = OpenTransientFile(MADE_BEFORE, O_CREAT | O_WRONLY | PG_BINARY);

	if (fd < 0 || pg_fsync(fd) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create file \"%s\": %m", MADE_BEFORE)));
	CloseTransientFile(fd);
	fsync_fname(".", true);
}

/*
 * Make the directory, the first time only: one that was there and is missing
 * was lost, and an empty one in its place would bring back who was destroyed.
 */
static void
prepare(void)
{
	char		path[MAXPGPATH];
	char		parent[MAXPGPATH];

	need_directory(path, sizeof(path));
	if (access(MADE_BEFORE, F_OK) != 0)
		make_directory(path);
	check_directory(path);
	fsync_fname(path, true);
	strlcpy(parent, path, sizeof(parent));
	get_parent_directory(parent);
	fsync_fname(parent[0] ? parent : ".", true);
	note_made();
}

bool
csec_tombstone_is_there(const uint8 *pseudonym)
{
	static TimestampTz checked_in = 0;	/* the transaction in which it was there */
	char		path[MAXPGPATH];
	size_t		len;

	need_directory(path, sizeof(path));
	len = strlen(path);
	append_name(path, pseudonym, true);
	if (access(path, F_OK) == 0)
		return true;
	if (errno != ENOENT)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not look for \"%s\": %m", path)));
	if (checked_in != GetCurrentTransactionStartTimestamp())
	{
		path[len] = '\0';
		check_directory(path);
		checked_in = GetCurrentTransactionStartTimestamp();
	}
	return false;
}

/* Make one, on disk. */
static void
make(const uint8 *pseudonym)
{
	char		path[MAXPGPATH];
	char		parent[MAXPGPATH];
	int			fd;

	need_checked_directory(path, sizeof(path));
	strlcpy(parent, path, sizeof(parent));
	append_name(parent, pseudonym, false);
	make_directory(parent);
	fsync_fname(path, true);
	append_name(path, pseudonym, true);
	fd = OpenTransientFile(path, O_CREAT | O_WRONLY | PG_BINARY);
	if (fd < 0 || pg_fsync(fd) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create file \"%s\": %m", path)));
	CloseTransientFile(fd);
	fsync_fname(parent, true);
}

/* ---- with the transaction ---- */

static void
end_of_transaction(XactEvent event, void *arg)
{
	if (pending == NULL)
		return;
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			for (Pending *p = pending; p != NULL; p = p->next)
				make(p->pseudonym);
			break;
		case XACT_EVENT_PRE_PREPARE:
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("a transaction that destroys a customer's key cannot be prepared")));
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
			pending = NULL;
			break;
		default:
			break;
	}
}

static void
end_of_subtransaction(SubXactEvent event, SubTransactionId mySubid,
					  SubTransactionId parentSubid, void *arg)
{
	if (event != SUBXACT_EVENT_ABORT_SUB && event != SUBXACT_EVENT_COMMIT_SUB)
		return;
	for (Pending **link = &pending; *link != NULL;)
	{
		if ((*link)->sub == mySubid && event == SUBXACT_EVENT_ABORT_SUB)
		{
			*link = (*link)->next;
			continue;
		}
		if ((*link)->sub == mySubid)
			(*link)->sub = parentSubid;
		link = &(*link)->next;
	}
}

void
csec_tombstone_init(void)
{
	RegisterXactCallback(end_of_transaction, NULL);
	RegisterSubXactCallback(end_of_subtransaction, NULL);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_bury);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_is_buried);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_tombstones);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_prepare_tombstones);

/* csec.bury(pseudonym uuid): a tombstone for it, when the transaction commits. */
Datum
csec_bury(PG_FUNCTION_ARGS)
{
	Pending    *p = MemoryContextAlloc(TopTransactionContext, sizeof(Pending));
	char		path[MAXPGPATH];

	need_checked_directory(path, sizeof(path));
	memcpy(p->pseudonym, PG_GETARG_UUID_P(0)->data, CSEC_PSEUDONYM);
	p->sub = GetCurrentSubTransactionId();
	p->next = pending;
	pending = p;
	PG_RETURN_VOID();
}

/* csec.is_buried(pseudonym uuid): has it a tombstone? */
Datum
csec_is_buried(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(csec_tombstone_is_there(PG_GETARG_UUID_P(0)->data));
}

/*
 * csec.prepare_tombstones(known boolean): make their directory, unless customers
 * of this database are known: then it must be there, and of use.
 */
Datum
csec_prepare_tombstones(PG_FUNCTION_ARGS)
{
	char		path[MAXPGPATH];

	if (PG_GETARG_BOOL(0))
	{
		need_checked_directory(path, sizeof(path));
		check_usable(path);
	}
	else
		prepare();
	PG_RETURN_VOID();
}

static void
put_tombstones(ReturnSetInfo *result, const char *path, uint8 first)
{
	DIR		   *dir = AllocateDir(path);
	struct dirent *entry;

	while ((entry = ReadDir(dir, path)) != NULL)
	{
		pg_uuid_t	pseudonym = {.data = {first}};
		Datum		value = UUIDPGetDatum(&pseudonym);
		bool		isnull = false;

		CHECK_FOR_INTERRUPTS();
		if (csec_hex_get(entry->d_name, strlen(entry->d_name), pseudonym.data + 1, CSEC_PSEUDONYM - 1))
			tuplestore_putvalues(result->setResult, result->setDesc, &value, &isnull);
	}
	FreeDir(dir);
}

/* csec.tombstones() returns setof uuid: all that there are. */
Datum
csec_tombstones(PG_FUNCTION_ARGS)
{
	char		path[MAXPGPATH];
	DIR		   *dir;
	struct dirent *entry;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	need_checked_directory(path, sizeof(path));
	dir = AllocateDir(path);
	while ((entry = ReadDir(dir, path)) != NULL)
	{
		char		below[MAXPGPATH + 4];
		uint8		first;

		if (!csec_hex_get(entry->d_name, strlen(entry->d_name), &first, 1))
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		put_tombstones((ReturnSetInfo *) fcinfo->resultinfo, below, first);
	}
	FreeDir(dir);
	return (Datum) 0;
}
