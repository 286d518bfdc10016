/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/tls_session.h"

#include <string.h>
#include <sys/queue.h>

#define BUCKETS 256u

struct entry {
	TAILQ_ENTRY(entry) age;  /* oldest first */
	TAILQ_ENTRY(entry) same; /* of one bucket, oldest first */
	uint8_t key[TLS_SESSION_KEY_BYTES];
	SSL_SESSION *session;
	struct wall born, until;
};
TAILQ_HEAD(entries, entry);

struct tls_sessions {
	struct entries all;
	struct entries bucket[BUCKETS];
	size_t count;
};

static struct entries *
bucket_of(struct tls_sessions *cache, const uint8_t *key)
{
	return &cache->bucket[key[0]]; /* a digest */
}

static bool
is_of(const struct entry *e, const uint8_t *key)
{
	return memcmp(e->key, key, sizeof(e->key)) == 0;
}

static void
forget(struct tls_sessions *cache, struct entry *e)
{
	TAILQ_REMOVE(&cache->all, e, age);
	TAILQ_REMOVE(bucket_of(cache, e->key), e, same);
	cache->count--;
	SSL_SESSION_free(e->session);
	talloc_free(e);
}

static int
destroy(struct tls_sessions *cache)
{
	tls_sessions_clear(cache);
	return 0;
}

struct tls_sessions *
tls_sessions_new(TALLOC_CTX *mem)
{
	struct tls_sessions *cache = need(talloc_zero(mem,
	    struct tls_sessions));

	TAILQ_INIT(&cache->all);
	for (size_t i = 0; i < BUCKETS; i++)
		TAILQ_INIT(&cache->bucket[i]);
	talloc_set_destructor(cache, destroy);
	return cache;
}

/* The oldest of a key makes room among its own, else the oldest of all. */
static void
make_room(struct tls_sessions *cache, const uint8_t *key)
{
	struct entry *e, *oldest = NULL;
	size_t n = 0;

	TAILQ_FOREACH(e, bucket_of(cache, key), same)
		if (is_of(e, key) && n++ == 0)
			oldest = e;
	if (n >= TLS_SESSIONS_PER_KEY)
		forget(cache, oldest);
	else if (cache->count >= TLS_SESSIONS)
		forget(cache, TAILQ_FIRST(&cache->all));
}

void
tls_sessions_put(struct tls_sessions *cache, const uint8_t *key,
    SSL_SESSION *session, struct wall born, struct wall until)
{
	struct wall end = wall_after(born, TLS_SESSION_LIFE_MS);
	struct entry *e;

	make_room(cache, key);
	e = need(talloc_zero(cache, struct entry));
	memcpy(e->key, key, sizeof(e->key));
	e->session = session;
	e->born = born;
	e->until = until.ms < end.ms ? until : end;
	TAILQ_INSERT_TAIL(&cache->all, e, age);
	TAILQ_INSERT_TAIL(bucket_of(cache, key), e, same);
	cache->count++;
}

SSL_SESSION *
tls_sessions_take(struct tls_sessions *cache, const uint8_t *key,
    struct wall now, struct wall *born)
{
	SSL_SESSION *session = NULL;
	struct entry *e, *next;

	for (e = TAILQ_FIRST(bucket_of(cache, key));
	     e != NULL && session == NULL; e = next) {
		next = TAILQ_NEXT(e, same);
		if (!is_of(e, key))
			continue;
		/* Born later than now: the clock was set back. */
		if (!wall_reached(now, e->until) &&
		    wall_reached(now, e->born) &&
		    SSL_SESSION_is_resumable(e->session) == 1) {
			*born = e->born;
			session = e->session;
			SSL_SESSION_up_ref(session);
			if (SSL_SESSION_get_protocol_version(session) <
			    TLS1_3_VERSION)
				break;
		}
		forget(cache, e);
	}
	return session;
}

void
tls_sessions_drop(struct tls_sessions *cache, const uint8_t *key)
{
	struct entry *e, *next;

	for (e = TAILQ_FIRST(bucket_of(cache, key)); e != NULL; e = next) {
		next = TAILQ_NEXT(e, same);
		if (is_of(e, key))
			forget(cache, e);
	}
}

void
tls_sessions_clear(struct tls_sessions *cache)
{
	struct entry *e;

	while ((e = TAILQ_FIRST(&cache->all)) != NULL)
		forget(cache, e);
}
