/*
 * An engine (API 1.41) that is open and answers by a script; what opening it takes has been played.
 *
 *	struct http_script *s;
 *	struct engine *eng = scripted_engine_open(&s, &op);
 *	HTTP_EXPECT(s, .method = "GET", .url = V141 "/services", …);
 *	… eng …
 *	http_script_done(s);
 *	scripted_engine_close(s, eng);
 */
#ifndef TESTS_FAKES_SCRIPTED_ENGINE_H
#define TESTS_FAKES_SCRIPTED_ENGINE_H

#include "deploy/engine.h"
#include "tests/fakes/http_script.h"

#define V141 "http://docker/v1.41"

/* *s: a new script. op lives as long as the engine. */
struct engine *scripted_engine_open(struct http_script **s, struct op *op) MUST_CHECK;
/* Frees both; does not look for what did not come. */
void scripted_engine_close(struct http_script *s, struct engine *eng);

#endif
