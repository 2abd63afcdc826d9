/*
 * WORKDIR makes a layer even when the directory is there already: so does docker, and the number
 * of layers must not depend on what a base happens to hold.
 */
#include "base/mem.h"
#include "oci/build/inroot.h"
#include "oci/build/step.h"
#include "oci/layer/passwd.h"
#include "oci/layer/tree_dir.h"

static int make_workdir(struct step *s, int root_fd, const char *path, struct err *e)
{
	const char *user = s->stage->state.config->user;
	auto_passwd_user struct passwd_user owner = { 0 };
	auto_tree struct tree *tree = NULL;
	auto_inroot struct inroot at = { 0 };
	struct inroot_attrs attrs = { .mode = 0755 };
	int fd;

	if (inroot_resolve(&at, root_fd, path, e) < 0)
		return -1;
	if (!at.exists) {
		if (tree_dir_open(&tree, root_fd, NULL, e) < 0 ||
		    passwd_user_find(&owner, tree, user ? user : "", e) < 0)
			return -1;
		attrs.uid = owner.uid;
		attrs.gid = owner.gid;
	}
	fd = inroot_make_dirs(root_fd, at.path, &attrs, e);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

int step_workdir(struct step *s, struct err *e)
{
	struct oci_config *c = s->stage->state.config;
	auto_free char *word = state_expand(&s->stage->state, s->instr->words.v[0], e);
	auto_stage_tree struct stage_tree t = { 0 };
	auto_free char *path = NULL, *line = NULL;
	bool is_root;

	if (!word)
		return -1;
	path = state_path(&s->stage->state, word);
	is_root = strcmp(path, "/") == 0;
	if (!is_root && (stage_tree_open(&t, s->job, s->stage, s->id, e) < 0 ||
			 make_workdir(s, t.tree.root_fd, path, e) < 0 ||
			 stage_tree_commit(&t, s->job, s->stage, s->what, e) < 0))
		return -1;
	line = mem_printf("WORKDIR %s", path);
	stage_history(s->job, s->stage, line, !is_root);
	free(c->working_dir);
	c->working_dir = STEAL(&path);
	return 0;
}
