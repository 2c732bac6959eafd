/*
 * kept_memory.c
 *		Shared memory whose content outlives a restart of the server.
 *
 * As PostgreSQL keeps its statistics: the postmaster writes a file when it
 * shuts down, reads it when it starts, and removes it then, so that after a
 * crash nothing old comes back.  The file is trusted as far as the data
 * directory is; the checksum is against damage.
 */
#include "postgres.h"

#include <unistd.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "port/pg_crc32c.h"
#include "storage/fd.h"
#include "storage/ipc.h"

#include "util/kept_memory.h"

#define KEPT_MAX	8

typedef struct KeptHead
{
	uint64		size;
	pg_crc32c	crc;
	uint32		zero;			/* in place of padding, which would be what the stack had */
} KeptHead;

typedef struct Kept
{
	const char *name;
	void	   *data;
	size_t		size;
} Kept;

static Kept kept[KEPT_MAX];
static int	nkept = 0;

static void
path_of(const char *name, char *path)
{
	snprintf(path, MAXPGPATH, "%s/csec_%s.stat", PGSTAT_STAT_PERMANENT_DIRECTORY, name);
}

static pg_crc32c
crc_of(const void *data, size_t size)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, data, size);
	FIN_CRC32C(crc);
	return crc;
}

static void
save(const char *name, const void *data, size_t size)
{
	char		path[MAXPGPATH];
	char		new_path[MAXPGPATH + 4];
	KeptHead	head = {.size = size, .crc = crc_of(data, size)};
	FILE	   *file;
	bool		written;

	path_of(name, path);
	snprintf(new_path, sizeof(new_path), "%s.new", path);
	file = AllocateFile(new_path, PG_BINARY_W);
	written = file != NULL && fwrite(&head, sizeof(head), 1, file) == 1 &&
		fwrite(data, size, 1, file) == 1;
	if (file != NULL && FreeFile(file) != 0)
		written = false;
	if (written && durable_rename(new_path, path, LOG) == 0)
		return;
	ereport(LOG,
			(errcode_for_file_access(),
			 errmsg("could not write file \"%s\": %m", new_path)));
	unlink(new_path);
}

/* At the end of the postmaster; code is not 0 where something went wrong. */
static void
save_at_exit(int code, Datum place)
{
	const Kept *k = &kept[DatumGetInt32(place)];

	if (code == 0)
		save(k->name, k->data, k->size);
}

static void
load(const char *name, void *data, size_t size)
{
	char		path[MAXPGPATH];
	KeptHead	head;
	FILE	   *file;

	path_of(name, path);
	file = AllocateFile(path, PG_BINARY_R);
	if (file == NULL)
	{
		if (errno != ENOENT)
			ereport(LOG,
					(errcode_for_file_access(),
					 errmsg("could not read file \"%s\": %m", path)));
		return;
	}
	if (fread(&head, sizeof(head), 1, file) != 1 || head.size != size ||
		fread(data, size, 1, file) != 1 || !EQ_CRC32C(head.crc, crc_of(data, size)))
	{
		memset(data, 0, size);
		ereport(LOG,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("ignoring file \"%s\": it is not what the last shutdown wrote", path)));
	}
	FreeFile(file);
	unlink(path);
}

void
csec_kept_memory(const char *name, void *data, size_t size)
{
	int			place = 0;

	memset(data, 0, size);
	if (IsUnderPostmaster || !IsPostmasterEnvironment)
		return;

	/* after a crash the postmaster comes here again, and has forgotten its callbacks */
	while (place < nkept && strcmp(kept[place].name, name) != 0)
		place++;
	if (place == nkept)
	{
		if (nkept == KEPT_MAX)
			elog(FATAL, "too many parts of shared memory to keep");
		nkept++;
	}
	kept[place] = (Kept) {.name = name,.data = data,.size = size};
	load(name, data, size);
	on_shmem_exit(save_at_exit, Int32GetDatum(place));
}
