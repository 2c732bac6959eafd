/*
 * mask_time.c
 *		How long a mask takes, per kind.  Tells; never fails.
 *
 *	sources: policy/mask.c policy/mask_form.c policy/mask_name.c policy/mask_address.c
 */
#include "unit.h"

#include "policy/mask.h"

#define ROUNDS 200000
#define RUNS 20

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

/* The least of several runs, in ns for one call: the machine is shared. */
#define LEAST(result, call) \
	do { \
		result = 1e9; \
		for (int run = 0; run < RUNS; run++) \
		{ \
			double		start = now(); \
			for (int r = 0; r < ROUNDS; r++) \
				sum += (call); \
			if ((now() - start) / ROUNDS < result) \
				result = (now() - start) / ROUNDS; \
		} \
	} while (0)

int
main(void)
{
	char		out[CSEC_MASK_MAX];
	size_t		sum = 0;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
	{
		const char *value = values[i].value;
		size_t		len = strlen(value);
		double		mask,
					shaped;

		LEAST(mask, csec_mask_apply(values[i].kind, value, len, out,
									sizeof(out)));
		LEAST(shaped, csec_mask_shaped(value, len));
		printf("%-12s %5.1f ns  shaped? %4.1f ns  %s\n",
			   csec_mask_kind_name(values[i].kind), mask, shaped, value);
	}
	return sum == 0;
}
