/*
 * bundle_write.h
 *		Writes an evidence bundle.                                      [FE]
 *
 * The folder is made, and nothing in it written over.  The manifest comes
 * last: a folder without one is no evidence.
 */
#ifndef CSEC_VERIFY_BUNDLE_WRITE_H
#define CSEC_VERIFY_BUNDLE_WRITE_H

#include <stdio.h>

#include "audit/merkle.h"
#include "verify/bundle_format.h"

typedef struct CsecBundleWriter
{
	char	   *folder;
	CsecManifest manifest;
	FILE	   *records;
	char	   *records_path;
	CsecRun		run;
	uint8_t    *bytes;			/* of the run: header, then entries */
	size_t		used;
	uint8_t		last_hash[CSEC_HASH_SIZE];
	uint64_t	last_seq;
	uint64_t   *run_end;		/* last numbers of the runs, for their proofs */
	size_t		run_ends;
	size_t		run_capacity;
} CsecBundleWriter;

extern void csec_writer_open(CsecBundleWriter *writer, const char *folder);

/* The next record, of a higher number; before is the hash of the one before. */
extern void csec_writer_add(CsecBundleWriter *writer, uint64_t seq,
							const uint8_t *before, const uint8_t *record,
							uint32_t len, const uint8_t *hash);
extern void csec_writer_end_records(CsecBundleWriter *writer);

/* One of the small files: open, write what there is, close with its digest. */
typedef struct CsecBundleFile
{
	FILE	   *file;
	char	   *path;
	void	   *digest;
} CsecBundleFile;

extern void csec_writer_begin(CsecBundleWriter *writer, CsecBundleFile *file, const char *name);
extern void csec_writer_put(CsecBundleFile *file, const void *data, size_t len);
extern void csec_writer_end(CsecBundleFile *file, uint8_t *digest);

/* Writes the manifest; gives its digest, that of the bundle. */
extern void csec_writer_close(CsecBundleWriter *writer, uint8_t *digest);

#endif							/* CSEC_VERIFY_BUNDLE_WRITE_H */
