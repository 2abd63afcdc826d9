// What can happen in a project, as GitLab tells it to the rules in variables, and which jobs then
// are there. "T B R S P" are test, build, release, staging, production, "Q" sonarqube, "L" logs-inspect,
// "p" production by hand; "none": there is no pipeline.

const branch = (name, more = {}) => ({ CI_PIPELINE_SOURCE: "push", CI_COMMIT_BRANCH: name, CI_COMMIT_REF_NAME: name, ...more });
const tag = (name, more = {}) => ({ CI_PIPELINE_SOURCE: "push", CI_COMMIT_TAG: name, CI_COMMIT_REF_NAME: name, ...more });
const request = (title, more = {}) => ({
	CI_PIPELINE_SOURCE: "merge_request_event",
	CI_COMMIT_REF_NAME: "feature",
	CI_OPEN_MERGE_REQUESTS: "group/app!7",
	CI_MERGE_REQUEST_IID: "7",
	CI_MERGE_REQUEST_TITLE: title,
	CI_MERGE_REQUEST_DRAFT: "false",
	CI_MERGE_REQUEST_TARGET_BRANCH_NAME: "master",
	CI_MERGE_REQUEST_SOURCE_BRANCH_NAME: "feature",
	CI_MERGE_REQUEST_PROJECT_ID: "42",
	CI_MERGE_REQUEST_SOURCE_PROJECT_ID: "42",
	...more,
});
const sonar = { SONAR_HOST_URL: "https://sonar.example.com" };
const logs = { SERVICE_NAME: "web" };
const open = { CI_OPEN_MERGE_REQUESTS: "group/app!7" };

export const projects = {
	one: [{ name: "app" }],
	byHand: [{ name: "app", production_when: "manual" }],
	folder: [{ name: "app", project_dir: "svc", production_when: "manual" }],
	noProduction: [{ name: "app", production_when: "never" }],
	noSonar: [{ name: "app", sonar: "never" }],
	main: [{ name: "app", main_branch: "main" }],
	versioned: [{ name: "app", version_file: "VERSION" }],
	two: [
		{ name: "a", project_dir: "svc/a", changes: ["svc/a/**/*", "lib/**/*"] },
		{ name: "b", project_dir: "svc/b", changes: ["svc/b/**/*"] },
	],
};

// [what happens, variables, jobs, files changed, project]
export const events = [
	["a push to a branch", branch("feature"), "T B"],
	["a push to a branch with an open merge request", branch("feature", open), "none"],
	["a push to a branch whose name begins like the main one", branch("master-2"), "T B"],
	["a push to a branch that has the main one's name in a folder", branch("fix/master"), "T B"],
	["a pipeline by hand on a branch with an open merge request", branch("feature", { ...open, CI_PIPELINE_SOURCE: "web" }), "T B"],

	["a ready merge request", request("Add a page"), "T B R S"],
	...["WIP: x", "[WIP] x", "(WIP) x", "WIP x", "Draft: x", "[Draft] x", "(Draft) x", "wip: x", "draft: x", "Wip x", "[dRaFt] x",
		"  WIP: x", "\tDraft: x", "WIP\tx", "WIP", "WIP:x", "[WIP]x"]
		.map((title) => [`a merge request with the title ${JSON.stringify(title)}`, request(title), "T B"]),
	...["Wipe the cache", "Drafting the page", "Draft of a page", "Fix WIP: of others", "wip-out", "[ WIP ] x", "(draft x", "No Draft: x",
		"a $HOME \"b\" 'c' /d/ \\e", "WIPO: x"]
		.map((title) => [`a merge request with the title ${JSON.stringify(title)}`, request(title), "T B R S"]),
	["a merge request with the draft flag", request("Add a page", { CI_MERGE_REQUEST_DRAFT: "true" }), "T B"],
	["a merge request where GitLab knows no draft flag", request("Add a page", { CI_MERGE_REQUEST_DRAFT: undefined }), "T B R S"],
	["a merge request to another branch", request("x", { CI_MERGE_REQUEST_TARGET_BRANCH_NAME: "develop" }), "T B"],
	["a merge request to master-2", request("x", { CI_MERGE_REQUEST_TARGET_BRANCH_NAME: "master-2" }), "T B"],
	["a merge request from a fork", request("x", { CI_MERGE_REQUEST_SOURCE_PROJECT_ID: "43" }), "T B"],
	["a merge request that changes the version", request("x"), "T B R S", ["version"]],

	["a push to master", branch("master"), "T B R S"],
	["a push to master with a merge request from master open", branch("master", open), "T B R S"],
	["a push to master that changes version", branch("master"), "T B R S P", ["app.py", "version"]],
	["a push to master that changes a file version elsewhere", branch("master"), "T B R S", ["docs/version"]],
	["a push to master that changes version.txt", branch("master"), "T B R S", ["version.txt"]],
	["a push to a branch that changes version", branch("feature"), "T B", ["version"]],
	["a schedule on master", branch("master", { CI_PIPELINE_SOURCE: "schedule" }), "T B"],
	["a schedule on master after a change of version", branch("master", { CI_PIPELINE_SOURCE: "schedule" }), "T B", ["version"]],
	["a schedule on a branch", branch("feature", { CI_PIPELINE_SOURCE: "schedule" }), "T B"],
	["a pipeline by hand on master", branch("master", { CI_PIPELINE_SOURCE: "web" }), "T B R S"],
	["a pipeline by hand on master after a change of version", branch("master", { CI_PIPELINE_SOURCE: "web" }), "T B R S", ["version"]],
	["a pipeline by hand on a branch", branch("feature", { CI_PIPELINE_SOURCE: "web" }), "T B"],
	["a trigger on master", branch("master", { CI_PIPELINE_SOURCE: "trigger" }), "T B"],
	["a pipeline of another project on master", branch("master", { CI_PIPELINE_SOURCE: "pipeline" }), "T B"],

	...["1.2.3", "v1.2.3", "19092020-01", "0.0.0", "10.20.30"].map((name) => [`the tag ${name}`, tag(name), "P"]),
	...["1.2", "1.2.3.4", "v1", "x1.2.3", "vv1.2.3", "1.2.3-rc1", "1.2.3 ", "release-1.2.3", "1909202-01", "190920201-01", "19092020-1",
		"19092020-001", "19092020", "latest", "V1.2.3", "1x2x3"]
		.map((name) => [`the tag ${JSON.stringify(name)}`, tag(name), ""]),
	["a schedule on a tag", tag("1.2.3", { CI_PIPELINE_SOURCE: "schedule" }), ""],
	["a pipeline by hand on a tag", tag("1.2.3", { CI_PIPELINE_SOURCE: "web" }), ""],

	["a push with SONAR_HOST_URL", branch("feature", sonar), "T Q B"],
	["a push with an empty SONAR_HOST_URL", branch("feature", { SONAR_HOST_URL: "" }), "T B"],
	["a merge request with SONAR_HOST_URL", request("x", sonar), "T Q B R S"],
	["a draft with SONAR_HOST_URL", request("WIP: x", sonar), "T Q B"],
	["a push to master with SONAR_HOST_URL", branch("master", sonar), "T Q B R S"],
	["a tag with SONAR_HOST_URL", tag("1.2.3", sonar), "P"],
	["a schedule with SONAR_HOST_URL", branch("master", { CI_PIPELINE_SOURCE: "schedule", ...sonar }), "T B"],
	["a push where sonar is never", branch("feature", sonar), "T B", undefined, "noSonar"],

	...["web", "api", "trigger", "schedule"].map((source) =>
		[`a pipeline started by ${source} with SERVICE_NAME`, branch("master", { CI_PIPELINE_SOURCE: source, ...logs }), "L"]),
	["the same with SONAR_HOST_URL", branch("master", { CI_PIPELINE_SOURCE: "web", ...logs, ...sonar }), "L"],
	["a pipeline by hand with SONAR_HOST_URL", branch("master", { CI_PIPELINE_SOURCE: "web", ...sonar }), "T Q B R S"],
	["a push with SONAR_HOST_URL in a project that has SERVICE_NAME", branch("feature", { ...logs, ...sonar }), "T Q B"],
	["a push in a project that has SERVICE_NAME", branch("master", logs), "T B R S"],
	["a merge request in a project that has SERVICE_NAME", request("x", logs), "T B R S"],
	["a pipeline by hand with an empty SERVICE_NAME", branch("master", { CI_PIPELINE_SOURCE: "web", SERVICE_NAME: "" }), "T B R S"],

	["production by hand: a new version", branch("master"), "T B R S p", ["version"], "byHand"],
	["production by hand: a new version in a folder", branch("master"), "T B R S p", ["svc/version"], "folder"],
	["production by hand: a new version that is not the folder's", branch("master"), "T B R S", ["version"], "folder"],
	["production by hand: a tag", tag("v1.2.3"), "p", undefined, "byHand"],
	["no production: a new version", branch("master"), "T B R S", ["version"], "noProduction"],
	["no production: a tag", tag("v1.2.3"), "", undefined, "noProduction"],
	["another main branch: a push to it", branch("main"), "T B R S", undefined, "main"],
	["another main branch: a new version", branch("main"), "T B R S P", ["version"], "main"],
	["another main branch: a push to it with a merge request from it open", branch("main", open), "T B R S", undefined, "main"],
	["another main branch: a push to master", branch("master"), "T B", undefined, "main"],
	["another main branch: a merge request to master", request("x"), "T B", undefined, "main"],
	["another version file: it changes", branch("master"), "T B R S P", ["VERSION"], "versioned"],
	["another version file: version changes", branch("master"), "T B R S", ["version"], "versioned"],
];

// What a newer commit does to a pipeline that is under way: "none", or "interruptible": its jobs that may be stopped are.
export const cancels = [
	["a push to master", branch("master"), "none"],
	["a pipeline by hand on master", branch("master", { CI_PIPELINE_SOURCE: "web" }), "none"],
	["another main branch: a push to it", branch("main"), "none", "main"],
	["another main branch: a push to master", branch("master"), "interruptible", "main"],
	["a push to a branch", branch("feature"), "interruptible"],
	["a merge request", request("x"), "interruptible"],
];

// Two services in one repository: jobs of a, then of b.
export const shared = [
	["one service touched", branch("master"), "T B R S", "", ["svc/a/app.py"]],
	["the other service touched", branch("master"), "", "T B R S", ["svc/b/deep/down/app.py"]],
	["both services touched", branch("master"), "T B R S", "T B R S", ["svc/a/app.py", "svc/b/app.py"]],
	["what one of them also uses", branch("master"), "T B R S", "", ["lib/x.py"]],
	["no service touched", branch("master"), "", "", ["README.md"]],
	["a folder whose name begins like a service's", branch("master"), "", "", ["svc/ab/app.py"]],
	["a new version of one service", branch("master"), "T B R S P", "", ["svc/a/version"]],
	["a file version at the top", branch("master"), "", "", ["version"]],
	["a new version of one, a change of the other", branch("master"), "T B R S P", "T B R S", ["svc/a/version", "svc/b/app.py"]],
	["a new version of one on a branch", branch("feature"), "T B", "", ["svc/a/version"]],
	["a schedule after a new version of one", branch("master", { CI_PIPELINE_SOURCE: "schedule" }), "T B", "", ["svc/a/version"]],
	["a merge request for one", request("x"), "", "T B R S", ["svc/b/app.py"]],
	["a draft for one", request("Draft: x"), "T B", "", ["svc/a/app.py"]],
	["a push to a branch, one touched", branch("feature"), "", "T B", ["svc/b/app.py"]],
	["a push with SONAR_HOST_URL, one touched", branch("feature", sonar), "T Q B", "", ["svc/a/app.py"]],
	["a merge request with SONAR_HOST_URL, one touched", request("x", sonar), "T Q B R S", "", ["svc/a/app.py"]],
	["a tag", tag("1.2.3"), "P", "P", []],
];
