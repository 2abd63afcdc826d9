#include "cmd/cpush_source.h"

#include <sys/stat.h>

#include "base/mem.h"
#include "base/progress.h"
#include "cmd/cpush_spool.h"
#include "oci/image/archive.h"
#include "oci/image/config.h"
#include "oci/image/layout.h"
#include "oci/image/origins.h"
#include "oci/image/store_layout.h"
#include "registry/push_plan.h"

#define REGISTRY   "docker://"
#define NESTED_MAX 4 /* an index in an index in … */

static bool is_there(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

/* PATH, PATH:NAME or PATH@DIGEST: the shortest path that is there. *name: NULL: none is said. */
static char *split_source(const char *text, char **name)
{
	const char *slash = strrchr(text, '/');
	const char *cut = text;

	if (is_there(text) || strcmp(text, "-") == 0)
		return mem_strdup(text);
	while ((cut = strpbrk(cut + 1, ":@"))) {
		auto_free char *path = mem_strndup(text, (size_t)(cut - text));

		if (!is_there(path))
			continue;
		*name = mem_strdup(cut + 1);
		return STEAL(&path);
	}
	/* nothing is there: for the message */
	cut = strpbrk(slash ? slash : text, ":@");
	return cut ? mem_strndup(text, (size_t)(cut - text)) : mem_strdup(text);
}

/* -- a platform -------------------------------------------------------------------------- */

static int no_platform(const struct oci_platform *want, struct err *e)
{
	char text[100];

	oci_platform_format(text, want);
	return err_set(e, ERR_ABSENT, "it has no image for %s", text);
}

static int check_config(struct oci_store *s, struct span manifest, const char *media_type,
			const struct oci_platform *want, struct err *e)
{
	auto_manifest struct oci_manifest m = { 0 };
	auto_buf struct buf text = BUF_INIT(OCI_CONFIG_MAX);
	auto_config struct oci_config *c = NULL;

	if (oci_manifest_parse(&m, manifest, media_type, e) < 0 ||
	    oci_store_read(s, &m.config, OCI_CONFIG_MAX, &text, e) < 0 ||
	    oci_config_parse(&c, buf_span(&text), e) < 0)
		return -1;
	return oci_platform_match(want, &c->platform) ? 0 : no_platform(want, e);
}

/* 1: *image is now what the index has for it, and may be one again. What an index says of its images
 * counts; of one that stands alone its configuration is asked. */
static int pick_once(struct oci_store *s, struct oci_descriptor *image, bool alone,
		     const struct oci_platform *want, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX);
	auto_index struct oci_index x = { 0 };
	const struct oci_index_entry *ent;
	enum oci_document kind;

	if (oci_store_read(s, image, OCI_MANIFEST_MAX, &text, e) < 0 ||
	    oci_document_kind(&kind, buf_span(&text), image->media_type, e) < 0)
		return -1;
	if (kind == OCI_DOCUMENT_MANIFEST && !alone)
		return 0;
	if (kind == OCI_DOCUMENT_MANIFEST)
		return check_config(s, buf_span(&text), image->media_type, want, e);
	if (oci_index_parse(&x, buf_span(&text), image->media_type, e) < 0)
		return -1;
	ent = oci_index_pick(&x, want);
	if (!ent)
		return no_platform(want, e);
	oci_descriptor_release(image);
	oci_descriptor_copy(image, &ent->desc);
	return 1;
}

static int pick_platform(struct cpush_source *s, const struct oci_platform *want, struct err *e)
{
	int r = 1;

	for (int depth = 0; want && r > 0; depth++) {
		if (depth > NESTED_MAX)
			return err_set(e, ERR_CORRUPT, "indexes nested more than %d deep",
				       NESTED_MAX);
		r = pick_once(s->store, &s->image, depth == 0, want, e);
	}
	return want ? r : 0;
}

/* -- layers that were left out ---------------------------------------------------------------- */

static void read_origins(struct strv *out, const struct oci_index *x)
{
	for (size_t i = 0; i < x->nr; i++)
		oci_origins_read(out, &x->entries[i].desc.annotations);
}

/*
 * What is not in `near` is looked for where the layout says. That is told: the layout may be somebody else's,
 * and what is read there is read with our credentials.
 */
static int add_missing(struct oci_store *to, struct oci_store *near, struct op *op,
		       const struct oci_descriptor *image, const struct strv *origins,
		       struct err *e)
{
	auto_push_plan struct push_plan plan = { 0 };
	auto_free char *places = strv_join(origins, ", ");
	size_t missing = 0;

	if (push_plan_init(&plan, near, image, e) < 0)
		return -1;
	for (size_t i = 0; i < plan.nr_blobs; i++) {
		if (oci_store_has(near, &plan.blobs[i].digest, NULL))
			continue;
		missing++;
		for (size_t k = 0; k < origins->n; k++) {
			auto_reference struct oci_reference where = { 0 };

			if (oci_reference_parse(&where, origins->v[k], e) < 0)
				return -1;
			registry_remote_add(to, &plan.blobs[i], &where);
		}
	}
	if (missing)
		progress_note(op->progress, "%zu of its blobs are left out of '%s', which names %s",
			      missing, near->name, places);
	return 0;
}

/* A layout from which layers were left out becomes whole again. */
static int complete(struct cpush_source *s, const struct oci_index *index,
		    const struct cpush_source_request *rq, struct err *e)
{
	struct registry_remote_options opt = rq->remote;
	auto_strv struct strv origins = STRV_INIT;
	struct oci_store *near = s->store;

	read_origins(&origins, index);
	if (!origins.n)
		return 0;
	opt.near = near;
	if (registry_remote_new(&s->store, &opt, e) < 0)
		return -1;
	s->is_remote = true;
	return add_missing(s->store, near, rq->remote.op, &s->image, &origins, e);
}

/* -- where it lies ------------------------------------------------------------------------- */

/* Finds the image, and takes of it what is wanted. */
static int open_listed(struct cpush_source *s, const struct oci_index *index, const char *name,
		       const struct cpush_source_request *rq, struct err *e)
{
	if (oci_layout_find_in(s->store, index, name, &s->image, e) < 0 ||
	    pick_platform(s, rq->platform, e) < 0)
		return -1;
	return complete(s, index, rq, e);
}

static int open_archive(struct cpush_source *s, const char *path, const char *name,
			const struct cpush_source_request *rq, struct err *e)
{
	int fd = cpush_spool_open(rq->remote.op, path, e);

	if (fd < 0 || oci_archive_open(&s->store, rq->remote.op, fd, path, e) < 0)
		return -1;
	return open_listed(s, oci_archive_index(s->store), name, rq, e);
}

static int open_layout(struct cpush_source *s, const char *dir, const char *name,
		       const struct cpush_source_request *rq, struct err *e)
{
	auto_index struct oci_index index = { 0 };

	if (oci_store_layout_open(&s->store, dir, OCI_LAYOUT_READ, e) < 0 ||
	    oci_layout_read(s->store, &index, e) < 0)
		return -1;
	return open_listed(s, &index, name, rq, e);
}

/* What skopeo has before a path; here the path says what it is. */
static const char *without_transport(const char *text)
{
	static const char *const names[] = { "oci:", "oci-archive:",   "docker-archive:",
					     "dir:", "docker-daemon:", "containers-storage:" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strncmp(text, names[i], strlen(names[i])) == 0)
			return text + strlen(names[i]);
	return NULL;
}

static int no_source(const char *text, const char *path, struct err *e)
{
	const char *rest = without_transport(text);

	if (e->kind == ERR_ABSENT && rest && !is_there(path))
		return err_set(
			e, ERR_ABSENT,
			"push from '%s': no such file or directory: a source is a path alone, "
			"'%s', or docker://REF",
			text, rest);
	return err_wrap(e, "push from '%s'", path);
}

static int open_named(struct cpush_source *s, const struct cpush_source_request *rq, struct err *e)
{
	auto_free char *name = NULL;
	auto_free char *path = split_source(rq->text, &name);
	struct stat st;
	bool is_file = strcmp(path, "-") == 0 || (stat(path, &st) == 0 && !S_ISDIR(st.st_mode));
	int r = is_file ? open_archive(s, path, name, rq, e) : open_layout(s, path, name, rq, e);

	return r < 0 ? no_source(rq->text, path, e) : 0;
}

static int open_registry(struct cpush_source *s, const struct oci_reference *from,
			 const struct cpush_source_request *rq, struct err *e)
{
	struct registry_remote_options opt = rq->remote;

	if (registry_remote_new(&s->store, &opt, e) < 0 ||
	    registry_remote_find(s->store, from, &s->image, e) < 0)
		return -1;
	s->is_remote = true;
	s->is_there = oci_reference_same_repository(from, rq->to);
	if (pick_platform(s, rq->platform, e) < 0)
		return err_wrap(e, "image %s", s->image.digest.text);
	return 0;
}

static int open_reference(struct cpush_source *s, const struct cpush_source_request *rq,
			  struct err *e)
{
	auto_reference struct oci_reference from = { 0 };

	if (oci_reference_parse(&from, rq->text + strlen(REGISTRY), e) < 0)
		return err_wrap(e, "'%s'", rq->text);
	return open_registry(s, &from, rq, e);
}

/* The store has it under its whole name. */
static int open_store(struct cpush_source *s, const struct cpush_source_request *rq, struct err *e)
{
	auto_free char *dir = mem_printf("%s/store", rq->root);
	auto_buf struct buf name = BUF_INIT(BUF_SMALL);

	oci_reference_format(&name, rq->to);
	if (oci_store_layout_open(&s->store, dir, OCI_LAYOUT_READ, e) < 0 && e->kind == ERR_ABSENT)
		return err_set(e, ERR_ABSENT, "push '%s': nothing has been built into '%s' yet",
			       buf_str(&name), dir);
	if (!s->store || oci_layout_find(s->store, buf_str(&name), &s->image, e) < 0 ||
	    pick_platform(s, rq->platform, e) < 0)
		return err_wrap(e, "push from '%s'", dir);
	return 0;
}

/* With a digest it need not be here: the registry may have it, and it is to get a name. */
static int open_unnamed(struct cpush_source *s, const struct cpush_source_request *rq,
			struct err *e)
{
	if (!oci_digest_is_set(&rq->to->digest))
		return open_store(s, rq, e);
	if (rq->to->tag) {
		int r = open_store(s, rq, e);

		if (r == 0 || e->kind != ERR_ABSENT)
			return r;
		err_clear(e);
		cpush_source_release(s);
	}
	return open_registry(s, rq->to, rq, e);
}

/* Which documents there are, and with them what they name. */
static int find_mounts(struct cpush_source *s, const struct cpush_source_request *rq, struct err *e)
{
	auto_push_plan struct push_plan plan = { 0 };

	if (!s->is_remote || s->is_there)
		return 0;
	if (push_plan_init(&plan, s->store, &s->image, e) < 0)
		return err_wrap(e, "push from '%s'", rq->text);
	registry_remote_mounts(&s->mounts, s->store, rq->to);
	return 0;
}

static bool is_reference(const char *text)
{
	return strncmp(text, REGISTRY, strlen(REGISTRY)) == 0;
}

int cpush_source_open(struct cpush_source *out, const struct cpush_source_request *rq,
		      struct err *e)
{
	auto_cpush_source struct cpush_source s = { 0 };
	int r;

	if (!rq->text)
		r = open_unnamed(&s, rq, e);
	else
		r = is_reference(rq->text) ? open_reference(&s, rq, e) : open_named(&s, rq, e);
	if (r < 0 || find_mounts(&s, rq, e) < 0)
		return -1;
	*out = s;
	s = (struct cpush_source){ 0 };
	return 0;
}

void cpush_source_release(struct cpush_source *s)
{
	strv_release(&s->mounts);
	oci_descriptor_release(&s->image);
	oci_store_free(s->store);
	*s = (struct cpush_source){ 0 };
}
