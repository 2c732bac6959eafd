/*
 * kept_files.h
 *		Checkpoints that an auditor kept, in files.                     [FE]
 */
#ifndef CSEC_VERIFY_KEPT_FILES_H
#define CSEC_VERIFY_KEPT_FILES_H

#include "verify/checkpoints.h"

/*
 * Trust what is in a file; or, of a folder, in its files *.note: there, as in
 * csec.checkpoint_directory, some may be of other trails.
 */
extern void csec_trust_path(CsecCheckpoints *checkpoints, const char *path);

#endif							/* CSEC_VERIFY_KEPT_FILES_H */
