/*
 * One step's way through the cache.
 *
 *	struct cache_look k;
 *	cache_look_init(&k, s, "COPY");
 *	cache_text_add_str(&k.words, "to", dest); …		all that is not content
 *	cache_look_dep(&k, &tree);				trees it reads, if it reads any
 *	r = cache_look_named(&k, e);				1: the stage has its layer; 0: go on
 *	cache_look_content(&k, &listing);			files it reads, listed
 *	r = cache_look_found(&k, e);				likewise
 *	… the step is carried out and commits …
 *	cache_look_made(&k);
 *
 * A step without content is found by its words alone (_named only). Else its id is made of the content,
 * and the names of the trees it comes from, where all of it comes from such, are another key.
 *
 * Bytes are not read on the way of a step that cannot be found anyway (nothing of these words
 * over this tree was ever kept): then they are read on the workers while the build goes on, unless they are so
 * many that it would cost too much memory to remember which.
 */
#ifndef OCI_BUILD_CACHE_LOOK_H
#define OCI_BUILD_CACHE_LOOK_H

#include "oci/build/content.h"
#include "oci/build/step.h"

struct cache_look {
	struct step *step;
	struct cache_text words;
	struct cache_text content;
	bool has_content; /* there are files that it reads, and … */
	bool is_named;	  /* … all of them are in the deps, or fixed by the words */
	struct cache_ref *deps;
	size_t nr_deps, cap_deps;
	struct layer_listing *lists;
	size_t nr_lists, cap_lists;
	struct content_seen seen; /* of the files in lists, unless is_named */
	struct cache_form forms[CACHE_FORMS_MAX];
	size_t nr_forms;
	struct cache_key below; /* not set: not known yet */
	bool is_hashed;
	bool is_hopeless; /* what it reads cannot be told: it is not kept */
};

void cache_look_init(struct cache_look *k, struct step *s, const char *kind);
void cache_look_dep(struct cache_look *k, const struct cache_ref *tree);
/* Of an image. */
void cache_look_image(struct cache_look *k, const struct image *img);
int cache_look_named(struct cache_look *k, struct err *e) MUST_CHECK;
/* list: taken over; its origins must stay until the layers are packed. */
void cache_look_content(struct cache_look *k, struct layer_listing *list);
int cache_look_found(struct cache_look *k, struct err *e) MUST_CHECK;
/* It is carried out, and its layer is not kept: what it reads cannot be told. */
void cache_look_give_up(struct cache_look *k);
void cache_look_made(struct cache_look *k);
void cache_look_release(struct cache_look *k);
#define auto_cache_look CLEANUP(cache_look_release)

#endif
