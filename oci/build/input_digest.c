/*
 * A context is told as the list of its files, sorted, by the same words as COPY's key in the step
 * cache (content.h).
 */
#include "oci/build/input_digest.h"

#include "base/cancel.h"
#include "base/mem.h"
#include "oci/build/content.h"
#include "oci/build/context_fetch.h"
#include "oci/layer/path.h"
#include "oci/layer/tree_dir.h"

#define KIND	  "cbuild input 1"
#define DEPTH_MAX 512

/* -- a context -------------------------------------------------------------------------- */

struct files {
	const struct op *op;
	const struct context *context;
	struct tree *tree;
	struct layer_listing found;
};

static void files_release(struct files *l)
{
	listing_release(&l->found);
	tree_free(l->tree);
}

static int add_entry(struct files *l, const char *path, const struct tree_node *node, struct err *e)
{
	auto_tree_origin struct tree_origin origin = { .dirfd = -1 };
	struct layer_change c = { .kind = LAYER_ENTRY, .path = (char *)path, .st = node->st };

	if (S_ISREG(node->st.st_mode) && tree_origin(l->tree, path, &origin, e) < 0)
		return -1;
	c.link = (char *)node->link;
	c.origin_fd = origin.dirfd;
	c.origin_path = origin.path;
	c.capability = (void *)node->capability.p;
	c.capability_len = node->capability.n;
	listing_add(&l->found, &c);
	return 0;
}

static int add_directory(struct files *l, const char *dir, unsigned depth, struct err *e);

/* A directory that is excluded but for something below it is told by that. */
static int add_name(struct files *l, const char *path, unsigned depth, struct err *e)
{
	bool is_excluded = ignore_is_excluded(l->context->ignore, path);
	struct tree_node node;
	bool is_dir;
	int r = tree_look(l->tree, path, &node, e);

	if (r <= 0 || S_ISSOCK(node.st.st_mode))
		return r;
	is_dir = S_ISDIR(node.st.st_mode);
	if (!is_excluded && add_entry(l, path, &node, e) < 0)
		return -1;
	if (!is_dir || (is_excluded && !ignore_may_hold_included(l->context->ignore, path)))
		return 0;
	if (is_excluded)
		listing_enter(&l->found, layer_path_last(path));
	if (add_directory(l, path, depth + 1, e) < 0)
		return -1;
	listing_leave(&l->found);
	return 0;
}

static int add_directory(struct files *l, const char *dir, unsigned depth, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;

	if (depth > DEPTH_MAX)
		return err_set(e, ERR_INPUT, "'%s': directories are nested more than %d deep", dir,
			       DEPTH_MAX);
	if (cancel_check(l->op->cancel, e) < 0 || tree_list(l->tree, dir, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *path =
			*dir ? mem_printf("%s/%s", dir, names.v[i]) : mem_strdup(names.v[i]);

		if (strcmp(names.v[i], ".git") != 0 && add_name(l, path, depth, e) < 0)
			return -1;
	}
	return 0;
}

static int add_context(struct cache_text *t, const struct job *j, const struct context *c,
		       struct err *e)
{
	const struct tree_dir_options opt = {
		.of_root = true, .git_modes = true, .skip_dev = c->skip_dev, .skip_ino = c->skip_ino
	};
	CLEANUP(files_release)
	struct files l = { .op = j->op, .context = c, .found = LISTING_INIT };

	if (tree_dir_open(&l.tree, c->fd, &opt, e) < 0 || add_directory(&l, "", 0, e) < 0 ||
	    content_add(t, j->op, &l.found, true, e) < 0)
		return err_wrap(e, "%s", c->where);
	return 0;
}

/* Our own state may lie in the context. */
static void skip_state(struct context *c, const struct job *j)
{
	struct stat st;

	if (c->skip_ino || stat(j->env->root, &st) < 0)
		return;
	c->skip_dev = st.st_dev;
	c->skip_ino = st.st_ino;
}

static int add_main_context(struct cache_text *t, const struct job *j, struct err *e)
{
	struct context c = j->context; /* borrowed */

	skip_state(&c, j);
	return add_context(t, j, &c, e);
}

static int add_named(struct cache_text *t, const struct job *j, const char *name, const char *value,
		     struct err *e)
{
	auto_context struct context c = CONTEXT_INIT;

	cache_text_add_str(t, "context", name);
	if (!images_context_is_dir(value) || context_is_fetched(value)) {
		cache_text_add_str(t, "word", value);
		return 0;
	}
	if (context_open(&c, context_dir_path(value), NULL, e) < 0)
		return err_wrap(e, "--build-context %s", name);
	skip_state(&c, j);
	return add_context(t, j, &c, e);
}

static int add_contexts(struct cache_text *t, const struct job *j, struct err *e)
{
	auto_strv struct strv sorted = STRV_INIT;

	strv_copy(&sorted, &j->opt->contexts);
	strv_sort(&sorted);
	for (size_t i = 0; i < sorted.n; i++) {
		const char *value = strchr(sorted.v[i], '=') + 1;
		auto_free char *name = mem_strndup(sorted.v[i], (size_t)(value - sorted.v[i]) - 1);

		if (add_named(t, j, name, value, e) < 0)
			return -1;
	}
	return add_main_context(t, j, e);
}

/* -- what is said about it ----------------------------------------------------------------- */

static size_t index_of_target(const struct job *j)
{
	const struct dockerfile_instr *from = j->plan->stages[j->plan->targets[0].stage].from;
	size_t i = 0;

	while (&j->file->stages[i].from != from)
		i++;
	return i;
}

static void add_sorted(struct cache_text *t, const char *name, const struct strv *list)
{
	auto_strv struct strv sorted = STRV_INIT;

	strv_copy(&sorted, list);
	strv_sort(&sorted);
	cache_text_list(t, name, &sorted);
}

/* Is it only the commit or the moment that this names? */
static bool is_origin(const char *key)
{
	static const char *const keys[] = { "org.opencontainers.image.revision",
					    "org.opencontainers.image.created" };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return false;
}

static void add_labels(struct cache_text *t, const struct strv *labels)
{
	auto_strv struct strv counted = STRV_INIT;

	for (size_t i = 0; i < labels->n; i++) {
		auto_free char *key = mem_strndup(labels->v[i], strcspn(labels->v[i], "="));

		if (!is_origin(key))
			strv_add(&counted, labels->v[i]);
	}
	add_sorted(t, "labels", &counted);
}

static void add_annotations(struct cache_text *t, const struct build_annotations *a)
{
	for (size_t i = 0; i < a->nr; i++) {
		char platform[100] = "";

		if (is_origin(a->v[i].key))
			continue;
		if (a->v[i].has_platform)
			oci_platform_format(platform, &a->v[i].platform);
		cache_text_add_u64(t, "annotation", a->v[i].level);
		cache_text_add_str(t, "platform", platform);
		cache_text_add_str(t, a->v[i].key, a->v[i].value);
	}
}

static void add_options(struct cache_text *t, const struct job *j)
{
	const struct build_options *o = j->opt;

	cache_text_add_u64(t, "stage", index_of_target(j));
	add_sorted(t, "args", &j->plan->used_build_args);
	for (size_t i = 0; i < o->nr_platforms; i++) {
		char text[100];

		oci_platform_format(text, &o->platforms[i]);
		cache_text_add_str(t, "platform", text);
	}
	add_labels(t, &o->labels);
	add_annotations(t, &o->annotations);
	for (size_t i = 0; i < o->nr_outputs; i++)
		add_annotations(t, &o->outputs[i].annotations);
}

int input_digest(struct oci_digest *out, const struct job *j, struct err *e)
{
	auto_cache_text struct cache_text t;
	struct cache_key key;

	cache_text_init(&t, KIND);
	cache_text_add(&t, "Dockerfile", buf_span(&j->text));
	add_options(&t, j);
	if (add_contexts(&t, j, e) < 0)
		return err_wrap(e, "input digest");
	cache_text_final(&key, &t);
	snprintf(out->text, sizeof(out->text), "sha256:%s", key.hex);
	return 0;
}
