/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers of a validating resolver, packet by packet.  The packets are
 * written byte by byte, so that nothing in them need be right; those of
 * signed zones get their RRSIG from ldns.
 */
#include <check.h>
#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/dns_parse.h"
#include "util/pack.h"

#define NOW_S 1700000000
#define NAME  "mx.example.org"

enum { SEC_INSECURE, SEC_BOGUS, SEC_SECURE };

static TALLOC_CTX *mem;
static struct sbuf pkt;
static struct dns_answer answer;

static void
set_up(void)
{
	mem = talloc_new(NULL);
	sbuf_init(&pkt, mem, 65536);
	answer = (struct dns_answer){ 0 };
}

static void
tear_down(void)
{
	talloc_free(mem);
}

/* ---- writing packets ---- */

static void
put_name(const char *name)
{
	struct span rest = span_str(name), label;

	while (rest.n > 0) {
		if (!span_cut(rest, '.', &label, &rest)) {
			label = rest;
			rest = SPAN_NONE;
		}
		pack_u8(&pkt, (uint8_t)label.n);
		sbuf_span(&pkt, label);
	}
	pack_u8(&pkt, 0);
}

static void
begin(uint16_t type, unsigned rcode)
{
	sbuf_reset(&pkt);
	pack_u16(&pkt, 1);
	pack_u16(&pkt, (uint16_t)(0x8180u | rcode));
	pack_u16(&pkt, 1);
	pack_u16(&pkt, 0); /* answers, counted by put_rr() */
	pack_u16(&pkt, 0); /* authority, by put_soa() */
	pack_u16(&pkt, 0);
	put_name(NAME);
	pack_u16(&pkt, type);
	pack_u16(&pkt, 1);
}

static void
put_rr_in(size_t section, const char *owner, uint16_t type, uint32_t ttl_s,
    struct span rdata)
{
	unsigned count = (unsigned)pkt.p[section] << 8 | pkt.p[section + 1];

	pkt.p[section] = (uint8_t)(++count >> 8);
	pkt.p[section + 1] = (uint8_t)count;
	if (*owner == '^')
		pack_u16(&pkt, 0xc00c); /* the name of the question */
	else
		put_name(owner);
	pack_u16(&pkt, type);
	pack_u16(&pkt, 1);
	pack_u32(&pkt, ttl_s);
	pack_u16(&pkt, (uint16_t)rdata.n);
	sbuf_span(&pkt, rdata);
}

static void
put_rr(const char *owner, uint16_t type, uint32_t ttl_s, struct span rdata)
{
	put_rr_in(6, owner, type, ttl_s, rdata);
}

/* A name as RDATA, after some bytes. */
static struct span
name_rdata(struct span before, const char *name)
{
	struct sbuf keep = pkt, b;
	struct span out;

	sbuf_init(&b, mem, 600);
	sbuf_span(&b, before);
	pkt = b;
	put_name(name);
	out = sbuf_view(&pkt);
	pkt = keep;
	return out;
}

static void
put_mx(uint16_t preference, const char *host)
{
	const uint8_t p[2] = { (uint8_t)(preference >> 8),
		(uint8_t)preference };

	put_rr("^", DNS_MX, 300, name_rdata(span_of(p, 2), host));
}

static void
put_cname(const char *owner, const char *target)
{
	put_rr(owner, DNS_CNAME, 300, name_rdata(SPAN_NONE, target));
}

static void
put_a(const char *owner, uint32_t ttl_s, uint8_t last)
{
	const uint8_t ip[4] = { 192, 0, 2, last };

	put_rr(owner, DNS_A, ttl_s, span_of(ip, 4));
}

static void
put_from_text(size_t section, const char *text)
{
	ldns_rr *rr = NULL;
	uint8_t *wire = NULL;
	size_t n;

	ck_assert_int_eq(ldns_rr_new_frm_str(&rr, text, 0, NULL, NULL),
	    LDNS_STATUS_OK);
	ck_assert_int_eq(ldns_rr2wire(&wire, rr, LDNS_SECTION_ANSWER, &n),
	    LDNS_STATUS_OK);
	pkt.p[section + 1]++;
	sbuf_add(&pkt, wire, n);
	free(wire);
	ldns_rr_free(rr);
}

static void
put_soa(uint32_t ttl_s, uint32_t minimum)
{
	char text[200];

	snprintf(text, sizeof(text),
	    "example.org. %u IN SOA ns. host. 1 3600 600 86400 %u", ttl_s,
	    minimum);
	put_from_text(8, text);
}

/* A signature over type that ends left_s after now. */
static void
put_rrsig(size_t section, const char *type, uint32_t ttl_s, int left_s)
{
	char text[300], end[32];
	time_t t = NOW_S + left_s;
	struct tm tm;

	ck_assert_ptr_nonnull(gmtime_r(&t, &tm));
	strftime(end, sizeof(end), "%Y%m%d%H%M%S", &tm);
	snprintf(text, sizeof(text),
	    NAME ". %u IN RRSIG %s 8 3 %u %s 20200101000000 1 example.org. "
		 "AAAA",
	    ttl_s, type, ttl_s, end);
	put_from_text(section, text);
}

/* ---- reading them ---- */

static const struct dns_answer *
parse_raw(enum dns_type type, struct dns_raw raw)
{
	/* In memory of its own size, so that a read past its end is seen. */
	uint8_t *exact = malloc(raw.packet.n > 0 ? raw.packet.n : 1);

	if (raw.packet.n > 0)
		memcpy(exact, raw.packet.p, raw.packet.n);
	raw.packet.p = exact;
	dns_parse_answer(mem, NAME, type, &raw,
	    (struct wall){ NOW_S * INT64_C(1000) }, &answer);
	free(exact);
	ck_assert_str_eq(answer.name, NAME);
	ck_assert_int_eq(answer.type, type);
	ck_assert_ptr_nonnull(answer.final_name);
	ck_assert_ptr_nonnull(answer.why);
	ck_assert_int_eq(answer.outcome == DNS_FAILED,
	    answer.security == DNS_BOGUS || answer.security == DNS_ERROR);
	if (answer.outcome == DNS_FAILED) {
		ck_assert_uint_eq(answer.count, 0);
		ck_assert_uint_eq(answer.ttl_s, 0);
		ck_assert_str_ne(answer.why, "");
	} else {
		ck_assert_str_eq(answer.why, "");
		ck_assert_int_eq(answer.outcome == DNS_DATA, answer.count > 0);
	}
	return &answer;
}

static const struct dns_answer *
parse(enum dns_type type, int sec)
{
	return parse_raw(type,
	    (struct dns_raw){ .packet = sbuf_view(&pkt), .sec = sec });
}

static void
assert_is(enum dns_security security, enum dns_outcome outcome)
{
	ck_assert_msg(answer.security == security && answer.outcome == outcome,
	    "security %d outcome %d: %s", (int)answer.security,
	    (int)answer.outcome, answer.why);
}

/* ---- the four kinds of security ---- */

START_TEST(dns_01_secure_and_insecure_are_kept_apart)
{
	begin(DNS_A, 0);
	put_a("^", 300, 1);
	parse(DNS_A, SEC_SECURE);
	assert_is(DNS_SECURE, DNS_DATA);
	parse(DNS_A, SEC_INSECURE);
	assert_is(DNS_INSECURE, DNS_DATA);
	ck_assert_uint_eq(answer.count, 1);
	ck_assert_uint_eq(answer.addr[0].ip[3], 1);
	ck_assert_uint_eq(answer.addr[0].port, 0);
}
END_TEST

/* The forged data are in the packet, and its code is NOERROR. */
START_TEST(dns_01_bogus_data_are_not_handed_on)
{
	begin(DNS_A, 0);
	put_a("^", 300, 66);
	parse_raw(DNS_A, (struct dns_raw){ .packet = sbuf_view(&pkt),
			     .sec = SEC_BOGUS,
			     .why_bogus = "signature\nexpired" });
	assert_is(DNS_BOGUS, DNS_FAILED);
	ck_assert_ptr_nonnull(strstr(answer.why, "signature\\x0aexpired"));
	parse(DNS_A, SEC_BOGUS); /* without a reason */
	assert_is(DNS_BOGUS, DNS_FAILED);
}
END_TEST

/* With a failure the packet holds stale bytes, and sec looks insecure. */
START_TEST(dns_19_a_failed_lookup_is_an_error_whatever_the_packet)
{
	begin(DNS_TLSA, 0);
	put_rr("^", DNS_TLSA, 300, SPAN_LIT("\3\1\1abc"));
	for (int rcode = 1; rcode < 16; rcode++) {
		for (int sec = 0; sec < 3; sec++) {
			parse_raw(DNS_TLSA, (struct dns_raw){ .rcode = rcode,
						.packet = sbuf_view(&pkt),
						.sec = sec });
			assert_is(DNS_ERROR, DNS_FAILED);
		}
	}
	parse_raw(DNS_TLSA, (struct dns_raw){ .rcode = 2 });
	assert_is(DNS_ERROR, DNS_FAILED);
}
END_TEST

/* Asked again within seconds: rcode 0, sec 0, told by the header alone. */
START_TEST(dns_19_a_remembered_servfail_is_no_nodata)
{
	for (unsigned rcode = 0; rcode < 16; rcode++) {
		begin(DNS_TLSA, rcode);
		parse(DNS_TLSA, SEC_INSECURE);
		if (rcode == LDNS_RCODE_NOERROR)
			assert_is(DNS_INSECURE, DNS_NODATA);
		else if (rcode == LDNS_RCODE_NXDOMAIN)
			assert_is(DNS_INSECURE, DNS_NXDOMAIN);
		else
			assert_is(DNS_ERROR, DNS_FAILED);
	}
}
END_TEST

START_TEST(dns_06_denial_has_the_security_of_its_proof)
{
	for (int sec = SEC_INSECURE; sec <= SEC_SECURE; sec += 2) {
		enum dns_security want = sec == SEC_SECURE ? DNS_SECURE :
							     DNS_INSECURE;

		begin(DNS_MX, 0);
		put_soa(300, 60);
		parse(DNS_MX, sec);
		assert_is(want, DNS_NODATA);
		begin(DNS_MX, LDNS_RCODE_NXDOMAIN);
		put_soa(300, 60);
		parse(DNS_MX, sec);
		assert_is(want, DNS_NXDOMAIN);
	}
}
END_TEST

START_TEST(dns_16_a_name_that_does_not_exist_has_no_records)
{
	begin(DNS_A, LDNS_RCODE_NXDOMAIN);
	put_a("^", 300, 1);
	parse(DNS_A, SEC_INSECURE);
	assert_is(DNS_ERROR, DNS_FAILED);
}
END_TEST

/* ---- extended errors, RFC 8914 ---- */

/* An OPT record with this extended error. */
static void
put_ede(uint16_t code)
{
	const uint8_t option[6] = { 0, 15, 0, 2, (uint8_t)(code >> 8),
		(uint8_t)code };

	pkt.p[11]++;
	pack_u8(&pkt, 0);
	pack_u16(&pkt, LDNS_RR_TYPE_OPT);
	pack_u16(&pkt, 1232);
	pack_u32(&pkt, 0);
	pack_u16(&pkt, sizeof(option));
	sbuf_span(&pkt, span_of(option, sizeof(option)));
}

START_TEST(dns_31_the_reason_of_a_bogus_answer_has_its_number)
{
	static const struct {
		const char *words, *want;
	} rows[] = {
		{ "signature expired", "EDE 7 (Signature Expired)" },
		{ "signature before inception date", "EDE 8 (" },
		{ "no signatures from 192.0.2.1", "EDE 10 (RRSIGs Missing)" },
		{ "no NSEC3 records", "EDE 12 (NSEC Missing)" },
		{ "no keys have a DS", "EDE 9 (DNSKEY Missing)" },
		{ "something new", "EDE 6 (DNSSEC Bogus)" },
		{ NULL, "EDE 6 (DNSSEC Bogus)" },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		begin(DNS_TLSA, 0);
		parse_raw(DNS_TLSA, (struct dns_raw){ .packet = sbuf_view(&pkt),
					.sec = SEC_BOGUS,
					.why_bogus = rows[i].words });
		assert_is(DNS_BOGUS, DNS_FAILED);
		ck_assert_msg(strstr(answer.why, rows[i].want) != NULL, "%s",
		    answer.why);
	}
}
END_TEST

START_TEST(dns_31_an_extended_error_changes_no_outcome)
{
	for (uint16_t code = 0; code < 40; code++) {
		begin(DNS_A, LDNS_RCODE_SERVFAIL);
		put_ede(code);
		parse(DNS_A, SEC_INSECURE);
		assert_is(DNS_ERROR, DNS_FAILED);
		ck_assert_ptr_nonnull(strstr(answer.why, "code 2, EDE "));
		if (code == 3 || code == 19)
			continue;
		begin(DNS_A, 0);
		put_a("^", 300, 1);
		put_ede(code);
		parse(DNS_A, SEC_SECURE);
		assert_is(DNS_SECURE, DNS_DATA);
	}
}
END_TEST

START_TEST(dns_29_a_stale_answer_is_no_answer)
{
	begin(DNS_A, 0);
	put_a("^", 30, 1);
	put_ede(3);
	parse(DNS_A, SEC_SECURE);
	assert_is(DNS_ERROR, DNS_FAILED);
	begin(DNS_TLSA, LDNS_RCODE_NXDOMAIN);
	put_soa(300, 60);
	put_ede(19);
	parse(DNS_TLSA, SEC_SECURE);
	assert_is(DNS_ERROR, DNS_FAILED);
}
END_TEST

START_TEST(dns_31_options_cut_short_are_no_error_code)
{
	static const uint8_t options[] = { 0, 15, 0, 9, 0, 3 };

	for (size_t n = 0; n <= sizeof(options); n++) {
		begin(DNS_A, 0);
		put_a("^", 300, 1);
		pkt.p[11]++;
		pack_u8(&pkt, 0);
		pack_u16(&pkt, LDNS_RR_TYPE_OPT);
		pack_u16(&pkt, 1232);
		pack_u32(&pkt, 0);
		pack_u16(&pkt, (uint16_t)n);
		sbuf_span(&pkt, span_of(options, n));
		parse(DNS_A, SEC_SECURE);
		assert_is(DNS_SECURE, DNS_DATA);
	}
}
END_TEST

/* RFC 9276 3.2 */
START_TEST(dns_08_denials_over_500_iterations_are_refused)
{
	for (unsigned i = 499; i <= 502; i++) {
		char text[200];

		begin(DNS_TLSA, 0);
		put_soa(300, 60);
		snprintf(text, sizeof(text),
		    "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example.org. 60 IN "
		    "NSEC3 1 0 %u - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A RRSIG",
		    i);
		put_from_text(8, text);
		parse(DNS_TLSA, SEC_INSECURE);
		if (i <= 500) {
			assert_is(DNS_INSECURE, DNS_NODATA);
			continue;
		}
		assert_is(DNS_ERROR, DNS_FAILED);
		ck_assert_ptr_nonnull(strstr(answer.why, "EDE 27"));
	}
}
END_TEST

/* ---- RDATA of every length ---- */

/* Malformed is not absent (DANE-26): every record is there, as it came. */
START_TEST(b2_11_tlsa_of_every_length_is_kept_as_it_came)
{
	uint8_t data[301];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i + 3);
	for (size_t n = 0; n <= 300; n++) {
		begin(DNS_TLSA, 0);
		put_rr("^", DNS_TLSA, 300, span_of(data, n));
		parse(DNS_TLSA, SEC_SECURE);
		assert_is(DNS_SECURE, DNS_DATA);
		ck_assert_uint_eq(answer.count, 1);
		ck_assert_uint_eq(answer.data[0].n, n);
		if (n > 0)
			ck_assert_mem_eq(answer.data[0].p, data, n);
	}
}
END_TEST

START_TEST(b2_11_rdata_of_every_length_is_data_or_an_error)
{
	static const enum dns_type types[] = { DNS_A, DNS_CNAME, DNS_MX,
		DNS_TXT, DNS_AAAA };
	uint8_t data[301] = { 0 };

	for (size_t i = 0; i < COUNT_OF(types); i++) {
		for (size_t n = 0; n <= 300; n++) {
			for (int fill = 0; fill < 256; fill += 51) {
				memset(data, fill, sizeof(data));
				begin((uint16_t)types[i], 0);
				put_rr("^", (uint16_t)types[i], 300,
				    span_of(data, n));
				parse(types[i], SEC_SECURE);
			}
		}
	}
}
END_TEST

START_TEST(b2_11_a_short_record_spoils_the_answer)
{
	static const struct {
		enum dns_type type;
		struct span rdata;
	} rows[] = {
		{ DNS_A, { NULL, 0 } },
		{ DNS_A, { (const uint8_t *)"\1\2\3", 3 } },
		{ DNS_AAAA, { (const uint8_t *)"0123456789abcde", 15 } },
		{ DNS_AAAA, { NULL, 0 } },
		{ DNS_MX, { NULL, 0 } },
		{ DNS_MX, { (const uint8_t *)"\0", 1 } },
		{ DNS_MX, { (const uint8_t *)"\0\12", 2 } },
		{ DNS_TXT, { NULL, 0 } },
		{ DNS_TXT, { (const uint8_t *)"\5abc", 4 } },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		begin((uint16_t)rows[i].type, 0);
		put_rr("^", (uint16_t)rows[i].type, 300, rows[i].rdata);
		parse(rows[i].type, SEC_SECURE);
		ck_assert_msg(answer.security == DNS_ERROR, "row %zu", i);
	}
}
END_TEST

START_TEST(dns_32_a_packet_cut_off_anywhere_is_no_answer)
{
	struct span whole;

	begin(DNS_MX, 0);
	put_mx(10, "a.example");
	put_mx(20, "b.example");
	whole = sbuf_view(&pkt);
	for (size_t n = 0; n < whole.n; n++) {
		parse_raw(DNS_MX,
		    (struct dns_raw){
			.packet = span_sub(whole, 0, n), .sec = SEC_SECURE });
		assert_is(DNS_ERROR, DNS_FAILED);
	}
	parse(DNS_MX, SEC_SECURE);
	ck_assert_uint_eq(answer.count, 2);
}
END_TEST

START_TEST(dns_32_compression_loops_end)
{
	begin(DNS_MX, 0);
	/* a pointer to itself, and two that point at each other */
	put_rr("^", DNS_MX, 300, SPAN_LIT("\0\12\xc0\x00"));
	pkt.p[pkt.n - 1] = (uint8_t)(pkt.n - 2);
	parse(DNS_MX, SEC_SECURE);
	assert_is(DNS_ERROR, DNS_FAILED);
	begin(DNS_CNAME, 0);
	put_rr("^", DNS_CNAME, 300, SPAN_LIT("\x01x\xc0\x00"));
	pkt.p[pkt.n - 1] = (uint8_t)(pkt.n - 4);
	parse(DNS_CNAME, SEC_SECURE);
	parse(DNS_A, SEC_SECURE);
	assert_is(DNS_ERROR, DNS_FAILED);
}
END_TEST

/* ---- names ---- */

START_TEST(dns_22_null_mx_is_the_empty_name)
{
	begin(DNS_MX, 0);
	put_mx(0, "");
	parse(DNS_MX, SEC_SECURE);
	assert_is(DNS_SECURE, DNS_DATA);
	ck_assert_uint_eq(answer.count, 1);
	ck_assert_uint_eq(answer.mx[0].preference, 0);
	ck_assert_str_eq(answer.mx[0].host, "");
}
END_TEST

START_TEST(dns_34_hosts_are_canonical_and_may_have_underscores)
{
	begin(DNS_MX, 0);
	put_mx(10, "MX_1.Example.ORG");
	put_mx(65535, "mx2.example.org");
	parse(DNS_MX, SEC_INSECURE);
	ck_assert_uint_eq(answer.count, 2);
	ck_assert_str_eq(answer.mx[0].host, "mx_1.example.org");
	ck_assert_uint_eq(answer.mx[1].preference, 65535);
}
END_TEST

/* Otherwise mail would go to the A record of the domain. */
START_TEST(dns_17_mx_records_that_name_no_host_are_not_absent)
{
	begin(DNS_MX, 0);
	put_rr("^", DNS_MX, 300, SPAN_LIT("\0\12\3a b\3org\0"));
	parse(DNS_MX, SEC_INSECURE);
	assert_is(DNS_ERROR, DNS_FAILED);
	put_mx(20, "good.example");
	parse(DNS_MX, SEC_INSECURE);
	assert_is(DNS_INSECURE, DNS_DATA);
	ck_assert_uint_eq(answer.count, 1);
	ck_assert_str_eq(answer.mx[0].host, "good.example");
}
END_TEST

START_TEST(dns_20_aliases_are_followed_to_the_last_name)
{
	begin(DNS_A, 0);
	/* in any order, any case, with records of others between */
	put_a("c.example", 300, 3);
	put_cname("B.example", "C.example");
	put_a("stranger.example", 300, 9);
	put_cname("MX.EXAMPLE.ORG", "b.Example");
	parse(DNS_A, SEC_SECURE);
	assert_is(DNS_SECURE, DNS_DATA);
	ck_assert(answer.aliased);
	ck_assert_str_eq(answer.final_name, "c.example");
	ck_assert_uint_eq(answer.count, 1);
	ck_assert_uint_eq(answer.addr[0].ip[3], 3);
}
END_TEST

START_TEST(dns_20_without_aliases_the_name_is_the_last)
{
	begin(DNS_A, 0);
	put_a("^", 300, 1);
	put_a("stranger.example", 300, 9);
	put_cname("stranger.example", "elsewhere.example");
	parse(DNS_A, SEC_SECURE);
	ck_assert(!answer.aliased);
	ck_assert_str_eq(answer.final_name, NAME);
	ck_assert_uint_eq(answer.count, 1);
}
END_TEST

START_TEST(dns_20_an_alias_to_nothing_is_nodata_of_its_target)
{
	begin(DNS_TLSA, 0);
	put_cname("^", "b.example");
	put_soa(300, 60);
	parse(DNS_TLSA, SEC_INSECURE);
	assert_is(DNS_INSECURE, DNS_NODATA);
	ck_assert(answer.aliased);
	ck_assert_str_eq(answer.final_name, "b.example");
}
END_TEST

START_TEST(dane_21_an_alias_loop_is_a_failed_lookup)
{
	begin(DNS_TLSA, 0);
	put_cname("^", "b.example");
	put_cname("b.example", NAME);
	parse(DNS_TLSA, SEC_SECURE);
	assert_is(DNS_ERROR, DNS_FAILED);
	begin(DNS_TLSA, 0);
	put_cname("^", NAME);
	parse(DNS_TLSA, SEC_SECURE);
	assert_is(DNS_ERROR, DNS_FAILED);
}
END_TEST

START_TEST(dane_21_sixteen_aliases_are_followed_and_no_more)
{
	for (unsigned n = DNS_MAX_CNAMES; n <= DNS_MAX_CNAMES + 1; n++) {
		char from[32], to[32];

		begin(DNS_A, 0);
		for (unsigned i = 0; i < n; i++) {
			snprintf(from, sizeof(from), "a%u.example", i);
			snprintf(to, sizeof(to), "a%u.example", i + 1);
			put_cname(i == 0 ? NAME : from, to);
		}
		put_a(to, 300, 1);
		parse(DNS_A, SEC_SECURE);
		if (n == DNS_MAX_CNAMES)
			assert_is(DNS_SECURE, DNS_DATA);
		else
			assert_is(DNS_ERROR, DNS_FAILED);
	}
}
END_TEST

/* What counts for a chain is the validator's word for all of it. */
START_TEST(dns_10_an_insecure_link_makes_the_chain_insecure)
{
	begin(DNS_TLSA, 0);
	put_cname("^", "b.example");
	put_rrsig(6, "CNAME", 300, 86400);
	put_rr("b.example", DNS_TLSA, 300, SPAN_LIT("\3\1\1abc"));
	parse(DNS_TLSA, SEC_INSECURE);
	assert_is(DNS_INSECURE, DNS_DATA);
}
END_TEST

START_TEST(dane_17_the_alias_itself_can_be_asked_for)
{
	begin(DNS_CNAME, 0);
	put_cname("^", "b.example");
	put_cname("b.example", "c.example");
	parse(DNS_CNAME, SEC_SECURE);
	assert_is(DNS_SECURE, DNS_DATA);
	ck_assert_uint_eq(answer.count, 1);
	ck_assert_str_eq(answer.final_name, NAME);
}
END_TEST

/* ---- TXT ---- */

START_TEST(sts_05_strings_of_a_record_are_joined_without_blanks)
{
	begin(DNS_TXT, 0);
	put_rr("^", DNS_TXT, 300, SPAN_LIT("\7v=STSv1\2; \0\5id=1;"));
	put_rr("^", DNS_TXT, 300, SPAN_LIT("\4\"\\\xff\0"));
	parse(DNS_TXT, SEC_INSECURE);
	ck_assert_uint_eq(answer.count, 2);
	ck_assert(span_eq(answer.data[0], "v=STSv1; id=1;"));
	ck_assert(span_eq_span(answer.data[1], SPAN_LIT("\"\\\xff\0")));
}
END_TEST

START_TEST(dns_32_a_text_too_long_is_left_out)
{
	uint8_t text[256 * 17];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 256 == 0 ? 255 : 'x';
	begin(DNS_TXT, 0);
	put_rr("^", DNS_TXT, 300, span_of(text, sizeof(text)));
	put_rr("^", DNS_TXT, 300, SPAN_LIT("\1a"));
	parse(DNS_TXT, SEC_INSECURE);
	ck_assert_uint_eq(answer.count, 1);
	ck_assert(span_eq(answer.data[0], "a"));
}
END_TEST

/* ---- duplicates and caps ---- */

START_TEST(dns_records_said_twice_count_once)
{
	begin(DNS_A, 0);
	put_a("^", 300, 1);
	put_a("^", 300, 2);
	put_a("^", 300, 1);
	parse(DNS_A, SEC_SECURE);
	ck_assert_uint_eq(answer.count, 2);
	begin(DNS_MX, 0);
	put_mx(10, "a.example");
	put_mx(10, "A.example");
	put_mx(20, "a.example");
	parse(DNS_MX, SEC_SECURE);
	ck_assert_uint_eq(answer.count, 2);
	begin(DNS_TLSA, 0);
	put_rr("^", DNS_TLSA, 300, SPAN_LIT("\3\1\1abc"));
	put_rr("^", DNS_TLSA, 300, SPAN_LIT("\3\1\1abc"));
	parse(DNS_TLSA, SEC_SECURE);
	ck_assert_uint_eq(answer.count, 1);
}
END_TEST

START_TEST(dns_32_too_many_tlsa_are_an_error)
{
	for (unsigned n = DNS_MAX_TLSA; n <= DNS_MAX_TLSA + 1; n++) {
		begin(DNS_TLSA, 0);
		for (unsigned i = 0; i < n; i++) {
			const uint8_t data[] = { 3, 1, 1, (uint8_t)i };

			put_rr("^", DNS_TLSA, 300, span_of(data, 4));
		}
		parse(DNS_TLSA, SEC_SECURE);
		if (n == DNS_MAX_TLSA)
			ck_assert_uint_eq(answer.count, DNS_MAX_TLSA);
		else
			assert_is(DNS_ERROR, DNS_FAILED);
	}
}
END_TEST

START_TEST(dns_32_b3_2_too_many_mx_leave_the_same_ones_in_any_order)
{
	char host[40];

	for (int backwards = 0; backwards < 2; backwards++) {
		begin(DNS_MX, 0);
		for (unsigned i = 0; i < 1001; i++) {
			unsigned k = backwards ? 1000 - i : i;

			snprintf(host, sizeof(host), "h%04u.example", k);
			put_mx((uint16_t)(k / 10), host);
		}
		parse(DNS_MX, SEC_SECURE);
		assert_is(DNS_SECURE, DNS_DATA);
		ck_assert_uint_eq(answer.count, DNS_MAX_MX);
		for (unsigned i = 0; i < DNS_MAX_MX; i++) {
			snprintf(host, sizeof(host), "h%04u.example", i);
			ck_assert_str_eq(answer.mx[i].host, host);
		}
	}
}
END_TEST

START_TEST(dns_32_b3_2_too_many_addresses_leave_the_same_ones_in_any_order)
{
	for (int backwards = 0; backwards < 2; backwards++) {
		begin(DNS_A, 0);
		for (unsigned i = 0; i < 200; i++)
			put_a("^", 300, (uint8_t)(backwards ? 199 - i : i));
		parse(DNS_A, SEC_SECURE);
		ck_assert_uint_eq(answer.count, DNS_MAX_ADDRESSES);
		for (unsigned i = 0; i < DNS_MAX_ADDRESSES; i++)
			ck_assert_uint_eq(answer.addr[i].ip[3], i);
	}
}
END_TEST

START_TEST(dns_32_b3_2_ten_thousand_records_are_an_error)
{
	/* One packet has room for half of them; the rest is promised. */
	begin(DNS_TLSA, 0);
	for (unsigned i = 0; i < 4000; i++) {
		const uint8_t data[] = { 3, 1, (uint8_t)(i >> 8), (uint8_t)i };

		put_rr("^", DNS_TLSA, 300, span_of(data, 4));
	}
	parse(DNS_TLSA, SEC_SECURE);
	assert_is(DNS_ERROR, DNS_FAILED);
	pkt.p[6] = 10000 >> 8;
	pkt.p[7] = 10000 & 0xff;
	parse(DNS_TLSA, SEC_SECURE);
	assert_is(DNS_ERROR, DNS_FAILED);
	/* As well when they are of another type. */
	begin(DNS_A, 0);
	for (unsigned i = 0; i < 4000; i++)
		put_rr("^", DNS_TXT, 300, SPAN_LIT("\1x"));
	put_a("^", 300, 1);
	parse(DNS_A, SEC_SECURE);
	assert_is(DNS_ERROR, DNS_FAILED);
}
END_TEST

/* ---- lifetimes ---- */

START_TEST(dns_26_the_ttl_is_the_least_of_all_and_capped)
{
	begin(DNS_A, 0);
	put_a("^", 300, 1);
	put_a("^", 200, 2);
	ck_assert_uint_eq(parse(DNS_A, SEC_INSECURE)->ttl_s, 200);
	begin(DNS_A, 0);
	put_cname("^", "b.example"); /* 300 */
	put_a("b.example", 7200, 1);
	ck_assert_uint_eq(parse(DNS_A, SEC_INSECURE)->ttl_s, 300);
	begin(DNS_A, 0);
	put_a("^", 604800, 1);
	ck_assert_uint_eq(parse(DNS_A, SEC_INSECURE)->ttl_s, DNS_TTL_CAP_S);
}
END_TEST

START_TEST(dns_26_a_ttl_with_the_top_bit_is_zero)
{
	begin(DNS_A, 0);
	put_a("^", 0x80000000u, 1);
	ck_assert_uint_eq(parse(DNS_A, SEC_INSECURE)->ttl_s, 0);
	begin(DNS_A, 0);
	put_a("^", UINT32_MAX, 1);
	ck_assert_uint_eq(parse(DNS_A, SEC_INSECURE)->ttl_s, 0);
	begin(DNS_A, 0);
	put_a("^", INT32_MAX, 1);
	ck_assert_uint_eq(parse(DNS_A, SEC_INSECURE)->ttl_s, DNS_TTL_CAP_S);
}
END_TEST

START_TEST(dns_11_a_signature_that_ends_ends_the_answer)
{
	begin(DNS_A, 0);
	put_a("^", 3600, 1);
	put_rrsig(6, "A", 3600, 40);
	ck_assert_uint_eq(parse(DNS_A, SEC_SECURE)->ttl_s, 40);
	begin(DNS_A, 0);
	put_a("^", 30, 1);
	put_rrsig(6, "A", 30, 40);
	ck_assert_uint_eq(parse(DNS_A, SEC_SECURE)->ttl_s, 30);
	/* Still secure by the validator's allowance for skew. */
	begin(DNS_A, 0);
	put_a("^", 3600, 1);
	put_rrsig(6, "A", 3600, -60);
	ck_assert_uint_eq(parse(DNS_A, SEC_SECURE)->ttl_s, 0);
	assert_is(DNS_SECURE, DNS_DATA);
}
END_TEST

/* RFC 4034 3.1.4: as it is published, whatever a cache has made of it. */
START_TEST(the_ttl_that_was_signed_is_known)
{
	begin(DNS_A, 0);
	put_a("^", 30, 1);
	put_rrsig(6, "A", 172800, 86400);
	ck_assert_uint_eq(parse(DNS_A, SEC_SECURE)->signed_ttl_s, 172800);
	begin(DNS_A, 0);
	put_a("^", 172800, 1);
	ck_assert_uint_eq(parse(DNS_A, SEC_INSECURE)->signed_ttl_s, 0);
}
END_TEST

START_TEST(dns_27_a_denial_lives_as_the_soa_says)
{
	static const struct {
		uint32_t ttl_s, minimum, want;
	} rows[] = {
		{ 3600, 60, 60 },
		{ 30, 60, 30 },
		{ 86400, 86400, DNS_NEG_TTL_CAP_S },
		{ 3600, 0, 0 },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		begin(DNS_TLSA, i % 2 == 0 ? 0 : LDNS_RCODE_NXDOMAIN);
		put_soa(rows[i].ttl_s, rows[i].minimum);
		ck_assert_uint_eq(parse(DNS_TLSA, SEC_SECURE)->ttl_s,
		    rows[i].want);
	}
	begin(DNS_TLSA, 0); /* no SOA: not kept */
	ck_assert_uint_eq(parse(DNS_TLSA, SEC_INSECURE)->ttl_s, 0);
	begin(DNS_TLSA, 0);
	put_soa(3600, 3600);
	put_rrsig(8, "SOA", 3600, 25);
	ck_assert_uint_eq(parse(DNS_TLSA, SEC_SECURE)->ttl_s, 25);
}
END_TEST

START_TEST(dns_parse_failure_is_an_error_with_its_reason)
{
	dns_parse_failure(mem, NAME, DNS_TLSA, "no answer in time", &answer);
	assert_is(DNS_ERROR, DNS_FAILED);
	ck_assert_str_eq(answer.why, "no answer in time");
	ck_assert_str_eq(answer.name, NAME);
	ck_assert_str_eq(answer.final_name, NAME);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("dns_parse");
	TCase *t = tcase_create("security");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, dns_01_secure_and_insecure_are_kept_apart);
	tcase_add_test(t, dns_01_bogus_data_are_not_handed_on);
	tcase_add_test(t,
	    dns_19_a_failed_lookup_is_an_error_whatever_the_packet);
	tcase_add_test(t, dns_19_a_remembered_servfail_is_no_nodata);
	tcase_add_test(t, dns_06_denial_has_the_security_of_its_proof);
	tcase_add_test(t, dns_16_a_name_that_does_not_exist_has_no_records);
	tcase_add_test(t, dns_parse_failure_is_an_error_with_its_reason);
	tcase_add_test(t, dns_31_the_reason_of_a_bogus_answer_has_its_number);
	tcase_add_test(t, dns_31_an_extended_error_changes_no_outcome);
	tcase_add_test(t, dns_31_options_cut_short_are_no_error_code);
	tcase_add_test(t, dns_29_a_stale_answer_is_no_answer);
	tcase_add_test(t, dns_08_denials_over_500_iterations_are_refused);
	suite_add_tcase(s, t);

	t = tcase_create("rdata");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, b2_11_tlsa_of_every_length_is_kept_as_it_came);
	tcase_add_test(t, b2_11_rdata_of_every_length_is_data_or_an_error);
	tcase_add_test(t, b2_11_a_short_record_spoils_the_answer);
	tcase_add_test(t, dns_32_a_packet_cut_off_anywhere_is_no_answer);
	tcase_add_test(t, dns_32_compression_loops_end);
	suite_add_tcase(s, t);

	t = tcase_create("names");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, dns_22_null_mx_is_the_empty_name);
	tcase_add_test(t, dns_34_hosts_are_canonical_and_may_have_underscores);
	tcase_add_test(t, dns_17_mx_records_that_name_no_host_are_not_absent);
	tcase_add_test(t, dns_20_aliases_are_followed_to_the_last_name);
	tcase_add_test(t, dns_20_without_aliases_the_name_is_the_last);
	tcase_add_test(t, dns_20_an_alias_to_nothing_is_nodata_of_its_target);
	tcase_add_test(t, dane_21_an_alias_loop_is_a_failed_lookup);
	tcase_add_test(t, dane_21_sixteen_aliases_are_followed_and_no_more);
	tcase_add_test(t, dns_10_an_insecure_link_makes_the_chain_insecure);
	tcase_add_test(t, dane_17_the_alias_itself_can_be_asked_for);
	suite_add_tcase(s, t);

	t = tcase_create("content");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, sts_05_strings_of_a_record_are_joined_without_blanks);
	tcase_add_test(t, dns_32_a_text_too_long_is_left_out);
	tcase_add_test(t, dns_records_said_twice_count_once);
	tcase_add_test(t, dns_32_too_many_tlsa_are_an_error);
	tcase_add_test(t,
	    dns_32_b3_2_too_many_mx_leave_the_same_ones_in_any_order);
	tcase_add_test(t,
	    dns_32_b3_2_too_many_addresses_leave_the_same_ones_in_any_order);
	tcase_add_test(t, dns_32_b3_2_ten_thousand_records_are_an_error);
	suite_add_tcase(s, t);

	t = tcase_create("lifetimes");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, dns_26_the_ttl_is_the_least_of_all_and_capped);
	tcase_add_test(t, dns_26_a_ttl_with_the_top_bit_is_zero);
	tcase_add_test(t, dns_11_a_signature_that_ends_ends_the_answer);
	tcase_add_test(t, the_ttl_that_was_signed_is_known);
	tcase_add_test(t, dns_27_a_denial_lives_as_the_soa_says);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
