/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * master_conf - the configuration and its files: read again, warned of, and
 * what of them the alarms tell.
 */
#include <sys/stat.h>

#include "gateway/cmd_util.h"
#include "gateway/master_internal.h"
#include "gateway/master_point.h"
#include "report/alarm.h"

#define EXPIRY_CHECK_MS 86400000 /* of the certificate: daily */
#define KEY_CHECK_MS    3600000  /* ours: is its file still there? */

/* ---- alarms ---- */

static void
tell_alarm(struct master *m, enum alarm_kind kind, const char *object,
    const char *text)
{
	const struct alarm one = {
		.kind = kind,
		.object = object,
		.text = text == NULL ? "" : text,
		.active = text != NULL,
	};
	struct sbuf b;

	sbuf_init(&b, m, ALARM_OBJECT_BYTES + ALARM_TEXT_BYTES + 64);
	alarm_pack(&b, &one);
	(void)master_tell_blob(master_child_of(m, ROLE_KEEPER, 0),
	    CONTROL_ALARM, sbuf_view(&b));
	sbuf_free(&b);
}

void
master_tell_expiry_alarm(struct master *m, const struct master_expiry *e)
{
	struct wall now = net_wall(m->net);
	bool expired = wall_reached(now, e->not_after);
	bool soon = wall_reached(wall_after(now,
				     m->conf->tls_expiry_warning_ms),
	    e->not_after);
	char at[CLOCK_TEXT_BYTES];

	wall_rfc3339(e->not_after, at);
	tell_alarm(m, ALARM_CERTIFICATE, e->path, soon && !expired ? at : NULL);
	tell_alarm(m, ALARM_CERTIFICATE_EXPIRED, e->path, expired ? at : NULL);
}

/* The key itself is in the keeper's memory: the next start needs the file. */
void
master_check_key(void *arg)
{
	struct master *m = arg;
	struct stat file;
	bool missing = stat(m->conf->evidence_key, &file) != 0;

	net_timer_set(m->key_check, mono_after(net_now(m->net), KEY_CHECK_MS));
	tell_alarm(m, ALARM_CHECKPOINT_KEY, m->conf->evidence_key,
	    missing ? "the file cannot be found" : NULL);
}

static void
tell_expiry(const struct master *m, const struct master_expiry *e)
{
	struct wall now = net_wall(m->net), end = e->not_after;
	char text[CLOCK_TEXT_BYTES];
	struct logline l;

	if (!wall_reached(wall_after(now, m->conf->tls_expiry_warning_ms), end))
		return;
	l = wall_reached(now, end) ? logline_begin(m->log, LOG_LEVEL_ERROR,
					 "tls-certificate-expired") :
				     logline_begin(m->log, LOG_LEVEL_WARN,
					 "tls-certificate-expires");
	logline_str(&l, "at", wall_rfc3339(end, text));
	logline_str(&l, "text", e->path);
	logline_end(&l);
}

/* An expired certificate stops mail of every client that looks at it, and to
 * every host. */
void
master_check_expiry(void *arg)
{
	struct master *m = arg;

	net_timer_set(m->expiry_check,
	    mono_after(net_now(m->net), EXPIRY_CHECK_MS));
	for (size_t i = 0; i < m->files->expiry_count; i++) {
		tell_expiry(m, &m->files->expiry[i]);
		master_tell_expiry_alarm(m, &m->files->expiry[i]);
	}
}

/* ---- configuration ---- */

enum status
master_check_bind(const struct conf *conf, struct diag *why)
{
	for (size_t i = 0; i < conf->smtp_bind_count; i++) {
		struct diag detail = { 0 };

		if (net_real_can_bind(&conf->smtp_bind[i], &detail) != ST_OK)
			return diag_set(why, ST_NOTFOUND, "smtp.bind: %s",
			    detail.text);
	}
	return ST_OK;
}

static bool
same_listeners(const struct conf *a, const struct conf *b)
{
	if (a->listen_count != b->listen_count)
		return false;
	for (size_t i = 0; i < a->listen_count; i++)
		if (!netaddr_eq(&a->listen[i].addr, &b->listen[i].addr))
			return false;
	return true;
}

void
master_log_mistakes(struct master *m, enum log_level level, const char *event,
    const struct conf_mistakes *list)
{
	for (size_t i = 0; i < list->count && i < CONF_MAX_MISTAKES; i++)
		log_text(m->log, level, event, "%s", list->text[i]);
}

void
master_log_warnings(struct master *m)
{
	for (size_t i = 0; i < m->conf->warning_count && i < CONF_MAX_MISTAKES;
	     i++)
		log_text(m->log, LOG_LEVEL_WARN, "configuration-warning", "%s",
		    m->conf->warning[i]);
}

static void
not_reloaded(struct master *m, const char *why)
{
	log_text(m->log, LOG_LEVEL_ERROR, "not-reloaded",
	    "the old configuration stays in force%s%s",
	    *why == '\0' ? "" : ": ", why);
}

static void
use_settings(struct master *m, struct conf *conf, struct master_files *files)
{
	struct conf_mistakes notes = { .mem = m };

	conf_reload_notes(m->conf, conf, &notes);
	master_log_mistakes(m, LOG_LEVEL_WARN, "needs-restart", &notes);
	talloc_free(m->conf);
	talloc_free(m->files);
	m->conf = conf;
	m->files = files;
	m->log->level = conf->log_level;
	for (size_t i = 0; i < m->child_count; i++)
		master_tell_settings(&m->child[i]);
	log_text(m->log, LOG_LEVEL_INFO, "reloaded", "%s", m->conf_path);
	master_log_warnings(m);
	master_check_expiry(m);
}

static bool
same_points(const struct conf *a, const struct conf *b)
{
	struct conf_points maps[2] = { master_points_socketmap(a),
		master_points_socketmap(b) };
	struct conf_points metrics[2] = { master_points_metrics(a),
		master_points_metrics(b) };

	return master_points_same(&maps[0], &maps[1]) &&
	       master_points_same(&metrics[0], &metrics[1]);
}

void
master_on_reload(void *arg)
{
	struct master *m = arg;
	struct conf_mistakes bad = { .mem = need(talloc_new(m)) };
	struct conf *conf = conf_read_file(m, m->conf_path, net_wall(m->net),
	    false, &bad);
	struct master_files *files = NULL;
	struct diag no_bind = { 0 };
	const char *why = "";

	if (conf != NULL && !same_listeners(m->conf, conf))
		why = "listen: other addresses need a restart";
	else if (conf != NULL && !same_points(m->conf, conf))
		why = "socketmap and metrics: other addresses or groups need a "
		      "restart";
	else if (conf != NULL && master_check_bind(conf, &no_bind) != ST_OK)
		why = no_bind.text;
	else if (conf != NULL)
		files = master_files_read(m, conf, &bad);
	master_log_mistakes(m, LOG_LEVEL_ERROR, "configuration-mistake", &bad);
	if (files != NULL) {
		use_settings(m, conf, files);
	} else {
		not_reloaded(m, why);
		talloc_free(conf);
	}
	talloc_free(bad.mem);
}
