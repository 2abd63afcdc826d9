/*
 * A text is looked at word by word, and what hides a part of a word hides all of it that follows:
 * a password may hold anything but blanks.
 */
#include "deploy/mask.h"

#include <ctype.h>

#include "base/buf.h"
#include "base/url.h"
#include "deploy/place.h"

#define MASK_TEXT_MAX (1u << 20)

static bool has_nocase(struct span a, const char *part)
{
	size_t n = strlen(part);

	for (size_t i = 0; i + n <= a.n; i++)
		if (span_eq_nocase(span_head(span_sub(a, i), n), part))
			return true;
	return false;
}

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

bool mask_is_secret_name(struct span name)
{
	/* traefik's: their value is user:hash */
	return deploy_names_secret(name) || has_nocase(name, "auth.basic") ||
	       has_nocase(name, "basicauth");
}

/* -- texts ------------------------------------------------------------------- */

/* The name that ends before place i of the word; in JSON, and in JSON within JSON, it is quoted. */
static struct span name_before(struct span word, size_t i)
{
	size_t from;

	while (i > 0 && (word.p[i - 1] == '"' || word.p[i - 1] == '\\'))
		i--;
	from = i;
	while (from > 0 && is_name_char(word.p[from - 1]))
		from--;
	return span_head(span_sub(word, from), i - from);
}

/* app:hunter2@tcp(db:3306)/shop, as Go's driver of MySQL has it. */
static bool logs_in(struct span rest)
{
	return memmem(rest.p, rest.n, "@tcp(", 5) || memmem(rest.p, rest.n, "@unix(", 6);
}

/* Where in the word what is hidden begins; its length: nothing is. */
static size_t hidden_from(struct span word)
{
	static const char *const hashes[] = { "$apr1$", "$2y$", "$2a$", "$2b$", "{SHA}" };

	for (size_t i = 0; i < word.n; i++) {
		struct span rest = span_sub(word, i);

		if (word.p[i] == '=' && mask_is_secret_name(name_before(word, i)))
			return i + 1;
		if (word.p[i] == ':' && logs_in(rest))
			return i + 1;
		/* a colon stands in addresses, too: only a name alone in front of it counts */
		if (word.p[i] == ':' && i + 1 < word.n && word.p[i + 1] != '/' &&
		    mask_is_secret_name(name_before(word, i)))
			return i + 1;
		for (size_t k = 0; k < ARRAY_LEN(hashes); k++)
			if (span_starts(rest, hashes[k]))
				return i;
	}
	return word.n;
}

static void add_word(struct buf *b, struct span word)
{
	size_t hidden = hidden_from(word);

	url_redact(b, span_head(word, hidden));
	if (hidden < word.n)
		buf_add_str(b, MASKED);
}

/* The word says that the next one is a secret. */
static bool announces(struct span word)
{
	struct span name = word;

	if (span_eq_nocase(word, "bearer") || span_eq_nocase(word, "basic"))
		return true;
	if (name.n && (name.p[name.n - 1] == '=' || name.p[name.n - 1] == ':'))
		return mask_is_secret_name(name_before(name, name.n - 1));
	return span_starts(name, "-") && span_find(name, '=') < 0 && mask_is_secret_name(name);
}

char *mask_text(struct span text)
{
	auto_buf struct buf b = BUF_INIT(2 * MASK_TEXT_MAX);
	bool hide = false;

	text = span_head(text, MASK_TEXT_MAX);
	while (text.n) {
		size_t blank = 0, n;
		struct span word;

		while (blank < text.n && isspace((unsigned char)text.p[blank]))
			blank++;
		buf_add_span(&b, span_head(text, blank));
		text = span_sub(text, blank);
		for (n = 0; n < text.n && !isspace((unsigned char)text.p[n]);)
			n++;
		word = span_head(text, n);
		text = span_sub(text, n);
		if (hide && n)
			buf_add_str(&b, MASKED);
		else
			add_word(&b, word);
		hide = n && announces(word);
	}
	return buf_steal(&b);
}
