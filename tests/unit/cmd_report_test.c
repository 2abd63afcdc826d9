/* The report of a build in its three forms; steps as a progress tells them. */
#include "cmd/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/recorder.h"

#define HOSTILE "[app 2/2] RUN echo '</code><script>alert(1)</script>' \"&\" \x1b[31m\xff"

static const struct fact steps[] = {
	{ .text = (char *)"[app 1/2] FROM base",
	  .outcome = FACT_CACHED,
	  .begin_ms = 0,
	  .end_ms = 10 },
	{ .text = (char *)HOSTILE,
	  .why = (char *)"ENV <A> differs",
	  .begin_ms = 10,
	  .end_ms = 1510 },
};

struct example {
	struct weight_layer layers[2];
	struct build_weight weight;
	struct report report;
};

static void example_init(struct example *x)
{
	*x = (struct example){
		.layers = { { .digest = { "sha256:11" },
			      .size_bytes = 750000,
			      .by = (char *)"",
			      .is_base = true },
			    { .digest = { "sha256:22" },
			      .size_bytes = 250000,
			      .by = (char *)"RUN <b>make</b>",
			      .is_read = true } },
		.weight = { .nr = 2,
			    .files = { .v = { { (char *)"usr/<i>x", 123456, 1 } }, .nr = 1 },
			    .hidden = { .v = { { (char *)"tmp/big", 500000, 1 } }, .nr = 1 },
			    .hidden_bytes = 500000,
			    .before = (char *)"r.test/app:latest",
			    .before_bytes = 900000 },
		.report = { .name = "r.test/app:1",
			    .digest = "sha256:33",
			    .input = "sha256:44",
			    .size_bytes = 1000000,
			    .took_ms = 2000,
			    .steps = steps,
			    .nr_steps = 2 },
	};
	x->weight.layers = x->layers;
	x->report.weight = &x->weight;
}

static void a_log_has_it_in_lines(void **state)
{
	auto_buf struct buf out = BUF_INIT(SIZE_MAX);
	struct example x;

	(void)state;
	example_init(&x);
	report_text(&out, &x.report);
	assert_string_equal(buf_str(&out),
			    "2 steps in 2.0s, 1 of them cached\n"
			    "    cached  [app 1/2] FROM base\n"
			    "      1.5s  " HOSTILE ": ENV <A> differs\n"
			    "2 layers, 1.0 MB (+100 kB against r.test/app:latest)\n"
			    "    750 kB   75%  sha256:11 (base)\n"
			    "    250 kB   25%  RUN <b>make</b>\n"
			    "files of 1 layers are not on this machine\n"
			    "largest files\n"
			    "    123 kB  usr/<i>x\n"
			    "500 kB are added by one layer and hidden by a later one\n"
			    "the largest of these\n"
			    "    500 kB  tmp/big\n");
}

static void json_has_all_numbers(void **state)
{
	auto_buf struct buf out = BUF_INIT(SIZE_MAX);
	auto_json json_t *root = NULL;
	struct err e = ERR_INIT;
	struct example x;
	const json_t *step;

	(void)state;
	example_init(&x);
	report_json(&out, &x.report);
	root = json_load_span(buf_span(&out), 1u << 20, "report", &e);
	if (!root)
		fail_msg("%s", e.text);
	assert_int_equal(json_integer_value(json_object_get(root, "bytes")), 1000000);
	assert_int_equal(json_integer_value(json_object_get(root, "hidden_bytes")), 500000);
	step = json_array_get(json_object_get(root, "steps"), 1);
	assert_string_equal(json_string_value(json_object_get(step, "not_cached")),
			    "ENV <A> differs");
	assert_int_equal(json_integer_value(json_object_get(step, "end_ms")), 1510);
	assert_int_equal(json_array_size(json_object_get(root, "layers")), 2);
	assert_int_equal(json_array_size(json_object_get(root, "files")), 1);
}

/* Whatever a Dockerfile says is text. */
static void a_page_escapes_all_texts(void **state)
{
	auto_buf struct buf out = BUF_INIT(SIZE_MAX);
	struct example x;

	(void)state;
	example_init(&x);
	report_html(&out, &x.report);
	assert_null(strstr(buf_str(&out), "<script"));
	assert_null(strstr(buf_str(&out), "<b>make"));
	assert_null(strstr(buf_str(&out), "<i>x"));
	assert_null(strstr(buf_str(&out), "<A>"));
	assert_null(strchr(buf_str(&out), 0x1b));
	assert_null(strchr(buf_str(&out), '\xff'));
	assert_null(strstr(buf_str(&out), "http")); /* nothing is loaded from anywhere */
	assert_non_null(strstr(buf_str(&out),
			       "echo &#39;&lt;/code&gt;&lt;script&gt;alert(1)&lt;/script&gt;&#39; "
			       "&quot;&amp;&quot; \xef\xbf\xbd[31m\xef\xbf\xbd</code>"));
}

static void a_page_has_bars_where_time_and_bytes_went(void **state)
{
	auto_buf struct buf out = BUF_INIT(SIZE_MAX);
	struct example x;

	(void)state;
	example_init(&x);
	report_html(&out, &x.report);
	/* cached, and too short to be seen; then from 5 to 755 thousandths; three quarters */
	assert_non_null(strstr(buf_str(&out), "<rect class=\"cached\" x=\"0\" width=\"8\""));
	assert_non_null(strstr(buf_str(&out), "<rect class=\"done\" x=\"5\" width=\"750\""));
	assert_non_null(strstr(buf_str(&out), "<rect class=\"base\" x=\"0\" width=\"750\""));
	assert_non_null(strstr(buf_str(&out), "<td class=\"n\">75.0 %</td>"));
	assert_non_null(strstr(buf_str(&out), "prefers-color-scheme: dark"));
	assert_non_null(strstr(buf_str(&out), "+100 kB against <code>r.test/app:latest"));
}

static const struct fact two_stages[] = {
	{ .text = (char *)"[a<b 1/2] FROM x", .outcome = FACT_CACHED, .end_ms = 500 },
	{ .text = (char *)"[app 1/2] FROM y", .begin_ms = 250, .end_ms = 1000 },
	{ .text = (char *)"[a<b 2/2] RUN [x", .begin_ms = 500, .end_ms = 1500 },
	{ .text = (char *)"[app 2/2] COPY --from", .begin_ms = 1500, .end_ms = 1750 },
};

static void stages_have_bars_and_lines_of_their_own(void **state)
{
	auto_buf struct buf page = BUF_INIT(SIZE_MAX), log = BUF_INIT(SIZE_MAX),
			    json = BUF_INIT(SIZE_MAX);
	struct example x;

	(void)state;
	example_init(&x);
	x.report.steps = two_stages;
	x.report.nr_steps = 4;
	report_html(&page, &x.report);
	report_text(&log, &x.report);
	report_json(&json, &x.report);
	assert_non_null(strstr(
		buf_str(&page),
		"<tr><td><code>a&lt;b</code></td><td class=\"n\">2</td><td class=\"n\">1</td>"
		"<td class=\"n\">1.5s</td>"));
	assert_non_null(
		strstr(buf_str(&page),
		       "<rect class=\"cached\" x=\"0\" width=\"250\" height=\"14\"/>"
		       "<rect class=\"done\" x=\"250\" width=\"500\" height=\"14\"/></svg>"));
	assert_non_null(strstr(buf_str(&log),
			       "4 steps in 2.0s, 1 of them cached\n"
			       "      1.5s  stage a<b, 2 steps, 1 of them cached\n"
			       "      1.5s  stage app, 2 steps, 0 of them cached\n"));
	assert_non_null(strstr(buf_str(&json), "{\"name\": \"app\", \"steps\": 2, \"cached\": 0, "
					       "\"begin_ms\": 250, \"end_ms\": 1750}]"));
}

static void steps_are_remembered_and_all_is_handed_on(void **state)
{
	struct fake_clock clock;
	auto_recorder struct recorder rec;
	struct facts f;
	struct progress *p;

	(void)state;
	fake_clock_init(&clock);
	p = facts_init(&f, recorder_init(&rec), &clock.base);
	fake_clock_advance(&clock, 100);
	progress_begin(p, "1", "[app 1/2] FROM base");
	progress_begin(p, "x", "pull sha256:ab");
	progress_cached(p, "1", "CACHED");
	progress_begin(p, "2", "[app 2/2] RUN make");
	progress_why(p, "2", "first build of this step");
	fake_clock_advance(&clock, 50);
	progress_end(p, "2", 0);
	progress_end(p, "x", 5);
	assert_int_equal(f.nr, 2);
	assert_int_equal(f.v[0].outcome, FACT_CACHED);
	assert_string_equal(f.v[1].why, "first build of this step");
	assert_int_equal(f.v[1].begin_ms, 100);
	assert_int_equal(f.v[1].end_ms, 150);
	assert_string_equal(recorder_text(&rec),
			    "begin 1: [app 1/2] FROM base\nbegin x: pull sha256:ab\n"
			    "cached 1: CACHED\nbegin 2: [app 2/2] RUN make\nend 2 0\nend x 5\n");
	facts_release(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_log_has_it_in_lines),
		cmocka_unit_test(json_has_all_numbers),
		cmocka_unit_test(a_page_escapes_all_texts),
		cmocka_unit_test(a_page_has_bars_where_time_and_bytes_went),
		cmocka_unit_test(stages_have_bars_and_lines_of_their_own),
		cmocka_unit_test(steps_are_remembered_and_all_is_handed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
