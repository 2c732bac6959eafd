/*
 * command.c
 *		Runs a shell command of the DBA's, for a limited time.
 *
 * In a process group of its own, so that it can be ended with all that it has
 * started: when its time is up, or the server stops.  A process that is killed
 * can end nothing, nor one that the postmaster tells to quit at once: for that
 * a guard in the group waits for word on a pipe that only we hold open.  If it
 * is closed without a word, the guard ends the group.  What a command leaves to
 * run that ended well is let go.
 *
 * What it says on its standard error goes into the server's log.  Raises no
 * errors, so that no child is ever forgotten.
 */
#include "postgres.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/command.h"

/* So often is stop() asked. */
#define LOOK_MS 50

/* The guard, and the command in place of the shell that started it. */
#define GUARDED \
	"(read -r _ <&3 || kill -KILL 0) </dev/null >/dev/null 2>&1 & " \
	"exec 3<&-; exec /bin/sh -c \"$1\""
#define GUARD_FD 3

extern char **environ;

/* The signals that a server process blocks or ignores are the child's again. */
static bool
spawn(const char *line, int in, int out, int life, pid_t *pid)
{
	char	   *argv[] = {"sh", "-c", GUARDED, "sh", unconstify(char *, line), NULL};
	posix_spawnattr_t attributes;
	posix_spawn_file_actions_t files;
	sigset_t	none;
	sigset_t	ignored;

	sigemptyset(&none);
	sigemptyset(&ignored);
	sigaddset(&ignored, SIGPIPE);
	errno = posix_spawnattr_init(&attributes);
	if (errno != 0)
		return false;
	errno = posix_spawn_file_actions_init(&files);
	if (errno == 0)
	{
		errno = posix_spawnattr_setflags(&attributes,
										 POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
		if (errno == 0)
			errno = posix_spawnattr_setpgroup(&attributes, 0);
		if (errno == 0)
			errno = posix_spawnattr_setsigmask(&attributes, &none);
		if (errno == 0)
			errno = posix_spawnattr_setsigdefault(&attributes, &ignored);
		if (errno == 0)
			errno = posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
		if (errno == 0 && out >= 0)
			errno = posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
		if (errno == 0)
			errno = posix_spawn_file_actions_adddup2(&files, life, GUARD_FD);
		if (errno == 0)
			errno = posix_spawn(pid, "/bin/sh", &files, &attributes, argv, environ);
		(void) posix_spawn_file_actions_destroy(&files);
	}
	(void) posix_spawnattr_destroy(&attributes);
	return errno == 0;
}

static bool
over(const CsecCommand *command, int64 began, CsecCommandEnd *end)
{
	if (command->stop != NULL && command->stop())
		*end = CSEC_COMMAND_STOPPED;
	else if (csec_clock_ms() - began >= command->timeout_ms)
		*end = CSEC_COMMAND_TOO_SLOW;
	else
		return false;
	return true;
}

/* Until the command closes its output, or its time is over. */
static CsecCommandEnd
read_output(CsecCommand *command, int fd, int64 began)
{
	CsecCommandEnd end = CSEC_COMMAND_DONE;

	while (!over(command, began, &end))
	{
		struct pollfd ready = {.fd = fd,.events = POLLIN};
		char		rest[256];
		bool		room = command->output_len < command->output_size;
		ssize_t		n;

		if (poll(&ready, 1, LOOK_MS) <= 0)
			continue;
		n = room ? read(fd, command->output + command->output_len,
						command->output_size - command->output_len) :
			read(fd, rest, sizeof(rest));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (room)
			command->output_len += n;
	}
	return end;
}

static CsecCommandEnd
wait_for(CsecCommand *command, pid_t pid, int64 began, CsecCommandEnd end)
{
	/*
	 * The shell may have ended, and what it left behind hold the output: until
	 * it is waited for, the group cannot be anybody else's.
	 */
	if (end != CSEC_COMMAND_DONE)
		(void) kill(-pid, SIGKILL);
	while (waitpid(pid, &command->status, WNOHANG) == 0)
	{
		if (end == CSEC_COMMAND_DONE && !over(command, began, &end))
		{
			pg_usleep(5000L);
			continue;
		}
		(void) kill(-pid, SIGKILL);
		(void) waitpid(pid, &command->status, 0);
		break;
	}
	if (end == CSEC_COMMAND_DONE && command->status != 0)
		end = CSEC_COMMAND_FAILED;
	return end;
}

/* A pipe that no other child of ours gets. */
static bool
open_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) == 0)
		return true;
	ends[0] = ends[1] = -1;
	return false;
}

static void
close_end(int *end)
{
	int			why = errno;

	if (*end >= 0)
		close(*end);
	*end = -1;
	errno = why;
}

CsecCommandEnd
csec_command_run(CsecCommand *command)
{
	int64		began = csec_clock_ms();
	CsecCommandEnd end = CSEC_COMMAND_NOT_RUN;
	int			in[2] = {-1, -1};
	int			out[2] = {-1, -1};
	int			life[2] = {-1, -1};
	pid_t		pid;
	bool		started = false;

	command->output_len = 0;
	command->status = -1;
	if (open_pipe(life) && open_pipe(in) && (command->output == NULL || open_pipe(out)))
	{
		/* before the command runs: what does not fit is not waited for */
		(void) fcntl(in[1], F_SETFL, O_NONBLOCK);
		started = write(in[1], command->input, command->input_len) == (ssize_t) command->input_len &&
			spawn(command->line, in[0], out[1], life[0], &pid);
	}
	close_end(&in[0]);
	close_end(&in[1]);
	close_end(&out[1]);
	close_end(&life[0]);
	if (started)
	{
		end = command->output == NULL ? CSEC_COMMAND_DONE : read_output(command, out[0], began);
		end = wait_for(command, pid, began, end);
		/* if the guard is gone: a server process ignores SIGPIPE */
		if (end == CSEC_COMMAND_DONE)
		{
			ssize_t		rc = write(life[1], "\n", 1);

			(void) rc;
		}
	}
	close_end(&out[0]);
	close_end(&life[1]);
	return end;
}
