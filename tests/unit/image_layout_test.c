/* index.json: pointing names, finding images, other tools' entries, a layout as a source. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/rootdir.h"
#include "oci/image/layout.h"
#include "oci/image/source.h"
#include "oci/image/store_layout.h"
#include "tests/fakes/mem_store.h"

#define D1   "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define D2   "sha256:2222222222222222222222222222222222222222222222222222222222222222"
#define D3   "sha256:3333333333333333333333333333333333333333333333333333333333333333"
#define REF  "org.opencontainers.image.ref.name"
#define NAME "io.containerd.image.name"

struct world {
	char dir[64];
	struct oci_store *store;
	struct err e;
};

static int set_up(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));

	snprintf(w->dir, sizeof(w->dir), "/tmp/image-index-XXXXXX");
	*state = w;
	return mkdtemp(w->dir) ? oci_store_layout_open(&w->store, w->dir, OCI_LAYOUT_CREATE, &w->e)
			       : -1;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	int r;

	oci_store_free(w->store);
	r = fs_remove_tree(AT_FDCWD, w->dir, &w->e);
	free(w);
	return r;
}

static struct oci_descriptor desc(const char *digest)
{
	struct oci_descriptor d = { .size_bytes = 5 };
	struct err e = ERR_INIT;

	d.media_type = mem_strdup(OCI_MEDIA_MANIFEST);
	assert_int_equal(oci_digest_parse(&d.digest, span_of_str(digest), &e), 0);
	return d;
}

typedef int set_fn(struct oci_store *, const char *, const struct oci_descriptor *,
		   const struct oci_platform *, struct err *);

static void point(struct world *w, set_fn *set, const char *name, const char *digest)
{
	auto_descriptor struct oci_descriptor d = desc(digest);

	if (set(w->store, name, &d, NULL, &w->e) < 0)
		fail_msg("%s", w->e.text);
}

static void assert_finds(struct world *w, const char *name, const char *digest)
{
	auto_descriptor struct oci_descriptor d = { 0 };

	if (oci_layout_find(w->store, name, &d, &w->e) < 0)
		fail_msg("'%s': %s", name ? name : "(none)", w->e.text);
	assert_string_equal(d.digest.text, digest);
}

static void assert_not_found(struct world *w, const char *name, enum err_kind kind,
			     const char *says)
{
	auto_descriptor struct oci_descriptor d = { 0 };

	w->e = (struct err)ERR_INIT;
	if (oci_layout_find(w->store, name, &d, &w->e) == 0)
		fail_msg("'%s' found %s", name ? name : "(none)", d.digest.text);
	if (w->e.kind != kind || !strstr(w->e.text, says))
		fail_msg("kind %d: %s", (int)w->e.kind, w->e.text);
}

static void write_index(struct world *w, const char *text)
{
	assert_int_equal(fs_write_file(oci_store_layout_fd(w->store), "index.json",
				       span_of_str(text), 0644, &w->e),
			 0);
}

static void assert_index(struct world *w, const char *want)
{
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);

	assert_int_equal(fs_read_file(oci_store_layout_fd(w->store), "index.json", &b, &w->e), 0);
	assert_string_equal(buf_str(&b), want);
}

#define INDEX(entries)                                                                             \
	"{\"schemaVersion\":2,\"mediaType\":\"" OCI_MEDIA_INDEX "\",\"manifests\":[" entries "]}"
#define ENTRY(digest, more)                                                                        \
	"{\"mediaType\":\"" OCI_MEDIA_MANIFEST "\",\"digest\":\"" digest "\",\"size\":5" more "}"
#define NAMED(ref, name) ",\"annotations\":{\"" NAME "\":\"" name "\",\"" REF "\":\"" ref "\"}"

static void index_of_the_store_names_an_image_by_its_whole_reference(void **state)
{
	struct world *w = *state;
	struct oci_platform arm = { "linux", "arm", "v7" };
	auto_descriptor struct oci_descriptor d = desc(D1);

	assert_int_equal(oci_layout_set(w->store, "python:3", &d, &arm, &w->e), 0);
	assert_index(
		w,
		INDEX(ENTRY(
			D1,
			NAMED("docker.io/library/python:3",
			      "docker.io/library/python:3") ",\"platform\":{\"architecture\":\"arm\","
							    "\"os\":\"linux\",\"variant\":\"v7\"}")));
}

static void index_handed_on_names_an_image_by_its_tag(void **state)
{
	struct world *w = *state;

	point(w, oci_layout_export, "r.io:5000/a/b:v1", D1);
	assert_index(w, INDEX(ENTRY(D1, NAMED("v1", "r.io:5000/a/b:v1"))));
	assert_finds(w, "v1", D1);
	assert_finds(w, "r.io:5000/a/b:v1", D1);
}

static void index_finds_by_reference_tag_digest_and_nothing(void **state)
{
	struct world *w = *state;

	point(w, oci_layout_set, "r.io/a:1", D1);
	assert_finds(w, NULL, D1);
	assert_finds(w, "1", D1);
	point(w, oci_layout_set, "python:latest", D2);
	assert_finds(w, "r.io/a:1", D1);
	assert_finds(w, "docker.io/library/python:latest", D2);
	assert_finds(w, "library/python", D2);
	assert_finds(w, "python:latest", D2);
	assert_finds(w, "latest", D2);
	assert_finds(w, D2, D2);
	assert_finds(w, "x/y:z@" D1, D1);
}

static void index_says_what_there_is_when_it_finds_nothing(void **state)
{
	struct world *w = *state;

	assert_not_found(w, NULL, ERR_ABSENT, "no image in");
	assert_not_found(w, "a:1", ERR_ABSENT, "no image in");
	point(w, oci_layout_set, "r.io/a:1", D1);
	assert_not_found(w, "r.io/a:2", ERR_ABSENT, "there is 'r.io/a:1'");
	assert_not_found(w, "2", ERR_ABSENT, "'r.io/a:1'");
	assert_not_found(w, D3, ERR_ABSENT, D3);
	assert_not_found(w, "sha256:12", ERR_INPUT, "not a digest");
}

static void index_asks_which_one_when_several_answer(void **state)
{
	struct world *w = *state;

	point(w, oci_layout_set, "r.io/a:1", D1);
	point(w, oci_layout_set, "r.io/b:1", D2);
	assert_not_found(w, NULL, ERR_INPUT, "'r.io/a:1', 'r.io/b:1'");
	assert_not_found(w, "1", ERR_INPUT, "'r.io/a:1', 'r.io/b:1'");
	assert_finds(w, "r.io/b:1", D2);
	point(w, oci_layout_set, "r.io/b:1", D1);
	/* two names, one image */
	assert_finds(w, NULL, D1);
	assert_finds(w, "1", D1);
}

static void index_moves_a_name_to_the_new_image(void **state)
{
	struct world *w = *state;

	point(w, oci_layout_set, "r.io/a:1", D1);
	point(w, oci_layout_set, "r.io/a:2", D1);
	point(w, oci_layout_set, "r.io/a:1", D2);
	assert_index(w, INDEX(ENTRY(D2, NAMED("r.io/a:1", "r.io/a:1")) "," ENTRY(
				D1, NAMED("r.io/a:2", "r.io/a:2"))));
}

static void index_lists_an_unnamed_image_once_and_names_it_later(void **state)
{
	struct world *w = *state;

	point(w, oci_layout_set, NULL, D1);
	point(w, oci_layout_set, NULL, D1);
	point(w, oci_layout_set, NULL, D2);
	assert_index(w, INDEX(ENTRY(D1, "") "," ENTRY(D2, "")));
	point(w, oci_layout_set, "v1", D1);
	assert_index(w,
		     INDEX(ENTRY(D1, ",\"annotations\":{\"" REF "\":\"v1\"}") "," ENTRY(D2, "")));
	point(w, oci_layout_set, NULL, D1);
	assert_index(w,
		     INDEX(ENTRY(D1, ",\"annotations\":{\"" REF "\":\"v1\"}") "," ENTRY(D2, "")));
}

static void index_handed_on_holds_one_unnamed_image(void **state)
{
	struct world *w = *state;

	point(w, oci_layout_export, NULL, D1);
	point(w, oci_layout_export, NULL, D2);
	assert_index(w, INDEX(ENTRY(D2, "")));
	point(w, oci_layout_export, "a:1", D3);
	point(w, oci_layout_export, "b:1", D3);
	assert_index(
		w, INDEX(ENTRY(D2, "") "," ENTRY(D3, NAMED("1", "docker.io/library/a:1")) "," ENTRY(
			   D3, NAMED("1", "docker.io/library/b:1"))));
	/* the tag can only mean one image to tools that know nothing else */
	point(w, oci_layout_export, "c:1", D1);
	assert_index(w, INDEX(ENTRY(D2, "") "," ENTRY(D1, NAMED("1", "docker.io/library/c:1"))));
}

static void index_is_not_written_when_nothing_changes(void **state)
{
	struct world *w = *state;
	struct stat a, b;

	point(w, oci_layout_set, "a:1", D1);
	assert_int_equal(fstatat(oci_store_layout_fd(w->store), "index.json", &a, 0), 0);
	point(w, oci_layout_set, "a:1", D1);
	assert_int_equal(fstatat(oci_store_layout_fd(w->store), "index.json", &b, 0), 0);
	assert_int_equal(a.st_ino, b.st_ino);
}

static void index_refuses_a_name_that_is_none(void **state)
{
	struct world *w = *state;
	auto_descriptor struct oci_descriptor d = desc(D1);

	assert_int_equal(oci_layout_set(w->store, "A B", &d, NULL, &w->e), -1);
	assert_int_equal(w->e.kind, ERR_INPUT);
	assert_index(w, INDEX(""));
}

static void index_keeps_what_other_tools_wrote(void **state)
{
	struct world *w = *state;

#define FOREIGN ENTRY(D2, ",\"artifactType\":\"a/b\",\"annotations\":{\"" REF "\":\"latest\"}")
	write_index(w, "{\"schemaVersion\":2,\"manifests\":[" FOREIGN
		       "],\"annotations\":{\"k\":\"v\"},\"x\":[1]}");
	point(w, oci_layout_set, "v2", D1);
	assert_index(w, "{\"schemaVersion\":2,\"manifests\":[" FOREIGN
			"," ENTRY(D1, ",\"annotations\":{\"" REF
				      "\":\"v2\"}") "],\"annotations\":{\"k\":\"v\"},\"x\":[1]}");
	assert_finds(w, "latest", D2);
}

static void index_finds_names_that_other_tools_write_short(void **state)
{
	struct world *w = *state;

	write_index(w, INDEX(ENTRY(D1, ",\"annotations\":{\"" REF "\":\"python:3\"}") "," ENTRY(
			       D2, ",\"annotations\":{\"" REF "\":\"odd+name\"}")));
	assert_finds(w, "docker.io/library/python:3", D1);
	assert_finds(w, "3", D1);
	assert_finds(w, "odd+name", D2);
}

static void index_that_is_broken_is_named_and_left_alone(void **state)
{
	struct world *w = *state;
	auto_descriptor struct oci_descriptor d = desc(D1);
	static const char *const broken[] = { "", "[]", "{\"layers\":[]}", "{\"manifests\":[1]}",
					      "{\"manifests\":{}}" };

	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		write_index(w, broken[i]);
		assert_not_found(w, "a", ERR_CORRUPT, w->dir);
		assert_int_equal(oci_layout_set(w->store, "a", &d, NULL, &w->e), -1);
		assert_int_equal(w->e.kind, ERR_CORRUPT);
		assert_index(w, broken[i]);
	}
}

static void index_that_is_too_long_is_refused(void **state)
{
	struct world *w = *state;
	auto_free char *text = mem_zalloc((4u << 20) + 2);

	memset(text, ' ', (4u << 20) + 1);
	write_index(w, text);
	assert_not_found(w, "a", ERR_CORRUPT, "4194304");
}

/* The second half is for the leak checker. */
static void index_behind_a_link_is_not_read(void **state)
{
	struct world *w = *state;
	int fd = oci_store_layout_fd(w->store);
	struct oci_descriptor d = { 0 };

	assert_int_equal(renameat(fd, "index.json", fd, "elsewhere"), 0);
	assert_int_equal(symlinkat("elsewhere", fd, "index.json"), 0);
	assert_int_equal(oci_layout_find(w->store, NULL, &d, &w->e), -1);
	assert_int_equal(w->e.sys, ELOOP);
	assert_int_equal(oci_layout_find(w->store, "r.io/a:1", &d, &w->e), -1);
}

/* -- as a source ------------------------------------------------------------- */

#define CONFIG_TEXT                                                                                \
	"{\"architecture\":\"arm64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}"

static void put(struct world *w, struct oci_descriptor *d, const char *media, struct span bytes)
{
	assert_int_equal(oci_store_write(w->store, bytes, &d->digest, &w->e), 0);
	d->size_bytes = bytes.n;
	d->media_type = mem_strdup(media);
}

/* An image with one layer below an index; gives the manifest and the layer. */
static void make_image(struct world *w, struct oci_descriptor *manifest,
		       struct oci_descriptor *layer, struct oci_descriptor *index)
{
	auto_manifest struct oci_manifest m = { 0 };
	auto_index struct oci_index x = { 0 };
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);
	struct oci_platform arm64 = { "linux", "arm64", "" };

	put(w, layer, OCI_MEDIA_LAYER, SPAN_LIT("layer"));
	put(w, &m.config, OCI_MEDIA_CONFIG, SPAN_LIT(CONFIG_TEXT));
	oci_manifest_add_layer(&m, layer);
	oci_manifest_write(&b, &m);
	put(w, manifest, OCI_MEDIA_MANIFEST, buf_span(&b));
	oci_index_add(&x, manifest, &arm64);
	buf_reset(&b);
	oci_index_write(&b, &x);
	put(w, index, OCI_MEDIA_INDEX, buf_span(&b));
	assert_int_equal(oci_layout_set(w->store, "r.io/a:1", index, NULL, &w->e), 0);
}

static void source_gives_the_manifest_of_the_platform_and_layers_when_asked(void **state)
{
	struct world *w = *state;
	auto_descriptor struct oci_descriptor m = { 0 }, l = { 0 }, x = { 0 }, got = { 0 };
	auto_image_source struct image_source *src = NULL;
	auto_store struct oci_store *into = mem_store_new();
	struct oci_platform arm64 = { "linux", "arm64", "" }, s390 = { "linux", "s390x", "" };
	struct op op = { 0 };

	make_image(w, &m, &l, &x);
	assert_int_equal(image_source_layout_open(&src, w->dir, &w->e), 0);
	assert_int_equal(src->resolve(src, &op, "1", &arm64, into, &got, &w->e), 0);
	assert_string_equal(got.digest.text, m.digest.text);
	assert_int_equal(mem_store_count(into), 2); /* manifest and config */
	assert_int_equal(src->fetch_layer(src, &op, "1", &l, into, NULL, &w->e), 0);
	assert_true(oci_store_has(into, &l.digest, NULL));
	oci_descriptor_release(&got);
	assert_int_equal(src->resolve(src, &op, "", &s390, into, &got, &w->e), -1);
	assert_int_equal(w->e.kind, ERR_ABSENT);
	assert_non_null(strstr(w->e.text, "linux/s390x"));
	/* a part of the index has no name, but a digest */
	assert_int_equal(src->resolve(src, &op, m.digest.text, &arm64, into, &got, &w->e), 0);
	assert_string_equal(got.media_type, OCI_MEDIA_MANIFEST);
}

static void source_refuses_a_configuration_whose_bytes_changed(void **state)
{
	struct world *w = *state;
	auto_descriptor struct oci_descriptor m = { 0 }, l = { 0 }, x = { 0 }, got = { 0 };
	auto_image_source struct image_source *src = NULL;
	auto_store struct oci_store *into = mem_store_new();
	struct oci_platform arm64 = { "linux", "arm64", "" };
	struct op op = { 0 };
	struct oci_digest config;
	auto_free char *path = NULL;

	make_image(w, &m, &l, &x);
	oci_digest_of_bytes(&config, SPAN_LIT(CONFIG_TEXT));
	path = mem_printf("blobs/sha256/%s", oci_digest_hex(&config));
	assert_int_equal(fs_write_file(oci_store_layout_fd(w->store), path,
				       SPAN_LIT("X" CONFIG_TEXT), 0644, &w->e),
			 0);
	assert_int_equal(image_source_layout_open(&src, w->dir, &w->e), 0);
	assert_int_equal(src->resolve(src, &op, "1", &arm64, into, &got, &w->e), -1);
	assert_int_equal(w->e.kind, ERR_CORRUPT);
	assert_non_null(strstr(w->e.text, config.text));
	assert_int_equal(mem_store_count(into), 0);
}

static void *open_it(void *dir)
{
	auto_image_source struct image_source *src = NULL;
	struct err e = ERR_INIT;

	return image_source_layout_open(&src, dir, &e) < 0 ? NULL : dir;
}

static void source_is_not_opened_while_a_run_has_the_root(void **state)
{
	struct world *w = *state;
	struct timespec soon;
	pthread_t t;
	void *done;

	rootdir_take();
	assert_int_equal(pthread_create(&t, NULL, open_it, w->dir), 0);
	clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_sec += soon.tv_nsec >= 950000000;
	soon.tv_nsec = (soon.tv_nsec + 50000000) % 1000000000;
	assert_int_not_equal(pthread_timedjoin_np(t, NULL, &soon), 0);
	rootdir_give();
	assert_int_equal(pthread_join(t, &done), 0);
	assert_non_null(done);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(index_of_the_store_names_an_image_by_its_whole_reference),
		TEST(index_handed_on_names_an_image_by_its_tag),
		TEST(index_finds_by_reference_tag_digest_and_nothing),
		TEST(index_says_what_there_is_when_it_finds_nothing),
		TEST(index_asks_which_one_when_several_answer),
		TEST(index_moves_a_name_to_the_new_image),
		TEST(index_lists_an_unnamed_image_once_and_names_it_later),
		TEST(index_handed_on_holds_one_unnamed_image),
		TEST(index_is_not_written_when_nothing_changes),
		TEST(index_refuses_a_name_that_is_none),
		TEST(index_keeps_what_other_tools_wrote),
		TEST(index_finds_names_that_other_tools_write_short),
		TEST(index_that_is_broken_is_named_and_left_alone),
		TEST(index_that_is_too_long_is_refused),
		TEST(index_behind_a_link_is_not_read),
		TEST(source_gives_the_manifest_of_the_platform_and_layers_when_asked),
		TEST(source_refuses_a_configuration_whose_bytes_changed),
		TEST(source_is_not_opened_while_a_run_has_the_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
