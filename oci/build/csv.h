/*
 * One line of CSV whose fields are KEY=VALUE: how docker buildx writes -o, --cache-to and
 * --cache-from. A field may be quoted as a whole; keys are taken in any case, but for an
 * annotation's own name.
 */
#ifndef OCI_BUILD_CSV_H
#define OCI_BUILD_CSV_H

#include "base/cc.h"
#include "base/err.h"

#define CSV_FIELDS_MAX 200

struct csv_fields { /* owns its strings */
	char *key[CSV_FIELDS_MAX];
	char *value[CSV_FIELDS_MAX];
	size_t nr;
};

/* out: zeroed, and to be released in every case. example: a right line, for messages. ERR_INPUT. */
int csv_fields_read(struct csv_fields *out, const char *text, const char *example, struct err *e)
	MUST_CHECK;
void csv_fields_release(struct csv_fields *f);
#define auto_csv CLEANUP(csv_fields_release)

/* The last one of that key; NULL: none. Borrowed. */
const char *csv_fields_get(const struct csv_fields *f, const char *key);

/* A value as Go's strconv.ParseBool takes it. ERR_INPUT. */
int csv_bool(bool *out, const char *key, const char *value, struct err *e) MUST_CHECK;

#endif
