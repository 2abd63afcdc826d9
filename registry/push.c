/*
 * Look, send, name. Tags that already have the digest are left alone, and when the image is
 * there, only its other tags are set. A manifest goes up when all that it names is there: nobody
 * ever sees a tag whose image is not whole.
 */
#include "registry/push.h"

#include "base/mem.h"
#include "base/progress.h"
#include "oci/image/origins.h"
#include "registry/push_parts.h"
#include "registry/transfer.h"

#define SOURCES_MAX 8

static void push_release(struct push *p)
{
	push_plan_release(&p->plan);
	free(p->outcomes);
	free(p->id);
	free(p->have);
	strv_release(&p->tags);
	strv_release(&p->sources);
	strv_release(&p->there);
	strv_release(&p->config.sources);
	pthread_mutex_destroy(&p->lock);
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

/* -- repositories to mount from ------------------------------------------------------ */

/* A path of this host, other than the destination. */
static void add_source(struct strv *out, const struct push *p, const char *path)
{
	if (strcmp(path, p->repo.path) != 0 && !strv_has(out, path) && out->n < SOURCES_MAX)
		strv_add(out, path);
}

/* Those that the manifest names for a blob, on this host. */
static void add_origins(struct strv *out, const struct push *p, const struct oci_descriptor *blob)
{
	auto_strv struct strv origins = STRV_INIT;

	oci_origins_read(&origins, &blob->annotations);
	for (size_t i = 0; i < origins.n; i++) {
		struct span rest = span_of_str(origins.v[i]), host, path;

		if (span_cut(rest, '/', &host, &path) &&
		    span_eq_str(host, registry_session_name(p->repo.session)))
			add_source(out, p, path.p);
	}
}

/* Where this blob may be: told by who pushes, by the manifest when it is from here, or guessed. */
static void find_sources(struct strv *out, const struct push *p, const struct oci_descriptor *blob)
{
	const char *from = p->opt->mounts ? strv_env_get(p->opt->mounts, blob->digest.text) : NULL;

	if (from)
		add_source(out, p, from);
	/* a stranger's manifest must not choose which of our repositories we read from */
	if (!p->opt->foreign)
		add_origins(out, p, blob);
	/* no other image has this config */
	if (oci_digest_eq(&blob->digest, &p->plan.config))
		return;
	for (size_t i = 0; p->opt->mount_from && i < p->opt->mount_from->n; i++)
		add_source(out, p, p->opt->mount_from->v[i]);
}

/* All of them, so that one token opens them. */
static void find_all_sources(struct push *p)
{
	for (size_t i = 0; i < p->plan.nr_blobs; i++)
		find_sources(&p->sources, p, &p->plan.blobs[i]);
	p->repo.mounts = &p->sources;
}

/* -- blobs --------------------------------------------------------------------------- */

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

static void note_there(const struct push *p, const struct oci_descriptor *blob)
{
	auto_free char *id = mem_printf("push %.19s", blob->digest.text);

	progress_begin(p->op->progress, id, "push %.19s", blob->digest.text);
	progress_cached(p->op->progress, id, "exists");
}

/* more: by how much; modulo 2^64, since a new try takes back what came of the one before */
static void whole_moved(struct push *p, uint64_t more)
{
	uint64_t all;

	pthread_mutex_lock(&p->lock);
	p->done_bytes += more;
	all = p->done_bytes;
	pthread_mutex_unlock(&p->lock);
	progress_tick(p->op->progress, p->id, all, p->total_bytes);
}

static void sending_moved(struct push_sending *s, uint64_t done)
{
	whole_moved(s->push, done - s->done);
	s->done = done;
}

static void sending_emit(struct progress *base, const struct progress_event *ev)
{
	struct push_sending *s = CONTAINER_OF(base, struct push_sending, base);

	progress_emit(s->push->op->progress, ev);
	if (ev->kind == PROGRESS_TICK)
		sending_moved(s, ev->done);
}

static void sending_init(struct push_sending *s, struct push *p)
{
	*s = (struct push_sending){ .base = { sending_emit }, .push = p, .op = *p->op };
	s->op.progress = &s->base;
}

static void sending_release(struct push_sending *s)
{
	strv_release(&s->sources);
}
#define auto_sending CLEANUP(sending_release)

static void blob_is_there(struct push_sending *s, size_t i)
{
	struct push *p = s->push;

	sending_moved(s, p->plan.blobs[i].size_bytes);
	p->have[i] = true;
}

/* Nothing has to be asked for it. */
static bool is_settled(struct push *p, size_t i)
{
	const struct oci_descriptor *blob = &p->plan.blobs[i];

	if (p->have[i])
		return true;
	if (!is_known(&p->outcomes[i], p, &blob->digest)) {
		if (!push_is_there(p, &blob->digest))
			return false;
		note_there(p, blob);
		p->outcomes[i] = REGISTRY_UPLOAD_EXISTS;
	}
	p->have[i] = true;
	whole_moved(p, blob->size_bytes);
	return true;
}

int push_config_begin(struct push *p, size_t i, struct err *e)
{
	const struct oci_descriptor *blob = &p->plan.blobs[i];

	if (is_settled(p, i))
		return 0;
	sending_init(&p->config, p);
	find_sources(&p->config.sources, p, blob);
	if (registry_upload_begin(&p->config_open, &p->outcomes[i], &p->config.op, &p->repo,
				  p->from, blob, &p->config.sources, e) < 0)
		return -1;
	if (p->config_open) {
		p->first = i;
		return 0;
	}
	blob_is_there(&p->config, i);
	return 0;
}

static int config_end(struct push *p, size_t i, struct err *e)
{
	struct upload *open = STEAL(&p->config_open);

	if (registry_upload_end(&p->outcomes[i], open, e) < 0)
		return -1;
	blob_is_there(&p->config, i);
	return 0;
}

int push_blob(struct push *p, size_t i, bool certain, struct err *e)
{
	const struct oci_descriptor *blob = &p->plan.blobs[i];
	auto_sending struct push_sending s;

	sending_init(&s, p);
	if (!certain && is_settled(p, i))
		return 0;
	if (!certain)
		find_sources(&s.sources, p, blob);
	if (registry_upload_or_mount(&p->outcomes[i], &s.op, &p->repo, p->from, blob, &s.sources,
				     e) < 0)
		return -1;
	blob_is_there(&s, i);
	if (!certain && p->outcomes[i] == REGISTRY_UPLOAD_EXISTS)
		push_look_again(p);
	return 0;
}

/* What the registry waits for goes first, all else in the plan's order. */
static size_t in_turn(const struct push *p, size_t i)
{
	if (i > p->first)
		return i;
	return i ? i - 1 : p->first;
}

static int push_next(void *arg, size_t turn, struct err *e)
{
	struct push *p = arg;
	size_t i = in_turn(p, turn);

	pthread_mutex_lock(&p->lock);
	p->left--;
	pthread_mutex_unlock(&p->lock);
	return i == p->first && p->config_open ? config_end(p, i, e) : push_blob(p, i, false, e);
}

static int push_blobs(struct push *p, struct err *e)
{
	struct registry_transfer t = { .jobs = p->opt->jobs
						       ? p->opt->jobs
						       : registry_session_jobs(p->repo.session),
				       .n = p->plan.nr_blobs,
				       .one = push_next,
				       .arg = p };

	p->left = t.n;
	if (registry_transfer_run(p->op, &t, e) == 0)
		return 0;
	registry_upload_drop(STEAL(&p->config_open), e);
	return -1;
}

/* -- the whole ----------------------------------------------------------------------- */

/* The children by digest, then the image under each of its names. */
static int push_documents(struct push *p, struct err *e)
{
	const struct oci_descriptor *docs = p->plan.documents;
	size_t last = p->plan.nr_documents - 1;

	for (size_t i = 0; !p->whole && i < last; i++)
		if (!push_is_there(p, &docs[i].digest) &&
		    push_put(p, &docs[i], docs[i].digest.text, e) < 0)
			return -1;
	if (!p->tags.n)
		return push_put(p, &docs[last], docs[last].digest.text, e);
	for (size_t i = 0; i < p->tags.n; i++)
		if (push_put(p, &docs[last], p->tags.v[i], e) < 0)
			return -1;
	return 0;
}

static void report_blobs(struct registry_push_report *report, const struct push *p)
{
	for (size_t i = 0; i < p->plan.nr_blobs; i++) {
		if (!p->have[i] || p->outcomes[i] == REGISTRY_UPLOAD_EXISTS) {
			report->existing++;
		} else if (p->outcomes[i] == REGISTRY_UPLOAD_MOUNTED) {
			report->mounted++;
		} else {
			report->sent++;
			report->sent_bytes += p->plan.blobs[i].size_bytes;
		}
	}
}

static void tell_end(const struct push *p, const struct registry_push_report *report)
{
	auto_free char *text = NULL;

	if (report->unchanged) {
		progress_cached(p->op->progress, p->id,
				"nothing to do, the registry has it already");
		return;
	}
	text = mem_printf("%zu blobs sent, %zu mounted, %zu there already", report->sent,
			  report->mounted, report->existing);
	progress_emit(p->op->progress, &(struct progress_event){ .kind = PROGRESS_END,
								 .id = p->id,
								 .text = text,
								 .done = report->sent_bytes });
}

/* What is wrong here is said before anything is asked there. */
static int push_plan(struct push *p, const struct oci_reference *to, struct err *e)
{
	if (registry_push_tags(&p->tags, to, p->opt, p->image, e) < 0)
		return -1;
	if (p->opt->names_only)
		push_plan_init_alone(&p->plan, p->image);
	else if (push_plan_init(&p->plan, p->from, p->image, e) < 0)
		return -1;
	p->outcomes = mem_zalloc((p->plan.nr_blobs + 1) * sizeof(*p->outcomes));
	p->have = mem_zalloc((p->plan.nr_blobs + 1) * sizeof(*p->have));
	for (size_t i = 0; i < p->plan.nr_blobs; i++)
		p->total_bytes += p->plan.blobs[i].size_bytes;
	p->whole = p->opt->names_only;
	find_all_sources(p);
	return 0;
}

/* All that must be there before a name may lead to it. */
static int push_content(struct push *p, struct err *e)
{
	if (push_blobs(p, e) < 0)
		return -1;
	/* that took its time; a name that somebody else has set meanwhile stays, too */
	return p->opt->immutable ? push_look(p, e) : 0;
}

static int push_run(struct push *p, struct registry_push_report *report,
		    const struct oci_reference *to, struct err *e)
{
	if (push_plan(p, to, e) < 0)
		return -1;
	if ((p->opt->immutable || (!p->opt->force && !p->whole)) && push_look(p, e) < 0)
		return -1;
	report->unchanged = p->whole && !p->tags.n;
	if (!p->whole && push_content(p, e) < 0)
		return -1;
	if (!report->unchanged && push_documents(p, e) < 0)
		return -1;
	report_blobs(report, p);
	return 0;
}

/* What people do who see this for the first time. */
static void hint_at_name(struct err *e)
{
	struct err was = *e;

	if (strstr(was.text, "NAME_UNKNOWN"))
		err_set(e, was.kind,
			"%s (does the repository have to be created there first? GitLab wants the "
			"path to begin with the project's, in lower case)",
			was.text);
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
				    .opt = opt,
				    .lock = PTHREAD_MUTEX_INITIALIZER };
	struct registry_push_report report = { 0 };
	auto_buf struct buf name = BUF_INIT(BUF_SMALL);

	oci_reference_familiar(&name, to);
	p.id = mem_printf("push %s", buf_str(&name));
	progress_begin(op->progress, p.id, "%s", p.id);
	if (push_run(&p, &report, to, e) < 0) {
		hint_at_name(e);
		progress_give_up(op->progress, p.id, e);
		return err_wrap(e, "push %s", buf_str(&name));
	}
	tell_end(&p, &report);
	*out = report;
	return 0;
}
