/*
 * What cdeploy makes of a file, and what docker 20.10's own client posts for the flags that orcinus made of it:
 * testdata/deploy/docker/NAME.yml and NAME.json, which tests/tools/docker-posts has recorded. They have to
 * mean the same to the engine. On purpose different is only how an update goes that the file says
 * nothing of: docker's client leaves that to the engine, which pauses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "deploy/diff.h"
#include "deploy/manifest.h"
#include "deploy/spec_json.h"

#define CASES "testdata/deploy/docker"

static void read_file(struct buf *out, int dirfd, const char *stem, const char *suffix)
{
	auto_free char *name = mem_printf("%s.%s", stem, suffix);
	struct err e = ERR_INIT;

	if (fs_read_file(dirfd, name, out, &e) < 0)
		fail_msg("%s", e.text);
}

static json_t *render(struct span text)
{
	auto_stack struct deploy_stack stack = { 0 };
	auto_strv struct strv warnings = STRV_INIT;
	const struct deploy_input in = { .file = "orcinus.yml", .text = text };
	struct err e = ERR_INIT;

	if (deploy_manifest_read(&stack, &in, &warnings, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(1, stack.nr);
	return deploy_spec_json(&stack.services[0], &(struct deploy_owner){ 0 });
}

static int check(int dirfd, const char *stem)
{
	static const char *const unsaid[] = { "UpdateConfig", "RollbackConfig" };
	auto_buf struct buf yml = BUF_INIT(BUF_SMALL), json = BUF_INIT(BUF_SMALL);
	auto_json json_t *ours = NULL, *docker = NULL, *a = NULL, *b = NULL;
	auto_free char *shown_a = NULL, *shown_b = NULL;
	struct err e = ERR_INIT;

	read_file(&yml, dirfd, stem, "yml");
	read_file(&json, dirfd, stem, "json");
	docker = json_load_span(buf_span(&json), BUF_SMALL, stem, &e);
	if (!docker)
		fail_msg("%s: %s", stem, e.text);
	ours = render(buf_span(&yml));
	for (size_t i = 0; i < ARRAY_LEN(unsaid); i++)
		if (!json_object_get(docker, unsaid[i]))
			json_object_del(ours, unsaid[i]);
	if (deploy_spec_equal(ours, docker))
		return 0;
	a = deploy_spec_normal(ours);
	b = deploy_spec_normal(docker);
	shown_a = json_dumps(a, JSON_SORT_KEYS | JSON_INDENT(1));
	shown_b = json_dumps(b, JSON_SORT_KEYS | JSON_INDENT(1));
	fprintf(stderr, "%s: ours\n%s\ndocker's\n%s\n", stem, shown_a, shown_b);
	return 1;
}

static void a_file_means_what_docker_posts_for_the_flags_of_orcinus(void **state)
{
	struct err e = ERR_INIT;
	auto_close int fd = fs_open_dir(CASES, &e);
	DIR *d = opendir(CASES);
	int seen = 0, bad = 0;

	(void)state;
	assert_non_null(d);
	for (struct dirent *ent; (ent = readdir(d));) {
		struct span name = span_of_str(ent->d_name);
		auto_free char *stem = NULL;

		if (!span_ends(name, ".yml"))
			continue;
		stem = span_dup(span_head(name, name.n - 4));
		bad += check(fd, stem);
		seen++;
	}
	closedir(d);
	assert_true(seen >= 15);
	assert_int_equal(0, bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_means_what_docker_posts_for_the_flags_of_orcinus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
