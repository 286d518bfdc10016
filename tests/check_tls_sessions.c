/* SPDX-License-Identifier: BSD-2-Clause */
/* Resumed sessions prove no less than new ones; see tests/handshake.h. */
#include "tests/handshake.h"

/* ---- sessions ---- */

static const uint8_t key_one[TLS_SESSION_KEY_BYTES] = { 1 };
static const uint8_t key_two[TLS_SESSION_KEY_BYTES] = { 2 };

static int
context_destroy(SSL_CTX **ctx)
{
	SSL_CTX_free(*ctx);
	return 0;
}

/* As serve(), of a version, with a memory for sessions. */
static struct server
serve_again(const struct cert *leaf, int version)
{
	struct server s = serve(leaf, middle, NULL);
	SSL_CTX **holder = need(talloc(mem, SSL_CTX *));

	s.max_version = version;
	s.kept = *holder = server_context(&s);
	talloc_set_destructor(holder, context_destroy);
	SSL_CTX_set_session_id_context(s.kept, key_one, 1);
	return s;
}

static struct tls_want
with_key(struct tls_want w, const uint8_t *key)
{
	w.session_key = key;
	w.session_until = wall_after(net_wall(net), 600000);
	return w;
}

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

/* RFC 9325 3.4: what was proved before is proved again. */
START_TEST(tls_31_a_session_of_the_same_key_is_resumed_and_verified)
{
	struct server s = serve_again(cert_leaf(mem, "DNS:" BASE, middle),
	    versions[_i % 2]);
	struct tlsa t = _i < 2 ? record(3, 1, 1, s.leaf) :
				 record(2, 0, 1, middle);
	struct tls_want w = with_key(want_dane(&t, 1), key_one);
	struct tls_info first;

	assert_proved(shake(&s, &w));
	ck_assert(!result.info.resumed);
	first = result.info;
	for (unsigned i = 0; i < 3; i++) {
		assert_proved(shake(&s, &w));
		ck_assert(result.info.resumed);
		ck_assert_str_eq(result.info.matched, first.matched);
		ck_assert_mem_eq(result.info.spki_sha256, first.spki_sha256,
		    32);
	}
	w = with_key(want_pkix(), key_two);
	assert_proved(shake(&s, &w));
	ck_assert(!result.info.resumed);
	assert_proved(shake(&s, &w));
	ck_assert(result.info.resumed);
	ck_assert_str_eq(result.info.matched, BASE);
}
END_TEST

START_TEST(tls_31_no_key_no_session)
{
	struct server s = serve_again(cert_leaf(mem, "DNS:" BASE, middle),
	    versions[_i]);
	struct tls_want w = want_pkix();

	assert_proved(shake(&s, &w));
	assert_proved(shake(&s, &w));
	ck_assert(!result.info.resumed);
	ck_assert(!result.info.offered_session);
}
END_TEST

/* A reload of smtp.ca-file: who vouched for a server vouches no more. */
START_TEST(tls_31_other_anchors_end_sessions_and_count_at_once)
{
	struct server s = serve_again(cert_leaf(mem, "DNS:" BASE, middle),
	    versions[_i]);
	const struct cert *one[] = { root }, *other[] = { stranger_root };
	struct tls_want w = with_key(want_pkix(), key_one);
	uint8_t id[TLS_TRUST_ID_BYTES];
	struct diag why = { 0 };
	bool changed;

	assert_proved(shake(&s, &w));
	memcpy(id, tls_client_trust_id(client), sizeof(id));
	ck_assert_int_eq(tls_client_trust(client, cert_pem(mem, one, 1),
			     &changed, &why),
	    ST_OK);
	ck_assert(!changed);
	assert_proved(shake(&s, &w));
	ck_assert(result.info.resumed);
	ck_assert_int_eq(tls_client_trust(client, cert_pem(mem, other, 1),
			     &changed, &why),
	    ST_OK);
	ck_assert(changed);
	ck_assert_mem_ne(tls_client_trust_id(client), id, sizeof(id));
	assert_refused(shake(&s, &w), "certificate-not-trusted");
	ck_assert(!result.info.offered_session);
	ck_assert_int_eq(tls_client_trust(client, SPAN_LIT("junk"), &changed,
			     &why),
	    ST_IO);
	assert_refused(shake(&s, &w), "certificate-not-trusted");
}
END_TEST

/* Even if the key were the same: the demand of now decides. */
START_TEST(tls_32_b2_10_a_resumed_session_meets_the_demand_of_now)
{
	struct server s = serve_again(cert_leaf(mem, "DNS:" BASE, middle),
	    versions[_i]);
	struct tlsa good = record(3, 1, 1, s.leaf), bad = wrong(good);
	struct tls_want may = with_key(want_level(LEVEL_MAY), key_one);
	struct tls_want dane = with_key(want_dane(&bad, 1), key_one);
	struct tls_want pkix = with_key(want_pkix(), key_one);

	ck_assert(shake(&s, &may)->ok);
	ck_assert(shake(&s, &may)->ok);
	ck_assert(result.info.resumed);
	assert_refused(shake(&s, &dane), "validation-failure");
	ck_assert(result.info.resumed && result.info.offered_session);
	ck_assert_int_eq(result.info.failure, FAILURE_TLSA_MISMATCH);
	ck_assert(shake(&s, &may)->ok);
	pkix.ref = &names[1];
	assert_refused(shake(&s, &pkix), "certificate-host-mismatch");
	ck_assert(result.info.resumed);
}
END_TEST

/* The time of now counts too: as if it had expired since. */
START_TEST(tls_33_a_certificate_that_has_expired_ends_resumption)
{
	const struct cert_spec old = { .cn = "x",
		.san = "DNS:" BASE,
		.from_s = -2 * CERTS_DAY_S,
		.to_s = -CERTS_DAY_S };
	struct server s = serve_again(cert_make(mem, &old, middle),
	    versions[_i]);
	struct tls_want may = with_key(want_level(LEVEL_MAY), key_one);
	struct tls_want pkix = with_key(want_pkix(), key_one);

	ck_assert(shake(&s, &may)->ok);
	assert_refused(shake(&s, &pkix), "certificate-expired");
	ck_assert(result.info.resumed);
}
END_TEST

START_TEST(tls_32_a_handshake_that_failed_leaves_no_session)
{
	struct server s = serve_again(cert_leaf(mem, "DNS:" BASE, middle),
	    versions[_i]);
	struct tlsa good = record(3, 1, 1, s.leaf), bad = wrong(good);
	struct tls_want w = with_key(want_dane(&bad, 1), key_one);

	assert_refused(shake(&s, &w), "validation-failure");
	w = with_key(want_dane(&good, 1), key_one);
	assert_proved(shake(&s, &w));
	ck_assert(!result.info.offered_session);
}
END_TEST

START_TEST(tls_33_a_session_ends_with_what_it_was_judged_by)
{
	struct server s = serve_again(cert_leaf(mem, "DNS:" BASE, middle),
	    versions[_i]);
	struct tls_want w = with_key(want_pkix(), key_one);

	w.session_until = net_wall(net);
	assert_proved(shake(&s, &w));
	assert_proved(shake(&s, &w));
	ck_assert(!result.info.offered_session);
}
END_TEST

START_TEST(a_fresh_handshake_and_a_reload_forget_sessions)
{
	struct server s = serve_again(cert_leaf(mem, "DNS:" BASE, middle),
	    versions[_i]);
	struct tls_want w = with_key(want_pkix(), key_one);

	assert_proved(shake(&s, &w));
	w.fresh = true;
	assert_proved(shake(&s, &w));
	ck_assert(!result.info.offered_session);
	w.fresh = false;
	tls_client_forget(client);
	assert_proved(shake(&s, &w));
	ck_assert(!result.info.offered_session);
	assert_proved(shake(&s, &w));
	ck_assert(result.info.resumed);
}
END_TEST

/* A session of no handshake that may be offered. */
static SSL_SESSION *
made_session(int version)
{
	SSL_SESSION *s = need(SSL_SESSION_new());

	SSL_SESSION_set_protocol_version(s, version);
	SSL_SESSION_set1_id(s, key_one, sizeof(key_one));
	return s;
}

static bool
has_session(struct tls_sessions *cache, const uint8_t *key, struct wall now)
{
	struct wall born;
	SSL_SESSION *s = tls_sessions_take(cache, key, now, &born);

	SSL_SESSION_free(s);
	return s != NULL;
}

/* RFC 8446 C.4: "Clients SHOULD NOT reuse a ticket" */
START_TEST(tls_34_a_ticket_of_tls_1_3_serves_once)
{
	struct tls_sessions *cache = tls_sessions_new(mem);
	const struct wall born = { 1000 }, until = { 2000 };

	tls_sessions_put(cache, key_one, made_session(TLS1_3_VERSION), born,
	    until);
	ck_assert(!has_session(cache, key_two, born));
	ck_assert(has_session(cache, key_one, born));
	ck_assert(!has_session(cache, key_one, born));
	tls_sessions_put(cache, key_one, made_session(TLS1_2_VERSION), born,
	    until);
	ck_assert(has_session(cache, key_one, born));
	ck_assert(has_session(cache, key_one, born));
}
END_TEST

START_TEST(tls_33_tls_34_a_session_lives_an_hour_at_most)
{
	struct tls_sessions *cache = tls_sessions_new(mem);
	const struct wall born = { 1000 };

	tls_sessions_put(cache, key_one, made_session(TLS1_2_VERSION), born,
	    wall_after(born, 3 * TLS_SESSION_LIFE_MS));
	ck_assert(has_session(cache, key_one,
	    wall_after(born, TLS_SESSION_LIFE_MS - 1)));
	ck_assert(!has_session(cache, key_one,
	    wall_after(born, TLS_SESSION_LIFE_MS)));
	tls_sessions_put(cache, key_one, made_session(TLS1_2_VERSION), born,
	    wall_after(born, 1000));
	ck_assert(!has_session(cache, key_one, (struct wall){ 999 }));
	ck_assert(!has_session(cache, key_one, wall_after(born, 1000)));
}
END_TEST

START_TEST(sessions_are_bounded_in_number_by_key_and_in_all)
{
	struct tls_sessions *cache = tls_sessions_new(mem);
	const struct wall born = { 0 }, until = { 1000 };
	uint8_t key[TLS_SESSION_KEY_BYTES] = { 0 };
	unsigned left = 0;

	for (unsigned i = 0; i < 100; i++)
		tls_sessions_put(cache, key_one, made_session(TLS1_3_VERSION),
		    born, until);
	while (has_session(cache, key_one, born))
		left++;
	ck_assert_uint_eq(left, TLS_SESSIONS_PER_KEY);
	for (unsigned i = 0; i <= TLS_SESSIONS; i++) {
		memcpy(key + 1, &i, sizeof(i));
		tls_sessions_put(cache, key, made_session(TLS1_3_VERSION), born,
		    until);
	}
	memset(key, 0, sizeof(key));
	ck_assert(!has_session(cache, key, born)); /* the oldest */
	key[1] = 1;
	ck_assert(has_session(cache, key, born));
}
END_TEST

/* There is no session to resume, whatever the level was before. */
START_TEST(tls_31_tls_32_nothing_is_resumed)
{
	struct server s = serve(cert_leaf(mem, "DNS:" BASE, middle), middle,
	    NULL);
	struct tls_want may = want_level(LEVEL_MAY);
	struct tlsa t = record(3, 1, 1, root);
	struct tls_want dane = want_dane(&t, 1);

	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION;
	     version++) {
		s.max_version = version;
		ck_assert(shake(&s, &may)->ok);
		ck_assert(shake(&s, &may)->ok);
		ck_assert(!result.info.resumed);
		assert_refused(shake(&s, &dane), "validation-failure");
		ck_assert(!result.info.resumed);
	}
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("tls_sessions");
	TCase *t = tcase_create("sessions");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, tls_31_tls_32_nothing_is_resumed);
	tcase_add_loop_test(t,
	    tls_31_a_session_of_the_same_key_is_resumed_and_verified, 0, 4);
	tcase_add_loop_test(t, tls_31_no_key_no_session, 0, 2);
	tcase_add_loop_test(t,
	    tls_31_other_anchors_end_sessions_and_count_at_once, 0, 2);
	tcase_add_loop_test(t,
	    tls_32_b2_10_a_resumed_session_meets_the_demand_of_now, 0, 2);
	tcase_add_loop_test(t,
	    tls_33_a_certificate_that_has_expired_ends_resumption, 0, 2);
	tcase_add_loop_test(t, tls_32_a_handshake_that_failed_leaves_no_session,
	    0, 2);
	tcase_add_loop_test(t, tls_33_a_session_ends_with_what_it_was_judged_by,
	    0, 2);
	tcase_add_loop_test(t, a_fresh_handshake_and_a_reload_forget_sessions,
	    0, 2);
	tcase_add_test(t, tls_34_a_ticket_of_tls_1_3_serves_once);
	tcase_add_test(t, tls_33_tls_34_a_session_lives_an_hour_at_most);
	tcase_add_test(t, sessions_are_bounded_in_number_by_key_and_in_all);
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
