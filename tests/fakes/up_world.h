/*
 * What every test of whole deploys needs: a scripted engine, a clock that nobody waits for, and a stack of one service,
 * app. Every request is in the script, in order, so a write that should not be there fails the test.
 */
#ifndef TESTS_FAKES_UP_WORLD_H
#define TESTS_FAKES_UP_WORLD_H

#include "deploy/up.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/recorder.h"
#include "tests/fakes/scripted_engine.h"

#define NAMED(n)   "/services?status=true&filters=%7B%22name%22%3A%5B%22" n "%22%5D%7D"
#define WITH_ID(n) "/services?filters=%7B%22id%22%3A%5B%22" n "%22%5D%7D"
#define NET	   "/networks?filters=%7B%22name%22%3A%5B%22shop%22%5D%7D"
#define TASKS	   "/tasks?filters=%7B%22service%22%3A%5B%22"
#define UP_TO_DATE "%2C%22_up-to-date%22%3A%5B%22true%22%5D"

#define TASK_OF(service, id)                                                                       \
	"{\"ID\":\"" id "\",\"ServiceID\":\"" service "\",\"DesiredState\":\"running\","           \
	"\"Status\":{\"State\":\"running\"}}"
#define RUNNING(id) TASK_OF("s1", id)
#define STOPPED(id)                                                                                \
	"{\"ID\":\"" id                                                                            \
	"\",\"ServiceID\":\"s1\",\"DesiredState\":\"shutdown\",\"Status\":{\"State\":\"shutdown\"}}"
#define FAILED(id)                                                                                 \
	"{\"ID\":\"" id                                                                            \
	"\",\"ServiceID\":\"s1\",\"DesiredState\":\"shutdown\",\"Status\":{\"State\":\"failed\","  \
	"\"Err\":\"exit (7)\"}}"
#define PENDING(id)                                                                                \
	"{\"ID\":\"" id                                                                            \
	"\",\"ServiceID\":\"s1\",\"DesiredState\":\"running\",\"Status\":{\"State\":\"pending\","  \
	"\"Err\":\"no suitable node\"}}"

#define POST(path, ...) HTTP_EXPECT(w->s, .method = "POST", .url = V141 path, __VA_ARGS__)
#define CREATED		POST("/services/create", .status = 201, .answer = "{\"ID\":\"s1\"}")
#define SEQUENCE                                                                                   \
	.status = 500,                                                                             \
	.answer = "{\"message\":\"rpc error: code = Unknown desc = update out of sequence\"}"
#define NO_LEADER .status = 503, .answer = "{\"message\":\"The swarm does not have a leader.\"}"

/* How an error ends when the lock was lost. */
#define LOST                                                                                       \
	"the lock of project 'team/app' was taken over by bob@there; this run writes nothing "     \
	"more and takes nothing back"

struct up_world {
	struct http_script *s;
	struct fake_clock clock;
	struct recorder rec;
	struct cancel cancel;
	struct op op;
	struct engine *eng;
	struct deploy_stack stack;
	struct deploy_options opt;
	struct deploy_outcome out[2];
	size_t nr;
	struct strv texts;  /* what the script was given lives at least as long as the test */
	json_t *old, *spec; /* of the first service: before, and as wanted */
	struct err e;
};

/* For cmocka; *state is the world. */
int world_setup(void **state);
int world_teardown(void **state);
void world_add_service(struct up_world *w, const char *name);
/* Owned by the caller. */
json_t *world_spec_with_image(struct up_world *w, const char *image);
/* Takes text; it lives as long as the world. */
const char *world_kept(struct up_world *w, char *text);
/* A service as the engine tells it; previous and update may be NULL. */
const char *world_service_of(struct up_world *w, const char *id, unsigned version, json_t *spec,
			     json_t *previous, const char *update);
const char *world_service(struct up_world *w, unsigned version, json_t *spec, json_t *previous,
			  const char *update);
/* The same with what the engine counts. */
const char *world_counted(struct up_world *w, const char *service, int running, int desired);
/* The engine is asked for path next; answer NULL: it is not there. */
void world_get(struct up_world *w, const char *path, const char *answer);
/* The same, for a list of one item, or of none (""). */
void world_get_list(struct up_world *w, const char *path, const char *item);
/* All tasks of app, and those that are up to date. */
void world_tasks(struct up_world *w, const char *all, const char *up_to_date);
/* answer NULL: there is no such service any more, nor tasks of it. */
void world_poll(struct up_world *w, const char *answer, const char *all, const char *up_to_date);
/* Before anything is taken back. */
void world_last_words(struct up_world *w, const char *task);
/* The service is looked at, has that spec, and is removed. */
void world_is_removed(struct up_world *w, json_t *spec);
/* An update of app from version 7 that was accepted; o1 ran before. */
void world_begin_update(struct up_world *w);
void world_up_fails(struct up_world *w, enum err_kind kind, const char *text);
/* Deploys, and the whole script was played. */
void world_up(struct up_world *w, int result);
void world_assert_outcome(struct up_world *w, enum deploy_verb verb, const char *image);
/* The lock is looked at, and bob has it. */
void world_lock_is_lost(struct up_world *w);
/* For clock.on_sleep: a second goes by, and what was seen of the lock is no longer good. */
void world_slowly(struct fake_clock *fc, int64_t ms);

#endif
