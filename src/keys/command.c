/*
 * command.c
 *		A key from a command of the DBA's: csec.key_command.
 *
 * In the manner of archive_command and ssl_passphrase_command: the shell runs
 * it, %k stands for the name of the key, %% for a percent sign.  What it
 * prints is the key, and goes nowhere else; what it says on its standard
 * error goes into the server's log, as it does for those.
 *
 * The postmaster or the launcher waits for it, so it is given a time, and a
 * process group of its own to be ended with all that it started.
 */
#include "postgres.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "postmaster/interrupt.h"

#include "keys/provider.h"
#include "util/guc.h"
#include "util/secure_memory.h"

extern char **environ;

static char *
command_for(const char *name)
{
	StringInfoData command;

	initStringInfo(&command);
	for (const char *p = csec_key_command; *p != '\0'; p++)
	{
		if (*p != '%')
			appendStringInfoChar(&command, *p);
		else if (p[1] == 'k')
		{
			appendStringInfoString(&command, name);
			p++;
		}
		else if (p[1] == '%')
		{
			appendStringInfoChar(&command, '%');
			p++;
		}
		else
			ereport(ERROR,
					(errcode(ERRCODE_CONFIG_FILE_ERROR),
					 errmsg("csec.key_command has a \"%%\" that stands for nothing"),
					 errhint("Write %%k for the name of the key and %%%% for a percent sign.")));
	}
	return command.data;
}

/*
 * Start the shell on the command, its output into fd; false: errno says why.
 * In a process group of its own, with no signal of the postmaster's blocked.
 */
static bool
start(char *command, int fd, pid_t *pid)
{
	char	   *argv[] = {"sh", "-c", command, NULL};
	posix_spawnattr_t attributes;
	posix_spawn_file_actions_t files;
	sigset_t	none;

	sigemptyset(&none);
	errno = posix_spawnattr_init(&attributes);
	if (errno != 0)
		return false;
	errno = posix_spawn_file_actions_init(&files);
	if (errno == 0)
	{
		errno = posix_spawnattr_setflags(&attributes,
										 POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
		if (errno == 0)
			errno = posix_spawnattr_setpgroup(&attributes, 0);
		if (errno == 0)
			errno = posix_spawnattr_setsigmask(&attributes, &none);
		if (errno == 0)
			errno = posix_spawn_file_actions_adddup2(&files, fd, STDOUT_FILENO);
		if (errno == 0)
			errno = posix_spawn(pid, "/bin/sh", &files, &attributes, argv, environ);
		(void) posix_spawn_file_actions_destroy(&files);
	}
	(void) posix_spawnattr_destroy(&attributes);
	return errno == 0;
}

/* What is left of the time, in ms; nothing when the server stops. */
static int
time_left(const instr_time *began)
{
	instr_time	now;

	if (ShutdownRequestPending)
		return 0;
	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, *began);
	return Max(csec_key_command_timeout * 1000 - (int) INSTR_TIME_GET_MILLISEC(now), 0);
}

/* Read until the command closes its output; -1 where the time is up. */
static ssize_t
read_output(int fd, const instr_time *began, char *out, size_t size)
{
	size_t		have = 0;

	for (;;)
	{
		struct pollfd ready = {.fd = fd,.events = POLLIN};
		char		rest;
		ssize_t		n;
		int			left = time_left(began);

		CHECK_FOR_INTERRUPTS();
		if (left == 0)
			return -1;
		/* a signal that comes just before is seen within the second */
		if (poll(&ready, 1, Min(left, 1000)) <= 0)
			continue;
		n = have < size ? read(fd, out + have, size - have) : read(fd, &rest, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (ssize_t) have;
		have += have < size ? n : 0;
	}
}

/* Wait for the command as long as there is time; then it is ended. */
static int
wait_for(pid_t pid, const instr_time *began, bool *timed_out)
{
	int			status = -1;

	while (waitpid(pid, &status, WNOHANG) == 0)
	{
		if (!*timed_out && time_left(began) > 0)
		{
			pg_usleep(10000L);
			continue;
		}
		*timed_out = true;
		(void) kill(-pid, SIGKILL);
		(void) waitpid(pid, &status, 0);
		break;
	}
	return status;
}

ssize_t
csec_key_command_run(const char *name, char *out, size_t size)
{
	char	   *command = command_for(name);
	instr_time	began;
	int			ends[2];
	pid_t		pid;
	ssize_t		len;
	int			status;
	bool		timed_out;

	INSTR_TIME_SET_CURRENT(began);
	if (pipe2(ends, O_CLOEXEC) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not run csec.key_command: %m")));
	if (!start(command, ends[1], &pid))
	{
		int			why = errno;

		close(ends[0]);
		close(ends[1]);
		errno = why;
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not run csec.key_command: %m")));
	}
	close(ends[1]);
	len = read_output(ends[0], &began, out, size);
	close(ends[0]);
	timed_out = len < 0;
	status = wait_for(pid, &began, &timed_out);
	pfree(command);
	if (!timed_out && status == 0)
		return len;
	csec_secure_wipe(out, size);
	ereport(ERROR,
			(errcode(ERRCODE_CONFIG_FILE_ERROR),
			 timed_out ?
			 errmsg("csec.key_command took longer than %d s for key \"%s\"",
					csec_key_command_timeout, name) :
			 errmsg("csec.key_command failed for key \"%s\"", name),
			 timed_out || WIFSIGNALED(status) ? 0 :
			 errdetail("It ended with status %d.", WEXITSTATUS(status)),
			 errhint("Run it by hand as the server's user; it must print %d hexadecimal digits.",
					 CSEC_KEY_TEXT)));
	return -1;					/* keep compiler quiet */
}
