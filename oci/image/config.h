/*
 * The image configuration (image-spec, config.md): what a container gets by
 * default, the layers' uncompressed digests, and the history.
 *
 * Read from a base image, changed step by step, written out once. Fields of the
 * base that we do not model (top level and inside "config") are kept and
 * written again. Writing gives the same bytes for the same value: top-level
 * keys sorted, as BuildKit does.
 *
 * Owns everything in it. Values from outside are bounded by OCI_CONFIG_MAX.
 */
#ifndef OCI_IMAGE_CONFIG_H
#define OCI_IMAGE_CONFIG_H

#include "base/buf.h"
#include "base/strv.h"
#include "oci/image/digest.h"
#include "oci/image/platform.h"

struct oci_history {
	char *created; /* RFC 3339; NULL: not written */
	char *created_by;
	char *comment; /* NULL: none */
	char *author;  /* NULL: none */
	bool empty_layer;
};

struct oci_health {
	bool is_set;
	struct strv test; /* "NONE" | "CMD" … | "CMD-SHELL" text */
	int64_t interval_ns, timeout_ns, start_period_ns, start_interval_ns;
	uint64_t retries;
};

struct oci_config {
	struct oci_platform platform;
	char *created;				 /* RFC 3339; NULL: not written */
	char *author;				 /* NULL: none */
	char *os_version;			 /* NULL: none */
	char *user, *working_dir, *stop_signal;	 /* NULL: none */
	struct strv env;			 /* KEY=VALUE, file order */
	struct strv entrypoint, cmd, shell;	 /* n 0 and !has_…: null */
	bool has_entrypoint, has_cmd, has_shell; /* an empty list that is there */
	bool args_escaped;
	struct strv labels;	   /* KEY=VALUE; written sorted */
	struct strv exposed_ports; /* "80/tcp"; written sorted */
	struct strv volumes;	   /* written sorted */
	struct strv onbuild;
	struct oci_health health;
	struct oci_digest *diff_ids;
	size_t nr_diff_ids, cap_diff_ids;
	struct oci_history *history;
	size_t nr_history, cap_history;
	void *unknown; /* json: fields of the base we do not model */
};

struct oci_config *oci_config_new(void); /* empty; platform of this machine */
/* What FROM scratch starts with: PATH, WorkingDir "/". */
struct oci_config *oci_config_scratch(void);
struct oci_config *oci_config_copy(const struct oci_config *c);
void oci_config_free(struct oci_config *c);

/* ERR_CORRUPT: not a configuration (says where). History and diff_ids need not agree. */
int oci_config_parse(struct oci_config **out, struct span text, struct err *e) MUST_CHECK;
void oci_config_write(struct buf *out, const struct oci_config *c);

void oci_config_add_diff_id(struct oci_config *c, const struct oci_digest *d);
void oci_config_add_history(struct oci_config *c, const char *created, const char *created_by,
			    const char *comment, bool empty_layer);

/* Makes the entries of history that have a layer as many as diff_ids: the last ones that are too
 * many become empty, what is missing is added. */
void oci_config_repair_history(struct oci_config *c);

/* Gives entries without a time that of the first new layer, or of the entry before, and the image
 * that of its last entry (none, when no entry has one). */
void oci_config_settle_times(struct oci_config *c);

/* For exposed_ports and volumes: sorted, each once, however many there are. */
void oci_config_add_to_set(struct strv *set, const struct strv *more);

DEFINE_AUTO(oci_config, oci_config_free)
#define auto_config CLEANUP(oci_config_auto_)

#endif
