/*
 * progress.c
 *		How far the work has come, on a terminal.                       [FE]
 */
#include "verify/progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BAR_WIDTH	30
#define INTERVAL	0.1			/* seconds between two looks */

static bool shown;
static double begun;
static double looked;
static const char *doing;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

void
csec_progress_begin(const char *what, bool wanted)
{
	shown = wanted && isatty(STDERR_FILENO);
	doing = what;
	begun = now();
	looked = 0;
}

void
csec_progress(int64_t done, int64_t total)
{
	char		bar[BAR_WIDTH + 1];
	double		at = shown ? now() : 0;
	double		share = total > 0 ? (double) done / (double) total : 0;
	int			filled = share >= 1 ? BAR_WIDTH : (int) (share * BAR_WIDTH);

	if (!shown || at - looked < INTERVAL)
		return;
	looked = at;
	memset(bar, '.', BAR_WIDTH);
	memset(bar, '#', (size_t) filled);
	bar[BAR_WIDTH] = '\0';
	fprintf(stderr, "\r%s [%s] %3.0f %%  %lld records, %.0f a second ", doing, bar,
			share * 100, (long long) done, (double) done / (at - begun + 0.001));
	fflush(stderr);
}

void
csec_progress_end(void)
{
	if (shown && looked > 0)
		fprintf(stderr, "\r%*s\r", 79, "");
	shown = false;
}
