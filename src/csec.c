/*
 * csec.c
 *		Magic block and start of the library; nothing else.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "audit/connections.h"
#include "audit/leader.h"
#include "audit/stream.h"
#include "capture/client.h"
#include "capture/control.h"
#include "capture/doors.h"
#include "capture/error_log.h"
#include "capture/guard.h"
#include "capture/hooks.h"
#include "capture/leaver.h"
#include "capture/login.h"
#include "capture/scan_progress.h"
#include "capture/settings.h"
#include "capture/trees.h"
#include "keys/key_table.h"
#include "keys/key_use.h"
#include "keys/keyring.h"
#include "keys/subject_key.h"
#include "keys/tombstone.h"
#include "policy/catalog.h"
#include "policy/category.h"
#include "policy/clearance.h"
#include "policy/context.h"
#include "policy/decision.h"
#include "policy/match_lock.h"
#include "policy/permit.h"
#include "policy/permit_quota.h"
#include "policy/probe.h"
#include "policy/reader.h"
#include "policy/suspended.h"
#include "policy/table.h"
#include "sealer/key_keeper.h"
#include "sealer/launcher.h"
#include "types/list_order.h"
#include "util/guc.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

/*
 * The library must be there from the server's start: loaded later, it would
 * have missed reads and changes already, and would have no shared memory.
 */
void
_PG_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("csec must be loaded when the server starts"),
				 errhint("Add csec to shared_preload_libraries and restart the server.")));
	csec_guc_init();
	csec_keyring_init();
	csec_key_table_init();
	csec_key_use_init();
	csec_subject_key_init();
	csec_tombstone_init();
	csec_catalog_init();
	csec_category_init();
	csec_reader_init();
	csec_clearance_init();
	csec_permit_init();
	csec_suspended_init();
	csec_permit_quota_init();
	csec_context_init();
	csec_decision_init();
	csec_probe_init();
	csec_match_lock_init();
	csec_table_init();
	csec_stream_init();
	csec_leader_init();
	csec_connections_init();
	csec_login_init();
	csec_control_init();
	csec_error_log_init();
	csec_guard_init();
	csec_doors_init();
	csec_settings_init();
	csec_hooks_init();
	csec_trees_init();
	csec_list_order_init();
	csec_leaver_init();
	csec_scan_progress_init();
	csec_key_keeper_init();
	csec_client_init();
	csec_launcher_init();
}
