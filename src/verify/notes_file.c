/*
 * notes_file.c
 *		Signed notes, one behind the other in a file.                   [FE]
 */
#include "verify/notes_file.h"

#include <string.h>

#include "util/bytes.h"

#define NOTE_LINE			"note "
#define COSIGNATURES_LINE	"cosignatures "
#define TIMESTAMPS_LINE		"timestamps "

void
csec_notes_open(CsecNotes *notes, const uint8_t *bytes, size_t len)
{
	notes->p = bytes;
	notes->end = bytes + len;
	notes->begun = false;
}

/*
 * Takes "LABEL BYTES" and so many bytes behind it.  False, and nothing taken,
 * where another line stands there.
 */
static bool
take(CsecNotes *notes, const char *label, size_t max, const uint8_t **bytes, size_t *len)
{
	size_t		label_len = strlen(label);
	const uint8_t *p = notes->p;
	size_t		n = 0;

	if ((size_t) (notes->end - p) <= label_len || memcmp(p, label, label_len) != 0)
		return false;
	p += label_len;
	if (*p < '1' || *p > '9')
		return false;
	for (; p < notes->end && *p >= '0' && *p <= '9'; p++)
	{
		n = n * 10 + (size_t) (*p - '0');
		if (n > max)
			return false;
	}
	if (p == notes->end || *p++ != '\n' || n > (size_t) (notes->end - p))
		return false;
	*bytes = p;
	*len = n;
	notes->p = p + n;
	return true;
}

bool
csec_notes_next(CsecNotes *notes, CsecNote *note)
{
	memset(note, 0, sizeof(*note));
	note->cosignatures = note->timestamps = notes->p;
	if (notes->p == notes->end)
		return false;
	if (!take(notes, NOTE_LINE, CSEC_NOTE_MAX, &note->note, &note->len))
	{
		/* one bare note, as a witness or a checkpoint_command has it */
		if (notes->begun || (size_t) (notes->end - notes->p) > CSEC_NOTE_MAX)
			return false;
		note->note = notes->p;
		note->len = (size_t) (notes->end - notes->p);
		notes->p = notes->end;
	}
	else
	{
		(void) take(notes, COSIGNATURES_LINE, CSEC_NOTE_MAX, &note->cosignatures,
					&note->cosignatures_len);
		(void) take(notes, TIMESTAMPS_LINE, CSEC_STAMPS_MAX, &note->timestamps,
					&note->timestamps_len);
	}
	notes->begun = true;
	return true;
}

bool
csec_notes_stamp(const uint8_t **p, const uint8_t *end, const uint8_t **token, size_t *len)
{
	if (end - *p < 4 || csec_get_u32(*p) > (size_t) (end - *p - 4))
		return false;
	*len = csec_get_u32(*p);
	*token = *p + 4;
	*p = *token + *len;
	return true;
}
