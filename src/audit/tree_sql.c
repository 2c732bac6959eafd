/*
 * tree_sql.c
 *		SQL functions about the tree: roots, proofs, and their verification.
 *
 * Records are numbered from 1, leaves from 0.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "audit/tree_read.h"
#include "util/bytea.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_sql_tree_size);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_sql_tree_root);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_sql_inclusion_proof);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_sql_consistency_proof);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_sql_verify_inclusion);
PGDLLEXPORT PG_FUNCTION_INFO_V1(csec_sql_verify_consistency);

/* The tree, if it has so many records. */
static CsecTree *
open_tree(int64 size)
{
	uint64		sealed = csec_tree_sealed(GetActiveSnapshot());

	if (size < 0 || (uint64) size > sealed)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the tree has " UINT64_FORMAT " records", sealed),
				 errhint("csec.flush_audit() waits until all that happened so far is sealed.")));
	return csec_tree_open(GetActiveSnapshot(), AccessShareLock);
}

static void
require(bool good)
{
	if (!good)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the tree over the trail's records is damaged"),
				 errhint("csec.verify_trail() names what is wrong.")));
}

static Datum
proof_value(const CsecProof *proof)
{
	Datum		values[CSEC_PROOF_MAX];

	for (int i = 0; i < proof->count; i++)
		values[i] = PointerGetDatum(csec_bytea(proof->hash[i], CSEC_TREE_HASH));
	return PointerGetDatum(construct_array(values, proof->count, BYTEAOID, -1, false,
										   TYPALIGN_INT));
}

/* 32 bytes, or what was given is no hash. */
static bool
get_hash(Datum value, uint8 *hash)
{
	bytea	   *bytes = DatumGetByteaPP(value);

	if (VARSIZE_ANY_EXHDR(bytes) != CSEC_TREE_HASH)
		return false;
	memcpy(hash, VARDATA_ANY(bytes), CSEC_TREE_HASH);
	return true;
}

static bool
get_proof(ArrayType *array, CsecProof *proof)
{
	Datum	   *values;
	bool	   *nulls;
	int			n;

	deconstruct_array(array, BYTEAOID, -1, false, TYPALIGN_INT, &values, &nulls, &n);
	if (n > CSEC_PROOF_MAX)
		return false;
	proof->count = n;
	for (int i = 0; i < n; i++)
		if (nulls[i] || !get_hash(values[i], proof->hash[i]))
			return false;
	return true;
}

/* csec.tree_size() returns bigint */
Datum
csec_sql_tree_size(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64((int64) csec_tree_sealed(GetActiveSnapshot()));
}

/* csec.tree_root(size bigint) returns bytea */
Datum
csec_sql_tree_root(PG_FUNCTION_ARGS)
{
	int64		size = PG_GETARG_INT64(0);
	CsecTree   *tree = open_tree(size);
	uint8		root[CSEC_TREE_HASH];

	require(csec_tree_root((uint64) size, csec_tree_source, tree, root));
	csec_tree_close(tree);
	PG_RETURN_DATUM(PointerGetDatum(csec_bytea(root, CSEC_TREE_HASH)));
}

/* csec.inclusion_proof(seq bigint, size bigint) returns bytea[] */
Datum
csec_sql_inclusion_proof(PG_FUNCTION_ARGS)
{
	int64		seq = PG_GETARG_INT64(0);
	int64		size = PG_GETARG_INT64(1);
	CsecTree   *tree = open_tree(size);
	CsecProof	proof;

	if (seq < 1 || seq > size)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("record " INT64_FORMAT " is not among the first " INT64_FORMAT, seq, size)));
	require(csec_tree_inclusion((uint64) seq - 1, (uint64) size, csec_tree_source, tree, &proof));
	csec_tree_close(tree);
	PG_RETURN_DATUM(proof_value(&proof));
}

/* csec.consistency_proof(old_size bigint, size bigint) returns bytea[] */
Datum
csec_sql_consistency_proof(PG_FUNCTION_ARGS)
{
	int64		old_size = PG_GETARG_INT64(0);
	int64		size = PG_GETARG_INT64(1);
	CsecTree   *tree = open_tree(size);
	CsecProof	proof;

	if (old_size < 0 || old_size > size)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the earlier tree has not more records than the later one")));
	require(csec_tree_consistency((uint64) old_size, (uint64) size, csec_tree_source, tree, &proof));
	csec_tree_close(tree);
	PG_RETURN_DATUM(proof_value(&proof));
}

/*
 * csec.verify_inclusion(seq bigint, size bigint, record_hash bytea,
 *		proof bytea[], root bytea) returns boolean
 */
Datum
csec_sql_verify_inclusion(PG_FUNCTION_ARGS)
{
	int64		seq = PG_GETARG_INT64(0);
	int64		size = PG_GETARG_INT64(1);
	uint8		record[CSEC_TREE_HASH];
	uint8		leaf[CSEC_TREE_HASH];
	uint8		root[CSEC_TREE_HASH];
	CsecProof	proof;

	PG_RETURN_BOOL(seq >= 1 && size >= 1 &&
				   get_hash(PG_GETARG_DATUM(2), record) &&
				   get_proof(PG_GETARG_ARRAYTYPE_P(3), &proof) &&
				   get_hash(PG_GETARG_DATUM(4), root) &&
				   csec_tree_leaf(record, leaf) &&
				   csec_tree_verify_inclusion((uint64) seq - 1, (uint64) size, leaf, &proof, root));
}

/*
 * csec.verify_consistency(old_size bigint, size bigint, old_root bytea,
 *		root bytea, proof bytea[]) returns boolean
 */
Datum
csec_sql_verify_consistency(PG_FUNCTION_ARGS)
{
	int64		old_size = PG_GETARG_INT64(0);
	int64		size = PG_GETARG_INT64(1);
	uint8		old_root[CSEC_TREE_HASH];
	uint8		root[CSEC_TREE_HASH];
	CsecProof	proof;

	PG_RETURN_BOOL(old_size >= 0 && size >= 0 &&
				   get_hash(PG_GETARG_DATUM(2), old_root) &&
				   get_hash(PG_GETARG_DATUM(3), root) &&
				   get_proof(PG_GETARG_ARRAYTYPE_P(4), &proof) &&
				   csec_tree_verify_consistency((uint64) old_size, (uint64) size, old_root, root, &proof));
}
