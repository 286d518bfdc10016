/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/classify.h"

/*
 *	tls-required = "TLS-Required:" [FWS] "No" [FWS] CRLF	RFC 8689 3
 */
bool
classify_says_no(struct span body)
{
	const struct span blank = SPAN_LIT(" \t\r\n");

	while (body.n > 0 && span_has(blank, body.p[0]))
		body = span_sub(body, 1, body.n);
	while (body.n > 0 && span_has(blank, body.p[body.n - 1]))
		body = span_sub(body, 0, body.n - 1);
	return span_ieq(body, "No");
}

static struct classified
by_field(const struct classify_in *in)
{
	if (in->field_count == 1 && in->says_no)
		return (struct classified){ CLASS_TLS_OPTIONAL, "" };
	return (struct classified){ CLASS_NORMAL,
		in->field_count == 0 ? "" :
		in->field_count == 1 ? "its value is not \"No\" (RFC 8689 3)" :
				       "there is more than one (RFC 8689 3)" };
}

struct classified
classify(const struct classify_in *in)
{
	static const char
	    beside[] = "the sender requires TLS by REQUIRETLS (RFC 8689 4.1)";

	if (in->own_report)
		return (struct classified){ CLASS_TLS_REPORT, "" };
	if (!in->requiretls)
		return by_field(in);
	return (struct classified){
		.mclass = in->null_sender ? CLASS_NORMAL : CLASS_REQUIRETLS,
		.ignored = in->field_count > 0 ? beside : "",
	};
}
