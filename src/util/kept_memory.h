/*
 * kept_memory.h
 *		Shared memory whose content outlives a restart of the server.
 */
#ifndef CSEC_KEPT_MEMORY_H
#define CSEC_KEPT_MEMORY_H

/*
 * For memory that has just been made (see shared_memory.h): fill it with
 * what a clean shutdown has left under this name, or with zeros, and leave it
 * again at the next one.  A crash and an immediate shutdown leave nothing.
 * name, data: must live as long as the server.
 */
extern void csec_kept_memory(const char *name, void *data, size_t size);

#endif
