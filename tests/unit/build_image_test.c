/* Bases that are unpacked while their layers come: from the first bytes on, and only what is the image's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <glob.h>
#include <signal.h>

#include "base/cancel.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/pool.h"
#include "oci/image/layout.h"
#include "oci/image/source.h"
#include "oci/image/store_layout.h"
#include "tests/fakes/build_world.h"

/* Some pieces of what is decompressed ahead: files of it are there before the last piece is. */
#define BIG  ((size_t)1 << 20)
#define HELD 1000 /* the last bytes of a layer, which are waited for */

enum how {
	LAST_BYTES_LATE, /* they come when the rest is unpacked */
	THEN_FAILS,	 /* instead of them, the connection is lost for good */
	WRONG_FIRST,	 /* other bytes come at first, up to their last; then the layer */
	THEN_CANCELLED,	 /* likewise, but the build is cancelled before the layer comes */
};

/* A registry with one image, out of a layout. */
struct late_source {
	struct image_source base;
	struct image_source *layout;
	struct oci_store *store; /* the same layout */
	const char *root;	 /* of the build that pulls */
	struct cancel cancel;	 /* of the build */
	enum how how;
	struct oci_digest decoy; /* other bytes: a blob of the layout */
};

struct world {
	struct build_world build;
	struct pool *pool;
	struct late_source source;
	struct oci_manifest image; /* its layers have the files l0 and l1 */
};

static int late_resolve(struct image_source *src, struct op *op, const char *ref,
			const struct oci_platform *want, struct oci_store *into,
			struct oci_descriptor *out, struct err *e)
{
	struct late_source *s = CONTAINER_OF(src, struct late_source, base);
	/* registry.test/NAME:1 */
	int length = (int)(strrchr(ref, ':') - strchr(ref, '/')) - 1;
	auto_free char *there =
		mem_printf("docker.io/test/images:%.*s", length, strchr(ref, '/') + 1);

	return s->layout->resolve(s->layout, op, there, want, into, out, e);
}

static bool is_unpacked(const struct late_source *s, const char *name)
{
	auto_free char *pattern = mem_printf("%s/tmp/*/*/%s", s->root, name);
	glob_t found;
	bool is = glob(pattern, 0, NULL, &found) == 0;

	globfree(&found);
	return is;
}

/* All but the last bytes, and then these when a file of the others is unpacked. */
static int write_late(struct late_source *s, struct oci_blob_writer *w, struct span bytes,
		      const char *file, struct arrival *coming, struct err *e)
{
	arrival_begin(coming, w->fd);
	if (sink_write(w->sink, bytes.p, bytes.n - HELD, e) < 0)
		return -1;
	arrival_grow(coming, bytes.n - HELD);
	for (unsigned i = 0; coming && !is_unpacked(s, file); i++) {
		if (i == 10000)
			return err_set(e, ERR_FAILED, "the last bytes of %s are waited for", file);
		usleep(1000);
	}
	if (s->how == THEN_CANCELLED)
		cancel_set(&s->cancel, SIGTERM);
	if (s->how == THEN_FAILS)
		return err_set(e, ERR_UNAVAILABLE, "the connection broke");
	if (sink_write(w->sink, bytes.p + bytes.n - HELD, HELD, e) < 0)
		return -1;
	arrival_grow(coming, bytes.n);
	return 0;
}

static int write_blob(struct late_source *s, const struct oci_digest *d, const char *file,
		      const struct oci_descriptor *want, struct oci_store *into,
		      struct arrival *coming, struct err *e)
{
	auto_blob struct oci_blob blob = { 0 };
	auto_buf struct buf bytes = BUF_INIT(4 * BIG);
	struct oci_blob_writer w = { 0 };

	if (oci_store_open(s->store, d, &blob, e) < 0 || io_read_all(blob.source, &bytes, e) < 0 ||
	    oci_store_begin(into, &w, e) < 0)
		return -1;
	if (write_late(s, &w, buf_span(&bytes), file, coming, e) == 0 &&
	    oci_store_commit(&w, want, NULL, NULL, e) == 0)
		return 0;
	arrival_drop(coming);
	oci_store_abort(&w);
	return -1;
}

static bool is_first(const struct world *w, const struct oci_descriptor *layer)
{
	return oci_digest_eq(&layer->digest, &w->image.layers[0].digest);
}

/* Other bytes until they are unpacked, then the layer. Nobody reads one above the first, since what is below it is
 * not done. */
static int fetch_wrong(struct world *w, const struct oci_descriptor *layer, struct oci_store *into,
		       struct arrival *coming, struct err *e)
{
	struct late_source *s = &w->source;
	bool is_read = is_first(w, layer);
	struct err why = ERR_INIT;

	if (write_blob(s, &s->decoy, is_read ? "decoy" : "", layer, into, coming, &why) == 0)
		return err_set(e, ERR_FAILED, "other bytes are in the store");
	return write_blob(s, &layer->digest, "", layer, into, NULL, e);
}

static int late_fetch(struct image_source *src, struct op *op, const char *ref,
		      const struct oci_descriptor *layer, struct oci_store *into,
		      struct arrival *coming, struct err *e)
{
	struct late_source *s = CONTAINER_OF(src, struct late_source, base);
	struct world *w = CONTAINER_OF(s, struct world, source);
	bool is_below = is_first(w, layer);

	(void)op, (void)ref;
	if (oci_store_has(into, &layer->digest, NULL))
		return 0;
	if (s->how == WRONG_FIRST || s->how == THEN_CANCELLED)
		return fetch_wrong(w, layer, into, coming, e);
	if (!is_below && s->how != LAST_BYTES_LATE)
		coming = NULL; /* nobody will unpack it */
	return write_blob(s, &layer->digest, is_below ? "l0" : "l1", layer, into, coming, e);
}

/* -- the world --------------------------------------------------------------------------- */

/* Random, so that a layer is as large as its file. */
static void big_file(struct build_world *b, const char *name)
{
	auto_free char *path = mem_printf("%s/%s", b->context, name);
	auto_free unsigned char *bytes = mem_alloc(BIG);
	struct err e = ERR_INIT;
	uint64_t x = 88172645463325252u + (unsigned char)name[1];

	for (size_t i = 0; i < BIG; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		bytes[i] = (unsigned char)x;
	}
	assert_int_equal(fs_write_unsynced(AT_FDCWD, path, span_of((char *)bytes, BIG), 0644, &e),
			 0);
}

static void make_image(struct world *w, const char *name, const char *dockerfile,
		       struct oci_manifest *out)
{
	struct build_world *b = &w->build;
	auto_store struct oci_store *store = NULL;
	auto_descriptor struct oci_descriptor d = { 0 };
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX);
	auto_free char *layout = mem_printf("%s/../layout", b->root);
	struct err e = ERR_INIT;

	strv_add(&b->opt.tags, name);
	build_world_ok(b, dockerfile);
	strv_release(&b->opt.tags);
	b->opt.tags = (struct strv)STRV_INIT;
	assert_int_equal(oci_store_layout_open(&store, layout, OCI_LAYOUT_READ, &e), 0);
	if (oci_layout_find(store, strchr(name, ':') + 1, &d, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(oci_store_read(store, &d, OCI_MANIFEST_MAX, &text, &e), 0);
	assert_int_equal(oci_manifest_parse(out, buf_span(&text), d.media_type, &e), 0);
}

/* Built into the layout that is the registry then. */
static void make_images(struct world *w, const char *layout)
{
	struct build_world *b = &w->build;
	auto_free char *output = mem_printf("type=oci,dest=%s,tar=false", layout);
	auto_manifest struct oci_manifest decoy = { 0 }, empty = { 0 };
	struct err e = ERR_INIT;

	big_file(b, "l0");
	big_file(b, "l1");
	big_file(b, "decoy");
	assert_int_equal(build_output_parse(&b->opt, output, &e), 0);
	make_image(w, "test/images:decoy", "FROM scratch\nCOPY decoy /\n", &decoy);
	w->source.decoy = decoy.layers[0].digest;
	make_image(w, "test/images:base", "FROM scratch\nCOPY l0 /\nCOPY l1 /\n", &w->image);
	make_image(w, "test/images:empty", "FROM scratch\nENV a=b\n", &empty);
	b->opt.nr_outputs = 0;
	/* the builder has none of it */
	assert_int_equal(fs_remove_tree(AT_FDCWD, b->root, &e), 0);
	assert_int_equal(fs_mkdir_p(AT_FDCWD, b->root, 0755, &e), 0);
}

static int setup(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));
	struct build_world *b = &w->build;
	auto_free char *layout = NULL;
	struct err e = ERR_INIT;

	build_world_init(b);
	assert_int_equal(cancel_init(&w->source.cancel, &e), 0);
	layout = mem_printf("%s/../layout", b->root);
	make_images(w, layout);
	w->source.base =
		(struct image_source){ .resolve = late_resolve, .fetch_layer = late_fetch };
	w->source.root = b->root;
	assert_int_equal(image_source_layout_open(&w->source.layout, layout, &e), 0);
	assert_int_equal(oci_store_layout_open(&w->source.store, layout, OCI_LAYOUT_READ, &e), 0);
	b->env.registry = &w->source.base;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	image_source_free(w->source.layout);
	oci_store_free(w->source.store);
	oci_manifest_release(&w->image);
	w->build.opt.nr_outputs = 1;
	w->build.env.registry = NULL;
	build_world_release(&w->build);
	cancel_release(&w->source.cancel);
	pool_free(w->pool);
	free(w);
	return 0;
}

static void begin(struct world *w, enum how how, unsigned jobs, bool is_flat)
{
	struct err e = ERR_INIT;

	w->source.how = how;
	w->build.op.cancel = &w->source.cancel;
	recorder_clear(&w->build.progress);
	w->build.sandbox.base.is_flat = is_flat;
	pool_free(w->pool);
	assert_int_equal(pool_new(&w->pool, jobs, &e), 0);
	w->build.op.pool = w->pool;
}

static size_t count(const struct world *w, const char *pattern)
{
	auto_free char *path = mem_printf("%s/%s", w->build.root, pattern);
	glob_t found;
	size_t n = glob(path, 0, NULL, &found) == 0 ? found.gl_pathc : 0;

	globfree(&found);
	return n;
}

/* A RUN sees the image, and nothing else; and there is nothing else. */
static int run_looks(struct fake_sandbox *f, struct sandbox_tree *t, const struct run_spec *spec,
		     int *status, struct err *e)
{
	static const char *const all[] = { "l0", "l1" };
	const struct world *w = CONTAINER_OF(f, struct world, build.sandbox);
	struct stat st;

	(void)spec, (void)status;
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (fstatat(t->root_fd, all[i], &st, 0) < 0 || st.st_size != (off_t)BIG)
			return err_set(e, ERR_FAILED, "'%s' is not whole", all[i]);
	if (faccessat(t->root_fd, "decoy", F_OK, 0) == 0)
		return err_set(e, ERR_FAILED, "what came first is in the tree");
	if (count(w, "tmp/*/tree-*") || count(w, "tmp/*/flat-*") != f->base.is_flat)
		return err_set(e, ERR_FAILED, "what was begun in vain is still there");
	return 0;
}

static void build_ok(struct world *w)
{
	unsigned runs = w->build.sandbox.runs;

	w->build.sandbox.on_run = run_looks;
	build_world_ok(&w->build, "FROM registry.test/base:1\nRUN x\n");
	assert_int_equal(w->build.sandbox.runs, runs + 1);
}

/* How often an unpacking was begun; each has an id of its own. */
static size_t rounds(const struct world *w)
{
	const char *at = recorder_text(&w->build.progress);
	size_t n = 0;

	for (; (at = strstr(at, ": unpack registry.test/base:1\n")); at++)
		n++;
	return n;
}

/* -- tests ------------------------------------------------------------------------------- */

/* With one worker everybody waits for everybody, if they can. */
static void a_layer_is_unpacked_before_its_last_bytes_come(void **state)
{
	for (unsigned jobs = 1; jobs <= 3; jobs++) {
		begin(*state, LAST_BYTES_LATE, jobs, false);
		build_ok(*state);
		teardown(state);
		setup(state);
	}
}

static void likewise_into_one_directory(void **state)
{
	begin(*state, LAST_BYTES_LATE, 1, true);
	build_ok(*state);
}

static void a_connection_lost_at_the_end_leaves_nothing(void **state)
{
	struct world *w = *state;

	for (unsigned jobs = 1; jobs <= 2; jobs++) {
		begin(w, THEN_FAILS, jobs, jobs == 2);
		assert_non_null(
			strstr(build_world_fails(&w->build, "FROM registry.test/base:1\nRUN x\n"),
			       "the connection broke"));
		assert_int_equal(w->build.err.kind, ERR_UNAVAILABLE);
		assert_int_equal(w->build.sandbox.runs, 0);
		assert_int_equal(count(w, "cache/trees/*"), 0);
		assert_int_equal(count(w, "tmp/*"), 0);
		/* the documents alone */
		assert_int_equal(count(w, "cache/blobs/blobs/sha256/*"), 2);
		assert_int_equal(count(w, "cache/blobs/blobs/sha256/.tmp-*"), 0);
	}
	begin(w, LAST_BYTES_LATE, 1, false);
	build_ok(w);
}

static void other_bytes_at_first_leave_nothing_in_the_tree(void **state)
{
	for (unsigned jobs = 1; jobs <= 2; jobs++) {
		begin(*state, WRONG_FIRST, jobs, false);
		build_ok(*state);
		assert_int_equal(rounds(*state), 2);
		assert_int_equal(count(*state, "cache/trees/*"), 1);
		assert_int_equal(count(*state, "cache/trees/*/decoy"), 0);
		teardown(state);
		setup(state);
	}
}

static void nor_in_the_one_directory(void **state)
{
	for (unsigned jobs = 1; jobs <= 2; jobs++) {
		begin(*state, WRONG_FIRST, jobs, true);
		build_ok(*state);
		assert_int_equal(rounds(*state), 2);
		teardown(state);
		setup(state);
	}
}

/* The last bytes would be waited for, if somebody were to unpack. */
static void who_does_not_unpack_reads_nothing_that_comes(void **state)
{
	struct world *w = *state;

	begin(w, LAST_BYTES_LATE, 1, false);
	build_world_ok(&w->build, "FROM registry.test/base:1\nENV a=b\n");
	assert_int_equal(rounds(w), 0);
	assert_int_equal(count(w, "cache/blobs/blobs/sha256/*"), 4);
}

static void a_cancelled_build_begins_nothing_anew(void **state)
{
	struct world *w = *state;

	begin(w, THEN_CANCELLED, 1, false);
	build_world_fails(&w->build, "FROM registry.test/base:1\nRUN x\n");
	assert_int_equal(w->build.err.kind, ERR_CANCELLED);
	assert_int_equal(rounds(w), 1);
	assert_int_equal(count(w, "cache/trees/*"), 0);
	assert_int_equal(count(w, "tmp/*"), 0);
}

static void what_has_no_layers_is_not_told_to_be_unpacked(void **state)
{
	struct world *w = *state;

	begin(w, LAST_BYTES_LATE, 1, true);
	build_world_ok(&w->build, "FROM registry.test/empty:1\nRUN x\n");
	assert_int_equal(w->build.sandbox.runs, 1);
	assert_false(recorder_has(&w->build.progress, "end flat"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_layer_is_unpacked_before_its_last_bytes_come),
		TEST(likewise_into_one_directory),
		TEST(a_connection_lost_at_the_end_leaves_nothing),
		TEST(other_bytes_at_first_leave_nothing_in_the_tree),
		TEST(nor_in_the_one_directory),
		TEST(who_does_not_unpack_reads_nothing_that_comes),
		TEST(a_cancelled_build_begins_nothing_anew),
		TEST(what_has_no_layers_is_not_told_to_be_unpacked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
