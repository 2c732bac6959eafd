/*
 * finding.c
 *		What csec_verify found wrong, and how it gives up.              [FE]
 */
#include "verify/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *progname = "csec_verify";

void
csec_find(CsecFinding *finding, const char *problem, int64_t seq,
		  const char *format,...)
{
	va_list		args;

	if (finding->problem != NULL)
		return;
	finding->problem = problem;
	finding->seq = seq;
	va_start(args, format);
	vsnprintf(finding->detail, sizeof(finding->detail), format, args);
	va_end(args);
}

void
csec_fail_as(const char *program)
{
	progname = program;
}

void
csec_fail(const char *format,...)
{
	va_list		args;

	fflush(stdout);
	fprintf(stderr, "%s: ", progname);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	/* not exit(): other threads may be at work with what it would tear down */
	fflush(stderr);
	_Exit(CSEC_EXIT_FAILED);
}

void *
csec_alloc(size_t size)
{
	void	   *p = calloc(1, size > 0 ? size : 1);

	if (p == NULL)
		csec_fail("out of memory");
	return p;
}

void *
csec_realloc(void *p, size_t size)
{
	p = realloc(p, size > 0 ? size : 1);
	if (p == NULL)
		csec_fail("out of memory");
	return p;
}

char *
csec_strdup(const char *text)
{
	size_t		size = strlen(text) + 1;

	return memcpy(csec_alloc(size), text, size);
}
