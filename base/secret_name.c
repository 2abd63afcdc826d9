/*
 * Rather too much is hidden than too little; but what hides the ordinary hides the news, too, so words that mean
 * both (AUTH) count only where the end of the name does not say otherwise.
 */
#include "base/secret_name.h"

#include <ctype.h>

#include "base/cc.h"

/* What one word of a name ends with. */
static const char *const words[] = {
	"PASSWORD",    "PASSWORDS", "PASSWD", "PASSPHRASE", "PASSCODE", "PASS", "PWD",
	"SECRET",      "SECRETS",   "TOKEN",  "TOKENS",	    "KEY",	"KEYS", "CREDENTIAL",
	"CREDENTIALS", "CREDS",	    "PSK",    "PASSWORT",   "PW",
};

/* The same, unless the last word of the name is an open one. Of a label only what follows its last dot counts. */
static const char *const weak_words[] = { "AUTH", "AUTHORIZATION", "JWT",   "COOKIE",
					  "SALT", "SIGNATURE",	   "BEARER" };

/* Weak ones that no host is called. */
static const char *const headers[] = { "AUTHORIZATION", "COOKIE" };

static const char *const open_words[] = {
	"URL",	     "REDIRECT",   "CALLBACK", "URLS",	   "URI",	"HOST",	      "HOSTS",
	"PORT",	     "SERVER",	   "SERVICE",  "ENDPOINT", "ADDR",	"ADDRESS",    "DOMAIN",
	"REALM",     "ISSUER",	   "AUDIENCE", "PROVIDER", "BACKEND",	"DRIVER",     "PLUGIN",
	"TYPE",	     "MODE",	   "METHOD",   "METHODS",  "MECHANISM", "SCHEME",     "ALG",
	"ALGORITHM", "ALGORITHMS", "ENABLED",  "ENABLE",   "DISABLED",	"DISABLE",    "REQUIRED",
	"SECURE",    "SAMESITE",   "HTTPONLY", "USER",	   "USERNAME",	"ID",	      "NAME",
	"DB",	     "DATABASE",   "SOURCE",   "HEADER",   "HEADERS",	"SCOPE",      "SCOPES",
	"LEVEL",     "VERSION",	   "TTL",      "EXPIRY",   "EXPIRES",	"EXPIRATION", "LIFETIME",
	"TIMEOUT",   "ROUNDS",	   "FILE",     "PATH",	   "DIR",	"IN",	      "AGE",
	"DN",	     "LENGTH",	   "PREFIX",   "SECONDS",  "MINUTES",	"HOURS",      "DAYS",
	"API",
};

/* traefik's, at any place of a label: their value is user:hash */
static const char *const phrases[] = { "auth.basic", "auth.digest", "basicauth", "digestauth" };

static bool has_nocase(struct span a, const char *part)
{
	size_t n = strlen(part);

	for (size_t i = 0; i + n <= a.n; i++)
		if (span_eq_nocase(span_head(span_sub(a, i), n), part))
			return true;
	return false;
}

/*
 * Takes one word of a name off: up to '_', '-', '.', or to a capital behind a small letter. The number behind it says
 * which of several it is (PASSWORD2), and a number alone is an empty word.
 */
static bool take_part(struct span *rest, struct span *part)
{
	size_t n = 0;

	while (rest->n && !isalnum((unsigned char)rest->p[0]))
		*rest = span_sub(*rest, 1);
	while (n < rest->n && isalnum((unsigned char)rest->p[n]) &&
	       !(n && isupper((unsigned char)rest->p[n]) && islower((unsigned char)rest->p[n - 1])))
		n++;
	*part = span_head(*rest, n);
	*rest = span_sub(*rest, n);
	while (part->n && isdigit((unsigned char)part->p[part->n - 1]))
		part->n--;
	return n > 0;
}

static bool ends_with_one(struct span part, const char *const *list, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		size_t n = strlen(list[i]);

		if (part.n >= n && span_eq_nocase(span_sub(part, part.n - n), list[i]))
			return true;
	}
	return false;
}

static bool has_weak_word(struct span name)
{
	struct span part, last = span_of("", 0);
	bool found = false;

	while (take_part(&name, &part)) {
		found |= ends_with_one(part, weak_words, ARRAY_LEN(weak_words));
		if (part.n) /* AUTH_URL_2 */
			last = part;
	}
	return found && !span_in_nocase(last, open_words, ARRAY_LEN(open_words));
}

bool names_secret_surely(struct span name)
{
	struct span part;

	for (size_t i = 0; i < ARRAY_LEN(phrases); i++)
		if (has_nocase(name, phrases[i]))
			return true;
	while (take_part(&name, &part))
		if (ends_with_one(part, words, ARRAY_LEN(words)))
			return true;
	return false;
}

bool names_secret(struct span name)
{
	if (span_eq_str(name, "secrets")) /* the key of a file, whose values are names */
		return false;
	return names_secret_surely(name) ||
	       has_weak_word(span_sub(name, (size_t)(span_rfind(name, '.') + 1)));
}

bool names_secret_at_end(struct span name)
{
	struct span rest = name, part, last = span_of("", 0);

	if (!names_secret(name))
		return false;
	while (take_part(&rest, &part))
		if (part.n && !isdigit((unsigned char)part.p[0])) /* PASSWORD_1 */
			last = part;
	return ends_with_one(last, words, ARRAY_LEN(words)) ||
	       ends_with_one(last, headers, ARRAY_LEN(headers));
}
