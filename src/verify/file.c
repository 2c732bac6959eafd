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

#include "crypto/hash.h"
#include "verify/finding.h"

FILE *
csec_file_open(const char *path)
{
	FILE	   *file = fopen(path, "rb");

	if (file == NULL)
		csec_fail("could not open \"%s\": %s", path, strerror(errno));
	return file;
}

FILE *
csec_file_open_ordinary(const char *path, bool follow)
{
	int			fd = open(path, O_RDONLY | (follow ? 0 : O_NOFOLLOW) | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	FILE	   *file;

	if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
	{
		close(fd);
		fd = -1;
		errno = ELOOP;
	}
	if (fd < 0 && errno == ELOOP)
		csec_fail("\"%s\" is no ordinary file", path);
	file = fd < 0 ? NULL : fdopen(fd, "rb");
	if (file == NULL)
		csec_fail("could not open \"%s\": %s", path, strerror(errno));
	return file;
}

void
csec_file_digest(FILE *file, const char *path, uint8_t *digest)
{
	size_t		size = 65536;
	uint8_t    *buffer = csec_alloc(size);
	bool		sound = csec_sha256_begin();
	size_t		n;

	while (sound && (n = fread(buffer, 1, size, file)) > 0)
		sound = csec_sha256_add(buffer, n);
	free(buffer);
	if (!sound || !csec_sha256_end(digest))
		csec_fail("could not compute a hash");
	if (ferror(file) || fseeko(file, 0, SEEK_SET) != 0)
		csec_fail("could not read \"%s\": %s", path, strerror(errno));
}

char *
csec_file_read(const char *path, size_t max, size_t *len)
{
	return csec_file_read_open(csec_file_open(path), path, max, len);
}

char *
csec_file_read_open(FILE *file, const char *path, size_t max, size_t *len)
{
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
