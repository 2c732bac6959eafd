/*
 * key_command.c
 *		A key from a command of the DBA's: csec.key_command.
 *
 * In the manner of archive_command and ssl_passphrase_command: the shell runs
 * it, %k stands for the name of the key, %% for a percent sign.  What it
 * prints is the key, and goes nowhere else; what it says on its standard
 * error goes into the server's log, as it does for those.
 *
 * The postmaster or the launcher waits for it, for a limited time.
 */
#include "postgres.h"

#include <signal.h>
#include <sys/wait.h>

#include "access/xlog.h"
#include "miscadmin.h"
#include "postmaster/interrupt.h"
#include "storage/procsignal.h"

#include "keys/provider.h"
#include "util/command.h"
#include "util/guc.h"
#include "util/secure_memory.h"

static char *
command_for(const char *name)
{
	char	   *command = csec_key_command_line(csec_key_command, name);

	if (command == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("csec.key_command has a \"%%\" that stands for nothing"),
				 errhint("Write %%k for the name of the key and %%%% for a percent sign.")));
	return command;
}

/* Asked by a standby: when it is promoted, its launcher has sealers to start. */
static bool standing_by = false;

static bool
is_promoted(void)
{
	return standing_by && !RecoveryInProgress();
}

/*
 * The postmaster, which starts, has its signals blocked: who stops the server
 * must not wait for a provider that does not answer.  In the launcher nothing
 * else attends to DROP DATABASE's barrier meanwhile.
 */
static bool
must_stop(void)
{
	sigset_t	pending;

	if (!IsUnderPostmaster)
		return sigpending(&pending) == 0 &&
			(sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1 ||
			 sigismember(&pending, SIGQUIT) == 1);
	if (ProcSignalBarrierPending)
		ProcessProcSignalBarrier();
	return ShutdownRequestPending || is_promoted();
}

ssize_t
csec_key_command_run(const char *name, char *out, size_t size)
{
	CsecCommand command = {
		.line = command_for(name),
		.output = out,
		.output_size = size,
		.timeout_ms = csec_key_command_timeout * 1000,
		.stop = must_stop
	};
	CsecCommandEnd end;

	standing_by = IsUnderPostmaster && RecoveryInProgress();
	end = csec_command_run(&command);
	if (end == CSEC_COMMAND_DONE)
		return (ssize_t) command.output_len;
	if (end == CSEC_COMMAND_NOT_RUN)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not run csec.key_command: %m")));
	csec_secure_wipe(out, size);
	if (end == CSEC_COMMAND_STOPPED)
		ereport(ERROR,
				(errcode(ERRCODE_ADMIN_SHUTDOWN),
				 is_promoted() ?
				 errmsg("csec.key_command was ended for key \"%s\", as the standby was promoted", name) :
				 errmsg("csec.key_command was ended for key \"%s\", as the server is to stop", name)));
	ereport(ERROR,
			(errcode(ERRCODE_CONFIG_FILE_ERROR),
			 end != CSEC_COMMAND_FAILED ?
			 errmsg("csec.key_command took longer than %d s for key \"%s\"",
					csec_key_command_timeout, name) :
			 errmsg("csec.key_command failed for key \"%s\"", name),
			 end != CSEC_COMMAND_FAILED ? 0 : WIFSIGNALED(command.status) ?
			 errdetail("It was ended by signal %d: %s.", WTERMSIG(command.status),
					   pg_strsignal(WTERMSIG(command.status))) :
			 errdetail("It ended with status %d.", WEXITSTATUS(command.status)),
			 errhint("Run it by hand as the server's user; it must print %d hexadecimal digits.",
					 CSEC_KEY_TEXT)));
	return -1;					/* keep compiler quiet */
}
