#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>

#include "base/mem.h"
#include "oci/layer/stream.h"
#include "oci/layer/tar.h"

#define BLOCK 512

/* A tar in memory. */
struct bytes {
	struct buf b;
	struct buf_sink k;
	struct sink *out;
};

static void bytes_init(struct bytes *t)
{
	buf_init(&t->b, 64u << 20);
	t->out = buf_sink_init(&t->k, &t->b);
}

static void bytes_release(struct bytes *t)
{
	buf_release(&t->b);
}
#define auto_bytes CLEANUP(bytes_release)

static void put(struct bytes *t, const struct tar_entry *ent, const char *content)
{
	struct err e = ERR_INIT;

	assert_int_equal(tar_write_header(t->out, ent, &e), 0);
	if (content) {
		assert_int_equal(sink_write(t->out, content, strlen(content), &e), 0);
		assert_int_equal(tar_write_padding(t->out, strlen(content), &e), 0);
	}
}

static void finish(struct bytes *t)
{
	struct err e = ERR_INIT;

	assert_int_equal(tar_write_end(t->out, &e), 0);
}

static struct tar_reader *reader(struct span_source *src, struct span bytes)
{
	struct tar_reader *r = NULL;
	struct err e = ERR_INIT;

	if (tar_reader_open(&r, span_source_init(src, bytes), &e) < 0)
		fail_msg("%s", e.text);
	return r;
}

/* The first entry that comes out again must be what went in. */
static void assert_survives(const struct tar_entry *in)
{
	auto_bytes struct bytes t;
	auto_tar_reader struct tar_reader *r = NULL;
	struct span_source src;
	struct tar_entry out;
	struct err e = ERR_INIT;
	size_t n;

	bytes_init(&t);
	put(&t, in, NULL);
	finish(&t);
	r = reader(&src, buf_span(&t.b));
	if (tar_reader_next(r, &out, &e) != 1)
		fail_msg("%s", e.text);
	n = strlen(in->path);
	assert_memory_equal(out.path, in->path, n);
	assert_string_equal(out.path + n, in->type == TAR_DIR ? "/" : "");
	assert_int_equal(out.type, in->type);
	assert_int_equal(out.link != NULL, in->link != NULL);
	if (in->link)
		assert_string_equal(out.link, in->link);
	assert_int_equal(out.mode, in->mode);
	assert_int_equal(out.uid, in->uid);
	assert_int_equal(out.gid, in->gid);
	assert_true(out.mtime == in->mtime);
	assert_true(out.size_bytes == in->size_bytes);
	assert_int_equal(out.dev_major, in->dev_major);
	assert_int_equal(out.dev_minor, in->dev_minor);
	assert_int_equal(out.capability.n, in->capability.n);
	if (in->capability.n)
		assert_memory_equal(out.capability.p, in->capability.p, in->capability.n);
}

static void every_type_survives(void **state)
{
	const struct tar_entry v[] = {
		{ .type = TAR_FILE, .path = "f", .mode = 04755, .uid = 1, .gid = 2, .mtime = 3 },
		{ .type = TAR_DIR, .path = "d/e", .mode = 01777 },
		{ .type = TAR_SYMLINK, .path = "l", .link = "../x", .mode = 0777 },
		{ .type = TAR_HARD_LINK, .path = "h", .link = "a/b", .mode = 0644 },
		{ .type = TAR_CHAR, .path = "c", .dev_major = 4095, .dev_minor = 0xfffff },
		{ .type = TAR_BLOCK, .path = "b", .dev_major = 8, .dev_minor = 1 },
		{ .type = TAR_FIFO, .path = "p", .mode = 0600 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		assert_survives(&v[i]);
}

static void numbers_that_ustar_cannot_hold_survive(void **state)
{
	const struct tar_entry v[] = {
		{ .type = TAR_DIR, .path = "d", .uid = 2097151, .gid = 2097151 },
		{ .type = TAR_DIR, .path = "d", .uid = 2097152, .gid = 4294967294u },
		{ .type = TAR_DIR, .path = "d", .mtime = -1 },
		{ .type = TAR_DIR, .path = "d", .mtime = 077777777777 },
		{ .type = TAR_DIR, .path = "d", .mtime = 0100000000000 },
		{ .type = TAR_FILE, .path = "f", .size_bytes = 077777777777 },
		{ .type = TAR_FILE, .path = "f", .size_bytes = UINT64_C(20) << 30 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		assert_survives(&v[i]);
}

/* n bytes, a '/' after each `every`. */
static char *long_name(size_t n, size_t every)
{
	char *name = mem_alloc(n + 1);

	memset(name, 'n', n);
	for (size_t i = every; every && i < n - 1; i += every + 1)
		name[i] = '/';
	name[n] = '\0';
	return name;
}

static void names_of_every_length_survive(void **state)
{
	const size_t lengths[] = { 99, 100, 101, 155, 156, 157, 255, 256, 257, 1000, 4090 };

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(lengths); i++) {
		auto_free char *name = long_name(lengths[i / 2], i % 2 ? 0 : 49);

		assert_survives(&(struct tar_entry){ .type = TAR_FILE, .path = name });
		assert_survives(&(struct tar_entry){ .type = TAR_DIR, .path = name });
		assert_survives(
			&(struct tar_entry){ .type = TAR_SYMLINK, .path = "l", .link = name });
		assert_survives(
			&(struct tar_entry){ .type = TAR_HARD_LINK, .path = name, .link = name });
	}
}

static void assert_blocks(const char *name, size_t blocks)
{
	auto_bytes struct bytes t;

	bytes_init(&t);
	put(&t, &(struct tar_entry){ .type = TAR_FILE, .path = name }, NULL);
	assert_int_equal(t.b.len, blocks * BLOCK);
}

static void names_that_ustar_can_hold_need_no_pax_header(void **state)
{
	auto_free char *hundred = long_name(100, 0);
	auto_free char *more = long_name(101, 0);
	auto_free char *split = long_name(256, 155);
	auto_free char *unsplit = long_name(257, 156);

	(void)state;
	assert_blocks(hundred, 1);
	assert_blocks(more, 3);
	assert_blocks(split, 1);
	assert_blocks(unsplit, 3);
}

static void names_are_bytes_in_every_locale(void **state)
{
	const char *const names[] = {
		"caf\xc3\xa9", "cafe\xcc\x81" /* not composed */, "latin-\xe9", "\xff\xfe",
		"a\nb =1",
	};
	const char *const locales[] = { "C", "C.UTF-8" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(locales); i++) {
		assert_non_null(setlocale(LC_ALL, locales[i]));
		for (size_t j = 0; j < ARRAY_LEN(names); j++) {
			assert_survives(&(struct tar_entry){ .type = TAR_FILE, .path = names[j] });
			assert_survives(&(struct tar_entry){
				.type = TAR_HARD_LINK, .path = names[j], .link = names[j] });
			assert_survives(&(struct tar_entry){
				.type = TAR_SYMLINK, .path = "l", .link = names[j] });
		}
	}
	setlocale(LC_ALL, "C");
}

static void capabilities_survive_with_all_their_bytes(void **state)
{
	const char cap[20] = "\1\0\0\2\0\n=\0\xff\xfe";

	(void)state;
	assert_survives(&(struct tar_entry){
		.type = TAR_FILE, .path = "f", .capability = span_of(cap, sizeof(cap)) });
}

static void a_plain_file_is_one_ustar_header_without_names_of_users(void **state)
{
	auto_bytes struct bytes t;
	const char *h;
	const char nothing[64] = { 0 };

	(void)state;
	bytes_init(&t);
	put(&t,
	    &(struct tar_entry){ .type = TAR_FILE,
				 .path = "usr/x",
				 .mode = 0644,
				 .uid = 7,
				 .gid = 8,
				 .mtime = 9,
				 .size_bytes = 3 },
	    "abc");
	assert_int_equal(t.b.len, 2 * BLOCK);
	h = t.b.data;
	assert_string_equal(h, "usr/x");
	assert_string_equal(h + 100, "0000644");
	assert_string_equal(h + 108, "0000007");
	assert_string_equal(h + 116, "0000010");
	assert_string_equal(h + 124, "00000000003");
	assert_string_equal(h + 136, "00000000011");
	assert_memory_equal(h + 148, "010213\0 ", 8);
	assert_int_equal(h[156], '0');
	assert_memory_equal(h + 257, "ustar\00000", 8);
	assert_memory_equal(h + 265, nothing, 64);
	assert_memory_equal(h + BLOCK, "abc\0\0", 5);
}

static void a_pax_header_holds_only_what_ustar_cannot(void **state)
{
	auto_bytes struct bytes t;

	(void)state;
	bytes_init(&t);
	put(&t,
	    &(struct tar_entry){ .type = TAR_FILE,
				 .path = "caf\xc3\xa9",
				 .uid = 3000000,
				 .mtime = -5,
				 .capability = SPAN_LIT("\1\2") },
	    NULL);
	assert_int_equal(t.b.len, 3 * BLOCK);
	assert_string_equal(t.b.data, "././@PaxHeader");
	assert_int_equal(t.b.data[156], 'x');
	assert_string_equal(t.b.data + 136, "00000000000");
	assert_string_equal(t.b.data + BLOCK, "39 SCHILY.xattr.security.capability=\1\2\n"
					      "12 mtime=-5\n"
					      "14 path=caf\xc3\xa9\n"
					      "15 uid=3000000\n");
}

static void only_names_that_are_no_text_are_said_to_be_binary(void **state)
{
	auto_bytes struct bytes t;

	(void)state;
	bytes_init(&t);
	put(&t, &(struct tar_entry){ .type = TAR_FILE, .path = "\xff" }, NULL);
	assert_string_equal(t.b.data + BLOCK, "21 hdrcharset=BINARY\n9 path=\xff\n");
}

static void the_end_is_1024_zero_bytes(void **state)
{
	auto_bytes struct bytes t;
	const char zeros[1024] = { 0 };

	(void)state;
	bytes_init(&t);
	finish(&t);
	assert_int_equal(t.b.len, 1024);
	assert_memory_equal(t.b.data, zeros, 1024);
}

static void an_empty_tar_has_no_entries(void **state)
{
	const char zeros[1024] = { 0 };
	auto_tar_reader struct tar_reader *r = NULL, *none = NULL;
	struct span_source a, b;
	struct tar_entry ent;
	struct err e = ERR_INIT;

	(void)state;
	r = reader(&a, span_of(zeros, sizeof(zeros)));
	assert_int_equal(tar_reader_next(r, &ent, &e), 0);
	none = reader(&b, span_of(zeros, 0));
	assert_int_equal(tar_reader_next(none, &ent, &e), 0);
}

/* Reading bytes to the end fails with words that hold why. */
static void assert_corrupt(struct span bytes, const char *why)
{
	struct tar_reader *r = NULL;
	struct span_source src;
	struct tar_entry ent;
	struct span piece;
	struct err e = ERR_INIT;
	uint64_t at;
	int res = tar_reader_open(&r, span_source_init(&src, bytes), &e) < 0 ? -1 : 1;

	while (res > 0) {
		res = tar_reader_next(r, &ent, &e);
		while (res > 0 && (res = tar_reader_data(r, &piece, &at, &e)) > 0)
			;
		if (res == 0 && !e.kind)
			res = tar_reader_next(r, &ent, &e);
	}
	tar_reader_close(r);
	assert_int_equal(res, -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	if (!strstr(e.text, why))
		fail_msg("'%s' does not say '%s'", e.text, why);
}

static void what_is_no_tar_is_refused(void **state)
{
	(void)state;
	assert_corrupt(SPAN_LIT("this is not a tar, and it is not even 512 bytes long"), "");
	assert_corrupt(SPAN_LIT("PK\3\4 a zip archive"), "");
	assert_corrupt(SPAN_LIT("070701 a cpio archive"), "");
}

static void a_file_cut_short_is_refused(void **state)
{
	auto_bytes struct bytes t;

	(void)state;
	bytes_init(&t);
	put(&t, &(struct tar_entry){ .type = TAR_FILE, .path = "f", .size_bytes = 2000 }, NULL);
	buf_add(&t.b, "abc", 3);
	assert_corrupt(buf_span(&t.b), "Truncated");
}

static void a_wrong_checksum_is_refused(void **state)
{
	auto_bytes struct bytes t;

	(void)state;
	bytes_init(&t);
	put(&t, &(struct tar_entry){ .type = TAR_FILE, .path = "f" }, NULL);
	put(&t, &(struct tar_entry){ .type = TAR_FILE, .path = "g" }, NULL);
	finish(&t);
	t.b.data[BLOCK] = 'x';
	assert_corrupt(buf_span(&t.b), "Damaged");
}

/* Makes the last header that of a special entry with that size. */
static void make_special(struct bytes *t, char type, unsigned size)
{
	char *h = t->b.data + t->b.len - BLOCK;
	unsigned sum = 0;

	h[156] = type;
	snprintf(h + 124, 12, "%011o", size);
	memset(h + 148, ' ', 8);
	for (size_t i = 0; i < BLOCK; i++)
		sum += (unsigned char)h[i];
	snprintf(h + 148, 7, "%06o", sum);
}

/* An endless stream behind a header: reading all of it would take for ever. */
struct endless {
	struct source base;
	struct span head;
	uint64_t given;
};

static ssize_t endless_read(struct source *base, void *p, size_t n, struct err *e)
{
	struct endless *s = CONTAINER_OF(base, struct endless, base);

	(void)e;
	if (s->head.n) {
		n = n < s->head.n ? n : s->head.n;
		memcpy(p, s->head.p, n);
		s->head = span_sub(s->head, n);
	} else {
		memset(p, 'a', n);
	}
	s->given += n;
	return (ssize_t)n;
}

static void a_huge_special_header_is_refused_without_reading_it(void **state)
{
	const char types[] = { 'x', 'g', 'L', 'K' };

	(void)state;
	for (size_t i = 0; i < sizeof(types); i++) {
		auto_bytes struct bytes t;
		auto_tar_reader struct tar_reader *r = NULL;
		struct endless src = { .base.read = endless_read };
		struct tar_entry ent;
		struct err e = ERR_INIT;

		bytes_init(&t);
		put(&t, &(struct tar_entry){ .type = TAR_FILE, .path = "x" }, NULL);
		make_special(&t, types[i], 1u << 30);
		src.head = buf_span(&t.b);
		assert_int_equal(tar_reader_open(&r, &src.base, &e), 0);
		assert_int_equal(tar_reader_next(r, &ent, &e), -1);
		assert_int_equal(e.kind, ERR_CORRUPT);
		assert_true(src.given < (4u << 20));
	}
}

static void with_records(struct bytes *t, const char *records)
{
	bytes_init(t);
	put(t, &(struct tar_entry){ .type = TAR_FILE, .path = "p" }, NULL);
	make_special(t, 'x', (unsigned)strlen(records));
	buf_add_str(&t->b, records);
	while (t->b.len % BLOCK)
		buf_add_char(&t->b, '\0');
	put(t, &(struct tar_entry){ .type = TAR_FILE, .path = "f" }, NULL);
	finish(t);
}

static void numbers_out_of_range_are_refused(void **state)
{
	const char *const records[] = {
		"18 uid=4294967295\n",
		"18 gid=4294967296\n",
		"10 uid=-1\n",
		"22 uid=99999999999999\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(records); i++) {
		auto_bytes struct bytes t;

		with_records(&t, records[i]);
		assert_corrupt(buf_span(&t.b), "range");
	}
}

static void records_that_cannot_be_read_are_refused_and_not_dropped(void **state)
{
	const char *const records[] = { "99 path=b\n", "path=b\n", "9 path=bcd\n", "3 \n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(records); i++) {
		auto_bytes struct bytes t;

		with_records(&t, records[i]);
		assert_corrupt(buf_span(&t.b), "");
	}
}

static void attributes_other_than_capabilities_are_not_taken_over(void **state)
{
	auto_bytes struct bytes t;
	auto_tar_reader struct tar_reader *r = NULL;
	struct span_source src;
	struct tar_entry ent;
	struct err e = ERR_INIT;

	(void)state;
	with_records(&t, "41 SCHILY.xattr.trusted.overlay.opaque=y\n"
			 "28 SCHILY.xattr.user.name=v\n"
			 "40 SCHILY.acl.access=user::rw-,other::r\n"
			 "20 atime=123.456789\n");
	r = reader(&src, buf_span(&t.b));
	if (tar_reader_next(r, &ent, &e) != 1)
		fail_msg("%s", e.text);
	assert_string_equal(ent.path, "f");
	assert_int_equal(ent.capability.n, 0);
}

static void an_error_of_the_stream_stays_what_it_is(void **state)
{
	const char zeros[8] = { 0 };
	struct span_source src;
	struct limit_source limited;
	struct tar_reader *r = NULL;
	struct err e = ERR_INIT;
	struct source *in = limit_source_init(
		&limited, span_source_init(&src, span_of(zeros, sizeof(zeros))), 4, "blob 7");

	(void)state;
	assert_int_equal(tar_reader_open(&r, in, &e), -1);
	assert_non_null(strstr(e.text, "blob 7"));
	assert_null(r);
}

static void zstd_streams_are_read(void **state)
{
	/* two frames of one uncompressed block each */
	static const char zstd[] = "\x28\xb5\x2f\xfd\x20\x03\x19\x00\x00"
				   "abc"
				   "\x28\xb5\x2f\xfd\x20\x03\x19\x00\x00"
				   "def";
	auto_layer_stream struct layer_stream s = { .has_gunzip = false };
	auto_buf struct buf got = BUF_INIT(BUF_SMALL);
	struct span_source src;
	struct err e = ERR_INIT;

	(void)state;
	if (layer_stream_open(&s, span_source_init(&src, span_of(zstd, sizeof(zstd) - 1)), &e) <
		    0 ||
	    io_read_all(s.tar, &got, &e) < 0)
		fail_msg("%s", e.text);
	assert_string_equal(buf_str(&got), "abcdef");
}

static void a_damaged_zstd_stream_is_corrupt(void **state)
{
	static const char zstd[] = "\x28\xb5\x2f\xfd\x20\x03\x19\x00\x00"
				   "a";
	auto_layer_stream struct layer_stream s = { .has_gunzip = false };
	auto_buf struct buf got = BUF_INIT(BUF_SMALL);
	struct span_source src;
	struct err e = ERR_INIT;
	int r;

	(void)state;
	r = layer_stream_open(&s, span_source_init(&src, span_of(zstd, sizeof(zstd) - 1)), &e);
	if (r == 0)
		r = io_read_all(s.tar, &got, &e);
	assert_int_equal(r, -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
}

/* With no program to be found: what would start one fails. */
static void bzip2_and_xz_streams_are_read_without_a_program(void **state)
{
	static const struct span streams[] = {
		SPAN_LIT(
			"BZh91AY&SY\x64\x8c\xbb\x73\x00\x00\x00\x01\x00\x38\x00\x20\x00\x21\x98\x19\x84"
			"\x61\x77\x24\x53\x85\x09\x06\x48\xcb\xb7\x30"),
		SPAN_LIT(
			"\xfd\x37\x7a\x58\x5a\x00\x00\x04\xe6\xd6\xb4\x46\x02\x00\x21\x01\x0c\x00\x00\x00"
			"\x8f\x98\x41\x9c\x01\x00\x02\x61\x62\x63\x00\x00\x27\x76\x27\x1a\x4a\x09\xd8\x2c"
			"\x00\x01\x1b\x03\x0b\x2f\xb9\x10\x1f\xb6\xf3\x7d\x01\x00\x00\x00\x00\x04\x59\x5a"),
	};
	auto_free char *path = mem_strdup(getenv("PATH") ? getenv("PATH") : "");

	(void)state;
	setenv("PATH", "/nonexistent", 1);
	for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
		auto_layer_stream struct layer_stream s = { .has_gunzip = false };
		auto_buf struct buf got = BUF_INIT(BUF_SMALL);
		struct span_source src;
		struct err e = ERR_INIT;

		if (layer_stream_open(&s, span_source_init(&src, streams[i]), &e) < 0 ||
		    io_read_all(s.tar, &got, &e) < 0)
			fail_msg("%s", e.text);
		assert_string_equal(buf_str(&got), "abc");
	}
	setenv("PATH", path, 1);
}

static void a_damaged_bzip2_stream_is_corrupt(void **state)
{
	auto_layer_stream struct layer_stream s = { .has_gunzip = false };
	auto_buf struct buf got = BUF_INIT(BUF_SMALL);
	struct span_source src;
	struct err e = ERR_INIT;
	int r = layer_stream_open(
		&s, span_source_init(&src, SPAN_LIT("BZh91AY&SY\x64\x8c\xbb\x73\x00\x00\x00\x01")),
		&e);

	(void)state;
	if (r == 0)
		r = io_read_all(s.tar, &got, &e);
	assert_int_equal(r, -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_survives),
		cmocka_unit_test(numbers_that_ustar_cannot_hold_survive),
		cmocka_unit_test(names_of_every_length_survive),
		cmocka_unit_test(names_that_ustar_can_hold_need_no_pax_header),
		cmocka_unit_test(names_are_bytes_in_every_locale),
		cmocka_unit_test(capabilities_survive_with_all_their_bytes),
		cmocka_unit_test(a_plain_file_is_one_ustar_header_without_names_of_users),
		cmocka_unit_test(a_pax_header_holds_only_what_ustar_cannot),
		cmocka_unit_test(only_names_that_are_no_text_are_said_to_be_binary),
		cmocka_unit_test(the_end_is_1024_zero_bytes),
		cmocka_unit_test(an_empty_tar_has_no_entries),
		cmocka_unit_test(what_is_no_tar_is_refused),
		cmocka_unit_test(a_file_cut_short_is_refused),
		cmocka_unit_test(a_wrong_checksum_is_refused),
		cmocka_unit_test(a_huge_special_header_is_refused_without_reading_it),
		cmocka_unit_test(numbers_out_of_range_are_refused),
		cmocka_unit_test(records_that_cannot_be_read_are_refused_and_not_dropped),
		cmocka_unit_test(attributes_other_than_capabilities_are_not_taken_over),
		cmocka_unit_test(an_error_of_the_stream_stays_what_it_is),
		cmocka_unit_test(zstd_streams_are_read),
		cmocka_unit_test(a_damaged_zstd_stream_is_corrupt),
		cmocka_unit_test(bzip2_and_xz_streams_are_read_without_a_program),
		cmocka_unit_test(a_damaged_bzip2_stream_is_corrupt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
