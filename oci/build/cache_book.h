/*
 * What one build has of the step cache: the sources it looks in, and a note for each step that makes a
 * layer. Layers are packed, and files of the context are read, on the workers while the next steps go
 * on; so a note is filled in as its parts come in. When the step's form, the id below it, its diff_id and the
 * chain below it are known, its result is kept under its id and its other keys, whatever becomes
 * of the build afterwards.
 *
 * A note belongs to the book. Thread-safe.
 */
#ifndef OCI_BUILD_CACHE_BOOK_H
#define OCI_BUILD_CACHE_BOOK_H

#include <pthread.h>

#include "oci/build/cache_key.h"

struct cache_note;
struct content_seen;

/* Where a tree stands: after a step, or at its base. */
struct cache_ref {
	struct cache_note *note; /* NULL: at the base, of which … */
	struct cache_key id;	 /* … this is the id, … */
	struct oci_digest chain; /* … and this the layers */
};

/* A form, and the trees that the step reads beside the one below. */
struct cache_form {
	struct cache_key key;	/* not set: not known yet */
	struct cache_ref *deps; /* the note copies them */
	size_t nr_deps;
};

struct cache_book {
	const struct op *op;
	struct oci_store *blobs;       /* cache/blobs; borrowed */
	struct cache_source *local;    /* in sources, too */
	struct cache_source **sources; /* in the order in which they are asked; owned */
	size_t nr_sources, cap_sources;
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t told;
	struct cache_note **notes; /* each after those below it and those it reads */
	size_t nr, cap, settled;   /* the first ones need no more looks */
	struct strv bad;	   /* BLOB DIFF_ID of records that were not what they should be */
	bool has_warned;
	bool is_alone; /* only the local cache is asked; set while nothing is under way */
};

/* dir: cache/ of the root. */
int cache_book_open(struct cache_book *b, const struct op *op, const char *dir,
		    struct oci_store *blobs, struct err *e) MUST_CHECK;
/* Asked after those that are there; the book's. Before the first step. */
void cache_book_add(struct cache_book *b, struct cache_source *s);
void cache_book_release(struct cache_book *b);

/* -- looking ---------------------------------------------------------------------------- */

/* False: it depends on what is not known yet. */
bool cache_ref_id(struct cache_book *b, const struct cache_ref *at, struct cache_key *out);
/* Waits until all layers are packed; false: one of them could not be. */
bool cache_ref_chain(struct cache_book *b, const struct cache_ref *at, struct oci_digest *out);
/* The key of a form over a tree; false as above. */
bool cache_form_key(struct cache_book *b, const struct cache_ref *below, const struct cache_form *f,
		    struct cache_key *out);
/* Asks all sources. A source that fails is warned of, once, and has nothing. 1: *out is the caller's,
 * *from has it; 0. */
int cache_book_find(struct cache_book *b, const struct cache_key *key, struct cache_result *out,
		    struct cache_source **from);
/* Its blob is not the layer that it should be: nobody finds the record any more. The blob itself goes
 * only if its bytes are not those of its digest: it may be a layer of others, a base's even. */
void cache_book_spoil(struct cache_book *b, const struct cache_result *r);

/* So many were spoiled. */
size_t cache_book_spoiled(struct cache_book *b);
/* All notes go, what was spoiled stays so: a build begins again. Nothing is under way. */
void cache_book_forget(struct cache_book *b);

/* -- noting ----------------------------------------------------------------------------- */

struct cache_step {
	size_t stage;
	const char *text;    /* the instruction; cut to CACHE_TEXT_MAX */
	const char *created; /* of its line of history */
	struct cache_ref below;
	const struct cache_form *forms; /* [0] gives the id; the others are aliases */
	size_t nr_forms;
	/* Files that it reads; NULL: none that can change. A new note takes over what is in it; once one
	 * of them has changed, a form or layer that comes in is not kept. */
	struct content_seen *seen;
};
#define CACHE_FORMS_MAX 3
struct cache_note *cache_note_new(struct cache_book *b, const struct cache_step *s);
/* The same of a step that was found: all is known. */
struct cache_note *cache_note_hit(struct cache_book *b, const struct cache_step *s,
				  const struct cache_result *r, const struct cache_source *from);
/* Its blob is in cache/blobs, and is what was said: what others' caches have is kept from here on. */
void cache_note_fetched(struct cache_book *b, struct cache_note *n);
/* forms[0], which was not known; NULL: it never will be. */
void cache_note_form(struct cache_book *b, struct cache_note *n, const struct cache_key *form);
/* Its layer is packed, and its blob in `in`; or (blob NULL) it could not be. */
void cache_note_packed(struct cache_book *b, struct cache_note *n, struct oci_store *in,
		       const struct oci_descriptor *blob, const struct oci_digest *diff_id,
		       const char *packing);

/* All that are known; when nothing is under way any more. packed: which stages' layers are in
 * images. only_plain: without the keys that tell other stages' layers, which may come out differently
 * though what was read of them is equal. *out is the caller's, what it points to (but for the array) the book's. */
size_t cache_book_records(struct cache_record **out, struct cache_book *b, const bool *packed,
			  bool only_plain);

#endif
