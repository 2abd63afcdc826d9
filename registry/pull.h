/*
 * A registry as an image_source: index -> platform -> manifest, config, layers;
 * every byte verified while it streams into the store.
 */
#ifndef REGISTRY_PULL_H
#define REGISTRY_PULL_H

#include "base/http.h"
#include "oci/image/source.h"
#include "registry/session.h"

/* Keeps one session per host. h and opt are borrowed and must outlive it. Thread-safe. */
struct image_source *registry_source_new(struct http *h, const struct registry_options *opt);

#endif
