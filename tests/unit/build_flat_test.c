/*
 * Whole builds in a sandbox that sees one directory: a RUN is a shell command in it. What must come out
 * is written down, so that the other sandboxes' tests say the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/walk.h"
#include "oci/build/flat.h"
#include "oci/build/stage.h"
#include "tests/fakes/build_world.h"

struct world {
	struct build_world build;
	/* a worker that is busy until the RUN number `until` is over */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned runs, until;
};

/* The command line's last word, in the tree. What is mounted is read from /proc/self/fd/NUMBER. */
static int shell(struct fake_sandbox *f, struct sandbox_tree *t, const struct run_spec *spec,
		 int *status, struct err *e)
{
	struct world *w = f->arg;
	auto_free char *line = mem_printf("exec 2>&1; cd /proc/%d/fd/%d && { %s\n}", getpid(),
					  t->root_fd, spec->argv.v[spec->argv.n - 1]);
	auto_free char *mount =
		spec->nr_mounts ? mem_printf("/proc/%d/fd/%d", getpid(), spec->mounts[0].fd) : NULL;

	(void)e;
	setenv("MOUNT", mount ? mount : "", 1);
	*status = system(line);
	pthread_mutex_lock(&w->lock);
	w->runs++;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	return 0;
}

static int setup(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));

	build_world_init(&w->build);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	w->build.sandbox.base.is_flat = true;
	w->build.sandbox.on_run = shell;
	w->build.sandbox.arg = w;
	tmpdir_file(&w->build.dir, "ctx/a", "1");
	tmpdir_file(&w->build.dir, "ctx/b", "2");
	*state = w;
	return 0;
}

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
	assert_int_equal(faccessat(w->dir.fd, "root/cache/trees", F_OK, 0) == 0 &&
				 unlinkat(w->dir.fd, "root/cache/trees", AT_REMOVEDIR) < 0,
			 0);
	assert_int_equal(w->sandbox.opened, w->sandbox.closed);
}

static int teardown(void **state)
{
	struct world *w = *state;

	assert_no_leftovers(&w->build);
	build_world_release(&w->build);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->changed);
	free(w);
	return 0;
}

static void assert_layer(struct world *w, size_t index, const char *want)
{
	auto_free char *got = build_world_layer(&w->build, index, false);

	assert_string_equal(got, want);
}

static void set_tag(struct world *w, const char *tag)
{
	strv_release(&w->build.opt.tags);
	w->build.opt.tags = (struct strv)STRV_INIT;
	if (tag)
		strv_add(&w->build.opt.tags, tag);
}

static void assert_says(const char *said, const char *part)
{
	if (!strstr(said, part))
		fail_msg("'%s' is not in '%s'", part, said);
}

static void what_a_run_changes_is_its_layer(void **state)
{
	struct world *w = *state;

	build_world_ok(&w->build, "FROM scratch\nCOPY a b /d/\n"
				  "RUN rm d/b; printf 3 >d/a; mkdir -m 755 n; ln -s d n/l\n"
				  "RUN rm -r n; chmod 600 d/a\n");
	assert_layer(w, 0, "d 0755 0:0 d\nf 0644 0:0 d/a = 1\nf 0644 0:0 d/b = 2\n");
	assert_layer(w, 1,
		     "d 0755 0:0 d\nf 0644 0:0 d/a = 3\nf 0000 0:0 d/.wh.b\n"
		     "d 0755 0:0 n\nl 0:0 n/l -> d\n");
	assert_layer(w, 2, "d 0755 0:0 d\nf 0600 0:0 d/a = 3\nf 0000 0:0 .wh.n\n");
}

static void what_steps_between_make_is_there_and_not_the_runs(void **state)
{
	struct world *w = *state;

	build_world_ok(&w->build, "FROM scratch\nRUN mkdir -m 755 d && printf 0 >d/a\n"
				  "COPY a /d/\nWORKDIR /w/x\nRUN cat d/a >w/x/y; test -d w/x\n");
	assert_layer(w, 3, "d 0755 0:0 w\nd 0755 0:0 w/x\nf 0644 0:0 w/x/y = 1\n");
}

static void a_run_that_changes_nothing_has_an_empty_layer(void **state)
{
	struct world *w = *state;

	build_world_ok(&w->build, "FROM scratch\nCOPY a b /\nRUN chown 0:0 a; touch -r b b; :\n");
	assert_layer(w, 1, "");
}

static void wait_for_runs(void *arg)
{
	struct world *w = arg;

	pthread_mutex_lock(&w->lock);
	while (w->runs < w->until)
		pthread_cond_wait(&w->changed, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

static void a_layer_has_what_its_run_left_though_the_next_changed_it(void **state)
{
	struct world *w = *state;
	struct pool_batch busy;
	struct err e = ERR_INIT;

	assert_int_equal(pool_new(&w->build.op.pool, 1, &e), 0);
	w->until = 3;
	pool_batch_init(&busy, w->build.op.pool);
	pool_submit(&busy, wait_for_runs, w);
	build_world_ok(&w->build, "FROM scratch\nRUN printf one >f; : >empty; printf x >gone\n"
				  "RUN printf two >f; rm gone\nRUN printf six >f\n");
	pool_batch_wait(&busy);
	assert_layer(w, 0, "f 0644 0:0 empty\nf 0644 0:0 f = one\nf 0644 0:0 gone = x\n");
	assert_layer(w, 1, "f 0644 0:0 f = two\nf 0000 0:0 .wh.gone\n");
	assert_layer(w, 2, "f 0644 0:0 f = six\n");
	pool_free(w->build.op.pool);
}

static void a_base_is_unpacked_as_its_layers_say(void **state)
{
	struct world *w = *state;

	set_tag(w, "base:1");
	build_world_ok(&w->build,
		       "FROM scratch\nCOPY a b /d/\nRUN rm d/b; printf old >f; printf o >o\n"
		       "RUN rm o; ln f g\n");
	set_tag(w, NULL);
	build_world_ok(&w->build, "FROM base:1\nRUN ls d >list; test ! -e o; chmod 600 d/a\n"
				  "RUN printf new >g\n");
	assert_layer(w, 3, "d 0755 0:0 d\nf 0600 0:0 d/a = 1\nf 0644 0:0 list = a\n\n");
	/* two names of one file that were there before: both are changed, each for itself */
	assert_layer(w, 4, "f 0644 0:0 f = new\nf 0644 0:0 g = new\n");
}

static void stages_have_their_own_trees(void **state)
{
	struct world *w = *state;

	build_world_ok(&w->build,
		       "FROM scratch AS one\nCOPY a /\nRUN printf 1 >x\n"
		       "FROM one AS two\nRUN printf 2 >x; rm a\n"
		       "FROM one\nCOPY --from=two x /two\nRUN cat x two >both; test -e a\n"
		       "COPY b /b\n");
	assert_layer(w, 2, "f 0644 0:0 two = 2\n");
	assert_layer(w, 3, "f 0644 0:0 both = 12\n");
	assert_layer(w, 4, "f 0644 0:0 b = 2\n");
}

static void a_stage_can_be_mounted_as_it_is_in_the_end(void **state)
{
	struct world *w = *state;

	build_world_ok(&w->build, "FROM scratch AS one\nCOPY a /\nRUN printf run >x\nCOPY b /a\n"
				  "FROM scratch AS two\nCOPY a b /\n"
				  "FROM scratch\n"
				  "RUN --mount=from=one,target=/m cat $MOUNT/x $MOUNT/a >one\n"
				  "RUN --mount=from=two,target=/m cat $MOUNT/a $MOUNT/b >two\n"
				  "RUN --mount=from=one,target=/m,rw printf w >$MOUNT/x\n"
				  "RUN --mount=from=one,target=/m cat $MOUNT/x >three\n");
	/* its packed layers were not touched by that */
	assert_layer(w, 0, "f 0644 0:0 one = run2\n");
}

static void triggers_run_in_it(void **state)
{
	struct world *w = *state;

	set_tag(w, "base:1");
	build_world_ok(&w->build, "FROM scratch\nRUN printf 1 >x\nONBUILD RUN printf 2 >>x\n"
				  "ONBUILD COPY a /\nONBUILD RUN cat a >>x\n");
	set_tag(w, NULL);
	build_world_ok(&w->build, "FROM base:1\nRUN printf 4 >>x\n");
	assert_layer(w, 1, "f 0644 0:0 x = 12\n");
	assert_layer(w, 3, "f 0644 0:0 x = 121\n");
	assert_layer(w, 4, "f 0644 0:0 x = 1214\n");
}

static void a_run_that_fails_leaves_nothing(void **state)
{
	struct world *w = *state;

	assert_says(build_world_fails(&w->build, "FROM scratch\nRUN printf 1 >x; exit 3\n"),
		    "Dockerfile:2: RUN");
}

static void a_name_that_means_a_deletion_is_an_error(void **state)
{
	struct world *w = *state;

	assert_says(build_world_fails(&w->build, "FROM scratch\nRUN : >.wh.x\n"), "'.wh.x'");
}

static void holes_stay_holes(void **state)
{
	struct world *w = *state;

	/* all of the workspace while the next RUN goes: the file, and its bytes aside for the layer */
	build_world_ok(&w->build,
		       "FROM scratch AS s\nRUN truncate -s 64M f; printf x >>f\n"
		       "RUN test $(du -sk \"$(pwd -P)/..\" | cut -f1) -lt 20000 && : >few\n"
		       /* and in a directory of a stage's own, made of the first's */
		       "FROM s\nRUN test $(stat -c %b f) -lt 1000 && stat -c %s f >size\n");
	assert_layer(w, 1, "f 0644 0:0 few\n");
	assert_layer(w, 2, "f 0644 0:0 size = 67108865\n\n");
}

static void what_is_aside_stays_open_when_the_tree_cannot_be_made(void **state)
{
	char nowhere[] = "/nonexistent";
	struct job j = { .ws.path = nowhere };
	struct stage st = { 0 };
	struct flat f = FLAT_INIT;
	struct err e = ERR_INIT;

	(void)state;
	f.aside = fs_open_dir("/", &e);
	f.nr_runs = 2;
	assert_int_equal(flat_bring(&f, &j, &st, "run", &e), -1);
	assert_true(f.aside >= 0 && fcntl(f.aside, F_GETFD) >= 0);
	assert_int_equal(f.nr_runs, 2);
	assert_int_equal(f.nr_tries, 1);
	flat_release(&f);
	assert_int_equal(f.aside, -1);
}

static void the_sandbox_says_where_trees_are(void **state)
{
	struct world *w = *state;
	char place[] = "/dev/shm/flat-XXXXXX";
	auto_free char *line = NULL;
	struct stat here, there;

	if (!mkdtemp(place) || stat(place, &there) < 0 || stat(w->build.root, &here) == 0 ||
	    stat(w->build.dir.path, &here) < 0 || here.st_dev == there.st_dev)
		skip();
	w->build.sandbox.base.flat_dir = place;
	line = mem_printf(
		"FROM scratch\nRUN pwd -P >where; grep -q %s/tmp where; printf 1 >where\n", place);
	build_world_ok(&w->build, line);
	assert_layer(w, 0, "f 0644 0:0 where = 1\n");
	free(line);
	line = mem_printf("test -z \"$(find %s -name 'build-*')\" && rm -r %s", place, place);
	assert_int_equal(system(line), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_a_run_changes_is_its_layer),
		TEST(what_steps_between_make_is_there_and_not_the_runs),
		TEST(a_run_that_changes_nothing_has_an_empty_layer),
		TEST(a_layer_has_what_its_run_left_though_the_next_changed_it),
		TEST(a_base_is_unpacked_as_its_layers_say),
		TEST(stages_have_their_own_trees),
		TEST(a_stage_can_be_mounted_as_it_is_in_the_end),
		TEST(triggers_run_in_it),
		TEST(a_run_that_fails_leaves_nothing),
		TEST(a_name_that_means_a_deletion_is_an_error),
		TEST(holes_stay_holes),
		cmocka_unit_test(what_is_aside_stays_open_when_the_tree_cannot_be_made),
		TEST(the_sandbox_says_where_trees_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
