/*
 * kept_files.c
 *		Checkpoints that an auditor kept, in files.                     [FE]
 */
#include "verify/kept_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "verify/file.h"
#include "verify/notes_file.h"

#define NOTES_MAX	((size_t) 1024 * 1024 * 1024)

static bool
is_of(const CsecNote *note, const char *origin)
{
	CsecCheckpoint checkpoint;

	return csec_checkpoint_open(note->note, note->len, &checkpoint) &&
		strcmp(checkpoint.origin, origin) == 0;
}

/* Those of an origin, or all (NULL); how many. */
static int
trust_file(CsecCheckpoints *checkpoints, const char *path, const char *origin)
{
	size_t		len;
	char	   *text = csec_file_read(path, NOTES_MAX, &len);
	CsecNotes	notes;
	CsecNote	note;
	bool		any = false;
	int			trusted = 0;

	csec_notes_open(&notes, (const uint8_t *) text, len);
	while (csec_notes_next(&notes, &note))
	{
		any = true;
		if (origin != NULL && !is_of(&note, origin))
			continue;
		if (!csec_checkpoints_trust(checkpoints, note.note, note.len))
			csec_fail("\"%s\" has something in it that is no signed checkpoint", path);
		trusted++;
	}
	if (!any || notes.p != notes.end)
		csec_fail("\"%s\" is no file of checkpoints", path);
	free(text);
	return trusted;
}

static bool
is_note(const char *name)
{
	size_t		len = strlen(name);

	return name[0] != '.' && len > 5 && strcmp(name + len - 5, ".note") == 0;
}

static void
trust_folder(CsecCheckpoints *checkpoints, const char *path, const char *origin)
{
	DIR		   *folder = opendir(path);
	struct dirent *entry;
	int			trusted = 0;

	if (folder == NULL)
		csec_fail("could not open \"%s\": %s", path, strerror(errno));
	while (errno = 0, (entry = readdir(folder)) != NULL)
		if (is_note(entry->d_name))
		{
			char	   *file = csec_file_path(path, entry->d_name);

			trusted += trust_file(checkpoints, file, origin);
			free(file);
		}
	if (errno != 0)
		csec_fail("could not read \"%s\": %s", path, strerror(errno));
	closedir(folder);
	if (trusted == 0)
		csec_fail("no file *.note in \"%s\" is a checkpoint of %s", path, origin);
}

void
csec_trust_path(CsecCheckpoints *checkpoints, const char *path, uint64_t system,
				uint32_t database_id)
{
	char		origin[CSEC_KEY_NAME_SIZE];

	csec_origin_put(origin, system, database_id);
	if (csec_is_directory(path))
		trust_folder(checkpoints, path, origin);
	else
		trust_file(checkpoints, path, NULL);
}
