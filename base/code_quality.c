/* GitLab reads five fields of each finding; no others are written. */
#include "base/code_quality.h"

#include "base/fs.h"
#include "base/hash.h"
#include "base/mem.h"

void code_quality_init(struct code_quality *q)
{
	*q = (struct code_quality){ .out = BUF_INIT(CODE_QUALITY_MAX) };
	buf_add_char(&q->out, '[');
}

static void fingerprint(char out[HASH_SHA256_HEX + 1], const struct code_issue *i, unsigned nr)
{
	auto_free char *source = span_dup(span_trim(i->source));
	auto_free char *text =
		mem_printf("%s\n%s\n%s\n%s\n%u", i->check, i->path, i->text, source, nr);
	unsigned char raw[HASH_SHA256_LEN];

	hash_sha256(raw, text, strlen(text));
	hash_hex(out, raw);
}

static void add_field(struct buf *out, const char *name, const char *value)
{
	buf_addf(out, "\"%s\": ", name);
	buf_add_json(out, value);
	buf_add_str(out, ", ");
}

void code_quality_add(struct code_quality *q, const struct code_issue *i)
{
	auto_free char *description = mem_printf("%s: %s", i->check, i->text);
	char hex[HASH_SHA256_HEX + 1];
	unsigned nr = 0;

	do
		fingerprint(hex, i, nr++);
	while (strv_has(&q->seen, hex));
	buf_add_str(&q->out, q->seen.n ? ",\n  {" : "\n  {");
	strv_add(&q->seen, hex);
	add_field(&q->out, "description", description);
	add_field(&q->out, "check_name", i->check);
	add_field(&q->out, "fingerprint", hex);
	add_field(&q->out, "severity", i->severity);
	buf_add_str(&q->out, "\"location\": {");
	add_field(&q->out, "path", i->path);
	buf_addf(&q->out, "\"lines\": {\"begin\": %u}}}", i->line);
}

const char *code_quality_finish(struct code_quality *q)
{
	buf_add_str(&q->out, q->seen.n ? "\n]\n" : "]\n");
	return buf_str(&q->out);
}

void code_quality_release(struct code_quality *q)
{
	buf_release(&q->out);
	strv_release(&q->seen);
}

char *code_quality_path(const char *file, const char *cwd, const char *root)
{
	auto_free char *whole = *file == '/' ? fs_path_clean(file) : fs_path_join(cwd, file);
	auto_free char *clean = fs_path_clean(whole), *base = fs_path_clean(root ? root : cwd);
	size_t n = strlen(base);

	if (strncmp(clean, base, n) == 0 && clean[n] == '/')
		return mem_strdup(clean + n + 1);
	return STEAL(&clean);
}

struct span code_quality_line(struct span text, unsigned line)
{
	struct span at = span_of(NULL, 0);

	for (unsigned nr = 0; nr < line; nr++)
		if (!span_line(&text, &at))
			return span_of(NULL, 0);
	return at;
}
