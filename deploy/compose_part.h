/*
 * What the files of the compose dialect share: the reader of the file at hand, what
 * stands at the top of all files, and tables of keys.
 *
 * Files are read one after the other into the same values, so "merging" is what a
 * reader does with what is there already: a text is replaced, a map is filled up, a list goes on,
 * a port, volume, secret or config takes the place of the one it collides with.
 */
#ifndef DEPLOY_COMPOSE_PART_H
#define DEPLOY_COMPOSE_PART_H

#include <stddef.h>

#include "deploy/compose.h"
#include "deploy/reader.h"

/* A volume of the top-level map. */
struct compose_volume {
	char *key, *name, *driver;
	struct strv driver_options, labels;
	bool is_external;
};

/* A network of the top-level map; net.name is what the swarm calls it. */
struct compose_network {
	char *key;
	struct deploy_network net;
	bool is_external, is_used;
};

/* A secret or config of the top-level map; its name and data are known when all files are read. */
struct compose_object {
	char *key, *name, *file, *variable, *content;
	struct strv labels;
	char *template_driver;
	bool is_secret, is_external;
	size_t in_stack; /* 1 + its place in stack->objects; 0: no service uses it so far */
};

/* What is only known of a service while files are read. */
struct compose_service {
	char *key;
	bool has_policy, has_build; /* deploy.restart_policy counts more than restart */
	size_t file;		    /* where it is defined first */
	const struct yaml_value *at;
};

struct compose {
	struct reader r; /* r.in: the file that is being read */
	const struct compose_input *in;
	struct deploy_input *files; /* of in, each with the environment and images of the first */
	struct deploy_stack stack;
	struct deploy_yaml **docs;	  /* of each file */
	struct compose_service *services; /* of each of stack.services */
	size_t nr_services, cap_services;
	struct compose_network *networks;
	size_t nr_networks, cap_networks;
	struct compose_volume *volumes;
	size_t nr_volumes, cap_volumes;
	struct compose_object *objects;
	size_t nr_objects, cap_objects;
};

/* -- keys ------------------------------------------------------------------------- */

enum compose_kind {
	COMPOSE_READ,
	COMPOSE_TEXT,	 /* char * */
	COMPOSE_BOOL,	 /* bool */
	COMPOSE_NUMBER,	 /* uint64_t */
	COMPOSE_LENGTH,	 /* int64_t, nanoseconds */
	COMPOSE_LIST,	 /* struct strv: a list of texts, or one text; goes on */
	COMPOSE_MAP,	 /* struct strv of KEY=VALUE: a map, or a list; filled up */
	COMPOSE_REFUSED, /* why: an error */
	COMPOSE_IGNORED, /* why: a warning */
};

typedef int compose_read(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
			 struct err *e);

struct compose_key {
	const char *name;
	enum compose_kind kind;
	size_t offset; /* in what arg points to */
	compose_read *read;
	const char *why;
};

#define KEY_READ(n, f)                                                                             \
	{                                                                                          \
		.name = n, .kind = COMPOSE_READ, .read = f                                         \
	}
#define KEY_TEXT(n, T, f)                                                                          \
	{                                                                                          \
		.name = n, .kind = COMPOSE_TEXT, .offset = offsetof(T, f)                          \
	}
#define KEY_BOOL(n, T, f)                                                                          \
	{                                                                                          \
		.name = n, .kind = COMPOSE_BOOL, .offset = offsetof(T, f)                          \
	}
#define KEY_NUMBER(n, T, f)                                                                        \
	{                                                                                          \
		.name = n, .kind = COMPOSE_NUMBER, .offset = offsetof(T, f)                        \
	}
#define KEY_LENGTH(n, T, f)                                                                        \
	{                                                                                          \
		.name = n, .kind = COMPOSE_LENGTH, .offset = offsetof(T, f)                        \
	}
#define KEY_LIST(n, T, f)                                                                          \
	{                                                                                          \
		.name = n, .kind = COMPOSE_LIST, .offset = offsetof(T, f)                          \
	}
#define KEY_MAP(n, T, f)                                                                           \
	{                                                                                          \
		.name = n, .kind = COMPOSE_MAP, .offset = offsetof(T, f)                           \
	}
#define KEY_REFUSED(n, w)                                                                          \
	{                                                                                          \
		.name = n, .kind = COMPOSE_REFUSED, .why = w                                       \
	}
#define KEY_IGNORED(n, w)                                                                          \
	{                                                                                          \
		.name = n, .kind = COMPOSE_IGNORED, .why = w                                       \
	}

/* Every key of map by the table. x-… is the user's own, another key is an error; null says nothing. */
int compose_keys(struct compose *c, void *arg, const struct yaml_value *map, const char *path,
		 const struct compose_key *keys, size_t nr, struct err *e) MUST_CHECK;

/* -- values; the rest is reader.h's ----------------------------------------------------------------------- */

int compose_text(char **out, struct compose *c, const struct yaml_value *v, const char *path,
		 struct err *e) MUST_CHECK;
int compose_list(struct strv *out, struct compose *c, const struct yaml_value *v, const char *path,
		 struct err *e) MUST_CHECK;
/* A list as it is, or a text split into words; what was there before is gone. */
int compose_words(struct strv *out, struct compose *c, const struct yaml_value *v, const char *path,
		  struct err *e) MUST_CHECK;

/* `external: true`, or the old {name: …}, which sets *name. */
int compose_external(bool *out, char **name, struct compose *c, const struct yaml_value *v,
		     const char *path, struct err *e) MUST_CHECK;

/* "STACK_KEY". Owned by the caller. */
char *compose_scoped(const struct compose *c, const char *key) MUST_CHECK;

/* -- parts, one .c each ------------------------------------------------------------- */

/* Top-level maps; each may come several times, once per file. */
compose_read compose_top_networks, compose_top_volumes, compose_top_secrets, compose_top_configs;
/* Keys of a service; arg: its struct deploy_service. */
compose_read compose_service_networks, compose_service_volumes, compose_service_tmpfs,
	compose_service_secrets, compose_service_configs, compose_service_deploy,
	compose_service_environment, compose_service_env_file, compose_service_logging,
	compose_service_ports, compose_service_healthcheck;

/* One service of one file. */
int compose_service(struct compose *c, size_t i, const struct yaml_value *v, const char *path,
		    struct err *e) MUST_CHECK;
/* x-orcinus-…: false: not one of those. */
int compose_service_hint(struct compose *c, struct deploy_service *s, const char *key,
			 const struct yaml_value *v, const char *path, struct err *e) MUST_CHECK;

/* After all files: the default network, and those to make. */
int compose_finish_networks(struct compose *c, struct err *e) MUST_CHECK;

struct compose_service *compose_meta(struct compose *c, const struct deploy_service *s);
void compose_release(struct compose *c);

#endif
