/*
 * key_list.h
 *		Keys that whoever verifies has given.                           [FE]
 */
#ifndef CSEC_VERIFY_KEY_LIST_H
#define CSEC_VERIFY_KEY_LIST_H

#include "audit/signed_note.h"

typedef struct CsecKeyList
{
	CsecVerifierKey *key;
	int			count;
} CsecKeyList;

/* A key or several: "name+number+base64" each, or the file that has them. */
extern void csec_keys_add(CsecKeyList *keys, const char *given);

/* The keys of a file: one a line, "#" before a comment; false where a line is none. */
extern bool csec_keys_parse(CsecKeyList *keys, const char *text, size_t len);

#endif							/* CSEC_VERIFY_KEY_LIST_H */
