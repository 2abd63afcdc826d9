/*
 * What the files of an upload share: upload.c (again and again, until it is done), upload_begin.c (is it
 * there? where does it go?), upload_send.c (the bytes). Private to them.
 */
#ifndef REGISTRY_UPLOAD_PARTS_H
#define REGISTRY_UPLOAD_PARTS_H

#include "registry/upload.h"
#include "registry/upload_body.h"

#define UPLOAD_CHUNK_MIN (64u << 10)
#define UPLOAD_CHUNK_MAX (256u << 20)
#define UPLOAD_WAYS_MAX	 8 /* changes of way or size for one blob */

enum upload_step { /* whose answer the last one is */
		   UPLOAD_BEGIN,
		   UPLOAD_PUT, /* with all bytes */
		   UPLOAD_PATCH,
		   UPLOAD_CLOSE, /* PUT without bytes */
};

/* An upload that is begun by one call may be ended by another. */
enum upload_half {
	UPLOAD_BOTH,   /* in one call */
	UPLOAD_FIRST,  /* until it is open */
	UPLOAD_OPEN,   /* and nothing is sent yet */
	UPLOAD_SECOND, /* waited for by those who ask about mounts: it must not be one of them */
};

struct upload {
	struct op *op;
	struct registry_repo repo; /* with our budget */
	struct registry_host *host;
	const struct oci_descriptor *blob;
	const struct strv *mounts; /* repositories that may have it; NULL: none known */
	struct upload_body body;
	struct http_retry retry;

	/* how it goes, for the tries to come */
	enum registry_body way;
	bool way_is_ours; /* not the host's: found, or asked for, for this blob */
	uint64_t chunk_bytes;
	unsigned ways, lost, late, breaks, faults;
	bool all_sent; /* once, by us */
	enum upload_half half;
	char *id; /* of its progress */

	/* this try */
	enum upload_step step;
	struct url at; /* where it goes on; path NULL: nothing is open */
	uint64_t chunk_least;
	bool moved;
	bool worth_another; /* after a 401 */
	bool is_to_restart; /* at once: it has waited already */
	bool is_done;
	enum registry_upload outcome;
};

int upload_done(struct upload *u, enum registry_upload outcome);
/* A blob of another length under this name is not this blob. */
bool upload_says_exists(const struct upload *u, const struct http_response *rs);
/* A refusal to look is not "absent" and not "there"; only trouble is. */
bool upload_is_trouble(long status);

/* 0: done, or open at u->at, or *rs is an answer that somebody has to judge. */
int upload_begin(struct upload *u, struct http_response *rs, struct err *e) MUST_CHECK;
/* 0: done, or *rs is an answer that somebody has to judge. */
int upload_send(struct upload *u, struct http_response *rs, struct err *e) MUST_CHECK;
/* The pieces that this blob is to be sent in, by what is known now. */
uint64_t upload_chunk(const struct upload *u);

#endif
