/*
 * cut_check.h
 *		Was a cut ordered, approved, and is it the one that is seen?    [FE]
 */
#ifndef CSEC_AUDIT_CUT_CHECK_H
#define CSEC_AUDIT_CUT_CHECK_H

#include "audit/cut.h"

#define CSEC_CUT_STEPS	16		/* of the workflow, that are remembered */
#define CSEC_CUT_LOGIN	64
#define CSEC_CUT_DETAIL	256

/* Somebody's step: a proposal or an approval. */
typedef struct CsecCutStep
{
	bool		approved;
	uint64_t	order;
	uint32_t	login_len;
	uint8_t		login[CSEC_CUT_LOGIN];
	uint8_t		anchor[CSEC_HASH_SIZE]; /* SHA-256, of what was approved */
} CsecCutStep;

typedef struct CsecCutCheck
{
	bool		anchored;		/* the look begins where a cut ended */
	bool		met;			/* ... and the record of that cut came by */
	uint64_t	last;			/* record that left last */
	uint8_t		anchor[CSEC_HASH_SIZE];
	bool		begun;
	int64_t		began_at;		/* when the first record seen was sealed */
	int			steps;			/* so many came; the last ones are kept */
	CsecCutStep step[CSEC_CUT_STEPS];
	char		detail[CSEC_CUT_DETAIL];
} CsecCutCheck;

/* The anchor from which the look begins; or none, with len 0. */
extern bool csec_cut_check_begin(CsecCutCheck *check, const uint8_t *anchor, size_t len);

/*
 * The next record, in order.  Gives the name of what is wrong, and says more in
 * detail; NULL: nothing.
 */
extern const char *csec_cut_check_record(CsecCutCheck *check, const CsecHeader *header,
										 const CsecBody *body);

/* Is it a record that csec_cut_check_record() must see? */
extern bool csec_cut_concerns(const CsecBody *body);

#endif							/* CSEC_AUDIT_CUT_CHECK_H */
