/*
 * A value is found by what it is for as well: of a variable "NAME=value" is hashed, of a label or an option
 * "key=value", so that equal passwords do not look equal.
 */
#include "deploy/history_hide.h"

#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/secret_name.h"
#include "deploy/mask.h"
#include "deploy/owner.h"

/* A list of texts, or an object of them, in which users write what they like. */
struct place {
	json_t *holder;
	const char *what; /* is kept there: for messages */
};

typedef int visit(void *arg, const struct place *p, struct err *e);

#define VARIABLE "variable"

static const struct {
	const char *path[4];
	const char *what;
} places[] = {
	{ { "TaskTemplate", "ContainerSpec", "Env" }, VARIABLE },
	{ { "Labels" }, "label" },
	{ { "TaskTemplate", "ContainerSpec", "Command" }, "entrypoint" },
	{ { "TaskTemplate", "ContainerSpec", "Args" }, "command" },
	{ { "TaskTemplate", "ContainerSpec", "Labels" }, "container label" },
	{ { "TaskTemplate", "ContainerSpec", "Sysctls" }, "sysctl" },
	{ { "TaskTemplate", "ContainerSpec", "Healthcheck", "Test" }, "health check" },
	{ { "TaskTemplate", "LogDriver", "Options" }, "log option" },
};

static json_t *at(const json_t *o, const char *const path[4])
{
	json_t *v = json_object_get(o, path[0]);

	for (size_t i = 1; i < 4 && path[i]; i++)
		v = json_object_get(v, path[i]);
	return v;
}

static int each_of_mounts(const json_t *spec, visit *fn, void *arg, struct err *e)
{
	static const char *const mounts[4] = { "TaskTemplate", "ContainerSpec", "Mounts" };
	static const char *const labels[4] = { "VolumeOptions", "Labels" };
	static const char *const options[4] = { "VolumeOptions", "DriverConfig", "Options" };
	json_t *list = at(spec, mounts), *mount;
	size_t i;

	json_array_foreach(list, i, mount)
	{
		struct place of_volume = { at(mount, labels), "volume label" };
		struct place of_driver = { at(mount, options), "volume option" };

		if (fn(arg, &of_volume, e) < 0 || fn(arg, &of_driver, e) < 0)
			return -1;
	}
	return 0;
}

static int each_place(const json_t *spec, visit *fn, void *arg, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		struct place p = { at(spec, places[i].path), places[i].what };

		if (fn(arg, &p, e) < 0)
			return -1;
	}
	return each_of_mounts(spec, fn, arg, e);
}

static bool is_variable(const struct place *p)
{
	return strcmp(p->what, VARIABLE) == 0;
}

/* -- what is hidden ------------------------------------------------------------ */

static bool masks(struct span text)
{
	auto_free char *masked = mask_text(text);

	return !span_eq_str(text, masked);
}

static bool hides_variable(const char *text)
{
	struct span name, value;

	/* ALLOW_EMPTY_PASSWORD=yes is none */
	if (!span_cut(span_of_str(text), '=', &name, &value) || !value.n)
		return false;
	return deploy_is_secret(name, value) || masks(value) || masks(span_of_str(text));
}

static bool hides_pair(const char *key, const char *value)
{
	auto_free char *both = mem_printf("%s=%s", key, value);

	/* docker's own: "image" may well look like "token:1" */
	if (!*value || strncmp(key, "com.docker.", strlen("com.docker.")) == 0)
		return false;
	return deploy_is_secret(span_of_str(key), span_of_str(value)) ||
	       masks(span_of_str(value)) || masks(span_of_str(both));
}

/* -- hiding -------------------------------------------------------------------- */

static void hash_text(char hex[HASH_SHA256_HEX + 1], const char *salt, const char *text)
{
	unsigned char raw[HASH_SHA256_LEN];
	struct hash h;

	hash_init(&h);
	hash_update(&h, salt, strlen(salt));
	hash_update(&h, "\n", 1);
	hash_update(&h, text, strlen(text));
	hash_final(&h, raw);
	hash_hex(hex, raw);
}

static json_t *mark_of(const char *salt, const char *text)
{
	char hex[HASH_SHA256_HEX + 1];

	hash_text(hex, salt, text);
	return json_pack("{s:s}", "sha256", hex);
}

static json_t *mark_of_variable(const char *salt, const char *text)
{
	json_t *mark = mark_of(salt, text);
	auto_free char *name = mem_strndup(text, strcspn(text, "="));

	json_object_set_new(mark, "name", json_str(name));
	return mark;
}

static void hide_variables(json_t *list, const char *salt)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (text && hides_variable(text))
			json_array_set_new(list, i, mark_of_variable(salt, text));
	}
}

static void hide_words(json_t *list, const char *salt)
{
	struct mask_words words = { 0 };

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));
		auto_free char *shown = mask_item(&words, span_of_str(text));

		if (text && strcmp(shown, text) != 0)
			json_array_set_new(list, i, mark_of(salt, text));
	}
}

struct hiding {
	const char *salt;
};

static int hide(void *arg, const struct place *p, struct err *e)
{
	const char *salt = ((const struct hiding *)arg)->salt, *key;
	json_t *v;

	(void)e;
	if (json_is_array(p->holder))
		(is_variable(p) ? hide_variables : hide_words)(p->holder, salt);
	json_object_foreach(p->holder, key, v)
	{
		const char *value = json_string_value(v);
		auto_free char *both = mem_printf("%s=%s", key, value ? value : "");

		if (value && hides_pair(key, value))
			json_object_set_new(p->holder, key, mark_of(salt, both));
	}
	return 0;
}

void deploy_hide(json_t *spec, const char *salt)
{
	struct hiding h = { salt };
	struct err none = ERR_INIT;

	(void)!each_place(spec, hide, &h, &none);
}

/* -- showing ------------------------------------------------------------------- */

static json_t *shown_text(const char *before, const char *masked)
{
	json_t *shown = json_sprintf("%s%s", before, masked);

	/* what was cut within a letter is no text */
	return shown ? shown : json_sprintf("%s" MASKED, before);
}

/* What of it may be read; all of it is hidden where only its surroundings say what it is. */
static json_t *shown_value(const char *before, const char *value)
{
	auto_free char *masked = mask_text(span_of_str(value));

	return shown_text(before, strcmp(masked, value) != 0 ? masked : MASKED);
}

static json_t *shown_variable(const char *text)
{
	size_t name = strcspn(text, "=");
	auto_free char *head = mem_strndup(text, name + 1);

	if (names_secret(span_of(text, name)))
		return shown_text(head, MASKED);
	return shown_value(head, text + name + 1);
}

static void show_variables(json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (text && hides_variable(text))
			json_array_set_new(list, i, shown_variable(text));
	}
}

static void show_words(json_t *list)
{
	struct mask_words words = { 0 };

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));
		auto_free char *shown = mask_item(&words, span_of_str(text));

		if (text && strcmp(shown, text) != 0)
			json_array_set_new(list, i, shown_text("", shown));
	}
}

static int show(void *arg, const struct place *p, struct err *e)
{
	const char *key;
	json_t *v;

	(void)arg;
	(void)e;
	if (json_is_array(p->holder))
		(is_variable(p) ? show_variables : show_words)(p->holder);
	json_object_foreach(p->holder, key, v)
	{
		const char *value = json_string_value(v);

		if (value && hides_pair(key, value))
			json_object_set_new(p->holder, key,
					    names_secret(span_of_str(key))
						    ? json_string(MASKED)
						    : shown_value("", value));
	}
	return 0;
}

void deploy_hide_from_view(json_t *spec)
{
	auto_json json_t *whole = json_deep_copy(spec);
	json_t *labels = json_object_get(spec, "Labels");
	struct err none = ERR_INIT;

	(void)!each_place(spec, show, NULL, &none);
	/* without salt, of what was hidden as well: a short secret could be found by trying */
	if (!json_equal(whole, spec) && json_object_get(labels, DEPLOY_LABEL_HASH))
		json_object_set_new(labels, DEPLOY_LABEL_HASH, json_string(MASKED));
}

/* -- finding again ------------------------------------------------------------- */

static int add_known(void *arg, const struct place *p, struct err *e)
{
	struct strv *known = arg;
	const char *key;
	json_t *v;
	size_t i;

	(void)e;
	json_array_foreach(p->holder, i, v) if (json_is_string(v))
		strv_add(known, json_string_value(v));
	json_object_foreach(p->holder, key, v) if (json_is_string(v))
		strv_addf(known, "%s=%s", key, json_string_value(v));
	return 0;
}

void deploy_hide_known(struct strv *known, const json_t *spec)
{
	struct err none = ERR_INIT;

	(void)!each_place(spec, add_known, known, &none);
}

struct reveal {
	const struct strv *known;
	struct strv hashes; /* of each */
};

/* The text behind a mark; NULL: nobody has it (any more). Borrowed. */
static const char *find(const struct reveal *r, const json_t *mark)
{
	const char *hex = json_string_value(json_object_get(mark, "sha256"));

	for (size_t i = 0; hex && i < r->hashes.n; i++)
		if (strcmp(r->hashes.v[i], hex) == 0)
			return r->known->v[i];
	return NULL;
}

/* Is something there of that name, and so of another value? */
static bool has_another(const struct reveal *r, const char *name)
{
	return strv_env_get(r->known, name) != NULL;
}

static int lost(const struct place *p, const struct reveal *r, const char *name, struct err *e)
{
	if (!is_variable(p))
		return err_set(e, ERR_FAILED,
			       "the value of %s '%s' is secret and therefore not in the history, "
			       "and no service here has it any more",
			       p->what, name);
	if (has_another(r, name))
		return err_set(e, ERR_FAILED,
			       "the value of variable '%s' is secret and therefore not in the "
			       "history, and its value in the environment or with the services "
			       "here differs from it: the one of then has to be in the "
			       "environment, as %s=…",
			       name, name);
	return err_set(e, ERR_FAILED,
		       "the value of variable '%s' is secret and therefore not in the history, and "
		       "no service here has it any more: it has to be in the environment, as %s=…",
		       name, name);
}

static int corrupt(const struct place *p, struct err *e)
{
	return err_set(e, ERR_CORRUPT, "a %s is neither a text nor the mark of a secret", p->what);
}

static bool is_mark(const json_t *v)
{
	return json_is_string(json_object_get(v, "sha256"));
}

static int reveal_list(const struct place *p, const struct reveal *r, struct err *e)
{
	for (size_t i = 0; i < json_array_size(p->holder); i++) {
		const json_t *v = json_array_get(p->holder, i);
		const char *name = json_string_value(json_object_get(v, "name"));
		char number[24];
		const char *text;

		if (json_is_string(v))
			continue;
		if (!is_mark(v) || (is_variable(p) && !name))
			return corrupt(p, e);
		snprintf(number, sizeof(number), "%zu", i + 1);
		text = find(r, v);
		if (!text)
			return lost(p, r, is_variable(p) ? name : number, e);
		json_array_set_new(p->holder, i, json_str(text));
	}
	return 0;
}

static int reveal_map(const struct place *p, const struct reveal *r, struct err *e)
{
	const char *key, *text;
	json_t *v;

	json_object_foreach(p->holder, key, v)
	{
		size_t n = strlen(key);

		if (json_is_string(v))
			continue;
		if (!is_mark(v))
			return corrupt(p, e);
		text = find(r, v);
		if (!text || strncmp(text, key, n) != 0 || text[n] != '=')
			return lost(p, r, key, e);
		json_object_set_new(p->holder, key, json_str(text + n + 1));
	}
	return 0;
}

static int reveal(void *arg, const struct place *p, struct err *e)
{
	const struct reveal *r = arg;

	if (!p->holder || json_is_null(p->holder))
		return 0;
	if (json_is_array(p->holder))
		return reveal_list(p, r, e);
	return json_is_object(p->holder) ? reveal_map(p, r, e) : corrupt(p, e);
}

int deploy_reveal(json_t *spec, const char *salt, const struct strv *known, struct err *e)
{
	struct reveal r = { .known = known };
	char hex[HASH_SHA256_HEX + 1];
	int n;

	for (size_t i = 0; i < known->n; i++) {
		hash_text(hex, salt, known->v[i]);
		strv_add(&r.hashes, hex);
	}
	n = each_place(spec, reveal, &r, e);
	strv_release(&r.hashes);
	return n;
}
