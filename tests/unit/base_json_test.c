#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"

static json_t *load(const char *text)
{
	struct err e = ERR_INIT;
	json_t *v = json_load_span(span_of_str(text), 1 << 20, "doc", &e);

	if (!v)
		fail_msg("%s", e.text);
	return v;
}

static void assert_refused(const char *text, size_t max, enum err_kind kind, const char *part)
{
	struct err e = ERR_INIT;
	auto_json json_t *v = json_load_span(span_of_str(text), max, "doc", &e);

	assert_null(v);
	assert_int_equal(kind, e.kind);
	if (!strstr(e.text, part))
		fail_msg("'%s' is not in '%s'", part, e.text);
}

static void a_document_over_the_limit_is_refused(void **state)
{
	(void)state;
	assert_refused("{\"a\":1}", 6, ERR_INPUT, "doc: 7 bytes");
}

static void broken_text_is_refused_with_its_line(void **state)
{
	(void)state;
	assert_refused("{\n\"a\":}", 100, ERR_CORRUPT, "doc: not valid JSON: line 2");
	assert_refused("", 100, ERR_CORRUPT, "not valid JSON");
	assert_refused("{} {}", 100, ERR_CORRUPT, "not valid JSON");
	assert_refused("{\"a\":\"\\u0000\"}", 100, ERR_CORRUPT, "not valid JSON");
	assert_refused("{\"a\":\"\xff\"}", 100, ERR_CORRUPT, "not valid JSON");
}

static void two_equal_keys_are_refused(void **state)
{
	(void)state;
	assert_refused("{\"a\":1,\"a\":2}", 100, ERR_CORRUPT, "duplicate");
}

static void nesting_is_bounded(void **state)
{
	char text[1 + 2 * 129] = "";
	struct err e = ERR_INIT;

	(void)state;
	memset(text, '[', 129);
	memset(text + 129, ']', 129);
	assert_refused(text, 1000, ERR_CORRUPT, "nested more than 128");
	/* one less is fine, and brackets inside strings do not count */
	text[257] = '\0';
	auto_json json_t *deep = json_load_span(span_of_str(text + 1), 1000, "doc", &e);
	assert_non_null(deep);
	memset(text, '[', sizeof(text) - 1);
	memcpy(text, "[\"\\\"", 4);
	memcpy(text + sizeof(text) - 3, "\"]", 2);
	auto_json json_t *string = json_load_span(span_of_str(text), 1000, "doc", &e);
	assert_non_null(string);
}

static void getters_give_what_is_there(void **state)
{
	auto_json json_t *v = load("{\"s\":\"x\",\"n\":7,\"o\":{},\"a\":[],\"b\":true}");
	struct err e = ERR_INIT;
	const char *s;
	json_t *o, *a;
	uint64_t n;
	bool b;

	(void)state;
	assert_int_equal(0, json_get_str(&s, v, "s", "", &e));
	assert_string_equal("x", s);
	assert_int_equal(0, json_get_u64(&n, v, "n", "", &e));
	assert_int_equal(7, n);
	assert_int_equal(0, json_get_obj(&o, v, "o", "", &e));
	assert_true(json_is_object(o));
	assert_int_equal(0, json_get_arr(&a, v, "a", "", &e));
	assert_true(json_is_array(a));
	assert_int_equal(0, json_opt_bool(&b, v, "b", "", false, &e));
	assert_true(b);
	assert_int_equal(0, json_opt_str(&s, v, "s", "", "y", &e));
	assert_string_equal("x", s);
	assert_int_equal(0, json_opt_u64(&n, v, "n", "", 1, &e));
	assert_int_equal(7, n);
}

static void what_is_missing_or_null_is_an_error_or_the_default(void **state)
{
	auto_json json_t *v = load("{\"nul\":null}");
	struct err e = ERR_INIT;
	json_t *o = v, *a = v;
	const char *s;
	uint64_t n;
	bool b;

	(void)state;
	assert_int_equal(-1, json_get_str(&s, v, "s", "config", &e));
	assert_int_equal(ERR_CORRUPT, e.kind);
	assert_string_equal("config.s: missing", e.text);
	assert_int_equal(-1, json_get_u64(&n, v, "nul", "", &e));
	assert_string_equal("nul: missing", e.text);
	assert_int_equal(0, json_opt_str(&s, v, "nul", "", "dflt", &e));
	assert_string_equal("dflt", s);
	assert_int_equal(0, json_opt_u64(&n, v, "x", "", 9, &e));
	assert_int_equal(9, n);
	assert_int_equal(0, json_opt_bool(&b, v, "x", "", true, &e));
	assert_true(b);
	assert_int_equal(0, json_opt_obj(&o, v, "nul", "", &e));
	assert_null(o);
	assert_int_equal(0, json_opt_arr(&a, v, "x", "", &e));
	assert_null(a);
}

static void another_type_is_an_error_that_names_the_path(void **state)
{
	auto_json json_t *v = load("{\"s\":1,\"n\":\"7\",\"r\":1.5,\"neg\":-1,\"o\":[],\"a\":{}}");
	struct err e = ERR_INIT;
	const char *s = "as before";
	json_t *o;
	uint64_t n;
	bool b;

	(void)state;
	assert_int_equal(-1, json_get_str(&s, v, "s", "m.layers[2]", &e));
	assert_string_equal("m.layers[2].s: not a string", e.text);
	assert_int_equal(-1, json_opt_str(&s, v, "s", "", NULL, &e));
	assert_string_equal("as before", s);
	assert_int_equal(-1, json_get_u64(&n, v, "n", "", &e));
	assert_string_equal("n: not a whole number", e.text);
	assert_int_equal(-1, json_opt_u64(&n, v, "r", "", 0, &e));
	assert_int_equal(-1, json_get_u64(&n, v, "neg", "", &e));
	assert_string_equal("neg: negative", e.text);
	assert_int_equal(-1, json_get_obj(&o, v, "o", "", &e));
	assert_string_equal("o: not an object", e.text);
	assert_int_equal(-1, json_opt_arr(&o, v, "a", "", &e));
	assert_string_equal("a: not a list", e.text);
	assert_int_equal(-1, json_opt_bool(&b, v, "n", "", false, &e));
	assert_string_equal("n: not true or false", e.text);
}

static void a_list_in_place_of_the_object_is_not_an_empty_object(void **state)
{
	auto_json json_t *v = load("[]");
	struct err e = ERR_INIT;
	const char *s;

	(void)state;
	assert_int_equal(-1, json_opt_str(&s, v, "s", "", NULL, &e));
	assert_string_equal("document: not an object", e.text);
	assert_int_equal(-1, json_opt_str(&s, NULL, "s", "config", NULL, &e));
	assert_string_equal("config: not an object", e.text);
}

static void lists_and_maps_of_strings_keep_the_documents_order(void **state)
{
	auto_json json_t *v =
		load("{\"l\":[\"b\",\"a\"],\"m\":{\"z\":\"1\",\"a\":\"\"},\"n\":null}");
	auto_strv struct strv out = STRV_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(0, json_opt_strv(&out, v, "l", "", &e));
	assert_int_equal(0, json_opt_map(&out, v, "m", "", &e));
	assert_int_equal(0, json_opt_strv(&out, v, "n", "", &e));
	assert_int_equal(0, json_opt_map(&out, v, "missing", "", &e));
	auto_free char *all = strv_join(&out, "|");
	assert_string_equal("b|a|z=1|a=", all);
}

static void a_list_or_map_with_one_bad_item_adds_nothing(void **state)
{
	auto_json json_t *v =
		load("{\"l\":[\"a\",1],\"m\":{\"a\":\"1\",\"b\":{}},\"q\":{\"a=b\":\"c\"}}");
	auto_strv struct strv out = STRV_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(-1, json_opt_strv(&out, v, "l", "c", &e));
	assert_string_equal("c.l[1]: not a string", e.text);
	assert_int_equal(-1, json_opt_map(&out, v, "m", "c", &e));
	assert_string_equal("c.m.'b': not a string", e.text);
	assert_int_equal(-1, json_opt_map(&out, v, "q", "", &e));
	assert_string_equal("q.'a=b': a key may not hold '='", e.text);
	assert_int_equal(0, out.n);
}

static void writing_is_compact_and_sorted_only_on_request(void **state)
{
	auto_json json_t *v = load("{ \"b\": [1, \"\xc3\xa4/\"], \"a\": null }");
	auto_buf struct buf plain = BUF_INIT(1000), sorted = BUF_INIT(1000);

	(void)state;
	json_write(&plain, v, false);
	assert_string_equal("{\"b\":[1,\"\xc3\xa4/\"],\"a\":null}", buf_str(&plain));
	json_write(&sorted, v, true);
	assert_string_equal("{\"a\":null,\"b\":[1,\"\xc3\xa4/\"]}", buf_str(&sorted));
}

static void bytes_that_are_not_utf8_are_replaced(void **state)
{
	auto_strv struct strv s = STRV_INIT;
	auto_buf struct buf b = BUF_INIT(1000);

	(void)state;
	strv_add(&s, "fine \xc3\xa4");
	strv_add(&s, "a\xff\"\n");
	/* lone surrogate, overlong form, cut off at the end: each must come out as valid text */
	strv_add(&s, "\xed\xa0\x80");
	strv_add(&s, "\xc0\xaf");
	strv_add(&s, "\xe2\x82");
	auto_json json_t *v = json_from_strv(&s);
	json_write(&b, v, false);
	assert_memory_equal("[\"fine \xc3\xa4\",\"a\xef\xbf\xbd\\\"\\n\",\"\xef\xbf\xbd",
			    buf_str(&b), 26);
	assert_int_equal(5, json_array_size(v));
	auto_json json_t *again = load(buf_str(&b));
	assert_true(json_equal(v, again));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_document_over_the_limit_is_refused),
		cmocka_unit_test(broken_text_is_refused_with_its_line),
		cmocka_unit_test(two_equal_keys_are_refused),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(getters_give_what_is_there),
		cmocka_unit_test(what_is_missing_or_null_is_an_error_or_the_default),
		cmocka_unit_test(another_type_is_an_error_that_names_the_path),
		cmocka_unit_test(a_list_in_place_of_the_object_is_not_an_empty_object),
		cmocka_unit_test(lists_and_maps_of_strings_keep_the_documents_order),
		cmocka_unit_test(a_list_or_map_with_one_bad_item_adds_nothing),
		cmocka_unit_test(writing_is_compact_and_sorted_only_on_request),
		cmocka_unit_test(bytes_that_are_not_utf8_are_replaced),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
