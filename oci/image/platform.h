/*
 * os/arch[/variant], normalised as containerd does (x86_64 -> amd64,
 * aarch64 and arm64/v8 -> arm64, armhf -> arm/v7, …). A plain value.
 */
#ifndef OCI_IMAGE_PLATFORM_H
#define OCI_IMAGE_PLATFORM_H

#include "base/err.h"
#include "base/span.h"

struct oci_platform {
	char os[32], arch[32], variant[32]; /* variant may be "" */
};

int oci_platform_parse(struct oci_platform *out, struct span text, struct err *e)
	MUST_CHECK; /* ERR_INPUT */
/* Normalises parts that come from a document. ERR_CORRUPT: too long or odd bytes. */
int oci_platform_set(struct oci_platform *out, const char *os, const char *arch,
		     const char *variant, struct err *e) MUST_CHECK;
void oci_platform_host(struct oci_platform *out); /* this machine's */
bool oci_platform_equals(const struct oci_platform *a, const struct oci_platform *b);
/* How well `have` serves `want`: 0 not at all, higher is better (exact variant best; for arm a
 * lower variant than wanted also runs). */
int oci_platform_match(const struct oci_platform *want, const struct oci_platform *have);
void oci_platform_format(char out[100], const struct oci_platform *p); /* "linux/arm/v7" */

#endif
