/*
 * proofs_file.h
 *		The file "proofs" of a bundle.                                  [FE]
 *
 * A first line "csec proofs 1", a second "tree SIZE".  Then for each smaller
 * tree that a checkpoint signs, in order, a line: "from", its size, and the
 * hashes of the proof that the tree goes on from it (consistency); and for each
 * run a line: the number of its last record, and the hashes of the proof that
 * it is in the tree (inclusion).  Hashes in hex, a blank before each.
 */
#ifndef CSEC_VERIFY_PROOFS_FILE_H
#define CSEC_VERIFY_PROOFS_FILE_H

#include "audit/merkle.h"

#define CSEC_PROOF_LINE (20 + CSEC_PROOF_MAX * (1 + 2 * CSEC_TREE_HASH) + 2)

/* A line without its line feed; false where it is malformed. */
extern bool csec_tree_line_get(const char *line, size_t len, uint64_t *size);
extern bool csec_proof_line_get(const char *line, size_t len, uint64_t *seq,
								CsecProof *proof);

/* Writes a line with its line feed; gives its size. */
extern size_t csec_proof_line_put(char *out, uint64_t seq, const CsecProof *proof);

#define CSEC_PROOFS_FIRST_LINE "csec proofs 1"
#define CSEC_PROOFS_FROM "from "

#endif							/* CSEC_VERIFY_PROOFS_FILE_H */
