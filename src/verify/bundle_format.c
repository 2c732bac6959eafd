/*
 * bundle_format.c
 *		The bytes of an evidence bundle.                                [FE]
 */
#include "verify/bundle_format.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/bytes.h"
#include "util/hex.h"

#define RUN_MAGIC "CSR1"

/* ---- runs ---- */

void
csec_run_put(uint8_t *out, const CsecRun *run)
{
	memcpy(out, RUN_MAGIC, 4);
	csec_put_u64(out + 4, run->first);
	csec_put_u32(out + 12, run->count);
	csec_put_u32(out + 16, run->bytes);
	memcpy(out + 20, run->before, CSEC_HASH_SIZE);
}

/* Reads CSEC_RUN_HEADER_SIZE bytes; false where no run begins so. */
bool
csec_run_get(const uint8_t *in, CsecRun *run)
{
	if (memcmp(in, RUN_MAGIC, 4) != 0)
		return false;
	run->first = csec_get_u64(in + 4);
	run->count = csec_get_u32(in + 12);
	run->bytes = csec_get_u32(in + 16);
	memcpy(run->before, in + 20, CSEC_HASH_SIZE);
	return run->count > 0 && run->bytes <= CSEC_RUN_MAX &&
		run->count <= run->bytes / CSEC_ENTRY_MIN &&
		run->first >= 1 && run->first <= (uint64_t) INT64_MAX - run->count;
}

void
csec_run_open(CsecRunReader *reader, const CsecRun *run, const uint8_t *entries)
{
	reader->p = entries;
	reader->end = entries + run->bytes;
	reader->left = run->count;
}

bool
csec_run_next(CsecRunReader *reader, const uint8_t **record, uint32_t *len,
			  const uint8_t **hash)
{
	size_t		rest = (size_t) (reader->end - reader->p);

	if (reader->left == 0 || rest < CSEC_ENTRY_MIN)
		return false;
	*len = csec_get_u32(reader->p);
	if (*len > rest - CSEC_ENTRY_MIN)
		return false;
	*record = reader->p + 4;
	*hash = *record + *len;
	reader->p = *hash + CSEC_HASH_SIZE;
	reader->left--;
	return true;
}

void
csec_run_digest_put(uint8_t *out, const CsecRun *run, const uint8_t *last_hash)
{
	csec_put_u64(out, run->first);
	csec_put_u32(out + 8, run->count);
	memcpy(out + 12, run->before, CSEC_HASH_SIZE);
	memcpy(out + 12 + CSEC_HASH_SIZE, last_hash, CSEC_HASH_SIZE);
}

/* ---- the manifest ---- */

typedef struct Writer
{
	char	   *p;
	size_t		left;
	bool		full;
} Writer;

static void put(Writer *writer, const char *format,...)
			__attribute__((format(printf, 2, 3)));

static void
put(Writer *writer, const char *format,...)
{
	va_list		args;
	int			n;

	va_start(args, format);
	n = vsnprintf(writer->p, writer->left, format, args);
	va_end(args);
	if (n < 0 || (size_t) n >= writer->left)
	{
		writer->full = true;
		return;
	}
	writer->p += n;
	writer->left -= (size_t) n;
}

/* A value must not end its line, nor a terminal's patience. */
static void
put_text(Writer *writer, const char *name, const char *value)
{
	put(writer, "%s: ", name);
	for (; *value != '\0'; value++)
	{
		unsigned char c = (unsigned char) *value;

		put(writer, "%c", c < ' ' || c == 127 ? '?' : c);
	}
	put(writer, "\n");
}

static void
put_hash(Writer *writer, const char *name, const uint8_t *hash)
{
	char		hex[2 * CSEC_HASH_SIZE + 1];

	csec_hex_put(hex, hash, CSEC_HASH_SIZE);
	put(writer, "%s: %s\n", name, hex);
}

size_t
csec_manifest_put(char *out, size_t size, const CsecManifest *manifest)
{
	Writer		writer = {.p = out, .left = size};

	put(&writer, "csec evidence 1\n");
	put(&writer, "system: %llu\n", (unsigned long long) manifest->system);
	put(&writer, "database id: %u\n", manifest->database_id);
	put_text(&writer, "database", manifest->database);
	put_text(&writer, "exported by", manifest->exported_by);
	put_text(&writer, "exported at", manifest->exported_at);
	put_text(&writer, "exported with", manifest->exported_with);
	put_text(&writer, "server", manifest->server);
	put_text(&writer, "reason", manifest->reason);
	put_text(&writer, "selection", manifest->selection);
	put(&writer, "trail: %llu\n", (unsigned long long) manifest->trail_seq);
	put_hash(&writer, "trail hash", manifest->trail_hash);
	put(&writer, "records: %llu\n", (unsigned long long) manifest->records);
	put(&writer, "runs: %llu\n", (unsigned long long) manifest->runs);
	put_hash(&writer, "runs digest", manifest->runs_digest);
	put_hash(&writer, "checkpoints", manifest->checkpoints);
	put_hash(&writer, "proofs", manifest->proofs);
	put_hash(&writer, "keys", manifest->keys);
	return writer.full ? 0 : size - writer.left;
}

typedef struct Reader
{
	const char *p;
	const char *end;
	const char *problem;
} Reader;

/* The next line has this name: its value, without the line feed. */
static bool
take(Reader *reader, const char *name, const char **value, size_t *len)
{
	size_t		name_len = strlen(name);
	const char *feed;

	if (reader->problem != NULL)
		return false;
	feed = memchr(reader->p, '\n', (size_t) (reader->end - reader->p));
	if (feed == NULL || (size_t) (feed - reader->p) < name_len + 2 ||
		memcmp(reader->p, name, name_len) != 0 ||
		memcmp(reader->p + name_len, ": ", 2) != 0)
	{
		reader->problem = name;
		return false;
	}
	*value = reader->p + name_len + 2;
	*len = (size_t) (feed - *value);
	reader->p = feed + 1;
	return true;
}

static void
take_text(Reader *reader, const char *name, char *out)
{
	const char *value;
	size_t		len;

	if (!take(reader, name, &value, &len))
		return;
	if (len >= CSEC_MANIFEST_TEXT)
		reader->problem = name;
	for (size_t i = 0; i < len && reader->problem == NULL; i++)
		if ((unsigned char) value[i] < ' ' || value[i] == 127)
			reader->problem = name;
	if (reader->problem != NULL)
		return;
	memcpy(out, value, len);
	out[len] = '\0';
}

static uint64_t
take_number(Reader *reader, const char *name, uint64_t max)
{
	const char *value;
	size_t		len;
	uint64_t	n = 0;

	if (!take(reader, name, &value, &len))
		return 0;
	if (len == 0 || len > 20 || (len > 1 && value[0] == '0'))
		reader->problem = name;
	for (size_t i = 0; i < len && reader->problem == NULL; i++)
	{
		unsigned	digit = (unsigned) (unsigned char) value[i] - '0';

		if (digit > 9 || n > max / 10 || n * 10 > max - digit)
			reader->problem = name;
		else
			n = n * 10 + digit;
	}
	return n;
}

static void
take_hash(Reader *reader, const char *name, uint8_t *out)
{
	const char *value;
	size_t		len;

	if (take(reader, name, &value, &len) &&
		!csec_hex_get(value, len, out, CSEC_HASH_SIZE))
		reader->problem = name;
}

const char *
csec_manifest_get(const char *in, size_t len, CsecManifest *manifest)
{
	static const char first_line[] = "csec evidence 1\n";
	size_t		first_len = sizeof(first_line) - 1;
	Reader		reader = {.p = in + first_len, .end = in + len};

	memset(manifest, 0, sizeof(*manifest));
	if (len < first_len || len > CSEC_MANIFEST_MAX ||
		memcmp(in, first_line, first_len) != 0)
		return "first line";
	manifest->system = take_number(&reader, "system", UINT64_MAX);
	manifest->database_id = (uint32_t) take_number(&reader, "database id", UINT32_MAX);
	take_text(&reader, "database", manifest->database);
	take_text(&reader, "exported by", manifest->exported_by);
	take_text(&reader, "exported at", manifest->exported_at);
	take_text(&reader, "exported with", manifest->exported_with);
	take_text(&reader, "server", manifest->server);
	take_text(&reader, "reason", manifest->reason);
	take_text(&reader, "selection", manifest->selection);
	manifest->trail_seq = take_number(&reader, "trail", INT64_MAX);
	take_hash(&reader, "trail hash", manifest->trail_hash);
	manifest->records = take_number(&reader, "records", INT64_MAX);
	manifest->runs = take_number(&reader, "runs", INT64_MAX);
	take_hash(&reader, "runs digest", manifest->runs_digest);
	take_hash(&reader, "checkpoints", manifest->checkpoints);
	take_hash(&reader, "proofs", manifest->proofs);
	take_hash(&reader, "keys", manifest->keys);
	if (reader.problem == NULL && reader.p != reader.end)
		reader.problem = "end";
	return reader.problem;
}
