/*
 * Here-documents as sources: each becomes a file in the workspace, since layers are packed from
 * files. It has a number for its name there, the document's own one only counts in the image.
 */
#include "oci/build/copying.h"

#include <errno.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/dockerfile/expand.h"
#include "oci/layer/tree_dir.h"

/* Its text, expanded unless the name was quoted; owned by the caller. */
static int doc_text(char **out, const struct copying *c, const struct dockerfile_heredoc *doc,
		    struct err *e)
{
	if (!doc->expand) {
		*out = mem_strdup(doc->body);
		return 0;
	}
	if (dockerfile_expand_body(out, doc->body, &c->step->stage->state.env, e) < 0)
		return err_wrap(e, "here-document '%.100s'", doc->name);
	return 0;
}

static int write_doc(int dirfd, const char *name, const char *text, const struct timespec *now,
		     struct err *e)
{
	auto_close int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	const struct timespec times[2] = { *now, *now };

	if (fd < 0)
		return err_sys(e, "make a file for a here-document");
	if (fs_write_all(fd, text, strlen(text), name, e) < 0)
		return -1;
	if (fchmod(fd, 0644) < 0 || futimens(fd, times) < 0)
		return err_sys(e, "make a file for a here-document");
	return 0;
}

static int find_doc(struct copying *c, const struct source_tree *from, int dirfd, size_t nth,
		    struct err *e)
{
	const struct dockerfile_heredoc *doc = &c->step->instr->heredocs[nth];
	auto_free char *file = mem_printf("%zu", nth), *text = NULL;
	struct source_match m = { 0 };
	struct tree_node node;
	struct timespec now;

	job_now(c->step->job, &now);
	if (doc_text(&text, c, doc, e) < 0 || write_doc(dirfd, file, text, &now, e) < 0 ||
	    tree_look(from->tree, file, &node, e) < 0)
		return -1;
	m = (struct source_match){ .path = mem_strdup(doc->name),
				   .real = STEAL(&file),
				   .st = node.st };
	copying_take(c, from, &m, false);
	return 0;
}

int copying_find_docs(struct copying *c, struct err *e)
{
	const struct dockerfile_instr *in = c->step->instr;
	const struct tree_dir_options opt = { .of_root = true };
	auto_free char *name = mem_printf("%s-docs", c->step->id), *dir = NULL;
	struct source_tree tree = { .owned = true };
	const struct source_tree *from;
	auto_close int fd = -1;

	if (!in->nr_heredocs)
		return 0;
	dir = workspace_dir(&c->step->job->ws, name, e);
	if (!dir)
		return -1;
	fd = fs_open_dir(dir, e);
	if (fd < 0 || tree_dir_open(&tree.tree, fd, &opt, e) < 0)
		return -1;
	tree.where = mem_strdup("the here-documents");
	from = sources_keep(&c->step->stage->sources, &tree);
	for (size_t i = 0; i < in->nr_heredocs; i++)
		if (find_doc(c, from, fd, i, e) < 0)
			return -1;
	return 0;
}
