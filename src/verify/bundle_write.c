/*
 * bundle_write.c
 *		Writes an evidence bundle.                                      [FE]
 */
#include "verify/bundle_write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/evp.h>

#include "crypto/hash.h"
#include "verify/file.h"
#include "verify/finding.h"

void
csec_writer_open(CsecBundleWriter *writer, const char *folder)
{
	memset(writer, 0, sizeof(*writer));
	if (mkdir(folder, 0700) != 0)
		csec_fail("could not create folder \"%s\": %s", folder, strerror(errno));
	writer->folder = csec_strdup(folder);
	writer->records_path = csec_file_path(folder, "records");
	writer->records = csec_file_make(writer->records_path);
	writer->bytes = csec_alloc(CSEC_RUN_HEADER_SIZE + CSEC_RUN_MAX);
	writer->used = CSEC_RUN_HEADER_SIZE;
}

/* ---- records ---- */

static void
keep_run_end(CsecBundleWriter *writer)
{
	if (writer->run_ends == writer->run_capacity)
	{
		writer->run_capacity = writer->run_capacity == 0 ? 64 : writer->run_capacity * 2;
		writer->run_end = csec_realloc(writer->run_end,
									   writer->run_capacity * sizeof(uint64_t));
	}
	writer->run_end[writer->run_ends++] = writer->last_seq;
}

static void
end_run(CsecBundleWriter *writer)
{
	uint8_t		digest[CSEC_HASH_SIZE + CSEC_RUN_DIGEST_SIZE];

	if (writer->run.count == 0)
		return;
	writer->run.bytes = (uint32_t) (writer->used - CSEC_RUN_HEADER_SIZE);
	csec_run_put(writer->bytes, &writer->run);
	csec_file_write(writer->records, writer->records_path, writer->bytes, writer->used);
	memcpy(digest, writer->manifest.runs_digest, CSEC_HASH_SIZE);
	csec_run_digest_put(digest + CSEC_HASH_SIZE, &writer->run, writer->last_hash);
	if (!csec_sha256(digest, sizeof(digest), writer->manifest.runs_digest))
		csec_fail("could not compute a hash");
	writer->manifest.runs++;
	keep_run_end(writer);
	writer->run.count = 0;
	writer->used = CSEC_RUN_HEADER_SIZE;
}

static void
put_u32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t) (v >> 24);
	p[1] = (uint8_t) (v >> 16);
	p[2] = (uint8_t) (v >> 8);
	p[3] = (uint8_t) v;
}

void
csec_writer_add(CsecBundleWriter *writer, uint64_t seq, const uint8_t *before,
				const uint8_t *record, uint32_t len, const uint8_t *hash)
{
	if (len > CSEC_RECORD_MAX)
		csec_fail("record %llu is longer than a record can be", (unsigned long long) seq);
	if (writer->run.count > 0 &&
		(seq != writer->last_seq + 1 || writer->run.count >= CSEC_RUN_RECORDS ||
		 writer->used >= CSEC_RUN_TARGET))
		end_run(writer);
	if (writer->run.count == 0)
	{
		writer->run.first = seq;
		memcpy(writer->run.before, before, CSEC_HASH_SIZE);
	}
	put_u32(writer->bytes + writer->used, len);
	memcpy(writer->bytes + writer->used + 4, record, len);
	memcpy(writer->bytes + writer->used + 4 + len, hash, CSEC_HASH_SIZE);
	writer->used += 4 + len + CSEC_HASH_SIZE;
	writer->run.count++;
	writer->last_seq = seq;
	memcpy(writer->last_hash, hash, CSEC_HASH_SIZE);
	writer->manifest.records++;
}

void
csec_writer_end_records(CsecBundleWriter *writer)
{
	end_run(writer);
	csec_file_close(writer->records, writer->records_path);
}

/* ---- the small files ---- */

void
csec_writer_begin(CsecBundleWriter *writer, CsecBundleFile *file, const char *name)
{
	file->path = csec_file_path(writer->folder, name);
	file->file = csec_file_make(file->path);
	file->digest = EVP_MD_CTX_new();
	if (file->digest == NULL ||
		EVP_DigestInit_ex(file->digest, EVP_sha256(), NULL) != 1)
		csec_fail("could not compute a hash");
}

void
csec_writer_put(CsecBundleFile *file, const void *data, size_t len)
{
	csec_file_write(file->file, file->path, data, len);
	if (EVP_DigestUpdate(file->digest, data, len) != 1)
		csec_fail("could not compute a hash");
}

void
csec_writer_end(CsecBundleFile *file, uint8_t *digest)
{
	if (EVP_DigestFinal_ex(file->digest, digest, NULL) != 1)
		csec_fail("could not compute a hash");
	EVP_MD_CTX_free(file->digest);
	csec_file_close(file->file, file->path);
	free(file->path);
}

void
csec_writer_close(CsecBundleWriter *writer, uint8_t *digest)
{
	char	   *text = csec_alloc(CSEC_MANIFEST_MAX);
	size_t		len = csec_manifest_put(text, CSEC_MANIFEST_MAX, &writer->manifest);
	CsecBundleFile file;

	if (len == 0)
		csec_fail("the manifest is longer than it may be");
	csec_writer_begin(writer, &file, "MANIFEST");
	csec_writer_put(&file, text, len);
	csec_writer_end(&file, digest);
	free(text);
	free(writer->bytes);
	free(writer->run_end);
	free(writer->records_path);
	free(writer->folder);
}
