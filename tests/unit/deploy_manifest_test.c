/*
 * orcinus.yml to specs, by examples: each testdata/deploy/NAME.yml is read and what
 * comes out is compared with the files beside it, of which none may be missing or too many:
 *	NAME.json	the ServiceSpecs, and the networks to make
 *	NAME.warn	the warnings
 *	NAME.err	the error and its excerpt; then there is no NAME.json
 * NAME.in, if there is one, holds what else goes in, a line each: "image=[SERVICE=]REF",
 * "image_ref=REF", "env=KEY=VALUE".
 *
 * GOLDEN=1 in the environment writes the files instead; read the difference before keeping it.
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
#include "deploy/manifest.h"
#include "deploy/spec_json.h"
#include "tests/fakes/example.h"

#define EXAMPLES "testdata/deploy"

struct inputs {
	struct strv env, images;
	char *image_ref;
};

static void inputs_release(struct inputs *in)
{
	strv_release(&in->env);
	strv_release(&in->images);
	free(in->image_ref);
}

struct outputs {
	struct buf json;
	struct strv warnings;
	struct err err;
};

static void outputs_init(struct outputs *out)
{
	*out = (struct outputs){ .json = BUF_INIT(64u << 20), .err = ERR_INIT };
}

static void outputs_release(struct outputs *out)
{
	buf_release(&out->json);
	strv_release(&out->warnings);
}

#define auto_inputs  CLEANUP(inputs_release)
#define auto_outputs CLEANUP(outputs_release)

/* -- one example -------------------------------------------------------------- */

static void read_inputs(struct inputs *in, int dirfd, const char *name)
{
	auto_buf struct buf text = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;
	struct span rest, line;

	if (fs_read_file(dirfd, name, &text, &e) < 0)
		return;
	rest = buf_span(&text);
	while (span_line(&rest, &line)) {
		if (span_take(&line, "image="))
			strv_add_span(&in->images, line);
		else if (span_take(&line, "env="))
			strv_add_span(&in->env, line);
		else if (span_take(&line, "image_ref="))
			in->image_ref = span_dup(line);
		else
			fail_msg("%s: what is '" SPAN_FMT "'?", name, SPAN_ARG(line));
	}
}

static void render(struct buf *out, const struct deploy_stack *stack)
{
	auto_json json_t *all = json_object();
	json_t *services = json_array();
	auto_free char *text = NULL;

	for (size_t i = 0; i < stack->nr; i++)
		json_array_append_new(services,
				      deploy_spec_json(&stack->services[i],
						       &(struct deploy_owner){ .project = "p" }));
	json_object_set_new(all, "networks", json_from_strv(&stack->make_networks));
	json_object_set_new(all, "services", services);
	text = json_dumps(all, JSON_INDENT(1) | JSON_SORT_KEYS);
	buf_addf(out, "%s\n", text);
}

static int read_beside(void *arg, struct buf *out, const char *path, struct err *e)
{
	auto_close int fd = fs_open_dir(EXAMPLES, e);

	(void)arg;
	return fs_read_file(fd, path, out, e);
}

static int run(struct outputs *out, const struct inputs *in, struct span text)
{
	auto_stack struct deploy_stack stack = { 0 };
	const struct deploy_input input = {
		.file = "orcinus.yml",
		.text = text,
		.env = &in->env,
		.images = &in->images,
		.image_ref = in->image_ref,
		.read_file = read_beside,
	};

	if (deploy_manifest_read(&stack, &input, &out->warnings, &out->err) < 0)
		return -1;
	render(&out->json, &stack);
	return 0;
}

static int check(int dirfd, const char *stem)
{
	auto_free char *yml = mem_printf("%s.yml", stem), *extra = mem_printf("%s.in", stem);
	auto_buf struct buf text = BUF_INIT(BUF_SMALL), warn = BUF_INIT(BUF_SMALL);
	auto_buf struct buf err = BUF_INIT(BUF_SMALL);
	auto_inputs struct inputs in = { 0 };
	auto_outputs struct outputs out;
	struct err e = ERR_INIT;
	int bad;

	outputs_init(&out);
	if (fs_read_file(dirfd, yml, &text, &e) < 0)
		fail_msg("%s", e.text);
	read_inputs(&in, dirfd, extra);
	if (run(&out, &in, buf_span(&text)) < 0) {
		assert_int_equal(ERR_INPUT, out.err.kind);
		buf_addf(&err, "%s%s\n", out.err.excerpt, out.err.text);
	}
	for (size_t i = 0; i < out.warnings.n; i++)
		buf_addf(&warn, "%s\n", out.warnings.v[i]);
	bad = example_compare(dirfd, EXAMPLES, stem, "json", buf_span(&out.json)) < 0;
	bad += example_compare(dirfd, EXAMPLES, stem, "warn", buf_span(&warn)) < 0;
	bad += example_compare(dirfd, EXAMPLES, stem, "err", buf_span(&err)) < 0;
	return bad;
}

static void every_example_gives_what_lies_beside_it(void **state)
{
	struct err e = ERR_INIT;
	auto_close int fd = fs_open_dir(EXAMPLES, &e);
	DIR *d = opendir(EXAMPLES);
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
	assert_true(seen > 50);
	assert_int_equal(0, bad);
}

/* -- what an example cannot show ------------------------------------------------ */

static void assert_message(const char *want, const struct inputs *in, const char *text)
{
	auto_outputs struct outputs out;

	outputs_init(&out);
	assert_int_equal(-1, run(&out, in, span_of_str(text)));
	assert_int_equal(ERR_INPUT, out.err.kind);
	assert_string_equal(want, out.err.text);
}

static void assert_image(const char *want, const char *option, const char *image_ref,
			 const char *image)
{
	auto_inputs struct inputs in = { .image_ref = mem_strdup(image_ref) };
	auto_stack struct deploy_stack stack = { 0 };
	auto_strv struct strv warnings = STRV_INIT;
	auto_free char *text = mem_printf("services:\n  other: {image: redis}\n"
					  "  app: {image: \"%s\"}\n",
					  image);
	struct err e = ERR_INIT;

	if (option)
		strv_add(&in.images, option);
	if (deploy_manifest_read(&stack,
				 &(struct deploy_input){ .file = "f",
							 .text = span_of_str(text),
							 .env = &in.env,
							 .images = &in.images,
							 .image_ref = in.image_ref },
				 &warnings, &e) < 0)
		fail_msg("%s", e.text);
	assert_string_equal(want, stack.services[1].image);
	assert_string_equal("redis", stack.services[0].image);
}

static void the_placeholder_is_filled_or_replaced(void **state)
{
	(void)state;
	assert_image("h.example/g/app:2", "app:2", NULL, "h.example/g/<IMG_NAME>");
	assert_image("h.example/g/app:2", NULL, "app:2", "h.example/g/<IMG_NAME>");
	assert_image("o.example:5/x:3", "o.example:5/x:3", NULL, "h.example/g/<IMG_NAME>");
	assert_image("h.example/g/app:2", "app=app:2", "app:9", "h.example/g/<IMG_NAME>");
	assert_image("h.example/g/app:2", "app:2", "app:9", "h.example/g/<IMG_NAME>");
	assert_image("app:2", "app:2", NULL, "<IMG_NAME>");
}

static void a_tag_behind_the_placeholder_gives_way(void **state)
{
	(void)state;
	assert_image("h.example/app:prod", "app", NULL, "h.example/<IMG_NAME>:prod");
	assert_image("h.example/app:2", "app:2", NULL, "h.example/<IMG_NAME>:prod");
	assert_image("o.example:5/x:prod", "o.example:5/x", NULL, "h.example/<IMG_NAME>:prod");
}

static void a_reference_serves_the_same_repository(void **state)
{
	(void)state;
	assert_image("h.example/app:2", "h.example/app:2", NULL, "h.example/app");
	assert_image("h.example/app:2", NULL, "h.example/app:2", "h.example/app:1");
	assert_image("h.example/app:1", NULL, "h.example/other:2", "h.example/app:1");
	assert_image("other:2", "app=other:2", NULL, "h.example/app:1");
}

static void a_placeholder_need_not_be_filled_where_nothing_is_deployed(void **state)
{
	auto_strv struct strv env = STRV_INIT, warnings = STRV_INIT;
	auto_stack struct deploy_stack stack = { 0 };
	struct deploy_input input = {
		.file = "f",
		.text = span_of_str("services: {app: {image: \"h.example/<IMG_NAME>:prod\"}}"),
		.env = &env,
		.stand_in = "image:0"
	};
	struct err e = ERR_INIT;

	(void)state;
	if (deploy_manifest_read(&stack, &input, &warnings, &e) < 0)
		fail_msg("%s", e.text);
	assert_string_equal("h.example/image:0", stack.services[0].image);
	assert_int_equal(0, warnings.n);
}

/* The pipeline is green, and what it has just built does not run. */
static void an_image_of_the_pipeline_that_nobody_takes_is_warned_about(void **state)
{
	static const struct {
		const char *image, *option;
		bool warned;
	} cases[] = {
		{ "h.example/team/app:1", NULL, true },
		{ "h.example/app:1", NULL, false },
		{ "h.example/<IMG_NAME>", NULL, false },
		{ "h.example/team/app:1", "h.example/team/app:3", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_inputs struct inputs in = { 0 };
		auto_stack struct deploy_stack stack = { 0 };
		auto_strv struct strv warnings = STRV_INIT;
		auto_free char *text =
			mem_printf("services: {app: {image: \"%s\"}}", cases[i].image);
		struct deploy_input input = { .file = "f",
					      .text = span_of_str(text),
					      .env = &in.env,
					      .images = &in.images,
					      .image_ref = "h.example/app:2" };
		struct err e = ERR_INIT;

		if (cases[i].option)
			strv_add(&in.images, cases[i].option);
		if (deploy_manifest_read(&stack, &input, &warnings, &e) < 0)
			fail_msg("%s", e.text);
		assert_int_equal(cases[i].warned,
				 strv_has(&warnings,
					  "f: IMAGE_REF 'h.example/app:2' is not deployed: no "
					  "service has its repository or <IMG_NAME>"));
	}
}

static void an_empty_image_ref_is_none(void **state)
{
	(void)state;
	assert_image("h.example/app:1", NULL, "", "h.example/app:1");
	assert_image("h.example/g/app:2", "app:2", "", "h.example/g/<IMG_NAME>");
}

static void an_image_nobody_takes_is_an_error(void **state)
{
	auto_inputs struct inputs in = { 0 };
	static const char two[] = "services: {a: {image: x}, b: {image: y}}";

	(void)state;
	strv_add(&in.images, "z:1");
	assert_message("--image 'z:1': no service of orcinus.yml takes it; write SERVICE=z:1", &in,
		       two);
	strv_release(&in.images);
	strv_add(&in.images, "c=z:1");
	assert_message("--image 'c=z:1': no service 'c' in orcinus.yml", &in, two);
	strv_release(&in.images);
	strv_add(&in.images, "z");
	strv_add(&in.images, "y2");
	assert_message(
		"orcinus.yml:1:23: services.a.image: several --image could fill '<IMG_NAME>'; "
		"write SERVICE=REF",
		&in, "services: {a: {image: <IMG_NAME>}}");
}

static void the_only_service_takes_any_image(void **state)
{
	auto_inputs struct inputs in = { 0 };
	auto_outputs struct outputs out;

	(void)state;
	outputs_init(&out);
	strv_add(&in.images, "z:1");
	assert_int_equal(0, run(&out, &in, SPAN_LIT("services: {a: {image: x}}")));
	assert_non_null(strstr(buf_str(&out.json), "\"Image\": \"z:1\""));
}

static void a_failure_leaves_the_stack_untouched(void **state)
{
	struct deploy_stack stack = { .nr = 7 };
	auto_strv struct strv warnings = STRV_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(-1,
			 deploy_manifest_read(&stack,
					      &(struct deploy_input){
						      .file = "f",
						      .text = SPAN_LIT("services: {a: {cpu: x}}"),
					      },
					      &warnings, &e));
	assert_int_equal(7, stack.nr);
	assert_null(stack.services);
}

static void a_secret_value_is_in_no_message(void **state)
{
	auto_inputs struct inputs in = { 0 };
	auto_outputs struct outputs out;

	(void)state;
	outputs_init(&out);
	assert_int_equal(0,
			 run(&out, &in,
			     SPAN_LIT("services:\n  a:\n    image: x\n    environment:\n"
				      "    - P=hunter2;\n    - P=hunter2\n    - Q=$NO hunter2\n")));
	assert_int_equal(3, out.warnings.n);
	for (size_t i = 0; i < out.warnings.n; i++)
		assert_null(strstr(out.warnings.v[i], "hunter2"));
}

static void services_ports_and_warnings_are_bounded(void **state)
{
	auto_inputs struct inputs in = { 0 };
	auto_buf struct buf text = BUF_INIT(BUF_SMALL);
	auto_outputs struct outputs out;

	(void)state;
	buf_add_str(&text, "services:\n");
	for (int i = 0; i < 5; i++)
		buf_addf(&text, " a%d: {image: x, ports: [1-1000]}\n", i);
	assert_message("orcinus.yml: more than 4096 ports", &in, buf_str(&text));
	buf_reset(&text);
	buf_add_str(&text, "services:\n");
	for (int i = 0; i < 1001; i++)
		buf_addf(&text, " a%d: {image: x}\n", i);
	assert_message("orcinus.yml:2:2: services: more than 1000 services", &in, buf_str(&text));
	buf_reset(&text);
	buf_add_str(&text, "services:\n a: {image: x}\n");
	for (int i = 0; i < 1500; i++)
		buf_addf(&text, "odd%d: 1\n", i);
	outputs_init(&out);
	assert_int_equal(0, run(&out, &in, buf_span(&text)));
	assert_int_equal(1000, out.warnings.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_example_gives_what_lies_beside_it),
		cmocka_unit_test(the_placeholder_is_filled_or_replaced),
		cmocka_unit_test(a_tag_behind_the_placeholder_gives_way),
		cmocka_unit_test(a_reference_serves_the_same_repository),
		cmocka_unit_test(a_placeholder_need_not_be_filled_where_nothing_is_deployed),
		cmocka_unit_test(an_image_of_the_pipeline_that_nobody_takes_is_warned_about),
		cmocka_unit_test(an_empty_image_ref_is_none),
		cmocka_unit_test(an_image_nobody_takes_is_an_error),
		cmocka_unit_test(the_only_service_takes_any_image),
		cmocka_unit_test(a_failure_leaves_the_stack_untouched),
		cmocka_unit_test(a_secret_value_is_in_no_message),
		cmocka_unit_test(services_ports_and_warnings_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
