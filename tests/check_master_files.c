/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that only the master opens: who may have a right to them. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/master_files.h"
#include "tests/certs.h"

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
	static const char *const names[] = { "cert.pem", "key.pem", "ca.pem" };

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
	tcase_add_test(t, a_certificate_may_be_read_by_all);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
