/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conf_internal - what the files of the configuration reader share; for
 * policy/conf*.c alone.
 *
 * A line is a number in the text that libconfig is given: the file with its
 * includes in place, from 1.  conf_source knows which file and line that
 * was; 0 stands for the file as a whole.
 */
#ifndef POLICY_CONF_INTERNAL_H
#define POLICY_CONF_INTERNAL_H

#include <libconfig.h>

#include "policy/conf.h"
#include "policy/conf_source.h"
#include "util/sbuf.h"
#include "util/strmap.h"

#define CONF_QUOTE_BYTES 80u /* ours: of a value, in a mistake */
#define CONF_MAX_TEXT_BYTES                                                    \
	1000u /* ours: one text of a list; goes into plans */

/* How a value looks, for the messages about one that does not. */
enum conf_kind {
	CONF_STRING,
	CONF_PATH,
	CONF_FLAG,
	CONF_COUNT,
	CONF_SIZE,
	CONF_TIME,
	CONF_CHOICE,
};
#define CONF_KIND_COUNT 7u

/* One scalar option: a row of options.def, every value as its text. */
struct conf_option {
	const char *path; /* "group.name" or "name" */
	enum conf_kind kind;
	bool now;      /* SIGHUP applies it */
	size_t offset; /* of the field in struct conf */
	const char *def;
	const char *min, *max;
	const char *words; /* CONF_CHOICE: "a|b|c"; else "" */
	const char *doc;
};

/* One key of an entry of a list. */
struct conf_field {
	const char *name;
	bool is_list; /* of texts; else one text */
	bool needed;
	const char *doc;
};

/* One list of groups: its keys, and what it is for. */
struct conf_list {
	const char *path; /* "exceptions" */
	const char *one;  /* "exception" */
	size_t max;       /* entries */
	const struct conf_field *field;
	size_t field_count;
	const char *doc;
};

struct conf_found {
	const struct conf_source *source;
	unsigned source_number; /* sources in the order of reading */
	unsigned line;
	size_t number; /* keeps the order within a line */
	const char *text;
};

struct conf_reader {
	TALLOC_CTX *mem; /* for the time of reading */
	struct conf *conf;
	struct conf_source *source; /* at hand */
	unsigned source_number, source_count;
	struct wall now;
	const struct conf_draft *draft; /* or NULL */
	bool expired_is_mistake;
	bool life_is_limited;      /* CONF_EXCEPTION_MAX_DAYS applies */
	bool of_folder;            /* the source is one of exceptions-dir */
	struct strmap *exceptions; /* where each name is */
	unsigned *option_line;     /* of each option; 0: not given */
	struct strmap *scopes;     /* see conf_scope.c */
	struct conf_found *found;  /* room for CONF_MAX_MISTAKES */
	size_t found_count;        /* may be over it */
};

/* ---- conf.c ---- */

void conf_mistake(struct conf_reader *r, unsigned line, const char *fmt, ...)
    PRINTF(3, 4);
/* What libconfig found wrong with the source at hand. */
void conf_syntax_mistake(struct conf_reader *r, const config_t *config);

/* ---- conf_text.c ---- */

unsigned conf_line(const config_setting_t *setting);
/* s in double quotes, cut at CONF_QUOTE_BYTES; lives until the reader ends. */
const char *conf_quote(struct conf_reader *r, const char *s);
/* Has s only whole UTF-8 characters and no control characters? */
bool conf_text_ok(const char *s);
/* Does setting hold such text?  What is wrong is a mistake about path. */
bool conf_take_text(struct conf_reader *r, const char *path,
    config_setting_t *setting, const char **out);
/* name is none that is known: the mistake, with the nearest of them. */
void conf_unknown(struct conf_reader *r, unsigned line, const char *path,
    const char *const *known, size_t known_count);

/* ---- conf_options.c ---- */

size_t conf_option_count(void);
const struct conf_option *conf_option_at(size_t i);
/* NULL when there is none of that path. */
const struct conf_option *conf_option_find(const char *path);
/* Fill every field with its default. */
void conf_options_default(struct conf *conf);
/* Is there an option "group.something"? */
bool conf_option_group(const char *group);
/* Read setting as the option path; false when there is no such option. */
bool conf_option_read(struct conf_reader *r, const char *path,
    config_setting_t *setting);
/* The line that sets path, or 0. */
unsigned conf_option_line(const struct conf_reader *r, const char *path);
/* Set o to a value of the tables, as their text. */
void conf_option_put(struct conf *conf, const struct conf_option *o,
    const char *text);
/* The value as libconfig text, in mem. */
char *conf_option_text(TALLOC_CTX *mem, const struct conf *conf,
    const struct conf_option *o);

/* ---- conf_list.c: lists of groups ---- */

enum {
	CONF_LISTEN,
	CONF_RULES,
	CONF_EXCEPTIONS,
	CONF_DESTINATIONS,
	CONF_ROUTES,
	CONF_SOCKETMAP,
};
#define CONF_LIST_COUNT 6u
extern const struct conf_list conf_lists[CONF_LIST_COUNT];

/* An entry of a list whose keys are known and of their type. */
struct conf_entry {
	struct conf_reader *r;
	const struct conf_list *list;
	config_setting_t *group;
	const char *label; /* for messages: exception "sohu", rule number 1 */
};

/* Index of a key's word; -1 when it is absent, or mistaken, which is noted
 * with all the words. */
int conf_entry_word(const struct conf_entry *e, const char *key,
    const char *const *words, size_t count);
/* Rules that name routes, and routes that are there to be named. */
void conf_list_check_unmet(struct conf_reader *r, config_setting_t *root);

/* Is there a list of that name? */
bool conf_is_list(const char *name);
/* Read setting as the list of its name. */
void conf_list_read(struct conf_reader *r, config_setting_t *setting);
/* One more entry of a list that was read: a whole file is that group. */
void conf_list_read_one(struct conf_reader *r, unsigned list,
    config_setting_t *group);
/* A mistake about an entry, at its key or, with NULL, where it begins. */
void conf_entry_mistake(const struct conf_entry *e, const char *key,
    const char *fmt, ...) PRINTF(3, 4);
/* "file:line" of the entry, in the source's memory. */
const char *conf_entry_where(const struct conf_entry *e);
/* Texts in the list of a key; -1 when it is absent or no list. */
int conf_entry_length(const struct conf_entry *e, const char *key);
bool conf_entry_has(const struct conf_entry *e, const char *key);
/* Text of a key; NULL when it is absent, empty or was found mistaken. */
const char *conf_entry_text(const struct conf_entry *e, const char *key);

/*
 * How one text of a list becomes item i of out, which lives in mem.  On
 * failure why says what is wrong with it.
 */
typedef enum status conf_take_fn(TALLOC_CTX *mem, const char *text, void *out,
    size_t i, struct diag *why);
/*
 * Take the texts of a key into an array of items of item_bytes, which lives
 * in the configuration.  Mistaken ones are noted and left out.
 */
void *conf_entry_list(const struct conf_entry *e, const char *key,
    conf_take_fn *take, size_t item_bytes, size_t *count);

/* ---- conf_listen.c, conf_rule.c, conf_exception.c, conf_route.c ---- */

#define CONF_LISTEN_FIELDS    8u
#define CONF_RULE_FIELDS      21u
#define CONF_EXCEPTION_FIELDS 13u
#define CONF_ROUTE_FIELDS     9u
extern const struct conf_field conf_listen_field[CONF_LISTEN_FIELDS];
extern const struct conf_field conf_rule_field[CONF_RULE_FIELDS];
extern const struct conf_field conf_exception_field[CONF_EXCEPTION_FIELDS];
extern const struct conf_field conf_route_field[CONF_ROUTE_FIELDS];

void conf_listen_read(const struct conf_entry *e, struct conf_listen *out);
void conf_rule_read(const struct conf_entry *e, struct conf_rule *out);
/* ---- conf_plaintext.c ---- */
void conf_plaintext_read(const struct conf_entry *e, struct conf_rule *out);
/* Is the rule about clear text, whatever it requires? */
bool conf_plaintext_says(const struct conf_rule *rule);
void conf_exception_read(const struct conf_entry *e,
    struct conf_exception *out);
void conf_route_read(const struct conf_entry *e, struct conf_route *out);

/* Text of a key, a copy that lives as long as the configuration; "" when
 * absent. */
const char *conf_entry_copy(const struct conf_entry *e, const char *key);
/* A network, but not all of the world; all is what is said of that. */
enum status conf_take_network(const char *text, struct netprefix *out,
    const char *all, struct diag *why);
/* A name is of letters that need no quoting in a log line. */
void conf_check_name(const struct conf_entry *e);
/* A scope of domain_in_scope(); a name. */
enum status conf_take_scope(TALLOC_CTX *mem, const char *text, void *out,
    size_t i, struct diag *why);
enum status conf_take_name(TALLOC_CTX *mem, const char *text, void *out,
    size_t i, struct diag *why);

/* ---- conf_action.c ---- */

/* What a rule demands beyond its level, and what happens when it is unmet. */
void conf_action_read(const struct conf_entry *e, struct conf_rule *out);
/* Once the routes are read: is the one that the rule names fit for it? */
void conf_action_check_route(const struct conf_entry *e,
    const struct conf_rule *rule);
/* Is there a rule that leads to it? */
void conf_action_check_use(const struct conf_entry *e,
    const struct conf_route *route);
/* Does it demand what no stronger rule says beside its level? */
bool conf_action_stands_alone(const struct conf_rule *rule);

/* ---- conf_socketmap.c ---- */

#define CONF_SOCKETMAP_FIELDS 3u
extern const struct conf_field conf_socketmap_field[CONF_SOCKETMAP_FIELDS];
void conf_socketmap_read(const struct conf_entry *e,
    struct conf_socketmap *out);

/* ---- conf_destination.c ---- */

#define CONF_DESTINATION_FIELDS 5u
extern const struct conf_field conf_destination_field[CONF_DESTINATION_FIELDS];
void conf_destination_read(const struct conf_entry *e,
    struct conf_destination *out);

/* Words in the file for values of enums. */
const char *conf_listen_role_word(enum listen_role role);
const char *conf_listen_tls_word(enum listen_tls tls);
const char *conf_listen_auth_word(enum listen_auth auth);
const char *conf_listen_login_word(enum listen_login login);
/* As it is written in the file, in mem. */
char *conf_listen_certificate_text(TALLOC_CTX *mem,
    const struct conf_certificate *c);
const char *conf_require_word(enum override_kind kind);
const char *conf_route_use_word(const struct conf_route *route);
const char *conf_route_tls_word(bool implicit);

/* The lists of texts outside of groups: their paths as names. */
#define CONF_TEXTS_COUNT 4u
extern const struct conf_field conf_resolver_option, conf_smtp_bind,
    conf_own_domains, conf_tlsrpt_receive;
void conf_resolver_option_read(struct conf_reader *r,
    config_setting_t *setting);
void conf_smtp_bind_read(struct conf_reader *r, config_setting_t *setting);
void conf_tlsrpt_receive_read(struct conf_reader *r, config_setting_t *setting);
/* All is read: where what cannot be read goes is none of those addresses. */
void conf_tlsrpt_receive_check(struct conf_reader *r);
void conf_own_domains_read(struct conf_reader *r, config_setting_t *setting);

/* ---- conf_override.c ---- */

/* How narrow the narrowest of these scopes is that has the domain. */
#define CONF_NO_MATCH (-1)
int conf_specificity(const char *const *scope, size_t count,
    const char *domain);

/* ---- conf_match.c ---- */

/* The conditions of a rule, from its entry. */
void conf_match_read(const struct conf_entry *e, struct conf_rule *out);
/* All rules are read: those about the message, in order. */
void conf_match_finish(struct conf *conf);
/* Kinds of conditions about the message that a rule has. */
unsigned conf_match_message(const struct conf_rule *rule);
/* Has it none but that of the domain? */
bool conf_match_by_domain(const struct conf_rule *rule);
/* The one of these that looks for the same; NULL: none does. */
const struct header_want *conf_find_want(const struct header_want *list,
    size_t count, const struct header_want *w);
/* As it stands in a file, in mem. */
char *conf_want_text(TALLOC_CTX *mem, const struct header_want *w);

/*
 * How narrow a rule or exception is: scope, of conf_specificity(), counts
 * first.  CONF_NO_MATCH stays what it is.
 */
#define CONF_LOCAL 0 /* of a rule that is a local default */
int conf_narrowness(int scope, bool by_mx, unsigned by_message, bool by_class);
/* CONF_NO_MATCH, CONF_LOCAL, or how narrow the rule is that matches. */
int conf_match(const struct conf_rule *rule, const struct conf_subject *s);
/* No patterns: any host.  host NULL is none. */
bool conf_has_host(const char *const *mx, size_t count, const char *host);
/* An MX pattern of a list. */
enum status conf_take_pattern(TALLOC_CTX *mem, const char *text, void *out,
    size_t i, struct diag *why);

/* Order of floors: of two rules in scope the higher counts; "may" is 0. */
unsigned conf_strength(enum override_kind kind);
/* The same of rules: one that says by what to verify is the higher. */
unsigned conf_rank(const struct conf_rule *rule);
enum level conf_floor_level(enum override_kind kind);

/* ---- conf_profile.c ---- */

/* Their names, as words of an option. */
const char *conf_profile_words(void);
/* What a profile gives an option, as its text; NULL: nothing. */
const char *conf_profile_value(enum conf_profile profile, const char *path);
/* Does the option's value keep what the profile promises? */
bool conf_profile_allows(const struct conf *conf, const struct conf_option *o);
/* All options are read: those not given are as the profile has them; where
 * each comes from is set. */
void conf_profile_apply(struct conf_reader *r);

/* ---- conf_check.c ---- */

/* What can be judged only when all options are read; settles paths. */
void conf_check(struct conf_reader *r);

/* ---- conf_tlsrpt.c ---- */

void conf_check_tlsrpt(struct conf_reader *r);
/* Relative paths are below state-dir; empty ones stay empty. */
void conf_settle_path(struct conf_reader *r, const char **path);

/* ---- conf_scope.c ---- */

/* Of all rules, once they are read: room for what follows, in r. */
void conf_scope_collect(struct conf_reader *r);
/* Of a rule: can it ever apply, and does none say the opposite? */
void conf_scope_check_rule(const struct conf_entry *e,
    const struct conf_rule *rule);
/* Of an exception: does nothing that holds forbid what it allows? */
void conf_scope_check_exception(const struct conf_entry *e,
    const struct conf_exception *exception);

/* The strongest rule, for all mail of its domains, that names domains and
 * holds for all that scope has; of equal ones the narrower.  Or NULL. */
const struct conf_rule *conf_scope_covering(const struct conf_reader *r,
    const char *scope);
/* Is there a domain that the rule and one of these scopes have? */
bool conf_scope_meet(const struct conf_rule *rule, const char *const *domains,
    size_t count);

/* ---- conf_warn.c ---- */

/* All is read, and without mistakes: fill in the warnings. */
void conf_warn_all(struct conf_reader *r);

/* ---- conf_print.c ---- */

/* As conf_print(); NULL when the text has more than max bytes. */
char *conf_print_within(TALLOC_CTX *mem, const struct conf *conf, size_t max);

#endif
