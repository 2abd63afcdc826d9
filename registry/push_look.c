/*
 * What is there already, for the fewest requests that can be sure of it.
 *
 * Tags are looked at: with luck all is done. Not so those of which records are kept, when there
 * is none of them: then the image is more likely new. The config of an image that is not there yet
 * is asked for first: that is no request more than it would be later, and when the registry has it, it may have
 * all, under another tag. When not, its bytes go beside the layers: a round trip less.
 *
 * An image that a tag of ours has now names blobs that the repository must hold, since it is alive. They
 * are not asked for. (When they are gone all the same, the manifest is refused, and push_put.c sends
 * them.) Docker Hub counts such a GET as a pull.
 */
#include "registry/push_parts.h"

#include "base/log.h"
#include "registry/document.h"

#define THERE_MAX	 8192
#define CHILDREN_MAX	 8
#define WORTH_A_DOCUMENT 3 /* blobs that it may spare us … */
#define WORTH_A_LOOK	 2 /* … when one of them was there already */

/* -- an image before this one ------------------------------------------------------- */

static bool may_get(const struct push *p)
{
	return strcmp(registry_session_name(p->repo.session), "docker.io") != 0;
}

static void add_there(struct strv *there, const struct oci_digest *d)
{
	if (there->n < THERE_MAX && !strv_has(there, d->text))
		strv_add(there, d->text);
}

static void read_manifest(struct strv *there, const struct registry_document *doc)
{
	auto_manifest struct oci_manifest m = { 0 };
	struct err ignored = ERR_INIT;

	if (oci_manifest_parse(&m, buf_span(&doc->bytes), doc->desc.media_type, &ignored) < 0)
		return;
	add_there(there, &m.config.digest);
	for (size_t i = 0; i < m.nr_layers; i++)
		add_there(there, &m.layers[i].digest);
}

/* The children of ours that it has are whole; of the others, what they hold is asked for. */
static void read_index(struct strv *there, struct push *p, const struct registry_document *doc)
{
	auto_index struct oci_index x = { 0 };
	struct err ignored = ERR_INIT;
	size_t asked = 0;

	if (oci_index_parse(&x, buf_span(&doc->bytes), doc->desc.media_type, &ignored) < 0)
		return;
	for (size_t i = 0; i < x.nr && asked < CHILDREN_MAX && asked < p->plan.nr_documents; i++) {
		auto_document struct registry_document child = { 0 };
		const struct oci_digest *d = &x.entries[i].desc.digest;

		if (!oci_media_is_manifest(x.entries[i].desc.media_type))
			continue;
		asked++;
		/* an index may outlive its children: who cleans up untagged manifests removes them */
		if (registry_document_get(&child, p->op, &p->repo, d->text, d, &ignored) == 0) {
			add_there(there, d);
			read_manifest(there, &child);
		}
		err_clear(&ignored);
	}
}

/* What the image of this name holds. Not to learn it is no failure: then blobs are asked for. */
static int read_previous(struct push *p, bool *equal, const char *name, struct err *e)
{
	auto_document struct registry_document doc = { 0 };
	struct strv there = STRV_INIT;

	*equal = false;
	pthread_mutex_lock(&p->lock);
	p->asked = true;
	pthread_mutex_unlock(&p->lock);
	if (registry_document_get(&doc, p->op, &p->repo, name, NULL, e) < 0) {
		/* nor is a refusal to read it: to replace it may be allowed all the same */
		if (e->kind == ERR_UNAVAILABLE || e->kind == ERR_CANCELLED)
			return -1;
		err_clear(e);
		return 0;
	}
	*equal = oci_digest_eq(&doc.desc.digest, &p->image->digest);
	if (!*equal && doc.kind == OCI_DOCUMENT_MANIFEST)
		read_manifest(&there, &doc);
	else if (!*equal)
		read_index(&there, p, &doc);
	pthread_mutex_lock(&p->lock);
	strv_release(&p->there);
	p->there = there;
	pthread_mutex_unlock(&p->lock);
	return 0;
}

bool push_is_there(struct push *p, const struct oci_digest *d)
{
	bool is;

	pthread_mutex_lock(&p->lock);
	is = strv_has(&p->there, d->text);
	pthread_mutex_unlock(&p->lock);
	return is;
}

void push_look_again(struct push *p)
{
	struct err ignored = ERR_INIT;
	bool ask, equal;

	pthread_mutex_lock(&p->lock);
	ask = !p->asked && p->left >= WORTH_A_LOOK && p->tags.n && may_get(p);
	p->asked |= ask;
	pthread_mutex_unlock(&p->lock);
	if (ask && read_previous(p, &equal, p->tags.v[0], &ignored) < 0)
		log_info(p->op, "what is there is asked blob by blob: %s", ignored.text);
}

/* -- tags ------------------------------------------------------------------------------ */

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
static int name_is_equal(bool *equal, bool *other, struct push *p, const char *name, struct err *e)
{
	auto_http_response struct http_response rs = { 0 };
	struct oci_digest there;

	if (registry_api_manifest_head(&rs, p->op, &p->repo, name, e) < 0)
		return -1;
	if (rs.status == 401)
		return registry_session_refused(p->repo.session, &rs, e);
	*equal = rs.status == 200 && registry_api_digest(&there, &rs) &&
		 oci_digest_eq(&there, &p->image->digest);
	*other = rs.status == 200 && !*equal;
	return p->opt->immutable && !*equal ? name_may_be_set(p, &rs, name, e) : 0;
}

/* What it was when we last knew, NULL: never seen. */
static const char *last_known(const struct push *p, const char *tag)
{
	return p->opt->seen ? strv_env_get(p->opt->seen, tag) : NULL;
}

static int look_at_tag(bool *equal, struct push *p, const char *tag, struct err *e)
{
	const char *last = last_known(p, tag);
	bool other = last && strcmp(last, p->image->digest.text) != 0;
	bool may_read = !p->asked && !p->opt->immutable && p->plan.nr_blobs >= WORTH_A_DOCUMENT &&
			may_get(p);

	/* what is going to be read is not looked at before */
	if (!(other && may_read) && name_is_equal(equal, &other, p, tag, e) < 0)
		return -1;
	return other && may_read ? read_previous(p, equal, tag, e) : 0;
}

/* all: also those that have never been seen. */
static int look_at_tags(struct push *p, bool all, struct err *e)
{
	for (size_t i = 0; i < p->tags.n;) {
		bool equal = false;

		if ((all || last_known(p, p->tags.v[i])) &&
		    look_at_tag(&equal, p, p->tags.v[i], e) < 0)
			return -1;
		if (!equal) {
			i++;
			continue;
		}
		log_info(p->op, "tag %s is up to date", p->tags.v[i]);
		strv_remove(&p->tags, i);
		p->whole = true;
	}
	return 0;
}

static bool any_seen(const struct push *p)
{
	for (size_t i = 0; i < p->tags.n; i++)
		if (last_known(p, p->tags.v[i]))
			return true;
	return false;
}

/* Some of it had to be sent a moment ago: nobody can have the image. */
static bool is_new(const struct push *p)
{
	for (size_t i = 0; i < p->opt->nr_known; i++)
		if (p->opt->known[i].how == REGISTRY_UPLOAD_SENT &&
		    push_plan_find(&p->plan, &p->opt->known[i].digest) >= 0)
			return true;
	return false;
}

static int look_at_digest(struct push *p, struct err *e)
{
	bool other;

	return name_is_equal(&p->whole, &other, p, p->image->digest.text, e);
}

/* The config first; when that is there already, the image may be. */
static int look_by_config(struct push *p, size_t config, bool tags_looked_at, struct err *e)
{
	if (push_config_begin(p, config, e) < 0)
		return -1;
	if (!p->have[config] || p->outcomes[config] == REGISTRY_UPLOAD_SENT)
		return 0;
	if (!tags_looked_at && look_at_tags(p, true, e) < 0)
		return -1;
	/* under another tag, perhaps; with few blobs they are asked for as quickly */
	return p->whole || p->plan.nr_blobs < WORTH_A_DOCUMENT ? 0 : look_at_digest(p, e);
}

int push_look(struct push *p, struct err *e)
{
	ptrdiff_t config = push_plan_find(&p->plan, &p->plan.config);
	/* an index has no config whose absence would say that it is new */
	bool all = !p->opt->seen || config < 0 || p->opt->immutable;
	bool tags_first = all || any_seen(p);

	if (!p->tags.n)
		return look_at_digest(p, e);
	if (is_new(p) && !p->opt->immutable)
		return 0;
	if (tags_first && look_at_tags(p, all, e) < 0)
		return -1;
	if (p->whole || p->there.n || config < 0 || p->have[config])
		return 0;
	return look_by_config(p, (size_t)config, tags_first, e);
}
