/*
 * settings.c
 *		Settings that csec's work depends on, whichever way a session gets them.
 *
 * SET is a statement, and recorded as one.  set_config() is a function in the
 * midst of any query: from its call on, values are compared with those before,
 * at the start of each statement inside and at the end of the outermost.  What
 * a client brings along when it connects is told with its first statement.
 *
 * session_replication_role, which silences triggers (not csec's own, which fire
 * always), is for members of csec_admin.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xlog.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/json.h"

#include "capture/control.h"
#include "capture/settings.h"
#include "policy/catalog.h"
#include "policy/reader.h"
#include "util/pgcompat.h"

#define MAX_SETTINGS 32

typedef struct Setting
{
	const struct config_generic *guc;
	uint64		told;			/* digest of the value that is on record */
} Setting;

bool		csec_settings_unsure = true;	/* the session has just begun */

static Setting setting[MAX_SETTINGS];
static int	settings = 0;
static bool looked_at_start = false;
static bool comparing = false;	/* set_config() was called in this transaction */
static GucEnumCheckHook prev_check_replication_role = NULL;

/* csec's own that only a superuser, or who was given them, may set; and two more. */
static bool
matters(const struct config_generic *guc)
{
	return (guc->context == PGC_SUSET && strncmp(guc->name, "csec.", 5) == 0) ||
		strcmp(guc->name, "session_replication_role") == 0 ||
		strcmp(guc->name, "allow_system_table_mods") == 0;
}

bool
csec_setting_matters(const char *name)
{
	for (int i = 0; i < settings; i++)
		if (pg_strcasecmp(setting[i].guc->name, name) == 0)
			return true;
	return false;
}

static const char *
value_of(const char *name)
{
	const char *value = GetConfigOption(name, true, false);

	return value != NULL ? value : "";
}

char *
csec_setting_detail(const char *name)
{
	StringInfoData detail;

	initStringInfo(&detail);
	appendStringInfoString(&detail, "{\"value\": ");
	escape_json(&detail, value_of(name));
	appendStringInfoChar(&detail, '}');
	return detail.data;
}

static uint64
digest(const char *value)
{
	return hash_bytes_extended((const unsigned char *) value, (int) strlen(value), 0);
}

static void
tell(const char *how, const char *name)
{
	csec_control_emit(how, name, csec_setting_detail(name));
}

void
csec_settings_told(void)
{
	for (int i = 0; i < settings; i++)
		setting[i].told = digest(value_of(setting[i].guc->name));
}

void
csec_settings_may_change(void)
{
	if (!comparing)
		csec_settings_told();
	comparing = csec_settings_unsure = true;
}

/* Workers have what their leader has. */
void
csec_settings_look(void)
{
	if (IsParallelWorker() || RecoveryInProgress() || !csec_database_has_csec())
		return;
	for (int i = 0; i < settings && !looked_at_start; i++)
		if (setting[i].guc->source == PGC_S_CLIENT)
			tell("start packet", setting[i].guc->name);
	looked_at_start = true;
	for (int i = 0; i < settings && comparing; i++)
	{
		uint64		now = digest(value_of(setting[i].guc->name));

		if (now == setting[i].told)
			continue;
		setting[i].told = now;
		tell("set_config", setting[i].guc->name);
	}
	csec_settings_unsure = comparing;
}

/* Whatever was set for it goes with it. */
void
csec_settings_end(void)
{
	comparing = false;
	csec_settings_unsure = !looked_at_start;
}

/*
 * Not what logical replication sets for itself, nor what stands in the server's
 * files, which is who has those: ALTER SYSTEM is on record.
 */
static bool
check_replication_role(int *newval, void **extra, GucSource source)
{
	if (prev_check_replication_role && !prev_check_replication_role(newval, extra, source))
		return false;
	if (*newval == SESSION_REPLICATION_ROLE_ORIGIN ||
		source <= PGC_S_ARGV || source == PGC_S_OVERRIDE ||
		IsParallelWorker() || IsBinaryUpgrade ||
		!csec_catalog_readable() || !csec_database_has_csec() ||
		csec_reader_has_role(CSEC_ROLE_ADMIN))
		return true;
	if (!RecoveryInProgress())
		csec_denial_emit("SET", "session_replication_role", NULL);
	GUC_check_errcode(ERRCODE_INSUFFICIENT_PRIVILEGE);
	GUC_check_errmsg("session_replication_role can be set by members of csec_admin only, where csec is");
	GUC_check_errhint("Triggers that record changes fire whatever its value.");
	return false;
}

void
csec_settings_init(void)
{
	struct config_enum *role = (struct config_enum *) csec_find_setting("session_replication_role");
	int			n;
	struct config_generic **all = csec_all_settings(&n);

	for (int i = 0; i < n; i++)
	{
		if (!matters(all[i]))
			continue;
		if (settings == MAX_SETTINGS)
			elog(ERROR, "too many settings to watch");
		setting[settings++].guc = all[i];
	}
	prev_check_replication_role = role->check_hook;
	role->check_hook = check_replication_role;
}
