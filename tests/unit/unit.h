/*-------------------------------------------------------------------------
 * unit.h
 *		A test programme in C that prints TAP.
 *
 * A test is a file <topic>_test.c with a main() that calls ok() and is() and
 * ends with "return unit_done();".  In its head comment stand two lines that
 * the Makefile reads:
 *
 *	sources: policy/mask.c util/x.c		what it tests, below src/
 *	libs: -lcrypto						what these need, if anything
 *
 * Random tests take their seed from unit_seed(), which prints it, and which
 * UNIT_SEED in the environment sets: a failure can be run again.
 *-------------------------------------------------------------------------
 */
#ifndef UNIT_H
#define UNIT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int	unit_count;
static int	unit_failed;

/* One test: is it true?  The name is a printf format. */
static inline bool
__attribute__((format(printf, 2, 3)))
ok(bool good, const char *fmt,...)
{
	va_list		args;

	printf("%sok %d - ", good ? "" : "not ", ++unit_count);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	if (!good)
		unit_failed++;
	return good;
}

/* One test: are two texts equal?  Says what they are where they are not. */
static inline bool
is(const char *got, const char *want, const char *name)
{
	bool		good = ok(strcmp(got, want) == 0, "%s", name);

	if (!good)
		printf("#   got:  %s\n#   want: %s\n", got, want);
	return good;
}

/* The plan, and the exit status of main(). */
static inline int
unit_done(void)
{
	printf("1..%d\n", unit_count);
	return unit_failed == 0 && unit_count > 0 ? 0 : 1;
}

/* splitmix64: small, good enough, the same everywhere. */
static uint64_t unit_state;

static inline uint64_t
unit_random(void)
{
	uint64_t	z = unit_state += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

/* 0 .. n - 1 */
static inline unsigned
unit_below(unsigned n)
{
	return (unsigned) ((unit_random() >> 32) * n >> 32);
}

/* Start the random numbers: from UNIT_SEED, else from the clock. */
static inline void
unit_seed(void)
{
	const char *seed = getenv("UNIT_SEED");

	unit_state = seed ? strtoull(seed, NULL, 0) : (uint64_t) time(NULL);
	printf("# UNIT_SEED=%llu\n", (unsigned long long) unit_state);
}

/*
 * unit_table
 *		Read the Markdown tables of a document: for each row whose first cell
 *		is `code` call row() with the contents of its `code` cells.  A cell
 *		that is not wholly `code` is passed as it stands.  Gives the rows.
 */
#define UNIT_MAX_CELLS 8

static inline int
unit_table(const char *path, void (*row) (int ncells, char **cells))
{
	char		line[4096];
	int			rows = 0;
	FILE	   *f = fopen(path, "r");

	if (f == NULL)
	{
		printf("# cannot open %s\n", path);
		return 0;
	}
	while (fgets(line, sizeof(line), f))
	{
		char	   *cells[UNIT_MAX_CELLS];
		char	   *start = line + 1;
		char	   *bar;
		int			n = 0;

		if (strncmp(line, "| `", 3) != 0)
			continue;
		while (n < UNIT_MAX_CELLS && (bar = strchr(start, '|')) != NULL)
		{
			char	   *end = bar;

			while (*start == ' ')
				start++;
			while (end > start && end[-1] == ' ')
				end--;
			if (end - start >= 2 && *start == '`' && end[-1] == '`')
			{
				start++;
				end--;
			}
			*end = '\0';
			cells[n++] = start;
			start = bar + 1;
		}
		row(n, cells);
		rows++;
	}
	fclose(f);
	return rows;
}

#endif							/* UNIT_H */
