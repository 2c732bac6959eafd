/*
 * mask_time.c
 *		How long a mask takes, per kind.  Tells; never fails.
 *
 *	sources: policy/mask.c policy/mask_form.c policy/mask_name.c policy/mask_address.c
 */
#include "unit.h"

#include "policy/mask.h"

#define ROUNDS 3000000

static const struct
{
	CsecMaskKind kind;
	const char *value;
}			values[] = {
	{CSEC_MASK_PERSON_NAME, "张三丰"},
	{CSEC_MASK_PERSON_NAME, "欧阳娜娜"},
	{CSEC_MASK_PERSON_NAME, "John Smith"},
	{CSEC_MASK_PHONE, "13800001234"},
	{CSEC_MASK_PHONE, "+44 20 7946 0958"},
	{CSEC_MASK_EMAIL, "alice.wonderland@example.com"},
	{CSEC_MASK_ADDRESS, "广东省深圳市南山区科技园1号"},
	{CSEC_MASK_ADDRESS, "221B Baker Street, London NW1 6XE, United Kingdom"},
	{CSEC_MASK_ID_CARD, "11010519491231002X"},
	{CSEC_MASK_BANK_CARD, "6222021234567890123"},
	{CSEC_MASK_BIRTH_DATE, "1985-03-07"},
	{CSEC_MASK_FREE_TEXT, "anything at all"},
	{CSEC_MASK_LAST4, "AB123456789"},
};

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

int
main(void)
{
	char		out[CSEC_MASK_MAX];
	size_t		sum = 0;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
	{
		size_t		len = strlen(values[i].value);
		double		start = now();
		double		mask,
					shaped;
		size_t		n = 0;

		for (int r = 0; r < ROUNDS; r++)
			sum += csec_mask_apply(values[i].kind, values[i].value, len, out,
								   sizeof(out));
		mask = (now() - start) / ROUNDS;
		n = csec_mask_apply(values[i].kind, values[i].value, len, out,
							sizeof(out));
		start = now();
		for (int r = 0; r < ROUNDS; r++)
			sum += csec_mask_shaped(values[i].value, len);
		shaped = (now() - start) / ROUNDS;
		printf("%-12s %5.1f ns  shaped? %4.1f ns  %s -> %.*s\n",
			   csec_mask_kind_name(values[i].kind), mask, shaped,
			   values[i].value, (int) n, out);
	}
	return sum == 0;
}
