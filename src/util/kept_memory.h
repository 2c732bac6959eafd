/*
 * kept_memory.h
 *		Counts in shared memory that outlive the server, also its crash.
 */
#ifndef CSEC_KEPT_MEMORY_H
#define CSEC_KEPT_MEMORY_H

#include <stddef.h>

/*
 * For memory that has just been made (see shared_memory.h), an array: fill it
 * with what was stored under this name, and zeros where nothing was.  name,
 * data: must live as long as the server.
 */
extern void csec_kept_memory(const char *name, void *data, size_t entry_size, int entries);

/*
 * Store one of its entries, before anybody acts upon it.  Under a lock that
 * keeps others from changing it; an error where that cannot be done.
 */
extern void csec_kept_store(const void *entry);

#endif
