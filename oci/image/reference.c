/*
 * References. The one trap is the first component: "a/b" is a path on Docker
 * Hub, "a.b/c" a path on the host a.b. Docker's rule decides: it is a host when
 * it has a '.' or ':', is "localhost", or has an upper-case letter (which no
 * path may have).
 *
 * Everything is cut from the right (digest, tag) and from the left (host), and
 * what is left in the middle must be a path.
 */
#include "oci/image/reference.h"

#include "base/mem.h"

#define DEFAULT_HOST "docker.io"
#define OLD_HOST     "index.docker.io"
#define LIBRARY	     "library/"
#define PATH_LEN_MAX 255
#define HOST_LEN_MAX 255
#define TAG_LEN_MAX  128
#define TEXT_LEN_MAX 1024

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
	return is_lower(c) || is_upper(c) || is_digit(c) || c == '_';
}

bool oci_tag_is_valid(struct span tag)
{
	if (!tag.n || tag.n > TAG_LEN_MAX || !is_word(tag.p[0]))
		return false;
	for (size_t i = 1; i < tag.n; i++)
		if (!is_word(tag.p[i]) && tag.p[i] != '.' && tag.p[i] != '-')
			return false;
	return true;
}

/* How many characters of a separator stand at s: ".", "_", "__" or any number of "-". */
static size_t separator_len(struct span s)
{
	size_t n = 0;

	if (s.p[0] == '.')
		return 1;
	if (s.p[0] == '_')
		return s.n > 1 && s.p[1] == '_' ? 2 : 1;
	while (n < s.n && s.p[n] == '-')
		n++;
	return n;
}

/* [a-z0-9]+ (separator [a-z0-9]+)* */
static bool component_is_valid(struct span s)
{
	size_t i = 0;

	for (;;) {
		size_t begin = i, sep;

		while (i < s.n && (is_lower(s.p[i]) || is_digit(s.p[i])))
			i++;
		if (i == begin)
			return false;
		if (i == s.n)
			return true;
		sep = separator_len(span_sub(s, i));
		if (!sep)
			return false;
		i += sep;
	}
}

static bool has_upper(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (is_upper(s.p[i]))
			return true;
	return false;
}

/* A domain name's label: letters and digits, '-' inside. */
static bool label_is_valid(struct span s)
{
	if (!s.n || s.p[0] == '-' || s.p[s.n - 1] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '_' || (!is_word(s.p[i]) && s.p[i] != '-'))
			return false;
	return true;
}

/* What is between the brackets of "[::1]:5000". */
static bool ipv6_is_valid(struct span s)
{
	if (span_find(s, ':') < 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!is_digit(c) && !(c >= 'a' && c <= 'f') && !(c >= 'A' && c <= 'F') && c != ':')
			return false;
	}
	return true;
}

static bool port_is_valid(struct span s)
{
	uint64_t port;

	return span_to_u64(&port, s) == 0 && port >= 1 && port <= 65535;
}

static bool host_is_valid(struct span s)
{
	struct span name, port, label;
	bool has_port;

	if (!s.n || s.n > HOST_LEN_MAX)
		return false;
	if (s.p[0] == '[') {
		ptrdiff_t end = span_find(s, ']');

		if (end < 0)
			return false;
		port = span_sub(s, (size_t)end + 1);
		has_port = span_take(&port, ":");
		return ipv6_is_valid(span_head(span_sub(s, 1), (size_t)end - 1)) &&
		       (has_port ? port_is_valid(port) : !port.n);
	}
	if (span_cut(s, ':', &name, &port) && !port_is_valid(port))
		return false;
	if (!name.n)
		return false;
	while (span_split(&name, '.', &label))
		if (!label_is_valid(label))
			return false;
	return true;
}

static bool looks_like_host(struct span s)
{
	return span_find(s, '.') >= 0 || span_find(s, ':') >= 0 || span_eq_str(s, "localhost") ||
	       has_upper(s);
}

static int bad(struct err *e, const char *text, const char *fmt, ...) PRINTF_FMT(3, 4);
static int bad(struct err *e, const char *text, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vset(e, ERR_INPUT, fmt, ap);
	va_end(ap);
	return err_wrap(e, "image name '%.300s'", text);
}

static int check_path(struct span path, const char *text, struct err *e)
{
	struct span rest = path, piece;

	if (!path.n)
		return bad(e, text, "the part that names the image is missing");
	if (has_upper(path))
		return bad(e, text, "the path must be in lower case");
	while (span_split(&rest, '/', &piece))
		if (!component_is_valid(piece))
			return bad(e, text, "'" SPAN_FMT "' is not a valid part of a path",
				   SPAN_ARG(piece));
	return 0;
}

/* "sha256:" and hex could be meant, but alone it is neither a path nor a digest. */
static bool is_bare_hex(struct span s)
{
	if (s.n != HASH_SHA256_HEX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_digit(s.p[i]) && !(s.p[i] >= 'a' && s.p[i] <= 'f'))
			return false;
	return true;
}

/* Cuts "@digest" and ":tag" off the end of *rest. */
static int cut_end(struct oci_reference *r, struct span *rest, const char *text, struct err *e)
{
	ptrdiff_t at = span_find(*rest, '@'), colon, slash;

	if (at >= 0) {
		if (oci_digest_parse(&r->digest, span_sub(*rest, (size_t)at + 1), e) < 0)
			return bad(e, text, "'" SPAN_FMT "' is not a sha256 digest",
				   SPAN_ARG(span_sub(*rest, (size_t)at + 1)));
		*rest = span_head(*rest, (size_t)at);
	}
	colon = span_rfind(*rest, ':');
	slash = span_rfind(*rest, '/');
	if (colon > slash) { /* behind the last '/': not a port */
		struct span tag = span_sub(*rest, (size_t)colon + 1);

		if (!oci_tag_is_valid(tag))
			return bad(e, text, "'" SPAN_FMT "' is not a valid tag", SPAN_ARG(tag));
		r->tag = span_dup(tag);
		*rest = span_head(*rest, (size_t)colon);
	}
	return 0;
}

static int set_name(struct oci_reference *r, struct span name, const char *text, struct err *e)
{
	struct span host, path;
	const char *library = "";

	if (!span_cut(name, '/', &host, &path) || !looks_like_host(host)) {
		host = SPAN_LIT(DEFAULT_HOST);
		path = name;
	}
	if (span_eq_str(host, OLD_HOST))
		host = SPAN_LIT(DEFAULT_HOST);
	if (!host_is_valid(host))
		return bad(e, text, "'" SPAN_FMT "' is not a valid host", SPAN_ARG(host));
	if (check_path(path, text, e) < 0)
		return -1;
	if (span_eq_str(host, DEFAULT_HOST) && span_find(path, '/') < 0)
		library = LIBRARY;
	if (strlen(library) + path.n > PATH_LEN_MAX)
		return bad(e, text, "the path is longer than %d characters", PATH_LEN_MAX);
	r->host = span_dup(host);
	r->path = mem_printf("%s%.*s", library, (int)path.n, path.p);
	return 0;
}

int oci_reference_parse(struct oci_reference *out, const char *text, struct err *e)
{
	auto_reference struct oci_reference r = { 0 };
	struct span rest = span_of_str(text);

	if (!rest.n)
		return err_set(e, ERR_INPUT, "image name is empty");
	if (rest.n > TEXT_LEN_MAX)
		return bad(e, text, "longer than %d characters", TEXT_LEN_MAX);
	if (strstr(text, "://"))
		return bad(e, text, "leave out what stands before the host ('https://')");
	if (is_bare_hex(rest))
		return bad(e, text, "64 hex digits are an image's id, not its name");
	if (cut_end(&r, &rest, text, e) < 0 || set_name(&r, rest, text, e) < 0)
		return -1;
	if (!r.tag && !oci_digest_is_set(&r.digest))
		r.tag = mem_strdup("latest");
	*out = r;
	r = (struct oci_reference){ 0 };
	return 0;
}

void oci_reference_copy(struct oci_reference *to, const struct oci_reference *from)
{
	*to = (struct oci_reference){
		.host = mem_strdup(from->host),
		.path = mem_strdup(from->path),
		.tag = mem_strdup(from->tag),
		.digest = from->digest,
	};
}

void oci_reference_release(struct oci_reference *r)
{
	free(r->host);
	free(r->path);
	free(r->tag);
	*r = (struct oci_reference){ 0 };
}

static void add_end(struct buf *out, const struct oci_reference *r)
{
	if (r->tag)
		buf_addf(out, ":%s", r->tag);
	if (oci_digest_is_set(&r->digest))
		buf_addf(out, "@%s", r->digest.text);
}

void oci_reference_format(struct buf *out, const struct oci_reference *r)
{
	buf_addf(out, "%s/%s", r->host, r->path);
	add_end(out, r);
}

void oci_reference_familiar(struct buf *out, const struct oci_reference *r)
{
	struct span path = span_of_str(r->path), rest = path;

	if (strcmp(r->host, DEFAULT_HOST) != 0)
		buf_addf(out, "%s/", r->host);
	else if (span_take(&rest, LIBRARY) && span_find(rest, '/') < 0)
		path = rest;
	buf_add_span(out, path);
	add_end(out, r);
}

bool oci_reference_same_repository(const struct oci_reference *a, const struct oci_reference *b)
{
	return strcmp(a->host, b->host) == 0 && strcmp(a->path, b->path) == 0;
}
