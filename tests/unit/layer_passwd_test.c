#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>

#include "base/mem.h"
#include "oci/layer/passwd.h"
#include "oci/layer/tree_dir.h"
#include "tests/fakes/layer_disk.h"

#define PASSWD                                                                                     \
	"root:x:0:0:root:/root:/bin/sh\n"                                                          \
	"# a comment\n"                                                                            \
	"\n"                                                                                       \
	"broken:x:zero:0::/:/bin/sh\n"                                                             \
	"short:x:1\n"                                                                              \
	"+::::::\n"                                                                                \
	"app:x:1000:1001:App:/home/app:/bin/sh\n"                                                  \
	"app:x:7:7::/second:/bin/sh\n"                                                             \
	"twin:x:1000:5::/home/twin:/bin/sh\n"                                                      \
	"homeless:x:30:31\n"                                                                       \
	"  indented:x:40:41::/i:/bin/sh  \n"                                                       \
	"4242:x:50:51::/n:/bin/sh\n"                                                               \
	"last:x:60:61::/last:/bin/sh"
#define GROUP                                                                                      \
	"root:x:0:\n"                                                                              \
	"bad:x:one:app\n"                                                                          \
	"adm:x:4:root,app\n"                                                                       \
	"own:x:1001:app\n"                                                                         \
	"web:x:33:www,app,last\n"                                                                  \
	"approx:x:34:application\n"                                                                \
	"1234:x:77:\n"

static int set_up(void **state)
{
	struct disk *t = mem_zalloc(sizeof(*t));

	disk_open(t);
	disk_dir(t, "etc");
	disk_file(t, "etc/passwd", PASSWD);
	disk_file(t, "etc/group", GROUP);
	*state = t;
	return 0;
}

static int tear_down(void **state)
{
	disk_close(*state);
	free(*state);
	return 0;
}

static int find_user(struct passwd_user *u, struct disk *d, const char *user, struct err *e)
{
	auto_tree struct tree *t = NULL;

	assert_int_equal(tree_dir_open(&t, d->fd, NULL, e), 0);
	return passwd_user_find(u, t, user, e);
}

static int find_owner(uint32_t *u, uint32_t *g, struct disk *d, const char *chown, struct err *e)
{
	auto_tree struct tree *t = NULL;

	assert_int_equal(tree_dir_open(&t, d->fd, NULL, e), 0);
	return passwd_owner_find(u, g, t, chown, e);
}

/* want: "uid gid home groups…" */
static void assert_user(struct disk *t, const char *user, const char *want)
{
	auto_passwd_user struct passwd_user u = { 0 };
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	if (find_user(&u, t, user, &e) < 0)
		fail_msg("%s", e.text);
	buf_addf(&b, "%u %u %s", u.uid, u.gid, u.home);
	for (size_t i = 0; i < u.nr_groups; i++)
		buf_addf(&b, " %u", u.groups[i]);
	assert_string_equal(buf_str(&b), want);
}

static void assert_no_user(struct disk *t, const char *user, const char *why)
{
	struct passwd_user u = { 0 };
	struct err e = ERR_INIT;

	assert_int_equal(find_user(&u, t, user, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_null(u.groups);
	if (!strstr(e.text, why))
		fail_msg("'%s' does not say '%s'", e.text, why);
}

static void assert_owner(struct disk *t, const char *chown, uint32_t uid, uint32_t gid)
{
	uint32_t u = 99, g = 99;
	struct err e = ERR_INIT;

	if (find_owner(&u, &g, t, chown, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(u, uid);
	assert_int_equal(g, gid);
}

static void assert_no_owner(struct disk *t, const char *chown, const char *why)
{
	uint32_t u = 99, g = 99;
	struct err e = ERR_INIT;

	assert_int_equal(find_owner(&u, &g, t, chown, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_int_equal(u, 99);
	assert_int_equal(g, 99);
	if (!strstr(e.text, why))
		fail_msg("'%s' does not say '%s'", e.text, why);
}

static void a_name_brings_its_groups(void **state)
{
	assert_user(*state, "app", "1000 1001 /home/app 1001 4 33");
	assert_user(*state, "last", "60 61 /last 61 33");
	assert_user(*state, "indented", "40 41 /i 41");
	assert_user(*state, "app:", "1000 1001 /home/app 1001 4 33");
}

static void a_known_number_is_as_its_name(void **state)
{
	assert_user(*state, "1000", "1000 1001 /home/app 1001 4 33");
	assert_user(*state, "0", "0 0 /root 0 4");
}

static void no_user_is_root(void **state)
{
	assert_user(*state, "", "0 0 /root 0 4");
}

static void an_unknown_number_has_group_0_and_home_at_the_root(void **state)
{
	assert_user(*state, "123456", "123456 0 / 0");
}

static void a_group_that_is_given_is_the_only_one(void **state)
{
	assert_user(*state, "app:web", "1000 33 /home/app 33");
	assert_user(*state, "app:5", "1000 5 /home/app 5");
	assert_user(*state, "123456:adm", "123456 4 / 4");
}

static void two_numbers_are_taken_as_they_are(void **state)
{
	struct disk *t = *state;

	assert_user(t, "1000:1000", "1000 1000 /home/app 1000");
	/* though there are a user and a group with these as names */
	assert_user(t, "4242:1234", "4242 1234 /n 1234");
	assert_int_equal(unlinkat(t->fd, "etc/passwd", 0), 0);
	assert_int_equal(unlinkat(t->fd, "etc/group", 0), 0);
	assert_user(t, "5:6", "5 6 / 6");
}

static void a_user_without_home_lives_at_the_root(void **state)
{
	assert_user(*state, "homeless", "30 31 / 31");
}

static void names_that_are_not_there_are_refused(void **state)
{
	assert_no_user(*state, "nobody", "unable to find user 'nobody'");
	assert_no_user(*state, "app:nogroup", "unable to find group 'nogroup'");
	assert_no_user(*state, "broken", "'broken'");
	assert_no_user(*state, "short", "'short'");
	assert_no_user(*state, "-1", "'-1'");
	assert_no_user(*state, "4294967295", "'4294967295'");
	assert_no_user(*state, "99999999999999999999", "9999");
}

static void missing_files_have_no_lines(void **state)
{
	struct disk *t = *state;

	assert_int_equal(unlinkat(t->fd, "etc/passwd", 0), 0);
	assert_int_equal(unlinkat(t->fd, "etc/group", 0), 0);
	assert_user(t, "", "0 0 / 0");
	assert_user(t, "7", "7 0 / 0");
	assert_no_user(t, "app", "'app'");
}

static void an_etc_that_is_no_directory_has_no_files(void **state)
{
	struct disk *t = *state;

	disk_close(t);
	disk_open(t);
	disk_file(t, "etc", "x");
	assert_user(t, "7", "7 0 / 0");
	assert_no_user(t, "app", "'app'");
}

static void files_are_looked_for_inside_the_tree_only(void **state)
{
	struct disk *t = *state;
	struct passwd_user u = { 0 };
	struct err e = ERR_INIT;

	assert_int_equal(unlinkat(t->fd, "etc/passwd", 0), 0);
	disk_symlink(t, "etc/passwd", "/etc/users"); /* of the tree */
	disk_file(t, "etc/users", "me:x:3:4::/me:/bin/sh\n");
	assert_user(t, "me", "3 4 /me 4");
	assert_int_equal(unlinkat(t->fd, "etc/passwd", 0), 0);
	disk_symlink(t, "etc/passwd", "../../../../../../etc/passwd"); /* leads to itself, inside */
	assert_int_equal(find_user(&u, t, "daemon", &e), -1);
}

static void what_is_no_file_is_refused_and_does_not_block(void **state)
{
	struct disk *t = *state;

	assert_int_equal(unlinkat(t->fd, "etc/passwd", 0), 0);
	disk_node(t, "etc/passwd", S_IFIFO | 0600, 0, 0);
	assert_no_user(t, "app", "not a regular file");
	assert_user(t, "5:6", "5 6 / 6");
	assert_no_owner(t, "app", "not a regular file");
}

static void a_huge_file_is_refused(void **state)
{
	struct disk *t = *state;
	auto_close int fd = openat(t->fd, "etc/passwd", O_WRONLY);

	assert_int_equal(ftruncate(fd, (10 << 20) + 1), 0);
	assert_no_user(t, "app", "larger than");
}

static void more_groups_than_the_limit_are_refused(void **state)
{
	struct disk *t = *state;
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);

	for (int i = 0; i <= PASSWD_GROUPS_MAX; i++)
		buf_addf(&b, "g%d:x:%d:app\n", i, 5000 + i);
	disk_file(t, "etc/group", buf_str(&b));
	assert_no_user(t, "app", "more than 1024 groups");
}

static void chown_takes_names_from_the_tree(void **state)
{
	assert_owner(*state, "app", 1000, 1001);
	assert_owner(*state, "app:", 1000, 1001);
	assert_owner(*state, "app:web", 1000, 33);
	assert_owner(*state, "app:7", 1000, 7);
	assert_owner(*state, "7:web", 7, 33);
}

static void chown_takes_numbers_as_they_are(void **state)
{
	struct disk *t = *state;

	disk_close(t);
	disk_open(t);
	assert_owner(t, "5", 5, 5);
	assert_owner(t, "1000:8", 1000, 8);
	assert_owner(t, ":9", 0, 9);
	assert_owner(t, "4294967294", 4294967294u, 4294967294u);
}

static void chown_refuses_what_it_does_not_know(void **state)
{
	assert_no_owner(*state, "nobody", "unable to find user 'nobody'");
	assert_no_owner(*state, "app:nogroup", "unable to find group 'nogroup'");
	assert_no_owner(*state, "", "names no user");
	assert_no_owner(*state, ":", "names no user");
	assert_no_owner(*state, "4294967295", "'4294967295'");
	assert_no_owner(*state, "app:web:more", "'web:more'");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_name_brings_its_groups),
		TEST(a_known_number_is_as_its_name),
		TEST(no_user_is_root),
		TEST(an_unknown_number_has_group_0_and_home_at_the_root),
		TEST(a_group_that_is_given_is_the_only_one),
		TEST(two_numbers_are_taken_as_they_are),
		TEST(a_user_without_home_lives_at_the_root),
		TEST(names_that_are_not_there_are_refused),
		TEST(missing_files_have_no_lines),
		TEST(an_etc_that_is_no_directory_has_no_files),
		TEST(files_are_looked_for_inside_the_tree_only),
		TEST(what_is_no_file_is_refused_and_does_not_block),
		TEST(a_huge_file_is_refused),
		TEST(more_groups_than_the_limit_are_refused),
		TEST(chown_takes_names_from_the_tree),
		TEST(chown_takes_numbers_as_they_are),
		TEST(chown_refuses_what_it_does_not_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
