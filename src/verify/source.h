/*
 * source.h
 *		Where a trail is read from: a server, or a bundle.              [FE]
 *
 * A source gives the trail as units, stretches of consecutive records in
 * order.  A worker claims the next unit (one at a time, under the pool's
 * lock) and checks it by itself.
 */
#ifndef CSEC_VERIFY_SOURCE_H
#define CSEC_VERIFY_SOURCE_H

#include "verify/checkpoints.h"
#include "verify/piece.h"
#include "verify/trail.h"

typedef struct CsecSource CsecSource;

struct CsecSource
{
	const char *name;			/* for messages */
	const char *where;			/* of a server; NULL: evidence, whose name says so */
	bool		selected;		/* records of a selection, runs apart */
	CsecHead	head;
	uint64_t	system;
	uint32_t	database_id;
	const CsecAnchor *anchor;	/* with which it begins; NULL: with record 1 */
	const CsecStart *start;		/* ... or behind a checkpoint; settled() sets either */
	int64_t		total;			/* records to come, for the progress; 0: unknown */

	void	   *(*open_worker) (CsecSource *source);
	bool		(*claim) (CsecSource *source, void *worker);
	void		(*check) (CsecSource *source, void *worker, CsecPiece *piece);
	void		(*close_worker) (CsecSource *source, void *worker);

	/* The checkpoints of the trail, each to csec_checkpoints_add(). */
	void		(*checkpoints) (CsecSource *source, CsecCheckpoints *checkpoints);

	/* They are settled; a unit was joined.  Either may be NULL. */
	void		(*settled) (CsecSource *source, const CsecCheckpoints *checkpoints);
	void		(*joined) (CsecSource *source, CsecTrail *trail, const CsecPiece *piece);

	/* All units were joined: could all be read (may be NULL), and, once the end
	 * was looked at, what can be said only then. */
	void		(*read_all) (CsecSource *source, CsecTrail *trail);
	void		(*finish) (CsecSource *source, CsecTrail *trail);

	/* The hash of a record by its number; false where it is not there. */
	bool		(*hash_at) (CsecSource *source, int64_t seq, uint8_t *hash);
	void		(*close) (CsecSource *source);
};

typedef struct CsecPool
{
	int			jobs;
	void		(*progress) (int64_t done, int64_t total);
} CsecPool;

/* Check all units by so many workers, and join them in order. */
extern void csec_pool_run(const CsecPool *pool, CsecSource *source, CsecTrail *trail);

#endif							/* CSEC_VERIFY_SOURCE_H */
