/*
 * data_key.h
 *		The keys of a database: those that values are encrypted under, and
 *		those of the tags that find them.
 *
 * They stand in csec.key, wrapped under a KEK.  A data key has a number of its
 * own and versions; a search key is told by its mark, the first bytes of what
 * commits to it.
 */
#ifndef CSEC_KEYS_DATA_KEY_H
#define CSEC_KEYS_DATA_KEY_H

#include "crypto/aead.h"

#define CSEC_DATA_KEY_DEFAULT	"data"
#define CSEC_SEARCH_KEY_DEFAULT	"search"
#define CSEC_SEARCH_TAG_SIZE	16

typedef struct CsecDataKey CsecDataKey;

/* The active version of a data key; an error, or NULL, where there is none. */
extern const CsecDataKey *csec_data_key_active(const char *name);
extern const CsecDataKey *csec_data_key_find_active(const char *name);

/*
 * The key of constants that are made before the database has keys, in
 * pg_upgrade.  Its number and version are 0; it is in no row of csec.key.
 */
extern const CsecDataKey *csec_data_key_of_constants(void);

/*
 * The key that a value names.  Errors, which name the key: undefined_object
 * where csec.key has no such row, object_not_in_prerequisite_state where it
 * was destroyed, or its KEK is not here.
 */
extern const CsecDataKey *csec_data_key_find(uint32_t id, uint16_t version);

/* Is there such a row, of a key that was not destroyed? */
extern bool csec_data_key_is_known(uint32_t id, uint16_t version);

/* Is there such a row, of a key that was destroyed? */
extern bool csec_data_key_is_destroyed(uint32_t id, uint16_t version);

/* ... and can it be unwrapped here?  Raises no error for what is wrong with it. */
extern bool csec_data_key_opens(uint32_t id, uint16_t version);

/* A key that does not open here; texts in the language of the server's log. */
typedef struct CsecKeyTrouble
{
	uint32_t	id;
	uint16_t	version;
	const char *kek;
	const char *message;
	const char *detail;			/* or NULL */
	const char *hint;			/* or NULL */
} CsecKeyTrouble;

/*
 * Unwrap every key that was not destroyed: those that do not open, in an array
 * that is palloc'd; *n: how many.
 */
extern CsecKeyTrouble *csec_key_troubles(int *n);

extern uint32_t csec_data_key_id(const CsecDataKey *key);
extern uint16_t csec_data_key_version(const CsecDataKey *key);
extern const uint8_t *csec_data_key_commitment(const CsecDataKey *key);

/*
 * A value will be encrypted under the key: count it.  Error
 * program_limit_exceeded where the key must not encrypt any more.
 */
extern void csec_data_key_count(const CsecDataKey *key);

/* The key made ready for a suite; valid until the next look-up of a key. */
extern CsecAead *csec_data_key_aead(const CsecDataKey *key, int suite);

/* Has the database an active search key? */
extern bool csec_search_key_is_there(void);

/*
 * The marks of the search key by which values are found and ordered, and of
 * the one that will take its place (0: none).
 */
extern uint32_t csec_search_key_active(uint32_t *next);

/*
 * The former where it is known and beyond doubt; 0: ask csec_search_key_active(),
 * which says what is wrong.  For what is asked at each step in an index.
 */
extern uint32_t csec_search_mark_now;

/* Is the search key of that mark here, and not destroyed? */
extern bool csec_search_key_is_known(uint32_t mark);

/* The tag of a text, in its search form, under the search key of that mark. */
extern void csec_search_tag(uint32_t mark, const void *form, size_t len, uint8_t *tag);

#endif							/* CSEC_KEYS_DATA_KEY_H */
