/* Images in tar files: found in place, both kinds; and what is refused of a hostile one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "oci/image/archive.h"
#include "oci/image/docker_save.h"
#include "oci/image/layout.h"
#include "oci/image/tar_index.h"

#define BLOCK 512

/* -- tars by hand ------------------------------------------------------------------------- */

static struct buf tar;
static struct err e;

static void seal(char *h)
{
	unsigned sum = 0;

	memset(h + 148, ' ', 8);
	for (size_t i = 0; i < BLOCK; i++)
		sum += (unsigned char)h[i];
	snprintf(h + 148, 8, "%06o", sum);
}

static void put(char *field, const char *text, size_t n)
{
	memcpy(field, text, strnlen(text, n));
}

/* A member of that type; size: what its header says. */
static void member_of(char type, const char *name, const char *link, const char *size,
		      struct span bytes)
{
	static const char zeros[BLOCK];
	char h[BLOCK] = { 0 };

	put(h, name, 100);
	memcpy(h + 100, "0000644", 8);
	put(h + 124, size, 12);
	h[156] = type;
	put(h + 157, link, 100);
	memcpy(h + 257, "ustar\00000", 8);
	seal(h);
	buf_add(&tar, h, BLOCK);
	buf_add_span(&tar, bytes);
	if (bytes.n % BLOCK)
		buf_add(&tar, zeros, BLOCK - bytes.n % BLOCK);
}

static void member(char type, const char *name, const char *text)
{
	char size[32];

	snprintf(size, sizeof(size), "%011zo", strlen(text));
	member_of(type, name, "", size, span_of_str(text));
}

static void file(const char *name, const char *text)
{
	member('0', name, text);
}

static void symlink_to(const char *name, const char *target)
{
	member_of('2', name, target, "00000000000", (struct span){ 0 });
}

static void hard_link_to(const char *name, const char *target)
{
	member_of('1', name, target, "00000000000", (struct span){ 0 });
}

static int tar_fd(void)
{
	int fd = memfd_create("tar", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, buf_str(&tar), tar.len), tar.len);
	return fd;
}

static int set_up(void **state)
{
	(void)state;
	buf_init(&tar, 1u << 20);
	err_clear(&e);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	buf_release(&tar);
	return 0;
}

static void assert_refused(enum err_kind kind, const char *part)
{
	auto_tar_index struct tar_index x = { 0 };
	int fd = tar_fd();

	assert_int_equal(tar_index_read(&x, fd, &e), -1);
	close(fd);
	if (e.kind != kind || !strstr(e.text, part))
		fail_msg("kind %d: '%s' should hold '%s'", e.kind, e.text, part);
}

static void index_tar(struct tar_index *x)
{
	int fd = tar_fd();

	if (tar_index_read(x, fd, &e) < 0)
		fail_msg("%s", e.text);
	close(fd);
}

/* -- the index ------------------------------------------------------------------------------- */

static void members_are_found_with_their_place(void **state)
{
	auto_tar_index struct tar_index x = { 0 };
	const struct tar_member *m;

	(void)state;
	member('5', "./d/", "");
	file("./d/b", "bytes");
	file("a", "");
	index_tar(&x);
	assert_int_equal(x.nr, 2);
	m = tar_index_find(&x, "d/b");
	assert_non_null(m);
	assert_int_equal(m->size_bytes, 5);
	assert_memory_equal(tar.data + m->at, "bytes", 5);
	assert_non_null(tar_index_find(&x, "a"));
	assert_null(tar_index_find(&x, "d"));
}

static void long_names_are_those_of_pax_and_of_gnu(void **state)
{
	auto_tar_index struct tar_index x = { 0 };

	(void)state;
	member('x', "pax", "16 path=p/a/x/y\n");
	file("short", "1");
	member('L', "././@LongLink", "g/n/u");
	file("short", "22");
	index_tar(&x);
	assert_int_equal(x.nr, 2);
	assert_int_equal(tar_index_find(&x, "p/a/x/y")->size_bytes, 1);
	assert_int_equal(tar_index_find(&x, "g/n/u")->size_bytes, 2);
}

static void a_size_in_pax_or_in_binary_counts(void **state)
{
	auto_tar_index struct tar_index x = { 0 };
	const char binary[12] = { (char)0x80, [11] = 3 };
	char size[13] = { 0 };

	(void)state;
	member('x', "pax", "10 size=3\n");
	member_of('0', "a", "", "0", SPAN_LIT("abc"));
	member_of('0', "b", "", "", SPAN_LIT("abc"));
	memcpy(size, binary, 12);
	memcpy(tar.data + tar.len - 2 * BLOCK + 124, binary, 12);
	seal(tar.data + tar.len - 2 * BLOCK);
	file("c", "");
	index_tar(&x);
	assert_int_equal(tar_index_find(&x, "a")->size_bytes, 3);
	assert_int_equal(tar_index_find(&x, "b")->size_bytes, 3);
	assert_non_null(tar_index_find(&x, "c"));
}

static void a_link_is_followed_once_and_only_inside(void **state)
{
	auto_tar_index struct tar_index x = { 0 };

	(void)state;
	file("a/layer.tar", "layer");
	symlink_to("b/layer.tar", "../a/layer.tar");
	symlink_to("c/layer.tar", "../b/layer.tar");
	symlink_to("out", "../../etc/passwd");
	symlink_to("root", "/etc/passwd");
	index_tar(&x);
	assert_ptr_equal(tar_index_follow(&x, "b/layer.tar"), tar_index_find(&x, "a/layer.tar"));
	assert_null(tar_index_follow(&x, "c/layer.tar"));
	assert_null(tar_index_follow(&x, "out"));
	assert_null(tar_index_follow(&x, "root"));
}

static void a_hard_link_is_another_name_of_a_file_before_it(void **state)
{
	auto_tar_index struct tar_index x = { 0 };
	const struct tar_member *m;

	(void)state;
	file("b/layer.tar", "layer");
	hard_link_to("a/layer.tar", "./b/layer.tar");
	symlink_to("c/layer.tar", "../a/layer.tar");
	index_tar(&x);
	m = tar_index_find(&x, "a/layer.tar");
	assert_null(m->link);
	assert_int_equal(m->size_bytes, 5);
	assert_memory_equal(tar.data + m->at, "layer", 5);
	assert_ptr_equal(tar_index_follow(&x, "c/layer.tar"), m);
}

static void a_hard_link_to_anything_else_is_refused(void **state)
{
	static const char *const to[] = { "nothing", "behind", "soft", "hard", "../b", "/b", "a" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(to); i++) {
		buf_reset(&tar);
		file("b", "bytes");
		symlink_to("soft", "b");
		hard_link_to("hard", "b");
		hard_link_to("a", to[i]);
		file("behind", "bytes");
		assert_refused(ERR_CORRUPT, "'a' in the tar file is a hard link to");
		assert_non_null(strstr(e.text, to[i]));
	}
}

static void what_is_no_tar_is_said_to_be_none(void **state)
{
	(void)state;
	assert_refused(ERR_INPUT, "empty");
	buf_add_str(&tar, "short");
	assert_refused(ERR_INPUT, "not a tar");
	buf_addf(&tar, "%2000s", "text");
	assert_refused(ERR_INPUT, "not a tar");
}

static void two_members_of_one_name_are_refused(void **state)
{
	(void)state;
	file("a/b", "1");
	file("./a//b", "2");
	assert_refused(ERR_CORRUPT, "'a/b' twice");
}

static void names_that_lead_outside_or_are_endless_are_refused(void **state)
{
	auto_buf struct buf text = BUF_INIT(BUF_SMALL);

	(void)state;
	file("a/../../b", "");
	assert_refused(ERR_CORRUPT, "leads outside");
	buf_reset(&tar);
	file("/b", "");
	assert_refused(ERR_CORRUPT, "leads outside");
	buf_reset(&tar);
	buf_addf(&text, "%0600d", 1);
	member('L', "long", buf_str(&text));
	file("x", "");
	assert_refused(ERR_CORRUPT, "too long");
	buf_reset(&tar);
	buf_reset(&text);
	buf_addf(&text, "%070000d", 1);
	member('L', "long", buf_str(&text));
	assert_refused(ERR_CORRUPT, "extended header that is too long");
}

static void sizes_that_cannot_be_are_refused(void **state)
{
	static const char huge[] = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";

	(void)state;
	member_of('0', "a", "", "77777777777", (struct span){ 0 });
	assert_refused(ERR_CORRUPT, "longer than the file");
	buf_reset(&tar);
	member_of('0', "a", "", "12x", (struct span){ 0 });
	assert_refused(ERR_CORRUPT, "size that is none");
	buf_reset(&tar);
	member_of('0', "a", "", huge, (struct span){ 0 });
	assert_refused(ERR_CORRUPT, "size that is none");
	buf_reset(&tar);
	member('x', "pax", "13 size=-100\n");
	file("a", "");
	assert_refused(ERR_CORRUPT, "size that is none");
}

static void links_with_content_and_sparse_files_are_refused(void **state)
{
	(void)state;
	member('1', "a", "content");
	assert_refused(ERR_CORRUPT, "content where none");
	buf_reset(&tar);
	member('S', "a", "");
	assert_refused(ERR_CORRUPT, "sparse");
	buf_reset(&tar);
	member('x', "pax", "22 GNU.sparse.major=1\n");
	file("a", "");
	assert_refused(ERR_CORRUPT, "sparse");
}

static void an_end_in_between_and_a_spoilt_header_are_told(void **state)
{
	(void)state;
	file("a", "bytes");
	tar.len -= 100;
	/* the last block need not be full */
	{
		auto_tar_index struct tar_index x = { 0 };

		index_tar(&x);
	}
	tar.len -= BLOCK - 100 - 2;
	assert_refused(ERR_CORRUPT, "longer than the file");
	buf_reset(&tar);
	file("a", "");
	file("b", "");
	tar.data[BLOCK] = 'x';
	assert_refused(ERR_CORRUPT, "header that is none");
}

static void broken_pax_headers_are_refused(void **state)
{
	static const char *const bad[] = { "no number\n",     "99 path=a\n", "3 \n",
					   "10 path=a\n\n\n", "11 path=abc", "0 path=a\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		buf_reset(&tar);
		member('x', "pax", bad[i]);
		file("a", "");
		assert_refused(ERR_CORRUPT, "extended header that is none");
	}
}

/* -- images ----------------------------------------------------------------------------------- */

#define CONFIG(diff_ids)                                                                           \
	"{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\","            \
	"\"diff_ids\":[" diff_ids "]}}"

static char *digest(const char *text)
{
	struct oci_digest d;

	oci_digest_of_bytes(&d, span_of_str(text));
	return mem_strdup(d.text);
}

static struct oci_store *open_archive(void)
{
	struct oci_store *s = NULL;

	if (oci_archive_open(&s, NULL, tar_fd(), "x.tar", &e) < 0)
		fail_msg("%s", e.text);
	return s;
}

static void assert_not_opened(enum err_kind kind, const char *part)
{
	struct oci_store *s = NULL;

	assert_int_equal(oci_archive_open(&s, NULL, tar_fd(), "x.tar", &e), -1);
	if (e.kind != kind || !strstr(e.text, part) || !strstr(e.text, "x.tar"))
		fail_msg("kind %d: '%s' should hold '%s'", e.kind, e.text, part);
}

static void assert_blob(struct oci_store *s, const char *text)
{
	auto_descriptor struct oci_descriptor d = { .size_bytes = strlen(text) };
	auto_buf struct buf got = BUF_INIT(1u << 16);

	oci_digest_of_bytes(&d.digest, span_of_str(text));
	if (oci_store_read(s, &d, 1u << 16, &got, &e) < 0)
		fail_msg("%s", e.text);
	assert_string_equal(buf_str(&got), text);
}

/* The manifest of that name, read. */
static void find(struct oci_manifest *m, struct oci_store *s, const char *name)
{
	auto_descriptor struct oci_descriptor d = { 0 };
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX);

	if (oci_layout_find_in(s, oci_archive_index(s), name, &d, &e) < 0 ||
	    oci_store_read(s, &d, OCI_MANIFEST_MAX, &text, &e) < 0 ||
	    oci_manifest_parse(m, buf_span(&text), d.media_type, &e) < 0)
		fail_msg("%s", e.text);
}

/* What docker save writes of two equal plain layers and a compressed one. */
static void docker_tar(void)
{
	auto_free char *plain = digest("plain"), *packed = digest("unpacked");
	auto_free char *config = mem_printf(CONFIG("\"%s\",\"%s\",\"%s\""), plain, plain, packed);

	file("abc.json", config);
	file("1/layer.tar", "plain");
	symlink_to("2/layer.tar", "../1/layer.tar");
	file("3/layer.tar", "\x1f\x8b packed");
	file("manifest.json",
	     "[{\"Config\":\"abc.json\",\"RepoTags\":[\"app:1\",\"r.example/app:2\"],"
	     "\"Layers\":[\"1/layer.tar\",\"2/layer.tar\",\"3/layer.tar\"]}]");
}

static void docker_save_becomes_an_oci_image_of_the_same_bytes(void **state)
{
	auto_manifest struct oci_manifest m = { 0 };
	auto_free char *plain = digest("plain"), *packed = digest("\x1f\x8b packed");
	auto_store struct oci_store *s = NULL;

	(void)state;
	docker_tar();
	s = open_archive();
	find(&m, s, "app:1");
	assert_string_equal(m.media_type, OCI_MEDIA_MANIFEST);
	assert_string_equal(m.config.media_type, OCI_MEDIA_CONFIG);
	assert_int_equal(m.nr_layers, 3);
	assert_string_equal(m.layers[0].media_type, OCI_MEDIA_LAYER);
	assert_string_equal(m.layers[0].digest.text, plain);
	assert_int_equal(m.layers[0].size_bytes, 5);
	assert_string_equal(m.layers[1].digest.text, plain);
	assert_string_equal(m.layers[2].media_type, OCI_MEDIA_LAYER_GZIP);
	assert_string_equal(m.layers[2].digest.text, packed);
	assert_blob(s, "plain");
	assert_blob(s, "\x1f\x8b packed");
}

/* As a tar of a folder has it whose equal layers were linked. */
static void a_layer_may_be_a_hard_link(void **state)
{
	auto_free char *plain = digest("plain");
	auto_free char *config = mem_printf(CONFIG("\"%s\",\"%s\""), plain, plain);
	auto_manifest struct oci_manifest m = { 0 };
	auto_store struct oci_store *s = NULL;

	(void)state;
	file("abc.json", config);
	file("1/layer.tar", "plain");
	hard_link_to("2/layer.tar", "1/layer.tar");
	file("manifest.json", "[{\"Config\":\"abc.json\",\"RepoTags\":[\"app:1\"],"
			      "\"Layers\":[\"1/layer.tar\",\"2/layer.tar\"]}]");
	s = open_archive();
	find(&m, s, "app:1");
	assert_int_equal(m.nr_layers, 2);
	assert_int_equal(m.layers[1].size_bytes, 5);
	assert_blob(s, "plain");
}

static void its_names_and_no_name_lead_to_it(void **state)
{
	auto_descriptor struct oci_descriptor d = { 0 };
	auto_store struct oci_store *s = NULL;

	(void)state;
	docker_tar();
	s = open_archive();
	for (size_t i = 0; i < 3; i++) {
		static const char *const names[] = { NULL, "docker.io/library/app:1",
						     "r.example/app:2" };
		auto_manifest struct oci_manifest m = { 0 };

		find(&m, s, names[i]);
	}
	assert_int_equal(oci_layout_find_in(s, oci_archive_index(s), "other", &d, &e), -1);
	assert_int_equal(e.kind, ERR_ABSENT);
	assert_non_null(strstr(e.text, "app:1"));
}

static void a_layer_with_other_bytes_is_found_when_it_is_read(void **state)
{
	auto_free char *other = digest("other");
	auto_free char *config = mem_printf(CONFIG("\"%s\""), other);
	auto_descriptor struct oci_descriptor d = { .size_bytes = 5 };
	auto_buf struct buf got = BUF_INIT(100);
	auto_store struct oci_store *s = NULL;

	(void)state;
	file("c", config);
	file("l", "plain");
	file("manifest.json", "[{\"Config\":\"c\",\"RepoTags\":null,\"Layers\":[\"l\"]}]");
	s = open_archive();
	assert_int_equal(oci_digest_parse(&d.digest, span_of_str(other), &e), 0);
	assert_int_equal(oci_store_read(s, &d, 100, &got, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
}

static void layers_that_are_not_there_or_too_many_are_refused(void **state)
{
	auto_free char *plain = digest("plain");
	auto_free char *config = mem_printf(CONFIG("\"%s\""), plain);

	(void)state;
	file("c", config);
	file("manifest.json", "[{\"Config\":\"c\",\"Layers\":[\"l\"]}]");
	assert_not_opened(ERR_CORRUPT, "no 'l' in it");
	buf_reset(&tar);
	file("c", config);
	file("l", "plain");
	file("manifest.json", "[{\"Config\":\"c\",\"Layers\":[\"l\",\"l\"]}]");
	assert_not_opened(ERR_CORRUPT, "2 layers, but the configuration has 1");
	buf_reset(&tar);
	file("manifest.json", "[{\"Config\":\"../c\",\"Layers\":[]}]");
	assert_not_opened(ERR_CORRUPT, "no '../c' in it");
	buf_reset(&tar);
	symlink_to("manifest.json", "c");
	assert_not_opened(ERR_CORRUPT, "is a link");
	buf_reset(&tar);
	file("manifest.json", "{}");
	assert_not_opened(ERR_CORRUPT, "not a list");
	buf_reset(&tar);
	file("readme", "no image");
	assert_not_opened(ERR_INPUT, "without");
}

/* A layout, with what docker adds to one. */
static void layout_tar(const char *version)
{
	auto_free char *name = NULL, *manifest_digest = NULL, *index = NULL;
	static const char manifest[] =
		"{\"schemaVersion\":2,\"mediaType\":\"" OCI_MEDIA_MANIFEST "\",\"config\":{"
		"\"mediaType\":\"" OCI_MEDIA_CONFIG
		"\",\"digest\":\"sha256:44136fa355b3678a1146ad16f7"
		"e8649e94fb4fc21fe77e8310c060f61caaff8a\",\"size\":2},\"layers\":[]}";

	manifest_digest = digest(manifest);
	name = mem_printf("blobs/sha256/%s", manifest_digest + strlen("sha256:"));
	index = mem_printf(
		"{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" OCI_MEDIA_MANIFEST
		"\",\"digest\":\"%s\",\"size\":%zu,\"annotations\":{"
		"\"org.opencontainers.image.ref.name\":\"7\"}}]}",
		manifest_digest, strlen(manifest));
	file("index.json", index);
	file("oci-layout", version);
	file(name, manifest);
	file("blobs/sha256/44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", "{}");
	file("blobs/sha256/README", "no blob");
	file("manifest.json", "not looked at");
}

static void a_layout_in_a_tar_is_read_as_one(void **state)
{
	auto_manifest struct oci_manifest m = { 0 };
	auto_store struct oci_store *s = NULL;

	(void)state;
	layout_tar("{\"imageLayoutVersion\":\"1.0.0\"}");
	s = open_archive();
	find(&m, s, "7");
	assert_blob(s, "{}");
}

static void a_layout_of_another_version_is_refused(void **state)
{
	(void)state;
	layout_tar("{\"imageLayoutVersion\":\"2.0.0\"}");
	assert_not_opened(ERR_INPUT, "version '2.0.0'");
}

static void nothing_is_written_into_an_archive(void **state)
{
	auto_store struct oci_store *s = NULL;
	struct oci_blob_writer w = { 0 };

	(void)state;
	docker_tar();
	s = open_archive();
	assert_int_equal(oci_store_begin(s, &w, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(members_are_found_with_their_place),
		TEST(long_names_are_those_of_pax_and_of_gnu),
		TEST(a_size_in_pax_or_in_binary_counts),
		TEST(a_link_is_followed_once_and_only_inside),
		TEST(a_hard_link_is_another_name_of_a_file_before_it),
		TEST(a_hard_link_to_anything_else_is_refused),
		TEST(what_is_no_tar_is_said_to_be_none),
		TEST(two_members_of_one_name_are_refused),
		TEST(names_that_lead_outside_or_are_endless_are_refused),
		TEST(sizes_that_cannot_be_are_refused),
		TEST(links_with_content_and_sparse_files_are_refused),
		TEST(an_end_in_between_and_a_spoilt_header_are_told),
		TEST(broken_pax_headers_are_refused),
		TEST(docker_save_becomes_an_oci_image_of_the_same_bytes),
		TEST(a_layer_may_be_a_hard_link),
		TEST(its_names_and_no_name_lead_to_it),
		TEST(a_layer_with_other_bytes_is_found_when_it_is_read),
		TEST(layers_that_are_not_there_or_too_many_are_refused),
		TEST(a_layout_in_a_tar_is_read_as_one),
		TEST(a_layout_of_another_version_is_refused),
		TEST(nothing_is_written_into_an_archive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
