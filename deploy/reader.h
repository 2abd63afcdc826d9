/*
 * What the parts of manifest.c share while they turn values into a stack: where
 * messages go, how a scalar becomes text, and tables of keys.
 *
 * A path ("services.app.ports[0]") goes with every value, for messages only.
 * Strings that come out are owned by the caller.
 */
#ifndef DEPLOY_READER_H
#define DEPLOY_READER_H

#include <stddef.h>

#include "base/err.h"
#include "deploy/expand.h"
#include "deploy/manifest.h"
#include "deploy/yaml.h"

struct reader {
	const struct deploy_input *in;
	struct strv *warnings;
	struct expand expand;
	const struct yaml_value *volumes; /* the top-level map, or NULL */
	struct strv used_volumes;
	size_t nr_services;
	size_t nr_from_files; /* the first variables of the service come from its env_file */
	bool *image_used;     /* for each of in->images */
	bool image_ref_used;
	const char *service;			/* being read; NULL outside of one */
	const struct yaml_value *keys, *deploy; /* its map, and `deploy` in it or NULL */
	const struct yaml_value
		*unset_at; /* the last value that named a variable without a value */
	char *unset;	   /* that variable */
	bool said_literal;
	size_t looked_at;     /* bytes, to find out what warnings may tell */
	struct strv said_new; /* names of keys that orcinus ignores */
	const char *stack;    /* of the top of the file, or NULL */
	char *domain;
	bool has_endpoint;
	bool is_strict; /* compose's: a key that is not known is an error, and none is new */
};

void reader_release(struct reader *r);

/* ERR_INPUT "FILE:LINE:COLUMN: PATH: …" and an excerpt of the line; -1. path may be "". */
int reader_fail(const struct reader *r, const struct yaml_value *at, const char *path,
		struct err *e, const char *fmt, ...) PRINTF_FMT(5, 6);
/* The same before the text of an err that knows no place. */
int reader_wrap(const struct reader *r, const struct yaml_value *at, const char *path,
		struct err *e);
void reader_warn(struct reader *r, const struct yaml_value *at, const char *path, const char *fmt,
		 ...) PRINTF_FMT(4, 5);

char *reader_path(const char *up, const char *key) MUST_CHECK; /* up may be "" */
char *reader_item_path(const char *up, size_t i) MUST_CHECK;

/* A scalar with its quotes undone, ${VAR} and <IMG_NAME> filled in. */
int reader_text(char **out, struct reader *r, const struct yaml_value *v, const char *path,
		struct err *e) MUST_CHECK;
/* The same for a text that was taken out of a value. */
int reader_expand(char **out, struct reader *r, const struct yaml_value *at, const char *text,
		  const char *path, struct err *e) MUST_CHECK;
/* As compose does: ${VAR} and "$$" only. For what is not read by orcinus' shell but in the container. */
int reader_plain(char **out, struct reader *r, const struct yaml_value *v, const char *path,
		 struct err *e) MUST_CHECK;
int reader_words(struct strv *out, struct reader *r, const struct yaml_value *v, const char *path,
		 struct err *e) MUST_CHECK;

/* hint: what to write instead, for the message. */
int reader_want(const struct reader *r, const struct yaml_value *v, enum yaml_kind kind,
		const char *path, const char *hint, struct err *e) MUST_CHECK;

/* -- kinds of values (reader_value.c) ---------------------------------------------- */

int reader_bool(bool *out, struct reader *r, const struct yaml_value *v, const char *path,
		struct err *e) MUST_CHECK;
int reader_number(uint64_t *out, struct reader *r, const struct yaml_value *v, const char *path,
		  struct err *e) MUST_CHECK;
/* A length of time with its unit, in nanoseconds. */
int reader_length(int64_t *out, struct reader *r, const struct yaml_value *v, const char *path,
		  struct err *e) MUST_CHECK;
int reader_bytes(int64_t *out, struct reader *r, const struct yaml_value *v, const char *path,
		 struct err *e) MUST_CHECK;
/* A decimal number in 1e-9; what: "a number of CPUs", for the message. */
int reader_nano(int64_t *out, struct reader *r, const struct yaml_value *v, const char *path,
		const char *what, struct err *e) MUST_CHECK;
/* *out: that one of the words, NULL at their end. */
int reader_choice(const char **out, struct reader *r, const struct yaml_value *v, const char *path,
		  const char *const *words, struct err *e) MUST_CHECK;
/* Adds one text or a list of them. */
int reader_list(struct strv *out, struct reader *r, const struct yaml_value *v, const char *path,
		struct err *e) MUST_CHECK;
/* Sets KEY=VALUE of a map or of a list of such lines. */
int reader_map(struct strv *out, struct reader *r, const struct yaml_value *v, const char *path,
	       struct err *e) MUST_CHECK;

typedef int reader_call(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
			struct err *e);
/* Calls read for each item of a list; hint as for reader_want. */
int reader_each(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		const char *hint, reader_call *read, struct err *e) MUST_CHECK;

/* -- keys of a map ------------------------------------------------------------------ */

enum reader_kind {
	READER_CALL,	/* read */
	READER_TEXT,	/* char * */
	READER_BOOL,	/* bool */
	READER_NUMBER,	/* uint64_t */
	READER_LENGTH,	/* int64_t */
	READER_LIST,	/* struct strv */
	READER_MAP,	/* struct strv */
	READER_IGNORED, /* why: a warning */
};

/* One key of a map. Keys without a value are skipped unless null_too. */
struct reader_key {
	const char *name;
	reader_call *read;
	bool null_too;
	bool is_new; /* orcinus takes no notice of it: said once */
	bool is_api; /* only its dashboard does: the same */
	/* keys of the service that count more, as "cpu" or "deploy.order": beside one this one is ignored */
	const char *by[3];
	enum reader_kind kind;
	size_t offset; /* of the field in what arg points to */
	const char *why;
};
#define READER_FIELD(k, n, T, f)                                                                   \
	{                                                                                          \
		.kind = k, .name = n, .offset = offsetof(T, f), .is_new = true                     \
	}
#define READER_NEW(n, f)                                                                           \
	{                                                                                          \
		.name = n, .read = f, .is_new = true                                               \
	}
#define READER_BELOW(n, f, ...)                                                                    \
	{                                                                                          \
		.name = n, .read = f, .is_new = true, .by = { __VA_ARGS__ }                        \
	}
#define READER_IGNORE(n, w)                                                                        \
	{                                                                                          \
		.kind = READER_IGNORED, .name = n, .why = w                                        \
	}

/* By kind; read is not NULL for READER_CALL. */
int reader_field(struct reader *r, void *arg, const struct reader_key *k,
		 const struct yaml_value *v, const char *path, struct err *e) MUST_CHECK;
/* Every key of a map by a table; one that is not in it is a warning, or an error. */
int reader_keys(struct reader *r, void *arg, const struct yaml_value *map, const char *path,
		const struct reader_key *keys, size_t nr, struct err *e) MUST_CHECK;

/* The one of known that name is probably a slip of the pen for; NULL: none. Borrowed from known. */
const char *reader_near(const char *name, const struct strv *known);

/* Names the engine takes for services and networks it makes: [A-Za-z0-9_-], a letter
 * or digit at both ends, at most 63. */
bool reader_is_name(const char *text);

/* -- parts of the manifest, one .c each ----------------------------------------- */

/* `restart_policy` `restartPolicy` `restart` `deploy`, `mode` and `replicas`; arg: the service. */
reader_call reader_restart_policy, reader_api_restart_policy, reader_restart, reader_deploy,
	reader_mode, reader_replicas;
/* What a container is started with and sees around it. arg: the service. */
reader_call reader_command, reader_entrypoint, reader_healthcheck, reader_hosts, reader_dns,
	reader_logging, reader_ulimits, reader_tmpfs, reader_stop_grace, reader_init,
	reader_depends_on;
/* What both dialects have. `restart`: no, always, unless-stopped, on-failure[:N]. */
int reader_restart_word(struct deploy_restart *out, struct reader *r, const struct yaml_value *v,
			const char *path, struct err *e) MUST_CHECK;
/* The keys of `restart_policy` and `healthcheck`, over what *out has from an earlier file. */
int reader_restart_keys(struct deploy_restart *out, struct reader *r, const struct yaml_value *v,
			const char *path, struct err *e) MUST_CHECK;
int reader_health_keys(struct deploy_health *out, struct reader *r, const struct yaml_value *v,
		       const char *path, struct err *e) MUST_CHECK;
/* Files of variables, which count less than `environment`. Before it. arg: the service. */
reader_call reader_env_file;
/* Limits, service labels, placement constraints. arg: the service. */
reader_call reader_cpu, reader_memory, reader_labels, reader_constraints;
/* `endpoint`, and text with {orcinus.…} filled in. */
reader_call reader_endpoint;
int reader_templates(char **out, struct reader *r, const struct yaml_value *at, const char *text,
		     const char *path, struct err *e) MUST_CHECK;
/* One entry of `services`. */
int reader_service(struct deploy_service *out, struct reader *r, const struct yaml_pair *entry,
		   struct err *e) MUST_CHECK;

/* Adds the volume called name (of the top-level map) to the service. at: who asks. */
int reader_mount(struct deploy_service *s, struct reader *r, const char *name,
		 const struct yaml_value *at, const char *path, struct err *e) MUST_CHECK;
void reader_warn_unused_volumes(struct reader *r);

/* Every --image and IMAGE_REF is a reference, every SERVICE= exists. Before services are read. */
int reader_images_check(struct reader *r, const struct yaml_value *services, struct err *e)
	MUST_CHECK;
/*
 * After services are read: a --image that nobody took is an error. IMAGE_REF may be there for other reasons, so
 * that nobody took it is a warning, unless --image says what is meant.
 */
int reader_images_finish(struct reader *r, struct err *e) MUST_CHECK;
/* The image of the service being read. */
int reader_image(char **out, struct reader *r, const struct yaml_value *v, const char *path,
		 struct err *e) MUST_CHECK;
/* text with <IMG_NAME> filled in. */
int reader_fill(char **out, struct reader *r, const struct yaml_value *at, const char *text,
		const char *path, struct err *e) MUST_CHECK;

#endif
