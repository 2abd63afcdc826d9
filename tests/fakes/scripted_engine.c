#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/fakes/scripted_engine.h"

struct engine *scripted_engine_open(struct http_script **s, struct op *op)
{
	struct engine *eng;
	struct err e = ERR_INIT;

	*s = http_script_new();
	HTTP_EXPECT(*s, .method = "GET", .url = "http://docker/_ping", .status = 200,
		    .headers = { "Api-Version: 1.41" });
	if (engine_open(&eng, op, http_script_http(*s), &(struct engine_options){ 0 }, &e) < 0)
		fail_msg("%s", e.text);
	return eng;
}

void scripted_engine_close(struct http_script *s, struct engine *eng)
{
	engine_free(eng);
	http_script_free(s);
}
