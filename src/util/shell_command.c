/*
 * shell_command.c
 *		Run a shell command of the DBA's from a background worker.
 *
 * What is put into the command comes from records, so from anybody: it is
 * always a word in single quotes, whatever it contains.  The command has a
 * process group of its own, to be ended with all that it started, no signal
 * blocked, and nothing to read.
 */
#include "util/shell_command.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>


#include "util/clock.h"

#define POLL_MS 10

extern char **environ;

static void
append_quoted(StringInfo out, const char *value)
{
	appendStringInfoChar(out, '\'');
	for (const char *p = value == NULL ? "" : value; *p != '\0'; p++)
	{
		if (*p == '\'')
			appendStringInfoString(out, "'\\''");
		else
			appendStringInfoChar(out, *p);
	}
	appendStringInfoChar(out, '\'');
}

static const CsecShellWord *
word_of(char letter, const CsecShellWord *words, int count)
{
	for (int i = 0; i < count; i++)
		if (words[i].letter == letter)
			return &words[i];
	return NULL;
}

char *
csec_shell_command(const char *command, const CsecShellWord *words, int count)
{
	StringInfoData out;

	initStringInfo(&out);
	for (const char *p = command; *p != '\0'; p++)
	{
		const CsecShellWord *word;

		if (*p != '%')
		{
			appendStringInfoChar(&out, *p);
			continue;
		}
		p++;
		word = word_of(*p, words, count);
		if (word != NULL)
			append_quoted(&out, word->value);
		else if (*p == '%')
			appendStringInfoChar(&out, '%');
		else
			return NULL;
	}
	return out.data;
}

/* 0, or what went wrong. */
static int
start(const char *command, pid_t *pid)
{
	char	   *argv[] = {"sh", "-c", unconstify(char *, command), NULL};
	posix_spawnattr_t attributes;
	posix_spawn_file_actions_t files;
	sigset_t	none;
	int			error;

	sigemptyset(&none);
	error = posix_spawnattr_init(&attributes);
	if (error != 0)
		return error;
	error = posix_spawn_file_actions_init(&files);
	if (error == 0)
	{
		error = posix_spawnattr_setflags(&attributes,
										 POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
		if (error == 0)
			error = posix_spawnattr_setpgroup(&attributes, 0);
		if (error == 0)
			error = posix_spawnattr_setsigmask(&attributes, &none);
		if (error == 0)
			error = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
		if (error == 0)
			error = posix_spawn(pid, "/bin/sh", &files, &attributes, argv, environ);
		(void) posix_spawn_file_actions_destroy(&files);
	}
	(void) posix_spawnattr_destroy(&attributes);
	return error;
}

bool
csec_shell_run(const char *command, int timeout_ms, CsecShellGiveUp give_up)
{
	int64		began = csec_clock_ms();
	pid_t		pid;
	int			status = -1;
	pid_t		ended;

	errno = start(command, &pid);
	if (errno != 0)
	{
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg("could not run a shell command: %m")));
		return false;
	}
	/* nothing in here may throw: the command would be left to itself */
	while ((ended = waitpid(pid, &status, WNOHANG)) == 0)
	{
		if (csec_clock_ms() - began >= timeout_ms || give_up())
		{
			(void) kill(-pid, SIGKILL);
			(void) waitpid(pid, &status, 0);
			return false;
		}
		pg_usleep(POLL_MS * 1000L);
	}
	return ended == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
