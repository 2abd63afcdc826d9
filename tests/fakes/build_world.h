/*
 * All that a build needs, in one temporary directory: a context in ctx/, the state in root/, a
 * sandbox without mounts, a clock that stands still, a progress that is written down.
 *
 *	struct build_world w;
 *	build_world_init(&w);
 *	tmpdir_file(&w.dir, "ctx/a", "text");
 *	build_world_ok(&w, "FROM scratch\nCOPY a /\n");
 *	auto_free char *layer = build_world_layer(&w, 0, false);
 *	assert_string_equal(layer, "f 0644 0:0 a = text\n");
 *	build_world_release(&w);
 *
 * Failing to do what must succeed ends the test program with the message.
 */
#ifndef TESTS_FAKES_BUILD_WORLD_H
#define TESTS_FAKES_BUILD_WORLD_H

#include "oci/build/build.h"
#include "oci/image/config.h"
#include "oci/image/manifest.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_sandbox.h"
#include "tests/fakes/recorder.h"
#include "tests/fakes/tmpdir.h"

struct build_world {
	struct tmpdir dir;
	char *root, *context; /* paths of root/ and ctx/ */
	struct recorder progress;
	struct fake_clock clock;
	struct fake_sandbox sandbox;
	struct op op;
	struct build_env env;
	struct build_options opt;   /* context set */
	struct build_result result; /* of the last build that succeeded */
	struct err err;		    /* of the last one that failed */
};

void build_world_init(struct build_world *w);
void build_world_release(struct build_world *w);

/* Writes ctx/Dockerfile and builds it. */
void build_world_ok(struct build_world *w, const char *dockerfile);
/* The same for one that fails: what it says. */
const char *build_world_fails(struct build_world *w, const char *dockerfile);

/* Of w->result, out of root/store. */
struct oci_config *build_world_config(const struct build_world *w) MUST_CHECK;
void build_world_manifest(const struct build_world *w, struct oci_manifest *out);
/* "f 0644 0:0 path = content", "d 0755 0:0 path", "l 0:0 path -> to" (with a mode that is not 0777
 * as others), "h path == to"; with times " @mtime" behind the owner. */
char *build_world_layer(const struct build_world *w, size_t index, bool times) MUST_CHECK;
/* The created_by lines, "-" in front of those without a layer. */
char *build_world_history(const struct build_world *w) MUST_CHECK;

#endif
