/*
 * checkpoints.h
 *		The checkpoints of a trail, and those that the auditor kept.    [FE]
 *
 * Three things are asked of a checkpoint: is it signed, by the key that the
 * one before named; does it follow the one before (epoch, digest, size,
 * time); and is its root that of the records.  The first two are seen here,
 * the third where the tree over the records is computed.
 */
#ifndef CSEC_VERIFY_CHECKPOINTS_H
#define CSEC_VERIFY_CHECKPOINTS_H

#include "audit/checkpoint.h"
#include "verify/chain_keys.h"
#include "verify/finding.h"
#include "verify/key_list.h"
#include "verify/notes_file.h"
#include "verify/origins.h"
#include "verify/piece.h"
#include "verify/vouchers.h"

/* What is kept of a checkpoint: there may be one for each minute of years. */
typedef struct CsecKept
{
	uint64_t	size;
	uint64_t	epoch;
	uint8_t		root[CSEC_TREE_HASH];
	uint8_t		head[CSEC_TREE_HASH];
	uint8_t		digest[CSEC_TREE_HASH]; /* of the text */
	int			origin;			/* of one that was given: which */
	bool		trusted;		/* given by who verifies */
	bool		sorted_out;		/* ... with others, and may be of another trail */
} CsecKept;

typedef struct CsecCheckpoints
{
	CsecKept   *kept;			/* by size, once settled */
	int			count;
	int			capacity;
	uint64_t   *size;			/* the marks: sizes above 0, each once */
	int			sizes;
	CsecKeyList key;			/* --key: that signed the first checkpoint */
	CsecChains	chains;			/* how each chain of keys begins */
	CsecVouchers vouchers;
	uint8_t		last_digest[CSEC_TREE_HASH];	/* of the note added last */
	CsecCheckpoint last;
	bool		any;			/* a checkpoint of the trail was added */
	uint64_t	stored;			/* checkpoints of the trail */
	int			trusted;
	uint64_t	vouched;		/* epoch of the last one that was kept, or that witnesses signed */
	const CsecChain *loose;		/* the first chain of keys behind it that was not given */
	char		name[CSEC_KEY_NAME_SIZE];	/* of the trail's origin */
	CsecOrigins own;			/* the trail's, now and before it was copied */
	CsecOrigins given;			/* those of what was kept */
	CsecFinding foreign;		/* what was kept is of another trail */
	CsecFinding finding;
} CsecCheckpoints;

/* Of the trail of this database. */
extern void csec_checkpoints_init(CsecCheckpoints *checkpoints, uint64_t system,
								  uint32_t database_id);
extern void csec_checkpoints_free(CsecCheckpoints *checkpoints);

/*
 * A note that the auditor kept, perhaps among those of other trails; false where it is
 * none.  All of them come before those of the trail.
 */
extern bool csec_checkpoints_trust(CsecCheckpoints *checkpoints,
								   const uint8_t *note, size_t len, bool among_others);

/* The next note of the trail, in the order of epochs, and who vouches for it. */
extern void csec_checkpoints_add(CsecCheckpoints *checkpoints, const CsecNote *note);

/* All are there: what of the trusted ones is not among them? */
extern void csec_checkpoints_settle(CsecCheckpoints *checkpoints);

extern CsecMarks csec_checkpoints_marks(const CsecCheckpoints *checkpoints);

/* Those of a size: the first, and how many. */
extern const CsecKept *csec_checkpoints_of_size(const CsecCheckpoints *checkpoints,
												uint64_t size, int *count);

/* Does the tree have the root that the checkpoints of its size tell? */
extern bool csec_checkpoints_fit(const CsecCheckpoints *checkpoints,
								 const CsecTreeRange *tree, const CsecKept **which);

#endif							/* CSEC_VERIFY_CHECKPOINTS_H */
