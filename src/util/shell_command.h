/*
 * shell_command.h
 *		Put words into a shell command of the DBA's.
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
	bool		bare;			/* letters and digits of our own: not quoted, so
								 * that it may stand within quotes */
} CsecShellWord;

/*
 * The command with each %letter replaced by its value, quoted for the shell
 * unless bare, and %% by a percent sign; NULL where another letter follows a %.
 */
extern char *csec_shell_command(const char *command, const CsecShellWord *words, int count);

#endif							/* CSEC_UTIL_SHELL_COMMAND_H */
