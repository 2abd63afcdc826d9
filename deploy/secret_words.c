/*
 * Rather too much is hidden than too little; but what hides the ordinary hides the news, too, so words that mean
 * both (AUTH) count only where the end of the name does not say otherwise.
 */
#include "deploy/secret_words.h"

#include <ctype.h>

#include "base/cc.h"

/* -- names ---------------------------------------------------------------------- */

/* What one word of a name ends with. */
static const char *const words[] = {
	"PASSWORD", "PASSWORDS",  "PASSWD",	 "PASSPHRASE", "PASSCODE", "PASS",
	"PWD",	    "SECRET",	  "SECRETS",	 "TOKEN",      "TOKENS",   "KEY",
	"KEYS",	    "CREDENTIAL", "CREDENTIALS", "CREDS",      "PSK",
};

/* The same, unless the last word of the name is an open one. Of a label only what follows its last dot counts. */
static const char *const weak_words[] = { "AUTH", "AUTHORIZATION", "JWT", "COOKIE", "SALT" };

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

/* Takes one word of a name off: up to '_', '-', '.', or to a capital behind a small letter. */
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

static bool is_one(struct span part, const char *const *list, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (span_eq_nocase(part, list[i]))
			return true;
	return false;
}

static bool has_weak_word(struct span name)
{
	struct span part, last = span_of("", 0);
	bool found = false;

	while (take_part(&name, &part)) {
		found |= ends_with_one(part, weak_words, ARRAY_LEN(weak_words));
		last = part;
	}
	return found && !is_one(last, open_words, ARRAY_LEN(open_words));
}

bool deploy_names_secret(struct span name)
{
	struct span rest = name, part;

	if (span_eq_str(name, "secrets")) /* the key of a file, whose values are names */
		return false;
	for (size_t i = 0; i < ARRAY_LEN(phrases); i++)
		if (has_nocase(name, phrases[i]))
			return true;
	while (take_part(&rest, &part))
		if (ends_with_one(part, words, ARRAY_LEN(words)))
			return true;
	return has_weak_word(span_sub(name, (size_t)(span_rfind(name, '.') + 1)));
}

bool deploy_ends_secret(struct span name)
{
	struct span rest = name, part, last = span_of("", 0);

	if (!deploy_names_secret(name))
		return false;
	while (take_part(&rest, &part))
		if (!isdigit((unsigned char)part.p[0])) /* PASSWORD_1 */
			last = part;
	return ends_with_one(last, words, ARRAY_LEN(words)) ||
	       ends_with_one(last, headers, ARRAY_LEN(headers));
}

/* -- forms ----------------------------------------------------------------------- */

bool deploy_begins_secret(struct span text)
{
	static const struct {
		const char *begin;
		size_t least; /* shorter ones are something else: $5$6 in a rewrite */
	} forms[] = {
		{ "$apr1$", 0 },
		{ "$5$", 40 },
		{ "$6$", 40 },
		{ "$2y$", 0 },
		{ "$2a$", 0 },
		{ "$2b$", 0 },
		{ "$argon2", 0 },
		{ "{SHA}", 0 },
		{ "{SSHA}", 0 },
		{ "glpat-", 0 },
		{ "gldt-", 0 },
		{ "glrt-", 0 },
		{ "glcbt-", 0 },
		{ "ghp_", 20 },
		{ "ghs_", 20 },
		{ "gho_", 20 },
		{ "github_pat_", 0 },
		{ "sk_live_", 0 },
		{ "rk_live_", 0 },
		{ "xoxb-", 0 },
		{ "xoxp-", 0 },
		{ "-----BEGIN", 0 },
		{ "eyJhbGciOi", 0 },		    /* {"alg":, a JWT */
		{ "hooks.slack.com/services/", 0 }, /* what follows is the password */
	};

	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		if (text.n >= forms[i].least && span_starts(text, forms[i].begin))
			return true;
	return false;
}

bool deploy_is_switch(struct span value)
{
	static const char *const switches[] = { "true", "false", "yes",	 "no",
						"on",	"off",	 "none", "null" };

	return is_one(value, switches, ARRAY_LEN(switches));
}

bool deploy_begins_switch(struct span text)
{
	size_t n = 0;

	while (n < text.n && isalpha((unsigned char)text.p[n]))
		n++;
	return (n == text.n || strchr("\"'}],;) \t\r\n", text.p[n])) &&
	       deploy_is_switch(span_head(text, n));
}

bool deploy_is_auth_scheme(struct span word)
{
	static const char *const schemes[] = { "bearer", "basic", "digest", "token" };

	return is_one(word, schemes, ARRAY_LEN(schemes));
}

/* -- options ---------------------------------------------------------------------- */

/* Short options, which do not say what they are. For a program that is not here "any" counts. */
static const struct secret_program {
	const char *name; /* with a star: what the program's begins with */
	struct {
		char letter;
		enum secret_option means;
	} options[3];
} programs[] = {
	{ "mysql*", { { 'p', OPTION_ATTACHED } } },
	{ "mariadb*", { { 'p', OPTION_ATTACHED } } },
	{ "mongo*", { { 'p', OPTION_NEXT } } },
	{ "sshpass", { { 'p', OPTION_ATTACHED }, { 'p', OPTION_NEXT } } },
	{ "redis-cli", { { 'a', OPTION_NEXT } } },
	{ "valkey-cli", { { 'a', OPTION_NEXT } } },
	{ "keydb-cli", { { 'a', OPTION_NEXT } } },
	{ "ldap*", { { 'w', OPTION_ATTACHED }, { 'w', OPTION_NEXT } } },
	{ "sqlcmd", { { 'P', OPTION_ATTACHED }, { 'P', OPTION_NEXT } } },
	{ "zip", { { 'P', OPTION_ATTACHED }, { 'P', OPTION_NEXT } } },
	{ "unzip", { { 'P', OPTION_ATTACHED }, { 'P', OPTION_NEXT } } },
	{ "curl", { { 'u', OPTION_PAIR }, { 'U', OPTION_PAIR }, { 'p', OPTION_OPEN } } },
	/* theirs is no password */
	{ "mkdir", { { 'p', OPTION_OPEN } } },
	{ "cp", { { 'p', OPTION_OPEN } } },
	{ "mv", { { 'p', OPTION_OPEN } } },
	{ "install", { { 'p', OPTION_OPEN } } },
	{ "tar", { { 'p', OPTION_OPEN } } },
	{ "touch", { { 'p', OPTION_OPEN } } },
	{ "ssh", { { 'p', OPTION_OPEN } } },
	{ "gunicorn", { { 'p', OPTION_OPEN } } },
}, any = { "", { { 'p', OPTION_PERHAPS }, { 'u', OPTION_PAIR }, { 'U', OPTION_PAIR } } };

const struct secret_program *deploy_secret_program(struct span word)
{
	struct span name = span_sub(word, (size_t)(span_rfind(word, '/') + 1));

	if (span_find(name, ':') >= 0) /* mysql:3306 */
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
		struct span want = span_of_str(programs[i].name);

		if (want.p[want.n - 1] == '*'
			    ? span_eq(span_head(name, want.n - 1), span_head(want, want.n - 1))
			    : span_eq(name, want))
			return &programs[i];
	}
	return NULL;
}

static enum secret_option look_up(const struct secret_program *p, struct span word, bool *known)
{
	for (size_t i = 0; i < ARRAY_LEN(p->options) && p->options[i].letter; i++) {
		char letter = p->options[i].letter;

		*known |= letter == word.p[1];
		if (p->options[i].means == OPTION_ATTACHED) {
			if (letter == word.p[1] && word.n > 2)
				return OPTION_ATTACHED;
			continue;
		}
		/* of a program that is known other letters may stand before it: -fsu */
		if (letter == word.p[word.n - 1] && (word.n == 2 || p != &any))
			return p->options[i].means;
	}
	return OPTION_OPEN;
}

enum secret_option deploy_secret_option(const struct secret_program *program, struct span word)
{
	enum secret_option means;
	bool known = false;

	if (program && strcmp(program->name, "curl") == 0 &&
	    (span_eq_str(word, "--user") || span_eq_str(word, "--proxy-user")))
		return OPTION_PAIR;
	if (word.n < 2 || word.p[0] != '-' || word.p[1] == '-')
		return OPTION_OPEN;
	means = program ? look_up(program, word, &known) : OPTION_OPEN;
	return known || means != OPTION_OPEN ? means : look_up(&any, word, &known);
}
