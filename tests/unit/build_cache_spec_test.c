/* --cache-to and --cache-from as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "oci/build/options.h"

/* "KIND PLACE [name=N] [max] [may-fail]" */
static char *tell(const struct cache_spec *c)
{
	static const char *const kinds[] = { "registry", "local", "inline" };
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);

	buf_addf(&out, "%s %s", kinds[c->kind], cache_spec_name(c));
	if (c->name)
		buf_addf(&out, " name=%s", c->name);
	buf_add_str(&out, c->all_stages ? " max" : "");
	buf_add_str(&out, c->may_fail ? " may-fail" : "");
	return buf_steal(&out);
}

#define DIGEST "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void what_is_written_to_is_what_buildx_means(void **state)
{
	static const char *const rows[][2] = {
		{ "type=registry,ref=h.example/a:c", "registry h.example/a:c" },
		{ "type=registry,ref=h.example/a,mode=max", "registry h.example/a:latest max" },
		{ "type=registry,mode=min,ref=localhost:5000/a:c,ignore-error=true",
		  "registry localhost:5000/a:c may-fail" },
		{ "localhost:5000/a:c", "registry localhost:5000/a:c" },
		{ "user/app", "registry docker.io/user/app:latest" },
		{ "type=local,dest=.cache/x", "local .cache/x" },
		{ "type=local,dest=d,tag=main,mode=max", "local d name=main max" },
		{ "type=inline", "inline the image" },
		{ "type=inline,mode=min", "inline the image" },
		{ "type=registry,ref=a/b,image-manifest=true,oci-mediatypes=true,"
		  "force-compression=false,registry.insecure=false,compression=gzip,compression-level=3",
		  "registry docker.io/a/b:latest" },
		{ "TYPE=local, Dest=d", "local d" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct build_options o = { 0 };
		struct err e = ERR_INIT;
		auto_free char *got = NULL;

		if (cache_spec_parse_to(&o, rows[i][0], &e) < 0)
			fail_msg("%s", e.text);
		assert_int_equal(o.cache_to.nr, 1);
		assert_int_equal(o.cache_from.nr, 0);
		got = tell(&o.cache_to.v[0]);
		assert_string_equal(got, rows[i][1]);
		build_options_release(&o);
	}
}

static void what_is_read_from_is_what_buildx_means(void **state)
{
	static const char *const rows[][2] = {
		{ "type=registry,ref=h.example/a:c", "registry h.example/a:c" },
		{ "h.example/a", "registry h.example/a:latest" },
		{ "h.example/a@" DIGEST, "registry h.example/a@" DIGEST },
		{ "type=local,src=d", "local d" },
		{ "type=local,src=d,tag=main", "local d name=main" },
		{ "type=local,tag=main,src=d,digest=" DIGEST, "local d name=" DIGEST },
		{ "type=local,digest=" DIGEST ",src=d,tag=main", "local d name=" DIGEST },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct build_options o = { 0 };
		struct err e = ERR_INIT;
		auto_free char *got = NULL;

		if (cache_spec_parse_from(&o, rows[i][0], &e) < 0)
			fail_msg("%s", e.text);
		assert_int_equal(o.cache_from.nr, 1);
		assert_int_equal(o.cache_to.nr, 0);
		got = tell(&o.cache_from.v[0]);
		assert_string_equal(got, rows[i][1]);
		build_options_release(&o);
	}
}

static void assert_refused(bool to, const char *text, const char *why)
{
	struct build_options o = { 0 };
	struct err e = ERR_INIT;

	assert_int_equal(
		to ? cache_spec_parse_to(&o, text, &e) : cache_spec_parse_from(&o, text, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	if (!strstr(e.text, why) || !strstr(e.text, to ? "--cache-to '" : "--cache-from '"))
		fail_msg("'%s' does not say '%s'", e.text, why);
	assert_int_equal(o.cache_to.nr + o.cache_from.nr, 0);
	build_options_release(&o);
}

static void what_is_not_carried_out_is_refused_with_what_is(void **state)
{
	(void)state;
	assert_refused(true, "type=gha", "type=gha is not supported: there is type=local");
	assert_refused(true, "type=s3,bucket=b", "there is type=registry,ref=REF");
	assert_refused(false, "type=azblob,name=n", "there is type=registry,ref=REF");
	assert_refused(true, "type=regsitry,ref=a", "did you mean registry?");
	assert_refused(false, "type=inline", "is read as type=registry,ref=IMAGE");
	assert_refused(true, "ref=a", "type= is needed");
	assert_refused(true, "type=registry", "ref=REF is needed");
	assert_refused(true, "type=local", "dest=DIR is needed");
	assert_refused(true, "type=local,dest=", "dest= is empty");
	assert_refused(false, "type=local", "src=DIR is needed");
	assert_refused(true, "type=local,src=d", "it is dest=DIR here");
	assert_refused(false, "type=local,dest=d", "it is src=DIR here");
	assert_refused(false, "type=registry,ref=a,mode=max", "only to --cache-to");
	assert_refused(true, "type=registry,ref=a,mod=max",
		       "unknown field 'mod' (did you mean mode?)");
	assert_refused(true, "type=registry,ref=a,mode=all", "mode is min or max, not 'all'");
	assert_refused(true, "type=registry,dest=a", "'dest' means nothing to type=registry");
	assert_refused(true, "type=inline,mode=max", "the image's own layers only");
	assert_refused(true, "type=registry,ref=a@" DIGEST, "nothing can be written there");
	assert_refused(true, "type=registry,ref=a/B", "ref: ");
	assert_refused(true, "type=registry,ref=a,image-manifest=false", "one OCI image manifest");
	assert_refused(true, "type=registry,ref=a,force-compression=true", "as they were made");
	assert_refused(true, "type=registry,ref=a,registry.insecure=true", "--plain-http HOST");
	assert_refused(true, "type=registry,ref=a,compression=lzma", "compression: 'lzma'");
	assert_refused(false, "type=local,src=d,digest=x", "digest: ");
	assert_refused(false, "type=local,src=d,tag=a/b", "tag: 'a/b' is not a tag");
	assert_refused(false, "", "");
}

static void all_that_is_made_has_one_compression(void **state)
{
	struct build_options o = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(build_output_parse(&o, "type=oci,dest=x,compression=gzip", &e), 0);
	assert_int_equal(cache_spec_parse_to(&o, "type=local,dest=d,compression=uncompressed", &e),
			 -1);
	assert_non_null(strstr(e.text, "layers are made once"));
	build_options_release(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_to_is_what_buildx_means),
		cmocka_unit_test(what_is_read_from_is_what_buildx_means),
		cmocka_unit_test(what_is_not_carried_out_is_refused_with_what_is),
		cmocka_unit_test(all_that_is_made_has_one_compression),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
