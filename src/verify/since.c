/*
 * since.c
 *		A look at the later part of a trail: where it may begin.        [FE]
 *
 * The tree over the records before is known by its peaks, and these are asked
 * of the server: they are in the proof that the last record is in the tree.
 * Nothing is believed: they must have the root that was signed.  Proofs of
 * consistency then say that all earlier checkpoints, those kept outside among
 * them, are over the beginning of the same tree.
 */
#include "postgres_fe.h"

#include "verify/since.h"

/* So many proofs are asked for at once. */
#define BATCH 1000

/* The hashes of a proof one behind the other. */
#define HASHES_OF(function) \
	"(SELECT coalesce(string_agg(h, ''::bytea ORDER BY o), ''::bytea) FROM unnest(" function ") WITH ORDINALITY u(h, o))"

/* A query whose failure says that the server's tree is damaged. */
static PGresult *
try_query(PGconn *conn, const char *sql, int nparams, const char *const *params)
{
	PGresult   *result;

	csec_run(conn, "SAVEPOINT proof");
	result = PQexecParams(conn, sql, nparams, NULL, params, NULL, NULL, 1);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
	{
		PQclear(result);
		result = NULL;
	}
	csec_run(conn, result == NULL ? "ROLLBACK TO SAVEPOINT proof" : "RELEASE SAVEPOINT proof");
	return result;
}

static bool
take_proof(const PGresult *result, int row, CsecProof *proof)
{
	int			len = PQgetlength(result, row, 0);

	if (PQgetisnull(result, row, 0) || len % CSEC_TREE_HASH != 0 ||
		len / CSEC_TREE_HASH > CSEC_PROOF_MAX)
		return false;
	proof->count = len / CSEC_TREE_HASH;
	memcpy(proof->hash, PQgetvalue(result, row, 0), (size_t) len);
	return true;
}

/* The tree over the first size records, of which the last has this hash. */
static bool
read_tree(PGconn *conn, uint64_t size, const uint8_t *head, CsecTreeRange *tree)
{
	char		number[32];
	const char *params[1] = {number};
	uint8_t		leaf[CSEC_TREE_HASH];
	CsecProof	proof;
	CsecTreePeaks peaks;
	PGresult   *result;
	bool		found;

	snprintf(number, sizeof(number), "%llu", (unsigned long long) size);
	result = try_query(conn, "SELECT " HASHES_OF("csec.inclusion_proof($1::int8, $1::int8)"), 1, params);
	found = result != NULL && PQntuples(result) == 1 && take_proof(result, 0, &proof);
	PQclear(result);
	if (!found)
		return false;
	if (!csec_tree_leaf(head, leaf))
		csec_fail("could not compute a hash");
	if (!csec_tree_proof_peaks(size, leaf, &proof, &peaks))
		return false;
	csec_range_peaks(tree, &peaks);
	memcpy(tree->last, head, CSEC_HASH_SIZE);
	return true;
}

/* ---- the checkpoints before it ---- */

/* Do all that were kept of a size lead to this tree? */
static bool
leads_to(const CsecCheckpoints *checkpoints, uint64_t size, const CsecProof *proof,
		 uint64_t to, const uint8_t *root)
{
	int			count;
	const CsecKept *kept = csec_checkpoints_of_size(checkpoints, size, &count);

	for (int i = 0; i < count; i++)
		if (!csec_tree_verify_consistency(size, to, kept[i].root, root, proof))
			return false;
	return true;
}

/* Numbers as an array's text. */
static char *
array_of(const uint64_t *number, int count)
{
	size_t		size = (size_t) count * 21 + 2;	/* a sign and at most 20 digits each */
	char	   *text = csec_alloc(size);
	size_t		len = 0;

	for (int i = 0; i < count; i++)
		len += (size_t) snprintf(text + len, size - len, "%c%llu", i == 0 ? '{' : ',',
								 (unsigned long long) number[i]);
	snprintf(text + len, size - len, "}");
	return text;
}

static bool
batch_leads_to(PGconn *conn, const CsecCheckpoints *checkpoints, const uint64_t *size,
			   int count, uint64_t to, const uint8_t *root)
{
	char		number[32];
	char	   *sizes = array_of(size, count);
	const char *params[2] = {sizes, number};
	PGresult   *result;
	bool		good;

	snprintf(number, sizeof(number), "%llu", (unsigned long long) to);
	result = try_query(conn,
					   "SELECT " HASHES_OF("csec.consistency_proof(s, $2::int8)")
					   " FROM unnest($1::int8[]) WITH ORDINALITY v(s, n) ORDER BY n",
					   2, params);
	good = result != NULL && PQntuples(result) == count;
	for (int i = 0; i < count && good; i++)
	{
		CsecProof	proof;

		good = take_proof(result, i, &proof) &&
			leads_to(checkpoints, size[i], &proof, to, root);
	}
	PQclear(result);
	free(sizes);
	return good;
}

/* The checkpoint sizes up to at_most: how many, as they are in order. */
static int
sizes_up_to(const CsecCheckpoints *checkpoints, int64_t at_most)
{
	int			count = 0;

	while (count < checkpoints->sizes &&
		   at_most > 0 && checkpoints->size[count] <= (uint64_t) at_most)
		count++;
	return count;
}

bool
csec_start_find(PGconn *conn, const CsecCheckpoints *checkpoints, int64_t at_most,
				CsecStart *start)
{
	const CsecKept *kept;
	uint8_t		root[CSEC_HASH_SIZE];
	int			last = sizes_up_to(checkpoints, at_most) - 1;
	int			count;

	/* checkpoints that do not hold together vouch for nothing */
	if (last < 0 || checkpoints->finding.problem != NULL || checkpoints->foreign.problem != NULL)
		return false;
	start->size = checkpoints->size[last];
	kept = csec_checkpoints_of_size(checkpoints, start->size, &count);
	start->epoch = kept->epoch;
	memcpy(start->head, kept->head, CSEC_HASH_SIZE);
	if (!read_tree(conn, start->size, start->head, &start->tree) ||
		!csec_checkpoints_fit(checkpoints, &start->tree, &kept) ||
		!csec_range_root(&start->tree, root))
		return false;
	for (int i = 0; i < last; i += BATCH)
		if (!batch_leads_to(conn, checkpoints, checkpoints->size + i,
							last - i < BATCH ? last - i : BATCH, start->size, root))
			return false;
	return true;
}
