/*
 * origins.h
 *		Names that checkpoints begin with; a copied trail has several.  [FE]
 *
 * Whoever makes evidence may give each checkpoint a name of its own: what is
 * asked of them must not take longer with each.
 */
#ifndef CSEC_VERIFY_ORIGINS_H
#define CSEC_VERIFY_ORIGINS_H

#include <stdbool.h>

#include "audit/signed_note.h"

typedef struct CsecOrigins
{
	char		(*name)[CSEC_KEY_NAME_SIZE];
	int			count;
	int			capacity;
	bool		in_order;		/* of the alphabet, so that they can be looked up */
} CsecOrigins;

extern void csec_origins_free(CsecOrigins *origins);

/* Gives its number, by which it is known until they are put in order. */
extern int	csec_origins_add(CsecOrigins *origins, const char *name);

/* Puts them in order. */
extern bool csec_origins_have(CsecOrigins *origins, const char *name);

#endif							/* CSEC_VERIFY_ORIGINS_H */
