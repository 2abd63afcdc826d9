/*
 * A line is "PATH\tINODE MODE SIZE CTIME", in the order of the walk; of a directory it is the mode and the
 * owner, since what is in it has lines of its own.
 */
#include "oci/run/guard.h"

#include "base/span.h"
#include "base/walk.h"

int guard_look(struct strv *out, int dirfd, const struct strv *without, struct err *e)
{
	auto_walk struct walk *walk = NULL;
	struct walk_entry ent;
	int r;

	if (walk_open(&walk, dirfd, e) < 0)
		return -1;
	while ((r = walk_next(walk, &ent, e)) > 0) {
		if (ent.depth == 0 && strv_has(without, ent.name)) {
			walk_skip(walk);
			continue;
		}
		if (S_ISDIR(ent.st.st_mode))
			strv_addf(out, "%s\t%o %u", ent.path, ent.st.st_mode, ent.st.st_uid);
		else
			strv_addf(out, "%s\t%llu %o %lld %lld.%09ld", ent.path,
				  (unsigned long long)ent.st.st_ino, ent.st.st_mode,
				  (long long)ent.st.st_size, (long long)ent.st.st_ctim.tv_sec,
				  ent.st.st_ctim.tv_nsec);
	}
	return r;
}

int guard_compare(const struct strv *before, const struct strv *after, const char *dir,
		  struct err *e)
{
	size_t n = before->n > after->n ? before->n : after->n;

	for (size_t i = 0; i < n; i++) {
		const char *was = i < before->n ? before->v[i] : "";
		const char *is = i < after->n ? after->v[i] : "";
		struct span path, rest;

		if (strcmp(was, is) == 0)
			continue;
		span_cut(span_of_str(*is ? is : was), '\t', &path, &rest);
		return err_set(e, ERR_FAILED,
			       "RUN has changed the job's own tools: '%s/" SPAN_FMT
			       "' is not what it was; use this container for nothing more",
			       dir, SPAN_ARG(path));
	}
	return 0;
}
