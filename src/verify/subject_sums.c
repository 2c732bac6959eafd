/*
 * subject_sums.c
 *		Has csec_trail.audit_subject the rows that the records demand?  [FE]
 */
#include "postgres_fe.h"

#include <openssl/rand.h>

#include "common/hashfn.h"

#include "verify/finding.h"
#include "verify/subject_sums.h"

/* The digest of a row: no padding between these. */
typedef struct RowImage
{
	int64_t		subject;
	int64_t		seq;
	int64_t		at;
	uint64_t	relid;
} RowImage;

void
csec_sums_begin(CsecSubjectSums *sums, int64_t from, int64_t to)
{
	memset(sums, 0, sizeof(*sums));
	sums->from = from;
	sums->to = to > from ? to : from;
	sums->width = ((uint64_t) sums->to - (uint64_t) from) / CSEC_SUM_BUCKETS + 1;
	/* unforeseeable, so that nobody can choose rows that sum up to nothing */
	if (RAND_bytes((unsigned char *) &sums->seed, sizeof(sums->seed)) != 1)
		csec_fail("could not generate a random key");
}

void
csec_sums_fork(CsecSubjectSums *sums, const CsecSubjectSums *of)
{
	*sums = *of;
	memset(sums->sum, 0, sizeof(sums->sum));
}

void
csec_sums_join(CsecSubjectSums *sums, const CsecSubjectSums *other)
{
	for (int i = 0; i < CSEC_SUM_BUCKETS; i++)
		sums->sum[i] += other->sum[i];
}

static uint64_t
digest_of(const CsecSubjectSums *sums, int64_t subject, int64_t seq, int64_t at,
		  uint32_t relid)
{
	RowImage	image = {subject, seq, at, relid};

	return hash_bytes_extended((unsigned char *) &image, sizeof(image), sums->seed);
}

static uint64_t *
bucket_of(CsecSubjectSums *sums, int64_t seq)
{
	if (seq < sums->from || seq > sums->to)
		return NULL;
	return &sums->sum[((uint64_t) seq - (uint64_t) sums->from) / sums->width];
}

void
csec_sums_expect(CsecSubjectSums *sums, int64_t seq, int64_t at,
				 const CsecColumns *columns)
{
	uint64_t   *bucket = bucket_of(sums, seq);

	if (bucket == NULL || columns->shape != CSEC_SHAPE_FEW)
		return;
	for (int i = 0; i < columns->count; i++)
		*bucket += digest_of(sums, columns->key[i], seq, at, columns->relid);
}

void
csec_sums_found(CsecSubjectSums *sums, int64_t subject, int64_t seq, int64_t at,
				uint32_t relid)
{
	uint64_t   *bucket = bucket_of(sums, seq);

	if (bucket != NULL)
		*bucket -= digest_of(sums, subject, seq, at, relid);
}

bool
csec_sums_differ(const CsecSubjectSums *sums, int64_t *first, int64_t *last)
{
	for (int i = 0; i < CSEC_SUM_BUCKETS; i++)
		if (sums->sum[i] != 0)
		{
			*first = sums->from + (int64_t) (i * sums->width);
			*last = *first + (int64_t) (sums->width - 1);
			if (*last > sums->to)
				*last = sums->to;
			return true;
		}
	return false;
}
