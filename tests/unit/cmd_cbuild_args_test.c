/* From a command line of cbuild to what the build is asked to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cmd/cbuild_args.h"
#include "cmd/cbuild_elsewhere.h"
#include "tests/fakes/tmpdir.h"

struct line {
	struct strv argv; /* what args borrows */
	struct cbuild_args args;
	struct strv words;
	struct build_options opt;
	struct err e;
	int r;
};

static void line_release(struct line *l)
{
	build_options_release(&l->opt);
	cbuild_args_release(&l->args);
	strv_release(&l->words);
	strv_release(&l->argv);
}
#define auto_line CLEANUP(line_release)

/* The words of a shell without quotes. */
static void read_line(struct line *l, const char *text)
{
	const struct opt_table table = { cbuild_opts, &l->args, cbuild_elsewhere };
	struct span rest = span_of_str(text), word;

	*l = (struct line){ .args = { .jobs = 4 }, .e = ERR_INIT };
	strv_add(&l->argv, "cbuild");
	while (span_word(&rest, &word))
		strv_add_span(&l->argv, word);
	l->r = opts_parse(&table, 1, (int)l->argv.n, l->argv.v, &l->words, &l->e);
	if (l->r == 0)
		l->r = cbuild_args_take(&l->opt, &l->args, &l->words, &l->e);
}

/* "TYPE[!] [DEST]" for each output, "!" when it is pushed; the names behind "as". */
static char *tell(const struct build_options *o)
{
	static const char *const types[] = {
		"image", "oci", "docker", "local", "tar", "cacheonly"
	};
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);
	auto_free char *names = strv_join(&o->tags, " ");

	for (size_t i = 0; i < o->nr_outputs; i++)
		buf_addf(&out, "%s%s%s%s%s, ", types[o->outputs[i].type],
			 o->outputs[i].push ? "!" : "", o->outputs[i].is_dir ? "/" : "",
			 o->outputs[i].dest ? " " : "",
			 o->outputs[i].dest ? o->outputs[i].dest : "");
	buf_addf(&out, "as %s", names);
	return buf_steal(&out);
}

static void assert_means(const char *text, const char *want)
{
	auto_line struct line l;
	auto_free char *told = NULL;

	read_line(&l, text);
	if (l.r < 0)
		fail_msg("%s: %s", text, l.e.text);
	told = tell(&l.opt);
	assert_string_equal(told, want);
}

static void assert_refused(const char *text, const char *why)
{
	auto_line struct line l;

	read_line(&l, text);
	assert_int_equal(l.r, -1);
	assert_int_equal(l.e.kind, ERR_INPUT);
	if (!strstr(l.e.text, why))
		fail_msg("'%s' does not say '%s'", l.e.text, why);
}

static void without_an_output_it_is_the_store(void **state)
{
	(void)state;
	assert_means("-t a -t b .", "as a b");
	assert_means("--push=false -t a .", "as a");
}

static void push_is_for_what_can_be_pushed_or_one_output_more(void **state)
{
	(void)state;
	assert_means("--push -t a .", "image!, as a");
	assert_means("--push -o type=image -t a .", "image!, as a");
	assert_means("--push -o type=oci,dest=x -t a .", "oci x, image!, as a");
	assert_refused("--push --no-push -t a .", "contradict each other");
}

static void what_kaniko_calls_a_destination_is_pushed_unless_told_otherwise(void **state)
{
	(void)state;
	assert_means("--context . --destination a:1 -d b", "image!, as a:1 b");
	assert_means("-c . -d a --no-push", "as a");
	assert_means("-c . -d a --no-push=true --tar-path x.tar", "docker x.tar, as a");
	assert_means("-c . -d a --tar-path=x.tar --oci-layout-path=y",
		     "image!, docker x.tar, oci/ y, as a");
	assert_means("-c . -d a --no-push=false --cache=false", "image!, as a");
}

static void a_context_is_given_once(void **state)
{
	auto_line struct line l;

	(void)state;
	assert_refused("-t a", "expected one CONTEXT, got 0");
	assert_refused("--context . .", "expected one CONTEXT, got 2");
	read_line(&l, "--context dir:///some/where");
	assert_int_equal(l.r, 0);
	assert_string_equal(l.opt.context, "/some/where");
}

static void kanikos_dockerfile_is_looked_for_in_the_context_too(void **state)
{
	CLEANUP(tmpdir_release) struct tmpdir d = { 0 };
	auto_line struct line l = { 0 };
	auto_free char *text = NULL, *want = NULL;

	(void)state;
	tmpdir_init(&d);
	tmpdir_file(&d, "docker/My.file", "FROM scratch");
	text = mem_printf("--context %s --dockerfile docker/My.file", d.path);
	want = mem_printf("%s/docker/My.file", d.path);
	read_line(&l, text);
	assert_int_equal(l.r, 0);
	assert_string_equal(l.opt.dockerfile, want);
	line_release(&l);
	free(text);
	text = mem_printf("--context %s --dockerfile none", d.path);
	read_line(&l, text);
	assert_string_equal(l.opt.dockerfile, "none");
	assert_refused("-f a --dockerfile b .", "are the same");
}

static void what_other_builders_have_is_refused_with_what_there_is_instead(void **state)
{
	(void)state;
	assert_refused("--cache-dir x .", "no option '--cache-dir': not needed");
	assert_refused("--snapshot-mode=redo .", "no option '--snapshot-mode': not needed");
	assert_refused("--single-snapshot .", "docs/MIGRATING.md");
	assert_refused("--load .", "-o type=docker,dest=-");
	assert_refused("--tls-verify=false .", "--plain-http HOST");
	assert_refused("--snapshot .", "unknown option '--snapshot'");
}

/* A name that is here must not be told to be elsewhere: the table is looked at first anyway. */
static void attestations_can_only_be_refused(void **state)
{
	(void)state;
	assert_means("--provenance=false --sbom=false -t a .", "as a");
	assert_refused("--provenance=true .", "attestations");
	assert_refused("--sbom .", "attestations");
}

static void nothing_is_both_here_and_elsewhere(void **state)
{
	(void)state;
	for (const struct opt_elsewhere *x = cbuild_elsewhere; x->name; x++)
		for (const struct opt *o = cbuild_opts; o->kind != OPT_KIND_END; o++)
			if (strcmp(x->name, o->name) == 0)
				fail_msg("--%s", x->name);
}

static void outputs_must_agree_with_what_is_said_for_all(void **state)
{
	(void)state;
	assert_means("--compression uncompressed -o type=oci,dest=x .", "oci x, as ");
	assert_refused("--compression uncompressed -o type=oci,dest=x,compression=gzip .",
		       "share one compression");
	assert_means("--compression zstd -o type=oci,dest=x,compression=zstd .", "oci x, as ");
	assert_refused("--compression brotli .", "--compression: 'brotli' is none of gzip");
	assert_refused("--compression-level 3 -o type=oci,dest=x,compression-level=4 .",
		       "share one level");
}

/* "from PLACE [ttl]; to PLACE [max] [may-fail]" */
static void assert_caches(const char *text, const char *want)
{
	auto_line struct line l;
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);

	read_line(&l, text);
	if (l.r < 0)
		fail_msg("%s: %s", text, l.e.text);
	for (size_t i = 0; i < l.opt.cache_from.nr; i++) {
		const struct cache_spec *c = &l.opt.cache_from.v[i];

		buf_addf(&out, "from %s%s; ", cache_spec_name(c), c->ttl_ms ? " ttl" : "");
	}
	for (size_t i = 0; i < l.opt.cache_to.nr; i++) {
		const struct cache_spec *c = &l.opt.cache_to.v[i];

		buf_addf(&out, "to %s%s%s; ", cache_spec_name(c), c->all_stages ? " max" : "",
			 c->may_fail ? " may-fail" : "");
	}
	assert_string_equal(buf_str(&out), want);
	assert_null(strv_env_get(&l.opt.build_args, "BUILDKIT_INLINE_CACHE"));
}

static void caches_are_docker_buildxs_and_kanikos(void **state)
{
	(void)state;
	assert_caches(".", "");
	assert_caches("--cache-from h.io/a:1 --cache-from type=local,src=d .",
		      "from h.io/a:1; from d; ");
	assert_caches("--cache-to type=registry,ref=h.io/a:1,mode=max --cache-to type=inline .",
		      "to h.io/a:1 max; to the image; ");
	assert_caches("--build-arg BUILDKIT_INLINE_CACHE=1 .", "to the image; ");
	assert_caches("--build-arg BUILDKIT_INLINE_CACHE=0 .", "");
	assert_caches(
		"--cache=true --cache-repo h.io:1/a/cache -c .",
		"from h.io:1/a/cache:buildcache; to h.io:1/a/cache:buildcache max may-fail; ");
	assert_caches("--cache -d h.io/a:1 -c .",
		      "from h.io/a/cache:buildcache; to h.io/a/cache:buildcache max may-fail; ");
	assert_caches("--cache --cache-repo oci:d --cache-ttl 6h --no-push-cache -c .",
		      "from d ttl; ");
	assert_refused("--cache -c .", "--cache needs --cache-repo REPO");
	assert_refused("--cache-repo h.io/a -c .", "--cache-repo without --cache");
	assert_refused("--cache --cache-repo h.io/a:1 -c .", "it has a tag");
	assert_refused("--cache --cache-repo oci: -c .", "needs a directory");
	assert_refused("--cache --cache-repo h.io/a --cache-ttl 6h --source-date-epoch 0 -c .",
		       "have that time, and no age");
	assert_refused("--cache-from type=gha .", "--cache-from 'type=gha'");
	assert_refused("--cache-to type=registry .", "--cache-to 'type=registry'");
}

static void of_equal_labels_the_last_counts(void **state)
{
	auto_line struct line l;
	auto_free char *labels = NULL;

	(void)state;
	read_line(&l, "--label a=1 --label b=x=y --label a= --label c=3 --label a=2 .");
	assert_int_equal(l.r, 0);
	labels = strv_join(&l.opt.labels, " ");
	assert_string_equal(labels, "a=2 b=x=y c=3");
	assert_refused("--label a .", "'a' is not NAME=VALUE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_an_output_it_is_the_store),
		cmocka_unit_test(push_is_for_what_can_be_pushed_or_one_output_more),
		cmocka_unit_test(what_kaniko_calls_a_destination_is_pushed_unless_told_otherwise),
		cmocka_unit_test(a_context_is_given_once),
		cmocka_unit_test(kanikos_dockerfile_is_looked_for_in_the_context_too),
		cmocka_unit_test(what_other_builders_have_is_refused_with_what_there_is_instead),
		cmocka_unit_test(attestations_can_only_be_refused),
		cmocka_unit_test(nothing_is_both_here_and_elsewhere),
		cmocka_unit_test(outputs_must_agree_with_what_is_said_for_all),
		cmocka_unit_test(caches_are_docker_buildxs_and_kanikos),
		cmocka_unit_test(of_equal_labels_the_last_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
