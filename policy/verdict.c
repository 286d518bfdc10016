/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/verdict.h"

#include <stdio.h>
#include <string.h>

/* Subject and detail for replies without a status of their own. */
static const struct {
	uint16_t code;
	const char *detail;
} details[] = {
	{ 421, "3.2" },  /* going down, or too busy */
	{ 432, "7.12" }, /* RFC 5248 */
	{ 450, "2.0" }, { 451, "3.0" }, { 452, "3.1" }, /* no room */
	{ 454, "7.0" }, { 455, "5.4" }, { 500, "5.2" }, { 501, "5.4" },
	{ 502, "5.1" }, { 503, "5.1" }, { 504, "5.4" },
	{ 521, "3.2" }, /* RFC 7504 */
	{ 530, "7.0" }, { 535, "7.8" }, { 551, "1.6" }, { 552, "2.2" },
	{ 553, "1.3" }, { 555, "5.4" }, { 556, "1.10" }, /* RFC 7505 */
};

static const char *
detail_of(enum client_state at, uint16_t code)
{
	if (at == CLIENT_S_RCPT && code == 550)
		return "1.1";
	if (at == CLIENT_S_RCPT && code == 452)
		return "5.3"; /* too many recipients */
	if (at != CLIENT_S_RCPT && code == 552)
		return "3.4"; /* too big */
	for (size_t i = 0; i < COUNT_OF(details); i++)
		if (details[i].code == code)
			return details[i].detail;
	return "0.0";
}

static struct verdict
make(enum verdict_step step, const char *status)
{
	struct verdict v = { .step = step };

	snprintf(v.status, sizeof(v.status), "%s", status);
	return v;
}

static enum verdict_step
step_of(enum client_state at, uint16_t code, bool after_accepted)
{
	if (code < 300)
		return at == CLIENT_S_DOT ? STEP_DELIVERED : STEP_NEXT_HOST;
	/* RFC 5321 4.5.3.1.10: 552 there is an old way to say 452. */
	if (at == CLIENT_S_RCPT && after_accepted &&
	    (code == 452 || code == 552))
		return STEP_SAME_HOST;
	if (code < 500)
		return STEP_NEXT_HOST;
	/* A host that takes no mail at all says nothing of these. */
	if (at < CLIENT_S_MAIL)
		return code == 521 ? STEP_OTHER_HOST : STEP_NEXT_HOST;
	return STEP_BOUNCE;
}

struct verdict
verdict_of_reply(enum client_state at, const struct client_reply *r,
    bool after_accepted)
{
	struct verdict v = { .step = step_of(at, r->code, after_accepted) };
	/* What is tried again is never told as permanent. */
	int class = v.step == STEP_DELIVERED                           ? 2 :
		    v.step == STEP_BOUNCE || v.step == STEP_OTHER_HOST ? 5 :
									 4;

	if (r->enhanced[0] == '0' + class)
		snprintf(v.status, sizeof(v.status), "%s", r->enhanced);
	else if (class == 2)
		snprintf(v.status, sizeof(v.status), "2.0.0");
	else
		snprintf(v.status, sizeof(v.status), "%d.%s", class,
		    v.step == STEP_SAME_HOST ? "5.3" /* too many recipients */
					       :
					       detail_of(at, r->code));
	return v;
}

struct verdict
verdict_of_failure(const struct client_failure *f)
{
	/* Whether the server took the message is not known (SMTP-41). */
	if (f->at == CLIENT_S_DOT)
		return make(STEP_LATER, STATUS_LOST);
	switch (f->fault) {
	case CLIENT_FAULT_REPLY:
		return verdict_of_reply(f->at, &f->reply, false);
	case CLIENT_FAULT_NO_TLS:
	case CLIENT_FAULT_INJECTION:
		return make(STEP_NEXT_HOST, STATUS_TLS);
	case CLIENT_FAULT_PROTOCOL:
		return make(STEP_NEXT_HOST, "4.5.0");
	case CLIENT_FAULT_AUTH: /* SMTP-52: ours to mend, so it never bounces */
		return make(STEP_NEXT_HOST, STATUS_AUTH);
	case CLIENT_FAULT_CONTENT:
		return make(STEP_BOUNCE, "5.6.0");
	case CLIENT_FAULT_TIMEOUT:
	case CLIENT_FAULT_LOST:
	case CLIENT_FAULT_NONE:
		break;
	}
	return make(STEP_NEXT_HOST, STATUS_LOST);
}

struct verdict
verdict_of_fit(enum client_fit fit)
{
	switch (fit) {
	case CLIENT_TOO_BIG:
		return make(STEP_OTHER_HOST, "5.3.4");
	case CLIENT_NEEDS_8BIT:
		return make(STEP_OTHER_HOST, "5.6.3");
	case CLIENT_NEEDS_UTF8:
		return make(STEP_OTHER_HOST, "5.6.7");
	case CLIENT_NEEDS_UTF8_HEADER:
		return make(STEP_OTHER_HOST, "5.6.9");
	case CLIENT_NEEDS_REQUIRETLS:
		return make(STEP_OTHER_HOST, STATUS_NO_REQUIRETLS);
	case CLIENT_FITS:
		break;
	}
	return make(STEP_SAME_HOST, "2.0.0");
}

enum verdict_end
verdict_end_of_failure(const struct client_failure *f)
{
	/* 4yz to STARTTLS, as 454 and 421, may pass (RTLS-21); where it is
	 * not offered the reply is EHLO's. */
	bool may_pass = f->reply.code / 100 == 4;

	return f->fault == CLIENT_FAULT_NO_TLS && !may_pass ? END_NO_TLS :
							      END_UNDECIDED;
}

enum verdict_end
verdict_end_of_handshake(enum status st)
{
	return st == ST_POLICY ? END_NO_TLS : END_UNDECIDED;
}

enum verdict_end
verdict_end_of_reply(enum msg_class mclass, const struct client_reply *r)
{
	return mclass == CLASS_TLS_OPTIONAL && r->code == 530 ? END_WANTS_TLS :
								END_UNDECIDED;
}

static const char *
status_of_end(enum msg_class mclass, enum verdict_end end)
{
	switch (end) {
	case END_UNDECIDED:
		break;
	case END_NO_TLS:
		return mclass == CLASS_REQUIRETLS ? STATUS_NO_STRICT_TLS : NULL;
	case END_NO_REQUIRETLS:
		return mclass == CLASS_REQUIRETLS ? STATUS_NO_REQUIRETLS : NULL;
	case END_WANTS_TLS:
		return mclass == CLASS_TLS_OPTIONAL ? STATUS_TLS_NEEDED : NULL;
	}
	return NULL;
}

struct verdict
verdict_of_hosts(enum msg_class mclass, const enum verdict_end *end,
    size_t count)
{
	const char *status = NULL;

	for (size_t i = 0; i < count; i++) {
		status = status_of_end(mclass, end[i]);
		if (status == NULL)
			break;
	}
	return status == NULL ? make(STEP_LATER, STATUS_TLS) :
				make(STEP_BOUNCE, status);
}

static int
weight(const char *status)
{
	if (strncmp(status, "4.7.", 4) == 0)
		return 4;
	if (strcmp(status, STATUS_DNS) == 0)
		return 3;
	if (strcmp(status, STATUS_NO_ANSWER) == 0)
		return 0;
	return strcmp(status, STATUS_LOST) == 0 ? 1 : 2;
}

bool
verdict_says_more(const char *status, const char *than)
{
	return weight(status) > weight(than);
}
