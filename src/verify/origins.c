/*
 * origins.c
 *		Names that checkpoints begin with; a copied trail has several.  [FE]
 */
#include "verify/origins.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verify/finding.h"

void
csec_origins_free(CsecOrigins *origins)
{
	free(origins->name);
	memset(origins, 0, sizeof(*origins));
}

/* Mostly it is the one that was added last. */
int
csec_origins_add(CsecOrigins *origins, const char *name)
{
	int			last = origins->count - 1;

	if (last >= 0 && !origins->in_order && strcmp(origins->name[last], name) == 0)
		return last;
	if (origins->count == origins->capacity)
	{
		origins->capacity = origins->capacity == 0 ? 4 : origins->capacity * 2;
		origins->name = csec_realloc(origins->name,
									 (size_t) origins->capacity * sizeof(*origins->name));
	}
	snprintf(origins->name[origins->count], sizeof(*origins->name), "%s", name);
	origins->in_order = false;
	return origins->count++;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

bool
csec_origins_have(CsecOrigins *origins, const char *name)
{
	if (origins->count == 0)
		return false;
	if (!origins->in_order)
		qsort(origins->name, (size_t) origins->count, sizeof(*origins->name), compare);
	origins->in_order = true;
	return bsearch(name, origins->name, (size_t) origins->count, sizeof(*origins->name),
				   compare) != NULL;
}
