/*
 * masked_value.c
 *		How values of csec.masked come to be.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/copyfrom_internal.h"
#include "replication/logicalworker.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memdebug.h"
#include "utils/syscache.h"

#include "keys/keyring.h"
#include "policy/category.h"
#include "policy/probe.h"
#include "types/date_value.h"
#include "types/dump_value.h"
#include "types/envelope_text.h"
#include "types/masked_text.h"
#include "types/masked_tried.h"
#include "types/masked_value.h"
#include "util/pgcompat.h"

void
csec_masked_malformed(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("malformed value of type csec.masked"),
			 errhint("The value is damaged, or a newer version of csec made it.")));
}

/*
 * COPY adds the column's text, or the line, to every error, for the client and
 * for the log; also to those that other columns of the line lead to.  The
 * number of the line, which stays, is enough to find it.
 */
static void
hide_input(bool name_too)
{
	for (ErrorContextCallback *c = error_context_stack; c; c = c->previous)
		if (c->callback == CopyFromErrorCallback)
		{
			CopyFromState state = (CopyFromState) c->arg;

			if (name_too)
				state->cur_attname = NULL;
			state->cur_attval = NULL;
			state->line_buf_valid = false;
		}
}

void
csec_hide_input(void)
{
	hide_input(true);
}

static int32
today(void)
{
	int			year,
				month,
				day;

	j2date(GetSQLCurrentDate() + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	return year * 10000 + month * 100 + day;
}

const CsecCategory *
csec_category_to_keep(uint32 id)
{
	const CsecCategory *category = id != CSEC_CATEGORY_NONE ? csec_category_lookup(id) : NULL;

	if (category != NULL && category->storage == CSEC_STORAGE_REFUSED)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("values of category \"%s\" must not be stored", NameStr(category->name)),
				 errhint("Use the value and forget it; PCI DSS forbids keeping it after authorization, encrypted too.")));
	return category;
}

CsecCheckResult
csec_judge_input(const CsecCategory *category, const char *text, size_t len)
{
	if (!category->check_strict || category->check == CSEC_CHECK_NONE ||
		!csec_text_is_utf8(text, len))
		return CSEC_CHECK_OK;
	return csec_check_on(category->check, text, len, today());
}

/*
 * Reject what a strict category's check does not let pass: false where "soft",
 * an input function's context, takes the error instead (16).
 */
static bool
check_input(const CsecCategory *category, const char *text, size_t len, Node *soft)
{
	CsecCheckResult result = csec_judge_input(category, text, len);
	NameData	name;

	if (likely(result == CSEC_CHECK_OK))
		return true;
	name = category->name;
	errsave(soft,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid value for a field of category \"%s\": %s",
					NameStr(name), csec_check_reason(result)),
			 errhint("Correct the value, or let the category be lax: UPDATE csec.category SET check_mode = 'lax'.")));
	return false;
}

void
csec_check_input(const CsecCategory *category, const char *text, size_t len)
{
	check_input(category, text, len, NULL);
}

/*
 * COPY with ON_ERROR (17) may say what it passes over: that has a line and a column,
 * and no text any more.
 */
bool
csec_input_passes(Node *soft, int32 typmod, const char *text)
{
	size_t		len = strlen(text);
	const CsecCategory *known;

	if (likely(!csec_is_soft(soft)) || typmod < 0 || IsLogicalWorker())
		return true;
	hide_input(false);
	known = csec_category_to_keep(typmod & ~CSEC_TYPMOD_PLAIN);
	if (known == NULL || csec_is_dump_text(text, len) || csec_is_envelope_text(text, len))
		return true;
	return check_input(known, text, csec_date_length(known, text, len), soft);
}

uint32
csec_masked_tag(const char *text, size_t len)
{
	return (uint32) (csec_keyring_order_tag(text, len) >> 32);
}

uint32
csec_masked_stored_tag(uint32 category, const char *text, size_t len)
{
	return category == CSEC_CATEGORY_NONE ? 0 : csec_masked_tag(text, len);
}

/*
 * Has the text the form of a mask?  Of its category's mask, where that is
 * known, so that ordinary text is rarely suspected.
 */
bool
csec_input_suspect(uint32 category, const char *text, size_t len)
{
	const CsecCategory *known;

	/* Every mask has a star, and most texts have none. */
	if (likely(memchr(text, '*', len) == NULL))
		return false;
	known = category ? csec_category_lookup(category) : NULL;
	if (known == NULL)
		return csec_mask_shaped(text, len);
	return csec_mask_shaped_as(known->mask, text, len);
}

struct varlena *
csec_masked_make(uint32 category, bool plain, const char *text, size_t len)
{
	Size		size = add_size(len, VARHDRSZ + CSEC_MASKED_HEADER);
	struct varlena *value = palloc(size);
	uint8	   *data = (uint8 *) VARDATA(value);

	SET_VARSIZE(value, size);
	data[0] = (plain ? CSEC_MASKED_PLAIN : 0) |
		(csec_input_suspect(category, text, len) ? CSEC_MASKED_SUSPECT : 0);
	csec_put_u32(data + 1, category);
	csec_put_u32(data + CSEC_MASKED_TAG, csec_masked_stored_tag(category, text, len));
	memcpy(data + CSEC_MASKED_HEADER, text, len);
	VALGRIND_CHECK_MEM_IS_DEFINED(value, size);
	return value;
}

/* With no typmod it is as it was dumped: a literal of INSERT gets its field's type afterwards. */
static struct varlena *
from_dump(int32 typmod, const char *text, size_t len)
{
	CsecMasked	dumped;
	struct varlena *value;

	csec_dump_take(typmod < 0 ? CSEC_CATEGORY_NONE : typmod & ~CSEC_TYPMOD_PLAIN, text, len, &dumped);
	value = csec_masked_make(dumped.category,
							 typmod < 0 ? dumped.flags & CSEC_MASKED_PLAIN : typmod & CSEC_TYPMOD_PLAIN,
							 dumped.text, dumped.len);
	csec_dump_release(&dumped);
	return value;
}

struct varlena *
csec_masked_input(int32 typmod, const char *text, size_t len)
{
	uint32		category = typmod < 0 ? CSEC_CATEGORY_NONE : typmod & ~CSEC_TYPMOD_PLAIN;
	bool		plain = typmod >= 0 && (typmod & CSEC_TYPMOD_PLAIN);
	const CsecCategory *known;

	csec_hide_input();
	known = csec_category_to_keep(category);
	if (unlikely(csec_is_dump_text(text, len)))
		return from_dump(typmod, text, len);
	if (unlikely(csec_tried_stored) && category == CSEC_CATEGORY_NONE)
		csec_tried_constant(text, len);
	/* What replication applies was checked, and typed in, where it comes from. */
	if (category != CSEC_CATEGORY_NONE && !IsLogicalWorker())
	{
		len = csec_date_length(known, text, len);
		if (known)
			csec_check_input(known, text, len);
		csec_probe_input(category, text, len);
	}
	return csec_masked_make(category, plain, text, len);
}

/* The numbers of the two types, until a type or a schema changes. */
static Oid	masked_type = InvalidOid;
static Oid	encrypted_type = InvalidOid;

static void
types_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	masked_type = encrypted_type = InvalidOid;
}

static Oid
base_type(Oid *known, const char *name)
{
	static bool watching = false;
	Oid			schema;

	if (OidIsValid(*known))
		return *known;
	if (!watching)
	{
		CacheRegisterSyscacheCallback(TYPEOID, types_changed, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, types_changed, (Datum) 0);
		watching = true;
	}
	schema = get_namespace_oid("csec", true);
	if (!OidIsValid(schema))
		return InvalidOid;
	return *known = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
									CStringGetDatum(name), ObjectIdGetDatum(schema));
}

static Oid
masked_type_id(void)
{
	return base_type(&masked_type, "masked");
}

Oid
csec_encrypted_type(void)
{
	return base_type(&encrypted_type, "encrypted");
}

bool
csec_is_field_type(Oid type)
{
	return OidIsValid(type) && (type == masked_type_id() || type == csec_encrypted_type());
}
