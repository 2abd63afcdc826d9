/* What is taken for a container. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/run/container.h"

#define OVERLAY_ROOT "26 1 0:30 / / rw,relatime - overlay overlay rw,lowerdir=/a:/b\n"
#define DISK_ROOT    "26 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
#define HOSTS	     "40 26 254:0 /x/hosts /etc/hosts rw - ext4 /dev/vda rw\n"

static int judge(const char *first, bool marker, const char *cgroup, const char *mountinfo,
		 struct err *e)
{
	const struct container_facts f = { .has_marker = marker,
					   .cgroup = span_of_str(cgroup),
					   .first = span_of_str(first),
					   .mountinfo = span_of_str(mountinfo) };

	err_clear(e);
	return container_judge(&f, e);
}

static void an_overlay_as_root_is_a_container(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(judge("sh\n", true, "0::/\n", OVERLAY_ROOT, &e), 0);
	assert_int_equal(judge("pause\n", false, "", OVERLAY_ROOT, &e), 0);
}

static void another_root_needs_an_engines_mark_and_its_hosts(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(judge("sh\n", true, "0::/\n", DISK_ROOT HOSTS, &e), 0);
	assert_int_equal(judge("sh\n", false, "1:cpu:/docker/abc\n", DISK_ROOT HOSTS, &e), 0);
	assert_int_equal(judge("sh\n", true, "0::/\n", DISK_ROOT, &e), -1);
	assert_int_equal(e.kind, ERR_IMPOSSIBLE);
	assert_int_equal(judge("sh\n", false, "0::/\n", DISK_ROOT HOSTS, &e), -1);
	assert_int_equal(judge("sh\n", false, "", "", &e), -1);
}

static void a_machine_with_an_init_is_none_whatever_else_is_there(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(judge("systemd\n", true, "1:cpu:/docker/abc\n", OVERLAY_ROOT HOSTS, &e),
			 -1);
	assert_non_null(strstr(e.text, "'systemd'"));
	assert_int_equal(judge("init\n", true, "", OVERLAY_ROOT HOSTS, &e), -1);
	assert_int_equal(judge("docker-init\n", true, "", OVERLAY_ROOT HOSTS, &e), 0);
}

static void mount_points_are_listed_unescaped(void **state)
{
	auto_strv struct strv v = STRV_INIT;

	(void)state;
	container_mounts(&v, span_of_str(OVERLAY_ROOT HOSTS
					 "41 26 0:9 / /a\\040b/c\\134d rw - tmpfs tmpfs rw\n"
					 "41 26 0:9 / /short rw\n"
					 "nonsense\n"));
	assert_int_equal(v.n, 2);
	assert_string_equal(v.v[0], "etc/hosts");
	assert_string_equal(v.v[1], "a b/c\\d");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_overlay_as_root_is_a_container),
		cmocka_unit_test(another_root_needs_an_engines_mark_and_its_hosts),
		cmocka_unit_test(a_machine_with_an_init_is_none_whatever_else_is_there),
		cmocka_unit_test(mount_points_are_listed_unescaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
