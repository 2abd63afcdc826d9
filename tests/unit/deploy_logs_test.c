/* The engine's log stream as lines: whatever way the bytes come in, and bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "deploy/logs.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/scripted_engine.h"

#define T0 "2026-01-02T03:04:05.000000001Z "
#define T1 "2026-01-02T03:04:06.500000000Z "

static void add_frame(struct buf *b, unsigned stream, const char *text)
{
	size_t n = strlen(text);
	unsigned char head[8] = { (unsigned char)stream,   0, 0, 0, (unsigned char)(n >> 24),
				  (unsigned char)(n >> 16) };

	head[6] = (unsigned char)(n >> 8);
	head[7] = (unsigned char)n;
	buf_add(b, head, sizeof(head));
	buf_add_str(b, text);
}

/* Shown in pieces of `step` bytes. */
static int read_in_steps(struct deploy_logs *l, struct span in, size_t step, bool tty,
			 struct err *e)
{
	struct log_reader r;
	struct sink *k = log_reader_init(&r, l, tty);
	int n = 0;

	while (in.n && n == 0) {
		struct span piece = span_head(in, step);

		n = sink_write(k, piece.p, piece.n, e);
		in = span_sub(in, piece.n);
	}
	log_reader_end(&r);
	return n;
}

static void frames_become_lines_however_they_are_cut(void **state)
{
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);

	(void)state;
	add_frame(&b, 1, T0 "hello\n");
	add_frame(&b, 2, T1 "trouble\r\n");
	add_frame(&b, 1, "");
	add_frame(&b, 1, "no time\n\nlast");
	for (size_t step = 1; step <= b.len; step++) {
		auto_logs struct deploy_logs l = { 0 };
		struct err e = ERR_INIT;

		assert_int_equal(0, read_in_steps(&l, buf_span(&b), step, false, &e));
		assert_int_equal(5, l.nr);
		assert_string_equal("hello", l.v[0].text);
		assert_int_equal(1, l.v[0].stream);
		assert_int_equal(INT64_C(1767323045000000001), l.v[0].wall_ns);
		assert_string_equal("trouble", l.v[1].text);
		assert_int_equal(2, l.v[1].stream);
		assert_string_equal("no time", l.v[2].text);
		assert_int_equal(0, l.v[2].wall_ns);
		assert_string_equal("", l.v[3].text);
		assert_string_equal("last", l.v[4].text);
		assert_null(l.trouble);
	}
}

static void a_line_in_several_messages_has_one_time(void **state)
{
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);
	auto_logs struct deploy_logs l = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	add_frame(&b, 1, T0 "one ");
	add_frame(&b, 2, T0 "other\n");
	add_frame(&b, 1, T1 "line\n");
	assert_int_equal(0, read_in_steps(&l, buf_span(&b), 7, false, &e));
	assert_int_equal(2, l.nr);
	assert_string_equal("other", l.v[0].text);
	assert_string_equal("one line", l.v[1].text);
	assert_int_equal(INT64_C(1767323045000000001), l.v[1].wall_ns);
}

static void a_terminals_log_is_raw_bytes(void **state)
{
	static const char text[] = T0 "a\r\n" T1 "b";

	(void)state;
	for (size_t step = 1; step < sizeof(text); step++) {
		auto_logs struct deploy_logs l = { 0 };
		struct err e = ERR_INIT;

		assert_int_equal(0, read_in_steps(&l, span_of_str(text), step, true, &e));
		assert_int_equal(2, l.nr);
		assert_string_equal("a", l.v[0].text);
		assert_string_equal("b", l.v[1].text);
		assert_int_equal(INT64_C(1767323046500000000), l.v[1].wall_ns);
	}
}

static void the_engines_own_trouble_is_no_line_of_the_task(void **state)
{
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);
	auto_logs struct deploy_logs l = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	add_frame(&b, 1, T0 "line\n");
	add_frame(&b, 3, "Error grabbing logs: node is gone\n");
	assert_int_equal(0, read_in_steps(&l, buf_span(&b), 100, false, &e));
	assert_int_equal(1, l.nr);
	assert_string_equal("Error grabbing logs: node is gone", l.trouble);
}

static void what_is_no_stream_of_frames_is_refused(void **state)
{
	auto_logs struct deploy_logs l = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(-1, read_in_steps(&l, SPAN_LIT("plain text"), 3, false, &e));
	assert_int_equal(ERR_CORRUPT, e.kind);
	assert_non_null(strstr(e.text, "70 6c 61 69"));
	assert_int_equal(-1, read_in_steps(&l, SPAN_LIT("\4\0\0\0\0\0\0\0"), 8, false, &e));
	assert_int_equal(ERR_CORRUPT, e.kind);
}

static void a_line_without_end_is_cut_and_the_next_one_is_whole(void **state)
{
	auto_buf struct buf b = BUF_INIT(BUF_SMALL), text = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < 3 * LOG_LINE_MAX; i++)
		buf_add_char(&text, 'x');
	buf_add_char(&text, '\n');
	add_frame(&b, 1, buf_str(&text));
	add_frame(&b, 1, T0 "next\n");
	buf_add_str(&text, "next\n");
	for (int tty = 0; tty < 2; tty++) {
		auto_logs struct deploy_logs l = { 0 };

		assert_int_equal(0, read_in_steps(&l, buf_span(tty ? &text : &b), 5000, tty, &e));
		assert_int_equal(2, l.nr);
		assert_int_equal(LOG_LINE_MAX + 3, strlen(l.v[0].text));
		assert_string_equal("x…", l.v[0].text + LOG_LINE_MAX - 1);
		assert_string_equal("next", l.v[1].text);
	}
}

static void the_newest_lines_stay_within_the_bytes_that_may_be_kept(void **state)
{
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);
	auto_logs struct deploy_logs l = { .max = 100 };
	struct err e = ERR_INIT;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		auto_free char *line = mem_printf("line %d\n", i);

		add_frame(&b, 1, line);
	}
	assert_int_equal(0, read_in_steps(&l, buf_span(&b), 4096, false, &e));
	assert_true(l.bytes <= 100);
	assert_true(l.nr >= 5);
	assert_string_equal("line 999", l.v[l.nr - 1].text);
	assert_string_equal("older lines are left out", l.trouble);
}

/* -- from the engine --------------------------------------------------------- */

#define LOGS_URL                                                                                   \
	"http://docker/v1.41/tasks/t1/logs?stdout=1&stderr=1&timestamps=1&tail=20&since=5.000000007"

struct world {
	struct http_script *s;
	struct fake_clock clock;
	struct op op;
	struct engine *eng;
	struct deploy_logs l;
	struct err e;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->op.clock = fake_clock_init(&w->clock);
	w->eng = scripted_engine_open(&w->s, &w->op);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	deploy_logs_release(&w->l);
	scripted_engine_close(w->s, w->eng);
	free(w);
	return 0;
}

static int get(struct world *w)
{
	struct logs_options o = { .tail = 20, .since_ns = INT64_C(5000000007) };

	return deploy_logs_get(&w->l, &w->op, w->eng, "tasks", "t1", &o, &w->e);
}

static void the_last_lines_of_a_task_are_asked_for_without_following(void **state)
{
	struct world *w = *state;
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);

	add_frame(&b, 2, T0 "no such table\n");
	HTTP_EXPECT(w->s, .method = "GET", .url = LOGS_URL, .status = 200, .answer = b.data,
		    .answer_len = b.len);
	assert_int_equal(0, get(w));
	assert_int_equal(1, w->l.nr);
	assert_string_equal("no such table", w->l.v[0].text);
	http_script_done(w->s);
}

static void what_came_before_the_engine_fell_silent_is_kept(void **state)
{
	struct world *w = *state;
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);

	add_frame(&b, 1, T0 "whole\n");
	buf_add(&b, "\1\0\0\0\0\0\0\7hal", 11);
	HTTP_EXPECT(w->s, .method = "GET", .url = LOGS_URL, .status = 200, .answer = b.data,
		    .answer_len = b.len, .fail = ERR_UNAVAILABLE, .why = "no end after 10 s");
	assert_int_equal(0, get(w));
	assert_int_equal(2, w->l.nr);
	assert_string_equal("hal", w->l.v[1].text);
	assert_non_null(strstr(w->l.trouble, "no end after 10 s"));
}

static void a_log_that_does_not_come_is_an_error(void **state)
{
	struct world *w = *state;

	HTTP_EXPECT(w->s, .method = "GET", .url = LOGS_URL, .status = 404,
		    .answer = "{\"message\":\"task t1 not found\"}");
	assert_int_equal(-1, get(w));
	assert_int_equal(ERR_ABSENT, w->e.kind);
	HTTP_EXPECT(w->s, .method = "GET", .url = LOGS_URL, .fail = ERR_UNAVAILABLE);
	assert_int_equal(-1, get(w));
	assert_int_equal(ERR_UNAVAILABLE, w->e.kind);
	HTTP_EXPECT(w->s, .method = "GET", .url = LOGS_URL, .fail = ERR_CANCELLED);
	assert_int_equal(-1, get(w));
	assert_int_equal(ERR_CANCELLED, w->e.kind);
	http_script_done(w->s);
}

static void a_terminal_gets_the_colours_of_a_log_and_no_orders(void **state)
{
	static const char *const lines[][2] = {
		{ "plain \xc3\xa4\t.", "plain \xc3\xa4\t." },
		{ "\033[1;31mred\033[m", "\033[1;31mred\033[m" },
		/* and are not the next line's */
		{ "\033[0m\033[31mred", "\033[0m\033[31mred\033[m" },
		{ "\033[2Jgone\033]0;title\a", "?[2Jgone?]0;title?" },
		{ "\033[31", "?[31" },
		{ "\xc2\x9b"
		  "2J\xff\r\b",
		  "?2J???" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		auto_buf struct buf b = BUF_INIT(BUF_SMALL);

		deploy_log_add_plain(&b, lines[i][0]);
		assert_string_equal(lines[i][1], buf_str(&b));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_terminal_gets_the_colours_of_a_log_and_no_orders),
		cmocka_unit_test(frames_become_lines_however_they_are_cut),
		cmocka_unit_test(a_line_in_several_messages_has_one_time),
		cmocka_unit_test(a_terminals_log_is_raw_bytes),
		cmocka_unit_test(the_engines_own_trouble_is_no_line_of_the_task),
		cmocka_unit_test(what_is_no_stream_of_frames_is_refused),
		cmocka_unit_test(a_line_without_end_is_cut_and_the_next_one_is_whole),
		cmocka_unit_test(the_newest_lines_stay_within_the_bytes_that_may_be_kept),
		cmocka_unit_test_setup_teardown(
			the_last_lines_of_a_task_are_asked_for_without_following, setup, teardown),
		cmocka_unit_test_setup_teardown(what_came_before_the_engine_fell_silent_is_kept,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_log_that_does_not_come_is_an_error, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
