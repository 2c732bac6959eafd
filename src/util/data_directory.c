/*
 * data_directory.c
 *		Is a directory part of what every base backup carries off?
 */
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"

#include "util/data_directory.h"

bool
csec_in_data_directory(const char *path)
{
	char		resolved[PATH_MAX];
	char		data[PATH_MAX];
	size_t		len;

	if (realpath(path, resolved) == NULL || realpath(DataDir, data) == NULL)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not resolve \"%s\": %m", path)));
	len = strlen(data);
	return strncmp(resolved, data, len) == 0 &&
		(resolved[len] == '/' || resolved[len] == '\0');
}
