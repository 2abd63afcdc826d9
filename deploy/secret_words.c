#include "deploy/secret_words.h"

#include <ctype.h>

#include "base/cc.h"
#include "base/secret_name.h"

/* -- forms ----------------------------------------------------------------------- */

#define RANDOM_MIN 32

enum kind { KIND_NONE, KIND_UPPER, KIND_LOWER, KIND_DIGIT };

static enum kind kind_of(char c)
{
	if (isupper((unsigned char)c))
		return KIND_UPPER;
	if (islower((unsigned char)c))
		return KIND_LOWER;
	return isdigit((unsigned char)c) ? KIND_DIGIT : KIND_NONE;
}

/*
 * Letters of both cases and digits, mixed as in no name: a key, or base64. A digest in hex has one case only, a path or
 * GetUserById2 has few digits.
 */
static bool is_random(struct span text)
{
	unsigned of[KIND_DIGIT + 1] = { 0 }, changes = 0;
	enum kind last = KIND_NONE;

	if (text.n < RANDOM_MIN)
		return false;
	for (size_t i = 0; i < RANDOM_MIN; i++) {
		enum kind kind = kind_of(text.p[i]);

		if (kind == KIND_NONE && !strchr("+/_-", text.p[i]))
			return false;
		of[kind]++;
		changes += kind != last && kind != KIND_NONE && last != KIND_NONE;
		last = kind;
	}
	return of[KIND_UPPER] >= 3 && of[KIND_LOWER] >= 3 && of[KIND_DIGIT] >= 3 &&
	       changes >= RANDOM_MIN * 2 / 5;
}

struct form {
	const char *begin;
	size_t least; /* shorter ones are something else: $5$6 in a rewrite */
};

static const struct form forms[] = {
	/* hashes of passwords */
	{ "$apr1$", 0 },
	{ "$1$", 30 },
	{ "$5$", 40 },
	{ "$6$", 40 },
	{ "$y$", 40 },
	{ "$2y$", 0 },
	{ "$2a$", 0 },
	{ "$2b$", 0 },
	{ "$argon2", 0 },
	{ "$scrypt$", 0 },
	{ "SCRAM-SHA-256$", 0 },
	{ "{SHA}", 0 },
	{ "{SSHA", 0 },
	{ "{CRYPT}", 0 },
	/* tokens: GitLab, GitHub, Docker, npm, PyPI, Slack, Stripe, Google, Vault, SendGrid, OpenAI, age */
	{ "glpat-", 0 },
	{ "gldt-", 0 },
	{ "glrt-", 0 },
	{ "glcbt-", 0 },
	{ "glptt-", 0 },
	{ "ghp_", 20 },
	{ "ghs_", 20 },
	{ "gho_", 20 },
	{ "ghu_", 20 },
	{ "ghr_", 20 },
	{ "github_pat_", 0 },
	{ "dckr_pat_", 0 },
	{ "dckr_oat_", 0 },
	{ "pypi-AgE", 0 },
	{ "xoxb-", 0 },
	{ "xoxp-", 0 },
	{ "xoxa-", 0 },
	{ "sk_live_", 0 },
	{ "rk_live_", 0 },
	{ "AGE-SECRET-KEY-", 0 },
	{ "-----BEGIN", 0 },
	{ "eyJhbGciOi", 0 }, /* {"alg":, a JWT */
	/* what follows is the password */
	{ "hooks.slack.com/services/", 0 },
	{ "discord.com/api/webhooks/", 0 },
	{ "api.telegram.org/bot", 0 },
};

/* These stand in the midst of ordinary words, too: task_test_x. */
static const struct form apart_forms[] = {
	{ "pbkdf2_sha", 20 }, { "glsoat-", 0 },	  { "npm_", 40 },    { "xapp-", 20 },
	{ "sk_test_", 0 },    { "whsec_", 0 },	  { "AIza", 39 },    { "hvs.", 20 },
	{ "SG.", 50 },	      { "sk-proj-", 40 }, { "sk-ant-", 40 },
};

static bool begins_one(struct span text, const struct form *f, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (text.n >= f[i].least && span_starts(text, f[i].begin))
			return true;
	return false;
}

bool deploy_begins_secret(struct span text, bool apart)
{
	return begins_one(text, forms, ARRAY_LEN(forms)) ||
	       (apart &&
		(begins_one(text, apart_forms, ARRAY_LEN(apart_forms)) || is_random(text)));
}

/* -- values ---------------------------------------------------------------------- */

static bool is_switch(struct span value)
{
	static const char *const switches[] = { "true", "false", "yes",	 "no",
						"on",	"off",	 "none", "null" };

	return span_in_nocase(value, switches, ARRAY_LEN(switches));
}

/* 0, 587, 30m */
static bool is_small_number(struct span value)
{
	static const char *const units[] = { "", "ms", "s", "sec", "m", "min", "h", "d", "w" };
	size_t n = 0;

	while (n < value.n && isdigit((unsigned char)value.p[n]))
		n++;
	return n > 0 && n < 5 && span_in_nocase(span_sub(value, n), units, ARRAY_LEN(units));
}

/* What AUTH, JWT, COOKIE are set to where no secret is meant. */
static bool is_setting(struct span value)
{
	static const char *const settings[] = {
		"always",   "anonymous", "auto",     "basic",	 "bearer",   "builtin",	 "cookie",
		"cram-md5", "database",	 "db",	     "default",	 "digest",   "disable",	 "disabled",
		"enable",   "enabled",	 "external", "file",	 "forms",    "github",	 "gitlab",
		"google",   "gssapi",	 "header",   "hs256",	 "hs512",    "internal", "jwt",
		"kerberos", "keycloak",	 "keystone", "lax",	 "ldap",     "ldaps",	 "local",
		"login",    "md5",	 "mongodb",  "native",	 "never",    "ntlm",	 "oauth",
		"oauth2",   "oidc",	 "openid",   "optional", "pam",	     "password", "peer",
		"plain",    "proxy",	 "radius",   "redis",	 "required", "rs256",	 "saml",
		"saml2",    "secure",	 "session",  "simple",	 "ssl",	     "starttls", "strict",
		"tls",	    "token",	 "trust",    "user",	 "username", "xoauth2",
	};

	return is_small_number(value) || span_in_nocase(value, settings, ARRAY_LEN(settings));
}

bool deploy_value_is_open(struct span value, bool surely)
{
	return is_switch(value) || (!surely && is_setting(value));
}

bool deploy_is_secret(struct span name, struct span value)
{
	return names_secret(name) && !deploy_value_is_open(value, names_secret_surely(name));
}

bool deploy_begins_secret_of(struct span name, struct span text)
{
	size_t n = 0;

	while (n < text.n && (isalnum((unsigned char)text.p[n]) || text.p[n] == '-'))
		n++;
	return names_secret(name) &&
	       !((n == text.n || strchr("\"'}],;) \t\r\n", text.p[n])) &&
		 deploy_value_is_open(span_head(text, n), names_secret_surely(name)));
}

bool deploy_begins_reason(struct span word)
{
	static const char *const words[] = {
		"a",	       "access",    "an",	  "authentication",
		"bad",	       "can",	    "cannot",	  "can't",
		"contains",    "could",	    "denied",	  "does",
		"doesn't",     "empty",	    "expected",	  "expired",
		"failed",      "file",	    "has",	  "i/o",
		"illegal",     "incorrect", "invalid",	  "is",
		"isn't",       "it's",	    "lookup",	  "malformed",
		"missing",     "mismatch",  "must",	  "needs",
		"no",	       "not",	    "only",	  "open",
		"permission",  "read",	    "required",	  "should",
		"signature",   "stat",	    "the",	  "this",
		"too",	       "unable",    "unexpected", "unknown",
		"unsupported", "was",	    "won't",	  "wrong",
		"you",	       "your",
	};

	return span_in_nocase(word, words, ARRAY_LEN(words));
}

bool deploy_is_auth_scheme(struct span word)
{
	static const char *const schemes[] = { "bearer", "basic", "digest", "token" };

	return span_in_nocase(word, schemes, ARRAY_LEN(schemes));
}

/* -- options ---------------------------------------------------------------------- */

/* Short options, which do not say what they are. For a program that is not here "any" counts. */
static const struct secret_program {
	const char *name;  /* with a star: what the program's begins with */
	const char *flags; /* options without a value, which others may follow in one word */
	struct {
		char letter;
		enum secret_option apart, attached; /* is its value in the next word, in the same */
	} options[3];
} programs[] = {
	{ "mysql*", "sNBtvfCnrEHqA", { { 'p', OPTION_OPEN, OPTION_SECRET } } },
	{ "mariadb*", "sNBtvfCnrEHqA", { { 'p', OPTION_OPEN, OPTION_SECRET } } },
	{ "mongo*", "v", { { 'p', OPTION_SECRET, OPTION_SECRET } } },
	{ "sshpass", "v", { { 'p', OPTION_SECRET, OPTION_SECRET } } },
	{ "redis-cli", "", { { 'a', OPTION_SECRET, OPTION_OPEN } } },
	{ "valkey-cli", "", { { 'a', OPTION_SECRET, OPTION_OPEN } } },
	{ "keydb-cli", "", { { 'a', OPTION_SECRET, OPTION_OPEN } } },
	{ "ldap*", "xLZvncCMQI", { { 'w', OPTION_SECRET, OPTION_SECRET } } },
	{ "sqlcmd", "CEIbekNx", { { 'P', OPTION_SECRET, OPTION_SECRET } } },
	{ "zip", "rqjeoymT0123456789", { { 'P', OPTION_SECRET, OPTION_SECRET } } },
	{ "unzip", "oqjnlptuvafX", { { 'P', OPTION_SECRET, OPTION_SECRET } } },
	{ "http", "", { { 'a', OPTION_PAIR, OPTION_PAIR } } },
	{ "https", "", { { 'a', OPTION_PAIR, OPTION_PAIR } } },
	{ "ssh-keygen", "q", { { 'N', OPTION_SECRET, OPTION_SECRET }, { 'P', OPTION_SECRET, OPTION_SECRET } } },
	{ "curl",
	  "fsSkLvgGIjaNOqJRil0123456#",
	  { { 'u', OPTION_PAIR, OPTION_PAIR },
	    { 'U', OPTION_PAIR, OPTION_PAIR },
	    { 'p', OPTION_OPEN, OPTION_OPEN } } },
	/* theirs is no password */
	{ "mkdir", "v", { { 'p', OPTION_OPEN, OPTION_OPEN } } },
	{ "cp", "vrRfa", { { 'p', OPTION_OPEN, OPTION_OPEN } } },
	{ "mv", "", { { 'p', OPTION_OPEN, OPTION_OPEN } } },
	{ "install", "vdD", { { 'p', OPTION_OPEN, OPTION_OPEN } } },
	{ "tar", "xcvzjJ", { { 'p', OPTION_OPEN, OPTION_OPEN } } },
	{ "touch", "", { { 'p', OPTION_OPEN, OPTION_OPEN } } },
	{ "ssh", "tTvqnNfACxX", { { 'p', OPTION_OPEN, OPTION_OPEN } } },
	{ "gunicorn", "", { { 'p', OPTION_OPEN, OPTION_OPEN } } },
}, any = { "", "", { { 'p', OPTION_PERHAPS, OPTION_PERHAPS },
		     { 'u', OPTION_PAIR, OPTION_PAIR },
		     { 'U', OPTION_PAIR, OPTION_PAIR } } };

const struct secret_program *deploy_secret_program(struct span name)
{
	for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
		struct span want = span_of_str(programs[i].name);

		if (want.p[want.n - 1] == '*'
			    ? span_eq(span_head(name, want.n - 1), span_head(want, want.n - 1))
			    : span_eq(name, want))
			return &programs[i];
	}
	return NULL;
}

bool deploy_runs_another(struct span name)
{
	static const char *const wrappers[] = {
		"sh",	"bash",	  "ash",    "dash",   "zsh",	   "busybox", "exec",	 "sudo",
		"doas", "env",	  "nice",   "ionice", "command",   "time",    "nohup",	 "timeout",
		"tini", "setsid", "stdbuf", "xargs",  "dumb-init", "eval",    "sshpass", "then",
		"do",	"else",	  "if",	    "while",  "!",
	};

	return span_in_nocase(name, wrappers, ARRAY_LEN(wrappers));
}

bool deploy_runs_next(struct span option)
{
	static const char *const options[] = { "--", "--command", "-exec", "-execdir" };

	return span_in_nocase(option, options, ARRAY_LEN(options)) ||
	       (option.n > 1 && option.n < 5 && option.p[1] != '-' && span_ends(option, "c"));
}

/* The place of the letter in the word; 0: it is not there as an option. */
static size_t find_letter(const struct secret_program *p, char letter, struct span word)
{
	size_t n = 1;

	while (n < word.n && word.p[n] != letter && strchr(p->flags, word.p[n]))
		n++;
	if (n < word.n && word.p[n] == letter)
		return n;
	/* behind flags that are not known here: -fsu */
	return p != &any && word.p[word.n - 1] == letter ? word.n - 1 : 0;
}

/* Is one of its options the word's? */
static bool look_up(struct secret_value *out, const struct secret_program *p, struct span word)
{
	bool found = false;

	for (size_t i = 0; i < ARRAY_LEN(p->options) && p->options[i].letter; i++) {
		size_t at = find_letter(p, p->options[i].letter, word);
		bool apart = at + 1 == word.n;
		enum secret_option means = apart ? p->options[i].apart : p->options[i].attached;

		if (!at)
			continue;
		found = true;
		if (means > out->means)
			*out = (struct secret_value){ means, at + 1 };
	}
	return found;
}

static struct secret_value long_option(struct span word)
{
	static const char *const pairs[] = { "--user", "--proxy-user", "--username" };
	struct span name = word, value;
	bool attached = span_cut(word, '=', &name, &value);

	if (!span_in_nocase(name, pairs, ARRAY_LEN(pairs)))
		return (struct secret_value){ OPTION_OPEN, word.n };
	return (struct secret_value){ OPTION_PAIR, attached ? name.n + 1 : word.n };
}

struct secret_value deploy_secret_option(const struct secret_program *program, bool surely,
					 struct span word)
{
	struct secret_value out = { OPTION_OPEN, word.n };

	if (span_starts(word, "--"))
		return long_option(word);
	if (word.n < 2 || word.p[0] != '-')
		return out;
	if (!program || !look_up(&out, program, word) || !surely)
		look_up(&out, &any, word);
	return out;
}
