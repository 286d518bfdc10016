/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/conf_source.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/conf_internal.h"

#define READ_BYTES     65536u
#define DECIMAL_DIGITS 9u /* more may be over CONF_COUNT_MAX or 32 bits */
#define HEX_DIGITS     7u
#define INCLUDE        "@include"
#define TOO_LARGE      "too large: over 16 MiB, with all includes"

_Static_assert(CONF_MAX_BYTES / 1048576 == 16, "TOO_LARGE");
_Static_assert(CONF_COUNT_MAX == 0xfffffff, "HEX_DIGITS digits f");

/* A run of lines of the text that came from one file. */
struct segment {
	unsigned first; /* line of the text */
	const char *file;
	unsigned line; /* of the file */
};

struct conf_source {
	struct sbuf text;
	unsigned line; /* of the text: the one being written */
	struct segment *segment;
	size_t segment_count;
	size_t include_count;
	size_t nesting;
	bool after_string; /* the last token was one */
	bool whole;
};

/* One file being copied into the text. */
struct copy {
	struct conf_reader *r;
	struct conf_source *s;
	const char *file;
	bool is_file; /* and not a text: may include */
	size_t depth;
	struct span in;
	size_t at;
	unsigned line; /* of the file */
};

static void copy_file(const struct copy *from, const char *path);

/* ---- places ---- */

static void
begin_segment(struct conf_source *s, const char *file, unsigned line)
{
	struct segment *last = s->segment_count == 0 ?
				   NULL :
				   &s->segment[s->segment_count - 1];

	if (last == NULL || last->first != s->line) {
		s->segment = need(talloc_realloc(s, s->segment, struct segment,
		    (unsigned)s->segment_count + 1));
		last = &s->segment[s->segment_count++];
	}
	*last = (struct segment){ s->line, file, line };
}

const char *
conf_source_where(const struct conf_source *s, unsigned line)
{
	size_t i = s->segment_count - 1;

	if (line == 0)
		return s->segment[0].file;
	while (i > 0 && s->segment[i].first > line)
		i--;
	return need(talloc_asprintf(s, "%s:%u", s->segment[i].file,
	    s->segment[i].line + (line - s->segment[i].first)));
}

const char *
conf_source_get(const struct conf_source *s)
{
	return (const char *)s->text.p;
}

/* A mistake that leaves nothing to go on with. */
static void
broken(struct copy *c, unsigned line, const char *text)
{
	conf_mistake(c->r, line, "%s", text);
	c->s->whole = false;
}

/* ---- tokens ---- */

static uint8_t
peek(const struct copy *c, size_t ahead)
{
	return c->at + ahead < c->in.n ? c->in.p[c->at + ahead] : 0;
}

/* Copy the next n bytes as they are. */
static void
take(struct copy *c, size_t n)
{
	struct span a = span_sub(c->in, c->at, c->at + n);

	for (size_t i = 0; i < a.n; i++)
		if (a.p[i] == '\n') {
			c->line++;
			c->s->line++;
		}
	sbuf_span(&c->s->text, a);
	c->at += a.n;
}

static void
take_line_comment(struct copy *c)
{
	take(c, span_find(c->in, '\n', c->at) - c->at);
}

static void
take_block_comment(struct copy *c)
{
	unsigned began = c->s->line;

	take(c, 2);
	while (c->at < c->in.n && !(peek(c, 0) == '*' && peek(c, 1) == '/'))
		take(c, 1);
	if (c->at == c->in.n)
		broken(c, began, "this comment is not closed: end it with */");
	take(c, 2);
}

static void
take_string(struct copy *c)
{
	unsigned began = c->s->line;

	if (c->s->after_string)
		conf_mistake(c->r, began,
		    "one text follows another: put a comma between them, or "
		    "make them one");
	take(c, 1);
	while (c->at < c->in.n && peek(c, 0) != '"') {
		if (span_starts(span_sub(c->in, c->at, c->in.n), "\\x00"))
			conf_mistake(c->r, c->s->line,
			    "\\x00 cannot be part of a text: leave it out");
		take(c, peek(c, 0) == '\\' ? 2 : 1);
	}
	if (c->at == c->in.n)
		broken(c, began, "this text is not closed: end it with \"");
	take(c, 1);
	c->s->after_string = true;
}

static bool
is_hex_digit(uint8_t b)
{
	return ascii_isdigit(b) ||
	       (ascii_lower(b) >= 'a' && ascii_lower(b) <= 'f');
}

/* The digits, as many as they are, of a number that is not over the cap. */
static void
put_digits(struct copy *c, size_t n, size_t cap, char most)
{
	size_t zeros = 0;

	while (zeros < n && peek(c, zeros) == '0')
		zeros++;
	if (n - zeros <= cap) {
		take(c, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		sbuf_u8(&c->s->text, (uint8_t)(i < n - cap ? '0' : most));
	c->at += n;
}

/* A unit outside quotes: common, and to libconfig just a syntax error. */
static void
check_unit(struct copy *c, size_t digits)
{
	size_t n = 0;

	while (ascii_isalpha(peek(c, n)))
		n++;
	if (n == 0 || ascii_lower(peek(c, 0)) == 'l' ||
	    ascii_lower(peek(c, 0)) == 'e')
		return;
	conf_mistake(c->r, c->s->line,
	    "%.*s: a value with a unit is written in quotes",
	    (int)(n + digits < 40 ? n + digits : 40),
	    (const char *)c->in.p + c->at - digits);
}

static void
take_number(struct copy *c)
{
	size_t n = 0;

	if (peek(c, 0) == '0' && ascii_lower(peek(c, 1)) == 'x') {
		take(c, 2);
		while (is_hex_digit(peek(c, n)))
			n++;
		put_digits(c, n, HEX_DIGITS, 'f');
		return;
	}
	while (ascii_isdigit(peek(c, n)))
		n++;
	put_digits(c, n, DECIMAL_DIGITS, '9');
	check_unit(c, n);
}

static void
take_name(struct copy *c)
{
	while (ascii_isalnum(peek(c, 0)) || peek(c, 0) == '-' ||
	       peek(c, 0) == '_' || peek(c, 0) == '*')
		take(c, 1);
}

static void
take_bracket(struct copy *c, uint8_t b)
{
	if (b == '(' || b == '{' || b == '[') {
		if (++c->s->nesting > CONF_MAX_NESTING)
			broken(c, c->s->line, "brackets are nested too deeply");
	} else if (c->s->nesting > 0) {
		c->s->nesting--;
	}
	take(c, 1);
}

/* ---- includes ---- */

/* @include "file" and nothing else on the line. */
static bool
parse_include(struct span line, struct span *path)
{
	struct span before, after;

	line = span_sub(line, sizeof(INCLUDE) - 1, line.n);
	if (!span_cut(line, '"', &before, &after) || before.n == 0 ||
	    span_trim(before).n != 0 || !span_cut(after, '"', path, &after) ||
	    path->n == 0)
		return false;
	after = span_trim(after);
	if (after.n > 0 && after.p[after.n - 1] == '\r')
		after.n--;
	return after.n == 0 || span_starts(after, "#") ||
	       span_starts(after, "//");
}

/* Relative to the folder of the file that includes. */
static const char *
resolve(struct copy *c, struct span path)
{
	const char *slash = strrchr(c->file, '/');

	if (span_starts(path, "/") || slash == NULL)
		return span_dup(c->s, path);
	return need(talloc_asprintf(c->s, "%.*s/%.*s", (int)(slash - c->file),
	    c->file, (int)path.n, (const char *)path.p));
}

static void
take_include(struct copy *c)
{
	struct span path = SPAN_NONE, rest = span_sub(c->in, c->at, c->in.n);
	struct span line = span_sub(rest, 0, span_find(rest, '\n', 0));

	if (!span_starts(line, INCLUDE) || !parse_include(line, &path))
		broken(c, c->s->line,
		    "not an include: write @include "
		    "\"file\", and nothing after it");
	else if (!c->is_file)
		broken(c, c->s->line, "only a file can include others");
	else if (c->depth == CONF_MAX_INCLUDE_DEPTH)
		broken(c, c->s->line,
		    "includes are nested too deeply: does "
		    "the file include itself?");
	else if (c->s->include_count++ == CONF_MAX_INCLUDES)
		broken(c, c->s->line, "too many included files");
	if (!c->s->whole)
		return;
	copy_file(c, resolve(c, path));
	if (!c->s->whole)
		return;
	c->at += line.n + 1;
	c->line++;
	begin_segment(c->s, c->file, c->line);
}

static bool
is_line_start(const struct copy *c)
{
	size_t i = c->at;

	while (i > 0 && (c->in.p[i - 1] == ' ' || c->in.p[i - 1] == '\t'))
		i--;
	return i == 0 || c->in.p[i - 1] == '\n';
}

/* ---- files ---- */

static void
take_token(struct copy *c)
{
	uint8_t b = peek(c, 0);

	if (b == ' ' || b == '\t' || b == '\r' || b == '\n') {
		take(c, 1);
		return;
	}
	if (b == '#' || (b == '/' && peek(c, 1) == '/')) {
		take_line_comment(c);
		return;
	}
	if (b == '/' && peek(c, 1) == '*') {
		take_block_comment(c);
		return;
	}
	if (b == '"') {
		take_string(c);
		return;
	}
	c->s->after_string = false;
	if (b == '@' && is_line_start(c))
		take_include(c);
	else if (ascii_isdigit(b))
		take_number(c);
	else if (ascii_isalpha(b) || b == '*')
		take_name(c);
	else if (b != 0 && strchr("(){}[]", b) != NULL)
		take_bracket(c, b);
	else
		take(c, 1);
}

static void
copy_all(struct copy *c)
{
	static const struct span mark = { (const uint8_t *)"\xef\xbb\xbf", 3 };

	begin_segment(c->s, c->file, 1);
	if (span_has(c->in, 0)) {
		broken(c, c->s->line, "not a text file: it has a NUL byte");
		return;
	}
	if (span_eq_span(span_sub(c->in, 0, mark.n), mark))
		c->in = span_sub(c->in, mark.n, c->in.n);
	while (c->s->whole && c->at < c->in.n) {
		take_token(c);
		if (c->s->whole && sbuf_failed(&c->s->text))
			broken(c, c->s->line, TOO_LARGE);
	}
	/* A last line that is a comment needs its LF to be one. */
	if (c->s->whole && c->in.n > 0 && c->in.p[c->in.n - 1] != '\n') {
		sbuf_u8(&c->s->text, '\n');
		c->s->line++;
	}
}

static enum status
read_all(int fd, struct sbuf *b, struct diag *why)
{
	ssize_t n;

	do {
		uint8_t *p = sbuf_reserve(b, READ_BYTES);

		if (p == NULL)
			return diag_set(why, ST_LIMIT, TOO_LARGE);
		n = read(fd, p, READ_BYTES);
		if (n < 0)
			return diag_errno(why, "cannot be read");
		sbuf_commit(b, (size_t)n);
	} while (n > 0);
	return ST_OK;
}

static enum status
read_file(const char *path, struct sbuf *b, struct diag *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	enum status st;

	if (fd < 0)
		return diag_errno(why, "cannot be read");
	st = read_all(fd, b, why);
	close(fd);
	return st;
}

/* Who may write here lowers what is required. */
static enum status
read_guarded(const char *path, struct sbuf *b, struct diag *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	enum status st = ST_OK;
	struct stat is;

	if (fd < 0)
		return diag_errno(why, "cannot be read");
	if (fstat(fd, &is) != 0)
		st = diag_errno(why, "cannot be read");
	else if (!S_ISREG(is.st_mode))
		st = diag_set(why, ST_SYNTAX, "not a plain file");
	else if ((is.st_mode & S_IWOTH) != 0)
		st = diag_set(why, ST_POLICY,
		    "others on the system may write it: chmod o-w it");
	if (st == ST_OK)
		st = read_all(fd, b, why);
	close(fd);
	return st;
}

/* Copy a file in; from: the one that includes it. */
static void
copy_file(const struct copy *from, const char *path)
{
	struct copy c = { .r = from->r,
		.s = from->s,
		.file = path,
		.is_file = true,
		.depth = from->depth + 1,
		.line = 1 };
	struct diag why = { 0 };
	struct sbuf b;

	sbuf_init(&b, c.s, CONF_MAX_BYTES + READ_BYTES);
	if (read_file(path, &b, &why) != ST_OK) {
		if (from->file == NULL)
			begin_segment(c.s, path, 1);
		conf_mistake(c.r, from->file == NULL ? 0 : c.s->line, "%s%s%s",
		    from->file == NULL ? "" : path,
		    from->file == NULL ? "" : ": ", why.text);
		c.s->whole = false;
	} else {
		c.in = sbuf_view(&b);
		copy_all(&c);
	}
	sbuf_free(&b);
}

/* ---- the source ---- */

static struct conf_source *
source_new(struct conf_reader *r)
{
	struct conf_source *s = need(talloc_zero(r->mem, struct conf_source));

	r->source = s;
	s->line = 1;
	s->whole = true;
	sbuf_init(&s->text, s, CONF_MAX_BYTES);
	return s;
}

static bool
source_done(struct conf_source *s)
{
	(void)sbuf_cstr(&s->text);
	return s->whole;
}

bool
conf_source_file(struct conf_reader *r, const char *path)
{
	struct copy none = { .r = r, .s = source_new(r) };

	copy_file(&none, need(talloc_strdup(r->source, path)));
	return source_done(r->source);
}

bool
conf_source_text(struct conf_reader *r, const char *name, const char *text)
{
	struct copy c = { .r = r,
		.s = source_new(r),
		.line = 1,
		.file = name,
		.in = span_str(text) };

	c.file = need(talloc_strdup(r->source, name));
	copy_all(&c);
	return source_done(r->source);
}

bool
conf_source_alone(struct conf_reader *r, const char *path)
{
	struct copy c = { .r = r, .s = source_new(r), .line = 1 };
	struct diag why = { 0 };
	struct sbuf b;

	c.file = need(talloc_strdup(r->source, path));
	begin_segment(c.s, c.file, 1);
	sbuf_init(&b, c.s, CONF_MAX_BYTES + READ_BYTES);
	if (read_guarded(path, &b, &why) == ST_OK) {
		c.in = sbuf_view(&b);
		copy_all(&c);
	} else {
		broken(&c, 0, why.text);
	}
	sbuf_free(&b);
	return source_done(r->source);
}
