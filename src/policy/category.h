/*
 * category.h
 *		The kinds of fields: what each is called, how it is masked, checked,
 *		searched and sorted, and at which level it stands.
 */
#ifndef CSEC_POLICY_CATEGORY_H
#define CSEC_POLICY_CATEGORY_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "policy/check.h"
#include "policy/mask.h"

#define CSEC_CATEGORY_NONE	0	/* a value that never got one */
/* No category has an odd number: what is typed in and has none counts as this. */
#define CSEC_CATEGORY_TYPED_IN	1

typedef enum CsecStorage
{
	CSEC_STORAGE_MASKED,
	CSEC_STORAGE_ENCRYPTED,
	CSEC_STORAGE_REFUSED		/* must not be kept at all */
} CsecStorage;

typedef struct CsecCategory
{
	uint32		id;
	NameData	name;
	NameData	level;
	int			rank;			/* of the level: more is more secret */
	bool		needs_reason;	/* core: a reason must be in force */
	bool		strict;			/* the level is recorded before rows leave */
	CsecMaskKind mask;
	CsecMaskParams mask_params; /* of CSEC_MASK_FIRST_LAST */
	CsecCheckKind check;
	bool		check_strict;	/* reject, rather than store, what fails it */
	bool		searchable;		/* false: search = 'none' */
	bool		sort_plain;		/* true: sort = 'plain' */
	CsecStorage storage;
	int			suite;			/* 0: csec.suite says */
	NameData	data_key;		/* name of its key in csec.key */
} CsecCategory;

extern void csec_category_init(void);

/*
 * The number that stands for a category in values and typmods: the low 31
 * bits of the first four bytes (big endian) of SHA-256 of its name, the last
 * of them cleared (a typmod needs it: types/masked_value.h), 2 for 0.  From
 * the name alone: a restored dump creates tables before the category table
 * has rows.
 */
extern uint32 csec_category_id(const char *name);

/*
 * The category of that number; NULL: not known, or the policy cannot be read,
 * to be treated as the strictest there is.  Valid until the next look-up that
 * may run into a change of policy: copy what must live longer.
 */
extern const CsecCategory *csec_category_lookup(uint32 id);

/* The rank of a level; false: not known. */
extern bool csec_level_rank(const char *name, int *rank);

/* For views: copies of all categories, in no order. */
extern List *csec_category_all(void);

/* Name and level of those whose rows do not count: edited behind csec's back, or signed under another root key. */
extern List *csec_category_uncounted(void);

/*
 * Bring what is cached up to date; false where that cannot be done now, and
 * csec_category_lookup() gives the last known state, or nothing.
 */
extern bool csec_category_fresh(void);

#endif							/* CSEC_POLICY_CATEGORY_H */
