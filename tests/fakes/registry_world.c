/*
 * The parts are the fakes of base and oci/image; only put together here.
 */
#include "tests/fakes/registry_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/fakes/mem_store.h"

void registry_world_init(struct registry_world *w, const char *host, const char *auths)
{
	memset(w, 0, sizeof(*w));
	w->script = http_script_new();
	w->op = (struct op){ .clock = fake_clock_init(&w->clock),
			     .progress = recorder_init(&w->rec) };
	w->env.docker_auth_config = auths;
	w->opt = (struct registry_options){ .credentials = &w->env, .retries = 2, .jobs = 1 };
	w->session = registry_session_new(http_script_http(w->script), host, &w->opt);
	w->repo = (struct registry_repo){ .session = w->session, .path = "a/b", .push = true };
	w->store = mem_store_new();
}

void registry_world_release(struct registry_world *w)
{
	http_script_done(w->script);
	registry_session_free(w->session);
	oci_store_free(w->store);
	recorder_release(&w->rec);
	http_script_free(w->script);
}

void registry_world_blob(struct registry_world *w, struct oci_descriptor *d, const char *media_type,
			 const char *text)
{
	memset(d, 0, sizeof(*d));
	d->media_type = mem_strdup(media_type);
	d->size_bytes = strlen(text);
	assert_int_equal(0, oci_store_write(w->store, span_of_str(text), &d->digest, &w->e));
}

void registry_world_image(struct registry_world *w, struct oci_descriptor *image, const char *layer)
{
	auto_descriptor struct oci_descriptor l = { 0 };
	auto_manifest struct oci_manifest m = { 0 };
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX);

	m.media_type = mem_strdup(OCI_MEDIA_MANIFEST);
	registry_world_blob(w, &m.config, OCI_MEDIA_CONFIG,
			    "{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":"
			    "{\"type\":\"layers\",\"diff_ids\":[]}}");
	registry_world_blob(w, &l, OCI_MEDIA_LAYER_GZIP, layer);
	oci_manifest_add_layer(&m, &l);
	oci_manifest_write(&text, &m);
	registry_world_blob(w, image, OCI_MEDIA_MANIFEST, buf_str(&text));
}

char *registry_world_text(struct registry_world *w, const struct oci_descriptor *d)
{
	struct buf text = BUF_INIT(OCI_MANIFEST_MAX);

	assert_int_equal(0, oci_store_read(w->store, d, OCI_MANIFEST_MAX, &text, &w->e));
	return buf_steal(&text);
}

char *registry_world_digest(const char *text)
{
	struct oci_digest d;

	oci_digest_of_bytes(&d, span_of_str(text));
	return mem_strdup(d.text);
}
