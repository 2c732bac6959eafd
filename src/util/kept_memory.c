/*
 * kept_memory.c
 *		Counts in shared memory that outlive the server, also its crash.
 *
 * Who could begin anew after a crash would have a way to begin anew.  So each
 * entry that changes is written into a file, in its place, while the lock over
 * it is held.  It is not forced to disk: what the operating system was given
 * outlives every process, and the loss of the machine costs the counts of its
 * last moments.  The file has its full size from the start, so a full disk
 * stands in no way.
 *
 * The file is trusted as far as the data directory is; the checksum of each
 * entry is against damage.  An entry that was never used is all zeros.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "port/pg_crc32c.h"
#include "storage/fd.h"

#include "util/kept_memory.h"

#define KEPT_MAX	8
#define ENTRY_MAX	128			/* bytes */

typedef struct Kept
{
	const char *name;
	char	   *data;
	size_t		entry_size;
	int			entries;
	File		file;			/* this process's; 0: not opened yet */
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

static bool
is_zero(const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (data[i] != 0)
			return false;
	return true;
}

/* An entry and its checksum as they were stored; false: damaged. */
static bool
take_entry(const Kept *k, int n, const char *stored)
{
	pg_crc32c	crc;

	memcpy(&crc, stored + k->entry_size, sizeof(crc));
	if (is_zero(stored, k->entry_size) && crc == 0)
		return true;
	if (!EQ_CRC32C(crc, crc_of(stored, k->entry_size)))
		return false;
	memcpy(k->data + n * k->entry_size, stored, k->entry_size);
	return true;
}

/* Where there is no file of this form: one without an entry. */
static void
make_file(const Kept *k, const char *path)
{
	char		new_path[MAXPGPATH + 4];
	size_t		size = k->entries * (k->entry_size + sizeof(pg_crc32c));
	char	   *zeros = palloc0(size);
	FILE	   *file;
	bool		written;

	snprintf(new_path, sizeof(new_path), "%s.new", path);
	file = AllocateFile(new_path, PG_BINARY_W);
	written = file != NULL && fwrite(zeros, size, 1, file) == 1;
	if (file != NULL && FreeFile(file) != 0)
		written = false;
	if (!written)
		ereport(FATAL,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", new_path)));
	durable_rename(new_path, path, FATAL);
	pfree(zeros);
}

static bool
load(const Kept *k, const char *path)
{
	size_t		stride = k->entry_size + sizeof(pg_crc32c);
	char	   *stored = palloc(stride);
	FILE	   *file = AllocateFile(path, PG_BINARY_R);
	struct stat st;
	int			damaged = 0;
	bool		fits;

	if (file == NULL && errno != ENOENT)
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg("could not read file \"%s\": %m", path)));
	if (file == NULL)
		return false;
	fits = fstat(fileno(file), &st) == 0 && st.st_size == (off_t) (stride * k->entries);
	for (int n = 0; fits && n < k->entries; n++)
	{
		if (fread(stored, stride, 1, file) != 1)
			fits = false;
		else if (!take_entry(k, n, stored))
			damaged++;
	}
	FreeFile(file);
	pfree(stored);
	if (!fits || damaged > 0)
		ereport(LOG,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 fits ? errmsg("ignoring %d damaged counts in file \"%s\"", damaged, path) :
				 errmsg("ignoring file \"%s\": it has another size", path)));
	return fits;
}

void
csec_kept_memory(const char *name, void *data, size_t entry_size, int entries)
{
	char		path[MAXPGPATH];
	int			place = 0;

	if (entry_size > ENTRY_MAX)
		elog(FATAL, "entries of shared memory to keep are too large");
	memset(data, 0, entry_size * entries);
	if (IsUnderPostmaster || !IsPostmasterEnvironment)
		return;

	/* after a crash the postmaster comes here again */
	while (place < nkept && strcmp(kept[place].name, name) != 0)
		place++;
	if (place == nkept)
	{
		if (nkept == KEPT_MAX)
			elog(FATAL, "too many parts of shared memory to keep");
		nkept++;
	}
	kept[place] = (Kept) {.name = name,.data = data,.entry_size = entry_size,.entries = entries};
	path_of(name, path);
	if (!load(&kept[place], path))
		make_file(&kept[place], path);
}

/*
 * The file stays open in each process that stores: opening and closing it for
 * each value that is tried took longer than a look-up by an index.  Nobody
 * puts another in its place but a postmaster that has no other process.
 */
static void
open_file(Kept *k, const char *path)
{
	if (k->file <= 0)
		k->file = PathNameOpenFile(path, O_WRONLY | PG_BINARY);
	if (k->file <= 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\": %m", path)));
}

/* Put an entry and its checksum into their place in the file. */
static void
write_entry(Kept *k, int n)
{
	char		path[MAXPGPATH];
	char		stored[ENTRY_MAX + sizeof(pg_crc32c)];
	const char *entry = k->data + n * k->entry_size;
	pg_crc32c	crc = crc_of(entry, k->entry_size);
	int			stride = (int) (k->entry_size + sizeof(crc));

	memcpy(stored, entry, k->entry_size);
	memcpy(stored + k->entry_size, &crc, sizeof(crc));
	path_of(k->name, path);
	open_file(k, path);
	if (FileWrite(k->file, stored, stride,
				  (off_t) n * stride, PG_WAIT_EXTENSION) != stride)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", path)));
}

void
csec_kept_store(const void *entry)
{
	const char *at = entry;

	for (int i = 0; i < nkept; i++)
	{
		Kept	   *k = &kept[i];

		if (at >= k->data && at < k->data + k->entry_size * k->entries)
			write_entry(k, (int) ((at - k->data) / k->entry_size));
	}
}
