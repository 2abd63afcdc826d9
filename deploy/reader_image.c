/*
 * Which image a service runs: what the file says, and what the pipeline just built.
 *
 * Files are kept with `image: host/group/<IMG_NAME>`, filled at deploy time. Who
 * fills it, in this order: --image SERVICE=REF, the one --image REF, IMAGE_REF.
 * A REF with a host replaces all up to the placeholder's end, a short one ("app:1.2")
 * stands in its place. A tag written behind the placeholder gives way to REF's.
 * Without a placeholder --image SERVICE=REF replaces the image; a REF that names no
 * service replaces it where the repository is the same, or in the only service.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "deploy/reader.h"
#include "oci/image/reference.h"

#define PLACEHOLDER "<IMG_NAME>"

/* "[SERVICE=]REF": a reference never holds '='. service is empty when not said. */
static struct span cut_service(const char *image, const char **ref)
{
	const char *equals = strchr(image, '=');

	*ref = equals ? equals + 1 : image;
	return equals ? span_of(image, (size_t)(equals - image)) : (struct span){ 0 };
}

static int check_ref(const char *ref, struct err *e)
{
	auto_reference struct oci_reference parsed = { 0 };

	return oci_reference_parse(&parsed, ref, e);
}

int reader_images_check(struct reader *r, const struct yaml_value *services, struct err *e)
{
	const struct strv *images = r->in->images;

	for (size_t i = 0; images && i < images->n; i++) {
		const char *ref;
		struct span service = cut_service(images->v[i], &ref);
		auto_free char *name = span_dup(service);

		if (check_ref(ref, e) < 0)
			return err_wrap(e, "--image '%s'", images->v[i]);
		if (ref != images->v[i] && !yaml_map_get(services, name))
			return err_set(e, ERR_INPUT, "--image '%s': no service '%s' in %s",
				       images->v[i], name, r->in->file);
	}
	if (r->in->image_ref && check_ref(r->in->image_ref, e) < 0)
		return err_wrap(e, "IMAGE_REF '%s'", r->in->image_ref);
	return 0;
}

int reader_images_finish(struct reader *r, struct err *e)
{
	const struct strv *images = r->in->images;

	for (size_t i = 0; images && i < images->n; i++)
		if (!r->image_used[i])
			return err_set(e, ERR_INPUT,
				       "--image '%s': no service of %s takes it; write SERVICE=%s",
				       images->v[i], r->in->file, images->v[i]);
	if (r->in->image_ref && !r->image_ref_used && !(images && images->n))
		strv_addf(r->warnings,
			  "%s: IMAGE_REF '%s' is not deployed: no service has its repository or %s",
			  r->in->file, r->in->image_ref, PLACEHOLDER);
	return 0;
}

/* The --image made for the service being read; the last of several counts. NULL: none. */
static const char *own_image(struct reader *r)
{
	const struct strv *images = r->in->images;
	const char *found = NULL;

	for (size_t i = 0; images && r->service && i < images->n; i++) {
		const char *ref;
		struct span service = cut_service(images->v[i], &ref);

		if (ref == images->v[i] || !span_eq_str(service, r->service))
			continue;
		found = ref;
		r->image_used[i] = true;
	}
	return found;
}

/* The n-th --image without a service; *at is its place in the list. */
static const char *bare_image(const struct reader *r, size_t n, size_t *at)
{
	const struct strv *images = r->in->images;

	for (size_t i = 0; images && i < images->n; i++) {
		if (strchr(images->v[i], '=') || n-- > 0)
			continue;
		*at = i;
		return images->v[i];
	}
	return NULL;
}

/* -- the placeholder -------------------------------------------------------------- */

static int choose_filling(const char **out, struct reader *r, const struct yaml_value *at,
			  const char *path, struct err *e)
{
	size_t i, second;
	const char *ref = own_image(r);

	if (!ref && (ref = bare_image(r, 0, &i))) {
		if (bare_image(r, 1, &second))
			return reader_fail(r, at, path, e,
					   "several --image could fill '%s'; write SERVICE=REF",
					   PLACEHOLDER);
		r->image_used[i] = true;
	}
	if (!ref) {
		ref = r->in->image_ref;
		r->image_ref_used = true;
	}
	if (!ref)
		ref = r->in->stand_in;
	if (!ref)
		return reader_fail(r, at, path, e,
				   "'%s' is not filled; give --image REF or set IMAGE_REF",
				   PLACEHOLDER);
	*out = ref;
	return 0;
}

int reader_fill(char **out, struct reader *r, const struct yaml_value *at, const char *text,
		const char *path, struct err *e)
{
	auto_buf struct buf filled = BUF_INIT(2 * DEPLOY_YAML_MAX);
	const char *ref, *hit = strstr(text, PLACEHOLDER);

	if (!hit) {
		*out = mem_strdup(text);
		return 0;
	}
	if (choose_filling(&ref, r, at, path, e) < 0)
		return -1;
	for (; hit; text = hit + strlen(PLACEHOLDER), hit = strstr(text, PLACEHOLDER)) {
		buf_add(&filled, text, (size_t)(hit - text));
		buf_add_str(&filled, ref);
	}
	buf_add_str(&filled, text);
	if (filled.over)
		return reader_fail(r, at, path, e, "too long once '%s' is filled", PLACEHOLDER);
	*out = buf_steal(&filled);
	return 0;
}

static bool has_host(struct span ref)
{
	struct span first, rest;

	return span_cut(ref, '/', &first, &rest) &&
	       (span_find(first, '.') >= 0 || span_find(first, ':') >= 0 ||
		span_eq_str(first, "localhost"));
}

static bool has_version(struct span ref)
{
	return span_find(span_sub(ref, (size_t)(span_rfind(ref, '/') + 1)), ':') >= 0 ||
	       span_find(ref, '@') >= 0;
}

/* `image` alone knows full references and gives up the tag behind the placeholder. */
static int fill_image(char **out, struct reader *r, const struct yaml_value *v, const char *path,
		      struct err *e)
{
	const char *ref, *hit = strstr(v->text, PLACEHOLDER);
	const char *behind = hit ? hit + strlen(PLACEHOLDER) : NULL;
	struct span before;

	if (!hit || strstr(behind, PLACEHOLDER))
		return reader_fill(out, r, v, v->text, path, e);
	if (choose_filling(&ref, r, v, path, e) < 0)
		return -1;
	before = span_of(v->text, has_host(span_of_str(ref)) ? 0 : (size_t)(hit - v->text));
	if (has_version(span_of_str(ref)) && (*behind == ':' || *behind == '@'))
		behind = "";
	*out = mem_printf("%.*s%s%s", (int)before.n, before.p, ref, behind);
	return 0;
}

/* -- without a placeholder ---------------------------------------------------------- */

static bool same_repository(const char *a, const char *b)
{
	auto_reference struct oci_reference x = { 0 }, y = { 0 };
	struct err ignored = ERR_INIT; /* what is no reference is no same one either */

	return oci_reference_parse(&x, a, &ignored) == 0 &&
	       oci_reference_parse(&y, b, &ignored) == 0 && oci_reference_same_repository(&x, &y);
}

static const char *choose_replacement(struct reader *r, const char *image)
{
	const char *ref = own_image(r);
	const char *found = NULL;
	size_t at = 0;

	if (ref)
		return ref;
	for (size_t n = 0; (ref = bare_image(r, n, &at)); n++) {
		if (!same_repository(ref, image))
			continue;
		r->image_used[at] = true;
		found = ref;
	}
	if (found)
		return found;
	if (r->nr_services == 1 && (ref = bare_image(r, 0, &at)) &&
	    !bare_image(r, 1, &(size_t){ 0 })) {
		r->image_used[at] = true;
		return ref;
	}
	if (!r->in->image_ref || !same_repository(r->in->image_ref, image))
		return NULL;
	r->image_ref_used = true;
	return r->in->image_ref;
}

/* "<IMAGE_NAME>", "<tag>": somebody meant it to be filled. */
static int check_placeholders(const struct reader *r, const struct yaml_value *v, const char *path,
			      struct err *e)
{
	const char *open = v->text;
	int n;

	while ((open = strchr(open, '<')) && strncmp(open, PLACEHOLDER, strlen(PLACEHOLDER)) == 0)
		open++;
	if (!open)
		return 0;
	n = (int)strcspn(open, ">");
	return reader_fail(r, v, path, e,
			   "'%.*s%s' is not filled by anything; the placeholder is written %s", n,
			   open, open[n] ? ">" : "", PLACEHOLDER);
}

int reader_image(char **out, struct reader *r, const struct yaml_value *v, const char *path,
		 struct err *e)
{
	auto_free char *filled = NULL, *image = NULL;
	const char *other;

	if (reader_want(r, v, YAML_SCALAR, path, NULL, e) < 0 ||
	    check_placeholders(r, v, path, e) < 0 || fill_image(&filled, r, v, path, e) < 0 ||
	    reader_expand(&image, r, v, filled, path, e) < 0)
		return -1;
	other = strstr(v->text, PLACEHOLDER) ? NULL : choose_replacement(r, image);
	if (check_ref(other ? other : image, e) < 0)
		return reader_wrap(r, v, path, e);
	*out = other ? mem_strdup(other) : STEAL(&image);
	return 0;
}
