/* Image configurations: what is read, what is kept, what is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/image/config.h"
#include "oci/image/descriptor.h"

#define D1 "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "sha256:2222222222222222222222222222222222222222222222222222222222222222"
#define MIN(more)                                                                                          \
	"{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" D1 \
	"\"]}" more "}"

/* Everything we know, in the order in which it is written. */
static const char full[] =
	"{\"architecture\":\"arm\",\"author\":\"me\",\"config\":{\"ArgsEscaped\":true,\"Cmd\":[],"
	"\"Entrypoint\":[\"/bin/x\",\"-y\"],\"Env\":[\"B=2\",\"A=1\"],"
	"\"ExposedPorts\":{\"53/udp\":{},\"80/tcp\":{}},"
	"\"Healthcheck\":{\"Interval\":1000000000,\"Retries\":3,\"StartInterval\":4,\"StartPeriod\":3,"
	"\"Test\":[\"CMD-SHELL\",\"true\"],\"Timeout\":2},"
	"\"Labels\":{\"a\":\"1\",\"a.b\":\"x=y\"},\"OnBuild\":[\"RUN x\"],\"Shell\":[\"/bin/sh\"],"
	"\"StopSignal\":\"SIGINT\",\"User\":\"1:2\",\"Volumes\":{\"/data\":{}},"
	"\"WorkingDir\":\"/w\",\"XOther\":[1]},\"created\":\"2026-01-02T03:04:05Z\","
	"\"history\":[{\"author\":\"h\",\"comment\":\"c\",\"created\":\"2026-01-02T03:04:05Z\",\"created_by\":\"RUN a\"},"
	"{\"created_by\":\"ENV b\",\"empty_layer\":true}],"
	"\"os\":\"linux\",\"os.version\":\"7\",\"rootfs\":{\"diff_ids\":[\"" D1
	"\"],\"type\":\"layers\"},"
	"\"variant\":\"v7\",\"x.y\":{\"k\":null}}";

static struct oci_config *parse(const char *text)
{
	struct oci_config *c = NULL;
	struct err e = ERR_INIT;

	if (oci_config_parse(&c, span_of_str(text), &e) < 0)
		fail_msg("%s", e.text);
	return c;
}

static void assert_writes(const struct oci_config *c, const char *want)
{
	auto_buf struct buf b = BUF_INIT(OCI_CONFIG_MAX);

	oci_config_write(&b, c);
	assert_string_equal(buf_str(&b), want);
}

static void config_reads_every_field(void **state)
{
	auto_config struct oci_config *c = parse(full);

	(void)state;
	assert_string_equal(c->platform.arch, "arm");
	assert_string_equal(c->platform.variant, "v7");
	assert_string_equal(c->author, "me");
	assert_string_equal(c->user, "1:2");
	assert_string_equal(c->working_dir, "/w");
	assert_string_equal(c->stop_signal, "SIGINT");
	assert_string_equal(c->env.v[0], "B=2");
	assert_true(c->has_cmd && !c->cmd.n);
	assert_int_equal(c->entrypoint.n, 2);
	assert_true(c->args_escaped);
	assert_string_equal(strv_env_get(&c->labels, "a.b"), "x=y");
	assert_true(strv_has(&c->exposed_ports, "53/udp"));
	assert_true(strv_has(&c->volumes, "/data"));
	assert_true(c->health.is_set);
	assert_int_equal(c->health.interval_ns, 1000000000);
	assert_int_equal(c->health.retries, 3);
	assert_int_equal(c->nr_history, 2);
	assert_true(c->history[1].empty_layer);
	assert_int_equal(c->nr_diff_ids, 1);
}

static void config_written_reads_back_byte_for_byte_with_foreign_fields(void **state)
{
	auto_config struct oci_config *c = parse(full);
	auto_config struct oci_config *copy = oci_config_copy(c);

	(void)state;
	assert_writes(c, full);
	assert_writes(c, full); /* writing changes nothing */
	oci_config_free(c);
	c = NULL;
	assert_writes(copy, full);
}

static void config_writes_sets_and_labels_sorted(void **state)
{
	auto_config struct oci_config *c = parse(MIN(""));

	(void)state;
	strv_add(&c->labels, "z=1");
	strv_add(&c->labels, "b=");
	strv_add(&c->exposed_ports, "9/tcp");
	strv_add(&c->exposed_ports, "10/tcp");
	assert_writes(
		c,
		"{\"architecture\":\"amd64\",\"config\":{\"ExposedPorts\":{\"10/tcp\":{},\"9/tcp\":{}},"
		"\"Labels\":{\"b\":\"\",\"z\":\"1\"}},\"os\":\"linux\","
		"\"rootfs\":{\"diff_ids\":[\"" D1 "\"],\"type\":\"layers\"}}");
}

static void config_takes_nulls_for_nothing(void **state)
{
	auto_config struct oci_config *c =
		parse(MIN(",\"config\":{\"Env\":null,\"Cmd\":null,\"Labels\":null,\"Volumes\":null,"
			  "\"Healthcheck\":null,\"User\":\"\"},\"history\":null"));

	(void)state;
	assert_false(c->has_cmd);
	assert_null(c->user);
	assert_false(c->health.is_set);
	assert_writes(c, "{\"architecture\":\"amd64\",\"config\":{},\"os\":\"linux\","
			 "\"rootfs\":{\"diff_ids\":[\"" D1 "\"],\"type\":\"layers\"}}");
}

static void config_says_what_is_wrong_with_it(void **state)
{
	static const struct {
		const char *text, *says;
	} wrong[] = {
		{ "", "JSON" },
		{ "[]", "not an object" },
		{ "{}", "os: missing" },
		{ "{\"os\":\"linux\"}", "architecture: missing" },
		{ "{\"os\":\"linux\",\"architecture\":\"amd64\"}", "rootfs: missing" },
		{ "{\"os\":\"li/nux\",\"architecture\":\"amd64\"}", "odd character" },
		{ "{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"type\":\"x\"}}",
		  "rootfs.type" },
		{ "{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"diff_ids\":[\"x\"]}}",
		  "rootfs.diff_ids[0]" },
		{ MIN(",\"config\":[]"), "config: not an object" },
		{ MIN(",\"config\":{\"Env\":[1]}"), "config.Env[0]" },
		{ MIN(",\"config\":{\"Cmd\":\"x\"}"), "config.Cmd" },
		{ MIN(",\"config\":{\"Volumes\":{\"/x\":1}}"), "config.Volumes" },
		{ MIN(",\"config\":{\"Healthcheck\":{\"Interval\":-1}}"),
		  "config.Healthcheck.Interval" },
		{ MIN(",\"history\":[1]"), "history[0]" },
		{ MIN(",\"history\":[{\"empty_layer\":1}]"), "history[0].empty_layer" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		auto_config struct oci_config *c = NULL;
		struct err e = ERR_INIT;

		if (oci_config_parse(&c, span_of_str(wrong[i].text), &e) == 0)
			fail_msg("taken: %s", wrong[i].text);
		assert_int_equal(e.kind, ERR_CORRUPT);
		if (!strstr(e.text, wrong[i].says))
			fail_msg("%s: %s", wrong[i].text, e.text);
		assert_null(c);
	}
}

static void config_that_is_too_long_is_refused(void **state)
{
	auto_buf struct buf b = BUF_INIT(OCI_CONFIG_MAX + 64);
	auto_config struct oci_config *c = NULL;
	struct err e = ERR_INIT;

	(void)state;
	buf_add_str(&b, MIN(""));
	while (b.len <= OCI_CONFIG_MAX)
		buf_add(&b, "                                ", 32);
	assert_int_equal(oci_config_parse(&c, buf_span(&b), &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	assert_non_null(strstr(e.text, "allowed"));
}

static void config_of_scratch_has_a_path_and_the_root_as_directory(void **state)
{
	auto_config struct oci_config *c = oci_config_scratch();

	(void)state;
	assert_string_equal(c->working_dir, "/");
	assert_string_equal(strv_env_get(&c->env, "PATH"),
			    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	assert_string_equal(c->platform.os, "linux");
	assert_int_equal(c->nr_diff_ids, 0);
}

static void config_writes_bytes_that_are_not_utf8_as_replacements(void **state)
{
	auto_config struct oci_config *c = parse(MIN(""));
	auto_buf struct buf b = BUF_INIT(OCI_CONFIG_MAX);

	(void)state;
	strv_add(&c->labels, "k\xff=v\xfe");
	strv_add(&c->env, "E=\xff");
	oci_config_write(&b, c);
	assert_non_null(strstr(buf_str(&b), "\"k\xef\xbf\xbd\":\"v\xef\xbf\xbd\""));
	assert_non_null(strstr(buf_str(&b), "\"E=\xef\xbf\xbd\""));
}

static void history_is_repaired_to_speak_of_all_layers(void **state)
{
	static const struct {
		const char *before, *after; /* L: has a layer, e: has none */
		size_t layers;
	} cases[] = {
		{ "", "", 0 },	    { "", "LL", 2 },	   { "LeL", "LeL", 2 },
		{ "Le", "LeL", 2 }, { "LeLL", "LeLe", 2 }, { "L", "e", 0 },
	};
	const struct oci_digest d = { .text = "sha256:x" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_config struct oci_config *c = oci_config_new();
		char got[10] = "";

		for (const char *h = cases[i].before; *h; h++)
			oci_config_add_history(c, NULL, NULL, NULL, *h == 'e');
		for (size_t k = 0; k < cases[i].layers; k++)
			oci_config_add_diff_id(c, &d);
		oci_config_repair_history(c);
		for (size_t k = 0; k < c->nr_history; k++)
			got[k] = c->history[k].empty_layer ? 'e' : 'L';
		assert_string_equal(got, cases[i].after);
	}
}

static void entries_without_a_time_get_a_neighbours(void **state)
{
	/* a letter is a time, '-' none */
	static const struct {
		const char *before, *after, *created;
	} cases[] = {
		{ "", "", NULL },
		{ "--", "--", NULL },
		{ "ab", "ab", "b" },
		{ "ab--", "abbb", "b" },
		{ "a-c-", "accc", "c" },
		{ "-b", "bb", "b" },
		{ "a-c-e-", "acccee", "e" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_config struct oci_config *c = oci_config_new();
		char got[10] = "";

		for (const char *h = cases[i].before; *h; h++)
			oci_config_add_history(c, *h == '-' ? NULL : (char[]){ *h, 0 }, NULL, NULL,
					       false);
		oci_config_settle_times(c);
		for (size_t k = 0; k < c->nr_history; k++)
			got[k] = c->history[k].created ? c->history[k].created[0] : '-';
		assert_string_equal(got, cases[i].after);
		if (cases[i].created)
			assert_string_equal(c->created, cases[i].created);
		else
			assert_null(c->created);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_reads_every_field),
		cmocka_unit_test(config_written_reads_back_byte_for_byte_with_foreign_fields),
		cmocka_unit_test(config_writes_sets_and_labels_sorted),
		cmocka_unit_test(config_takes_nulls_for_nothing),
		cmocka_unit_test(config_says_what_is_wrong_with_it),
		cmocka_unit_test(config_that_is_too_long_is_refused),
		cmocka_unit_test(config_of_scratch_has_a_path_and_the_root_as_directory),
		cmocka_unit_test(config_writes_bytes_that_are_not_utf8_as_replacements),
		cmocka_unit_test(history_is_repaired_to_speak_of_all_layers),
		cmocka_unit_test(entries_without_a_time_get_a_neighbours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
