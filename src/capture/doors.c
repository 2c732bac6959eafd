/*
 * doors.c
 *		What goes around the executor, and what edits csec itself.
 *
 * A table can be read by its file, its pages, the WAL, a decoding slot.  No scan
 * sees that; the function that does it is called, and that is on record before it
 * is: which, not of what, as arguments may be values.  Functions that are written
 * in C by others are known by their library; one of PostgreSQL's under another
 * name is known by what it is called inside.
 *
 * Functions, event triggers and schemas of csec's own are seen where they are
 * altered, by whatever statement.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/dependency.h"
#include "catalog/objectaccess.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_event_trigger.h"
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrtab.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "capture/control.h"
#include "capture/doors.h"
#include "capture/guard.h"
#include "capture/settings.h"
#include "policy/catalog.h"
#include "util/pgcompat.h"

/* Libraries whose functions read, or write, around the executor. */
static const char *const libraries[] = {
	"pageinspect", "pg_walinspect", "pg_surgery", "adminpack"
};

/* Told since this statement began; one that is called often is told once. */
#define MAX_TOLD 16
static Oid	told[MAX_TOLD];
static int	tolds = 0;
static TimestampTz told_in = 0;

/* What functions were resolved to, at the place of their OID's last bits. */
#define CACHED 64
static struct
{
	Oid			function;
	Oid			inside;
}			cache[CACHED];

static object_access_hook_type prev_object_access = NULL;

/* Of PostgreSQL's own functions. */
static bool
is_door(Oid function)
{
	switch (function)
	{
		CSEC_FILE_READERS_OF_VERSION:
		case F_PG_READ_FILE_TEXT:
		case F_PG_READ_FILE_TEXT_INT8_INT8:
		case F_PG_READ_FILE_TEXT_INT8_INT8_BOOL:
		case F_PG_READ_BINARY_FILE_TEXT:
		case F_PG_READ_BINARY_FILE_TEXT_INT8_INT8:
		case F_PG_READ_BINARY_FILE_TEXT_INT8_INT8_BOOL:
		case F_LO_IMPORT_TEXT:
		case F_LO_IMPORT_TEXT_OID:
		case F_LO_EXPORT:
		case F_PG_LOGICAL_SLOT_GET_CHANGES:
		case F_PG_LOGICAL_SLOT_GET_BINARY_CHANGES:
		case F_PG_LOGICAL_SLOT_PEEK_CHANGES:
		case F_PG_LOGICAL_SLOT_PEEK_BINARY_CHANGES:
		case F_PG_CREATE_LOGICAL_REPLICATION_SLOT:
		case F_PG_CREATE_PHYSICAL_REPLICATION_SLOT:
		case F_PG_COPY_LOGICAL_REPLICATION_SLOT_NAME_NAME:
		case F_PG_COPY_LOGICAL_REPLICATION_SLOT_NAME_NAME_BOOL:
		case F_PG_COPY_LOGICAL_REPLICATION_SLOT_NAME_NAME_BOOL_NAME:
		case F_PG_COPY_PHYSICAL_REPLICATION_SLOT_NAME_NAME:
		case F_PG_COPY_PHYSICAL_REPLICATION_SLOT_NAME_NAME_BOOL:
		case F_PG_REPLICATION_SLOT_ADVANCE:
		case F_PG_DROP_REPLICATION_SLOT:
		case F_PG_BACKUP_START:
			return true;
		default:
			return false;
	}
}

static bool
is_of_library(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;

	for (int i = 0; i < lengthof(libraries); i++)
	{
		size_t		len = strlen(libraries[i]);

		if (strncmp(name, libraries[i], len) == 0 &&
			(name[len] == '\0' || name[len] == '.'))
			return true;
	}
	return false;
}

/* The built-in function that a function of language "internal" is. */
static Oid
builtin_of(const char *inside)
{
	for (int i = 0; i < fmgr_nbuiltins; i++)
		if (strcmp(fmgr_builtins[i].funcName, inside) == 0)
			return fmgr_builtins[i].foid;
	return InvalidOid;
}

/*
 * What a function that was created here does: the built-in one that it is, the
 * function itself where it is a door by its library, or none.
 */
static Oid
resolve(Oid function)
{
	HeapTuple	row = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc form;
	Oid			found = InvalidOid;
	bool		isnull = true;
	Datum		inside = 0;

	if (!HeapTupleIsValid(row))
		return InvalidOid;
	form = (Form_pg_proc) GETSTRUCT(row);
	if (form->prolang == INTERNALlanguageId)
		inside = SysCacheGetAttr(PROCOID, row, Anum_pg_proc_prosrc, &isnull);
	else if (form->prolang == ClanguageId)
		inside = SysCacheGetAttr(PROCOID, row, Anum_pg_proc_probin, &isnull);
	if (!isnull && form->prolang == INTERNALlanguageId)
		found = builtin_of(TextDatumGetCString(inside));
	else if (!isnull && is_of_library(TextDatumGetCString(inside)))
		found = function;
	ReleaseSysCache(row);
	return found;
}

static Oid
resolve_cached(Oid function)
{
	int			at = function % CACHED;
	Oid			inside;

	if (likely(cache[at].function == function))
		return cache[at].inside;
	inside = resolve(function);
	cache[at].function = function;
	cache[at].inside = inside;
	return inside;
}

static void
functions_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	memset(cache, 0, sizeof(cache));
}

static bool
told_already(Oid function)
{
	TimestampTz now = GetCurrentStatementStartTimestamp();

	if (now != told_in)
		tolds = 0;
	told_in = now;
	for (int i = 0; i < tolds; i++)
		if (told[i] == function)
			return true;
	if (tolds < MAX_TOLD)
		told[tolds++] = function;
	return false;
}

static char *
function_name(Oid function)
{
	return psprintf("%s.%s", get_namespace_name(get_func_namespace(function)),
					get_func_name(function));
}

/* Can and should anything be recorded here and now? */
static bool
recording(void)
{
	return !csec_known_absent && IsTransactionState() && !creating_extension &&
		!IsBinaryUpgrade && !IsParallelWorker() && !RecoveryInProgress() &&
		csec_database_has_csec();
}

/* A function is about to be called; workers are told of by their leader. */
static void
function_called(Oid function)
{
	Oid			inside;

	if (csec_known_absent)
		return;
	inside = function < FirstNormalObjectId ? function : resolve_cached(function);
	if (inside == F_SET_CONFIG && recording())
		csec_settings_may_change();
	if (!(inside >= FirstNormalObjectId || is_door(inside)) ||
		!recording() || told_already(function))
		return;
	csec_control_emit_at_once("CALL", function_name(function),
							  inside == function ? NULL :
							  psprintf("{\"is\": \"%s\"}", get_func_name(inside)));
}

/* Is this something that csec made for itself? */
static bool
is_own_object(Oid classId, Oid objectId)
{
	if (classId == ProcedureRelationId)
		return csec_schema_is_own(get_func_namespace(objectId));
	if (classId == NamespaceRelationId)
		return csec_schema_is_own(objectId);
	return classId == EventTriggerRelationId && csec_object_is_own(classId, objectId);
}

static void
object_changed(const char *action, Oid classId, Oid objectId)
{
	ObjectAddress address;

	if ((classId != ProcedureRelationId && classId != NamespaceRelationId &&
		 classId != EventTriggerRelationId) ||
		!recording() || csec_own_ddl() || !is_own_object(classId, objectId))
		return;
	ObjectAddressSet(address, classId, objectId);
	(void) GetCurrentTransactionId();
	csec_control_emit(action, getObjectDescription(&address, true), NULL);
}

static void
object_access(ObjectAccessType access, Oid classId, Oid objectId, int subId, void *arg)
{
	if (prev_object_access)
		prev_object_access(access, classId, objectId, subId, arg);
	if (access == OAT_FUNCTION_EXECUTE)
		function_called(objectId);
	else if (access == OAT_POST_ALTER)
		object_changed("ALTER", classId, objectId);
	else if (access == OAT_POST_CREATE)
		object_changed("REPLACE", classId, objectId);	/* a new one is not there yet */
}

void
csec_doors_init(void)
{
	prev_object_access = object_access_hook;
	object_access_hook = object_access;
	CacheRegisterSyscacheCallback(PROCOID, functions_changed, (Datum) 0);
}
