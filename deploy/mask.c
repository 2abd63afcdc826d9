/*
 * A text is looked at word by word, and what hides a part of a word hides all of it that follows:
 * a password may hold anything but blanks, and blanks, too, where it stands in quotes.
 */
#include "deploy/mask.h"

#include <ctype.h>

#include "base/buf.h"
#include "base/secret_name.h"
#include "base/url.h"
#include "deploy/mask_word.h"

#define MASK_TEXT_MAX (1u << 20)

/* -- what a word says of the next ------------------------------------------------ */

/* As mask_bare, but a variable keeps its dollar. */
static struct span unquoted(struct span word)
{
	while (word.n && strchr("\"'", word.p[0]))
		word = span_sub(word, 1);
	while (word.n && strchr("\"',;", word.p[word.n - 1]))
		word = span_head(word, word.n - 1);
	return word;
}

static void announce(struct mask_words *w, int next, struct span name)
{
	w->next = next;
	w->surely = names_secret_surely(name);
}

/* IDENTIFIED BY 'x', IDENTIFIED WITH mysql_native_password BY 'x' */
static bool identifies(struct mask_words *w, struct span word)
{
	bool found = w->behind_identified && span_eq_nocase(word, "by");

	if (span_eq_nocase(word, "identified"))
		w->behind_identified = 3;
	else if (w->behind_identified)
		w->behind_identified--;
	return found;
}

/* config set requirepass x; SET PASSWORD = 'x'; ALTER USER u IDENTIFIED BY 'x', WITH PASSWORD 'x' */
static void look_at_verb(struct mask_words *w, struct span word)
{
	bool sets = w->behind_set, by = identifies(w, word);

	w->behind_set = span_eq_nocase(word, "set");
	if (w->next != MASK_NONE)
		return;
	if (sets && names_secret(word))
		announce(w, MASK_SET, word);
	else if (by || span_eq_nocase(word, "password"))
		announce(w, MASK_JSON, span_of_str("password"));
}

/* "password = hunter2": whose value stands behind the sign. */
static void look_at_bare_name(struct mask_words *w, struct span word)
{
	w->behind_name = mask_name_before(word, word.n).n == word.n && names_secret_at_end(word);
	w->behind_sure_name = names_secret_surely(word);
}

/* What "NAME=", "NAME:" or "--name" with nothing behind it says of the next word. */
static void look_at_name(struct mask_words *w, struct span word)
{
	size_t last = word.n ? word.n - 1 : 0;
	struct span name = mask_name_before(word, last);

	/* "no basic auth credentials" */
	if (span_eq_str(word, "Bearer") || span_eq_str(word, "Basic"))
		announce(w, MASK_NEXT, span_of_str("token"));
	else if (span_ends(word, ":") && mask_colon_names_secret(word, last))
		announce(w, names_secret_at_end(name) ? MASK_COLON : MASK_JSON, name);
	else if (span_ends(word, "=") && names_secret(name))
		announce(w, MASK_NEXT, name);
	else if (span_starts(word, "-") && span_find(word, '=') < 0 && names_secret(word) &&
		 !span_ends(word, ":"))
		announce(w, MASK_NEXT, word);
}

/* What the word says of the next one; plain: of it what a shell would see. */
static void announce_next(struct mask_words *w, struct span word, struct span plain)
{
	static const int means[] = { [OPTION_OPEN] = MASK_NONE,
				     [OPTION_PERHAPS] = MASK_PERHAPS,
				     [OPTION_PAIR] = MASK_PAIR,
				     [OPTION_SECRET] = MASK_NEXT };
	struct secret_value option =
		deploy_secret_option(w->command.program, w->command.is_sure, plain);

	look_at_name(w, word);
	if (w->next == MASK_NONE)
		look_at_name(w, plain);
	look_at_verb(w, plain);
	look_at_bare_name(w, plain);
	if (w->next == MASK_NONE && option.from == plain.n) {
		w->next = means[option.means];
		w->surely = true;
	}
	if (w->next == MASK_PERHAPS && !w->command.has_user)
		w->next = MASK_NONE;
}

static void look_ahead(struct mask_words *w, struct span word)
{
	struct span plain = mask_bare(word);

	if (!w->is_item)
		plain = mask_last_command(&w->command, word);
	announce_next(w, word, plain);
	mask_look_for_program(&w->command, plain);
	if (mask_ends_command(word, w->is_item))
		w->command = (struct mask_command){ 0 };
}

/* -- a word behind one that says something --------------------------------------- */

static bool is_option(struct span word)
{
	return word.n > 2 && word.p[0] == '-' && word.p[1] == '-' &&
	       isalpha((unsigned char)word.p[2]);
}

/* $PORT, ${A}:${B}, $(cat file) */
static bool is_variable(struct span word)
{
	size_t n = 0;

	if (word.n < 2 || word.p[0] != '$')
		return false;
	while (n < word.n && (isalnum((unsigned char)word.p[n]) || strchr("${}()_:/.-", word.p[n])))
		n++;
	return n == word.n;
}

/* 80, 127.0.0.1:80:80/tcp, 1000:1000 */
static bool is_numbers(struct span word)
{
	if (span_ends(word, "/tcp") || span_ends(word, "/udp"))
		word = span_head(word, word.n - 4);
	for (size_t i = 0; i < word.n; i++)
		if (!isdigit((unsigned char)word.p[i]) && !strchr(":-.", word.p[i]))
			return false;
	return true;
}

/* A port, or several; a path; a variable; another option. */
static bool is_ordinary(struct span word)
{
	struct span plain = mask_bare(word);

	return !plain.n || strchr("/.~-", plain.p[0]) || is_numbers(plain) ||
	       is_variable(unquoted(word));
}

/* Behind user:, or user%; not of 1000:1000, a variable, nor of an address, which is looked at as one. */
static size_t pair_from(struct span word)
{
	struct span value;
	size_t n = 0;

	if (is_numbers(mask_bare(word)))
		return word.n;
	while (n < word.n && word.p[n] != ':' && word.p[n] != '%')
		n++;
	value = span_sub(word, n + 1);
	return n + 1 < word.n && !span_starts(value, "//") && !is_variable(unquoted(value))
		       ? n + 1
		       : word.n;
}

/* Behind an option of the word itself. */
static size_t attached_from(const struct mask_words *w, struct span word)
{
	struct span plain = mask_bare(word), value;
	struct secret_value option =
		deploy_secret_option(w->command.program, w->command.is_sure, plain);
	size_t from = (size_t)(plain.p - word.p) + option.from, pair;

	value = span_sub(word, from);
	if (option.from == plain.n)
		return word.n;
	if (option.means == OPTION_SECRET ||
	    (option.means == OPTION_PERHAPS && w->command.has_user && !is_ordinary(value)))
		return from;
	pair = option.means == OPTION_PAIR ? pair_from(value) : value.n;
	return pair < value.n ? from + pair : word.n;
}

/* -- words in a row --------------------------------------------------------------- */

/* it's, "don't: between letters of a word; not -p'x y', nor what closes a quote. */
static bool is_apostrophe(const struct mask_words *w, struct span word, size_t i)
{
	size_t from = i;

	while (from > 0 && isalpha((unsigned char)word.p[from - 1]))
		from--;
	return word.p[i] == '\'' && from < i && (!from || strchr("\"(", word.p[from - 1])) &&
	       i + 1 < word.n && isalpha((unsigned char)word.p[i + 1]) &&
	       !(w->depth && w->quotes[w->depth - 1] == '\'');
}

/*
 * A quote with a backslash is one of its own: it stands in a text that is quoted itself. What is named or ended within
 * quotes is so until they close: sh -c 'curl x' redis-cli, mysql -e "a; b" -p. Returns the lowest depth that a quote
 * of an earlier word went back to; the present one: none did.
 */
static unsigned follow_quotes(struct mask_words *w, struct span word)
{
	unsigned open = w->depth;

	for (size_t i = 0; i < word.n; i++) {
		char c = word.p[i];

		if ((c != '"' && c != '\'') || is_apostrophe(w, word, i))
			continue;
		if (i && word.p[i - 1] == '\\')
			c = (char)(c ^ 0x40);
		if (w->depth && w->quotes[w->depth - 1] == c) {
			w->depth--;
			open = w->depth < open ? w->depth : open;
		} else if (w->depth < ARRAY_LEN(w->quotes)) {
			w->outside[w->depth] = w->command;
			w->quotes[w->depth++] = c;
		}
	}
	return open;
}

/* Back to the command which what it was in the midst of belongs to. */
static void go_on_with(struct mask_words *w, const struct mask_command *before)
{
	bool has_user = w->command.has_user || before->has_user;

	w->command = *before;
	w->command.has_user = has_user;
	w->command.behind_option = false;
}

static bool hides_any(int why)
{
	return why == MASK_NEXT || why == MASK_COLON || why == MASK_SET;
}

/* Does the word stay open, although the one before has announced a secret? */
static bool stays_open(const struct mask_words *w, int why, struct span word)
{
	struct span plain = mask_bare(word);

	if (is_option(word) || deploy_value_is_open(plain, w->surely))
		return true;
	/* exec: "auth-api": executable file not found */
	if (why == MASK_JSON && !(word.n && strchr("\"'\\[{", word.p[0])))
		return true;
	return ((why == MASK_COLON || why == MASK_SET) && deploy_begins_reason(plain)) ||
	       (why == MASK_PERHAPS && is_ordinary(word));
}

/* Does it only lead to the word that the last has announced? */
static bool leads_on(int why, struct span word)
{
	return span_eq_str(word, "=") ||
	       (why == MASK_SET && (span_eq_nocase(word, "to") || span_eq_nocase(word, "for")));
}

static void lead_on(struct mask_words *w, int why, struct span word)
{
	if (span_eq_nocase(word, "for"))
		w->next = MASK_FOR;
	else
		w->next = why == MASK_NEXT ? MASK_NEXT : MASK_COLON;
}

/* SET PASSWORD FOR 'u' = 'x': the account is shown, and all else that no sign stands in front of. */
static size_t hidden_behind_account(struct mask_words *w, int why, struct span word)
{
	ptrdiff_t sign = span_find(word, '=');

	if (sign >= 0 && (size_t)sign + 1 < word.n)
		return (size_t)sign + 1;
	if (sign >= 0 || (why == MASK_ACCOUNT && span_eq_nocase(word, "to")))
		w->next = MASK_COLON;
	else if (why == MASK_FOR)
		w->next = MASK_ACCOUNT;
	return word.n;
}

static size_t hidden_by_word_before(struct mask_words *w, struct span word)
{
	int why = w->next;

	w->next = MASK_NONE;
	if (why == MASK_FOR || why == MASK_ACCOUNT)
		return hidden_behind_account(w, why, word);
	if (leads_on(why, word)) {
		lead_on(w, why, word);
		return word.n;
	}
	/* "Authorization: Bearer x" */
	if (hides_any(why) && deploy_is_auth_scheme(word)) {
		w->next = MASK_NEXT;
		w->surely = true;
		return word.n;
	}
	if (why == MASK_PAIR)
		return pair_from(word);
	return stays_open(w, why, word) ? word.n : 0;
}

/* password = x, password =x */
static size_t hidden_by_sign(struct mask_words *w, struct span word)
{
	if (!w->behind_name || !span_starts(word, "="))
		return word.n;
	if (word.n == 1) {
		w->next = MASK_COLON;
		w->surely = w->behind_sure_name;
		return word.n;
	}
	w->next = MASK_NONE;
	return deploy_value_is_open(mask_bare(span_sub(word, 1)), w->behind_sure_name) ? word.n : 1;
}

/* The same of a word that nothing before it hides. */
static size_t look_at_word(struct mask_words *w, struct span word, unsigned depth)
{
	size_t from = hidden_by_sign(w, word);

	if (from == word.n && w->next != MASK_NONE) {
		from = hidden_by_word_before(w, word);
		if (from == word.n && w->next != MASK_NONE) {
			w->behind_name = w->command.behind_option = false;
			return from;
		}
	}
	if (from == word.n)
		from = mask_word_from(word);
	if (from == word.n)
		from = attached_from(w, word);
	if (from == word.n) {
		look_ahead(w, word);
		return from;
	}
	w->all = span_starts(span_sub(word, from), "-----BEGIN");
	w->hides = w->depth > depth;
	w->shown_at = depth;
	w->command.behind_option = false;
	/* --ask-password -p hunter2 */
	announce_next(w, word, mask_bare(word));
	if (mask_ends_command(word, w->is_item))
		w->command = (struct mask_command){ 0 };
	return from;
}

/* Where in the word what is hidden begins; its length: nothing is. */
static size_t take_word(struct mask_words *w, struct span word)
{
	unsigned depth = w->depth, closed;
	size_t from = 0;

	if (w->all)
		return 0;
	closed = follow_quotes(w, word);
	if (w->hides)
		w->hides = w->depth > w->shown_at;
	else
		from = look_at_word(w, word, depth);
	if (closed < depth)
		go_on_with(w, &w->outside[closed]);
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
			w->command = (struct mask_command){ 0 };
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

static bool has_blank(struct span item)
{
	for (size_t i = 0; i < item.n; i++)
		if (isspace((unsigned char)item.p[i]))
			return true;
	return false;
}

char *mask_item(struct mask_words *w, struct span item)
{
	const struct mask_command before = w->command;
	auto_buf struct buf b = BUF_INIT(4 * MASK_TEXT_MAX);
	bool as_one = w->next != MASK_NONE || span_starts(item, "-");
	bool whole = w->all || (hides_any(w->next) && item.n && !leads_on(w->next, item) &&
				!stays_open(w, MASK_NEXT, item) && !deploy_is_auth_scheme(item));

	/* quotes end with the item: no shell puts two together */
	w->depth = w->shown_at = 0;
	w->hides = false;
	/* and a word that stands alone is no script */
	w->is_item = !has_blank(item);
	if (!item.n)
		w->next = MASK_NONE;
	if (!whole) {
		mask(&b, w, item, as_one);
	} else {
		w->next = MASK_NONE;
		w->command.behind_option = false;
		announce_next(w, item, mask_bare(item));
		buf_add_str(&b, MASKED);
	}
	/* nor do its commands go on: sh, -c, "curl x", redis-cli */
	if (!w->is_item)
		go_on_with(w, &before);
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
