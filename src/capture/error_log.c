/*
 * error_log.c
 *		Keeps what a session was shown in clear out of the server's log.
 *
 * Errors carry values: the key that is there already, the row that fails a
 * check, parameters of PL/pgSQL, the text of a statement that was put together.
 * They are printed for the session, as its reader may see them, and go into
 * the log as well, where nobody asks for a clearance.  A detail can be one of
 * the log's own, and a context can be left out there: the client gets both.
 * Of a message itself there is one only (docs/limits.md).
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"

#include "capture/error_log.h"
#include "policy/catalog.h"
#include "policy/decision.h"

static emit_log_hook_type prev_emit_log = NULL;

/* What a worker showed the leader does not know: its error is told by both. */
static bool
may_have_values(void)
{
	return csec_shown_in_clear() || (IsInParallelMode() && !csec_known_absent);
}

static void
emit_log(ErrorData *error)
{
	if (unlikely((error->detail != NULL || error->context != NULL) && may_have_values()))
	{
		if (error->detail != NULL && error->detail_log == NULL)
			error->detail_log = MemoryContextStrdup(error->assoc_context,
													_("The client alone has the detail, as this transaction saw fields in clear."));
		/* texts of statements are quoted, in whatever language */
		if (error->context != NULL && strchr(error->context, '"') != NULL)
			error->hide_ctx = true;
	}
	if (prev_emit_log)
		prev_emit_log(error);
}

void
csec_error_log_init(void)
{
	prev_emit_log = emit_log_hook;
	emit_log_hook = emit_log;
}
