/*
 * kept_files.h
 *		Checkpoints that an auditor kept, in files.                     [FE]
 */
#ifndef CSEC_VERIFY_KEPT_FILES_H
#define CSEC_VERIFY_KEPT_FILES_H

#include "verify/checkpoints.h"

/*
 * Trust what is in a file; or, of a folder, in its files *.note that are of
 * this trail: csec.checkpoint_directory may have those of several.
 */
extern void csec_trust_path(CsecCheckpoints *checkpoints, const char *path,
							uint64_t system, uint32_t database_id);

#endif							/* CSEC_VERIFY_KEPT_FILES_H */
