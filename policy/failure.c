/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/failure.h"

static const char *const names[FAILURE_COUNT] = {
	[FAILURE_NONE] = "",
	[FAILURE_DNS] = "dns",
	[FAILURE_UNREACHABLE] = "unreachable",
	[FAILURE_REPLY] = "reply",
	[FAILURE_NO_STARTTLS] = "no-starttls",
	[FAILURE_TLS] = "tls",
	[FAILURE_LEGACY_TLS] = "legacy-tls",
	[FAILURE_CERTIFICATE] = "certificate",
	[FAILURE_TLSA_MISMATCH] = "tlsa-mismatch",
	[FAILURE_TLSA_LOOKUP] = "tlsa-lookup",
	[FAILURE_STS_MX] = "sts-mx",
	[FAILURE_STS_LOOKUP] = "sts-lookup",
	[FAILURE_REQUIRETLS] = "requiretls",
	[FAILURE_RULE] = "rule",
	[FAILURE_PLAINTEXT] = "plaintext",
	[FAILURE_PIN_MISMATCH] = "pin-mismatch",
};

const char *
failure_name(enum failure failure)
{
	return names[failure];
}

bool
failure_is_policy(enum failure failure)
{
	return failure >= FAILURE_NO_STARTTLS;
}
