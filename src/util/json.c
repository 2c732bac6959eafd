/*
 * json.c
 *		Reads the members of one JSON object, one by one (RFC 8259).      [FE]
 *
 * Each function below takes what it is named for off the front of a cursor,
 * and is false where something else stands there.
 */
#include "util/json.h"

#include <string.h>

#include "util/utf8.h"

#define DEEPEST 8

typedef struct Cursor
{
	const uint8_t *p;
	const uint8_t *end;
} Cursor;

static void
take_space(Cursor *c)
{
	while (c->p < c->end &&
		   (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
		c->p++;
}

static bool
take_char(Cursor *c, char wanted)
{
	if (c->p == c->end || *c->p != (uint8_t) wanted)
		return false;
	c->p++;
	return true;
}

static bool
take_word(Cursor *c, const char *word)
{
	size_t		len = strlen(word);

	if ((size_t) (c->end - c->p) < len || memcmp(c->p, word, len) != 0)
		return false;
	c->p += len;
	return true;
}

static bool
is_digit(const Cursor *c)
{
	return c->p < c->end && *c->p >= '0' && *c->p <= '9';
}

static bool
take_digits(Cursor *c)
{
	if (!is_digit(c))
		return false;
	while (is_digit(c))
		c->p++;
	return true;
}

static bool
take_number(Cursor *c)
{
	(void) take_char(c, '-');
	if (!take_char(c, '0') && !take_digits(c))
		return false;
	if (take_char(c, '.') && !take_digits(c))
		return false;
	if (take_char(c, 'e') || take_char(c, 'E'))
	{
		if (!take_char(c, '+'))
			(void) take_char(c, '-');
		return take_digits(c);
	}
	return true;
}

/* What follows a backslash. */
static bool
take_escape(Cursor *c)
{
	if (c->p == c->end)
		return false;
	if (*c->p != 'u')
		return memchr("\"\\/bfnrt", *c->p++, 8) != NULL;
	c->p++;
	for (int i = 0; i < 4; i++, c->p++)
		if (!is_digit(c) &&
			(c->p == c->end || !((*c->p >= 'a' && *c->p <= 'f') ||
								 (*c->p >= 'A' && *c->p <= 'F'))))
			return false;
	return true;
}

static bool
take_string(Cursor *c, CsecJsonValue *value)
{
	uint32_t	ignored;
	int			len;

	if (!take_char(c, '"'))
		return false;
	value->kind = CSEC_JSON_STRING;
	value->data = c->p;
	value->plain = true;
	while (c->p < c->end && *c->p != '"')
	{
		if (*c->p < 0x20)
			return false;
		if (take_char(c, '\\'))
		{
			value->plain = false;
			if (!take_escape(c))
				return false;
		}
		else if ((len = csec_utf8_decode(c->p, c->end, &ignored)) == 0)
			return false;
		else
			c->p += len;
	}
	value->len = (size_t) (c->p - value->data);
	return take_char(c, '"');
}

static bool take_value(Cursor *c, CsecJsonValue *value, int depth);

/* Values, or members, to the closing bracket. */
static bool
take_list(Cursor *c, char close, int depth)
{
	CsecJsonValue ignored;

	take_space(c);
	if (take_char(c, close))
		return true;
	do
	{
		take_space(c);
		if (close == '}')
		{
			if (!take_string(c, &ignored))
				return false;
			take_space(c);
			if (!take_char(c, ':'))
				return false;
		}
		if (!take_value(c, &ignored, depth))
			return false;
	} while (take_char(c, ','));
	return take_char(c, close);
}

/* A value with the space around it. */
static bool
take_value(Cursor *c, CsecJsonValue *value, int depth)
{
	bool		good;

	take_space(c);
	if (depth > DEEPEST || c->p == c->end)
		return false;
	value->data = c->p;
	value->plain = false;
	value->kind = CSEC_JSON_OTHER;
	switch (*c->p)
	{
		case '"':
			good = take_string(c, value);
			break;
		case '[':
			value->kind = CSEC_JSON_ARRAY;
			c->p++;
			good = take_list(c, ']', depth + 1);
			break;
		case '{':
			c->p++;
			good = take_list(c, '}', depth + 1);
			break;
		case 't':
			good = take_word(c, "true");
			break;
		case 'f':
			good = take_word(c, "false");
			break;
		case 'n':
			good = take_word(c, "null");
			break;
		default:
			value->kind = CSEC_JSON_NUMBER;
			good = take_number(c);
	}
	if (good && value->kind != CSEC_JSON_STRING)
		value->len = (size_t) (c->p - value->data);
	take_space(c);
	return good;
}

static bool
take_member(Cursor *c, CsecJsonMember *member)
{
	CsecJsonValue name;

	take_space(c);
	if (!take_string(c, &name) || !name.plain)
		return false;
	member->name = name.data;
	member->name_len = name.len;
	take_space(c);
	return take_char(c, ':') && take_value(c, &member->value, 1);
}

static bool
same_name(const CsecJsonMember *member, const void *name, size_t len)
{
	return member->name_len == len && memcmp(member->name, name, len) == 0;
}

int
csec_json_object(const uint8_t *bytes, size_t len, CsecJsonMember member[CSEC_JSON_MEMBERS])
{
	Cursor		c = {bytes, bytes + len};
	int			n = 0;

	take_space(&c);
	if (!take_char(&c, '{'))
		return -1;
	take_space(&c);
	if (!take_char(&c, '}'))
	{
		do
		{
			if (n == CSEC_JSON_MEMBERS || !take_member(&c, &member[n]))
				return -1;
			for (int i = 0; i < n; i++)
				if (same_name(&member[i], member[n].name, member[n].name_len))
					return -1;
			n++;
		} while (take_char(&c, ','));
		if (!take_char(&c, '}'))
			return -1;
	}
	take_space(&c);
	return c.p == c.end ? n : -1;
}

const CsecJsonMember *
csec_json_find(const CsecJsonMember *member, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (same_name(&member[i], name, strlen(name)))
			return &member[i];
	return NULL;
}

bool
csec_json_is(const CsecJsonValue *value, const char *text)
{
	return value->kind == CSEC_JSON_STRING && value->plain &&
		value->len == strlen(text) && memcmp(value->data, text, value->len) == 0;
}

bool
csec_json_names(const CsecJsonValue *value, const char *text)
{
	Cursor		c = {value->data, value->data + value->len};
	CsecJsonValue item;
	bool		found = false;

	if (value->kind != CSEC_JSON_ARRAY)
		return csec_json_is(value, text);
	(void) take_char(&c, '[');
	do
	{
		take_space(&c);
		/* the whole was sound already: what is no string is another value */
		if (!take_string(&c, &item))
			return false;
		found |= csec_json_is(&item, text);
		take_space(&c);
	} while (take_char(&c, ','));
	return found;
}

bool
csec_json_integer(const CsecJsonValue *value, int64_t *out)
{
	if (value->kind != CSEC_JSON_NUMBER || value->len > 15)
		return false;
	*out = 0;
	for (size_t i = 0; i < value->len; i++)
	{
		if (value->data[i] < '0' || value->data[i] > '9')
			return false;
		*out = *out * 10 + (value->data[i] - '0');
	}
	return true;
}
