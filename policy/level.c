/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/level.h"

static const char *const level_names[LEVEL_COUNT] = {
	[LEVEL_PLAIN] = "plain",
	[LEVEL_MAY] = "may",
	[LEVEL_ENCRYPT] = "encrypt",
	[LEVEL_VERIFY] = "verify",
	[LEVEL_DANE_ONLY] = "dane-only",
};

static const char *const method_names[METHOD_COUNT] = {
	[METHOD_NONE] = "none",
	[METHOD_DANE] = "dane",
	[METHOD_PKIX_STS] = "pkix-sts",
	[METHOD_PKIX_LOCAL] = "pkix-local",
	[METHOD_PIN] = "pin",
	[METHOD_CA] = "ca",
};

static const char *const min_tls_names[MIN_TLS_COUNT] = {
	[MIN_TLS_1_2] = "1.2",
	[MIN_TLS_1_3] = "1.3",
};

static const char *const unmet_names[UNMET_COUNT] = {
	[UNMET_DEFER] = "defer",
	[UNMET_HOLD] = "hold",
	[UNMET_BOUNCE] = "bounce",
	[UNMET_ROUTE] = "route",
};

static const char *const class_names[CLASS_COUNT] = {
	[CLASS_NORMAL] = "normal",
	[CLASS_REQUIRETLS] = "requiretls",
	[CLASS_TLS_OPTIONAL] = "tls-optional",
	[CLASS_TLS_REPORT] = "report",
};

const char *
level_name(enum level level)
{
	return level_names[level];
}

const char *
method_name(enum method method)
{
	return method_names[method];
}

const char *
min_tls_name(enum min_tls min_tls)
{
	return min_tls_names[min_tls];
}

const char *
unmet_name(enum unmet unmet)
{
	return unmet_names[unmet];
}

const char *
class_name(enum msg_class mclass)
{
	return class_names[mclass];
}

const char *
level_tier(enum level level)
{
	if (level >= LEVEL_ENCRYPT)
		return "enforced";
	return level == LEVEL_MAY ? "opportunistic" : "plaintext";
}

enum status
level_parse(struct span a, enum level *out)
{
	int i = span_index(a, level_names, LEVEL_COUNT);

	if (i < 0)
		return ST_SYNTAX;
	*out = (enum level)i;
	return ST_OK;
}

enum status
class_parse(struct span a, enum msg_class *out)
{
	int i = span_index(a, class_names, CLASS_COUNT);

	if (i < 0)
		return ST_SYNTAX;
	*out = (enum msg_class)i;
	return ST_OK;
}
