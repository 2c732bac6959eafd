/*
 * notes_stream.c
 *		The notes of a file of any length, in memory of one length.     [FE]
 */
#include "verify/notes_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "verify/finding.h"

/* One note with all that can stand behind it, twice. */
#define ENTRY_MAX	(2 * CSEC_NOTE_MAX + CSEC_STAMPS_MAX + 256)
#define ROOM		(2 * (size_t) ENTRY_MAX)

/* Whatever is there, so that a whole entry is, if the file has one. */
static void
fill(CsecNotesStream *stream)
{
	CsecNotes  *notes = &stream->notes;
	size_t		rest = (size_t) (notes->end - notes->p);

	if (rest >= ENTRY_MAX || feof(stream->file))
		return;
	memmove(stream->buffer, notes->p, rest);
	notes->p = stream->buffer;
	notes->end = stream->buffer + rest +
		fread(stream->buffer + rest, 1, ROOM - rest, stream->file);
	if (ferror(stream->file))
		csec_fail("could not read \"%s\": %s", stream->path, strerror(errno));
}

void
csec_notes_stream_begin(CsecNotesStream *stream, FILE *file, const char *path)
{
	stream->file = file;
	stream->path = path;
	stream->buffer = csec_alloc(ROOM);
	csec_notes_open(&stream->notes, stream->buffer, 0);
}

bool
csec_notes_stream_next(CsecNotesStream *stream, CsecNote *note)
{
	fill(stream);
	return csec_notes_next(&stream->notes, note);
}

bool
csec_notes_stream_end(CsecNotesStream *stream)
{
	bool		whole = stream->notes.p == stream->notes.end && feof(stream->file);

	free(stream->buffer);
	stream->buffer = NULL;
	return whole;
}
