/*
 * signed_note.h
 *		Text with signatures: C2SP signed-note and tlog-cosignature.     [FE]
 *
 * A note is a text that ends with a line feed, an empty line, and signature
 * lines: em dash, blank, name of the key, blank, base64 of the key's number
 * (4 bytes) and the signature.
 */
#ifndef CSEC_AUDIT_SIGNED_NOTE_H
#define CSEC_AUDIT_SIGNED_NOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/sign.h"

#define CSEC_KEY_NAME_SIZE	128 /* of a key, with its end */

/* Types of signature that are understood; lines of others are passed over. */
#define CSEC_SIGNED_ED25519		0x01
#define CSEC_SIGNED_COSIGNATURE	0x04	/* Ed25519, with the time of signing */

#define CSEC_COSIGNATURE_SIZE	(8 + CSEC_ED25519_SIGNATURE)

/* A signature line and its line feed have no more bytes. */
#define CSEC_SIGNATURE_LINE		(3 + 1 + CSEC_KEY_NAME_SIZE + 1 + 104 + 1)

/* "name+number+base64": how a key that verifies is written. */
#define CSEC_VKEY_SIZE			(CSEC_KEY_NAME_SIZE + 1 + 8 + 1 + 44 + 1)

typedef struct CsecVerifierKey
{
	char		name[CSEC_KEY_NAME_SIZE];
	uint8_t		type;
	uint32_t	id;
	uint8_t		key[CSEC_ED25519_PUBLIC];
} CsecVerifierKey;

/* Points into the bytes that were split. */
typedef struct CsecSignedNote
{
	const uint8_t *text;		/* with its last line feed */
	size_t		text_len;
	const uint8_t *signatures;	/* lines */
	size_t		signatures_len;
} CsecSignedNote;

typedef struct CsecSignatureLine
{
	char		name[CSEC_KEY_NAME_SIZE];
	uint32_t	id;
	size_t		size;			/* of the signature; only these are kept: */
	uint8_t		signature[CSEC_COSIGNATURE_SIZE];
} CsecSignatureLine;

/* Base64 with its padding; decoding is strict, and gives -1 for what is none. */
extern size_t csec_base64_put(const uint8_t *data, size_t len, char *out);
extern int	csec_base64_get(const uint8_t *text, size_t len, uint8_t *out, size_t size);

/* Fills in name, type, key and number; false for a name that no key may have. */
extern bool csec_verifier_key(CsecVerifierKey *key, const char *name,
							  uint8_t type, const uint8_t *public_key);
extern bool csec_vkey_get(const char *text, size_t len, CsecVerifierKey *key);
extern void csec_vkey_put(const CsecVerifierKey *key, char *out);

/* False for what is no note. */
extern bool csec_note_split(const uint8_t *bytes, size_t len, CsecSignedNote *note);

/* The line at *p, which moves behind it; false where it is malformed. */
extern bool csec_note_line(const uint8_t **p, const uint8_t *end,
						   CsecSignatureLine *line);

/* Is the line of this key? */
extern bool csec_note_line_of(const CsecSignatureLine *line, const CsecVerifierKey *key);

/* And is it its signature of the text?  time: POSIX, of a cosignature, or 0. */
extern bool csec_note_verify(const uint8_t *text, size_t len,
							 const CsecSignatureLine *line,
							 const CsecVerifierKey *key, uint64_t *time);

/* Writes a signature line of the text; gives its size, 0 where OpenSSL fails. */
extern size_t csec_note_sign(const uint8_t *text, size_t len, const char *name,
							 const uint8_t *seed, char *line);

#endif							/* CSEC_AUDIT_SIGNED_NOTE_H */
