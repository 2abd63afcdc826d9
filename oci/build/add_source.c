/*
 * What is fetched goes into a directory of the workspace that is made for it, and is a source like
 * any other from there on. An archive's files are spooled into such a directory, too; the stage
 * keeps its descriptor until its layers are packed.
 */
#include "oci/build/add_source.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/build/remote_git.h"
#include "oci/build/remote_url.h"
#include "oci/build/sources.h"
#include "oci/build/stage.h"
#include "oci/layer/archive.h"
#include "oci/layer/tree_dir.h"

#define FETCHED "file"
#define UNNAMED "__unnamed__" /* as BuildKit calls it */

enum add_kind add_source_kind(const char *word)
{
	switch (remote_kind_of(word)) {
	case REMOTE_FILE:
		return ADD_URL;
	case REMOTE_GIT:
		return ADD_GIT;
	case REMOTE_NONE:
		break;
	}
	return ADD_LOCAL;
}

/* A directory of the workspace that this step has not used yet. */
static char *new_dir(const struct step *s, struct err *e)
{
	for (unsigned n = 0;; n++) {
		auto_free char *name = mem_printf("%s-add-%u", s->id, n);
		char *dir = workspace_dir(&s->job->ws, name, e);

		if (dir || e->sys != EEXIST)
			return dir;
		err_clear(e);
	}
}

/* --checksum, expanded; NULL: not given. *out is the caller's. */
static int read_checksum(char **out, const struct step *s, struct err *e)
{
	*out = NULL;
	if (!s->instr->checksum)
		return 0;
	*out = state_expand(&s->stage->state, s->instr->checksum, e);
	return *out ? 0 : -1;
}

/* A directory as a source: all of it, or path in it, which is called name. */
static int take_dir(struct add_fetched *out, const char *dir, const char *path, const char *name,
		    const char *shown, struct err *e)
{
	static const struct tree_dir_options opt = { .of_root = true };
	auto_close int fd = fs_open_dir(dir, e);
	auto_tree struct tree *tree = NULL;
	struct tree_node node;
	int r;

	if (fd < 0 || tree_dir_open(&tree, fd, &opt, e) < 0)
		return -1;
	r = tree_look(tree, path, &node, e);
	if (r <= 0)
		return r < 0 ? -1 : err_set(e, ERR_FAILED, "'%s' is gone", shown);
	*out = (struct add_fetched){
		.tree = { .tree = STEAL(&tree), .owned = true, .where = mem_printf("'%s'", shown) },
		.match = { .path = mem_strdup(name), .real = mem_strdup(path), .st = node.st },
	};
	return 0;
}

/* -- a file --------------------------------------------------------------------------- */

static int parse_digest(struct oci_digest *out, const char *text, struct err *e)
{
	if (oci_digest_parse(out, span_of_str(text), e) == 0)
		return 0;
	return err_set(e, ERR_INPUT,
		       "--checksum: '%.200s' is not 'sha256:' and 64 hexadecimal digits", text);
}

static int set_time(int dirfd, const char *name, int64_t time, struct err *e)
{
	const struct timespec t[2] = { { .tv_sec = time }, { .tv_sec = time } };

	if (fchmodat(dirfd, name, 0600, 0) < 0 ||
	    utimensat(dirfd, name, t, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "set the time of '%s'", name);
	return 0;
}

static int fetch_file(struct add_fetched *out, struct step *s, const char *word,
		      const char *checksum, struct err *e)
{
	auto_remote_file struct remote_file what = { .user = NULL };
	auto_free char *dir = NULL;
	auto_close int fd = -1;
	struct oci_digest want;
	struct remote_got got;

	if (remote_file_parse(&what, word, e) < 0 ||
	    (checksum && parse_digest(&want, checksum, e) < 0))
		return -1;
	if (!s->job->env->http)
		return err_set(e, ERR_IMPOSSIBLE, "nothing can be fetched here");
	dir = new_dir(s, e);
	fd = dir ? fs_open_dir(dir, e) : -1;
	if (fd < 0 || remote_url_fetch(&got, s->job->op, s->job->env->http, &what,
				       checksum ? &want : NULL, fd, FETCHED, e) < 0)
		return -1;
	if (set_time(fd, FETCHED, got.mtime, e) < 0)
		return -1;
	return take_dir(out, dir, FETCHED, what.name ? what.name : UNNAMED, what.shown, e);
}

/* -- a repository ---------------------------------------------------------------------- */

static int git_options(struct remote_git_options *out, const struct step *s,
		       const struct remote_git *what, const char *checksum, struct err *e)
{
	if (checksum && !remote_is_commit(checksum))
		return err_set(e, ERR_INPUT,
			       "--checksum: '%.200s' is not a commit's hexadecimal digits",
			       checksum);
	if (checksum && what->checksum && strcmp(checksum, what->checksum) != 0)
		return err_set(e, ERR_INPUT, "checksum mismatch \"%s\" != \"%s\"", checksum,
			       what->checksum);
	if (s->instr->keep_git_dir && what->has_keep_git_dir && !what->keep_git_dir)
		return err_set(e, ERR_INPUT, "inconsistent keep-git-dir configuration");
	*out = (struct remote_git_options){
		.keep_git_dir = s->instr->keep_git_dir || what->keep_git_dir,
		.no_submodules = what->has_submodules && !what->submodules,
		.checksum = checksum ? checksum : what->checksum,
	};
	return 0;
}

static int fetch_repository(struct add_fetched *out, struct step *s, const char *word,
			    const char *checksum, struct err *e)
{
	auto_remote_git struct remote_git what = { .address = NULL };
	auto_free char *dir = NULL, *inner = NULL;
	struct remote_git_options opt;
	struct remote_commit commit;

	if (remote_git_parse(&what, word, e) < 0 || git_options(&opt, s, &what, checksum, e) < 0)
		return -1;
	dir = new_dir(s, e);
	if (!dir || remote_git_fetch(&commit, s->job->op, &what, &opt, dir, e) < 0)
		return -1;
	inner = remote_git_subdir(&what, dir, e);
	return inner ? take_dir(out, inner, "", "", what.shown, e) : -1;
}

int add_source_fetch(struct add_fetched *out, struct step *s, const char *word, struct err *e)
{
	auto_free char *checksum = NULL;

	if (read_checksum(&checksum, s, e) < 0)
		return -1;
	if (add_source_kind(word) == ADD_GIT)
		return fetch_repository(out, s, word, checksum, e);
	return fetch_file(out, s, word, checksum, e);
}

/* -- archives --------------------------------------------------------------------------- */

/* A directory for the bytes of files. The stage keeps it: *fd is its. */
static int open_spool(int *fd, struct step *s, struct err *e)
{
	struct source_tree spool = { .tree = NULL };
	auto_free char *dir = new_dir(s, e);
	auto_close int at = dir ? fs_open_dir(dir, e) : -1;

	if (at < 0 || tree_dir_open(&spool.tree, at, NULL, e) < 0)
		return -1;
	spool.owned = true;
	*fd = tree_dir_fd(spool.tree);
	sources_keep(&s->stage->sources, &spool);
	return 0;
}

static int unpack(struct step *s, struct copier *c, int fd, const struct source_match *m,
		  const char *dest, struct err *e)
{
	auto_free char *real = NULL;
	struct archive_target to = {
		.has_owner = c->has_owner, .uid = c->uid, .gid = c->gid, .same = &c->nr_files
	};
	struct fd_source in;

	if (copier_make_dest(&real, c, dest, e) < 0 || open_spool(&to.spool_fd, s, e) < 0)
		return -1;
	to.dest = real;
	return archive_unpack(c->to, s->job->op, fd_source_init(&in, fd, m->path), &to, e);
}

int add_archive_extract(struct step *s, struct copier *c, const struct source_match *m,
			const char *dest, struct err *e)
{
	auto_close int fd = tree_open_file(c->from->tree, m->real, e);
	int r;

	if (fd < 0)
		return -1;
	r = archive_detect(fd, e);
	if (r > 0 && unpack(s, c, fd, m, dest, e) < 0)
		r = -1;
	return r < 0 ? err_wrap(e, "'%s'", m->path) : r;
}
