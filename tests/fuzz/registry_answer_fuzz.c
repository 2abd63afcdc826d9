/*
 * What a registry may say about an upload and a manifest: header lines, a blank one, then the body of
 * an error.
 */
#include "registry/api.h"
#include "registry/api_error.h"
#include "registry/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_http_response struct http_response rs = { .status = 400 };
	struct http_request rq = { .method = "PUT" };
	auto_strv struct strv missing = STRV_INIT;
	struct span rest = span_of(data, size), line;
	struct err e = ERR_INIT;
	struct registry_host host;
	struct op op = { 0 };
	size_t seen = 0;
	uint64_t n;

	while (span_line(&rest, &line) && span_trim(line).n)
		if (http_response_add_header(&rs, &seen, line, &e) < 0)
			return 0;
	rs.status = 400;
	if (rest.n && http_response_add_body(&rs, &rq, rest.p, rest.n, &e) < 0)
		return 0;
	registry_api_missing(&missing, &rs);
	(void)registry_api_has_code(&rs, "MANIFEST_BLOB_UNKNOWN");
	if (registry_api_range(&n, &rs) && n == 1)
		abort();
	registry_api_error(&e, &rs, NULL, "r.example");
	registry_host_init(&host);
	registry_host_warn(&host, &op, "r.example", &rs);
	if (host.warnings.n > 16)
		abort();
	registry_host_release(&host);
	/* whatever was said, these are digests */
	for (size_t i = 0; i < missing.n; i++) {
		struct oci_digest d;

		if (oci_digest_parse(&d, span_of_str(missing.v[i]), &e) < 0)
			abort();
	}
	return 0;
}
