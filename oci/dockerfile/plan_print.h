/*
 * A plan as text, for golden files and for people:
 *
 *	stage build from image golang:1.22 for linux/amd64
 *	    3  RUN go build
 *	stage final from scratch for linux/amd64
 *	    5  COPY --from=build /a /a  << stage build
 *	unused --build-arg VERSION
 */
#ifndef OCI_DOCKERFILE_PLAN_PRINT_H
#define OCI_DOCKERFILE_PLAN_PRINT_H

#include "base/buf.h"
#include "oci/dockerfile/plan.h"

void dockerfile_plan_print(struct buf *out, const struct dockerfile_plan *p);

#endif
