/*
 * jansson, with words: getters that name the path of what is wrong
 * ("layers[2].digest: not a string"). Text is untrusted: bounded, duplicate keys
 * refused, depth bounded by jansson.
 *
 * Getters borrow from the document. `required` ones fail with ERR_CORRUPT when
 * the key is missing or of another type; json_opt_* give the default when it is
 * missing or null and fail when it is of another type. `path` is the place so
 * far ("config") or "" at the top; only for messages.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>

#include "base/buf.h"
#include "base/cc.h"
#include "base/err.h"
#include "base/strv.h"

/* what: names the document in messages ("manifest of 'x:1'"). More than max: ERR_INPUT. */
json_t *json_load_span(struct span text, size_t max, const char *what, struct err *e) MUST_CHECK;

int json_get_str(const char **out, const json_t *o, const char *key, const char *path,
		 struct err *e) MUST_CHECK;
int json_get_u64(uint64_t *out, const json_t *o, const char *key, const char *path, struct err *e)
	MUST_CHECK;
int json_get_obj(json_t **out, const json_t *o, const char *key, const char *path, struct err *e)
	MUST_CHECK;
int json_get_arr(json_t **out, const json_t *o, const char *key, const char *path, struct err *e)
	MUST_CHECK;
int json_opt_str(const char **out, const json_t *o, const char *key, const char *path,
		 const char *dflt, struct err *e) MUST_CHECK;
int json_opt_u64(uint64_t *out, const json_t *o, const char *key, const char *path, uint64_t dflt,
		 struct err *e) MUST_CHECK;
int json_opt_bool(bool *out, const json_t *o, const char *key, const char *path, bool dflt,
		  struct err *e) MUST_CHECK;
int json_opt_obj(json_t **out, const json_t *o, const char *key, const char *path, struct err *e)
	MUST_CHECK; /* NULL: missing */
int json_opt_arr(json_t **out, const json_t *o, const char *key, const char *path, struct err *e)
	MUST_CHECK;
/* An array of strings, added to out; missing or null adds nothing. */
int json_opt_strv(struct strv *out, const json_t *o, const char *key, const char *path,
		  struct err *e) MUST_CHECK;
/* An object of strings, added as KEY=VALUE in document order. */
int json_opt_map(struct strv *out, const json_t *o, const char *key, const char *path,
		 struct err *e) MUST_CHECK;

/* Compact, keys in insertion order (sorted when `sorted`), non-ASCII kept as UTF-8. */
void json_write(struct buf *out, const json_t *v, bool sorted);
json_t *json_from_strv(const struct strv *s)
	MUST_CHECK; /* array of strings; bytes that are not UTF-8 are replaced */
json_t *json_str(const char *s) MUST_CHECK; /* the same for one string */

static inline MAYBE_UNUSED void json_auto_(json_t **p)
{
	json_decref(*p);
}
#define auto_json CLEANUP(json_auto_)

#endif
