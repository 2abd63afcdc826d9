#include "tests/fakes/registry_talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"

int talk_get(struct registry_world *w, const struct registry_call *more, struct http_response *rs)
{
	struct registry_call call = *more;

	call.method = call.method ? call.method : "GET";
	call.path = "/v2/a/b/x";
	call.scope = "repository:a/b:pull";
	return registry_session_perform(w->session, &w->op, &call, rs, &w->e);
}

void talk_expect(struct registry_world *w, long status)
{
	struct registry_call call = { 0 };
	auto_http_response struct http_response rs = { 0 };

	if (talk_get(w, &call, &rs) < 0)
		fail_msg("%s", w->e.text);
	assert_int_equal(status, rs.status);
}

void talk_expect_error(struct registry_world *w, enum err_kind kind, const char *part)
{
	struct registry_call call = { 0 };
	auto_http_response struct http_response rs = { 0 };

	assert_int_equal(-1, talk_get(w, &call, &rs));
	assert_err(w, kind, part);
	assert_null(strstr(w->e.text, "secret"));
}

void talk_script_401(struct registry_world *w, const char *challenge)
{
	HTTP_EXPECT(w->script, .method = "GET", .url = "https://r.example/v2/a/b/x",
		    .lacks = { "Authorization" }, .status = 401, .headers = { challenge });
}

void talk_script_ok(struct registry_world *w, const char *auth)
{
	HTTP_EXPECT(w->script, .method = "GET", .url = "https://r.example/v2/a/b/x",
		    .has = { auth }, .status = 200);
}

void talk_script_token(struct registry_world *w, const char *url, const char *text)
{
	auto_free char *answer = mem_printf("{\"token\":\"%s\"}", text);

	HTTP_EXPECT(w->script, .method = "GET", .url = url, .status = 200, .answer = answer);
}

int talk_body_open(struct http_body *b, struct source **out, struct err *e)
{
	static struct span_source s;

	(void)b;
	(void)e;
	*out = span_source_init(&s, SPAN_LIT("bytes"));
	return 0;
}

void talk_body_close(struct http_body *b, struct source *s)
{
	(void)b;
	(void)s;
}
