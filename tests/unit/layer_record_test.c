/*
 * A tree is filled with its record kept, changed as a RUN might, and what the record says of it
 * compared with what it must be; also with what an overlay mount makes of the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/layer/apply.h"
#include "oci/layer/lay.h"
#include "oci/layer/record.h"
#include "oci/layer/tree_changes.h"
#include "oci/layer/tree_dir.h"
#include "oci/layer/write.h"
#include "tests/fakes/layer_disk.h"
#include "tests/fakes/layer_text.h"
#include "tests/fakes/tmpdir.h"

struct world {
	struct disk src; /* what the tree is filled with */
	struct disk t;
	struct tree *src_tree;
	struct layer_changes base, got;
	struct record *record;
	struct buf tar;
	struct err e;
};

static void must(struct world *w, int r)
{
	if (r < 0)
		fail_msg("%s", w->e.text);
}

static void fill_src(struct disk *d)
{
	disk_dir(d, "d");
	disk_file(d, "d/a", "aaaa");
	disk_file(d, "d/b", "b");
	disk_dir(d, "d/deep");
	disk_file(d, "d/deep/f", "f");
	disk_symlink(d, "d/l", "a");
	disk_node(d, "d/p", S_IFIFO | 0600, 0, 0);
	disk_dir(d, "e");
	disk_file(d, "e/x", "x");
	disk_file(d, "one", "1");
	disk_hard_link(d, "two", "one");
	disk_file(d, "z", "zz");
	disk_settle(d);
}

static int set_up(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));

	disk_open(&w->src);
	disk_open(&w->t);
	fill_src(&w->src);
	buf_init(&w->tar, 16u << 20);
	must(w, tree_dir_open(&w->src_tree, w->src.fd, NULL, &w->e));
	must(w, layer_changes_from_tree(&w->base, NULL, w->src_tree, &w->e));
	must(w, record_new(&w->record, w->t.fd, &w->e));
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	record_free(w->record);
	layer_changes_release(&w->got);
	layer_changes_release(&w->base);
	tree_free(w->src_tree);
	disk_close(&w->src);
	disk_close(&w->t);
	buf_release(&w->tar);
	free(w);
	return 0;
}

/* By a list, or by a layer of the same. */
static void fill(struct world *w, bool by_layer)
{
	const struct layer_lay_options opt = { .tree_fd = -1, .record = w->record };
	struct buf_sink to;
	const struct entries_layer layer = { .diff_id = NULL };
	struct span_source from;

	if (!by_layer) {
		must(w, layer_lay_down(NULL, &w->base, w->t.fd, &opt, &w->e));
	} else {
		must(w, layer_write(NULL, &w->base, -1, buf_sink_init(&to, &w->tar), NULL, &w->e));
		must(w, layer_apply_recorded(w->record, NULL, w->t.fd,
					     span_source_init(&from, buf_span(&w->tar)), &layer,
					     &w->e));
	}
	record_wait_clock(w->record);
}

static int fill_by_list(void **state)
{
	set_up(state);
	fill(*state, false);
	return 0;
}

static int fill_by_layer(void **state)
{
	set_up(state);
	fill(*state, true);
	return 0;
}

/* The list becomes part of the record. */
static void assert_changes(struct world *w, const char *want)
{
	auto_changes struct layer_changes again = { 0 };
	auto_free char *got = NULL;

	layer_changes_release(&w->got);
	must(w, record_changes(&w->got, w->record, NULL, w->t.fd, NULL, &w->e));
	got = changes_text(&w->got);
	assert_string_equal(got, want);
	must(w, record_take(w->record, &w->got, &w->e));
	must(w, record_changes(&again, w->record, NULL, w->t.fd, NULL, &w->e));
	assert_int_equal(again.nr, 0);
}

static void rewrite(struct disk *t, const char *path, const char *text)
{
	auto_close int fd = openat(t->fd, path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void a_tree_that_nobody_touched_has_not_changed(void **state)
{
	struct world *w = *state;

	assert_int_equal(record_nr(w->record), 12);
	assert_changes(w, "");
}

static void what_is_new_changed_and_gone_is_listed_in_order(void **state)
{
	struct world *w = *state;

	disk_file(&w->t, "d/new", "n");
	rewrite(&w->t, "d/a", "other");
	assert_int_equal(unlinkat(w->t.fd, "z", 0), 0);
	must(w, fs_remove_tree(w->t.fd, "e", &w->e));
	disk_dir(&w->t, "m");
	disk_file(&w->t, "m/n", "1");
	assert_changes(w, "+ d\n+ d/a\n+ d/new\n- e\n+ m\n+ m/n\n- z\n");
}

static void a_directory_that_only_leads_to_a_change_is_there_as_it_was(void **state)
{
	struct world *w = *state;

	assert_int_equal(fchmodat(w->t.fd, "d/deep/f", 0600, 0), 0);
	assert_changes(w, "+ d\n+ d/deep\n+ d/deep/f\n");
	assert_int_equal(w->got.v[1].st.st_mtim.tv_sec, DISK_TIME);
	assert_int_equal(w->got.v[2].st.st_mode, S_IFREG | 0600);
}

static void a_rewrite_with_size_and_time_restored_is_found(void **state)
{
	struct world *w = *state;

	rewrite(&w->t, "d/a", "AAAA");
	disk_set_time(&w->t, "d/a", DISK_TIME, 0);
	assert_changes(w, "+ d\n+ d/a\n");
}

static void what_was_touched_and_is_equal_is_left_out(void **state)
{
	struct world *w = *state;

	rewrite(&w->t, "d/a", "aaaa");
	disk_set_time(&w->t, "d/a", DISK_TIME, 0);
	assert_int_equal(fchownat(w->t.fd, "d/b", 0, 0, 0), 0);
	/* gone and made again: another inode */
	assert_int_equal(unlinkat(w->t.fd, "z", 0), 0);
	disk_file(&w->t, "z", "zz");
	must(w, fs_remove_tree(w->t.fd, "e", &w->e));
	disk_dir(&w->t, "e");
	disk_file(&w->t, "e/x", "x");
	assert_int_equal(unlinkat(w->t.fd, "d/l", 0), 0);
	disk_symlink(&w->t, "d/l", "a");
	disk_settle(&w->t);
	assert_changes(w, "");
}

static void a_time_alone_is_a_change(void **state)
{
	struct world *w = *state;

	disk_set_time(&w->t, "d/b", DISK_TIME + 1, 1);
	disk_set_time(&w->t, "d/l", DISK_TIME + 1, 0);
	/* a fraction that a layer would not hold is none */
	disk_set_time(&w->t, "d/deep/f", DISK_TIME, 1);
	disk_set_time(&w->t, "z", DISK_TIME, 1);
	disk_set_time(&w->t, "e", DISK_TIME + 1, 0);
	assert_changes(w, "+ d\n+ d/b\n+ d/l\n+ e\n");
}

static void all_names_of_a_new_file_are_links(void **state)
{
	struct world *w = *state;

	disk_file(&w->t, "n", "n");
	disk_hard_link(&w->t, "d/n", "n");
	disk_hard_link(&w->t, "d/z", "z");
	disk_settle(&w->t);
	assert_changes(w, "+ d\n+ d/n\n+ d/z\n= n == d/n\n= z == d/z\n");
}

static void names_that_a_file_had_before_part_when_they_change(void **state)
{
	struct world *w = *state;

	disk_hard_link(&w->t, "d/three", "two");
	assert_changes(w, "+ d\n+ d/three\n= one == d/three\n");
	assert_int_equal(fchmodat(w->t.fd, "one", 0600, 0), 0);
	assert_changes(w, "+ d\n+ d/three\n+ one\n+ two\n");
	disk_set_time(&w->t, "two", DISK_TIME + 7, 7);
	assert_changes(w, "+ d\n+ d/three\n+ one\n+ two\n");
}

static void a_file_that_lost_a_name_is_as_it_was(void **state)
{
	struct world *w = *state;

	assert_int_equal(unlinkat(w->t.fd, "one", 0), 0);
	assert_changes(w, "- one\n");
	rewrite(&w->t, "two", "22");
	assert_changes(w, "+ two\n");
}

static void names_of_one_file_that_part_are_equal_while_their_bytes_are(void **state)
{
	struct world *w = *state;

	assert_int_equal(unlinkat(w->t.fd, "two", 0), 0);
	disk_file(&w->t, "two", "1");
	assert_changes(w, "");
	rewrite(&w->t, "two", "2");
	assert_changes(w, "+ two\n");
}

static void kinds_in_place_of_each_other(void **state)
{
	struct world *w = *state;

	must(w, fs_remove_tree(w->t.fd, "d", &w->e));
	disk_file(&w->t, "d", "file");
	assert_int_equal(unlinkat(w->t.fd, "z", 0), 0);
	disk_dir(&w->t, "z");
	disk_file(&w->t, "z/y", "1");
	assert_int_equal(unlinkat(w->t.fd, "two", 0), 0);
	disk_symlink(&w->t, "two", "e");
	assert_changes(w, "+ d\n+ two\n+ z\n+ z/y\n");
	/* and back */
	assert_int_equal(unlinkat(w->t.fd, "d", 0), 0);
	disk_dir(&w->t, "d");
	assert_changes(w, "+ d\n");
}

static void a_directory_made_anew_hides_name_by_name(void **state)
{
	struct world *w = *state;

	must(w, fs_remove_tree(w->t.fd, "d", &w->e));
	disk_dir(&w->t, "d");
	disk_file(&w->t, "d/b", "b");
	assert_changes(w, "+ d\n- d/a\n- d/deep\n- d/l\n- d/p\n");
}

static void a_moved_directory_is_there_and_not_here(void **state)
{
	struct world *w = *state;

	assert_int_equal(renameat(w->t.fd, "d", w->t.fd, "e/d"), 0);
	disk_settle(&w->t);
	assert_changes(w, "- d\n+ e\n+ e/d\n+ e/d/a\n+ e/d/b\n+ e/d/deep\n+ e/d/deep/f\n+ e/d/l\n"
			  "+ e/d/p\n");
}

static void a_socket_is_left_out_and_hides_what_it_replaces(void **state)
{
	struct world *w = *state;
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	auto_close int s = socket(AF_UNIX, SOCK_STREAM, 0);
	auto_close int t = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(unlinkat(w->t.fd, "z", 0), 0);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/z", w->t.path);
	assert_int_equal(bind(s, (struct sockaddr *)&at, sizeof(at)), 0);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/new", w->t.path);
	assert_int_equal(bind(t, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_changes(w, "- z\n");
}

static void assert_refused(struct world *w, const char *part)
{
	assert_int_equal(record_changes(&w->got, w->record, NULL, w->t.fd, NULL, &w->e), -1);
	assert_int_equal(w->e.kind, ERR_INPUT);
	if (!strstr(w->e.text, part))
		fail_msg("'%s' is not in '%s'", part, w->e.text);
}

static void what_a_layer_cannot_hold_is_an_error(void **state)
{
	struct world *w = *state;

	disk_file(&w->t, "d/.wh.a", "");
	assert_refused(w, "'d/.wh.a'");
}

static void so_is_a_device_that_would_delete(void **state)
{
	struct world *w = *state;

	disk_node(&w->t, "d/none", S_IFCHR | 0600, 0, 0);
	assert_refused(w, "'d/none'");
}

static void any_bytes_can_be_names(void **state)
{
	struct world *w = *state;

	disk_file(&w->t, "new\nline", "1");
	disk_file(&w->t, "\xff\xfe", "2");
	assert_changes(w, "+ new\nline\n+ \xff\xfe\n");
}

static void a_capability_is_a_change(void **state)
{
	static const char cap[20] = "\1\0\0\2\0\4";
	struct world *w = *state;
	auto_close int fd = openat(w->t.fd, "z", O_RDONLY | O_CLOEXEC);

	if (fsetxattr(fd, "security.capability", cap, sizeof(cap), 0) < 0)
		skip();
	assert_changes(w, "+ z\n");
	assert_int_equal(w->got.v[0].capability_len, sizeof(cap));
	/* taken off and put on again */
	assert_int_equal(fremovexattr(fd, "security.capability"), 0);
	assert_int_equal(fsetxattr(fd, "security.capability", cap, sizeof(cap), 0), 0);
	assert_int_equal(fremovexattr(fd, "security.capability"), 0);
	assert_changes(w, "+ z\n");
}

static void names_that_are_to_be_skipped_stay_as_recorded(void **state)
{
	struct world *w = *state;
	auto_strv struct strv skip = STRV_INIT;

	strv_add(&skip, "d");
	strv_add(&skip, "new");
	strv_add(&skip, "z");
	must(w, fs_remove_tree(w->t.fd, "d", &w->e));
	disk_dir(&w->t, "d");
	disk_file(&w->t, "d/x", "1");
	disk_file(&w->t, "new", "1");
	rewrite(&w->t, "z", "other");
	must(w, record_changes(&w->got, w->record, NULL, w->t.fd, &skip, &w->e));
	assert_int_equal(w->got.nr, 0);
	must(w, record_take(w->record, &w->got, &w->e));
	layer_changes_release(&w->got);
	must(w, record_changes(&w->got, w->record, NULL, w->t.fd, NULL, &w->e));
	assert_int_equal(w->got.nr, 9);
}

/* -- the check ------------------------------------------------------------------------ */

static void assert_check_fails(struct world *w, void (*spoil)(struct layer_changes *c),
			       const char *part)
{
	disk_file(&w->t, "d/new", "n");
	disk_file(&w->t, "n1", "n");
	disk_hard_link(&w->t, "n2", "n1");
	assert_int_equal(unlinkat(w->t.fd, "z", 0), 0);
	must(w, record_changes(&w->got, w->record, NULL, w->t.fd, NULL, &w->e));
	spoil(&w->got);
	assert_int_equal(record_take(w->record, &w->got, &w->e), -1);
	if (!strstr(w->e.text, part))
		fail_msg("'%s' is not in '%s'", part, w->e.text);
}

static void drop(struct layer_changes *c, const char *path)
{
	for (size_t i = 0; i < c->nr; i++) {
		if (strcmp(c->v[i].path, path) != 0)
			continue;
		free(c->v[i].path);
		free(c->v[i].link);
		memmove(&c->v[i], &c->v[i + 1], (--c->nr - i) * sizeof(*c->v));
		return;
	}
	fail();
}

static void lose_new(struct layer_changes *c)
{
	drop(c, "d/new");
}

static void lose_name(struct layer_changes *c)
{
	drop(c, "n2");
}

static void lose_deletion(struct layer_changes *c)
{
	drop(c, "z");
}

static void wrong_mode(struct layer_changes *c)
{
	c->v[0].st.st_mode ^= 1;
}

static void wrong_deletion(struct layer_changes *c)
{
	c->v[0].kind = LAYER_DELETED;
}

static void a_layer_that_loses_a_file_is_an_error_that_names_it(void **state)
{
	assert_check_fails(*state, lose_new, "'d/new' is missing in it");
}

static void so_is_one_that_loses_a_name_of_one(void **state)
{
	assert_check_fails(*state, lose_name, "'n2' is missing in it");
}

static void so_is_one_that_loses_a_deletion(void **state)
{
	assert_check_fails(*state, lose_deletion, "'z' is gone, but not deleted");
}

static void so_is_one_with_something_else(void **state)
{
	assert_check_fails(*state, wrong_mode, "'d' is not in it as it is");
}

static void so_is_one_that_deletes_what_is_there(void **state)
{
	assert_check_fails(*state, wrong_deletion, "'d' is there, but deleted");
}

/* -- by chance, beside an overlay mount ------------------------------------------------ */

#define ROUNDS	 3
#define OPS	 25
#define EPOCH	 1600000000
#define PATH_LEN 32

struct chance {
	uint64_t state;
	struct disk *both[2]; /* where everything is done twice */
};

static unsigned next(struct chance *c, unsigned below)
{
	c->state = c->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(c->state >> 33) % below;
}

/* Two levels of few names, so that operations meet. */
static void any_path(char out[PATH_LEN], struct chance *c)
{
	if (next(c, 3))
		snprintf(out, PATH_LEN, "%c/%c", 'a' + (int)next(c, 3), 'a' + (int)next(c, 6));
	else
		snprintf(out, PATH_LEN, "%c", 'a' + (int)next(c, 6));
}

/* A name of a file with several: overlayfs changes only one when one is written to. */
static bool is_linked(struct disk *t, const char *path)
{
	struct stat st;

	return fstatat(t->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode) &&
	       st.st_nlink > 1;
}

static void write_to(struct disk *t, const char *path, unsigned what)
{
	auto_close int fd = openat(t->fd, path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0644);
	char text[8];

	snprintf(text, sizeof(text), "%u", what);
	if (fd >= 0 && write(fd, text, strlen(text)) < 0)
		fail();
}

static void operate(struct disk *t, unsigned op, const char *path, const char *other, unsigned n)
{
	struct err e = ERR_INIT;
	int r = 0;

	switch (op) {
	case 0:
	case 1:
		write_to(t, path, n);
		break;
	case 2:
		r = fchmodat(t->fd, path, 0600 + n, AT_SYMLINK_NOFOLLOW);
		break;
	case 3:
		r = fchownat(t->fd, path, n, n, AT_SYMLINK_NOFOLLOW);
		break;
	case 4:
		r = linkat(t->fd, path, t->fd, other, 0);
		break;
	case 5:
		r = unlinkat(t->fd, path, 0);
		break;
	case 6:
		r = symlinkat(path, t->fd, other);
		break;
	case 7:
		r = mkdirat(t->fd, path, 0755);
		break;
	case 8:
		r = fs_remove_tree(t->fd, path, &e);
		break;
	case 9:
		r = mknodat(t->fd, path, S_IFIFO | 0600, 0);
		break;
	default:
		r = fchownat(t->fd, path, 0, 0, AT_SYMLINK_NOFOLLOW);
	}
	(void)r; /* what cannot be done is done in neither */
}

/* Renaming of directories is refused in an overlay, where mv copies. */
static void rename_both(struct chance *c, const char *path, const char *other)
{
	struct stat st;

	if (fstatat(c->both[0]->fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(st.st_mode))
		return;
	for (int i = 0; i < 2; i++) {
		int r = renameat(c->both[i]->fd, path, c->both[i]->fd, other);

		(void)r;
	}
}

static void one_of_all(struct chance *c, bool with_links)
{
	char path[PATH_LEN], other[PATH_LEN];
	unsigned op = next(c, 12), n = next(c, 8);

	any_path(path, c);
	any_path(other, c);
	if (op == 4 && !with_links)
		return;
	if (op != 5 && op != 8 && is_linked(c->both[0], path))
		return;
	if (op == 11) {
		rename_both(c, path, other);
		return;
	}
	for (int i = 0; i < 2; i++)
		operate(c->both[i], op, path, other, n);
}

static void pack(struct buf *out, const struct layer_changes *c, int fd)
{
	const struct layer_write_options opt = { .has_epoch = true, .epoch = EPOCH };
	struct err e = ERR_INIT;
	struct buf_sink to;

	if (layer_write(NULL, c, fd, buf_sink_init(&to, out), &opt, &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		_exit(1);
	}
}

static void check(bool ok, const char *what, const struct err *e, uint64_t seed)
{
	if (ok)
		return;
	fprintf(stderr, "seed %llu: %s: %s\n", (unsigned long long)seed, what, e->text);
	_exit(1);
}

/* All of one round; the upper directory becomes the topmost lower one. */
static void round_of(struct chance *c, struct record *r, struct strv *lowers, uint64_t seed,
		     struct layer_changes *got)
{
	struct disk upper, work, merged;
	auto_free char *below = NULL, *opt = NULL;
	auto_changes struct layer_changes want = { 0 };
	auto_buf struct buf a = BUF_INIT(16u << 20), b = BUF_INIT(16u << 20);
	struct disk *flat = c->both[0];
	struct err e = ERR_INIT;
	int fds[ROUNDS + 1];

	disk_open(&upper);
	disk_open(&work);
	disk_open(&merged);
	below = strv_join(lowers, ":");
	opt = mem_printf(
		"lowerdir=%s,upperdir=%s,workdir=%s,redirect_dir=off,metacopy=off,index=off,volatile",
		below, upper.path, work.path);
	close(merged.fd);
	if (mount("overlay", merged.path, "overlay", 0, opt) < 0)
		_exit(2);
	merged.fd = open(merged.path, O_RDONLY | O_DIRECTORY);
	c->both[1] = &merged;
	record_wait_clock(r);
	for (int i = 0; i < OPS; i++)
		one_of_all(c, true);
	close(merged.fd);
	umount2(merged.path, MNT_DETACH);
	rmdir(merged.path);
	for (size_t i = 0; i < lowers->n; i++)
		fds[i] = open(lowers->v[i], O_RDONLY | O_DIRECTORY);
	check(layer_changes_from_upper(&want, NULL, upper.fd, fds, lowers->n, &e) == 0, "overlay",
	      &e, seed);
	check(record_changes(got, r, NULL, flat->fd, NULL, &e) == 0, "record", &e, seed);
	pack(&a, &want, upper.fd);
	pack(&b, got, flat->fd);
	if (!span_eq(buf_span(&a), buf_span(&b))) {
		auto_free char *x = changes_text(&want), *y = changes_text(got);

		fprintf(stderr, "seed %llu: overlay\n%s--- flat\n%s", (unsigned long long)seed, x,
			y);
		_exit(1);
	}
	for (size_t i = 0; i < got->nr; i++) { /* as a frozen copy would be */
		got->v[i].origin_fd = upper.fd;
		got->v[i].origin_path = mem_strdup(got->v[i].path);
	}
	check(record_take(r, got, &e) == 0, "check", &e, seed);
	for (size_t i = 0; i < lowers->n; i++)
		close(fds[i]);
	strv_add(lowers, upper.path);
	for (size_t i = lowers->n - 1; i > 0; i--) {
		char *down = lowers->v[i];

		lowers->v[i] = lowers->v[i - 1];
		lowers->v[i - 1] = down;
	}
	disk_close(&work);
}

/* In a process with mounts of its own. */
static void build_by_chance(uint64_t seed)
{
	struct disk base, flat;
	struct chance c = { .state = seed, .both = { &base, &base } };
	struct layer_changes all = { 0 }, got[ROUNDS] = { { 0 } };
	struct tree *tree;
	struct record *r;
	struct err e = ERR_INIT;
	struct layer_lay_options opt = { .tree_fd = -1 };
	auto_strv struct strv lowers = STRV_INIT;

	disk_open(&base);
	disk_open(&flat);
	for (int i = 0; i < OPS; i++)
		one_of_all(&c, false);
	disk_settle(&base);
	check(record_new(&r, flat.fd, &e) == 0, "record", &e, seed);
	opt.record = r;
	check(tree_dir_open(&tree, base.fd, NULL, &e) == 0 &&
		      layer_changes_from_tree(&all, NULL, tree, &e) == 0 &&
		      layer_lay_down(NULL, &all, flat.fd, &opt, &e) == 0,
	      "fill", &e, seed);
	strv_add(&lowers, base.path);
	c.both[0] = &flat;
	for (int i = 0; i < ROUNDS; i++)
		round_of(&c, r, &lowers, seed, &got[i]);
	record_free(r);
	for (int i = 0; i < ROUNDS; i++)
		layer_changes_release(&got[i]);
	layer_changes_release(&all);
	tree_free(tree);
	for (size_t i = 0; i < lowers.n; i++)
		check(fs_remove_tree(AT_FDCWD, lowers.v[i], &e) == 0, "remove", &e, seed);
	disk_close(&flat);
}

static void a_layer_is_the_one_that_an_overlay_gives(void **state)
{
	unsigned seeds = getenv("SEEDS") ? (unsigned)strtoul(getenv("SEEDS"), NULL, 10) : 10;
	int status;
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		struct tmpdir d;

		tmpdir_init(&d);
		if (!tmpdir_own_mounts(&d))
			_exit(2);
		for (unsigned i = 1; i <= seeds; i++)
			build_by_chance(i);
		rmdir(d.path);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WEXITSTATUS(status) == 2)
		skip();
	assert_int_equal(status, 0);
}

#define TEST(f)                                                                                    \
	cmocka_unit_test_setup_teardown(f, fill_by_list, tear_down),                               \
		cmocka_unit_test_setup_teardown(f, fill_by_layer, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_tree_that_nobody_touched_has_not_changed),
		TEST(what_is_new_changed_and_gone_is_listed_in_order),
		TEST(a_directory_that_only_leads_to_a_change_is_there_as_it_was),
		TEST(a_rewrite_with_size_and_time_restored_is_found),
		TEST(what_was_touched_and_is_equal_is_left_out),
		TEST(a_time_alone_is_a_change),
		TEST(all_names_of_a_new_file_are_links),
		TEST(names_that_a_file_had_before_part_when_they_change),
		TEST(a_file_that_lost_a_name_is_as_it_was),
		TEST(names_of_one_file_that_part_are_equal_while_their_bytes_are),
		TEST(kinds_in_place_of_each_other),
		TEST(a_directory_made_anew_hides_name_by_name),
		TEST(a_moved_directory_is_there_and_not_here),
		TEST(a_socket_is_left_out_and_hides_what_it_replaces),
		TEST(what_a_layer_cannot_hold_is_an_error),
		TEST(so_is_a_device_that_would_delete),
		TEST(any_bytes_can_be_names),
		TEST(a_capability_is_a_change),
		TEST(names_that_are_to_be_skipped_stay_as_recorded),
		TEST(a_layer_that_loses_a_file_is_an_error_that_names_it),
		TEST(so_is_one_that_loses_a_name_of_one),
		TEST(so_is_one_that_loses_a_deletion),
		TEST(so_is_one_with_something_else),
		TEST(so_is_one_that_deletes_what_is_there),
		cmocka_unit_test(a_layer_is_the_one_that_an_overlay_gives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
