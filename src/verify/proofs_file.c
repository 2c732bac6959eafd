/*
 * proofs_file.c
 *		The file "proofs" of a bundle.                                  [FE]
 */
#include "verify/proofs_file.h"

#include <stdio.h>
#include <string.h>

#include "util/hex.h"
#include "verify/bundle_format.h"

#define TREE_LINE "tree "

/* A number without leading zeros; gives what it ends before, or NULL. */
static const char *
take_number(const char *p, const char *end, uint64_t *v)
{
	const char *start = p;

	*v = 0;
	for (; p < end && *p >= '0' && *p <= '9'; p++)
	{
		if (*v > (INT64_MAX - 9) / 10)
			return NULL;
		*v = *v * 10 + (uint64_t) (*p - '0');
	}
	if (p == start || (*start == '0' && p - start > 1))
		return NULL;
	return p;
}

bool
csec_tree_line_get(const char *line, size_t len, uint64_t *size)
{
	const char *end = line + len;

	return len > strlen(TREE_LINE) && memcmp(line, TREE_LINE, strlen(TREE_LINE)) == 0 &&
		take_number(line + strlen(TREE_LINE), end, size) == end;
}

bool
csec_proof_line_get(const char *line, size_t len, uint64_t *seq, CsecProof *proof)
{
	const char *end = line + len;
	const char *p = take_number(line, end, seq);

	proof->count = 0;
	while (p != NULL && p < end)
	{
		if (proof->count == CSEC_PROOF_MAX || end - p < 1 + 2 * CSEC_TREE_HASH ||
			*p != ' ' ||
			!csec_hex_get(p + 1, 2 * CSEC_TREE_HASH, proof->hash[proof->count],
						  CSEC_TREE_HASH))
			return false;
		proof->count++;
		p += 1 + 2 * CSEC_TREE_HASH;
	}
	return p != NULL;
}

size_t
csec_proof_line_put(char *out, uint64_t seq, const CsecProof *proof)
{
	size_t		n = (size_t) snprintf(out, 24, "%llu", (unsigned long long) seq);

	for (int i = 0; i < proof->count; i++)
	{
		out[n++] = ' ';
		csec_hex_put(out + n, proof->hash[i], CSEC_TREE_HASH);
		n += 2 * CSEC_TREE_HASH;
	}
	out[n++] = '\n';
	return n;
}
