/* Everything but lists is a plain value. */
#include "registry/host.h"

#include "base/progress.h"

#define MOUNT_FAILURES_MAX 2
#define WARNINGS_MAX	   16
#define WARNING_TEXT_MAX   400

void registry_host_init(struct registry_host *h)
{
	memset(h, 0, sizeof(*h));
	pthread_mutex_init(&h->asking, NULL);
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->ended, NULL);
}

void registry_host_release(struct registry_host *h)
{
	strv_release(&h->failed_mounts);
	strv_release(&h->warnings);
	strv_release(&h->sent);
	pthread_mutex_destroy(&h->lock);
	pthread_mutex_destroy(&h->asking);
	pthread_cond_destroy(&h->ended);
}

void registry_host_mount_failed(struct registry_host *h, const char *from)
{
	pthread_mutex_lock(&h->lock);
	strv_add(&h->failed_mounts, from);
	pthread_mutex_unlock(&h->lock);
}

bool registry_host_may_mount(struct registry_host *h, const char *from)
{
	unsigned n = 0;

	pthread_mutex_lock(&h->lock);
	for (size_t i = 0; i < h->failed_mounts.n; i++)
		n += strcmp(h->failed_mounts.v[i], from) == 0;
	pthread_mutex_unlock(&h->lock);
	return n < MOUNT_FAILURES_MAX;
}

void registry_host_note_sent(struct registry_host *h, const char *path,
			     const struct oci_digest *blob)
{
	pthread_mutex_lock(&h->lock);
	if (!strv_env_get(&h->sent, path))
		strv_env_set(&h->sent, path, blob->text);
	pthread_mutex_unlock(&h->lock);
}

bool registry_host_sent(struct oci_digest *blob, struct registry_host *h, const char *path)
{
	struct err ignored = ERR_INIT;
	const char *text;
	bool is;

	pthread_mutex_lock(&h->lock);
	while (!(text = strv_env_get(&h->sent, path)) && h->open)
		pthread_cond_wait(&h->ended, &h->lock);
	is = text && oci_digest_parse(blob, span_of_str(text), &ignored) == 0;
	pthread_mutex_unlock(&h->lock);
	return is;
}

void registry_host_opened(struct registry_host *h)
{
	pthread_mutex_lock(&h->lock);
	h->open++;
	pthread_mutex_unlock(&h->lock);
}

void registry_host_ended(struct registry_host *h)
{
	pthread_mutex_lock(&h->lock);
	h->open--;
	pthread_cond_broadcast(&h->ended);
	pthread_mutex_unlock(&h->lock);
}

/* 299 - "text", with \" and \\ in it. False: something else, which is for machines. */
static bool warning_text(struct buf *out, struct span value)
{
	if (!span_take(&value, "299 - \""))
		return false;
	for (size_t i = 0; i < value.n && out->len < WARNING_TEXT_MAX; i++) {
		if (value.p[i] == '"')
			return out->len > 0;
		if (value.p[i] == '\\' && i + 1 < value.n)
			i++;
		buf_add_char(out, value.p[i]);
	}
	return out->len > 0;
}

static bool is_first(struct registry_host *h, const char *text)
{
	bool first;

	pthread_mutex_lock(&h->lock);
	first = h->warnings.n < WARNINGS_MAX && !strv_has(&h->warnings, text);
	if (first)
		strv_add(&h->warnings, text);
	pthread_mutex_unlock(&h->lock);
	return first;
}

void registry_host_warn(struct registry_host *h, struct op *op, const char *name,
			const struct http_response *rs)
{
	for (size_t i = 0; i < rs->headers.n; i++) {
		struct span line = span_of_str(rs->headers.v[i]);
		auto_buf struct buf text = BUF_INIT(BUF_SMALL);

		if (span_take(&line, "warning:") && warning_text(&text, span_trim(line)) &&
		    is_first(h, buf_str(&text)))
			progress_warn(op->progress, "%s: %s", name, buf_str(&text));
	}
}
