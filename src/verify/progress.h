/*
 * progress.h
 *		How far the work has come, on a terminal.                       [FE]
 */
#ifndef CSEC_VERIFY_PROGRESS_H
#define CSEC_VERIFY_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* Nothing is shown where stderr is no terminal. */
extern void csec_progress_begin(const char *what, bool wanted);
extern void csec_progress(int64_t done, int64_t total);
extern void csec_progress_end(void);

#endif							/* CSEC_VERIFY_PROGRESS_H */
