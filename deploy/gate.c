/*
 * A variable that is not there proves nothing: it neither makes a merge request ready
 * nor opens production, and a branch pipeline (which has no variable of merge requests)
 * is judged by its branch alone.
 */
#include "deploy/gate.h"

#include <ctype.h>

#include "base/span.h"

#define MAIN_DFLT "master"

static const char *const draft_prefixes[] = {
	"WIP:", "[WIP]", "(WIP)", "WIP ", "Draft:", "[Draft]", "(Draft)",
};

static bool is_set(const char *v)
{
	return v && *v;
}

static bool is(const char *v, const char *text)
{
	return v && strcmp(v, text) == 0;
}

static const char *main_branch(const struct deploy_gate *g)
{
	if (is_set(g->main_branch))
		return g->main_branch;
	return is_set(g->default_branch) ? g->default_branch : MAIN_DFLT;
}

static bool closed(char *reason, const char *fmt, ...) PRINTF_FMT(2, 3);
static bool closed(char *reason, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, DEPLOY_GATE_REASON_MAX, fmt, ap);
	va_end(ap);
	return false;
}

/* -- texts ------------------------------------------------------------------- */

const char *deploy_gate_draft_prefix(const char *title)
{
	struct span text = span_ltrim(span_of_str(title));

	for (size_t i = 0; i < ARRAY_LEN(draft_prefixes); i++) {
		const char *prefix = draft_prefixes[i];
		size_t n = strlen(prefix);
		struct span head = span_head(text, n);

		/* the blank behind WIP may be any blank, or the title's end */
		if (prefix[n - 1] == ' ' && span_eq_nocase(span_trim(head), "WIP"))
			return prefix;
		if (span_eq_nocase(head, prefix))
			return prefix;
	}
	return NULL;
}

static size_t digits(struct span *rest)
{
	size_t n = 0;

	while (n < rest->n && rest->p[n] >= '0' && rest->p[n] <= '9')
		n++;
	*rest = span_sub(*rest, n);
	return n;
}

/* What SemVer allows behind the three numbers. */
static bool is_suffix(struct span s)
{
	if (!s.n)
		return true;
	if (s.n < 2 || (*s.p != '-' && *s.p != '+'))
		return false;
	for (size_t i = 1; i < s.n; i++)
		if (!strchr("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-+",
			    s.p[i]))
			return false;
	return true;
}

static bool is_semver(struct span s)
{
	span_take(&s, "v");
	return digits(&s) && span_take(&s, ".") && digits(&s) && span_take(&s, ".") && digits(&s) &&
	       is_suffix(s);
}

static bool is_dated(struct span s)
{
	return digits(&s) == 8 && span_take(&s, "-") && digits(&s) && !s.n;
}

bool deploy_gate_is_release(const char *tag)
{
	struct span s = span_of_str(tag);

	return is_semver(s) || is_dated(s);
}

/* -- where to ---------------------------------------------------------------- */

/* The next word of letters. */
static bool take_word(struct span *rest, struct span *word)
{
	size_t n = 0;

	while (rest->n && !isalpha((unsigned char)*rest->p))
		*rest = span_sub(*rest, 1);
	while (n < rest->n && isalpha((unsigned char)rest->p[n]))
		n++;
	*word = span_head(*rest, n);
	*rest = span_sub(*rest, n);
	return n > 0;
}

/*
 * "production" and "production/eu", as GitLab's scope production* has them; and the short names that GitLab itself
 * takes for that tier, which it does not tell where a job names no environment (--env prod-eu). They count as the first
 * or the last word: in the middle they are a branch's (feature-live-search), as is often what follows a slash. A word
 * for another tier says more, wherever it stands (pre-prod, prod-test), which is GitLab's order, too.
 */
bool deploy_gate_names_production(const char *name)
{
	static const char *const yes[] = { "prod", "prd", "live", "production" };
	static const char *const no[] = {
		"pre",	"non",	   "dev",    "development", "review",
		"test", "testing", "tst",    "stage",	    "staging",
		"stg",	"qa",	   "qc",     "quality",	    "preview",
		"demo", "sandbox", "int",    "trunk",	    "integration",
		"uat",	"acc",	   "accept", "acceptance",  "canary",
	};
	struct span s = span_of_str(name), word, rest, tail, first = { 0 }, last = { 0 };

	if (span_eq_nocase(span_head(s, 10), "production"))
		return true;
	span_cut(s, '/', &rest, &tail);
	while (take_word(&rest, &word)) {
		if (span_in_nocase(word, no, ARRAY_LEN(no)))
			return false;
		if (!first.n)
			first = word;
		last = word;
	}
	return span_in_nocase(first, yes, ARRAY_LEN(yes)) ||
	       span_in_nocase(last, yes, ARRAY_LEN(yes));
}

bool deploy_gate_is_production(const struct deploy_gate *g)
{
	/* the tier is what somebody said of the environment, or what GitLab thinks of its name */
	return deploy_gate_names_production(g->env) ||
	       (is_set(g->tier) ? is(g->tier, "production")
				: deploy_gate_names_production(g->environment));
}

static bool is_elsewhere(const struct deploy_gate *g)
{
	return !deploy_gate_is_production(g) &&
	       (is_set(g->env) || is_set(g->environment) || is_set(g->tier));
}

/* -- events ------------------------------------------------------------------ */

static bool is_merge_request(const struct deploy_gate *g)
{
	return is(g->source, "merge_request_event") || is_set(g->iid) || is_set(g->title) ||
	       is_set(g->target) || is_set(g->draft);
}

static bool is_gitlab(const struct deploy_gate *g)
{
	return is_set(g->gitlab_ci) || is_set(g->source) || is_merge_request(g) || is_set(g->tag) ||
	       is_set(g->branch) || is_set(g->ref);
}

static bool differ(const char *a, const char *b)
{
	return is_set(a) && is_set(b) && strcmp(a, b) != 0;
}

static bool merge_request_is_open(char *reason, const struct deploy_gate *g)
{
	const char *prefix = deploy_gate_draft_prefix(g->title ? g->title : "");

	if (deploy_gate_is_production(g))
		return closed(reason, "a merge request is not deployed to production");
	if (prefix)
		return closed(reason, "the title of the merge request begins with '%.*s'",
			      (int)span_trim(span_of_str(prefix)).n, prefix);
	if (is(g->draft, "true"))
		return closed(reason, "the merge request is a draft");
	if (!is_set(g->title) && !is_set(g->draft))
		return closed(reason, "GitLab does not say whether the merge request is a draft");
	if (differ(g->project_id, g->source_id) || differ(g->project_path, g->source_path))
		return closed(reason, "the merge request comes from a fork");
	if (!is_set(g->target))
		return closed(reason,
			      "GitLab does not say into which branch the merge request goes");
	if (!is(g->target, main_branch(g)))
		return closed(reason, "the merge request goes into '%s', not into '%s'", g->target,
			      main_branch(g));
	return true;
}

static bool tag_is_open(char *reason, const struct deploy_gate *g)
{
	if (!deploy_gate_is_release(g->tag))
		return closed(reason, "the tag '%s' is no release (1.2.3, v1.2.3, 19092020-01)",
			      g->tag);
	if (is_elsewhere(g))
		return closed(reason, "the tag '%s' is for production only", g->tag);
	return true;
}

bool deploy_gate_is_open(char reason[DEPLOY_GATE_REASON_MAX], const struct deploy_gate *g)
{
	const char *branch = is_set(g->branch) ? g->branch : g->ref;

	*reason = '\0';
	if (!is_gitlab(g))
		return true;
	if (is(g->source, "schedule"))
		return closed(reason, "the pipeline runs on a schedule");
	/* its branch may be called as the main one, and is somebody's of another host */
	if (is(g->source, "external_pull_request_event"))
		return closed(reason, "the pipeline is for a pull request of another host");
	if (is_merge_request(g))
		return merge_request_is_open(reason, g);
	if (is_set(g->tag))
		return tag_is_open(reason, g);
	if (is_set(branch) && !is(branch, main_branch(g)))
		return closed(reason, "the branch is '%s', not '%s'", branch, main_branch(g));
	if (!is_set(branch) && deploy_gate_is_production(g))
		return closed(reason, "GitLab does not say which branch or tag this is, and the "
				      "environment is production");
	return true;
}
