/*
 * export.h
 *		What of a trail goes into evidence.                             [FE]
 */
#ifndef CSEC_VERIFY_EXPORT_H
#define CSEC_VERIFY_EXPORT_H

#include "verify/bundle_write.h"
#include "verify/connection.h"

/* NULL: any. */
typedef struct CsecSelection
{
	const char *table;
	const char *subject;
	const char *person;
	const char *since;
	const char *until;
	const char *reason;
} CsecSelection;

typedef struct CsecExport
{
	PGconn	   *conn;
	const CsecSelection *selection;
	char		selection_text[CSEC_MANIFEST_TEXT];
	bool		all;
	char		table[16];		/* its OID, where one was named */
	CsecManifest manifest;		/* of who exports, when, from where */
	uint64_t	tree;			/* records under the last checkpoint; 0: none */
	uint64_t   *size;			/* those under the checkpoints, each number once */
	size_t		sizes;
	size_t		size_capacity;
	uint64_t	left;			/* records that left by an approved cut */
	uint64_t	records;
	uint64_t	last_seq;
	int64_t		left_out;
} CsecExport;

/* Connects, and puts the export on record. */
extern void csec_export_begin(CsecExport *export, CsecServer *server,
							  const CsecSelection *selection, const char *program);

/* Everything but the manifest. */
extern void csec_export_write(CsecExport *export, CsecBundleWriter *writer);

/* Puts the digest on record. */
extern void csec_export_end(CsecExport *export, const char *digest);

#endif							/* CSEC_VERIFY_EXPORT_H */
