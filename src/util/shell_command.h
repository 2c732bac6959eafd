/*
 * shell_command.h
 *		Run a shell command of the DBA's from a background worker.
 */
#ifndef CSEC_UTIL_SHELL_COMMAND_H
#define CSEC_UTIL_SHELL_COMMAND_H

#include "postgres.h"

#include "lib/stringinfo.h"

/* A letter after % and what stands for it. */
typedef struct CsecShellWord
{
	char		letter;
	const char *value;			/* NULL: an empty word */
} CsecShellWord;

/*
 * The command with each %letter replaced by its value, quoted for the shell,
 * and %% by a percent sign; NULL where another letter follows a %.
 */
extern char *csec_shell_command(const char *command, const CsecShellWord *words, int count);

/* Should the command be ended before it is done? */
typedef bool (*CsecShellGiveUp) (void);

/*
 * Run it; true: it ended with status 0 within so many ms.  It is ended, with
 * all that it started, when its time is up or give_up says so.
 */
extern bool csec_shell_run(const char *command, int timeout_ms, CsecShellGiveUp give_up);

#endif							/* CSEC_UTIL_SHELL_COMMAND_H */
