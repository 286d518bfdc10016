/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/fact.h"

const char *
dns_security_name(enum dns_security s)
{
	switch (s) {
	case DNS_SECURE:
		return "secure";
	case DNS_INSECURE:
		return "insecure";
	case DNS_BOGUS:
		return "bogus";
	case DNS_ERROR:
		return "error";
	}
	return "?"; /* not reached, as below: each switch names every value */
}

const char *
dns_outcome_name(enum dns_outcome o)
{
	switch (o) {
	case DNS_DATA:
		return "data";
	case DNS_NODATA:
		return "nodata";
	case DNS_NXDOMAIN:
		return "nxdomain";
	case DNS_FAILED:
		return "failed";
	}
	return "?";
}

const char *
dns_type_name(enum dns_type t)
{
	switch (t) {
	case DNS_A:
		return "A";
	case DNS_CNAME:
		return "CNAME";
	case DNS_MX:
		return "MX";
	case DNS_TXT:
		return "TXT";
	case DNS_AAAA:
		return "AAAA";
	case DNS_TLSA:
		return "TLSA";
	}
	return "?";
}

const char *
sts_state_name(enum sts_state s)
{
	switch (s) {
	case STS_ST_ABSENT:
		return "absent";
	case STS_ST_NONE:
		return "none";
	case STS_ST_TESTING:
		return "testing";
	case STS_ST_ENFORCE:
		return "enforce";
	case STS_ST_UNAVAILABLE:
		return "unavailable";
	case STS_ST_UNKNOWN:
		return "unknown";
	}
	return "?";
}

const char *
sts_result_name(enum sts_result r)
{
	switch (r) {
	case STS_RESULT_NONE:
		return "";
	case STS_RESULT_FETCH:
		return "sts-policy-fetch-error";
	case STS_RESULT_INVALID:
		return "sts-policy-invalid";
	case STS_RESULT_WEBPKI:
		return "sts-webpki-invalid";
	}
	return "?";
}
