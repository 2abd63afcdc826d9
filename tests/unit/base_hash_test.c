/* SHA-256 and base64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/hash.h"

static void assert_hash(const char *want, const char *text)
{
	unsigned char raw[HASH_SHA256_LEN];
	char hex[HASH_SHA256_HEX + 1];

	hash_sha256(raw, text, strlen(text));
	hash_hex(hex, raw);
	assert_string_equal(want, hex);
}

/* FIPS 180-2's examples, and the empty text. */
static void known_texts_have_their_known_hashes(void **state)
{
	(void)state;
	assert_hash("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "");
	assert_hash("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "abc");
	assert_hash("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
		    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq");
}

static void pieces_hash_as_the_whole(void **state)
{
	unsigned char whole[HASH_SHA256_LEN], pieces[HASH_SHA256_LEN];
	struct hash h;

	(void)state;
	hash_sha256(whole, "hello world", 11);
	hash_init(&h);
	hash_update(&h, "hello", 5);
	hash_update(&h, NULL, 0);
	hash_update(&h, " world", 6);
	hash_final(&h, pieces);
	assert_memory_equal(whole, pieces, sizeof(whole));
	hash_release(&h); /* nothing left to free */
}

static void an_unfinished_hash_can_be_released(void **state)
{
	struct hash h;

	(void)state;
	hash_init(&h);
	hash_release(&h);
	assert_null(h.ctx);
	hash_release(&h);
}

static const struct {
	const char *text, *base64;
} rfc4648[] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
};

static void base64_of_the_rfc_both_ways(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rfc4648); i++) {
		auto_free char *coded = base64_encode(span_of_str(rfc4648[i].text), false);
		auto_buf struct buf b = BUF_INIT(BUF_SMALL);

		(void)state;
		assert_string_equal(rfc4648[i].base64, coded);
		assert_int_equal(0, base64_decode(&b, span_of_str(coded)));
		assert_string_equal(rfc4648[i].text, buf_str(&b));
	}
}

static void both_alphabets_mean_the_same(void **state)
{
	struct span bytes = SPAN_LIT("\xfb\xff\xbf");
	auto_free char *plain = base64_encode(bytes, false);
	auto_free char *url = base64_encode(bytes, true);
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);

	(void)state;
	assert_string_equal("+/+/", plain);
	assert_string_equal("-_-_", url);
	assert_int_equal(0, base64_decode(&b, SPAN_LIT("-_+/")));
	assert_true(span_eq(bytes, buf_span(&b)));
}

static void padding_may_be_left_out_but_not_be_wrong(void **state)
{
	static const char *const bad[] = { "Z",	     "Zg=",  "Zm9v=",  "Zm9v==", "=",	  "====",
					   "Zg==Zg", "Zm 9", "Zm9v\n", "Z*==",	 "Zm9vY", "Zg===" };
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);

	(void)state;
	assert_int_equal(0, base64_decode(&b, SPAN_LIT("Zm8")));
	assert_int_equal(0, base64_decode(&b, SPAN_LIT("Zg")));
	assert_string_equal("fof", buf_str(&b));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(-1, base64_decode(&b, span_of_str(bad[i])));
	assert_string_equal("fof", buf_str(&b)); /* nothing of those */
}

static void decoding_stops_at_the_ceiling(void **state)
{
	auto_buf struct buf b = BUF_INIT(3);

	(void)state;
	assert_int_equal(0, base64_decode(&b, SPAN_LIT("Zm9v")));
	buf_reset(&b);
	assert_int_equal(-1, base64_decode(&b, SPAN_LIT("Zm9vYg==")));
	assert_true(b.over);
	assert_int_equal(0, b.len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_texts_have_their_known_hashes),
		cmocka_unit_test(pieces_hash_as_the_whole),
		cmocka_unit_test(an_unfinished_hash_can_be_released),
		cmocka_unit_test(base64_of_the_rfc_both_ways),
		cmocka_unit_test(both_alphabets_mean_the_same),
		cmocka_unit_test(padding_may_be_left_out_but_not_be_wrong),
		cmocka_unit_test(decoding_stops_at_the_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
