/*
 * vouchers.c
 *		What others say of the checkpoints.                             [FE]
 */
#include "verify/vouchers.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/timestamp.h"
#include "verify/file.h"

/* Seconds by which honest clocks may differ. */
#define TOLERANCE 60

void
csec_vouchers_free(CsecVouchers *vouchers)
{
	free(vouchers->witness.key);
	free(vouchers->has_signed);
	free(vouchers->certificates);
	free(vouchers->moment);
}

void
csec_vouchers_certify(CsecVouchers *vouchers, const char *path)
{
	size_t		len;
	char	   *text = csec_file_read(path, 1024 * 1024, &len);
	size_t		before = vouchers->certificates_len;

	if (!csec_certificates_valid(text, len))
		csec_fail("\"%s\" has no certificate (PEM) in it", path);
	vouchers->certificates = csec_realloc(vouchers->certificates, before + len + 1);
	memcpy(vouchers->certificates + before, text, len);
	vouchers->certificates[before + len] = '\n';
	vouchers->certificates_len = before + len + 1;
	free(text);
}

/* ---- witnesses ---- */

/* Signature lines: who has signed, and does a witness's prove wrong? */
static bool
read_lines(CsecVouchers *vouchers, const CsecSignedNote *signed_note,
		   const uint8_t *lines, size_t len)
{
	const uint8_t *p = lines;
	const uint8_t *end = lines + len;
	CsecSignatureLine line;
	uint64_t	time;
	bool		good = true;

	while (p < end)
	{
		if (!csec_note_line(&p, end, &line))
			return false;
		for (int i = 0; i < vouchers->witness.count; i++)
		{
			const CsecVerifierKey *key = &vouchers->witness.key[i];

			if (!csec_note_line_of(&line, key))
				continue;
			if (csec_note_verify(signed_note->text, signed_note->text_len, &line, key, &time))
				vouchers->has_signed[i] = true;
			else
				good = false;
		}
	}
	return good;
}

/* Two keys of one name, or one key under two names, are one witness. */
static int
count_different(const CsecVouchers *vouchers)
{
	int			different = 0;

	for (int i = 0; i < vouchers->witness.count; i++)
	{
		const CsecVerifierKey *key = &vouchers->witness.key[i];
		bool		counts = vouchers->has_signed[i];

		for (int j = 0; j < i && counts; j++)
			counts = !vouchers->has_signed[j] ||
				(strcmp(vouchers->witness.key[j].name, key->name) != 0 &&
				 memcmp(vouchers->witness.key[j].key, key->key, CSEC_ED25519_PUBLIC) != 0);
		different += counts;
	}
	return different;
}

static int
needed(const CsecVouchers *vouchers)
{
	return vouchers->needed > 0 ? vouchers->needed : vouchers->witness.count;
}

static void
look_at_witnesses(CsecVouchers *vouchers, const CsecCheckpoint *checkpoint,
				  const CsecNote *note, int64_t seq, CsecFinding *finding)
{
	CsecSignedNote parts;
	size_t		count = (size_t) vouchers->witness.count;

	if (!csec_note_split(note->note, note->len, &parts))
		return;
	if (vouchers->has_signed == NULL)
		vouchers->has_signed = csec_alloc(count * sizeof(bool));
	memset(vouchers->has_signed, 0, count * sizeof(bool));
	if (!read_lines(vouchers, &parts, parts.signatures, parts.signatures_len) ||
		!read_lines(vouchers, &parts, note->cosignatures, note->cosignatures_len))
		csec_find(finding, "witness_forged", seq,
				  "a signature of a witness on checkpoint %llu is not his",
				  (unsigned long long) checkpoint->epoch);
	if (count > 0 && count_different(vouchers) >= needed(vouchers))
	{
		vouchers->vouched.cosigned++;
		vouchers->vouched.cosigned_size = checkpoint->size;
		vouchers->vouched.cosigned_epoch = checkpoint->epoch;
	}
}

/* ---- time stamps ---- */

static void
add_moment(CsecVouchers *vouchers, const CsecCheckpoint *checkpoint, int64_t seq,
		   int64_t stamp)
{
	if (vouchers->moments == vouchers->capacity)
	{
		vouchers->capacity = vouchers->capacity == 0 ? 64 : vouchers->capacity * 2;
		vouchers->moment = csec_realloc(vouchers->moment,
										(size_t) vouchers->capacity * sizeof(CsecMoment));
	}
	vouchers->moment[vouchers->moments++] = (CsecMoment)
	{
		checkpoint->epoch, seq, checkpoint->time / 1000000, stamp
	};
}

/* A stamp of another authority harms nobody; a forged one somebody has made. */
static void
look_at_stamps(CsecVouchers *vouchers, const CsecCheckpoint *checkpoint,
			   const CsecNote *note, int64_t seq, CsecFinding *finding)
{
	const uint8_t *p = note->timestamps;
	const uint8_t *end = p + note->timestamps_len;
	int64_t		first = INT64_MAX;

	while (p < end)
	{
		const uint8_t *token;
		size_t		len;
		int64_t		time = 0;
		CsecStamp	stamp = CSEC_STAMP_FORGED;

		if (csec_notes_stamp(&p, end, &token, &len))
			stamp = csec_timestamp_judge(token, len, note->note, note->len,
										 vouchers->certificates,
										 vouchers->certificates_len, &time);
		if (stamp == CSEC_STAMP_GOOD && time < first)
			first = time;
		else if (stamp == CSEC_STAMP_FOREIGN && vouchers->vouched.foreign++ == 0)
			vouchers->foreign_seq = seq;
		else if (stamp == CSEC_STAMP_FORGED)
		{
			csec_find(finding, "timestamp_forged", seq,
					  "a time stamp on checkpoint %llu is not of this checkpoint, or was altered",
					  (unsigned long long) checkpoint->epoch);
			break;
		}
	}
	if (first != INT64_MAX)
	{
		vouchers->vouched.stamped++;
		vouchers->vouched.stamped_size = checkpoint->size;
		vouchers->vouched.stamped_at = first;
	}
	if (vouchers->certificates_len > 0)
		add_moment(vouchers, checkpoint, seq, first);
}

void
csec_vouchers_add(CsecVouchers *vouchers, const CsecCheckpoint *checkpoint,
				  const CsecNote *note, int64_t seq, CsecFinding *finding)
{
	look_at_witnesses(vouchers, checkpoint, note, seq, finding);
	look_at_stamps(vouchers, checkpoint, note, seq, finding);
}

/* ---- all of them ---- */

/*
 * A stamp proves that its checkpoint was there by then, and so were all before
 * it.  Which is the first checkpoint whose own time cannot be, or that was not
 * stamped in time?
 */
static void
compare_times(const CsecVouchers *vouchers, CsecFinding *finding)
{
	int64_t		latest = INT64_MIN;
	int64_t		by = INT64_MAX;
	const CsecMoment *early = NULL;
	const CsecMoment *late = NULL;

	for (int i = 0; i < vouchers->moments; i++)
		if (vouchers->moment[i].time > latest)
			latest = vouchers->moment[i].time;
	for (int i = vouchers->moments - 1; i >= 0; i--)
	{
		const CsecMoment *moment = &vouchers->moment[i];

		if (moment->stamp < by)
			by = moment->stamp;
		if (by != INT64_MAX && moment->time - TOLERANCE > by)
			early = moment;
		if (vouchers->within > 0 &&
			(by != INT64_MAX ? by : latest) - vouchers->within > moment->time)
			late = moment;
	}
	if (early != NULL)
		csec_find(finding, "time_differs", early->seq,
				  "checkpoint %llu says that it was made after an authority had stamped it, or one behind it",
				  (unsigned long long) early->epoch);
	if (late != NULL)
		csec_find(finding, "time_differs", late->seq,
				  "checkpoint %llu was not stamped within %d seconds of the time that it claims",
				  (unsigned long long) late->epoch, vouchers->within);
}

void
csec_vouchers_settle(CsecVouchers *vouchers, CsecFinding *finding)
{
	if (vouchers->witness.count > 0 && vouchers->vouched.cosigned == 0)
		csec_find(finding, "witness_missing", 1,
				  "no checkpoint carries the signatures of %d of the witnesses given",
				  needed(vouchers));
	if (vouchers->certificates_len > 0 && vouchers->vouched.stamped == 0)
	{
		if (vouchers->vouched.foreign > 0)
			csec_find(finding, "timestamp_foreign", vouchers->foreign_seq,
					  "no time stamp is of an authority given, here is one of another");
		csec_find(finding, "timestamp_missing", 1,
				  "no checkpoint carries a time stamp of an authority given");
	}
	compare_times(vouchers, finding);
}
