/* YAML to a tree: what is kept of the text, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "deploy/yaml.h"

/* A tree as one line: {key: value}, [item], scalars as they were written. */
static void show(struct buf *out, const struct yaml_value *v)
{
	if (!v) {
		buf_add_str(out, "nothing");
		return;
	}
	if (v->kind == YAML_SCALAR)
		buf_addf(out, v->plain ? "%s" : "'%s'", v->text);
	else
		buf_add_char(out, v->kind == YAML_LIST ? '[' : '{');
	for (size_t i = 0; i < v->nr; i++) {
		buf_add_str(out, i ? ", " : "");
		if (v->kind == YAML_MAP) {
			show(out, v->pairs[i].key);
			buf_add_str(out, ": ");
		}
		show(out, v->kind == YAML_MAP ? v->pairs[i].value : v->items[i]);
	}
	if (v->kind != YAML_SCALAR)
		buf_add_char(out, v->kind == YAML_LIST ? ']' : '}');
}

static void assert_reads_span(const char *want, const char *warning, struct span text)
{
	auto_deploy_yaml struct deploy_yaml *doc = NULL;
	auto_strv struct strv warnings = STRV_INIT;
	auto_buf struct buf got = BUF_INIT(BUF_SMALL);
	auto_free char *warned = NULL;
	struct err e = ERR_INIT;

	if (deploy_yaml_read(&doc, "f", text, &warnings, &e) < 0)
		fail_msg("refused: %s", e.text);
	show(&got, doc->root);
	assert_string_equal(want, buf_str(&got));
	warned = strv_join(&warnings, "\n");
	assert_string_equal(warning, warned ? warned : "");
}

static void assert_reads(const char *want, const char *text)
{
	assert_reads_span(want, "", span_of_str(text));
}

static void assert_refused_span(const char *want, struct span text)
{
	struct deploy_yaml *doc = NULL;
	auto_strv struct strv warnings = STRV_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(-1, deploy_yaml_read(&doc, "f", text, &warnings, &e));
	assert_null(doc);
	assert_int_equal(ERR_INPUT, e.kind);
	assert_string_equal(want, e.text);
}

static void assert_refused(const char *want, const char *text)
{
	assert_refused_span(want, span_of_str(text));
}

static void a_scalar_keeps_its_text(void **state)
{
	(void)state;
	assert_reads("[22:22, 0755, 1.10, yes, 1,000, 2020-01-01, '7']",
		     "- 22:22\n- 0755\n- 1.10\n- yes\n- 1,000\n- 2020-01-01\n- \"7\"\n");
}

static void values_know_line_and_column(void **state)
{
	auto_deploy_yaml struct deploy_yaml *doc = NULL;
	auto_strv struct strv warnings = STRV_INIT;
	const struct yaml_value *v;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(
		0, deploy_yaml_read(&doc, "f", SPAN_LIT("# x\na:\n  b: c\nd:\n"), &warnings, &e));
	v = yaml_map_get(yaml_map_get(doc->root, "a"), "b");
	assert_int_equal(3, v->line);
	assert_int_equal(6, v->column);
	v = yaml_map_get(doc->root, "d");
	assert_int_equal(4, v->line);
	assert_true(yaml_is_null(v));
	assert_null(yaml_map_get(doc->root, "e"));
	assert_null(yaml_map_get(v, "a"));
}

static void quoted_null_is_text(void **state)
{
	auto_deploy_yaml struct deploy_yaml *doc = NULL;
	auto_strv struct strv warnings = STRV_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(0, deploy_yaml_read(&doc, "f",
					     SPAN_LIT("[~, null, NULL, '', \"null\", !!str ~]"),
					     &warnings, &e));
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(i < 3, yaml_is_null(doc->root->items[i]));
	assert_true(yaml_is_null(NULL));
}

static void json_is_read_as_well(void **state)
{
	(void)state;
	assert_reads("{'a': ['b', 1, {'c': null}], 'd': 'x/y\xc3\xa9'}",
		     "{\"a\":[\"b\",1,{\"c\":null}],\n\t\"d\": \"x\\/y\\u00e9\"}\n");
}

static void a_file_may_be_indented_as_a_whole_and_have_dos_lines(void **state)
{
	(void)state;
	assert_reads("{a: {b: c}, d: e}", "  a:\r\n    b: c\r\n  d: e\r\n");
	assert_reads("{a: b}", "\xef\xbb\xbf"
			       "a: b\n");
}

static void nothing_is_no_value(void **state)
{
	(void)state;
	assert_reads("nothing", "");
	assert_reads("nothing", "# only words\n");
}

static void the_first_of_two_equal_keys_counts(void **state)
{
	(void)state;
	assert_reads_span("{a: 1, b: 2}",
			  "f:3: 'a' is written again in the same map; line 1 counts",
			  SPAN_LIT("a: 1\nb: 2\na: 3\n"));
	assert_reads_span("{a: }",
			  "f:2: 'a' is written again in the same map; line 1 counts, and it is "
			  "empty",
			  SPAN_LIT("a:\n'a': 3\n"));
}

static void of_two_equal_keys_in_json_the_last_counts(void **state)
{
	auto_deploy_yaml struct deploy_yaml *doc = NULL;
	auto_strv struct strv warnings = STRV_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(0, deploy_yaml_read(&doc, "d/orcinus.json",
					     SPAN_LIT("{\"a\": 1, \"b\": 2,\n\"a\": [3]}"),
					     &warnings, &e));
	assert_int_equal(2, doc->root->nr);
	assert_string_equal("3", yaml_map_get(doc->root, "a")->items[0]->text);
	assert_int_equal(1, warnings.n);
	assert_string_equal("d/orcinus.json:2: 'a' is written again in the same map; this one, the "
			    "last, counts",
			    warnings.v[0]);
}

static void aliases_are_the_value_again(void **state)
{
	(void)state;
	assert_reads("{a: [1, 2], b: [1, 2], c: 1}", "a: &x [&y 1, 2]\nb: *x\nc: *y\n");
	assert_reads("[1, 2, 2]", "[&x 1, &x 2, *x]");
	assert_refused(
		"f:2:1: no anchor of that name before this; text that begins with '*' needs quotes",
		"\n*x");
	assert_refused("f:2:6: this alias stands inside what it names", "a: &x\n  b: *x\n");
}

static void own_keys_win_over_merged_ones_and_earlier_maps_over_later(void **state)
{
	(void)state;
	assert_reads("{a: {k: 1, l: 2}, b: {k: 3, l: 2}}",
		     "a: &a {k: 1, l: 2}\nb:\n  <<: *a\n  k: 3\n");
	assert_reads("[{k: 1}, {k: 2, l: 2}, {m: 3, k: 1, l: 2}]",
		     "[&a {k: 1}, &b {k: 2, l: 2}, {<<: [*a, *b], m: 3}]");
	assert_reads("{'<<': 1}", "'<<': 1");
	assert_refused("f:1:1: '<<' takes a map or a list of maps, not text", "<<: 1");
	assert_refused("f:1:1: '<<' takes a map or a list of maps, not text", "<<: [1]");
}

static void aliases_cannot_grow_without_end(void **state)
{
	auto_buf struct buf text = BUF_INIT(BUF_SMALL);

	(void)state;
	buf_add_str(&text, "- &a0 [x, x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 10; i++) {
		buf_addf(&text, "- &a%d [", i);
		for (int j = 0; j < 10; j++)
			buf_addf(&text, "*a%d%s", i - 1, j < 9 ? ", " : "]\n");
	}
	assert_refused_span("f:4:43: more than 10000 values, aliases unfolded", buf_span(&text));
}

static void merging_counts_as_unfolding(void **state)
{
	auto_buf struct buf text = BUF_INIT(BUF_SMALL);

	(void)state;
	buf_add_str(&text, "- &a {");
	for (int i = 0; i < 400; i++)
		buf_addf(&text, "k%d: , ", i);
	buf_add_str(&text, "}\n- {<<: [");
	for (int i = 0; i < 20; i++)
		buf_add_str(&text, "*a, ");
	buf_add_str(&text, "]}\n");
	assert_refused_span("f:2:53: more than 10000 values, aliases unfolded", buf_span(&text));
}

static void depth_number_and_size_are_bounded(void **state)
{
	auto_buf struct buf text = BUF_INIT(2 * DEPLOY_YAML_MAX);

	(void)state;
	for (int i = 0; i < 65; i++)
		buf_add_char(&text, '[');
	assert_refused_span("f:1:65: nested deeper than 64 levels", buf_span(&text));
	buf_reset(&text);
	for (int i = 0; i < 10001; i++)
		buf_add_str(&text, "- a\n");
	assert_refused_span("f:10000:3: more than 10000 values, aliases unfolded", buf_span(&text));
	while (text.len <= DEPLOY_YAML_MAX)
		buf_add_str(&text, "# comment\n");
	assert_refused_span("f: larger than 1048576 bytes", buf_span(&text));
}

#define REFUSED_TAG "f:1:4: this tag is not understood here; text that begins with '!' needs quotes"

static void tags_that_are_not_yamls_own_are_refused(void **state)
{
	(void)state;
	assert_reads("['1', 1, {a: []}]", "[!!str 1, !!int 1, !!map {a: !!seq []}]");
	assert_refused(REFUSED_TAG, "a: !x 1");
	assert_refused(REFUSED_TAG, "a: !!binary aGk=");
	assert_refused(REFUSED_TAG, "a: !!map 1");
	/* may be a password */
	assert_refused(REFUSED_TAG, "a: !!hunter2");
	assert_refused(REFUSED_TAG, "a: !<hunter2>");
}

static void a_tab_as_indentation_is_said_in_one_line(void **state)
{
	(void)state;
	assert_refused("f:2:1: indented with a tab; YAML wants spaces", "a:\n\tb: c\n");
	assert_refused("f:2:3: indented with a tab; YAML wants spaces", "a:\n  \tb: c\n");
}

static void broken_text_has_its_line(void **state)
{
	(void)state;
	assert_refused(
		"f:3:2: not valid YAML: did not find expected ',' or ']', while parsing a flow "
		"sequence that begins on line 1",
		"a: [\nb\nc: d");
	assert_refused(
		"f:1:4: not valid YAML: found unexpected end of stream, while scanning a quoted "
		"scalar that begins here; is the quote closed?",
		"a: \"x\n");
	assert_refused("f:2: not valid text in UTF-8: invalid leading UTF-8 octet", "a: b\n\xff");
	assert_refused_span("f:1: not valid text in UTF-8: control characters are not allowed",
			    span_of("a\0b", 3));
	assert_refused("f:1:4: text holds a NUL character", "a: \"x\\0y\"");
}

static void words_of_libyaml_are_explained(void **state)
{
	(void)state;
	assert_refused(
		"f:1:5: not valid YAML: mapping values are not allowed in this context; is a text "
		"with ': ' in it without quotes, or the indentation wrong?",
		"a: b: c\n");
	assert_refused("f:1:4: not valid YAML: found character that cannot start any token; text "
		       "that begins with '@', '`' or '%' needs quotes",
		       "a: @b\n");
	assert_refused("f:1:7: not valid YAML: found unknown escape character; in \"...\" a "
		       "backslash is written twice, in '...' once",
		       "a: \"C:\\dir\"\n");
	assert_refused(
		"f:1:4: not valid YAML: did not find expected node content; text that begins "
		"with ',', ']' or '}' needs quotes",
		"a: ,b\n");
	assert_refused(
		"f:1:4: not valid YAML: block sequence entries are not allowed in this context; "
		"a list begins on the line below its key, text that begins with '- ' needs "
		"quotes",
		"a: - b\n");
	assert_refused("f:1:4: not valid YAML: mapping keys are not allowed in this context; text "
		       "that begins with '? ' needs quotes",
		       "a: ? b\n");
	assert_refused("f:1:5: not valid YAML: did not find expected comment or line break; text "
		       "that begins with '|' or '>' needs quotes",
		       "a: |b\n");
	assert_refused("f:1:5: not valid YAML: did not find expected alphabetic or numeric "
		       "character; text that begins with '*' or '&' needs quotes",
		       "a: *\n");
	assert_refused(
		"f:3:2: not valid YAML: could not find expected ':', while scanning a simple "
		"key that begins here; is there a ':' with a blank behind it?",
		"a:\n b: 1\n c\n  - x\n d: e\n");
	assert_refused(
		"f:2:1: not valid YAML: did not find expected <document start>; do all keys of "
		"the top begin below each other?",
		" a: b\nc: d\n");
	assert_refused("f:2:1: a merge of git has left a conflict here",
		       "a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> x\n");
}

/* It may be a variable and its value. */
static void a_line_that_is_not_understood_is_not_shown(void **state)
{
	static const char *const texts[] = { "a:\n b: 1\n password hunter2\n c: d\n",
					     "a:\n b: 1\n -KEY=hunter2\n c: d\n",
					     "a:\n b: 'hunter2\n c: d\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct deploy_yaml *doc = NULL;
		auto_strv struct strv warnings = STRV_INIT;
		struct err e = ERR_INIT;

		assert_int_equal(-1,
				 deploy_yaml_read(&doc, "f", span_of_str(texts[i]), &warnings, &e));
		assert_non_null(strstr(e.excerpt, "***"));
		assert_null(strstr(e.excerpt, "hunter2"));
		assert_null(strstr(e.text, "hunter2"));
	}
}

static void braces_want_a_blank_behind_the_colon(void **state)
{
	(void)state;
	assert_refused("f:1:5: a blank is needed behind the ':'", "a: {b:c}\n");
	assert_refused("f:1:11: a blank is needed behind the ':'", "a: {b: 1, http://x}\n");
	assert_reads("{a: {'b': c}}", "a: {\"b\":c}\n");
	assert_reads("{a: {b:c: d, 'e:f': , g: }}", "a: {b:c: d, 'e:f', g}\n");
	assert_reads("{a: {b:c: }}", "a:\n  b:c:\n");
}

static void one_file_holds_one_document(void **state)
{
	(void)state;
	assert_reads("{a: 1}", "---\na: 1\n...\n");
	assert_refused("f:2:1: a second document begins here; one file holds one",
		       "a: 1\n---\nb: 2\n");
}

static void a_key_is_text(void **state)
{
	(void)state;
	assert_refused(
		"f:1:3: a key must be text, not a list; text that begins with '{' or '[' needs quotes",
		"? [a]\n: b\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_scalar_keeps_its_text),
		cmocka_unit_test(values_know_line_and_column),
		cmocka_unit_test(quoted_null_is_text),
		cmocka_unit_test(json_is_read_as_well),
		cmocka_unit_test(a_file_may_be_indented_as_a_whole_and_have_dos_lines),
		cmocka_unit_test(nothing_is_no_value),
		cmocka_unit_test(the_first_of_two_equal_keys_counts),
		cmocka_unit_test(of_two_equal_keys_in_json_the_last_counts),
		cmocka_unit_test(aliases_are_the_value_again),
		cmocka_unit_test(own_keys_win_over_merged_ones_and_earlier_maps_over_later),
		cmocka_unit_test(aliases_cannot_grow_without_end),
		cmocka_unit_test(merging_counts_as_unfolding),
		cmocka_unit_test(depth_number_and_size_are_bounded),
		cmocka_unit_test(tags_that_are_not_yamls_own_are_refused),
		cmocka_unit_test(a_tab_as_indentation_is_said_in_one_line),
		cmocka_unit_test(broken_text_has_its_line),
		cmocka_unit_test(words_of_libyaml_are_explained),
		cmocka_unit_test(a_line_that_is_not_understood_is_not_shown),
		cmocka_unit_test(braces_want_a_blank_behind_the_colon),
		cmocka_unit_test(one_file_holds_one_document),
		cmocka_unit_test(a_key_is_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
