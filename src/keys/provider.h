/*
 * provider.h
 *		Where keys come from: a directory, a command, or the data directory.
 */
#ifndef CSEC_KEYS_PROVIDER_H
#define CSEC_KEYS_PROVIDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "keys/key_text.h"
#include "util/key_names.h"

#define CSEC_ROOT_KEY		"root"

/* Fill key with the key of that name; an error in the postmaster ends its start. */
extern void csec_provider_read_key(const char *name, uint8_t *key);

/*
 * Run csec.key_command for a key: what it prints, at most size bytes, goes
 * into out; gives their number.  An error where it fails, takes longer than
 * csec.key_command_timeout, or the server stops.
 */
extern ssize_t csec_key_command_run(const char *name, char *out, size_t size);

#endif							/* CSEC_KEYS_PROVIDER_H */
