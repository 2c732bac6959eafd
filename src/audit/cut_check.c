/*
 * cut_check.c
 *		Was a cut ordered, approved, and is it the one that is seen?    [FE]
 *
 * Three records tell a cut: the proposal and the approval, which are the two
 * persons' own, and the sealer's, which has the anchor.  The approval names the
 * digest of the anchor: so nothing was cut but what was approved.  Both came
 * at most some days before; of an older cut they may have left with the next.
 *
 *	cut_unapproved	no approval of this anchor, or by the login that asked
 *	cut_forged		no anchor, not the one that the look began with, or one
 *					that cannot be
 */
#include "audit/cut_check.h"

#include <stdio.h>
#include <string.h>

#include "crypto/hash.h"
#include "util/hex.h"

/* Longer than an order can wait, twice: to be approved and to be carried out. */
#define STEPS_LATER (INT64_C(8) * 24 * 60 * 60 * 1000000)

bool
csec_cut_check_begin(CsecCutCheck *check, const uint8_t *anchor, size_t len)
{
	CsecCut		cut;

	memset(check, 0, sizeof(*check));
	if (len == 0)
		return true;
	if (!csec_cut_get(anchor, len, &cut) || !csec_sha256(anchor, len, check->anchor))
		return false;
	check->anchored = true;
	check->last = cut.last;
	return true;
}

/* What stands behind a label in a JSON text; NULL: the label is not there. */
static const uint8_t *
behind(CsecField json, const char *label)
{
	size_t		len = strlen(label);

	for (size_t i = 0; json.data != NULL && i + len <= json.len; i++)
		if (memcmp(json.data + i, label, len) == 0)
			return json.data + i + len;
	return NULL;
}

static uint64_t
number_at(const uint8_t *p, const uint8_t *end)
{
	uint64_t	number = 0;

	for (int digits = 0; p < end && *p >= '0' && *p <= '9' && digits < 19; digits++)
		number = number * 10 + (uint64_t) (*p++ - '0');
	return number;
}

static bool
is_step(const CsecBody *body)
{
	return csec_field_is(body->field[CSEC_TAG_OBJECT], CSEC_CUT_OBJECT) &&
		(csec_body_says(body, CSEC_KIND_CONTROL, CSEC_CUT_PROPOSED) ||
		 csec_body_says(body, CSEC_KIND_CONTROL, CSEC_CUT_APPROVED));
}

bool
csec_cut_concerns(const CsecBody *body)
{
	return body->kind == CSEC_KIND_CUT || is_step(body);
}

static void
take_step(CsecCutCheck *check, const CsecBody *body)
{
	CsecCutStep *step = &check->step[check->steps % CSEC_CUT_STEPS];
	CsecField	detail = body->field[CSEC_TAG_DETAIL];
	CsecField	login = body->field[CSEC_TAG_LOGIN];
	const uint8_t *order = behind(detail, "\"order\": ");
	const uint8_t *anchor = behind(detail, "\"anchor\": \"");

	memset(step, 0, sizeof(*step));
	if (order == NULL || login.data == NULL || login.len > CSEC_CUT_LOGIN)
		return;
	step->approved = csec_field_is(body->field[CSEC_TAG_ACTION], CSEC_CUT_APPROVED);
	if (step->approved &&
		(anchor == NULL || detail.data + detail.len - anchor < 2 * CSEC_HASH_SIZE ||
		 !csec_hex_get((const char *) anchor, 2 * CSEC_HASH_SIZE, step->anchor, CSEC_HASH_SIZE)))
		return;
	step->order = number_at(order, detail.data + detail.len);
	step->login_len = login.len;
	memcpy(step->login, login.data, login.len);
	check->steps++;
}

/* The last step of a kind for an order, and for an anchor; NULL: none. */
static const CsecCutStep *
find_step(const CsecCutCheck *check, bool approved, uint64_t order, const uint8_t *anchor)
{
	for (int i = check->steps - 1; i >= 0 && i >= check->steps - CSEC_CUT_STEPS; i--)
	{
		const CsecCutStep *step = &check->step[i % CSEC_CUT_STEPS];

		if (step->approved == approved && step->order == order &&
			(anchor == NULL || memcmp(step->anchor, anchor, CSEC_HASH_SIZE) == 0))
			return step;
	}
	return NULL;
}

static bool
is_approved(const CsecCutCheck *check, const CsecCut *cut, const uint8_t *anchor)
{
	const CsecCutStep *proposal = find_step(check, false, cut->order, NULL);
	const CsecCutStep *approval = find_step(check, true, cut->order, anchor);

	return proposal != NULL && approval != NULL &&
		(proposal->login_len != approval->login_len ||
		 memcmp(proposal->login, approval->login, proposal->login_len) != 0);
}

static const char *
check_cut(CsecCutCheck *check, const CsecHeader *header, const CsecBody *body)
{
	CsecField	bytes = body->field[CSEC_TAG_PAYLOAD];
	CsecCut		cut;
	uint8_t		anchor[CSEC_HASH_SIZE];
	bool		ours;

	if (!csec_cut_of_body(body, &cut) || cut.last >= header->seq ||
		!csec_sha256(bytes.data, bytes.len, anchor))
	{
		snprintf(check->detail, sizeof(check->detail), "the record of a cut has no anchor that could be its");
		return "cut_forged";
	}
	ours = check->anchored && memcmp(anchor, check->anchor, CSEC_HASH_SIZE) == 0;
	if (check->met || (check->anchored && !ours && cut.last >= check->last))
	{
		snprintf(check->detail, sizeof(check->detail),
				 "a cut up to record %llu is on record, but not the one with which the trail begins",
				 (unsigned long long) cut.last);
		return "cut_forged";
	}
	check->met = ours;
	if ((ours || header->sealed_at - check->began_at > STEPS_LATER) &&
		!is_approved(check, &cut, anchor))
	{
		snprintf(check->detail, sizeof(check->detail),
				 "nobody but who asked for it has approved the cut of records %llu to %llu (order %llu)",
				 (unsigned long long) cut.first, (unsigned long long) cut.last,
				 (unsigned long long) cut.order);
		return "cut_unapproved";
	}
	return NULL;
}

const char *
csec_cut_check_record(CsecCutCheck *check, const CsecHeader *header, const CsecBody *body)
{
	if (!check->begun)
		check->began_at = header->sealed_at;
	check->begun = true;
	if (body->kind == CSEC_KIND_CUT)
		return check_cut(check, header, body);
	if (is_step(body))
		take_step(check, body);
	return NULL;
}
