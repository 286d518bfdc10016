/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conf - the configuration: read once, checked whole, then handed down as
 * `const struct conf *`.
 *
 * Scalars come from options.def; lists (listen, rules, exceptions) have
 * their own readers.  All mistakes of a file are reported, each with file
 * and line, before reading fails.
 *
 * The file is libconfig's, in UTF-8.  A line of its own, @include "file",
 * takes in another, relative to the folder of the file that says so.
 * Unlike libconfig, two texts beside each other are a mistake: between
 * domains a forgotten comma would make one domain of two.
 */
#ifndef POLICY_CONF_H
#define POLICY_CONF_H

#include <stdio.h>

#include "dane/tlsa.h"
#include "policy/decide.h"
#include "policy/ladder.h"
#include "policy/level.h"
#include "policy/marks.h"
#include "policy/pin.h"
#include "policy/sender.h"
#include "smtp/header.h"
#include "util/clock.h"
#include "util/logline.h"
#include "util/netaddr.h"

#define CONF_MAX_BYTES              (16u << 20) /* ours: with all includes; printed */
#define CONF_MAX_LISTEN             64u
#define CONF_MAX_RECEIVE            16u /* ours: addresses for TLS reports */
#define CONF_MAX_SOCKETMAP          16u
#define CONF_MAX_METRICS            4u
#define CONF_MAX_COMMAND            16u  /* ours: words of alarms.command */
#define CONF_SOCKET_PATH_BYTES      107u /* sockaddr_un, without its NUL */
#define CONF_MAX_RULES              10000u
#define CONF_MAX_EXCEPTIONS         10000u
#define CONF_MAX_DESTINATIONS       1000u
#define CONF_MAX_ROUTES             10000u
#define CONF_MAX_HOPS               16u /* of a route */
#define CONF_MAX_SCOPE              10000u /* domains, networks, hosts of one entry */
#define CONF_CERTIFICATE_NAME_BYTES 254u /* a mail address */
#define CONF_MAX_NAMES              7u /* of a rule: with the host's own, a plan's */
#define CONF_MAX_WANTED             256u /* ours: header fields of all rules */
#define CONF_MAX_PINS               16u /* of a rule; keys in use and to come */
#define CONF_MAX_OWN_DOMAINS        64u /* ours: each is minutes of looking */
#define CONF_MAX_MISTAKES           1000u /* reported; then "and more" */
#define CONF_EXCEPTION_MAX_DAYS     366u /* ours: an exception's longest life */
#define CONF_EXCEPTION_MAX_BUDGET   1000000000u /* ours: messages */

enum conf_profile { PROFILE_BALANCED, PROFILE_REGULATED };
#define CONF_PROFILE_COUNT 2u
enum unvalidated { UNVALIDATED_DEFER, UNVALIDATED_OPPORTUNISTIC };
enum sts_unknown { STS_UNKNOWN_DEFER, STS_UNKNOWN_IGNORE };
enum dane_and_sts { DANE_FIRST, DANE_AND_STS };
enum plaintext_use { PLAINTEXT_ALLOW, PLAINTEXT_FORBID };
enum interference_action { INTERFERENCE_LOG, INTERFERENCE_DEFER };
enum eight_bit { EIGHT_BIT_BOUNCE, EIGHT_BIT_CONVERT, EIGHT_BIT_SEND };

enum listen_role { LISTEN_RELAY, LISTEN_SUBMISSION };
enum listen_tls {
	LISTEN_TLS_OFF,
	LISTEN_TLS_OFFER,    /* STARTTLS */
	LISTEN_TLS_REQUIRE,  /* no mail without STARTTLS */
	LISTEN_TLS_IMPLICIT, /* from the first byte, RFC 8314 3.3 */
};
enum listen_auth { LISTEN_AUTH_OFF, LISTEN_AUTH_OFFER, LISTEN_AUTH_REQUIRE };
/* What a client whose certificate is listed does to use it. */
enum listen_login { LISTEN_LOGIN_EXTERNAL, LISTEN_LOGIN_IMPLICIT };

/* A client certificate and the account that it stands for. */
struct conf_certificate {
	uint8_t sha256[32]; /* of the certificate; when name is "" */
	const char *name;   /* in one of intake.client-ca; "*": any of those */
	const char *account;
};

struct conf_listen {
	struct netaddr addr;
	enum listen_role role;
	enum listen_tls tls;
	enum listen_auth auth;
	enum listen_login login;
	struct netprefix *allow; /* networks that may relay */
	size_t allow_count;
	struct netprefix *proxy; /* that begin with a PROXY header */
	size_t proxy_count;
	struct conf_certificate *certificate;
	size_t certificate_count;
};

/* Where other programs ask: an entry of socketmap (Postfix asks what a next
 * hop requires, policy/socketmap.h) or of metrics. */
struct conf_point {
	const char *path;        /* of a socket in the file system; or "" */
	const char *group;       /* who may use it; "": everybody here */
	struct netaddr addr;     /* without a path */
	struct netprefix *allow; /* of addr: networks that may ask */
	size_t allow_count;
};

/*
 * A standing requirement: raises, never lowers what is published.  It is for
 * mail that meets each of its conditions; of the texts of one condition any
 * will do, and a condition without texts is met.  Scopes are canonical:
 * "example.org", ".example.org", "*", or an address literal "[192.0.2.1]".
 *
 * One for "*" without a further condition is the local default: what a "may"
 * rule or an exception says of a domain takes its place.  Any other is a
 * floor, and so is never-plaintext for "*": nothing takes its place.
 */
struct conf_rule {
	const char *name;     /* letters, digits, ".", "_", "-"; unique */
	const char **domains; /* scopes: domain_in_scope() */
	size_t domain_count;
	const char **mx; /* host patterns, as in exceptions */
	size_t mx_count;
	unsigned classes; /* 1 << enum msg_class each; 0: any */
	/* about the message, judged when it is accepted: */
	struct sender_pattern *senders;
	size_t sender_count;
	const char **accounts; /* "*": any */
	size_t account_count;
	struct netprefix *clients;
	size_t client_count;
	struct header_want *header; /* seen is not used */
	size_t header_count;
	enum override_kind require;
	const char **names; /* extra reference names for require-verified */
	size_t name_count;
	/*
	 * Of mail of which nothing more is required than TLS where it is
	 * offered: when it may go in clear, if ever.  Of several rules in
	 * scope the strictest counts.
	 */
	bool forbids_plaintext;
	int64_t plaintext_after_ms; /* 0: not said */
	uint32_t plaintext_limit;   /* messages a day; 0: not said */
	enum verify_by verify_by;   /* other than ANY: with require-verified */
	struct pin *pin;            /* > 0 with VERIFY_BY_PIN */
	size_t pin_count;
	const char *ca_file; /* PEM; with VERIFY_BY_CA, else "" */
	/* Shown to its hosts when they ask. */
	bool has_identity;
	const char *client_certificate; /* PEM file */
	const char *client_key;
	enum min_tls min_tls;
	bool has_unmet; /* else smtp.unmet counts */
	enum unmet unmet;
	const char *unmet_route; /* name, with UNMET_ROUTE; else "" */
	const char *where;       /* "file:line" */
};

/*
 * Lets named domains fall below what is required, until it expires.  It
 * names domains: "*" is refused.  A day as its end means 00:00 UTC of that
 * day.
 */
struct conf_exception {
	const char *name;
	const char **domains; /* scopes */
	size_t domain_count;
	const char **mx; /* host patterns ("*.sohu.com"); none: all hosts */
	size_t mx_count;
	/* LEVEL_PLAIN, _MAY or _ENCRYPT; or what it waives, 1 << enum waiver */
	enum level allow;
	uint8_t waives;
	uint32_t budget; /* messages that may use it; 0: any number */
	const char *reason;
	const char *approver;
	const char *ticket;  /* or "" */
	struct wall until;   /* as approved */
	struct wall revoked; /* taken back then; 0: it was not */
	const char *revoked_by, *revoked_reason; /* or "" */
	struct wall expires; /* from then on it is as if absent: the first of
			      * the two */
	const char *where;   /* "file:line" */
	const char *file;    /* of exceptions-dir, which is it alone; or "" */
};

enum exception_state {
	EXCEPTION_ACTIVE,
	EXCEPTION_EXPIRING, /* within the time asked about */
	EXCEPTION_EXPIRED,
	EXCEPTION_REVOKED, /* before it would have expired */
};

/* What certain destinations are given at a time. */
struct conf_destination {
	const char *name;
	const char **domains; /* scopes */
	size_t domain_count;
	uint32_t concurrency; /* connections; 0: not said */
	uint32_t recipients;  /* of one transaction; 0: not said */
	uint32_t rate;        /* messages a minute; 0: any */
	bool has_rate;
};

/* Where a route leads to. */
struct conf_hop {
	const char *name; /* canonical, or a literal "[192.0.2.1]" */
	uint16_t port;
	bool is_host;        /* in brackets: itself; else its MX hosts */
	struct netaddr addr; /* of a literal; else family NONE */
};

/*
 * Mail for domains goes to hosts of the operator's choice.  These are
 * destinations of their own (STS-03, DANE-22, DANE-23).
 */
struct conf_route {
	const char *name;
	const char **domains; /* scopes */
	size_t domain_count;
	bool fallback;        /* after the domain's own hosts, when none could
			       * be reached */
	bool unmet;           /* of no domain: for rules that name it */
	struct conf_hop *hop; /* one domain, or hosts in order of use */
	size_t hop_count;     /* > 0 */
	enum level require;   /* LEVEL_MAY, _ENCRYPT or _VERIFY */
	bool implicit_tls;    /* RFC 8314 3.3 */
	const char **names;   /* extra reference names */
	size_t name_count;
	const char *user; /* "": no AUTH */
	const char *password_file;
	const char *where; /* "file:line" */
};

struct conf {
#define OPT_STRING(path, field, def, min, max, reload, doc)   const char *field;
#define OPT_PATH(path, field, def, min, max, reload, doc)     const char *field;
#define OPT_FLAG(path, field, def, reload, doc)               bool field;
#define OPT_COUNT(path, field, def, min, max, reload, doc)    uint32_t field;
#define OPT_SIZE(path, field, def, min, max, reload, doc)     uint64_t field;
#define OPT_TIME(path, field, def, min, max, reload, doc)     int64_t field;
#define OPT_CHOICE(path, field, def, words, tag, reload, doc) enum tag field;
#include "policy/options.def"
#undef OPT_STRING
#undef OPT_PATH
#undef OPT_FLAG
#undef OPT_COUNT
#undef OPT_SIZE
#undef OPT_TIME
#undef OPT_CHOICE
	/* where the value of each option comes from: "default", "profile",
	 * "file:line" */
	const char **origin;
	struct tlsa_digests dane_digest; /* dane.digests */
	const char **resolver_option; /* "name: value", handed to libunbound */
	size_t resolver_option_count;
	struct netaddr smtp_bind[2]; /* one of a family at most; no port */
	size_t smtp_bind_count;
	const char **own_domain; /* own-domains.names, canonical */
	size_t own_domain_count;
	/* canonical; see conf_receives() */
	const char *tlsrpt_receive[CONF_MAX_RECEIVE];
	size_t tlsrpt_receive_count;
	struct conf_listen *listen;
	size_t listen_count;
	struct conf_point *socketmap;
	size_t socketmap_count;
	struct conf_point *metrics;
	size_t metrics_count;
	const char **alarms_command; /* the program and its arguments */
	size_t alarms_command_count; /* 0: none */
	struct conf_rule *rule;
	size_t rule_count;
	const struct conf_rule **marking; /* about the message; by name */
	size_t marking_count;
	struct header_want *wanted; /* of all of them, each once */
	size_t wanted_count;
	struct conf_exception *exception;
	size_t exception_count;
	struct conf_destination *destination;
	size_t destination_count;
	struct conf_route *route;
	size_t route_count;
	uint8_t digest[32]; /* SHA-256 of conf_print()'s text */
	/*
	 * No mistakes, but what the operator should know: "file:line: text".
	 * warning has the first CONF_MAX_MISTAKES of them.
	 */
	const char **warning;
	size_t warning_count;
};

/*
 * Mistakes found, in the order of the file: "file:line: text", each with
 * what to do; one that has no line (the file cannot be read, a setting is
 * missing) is "file: text".  text has the first CONF_MAX_MISTAKES of them
 * and lives in mem, which the caller sets; NULL when there are none.
 */
struct conf_mistakes {
	TALLOC_CTX *mem;
	size_t count; /* also counts those over CONF_MAX_MISTAKES */
	const char **text;
};

/*
 * Read a file (with its @include files, and those of exceptions-dir) or a
 * text (name stands for the file in messages; it has neither).  The result
 * lives in mem.  NULL when there is at least one mistake, all of them in
 * *mistakes; of syntax, only the first.
 *
 * now decides which exceptions have expired: at start and in check-config
 * that is a mistake (expired_is_mistake), for a running gateway it is not,
 * nor in a file of exceptions-dir.
 * That an exception may last CONF_EXCEPTION_MAX_DAYS at most is judged for
 * every file, and for a text where expired_is_mistake: a role that reads
 * again what conf_print() wrote never refuses it because of its clock.
 *
 * Options come before lists, whatever their order in the file.
 */
struct conf *conf_read_file(TALLOC_CTX *mem, const char *path, struct wall now,
    bool expired_is_mistake, struct conf_mistakes *mistakes);
struct conf *conf_read_text(TALLOC_CTX *mem, const char *name, const char *text,
    struct wall now, bool expired_is_mistake, struct conf_mistakes *mistakes);

/*
 * As conf_read_file() of what is not yet there: with a file NAME.conf in
 * exceptions-dir that has this text, in place of one of that name.
 */
struct conf_draft {
	const char *name;
	const char *text;
};
struct conf *conf_read_with(TALLOC_CTX *mem, const char *path, struct wall now,
    const struct conf_draft *draft, struct conf_mistakes *mistakes);

/*
 * The whole effective configuration as a file that conf_read_text() reads
 * back to the same values: every option with its value, every list.
 */
char *conf_print(TALLOC_CTX *mem, const struct conf *conf);
/* The same for people: each option with a comment that says its origin. */
char *conf_print_effective(TALLOC_CTX *mem, const struct conf *conf);
/* s as a text in such a file, in mem. */
char *conf_escape(TALLOC_CTX *mem, const char *s);

/* The table of options for `check-config --options`; man: as mdoc. */
void conf_print_options(FILE *out, bool man);

/* Is mail for the address, "local@domain", a TLS report for this gateway? */
bool conf_receives(const struct conf *conf, const char *address);

/* What is known of a message when it is accepted. */
struct conf_message {
	const struct address *sender; /* NULL: not known */
	const char *account;   /* as which it authenticated; "" none; NULL:
				* not known */
	struct netaddr client; /* family NONE: not known */
	const struct header_want *header; /* looked for */
	size_t header_count;
	bool header_cut; /* what is not seen of it may be there */
};

struct conf_marks {
	const char *text; /* policy/marks.h */
	/* those of them that rest on what is not known: names, as marks */
	const char *assumed;
};

/*
 * The rules whose conditions about the message are met; both texts live in
 * mem or are constants.  What is not known meets a condition of a rule that
 * demands something, and none of a "may" rule.
 */
struct conf_marks conf_marks(TALLOC_CTX *mem, const struct conf *conf,
    const struct conf_message *m);

enum conf_met { CONF_MET_NO, CONF_MET_UNKNOWN, CONF_MET_YES };

/* What is known later of a message. */
struct conf_past {
	const struct conf *conf;      /* under which it was accepted */
	const char *marks;            /* that it got */
	const struct address *sender; /* NULL: not known */
};

/*
 * Would the conditions about the message of a rule of another configuration
 * have been met?  Marks tell it where the rule asked the same before.
 */
enum conf_met conf_met_then(const struct conf_rule *rule,
    const struct conf_past *past);

/* What rules and exceptions are asked about. */
struct conf_subject {
	const char *domain; /* canonical, or an address literal */
	const char *host;   /* canonical; NULL: the domain as a whole */
	enum msg_class mclass;
	const char *marks; /* of the mail; "" none */
};

/* What the rules and exceptions say of a subject. */
struct conf_override {
	enum override_kind kind; /* of the exception, else of the rule */
	bool waiver;             /* there is an exception */
	uint8_t waives;          /* of OVERRIDE_WAIVES: 1 << enum waiver */
	enum level local;        /* of the local default that the exception
				  * sets aside */
	enum level floor;        /* of smtp.floor and the rules that hold */
	bool never_plaintext;    /* a rule in scope says so */
	const struct conf_rule *rule; /* strongest that holds; or the local
				       * default that the exception sets aside;
				       * or a "may" rule; or NULL */
	const struct conf_exception *exception; /* the one in force, or NULL */
	/* Beside it, of all rules that hold; see conf_override.c. */
	const struct conf_rule *method; /* says by what to verify; or NULL */
	const struct conf_rule
	    *identity;        /* has a client certificate; or NULL */
	enum min_tls min_tls; /* the highest of smtp.min-tls and theirs */
	/* The same as it were without the exception. */
	const struct conf_rule *if_method, *if_identity;
	enum min_tls if_min_tls;
};
/*
 * Rules: floors of several that match combine by maximum, encrypt <
 * never-plaintext < verify < dane-only; of equal ones the more specific
 * counts (its names are used), then the earlier in the file.  One that says
 * by what to verify is stronger than one that does not; it holds beside a
 * dane-only rule too.
 *
 * Exceptions: one matches while it has not expired, a scope of it has the
 * domain, and host matches a pattern of its mx (when it has mx).  Of several
 * the more specific counts, then the earlier; and one counts only where no
 * "may" rule is more specific.
 *
 * More specific: by the scope of the domain first, an exact name before any
 * ".suffix", a longer ".suffix" before a shorter one, all of them before "*"
 * or none; then one with mx; then one with more conditions about the message;
 * then one with classes.
 */
struct conf_override conf_override_for(const struct conf *conf,
    const struct conf_subject *s, struct wall now);

/* As if there were no exceptions: for REQUIRETLS they are void (RTLS-22). */
struct conf_override conf_override_by_rules(const struct conf *conf,
    const struct conf_subject *s);

/* One host, as the configuration sees it. */
struct conf_host {
	const char *domain;      /* N, of the recipients */
	const char *destination; /* whose host it is: N; or of a route, the
				  * relay's domain or the host itself */
	const char *host;        /* H */
	enum msg_class mclass;
	const char *marks;              /* of the mail; "" none */
	const struct conf_route *route; /* by which the mail goes, or NULL */
};
/*
 * What is in force for a host: rules and exceptions, and those of its route.
 * A host of a route is a destination of its own: what exceptions say of it
 * counts, not of the recipient domain.  What rules demand of either does, and
 * what the route itself demands.
 */
struct conf_override conf_override_of_host(const struct conf *conf,
    const struct conf_host *h, struct wall now);
/* Is a rule about this host, whatever it asks of the message? */
bool conf_rule_concerns(const struct conf_rule *rule,
    const struct conf_host *h);

/*
 * "TLS-Required: No", and leave for reports, set aside what the recipient
 * domain asks for: not what the operator asks of his own relay.
 */
enum msg_class conf_class_for(enum msg_class mclass,
    const struct conf_route *route);

/*
 * The input of decide() where the world is as facts says: D, S, the host in
 * the policy, the MX, what has failed there and the class; the rest of facts
 * is not looked at.
 */
struct decide_in conf_decide_in(const struct conf *conf,
    const struct decide_in *facts, const struct conf_override *o);

/*
 * The oldest TLS for a host of which out was decided.  Where it may go in
 * clear any will do: clear text would take the place of what is refused.
 */
enum min_tls conf_min_tls(const struct conf_override *o,
    const struct decide_out *out);

/* When mail at MAY goes in clear, once TLS is not to be had. */
struct conf_plaintext {
	bool forbidden;
	int64_t after_ms; /* a message has waited that long before */
	uint32_t limit;   /* messages a day to the recipient domain; 0: none */
};
/* Of smtp.plaintext and what stands behind it, and of the rules for the
 * subject: the strictest, each for itself. */
struct conf_plaintext conf_plaintext_for(const struct conf *conf,
    const struct conf_subject *s);
/* Of a route's host what is said of it counts too, but for the limit. */
struct conf_plaintext conf_plaintext_of_host(const struct conf *conf,
    const struct conf_host *h);
/* Is there a limit for any domain? */
bool conf_plaintext_is_limited(const struct conf *conf);

/* The entry of destinations that counts for a canonical domain; NULL: none. */
const struct conf_destination *conf_destination_for(const struct conf *conf,
    const char *domain);

/*
 * The route of a domain, or (fallback) of its last resort: of those whose
 * scopes have it the one with the narrowest, or NULL.
 */
const struct conf_route *conf_route_for(const struct conf *conf,
    const char *domain, bool fallback);

/* Whose MTA-STS policy counts for mail to domain: its own, or that of the
 * domain that its route leads to (STS-03). */
const char *conf_policy_domain(const struct conf *conf, const char *domain);

/* The route of that name, or NULL. */
const struct conf_route *conf_route_named(const struct conf *conf,
    const char *name);

/* What becomes of mail whose requirement is not met: of the rule that is in
 * force, else smtp.unmet. */
enum unmet conf_unmet(const struct conf *conf, const struct conf_rule *rule);

/* The same of mail for a destination; for REQUIRETLS RFC 8689 says it. */
struct conf_unmet {
	enum unmet unmet;
	const char *route; /* UNMET_ROUTE: its name; else "" */
};
struct conf_unmet conf_unmet_for(const struct conf *conf,
    const struct dest_key *to, struct wall now);

/*
 * What differs between two, a text each in mem, sorted: "smtp.floor:
 * \"verify\", was \"plain\"", "rules \"strict\": added".  Entries of lists are
 * named only: they may have addresses of people.
 */
const char **conf_changes(TALLOC_CTX *mem, const struct conf *old,
    const struct conf *conf, size_t *count);
/* May this client ask there?  One in the file system has a group instead. */
bool conf_point_allows(const struct conf_point *p,
    const struct netaddr *client);
/* The address of one as the file has it, in mem. */
char *conf_point_text(TALLOC_CTX *mem, const struct conf_point *s);
/* What has become of an exception; soon_ms: what counts as expiring. */
enum exception_state conf_exception_state(const struct conf_exception *e,
    struct wall now, int64_t soon_ms);
/* May a rule or an exception be called so? */
bool conf_is_name(const char *name);
/* A rule that requires more than this leaves it nothing to lower. */
enum level conf_exception_lowest(const struct conf_exception *e);
/* The least that may be left of what is published, whatever fails. */
enum level conf_exception_leaves(const struct conf_exception *e);
/* The failures that it waives, blanks between them, in mem; "": none. */
char *conf_exception_waives(TALLOC_CTX *mem, const struct conf_exception *e);
/* NULL: there is none of that name. */
const struct conf_exception *conf_exception_named(const struct conf *conf,
    const char *name);

/* When the next exception expires after now; WALL_NEVER when none does. */
struct wall conf_next_expiry(const struct conf *conf, struct wall now);

/*
 * What of conf a running gateway that replaces old by it does not apply
 * before its next start: the START options and resolver.option, where they
 * differ.  Other addresses to listen on are the caller's to judge.
 */
void conf_reload_notes(const struct conf *old, const struct conf *conf,
    struct conf_mistakes *notes);

#endif
