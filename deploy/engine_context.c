/*
 * Read as docker's own program reads them. "SkipTLSVerify" is not followed: certificates are always checked.
 */
#include "deploy/engine_context.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"

#define DOCUMENT_MAX (1u << 20)

void engine_context_release(struct engine_context *c)
{
	free(c->name);
	free(c->host);
	free(c->tls_dir);
	*c = (struct engine_context){ 0 };
}

/* *out NULL: there is no such file. */
static int read_document(json_t **out, const char *path, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(DOCUMENT_MAX);

	*out = NULL;
	if (fs_read_file(AT_FDCWD, path, &text, e) < 0) {
		if (e->kind != ERR_ABSENT)
			return -1;
		err_clear(e);
		return 0;
	}
	*out = json_load_span(buf_span(&text), DOCUMENT_MAX, path, e);
	if (*out)
		return 0;
	e->kind = ERR_INPUT;
	return -1;
}

static int find_current(char **name, const char *config_dir, struct err *e)
{
	auto_free char *path = mem_printf("%s/config.json", config_dir);
	auto_json json_t *o = NULL;
	const char *text;

	if (read_document(&o, path, e) < 0)
		return -1;
	text = json_string_value(json_object_get(o, "currentContext"));
	*name = mem_strdup(text ? text : "");
	return 0;
}

static int read_context(struct engine_context *c, const char *config_dir, struct err *e)
{
	char id[HASH_SHA256_HEX + 1];
	unsigned char raw[HASH_SHA256_LEN];
	auto_free char *path = NULL, *tls = NULL;
	auto_json json_t *o = NULL;
	const char *host;
	struct stat st;

	hash_sha256(raw, c->name, strlen(c->name));
	hash_hex(id, raw);
	path = mem_printf("%s/contexts/meta/%s/meta.json", config_dir, id);
	tls = mem_printf("%s/contexts/tls/%s/docker", config_dir, id);
	if (read_document(&o, path, e) < 0)
		return -1;
	if (!o)
		return err_set(e, ERR_ABSENT, "there is no such context in '%s'", config_dir);
	host = json_string_value(json_object_get(
		json_object_get(json_object_get(o, "Endpoints"), "docker"), "Host"));
	if (!host || !*host)
		return err_set(e, ERR_INPUT, "'%s' names no host of an engine", path);
	c->host = mem_strdup(host);
	if (stat(tls, &st) == 0)
		c->tls_dir = STEAL(&tls);
	return 0;
}

int engine_context_find(struct engine_context *out, const char *config_dir, const char *name,
			struct err *e)
{
	auto_engine_context struct engine_context c = { 0 };

	if (name && *name)
		c.name = mem_strdup(name);
	else if (find_current(&c.name, config_dir, e) < 0)
		return err_wrap(e, "docker's settings");
	if (*c.name && strcmp(c.name, "default") != 0) {
		if (read_context(&c, config_dir, e) < 0)
			return err_wrap(e, "docker context '%s'", c.name);
	} else {
		engine_context_release(&c);
	}
	*out = c;
	c = (struct engine_context){ 0 };
	return 0;
}
