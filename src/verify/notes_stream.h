/*
 * notes_stream.h
 *		The notes of a file of any length, in memory of one length.     [FE]
 */
#ifndef CSEC_VERIFY_NOTES_STREAM_H
#define CSEC_VERIFY_NOTES_STREAM_H

#include <stdio.h>

#include "verify/notes_file.h"

typedef struct CsecNotesStream
{
	FILE	   *file;
	const char *path;
	uint8_t    *buffer;
	CsecNotes	notes;			/* what of it is not taken yet */
} CsecNotesStream;

extern void csec_notes_stream_begin(CsecNotesStream *stream, FILE *file, const char *path);

/* False at the end; a note is good until the next. */
extern bool csec_notes_stream_next(CsecNotesStream *stream, CsecNote *note);

/* False where something malformed stands before the end of the file. */
extern bool csec_notes_stream_end(CsecNotesStream *stream);

#endif							/* CSEC_VERIFY_NOTES_STREAM_H */
