/*
 * file.c
 *		Files that fit into memory, and the names of those that do not. [FE]
 */
#include "verify/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verify/finding.h"

FILE *
csec_file_open(const char *path)
{
	FILE	   *file = fopen(path, "rb");

	if (file == NULL)
		csec_fail("could not open \"%s\": %s", path, strerror(errno));
	return file;
}

char *
csec_file_read(const char *path, size_t max, size_t *len)
{
	FILE	   *file = csec_file_open(path);
	size_t		size = 0;
	size_t		room = 4096;
	char	   *text = csec_alloc(room);

	for (;;)
	{
		size_t		n = fread(text + size, 1, room - 1 - size, file);

		size += n;
		if (ferror(file))
			csec_fail("could not read \"%s\": %s", path, strerror(errno));
		if (n == 0)
			break;
		if (size > max)
			csec_fail("\"%s\" is larger than it may be", path);
		if (size == room - 1)
			text = csec_realloc(text, room *= 2);
	}
	fclose(file);
	text[size] = '\0';
	*len = size;
	return text;
}

char *
csec_file_path(const char *directory, const char *name)
{
	size_t		size = strlen(directory) + strlen(name) + 2;
	char	   *path = csec_alloc(size);

	snprintf(path, size, "%s/%s", directory, name);
	return path;
}

bool
csec_is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Evidence holds customers' data: for its owner alone, and never over another. */
FILE *
csec_file_make(const char *path)
{
	int			fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	FILE	   *file = fd < 0 ? NULL : fdopen(fd, "wb");

	if (file == NULL)
		csec_fail("could not create \"%s\": %s", path, strerror(errno));
	return file;
}

void
csec_file_write(FILE *file, const char *path, const void *data, size_t len)
{
	if (fwrite(data, 1, len, file) != len)
		csec_fail("could not write \"%s\": %s", path, strerror(errno));
}

void
csec_file_close(FILE *file, const char *path)
{
	if (fflush(file) != 0 || fsync(fileno(file)) != 0 || fclose(file) != 0)
		csec_fail("could not write \"%s\": %s", path, strerror(errno));
}
