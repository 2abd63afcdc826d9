/*
 * Look, send, name. Tags that already have the digest are left alone, and when one
 * has it, everything else is there, too, and only the other tags are set. A
 * manifest goes up when all that it names is there: nobody ever sees a tag whose image is
 * not whole.
 */
#include "registry/push.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/progress.h"
#include "registry/api.h"
#include "registry/push_plan.h"
#include "registry/transfer.h"
#include "registry/upload.h"

struct push {
	struct op *op;
	struct registry_repo repo;
	struct oci_store *from;
	const struct oci_descriptor *image;
	const struct registry_push_options *opt;
	struct push_plan plan;
	enum registry_upload *outcomes; /* one per blob of the plan */
	struct strv tags;		/* to be set */
};

static void push_release(struct push *p)
{
	push_plan_release(&p->plan);
	free(p->outcomes);
	strv_release(&p->tags);
}
#define auto_push CLEANUP(push_release)

static int add_tag(struct strv *tags, const char *tag, struct err *e)
{
	if (!oci_tag_is_valid(span_of_str(tag)))
		return err_set(e, ERR_INPUT, "not a tag: '%s'", tag);
	if (!strv_has(tags, tag))
		strv_add(tags, tag);
	return 0;
}

int registry_push_tags(struct strv *out, const struct oci_reference *to,
		       const struct registry_push_options *opt, const struct oci_descriptor *image,
		       struct err *e)
{
	if (oci_digest_is_set(&to->digest) && !oci_digest_eq(&to->digest, &image->digest))
		return err_set(e, ERR_INPUT, "the image has another digest: %s",
			       image->digest.text);
	if (to->tag && add_tag(out, to->tag, e) < 0)
		return -1;
	for (size_t i = 0; opt->tags && i < opt->tags->n; i++)
		if (add_tag(out, opt->tags->v[i], e) < 0)
			return -1;
	return 0;
}

/* Under --immutable a name must be free, or ours; what cannot be told is not free. */
static int name_may_be_set(struct push *p, const struct http_response *rs, const char *name,
			   struct err *e)
{
	struct oci_digest there;

	if (rs->status == 404)
		return 0;
	if (rs->status != 200)
		return registry_session_refused(p->repo.session, rs, e);
	return err_set(e, ERR_FAILED, "tag %s is another image's, %s, and must not be moved", name,
		       registry_api_digest(&there, rs) ? there.text : "of unknown digest");
}

/* Does this name have our digest? Only a clear yes is one; refused rights are an error now. */
static int name_is_equal(bool *equal, struct push *p, const char *name, struct err *e)
{
	auto_http_response struct http_response rs = { 0 };
	struct oci_digest there;

	if (registry_api_manifest_head(&rs, p->op, &p->repo, name, e) < 0)
		return -1;
	if (rs.status == 401)
		return registry_session_refused(p->repo.session, &rs, e);
	*equal = rs.status == 200 && registry_api_digest(&there, &rs) &&
		 oci_digest_eq(&there, &p->image->digest);
	return p->opt->immutable && !*equal ? name_may_be_set(p, &rs, name, e) : 0;
}

/* Drops the names that are right already. *whole: the image itself is in the repository. */
static int push_look(struct push *p, bool *whole, struct err *e)
{
	bool equal = false;

	if (!p->tags.n) {
		if (name_is_equal(&equal, p, p->image->digest.text, e) < 0)
			return -1;
		*whole = equal;
	}
	for (size_t i = 0; i < p->tags.n;) {
		if (name_is_equal(&equal, p, p->tags.v[i], e) < 0)
			return -1;
		if (equal) {
			log_info(p->op, "tag %s is up to date", p->tags.v[i]);
			strv_remove(&p->tags, i);
			*whole = true;
		} else {
			i++;
		}
	}
	return 0;
}

static bool is_known(enum registry_upload *how, const struct push *p, const struct oci_digest *d)
{
	for (size_t i = 0; i < p->opt->nr_known; i++) {
		if (oci_digest_eq(&p->opt->known[i].digest, d)) {
			*how = p->opt->known[i].how;
			return true;
		}
	}
	return false;
}

static int push_blob(void *arg, size_t i, struct err *e)
{
	struct push *p = arg;
	const struct oci_descriptor *blob = &p->plan.blobs[i];
	const char *from = p->opt->mounts ? strv_env_get(p->opt->mounts, blob->digest.text) : NULL;
	auto_strv struct strv mounts = STRV_INIT;

	if (is_known(&p->outcomes[i], p, &blob->digest))
		return 0;
	if (from)
		strv_add(&mounts, from);
	return registry_upload_or_mount(&p->outcomes[i], p->op, &p->repo, p->from, blob, &mounts,
					e);
}

static int push_blobs(struct push *p, struct registry_push_report *report, unsigned jobs,
		      struct err *e)
{
	struct registry_transfer t = {
		.jobs = jobs, .n = p->plan.nr_blobs, .one = push_blob, .arg = p
	};

	p->outcomes = mem_zalloc((p->plan.nr_blobs + 1) * sizeof(*p->outcomes));
	if (registry_transfer_run(p->op, &t, e) < 0)
		return -1;
	for (size_t i = 0; i < p->plan.nr_blobs; i++) {
		if (p->outcomes[i] != REGISTRY_UPLOAD_SENT) {
			report->existing++;
			continue;
		}
		report->sent++;
		report->sent_bytes += p->plan.blobs[i].size_bytes;
	}
	return 0;
}

static int put_document(struct push *p, const struct oci_descriptor *d, const char *name,
			struct err *e)
{
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX);
	auto_http_response struct http_response rs = { 0 };
	struct oci_digest there;

	if (oci_store_read(p->from, d, OCI_MANIFEST_MAX, &text, e) < 0)
		return -1;
	if (registry_api_manifest_put(&rs, p->op, &p->repo, name, d->media_type, buf_span(&text),
				      e) < 0)
		return -1;
	if (rs.status < 200 || rs.status > 299)
		return registry_session_refused(p->repo.session, &rs, e);
	if (registry_api_digest(&there, &rs) && !oci_digest_eq(&there, &d->digest))
		return err_set(e, ERR_CORRUPT, "the registry has taken it as %s", there.text);
	return 0;
}

static int push_document(struct push *p, const struct oci_descriptor *d, const char *name,
			 struct err *e)
{
	auto_free char *id = mem_printf("name %s", name);

	progress_begin(p->op->progress, id, "manifest %.19s as %.19s", d->digest.text, name);
	if (put_document(p, d, name, e) < 0) {
		progress_give_up(p->op->progress, id, e);
		return err_wrap(e, "manifest %s", d->digest.text);
	}
	progress_end(p->op->progress, id, d->size_bytes);
	return 0;
}

/* The children by digest, then the image under each of its names. */
static int push_documents(struct push *p, bool whole, struct err *e)
{
	const struct oci_descriptor *docs = p->plan.documents;
	size_t last = p->plan.nr_documents - 1;

	for (size_t i = 0; !whole && i < last; i++)
		if (push_document(p, &docs[i], docs[i].digest.text, e) < 0)
			return -1;
	if (!p->tags.n)
		return push_document(p, &docs[last], docs[last].digest.text, e);
	for (size_t i = 0; i < p->tags.n; i++)
		if (push_document(p, &docs[last], p->tags.v[i], e) < 0)
			return -1;
	return 0;
}

/* What is wrong here is said before anything is asked there. */
static int push_plan(struct push *p, const struct oci_reference *to, struct err *e)
{
	if (registry_push_tags(&p->tags, to, p->opt, p->image, e) < 0)
		return -1;
	if (!p->opt->names_only)
		return push_plan_init(&p->plan, p->from, p->image, e);
	push_plan_init_alone(&p->plan, p->image);
	return 0;
}

/* All that must be there before a name may lead to it. */
static int push_content(struct push *p, struct registry_push_report *report, struct err *e)
{
	unsigned jobs = p->opt->jobs ? p->opt->jobs : registry_session_jobs(p->repo.session);
	bool whole;

	if (push_blobs(p, report, jobs, e) < 0)
		return -1;
	/* that took its time; a name that somebody else has set meanwhile stays, too */
	return p->opt->immutable ? push_look(p, &whole, e) : 0;
}

static int push_run(struct push *p, struct registry_push_report *report,
		    const struct oci_reference *to, const struct registry_push_options *opt,
		    struct err *e)
{
	bool whole = opt->names_only;

	if (push_plan(p, to, e) < 0)
		return -1;
	if ((opt->immutable || (!opt->force && !whole)) && push_look(p, &whole, e) < 0)
		return -1;
	if (whole && !p->tags.n) {
		report->unchanged = true;
		report->existing = p->plan.nr_blobs;
		return 0;
	}
	if (whole)
		report->existing = p->plan.nr_blobs;
	else if (push_content(p, report, e) < 0)
		return -1;
	return push_documents(p, whole, e);
}

int registry_push(struct registry_push_report *out, struct op *op, struct registry_session *s,
		  struct oci_store *from, const struct oci_descriptor *image,
		  const struct oci_reference *to, const struct registry_push_options *opt,
		  struct err *e)
{
	auto_push struct push p = { .op = op,
				    .repo = { .session = s, .path = to->path, .push = true },
				    .from = from,
				    .image = image,
				    .opt = opt };
	struct registry_push_report report = { 0 };

	if (push_run(&p, &report, to, opt, e) < 0) {
		auto_buf struct buf name = BUF_INIT(BUF_SMALL);

		oci_reference_familiar(&name, to);
		return err_wrap(e, "push %s", buf_str(&name));
	}
	*out = report;
	return 0;
}
