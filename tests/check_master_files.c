/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that only the master opens: who may have a right to them. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/master_files.h"
#include "tests/certs.h"
#include "util/pack.h"

static TALLOC_CTX *mem;
static struct conf conf;
static struct conf_mistakes bad;
static char *dir;

static char *
file_of(const char *name, struct span content, mode_t mode)
{
	char *path = need(talloc_asprintf(mem, "%s/%s", dir, name));
	FILE *f = fopen(path, "w");

	ck_assert(f != NULL);
	ck_assert_uint_eq(fwrite(content.p, 1, content.n, f), content.n);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
	return path;
}

static void
set_up(void)
{
	struct cert *leaf;

	mem = talloc_new(NULL);
	bad = (struct conf_mistakes){ .mem = mem };
	dir = need(talloc_strdup(mem, "/tmp/check_master_files.XXXXXX"));
	ck_assert(mkdtemp(dir) != NULL);
	leaf = cert_leaf(mem, "DNS:gw.example.org", NULL);
	conf = (struct conf){
		.tls_certificate = file_of("cert.pem",
		    cert_pem(mem, (const struct cert *const *)&leaf, 1), 0644),
		.tls_key = file_of("key.pem", cert_key_pem(mem, leaf), 0600),
		.intake_accounts = "",
		.intake_client_ca = "",
		.smtp_ca_file = "",
		.sts_ca_file = "",
	};
}

static void
tear_down(void)
{
	static const char *const names[] = { "cert.pem", "key.pem", "ca.pem",
		"own.pem", "own.key" };

	for (size_t i = 0; i < COUNT_OF(names); i++)
		unlink(talloc_asprintf(mem, "%s/%s", dir, names[i]));
	rmdir(dir);
	talloc_free(mem);
}

static const struct {
	mode_t mode;
	const char *why; /* NULL: it is taken */
} modes[] = {
	{ 0400, NULL },
	{ 0600, NULL },
	{ 0640, NULL }, /* of a group that the gateway is in */
	{ 0644, "others on the system have a right to it: chmod o= it" },
	{ 0602, "others on the system have a right to it: chmod o= it" },
	{ 0660, "its group may write to it: chmod g-w it" },
};

START_TEST(a_key_that_others_may_read_or_its_group_may_write_is_refused)
{
	struct master_files *m;

	ck_assert_int_eq(chmod(conf.tls_key, modes[_i].mode), 0);
	m = master_files_read(mem, &conf, &bad);
	ck_assert((m != NULL) == (modes[_i].why == NULL));
	if (modes[_i].why == NULL)
		return;
	ck_assert_uint_eq(bad.count, 1);
	ck_assert_str_eq(bad.text[0],
	    talloc_asprintf(mem, "%s: %s", conf.tls_key, modes[_i].why));
}
END_TEST

/* A file that cannot be used leaves all as it was, and is told of. */
START_TEST(trust_anchors_are_tried_out_before_they_are_used)
{
	static const char *const options[] = { "smtp.ca-file", "sts.ca-file" };
	struct cert *ca = cert_ca(mem, "Root", NULL);
	const struct cert *one[] = { ca };
	struct span pem = cert_pem(mem, one, 1);
	struct master_files *m;
	const char *path = file_of("ca.pem", pem, 0644);

	*(_i == 0 ? &conf.smtp_ca_file : &conf.sts_ca_file) = path;
	m = master_files_read(mem, &conf, &bad);
	ck_assert(m != NULL);
	ck_assert(span_eq_span(_i == 0 ? m->smtp_ca : m->sts_ca, pem));
	(void)file_of("ca.pem", SPAN_LIT("no certificate"), 0644);
	ck_assert(master_files_read(mem, &conf, &bad) == NULL);
	ck_assert_str_eq(bad.text[0],
	    talloc_asprintf(mem,
		"%s: %s: no certificates could be read from it", options[_i],
		path));
	unlink(path);
	ck_assert(master_files_read(mem, &conf, &bad) == NULL);
	ck_assert(strstr(bad.text[1], path) != NULL);
}
END_TEST

/* Each mistake says where it is. */
START_TEST(what_cannot_be_used_is_told_with_its_file)
{
	conf.intake_client_ca = file_of("ca.pem", SPAN_LIT("none"), 0644);
	ck_assert(master_files_read(mem, &conf, &bad) == NULL);
	ck_assert_str_eq(bad.text[0],
	    talloc_asprintf(mem, "%s: no certificates could be read from it",
		conf.intake_client_ca));
	conf.intake_client_ca = dir;
	ck_assert(master_files_read(mem, &conf, &bad) == NULL);
	ck_assert_str_eq(bad.text[1],
	    talloc_asprintf(mem, "%s: cannot be read", dir));
	conf.intake_client_ca = "";
	(void)file_of("key.pem", SPAN_LIT("none"), 0600);
	ck_assert(master_files_read(mem, &conf, &bad) == NULL);
	ck_assert_ptr_nonnull(strstr(bad.text[2], conf.tls_certificate));
	ck_assert_ptr_nonnull(strstr(bad.text[2], conf.tls_key));
}
END_TEST

/* ---- of rules ---- */

static struct conf_rule rule;

/* A rule with authorities, and a certificate of ours. */
static const struct cert *
add_rule(void)
{
	const struct cert *own = cert_leaf(mem, "DNS:gw.example.org", NULL);
	const struct cert *ca = cert_ca(mem, "Root", NULL);

	rule = (struct conf_rule){ .name = "r",
		.where = "t:3",
		.verify_by = VERIFY_BY_CA,
		.ca_file = file_of("ca.pem", cert_pem(mem, &ca, 1), 0644),
		.has_identity = true,
		.client_certificate = file_of("own.pem", cert_pem(mem, &own, 1),
		    0644),
		.client_key = file_of("own.key", cert_key_pem(mem, own),
		    0600) };
	conf.rule = &rule;
	conf.rule_count = 1;
	return own;
}

START_TEST(tls_43_files_of_a_rule_come_together_with_their_end)
{
	const struct cert *own = add_rule();
	struct master_files *m = master_files_read(mem, &conf, &bad);
	struct unpack u;

	ck_assert_msg(m != NULL, "%s", bad.text[0]);
	u = unpack_from(m->material);
	ck_assert_str_eq(unpack_str(&u, mem), "r");
	(void)unpack_bytes(&u);
	ck_assert(span_eq_span(unpack_bytes(&u), cert_pem(mem, &own, 1)));
	ck_assert(span_eq_span(unpack_bytes(&u), cert_key_pem(mem, own)));
	ck_assert_int_eq(unpack_done(&u), ST_OK);
	ck_assert_uint_eq(m->expiry_count, 2);
	ck_assert_str_eq(m->expiry[1].path, rule.client_certificate);
	ck_assert_int_gt(m->expiry[1].not_after.ms, 0);
	ck_assert_int_lt(m->expiry[1].not_after.ms, WALL_NEVER.ms);
}
END_TEST

static void
no_authorities(void)
{
	(void)file_of("ca.pem", SPAN_LIT("none"), 0644);
}

static void
no_file(void)
{
	unlink(rule.client_certificate);
}

static void
half_a_chain(void)
{
	const struct cert *own = cert_leaf(mem, "DNS:gw.example.org", NULL);
	struct span pem = cert_pem(mem, &own, 1);
	char *twice = need(talloc_asprintf(mem, "%.*s%.*s", (int)pem.n,
	    (const char *)pem.p, (int)pem.n / 2, (const char *)pem.p));

	(void)file_of("own.pem", span_str(twice), 0644);
}

static void
open_key(void)
{
	chmod(rule.client_key, 0644);
}

static void
another_key(void)
{
	(void)file_of("own.key",
	    cert_key_pem(mem, cert_leaf(mem, "DNS:x.example", NULL)), 0600);
}

static const struct {
	void (*spoil)(void);
	const char *told;
} spoilt[] = {
	{ no_authorities, "t:3: rule \"r\": ca-file: " },
	{ no_file, "t:3: rule \"r\": client-certificate: " },
	{ half_a_chain, "certificates in PEM are expected" },
	{ open_key, "t:3: rule \"r\": client-key: " },
	{ another_key, "the key is not that of the certificate" },
};

START_TEST(tls_43_files_of_a_rule_that_cannot_be_used_are_told_with_it)
{
	(void)add_rule();
	spoilt[_i].spoil();
	ck_assert(master_files_read(mem, &conf, &bad) == NULL);
	ck_assert_uint_eq(bad.count, 1);
	ck_assert_msg(strstr(bad.text[0], spoilt[_i].told) != NULL, "%s",
	    bad.text[0]);
}
END_TEST

/* It is shown to everybody. */
START_TEST(a_certificate_may_be_read_by_all)
{
	ck_assert(master_files_read(mem, &conf, &bad) != NULL);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("master_files");
	TCase *t = tcase_create("master_files");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t,
	    a_key_that_others_may_read_or_its_group_may_write_is_refused, 0,
	    (int)COUNT_OF(modes));
	tcase_add_loop_test(t, trust_anchors_are_tried_out_before_they_are_used,
	    0, 2);
	tcase_add_test(t, what_cannot_be_used_is_told_with_its_file);
	tcase_add_test(t, tls_43_files_of_a_rule_come_together_with_their_end);
	tcase_add_loop_test(t,
	    tls_43_files_of_a_rule_that_cannot_be_used_are_told_with_it, 0,
	    (int)COUNT_OF(spoilt));
	tcase_add_test(t, a_certificate_may_be_read_by_all);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
