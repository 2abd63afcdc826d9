/* --reuse-from with a registry that answers as it is told. The rest is told end to end. */
#include "oci/build/reuse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/fakes/build_world.h"

#define FILE_TEXT "FROM scratch\nCOPY a /\n"

struct answering {
	struct image_source base;
	enum err_kind kind; /* of the error */
	const char *text;   /* NULL: that error */
	char *asked;
};

static int answer(struct image_source *src, struct op *op, const char *ref, struct buf *text,
		  struct oci_descriptor *out, struct err *e)
{
	struct answering *a = CONTAINER_OF(src, struct answering, base);

	(void)op;
	free(a->asked);
	a->asked = mem_strdup(ref);
	if (!a->text)
		return err_set(e, a->kind, "the registry says so");
	buf_add_str(text, a->text);
	oci_digest_of_bytes(&out->digest, buf_span(text));
	out->size_bytes = text->len;
	out->media_type = mem_strdup(OCI_MEDIA_INDEX);
	return 0;
}

static void begin(struct build_world *w, struct answering *a)
{
	build_world_init(w);
	a->base.document = answer;
	w->env.registry = &a->base;
	w->opt.reuse_from = "registry.test/team/app";
	tmpdir_file(&w->dir, "ctx/a", "text");
}

static void end(struct build_world *w, struct answering *a)
{
	free(a->asked);
	build_world_release(w);
}

static void what_is_not_there_is_built(void **state)
{
	struct answering a = { .kind = ERR_ABSENT };
	auto_free char *ref = NULL;
	struct build_world w;

	(void)state;
	begin(&w, &a);
	build_world_ok(&w, FILE_TEXT);
	assert_false(w.result.is_reused);
	ref = mem_printf("registry.test/team/app:in-%s", oci_digest_hex(&w.result.input));
	assert_string_equal(a.asked, ref);
	assert_true(recorder_has(&w.progress, "no image of this input is there yet"));
	end(&w, &a);
}

/* A second image for one input is not what anybody wants. */
static void a_registry_that_cannot_tell_is_an_error(void **state)
{
	static const enum err_kind kinds[] = { ERR_UNAVAILABLE, ERR_DENIED };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct answering a = { .kind = kinds[i] };
		struct build_world w;

		begin(&w, &a);
		assert_non_null(strstr(build_world_fails(&w, FILE_TEXT), "--reuse-from"));
		assert_int_equal(w.err.kind, kinds[i]);
		end(&w, &a);
	}
}

static void an_image_for_other_platforms_is_refused(void **state)
{
	struct answering a = { .text = "{\"schemaVersion\":2,\"manifests\":[]}" };
	struct build_world w;
	struct err e = ERR_INIT;

	(void)state;
	begin(&w, &a);
	assert_int_equal(build_platforms_parse(&w.opt, "linux/amd64,linux/arm64", &e), 0);
	assert_non_null(strstr(build_world_fails(&w, FILE_TEXT), "2 platforms"));
	assert_int_equal(w.err.kind, ERR_CORRUPT);
	end(&w, &a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_there_is_built),
		cmocka_unit_test(a_registry_that_cannot_tell_is_an_error),
		cmocka_unit_test(an_image_for_other_platforms_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
