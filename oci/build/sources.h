/*
 * What the COPYs of one stage read: contexts, stages, images, each opened once. They are kept until
 * the stage is released, since its layers are packed straight from there. One thread's.
 */
#ifndef OCI_BUILD_SOURCES_H
#define OCI_BUILD_SOURCES_H

#include "oci/build/source.h"
#include "oci/dockerfile/plan.h"

struct job;
struct stage;
struct sources_entry;

struct sources {
	struct sources_entry **v;
	size_t nr, cap;
};

/* for_stage: whose COPY it is. *out stays s's. ERR_INPUT: from has no files. */
int sources_get(const struct source_tree **out, struct sources *s, struct job *j,
		const struct stage *for_stage, const struct plan_source *from, struct err *e)
	MUST_CHECK;
/* A tree of which nothing else knows (here-documents, what ADD has fetched); t is s's then. */
const struct source_tree *sources_keep(struct sources *s, struct source_tree *t);
void sources_release(struct sources *s);

#endif
