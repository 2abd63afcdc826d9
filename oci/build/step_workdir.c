/*
 * WORKDIR makes a layer even when the directory is there already: so does docker, and the number
 * of layers must not depend on what a base happens to hold.
 */
#include "base/mem.h"
#include "oci/build/cache_look.h"
#include "oci/build/step.h"
#include "oci/layer/passwd.h"

static int make_workdir(struct layer_builder *b, const char *path, const char *user, struct err *e)
{
	struct tree *tree = layer_builder_tree(b);
	auto_passwd_user struct passwd_user owner = { 0 };
	auto_tree_place struct tree_place at = { 0 };
	struct layer_file dir = { .st = { .st_mode = S_IFDIR | 0755 } };

	if (tree_resolve(&at, tree, path, e) < 0)
		return -1;
	if (at.exists && !S_ISDIR(at.st.st_mode))
		return err_set(e, ERR_INPUT, "'/%s' is not a directory", at.path);
	if (at.exists)
		return 0;
	if (passwd_user_find(&owner, tree, user, e) < 0)
		return -1;
	dir.st.st_uid = owner.uid;
	dir.st.st_gid = owner.gid;
	return layer_builder_make_dirs(b, at.path, &dir, e);
}

static int make_layer(struct step *s, const char *path, struct err *e)
{
	const char *user = s->stage->state.config->user;
	auto_layer_builder struct layer_builder *b = NULL;
	struct tree *below;
	struct timespec now;

	job_now(s->job, &now);
	if (stage_now(&below, s->job, s->stage, e) < 0)
		return -1;
	b = layer_builder_new(below, &now);
	if (s->job->opt->has_epoch)
		layer_builder_limit(b, s->job->opt->epoch);
	if (make_workdir(b, path, user ? user : "", e) < 0)
		return -1;
	return stage_commit(s->job, s->stage, b, s->id, s->what, e);
}

/* What a name in `user` means depends on the tree, whose id is in the key. */
static int find_layer(struct step *s, const char *path, struct err *e)
{
	auto_cache_look struct cache_look k;
	int r;

	cache_look_init(&k, s, "WORKDIR");
	cache_text_add_str(&k.words, "the path", path);
	cache_text_add_str(&k.words, "the user", s->stage->state.config->user);
	r = cache_look_named(&k, e);
	if (r)
		return r < 0 ? -1 : 0;
	if (make_layer(s, path, e) < 0)
		return -1;
	cache_look_made(&k);
	return 0;
}

int step_workdir(struct step *s, struct err *e)
{
	struct oci_config *c = s->stage->state.config;
	auto_free char *word = state_expand(&s->stage->state, s->instr->words.v[0], e);
	auto_free char *path = NULL, *line = NULL;
	bool is_root;

	if (!word)
		return -1;
	path = state_path(&s->stage->state, word);
	is_root = strcmp(path, "/") == 0;
	if (!is_root && find_layer(s, path, e) < 0)
		return -1;
	line = mem_printf("WORKDIR %s", path);
	stage_history(s->job, s->stage, line, !is_root);
	free(c->working_dir);
	c->working_dir = STEAL(&path);
	return 0;
}
