/*
 * bundle_read.h
 *		A trail in an evidence bundle.                                  [FE]
 */
#ifndef CSEC_VERIFY_BUNDLE_READ_H
#define CSEC_VERIFY_BUNDLE_READ_H

#include "verify/bundle_format.h"
#include "verify/source.h"

/* The folder of a bundle, or its file MANIFEST. */
extern CsecSource *csec_bundle_open(const char *path);

/* With which record it begins; before: the hash of the one before that. */
extern int64_t csec_bundle_from(const CsecSource *source, uint8_t *before);
extern const CsecManifest *csec_bundle_manifest(const CsecSource *source);

/* SHA-256 of the file MANIFEST: the digest of the bundle. */
extern const uint8_t *csec_bundle_digest(const CsecSource *source);

/* Is it a selection whose records no checkpoint covers? */
extern bool csec_bundle_unproved(const CsecSource *source);

/* What was found wrong with the bundle's own files. */
extern CsecFinding csec_bundle_files(const CsecSource *source);

#endif							/* CSEC_VERIFY_BUNDLE_READ_H */
