/*
 * vouchers.h
 *		What others say of the checkpoints.                             [FE]
 *
 * Witnesses sign that a checkpoint follows those that they saw before; an
 * authority stamps it with the time by its own clock (RFC 3161).  A checkpoint
 * stands for all before it, so one that is vouched for is enough for these.
 * Who is believed, says whoever verifies.
 */
#ifndef CSEC_VERIFY_VOUCHERS_H
#define CSEC_VERIFY_VOUCHERS_H

#include "audit/checkpoint.h"
#include "verify/finding.h"
#include "verify/key_list.h"
#include "verify/notes_file.h"

/* What the report says. */
typedef struct CsecVouched
{
	uint64_t	cosigned;		/* checkpoints that enough witnesses have signed */
	uint64_t	cosigned_size;	/* records under the last of them */
	uint64_t	cosigned_epoch; /* its number */
	uint64_t	stamped;		/* checkpoints that an authority given has stamped */
	uint64_t	stamped_size;
	int64_t		stamped_at;		/* when the last of them was: seconds since 1970 */
	uint64_t	foreign;		/* stamps of authorities that were not given */
} CsecVouched;

/* A checkpoint's own time and that of its stamp, in seconds since 1970. */
typedef struct CsecMoment
{
	uint64_t	epoch;
	int64_t		seq;			/* the first record under it */
	int64_t		time;
	int64_t		stamp;			/* INT64_MAX: none */
} CsecMoment;

typedef struct CsecVouchers
{
	CsecKeyList witness;		/* --witness */
	int			needed;			/* --witnesses: so many different ones; 0: all */
	char	   *certificates;	/* --tsa-ca: PEM, those of all files */
	size_t		certificates_len;
	int			within;			/* --stamped-within: seconds; 0: whenever */
	bool	   *has_signed;		/* this checkpoint: witness by witness */
	CsecMoment *moment;			/* where there are certificates */
	int			moments;
	int			capacity;
	int64_t		foreign_seq;
	CsecVouched vouched;
} CsecVouchers;

extern void csec_vouchers_free(CsecVouchers *vouchers);

/* The certificates in a file. */
extern void csec_vouchers_certify(CsecVouchers *vouchers, const char *path);

/* The next checkpoint; its first record is seq. */
extern void csec_vouchers_add(CsecVouchers *vouchers, const CsecCheckpoint *checkpoint,
							  const CsecNote *note, int64_t seq, CsecFinding *finding);

/* All are there: is what was asked for among them, and do times agree? */
extern void csec_vouchers_settle(CsecVouchers *vouchers, CsecFinding *finding);

#endif							/* CSEC_VERIFY_VOUCHERS_H */
