/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The part for people: what happened in one sentence, to whom, what was
 * required and by which host not met, what can be done about it, and the
 * rest for the postmaster.
 */
#include <string.h>

#include "smtp/dsn_internal.h"

#define INDENT "    "

/* ---- what is said ---- */

static const struct {
	const char *opening, *openings; /* of one, of several */
	const char *more;               /* after a number, of those left out */
	const char *to_do;
} kind_words[DSN_KIND_COUNT] = {
	[DSN_KIND_FAILED] = {
		"Your message could not be delivered to the recipient below, "
		"and it will not be tried again.",
		"Your message could not be delivered to the recipients below, "
		"and it will not be tried again.",
		"more recipients, who are not listed, did not get it either.",
		"if an address is wrong, correct it and send the message "
		"again. Otherwise reach the recipient in another way, and "
		"forward this report to the postmaster of the recipient's "
		"domain, who can see from it what to mend.",
	},
	[DSN_KIND_DELAYED] = {
		"Your message has not been delivered yet to the recipient "
		"below, and it will be tried again.",
		"Your message has not been delivered yet to the recipients "
		"below, and it will be tried again.",
		"more recipients, who are not listed, have not got it yet "
		"either.",
		"nothing is needed; please do not send the message "
		"again. If it is urgent, reach the recipient in another way.",
	},
	[DSN_KIND_RELAYED] = {
		"Your message was handed over to the mail server of the "
		"recipient below, which does not confirm deliveries.",
		"Your message was handed over to the mail servers of the "
		"recipients below, which do not confirm deliveries.",
		"more recipients, who are not listed, are in the same case.",
		"nothing is needed. No more reports of success will "
		"come; if the delivery fails beyond that server, it is for "
		"that server to tell you.",
	},
};

static const char *const source_words[DSN_SOURCE_COUNT] = {
	[DSN_SOURCE_NONE] = "",
	[DSN_SOURCE_DANE] =
	    "The recipient's domain asks for it with DANE: TLSA "
	    "records in signed DNS",
	[DSN_SOURCE_STS] = "The recipient's domain asks for it in its MTA-STS "
			   "policy",
	[DSN_SOURCE_RULE] = "A rule of this mail gateway asks for it",
	[DSN_SOURCE_EXCEPTION] = "An exception of this mail gateway, which "
				 "allowed less, has expired",
	[DSN_SOURCE_REQUIRETLS] = "The message itself asks for it "
				  "(REQUIRETLS)",
};

struct word {
	const char *word;
	const char *meaning;
};

static const struct word level_words[] = {
	{ "encrypt", "an encrypted connection (TLS)" },
	{ "verify", "an encrypted connection to a server that proves who it "
		    "is" },
	{ "dane-only", "an encrypted connection to a server that proves who "
		       "it is by a TLSA record in signed DNS (DANE)" },
};

static const struct word reached_words[] = {
	{ "nothing", "no connection that mail could be sent over" },
	{ "plaintext", "a connection in clear text" },
	{ "encrypted", "an encrypted connection to a server that did not "
		       "prove who it is" },
	{ "authenticated", "a server that proved who it is, under a name that "
			   "signed DNS does not vouch for" },
	{ "verified", "an encrypted connection to a server that proved who it "
		      "is" },
};

/* class: as failure classes and TLS reports name it. */
static const struct {
	const char *failed;
	const char *what; /* after the host's name */
	const char *remedy;
} advices[DSN_ADVICE_COUNT] = {
	[DSN_ADVICE_NONE] = { "", "", "" },
	[DSN_ADVICE_STARTTLS] = { "no-starttls", "does not offer STARTTLS",
	    "offer STARTTLS on that server (RFC 3207)" },
	[DSN_ADVICE_TLS] = { "tls",
	    "offers STARTTLS, but the TLS handshake fails",
	    "find out from the server's log why its TLS handshakes fail" },
	[DSN_ADVICE_LEGACY_TLS] = { "legacy-tls",
	    "has only versions or ciphers of TLS that are too old",
	    "enable TLS 1.2 or 1.3 with ciphers of today (RFC 9325)" },
	[DSN_ADVICE_CERTIFICATE] = { "certificate",
	    "has a certificate that is not valid for it",
	    "install a valid certificate of a public authority that names "
	    "this host" },
	[DSN_ADVICE_CERTIFICATE_EXPIRED] = { "certificate-expired",
	    "has a certificate that is out of date", "renew the certificate" },
	[DSN_ADVICE_CERTIFICATE_NAME] = { "certificate-host-mismatch",
	    "has a certificate for another name",
	    "install a certificate that names this host" },
	[DSN_ADVICE_CERTIFICATE_ISSUER] = { "certificate-not-trusted",
	    "has a certificate of an authority that is not trusted here",
	    "install a certificate of a public authority, with its whole "
	    "chain" },
	[DSN_ADVICE_TLSA_MISMATCH] = { "tlsa-mismatch",
	    "has a certificate that matches none of the domain's TLSA records",
	    "publish a TLSA record that matches the certificate in use" },
	[DSN_ADVICE_TLSA_LOOKUP] = { "tlsa-lookup",
	    "cannot be checked, because the lookup of its TLSA records fails",
	    "see to it that the name servers answer for TLSA records, with "
	    "valid signatures" },
	[DSN_ADVICE_DANE_REQUIRED] = { "dane-required",
	    "has no TLSA record in signed DNS",
	    "sign the domain with DNSSEC and publish a TLSA record that "
	    "matches the certificate in use" },
	[DSN_ADVICE_STS_MX] = { "sts-mx",
	    "is not listed in the domain's MTA-STS policy",
	    "list this host in the MTA-STS policy, or remove its MX record" },
	[DSN_ADVICE_STS_LOOKUP] = { "sts-lookup",
	    "cannot be used, because it is not known whether the domain has "
	    "an MTA-STS policy",
	    "see to it that the name servers answer for the TXT record at "
	    "_mta-sts" },
	[DSN_ADVICE_REQUIRETLS] = { "requiretls",
	    "does not offer REQUIRETLS, which the message asks for",
	    "offer REQUIRETLS on that server (RFC 8689)" },
	[DSN_ADVICE_RULE] = { "rule",
	    "does not offer the protection that this mail gateway asks for",
	    "offer STARTTLS on that server, with a certificate that names it" },
	[DSN_ADVICE_SMTPUTF8] = { "smtputf8",
	    "does not take internationalised mail",
	    "offer SMTPUTF8 on that server (RFC 6531)" },
	[DSN_ADVICE_PIN_MISMATCH] = { "pin-mismatch",
	    "has another certificate than those that were agreed upon with "
	    "this mail gateway",
	    "tell the postmaster of this gateway of the new certificate, once "
	    "it is certain that it is the right one" },
};

/* Where no advice was given, by subject and detail of the status. */
static const struct word status_words[] = {
	{ ".7.5", "The postmaster of the recipient's domain can help: its "
		  "mail servers must offer STARTTLS and prove who they are in "
		  "the way the domain publishes (DANE or MTA-STS) or the "
		  "sender's organisation demands." },
	{ ".7.10", "The message asked for encryption that the recipient's "
		   "mail servers do not offer; their postmaster can add it." },
	{ ".7.30", "The message asked for encryption on its whole way "
		   "(REQUIRETLS), which the recipient's mail servers do not "
		   "offer; their postmaster can add it." },
	{ ".7.1", "The recipient's mail server refused the message; its "
		  "postmaster can tell why." },
	{ ".4.1", "The recipient's mail servers did not answer; their "
		  "postmaster can see to it." },
	{ ".4.2", "The connection to the recipient's mail server broke; its "
		  "postmaster can see to it." },
	{ ".4.3", "The addresses of the recipient's mail servers could not "
		  "be found out; the postmaster of the domain can see to its "
		  "DNS." },
	{ ".4.4", "The recipient's domain has no mail server that could be "
		  "used; please check the part of the address after the @." },
	{ ".4.6", "The mail servers of the recipient's domain hand the "
		  "message round in a loop; their postmaster must end it." },
	{ ".4.7", "The message was tried until its time was over; the "
		  "postmaster of the recipient's domain can tell what is "
		  "wrong with its servers." },
	{ ".1.1", "Please check the address." },
	{ ".1.2", "Please check the part of the address after the @." },
	{ ".1.3", "Please check the address." },
	{ ".1.10", "The recipient's domain accepts no mail at all." },
	{ ".2.2", "The recipient's mailbox is full." },
	{ ".3.2", "The recipient's mail server takes no mail." },
	{ ".3.4", "The message is larger than the recipient's mail server "
		  "accepts." },
	{ ".6.3", "The recipient's mail server does not take 8-bit content; "
		  "send the message in another form, for instance encoded." },
	{ ".6.7", "The recipient's mail server does not take addresses with "
		  "characters beyond ASCII; use another address." },
	{ ".6.9", "The recipient's mail server does not take header fields "
		  "with characters beyond ASCII." },
};

static const char *
meaning_of(const struct word *table, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(table[i].word, word) == 0)
			return table[i].meaning;
	return word;
}

const char *
dsn_advice_class(enum dsn_advice advice)
{
	return advices[advice].failed;
}

enum dsn_advice
dsn_advice_find(const char *failed)
{
	for (unsigned i = 0; i < DSN_ADVICE_COUNT; i++)
		if (span_eq(span_str(failed), advices[i].failed))
			return (enum dsn_advice)i;
	return DSN_ADVICE_NONE;
}

/* ---- sentences ---- */

static bool
given(const char *text)
{
	return text != NULL && *text != '\0';
}

/* A paragraph of words of ours and of others. */
static void say(const struct dsn_job *j, struct sbuf *out, const char *indent,
    const char *fmt, ...) PRINTF(4, 5);

static void
say(const struct dsn_job *j, struct sbuf *out, const char *indent,
    const char *fmt, ...)
{
	enum dsn_script script = j->utf8 ? SCRIPT_UTF8 : SCRIPT_ASCII;
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = need(talloc_vasprintf(j->mem, fmt, ap));
	va_end(ap);
	dsn_paragraph(out, indent,
	    dsn_clean(j->mem, span_str(text), script, 3 * DSN_VALUE_MAX_BYTES));
}

/* At most DSN_VALUE_MAX_BYTES of others, for say(). */
static const char *
quoted(const struct dsn_job *j, const char *text)
{
	return span_dup(j->mem, dsn_value(j->mem, text, SCRIPT_UTF8));
}

static void
say_requirement(const struct dsn_job *j, struct sbuf *out,
    const struct dsn_requirement *q)
{
	const char *source = source_words[q->source];

	if (!given(q->level))
		return;
	say(j, out, INDENT, "Required: %s.",
	    meaning_of(level_words, COUNT_OF(level_words),
		quoted(j, q->level)));
	if (given(source) && given(q->name))
		say(j, out, INDENT, "%s (%s).", source, quoted(j, q->name));
	else if (given(source))
		say(j, out, INDENT, "%s.", source);
	if (given(q->reached))
		say(j, out, INDENT, "Reached: %s.",
		    meaning_of(reached_words, COUNT_OF(reached_words),
			quoted(j, q->reached)));
}

static void
say_lack(const struct dsn_job *j, struct sbuf *out,
    const struct dsn_requirement *q)
{
	if (q->advice != DSN_ADVICE_NONE)
		say(j, out, INDENT, "%s %s.",
		    given(q->host) ? quoted(j, q->host) :
				     "A mail server of the recipient's domain",
		    advices[q->advice].what);
}

static void
say_advice(const struct dsn_job *j, struct sbuf *out,
    const struct dsn_requirement *q)
{
	say(j, out, INDENT,
	    "What the postmaster of the recipient's domain can do: %s.",
	    advices[q->advice].remedy);
	if (q->source == DSN_SOURCE_RULE || q->source == DSN_SOURCE_EXCEPTION)
		say(j, out, INDENT,
		    "The administrator of this mail gateway can tell more.");
}

static void
say_status(const struct dsn_job *j, struct sbuf *out, const char *status)
{
	for (size_t i = 0; i < COUNT_OF(status_words); i++)
		if (given(status) &&
		    strcmp(status + 1, status_words[i].word) == 0)
			say(j, out, INDENT, "%s", status_words[i].meaning);
}

static void
say_trouble(const struct dsn_job *j, struct sbuf *out, const struct dsn_rcpt *r)
{
	say_lack(j, out, &r->req);
	say_requirement(j, out, &r->req);
	if (given(r->why))
		say(j, out, INDENT, "%s%s",
		    r->req.advice != DSN_ADVICE_NONE ? "In detail: " : "",
		    quoted(j, r->why));
	if (given(r->remote_mta) && given(r->diagnostic))
		say(j, out, INDENT, "%s said: %s", quoted(j, r->remote_mta),
		    quoted(j, r->diagnostic));
	if (r->req.advice != DSN_ADVICE_NONE)
		say_advice(j, out, &r->req);
	else
		say_status(j, out, r->status);
}

static void
say_rcpt(const struct dsn_job *j, struct sbuf *out, const struct dsn_rcpt *r)
{
	enum dsn_script script = j->utf8 ? SCRIPT_UTF8 : SCRIPT_ASCII;
	char when[CLOCK_TEXT_BYTES];

	sbuf_u8(out, '<');
	sbuf_span(out, dsn_clean(j->mem, span_str(r->address), script,
			   DSN_ADDRESS_MAX_BYTES));
	sbuf_str(out, ">\r\n");
	if (j->d->kind != DSN_KIND_RELAYED)
		say_trouble(j, out, r);
	else if (given(r->remote_mta))
		say(j, out, INDENT, "It was handed over to %s.",
		    quoted(j, r->remote_mta));
	if (j->d->kind == DSN_KIND_DELAYED && r->will_retry_until.ms != 0)
		say(j, out, INDENT, "It will be tried until %s.",
		    wall_rfc5322(r->will_retry_until, when));
	sbuf_str(out, "\r\n");
}

static const char *
original_words(enum dsn_return ret)
{
	switch (ret) {
	case RETURN_HEADER:
		return "The header of the message is attached.";
	case RETURN_WHOLE:
		return "The message is attached.";
	case RETURN_PROTECTED:
		return "Message-ID, Date, From and To of the message are "
		       "attached, and no more, because the message asks for "
		       "protection.";
	case RETURN_TOO_LARGE:
		return "The header of the message is attached; all of it is "
		       "too large for a report.";
	case RETURN_UNFIT:
		return "The header of the message is attached; all of it "
		       "cannot be sent back in a form that would stay as it "
		       "is.";
	}
	return ""; /* not reached: the switch names every one */
}

/* An address is not wrong where a host that it leads to is at fault. */
static const char *
to_do(const struct dsn_job *j)
{
	bool at_fault = j->d->kind == DSN_KIND_FAILED;

	for (size_t i = 0; i < j->count; i++)
		at_fault = at_fault &&
			   j->d->rcpt[i].req.advice != DSN_ADVICE_NONE;
	if (!at_fault)
		return kind_words[j->d->kind].to_do;
	return "reach the recipient in another way, and forward this report "
	       "to the postmaster of the recipient's domain, who can see from "
	       "it what to mend. Then send the message again.";
}

/* ---- the part ---- */

void
dsn_text(const struct dsn_job *j, struct sbuf *out)
{
	const struct dsn *d = j->d;
	char when[CLOCK_TEXT_BYTES];

	say(j, out, "", "%s",
	    d->rcpt_count == 1 ? kind_words[d->kind].opening :
				 kind_words[d->kind].openings);
	sbuf_str(out, "\r\n");
	for (size_t i = 0; i < j->count; i++)
		say_rcpt(j, out, &d->rcpt[i]);
	if (j->count < d->rcpt_count) {
		say(j, out, "", "%zu %s", d->rcpt_count - j->count,
		    kind_words[d->kind].more);
		sbuf_str(out, "\r\n");
	}
	say(j, out, "", "What you can do: %s", to_do(j));
	sbuf_str(out, "\r\n");
	say(j, out, "",
	    "For the postmaster: this is the mail gateway at %s. It accepted "
	    "the message on %s as %s. %s",
	    quoted(j, d->reporting_mta), wall_rfc5322(d->arrival, when),
	    quoted(j, d->queue_id), original_words(j->ret));
}
