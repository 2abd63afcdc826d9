/*
 * One request again and again, GET /v2/a/b/x of the registry of a registry_world, for the tests of what
 * stands around requests: signatures, tokens, retries.
 */
#ifndef TESTS_FAKES_REGISTRY_TALK_H
#define TESTS_FAKES_REGISTRY_TALK_H

#include "tests/fakes/registry_world.h"

/* What the registry asks for, and what that makes of the address of the token server. */
#define TALK_TOKEN_URL "https://t.example/auth?service=reg&scope=repository%3Aa%2Fb%3Apull"
#define TALK_CHALLENGE                                                                             \
	"WWW-Authenticate: Bearer realm=\"https://t.example/auth\",service=\"reg\","               \
	"scope=\"repository:other:pull\""

/* A body of five bytes. */
#define TALK_BODY                                                                                  \
	((struct http_body){ .open = talk_body_open, .close = talk_body_close, .size_bytes = 5 })
int talk_body_open(struct http_body *b, struct source **out, struct err *e);
void talk_body_close(struct http_body *b, struct source *s);

/* The call, with what stands in `more`. */
int talk_get(struct registry_world *w, const struct registry_call *more, struct http_response *rs);
void talk_expect(struct registry_world *w, long status);
void talk_expect_error(struct registry_world *w, enum err_kind kind, const char *part);

/* Adds to the script: the call is answered so, or a token is fetched at url. */
void talk_script_401(struct registry_world *w, const char *challenge);
void talk_script_ok(struct registry_world *w, const char *auth);
void talk_script_token(struct registry_world *w, const char *url, const char *text);

#endif
