/*
 * report.c
 *		The verdict, for people and for programs.                       [FE]
 */
#include "verify/report.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "util/hex.h"
#include "util/utf8.h"

void
csec_report_finding(CsecReport *report, const CsecFinding *finding)
{
	if (finding->problem != NULL && report->findings < CSEC_REPORT_FINDINGS)
		report->finding[report->findings++] = *finding;
}

/* ---- for people ---- */

/* It moves a terminal's cursor, or turns the direction of what follows. */
static bool
is_command(uint32_t c)
{
	return c < ' ' || (c >= 0x7F && c <= 0x9F) ||
		(c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

/*
 * What comes from records and evidence, which anybody may have made, stays in its
 * place: or it would write another verdict over ours.
 */
static void
print_text(const char *text)
{
	const unsigned char *p = (const unsigned char *) text;
	const unsigned char *end = p + strlen(text);

	while (p < end)
	{
		uint32_t	c;
		int			len = csec_utf8_decode(p, end, &c);

		if (len == 0 || is_command(c))
			putchar('?');
		else
			fwrite(p, 1, (size_t) len, stdout);
		p += len == 0 ? 1 : len;
	}
}

static void
print_line(const char *label, const char *text)
{
	fputs(label, stdout);
	print_text(text);
	putchar('\n');
}

static void
print_evidence(const CsecReport *report)
{
	const CsecManifest *manifest = &report->manifest;
	char		digest[2 * CSEC_HASH_SIZE + 1];

	csec_hex_put(digest, report->digest, CSEC_HASH_SIZE);
	fputs("  evidence: ", stdout);
	print_text(manifest->selection);
	fputs(" of database ", stdout);
	print_text(manifest->database);
	fputs(", exported ", stdout);
	print_text(manifest->exported_at);
	fputs(" by ", stdout);
	print_text(manifest->exported_by);
	print_line(" with ", manifest->exported_with);
	if (manifest->reason[0] != '\0')
		print_line("  reason: ", manifest->reason);
	print_line("  digest: ", digest);
}

/* Seconds since 1970 as 2026-11-26T13:05:00Z. */
static void
moment_put(int64_t seconds, char *out, size_t size)
{
	time_t		time = (time_t) seconds;
	struct tm	tm;

	if (gmtime_r(&time, &tm) == NULL || strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(out, size, "?");
}

static void
print_vouched(const CsecVouched *vouched)
{
	char		at[32];

	if (vouched->cosigned > 0)
		printf("  signed by the witnesses: %llu, the last over %llu records\n",
			   (unsigned long long) vouched->cosigned,
			   (unsigned long long) vouched->cosigned_size);
	moment_put(vouched->stamped_at, at, sizeof(at));
	if (vouched->stamped > 0)
		printf("  stamped by the authority: %llu, the last over %llu records at %s\n",
			   (unsigned long long) vouched->stamped,
			   (unsigned long long) vouched->stamped_size, at);
	if (vouched->foreign > 0)
		printf("  time stamps of authorities that were not given (--tsa-ca): %llu\n",
			   (unsigned long long) vouched->foreign);
}

static void
print_checkpoints(const CsecReport *report)
{
	if (report->checkpoints == 0)
	{
		printf("  checkpoints: none. Who has the server's key could have made all of this\n");
		return;
	}
	printf("  checkpoints: %llu", (unsigned long long) report->checkpoints);
	if (report->known_keys)
		printf(", under the key or checkpoint given\n");
	else if (report->known_until > 0)
		printf(", up to record %lld under the checkpoint given; behind it begins another chain of keys\n",
			   (long long) report->known_until);
	else
		printf("; give --key or --from to know that they are genuine\n");
	print_vouched(&report->vouched);
	if (report->selection == NULL && report->anchored > 0 && report->anchored < report->last)
		printf("  records %lld to %lld are not under a checkpoint yet\n",
			   (long long) report->anchored + 1, (long long) report->last);
}

/* What --since came to. */
static void
print_part(const CsecReport *report)
{
	if (report->granted > 0)
		printf("  records up to %llu were not looked at: checkpoint %llu stands for them\n",
			   (unsigned long long) report->granted, (unsigned long long) report->granted_by);
	else if (report->part)
		printf("  --since: no checkpoint that holds stands before it, so all was looked at\n");
}

static void
print_one(const CsecReport *report)
{
	char		hash[2 * CSEC_HASH_SIZE + 1];

	csec_hex_put(hash, report->hash, CSEC_HASH_SIZE);
	print_text(report->name);
	if (report->findings > 0)
		printf(": TAMPERED\n");
	else if (report->unproved)
		printf(": not verified: there are no proofs that these records are in a trail\n");
	else
		printf(": verified\n");
	for (int i = 0; i < report->findings; i++)
	{
		printf("  %s, record %lld", report->finding[i].problem,
			   (long long) report->finding[i].seq);
		print_line(": ", report->finding[i].detail);
	}
	if (report->is_bundle)
		print_evidence(report);
	if (report->records > 0)
		printf("  %llu records, %lld to %lld%s, the last with hash %s\n",
			   (unsigned long long) report->records, (long long) report->first,
			   (long long) report->last, report->findings > 0 ? " looked at" : "", hash);
	else
		printf("  no records\n");
	print_part(report);
	print_checkpoints(report);
}

void
csec_report_text(const CsecReport *report, int count)
{
	for (int i = 0; i < count; i++)
		print_one(&report[i]);
}

/* ---- for programs ---- */

/*
 * In ASCII, so that whatever a name holds comes out as something that parses; a
 * byte that is no UTF-8 as the character for that.
 */
static void
json_string(const char *text)
{
	const unsigned char *p = (const unsigned char *) text;
	const unsigned char *end = p + strlen(text);

	putchar('"');
	while (p < end)
	{
		uint32_t	c;
		int			len = csec_utf8_decode(p, end, &c);

		if (len == 0)
			c = 0xFFFD;
		if (c == '"' || c == '\\')
			printf("\\%c", (int) c);
		else if (c >= 0x10000)
			printf("\\u%04x\\u%04x", 0xD7C0 + (c >> 10), 0xDC00 + (c & 0x3FF));
		else if (c < ' ' || c > 126)
			printf("\\u%04x", c);
		else
			putchar((int) c);
		p += len == 0 ? 1 : len;
	}
	putchar('"');
}

static void
json_text(const char *name, const char *text)
{
	printf(", \"%s\": ", name);
	json_string(text);
}

static void
json_hash(const char *name, const uint8_t *hash)
{
	char		hex[2 * CSEC_HASH_SIZE + 1];

	csec_hex_put(hex, hash, CSEC_HASH_SIZE);
	json_text(name, hex);
}

static void
json_evidence(const CsecReport *report)
{
	printf(", \"evidence\": {\"system\": \"%llu\"", (unsigned long long) report->manifest.system);
	json_hash("digest", report->digest);
	json_text("database", report->manifest.database);
	json_text("selection", report->manifest.selection);
	json_text("exported_by", report->manifest.exported_by);
	json_text("exported_at", report->manifest.exported_at);
	json_text("exported_with", report->manifest.exported_with);
	json_text("server", report->manifest.server);
	json_text("reason", report->manifest.reason);
	printf("}");
}

static void
json_vouched(const CsecVouched *vouched)
{
	char		at[32];

	printf(", \"cosigned\": %llu, \"cosigned_records\": %llu, \"stamped\": %llu, \"stamped_records\": %llu",
		   (unsigned long long) vouched->cosigned, (unsigned long long) vouched->cosigned_size,
		   (unsigned long long) vouched->stamped, (unsigned long long) vouched->stamped_size);
	moment_put(vouched->stamped_at, at, sizeof(at));
	if (vouched->stamped > 0)
		json_text("stamped_at", at);
	printf(", \"foreign_stamps\": %llu", (unsigned long long) vouched->foreign);
}

static void
json_findings(const CsecReport *report)
{
	printf(", \"findings\": [");
	for (int i = 0; i < report->findings; i++)
	{
		printf("%s{\"record\": %lld", i > 0 ? ", " : "",
			   (long long) report->finding[i].seq);
		json_text("problem", report->finding[i].problem);
		json_text("detail", report->finding[i].detail);
		printf("}");
	}
	printf("]");
}

static void
json_one(const CsecReport *report)
{
	printf("{\"name\": ");
	json_string(report->name);
	printf(", \"verified\": %s, \"records\": %llu", report->findings == 0 && !report->unproved ? "true" : "false",
		   (unsigned long long) report->records);
	if (report->records > 0)
	{
		printf(", \"first\": %lld, \"last\": %lld", (long long) report->first,
			   (long long) report->last);
		json_hash("hash", report->hash);
	}
	if (report->part)
		printf(", \"granted\": %llu, \"granted_by\": %llu",
			   (unsigned long long) report->granted, (unsigned long long) report->granted_by);
	printf(", \"checkpoints\": {\"stored\": %llu, \"trusted\": %d, \"known_key\": %s, \"covered\": %lld",
		   (unsigned long long) report->checkpoints, report->trusted,
		   report->known_keys ? "true" : "false", (long long) report->anchored);
	json_vouched(&report->vouched);
	printf("}");
	if (report->is_bundle)
		json_evidence(report);
	json_findings(report);
	printf("}");
}

void
csec_report_json(const CsecReport *report, int count, bool verified)
{
	printf("{\"verified\": %s, \"trails\": [", verified ? "true" : "false");
	for (int i = 0; i < count; i++)
	{
		if (i > 0)
			printf(", ");
		json_one(&report[i]);
	}
	printf("]}\n");
}
