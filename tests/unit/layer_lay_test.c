/*
 * One list of changes three ways: seen as a tree, laid down as a directory, and packed as a layer that is
 * applied: all look the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "base/cancel.h"
#include "base/mem.h"
#include "oci/layer/apply.h"
#include "oci/layer/builder.h"
#include "oci/layer/lay.h"
#include "oci/layer/tree_dir.h"
#include "oci/layer/tree_list.h"
#include "oci/layer/tree_stack.h"
#include "oci/layer/write.h"
#include "tests/fakes/layer_disk.h"
#include "tests/fakes/layer_text.h"
#include "tests/fakes/tmpdir.h"

struct world {
	struct disk below, src, laid;
	struct tree *below_tree;
	struct layer_listing listing;
	struct layer_changes changes; /* the same */
	struct err e;
};

static void must(struct world *w, int r)
{
	if (r < 0)
		fail_msg("%s", w->e.text);
}

static int set_up(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));
	struct disk *d = &w->below;

	w->listing = LISTING_INIT;
	disk_open(&w->laid);
	disk_open(&w->src);
	disk_file(&w->src, "1", "first");
	disk_file(&w->src, "2", "second");
	disk_open(d);
	disk_dir(d, "etc");
	disk_file(d, "etc/a", "old");
	disk_file(d, "etc/b", "b");
	disk_dir(d, "etc/deep");
	disk_file(d, "etc/deep/f", "f");
	disk_dir(d, "var");
	disk_file(d, "var/x", "x");
	disk_settle(d);
	must(w, tree_dir_open(&w->below_tree, d->fd, NULL, &w->e));
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	layer_changes_release(&w->changes);
	listing_release(&w->listing);
	tree_free(w->below_tree);
	disk_close(&w->below);
	disk_close(&w->src);
	disk_close(&w->laid);
	free(w);
	return 0;
}

static void put(struct world *w, struct layer_builder *b, const char *path, mode_t mode,
		struct layer_file f)
{
	f.st.st_mode = mode;
	f.st.st_mtim = (struct timespec){ .tv_sec = DISK_TIME + 5 };
	must(w, layer_builder_put(b, path, &f, &w->e));
}

static struct layer_file bytes_of(struct world *w, char *name)
{
	struct stat st;

	assert_int_equal(fstatat(w->src.fd, name, &st, 0), 0);
	return (struct layer_file){ .st = { .st_size = st.st_size, .st_uid = 7, .st_gid = 8 },
				    .origin = { .dirfd = w->src.fd, .path = name } };
}

/* Something of everything. */
static void make_changes(struct world *w)
{
	const struct timespec now = { .tv_sec = DISK_TIME + 9 };
	auto_layer_builder struct layer_builder *b = layer_builder_new(w->below_tree, &now);
	char one[] = "1", two[] = "2";
	struct layer_file f = bytes_of(w, one);

	put(w, b, "etc/new", S_IFREG | 04755, f);
	f = bytes_of(w, two);
	f.same = 3;
	put(w, b, "z", S_IFREG | 0600, f);
	put(w, b, "etc/z", S_IFREG | 0600, f);
	put(w, b, "l", S_IFLNK | 0777, (struct layer_file){ .link = "etc/z" });
	put(w, b, "etc/fifo", S_IFIFO | 0640, (struct layer_file){ .link = NULL });
	put(w, b, "null", S_IFCHR | 0666, (struct layer_file){ .st.st_rdev = makedev(1, 3) });
	must(w, layer_builder_remove(b, "etc/a", &w->e));
	must(w, layer_builder_remove(b, "etc/deep", &w->e));
	put(w, b, "etc/deep", S_IFDIR | 0700, (struct layer_file){ .link = NULL });
	must(w, layer_builder_remove(b, "var", &w->e));
	must(w, layer_builder_list(&w->listing, b, &w->e));
	listing_expand(&w->changes, &w->listing);
}

static void lay(struct world *w)
{
	must(w, layer_lay_down(NULL, &w->changes, w->laid.fd, NULL, &w->e));
}

/* The list over what lies below, as text. */
static char *stack_text(struct world *w)
{
	struct tree *both[2] = { tree_list_new(&w->changes, -1), w->below_tree };
	auto_tree struct tree *stack = tree_stack_new(both, 2);
	char *text = tree_text(stack, true);

	tree_free(both[0]);
	return text;
}

static void assert_laid(struct world *w)
{
	static const struct tree_dir_options upper = { .is_upper = true };
	struct tree *both[2] = { NULL, w->below_tree };
	struct tree *stack;
	auto_free char *want = NULL, *got = NULL;

	must(w, tree_dir_open(&both[0], w->laid.fd, &upper, &w->e));
	stack = tree_stack_new(both, 2);
	got = tree_text(stack, true);
	want = stack_text(w);
	assert_string_equal(got, want);
	assert_non_null(strstr(got, "h z == etc/z"));
	assert_null(strstr(got, "var"));
	tree_free(stack);
	tree_free(both[0]);
}

static void a_list_laid_down_over_a_tree_looks_as_it_does_over_it(void **state)
{
	struct world *w = *state;

	make_changes(w);
	lay(w);
	assert_laid(w);
}

static void so_does_one_in_bytes(void **state)
{
	struct world *w = *state;

	make_changes(w);
	must(w, layer_lay_down_listing(NULL, &w->listing, w->laid.fd, NULL, &w->e));
	assert_laid(w);
}

static void its_layer_applied_to_a_tree_gives_the_same(void **state)
{
	struct world *w = *state;
	auto_buf struct buf tar = BUF_INIT(BUF_SMALL);
	struct buf_sink to;
	struct span_source from;
	auto_free char *want = NULL, *got = NULL;

	make_changes(w);
	want = stack_text(w);
	must(w, layer_write(NULL, &w->changes, -1, buf_sink_init(&to, &tar), NULL, &w->e));
	must(w,
	     layer_apply(NULL, w->below.fd, span_source_init(&from, buf_span(&tar)), NULL, &w->e));
	got = disk_text(&w->below, true);
	assert_string_equal(got, want);
}

static void what_is_laid_down_is_read_as_the_same_changes(void **state)
{
	struct world *w = *state;
	auto_changes struct layer_changes again = { 0 };
	static const char opaque[] = "O etc/deep\n";
	auto_free char *text = NULL, *want = NULL, *got = NULL;
	const char *at;

	make_changes(w);
	lay(w);
	must(w, layer_changes_from_upper(&again, NULL, w->laid.fd, &w->below.fd, 1, &w->e));
	text = changes_text(&w->changes);
	at = strstr(text, opaque);
	assert_non_null(at);
	/* what the builder calls opaque is told name by name when it is read */
	want = mem_printf("%.*s+ etc/deep\n- etc/deep/f\n%s", (int)(at - text), text,
			  at + strlen(opaque));
	got = changes_text(&again);
	assert_string_equal(got, want);
}

static void kernels_show_what_a_stack_shows(void **state)
{
	struct world *w = *state;
	auto_free char *want = NULL;
	int status;
	pid_t pid;

	make_changes(w);
	lay(w);
	want = stack_text(w);
	pid = fork();
	if (!pid) {
		struct tmpdir d;
		auto_free char *opt = NULL, *got = NULL;
		struct disk merged = { .fd = -1 };

		tmpdir_init(&d);
		if (!tmpdir_own_mounts(&d))
			_exit(2);
		opt = mem_printf("lowerdir=%s:%s", w->laid.path, w->below.path);
		if (mount("overlay", ".", "overlay", 0, opt) < 0)
			_exit(2);
		merged.fd = open(d.path, O_RDONLY | O_DIRECTORY);
		got = disk_text(&merged, true);
		/* what is a mount point cannot be removed */
		while (umount2(d.path, MNT_DETACH) == 0)
			continue;
		rmdir(d.path);
		if (strcmp(got, want) != 0)
			fprintf(stderr, "%s\n--- is not\n%s\n", got, want);
		_exit(strcmp(got, want) != 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WEXITSTATUS(status) == 2)
		skip();
	assert_int_equal(status, 0);
}

static void a_directory_keeps_its_time_to_the_nanosecond(void **state)
{
	struct world *w = *state;
	const struct timespec now = { .tv_sec = 5, .tv_nsec = 123456789 };
	auto_layer_builder struct layer_builder *b = layer_builder_new(NULL, &now);
	const struct layer_file dir = { .st.st_mode = S_IFDIR | 0750 };
	struct stat st;

	must(w, layer_builder_make_dirs(b, "a/b/c", &dir, &w->e));
	must(w, built_changes(&w->changes, b, &w->e));
	lay(w);
	assert_int_equal(fstatat(w->laid.fd, "a/b", &st, 0), 0);
	assert_int_equal(st.st_mtim.tv_sec, 5);
	assert_int_equal(st.st_mtim.tv_nsec, 123456789);
	assert_int_equal(st.st_mode & 07777, 0750);
}

static void in_a_user_namespace_the_mark_is_a_users(void **state)
{
	static const struct layer_lay_options opt = { .tree_fd = -1, .userxattr = true };
	struct world *w = *state;
	auto_free char *path = mem_printf("%s/etc/deep", w->laid.path);
	char v[2] = "";

	make_changes(w);
	must(w, layer_lay_down(NULL, &w->changes, w->laid.fd, &opt, &w->e));
	if (lgetxattr(path, "user.overlay.opaque", v, 1) < 0 && errno == ENOTSUP)
		skip();
	assert_string_equal(v, "y");
}

static void holes_stay_holes(void **state)
{
	struct world *w = *state;
	const struct timespec now = { .tv_sec = 1 };
	auto_layer_builder struct layer_builder *b = layer_builder_new(NULL, &now);
	auto_close int fd = openat(w->src.fd, "sparse", O_RDWR | O_CREAT | O_EXCL, 0644);
	char name[] = "sparse";
	struct stat st;

	assert_int_equal(ftruncate(fd, 4 << 20), 0);
	assert_int_equal(pwrite(fd, "x", 1, 1 << 20), 1);
	put(w, b, "f", S_IFREG | 0644, bytes_of(w, name));
	must(w, built_changes(&w->changes, b, &w->e));
	lay(w);
	assert_int_equal(fstatat(w->laid.fd, "f", &st, 0), 0);
	assert_int_equal(st.st_size, 4 << 20);
	assert_true(st.st_blocks * 512 < 1 << 20);
}

static void a_file_that_changed_is_named(void **state)
{
	struct world *w = *state;

	make_changes(w);
	disk_file(&w->src, "1", "longer than it was");
	assert_int_equal(layer_lay_down(NULL, &w->changes, w->laid.fd, NULL, &w->e), -1);
	assert_non_null(strstr(w->e.text, "'etc/new': it changed"));
}

static void a_cancelled_one_ends(void **state)
{
	struct world *w = *state;
	struct cancel cancel;
	struct op op = { .cancel = &cancel };

	must(w, cancel_init(&cancel, &w->e));
	make_changes(w);
	cancel_set(&cancel, SIGTERM);
	assert_int_equal(layer_lay_down(&op, &w->changes, w->laid.fd, NULL, &w->e), -1);
	assert_int_equal(w->e.kind, ERR_CANCELLED);
	cancel_release(&cancel);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_list_laid_down_over_a_tree_looks_as_it_does_over_it),
		TEST(so_does_one_in_bytes),
		TEST(its_layer_applied_to_a_tree_gives_the_same),
		TEST(what_is_laid_down_is_read_as_the_same_changes),
		TEST(kernels_show_what_a_stack_shows),
		TEST(a_directory_keeps_its_time_to_the_nanosecond),
		TEST(in_a_user_namespace_the_mark_is_a_users),
		TEST(holes_stay_holes),
		TEST(a_file_that_changed_is_named),
		TEST(a_cancelled_one_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
