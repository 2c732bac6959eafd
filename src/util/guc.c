/*
 * guc.c
 *		All of csec's settings.
 *
 * What decides whether a record is written or a value shown is
 * PGC_POSTMASTER, PGC_SIGHUP or PGC_SUSET: nobody below a superuser talks the
 * extension out of its work.  What an application says about itself (actor,
 * reason, ticket) is PGC_USERSET and believed only as a claim.
 */
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"
#include "utils/guc.h"

#include "util/guc.h"
#include "util/key_names.h"

bool		csec_embedded_keys = false;
char	   *csec_key_directory = NULL;
char	   *csec_key_command = NULL;
int			csec_key_command_timeout = 30;
int			csec_key_check_interval = 3600;
char	   *csec_kek = NULL;
bool		csec_alerts = true;
char	   *csec_alert_command = NULL;
int			csec_alert_command_timeout = 30;
int			csec_suite = 1;
int			csec_key_max_uses = INT_MAX;
int			csec_subject_key_cache = 256;
char	   *csec_tombstone_directory = NULL;
int			csec_max_key_age = 365 * 24 * 60;
int			csec_audit_flush_interval = 200;
int			csec_seal_delay = 500;
int			csec_heartbeat_interval = 300;
int			csec_flush_timeout = 60000;
char	   *csec_sealing_key_directory = NULL;
int			csec_checkpoint_interval = 300;
char	   *csec_checkpoint_directory = NULL;
char	   *csec_checkpoint_command = NULL;
char	   *csec_sign_command = NULL;
int			csec_anchor_timeout = 60;
int			csec_max_unsealed = 1024;
int			csec_unsealed_policy = CSEC_UNSEALED_REFUSE;
int			csec_standby_reads = CSEC_STANDBY_REFUSE;
int			csec_record_connections = CSEC_CONNECTIONS_FAILED;
bool		csec_dump_plain = false;
int			csec_probe_limit = 20;
int			csec_probe_quota = 600;
bool		csec_allow_masked_dml = false;
int			csec_match_failures = 5;
int			csec_match_window = 900;
int			csec_match_lock_time = 900;
int			csec_match_min_claims = 2;
int			csec_token_clock_skew = 5;
int			csec_token_lifetime = 300;
bool		csec_record_internal = false;
char	   *csec_actor = NULL;
char	   *csec_reason = NULL;
char	   *csec_ticket = NULL;

/*
 * A claim is short and is one line: it goes into every record, and into
 * terminals.  (C1 control characters are refused in their UTF-8 form.)  The
 * message is our own because the server's would repeat the value.
 */
static bool
check_claim(char **newval, void **extra, GucSource source)
{
	const unsigned char *p = (const unsigned char *) *newval;

	if (p == NULL)
		return true;
	if (strlen(*newval) > CSEC_CLAIM_MAX)
	{
		GUC_check_errmsg("claim is too long");
		GUC_check_errdetail("Actor, reason and ticket may have %d bytes each.",
							CSEC_CLAIM_MAX);
		return false;
	}
	for (; *p != '\0'; p++)
		if (*p < 0x20 || *p == 0x7f ||
			(p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f))
		{
			GUC_check_errmsg("claim contains a control character");
			GUC_check_errdetail("Actor, reason and ticket are one line of text each.");
			return false;
		}
	return true;
}

/*
 * Of the settings for keys what is wrong in itself is refused where it is set:
 * by ALTER SYSTEM, and at a reload, where the old value then stays in force for
 * everybody.  Not so at the start of the server, where PostgreSQL would go on with
 * the default: that is left to who reads the keys, and ends the start.  Whether the
 * provider has them is not looked at here: a key may be put there after its name.
 */
static bool
check_kek(char **newval, void **extra, GucSource source)
{
	const char *wrong;
	const char *hint;

	if (process_shared_preload_libraries_in_progress ||
		csec_kek_list(pstrdup(*newval), &wrong, &hint) != NIL)
		return true;
	GUC_check_errcode(ERRCODE_INVALID_PARAMETER_VALUE);
	GUC_check_errmsg("%s", wrong);
	GUC_check_errhint("%s", hint);
	return false;
}

static bool
check_key_command(char **newval, void **extra, GucSource source)
{
	if (process_shared_preload_libraries_in_progress || *newval == NULL ||
		csec_key_command_line(*newval, "root") != NULL)
		return true;
	GUC_check_errcode(ERRCODE_INVALID_PARAMETER_VALUE);
	GUC_check_errmsg("csec.key_command has a \"%%\" that stands for nothing");
	GUC_check_errhint("Write %%k for the name of the key and %%%% for a percent sign.");
	return false;
}

static const struct config_enum_entry unsealed_policies[] = {
	{"refuse", CSEC_UNSEALED_REFUSE, false},
	{"warn", CSEC_UNSEALED_WARN, false},
	{NULL, 0, false}
};

static const struct config_enum_entry suites[] = {
	{"aes_256_gcm", 1, false},
	{"sm4_ctr_hmac_sm3", 2, false},
	{NULL, 0, false}
};

static const struct config_enum_entry connections[] = {
	{"none", CSEC_CONNECTIONS_NONE, false},
	{"failed", CSEC_CONNECTIONS_FAILED, false},
	{"all", CSEC_CONNECTIONS_ALL, false},
	{NULL, 0, false}
};

static const struct config_enum_entry standby_reads[] = {
	{"refuse", CSEC_STANDBY_REFUSE, false},
	{"masked_only", CSEC_STANDBY_MASKED_ONLY, false},
	{NULL, 0, false}
};

/* Keys: where they come from. */
static void
define_key_settings(void)
{
	DefineCustomBoolVariable("csec.embedded_keys",
							 "Keeps csec's root key inside the data directory (for demos and tests only).",
							 "A copy of the data directory then carries the key with it.",
							 &csec_embedded_keys, false,
							 PGC_POSTMASTER, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("csec.key_directory",
							   "Directory outside the data directory that holds csec's root key.",
							   "It and the file root.key in it must belong to the server's user and be closed to all others.",
							   &csec_key_directory, NULL,
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY,
							   NULL, NULL, NULL);
	DefineCustomStringVariable("csec.key_command",
							   "Shell command that prints a key of csec's.",
							   "%k stands for the key's name, %% for a percent sign. It prints 64 hexadecimal digits.",
							   &csec_key_command, NULL,
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY,
							   check_key_command, NULL, NULL);
	DefineCustomIntVariable("csec.key_command_timeout",
							"Longest time csec.key_command may take.",
							NULL,
							&csec_key_command_timeout, 30, 1, 3600,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("csec.key_check_interval",
							"How often the provider is asked whether it still has the keys that are in force; 0: at a reload alone.",
							NULL,
							&csec_key_check_interval, 3600, 0, 30 * 86400,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomStringVariable("csec.kek",
							   "Names of the keys that csec's data keys are wrapped under, the one for new keys first.",
							   "\"root\" is derived from the root key, any other is a key of its own.",
							   &csec_kek, "root",
							   PGC_SIGHUP, GUC_LIST_INPUT,
							   check_kek, NULL, NULL);
	DefineCustomEnumVariable("csec.suite",
							 "Suite that fields are encrypted with where their category names none.",
							 NULL,
							 &csec_suite, 1, suites,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("csec.key_max_uses",
							"Values that a version of a data key encrypts before it is rotated.",
							"The sealer rotates it by itself; at half as many more it encrypts no longer.",
							&csec_key_max_uses, INT_MAX, 100, INT_MAX,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("csec.subject_key_cache",
							"Keys of customers that a session keeps ready.",
							"Each takes about 2.5 kB.",
							&csec_subject_key_cache, 256, 1, 65536,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("csec.tombstone_directory",
							   "Directory outside the data directory that notes destroyed keys of customers.",
							   "Where it is empty: \"destroyed\" in csec.key_directory, or with embedded keys in the data directory.",
							   &csec_tombstone_directory, "",
							   PGC_POSTMASTER, GUC_SUPERUSER_ONLY,
							   NULL, NULL, NULL);
	DefineCustomIntVariable("csec.max_key_age",
							"Age beyond which csec.key_status says of an active key that it should be rotated.",
							"0 means that keys may have any age.",
							&csec_max_key_age, 365 * 24 * 60, 0, INT_MAX,
							PGC_SIGHUP, GUC_UNIT_MIN, NULL, NULL, NULL);
}

/* The trail: how long a record may take, and what happens when it does. */
static void
define_trail_settings(void)
{
	DefineCustomIntVariable("csec.audit_flush_interval",
							"Longest time for which a record of a read outside strict mode may exist in memory alone.",
							NULL,
							&csec_audit_flush_interval, 200, 1, 60000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("csec.seal_delay",
							"Time for which the sealer gathers records before it seals a batch.",
							"The larger a batch, the cheaper each record's place in the index of subjects; csec.flush_audit() does not wait for it.",
							&csec_seal_delay, 500, 1, 10000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("csec.flush_timeout",
							"Longest time csec.flush_audit() waits for the sealer.",
							NULL,
							&csec_flush_timeout, 60000, 1, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("csec.max_unsealed",
							"WAL that may wait for the sealer before protected work is refused or warned of.",
							NULL,
							&csec_max_unsealed, 1024, 1, INT_MAX,
							PGC_SIGHUP, GUC_UNIT_MB, NULL, NULL, NULL);
	DefineCustomEnumVariable("csec.unsealed_policy",
							 "What happens to protected work beyond csec.max_unsealed.",
							 NULL,
							 &csec_unsealed_policy, CSEC_UNSEALED_REFUSE,
							 unsealed_policies,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("csec.standby_reads",
							 "What reads of protected tables do on a standby, where nothing can be recorded.",
							 "masked_only reveals nothing there and leaves the reads unrecorded.",
							 &csec_standby_reads, CSEC_STANDBY_REFUSE,
							 standby_reads,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("csec.record_connections",
							 "Which connections are recorded.",
							 "failed: failed logins and replication; all: logins, too.",
							 &csec_record_connections, CSEC_CONNECTIONS_FAILED,
							 connections,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("csec.heartbeat_interval",
							"When nothing was sealed for so long, a heartbeat is; 0: never.",
							NULL,
							&csec_heartbeat_interval, 300, 0, 86400,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomBoolVariable("csec.record_internal",
							 "Also records the reads of foreign-key checks and other internal queries.",
							 NULL,
							 &csec_record_internal, false,
							 PGC_SUSET, 0, NULL, NULL, NULL);
}

/* Checkpoints: how often, signed by what, and where they go. */
static void
define_checkpoint_settings(void)
{
	DefineCustomStringVariable("csec.sealing_key_directory",
							   "Directory outside the data directory for the private keys of the trail's checkpoints.",
							   "Empty: csec.key_directory. The server writes there; no backup should carry what is in it.",
							   &csec_sealing_key_directory, "",
							   PGC_POSTMASTER, GUC_SUPERUSER_ONLY,
							   NULL, NULL, NULL);
	DefineCustomIntVariable("csec.checkpoint_interval",
							"Time after which the trail is sealed under a signed checkpoint, whether anything was recorded or not.",
							NULL,
							&csec_checkpoint_interval, 300, 1, 86400,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomStringVariable("csec.checkpoint_directory",
							   "Directory into which each checkpoint is written, on another machine if possible.",
							   NULL,
							   &csec_checkpoint_directory, "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY,
							   NULL, NULL, NULL);
	DefineCustomStringVariable("csec.checkpoint_command",
							   "Shell command that takes each checkpoint, from its standard input, to another place.",
							   "%e stands for the number of its epoch, %d for the OID of the database, %% for a percent sign. It is repeated until it succeeds.",
							   &csec_checkpoint_command, "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY,
							   NULL, NULL, NULL);
	DefineCustomStringVariable("csec.sign_command",
							   "Shell command that reads a checkpoint and prints signature lines for it, by keys that are not on this server.",
							   "The keys must be known to csec.witness.",
							   &csec_sign_command, "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY,
							   NULL, NULL, NULL);
	DefineCustomIntVariable("csec.anchor_timeout",
							"Longest time csec.checkpoint_command or csec.sign_command may take.",
							NULL,
							&csec_anchor_timeout, 60, 1, 3600,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
}

/* Alerts: who is told. */
static void
define_alert_settings(void)
{
	DefineCustomBoolVariable("csec.alerts",
							 "Looks at what was sealed and raises alerts.",
							 "What was not looked at meanwhile is when it is on again.",
							 &csec_alerts, true,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("csec.alert_command",
							   "Shell command that is run for each alert.",
							   "%i stands for its number, %k its kind, %s its severity, %u the login, %n how often, %% for a percent sign; all are quoted.",
							   &csec_alert_command, NULL,
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY,
							   NULL, NULL, NULL);
	DefineCustomIntVariable("csec.alert_command_timeout",
							"Longest time csec.alert_command may take.",
							NULL,
							&csec_alert_command_timeout, 30, 1, 3600,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
}

/* What readers without clearance may do. */
static void
define_reader_settings(void)
{
	DefineCustomIntVariable("csec.probe_limit",
							"Distinct values per category that a reader without clearance may try in one statement.",
							NULL,
							&csec_probe_limit, 20, 0, INT_MAX,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("csec.probe_quota",
							"Values per category that a reader without clearance may try in one hour.",
							NULL,
							&csec_probe_quota, 600, 0, INT_MAX,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("csec.dump_plain",
							 "Lets dumps by members of csec_backup have masked fields in clear.",
							 "For moving away from csec; each such dump is recorded.",
							 &csec_dump_plain, false,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("csec.allow_masked_dml",
							 "Allows statements that change data by the masked text of a field.",
							 "The mask, not the value, is then what they compare and store.",
							 &csec_allow_masked_dml, false,
							 PGC_USERSET, 0, NULL, NULL, NULL);
}

/* csec.match_customer(). */
static void
define_match_settings(void)
{
	DefineCustomIntVariable("csec.match_failures",
							"Failed matches of a login, with the actor that it claims, before it is locked out.",
							NULL,
							&csec_match_failures, 5, 1, 1000,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("csec.match_window",
							"Time within which failed matches are counted together.",
							NULL,
							&csec_match_window, 900, 1, 86400,
							PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("csec.match_lock_time",
							"Time for which too many failed matches lock a login out of csec.match_customer().",
							NULL,
							&csec_match_lock_time, 900, 1, 86400,
							PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("csec.match_min_claims",
							"Claims that csec.match_customer() must be given at least.",
							NULL,
							&csec_match_min_claims, 2, 1, 16,
							PGC_SUSET, 0, NULL, NULL, NULL);
}

/* csec.login(token). */
static void
define_token_settings(void)
{
	DefineCustomIntVariable("csec.token_clock_skew",
							"So far may the clocks of this server and of who issues login tokens be apart.",
							NULL,
							&csec_token_clock_skew, 5, 0, 300,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("csec.token_lifetime",
							"Longest time for which a login token may be issued.",
							NULL,
							&csec_token_lifetime, 300, 1, 3600,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
}

/* What an application says of the person behind it. */
static void
define_context_settings(void)
{
	DefineCustomStringVariable("csec.actor",
							   "Who the application says is reading.",
							   "Recorded as claimed, beside the authenticated login.",
							   &csec_actor, "",
							   PGC_USERSET, GUC_NOT_IN_SAMPLE,
							   check_claim, NULL, NULL);
	DefineCustomStringVariable("csec.reason",
							   "Why the application says it reads.",
							   NULL,
							   &csec_reason, "",
							   PGC_USERSET, GUC_NOT_IN_SAMPLE,
							   check_claim, NULL, NULL);
	DefineCustomStringVariable("csec.ticket",
							   "The case or ticket that the read belongs to.",
							   NULL,
							   &csec_ticket, "",
							   PGC_USERSET, GUC_NOT_IN_SAMPLE,
							   check_claim, NULL, NULL);
}

void
csec_guc_init(void)
{
	define_key_settings();
	define_trail_settings();
	define_checkpoint_settings();
	define_alert_settings();
	define_reader_settings();
	define_match_settings();
	define_token_settings();
	define_context_settings();
	MarkGUCPrefixReserved("csec");
}
