/*
 * Any bytes as an image archive: refused with words, or its images are found, and what is read of them is
 * what its digest says.
 */
#include <assert.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/image/archive.h"
#include "oci/image/layout.h"
#include "tests/fuzz/tar_mutator.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_blobs(struct oci_store *s, const struct oci_manifest *m)
{
	for (size_t i = 0; i < m->nr_layers; i++) {
		auto_buf struct buf text = BUF_INIT(1u << 20);
		struct err e = ERR_INIT;

		if (oci_store_read(s, &m->layers[i], 1u << 20, &text, &e) < 0)
			assert(e.kind == ERR_CORRUPT || e.kind == ERR_ABSENT);
		else
			assert(text.len == m->layers[i].size_bytes);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_descriptor struct oci_descriptor d = { 0 };
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX);
	auto_manifest struct oci_manifest m = { 0 };
	auto_store struct oci_store *s = NULL;
	int fd = memfd_create("archive", MFD_CLOEXEC);
	struct err e = ERR_INIT;

	assert(fd >= 0 && fs_write_all(fd, data, size, "archive", &e) == 0);
	if (oci_archive_open(&s, NULL, fd, "archive", &e) < 0) {
		assert((e.kind == ERR_INPUT || e.kind == ERR_CORRUPT) && e.text[0]);
		return 0;
	}
	if (oci_layout_find_in(s, oci_archive_index(s), NULL, &d, &e) < 0)
		return 0;
	if (oci_store_read(s, &d, OCI_MANIFEST_MAX, &text, &e) == 0 &&
	    oci_manifest_parse(&m, buf_span(&text), d.media_type, &e) == 0)
		read_blobs(s, &m);
	return 0;
}
