/*
 * own_table.c
 *		csec's tables, for floors that are below policy/catalog.c.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "utils/lsyscache.h"

#include "util/own_table.h"

Oid
csec_own_table(const char *name)
{
	Oid			schema = get_namespace_oid("csec", true);

	return OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
}
