/*
 * shell_command.c
 *		Put words into a shell command of the DBA's.
 *
 * What is put into the command may come from records, so from anybody: but for
 * numbers and names of our own it is a word in single quotes, whatever it
 * contains.
 */
#include "util/shell_command.h"

static void
append_quoted(StringInfo out, const char *value)
{
	appendStringInfoChar(out, '\'');
	for (const char *p = value == NULL ? "" : value; *p != '\0'; p++)
	{
		if (*p == '\'')
			appendStringInfoString(out, "'\\''");
		else
			appendStringInfoChar(out, *p);
	}
	appendStringInfoChar(out, '\'');
}

static const CsecShellWord *
word_of(char letter, const CsecShellWord *words, int count)
{
	for (int i = 0; i < count; i++)
		if (words[i].letter == letter)
			return &words[i];
	return NULL;
}

char *
csec_shell_command(const char *command, const CsecShellWord *words, int count)
{
	StringInfoData out;

	initStringInfo(&out);
	for (const char *p = command; *p != '\0'; p++)
	{
		const CsecShellWord *word;

		if (*p != '%')
		{
			appendStringInfoChar(&out, *p);
			continue;
		}
		p++;
		word = word_of(*p, words, count);
		if (word != NULL && word->bare)
			appendStringInfoString(&out, word->value);
		else if (word != NULL)
			append_quoted(&out, word->value);
		else if (*p == '%')
			appendStringInfoChar(&out, '%');
		else
			return NULL;
	}
	return out.data;
}
