/*
 * slot.c
 *		The replication slot that keeps the WAL until it is sealed.
 *
 * One physical, persistent slot for each database, csec_<oid>.  The sealer
 * holds it as long as it runs, so nobody can drop or advance it meanwhile.
 * It moves only to positions from which the sealer would start again after a
 * crash at this instant: that is, when the transaction that stored the
 * position is known to be on disk.
 *
 * A physical slot outlives DROP DATABASE; it is dropped from the utility hook
 * and, where that was not reached, by the launcher.
 */
#include "sealer/slot.h"

#include "access/xlog.h"
#include "miscadmin.h"
#include "replication/slot.h"
#include "storage/lwlock.h"
#include "storage/spin.h"
#include "utils/syscache.h"

#include "util/pgcompat.h"

#define SLOT_PREFIX "csec_"

static void
slot_name(Oid database, char *name)
{
	snprintf(name, NAMEDATALEN, SLOT_PREFIX "%u", database);
}

static void
create(const char *name)
{
	CheckSlotRequirements();
	csec_create_slot(name);
	ReplicationSlotReserveWal();
	ReplicationSlotMarkDirty();
	ReplicationSlotSave();
}

bool
csec_slot_make(void)
{
	char		name[NAMEDATALEN];

	slot_name(MyDatabaseId, name);
	if (SearchNamedReplicationSlot(name, true) != NULL)
		return false;
	create(name);
	ReplicationSlotRelease();
	return true;
}

void
csec_slot_hold(bool *was_lost)
{
	char		name[NAMEDATALEN];
	ReplicationSlot *slot;

	slot_name(MyDatabaseId, name);
	slot = SearchNamedReplicationSlot(name, true);
	if (slot != NULL)
	{
		csec_acquire_slot(name);
		if (!XLogRecPtrIsInvalid(csec_slot_position()) && !csec_slot_invalid(MyReplicationSlot))
		{
			*was_lost = false;
			return;
		}
		ReplicationSlotRelease();
		ReplicationSlotDrop(name, true);
	}
	create(name);
	*was_lost = true;
}

XLogRecPtr
csec_slot_position(void)
{
	XLogRecPtr	position;

	SpinLockAcquire(&MyReplicationSlot->mutex);
	position = MyReplicationSlot->data.restart_lsn;
	SpinLockRelease(&MyReplicationSlot->mutex);
	return position;
}

/*
 * Not saved at once: a checkpoint saves slots before it removes WAL, and an
 * older position after a crash only keeps more.
 */
void
csec_slot_move(XLogRecPtr position)
{
	SpinLockAcquire(&MyReplicationSlot->mutex);
	MyReplicationSlot->data.restart_lsn = position;
	SpinLockRelease(&MyReplicationSlot->mutex);
	ReplicationSlotMarkDirty();
	ReplicationSlotsComputeRequiredLSN();
}

void
csec_slot_drop(Oid database)
{
	char		name[NAMEDATALEN];

	slot_name(database, name);
	if (SearchNamedReplicationSlot(name, true) != NULL)
		ReplicationSlotDrop(name, true);
}

bool
csec_slot_is_there(Oid database)
{
	char		name[NAMEDATALEN];

	slot_name(database, name);
	return SearchNamedReplicationSlot(name, true) != NULL;
}

bool
csec_slot_is_free(void)
{
	bool		found = false;

	LWLockAcquire(ReplicationSlotControlLock, LW_SHARED);
	for (int i = 0; i < max_replication_slots && !found; i++)
		found = !ReplicationSlotCtl->replication_slots[i].in_use;
	LWLockRelease(ReplicationSlotControlLock);
	return found;
}

/* The database that a slot's name stands for; InvalidOid: not one of ours. */
static Oid
database_of_slot(const char *name)
{
	char		again[NAMEDATALEN];
	unsigned long database;

	if (strncmp(name, SLOT_PREFIX, strlen(SLOT_PREFIX)) != 0)
		return InvalidOid;
	database = strtoul(name + strlen(SLOT_PREFIX), NULL, 10);
	if (database == 0 || database > OID_MAX)
		return InvalidOid;
	slot_name((Oid) database, again);
	return strcmp(name, again) == 0 ? (Oid) database : InvalidOid;
}

void
csec_slot_drop_orphans(void)
{
	for (int i = 0; i < max_replication_slots; i++)
	{
		ReplicationSlot *slot = &ReplicationSlotCtl->replication_slots[i];
		char		name[NAMEDATALEN];
		bool		idle;
		Oid			database;

		LWLockAcquire(ReplicationSlotControlLock, LW_SHARED);
		idle = slot->in_use && slot->active_pid == 0;
		if (idle)
			strlcpy(name, NameStr(slot->data.name), NAMEDATALEN);
		LWLockRelease(ReplicationSlotControlLock);
		if (!idle)
			continue;

		database = database_of_slot(name);
		if (!OidIsValid(database) ||
			SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(database)))
			continue;
		ReplicationSlotDrop(name, true);
		ereport(LOG,
				(errmsg("dropped replication slot \"%s\" of a database that is gone", name)));
	}
}
