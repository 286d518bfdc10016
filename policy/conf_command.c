/* SPDX-License-Identifier: BSD-2-Clause */
/* alarms.command: the program that is told of alarms, and its arguments. */
#include "policy/conf_internal.h"

const struct conf_field conf_alarms_command = {
	"alarms.command",
	true,
	false,
	"Program that is run when an alarm is raised or over, and its "
	"arguments: command = [\"/usr/local/bin/page\", \"mail\"]. There is no "
	"shell; what happened is in its environment, see doc/alarms.md. It "
	"runs "
	"as the gateway's user, one at a time. From none to one, or back, "
	"takes "
	"a restart.",
};

static void
read_word(struct conf_reader *r, config_setting_t *s, bool program)
{
	const char *path = conf_alarms_command.name, *text = NULL;

	if (!conf_take_text(r, path, s, &text))
		return;
	if (program && *text != '/')
		conf_mistake(r, conf_line(s),
		    "%s: %s: the program's whole path is expected, such as "
		    "\"/usr/local/bin/page\"",
		    path, conf_quote(r, text));
	else if (span_str(text).n > CONF_MAX_TEXT_BYTES)
		conf_mistake(r, conf_line(s),
		    "%s: the text is too long: at most %u bytes", path,
		    CONF_MAX_TEXT_BYTES);
	else
		r->conf->alarms_command[r->conf->alarms_command_count++] =
		    need(talloc_strdup(r->conf, text));
}

void
conf_alarms_command_read(struct conf_reader *r, config_setting_t *setting)
{
	const char *path = conf_alarms_command.name;
	int n;

	if (!config_setting_is_array(setting) &&
	    !config_setting_is_list(setting)) {
		conf_mistake(r, conf_line(setting),
		    "%s: texts in brackets are expected: command = "
		    "[\"/usr/local/bin/page\"];",
		    path);
		return;
	}
	n = config_setting_length(setting);
	if (n > (int)CONF_MAX_COMMAND) {
		conf_mistake(r, conf_line(setting), "%s: too many: at most %u",
		    path, CONF_MAX_COMMAND);
		return;
	}
	r->conf->alarms_command = need(talloc_array(r->conf, const char *,
	    (unsigned)n + 1));
	for (int i = 0; i < n; i++)
		read_word(r, config_setting_get_elem(setting, (unsigned)i),
		    i == 0);
}
