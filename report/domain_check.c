/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/domain_check.h"

#include <stdarg.h>
#include <string.h>

#include "util/domain.h"

static const struct domain_kind_text texts[DOMAIN_KIND_COUNT] = {
#define DOMAIN_CHECK(tag, name, severity, by, section, what, todo)             \
	[DOMAIN_##tag] = { name, DOMAIN_##severity, DOMAIN_##by, section,      \
		what, todo },
#include "report/domain_check.def"
#undef DOMAIN_CHECK
};

const struct domain_kind_text *
domain_kind_text(enum domain_kind kind)
{
	return &texts[kind];
}

const char *
domain_severity_name(enum domain_severity s)
{
	static const char *const names[DOMAIN_SEVERITY_COUNT] = { "error",
		"unknown", "warning", "note" };

	return names[s];
}

/* ---- the list ---- */

void
domain_findings_init(struct domain_findings *f, TALLOC_CTX *mem)
{
	*f = (struct domain_findings){ .mem = mem };
}

bool
domain_finding_eq(const struct domain_finding *a,
    const struct domain_finding *b)
{
	return a->kind == b->kind && strcmp(a->object, b->object) == 0;
}

static bool
has(const struct domain_findings *f, const struct domain_finding *one)
{
	for (uint32_t i = 0; i < f->count; i++)
		if (domain_finding_eq(&f->at[i], one) &&
		    strcmp(f->at[i].detail, one->detail) == 0)
			return true;
	return false;
}

static void
add(struct domain_findings *f, const struct domain_finding *one)
{
	if (f->count == DOMAIN_MAX_FINDINGS || has(f, one))
		return;
	f->at = need(talloc_realloc(f->mem, f->at, struct domain_finding,
	    f->count + 1));
	f->at[f->count++] = (struct domain_finding){
		.kind = one->kind,
		.object = need(talloc_strdup(f->mem, one->object)),
		.detail = need(talloc_strdup(f->mem, one->detail)),
	};
	f->counts[texts[one->kind].severity]++;
}

void
domain_find(struct domain_findings *f, enum domain_kind kind,
    const char *object, const char *detail, ...)
{
	TALLOC_CTX *tmp = need(talloc_new(f->mem));
	va_list ap;
	char *text;

	va_start(ap, detail);
	text = need(talloc_vasprintf(tmp, detail, ap));
	va_end(ap);
	add(f, &(const struct domain_finding){
		   .kind = kind,
		   .object = span_print(tmp, span_str(object),
		       DOMAIN_OBJECT_MAX_BYTES),
		   .detail = span_print(tmp, span_str(text),
		       DOMAIN_DETAIL_MAX_BYTES),
	       });
	talloc_free(tmp);
}

void
domain_findings_add(struct domain_findings *f,
    const struct domain_findings *more)
{
	for (uint32_t i = 0; i < more->count; i++)
		add(f, &more->at[i]);
}

void
domain_findings_sort(struct domain_findings *f)
{
	struct domain_finding *sorted = need(talloc_array(f->mem,
	    struct domain_finding, f->count + 1));
	uint32_t n = 0;

	for (unsigned s = 0; s < DOMAIN_SEVERITY_COUNT; s++)
		for (uint32_t i = 0; i < f->count; i++)
			if (texts[f->at[i].kind].severity == s)
				sorted[n++] = f->at[i];
	talloc_free(f->at);
	f->at = sorted;
}

/* ---- two checks ---- */

/* "_25._tcp.mx.example" is about what is said of "mx.example". */
static bool
is_about(const char *object, const char *of)
{
	return domain_eq(object, of) || (span_starts(span_str(object), "_") &&
					    span_ends(span_str(object), of));
}

static bool
hides(const struct domain_finding *unknown, const struct domain_finding *old)
{
	enum domain_by by = texts[old->kind].by;

	if (texts[unknown->kind].severity != DOMAIN_UNKNOWN &&
	    unknown->kind != DOMAIN_ADDRESS_NOT_REACHED)
		return false;
	if (texts[unknown->kind].by == DOMAIN_LOOKUP)
		return true; /* what rests on it is not looked at either */
	return by == DOMAIN_CONNECTION &&
	       (is_about(old->object, unknown->object) ||
		   old->kind == DOMAIN_TLSA_SOME_HOSTS);
}

bool
domain_finding_may_stand(const struct domain_finding *old,
    const struct domain_findings *now)
{
	if (texts[old->kind].severity == DOMAIN_UNKNOWN)
		return false;
	for (uint32_t i = 0; i < now->count; i++)
		if (hides(&now->at[i], old))
			return true;
	return false;
}

/* ---- between processes ---- */

void
domain_findings_pack(struct sbuf *b, const struct domain_findings *f)
{
	pack_u32(b, f->count);
	for (uint32_t i = 0; i < f->count; i++) {
		pack_u8(b, (uint8_t)f->at[i].kind);
		pack_str(b, f->at[i].object);
		pack_str(b, f->at[i].detail);
	}
}

static bool
is_plain(const char *text, size_t max)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++)
		if (!ascii_isprint((uint8_t)text[i]))
			return false;
	return n <= max;
}

void
domain_findings_unpack(struct unpack *u, TALLOC_CTX *mem,
    struct domain_findings *out)
{
	uint32_t count = unpack_count(u, DOMAIN_MAX_FINDINGS, 9);

	domain_findings_init(out, mem);
	for (uint32_t i = 0; i < count && !u->failed; i++) {
		struct domain_finding one = {
			.kind = (enum domain_kind)unpack_enum(u,
			    (uint8_t)DOMAIN_KIND_COUNT),
			.object = unpack_str(u, mem),
			.detail = unpack_str(u, mem),
		};

		if (!is_plain(one.object, DOMAIN_OBJECT_MAX_BYTES) ||
		    !is_plain(one.detail, DOMAIN_DETAIL_MAX_BYTES))
			u->failed = true;
		else if (!u->failed)
			add(out, &one);
	}
}
