/*
 * Names in front of signs, logins in front of hosts, and what only secrets begin with.
 */
#include "deploy/mask_word.h"

#include <ctype.h>
#include <string.h>

#include "base/secret_name.h"
#include "base/url.h"
#include "deploy/secret_words.h"

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

static bool is_quoted_before(struct span word, size_t i)
{
	return i > 0 && strchr("\"'\\", word.p[i - 1]);
}

struct span mask_name_before(struct span word, size_t i)
{
	size_t from;

	while (is_quoted_before(word, i))
		i--;
	from = i;
	while (from > 0 && is_name_char(word.p[from - 1]))
		from--;
	return span_head(span_sub(word, from), i - from);
}

bool mask_colon_names_secret(struct span word, size_t i)
{
	struct span name = mask_name_before(word, i);

	if (is_quoted_before(word, i))
		return names_secret(name);
	return names_secret_at_end(name) && !(name.p > word.p && name.p[-1] == '/');
}

/* "cookie:27017" is a host with its port, where the name is none that only secrets have. */
static bool is_port_of_host(struct span word, size_t i)
{
	struct span port = span_sub(word, i + 1);
	size_t n = 0;

	while (n < port.n && isdigit((unsigned char)port.p[n]))
		n++;
	return n > 0 && n <= 5 && (n == port.n || strchr("/:,;)\"'?", port.p[n])) &&
	       !names_secret_surely(mask_name_before(word, i));
}

/* Behind the colon at place i, and behind what opens its quotes. */
static struct span value_after(struct span word, size_t i)
{
	struct span value = span_sub(word, i + 1);

	while (is_quoted_before(word, i) && value.n && strchr("\"'\\", value.p[0]))
		value = span_sub(value, 1);
	return value;
}

/* Digits, and a path behind them: registry:5000/x@main */
static bool is_port_with_path(struct span text)
{
	size_t n = 0;

	while (n < text.n && isdigit((unsigned char)text.p[n]))
		n++;
	return n > 0 && n <= 5 && n < text.n && text.p[n] == '/';
}

/*
 * me:hunter2@db.example/shop, me:hunter2@tcp(db:3306)/shop: an address without a scheme; what one with a scheme holds,
 * url_redact() looks at. Where the '@' is that the host follows; 0: it is none.
 */
static size_t host_of_login(struct span word)
{
	const char *scheme_end = memmem(word.p, word.n, "://", 3);

	if (scheme_end)
		word = span_head(word, (size_t)(scheme_end - word.p));
	for (size_t i = word.n; i-- > 0;)
		if (word.p[i] == '@' && url_is_host_at(word, i))
			return i;
	return 0;
}

/* Does a password begin behind the colon at place i, before the host? */
static bool is_login(struct span word, size_t i, size_t host)
{
	struct span name = mask_name_before(word, i);

	return i + 1 < host && name.n && word.p[i + 1] != '/' && !is_quoted_before(word, i) &&
	       !span_eq_nocase(name, "mailto") && !span_eq_nocase(name, "npm") &&
	       !is_port_with_path(span_sub(word, i + 1));
}

static bool begins_part(struct span word, size_t i)
{
	return !i || !isalnum((unsigned char)word.p[i]) || !isalnum((unsigned char)word.p[i - 1]);
}

size_t mask_word_from(struct span word)
{
	size_t host = host_of_login(word);

	for (size_t i = 0; i < word.n; i++) {
		struct span rest = span_sub(word, i);

		if (word.p[i] == '=' &&
		    deploy_begins_secret_of(mask_name_before(word, i), span_sub(word, i + 1)))
			return i + 1;
		if (word.p[i] == ':' && is_login(word, i, host))
			return i + 1;
		if (word.p[i] == ':' && i + 1 < word.n && word.p[i + 1] != '/' &&
		    mask_colon_names_secret(word, i) && !is_port_of_host(word, i) &&
		    deploy_begins_secret_of(mask_name_before(word, i), value_after(word, i)))
			return i + 1;
		if (deploy_begins_secret(rest, begins_part(word, i)))
			return i;
	}
	return word.n;
}
