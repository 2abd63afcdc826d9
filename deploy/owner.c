/* See owner.h. */
#include "deploy/owner.h"

#include <ctype.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/span.h"

#define KEY_WORDS_MAX 32
#define KEY_HEX	      12

static void set_text(json_t *labels, const char *key, const char *value)
{
	if (value && *value)
		json_object_set_new(labels, key, json_str(value));
}

void deploy_owner_label(json_t *labels, const struct deploy_owner *o)
{
	set_text(labels, DEPLOY_LABEL_PROJECT, o->project);
	set_text(labels, DEPLOY_LABEL_SCOPE, o->scope);
}

static void set_number(json_t *labels, const char *key, uint64_t n)
{
	if (n)
		json_object_set_new(labels, key, json_sprintf("%llu", (unsigned long long)n));
}

void deploy_owner_label_deploy(json_t *labels, const struct deploy_owner *o)
{
	set_text(labels, DEPLOY_LABEL_COMMIT, o->commit);
	set_text(labels, DEPLOY_LABEL_PIPELINE, o->pipeline);
	set_number(labels, DEPLOY_LABEL_REVISION, o->revision);
	set_number(labels, DEPLOY_LABEL_BACK_TO, o->back_to);
}

void deploy_owner_unlabel_deploy(json_t *labels)
{
	json_object_del(labels, DEPLOY_LABEL_COMMIT);
	json_object_del(labels, DEPLOY_LABEL_PIPELINE);
	json_object_del(labels, DEPLOY_LABEL_REVISION);
	json_object_del(labels, DEPLOY_LABEL_BACK_TO);
}

const char *deploy_label(const json_t *spec, const char *key)
{
	return json_string_value(json_object_get(json_object_get(spec, "Labels"), key));
}

static bool same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

enum deploy_ownership deploy_owner_of(const json_t *spec, const struct deploy_owner *o)
{
	const char *theirs = deploy_label(spec, DEPLOY_LABEL_PROJECT);

	if (!theirs)
		return DEPLOY_NOBODYS;
	return same(theirs, o->project) ? DEPLOY_OURS : DEPLOY_THEIRS;
}

bool deploy_owner_has(const json_t *spec, const struct deploy_owner *o)
{
	return deploy_owner_of(spec, o) == DEPLOY_OURS &&
	       same(deploy_label(spec, DEPLOY_LABEL_SCOPE), o->scope);
}

bool deploy_owner_is_older(const struct deploy_owner *o, const json_t *spec)
{
	const char *theirs = deploy_label(spec, DEPLOY_LABEL_PIPELINE);
	uint64_t mine, deployed;

	return o->pipeline && theirs && span_to_u64(&mine, span_of_str(o->pipeline)) == 0 &&
	       span_to_u64(&deployed, span_of_str(theirs)) == 0 && mine < deployed;
}

/* The project's name as far as the engine takes it: letters and digits, all else becomes one '-'. */
static void key_words(char words[KEY_WORDS_MAX + 1], const char *project)
{
	size_t n = 0;

	for (const char *p = project; *p && n < KEY_WORDS_MAX; p++) {
		if (isascii(*p) && isalnum((unsigned char)*p))
			words[n++] = *p;
		else if (n && words[n - 1] != '-')
			words[n++] = '-';
	}
	while (n && words[n - 1] == '-')
		n--;
	words[n] = '\0';
}

char *deploy_owner_key(const struct deploy_owner *o)
{
	const char *project = o->project ? o->project : "";
	auto_free char *whole = mem_printf("%s\n%s", project, o->scope ? o->scope : "");
	unsigned char raw[HASH_SHA256_LEN];
	char hex[HASH_SHA256_HEX + 1], words[KEY_WORDS_MAX + 1];

	key_words(words, project);
	hash_sha256(raw, whole, strlen(whole));
	hash_hex(hex, raw);
	return mem_printf("%s%s%.*s", words, *words ? "-" : "", KEY_HEX, hex);
}
