/*
 * Texts with a secret in a known place, behind words that may be anything: it is never shown. The first byte says which
 * place; behind a NUL comes what follows the secret.
 */
#include <assert.h>

#include "base/buf.h"
#include "deploy/mask.h"

#define SECRET "hunter2"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What says of itself that it is secret, whatever came before. */
static const char *const places[] = {
	"--password=" SECRET,
	"--password " SECRET,
	"DB_PASSWORD=" SECRET,
	"x,y,token=" SECRET,
	"password:" SECRET,
	"password: " SECRET,
	"{\"password\":\"" SECRET "\"}",
	"{\"auth\": \"" SECRET "\"}",
	"{\\\"password\\\":\\\"" SECRET "\\\"}",
	"https://me:" SECRET "@host/path",
	"postgres://me:a/" SECRET "@db/app",
	"https://host/?private_token=" SECRET "&x=y",
	"Authorization: Bearer " SECRET,
	"Cookie: sid=" SECRET,
	"glpat-" SECRET,
	"me:$apr1$" SECRET,
	"me:" SECRET "@tcp(db:3306)/shop",
	"-----BEGIN PRIVATE KEY-----\n" SECRET,
	"curl -u me:" SECRET,
	"curl -ume:" SECRET,
	"smbclient -U me%" SECRET,
};

/* What only the beginning of a command tells. */
static const char *const commands[] = {
	"mysql -p" SECRET,
	"/usr/bin/mysqldump -uroot -p" SECRET,
	"sudo -u me mysql -p" SECRET,
	"sh -c 'redis-cli -a " SECRET "'",
	"sshpass -p " SECRET,
	"mongo -p " SECRET,
	"docker login -u me -p " SECRET,
	"kubectl exec db -- mysql -p" SECRET,
	"--password 'a " SECRET "'",
	"--password=\"a " SECRET " b\"",
	"curl -sSu 'me:a " SECRET "'",
};

static bool tells(struct span text)
{
	return memmem(text.p, text.n, SECRET, strlen(SECRET)) != NULL;
}

/* What is left as it is stays in front of what is hidden. */
static void check_first(struct span text, const char *masked)
{
	size_t first = mask_first(text);

	assert(first <= text.n);
	if (!memmem(text.p, first, "://", 3) && !memchr(text.p, 0, first))
		assert(strncmp(text.p, masked, first) == 0);
}

static void check_text(struct span before, const char *place, struct span behind)
{
	auto_buf struct buf b = BUF_INIT(SIZE_MAX);
	struct span text;
	char *masked;

	buf_add_span(&b, before);
	buf_add_str(&b, before.n ? " " : "");
	buf_add_str(&b, place);
	buf_add_str(&b, behind.n ? " " : "");
	buf_add_span(&b, behind);
	text = span_of(b.data, b.len);
	masked = mask_text(text);
	/* texts of ours end with a NUL; what stands behind one is none */
	assert(memchr(text.p, 0, text.n) || !tells(span_of_str(masked)));
	check_first(text, masked);
	free(masked);
}

/* Each line is an item of a command, and then comes a secret. */
static void check_items(struct span items)
{
	struct mask_words w = { 0 };
	struct span item;

	while (span_line(&items, &item)) {
		char *masked = mask_item(&w, item);

		assert(!tells(span_of_str(masked)));
		free(masked);
	}
	for (size_t i = 0; i < 2; i++) {
		char *masked = mask_item(&w, span_of_str(i ? "a " SECRET " b" : "--password"));

		assert(!tells(span_of_str(masked)));
		free(masked);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size), before, behind = span_of("", 0);
	size_t which = size ? data[0] : 0;

	in = span_sub(in, 1);
	if (tells(in))
		return 0;
	span_cut(in, '\0', &before, &behind);
	which %= ARRAY_LEN(places) + ARRAY_LEN(commands);
	if (which < ARRAY_LEN(places))
		check_text(before, places[which], behind);
	else
		check_text(span_of("", 0), commands[which - ARRAY_LEN(places)], behind);
	check_items(in);
	return 0;
}
