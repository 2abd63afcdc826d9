#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "registry/document.h"
#include "tests/fakes/registry_world.h"

#define URL "https://r.example/v2/a/b/manifests/1"

static char *type_of(const char *content_type)
{
	auto_http_response struct http_response rs = { 0 };

	if (content_type)
		strv_addf(&rs.headers, "content-type: %s", content_type);
	return registry_document_type(&rs);
}

static void a_content_type_is_taken_without_its_parameters(void **state)
{
	auto_free char *plain = type_of(OCI_MEDIA_INDEX);
	auto_free char *more = type_of(DOCKER_MEDIA_MANIFEST " ; charset=utf-8");

	(void)state;
	assert_string_equal(OCI_MEDIA_INDEX, plain);
	assert_string_equal(DOCKER_MEDIA_MANIFEST, more);
	assert_null(type_of("application/json"));
	assert_null(type_of(""));
	assert_null(type_of(NULL));
}

static void bytes_type_and_kind_come_together(void **state)
{
	struct registry_world w;
	auto_descriptor struct oci_descriptor image = { 0 };
	auto_document struct registry_document doc = { 0 };
	auto_free char *text = NULL;

	(void)state;
	registry_world_init(&w, "r.example", NULL);
	registry_world_image(&w, &image, "layer");
	text = registry_world_text(&w, &image);
	HTTP_EXPECT(w.script, .method = "GET", .url = URL, .status = 200, .answer = text);
	assert_int_equal(0, registry_document_get(&doc, &w.op, &w.repo, "1", NULL, &w.e));
	assert_string_equal(text, buf_str(&doc.bytes));
	assert_string_equal(image.digest.text, doc.desc.digest.text);
	assert_string_equal(OCI_MEDIA_MANIFEST, doc.desc.media_type);
	assert_int_equal(image.size_bytes, doc.desc.size_bytes);
	assert_int_equal(OCI_DOCUMENT_MANIFEST, doc.kind);
	registry_world_release(&w);
}

static void what_cannot_be_read_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"<html>",
		"{\"schemaVersion\":1,\"fsLayers\":[],\"history\":[]}",
		"{\"schemaVersion\":2,\"layers\":[],\"manifests\":[]}",
	};
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", NULL);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct registry_document doc = { 0 };

		HTTP_EXPECT(w.script, .method = "GET", .url = URL, .status = 200, .answer = bad[i]);
		assert_int_equal(-1, registry_document_get(&doc, &w.op, &w.repo, "1", NULL, &w.e));
		assert_err(&w, ERR_CORRUPT, "manifest sha256:");
		assert_null(doc.bytes.data);
	}
	registry_world_release(&w);
}

static void an_endless_document_is_stopped(void **state)
{
	struct registry_world w;
	struct registry_document doc = { 0 };
	size_t n = OCI_MANIFEST_MAX + 1;
	auto_free char *text = mem_alloc(n + 1);

	(void)state;
	memset(text, ' ', n);
	text[n] = '\0';
	registry_world_init(&w, "r.example", NULL);
	HTTP_EXPECT(w.script, .method = "GET", .url = URL, .status = 200, .answer = text);
	assert_int_equal(-1, registry_document_get(&doc, &w.op, &w.repo, "1", NULL, &w.e));
	assert_err(&w, ERR_CORRUPT, "answer of more than 4194304 bytes");
	registry_world_release(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_content_type_is_taken_without_its_parameters),
		cmocka_unit_test(bytes_type_and_kind_come_together),
		cmocka_unit_test(what_cannot_be_read_is_refused),
		cmocka_unit_test(an_endless_document_is_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
