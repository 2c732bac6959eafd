/*
 * subjects.h
 *		A set of subject keys that grows row by row in bounded memory.
 */
#ifndef CSEC_CAPTURE_SUBJECTS_H
#define CSEC_CAPTURE_SUBJECTS_H

typedef struct CsecRange
{
	int64		low;
	int64		high;
} CsecRange;

/* 2 MB of ranges; what does not fit goes out as a record of its own. */
#define CSEC_RANGES_MAX (128 * 1024)

/* Texts of one record. */
#define CSEC_TEXTS_ROOM (48 * 1024)

typedef struct CsecSubjects
{
	bool		all;			/* every subject of the table */
	bool		integers;
	int			nranges;
	int			ranges_size;
	CsecRange  *ranges;			/* in the order of arrival until encoded */
	uint64		ntexts;
	size_t		texts_len;
	uint8	   *texts;			/* varint length and bytes, one after another */
	uint32	   *slots;			/* open addressing: offset + 1 into texts */
} CsecSubjects;

extern void csec_subjects_init(CsecSubjects *set, bool integers);
extern void csec_subjects_free(CsecSubjects *set);
extern void csec_subjects_reset(CsecSubjects *set);
extern bool csec_subjects_add_text(CsecSubjects *set, const char *text, size_t len);
extern bool csec_subjects_add_range(CsecSubjects *set, int64 key);
extern size_t csec_subjects_bound(const CsecSubjects *set);
extern void csec_subjects_sort(CsecSubjects *set);
extern size_t csec_subjects_encode(const CsecSubjects *set, int *from,
								   uint8 *out, size_t room);

/*
 * Add an integer key; false where the set is full and must be emitted first.
 * Rows mostly come in the order of their keys: that case costs two compares.
 */
static inline bool
csec_subjects_add_integer(CsecSubjects *set, int64 key)
{
	if (likely(set->nranges > 0))
	{
		CsecRange  *last = &set->ranges[set->nranges - 1];

		if (key >= last->low && key <= last->high)
			return true;
		if (key > last->high && key - 1 == last->high)
		{
			last->high = key;
			return true;
		}
	}
	return csec_subjects_add_range(set, key);
}

#endif							/* CSEC_CAPTURE_SUBJECTS_H */
