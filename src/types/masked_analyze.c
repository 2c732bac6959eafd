/*
 * masked_analyze.c
 *		Statistics of csec.masked and csec.encrypted that hold no values.
 *
 * Most common values and histograms would put names and numbers into
 * pg_statistic, and their frequencies into EXPLAIN's estimates.  Kept are the
 * fraction of nulls, the number of distinct values, and a width rounded to a
 * multiple of 16 bytes.  Domains over csec.masked inherit this.
 */
#include "postgres.h"

#include <math.h>

#include "commands/vacuum.h"

#include "types/encrypted_value.h"
#include "util/pgcompat.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_masked_typanalyze);

#define WIDTH_STEP 16

static int
compare_tags(const void *a, const void *b)
{
	uint32		x = *(const uint32 *) a;
	uint32		y = *(const uint32 *) b;

	return (x > y) - (x < y);
}

/*
 * The estimator of Haas and Stokes, as PostgreSQL's own statistics use it:
 * n*d / (n - f1 + f1*n/N), with n values sampled of N, d distinct ones among
 * them, f1 of which were met once.  Negative results are a fraction of rows.
 */
static double
estimate_distinct(uint32 *tags, int n, double nullfrac, double totalrows)
{
	int			d = 0;
	int			f1 = 0;
	double		present = totalrows * (1.0 - nullfrac);
	double		estimate;

	qsort(tags, n, sizeof(uint32), compare_tags);
	for (int i = 0, run; i < n; i += run)
	{
		for (run = 1; i + run < n && tags[i + run] == tags[i]; run++)
			;
		d++;
		f1 += run == 1;
	}
	if (f1 == d && d == n)
		return -1.0 * (1.0 - nullfrac);
	if (f1 == 0)
		estimate = d;
	else
		estimate = (double) n * d / ((n - f1) + f1 * (double) n / present);
	estimate = floor(Max(Min(estimate, present), d) + 0.5);
	if (estimate > 0.1 * totalrows)
		return -(estimate / totalrows);
	return estimate;
}

static void
compute_stats(VacAttrStats *stats, AnalyzeAttrFetchFunc fetch,
			  int samplerows, double totalrows)
{
	uint32	   *tags = palloc(Max(samplerows, 1) * sizeof(uint32));
	int			n = 0;
	double		width = 0;

	for (int i = 0; i < samplerows; i++)
	{
		bool		isnull;
		Datum		datum = fetch(stats, i, &isnull);
		struct varlena *value;
		CsecMasked	masked;

		csec_analyze_delay_point();
		if (isnull)
			continue;
		width += VARSIZE_ANY(DatumGetPointer(datum));
		value = PG_DETOAST_DATUM_PACKED(datum);
		csec_value_read(value, &masked);
		tags[n++] = masked.tag;
		if ((Pointer) value != DatumGetPointer(datum))
			pfree(value);
	}
	stats->stats_valid = samplerows > 0;
	if (samplerows <= 0)
		return;
	stats->stanullfrac = (double) (samplerows - n) / samplerows;
	if (n > 0)
	{
		stats->stawidth = (int32) (ceil(width / n / WIDTH_STEP) * WIDTH_STEP);
		stats->stadistinct = estimate_distinct(tags, n, stats->stanullfrac, totalrows);
	}
	pfree(tags);
}

/* csec.masked_typanalyze(internal) returns boolean */
Datum
csec_masked_typanalyze(PG_FUNCTION_ARGS)
{
	VacAttrStats *stats = (VacAttrStats *) PG_GETARG_POINTER(0);

	if (csec_stats_target(stats) < 0)
		csec_stats_target(stats) = default_statistics_target;
	stats->compute_stats = compute_stats;
	stats->minrows = 300 * csec_stats_target(stats);
	PG_RETURN_BOOL(true);
}
