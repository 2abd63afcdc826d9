/*
 * Error bodies are {"errors":[{"code":…,"message":…},…]} by the book; proxies in
 * between answer HTML, limiters plain text. Taken: code and message of the first few errors,
 * or the first line of plain text. HTML says nothing that the status does not.
 */
#include "registry/api_error.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/url.h"
#include "oci/image/digest.h"

#define ERRORS_TOLD 3
#define TEXT_MAX    400

static enum err_kind kind_of_status(long status)
{
	if (status == 401 || status == 403)
		return ERR_DENIED;
	if (status == 404)
		return ERR_ABSENT;
	return status >= 500 ? ERR_UNAVAILABLE : ERR_FAILED;
}

static void add_status(struct buf *out, long status)
{
	buf_addf(out, "%ld ", status);
	for (const char *c = http_status_name(status); *c; c++)
		buf_add_char(out, *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c);
}

static void add_clipped(struct buf *out, struct span text)
{
	buf_add_span(out, span_head(text, TEXT_MAX));
	if (text.n > TEXT_MAX)
		buf_add_str(out, "…");
}

static const char *str_at(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static bool add_json_errors(struct buf *out, struct span body)
{
	struct err ignored = ERR_INIT;
	auto_json json_t *root = json_load_span(body, HTTP_ERROR_BODY_MAX, "error", &ignored);
	const json_t *list = json_object_get(root, "errors");
	size_t told = 0;

	for (size_t i = 0; i < json_array_size(list) && told < ERRORS_TOLD; i++) {
		const json_t *item = json_array_get(list, i);
		struct span code = span_of_str(str_at(item, "code"));
		struct span message = span_of_str(str_at(item, "message"));

		if (!code.n && !message.n)
			continue;
		buf_add_str(out, told++ ? "; " : "");
		add_clipped(out, code);
		buf_add_str(out, code.n && message.n ? ": " : "");
		add_clipped(out, message);
	}
	/* token servers: {"details":"…"} or {"error":…,"error_description":…} */
	if (!told && *str_at(root, "details")) {
		add_clipped(out, span_of_str(str_at(root, "details")));
		told++;
	}
	return told > 0;
}

void registry_api_words(struct buf *out, const struct http_response *rs)
{
	struct span body = span_trim(buf_span(&rs->body));
	struct span line;

	if (!body.n || add_json_errors(out, body))
		return;
	if (*body.p != '<' && *body.p != '{' && span_line(&body, &line))
		add_clipped(out, span_trim(line));
}

static json_t *load_errors(const struct http_response *rs)
{
	struct err ignored = ERR_INIT;

	return json_load_span(buf_span(&rs->body), HTTP_ERROR_BODY_MAX, "error", &ignored);
}

bool registry_api_has_code(const struct http_response *rs, const char *code)
{
	auto_json json_t *root = load_errors(rs);
	const json_t *list = json_object_get(root, "errors");

	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(str_at(json_array_get(list, i), "code"), code) == 0)
			return true;
	return false;
}

/* "detail" is {"digest":…} by the book, {"Digest":…} in what has been seen, or the digest alone. */
void registry_api_missing(struct strv *out, const struct http_response *rs)
{
	auto_json json_t *root = load_errors(rs);
	const json_t *list = json_object_get(root, "errors");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *detail = json_object_get(json_array_get(list, i), "detail");
		const char *text = json_string_value(detail);
		struct err ignored = ERR_INIT;
		struct oci_digest d;

		if (!text)
			text = *str_at(detail, "digest") ? str_at(detail, "digest")
							 : str_at(detail, "Digest");
		if (oci_digest_parse(&d, span_of_str(text), &ignored) == 0 &&
		    !strv_has(out, d.text))
			strv_add(out, d.text);
	}
}

/* The answer to a HEAD has no body. */
static bool is_page(const struct http_response *rs)
{
	struct span body = span_trim(buf_span(&rs->body));
	const char *type = http_header(rs, "content-type");

	return (body.n && *body.p == '<') || (type && strncasecmp(type, "text/html", 9) == 0);
}

int registry_api_error(struct err *e, const struct http_response *rs, const struct credentials *who,
		       const char *host)
{
	const char *location = http_header(rs, "location");
	auto_buf struct buf words = BUF_INIT(4u << 10);
	auto_buf struct buf text = BUF_INIT(8u << 10);

	registry_api_words(&words, rs);
	add_status(&text, rs->status);
	if (words.len)
		buf_addf(&text, ": %s", buf_str(&words));
	if (kind_of_status(rs->status) == ERR_DENIED && who) {
		buf_add_str(&text, " (");
		credentials_tell(&text, who, host);
		buf_add_char(&text, ')');
	} else if (http_is_redirect(rs->status) && location) {
		buf_addf(&text, " (it sends us to '" SPAN_FMT "': should that be its address?)",
			 SPAN_ARG(url_without_query(location)));
	} else if (rs->status == 413) {
		buf_add_str(&text, " (a proxy in front of the registry may limit the size)");
	} else if (rs->status == 405) {
		buf_add_str(&text, " (so answers a registry that is read-only)");
	} else if (rs->status == 404 && is_page(rs)) {
		buf_add_str(&text, " (the answer is a web page: is a registry at this address?)");
	}
	return err_set(e, kind_of_status(rs->status), "%s", buf_str(&text));
}
