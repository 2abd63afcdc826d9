/* -o and --annotation as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/build/options.h"

static void assert_refused(const char *text, const char *why)
{
	struct build_options o = { 0 };
	struct err e = ERR_INIT;

	assert_int_equal(build_output_parse(&o, text, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	if (!strstr(e.text, why))
		fail_msg("'%s' does not say '%s'", e.text, why);
	assert_int_equal(o.nr_outputs, 0);
	build_options_release(&o);
}

/* "TYPE DEST [dir] [docker] [push] [digest] name…" */
static char *tell(const struct build_output *o)
{
	static const char *const types[] = {
		"image", "oci", "docker", "local", "tar", "cacheonly"
	};
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);

	buf_addf(&out, "%s %s", types[o->type], o->dest ? o->dest : "none");
	buf_add_str(&out, o->is_dir ? " dir" : "");
	buf_add_str(&out, o->docker_types ? " docker" : "");
	buf_add_str(&out, o->push ? " push" : "");
	buf_add_str(&out, o->push_by_digest ? " digest" : "");
	for (size_t i = 0; i < o->names.n; i++)
		buf_addf(&out, " %s", o->names.v[i]);
	return buf_steal(&out);
}

static void every_form_means_what_buildx_means_by_it(void **state)
{
	static const char *const rows[][2] = {
		{ "type=oci,dest=a.tar", "oci a.tar" },
		{ "type=oci,tar=false,dest=dir", "oci dir dir" },
		{ "dest=b.tar,type=oci,tar=true", "oci b.tar" },
		{ "type=oci,dest=-", "oci -" },
		{ "type=docker,dest=a.tar", "docker a.tar docker" },
		{ "type=docker,dest=a.tar,oci-mediatypes=true", "docker a.tar" },
		{ "type=oci,dest=a,oci-mediatypes=0", "oci a docker" },
		{ "type=image", "image none" },
		{ "type=image,name=a", "image none a" },
		{ "type=image,\"name=a,b:2\",push=true", "image none push a b:2" },
		{ "type=registry", "image none push" },
		{ "type=registry,push=false", "image none" },
		{ "type=registry,name=a,push-by-digest=true,name-canonical=true",
		  "image none push digest a" },
		{ "TYPE=image, Push =true,NAME=x", "image none push x" },
		{ "type=local,dest=out", "local out dir" },
		{ "out", "local out dir" },
		{ "./a:b/c", "local ./a:b/c dir" },
		{ "type=tar,dest=x.tar", "tar x.tar" },
		{ "-", "tar -" },
		{ "type=cacheonly", "cacheonly none" },
		{ "\"type=oci\",\"dest=a\"\"b,c\"", "oci a\"b,c" },
		{ "type=oci,dest=x,force-compression=false,rewrite-timestamp=true", "oci x" },
		{ "type=oci,dest=first,dest=last", "oci last" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct build_options o = { 0 };
		struct err e = ERR_INIT;
		auto_free char *told = NULL;

		if (build_output_parse(&o, rows[i][0], &e) < 0)
			fail_msg("%s: %s", rows[i][0], e.text);
		assert_int_equal(o.nr_outputs, 1);
		told = tell(&o.outputs[0]);
		assert_string_equal(told, rows[i][1]);
		build_options_release(&o);
	}
}

static void what_is_not_carried_out_is_refused_and_named(void **state)
{
	static const char *const rows[][2] = {
		{ "", "type= is needed" },
		{ "dest=x", "type= is needed" },
		{ "type=", "unknown type ''" },
		{ "type=dokcer,dest=x", "did you mean docker?" },
		{ "type=oci,x", "'x' is not KEY=VALUE" },
		{ "type=oci,dest=x,compresion=gzip",
		  "unknown field 'compresion' (did you mean compression?)" },
		{ "type=oci,dest=x,compression=brotli", "none of gzip, zstd and uncompressed" },
		{ "type=oci,dest=x,compression-level=0", "compression-level is a number from 1" },
		{ "type=oci,dest=x,force-compression=true",
		  "force-compression=true is not supported" },
		{ "type=oci,dest=x,rewrite-timestamp=false", "it is always so" },
		{ "type=oci,dest=x,tar=maybe", "tar is true or false, not 'maybe'" },
		{ "type=oci,dest=x,push=true", "'push' means nothing to type=oci" },
		{ "type=registry,dest=x", "'dest' means nothing to type=registry" },
		{ "type=cacheonly,name=x", "'name' means nothing to type=cacheonly" },
		{ "type=image,registry.insecure=true", "--plain-http" },
		{ "type=image,push-by-digest=true", "pushes nothing" },
		{ "type=oci,dest=x,\"name=a", "a quote is not closed" },
		{ "type=oci,dest=x,name=\"a\"", "quotes go around a whole field" },
		{ "\"type=oci\"x,dest=y", "expected ',' behind a quoted field" },
		{ "type=local,dest=x,annotation.a=b", "unknown field 'annotation.a'" },
		{ "type=oci,dest=x,annotation-nothing.a=b", "'nothing' is not one of" },
		{ "type=oci,dest=x,annotation-index=b", "is not annotation" },
		{ "type=oci,dest=x,annotation[linux/].a=b", "platform" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_refused(rows[i][0], rows[i][1]);
}

static void a_place_is_needed(void **state)
{
	(void)state;
	assert_refused("type=oci", "dest=PATH is needed (dest=- is standard output)");
	assert_refused("type=docker", "dest=PATH is needed");
	assert_refused("type=oci,dest=", "dest=PATH is needed");
	assert_refused("type=oci,dest=-,tar=false", "not a directory");
	assert_refused("type=local,dest=-", "not a directory");
}

static void too_many_fields_are_refused(void **state)
{
	auto_buf struct buf text = BUF_INIT(BUF_SMALL);

	(void)state;
	buf_add_str(&text, "type=oci,dest=x");
	for (int i = 0; i < 300; i++)
		buf_addf(&text, ",annotation.k%d=v", i);
	assert_refused(buf_str(&text), "more than 200 fields");
}

static void outputs_share_one_compression(void **state)
{
	struct build_options o = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(build_output_parse(&o, "type=oci,dest=a,compression=uncompressed", &e), 0);
	assert_int_equal(o.compression, LAYER_UNCOMPRESSED);
	assert_int_equal(build_output_parse(&o, "type=oci,dest=b", &e), 0);
	assert_int_equal(build_output_parse(&o, "type=oci,dest=c,compression=gzip", &e), -1);
	assert_non_null(strstr(e.text, "share one compression"));
	assert_int_equal(build_output_parse(&o, "type=oci,dest=c,compression-level=3", &e), 0);
	assert_int_equal(build_output_parse(&o, "type=oci,dest=d,compression-level=4", &e), -1);
	assert_non_null(strstr(e.text, "share one level"));
	assert_int_equal(o.nr_outputs, 3);
	build_options_release(&o);
}

/* "LEVEL[ PLATFORM] KEY=VALUE" lines. */
static char *tell_annotations(const struct build_annotations *a)
{
	static const char *const levels[] = { "manifest", "manifest-descriptor", "index",
					      "index-descriptor" };
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);

	for (size_t i = 0; i < a->nr; i++) {
		char platform[100] = "";

		if (a->v[i].has_platform)
			oci_platform_format(platform, &a->v[i].platform);
		buf_addf(&out, "%s%s%s %s=%s\n", levels[a->v[i].level], *platform ? " " : "",
			 platform, a->v[i].key, a->v[i].value);
	}
	return buf_steal(&out);
}

static void annotations_name_their_document(void **state)
{
	static const char *const rows[][2] = {
		{ "a.b=c", "manifest a.b=c\n" },
		{ "a=", "manifest a=\n" },
		{ "a=b:c=d", "manifest a=b:c=d\n" },
		{ "manifest:Key=V", "manifest Key=V\n" },
		{ "index:a=b", "index a=b\n" },
		{ "index,manifest-descriptor:a=b", "index a=b\nmanifest-descriptor a=b\n" },
		{ "manifest[linux/arm64]:a=b", "manifest linux/arm64 a=b\n" },
		{ "index-descriptor:a=b", "index-descriptor a=b\n" },
	};
	static const char *const bad[][2] = {
		{ "a", "not KEY=VALUE" },
		{ "=b", "has no key" },
		{ "manifest:=b", "has no key" },
		{ "images:a=b", "'images' is not one of" },
		{ "index,:a=b", "no level before" },
		{ "manifest[x:a=b", "no ']'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct build_annotations a = { 0 };
		struct err e = ERR_INIT;
		auto_free char *told = NULL;

		if (build_annotations_parse(&a, rows[i][0], &e) < 0)
			fail_msg("%s: %s", rows[i][0], e.text);
		told = tell_annotations(&a);
		assert_string_equal(told, rows[i][1]);
		build_annotations_release(&a);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct build_annotations a = { 0 };
		struct err e = ERR_INIT;

		assert_int_equal(build_annotations_parse(&a, bad[i][0], &e), -1);
		assert_int_equal(e.kind, ERR_INPUT);
		if (!strstr(e.text, bad[i][1]))
			fail_msg("'%s' does not say '%s'", e.text, bad[i][1]);
		build_annotations_release(&a);
	}
}

static void annotations_in_an_output_are_its_own(void **state)
{
	struct build_options o = { 0 };
	struct err e = ERR_INIT;
	auto_free char *told = NULL;

	(void)state;
	assert_int_equal(build_output_parse(&o,
					    "type=oci,dest=x,annotation.Org.a=1,"
					    "annotation-index.b.c=2,"
					    "annotation-manifest[linux/amd64].d.e=3",
					    &e),
			 0);
	told = tell_annotations(&o.outputs[0].annotations);
	assert_string_equal(told, "manifest Org.a=1\nindex b.c=2\nmanifest linux/amd64 d.e=3\n");
	build_options_release(&o);
}

static void the_last_of_equal_annotations_counts_for_its_platform(void **state)
{
	const struct oci_platform amd = { "linux", "amd64", "" }, arm = { "linux", "arm64", "" };
	struct build_annotations a = { 0 };
	auto_strv struct strv one = STRV_INIT, two = STRV_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(build_annotations_parse(&a, "k=1", &e), 0);
	assert_int_equal(build_annotations_parse(&a, "manifest[linux/arm64]:k=2", &e), 0);
	assert_int_equal(build_annotations_parse(&a, "index:k=3", &e), 0);
	build_annotations_get(&one, &a, BUILD_ANNOTATION_MANIFEST, &amd);
	build_annotations_get(&two, &a, BUILD_ANNOTATION_MANIFEST, &arm);
	assert_int_equal(one.n, 1);
	assert_string_equal(one.v[0], "k=1");
	assert_int_equal(two.n, 1);
	assert_string_equal(two.v[0], "k=2");
	build_annotations_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_means_what_buildx_means_by_it),
		cmocka_unit_test(what_is_not_carried_out_is_refused_and_named),
		cmocka_unit_test(a_place_is_needed),
		cmocka_unit_test(too_many_fields_are_refused),
		cmocka_unit_test(outputs_share_one_compression),
		cmocka_unit_test(annotations_name_their_document),
		cmocka_unit_test(annotations_in_an_output_are_its_own),
		cmocka_unit_test(the_last_of_equal_annotations_counts_for_its_platform),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
