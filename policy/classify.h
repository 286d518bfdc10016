/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * classify - which class a message is of, by what its sender said of TLS:
 * the MAIL parameter REQUIRETLS and the header field TLS-Required (RFC 8689
 * 2, 3 and 4.1).  Pure.
 */
#ifndef POLICY_CLASSIFY_H
#define POLICY_CLASSIFY_H

#include "policy/level.h"

struct classify_in {
	bool requiretls; /* MAIL had the parameter REQUIRETLS */
	/* TLS-Required fields of the top-level header, and of nothing else */
	size_t field_count;
	bool says_no;     /* classify_says_no() of the only one */
	bool null_sender; /* MAIL FROM:<> */
	bool own_report;  /* this gateway's TLS reporter made the message */
};

struct classified {
	enum msg_class mclass;
	/* TLS-Required fields were there and did not count: why, for the log;
	 * static, "" when all is well. */
	const char *ignored;
};

/*
 * A report is a report, whatever field it carries (RFC 8460 3).  Beside the
 * parameter the field is ignored (RTLS-08).  The field counts only when there
 * is exactly one and it says "No" (RTLS-31).
 *
 * Mail with a null sender is normal even with the parameter: it is not to be
 * lost for want of REQUIRETLS ahead (RFC 8689 5; RTLS-42).  It is the caller
 * who keeps the tag, to pass it on where the next hop takes it.
 */
struct classified classify(const struct classify_in *in);

/*
 * Is the body of a TLS-Required field "No"?  In any case, with blanks and
 * line ends of folding around it (RTLS-30).
 */
bool classify_says_no(struct span body);

#endif
