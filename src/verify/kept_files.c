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
#include "verify/notes_stream.h"

static void
trust_file(CsecCheckpoints *checkpoints, const char *path, bool among_others)
{
	/* the server may write to such a folder: what stands there shall not hold us up */
	FILE	   *file = among_others ? csec_file_open_ordinary(path, true) : csec_file_open(path);
	CsecNotesStream notes;
	CsecNote	note;
	bool		any = false;

	csec_notes_stream_begin(&notes, file, path);
	while (csec_notes_stream_next(&notes, &note))
	{
		if (!csec_checkpoints_trust(checkpoints, note.note, note.len, among_others))
			csec_fail("\"%s\" has something in it that is no signed checkpoint", path);
		any = true;
	}
	if (!csec_notes_stream_end(&notes) || !any)
		csec_fail("\"%s\" is no file of checkpoints", path);
	fclose(file);
}

static bool
is_note(const char *name)
{
	size_t		len = strlen(name);

	return name[0] != '.' && len > 5 && strcmp(name + len - 5, ".note") == 0;
}

static void
trust_folder(CsecCheckpoints *checkpoints, const char *path)
{
	DIR		   *folder = opendir(path);
	struct dirent *entry;
	bool		any = false;

	if (folder == NULL)
		csec_fail("could not open \"%s\": %s", path, strerror(errno));
	while (errno = 0, (entry = readdir(folder)) != NULL)
		if (is_note(entry->d_name))
		{
			char	   *file = csec_file_path(path, entry->d_name);

			trust_file(checkpoints, file, true);
			free(file);
			any = true;
		}
	if (errno != 0)
		csec_fail("could not read \"%s\": %s", path, strerror(errno));
	closedir(folder);
	if (!any)
		csec_fail("there is no file *.note in \"%s\"", path);
}

void
csec_trust_path(CsecCheckpoints *checkpoints, const char *path)
{
	if (csec_is_directory(path))
		trust_folder(checkpoints, path);
	else
		trust_file(checkpoints, path, false);
}
