/*
 * A file of lines, the youngest last, rewritten whole: pushes side by side may lose each
 * other's line, which costs a request one day.
 */
#include "cmd/cpush_seen.h"

#include <fcntl.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"

#define SEEN_FILE  "cache/pushed"
#define SEEN_BYTES (256u << 10)
#define SEEN_LINES 1000

bool cpush_seen_parse(struct oci_reference *ref, struct oci_digest *digest, struct span line)
{
	struct oci_reference found = { 0 };
	struct span name, hex;
	struct err ignored = ERR_INIT;

	if (!span_cut(line, ' ', &name, &hex) || oci_digest_parse(digest, hex, &ignored) < 0)
		return false;

	auto_free char *text = span_dup(name);

	if (oci_reference_parse(&found, text, &ignored) < 0)
		return false;
	if (!found.tag || oci_digest_is_set(&found.digest)) {
		oci_reference_release(&found);
		return false;
	}
	*ref = found;
	return true;
}

static bool seen_read(struct buf *text, const char *root)
{
	auto_free char *path = mem_printf("%s/" SEEN_FILE, root);
	struct err ignored = ERR_INIT;

	return fs_read_file_no_link(AT_FDCWD, path, text, &ignored) == 0;
}

void cpush_seen_load(struct strv *out, const char *root, const struct oci_reference *to)
{
	auto_buf struct buf text = BUF_INIT(SEEN_BYTES);
	struct span rest, line;

	if (!seen_read(&text, root))
		return;
	rest = buf_span(&text);
	while (span_line(&rest, &line)) {
		auto_reference struct oci_reference ref = { 0 };
		struct oci_digest digest;

		if (cpush_seen_parse(&ref, &digest, line) &&
		    oci_reference_same_repository(&ref, to))
			strv_env_set(out, ref.tag, digest.text);
	}
}

static void add_line(struct strv *lines, const struct oci_reference *to, const char *tag,
		     const struct oci_digest *digest)
{
	auto_free char *name = mem_printf("%s/%s:%s ", to->host, to->path, tag);

	for (size_t i = 0; i < lines->n;) {
		if (span_starts(span_of_str(lines->v[i]), name))
			strv_remove(lines, i);
		else
			i++;
	}
	strv_addf(lines, "%s%s", name, digest->text);
	if (lines->n > SEEN_LINES)
		strv_remove(lines, 0);
}

static int seen_write(const char *root, const struct strv *lines, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(SEEN_BYTES);
	auto_free char *dir = mem_printf("%s/cache", root);
	auto_free char *path = mem_printf("%s/" SEEN_FILE, root);

	for (size_t i = 0; i < lines->n; i++)
		buf_addf(&text, "%s\n", lines->v[i]);
	/* too long: it begins anew */
	if (text.over)
		buf_reset(&text);
	if (fs_mkdir_p(AT_FDCWD, dir, 0755, e) < 0)
		return -1;
	return fs_write_file(AT_FDCWD, path, buf_span(&text), 0644, e);
}

void cpush_seen_save(struct op *op, const char *root, const struct oci_reference *to,
		     const struct strv *tags, const struct oci_digest *digest)
{
	auto_buf struct buf text = BUF_INIT(SEEN_BYTES);
	auto_strv struct strv lines = STRV_INIT;
	struct span rest = span_of("", 0), line;
	struct err e = ERR_INIT;

	if (seen_read(&text, root))
		rest = buf_span(&text);
	while (span_line(&rest, &line))
		strv_add_span(&lines, line);
	if (to->tag)
		add_line(&lines, to, to->tag, digest);
	for (size_t i = 0; i < tags->n; i++)
		add_line(&lines, to, tags->v[i], digest);
	if (seen_write(root, &lines, &e) < 0)
		log_info(op, "what was pushed is not noted: %s", e.text);
}
