/* The makers of events, seen by the recorder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/progress.h"
#include "tests/fakes/recorder.h"

static void nobody_listening_is_fine(void **state)
{
	(void)state;
	progress_begin(NULL, "a", "%d", 1);
	progress_tick(NULL, "a", 1, 2);
	progress_end(NULL, "a", 1);
	progress_cached(NULL, "a", "exists");
	progress_fail(NULL, "a", "why");
	progress_note(NULL, "n");
	progress_warn(NULL, "w");
	progress_emit(NULL, &(struct progress_event){ .kind = PROGRESS_NOTE });
}

static void each_maker_makes_its_event(void **state)
{
	auto_recorder struct recorder rec;
	struct progress *p = recorder_init(&rec);

	(void)state;
	rec.ticks = true;
	progress_begin(p, "a", "[%s %d/%d]", "app", 1, 2);
	progress_tick(p, "a", 10, 20);
	progress_emit(p, &(struct progress_event){
				 .kind = PROGRESS_LINE, .id = "a", .text = "hello", .stream = 2 });
	progress_end(p, "a", 20);
	progress_cached(p, "b", "exists");
	progress_fail(p, "c", "exit status 7");
	progress_note(p, "pushed %s", "x");
	progress_warn(p, "no %s", "limit");
	assert_string_equal("begin a: [app 1/2]\n"
			    "tick a 10/20\n"
			    "line a 2: hello\n"
			    "end a 20\n"
			    "cached b: exists\n"
			    "fail c: exit status 7\n"
			    "note: pushed x\n"
			    "warn: no limit\n",
			    recorder_text(&rec));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_listening_is_fine),
		cmocka_unit_test(each_maker_makes_its_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
