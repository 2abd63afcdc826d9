/* Which pipelines may deploy: titles, branches, tags, forks, and what is not known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "deploy/gate.h"

static const char *closed_because(const struct deploy_gate *g)
{
	static char reason[DEPLOY_GATE_REASON_MAX];

	return deploy_gate_is_open(reason, g) ? "" : reason;
}

#define OPEN(...) assert_string_equal("", closed_because(&(struct deploy_gate){ __VA_ARGS__ }))
#define CLOSED(because, ...)                                                                       \
	assert_string_equal(because, closed_because(&(struct deploy_gate){ __VA_ARGS__ }))

/* What GitLab says in a merge request that is ready. */
#define MR                                                                                         \
	.gitlab_ci = "true", .source = "merge_request_event", .iid = "12", .ref = "feature",       \
	.default_branch = "master", .project_id = "7", .source_id = "7",                           \
	.project_path = "team/app", .source_path = "team/app"
#define READY	   MR, .title = "Add a page", .draft = "false", .target = "master"
#define PUSH(ref_) .gitlab_ci = "true", .source = "push", .branch = ref_, .ref = ref_
#define TAG(tag_)  .gitlab_ci = "true", .source = "push", .tag = tag_, .ref = tag_

static void titles_of_drafts(void **state)
{
	static const struct {
		const char *title, *prefix;
	} rows[] = {
		{ "WIP: cache", "WIP:" },
		{ "wip: cache", "WIP:" },
		{ "Wip:cache", "WIP:" },
		{ "WIP:", "WIP:" },
		{ "[WIP] cache", "[WIP]" },
		{ "[wip]cache", "[WIP]" },
		{ "[WiP]", "[WIP]" },
		{ "(WIP) cache", "(WIP)" },
		{ "(wip)cache", "(WIP)" },
		{ "WIP cache", "WIP " },
		{ "wip cache", "WIP " },
		{ "WIP\tcache", "WIP " },
		{ "WIP  : cache", "WIP " },
		{ "WIP - cache", "WIP " },
		{ "WIP", "WIP " },
		{ " wip ", "WIP " },
		{ "WIP\n", "WIP " },
		{ "Draft: cache", "Draft:" },
		{ "draft: cache", "Draft:" },
		{ "DRAFT:cache", "Draft:" },
		{ "[Draft] cache", "[Draft]" },
		{ "[DRAFT]cache", "[Draft]" },
		{ "(Draft) cache", "(Draft)" },
		{ "(draft)", "(Draft)" },
		{ " WIP: cache", "WIP:" },
		{ "\t  [wip] cache", "[WIP]" },
		{ "   Draft: cache", "Draft:" },
		{ "  wip cache", "WIP " },
		{ "Draft: WIP: cache", "Draft:" },
		{ "WIP: Draft: cache", "WIP:" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *got = deploy_gate_draft_prefix(rows[i].title);

		if (!got || strcmp(got, rows[i].prefix) != 0)
			fail_msg("'%s': %s", rows[i].title, got ? got : "no draft");
	}
}

static void titles_that_only_look_like_drafts(void **state)
{
	static const char *const rows[] = {
		"Wipe the cache",
		"Wiper blades",
		"WIPO patents",
		"wip-up the cream",
		"wip/cache",
		"WIP.",
		"W",
		"WI",
		"WIP\xc2\xa0 x",
		"Draft - cache",
		"[WIP cache",
		"(WIP cache",
		"WIP] cache",
		"[WIP) cache",
		"{WIP} cache",
		"[ WIP ] cache",
		"[WIP:] cache",
		"Drafting\xe2\x80\xa6",
		"Drafts: a page for them",
		"Draft a page",
		"Draft",
		"Draft ",
		"draft-mode: on",
		"[Drafts] page",
		"(Draft page",
		"[Draft page",
		"Remove WIP: from titles",
		"Revert \"WIP: cache\"",
		"Revert \"Draft: cache\"",
		"Resolve \"[Draft] page\"",
		"cache [WIP]",
		"cache (Draft)",
		"'WIP: cache'",
		"no WIP: cache",
		"\xc2\xa0WIP: cache",
		"W IP: cache",
		"",
		"   ",
		"$(touch /tmp/x)",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (deploy_gate_draft_prefix(rows[i]))
			fail_msg("'%s' is taken for a draft", rows[i]);
}

static void a_merge_request_that_is_ready_is_deployed(void **state)
{
	(void)state;
	OPEN(READY);
	OPEN(READY, .environment = "staging/app", .tier = "staging");
	OPEN(READY, .env = "staging");
	/* older GitLabs have no CI_MERGE_REQUEST_DRAFT */
	OPEN(MR, .title = "Wipe the cache", .target = "master");
	/* hand-made pipelines hand on less */
	OPEN(MR, .draft = "false", .target = "master");
	OPEN(.title = "Add a page", .target = "master");
}

static void a_draft_is_not_deployed(void **state)
{
	(void)state;
	CLOSED("the title of the merge request begins with 'WIP:'", MR, .title = " wip: x",
	       .draft = "false", .target = "master");
	CLOSED("the title of the merge request begins with 'WIP'", MR, .title = "WIP x",
	       .draft = "false", .target = "master");
	CLOSED("the title of the merge request begins with '[Draft]'", MR, .title = "[draft] x",
	       .draft = "true", .target = "master");
	CLOSED("the merge request is a draft", MR, .title = "Add a page", .draft = "true",
	       .target = "master");
	/* in a shell where only these are set */
	CLOSED("the title of the merge request begins with 'WIP:'", .title = "WIP: x",
	       .target = "master");
	CLOSED("the merge request is a draft", .draft = "true");
}

static void a_merge_request_into_another_branch_is_not_deployed(void **state)
{
	(void)state;
	CLOSED("the merge request goes into 'develop', not into 'master'", MR, .title = "x",
	       .target = "develop");
	CLOSED("the merge request goes into 'Master', not into 'master'", MR, .title = "x",
	       .target = "Master");
	CLOSED("the merge request goes into 'master-2', not into 'master'", MR, .title = "x",
	       .target = "master-2");
	CLOSED("the merge request goes into 'master', not into 'main'", MR, .title = "x",
	       .target = "master", .main_branch = "main");
	OPEN(MR, .title = "x", .target = "main", .main_branch = "main");
	OPEN(.source = "merge_request_event", .title = "x", .target = "main",
	     .default_branch = "main");
	CLOSED("the merge request goes into 'main', not into 'master'",
	       .source = "merge_request_event", .title = "x", .target = "main");
}

static void a_fork_is_not_deployed(void **state)
{
	(void)state;
	CLOSED("the merge request comes from a fork", .gitlab_ci = "true",
	       .source = "merge_request_event", .title = "x", .target = "master", .project_id = "7",
	       .source_id = "8");
	CLOSED("the merge request comes from a fork", .gitlab_ci = "true",
	       .source = "merge_request_event", .title = "x", .target = "master",
	       .project_path = "team/app", .source_path = "eve/app");
	/* one of the two is enough to know */
	CLOSED("the merge request comes from a fork", .gitlab_ci = "true",
	       .source = "merge_request_event", .title = "x", .target = "master", .project_id = "7",
	       .source_id = "7", .project_path = "team/app", .source_path = "eve/app");
	OPEN(.gitlab_ci = "true", .source = "merge_request_event", .title = "x", .target = "master",
	     .project_id = "7", .project_path = "team/app");
	OPEN(.gitlab_ci = "true", .source = "merge_request_event", .title = "x", .target = "master",
	     .source_id = "7", .source_path = "team/app");
}

static void what_is_missing_makes_no_merge_request_ready(void **state)
{
	(void)state;
	CLOSED("GitLab does not say whether the merge request is a draft", .gitlab_ci = "true",
	       .source = "merge_request_event", .target = "master");
	CLOSED("GitLab does not say into which branch the merge request goes", .gitlab_ci = "true",
	       .source = "merge_request_event", .title = "x");
	CLOSED("GitLab does not say into which branch the merge request goes", .iid = "3",
	       .title = "x", .draft = "", .target = "");
}

/* A job may hand on any of the variables and none of the others. */
static void one_variable_is_enough_to_know_a_merge_request_or_gitlab(void **state)
{
	static const char *const draft = "GitLab does not say whether the merge request is a draft";

	(void)state;
	CLOSED(draft, .source = "merge_request_event");
	CLOSED(draft, .iid = "3");
	CLOSED(draft, .target = "master");
	CLOSED("GitLab does not say into which branch the merge request goes", .title = "x");
	CLOSED("GitLab does not say into which branch the merge request goes", .draft = "false");
	CLOSED("the pipeline runs on a schedule", .source = "schedule");
	CLOSED("the tag 'nightly' is no release (1.2.3, v1.2.3, 19092020-01)", .tag = "nightly");
}

static void the_main_branch_is_deployed(void **state)
{
	(void)state;
	OPEN(PUSH("master"));
	OPEN(PUSH("master"), .env = "production");
	OPEN(PUSH("master"), .environment = "production", .tier = "production");
	OPEN(PUSH("main"), .default_branch = "main");
	OPEN(PUSH("trunk"), .main_branch = "trunk", .default_branch = "main");
	OPEN(.gitlab_ci = "true", .source = "web", .branch = "master");
	OPEN(.gitlab_ci = "true", .source = "api", .branch = "master");
	/* empty variables are missing ones, and merge requests' are missing here */
	OPEN(PUSH("master"), .title = "", .target = "", .draft = "", .iid = "", .tag = "");
	/* only some of GitLab's variables */
	OPEN(.branch = "master");
	OPEN(.gitlab_ci = "true", .ref = "master", .env = "production");
}

static void other_branches_are_not_deployed(void **state)
{
	(void)state;
	CLOSED("the branch is 'feature', not 'master'", PUSH("feature"));
	CLOSED("the branch is 'feature', not 'master'", PUSH("feature"), .env = "staging");
	CLOSED("the branch is 'master', not 'main'", PUSH("master"), .main_branch = "main");
	CLOSED("the branch is 'feature', not 'master'", .branch = "feature");
	CLOSED("the branch is 'feature', not 'master'", .ref = "feature");
}

static void schedules_deploy_nothing(void **state)
{
	(void)state;
	CLOSED("the pipeline runs on a schedule", .gitlab_ci = "true", .source = "schedule",
	       .branch = "master", .ref = "master");
	CLOSED("the pipeline runs on a schedule", .source = "schedule", .tag = "1.2.3");
}

static void pull_requests_of_other_hosts_deploy_nothing(void **state)
{
	(void)state;
	CLOSED("the pipeline is for a pull request of another host", .gitlab_ci = "true",
	       .source = "external_pull_request_event", .branch = "master", .ref = "master");
}

static void a_tag_of_a_release_goes_to_production(void **state)
{
	(void)state;
	OPEN(TAG("1.2.3"), .env = "production");
	OPEN(TAG("v1.2.3"), .environment = "production/eu", .tier = "production");
	OPEN(TAG("19092020-01"), .tier = "production");
	OPEN(TAG("1.2.3"), .env = "prod");
	OPEN(TAG("1.2.3"));
	CLOSED("the tag '1.2.3' is for production only", TAG("1.2.3"), .env = "staging");
	CLOSED("the tag '1.2.3' is for production only", TAG("1.2.3"), .environment = "staging/app",
	       .tier = "staging");
	CLOSED("the tag '1.2.3' is for production only", TAG("1.2.3"), .environment = "staging");
	CLOSED("the tag '1.2.3' is for production only", TAG("1.2.3"), .tier = "staging");
	CLOSED("the tag 'nightly' is no release (1.2.3, v1.2.3, 19092020-01)", TAG("nightly"),
	       .env = "production");
	CLOSED("the tag 'master' is no release (1.2.3, v1.2.3, 19092020-01)", TAG("master"));
}

static void tags_of_releases(void **state)
{
	static const char *const yes[] = { "1.2.3",	  "v1.2.3",	 "0.0.0",
					   "10.20.30",	  "v2.1.2-rc.1", "1.2.3+build.5",
					   "19092020-01", "01012024-1",	 "31122024-100" };
	static const char *const no[] = { "",
					  "1",
					  "1.2",
					  "1.2.3.4",
					  "1.2.x",
					  "v",
					  "V1.2.3",
					  "vv1.2.3",
					  "1.2.3-",
					  "1.2.3 ",
					  " 1.2.3",
					  "a1.2.3",
					  "1.2.3rc1",
					  "1.2.3-a/b",
					  "1..3",
					  "1909202-01",
					  "190920200-01",
					  "19092020",
					  "19092020-",
					  "19092020-0a",
					  "19092020_01",
					  "release-1.2.3",
					  "svc-2.1.2" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		if (!deploy_gate_is_release(yes[i]))
			fail_msg("'%s' is a release", yes[i]);
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		if (deploy_gate_is_release(no[i]))
			fail_msg("'%s' is no release", no[i]);
}

static void what_is_missing_opens_no_production(void **state)
{
	static const char *const no_merge_request = "a merge request is not deployed to production";

	(void)state;
	CLOSED(no_merge_request, READY, .env = "production");
	CLOSED(no_merge_request, READY, .env = "Production");
	CLOSED(no_merge_request, READY, .environment = "production/eu");
	CLOSED(no_merge_request, READY, .env = "prod");
	CLOSED(no_merge_request, READY, .env = "Live/eu");
	CLOSED(no_merge_request, READY, .environment = "live", .tier = "production");
	CLOSED("GitLab does not say which branch or tag this is, and the environment is production",
	       .gitlab_ci = "true", .env = "production");
	CLOSED("the branch is 'feature', not 'master'", PUSH("feature"), .env = "production");
	/* somebody's word for another tier counts more than the name, but --env is what is deployed to */
	OPEN(READY, .environment = "live-search", .tier = "development");
	CLOSED("the tag '1.2.3' is for production only", TAG("1.2.3"), .environment = "live",
	       .tier = "testing");
	CLOSED(no_merge_request, READY, .env = "live", .environment = "x", .tier = "testing");
	/* nothing known, and not production */
	OPEN(.gitlab_ci = "true");
	OPEN(.gitlab_ci = "true", .env = "staging");
}

static void names_of_production(void **state)
{
	static const char *const yes[] = { "production",    "Production/eu",  "production2",
					   "prod-eu",	    "live-1",	      "prd_2",
					   "PROD",	    "prod1",	      "eu-prod",
					   "eu.live",	    "Live/eu",	      "prod",
					   "my production", "eu-production-1" };
	static const char *const no[] = {
		"staging",
		"pre-prod",
		"preprod",
		"non-prod",
		"nonprod",
		"staging-live",
		"delivery",
		"products",
		"review/fix-prod",
		"test2-prod",
		"",
		"staging/live",
		"dev-production",
		"prod-staging",
		"prod-test",
		"feature-live-search",
		"fix-prod-login",
		"uat-live",
		"acc-prod",
		"acceptance-prod",
		"tst-prod",
		"qc-live",
		"canary-1",
		"integration-live",
		"prod-canary",
		"quality-prod",
		"accept-eu-prod",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		CLOSED("a merge request is not deployed to production", READY, .env = yes[i]);
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		OPEN(READY, .env = no[i]);
}

static void outside_of_gitlab_the_gate_is_open(void **state)
{
	(void)state;
	OPEN(.gitlab_ci = NULL);
	OPEN(.gitlab_ci = "", .env = "production");
	OPEN(.env = "staging", .main_branch = "main", .project_path = "team/app");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(titles_of_drafts),
		cmocka_unit_test(titles_that_only_look_like_drafts),
		cmocka_unit_test(a_merge_request_that_is_ready_is_deployed),
		cmocka_unit_test(a_draft_is_not_deployed),
		cmocka_unit_test(a_merge_request_into_another_branch_is_not_deployed),
		cmocka_unit_test(a_fork_is_not_deployed),
		cmocka_unit_test(what_is_missing_makes_no_merge_request_ready),
		cmocka_unit_test(one_variable_is_enough_to_know_a_merge_request_or_gitlab),
		cmocka_unit_test(the_main_branch_is_deployed),
		cmocka_unit_test(other_branches_are_not_deployed),
		cmocka_unit_test(schedules_deploy_nothing),
		cmocka_unit_test(pull_requests_of_other_hosts_deploy_nothing),
		cmocka_unit_test(a_tag_of_a_release_goes_to_production),
		cmocka_unit_test(tags_of_releases),
		cmocka_unit_test(what_is_missing_opens_no_production),
		cmocka_unit_test(names_of_production),
		cmocka_unit_test(outside_of_gitlab_the_gate_is_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
