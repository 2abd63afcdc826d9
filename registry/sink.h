/* Registries as an image_sink: each name's host is asked, with the session that registry.h's
 * options make. */
#ifndef REGISTRY_SINK_H
#define REGISTRY_SINK_H

#include "base/http.h"
#include "oci/image/sink.h"
#include "registry/session.h"

/* h and opt are borrowed and must outlive it. */
struct image_sink *registry_sink_new(struct http *h, const struct registry_options *opt);

#endif
