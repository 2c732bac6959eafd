/*
 * client.c
 *		Emits what was read before a slow client holds it up.
 *
 * While a session waits for its client to take rows, nothing of csec runs in
 * it: what it has read and not yet emitted would stay in memory for as long as
 * the client likes, and be lost with the server, though the client has it.  So
 * csec looks at each message on its way to libpq's buffer.  When the buffer is
 * full, csec sends what the client's socket has room for; where that is not
 * all, what was read goes into the WAL before the session waits for the client.
 * It also does when a tenth of csec.audit_flush_interval has
 * passed: rows that left may be the last for long, if the query itself waits.
 *
 * The buffer is libpq's own secret, but for its size and how it is filled:
 * it is sent when it is full and more comes, and at the end of a command.
 * Messages are followed from the start of the process.
 */
#include "postgres.h"

#include <poll.h>

#include "libpq/libpq.h"
#include "libpq/libpq-be.h"
#include "miscadmin.h"

#include "capture/client.h"
#include "capture/collector.h"
#include "util/clock.h"
#include "util/guc.h"

/* What libpq gathers before it sends. */
#define SEND_BUFFER 8192

/*
 * How long a client may leave no room before it counts as slow, in ms: one that
 * merely waits for its turn on the processor would cost a record each time.
 * The session would wait for it anyway, in send().
 */
#define CLIENT_PATIENCE 10

static const PQcommMethods *socket_methods = NULL;
static PQcommMethods methods;
static size_t filled = 0;		/* of the buffer */

/*
 * Send what is in the buffer, as far as the client takes it without being
 * waited for; false: it leaves no room.  What is sent here need not be sent
 * later, so that a client that keeps up costs no look at its socket.
 */
static bool
client_takes_buffer(void)
{
	struct pollfd client = {.events = POLLOUT};

	if (MyProcPort == NULL || MyProcPort->sock == PGINVALID_SOCKET ||
		socket_methods->flush_if_writable() != 0)
		return false;
	if (!socket_methods->is_send_pending())
	{
		filled = 0;
		return true;
	}
	client.fd = MyProcPort->sock;
	return poll(&client, 1, CLIENT_PATIENCE) == 1 && (client.revents & POLLOUT) != 0;
}

/* Has what was read waited for long already, or would the client hold it up? */
static bool
must_emit_first(size_t total)
{
	int64		since = csec_collectors_wait_since();

	return since != 0 &&
		(total > SEND_BUFFER ||
		 csec_clock_ms() - since > csec_audit_flush_interval / 10 ||
		 !client_takes_buffer());
}

/*
 * Rows are sent while a query runs, outside of critical sections and of
 * records in the making.
 */
static bool
carries_rows(char type)
{
	return type == 'D' || type == 'd';
}

/* A message for which the buffer has no room. */
static pg_noinline void
buffer_is_full(char type, size_t total)
{
	if (carries_rows(type) && must_emit_first(total))
		csec_collectors_spill();
	filled = (filled + total - 1) % SEND_BUFFER + 1;
}

static int
put_message(char type, const char *body, size_t len)
{
	size_t		total = len + 5;

	if (likely(filled + total <= SEND_BUFFER))
		filled += total;
	else
		buffer_is_full(type, total);
	return socket_methods->putmessage(type, body, len);
}

static int
flush_messages(void)
{
	filled = 0;
	return socket_methods->flush();
}

/* In the postmaster, from which each session inherits it. */
void
csec_client_init(void)
{
	socket_methods = PqCommMethods;
	methods = *socket_methods;
	methods.putmessage = put_message;
	methods.flush = flush_messages;
	PqCommMethods = &methods;
}
