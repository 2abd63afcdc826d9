/*
 * The two spellings of docker buildx: a prefix with ':' on the command line, a suffix of the
 * field's name in -o.
 */
#include "oci/build/annotation.h"

#include "base/mem.h"

static const char *const levels[] = {
	[BUILD_ANNOTATION_MANIFEST] = "manifest",
	[BUILD_ANNOTATION_MANIFEST_DESCRIPTOR] = "manifest-descriptor",
	[BUILD_ANNOTATION_INDEX] = "index",
	[BUILD_ANNOTATION_INDEX_DESCRIPTOR] = "index-descriptor",
};

static int take_level(struct build_annotation *out, struct span name, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if (span_eq_str(name, levels[i])) {
			out->level = (enum build_annotation_level)i;
			return 0;
		}
	return err_set(e, ERR_INPUT,
		       "'" SPAN_FMT "' is not one of manifest, manifest-descriptor, index and "
		       "index-descriptor",
		       SPAN_ARG(name));
}

static int take_platform(struct build_annotation *out, struct span text, struct err *e)
{
	out->has_platform = true;
	return oci_platform_parse(&out->platform, text, e);
}

/* "LEVEL" or "LEVEL[PLATFORM]"; the level may be empty where a default is allowed. */
static int take_selector(struct build_annotation *out, struct span text, struct err *e)
{
	struct span level, platform;

	if (span_cut(text, '[', &level, &platform)) {
		if (!span_ends(platform, "]"))
			return err_set(e, ERR_INPUT, "'" SPAN_FMT "' has no ']' at its end",
				       SPAN_ARG(text));
		platform.n--;
		if (take_platform(out, platform, e) < 0)
			return -1;
	}
	return level.n ? take_level(out, level, e) : 0;
}

static void add(struct build_annotations *a, const struct build_annotation *like, struct span key,
		struct span value)
{
	struct build_annotation *last;

	MEM_GROW(a->v, a->nr, a->cap);
	last = &a->v[a->nr++];
	*last = *like;
	last->key = span_dup(key);
	last->value = span_dup(value);
}

int build_annotations_parse(struct build_annotations *a, const char *text, struct err *e)
{
	struct build_annotation one = { .level = BUILD_ANNOTATION_MANIFEST };
	struct span name, value, selectors, key, selector;

	if (!span_cut(span_of_str(text), '=', &name, &value))
		return err_set(e, ERR_INPUT, "'%.200s' is not KEY=VALUE", text);
	if (!span_cut(name, ':', &selectors, &key)) {
		key = name;
		selectors.n = 0;
	}
	if (!key.n)
		return err_set(e, ERR_INPUT, "'%.200s' has no key", text);
	if (!selectors.n) {
		add(a, &one, key, value);
		return 0;
	}
	while (span_split(&selectors, ',', &selector)) {
		one = (struct build_annotation){ .level = BUILD_ANNOTATION_MANIFEST };
		if (!selector.n || take_selector(&one, selector, e) < 0)
			return selector.n ? err_wrap(e, "'%.200s'", text)
					  : err_set(e, ERR_INPUT, "'%.200s': no level before ':'",
						    text);
		add(a, &one, key, value);
	}
	return 0;
}

bool build_annotations_is_field(struct span field)
{
	return span_take(&field, "annotation") && field.n &&
	       (field.p[0] == '.' || field.p[0] == '-' || field.p[0] == '[');
}

/* The key begins at the first dot that is not inside the brackets of a platform. */
static bool cut_key(struct span field, struct span *selector, struct span *key)
{
	ptrdiff_t close = span_find(field, ']');
	size_t from = close > 0 && field.p[0] != '.' ? (size_t)close : 0;
	ptrdiff_t dot = span_find(span_sub(field, from), '.');

	if (dot < 0)
		return false;
	*selector = span_head(field, from + (size_t)dot);
	*key = span_sub(field, from + (size_t)dot + 1);
	return key->n > 0;
}

int build_annotations_parse_field(struct build_annotations *a, struct span field, struct span value,
				  struct err *e)
{
	struct build_annotation one = { .level = BUILD_ANNOTATION_MANIFEST };
	struct span rest = field, selector, key;

	span_take(&rest, "annotation");
	if (!cut_key(rest, &selector, &key))
		return err_set(e, ERR_INPUT,
			       "'" SPAN_FMT "' is not annotation[-LEVEL][[PLATFORM]].KEY",
			       SPAN_ARG(field));
	span_take(&selector, "-");
	if (take_selector(&one, selector, e) < 0)
		return err_wrap(e, "'" SPAN_FMT "'", SPAN_ARG(field));
	add(a, &one, key, value);
	return 0;
}

void build_annotations_release(struct build_annotations *a)
{
	for (size_t i = 0; i < a->nr; i++) {
		free(a->v[i].key);
		free(a->v[i].value);
	}
	free(a->v);
	*a = (struct build_annotations){ 0 };
}

static bool is_for(const struct build_annotation *a, const struct oci_platform *platform)
{
	return !a->has_platform || !platform ||
	       (strcmp(a->platform.os, platform->os) == 0 &&
		strcmp(a->platform.arch, platform->arch) == 0 &&
		strcmp(a->platform.variant, platform->variant) == 0);
}

bool build_annotations_miss(char out[100], const struct build_annotations *a,
			    const struct oci_platform *platforms, size_t nr)
{
	for (size_t i = 0; i < a->nr; i++) {
		bool found = !a->v[i].has_platform;

		for (size_t k = 0; !found && k < nr; k++)
			found = is_for(&a->v[i], &platforms[k]);
		if (found)
			continue;
		oci_platform_format(out, &a->v[i].platform);
		return true;
	}
	return false;
}

void build_annotations_get(struct strv *out, const struct build_annotations *a,
			   enum build_annotation_level level, const struct oci_platform *platform)
{
	for (size_t i = 0; i < a->nr; i++)
		if (a->v[i].level == level && is_for(&a->v[i], platform))
			strv_env_set(out, a->v[i].key, a->v[i].value);
}
