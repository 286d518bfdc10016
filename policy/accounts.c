/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/accounts.h"

#include <stdarg.h>
#include <string.h>

#include "util/domain.h"
#include "util/strmap.h"

struct accounts {
	struct strmap *by_name; /* struct account */
	const struct account *sample;
};

struct reader {
	struct accounts *accounts;
	const char *file;
	unsigned line;
	struct conf_mistakes *mistakes;
	size_t found;
};

static void PRINTF(2, 3) mistake(struct reader *r, const char *fmt, ...)
{
	struct conf_mistakes *m = r->mistakes;
	char *text;
	va_list ap;

	r->found++;
	if (m->count++ >= CONF_MAX_MISTAKES)
		return;
	va_start(ap, fmt);
	text = need(talloc_vasprintf(m->mem, fmt, ap));
	va_end(ap);
	if (m->text == NULL)
		m->text = need(talloc_array(m->mem, const char *,
		    CONF_MAX_MISTAKES));
	m->text[m->count - 1] = need(talloc_asprintf(m->mem, "%s:%u: %s",
	    r->file, r->line, text));
	talloc_free(text);
}

/* ---- names and hashes ---- */

bool
account_name_ok(struct span name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!ascii_isalnum(name.p[i]) &&
		    !span_has(SPAN_LIT("._-@+"), name.p[i]))
			return false;
	return name.n > 0 && name.n <= ACCOUNT_NAME_BYTES;
}

/* n bytes of crypt(5)'s base 64; up to n where at_most. */
static bool
is_base64(struct span a, size_t n, bool at_most)
{
	for (size_t i = 0; i < a.n; i++)
		if (!ascii_isalnum(a.p[i]) && a.p[i] != '.' && a.p[i] != '/')
			return false;
	return at_most ? a.n > 0 && a.n <= n : a.n == n;
}

#define TOO_DEAR "its cost is too high, or not known: "
#define MALFORMED                                                              \
	"it is cut off or has a byte too many: `tierpost password` makes one"

/* $y$j9T$salt$hash */
static const char *
yescrypt_fault(struct span a)
{
	struct span cost, salt, hash;

	if (!span_cut(a, '$', &cost, &a) || !span_cut(a, '$', &salt, &hash) ||
	    !is_base64(salt, 86, true) || !is_base64(hash, 43, false))
		return MALFORMED;
	if (cost.n != 3 || cost.p[0] != 'j' ||
	    !span_has(SPAN_LIT(ACCOUNT_YESCRYPT_COSTS), cost.p[1]) ||
	    !span_has(SPAN_LIT("5T"), cost.p[2]))
		return TOO_DEAR "j7T to jBT is taken";
	return NULL;
}

/* $2b$10$saltandhash */
static const char *
bcrypt_fault(struct span a)
{
	struct span cost, hash;
	uint32_t n;

	if (!span_cut(a, '$', &cost, &hash) || cost.n != 2 ||
	    span_u32(cost, UINT32_MAX, &n) != ST_OK ||
	    !is_base64(hash, 53, false))
		return MALFORMED;
	return n >= 4 && n <= ACCOUNT_BCRYPT_MAX_COST ? NULL :
							TOO_DEAR
		   "04 to 12 is taken";
}

/* $6$[rounds=5000$]salt$hash */
static const char *
sha512_fault(struct span a)
{
	struct span rounds, salt, hash;
	uint32_t n = 0;

	if (span_starts(a, "rounds=") &&
	    (!span_cut(a, '$', &rounds, &a) ||
		span_u32(span_sub(rounds, 7, rounds.n), UINT32_MAX, &n) !=
		    ST_OK))
		return MALFORMED;
	if (n > ACCOUNT_SHA512_MAX_ROUNDS)
		return TOO_DEAR "up to 200000 rounds are taken";
	if (!span_cut(a, '$', &salt, &hash) || !is_base64(salt, 16, true) ||
	    !is_base64(hash, 86, false))
		return MALFORMED;
	return NULL;
}

const char *
account_hash_fault(struct span a)
{
	static const struct {
		const char *prefix;
		const char *(*fault)(struct span rest);
	} methods[] = {
		{ "$y$", yescrypt_fault },
		{ "$2b$", bcrypt_fault },
		{ "$6$", sha512_fault },
	};

	if (a.n > ACCOUNT_HASH_BYTES)
		return MALFORMED;
	for (size_t i = 0; i < COUNT_OF(methods); i++)
		if (span_starts(a, methods[i].prefix))
			return methods[i].fault(span_sub(a,
			    strlen(methods[i].prefix), a.n));
	return "its method is not taken: yescrypt ($y$), bcrypt ($2b$) or "
	       "sha512crypt ($6$) is expected, which `tierpost password` makes";
}

/* ---- senders ---- */

static bool
is_local_part(struct span a)
{
	for (size_t i = 0; i < a.n; i++)
		if (!ascii_isprint(a.p[i]) || a.p[i] == ' ' || a.p[i] == '"')
			return false;
	return a.n <= ADDRESS_LOCAL_MAX_BYTES;
}

static bool
take_sender(struct account *a, struct span text)
{
	struct sender_pattern *s = &a->sender[a->sender_count];
	struct span local, domain;
	struct diag why = { 0 };
	bool below;

	if (span_eq(text, "<>")) {
		*s = (struct sender_pattern){ .local = "", .domain = "" };
		return true;
	}
	if (!span_cut(text, '@', &local, &domain) || !is_local_part(local))
		return false;
	below = local.n == 0 && span_starts(domain, ".");
	if (domain_canonical(a, span_sub(domain, below, domain.n), &s->domain,
		&why) != ST_OK)
		return false;
	if (below)
		s->domain = need(talloc_asprintf(a, ".%s", s->domain));
	s->local = span_dup(a, local);
	return true;
}

static void
take_senders(struct reader *r, struct account *a, struct span list)
{
	struct span one;
	size_t n = 1;

	for (size_t i = 0; i < list.n; i++)
		n += list.p[i] == ',';
	if (n > ACCOUNT_MAX_SENDERS) {
		mistake(r, "account \"%s\" has over %u senders", a->name,
		    ACCOUNT_MAX_SENDERS);
		return;
	}
	a->sender = need(talloc_array(a, struct sender_pattern, (unsigned)n));
	for (; n > 0; n--) {
		if (!span_cut(list, ',', &one, &list))
			one = list;
		if (take_sender(a, span_trim(one))) {
			a->sender_count++;
			continue;
		}
		mistake(r,
		    "account \"%s\": %s is no sender: \"a@b.example\", "
		    "\"@b.example\", \"@.b.example\" or \"<>\" is expected",
		    a->name, span_print(r->mistakes->mem, one, 100));
	}
}

bool
account_may_send(const struct account *a, const struct address *sender)
{
	for (size_t i = 0; i < a->sender_count; i++)
		if (sender_matches(&a->sender[i], sender))
			return true;
	return a->sender_count == 0;
}

/* ---- the file ---- */

static void
take_line(struct reader *r, struct span line)
{
	struct span name, hash, senders = SPAN_NONE;
	const char *fault = NULL;
	struct account *a;
	bool limited;

	if (!span_cut(line, ':', &name, &hash)) {
		mistake(r, "\"name:hash\" is expected: `tierpost password` "
			   "makes such a line");
		return;
	}
	limited = span_cut(hash, ':', &hash, &senders);
	name = span_trim(name);
	hash = span_trim(hash);
	if (!account_name_ok(name)) {
		mistake(r, "the name of an account has letters, digits and "
			   "._-@+ only, and at most 254");
		return;
	}
	a = need(talloc_zero(r->accounts, struct account));
	a->name = span_dup(a, name);
	if (!span_eq(hash, "!"))
		fault = account_hash_fault(hash);
	if (fault != NULL) {
		mistake(r, "password of account \"%s\": %s", a->name, fault);
		return;
	}
	a->hash = span_eq(hash, "!") ? "" : span_dup(a, hash);
	if (limited)
		take_senders(r, a, senders);
	if (strmap_get(r->accounts->by_name, a->name) != NULL) {
		mistake(r, "there is another account \"%s\"", a->name);
		return;
	}
	strmap_put(r->accounts->by_name, a->name, a);
	if (r->accounts->sample == NULL && *a->hash != '\0')
		r->accounts->sample = a;
}

struct accounts *
accounts_parse(TALLOC_CTX *mem, const char *file, struct span text,
    struct conf_mistakes *mistakes)
{
	struct accounts *a = need(talloc_zero(mem, struct accounts));
	struct reader r = { .accounts = a, .file = file, .mistakes = mistakes };
	struct span line;

	a->by_name = strmap_new(a);
	while (span_line(&text, &line)) {
		r.line++;
		line = span_trim(line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (span_has(line, '\0'))
			mistake(&r, "a NUL byte");
		else if (strmap_count(a->by_name) < ACCOUNTS_MAX)
			take_line(&r, line);
		else if (r.found == 0)
			mistake(&r, "over %u accounts", ACCOUNTS_MAX);
	}
	if (r.found == 0)
		return a;
	talloc_free(a);
	return NULL;
}

size_t
accounts_count(const struct accounts *a)
{
	return strmap_count(a->by_name);
}

const struct account *
accounts_find(const struct accounts *a, const char *name)
{
	return strmap_get(a->by_name, name);
}

const struct account *
accounts_sample(const struct accounts *a)
{
	return a->sample;
}
