/* What stages leave to each other and to other images, stages side by side, several platforms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glob.h>
#include <pthread.h>

#include "base/cancel.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/pool.h"
#include "oci/image/source.h"
#include "oci/image/store_layout.h"
#include "tests/fakes/build_world.h"

struct world {
	struct build_world build;
	struct pool *pool;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned waiting; /* RUNs that have come to where they wait for each other */
};

static int setup(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));

	build_world_init(&w->build);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	tmpdir_file(&w->build.dir, "ctx/a", "1");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	build_world_release(&w->build);
	pool_free(w->pool);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->changed);
	free(w);
	return 0;
}

static void set_jobs(struct world *w, unsigned jobs)
{
	struct err e = ERR_INIT;

	pool_free(w->pool);
	assert_int_equal(pool_new(&w->pool, jobs, &e), 0);
	w->build.op.pool = w->pool;
}

static void set_tag(struct build_world *w, const char *tag)
{
	strv_release(&w->opt.tags);
	w->opt.tags = (struct strv)STRV_INIT;
	if (tag)
		strv_add(&w->opt.tags, tag);
}

static void add_platform(struct build_world *w, const char *text)
{
	struct err e = ERR_INIT;

	assert_int_equal(build_platforms_parse(&w->opt, text, &e), 0);
}

static void assert_says(const char *said, const char *part)
{
	if (!strstr(said, part))
		fail_msg("'%s' is not in '%s'", part, said);
}

static void assert_history(const struct build_world *w, const char *want)
{
	auto_free char *got = build_world_history(w);

	assert_string_equal(got, want);
}

/* -- ONBUILD -------------------------------------------------------------------------- */

static void triggers_of_an_image_run_first_and_are_gone(void **state)
{
	struct build_world *w = &((struct world *)*state)->build;
	auto_config struct oci_config *base = NULL, *c = NULL;

	set_tag(w, "onb");
	build_world_ok(w, "FROM scratch\nENV A=1\nONBUILD COPY  a /$A\nonbuild ENV B=$A\n"
			  "ONBUILD RUN x\n");
	base = build_world_config(w);
	assert_int_equal(base->onbuild.n, 3);
	assert_string_equal(base->onbuild.v[0], "COPY  a /$A");
	assert_history(w, "- ENV A=1\n");
	set_tag(w, NULL);
	build_world_ok(w, "FROM onb AS app\nENV C=$B\n");
	c = build_world_config(w);
	assert_int_equal(c->onbuild.n, 0);
	assert_string_equal(strv_env_get(&c->env, "C"), "1");
	assert_int_equal(w->sandbox.runs, 1);
	assert_history(w, "- ENV A=1\nCOPY a /1 # buildkit\n- ENV B=1\n"
			  "RUN /bin/sh -c x # buildkit\n- ENV C=1\n");
	assert_true(recorder_has(&w->progress, "[app 2/3] ONBUILD COPY  a /$A"));
}

static void triggers_bring_in_stages_and_those_have_triggers(void **state)
{
	struct build_world *w = &((struct world *)*state)->build;
	auto_free char *layer = NULL;

	set_tag(w, "inner");
	build_world_ok(w, "FROM scratch\nONBUILD COPY a /inner\n");
	set_tag(w, "outer");
	build_world_ok(w, "FROM scratch\nONBUILD COPY --from=tools /inner /outer\n");
	set_tag(w, NULL);
	build_world_ok(w, "FROM inner AS tools\nFROM absent AS unneeded\nFROM outer\n");
	layer = build_world_layer(w, 0, false);
	assert_string_equal(layer, "f 0644 0:0 outer = 1\n");
}

static void triggers_of_a_stage_run_in_its_children_only(void **state)
{
	struct build_world *w = &((struct world *)*state)->build;

	build_world_ok(w, "FROM scratch AS base\nONBUILD ENV F=1\nENV G=1\nFROM base AS child\n"
			  "ENV H=$F\nFROM child\nENV I=1\n");
	assert_history(w, "- ENV G=1\n- ENV F=1\n- ENV H=1\n- ENV I=1\n");
}

static void a_trigger_that_fails_is_named_with_its_image(void **state)
{
	struct build_world *w = &((struct world *)*state)->build;

	set_tag(w, "onb");
	build_world_ok(w, "FROM scratch\nONBUILD COPY no /\nONBUILD COPY --from=later a /\n");
	set_tag(w, NULL);
	assert_says(build_world_fails(w, "# x\nFROM onb\n"),
		    "Dockerfile:2: ONBUILD of image 'onb': COPY no /: ");
	assert_int_equal(w->err.kind, ERR_INPUT);
	assert_says(build_world_fails(w, "FROM onb\nFROM scratch AS later\n"
					 "FROM scratch\nCOPY --from=0 a /\n"),
		    "Dockerfile:1: ONBUILD of image 'onb': COPY --from=later a /: cannot copy from "
		    "stage 'later'");
}

/* -- side by side ------------------------------------------------------------------------- */

/* Comes back when two are here; false: nobody came. */
static bool meet(struct world *w)
{
	struct timespec until;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 10;
	pthread_mutex_lock(&w->lock);
	w->waiting++;
	pthread_cond_broadcast(&w->changed);
	while (w->waiting < 2 && r == 0)
		r = pthread_cond_timedwait(&w->changed, &w->lock, &until);
	pthread_mutex_unlock(&w->lock);
	return r == 0;
}

static bool runs(const struct run_spec *spec, const char *command)
{
	return strcmp(spec->argv.v[spec->argv.n - 1], command) == 0;
}

static int run_meets(struct fake_sandbox *f, struct sandbox_tree *t, const struct run_spec *spec,
		     int *status, struct err *e)
{
	(void)t, (void)e;
	if (runs(spec, "meet") && !meet(f->arg))
		*status = 1 << 8;
	return 0;
}

static void stages_that_do_not_read_each_other_run_at_once(void **state)
{
	struct world *w = *state;

	w->build.sandbox.on_run = run_meets;
	w->build.sandbox.arg = w;
	set_jobs(w, 2);
	build_world_ok(&w->build,
		       "FROM scratch AS x\nRUN meet\nCOPY a /x\nFROM scratch AS y\nRUN meet\n"
		       "COPY a /y\nFROM scratch\nCOPY --from=x /x /\nCOPY --from=y /y /\n");
	assert_int_equal(w->build.sandbox.runs, 2);
}

/* All of them are found not to be there at once, and unpacked at once. */
static void names_of_one_image_do_not_hinder_each_other(void **state)
{
	struct world *w = *state;

	for (char name[] = "b0"; name[1] < '4'; name[1]++)
		strv_add(&w->build.opt.tags, name);
	build_world_ok(&w->build, "FROM scratch\nCOPY a /a\n");
	set_tag(&w->build, NULL);
	set_jobs(w, 4);
	build_world_ok(&w->build,
		       "FROM b0 AS x0\nRUN x\nFROM b1 AS x1\nRUN x\nFROM b2 AS x2\nRUN x\n"
		       "FROM b3 AS x3\nRUN x\nFROM scratch\nCOPY --from=x0 /a /0\n"
		       "COPY --from=x1 /a /1\nCOPY --from=x2 /a /2\nCOPY --from=x3 /a /3\n");
	assert_int_equal(w->build.sandbox.runs, 4);
}

/* A registry whose second layer only comes when the first is unpacked. */
struct slow_source {
	struct image_source base;
	struct image_source *layout; /* of one image, whatever its name */
	const char *root;
	struct oci_digest first;
};

static int slow_resolve(struct image_source *src, struct op *op, const char *ref,
			const struct oci_platform *want, struct oci_store *into,
			struct oci_descriptor *out, struct err *e)
{
	struct slow_source *s = CONTAINER_OF(src, struct slow_source, base);

	(void)ref;
	return s->layout->resolve(s->layout, op, "", want, into, out, e);
}

static bool is_first_unpacked(const struct slow_source *s)
{
	auto_free char *pattern = mem_printf("%s/tmp/*/tree-0/a", s->root);
	glob_t found;
	bool is = glob(pattern, 0, NULL, &found) == 0;

	globfree(&found);
	return is;
}

static int slow_fetch(struct image_source *src, struct op *op, const char *ref,
		      const struct oci_descriptor *layer, struct oci_store *into,
		      struct arrival *coming, struct err *e)
{
	struct slow_source *s = CONTAINER_OF(src, struct slow_source, base);
	bool is_first = oci_digest_eq(&layer->digest, &s->first);

	(void)ref;
	for (unsigned i = 0; !is_first && !is_first_unpacked(s); i++) {
		if (i == 10000)
			return err_set(e, ERR_FAILED, "all layers are waited for");
		usleep(1000);
	}
	return s->layout->fetch_layer(s->layout, op, "", layer, into, coming, e);
}

static void a_base_is_unpacked_while_its_layers_come(void **state)
{
	struct world *w = *state;
	struct build_world *b = &w->build;
	struct slow_source s = { .base = { .resolve = slow_resolve, .fetch_layer = slow_fetch },
				 .root = b->root };
	auto_free char *layout = mem_printf("%s/../layout", b->root);
	auto_free char *output = mem_printf("type=oci,dest=%s,tar=false", layout);
	auto_manifest struct oci_manifest m = { 0 };
	struct err e = ERR_INIT;

	build_world_ok(b, "FROM scratch\nCOPY a /a\nCOPY a /b\n");
	build_world_manifest(b, &m);
	s.first = m.layers[0].digest;
	assert_int_equal(build_output_parse(&b->opt, output, &e), 0);
	build_world_ok(b, "FROM scratch\nCOPY a /a\nCOPY a /b\n");
	b->opt.nr_outputs = 0;
	assert_int_equal(image_source_layout_open(&s.layout, layout, &e), 0);
	b->env.registry = &s.base;
	set_jobs(w, 2);
	build_world_ok(b, "FROM registry.test/base:1\nRUN x\n");
	b->opt.nr_outputs = 1;
	b->env.registry = NULL;
	image_source_free(s.layout);
}

/* "fail" fails when the other waits, "wait" waits for the end of everything. */
static int run_fails(struct fake_sandbox *f, struct sandbox_tree *t, const struct run_spec *spec,
		     int *status, struct err *e)
{
	(void)t;
	if (!runs(spec, "fail") && !runs(spec, "wait"))
		return 0;
	if (!meet(f->arg))
		return err_set(e, ERR_FAILED, "alone");
	if (runs(spec, "fail"))
		*status = 7 << 8;
	for (unsigned i = 0; runs(spec, "wait") && i < 10000 && !cancel_is_set(f->cancel); i++)
		usleep(1000);
	return 0;
}

/* As if it stayed mounted: the name of the upper directory leads to another than the one that was written to. */
static int run_stays_mounted(struct fake_sandbox *f, struct sandbox_tree *t,
			     const struct run_spec *spec, int *status, struct err *e)
{
	auto_close int other = fs_open_dir("/", e);

	(void)f, (void)spec, (void)status;
	if (other < 0)
		return -1;
	return dup2(other, t->upper_fd) < 0 ? err_sys(e, "dup2") : 0;
}

static void a_tree_that_stays_mounted_makes_no_layer(void **state)
{
	struct world *w = *state;

	w->build.sandbox.on_run = run_stays_mounted;
	assert_says(build_world_fails(&w->build, "FROM scratch\nRUN x\n"), "cannot be unmounted");
	assert_int_equal(w->build.sandbox.opened, w->build.sandbox.closed);
}

static int run_writes_or_fails(struct fake_sandbox *f, struct sandbox_tree *t,
			       const struct run_spec *spec, int *status, struct err *e)
{
	auto_close int fd = -1;

	(void)f;
	if (runs(spec, "fail")) {
		*status = 7 << 8;
		return 0;
	}
	fd = openat(t->root_fd, "made", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	return fd < 0 ? err_sys(e, "create 'made'") : 0;
}

/* The one worker is busy until the build has failed; only then comes the packing of what was made before. */
static void wait_for_the_failure(void *arg)
{
	struct fake_sandbox *f = arg;

	while (!f->cancel || !cancel_is_set(f->cancel))
		usleep(1000);
}

static void what_was_made_before_a_step_failed_is_found_again(void **state)
{
	struct world *w = *state;
	struct build_world *b = &w->build;
	struct pool_batch busy;

	b->sandbox.on_run = run_writes_or_fails;
	set_jobs(w, 1);
	pool_batch_init(&busy, w->pool);
	pool_submit(&busy, wait_for_the_failure, &b->sandbox);
	assert_says(build_world_fails(b, "FROM scratch\nRUN write\nRUN fail\n"), "exit status 7");
	pool_batch_wait(&busy);
	assert_int_equal(b->sandbox.runs, 2);
	build_world_ok(b, "FROM scratch\nRUN write\nRUN write more\n");
	assert_int_equal(b->sandbox.runs, 3);
}

static void the_first_that_fails_stops_the_others_and_is_shown(void **state)
{
	struct world *w = *state;

	w->build.sandbox.on_run = run_fails;
	w->build.sandbox.arg = w;
	set_jobs(w, 4);
	assert_says(build_world_fails(&w->build,
				      "FROM scratch AS x\nRUN wait\nRUN never\n"
				      "FROM scratch AS y\nRUN fail\n"
				      "FROM scratch\nCOPY --from=x /x /\nCOPY --from=y /y /\n"),
		    "Dockerfile:5: RUN fail: exit status 7");
	assert_int_equal(w->build.err.kind, ERR_FAILED);
	assert_int_equal(w->build.sandbox.runs, 2);
	assert_int_equal(w->build.sandbox.opened, w->build.sandbox.closed);
}

static int run_writes(struct fake_sandbox *f, struct sandbox_tree *t, const struct run_spec *spec,
		      int *status, struct err *e)
{
	auto_free char *name = mem_printf("made-%s", spec->argv.v[spec->argv.n - 1]);

	(void)f, (void)status;
	return fs_write_file(t->root_fd, name, SPAN_LIT("x"), 0644, e);
}

static void what_comes_out_does_not_depend_on_jobs(void **state)
{
	static const char text[] =
		"FROM base AS a\nRUN 1\nWORKDIR /w\nFROM base AS b\nRUN 2\nCOPY a /b/c/\n"
		"FROM a AS c\nCOPY --from=b /made-2 /b/c/a /\nRUN 3\n"
		"FROM b AS d\nCOPY --from=a /made-1 /\nCOPY --from=c /made-3 /\nRUN 4\n"
		"FROM c\nCOPY --from=d /made-1 /made-3 /made-4 /x/\nCOPY --from=base /base /y\n";
	struct world *w = *state;
	struct oci_digest first = { .text = "" };

	w->build.sandbox.on_run = run_writes;
	w->build.opt.has_epoch = true;
	w->build.opt.epoch = 1000000000;
	set_tag(&w->build, "base");
	build_world_ok(&w->build, "FROM scratch\nCOPY a /base\n");
	set_tag(&w->build, NULL);
	for (unsigned jobs = 1; jobs <= 8; jobs++) {
		set_jobs(w, jobs);
		build_world_ok(&w->build, text);
		if (jobs == 1)
			first = w->build.result.manifest;
		assert_string_equal(w->build.result.manifest.text, first.text);
	}
}

/* -- platforms ------------------------------------------------------------------------------- */

/* "linux/amd64 linux/arm64": the entries of the index that was made. */
static char *index_platforms(const struct build_world *w)
{
	auto_free char *path = mem_printf("%s/store", w->root);
	auto_store struct oci_store *store = NULL;
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX);
	auto_index struct oci_index x = { 0 };
	auto_strv struct strv all = STRV_INIT;
	const struct oci_descriptor d = { .digest = w->result.manifest,
					  .size_bytes = w->result.manifest_size };
	struct err e = ERR_INIT;

	assert_int_equal(oci_store_layout_open(&store, path, OCI_LAYOUT_READ, &e), 0);
	assert_int_equal(oci_store_read(store, &d, OCI_MANIFEST_MAX, &text, &e), 0);
	if (oci_index_parse(&x, buf_span(&text), NULL, &e) < 0)
		return mem_strdup(e.text);
	for (size_t i = 0; i < x.nr; i++) {
		char one[100];

		oci_platform_format(one, &x.entries[i].platform);
		strv_add(&all, one);
	}
	return strv_join(&all, " ");
}

static void each_platform_is_an_entry_of_one_index(void **state)
{
	struct build_world *w = &((struct world *)*state)->build;
	auto_config struct oci_config *c = NULL;
	auto_free char *platforms = NULL, *layer = NULL;

	tmpdir_file(&w->dir, "ctx/arm64", "arm");
	tmpdir_file(&w->dir, "ctx/riscv64", "risc");
	add_platform(w, "linux/riscv64,linux/arm64");
	set_tag(w, "multi");
	build_world_ok(w, "FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /f\n");
	platforms = index_platforms(w);
	assert_string_equal(platforms, "linux/riscv64 linux/arm64");

	/* and that is where a base of one platform comes from */
	set_tag(w, NULL);
	w->opt.nr_platforms = 0;
	build_world_ok(w, "FROM --platform=linux/arm64 multi\nENV A=1\n");
	c = build_world_config(w);
	layer = build_world_layer(w, 0, false);
	assert_string_equal(c->platform.arch, "arm64");
	assert_string_equal(layer, "f 0644 0:0 f = arm\n");
	assert_says(build_world_fails(w, "FROM --platform=linux/s390x multi\n"), "multi");
}

static void one_platform_is_a_manifest(void **state)
{
	struct build_world *w = &((struct world *)*state)->build;
	auto_config struct oci_config *c = NULL;

	add_platform(w, "linux/arm/v6");
	add_platform(w, "linux/arm/v6");
	build_world_ok(w, "FROM scratch\nCOPY a /\n");
	c = build_world_config(w);
	assert_string_equal(c->platform.variant, "v6");
}

/* No registry has that name; a registry that has it would be asked first. */
static void a_base_of_another_platform_is_better_than_none(void **state)
{
	struct build_world *w = &((struct world *)*state)->build;
	auto_config struct oci_config *c = NULL;

	add_platform(w, "linux/riscv64");
	set_tag(w, "risc");
	build_world_ok(w, "FROM scratch\nCOPY a /\n");
	set_tag(w, NULL);
	w->opt.nr_platforms = 0;
	build_world_ok(w, "FROM risc\nENV A=1\n");
	c = build_world_config(w);
	assert_string_equal(c->platform.arch, "riscv64");
	w->opt.pull = true;
	assert_says(build_world_fails(w, "FROM risc\n"),
		    "no image 'docker.io/library/risc:latest'");
	assert_int_equal(w->err.kind, ERR_ABSENT);
}

static void an_image_has_the_platform_that_was_asked_for(void **state)
{
	struct build_world *w = &((struct world *)*state)->build;
	auto_config struct oci_config *c = NULL;

	add_platform(w, "linux/riscv64");
	set_tag(w, "risc");
	build_world_ok(w, "FROM scratch\nCOPY a /\n");
	set_tag(w, NULL);
	w->opt.nr_platforms = 0;
	add_platform(w, "linux/arm64");
	build_world_ok(w, "FROM --platform=linux/riscv64 risc\nENV A=1\n");
	c = build_world_config(w);
	assert_string_equal(c->platform.arch, "arm64");
}

static void a_run_for_another_machine_is_refused_before_any_work(void **state)
{
	struct build_world *w = &((struct world *)*state)->build;

	add_platform(w, "linux/sparc64");
	assert_says(build_world_fails(w, "FROM --platform=$BUILDPLATFORM scratch AS x\nCOPY a /\n"
					 "FROM scratch\nCOPY --from=x a /\nRUN make\n"),
		    "Dockerfile:5: RUN: this machine (");
	assert_says(w->err.text, "cannot run programs for linux/sparc64");
	assert_int_equal(w->err.kind, ERR_IMPOSSIBLE);
	assert_false(recorder_has(&w->progress, "begin s0"));
	build_world_ok(w, "FROM scratch\nCOPY a /\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(triggers_of_an_image_run_first_and_are_gone),
		TEST(triggers_bring_in_stages_and_those_have_triggers),
		TEST(triggers_of_a_stage_run_in_its_children_only),
		TEST(a_trigger_that_fails_is_named_with_its_image),
		TEST(stages_that_do_not_read_each_other_run_at_once),
		TEST(names_of_one_image_do_not_hinder_each_other),
		TEST(a_base_is_unpacked_while_its_layers_come),
		TEST(a_tree_that_stays_mounted_makes_no_layer),
		TEST(what_was_made_before_a_step_failed_is_found_again),
		TEST(the_first_that_fails_stops_the_others_and_is_shown),
		TEST(what_comes_out_does_not_depend_on_jobs),
		TEST(each_platform_is_an_entry_of_one_index),
		TEST(one_platform_is_a_manifest),
		TEST(a_base_of_another_platform_is_better_than_none),
		TEST(an_image_has_the_platform_that_was_asked_for),
		TEST(a_run_for_another_machine_is_refused_before_any_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
