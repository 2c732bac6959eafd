/*
 * pool.c
 *		Units of a trail, checked side by side and joined in order.     [FE]
 *
 * There are two pieces for each worker.  A worker claims the next unit when
 * its piece is free, so what waits to be joined is bounded, and so is memory.
 */
#include "crypto/hash.h"
#include "verify/source.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct Pool
{
	CsecSource *source;
	CsecPiece  *piece;			/* unit n is checked in piece n % pieces */
	bool	   *done;
	int			pieces;
	int64_t		claimed;		/* units */
	int64_t		joined;
	bool		ended;			/* there are no more to claim */
	pthread_mutex_t lock;
	pthread_cond_t changed;
} Pool;

static bool
claim(Pool *pool, void *worker, int64_t *unit)
{
	bool		got;

	pthread_mutex_lock(&pool->lock);
	while (!pool->ended && pool->claimed >= pool->joined + pool->pieces)
		pthread_cond_wait(&pool->changed, &pool->lock);
	got = !pool->ended && pool->source->claim(pool->source, worker);
	if (got)
		*unit = pool->claimed++;
	else
		pool->ended = true;
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
	return got;
}

static void *
work(void *arg)
{
	Pool	   *pool = arg;
	void	   *worker;
	int64_t		unit;

	worker = pool->source->open_worker(pool->source);
	while (claim(pool, worker, &unit))
	{
		int			at = (int) (unit % pool->pieces);

		pool->source->check(pool->source, worker, &pool->piece[at]);
		pthread_mutex_lock(&pool->lock);
		pool->done[at] = true;
		pthread_cond_broadcast(&pool->changed);
		pthread_mutex_unlock(&pool->lock);
	}
	pool->source->close_worker(pool->source, worker);
	csec_sha256_release();
	return NULL;
}

/* Waits for the next unit in order; NULL at the end. */
static CsecPiece *
next_done(Pool *pool)
{
	int			at = (int) (pool->joined % pool->pieces);
	bool		done;

	pthread_mutex_lock(&pool->lock);
	while (!pool->done[at] && !(pool->ended && pool->joined >= pool->claimed))
		pthread_cond_wait(&pool->changed, &pool->lock);
	done = pool->done[at];
	pthread_mutex_unlock(&pool->lock);
	return done ? &pool->piece[at] : NULL;
}

static void
give_back(Pool *pool, bool stop)
{
	pthread_mutex_lock(&pool->lock);
	pool->done[pool->joined % pool->pieces] = false;
	pool->joined++;
	if (stop)
		pool->ended = true;
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
}

void
csec_pool_run(const CsecPool *settings, CsecSource *source, CsecTrail *trail)
{
	Pool		pool = {.source = source, .pieces = 2 * settings->jobs};
	pthread_t  *thread = csec_alloc((size_t) settings->jobs * sizeof(pthread_t));
	CsecPiece  *piece;

	pthread_mutex_init(&pool.lock, NULL);
	pthread_cond_init(&pool.changed, NULL);
	pool.piece = csec_alloc((size_t) pool.pieces * sizeof(CsecPiece));
	pool.done = csec_alloc((size_t) pool.pieces * sizeof(bool));
	for (int i = 0; i < pool.pieces; i++)
	{
		csec_piece_init(&pool.piece[i]);
		pool.piece[i].marks = csec_checkpoints_marks(trail->checkpoints);
		pool.piece[i].with_tree = trail->with_tree && pool.piece[i].marks.count > 0;
	}
	for (int i = 0; i < settings->jobs; i++)
		if (pthread_create(&thread[i], NULL, work, &pool) != 0)
			csec_fail("could not start a thread");
	while ((piece = next_done(&pool)) != NULL)
	{
		csec_trail_join(trail, piece);
		if (source->joined != NULL)
			source->joined(source, trail, piece);
		if (settings->progress != NULL)
			settings->progress((int64_t) trail->records, source->total);
		give_back(&pool, trail->finding.problem != NULL);
	}
	for (int i = 0; i < settings->jobs; i++)
		pthread_join(thread[i], NULL);
	for (int i = 0; i < pool.pieces; i++)
		csec_piece_free(&pool.piece[i]);
	free(pool.piece);
	free(pool.done);
	free(thread);
	pthread_cond_destroy(&pool.changed);
	pthread_mutex_destroy(&pool.lock);
}
