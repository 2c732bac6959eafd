/*
 * notes_file.h
 *		Signed notes, one behind the other in a file.                   [FE]
 *
 * The files that an auditor keeps (--from) and the file "checkpoints" of a
 * bundle.  Before a note may stand the line "note BYTES", and before its
 * cosignatures the line "cosignatures BYTES", and before its time stamps
 * "timestamps BYTES"; of these each is preceded by its length (4 bytes, big
 * endian).  A file that begins otherwise is one bare note.
 */
#ifndef CSEC_VERIFY_NOTES_FILE_H
#define CSEC_VERIFY_NOTES_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CSEC_NOTE_MAX		65536
#define CSEC_STAMPS_MAX		(1024 * 1024)	/* of one note, with their lengths */

typedef struct CsecNotes
{
	const uint8_t *p;
	const uint8_t *end;
	bool		begun;
} CsecNotes;

typedef struct CsecNote
{
	const uint8_t *note;
	size_t		len;
	const uint8_t *cosignatures;
	size_t		cosignatures_len;
	const uint8_t *timestamps;
	size_t		timestamps_len;
} CsecNote;

extern void csec_notes_open(CsecNotes *notes, const uint8_t *bytes, size_t len);

/* False at the end; that it is the end, and nothing malformed, says p = end. */
extern bool csec_notes_next(CsecNotes *notes, CsecNote *note);

/* The time stamp at *p, which moves behind it; false where none is whole. */
extern bool csec_notes_stamp(const uint8_t **p, const uint8_t *end,
							 const uint8_t **token, size_t *len);

#endif							/* CSEC_VERIFY_NOTES_FILE_H */
