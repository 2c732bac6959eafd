/*
 * json.h
 *		Reads the members of one JSON object, one by one (RFC 8259).      [FE]
 *
 * For small objects from outside that have to be understood in one way only.
 * So stricter than need be: a name that is written with escapes, or comes
 * twice, is refused, and so is whatever nests deeper than eight levels.
 */
#ifndef CSEC_UTIL_JSON_H
#define CSEC_UTIL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An object has no more members than this. */
#define CSEC_JSON_MEMBERS 64

typedef enum CsecJsonKind
{
	CSEC_JSON_STRING,			/* the bytes between its quotes */
	CSEC_JSON_NUMBER,
	CSEC_JSON_ARRAY,			/* with its brackets */
	CSEC_JSON_OTHER				/* an object, true, false, null */
} CsecJsonKind;

/* Points into the bytes that are read. */
typedef struct CsecJsonValue
{
	CsecJsonKind kind;
	const uint8_t *data;
	size_t		len;
	bool		plain;			/* of a string: nothing in it is escaped */
} CsecJsonValue;

typedef struct CsecJsonMember
{
	const uint8_t *name;
	size_t		name_len;
	CsecJsonValue value;
} CsecJsonMember;

/*
 * Takes the object apart that the bytes are; gives the number of members, or
 * -1 where they are anything else.
 */
extern int	csec_json_object(const uint8_t *bytes, size_t len,
							 CsecJsonMember member[CSEC_JSON_MEMBERS]);

/* The member of that name, or NULL. */
extern const CsecJsonMember *csec_json_find(const CsecJsonMember *member, int n,
											const char *name);

/* Is the value this string, written without escapes? */
extern bool csec_json_is(const CsecJsonValue *value, const char *text);

/* Is it the string, or an array with strings only of which one is it? */
extern bool csec_json_names(const CsecJsonValue *value, const char *text);

/* A number without sign, fraction and exponent, of up to 15 digits. */
extern bool csec_json_integer(const CsecJsonValue *value, int64_t *out);

#endif							/* CSEC_UTIL_JSON_H */
