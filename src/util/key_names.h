/*
 * key_names.h
 *		Names of keys, and the settings that name them.
 */
#ifndef CSEC_UTIL_KEY_NAMES_H
#define CSEC_UTIL_KEY_NAMES_H

#include "postgres.h"

#include "nodes/pg_list.h"

#define CSEC_KEY_NAME_MAX	63
#define CSEC_MAX_KEKS		8

/* Letters, digits, "-" and "_": safe in a path and in a shell's word. */
extern bool csec_key_name_valid(const char *name);

/*
 * csec_kek_list
 *		The names in a value of csec.kek, of which copy is a copy that is written
 *		into; NIL: it is none that could be read, and wrong and hint say why.
 */
extern List *csec_kek_list(char *copy, const char **wrong, const char **hint);

/* csec.key_command for the key of that name; NULL: it has a % that stands for nothing. */
extern char *csec_key_command_line(const char *command, const char *name);

#endif							/* CSEC_UTIL_KEY_NAMES_H */
