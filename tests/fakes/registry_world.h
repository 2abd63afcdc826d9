/*
 * What every test of a talk with a registry needs: a scripted wire, a clock that
 * stands still, a recorder of progress, a store in memory, and a session for
 * https://r.example (or another host).
 *
 *	struct registry_world w;
 *	registry_world_init(&w, "r.example", NULL);
 *	HTTP_EXPECT(w.script, …);
 *	… &w.op, w.session, &w.e …
 *	registry_world_release(&w);	// looks that the whole script was played
 */
#ifndef TESTS_FAKES_REGISTRY_WORLD_H
#define TESTS_FAKES_REGISTRY_WORLD_H

#include "oci/image/manifest.h"
#include "oci/image/store.h"
#include "registry/api.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/http_script.h"
#include "tests/fakes/recorder.h"

/* "joe:secret" for r.example. */
#define WORLD_AUTHS "{\"auths\":{\"r.example\":{\"auth\":\"am9lOnNlY3JldA==\"}}}"
#define WORLD_BASIC "Authorization: Basic am9lOnNlY3JldA=="

struct registry_world {
	struct http_script *script;
	struct fake_clock clock;
	struct recorder rec;
	struct op op;
	struct credentials_env env;
	struct registry_options opt;
	struct registry_session *session;
	struct registry_repo repo; /* "a/b", for pushing */
	struct oci_store *store;
	struct err e;
};

/* auths: DOCKER_AUTH_CONFIG, NULL: none. Two retries. */
void registry_world_init(struct registry_world *w, const char *host, const char *auths);
void registry_world_release(struct registry_world *w);

/* Puts text into the store; *d must be released. */
void registry_world_blob(struct registry_world *w, struct oci_descriptor *d, const char *media_type,
			 const char *text);
/* An image of a config and one layer (its text), in the store. */
void registry_world_image(struct registry_world *w, struct oci_descriptor *image,
			  const char *layer);
/* Its manifest's text, in manifest form; owned by the caller. */
char *registry_world_text(struct registry_world *w, const struct oci_descriptor *d) MUST_CHECK;

/* The digest of a text, in static form for one-line scripts: "sha256:…"; owned. */
char *registry_world_digest(const char *text) MUST_CHECK;

#define assert_err(w, want_kind, part)                                                             \
	do {                                                                                       \
		if ((w)->e.kind != (want_kind) || !strstr((w)->e.text, (part)))                    \
			fail_msg("kind %d, not %d: '%s' should hold '%s'", (w)->e.kind,            \
				 (int)(want_kind), (w)->e.text, (part));                           \
	} while (0)

#endif
