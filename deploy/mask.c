/*
 * A text is looked at word by word, and what hides a part of a word hides all of it that follows:
 * a password may hold anything but blanks, and blanks, too, where it stands in quotes.
 */
#include "deploy/mask.h"

#include <ctype.h>

#include "base/buf.h"
#include "base/url.h"

#define MASK_TEXT_MAX (1u << 20)

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

/* -- what a word says of itself ------------------------------------------------- */

static bool is_quoted_before(struct span word, size_t i)
{
	return i > 0 && strchr("\"'\\", word.p[i - 1]);
}

/* The name that ends before place i of the word; in JSON, and in JSON within JSON, it is quoted. */
static struct span name_before(struct span word, size_t i)
{
	size_t from;

	while (is_quoted_before(word, i))
		i--;
	from = i;
	while (from > 0 && is_name_char(word.p[from - 1]))
		from--;
	return span_head(span_sub(word, from), i - from);
}

/*
 * Does the name before the colon at place i say that a secret follows? People write colons, too: of a name that is not
 * in quotes only the end counts (KeyError:, token.service.ts:42), and of an image none (reg/token:1.2).
 */
static bool colon_names_secret(struct span word, size_t i)
{
	struct span name = name_before(word, i);

	if (is_quoted_before(word, i))
		return deploy_names_secret(name);
	return deploy_ends_secret(name) && !(name.p > word.p && name.p[-1] == '/');
}

/* app:hunter2@tcp(db:3306)/shop, as Go's driver of MySQL has it: where the host begins; 0: there is none. */
static size_t driver_host(struct span word)
{
	for (size_t i = word.n; i-- > 0;) {
		struct span rest = span_sub(word, i);

		if (span_starts(rest, "@tcp(") || span_starts(rest, "@unix("))
			return i;
	}
	return 0;
}

/* Where in the word what is hidden begins; its length: nothing is. */
static size_t hidden_from(struct span word)
{
	size_t host = driver_host(word);

	for (size_t i = 0; i < word.n; i++) {
		struct span rest = span_sub(word, i);

		if (word.p[i] == '=' && deploy_names_secret(name_before(word, i)) &&
		    !deploy_begins_switch(span_sub(word, i + 1)))
			return i + 1;
		if (word.p[i] == ':' && i < host)
			return i + 1;
		if (word.p[i] == ':' && i + 1 < word.n && word.p[i + 1] != '/' &&
		    colon_names_secret(word, i) && !deploy_begins_switch(span_sub(word, i + 1)))
			return i + 1;
		if (deploy_begins_secret(rest))
			return i;
	}
	return word.n;
}

/* -- what a word says of the next ------------------------------------------------ */

/* Without what a shell or a list puts around it. */
static struct span bare(struct span word)
{
	while (word.n && strchr("\"'`([{$", word.p[0]))
		word = span_sub(word, 1);
	while (word.n && strchr("\"'`)]},;", word.p[word.n - 1]))
		word = span_head(word, word.n - 1);
	return word;
}

/* What "NAME=", "NAME:" or "--name" with nothing behind it says of the next word. */
static int announces(struct span word)
{
	size_t last = word.n ? word.n - 1 : 0;

	/* "no basic auth credentials" */
	if (span_eq_str(word, "Bearer") || span_eq_str(word, "Basic"))
		return MASK_NEXT;
	if (span_ends(word, ":") && colon_names_secret(word, last))
		return deploy_ends_secret(name_before(word, last)) ? MASK_NEXT : MASK_JSON;
	if (span_ends(word, "="))
		return deploy_names_secret(name_before(word, last)) ? MASK_NEXT : MASK_NONE;
	return span_starts(word, "-") && span_find(word, '=') < 0 && deploy_names_secret(word)
		       ? MASK_NEXT
		       : MASK_NONE;
}

static bool ends_command(struct span word)
{
	static const char *const separators[] = { "|", "||", "&", "&&" };

	for (size_t i = 0; i < ARRAY_LEN(separators); i++)
		if (span_eq_str(word, separators[i]))
			return true;
	return span_ends(word, ";");
}

static void end_command(struct mask_words *w)
{
	w->program = NULL;
	w->has_user = false;
}

/* Who takes a password takes somebody's. */
static bool names_user(struct span word)
{
	static const char *const words[] = { "-u", "-U", "--user", "--username", "login" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (span_eq_str(word, words[i]))
			return true;
	return span_starts(word, "--user=") || span_starts(word, "--username=");
}

static void look_ahead(struct mask_words *w, struct span word)
{
	static const int means[] = { [OPTION_NEXT] = MASK_NEXT,
				     [OPTION_PERHAPS] = MASK_PERHAPS,
				     [OPTION_PAIR] = MASK_PAIR,
				     [OPTION_ATTACHED] = MASK_NONE };
	struct span plain = bare(word);
	const struct secret_program *program = deploy_secret_program(plain);

	if (program)
		w->program = program;
	w->next = announces(word);
	if (w->next == MASK_NONE)
		w->next = announces(plain);
	if (w->next == MASK_NONE)
		w->next = means[deploy_secret_option(w->program, plain)];
	if (w->next == MASK_PERHAPS && !w->has_user)
		w->next = MASK_NONE;
	w->has_user |= names_user(plain);
	if (ends_command(word))
		end_command(w);
}

/* -- a word behind one that says something --------------------------------------- */

static bool is_option(struct span word)
{
	return word.n > 2 && word.p[0] == '-' && word.p[1] == '-' &&
	       isalpha((unsigned char)word.p[2]);
}

/* A port, or several; a path; a variable; another option. */
static bool is_ordinary(struct span word)
{
	struct span plain = bare(word);

	if (!plain.n || strchr("/.~-", plain.p[0]) || span_find(word, '$') >= 0)
		return true;
	if (span_ends(plain, "/tcp") || span_ends(plain, "/udp"))
		plain = span_head(plain, plain.n - 4);
	for (size_t i = 0; i < plain.n; i++)
		if (!isdigit((unsigned char)plain.p[i]) && !strchr(":-.", plain.p[i]))
			return false;
	return true;
}

/* Behind user:, or user%; not of 1000:1000, and not of an address, which is looked at as one. */
static size_t pair_from(struct span word)
{
	size_t n = 0;

	if (is_ordinary(word) || memmem(word.p, word.n, "://", 3))
		return word.n;
	while (n < word.n && word.p[n] != ':' && word.p[n] != '%')
		n++;
	return n < word.n ? n + 1 : word.n;
}

/* -- words in a row --------------------------------------------------------------- */

/* A quote with a backslash is one of its own: it stands in a text that is quoted itself. */
static void follow_quotes(struct mask_words *w, struct span word)
{
	for (size_t i = 0; i < word.n; i++) {
		char c = word.p[i];

		if (c != '"' && c != '\'')
			continue;
		if (i && word.p[i - 1] == '\\')
			c = (char)(c ^ 0x40);
		if (w->depth && w->quotes[w->depth - 1] == c)
			w->depth--;
		else if (w->depth < ARRAY_LEN(w->quotes))
			w->quotes[w->depth++] = c;
	}
}

static size_t hidden_by_word_before(struct mask_words *w, struct span word)
{
	int why = w->next;

	w->next = MASK_NONE;
	/* "Authorization: Bearer x" */
	if (why == MASK_NEXT && deploy_is_auth_scheme(word)) {
		w->next = MASK_NEXT;
		return word.n;
	}
	if (why == MASK_PAIR)
		return pair_from(word);
	/* exec: "auth-api": executable file not found */
	if (why == MASK_JSON && !(word.n && strchr("\"'\\[{", word.p[0])))
		return word.n;
	if (is_option(word) || deploy_is_switch(bare(word)) ||
	    (why == MASK_PERHAPS && is_ordinary(word)))
		return word.n;
	return 0;
}

/* Where in the word what is hidden begins; its length: nothing is. */
static size_t take_word(struct mask_words *w, struct span word)
{
	unsigned depth = w->depth;
	size_t from = word.n;

	if (w->all)
		return 0;
	follow_quotes(w, word);
	if (w->hides) {
		w->hides = w->depth > w->shown_at;
		return 0;
	}
	if (w->next != MASK_NONE) {
		from = hidden_by_word_before(w, word);
		if (from == word.n && w->next != MASK_NONE)
			return from;
	}
	if (from == word.n)
		from = hidden_from(word);
	if (from == word.n && deploy_secret_option(w->program, bare(word)) == OPTION_ATTACHED)
		from = (size_t)(bare(word).p - word.p) + 2;
	if (from == word.n) {
		look_ahead(w, word);
		return from;
	}
	w->all = span_starts(span_sub(word, from), "-----BEGIN");
	w->hides = w->depth > depth;
	w->shown_at = depth;
	if (ends_command(word))
		end_command(w);
	return from;
}

/* A line's end behind a backslash is a blank as others are: the command goes on. */
static size_t blank_len(struct span text)
{
	if (span_starts(text, "\\\n"))
		return 2;
	return text.n && isspace((unsigned char)text.p[0]) ? 1 : 0;
}

/* *blank: what stands in front of *word, and may end a command. false: nothing is left. */
static bool split(struct mask_words *w, struct span *text, struct span *blank, struct span *word)
{
	struct span rest = *text;
	size_t n;

	while ((n = blank_len(rest)) > 0) {
		if (n == 1 && rest.p[0] == '\n')
			end_command(w);
		rest = span_sub(rest, n);
	}
	*blank = span_head(*text, text->n - rest.n);
	*text = rest;
	while (rest.n && !blank_len(rest))
		rest = span_sub(rest, 1);
	*word = span_head(*text, text->n - rest.n);
	*text = rest;
	return blank->n || word->n;
}

/* as_one: what begins in the first word ends with the text. */
static void mask(struct buf *out, struct mask_words *w, struct span text, bool as_one)
{
	struct span blank, word;

	text = span_head(text, MASK_TEXT_MAX);
	while (split(w, &text, &blank, &word)) {
		bool goes_on = w->hides || w->all;
		size_t from = take_word(w, word);

		/* one mark for all that is hidden together */
		if (goes_on)
			continue;
		buf_add_span(out, blank);
		url_redact(out, span_head(word, from));
		if (from < word.n)
			buf_add_str(out, MASKED);
		if (from < word.n && as_one)
			return;
		as_one = false;
	}
}

char *mask_text(struct span text)
{
	struct mask_words w = { 0 };
	auto_buf struct buf b = BUF_INIT(4 * MASK_TEXT_MAX);

	mask(&b, &w, text, false);
	return buf_steal(&b);
}

char *mask_item(struct mask_words *w, struct span item)
{
	auto_buf struct buf b = BUF_INIT(4 * MASK_TEXT_MAX);
	bool as_one = w->next != MASK_NONE || span_starts(item, "-");
	bool whole = w->all || (w->next == MASK_NEXT && item.n && !is_option(item) &&
				!deploy_is_auth_scheme(item));

	/* quotes end with the item: no shell puts two together */
	w->depth = w->shown_at = 0;
	w->hides = false;
	if (!item.n)
		w->next = MASK_NONE;
	if (!whole) {
		mask(&b, w, item, as_one);
		return buf_steal(&b);
	}
	w->next = MASK_NONE;
	buf_add_str(&b, MASKED);
	return buf_steal(&b);
}

size_t mask_first(struct span text)
{
	struct mask_words w = { 0 };
	struct span rest = text, blank, word;

	while (split(&w, &rest, &blank, &word)) {
		size_t from = take_word(&w, word);

		if (from < word.n)
			return (size_t)(word.p - text.p) + from;
	}
	return text.n;
}
