/*
 * The forms are BuildKit's. What goes to the git program later on is checked here, so that no part
 * of a word can be taken for an option, a second ref or another way to reach a host.
 */
#include "oci/build/remote.h"

#include "base/fs.h"
#include "base/mem.h"
#include "oci/dockerfile/message.h"

#define COMMIT_MAX 64

static const char *const schemes[] = { "http", "https", "git", "ssh" };

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* The scheme before "://"; NULL: not one of ours. */
static const char *scheme_of(const char *word)
{
	size_t n = 0;

	while (is_name_char(word[n]))
		n++;
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (strncmp(word + n, "://", 3) == 0 &&
		    span_eq_nocase(span_of(word, n), schemes[i]))
			return schemes[i];
	return NULL;
}

/* "user@host:path": where the path begins; 0: it is something else. */
static size_t scp_path(const char *word)
{
	size_t at = 0, colon;

	while (is_name_char(word[at]) || (word[at] && strchr("-_", word[at])))
		at++;
	if (!at || word[at] != '@')
		return 0;
	colon = at + 1;
	while (is_name_char(word[colon]) || (word[colon] && strchr("-.", word[colon])))
		colon++;
	return colon > at + 1 && word[colon] == ':' ? colon + 1 : 0;
}

enum remote_kind remote_kind_of(const char *word)
{
	const char *scheme = scheme_of(word);
	struct span path;

	if (!scheme)
		return scp_path(word) ? REMOTE_GIT : REMOTE_NONE;
	if (scheme[0] != 'h')
		return REMOTE_GIT;
	path = url_without_query(word);
	return span_ends(path, ".git") && span_find(span_sub(path, strlen(scheme) + 3), '/') > 0
		       ? REMOTE_GIT
		       : REMOTE_FILE;
}

static char *show(const char *word)
{
	auto_buf struct buf shown = BUF_INIT(BUF_SMALL);

	url_redact(&shown, span_of_str(word));
	return mem_strdup(buf_str(&shown));
}

/* -- files --------------------------------------------------------------------------- */

/* What is behind the last '/', once the escapes are undone; NULL: nothing that names a file. */
static char *name_in(const char *path)
{
	auto_buf struct buf plain = BUF_INIT(BUF_SMALL);
	auto_free char *clean = NULL;
	const char *last;

	if (url_decode(&plain, span_of_str(path)) < 0)
		return NULL;
	clean = fs_path_clean(buf_str(&plain));
	last = strrchr(clean, '/');
	return last && last[1] ? mem_strdup(last + 1) : NULL;
}

int remote_file_parse(struct remote_file *out, const char *word, struct err *e)
{
	struct remote_file f = { .user = NULL };

	if (url_parse_user(&f.url, &f.user, word, e) < 0)
		return -1;
	f.name = name_in(f.url.path);
	f.shown = show(word);
	*out = f;
	return 0;
}

void remote_file_release(struct remote_file *f)
{
	url_release(&f->url);
	if (f->user)
		explicit_bzero(f->user, strlen(f->user));
	free(f->user);
	free(f->name);
	free(f->shown);
	*f = (struct remote_file){ .user = NULL };
}

/* -- git ----------------------------------------------------------------------------- */

bool remote_is_commit(const char *text)
{
	size_t n = strspn(text, "0123456789abcdefABCDEF");

	return n && n <= COMMIT_MAX && !text[n];
}

static int wrong(struct err *e, const struct remote_git *g, const char *why)
{
	return err_set(e, ERR_INPUT, "git address '%.300s': %s", g->shown, why);
}

/* As git itself names refs; above all nothing that is an option, a pattern or two refs. */
static bool is_ref(struct span ref)
{
	if (!ref.n || ref.n > 1000 || strchr("-+", ref.p[0]) || span_ends(ref, "/") ||
	    span_ends(ref, ".lock") || memmem(ref.p, ref.n, "..", 2) ||
	    memmem(ref.p, ref.n, "@{", 2))
		return false;
	for (size_t i = 0; i < ref.n; i++)
		if ((unsigned char)ref.p[i] <= ' ' || strchr("~^:?*[\\\x7f", ref.p[i]))
			return false;
	return true;
}

/* Sets *field, or finds it as it is. */
static int set_once(char **field, const char *what, const char *value, const struct remote_git *g,
		    struct err *e)
{
	if (*field && strcmp(*field, value) != 0)
		return err_set(e, ERR_INPUT,
			       "git address '%.300s': two values for %s, '%.100s' and '%.100s'",
			       g->shown, what, *field, value);
	if (!*field)
		*field = mem_strdup(value);
	return 0;
}

static int set_ref(struct remote_git *g, const char *prefix, const char *name, struct err *e)
{
	struct span begins = span_of_str(name);
	auto_free char *full =
		span_take(&begins, prefix) ? mem_strdup(name) : mem_printf("%s%s", prefix, name);

	if (!is_ref(span_of_str(full)))
		return wrong(e, g, "not a valid branch, tag or commit");
	return set_once(&g->ref, "the ref", full, g, e);
}

static int set_checksum(struct remote_git *g, const char *value, struct err *e)
{
	if (!remote_is_commit(value))
		return wrong(e, g, "a commit is hexadecimal digits");
	return set_once(&g->checksum, "the commit", value, g, e);
}

static int set_flag(bool *has, bool *flag, struct span key, const char *value,
		    const struct remote_git *g, struct err *e)
{
	/* as Go reads them */
	static const char *const yes[] = { "", "1", "t", "T", "true", "TRUE", "True" };
	static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False" };

	*has = true;
	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		if (strcmp(value, yes[i]) == 0) {
			*flag = true;
			return 0;
		}
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		if (strcmp(value, no[i]) == 0) {
			*flag = false;
			return 0;
		}
	return err_set(e, ERR_INPUT, "git address '%.300s': '" SPAN_FMT "' is true or false",
		       g->shown, SPAN_ARG(key));
}

struct query {
	bool has_tag, has_branch;
};

static int take_value(struct remote_git *g, struct query *q, struct span key, const char *value,
		      struct err *e)
{
	if (span_eq_str(key, "submodules"))
		return set_flag(&g->has_submodules, &g->submodules, key, value, g, e);
	if (span_eq_str(key, "keep-git-dir"))
		return set_flag(&g->has_keep_git_dir, &g->keep_git_dir, key, value, g, e);
	if (!*value)
		return err_set(e, ERR_INPUT, "git address '%.300s': '" SPAN_FMT "' has no value",
			       g->shown, SPAN_ARG(key));
	if (span_eq_str(key, "ref"))
		return set_ref(g, "", value, e);
	if (span_eq_str(key, "subdir"))
		return set_once(&g->subdir, "subdir", value, g, e);
	if (span_eq_str(key, "commit") || span_eq_str(key, "checksum"))
		return set_checksum(g, value, e);
	q->has_tag |= span_eq_str(key, "tag");
	q->has_branch |= span_eq_str(key, "branch");
	if (q->has_tag && q->has_branch)
		return wrong(e, g, "a branch and a tag");
	if (span_eq_str(key, "tag"))
		return set_ref(g, "refs/tags/", value, e);
	if (span_eq_str(key, "branch"))
		return set_ref(g, "refs/heads/", value, e);
	return err_set(e, ERR_INPUT, "git address '%.300s': unknown key '" MESSAGE_FMT "'",
		       g->shown, MESSAGE_ARG(key));
}

static int take_query(struct remote_git *g, struct span query, struct err *e)
{
	struct query q = { .has_tag = false };
	struct span pair, key, value;

	while (span_split(&query, '&', &pair)) {
		auto_buf struct buf plain = BUF_INIT(BUF_SMALL);

		if (!pair.n)
			continue;
		span_cut(pair, '=', &key, &value);
		if (url_decode(&plain, value) < 0)
			return wrong(e, g, "a broken escape");
		if (take_value(g, &q, key, buf_str(&plain), e) < 0)
			return -1;
	}
	return 0;
}

/* "REF[:SUBDIR]" */
static int take_fragment(struct remote_git *g, struct span fragment, bool decode, struct err *e)
{
	auto_buf struct buf plain = BUF_INIT(BUF_SMALL);
	struct span ref, subdir;

	if (decode && url_decode(&plain, fragment) < 0)
		return wrong(e, g, "a broken escape");
	if (!decode)
		buf_add_span(&plain, fragment);
	span_cut(buf_span(&plain), ':', &ref, &subdir);
	if (subdir.n)
		g->subdir = span_dup(subdir);
	if (!ref.n)
		return 0;
	if (!is_ref(ref))
		return wrong(e, g, "not a valid branch, tag or commit");
	g->ref = span_dup(ref);
	return 0;
}

/* ssh://, git://: the host is held to what an http address may have. */
static int take_plain_address(struct remote_git *g, const char *scheme, struct span rest,
			      struct err *e)
{
	struct span authority = span_head(rest, strcspn(rest.p, "/?#")), user = { NULL, 0 };
	ptrdiff_t at = span_rfind(authority, '@');
	auto_free char *like_http = NULL;
	auto_url struct url u = { 0 };

	if (authority.n > rest.n)
		authority = rest;
	if (at >= 0) {
		struct span password;

		span_cut(span_head(authority, (size_t)at), ':', &user, &password);
		rest = span_sub(rest, (size_t)at + 1);
	}
	like_http = mem_printf("http://%.*s", (int)rest.n, rest.p);
	if (url_parse(&u, like_http, e) < 0)
		return wrong(e, g, "not a valid address");
	if (rest.p[0] == '-' || (user.n && user.p[0] == '-') || strcmp(u.path, "/") == 0)
		return wrong(e, g, "not a valid address");
	for (size_t i = 0; i < user.n; i++)
		if (!is_name_char(user.p[i]) && !strchr("-_.+", user.p[i]))
			return wrong(e, g, "not a valid user name");
	if (user.n && strcmp(scheme, "git") == 0)
		return wrong(e, g, "git:// knows no users");
	g->address = mem_printf("%s://%.*s%s%.*s", scheme, (int)user.n, user.n ? user.p : "",
				user.n ? "@" : "", (int)rest.n, rest.p);
	return 0;
}

static int take_http_address(struct remote_git *g, struct span text, struct err *e)
{
	auto_free char *address = span_dup(text);
	auto_buf struct buf bare = BUF_INIT(BUF_SMALL);
	auto_url struct url u = { 0 };

	if (url_parse_user(&u, &g->user, address, e) < 0)
		return -1;
	url_format(&bare, &u);
	g->address = mem_strdup(buf_str(&bare));
	return 0;
}

static int take_scp_address(struct remote_git *g, struct span text, struct err *e)
{
	size_t path = scp_path(g->shown);

	if (text.n <= path || g->shown[0] == '-' || *(strchr(g->shown, '@') + 1) == '-')
		return wrong(e, g, "not a valid address");
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] <= ' ' || text.p[i] == 0x7f)
			return wrong(e, g, "holds a blank or a control byte");
	g->address = span_dup(text);
	return 0;
}

static int take_address(struct remote_git *g, const char *scheme, struct span text, struct err *e)
{
	if (!scheme)
		return take_scp_address(g, text, e);
	if (scheme[0] == 'h')
		return take_http_address(g, text, e);
	return take_plain_address(g, scheme, span_sub(text, strlen(scheme) + 3), e);
}

int remote_git_parse(struct remote_git *out, const char *word, struct err *e)
{
	struct remote_git g = { .shown = show(word) };
	const char *scheme = scheme_of(word);
	struct span address, query, fragment;

	span_cut(span_of_str(word), '#', &address, &fragment);
	span_cut(address, '?', &address, &query);
	if (take_address(&g, scheme, address, e) < 0 ||
	    take_fragment(&g, fragment, scheme != NULL, e) < 0 || take_query(&g, query, e) < 0) {
		remote_git_release(&g);
		return -1;
	}
	if (g.checksum && !g.ref)
		g.ref = mem_strdup(g.checksum);
	*out = g;
	return 0;
}

void remote_git_release(struct remote_git *g)
{
	free(g->address);
	if (g->user)
		explicit_bzero(g->user, strlen(g->user));
	free(g->user);
	free(g->ref);
	free(g->subdir);
	free(g->checksum);
	free(g->shown);
	*g = (struct remote_git){ .address = NULL };
}
