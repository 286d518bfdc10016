/* SPDX-License-Identifier: BSD-2-Clause */
#include "util/jtree.h"

void
jtree_put(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, need(value)) != 0)
		out_of_memory("JSON");
}

void
jtree_put_count(json_t *object, const char *key, uint64_t count)
{
	jtree_put(object, key, json_integer((json_int_t)count));
}

void
jtree_append(json_t *list, json_t *value)
{
	if (json_array_append_new(list, need(value)) != 0)
		out_of_memory("JSON");
}
