/* Text as Go's fmt writes it: the history of images made by docker has it so. */
#ifndef OCI_BUILD_GOTEXT_H
#define OCI_BUILD_GOTEXT_H

#include "base/buf.h"
#include "base/strv.h"

/* %q of a list: ["a" "b\n"] */
void gotext_quoted_list(struct buf *out, const struct strv *list);
/* %v of a list: [a b] */
void gotext_list(struct buf *out, const struct strv *list);
/* %v of a time.Duration: 1m30s, 1.5ms, 0s */
void gotext_duration(struct buf *out, int64_t ns);

#endif
