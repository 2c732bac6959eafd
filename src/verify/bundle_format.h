/*
 * bundle_format.h
 *		The bytes of an evidence bundle.                                [FE]
 *
 * A bundle is a folder of five files; docs/evidence-bundle.md describes them
 * to the byte.  What is read here may come from anybody: every length is
 * checked before it is believed, and there is one way to write everything.
 *
 * records: runs of consecutive records, ascending.  A run is
 *	 0	4	"CSR1"
 *	 4	u64 number of its first record
 *	12	u32 count of records, at least 1
 *	16	u32 bytes of the entries, at most CSEC_RUN_MAX
 *	20	32	hash of the record before the first
 *	52		entries: u32 length, the record, its hash (32)
 */
#ifndef CSEC_VERIFY_BUNDLE_FORMAT_H
#define CSEC_VERIFY_BUNDLE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/record.h"

#define CSEC_RUN_HEADER_SIZE	52
#define CSEC_RUN_RECORDS		65536	/* a writer begins a new run after so many */
#define CSEC_RUN_TARGET			(4 * 1024 * 1024)	/* or so many bytes */
#define CSEC_RECORD_MAX			(CSEC_HEADER_SIZE + CSEC_BODY_MAX)
#define CSEC_RUN_MAX			(CSEC_RUN_TARGET + CSEC_RECORD_MAX + 36)
#define CSEC_ENTRY_MIN			(4 + CSEC_HASH_SIZE)

#define CSEC_MANIFEST_MAX		65536
#define CSEC_MANIFEST_TEXT		1024	/* of one value */

typedef struct CsecRun
{
	uint64_t	first;
	uint32_t	count;
	uint32_t	bytes;
	uint8_t		before[CSEC_HASH_SIZE];
} CsecRun;

/* Entries of a run that is in memory. */
typedef struct CsecRunReader
{
	const uint8_t *p;
	const uint8_t *end;
	uint32_t	left;
} CsecRunReader;

extern void csec_run_put(uint8_t *out, const CsecRun *run);
extern bool csec_run_get(const uint8_t *in, CsecRun *run);
extern void csec_run_open(CsecRunReader *reader, const CsecRun *run,
						  const uint8_t *entries);

/* False at the end, which is sound where left = 0 and p = end. */
extern bool csec_run_next(CsecRunReader *reader, const uint8_t **record,
						  uint32_t *len, const uint8_t **hash);

/* What the file MANIFEST says, line by line. */
typedef struct CsecManifest
{
	uint64_t	system;
	uint32_t	database_id;
	char		database[CSEC_MANIFEST_TEXT];
	char		exported_by[CSEC_MANIFEST_TEXT];
	char		exported_at[CSEC_MANIFEST_TEXT];
	char		exported_with[CSEC_MANIFEST_TEXT];
	char		server[CSEC_MANIFEST_TEXT];
	char		reason[CSEC_MANIFEST_TEXT];
	char		selection[CSEC_MANIFEST_TEXT];	/* "all", "part ..." or more */
	uint64_t	trail_seq;		/* the head when it was exported */
	uint8_t		trail_hash[CSEC_HASH_SIZE];
	uint64_t	records;
	uint64_t	runs;
	uint8_t		runs_digest[CSEC_HASH_SIZE];
	uint8_t		checkpoints[CSEC_HASH_SIZE];	/* SHA-256 of the files */
	uint8_t		proofs[CSEC_HASH_SIZE];
	uint8_t		keys[CSEC_HASH_SIZE];
} CsecManifest;

/* Bytes written, or 0 where a value does not fit. */
extern size_t csec_manifest_put(char *out, size_t size,
								const CsecManifest *manifest);

/* NULL, or what is wrong. */
extern const char *csec_manifest_get(const char *in, size_t len,
									 CsecManifest *manifest);

/*
 * The digest over all runs: for each number of the first record (u64), count
 * (u32), hash before and hash of the last record.
 */
#define CSEC_RUN_DIGEST_SIZE (8 + 4 + 2 * CSEC_HASH_SIZE)

extern void csec_run_digest_put(uint8_t *out, const CsecRun *run,
								const uint8_t *last_hash);

#endif							/* CSEC_VERIFY_BUNDLE_FORMAT_H */
