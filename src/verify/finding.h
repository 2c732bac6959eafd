/*
 * finding.h
 *		What csec_verify found wrong, and how it gives up.              [FE]
 *
 * A finding is tampering: it names a kind and the first record it concerns.
 * What keeps the program from verifying at all (no connection, a file that is
 * no evidence) is a failure and ends it at once.
 */
#ifndef CSEC_VERIFY_FINDING_H
#define CSEC_VERIFY_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes of csec_verify; csec_export uses the first and the last. */
#define CSEC_EXIT_VERIFIED	0
#define CSEC_EXIT_TAMPERED	1
#define CSEC_EXIT_FAILED	2

typedef struct CsecFinding
{
	const char *problem;		/* NULL: nothing was found */
	int64_t		seq;			/* the first record it concerns */
	char		detail[512];
} CsecFinding;

/* Put down a finding; the first that is put down stands. */
extern void csec_find(CsecFinding *finding, const char *problem, int64_t seq,
					  const char *format,...)
			__attribute__((format(printf, 4, 5)));

/* Say why there can be no verdict, on stderr, and exit with CSEC_EXIT_FAILED. */
extern void csec_fail(const char *format,...)
			__attribute__((format(printf, 1, 2), noreturn));

/* The name that failures begin with. */
extern void csec_fail_as(const char *program);

/* Memory, or the end of the program. */
extern void *csec_alloc(size_t size);
extern void *csec_realloc(void *p, size_t size);
extern char *csec_strdup(const char *text);

#endif							/* CSEC_VERIFY_FINDING_H */
