/*
 * What people see of progress: the plain form to the letter, the terminal form by its parts.
 * stderr is a file for the time of a test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cmd/exitcode.h"
#include "cmd/render.h"
#include "tests/fakes/fake_clock.h"

struct screen {
	FILE *file;
	int saved;
	struct fake_clock clock;
	struct render *render;
};

static void screen_begin(struct screen *s)
{
	fflush(stderr);
	s->saved = dup(STDERR_FILENO);
	s->file = tmpfile();
	assert_non_null(s->file);
	dup2(fileno(s->file), STDERR_FILENO);
	fake_clock_init(&s->clock);
}

/* What was written; stderr is itself again. */
static char *screen_end(struct screen *s)
{
	char *text = mem_zalloc(65536);

	s->render->finish(s->render);
	s->render->free(s->render);
	fflush(stderr);
	dup2(s->saved, STDERR_FILENO);
	close(s->saved);
	rewind(s->file);
	text[fread(text, 1, 65535, s->file)] = '\0';
	fclose(s->file);
	return text;
}

static void emit_line(struct progress *p, const char *id, const char *text)
{
	struct progress_event ev = { .kind = PROGRESS_LINE, .id = id, .text = text, .stream = 1 };

	progress_emit(p, &ev);
}

static void the_plain_form_is_a_story_of_whole_lines(void **state)
{
	struct screen s;
	struct progress *p;

	(void)state;
	screen_begin(&s);
	s.render = render_plain_new(&s.clock.base, false, false);
	p = &s.render->progress;
	progress_note(p, "isolation: %s", "namespaces as root");
	progress_begin(p, "1", "[1/2] RUN %s", "make");
	emit_line(p, "1", "hello");
	s.clock.base.sleep_ms(&s.clock.base, 1500, NULL);
	progress_end(p, "1", 0);
	progress_begin(p, "2", "layer sha256:ab");
	progress_tick(p, "2", 5, 10);
	progress_end(p, "2", 12300000);
	progress_begin(p, "3", "layer sha256:cd");
	progress_cached(p, "3", "exists");
	progress_begin(p, "4", "layer sha256:ef");
	progress_fail(p, "4", "reset");
	progress_warn(p, "odd");

	auto_free char *text = screen_end(&s);

	assert_string_equal(text, "isolation: namespaces as root\n"
				  "[1/2] RUN make\n"
				  "  hello\n"
				  "[1/2]: 1.5s\n"
				  "layer sha256:ab\n"
				  "layer sha256:ab: 12.3 MB in 0.0s\n"
				  "layer sha256:cd\n"
				  "layer sha256:cd: exists\n"
				  "layer sha256:ef\n"
				  "layer sha256:ef: reset\n"
				  "warning: odd\n");
}

/* A job whose log stands still for minutes looks dead. */
static void a_long_transfer_has_a_line_a_minute_and_its_rate(void **state)
{
	struct screen s;
	struct progress *p;

	(void)state;
	screen_begin(&s);
	s.render = render_plain_new(&s.clock.base, false, false);
	p = &s.render->progress;
	progress_begin(p, "1", "push sha256:ab");
	for (unsigned i = 1; i <= 14; i++) {
		s.clock.base.sleep_ms(&s.clock.base, 10000, NULL);
		progress_tick(p, "1", i * UINT64_C(20000000), 400000000);
	}
	progress_tick(p, "1", 1, 0);
	s.clock.base.sleep_ms(&s.clock.base, 60000, NULL);
	progress_end(p, "1", 400000000);

	auto_free char *text = screen_end(&s);

	assert_string_equal(text, "push sha256:ab\n"
				  "push sha256:ab: 120 MB of 400 MB, 2.0 MB/s\n"
				  "push sha256:ab: 240 MB of 400 MB, 2.0 MB/s\n"
				  "push sha256:ab: 400 MB in 3m20s, 2.0 MB/s\n");
}

static void output_of_steps_side_by_side_has_their_labels(void **state)
{
	struct screen s;
	struct progress *p;

	(void)state;
	screen_begin(&s);
	s.render = render_plain_new(&s.clock.base, false, false);
	p = &s.render->progress;
	progress_begin(p, "1", "[a 2/3] RUN [ x ]");
	progress_begin(p, "u", "unpack base");
	emit_line(p, "1", "alone");
	progress_begin(p, "2", "[b 2/2] RUN make");
	emit_line(p, "1", "one");
	emit_line(p, "2", "two");
	progress_end(p, "2", 0);
	emit_line(p, "1", "alone again");

	auto_free char *text = screen_end(&s);

	assert_string_equal(text, "[a 2/3] RUN [ x ]\n"
				  "unpack base\n"
				  "  alone\n"
				  "[b 2/2] RUN make\n"
				  "  [a 2/3] one\n"
				  "  [b 2/2] two\n"
				  "[b 2/2]: 0.0s\n"
				  "  alone again\n");
}

static void quiet_leaves_only_warnings(void **state)
{
	struct screen s;

	(void)state;
	screen_begin(&s);
	s.render = render_plain_new(&s.clock.base, false, true);
	progress_begin(&s.render->progress, "1", "step");
	emit_line(&s.render->progress, "1", "hello");
	progress_note(&s.render->progress, "note");
	progress_warn(&s.render->progress, "careful");

	auto_free char *text = screen_end(&s);

	assert_string_equal(text, "warning: careful\n");
}

static const struct err no_make = { .kind = ERR_FAILED, .text = "exit status 2" };

static void quiet_tells_the_last_lines_of_what_failed(void **state)
{
	struct screen s;

	(void)state;
	screen_begin(&s);
	s.render = render_plain_new(&s.clock.base, false, true);
	progress_begin(&s.render->progress, "1", "RUN good");
	emit_line(&s.render->progress, "1", "fine");
	progress_end(&s.render->progress, "1", 0);
	progress_begin(&s.render->progress, "2", "RUN bad");
	emit_line(&s.render->progress, "2", "cc: no input");
	emit_line(&s.render->progress, "2", "make: Error 1");
	progress_give_up(&s.render->progress, "2", &no_make);
	s.render->last_words(s.render);

	auto_free char *text = screen_end(&s);

	assert_string_equal(text, "  cc: no input\n  make: Error 1\n");
}

static void a_reason_that_is_told_at_the_end_is_told_once(void **state)
{
	struct err stopped = { .kind = ERR_CANCELLED, .text = "stopped" };
	struct screen s;
	struct progress *p;

	(void)state;
	screen_begin(&s);
	s.render = render_plain_new(&s.clock.base, false, false);
	p = &s.render->progress;
	progress_begin(p, "1", "[a 2/3] RUN make");
	progress_begin(p, "2", "[b 1/1] RUN sleep");
	progress_begin(p, "3", "unpack base");
	progress_give_up(p, "3", &no_make);
	s.clock.base.sleep_ms(&s.clock.base, 300, NULL);
	progress_give_up(p, "1", &no_make);
	progress_give_up(p, "2", &stopped);
	s.render->last_words(s.render);

	auto_free char *text = screen_end(&s);

	assert_string_equal(text, "[a 2/3] RUN make\n"
				  "[b 1/1] RUN sleep\n"
				  "unpack base\n"
				  "unpack base: failed after 0.0s\n"
				  "[a 2/3]: failed after 0.3s\n"
				  "[b 1/1] RUN sleep: stopped\n");
}

static void what_failed_has_the_last_word_unless_it_had_it(void **state)
{
	struct screen s;
	struct progress *p;

	(void)state;
	screen_begin(&s);
	s.render = render_plain_new(&s.clock.base, false, false);
	p = &s.render->progress;
	progress_begin(p, "1", "[a 2/3] RUN make");
	emit_line(p, "1", "no rule");
	progress_give_up(p, "1", &no_make);
	s.render->last_words(s.render);
	progress_note(p, "and so on");
	s.render->last_words(s.render);

	auto_free char *text = screen_end(&s);

	assert_string_equal(text, "[a 2/3] RUN make\n"
				  "  no rule\n"
				  "[a 2/3]: failed after 0.0s\n"
				  "and so on\n"
				  "the last output of [a 2/3]:\n"
				  "  no rule\n");
}

static void output_cannot_move_the_cursor_of_a_log(void **state)
{
	struct screen s;

	(void)state;
	screen_begin(&s);
	s.render = render_plain_new(&s.clock.base, false, false);
	progress_begin(&s.render->progress, "1", "step");
	emit_line(&s.render->progress, "1", "a\033[2Ab\033[31mred\033[0m\ttab\abell");
	emit_line(&s.render->progress, "1", "10%\r100%\r");
	emit_line(&s.render->progress, "1", "cut \033[");

	auto_free char *text = screen_end(&s);

	assert_string_equal(text, "step\n"
				  "  ab\033[31mred\033[0m\ttabbell\n"
				  "  100%\n"
				  "  cut \n");
}

static void hide_and_move(struct render *r)
{
	struct progress *p = &r->progress;

	progress_begin(p, "1", "RUN \033[2Aecho");
	emit_line(p, "1", "\033[8mhidden");
	emit_line(p, "1",
		  "c1 \xc2\x9b"
		  "2Aend \xc3\xa9");
	progress_fail(p, "1", "no \033]0;title\a");
	progress_begin(p, "2", "step");
	progress_cached(p, "2", "had\033[2A");
	progress_note(p, "note\033[2A");
	progress_warn(p, "warn\033[2A");
}

static void no_text_of_others_moves_the_cursor_or_hides_what_follows(void **state)
{
	struct screen s;

	(void)state;
	screen_begin(&s);
	s.render = render_plain_new(&s.clock.base, false, false);
	hide_and_move(s.render);

	auto_free char *text = screen_end(&s);

	assert_string_equal(text, "RUN echo\n"
				  "  \033[8mhidden\033[0m\n"
				  "  c1 2Aend \xc3\xa9\n"
				  "RUN echo: no ]0;title\n"
				  "step\n"
				  "step: had\n"
				  "note\n"
				  "warning: warn\n");
}

static void a_terminal_gets_no_control_bytes_of_others(void **state)
{
	struct screen s;

	(void)state;
	screen_begin(&s);
	s.render = render_tty_new(&s.clock.base, false);
	hide_and_move(s.render);

	auto_free char *text = screen_end(&s);

	assert_null(strstr(text, "\xc2\x9b"));
	assert_null(strstr(text, "\033]"));
	assert_null(strstr(text, "\a"));
	assert_null(strstr(text, "\033[8m"));
	assert_null(strstr(text, "had\033"));
	assert_null(strstr(text, "note\033"));
}

static void a_terminal_gets_a_bar_and_what_failed_said_last(void **state)
{
	struct screen s;
	struct progress *p;

	(void)state;
	screen_begin(&s);
	s.render = render_tty_new(&s.clock.base, false);
	p = &s.render->progress;
	progress_begin(p, "1", "pull base");
	progress_tick(p, "1", 50, 100);
	s.clock.base.sleep_ms(&s.clock.base, 200, NULL);
	progress_tick(p, "1", 50, 100);
	progress_begin(p, "2", "RUN make");
	emit_line(p, "2", "error: no rule");
	progress_fail(p, "2", "exit status 2");

	auto_free char *text = screen_end(&s);

	assert_non_null(strstr(text, "[##########..........] 50 B/100 B pull base"));
	assert_non_null(strstr(text, "  error: no rule\n! RUN make: exit status 2\n"));
}

static void time_goes_on_where_nothing_happens(void **state)
{
	struct screen s;

	(void)state;
	screen_begin(&s);
	s.render = render_tty_new(&s.clock.base, false);
	progress_begin(&s.render->progress, "1", "RUN sleep");
	s.clock.base.sleep_ms(&s.clock.base, 7000, NULL);
	s.render->tick(s.render);

	auto_free char *text = screen_end(&s);

	assert_non_null(strstr(text, "7.0s RUN sleep"));
}

static void the_json_form_is_one_object_a_line(void **state)
{
	struct screen s;

	(void)state;
	screen_begin(&s);
	s.render = render_json_new(&s.clock.base);
	emit_line(&s.render->progress, "1", "say \"hi\"");

	auto_free char *text = screen_end(&s);

	assert_non_null(strstr(
		text,
		"\"kind\":\"line\",\"id\":\"1\",\"text\":\"say \\\"hi\\\"\",\"stream\":1}\n"));
}

static void numbers_are_for_people(void **state)
{
	static const struct {
		uint64_t n;
		const char *text;
	} bytes[] = { { 0, "0 B" }, { 999, "999 B" }, { 1000, "1.0 kB" }, { 123456789, "123 MB" } };
	static const struct {
		int64_t ms;
		const char *text;
	} times[] = { { 0, "0.0s" }, { 59900, "59.9s" }, { 64000, "1m04s" } };
	char out[24];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bytes); i++) {
		render_bytes(out, bytes[i].n);
		assert_string_equal(out, bytes[i].text);
	}
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		render_time(out, times[i].ms);
		assert_string_equal(out, times[i].text);
	}
}

static void every_kind_of_error_has_its_exit_status(void **state)
{
	static const struct {
		enum err_kind kind;
		int status;
	} table[] = {
		{ ERR_NONE, 0 },	{ ERR_FAILED, 1 },  { ERR_CORRUPT, 1 },
		{ ERR_INPUT, 2 },	{ ERR_DENIED, 3 },  { ERR_ABSENT, 4 },
		{ ERR_UNAVAILABLE, 5 }, { ERR_TIMEOUT, 6 }, { ERR_IMPOSSIBLE, 7 },
		{ ERR_ROLLED_BACK, 9 }, { ERR_STUCK, 10 },  { ERR_LOCKED, 11 },
		{ ERR_CANCELLED, 143 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		assert_int_equal(exitcode_of(table[i].kind, 15), table[i].status);
}

/* -- gitlab --------------------------------------------------------------------------- */

static void gitlab_begin(struct screen *s, bool color)
{
	screen_begin(s);
	s->render = render_gitlab_new(&s->clock.base, "cbuild", color);
}

static void sleep_s(struct screen *s, int64_t seconds)
{
	s->clock.base.sleep_ms(&s->clock.base, seconds * 1000, NULL);
}

/* "<3 NAME>" is the beginning of a section, three seconds after the clock's, "</3 NAME>" its end. */
static char *expand(const char *text)
{
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);
	struct span rest = span_of_str(text), before, tag, at, name;

	while (span_cut(rest, '<', &before, &rest)) {
		bool ends = span_take(&rest, "/");

		buf_add_span(&out, before);
		span_cut(rest, '>', &tag, &rest);
		span_cut(tag, ' ', &at, &name);
		buf_addf(&out, "\033[0Ksection_%s:%jd:" SPAN_FMT "%s\r\033[0K",
			 ends ? "end" : "start", (intmax_t)FAKE_CLOCK_START + at.p[0] - '0',
			 SPAN_ARG(name), ends ? "" : "[collapsed=true]");
	}
	buf_add_span(&out, before);
	return buf_steal(&out);
}

static void assert_log(struct screen *s, const char *expected)
{
	auto_free char *text = screen_end(s), *want = expand(expected);

	assert_string_equal(text, want);
}

static void a_step_is_a_section_of_gitlabs_page(void **state)
{
	struct screen s;
	struct progress *p;

	(void)state;
	gitlab_begin(&s, false);
	p = &s.render->progress;
	progress_begin(p, "f", "find base");
	progress_end(p, "f", 0);
	progress_begin(p, "1", "[app 1/2] FROM base");
	progress_cached(p, "1", "CACHED");
	progress_begin(p, "2", "[app 2/2] RUN make");
	emit_line(p, "2", "hello");
	sleep_s(&s, 3);
	progress_end(p, "2", 0);
	progress_note(p, "built app");
	assert_log(&s, "find base\n"
		       "<0 cbuild_001_from>[app 1/2] FROM base\n"
		       "[app 1/2]: CACHED\n"
		       "</0 cbuild_001_from>\n"
		       "<0 cbuild_002_run>[app 2/2] RUN make\n"
		       "  hello\n"
		       "[app 2/2]: 3.0s\n"
		       "</3 cbuild_002_run>\n"
		       "built app\n");
}

/* One has the log; the others' lines wait, and lie over nothing. */
static void sections_of_steps_side_by_side_come_one_after_the_other(void **state)
{
	struct screen s;
	struct progress *p;

	(void)state;
	gitlab_begin(&s, false);
	p = &s.render->progress;
	progress_begin(p, "a", "[a 1/1] RUN a");
	progress_begin(p, "b", "[b 1/1] RUN b");
	progress_begin(p, "c", "[c 1/1] RUN c");
	emit_line(p, "b", "of b");
	emit_line(p, "a", "of a");
	emit_line(p, "c", "of c");
	sleep_s(&s, 1);
	progress_end(p, "b", 0);
	sleep_s(&s, 1);
	progress_end(p, "a", 0);
	emit_line(p, "c", "more of c");
	progress_end(p, "c", 0);
	assert_log(&s, "<0 cbuild_001_run>[a 1/1] RUN a\n"
		       "  of a\n"
		       "[a 1/1]: 2.0s\n"
		       "</2 cbuild_001_run>\n"
		       "<0 cbuild_002_run>[b 1/1] RUN b\n"
		       "  of b\n"
		       "[b 1/1]: 1.0s\n"
		       "</1 cbuild_002_run>\n"
		       "<0 cbuild_003_run>[c 1/1] RUN c\n"
		       "  of c\n"
		       "  more of c\n"
		       "[c 1/1]: 2.0s\n"
		       "</2 cbuild_003_run>\n");
}

static void why_a_section_failed_is_said_behind_it(void **state)
{
	struct err e = ERR_INIT;
	struct screen s;
	struct progress *p;

	(void)state;
	gitlab_begin(&s, true);
	p = &s.render->progress;
	progress_begin(p, "1", "[app 1/1] RUN make");
	progress_begin(p, "web", "update service 'team_web': image");
	emit_line(p, "1", "no rule to make 'all'");
	err_set(&e, ERR_FAILED, "exit status 2");
	progress_give_up(p, "1", &e);
	progress_fail(p, "web", "it crashed");
	s.render->finish(s.render);
	s.render->last_words(s.render);
	assert_log(&s, "<0 cbuild_001_run>\033[1m[app 1/1] RUN make\033[0m\n"
		       "  no rule to make 'all'\n"
		       "[app 1/1]: failed after 0.0s\n"
		       "</0 cbuild_001_run>\033[31m[app 1/1]: failed after 0.0s\033[0m\n"
		       "<0 cbuild_002_team_web>\033[1mupdate service 'team_web': image\033[0m\n"
		       "update service 'team_web': image: it crashed\n"
		       "</0 cbuild_002_team_web>"
		       "\033[31mupdate service 'team_web': image: it crashed\033[0m\n"
		       "the last output of [app 1/1]:\n"
		       "  no rule to make 'all'\n");
}

static void an_image_is_a_section_and_its_blobs_are_not(void **state)
{
	struct screen s;
	struct progress *p;

	(void)state;
	gitlab_begin(&s, false);
	p = &s.render->progress;
	progress_begin(p, "i", "push r.test/Team/app:1");
	progress_begin(p, "b", "push sha256:ab");
	progress_cached(p, "b", "exists");
	s.render->finish(s.render); /* whatever ended it: a log has no open section */
	assert_log(&s, "<0 cbuild_001_push>push r.test/Team/app:1\n"
		       "push sha256:ab\n"
		       "push sha256:ab: exists\n"
		       "</0 cbuild_001_push>\n");
}

static void names_of_sections_hold_only_what_gitlab_takes(void **state)
{
	struct screen s;
	struct progress *p;

	(void)state;
	gitlab_begin(&s, false);
	p = &s.render->progress;
	progress_begin(p, "1", "[a 1/1] R[collapsed=false]\x1b[31m:X");
	progress_end(p, "1", 0);
	assert_log(&s, "<0 cbuild_001_r-collapsed-false---31m-x>"
		       "[a 1/1] R[collapsed=false]\x1b[31m:X\x1b[0m\n"
		       "</0 cbuild_001_r-collapsed-false---31m-x>\n");
}

static void a_log_that_stands_still_says_that_it_lives(void **state)
{
	struct screen s;
	struct progress *p;

	(void)state;
	gitlab_begin(&s, false);
	p = &s.render->progress;
	s.render->tick(s.render);
	sleep_s(&s, 200);
	s.render->tick(s.render); /* nothing is under way */
	progress_begin(p, "x", "find base");
	for (int i = 0; i < 130; i++) {
		sleep_s(&s, 1);
		s.render->tick(s.render);
	}
	assert_log(&s, "find base\n"
		       "still at it: find base, 50.0s\n"
		       "still at it: find base, 1m40s\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_plain_form_is_a_story_of_whole_lines),
		cmocka_unit_test(a_long_transfer_has_a_line_a_minute_and_its_rate),
		cmocka_unit_test(output_of_steps_side_by_side_has_their_labels),
		cmocka_unit_test(quiet_leaves_only_warnings),
		cmocka_unit_test(quiet_tells_the_last_lines_of_what_failed),
		cmocka_unit_test(a_reason_that_is_told_at_the_end_is_told_once),
		cmocka_unit_test(what_failed_has_the_last_word_unless_it_had_it),
		cmocka_unit_test(output_cannot_move_the_cursor_of_a_log),
		cmocka_unit_test(no_text_of_others_moves_the_cursor_or_hides_what_follows),
		cmocka_unit_test(a_terminal_gets_no_control_bytes_of_others),
		cmocka_unit_test(a_terminal_gets_a_bar_and_what_failed_said_last),
		cmocka_unit_test(time_goes_on_where_nothing_happens),
		cmocka_unit_test(the_json_form_is_one_object_a_line),
		cmocka_unit_test(numbers_are_for_people),
		cmocka_unit_test(every_kind_of_error_has_its_exit_status),
		cmocka_unit_test(a_step_is_a_section_of_gitlabs_page),
		cmocka_unit_test(sections_of_steps_side_by_side_come_one_after_the_other),
		cmocka_unit_test(why_a_section_failed_is_said_behind_it),
		cmocka_unit_test(an_image_is_a_section_and_its_blobs_are_not),
		cmocka_unit_test(names_of_sections_hold_only_what_gitlab_takes),
		cmocka_unit_test(a_log_that_stands_still_says_that_it_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
