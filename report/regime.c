/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/regime.h"

#include <string.h>

#include "report/compliance.h"
#include "report/regime_judge.h"

#define TO_CONFIRM true
#define CONFIRMED  false

#define POINT(how, confirm, where, what)                                       \
	{ .ref = (where),                                                      \
		.asks = (what),                                                \
		.to_confirm = (confirm),                                       \
		.judge = judge_##how },
#define OUTSIDE(confirm, where, what, whose)                                   \
	{ .ref = (where),                                                      \
		.asks = (what),                                                \
		.to_confirm = (confirm),                                       \
		.outside = (whose) },

#define REGIME_COMMON
static const struct regime_point common[] = {
#include "report/regimes.def"
};
#undef REGIME_COMMON

#define REGIME_BSI
static const struct regime_point bsi[] = {
#include "report/regimes.def"
};
#undef REGIME_BSI

#define REGIME_NIST
static const struct regime_point nist[] = {
#include "report/regimes.def"
};
#undef REGIME_NIST

#define REGIME_NL
static const struct regime_point nl[] = {
#include "report/regimes.def"
};
#undef REGIME_NL

#define REGIME_UK
static const struct regime_point uk[] = {
#include "report/regimes.def"
};
#undef REGIME_UK

#define REGIME_HIPAA
static const struct regime_point hipaa[] = {
#include "report/regimes.def"
};
#undef REGIME_HIPAA

#define REGIME_PCI
static const struct regime_point pci[] = {
#include "report/regimes.def"
};
#undef REGIME_PCI

#define POINTS(p) .point = (p), .points = COUNT_OF(p)

const struct regime regime_common = {
	.name = "common", .title = "What every auditor asks for", POINTS(common)
};

static const struct regime regimes[] = {
	{ "bsi-tr-03108",
	    "BSI TR-03108-1, secure e-mail transport, and the "
	    "German data protection authorities",
	    POINTS(bsi) },
	{ "nist-800-177", "NIST SP 800-177, trustworthy email", POINTS(nist) },
	{ "nl-forum", "Forum Standaardisatie and NTA 7516 (Netherlands)",
	    POINTS(nl) },
	{ "ncsc-uk", "Securing government email and NCSC (United Kingdom)",
	    POINTS(uk) },
	{ "hipaa", "HIPAA transmission security, and NIS2", POINTS(hipaa) },
	{ "pci", "PCI DSS 4, requirement 4.2", POINTS(pci) },
};

const struct regime *
regime_find(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(regimes); i++)
		if (strcmp(regimes[i].name, name) == 0)
			return &regimes[i];
	return NULL;
}

const char *
regime_names(void)
{
	return "bsi-tr-03108, nist-800-177, nl-forum, ncsc-uk, hipaa, pci";
}

const char *
verdict_name(enum verdict_kind kind)
{
	static const char *const names[VERDICT_KINDS] = {
		[VERDICT_SHOWN] = "shown",
		[VERDICT_PARTLY] = "partly",
		[VERDICT_NOT_SHOWN] = "not shown",
		[VERDICT_OUTSIDE] = "outside of this gateway",
	};

	return names[kind];
}

struct verdict
regime_judge(TALLOC_CTX *mem, const struct regime_point *p,
    const struct compliance *c)
{
	struct verdict v;

	if (p->judge == NULL)
		return (struct verdict){ VERDICT_OUTSIDE, p->outside };
	v = p->judge(mem, c);
	if (v.kind == VERDICT_SHOWN && (!c->chain.verified || c->damaged)) {
		v.kind = VERDICT_PARTLY; /* nothing rests on a broken chain */
		v.text = need(talloc_asprintf(mem,
		    "%s But records are damaged or missing.", v.text));
	}
	return v;
}
