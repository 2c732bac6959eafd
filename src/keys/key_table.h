/*
 * key_table.h
 *		The rows of csec.key, as a session has them.
 *
 * For keys/ alone: the floors above see a key by data_key.h.
 */
#ifndef CSEC_KEYS_KEY_TABLE_H
#define CSEC_KEYS_KEY_TABLE_H

#include "postgres.h"

#include "crypto/mac.h"
#include "keys/data_key.h"
#include "keys/kek.h"
#include "keys/key_use.h"
#include "util/bytes.h"

typedef enum CsecKeyState
{
	CSEC_KEY_ACTIVE,
	CSEC_KEY_NEXT,
	CSEC_KEY_DECRYPT_ONLY,
	CSEC_KEY_DESTROYED
} CsecKeyState;

struct CsecDataKey
{
	uint32		id;
	uint16		version;
	bool		search;			/* else a data key */
	CsecKeyState state;
	NameData	name;
	NameData	kek;
	uint8		commitment[CSEC_KEY_COMMITMENT];
	uint8		wrapped[CSEC_WRAPPED_SIZE];
	size_t		wrapped_size;
	CsecAead   *aead[CSEC_SUITES + 1];	/* by suite, made when needed */
	CsecMac    *mac;			/* of a search key */
	uint32		refused_by;		/* it was tried under this generation of KEKs, and does not open */
	CsecKeyUse *use;			/* how often it has encrypted, in all sessions */
	uint32		leave;			/* so often this one may before it asks again */
	uint32		block;			/* and so much it asked for last */
};

/* Valid until the next csec_key_table_refresh(), which moves the rows. */
typedef struct CsecKeyTable
{
	Oid			relid;
	bool		fresh;
	CsecDataKey *keys;
	int			n;
	uint32		search_active;	/* marks of search keys; 0: there is none */
	uint32		search_next;
	bool		search_misplaced;	/* fields are indexed by another than the active one */
} CsecKeyTable;

extern CsecKeyTable csec_key_table;

/* The mark of a search key: the head of its commitment. */
static inline uint32
csec_search_mark(const CsecDataKey *key)
{
	return csec_get_u32(key->commitment);
}

/* Read csec.key if it has changed, and can be read now. */
extern void csec_key_table_refresh(void);
extern void csec_key_table_init(void);

#endif							/* CSEC_KEYS_KEY_TABLE_H */
