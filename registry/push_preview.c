#include "registry/push_preview.h"

#include "registry/api.h"
#include "registry/push_plan.h"

struct preview {
	struct buf *out;
	struct op *op;
	struct registry_repo repo; /* for reading */
	const struct oci_descriptor *image;
	const struct registry_push_options *opt;
	bool whole; /* a tag has it, so all of it is there */
};

static int preview_tag(struct preview *p, const char *tag, struct err *e)
{
	auto_http_response struct http_response rs = { 0 };
	struct oci_digest there;
	bool is_told;

	if (registry_api_manifest_head(&rs, p->op, &p->repo, tag, e) < 0)
		return -1;
	if (rs.status == 404) {
		buf_addf(p->out, "tag %s new\n", tag);
		return 0;
	}
	if (rs.status != 200)
		return registry_session_refused(p->repo.session, &rs, e);
	is_told = registry_api_digest(&there, &rs);
	if (is_told && oci_digest_eq(&there, &p->image->digest)) {
		p->whole = true;
		buf_addf(p->out, "tag %s is up to date\n", tag);
		return 0;
	}
	if (p->opt->immutable)
		return err_set(e, ERR_FAILED,
			       "tag %s is another image's, %s, and must not be moved", tag,
			       is_told ? there.text : "of unknown digest");
	buf_addf(p->out, "tag %s moves from %s\n", tag, is_told ? there.text : "an unknown digest");
	return 0;
}

/* *from: which of --mount-from has it; NULL: none. */
static int find_mount(const char **from, struct preview *p, const struct oci_descriptor *blob,
		      struct err *e)
{
	const struct strv *paths = p->opt->mount_from;

	for (size_t i = 0; paths && !*from && i < paths->n; i++) {
		const struct registry_repo other = { .session = p->repo.session,
						     .path = paths->v[i] };
		auto_http_response struct http_response rs = { 0 };

		if (registry_api_blob_head(&rs, p->op, &other, &blob->digest, e) < 0)
			return -1;
		if (rs.status == 200)
			*from = paths->v[i];
	}
	return 0;
}

/* *what: "exists", "send" or, with *from, "mount". */
static int look_for_blob(const char **what, const char **from, struct preview *p,
			 const struct oci_descriptor *blob, struct err *e)
{
	auto_http_response struct http_response rs = { 0 };

	if (registry_api_blob_head(&rs, p->op, &p->repo, &blob->digest, e) < 0)
		return -1;
	if (rs.status == 200)
		return 0;
	if (rs.status != 404)
		return registry_session_refused(p->repo.session, &rs, e);
	*from = p->opt->mounts ? strv_env_get(p->opt->mounts, blob->digest.text) : NULL;
	if (!*from && find_mount(from, p, blob, e) < 0)
		return -1;
	*what = *from ? "mount" : "send";
	return 0;
}

static int preview_blob(struct preview *p, const struct oci_descriptor *blob, struct err *e)
{
	const char *what = "exists", *from = NULL;

	if (!p->whole && look_for_blob(&what, &from, p, blob, e) < 0)
		return -1;
	buf_addf(p->out, "%s %s %ju%s%s\n", what, blob->digest.text, (uintmax_t)blob->size_bytes,
		 from ? " " : "", from ? from : "");
	return 0;
}

static int preview(struct preview *p, struct oci_store *from, const struct oci_reference *to,
		   struct err *e)
{
	auto_push_plan struct push_plan plan = { 0 };
	auto_strv struct strv tags = STRV_INIT;

	if (registry_push_tags(&tags, to, p->opt, p->image, e) < 0)
		return -1;
	if (p->opt->names_only)
		push_plan_init_alone(&plan, p->image);
	else if (push_plan_init(&plan, from, p->image, e) < 0)
		return -1;
	for (size_t i = 0; i < tags.n; i++)
		if (preview_tag(p, tags.v[i], e) < 0)
			return -1;
	for (size_t i = 0; i < plan.nr_blobs; i++)
		if (preview_blob(p, &plan.blobs[i], e) < 0)
			return -1;
	return 0;
}

int registry_push_preview(struct buf *out, struct op *op, struct registry_session *s,
			  struct oci_store *from, const struct oci_descriptor *image,
			  const struct oci_reference *to, const struct registry_push_options *opt,
			  struct err *e)
{
	struct preview p = { .out = out,
			     .op = op,
			     .repo = { .session = s, .path = to->path },
			     .image = image,
			     .opt = opt };
	auto_buf struct buf name = BUF_INIT(BUF_SMALL);

	if (preview(&p, from, to, e) == 0)
		return 0;
	oci_reference_familiar(&name, to);
	return err_wrap(e, "push %s", buf_str(&name));
}
