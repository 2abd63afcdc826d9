/*
 * Files of a stage or an image are known by its id, those of a context by their content; a stage's also by
 * content, when its id is a new one.
 */
#include "oci/build/run_look.h"

#include "base/mem.h"
#include "oci/build/run_mounts.h"
#include "oci/dockerfile/mount.h"

static void add_limits(struct cache_look *k, const struct run_options *o)
{
	for (size_t i = 0; i < o->nr_limits; i++) {
		auto_free char *name = mem_printf("--ulimit %d", o->limits[i].resource);
		auto_free char *value = mem_printf("%ju:%ju", (uintmax_t)o->limits[i].soft,
						   (uintmax_t)o->limits[i].hard);

		cache_text_add_str(&k->words, name, value);
	}
}

static void add_options(struct cache_look *k, const char *hostname)
{
	const struct step *s = k->step;
	const struct run_options *o = &s->job->opt->run;
	const char *network = s->instr->network;
	bool none = network && strcmp(network, "default") != 0 ? strcmp(network, "none") == 0
							       : o->no_network;
	auto_free char *hosts = run_options_hosts(o, hostname);

	cache_text_add_str(&k->words, "the network", none ? "none" : "host");
	cache_text_add_str(&k->words, "--add-host", hosts);
	cache_text_add_u64(&k->words, "--shm-size", o->shm_bytes);
	add_limits(k, o);
}

static void add_command(struct cache_look *k)
{
	const struct step *s = k->step;
	const struct state *st = &s->stage->state;
	auto_strv struct strv argv = STRV_INIT;

	step_command(&argv, s);
	cache_text_list(&k->words, "the command", &argv);
	cache_text_add_str(&k->words, "the here-document", s->instr->script);
	cache_text_add_str(&k->words, "the user", st->config->user);
	cache_text_add_str(&k->words, "the working directory", state_workdir(st));
	cache_text_env(&k->words, &st->env);
}

/* -- mounts ---------------------------------------------------------------------------- */

static bool is_directory_context(const struct cache_look *k, const struct plan_source *from)
{
	return from->kind == PLAN_CONTEXT &&
	       images_context_is_dir(images_context(k->step->job->opt, from->ref));
}

/* What a mount shows of other files: by the name of the tree, where it has one. */
static int add_source(struct cache_look *k, const struct plan_source *from, struct err *e)
{
	const struct step *s = k->step;
	struct image *img;

	if (from->kind == PLAN_STAGE) {
		k->has_content = true;
		cache_look_dep(k, &s->job->stages[from->stage].ref);
		return 0;
	}
	if (from->kind == PLAN_SCRATCH)
		return 0;
	if (from->kind == PLAN_NONE || is_directory_context(k, from)) {
		k->has_content = true;
		k->is_named = false;
		return 0;
	}
	if (images_get(&img, s->job->op, &s->job->images, from, &s->stage->plan->platform, e) < 0)
		return -1;

	struct cache_ref tree;

	stage_ref_of_image(&tree, img);
	cache_text_add_str(&k->words, "the image of a mount", tree.id.hex);
	return 0;
}

/* Has it files from elsewhere? */
static bool has_source(const struct dockerfile_mount *m)
{
	return m->type == DOCKERFILE_MOUNT_BIND || (m->type == DOCKERFILE_MOUNT_CACHE && m->from);
}

/* Not the id of a cache: what is in one is nobody's business. */
static void add_words(struct cache_look *k, const struct dockerfile_mount *m)
{
	bool is_cache = m->type == DOCKERFILE_MOUNT_CACHE;
	const char *const words[] = {
		dockerfile_mount_type_name(m->type),
		m->target,
		has_source(m) ? m->source : NULL,
		is_cache ? NULL : m->id,
		is_cache ? NULL : m->env,
		is_cache ? NULL : m->mode,
		is_cache ? NULL : m->uid,
		is_cache ? NULL : m->gid,
		is_cache ? NULL : m->size,
	};
	auto_buf struct buf all = BUF_INIT(SIZE_MAX);

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		buf_addf(&all, "%zu:%s,", words[i] ? strlen(words[i]) : 0,
			 words[i] ? words[i] : "");
	buf_addf(&all, "%d%d%d", m->has_readonly, m->readonly, m->required);
	cache_text_add(&k->words, "--mount", buf_span(&all));
}

static int expand(struct dockerfile_mount *out, const struct cache_look *k, size_t i, struct err *e)
{
	const struct step *s = k->step;

	return dockerfile_mount_expand(out, &s->instr->mounts[i], &s->stage->state.env,
				       s->job->file->escape, e);
}

static int add_mount(struct cache_look *k, size_t i, struct err *e)
{
	auto_mount struct dockerfile_mount m = { 0 };

	if (expand(&m, k, i, e) < 0)
		return -1;
	add_words(k, &m);
	return has_source(&m) ? add_source(k, &k->step->plan->mounts[i], e) : 0;
}

static int list_mount(struct cache_look *k, size_t i, struct err *e)
{
	const struct plan_source *from = &k->step->plan->mounts[i];
	auto_mount struct dockerfile_mount m = { 0 };
	auto_listing struct layer_listing list = LISTING_INIT;

	if (expand(&m, k, i, e) < 0)
		return -1;
	if (!has_source(&m) ||
	    (from->kind != PLAN_STAGE && from->kind != PLAN_NONE && !is_directory_context(k, from)))
		return 0;
	if (run_bind_list(&list, k->step, from, m.source, e) < 0)
		return -1;
	cache_look_content(k, &list);
	return 0;
}

/* What is wrong with mounts is told by who mounts them. */
static int each_mount(struct cache_look *k,
		      int (*add)(struct cache_look *k, size_t i, struct err *e))
{
	struct err ignored = ERR_INIT;

	for (size_t i = 0; i < k->step->instr->nr_mounts && !k->is_hopeless; i++)
		if (add(k, i, &ignored) < 0)
			k->is_hopeless = true;
	return k->is_hopeless ? -1 : 0;
}

int run_look(struct cache_look *k, const char *hostname, struct err *e)
{
	int r;

	add_command(k);
	add_options(k, hostname);
	k->is_named = true;
	if (each_mount(k, add_mount) < 0) {
		cache_look_give_up(k);
		return 0;
	}
	r = cache_look_named(k, e);
	if (r || !k->has_content)
		return r;
	if (each_mount(k, list_mount) == 0)
		return cache_look_found(k, e);
	cache_look_give_up(k);
	return 0;
}
