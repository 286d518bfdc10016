/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls_library - is the OpenSSL at hand one to be started with (B2.9)?  The
 * floor of each line has the mending of CVE-2026-28387, and with it those of
 * the certificate parsers before (CVE-2022-0778, -3602, CVE-2023-0286,
 * -0464, CVE-2024-6119, -12797).
 */
#include <openssl/crypto.h>

#include "net/tls_internal.h"

#define NO_FLOOR UINT8_MAX /* the line ended before */

/* Of 3.0, 3.1, ... */
static const uint8_t patch_floor[] = {
	20,
	NO_FLOOR,
	NO_FLOOR,
	7,
	5,
	6,
	2,
};

bool
tls_version_is_sound(unsigned major, unsigned minor, unsigned patch)
{
	if (major != 3)
		return major > 3;
	if (minor >= COUNT_OF(patch_floor))
		return true; /* born mended */
	return patch_floor[minor] != NO_FLOOR && patch >= patch_floor[minor];
}

enum status
tls_library_check(struct diag *why)
{
	unsigned major = OPENSSL_version_major(),
		 minor = OPENSSL_version_minor(),
		 patch = OPENSSL_version_patch();

	if (tls_version_is_sound(major, minor, patch))
		return ST_OK;
	return diag_set(why, ST_UNSUPP,
	    "OpenSSL %u.%u.%u has known faults in what reads certificates: "
	    "3.0.20, 3.3.7, 3.4.5, 3.5.6, 3.6.2 or later is needed",
	    major, minor, patch);
}
