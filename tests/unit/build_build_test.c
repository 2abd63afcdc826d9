/* Whole builds over a sandbox that mounts nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cancel.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/walk.h"
#include "oci/build/cache.h"
#include "oci/image/layout.h"
#include "oci/image/store_layout.h"
#include "tests/fakes/build_world.h"

static int setup(void **state)
{
	struct build_world *w = mem_zalloc(sizeof(*w));

	build_world_init(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	build_world_release(*state);
	free(*state);
	return 0;
}

static void assert_says(const char *said, const char *part)
{
	if (!strstr(said, part))
		fail_msg("'%s' is not in '%s'", part, said);
}

/* Nothing of a build is left: tmp/ holds its lock only. */
static void assert_no_leftovers(const struct build_world *w)
{
	auto_close int tmp = openat(w->dir.fd, "root/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_walk struct walk *walk = NULL;
	struct walk_entry ent;
	struct err e = ERR_INIT;

	assert_true(tmp >= 0);
	assert_int_equal(walk_open(&walk, tmp, &e), 0);
	while (walk_next(walk, &ent, &e) > 0)
		assert_string_equal(ent.path, ".lock");
}

/* -- RUN ---------------------------------------------------------------------------- */

/* What a RUN was given, as text in f->arg (a struct buf). */
static int tell_spec(struct fake_sandbox *f, struct sandbox_tree *t, const struct run_spec *spec,
		     int *status, struct err *e)
{
	auto_free char *argv = strv_join(&spec->argv, "|");
	auto_free char *env = strv_join(&spec->env, " ");

	(void)t, (void)status, (void)e;
	buf_addf(f->arg, "%s in %s as %u:%u on %s with %s\n", argv, spec->cwd, spec->uid, spec->gid,
		 spec->hostname, env);
	return 0;
}

static void a_run_gets_its_stages_variables_and_nothing_else(void **state)
{
	struct build_world *w = *state;
	auto_buf struct buf seen = BUF_INIT(BUF_SMALL);

	w->sandbox.on_run = tell_spec;
	w->sandbox.arg = &seen;
	setenv("SECRET_OF_THE_JOB", "x", 1);
	strv_add(&w->opt.build_args, "HTTP_PROXY=http://p");
	build_world_ok(w, "FROM scratch\nENV PATH=/bin A=1\nARG B=2\nWORKDIR /w\nUSER 5\n"
			  "RUN echo $A > x\nRUN [\"/t\", \"a b\"]\n");
	assert_string_equal(buf_str(&seen),
			    "/bin/sh|-c|echo $A > x in /w as 5:0 on buildkitsandbox with "
			    "PATH=/bin A=1 B=2 HTTP_PROXY=http://p http_proxy=http://p HOME=/\n"
			    "/t|a b in /w as 5:0 on buildkitsandbox with "
			    "PATH=/bin A=1 B=2 HTTP_PROXY=http://p http_proxy=http://p HOME=/\n");
}

static void home_comes_from_the_images_passwd(void **state)
{
	struct build_world *w = *state;
	auto_buf struct buf seen = BUF_INIT(BUF_SMALL);

	w->sandbox.on_run = tell_spec;
	w->sandbox.arg = &seen;
	tmpdir_file(&w->dir, "ctx/passwd", "app:x:7:8::/home/app:/bin/sh\n");
	build_world_ok(w, "FROM scratch\nCOPY passwd /etc/\nUSER app\nRUN x\n");
	assert_says(buf_str(&seen), "as 7:8 on");
	assert_says(buf_str(&seen), "HOME=/home/app");
}

static void history_shows_run_with_its_args(void **state)
{
	struct build_world *w = *state;
	auto_free char *history = NULL;

	build_world_ok(w, "FROM scratch\nRUN a\nARG X=1\nRUN b \\\n  c\nRUN [\"d\", \"e\"]\n");
	history = build_world_history(w);
	assert_string_equal(history, "RUN /bin/sh -c a # buildkit\n- ARG X=1\n"
				     "RUN |1 X=1 /bin/sh -c b   c # buildkit\n"
				     "RUN |1 X=1 d e # buildkit\n");
}

/* Makes a file beside the mount points. */
static int use_ground(struct fake_sandbox *f, struct sandbox_tree *t, const struct run_spec *spec,
		      int *status, struct err *e)
{
	auto_free char *own = mem_printf("etc/own-%u", f->runs);
	bool has_hosts = faccessat(t->root_fd, "etc/hosts", F_OK, 0) == 0;

	(void)spec, (void)status;
	buf_addf(f->arg, has_hosts ? "on the ground\n" : "on none\n");
	if (mkdirat(t->root_fd, "etc", 0755) < 0 && errno != EEXIST)
		return err_sys(e, "mkdir");
	unlinkat(t->root_fd, "etc/hosts", 0); /* else the fake has it in the layer */
	return fs_write_file(t->root_fd, own, SPAN_LIT("x"), 0644, e);
}

static void mount_points_lie_below_a_base_with_etc_and_in_no_layer(void **state)
{
	struct build_world *w = *state;
	auto_buf struct buf seen = BUF_INIT(BUF_SMALL);
	auto_free char *first = NULL;

	tmpdir_file(&w->dir, "ground/etc/hosts", "");
	tmpdir_file(&w->dir, "ctx/passwd", "root:x:0:0::/root:/bin/sh\n");
	w->sandbox.base.ground = mem_printf("%s/ground", w->dir.path);
	w->sandbox.on_run = use_ground;
	w->sandbox.arg = &seen;
	build_world_ok(w, "FROM scratch\nRUN a\nRUN b\n");
	build_world_ok(w, "FROM scratch\nCOPY passwd /etc/\nRUN a\nRUN b\n");
	assert_string_equal(buf_str(&seen), "on none\non the ground\n"
					    "on the ground\non the ground\n");
	first = build_world_layer(w, 1, false);
	assert_string_equal(first, "d 0755 0:0 etc\nf 0644 0:0 etc/own-3 = x\n");
	free(w->sandbox.base.ground);
}

static int exit_with(struct fake_sandbox *f, struct sandbox_tree *t, const struct run_spec *spec,
		     int *status, struct err *e)
{
	(void)t, (void)spec, (void)e;
	*status = *(int *)f->arg;
	return 0;
}

static void a_run_that_fails_names_its_line_and_status(void **state)
{
	struct build_world *w = *state;
	int seven = 7 << 8, killed = SIGKILL;

	w->sandbox.on_run = exit_with;
	w->sandbox.arg = &seven;
	assert_says(build_world_fails(w, "FROM scratch\n# x\nRUN make all\n"),
		    "Dockerfile:3: RUN make all: exit status 7");
	assert_int_equal(w->err.kind, ERR_FAILED);
	w->sandbox.arg = &killed;
	assert_says(build_world_fails(w, "FROM scratch\nRUN make\n"), "killed by SIGKILL");
	assert_int_equal(w->sandbox.opened, w->sandbox.closed);
}

static void a_long_run_is_cut_in_messages(void **state)
{
	struct build_world *w = *state;
	auto_free char *x = mem_zalloc(3001);
	auto_free char *dockerfile = NULL;
	int one = 1 << 8;

	memset(x, 'x', 3000);
	dockerfile = mem_printf("FROM scratch\nRUN %s\n", x);
	w->sandbox.on_run = exit_with;
	w->sandbox.arg = &one;
	assert_says(build_world_fails(w, dockerfile), "x…: exit status 1");
}

/* -- stages ------------------------------------------------------------------------ */

static void only_what_the_target_needs_is_built(void **state)
{
	struct build_world *w = *state;

	build_world_ok(w, "FROM scratch AS unused\nRUN a\nFROM scratch AS one\nRUN b\n"
			  "FROM one\nRUN c\n");
	assert_int_equal(w->sandbox.runs, 2);
	w->opt.target = "unused";
	build_world_ok(w, "FROM scratch AS unused\nRUN a\nFROM scratch\nRUN b\n");
	assert_int_equal(w->sandbox.runs, 3);
}

static void a_stage_on_a_stage_has_the_layers_of_both(void **state)
{
	struct build_world *w = *state;
	auto_free char *first = NULL, *second = NULL;

	tmpdir_file(&w->dir, "ctx/a", "1");
	build_world_ok(w, "FROM scratch AS one\nENV A=b\nCOPY a /$A\nFROM one\nCOPY a /c\n");
	first = build_world_layer(w, 0, false);
	second = build_world_layer(w, 1, false);
	assert_string_equal(first, "f 0644 0:0 b = 1\n");
	assert_string_equal(second, "f 0644 0:0 c = 1\n");
}

static void steps_are_counted_in_their_stage(void **state)
{
	struct build_world *w = *state;

	build_world_ok(w, "FROM scratch AS app\nENV A=1\nRUN a\nWORKDIR /x\n");
	assert_true(recorder_has(&w->progress, "begin s0-from: [app 1/3] FROM scratch\n"));
	assert_true(recorder_has(&w->progress, "begin s0-1: [app 2/3] RUN a\nend s0-1"));
	assert_true(recorder_has(&w->progress, "begin s0-2: [app 3/3] WORKDIR /x\nend s0-2"));
	assert_false(recorder_has(&w->progress, "ENV"));
}

static void an_argument_nobody_declares_is_a_warning(void **state)
{
	struct build_world *w = *state;

	strv_add(&w->opt.build_args, "TYPO=1");
	build_world_ok(w, "FROM scratch\n");
	assert_true(recorder_has(&w->progress, "warn: --build-arg TYPO: "));
}

static void assert_created(struct build_world *w, const char *dockerfile, const char *when)
{
	auto_config struct oci_config *c = NULL;

	build_world_ok(w, dockerfile);
	c = build_world_config(w);
	assert_string_equal(c->created, when);
	assert_string_equal(c->history[c->nr_history - 1].created, when);
}

static void an_argument_sets_the_time_and_an_option_another(void **state)
{
	struct build_world *w = *state;

	assert_created(w, "ARG SOURCE_DATE_EPOCH=5\nFROM scratch\nWORKDIR /x\n",
		       "1970-01-01T00:00:05Z");
	strv_add(&w->opt.build_args, "SOURCE_DATE_EPOCH=6");
	assert_created(w, "ARG SOURCE_DATE_EPOCH=5\nFROM scratch\nWORKDIR /x\n",
		       "1970-01-01T00:00:06Z");
	w->opt.has_epoch = true;
	w->opt.epoch = 7;
	assert_created(w,
		       "FROM scratch\nARG SOURCE_DATE_EPOCH\nWORKDIR /x\n"
		       "ENV E=$SOURCE_DATE_EPOCH\n",
		       "1970-01-01T00:00:07Z");
	assert_false(recorder_has(&w->progress, "warn"));
}

/* -- bases ------------------------------------------------------------------------- */

static void an_image_of_our_own_store_is_a_base(void **state)
{
	struct build_world *w = *state;
	auto_config struct oci_config *c = NULL;
	auto_free char *layer = NULL;

	tmpdir_file(&w->dir, "ctx/a", "1");
	strv_add(&w->opt.tags, "base:1");
	build_world_ok(w, "FROM scratch\nENV A=1\nCOPY a /a\nCMD [\"x\"]\n");
	strv_release(&w->opt.tags);
	w->opt.tags = (struct strv)STRV_INIT;
	build_world_ok(w, "FROM base:1\nCOPY a /b\n");
	c = build_world_config(w);
	layer = build_world_layer(w, 1, false);
	assert_int_equal(c->nr_diff_ids, 2);
	assert_string_equal(strv_env_get(&c->env, "A"), "1");
	assert_string_equal(layer, "f 0644 0:0 b = 1\n");
	assert_int_equal(c->nr_history, 4);
}

/* Somebody is making it, or was when they were killed. */
static void a_store_without_its_mark_is_an_empty_one(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "root/store/index.json.lock", "");
	assert_says(build_world_fails(w, "FROM base:1\n"), "no image 'docker.io/library/base:1'");
}

static void a_base_is_unpacked_once(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/a", "1");
	strv_add(&w->opt.tags, "base");
	build_world_ok(w, "FROM scratch\nCOPY a /a\n");
	build_world_ok(w, "FROM base\nRUN x\n");
	assert_true(recorder_has(&w->progress, "begin unpack base"));
	recorder_clear(&w->progress);
	build_world_ok(w, "FROM scratch\nCOPY a /a\n");
	build_world_ok(w, "FROM base\nRUN x\n");
	assert_false(recorder_has(&w->progress, "unpack"));
}

static void a_build_that_only_changes_the_configuration_unpacks_nothing(void **state)
{
	struct build_world *w = *state;
	auto_manifest struct oci_manifest m = { 0 };

	tmpdir_file(&w->dir, "ctx/a", "1");
	strv_add(&w->opt.tags, "base");
	build_world_ok(w, "FROM scratch\nCOPY a /a\n");
	w->env.sandbox = NULL;
	build_world_ok(w, "FROM base\nENV A=1\n");
	build_world_manifest(w, &m);
	assert_int_equal(m.nr_layers, 1);
	assert_false(recorder_has(&w->progress, "unpack"));
}

static void a_layout_is_a_base_by_name(void **state)
{
	struct build_world *w = *state;
	auto_free char *out = mem_printf("type=oci,tar=false,dest=%s/layout", w->dir.path);
	auto_free char *context = mem_printf("python:3=oci-layout://%s/layout", w->dir.path);
	auto_free char *layer = NULL;
	struct err e = ERR_INIT;

	tmpdir_file(&w->dir, "ctx/a", "1");
	assert_int_equal(build_output_parse(&w->opt, out, &e), 0);
	build_world_ok(w, "FROM scratch\nCOPY a /a\n");
	build_options_release(&w->opt);
	w->opt.context = w->context;
	strv_add(&w->opt.contexts, context);
	build_world_ok(w, "FROM python:3\nRUN x\n");
	layer = build_world_layer(w, 0, false);
	assert_string_equal(layer, "f 0644 0:0 a = 1\n");
}

static void a_base_that_nobody_has_is_absent(void **state)
{
	struct build_world *w = *state;

	assert_says(build_world_fails(w, "ARG X\nFROM nope:1\n"),
		    "Dockerfile:2: FROM nope:1: no image 'docker.io/library/nope:1'");
	assert_int_equal(w->err.kind, ERR_ABSENT);
}

static void an_absent_image_may_be_a_stage_with_a_slip_in_it(void **state)
{
	struct build_world *w = *state;

	assert_says(build_world_fails(w, "FROM scratch AS builder\nFROM bulder\n"),
		    ": no stage is called so (did you mean builder?)");
	assert_int_equal(w->err.kind, ERR_ABSENT);
	assert_says(build_world_fails(w, "FROM scratch AS builder\nFROM scratch\n"
					 "COPY --from=bulder /a /\n"),
		    ": no stage is called so (did you mean builder?)");
	/* only stages that can be meant */
	assert_says(build_world_fails(w, "FROM bulder AS builder\n"), "bulder:latest'");
	assert_null(strstr(w->err.text, "did you mean"));
}

static void a_damaged_base_layer_is_named_and_not_used(void **state)
{
	struct build_world *w = *state;
	auto_manifest struct oci_manifest m = { 0 };
	auto_free char *blob = NULL;
	const char *said;

	tmpdir_file(&w->dir, "ctx/a", "1");
	strv_add(&w->opt.tags, "base");
	build_world_ok(w, "FROM scratch\nCOPY a /a\n");
	build_world_manifest(w, &m);
	blob = mem_printf(
		"chmod u+w '%s/store/blobs/sha256/%s' && printf x | dd of='%s/store/blobs/"
		"sha256/%s' bs=1 seek=30 conv=notrunc status=none",
		w->root, oci_digest_hex(&m.layers[0].digest), w->root,
		oci_digest_hex(&m.layers[0].digest));
	assert_int_equal(system(blob), 0);
	said = build_world_fails(w, "FROM base\nRUN x\n");
	assert_says(said, m.layers[0].digest.text);
	assert_int_equal(w->err.kind, ERR_CORRUPT);
}

/* An image like base, but with the layer of other. */
static void forge(struct build_world *w, const struct oci_manifest *base,
		  const struct oci_manifest *other)
{
	auto_free char *path = mem_printf("%s/store", w->root);
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX);
	auto_manifest struct oci_manifest m = { 0 };
	auto_descriptor struct oci_descriptor d = { 0 };
	auto_store struct oci_store *store = NULL;
	struct oci_platform host;
	struct err e = ERR_INIT;

	oci_platform_host(&host);
	oci_manifest_write(&text, base);
	assert_int_equal(oci_manifest_parse(&m, buf_span(&text), OCI_MEDIA_MANIFEST, &e), 0);
	m.layers[0].digest = other->layers[0].digest;
	m.layers[0].size_bytes = other->layers[0].size_bytes;
	buf_reset(&text);
	oci_manifest_write(&text, &m);
	assert_int_equal(oci_store_layout_open(&store, path, OCI_LAYOUT_CREATE, &e), 0);
	assert_int_equal(oci_store_write(store, buf_span(&text), &d.digest, &e), 0);
	d.media_type = mem_strdup(OCI_MEDIA_MANIFEST);
	d.size_bytes = text.len;
	assert_int_equal(oci_layout_set(store, "docker.io/library/forged:latest", &d, &host, &e),
			 0);
}

static void a_known_tree_is_not_taken_for_other_layers(void **state)
{
	struct build_world *w = *state;
	auto_manifest struct oci_manifest base = { 0 }, other = { 0 };

	tmpdir_file(&w->dir, "ctx/a", "1");
	build_world_ok(w, "FROM scratch\nCOPY a /other\n");
	build_world_manifest(w, &other);
	strv_add(&w->opt.tags, "base");
	build_world_ok(w, "FROM scratch\nCOPY a /a\n");
	build_world_manifest(w, &base);
	build_world_ok(w, "FROM base\nRUN x\n");
	build_world_ok(w, "FROM scratch\nCOPY a /a\n");
	forge(w, &base, &other);
	assert_says(build_world_fails(w, "FROM forged\nRUN x\n"), "the image's config says");
	assert_int_equal(w->err.kind, ERR_CORRUPT);
}

/* -- the result -------------------------------------------------------------------- */

static void two_builds_of_one_epoch_are_one_image(void **state)
{
	struct build_world *w = *state;
	struct oci_digest first;

	w->opt.has_epoch = true;
	w->opt.epoch = 1000000000;
	tmpdir_file(&w->dir, "ctx/a", "1");
	build_world_ok(w, "FROM scratch\nCOPY a /d/a\nWORKDIR /w\nENV A=1\n");
	first = w->result.manifest;
	fake_clock_advance(&w->clock, 5000);
	tmpdir_file(&w->dir, "ctx/a", "1");
	build_world_ok(w, "FROM scratch\nCOPY a /d/a\nWORKDIR /w\nENV A=1\n");
	assert_true(oci_digest_eq(&first, &w->result.manifest));
}

static void times_are_the_epochs_or_the_clocks(void **state)
{
	struct build_world *w = *state;
	auto_config struct oci_config *now = NULL, *then = NULL;
	auto_free char *layer = NULL;

	build_world_ok(w, "FROM scratch\nENV A=1\nWORKDIR /w\n");
	now = build_world_config(w);
	assert_string_equal(now->created, "2026-01-01T00:00:00Z");
	assert_string_equal(now->history[0].created, "2026-01-01T00:00:00Z");
	w->opt.has_epoch = true;
	w->opt.epoch = 0;
	build_world_ok(w, "FROM scratch\nWORKDIR /w\n");
	then = build_world_config(w);
	layer = build_world_layer(w, 0, true);
	assert_string_equal(then->created, "1970-01-01T00:00:00Z");
	assert_string_equal(then->history[0].created, "1970-01-01T00:00:00Z");
	assert_string_equal(layer, "d 0755 0:0 @0 w\n");
}

static void without_new_layers_nothing_is_younger_than_the_base(void **state)
{
	struct build_world *w = *state;
	auto_config struct oci_config *none = NULL, *c = NULL;
	struct oci_digest first;

	build_world_ok(w, "FROM scratch\nENV A=1\n");
	none = build_world_config(w);
	assert_null(none->created);
	strv_add(&w->opt.tags, "base");
	build_world_ok(w, "FROM scratch\nWORKDIR /w\n");
	strv_release(&w->opt.tags);
	w->opt.tags = (struct strv)STRV_INIT;
	fake_clock_advance(&w->clock, 1000000);
	build_world_ok(w, "FROM base\nENV A=1\n");
	first = w->result.manifest;
	fake_clock_advance(&w->clock, 1000000);
	build_world_ok(w, "FROM base\nENV A=1\n");
	assert_string_equal(w->result.manifest.text, first.text);
	c = build_world_config(w);
	assert_string_equal(c->created, "2026-01-01T00:00:00Z");
	assert_string_equal(c->history[1].created, "2026-01-01T00:00:00Z");
	/* an epoch is never exceeded, though the base keeps what it says */
	oci_config_free(STEAL(&c));
	w->opt.has_epoch = true;
	w->opt.epoch = 5;
	build_world_ok(w, "FROM base\n");
	c = build_world_config(w);
	assert_string_equal(c->created, "1970-01-01T00:00:05Z");
	assert_string_equal(c->history[0].created, "2026-01-01T00:00:00Z");
}

static void labels_of_the_command_line_come_last(void **state)
{
	struct build_world *w = *state;
	auto_config struct oci_config *c = NULL;

	strv_add(&w->opt.labels, "a=option");
	build_world_ok(w, "FROM scratch\nLABEL a=file b=file\n");
	c = build_world_config(w);
	assert_string_equal(strv_env_get(&c->labels, "a"), "option");
	assert_string_equal(strv_env_get(&c->labels, "b"), "file");
	assert_int_equal(c->nr_history, 1);
}

static void a_build_without_a_sandbox_says_why(void **state)
{
	struct build_world *w = *state;
	struct err why = ERR_INIT;

	err_set(&why, ERR_IMPOSSIBLE, "unshare: not permitted");
	w->env.sandbox = NULL;
	w->env.no_sandbox = &why;
	assert_says(build_world_fails(w, "FROM scratch\nRUN x\n"), "unshare: not permitted");
	assert_int_equal(w->err.kind, ERR_IMPOSSIBLE);
}

/* -- what is left ------------------------------------------------------------------ */

static void a_failed_build_leaves_the_store_as_it_was(void **state)
{
	struct build_world *w = *state;
	auto_free char *before = NULL, *after = NULL;
	int one = 1 << 8;

	strv_add(&w->opt.tags, "x");
	tmpdir_file(&w->dir, "ctx/a", "1");
	build_world_ok(w, "FROM scratch\nCOPY a /a\n");
	before = tmpdir_read(&w->dir, "root/store/index.json");
	w->sandbox.on_run = exit_with;
	w->sandbox.arg = &one;
	build_world_fails(w, "FROM scratch\nCOPY a /b\nRUN false\n");
	after = tmpdir_read(&w->dir, "root/store/index.json");
	assert_string_equal(before, after);
	assert_no_leftovers(w);
}

static int cancel_now(struct fake_sandbox *f, struct sandbox_tree *t, const struct run_spec *spec,
		      int *status, struct err *e)
{
	(void)t, (void)spec, (void)status, (void)e;
	cancel_set(f->arg, SIGINT);
	return 0;
}

static void a_cancelled_build_ends_between_steps_and_cleans_up(void **state)
{
	struct build_world *w = *state;
	struct cancel cancel;
	struct err e = ERR_INIT;

	assert_int_equal(cancel_init(&cancel, &e), 0);
	w->op.cancel = &cancel;
	w->sandbox.on_run = cancel_now;
	w->sandbox.arg = &cancel;
	build_world_fails(w, "FROM scratch\nRUN a\nRUN b\n");
	assert_int_equal(w->err.kind, ERR_CANCELLED);
	assert_int_equal(w->sandbox.runs, 1);
	assert_int_equal(w->sandbox.opened, w->sandbox.closed);
	assert_false(tmpdir_has(&w->dir, "root/store"));
	assert_no_leftovers(w);
	cancel_release(&cancel);
}

static void waiting_for_standard_input_can_be_cancelled(void **state)
{
	struct build_world *w = *state;
	struct build_result result;
	struct cancel cancel;
	struct err e = ERR_INIT;
	int p[2], before = dup(STDIN_FILENO);

	assert_int_equal(cancel_init(&cancel, &e), 0);
	assert_int_equal(pipe(p), 0);
	assert_int_equal(dup2(p[0], STDIN_FILENO), STDIN_FILENO);
	cancel_set(&cancel, SIGTERM);
	w->op.cancel = &cancel;
	w->opt.dockerfile = "-";
	alarm(10); /* where the test would wait for ever */
	assert_int_equal(oci_build(&result, &w->op, &w->env, &w->opt, &e), -1);
	alarm(0);
	assert_int_equal(e.kind, ERR_CANCELLED);
	dup2(before, STDIN_FILENO);
	close(before);
	close(p[0]);
	close(p[1]);
	cancel_release(&cancel);
}

static void cancel_asleep(struct fake_clock *fc, int64_t ms)
{
	(void)ms;
	cancel_set(fc->arg, SIGTERM);
}

static void waiting_for_a_prune_can_be_cancelled(void **state)
{
	struct build_world *w = *state;
	auto_close int lock = -1;
	struct cancel cancel;
	struct err e = ERR_INIT;

	tmpdir_dir(&w->dir, "root");
	tmpdir_dir(&w->dir, "root/cache");
	lock = fs_lock(w->dir.fd, "root/cache/" CACHE_LOCK, false, &e);
	assert_true(lock >= 0);
	assert_int_equal(cancel_init(&cancel, &e), 0);
	w->op.cancel = &cancel;
	w->clock.on_sleep = cancel_asleep;
	w->clock.arg = &cancel;
	alarm(10); /* where the test would wait for ever */
	build_world_fails(w, "FROM scratch\nCOPY Dockerfile /\n");
	alarm(0);
	assert_int_equal(w->err.kind, ERR_CANCELLED);
	assert_no_leftovers(w);
	cancel_release(&cancel);
}

static void wrong_input_is_found_before_anything_is_made(void **state)
{
	struct build_world *w = *state;

	assert_says(build_world_fails(w, "FROM scratch\nRUNN x\n"), "Dockerfile:2: ");
	assert_int_equal(w->err.kind, ERR_INPUT);
	strv_add(&w->opt.tags, "UPPER");
	assert_says(build_world_fails(w, "FROM scratch\n"), "--tag");
	assert_int_equal(w->err.kind, ERR_INPUT);
	assert_false(tmpdir_has(&w->dir, "root"));
}

static void a_missing_dockerfile_is_absent(void **state)
{
	struct build_world *w = *state;
	struct build_result result;
	struct err e = ERR_INIT;

	assert_int_equal(oci_build(&result, &w->op, &w->env, &w->opt, &e), -1);
	assert_int_equal(e.kind, ERR_ABSENT);
	assert_says(e.text, "no Dockerfile");
}

/* -- to registries -------------------------------------------------------------------- */

/* Writes down in f->told what a build asks of it. */
struct fake_sink {
	struct image_sink base;
	struct buf told;
};

static void fake_expect(struct image_sink *sink, struct op *op, const struct strv *names)
{
	auto_free char *all = strv_join(names, " ");

	(void)op;
	buf_addf(&CONTAINER_OF(sink, struct fake_sink, base)->told, "expect %s\n", all);
}

static void fake_send(struct image_sink *sink, struct oci_store *from,
		      const struct oci_descriptor *blob)
{
	assert_true(oci_store_has(from, &blob->digest, NULL));
	buf_add_str(&CONTAINER_OF(sink, struct fake_sink, base)->told, "send\n");
}

static int fake_put(struct image_sink *sink, struct op *op, const struct image_sink_job *job,
		    struct err *e)
{
	(void)op, (void)job, (void)e;
	buf_add_str(&CONTAINER_OF(sink, struct fake_sink, base)->told, "put\n");
	return 0;
}

static void fake_settle(struct image_sink *sink, bool wanted)
{
	buf_add_str(&CONTAINER_OF(sink, struct fake_sink, base)->told,
		    wanted ? "settle\n" : "give up\n");
}

static int tell_command(struct fake_sandbox *f, struct sandbox_tree *t, const struct run_spec *spec,
			int *status, struct err *e)
{
	(void)t, (void)e;
	buf_addf(f->arg, "run %s\n", spec->argv.v[2]);
	*status = strcmp(spec->argv.v[2], "fail") == 0 ? 1 << 8 : 0;
	return 0;
}

/* Without workers all is done in the order in which it is asked for. */
static void fake_sink_init(struct fake_sink *sink, struct build_world *w,
			   struct build_output *output)
{
	*sink = (struct fake_sink){ .base = { .put = fake_put,
					      .expect = fake_expect,
					      .send = fake_send,
					      .settle = fake_settle } };
	buf_init(&sink->told, BUF_SMALL);
	*output = (struct build_output){ .type = BUILD_OUTPUT_IMAGE, .push = true };
	w->env.sink = &sink->base;
	w->opt.outputs = output;
	w->opt.nr_outputs = 1;
	strv_add(&w->opt.tags, "r.example/a:1");
	w->sandbox.on_run = tell_command;
	w->sandbox.arg = &sink->told;
}

static void fake_sink_release(struct fake_sink *sink, struct build_world *w)
{
	w->opt.outputs = NULL;
	w->opt.nr_outputs = 0;
	buf_release(&sink->told);
}

static void a_layer_is_sent_before_the_next_step_runs(void **state)
{
	struct build_world *w = *state;
	struct build_output output;
	struct fake_sink sink;

	fake_sink_init(&sink, w, &output);
	build_world_ok(w, "FROM scratch AS other\nRUN aside\n"
			  "FROM scratch\nRUN a\nRUN b\nCOPY --from=other / /\n");
	assert_string_equal(buf_str(&sink.told), "expect r.example/a:1\nrun aside\nrun a\nsend\n"
						 "run b\nsend\nsend\nput\nsettle\n");
	buf_reset(&sink.told);
	build_world_ok(w, "FROM scratch AS other\nRUN aside\n"
			  "FROM scratch\nRUN a\nRUN b\nCOPY --from=other / /\n");
	assert_string_equal(buf_str(&sink.told), "expect r.example/a:1\nput\nsettle\n");
	fake_sink_release(&sink, w);
}

static void a_build_that_fails_settles_what_it_sends(void **state)
{
	struct build_world *w = *state;
	struct build_output output;
	struct fake_sink sink;

	fake_sink_init(&sink, w, &output);
	build_world_fails(w, "FROM scratch\nRUN a\nRUN fail\n");
	assert_string_equal(buf_str(&sink.told),
			    "expect r.example/a:1\nrun a\nsend\nrun fail\ngive up\n");
	fake_sink_release(&sink, w);
}

static void a_dockerfile_may_lie_elsewhere(void **state)
{
	struct build_world *w = *state;
	auto_free char *path = mem_printf("%s/other/file", w->dir.path);
	struct build_result result;
	struct err e = ERR_INIT;

	tmpdir_file(&w->dir, "other/file", "FROM scratch\nCOPY nope /\n");
	w->opt.dockerfile = path;
	assert_int_equal(oci_build(&result, &w->op, &w->env, &w->opt, &e), -1);
	assert_says(e.text, "other/file:2: COPY nope /: ");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_run_gets_its_stages_variables_and_nothing_else),
		TEST(home_comes_from_the_images_passwd),
		TEST(history_shows_run_with_its_args),
		TEST(mount_points_lie_below_a_base_with_etc_and_in_no_layer),
		TEST(a_run_that_fails_names_its_line_and_status),
		TEST(a_long_run_is_cut_in_messages),
		TEST(only_what_the_target_needs_is_built),
		TEST(a_stage_on_a_stage_has_the_layers_of_both),
		TEST(steps_are_counted_in_their_stage),
		TEST(an_argument_nobody_declares_is_a_warning),
		TEST(an_argument_sets_the_time_and_an_option_another),
		TEST(an_image_of_our_own_store_is_a_base),
		TEST(a_store_without_its_mark_is_an_empty_one),
		TEST(a_base_is_unpacked_once),
		TEST(a_build_that_only_changes_the_configuration_unpacks_nothing),
		TEST(a_layout_is_a_base_by_name),
		TEST(a_base_that_nobody_has_is_absent),
		TEST(an_absent_image_may_be_a_stage_with_a_slip_in_it),
		TEST(a_damaged_base_layer_is_named_and_not_used),
		TEST(a_known_tree_is_not_taken_for_other_layers),
		TEST(two_builds_of_one_epoch_are_one_image),
		TEST(times_are_the_epochs_or_the_clocks),
		TEST(without_new_layers_nothing_is_younger_than_the_base),
		TEST(labels_of_the_command_line_come_last),
		TEST(a_build_without_a_sandbox_says_why),
		TEST(a_failed_build_leaves_the_store_as_it_was),
		TEST(a_cancelled_build_ends_between_steps_and_cleans_up),
		TEST(waiting_for_standard_input_can_be_cancelled),
		TEST(waiting_for_a_prune_can_be_cancelled),
		TEST(wrong_input_is_found_before_anything_is_made),
		TEST(a_missing_dockerfile_is_absent),
		TEST(a_layer_is_sent_before_the_next_step_runs),
		TEST(a_build_that_fails_settles_what_it_sends),
		TEST(a_dockerfile_may_lie_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
