/*
 * The order of the keys is that of cosign's and of containers/image's writers, which is why both of
 * them make the same text of it.
 */
#include "registry/signature_payload.h"

#include "base/json.h"
#include "base/mem.h"

#define TYPE "cosign container image signature"

void signature_payload_write(struct buf *out, const char *name, const struct oci_digest *image)
{
	buf_add_str(out, "{\"critical\":{\"identity\":{\"docker-reference\":");
	buf_add_json(out, name);
	buf_addf(out,
		 "},\"image\":{\"docker-manifest-digest\":\"%s\"},\"type\":\"" TYPE
		 "\"},\"optional\":null}",
		 image->text);
}

void signature_payload_release(struct signature_payload *p)
{
	free(p->name);
	*p = (struct signature_payload){ 0 };
}

/* That there are no others: the getters have found those that must be there. */
static int only_keys(const json_t *o, size_t n, const char *path, struct err *e)
{
	if (json_object_size(o) != n)
		return err_set(e, ERR_CORRUPT, "%s: a key that is not known", path);
	return 0;
}

static int read_critical(struct signature_payload *out, const json_t *critical, struct err *e)
{
	json_t *identity, *image;
	const char *name, *digest, *type;

	if (json_get_obj(&identity, critical, "identity", "critical", e) < 0 ||
	    json_get_obj(&image, critical, "image", "critical", e) < 0 ||
	    json_get_str(&type, critical, "type", "critical", e) < 0 ||
	    only_keys(critical, 3, "critical", e) < 0 ||
	    json_get_str(&name, identity, "docker-reference", "critical.identity", e) < 0 ||
	    only_keys(identity, 1, "critical.identity", e) < 0 ||
	    json_get_str(&digest, image, "docker-manifest-digest", "critical.image", e) < 0 ||
	    only_keys(image, 1, "critical.image", e) < 0)
		return -1;
	if (strcmp(type, TYPE) != 0)
		return err_set(e, ERR_CORRUPT, "critical.type: not a signature of an image");
	if (oci_digest_parse(&out->image, span_of_str(digest), e) < 0) {
		e->kind = ERR_CORRUPT;
		return -1;
	}
	out->name = mem_strdup(name);
	return 0;
}

/* "optional" holds what the signer likes to say; nothing is made of it. */
static int read_all(struct signature_payload *out, const json_t *o, struct err *e)
{
	const json_t *optional = json_object_get(o, "optional");
	json_t *critical;

	if (json_get_obj(&critical, o, "critical", "", e) < 0 ||
	    only_keys(o, optional ? 2 : 1, "payload", e) < 0)
		return -1;
	if (optional && !json_is_null(optional) && !json_is_object(optional))
		return err_set(e, ERR_CORRUPT, "optional: not an object");
	return read_critical(out, critical, e);
}

int signature_payload_read(struct signature_payload *out, struct span text, struct err *e)
{
	auto_json json_t *o = json_load_span(text, SIGNATURE_PAYLOAD_MAX, "signed text", e);

	if (!o) {
		e->kind = ERR_CORRUPT;
		return -1;
	}
	return read_all(out, o, e) < 0 ? err_wrap(e, "signed text") : 0;
}
