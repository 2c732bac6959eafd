/*
 * command.h
 *		Runs a shell command of the DBA's, for a limited time.
 */
#ifndef CSEC_UTIL_COMMAND_H
#define CSEC_UTIL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

typedef enum CsecCommandEnd
{
	CSEC_COMMAND_DONE,
	CSEC_COMMAND_FAILED,		/* status says how */
	CSEC_COMMAND_TOO_SLOW,
	CSEC_COMMAND_STOPPED,		/* because stop() said so */
	CSEC_COMMAND_NOT_RUN		/* errno says why */
} CsecCommandEnd;

typedef struct CsecCommand
{
	const char *line;			/* for the shell */
	const void *input;			/* its standard input; no more than a pipe holds */
	size_t		input_len;
	char	   *output;			/* room for its standard output, what is more is
								 * lost; NULL: it goes where the server's goes */
	size_t		output_size;
	size_t		output_len;
	int			timeout_ms;
	bool		(*stop) (void); /* is asked often, and must not throw; or NULL */
	int			status;			/* as of waitpid() */
} CsecCommand;

extern CsecCommandEnd csec_command_run(CsecCommand *command);

#endif							/* CSEC_UTIL_COMMAND_H */
