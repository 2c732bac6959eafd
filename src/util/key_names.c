/*
 * key_names.c
 *		Names of keys, and the settings that name them.
 *
 * Here, as the settings themselves refuse what is none (guc.c).
 */
#include "util/key_names.h"

#include "utils/varlena.h"

#include "util/shell_command.h"

bool
csec_key_name_valid(const char *name)
{
	size_t		len = strlen(name);

	return len >= 1 && len <= CSEC_KEY_NAME_MAX &&
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == len;
}

static bool
is_named_before(List *names, int at)
{
	for (int i = 0; i < at; i++)
		if (strcmp(list_nth(names, i), list_nth(names, at)) == 0)
			return true;
	return false;
}

List *
csec_kek_list(char *copy, const char **wrong, const char **hint)
{
	char	   *whole = pstrdup(copy);
	List	   *written;
	List	   *names;

	*hint = "Name the key for new wraps first, then those that are still needed to unwrap: csec.kek = 'k2, root'.";
	if (!SplitIdentifierString(copy, ',', &names) || names == NIL ||
		!SplitGUCList(whole, ',', &written) || list_length(written) != list_length(names))
	{
		*wrong = "csec.kek is not a list of names";
		return NIL;
	}
	for (int i = 0; i < list_length(names); i++)
	{
		/* names are cut like those in SQL: what is looked at is how they were written */
		if (!csec_key_name_valid(list_nth(written, i)))
		{
			*wrong = psprintf("\"%s\" in csec.kek is not the name of a key", (char *) list_nth(written, i));
			*hint = psprintf("Names have 1 to %d letters, digits, \"-\" and \"_\".", CSEC_KEY_NAME_MAX);
			return NIL;
		}
		if (is_named_before(names, i) || i >= CSEC_MAX_KEKS)
		{
			*wrong = psprintf("csec.kek names a key twice, or more than %d keys", CSEC_MAX_KEKS);
			return NIL;
		}
	}
	return names;
}

char *
csec_key_command_line(const char *command, const char *name)
{
	CsecShellWord word = {'k', name, true};

	return csec_shell_command(command, &word, 1);
}
