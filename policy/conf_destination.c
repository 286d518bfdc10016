/* SPDX-License-Identifier: BSD-2-Clause */
/* The entries of destinations. */
#include "policy/conf_internal.h"

/* As the options they stand in for. */
#define MOST_CONCURRENCY 1000u
#define MOST_RECIPIENTS  1000u
#define MOST_RATE        1000000u

const struct conf_field conf_destination_field[CONF_DESTINATION_FIELDS] = {
	{ "name", false, true, "What the entry is called, as in a rule." },
	{ "domains", true, true, "Recipient domains, as in a rule." },
	{ "concurrency", false, false,
	    "Connections at a time, at most: \"2\". When left out: "
	    "queue.destination-concurrency." },
	{ "recipients", false, false,
	    "Recipients in one transaction; never more than "
	    "smtp.recipient-limit." },
	{ "rate", false, false,
	    "Messages a minute; \"0\": as many as it takes. When left out: "
	    "queue.destination-rate." },
};

/* False when the key is absent, or mistaken. */
static bool
read_number(const struct conf_entry *e, const char *key, uint32_t least,
    uint32_t most, uint32_t *out)
{
	const char *text = conf_entry_text(e, key);
	uint64_t n;

	if (text == NULL)
		return false;
	if (span_u64(span_str(text), most, &n) != ST_OK || n < least) {
		conf_entry_mistake(e, key,
		    "%s: a number in quotes from %u to %u is expected", key,
		    least, most);
		return false;
	}
	*out = (uint32_t)n;
	return true;
}

void
conf_destination_read(const struct conf_entry *e, struct conf_destination *out)
{
	conf_check_name(e);
	out->name = conf_entry_copy(e, "name");
	out->domains = conf_entry_list(e, "domains", conf_take_scope,
	    sizeof(*out->domains), &out->domain_count);
	(void)read_number(e, "concurrency", 1, MOST_CONCURRENCY,
	    &out->concurrency);
	(void)read_number(e, "recipients", 1, MOST_RECIPIENTS,
	    &out->recipients);
	out->has_rate = read_number(e, "rate", 0, MOST_RATE, &out->rate);
}

const struct conf_destination *
conf_destination_for(const struct conf *conf, const char *domain)
{
	const struct conf_destination *best = NULL;
	int most = CONF_NO_MATCH;

	for (size_t i = 0; i < conf->destination_count; i++) {
		const struct conf_destination *d = &conf->destination[i];
		int s = conf_specificity(d->domains, d->domain_count, domain);

		if (s > most) {
			most = s;
			best = d;
		}
	}
	return best;
}
