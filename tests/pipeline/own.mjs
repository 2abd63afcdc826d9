// The project's own .gitlab-ci.yml, which has the component from this checkout: which jobs there are for which event, and that
// they build, sign and push with the tools of the commit. Says what is wrong, and at the end
//
//	own: N passed, N failed
//
// Arguments: a clone of a project, the folder where npm put its packages, the checkout.
import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

const [work, packages, top] = process.argv.slice(2).map((name) => path.resolve(name));
const from = (name) => import(`${packages}/gitlab-ci-local/src/${name}.js`);
const { Parser } = await from("parser");
const { Argv } = await from("argv");
const { WriteStreamsMock } = await from("write-streams");
const { Utils } = await from("utils");
const { GitData } = await from("git-data");
GitData.changedFiles = () => ["cmd/cbuild.c"];

let passed = 0, failed = 0;
function check(what, got, wanted) {
	if (got === wanted) return void passed++;
	failed++;
	console.log(`FAIL  own pipeline: ${what}\n      has    ${got}\n      wanted ${wanted}`);
}

fs.mkdirSync(`${work}/templates`);
fs.copyFileSync(`${top}/.gitlab-ci.yml`, `${work}/.gitlab-ci.yml`);
fs.copyFileSync(`${top}/templates/pipeline.yml`, `${work}/templates/pipeline.yml`);
process.chdir(work);
execFileSync("git", ["add", "--all"]); // what is not tracked is not included
const say = console.log;
console.log = (...what) => String(what[0]).includes("spec:inputs:regex") || say(...what);
const argv = await Argv.build({ jsonSchemaValidation: true }, new WriteStreamsMock());
const data = (await Parser.create(argv, new WriteStreamsMock(), 0, [])).gitlabData;

const names = Object.keys(data).filter((name) => !name.startsWith(".") && data[name]?.script);
const runs = (rules, variables) =>
	Utils.getRulesResult({ argv, cwd: work, rules, variables }, { branches: { default: "main" } }).when !== "never";
function jobs(variables) {
	if (!runs(data.workflow.rules, variables)) return "";
	return names.filter((name) => runs(data[name].rules, variables))
		.sort((a, b) => data.stages.indexOf(data[a].stage) - data.stages.indexOf(data[b].stage) || (a < b ? -1 : 1)).join(" ");
}

const push = (more) => ({ CI_PIPELINE_SOURCE: "push", ...more });
const merge = { CI_PIPELINE_SOURCE: "merge_request_event", CI_MERGE_REQUEST_TARGET_BRANCH_NAME: "main", CI_MERGE_REQUEST_TITLE: "Ready",
	CI_MERGE_REQUEST_SOURCE_PROJECT_ID: "1", CI_MERGE_REQUEST_PROJECT_ID: "1" };
check("a push to main", jobs(push({ CI_COMMIT_BRANCH: "main" })), "test-tools tree build-tools release-tools");
check("a push to main while a merge request from it is open", jobs(push({ CI_COMMIT_BRANCH: "main", CI_OPEN_MERGE_REQUESTS: "g/a!1" })),
	"test-tools tree build-tools release-tools");
check("a push to a branch", jobs(push({ CI_COMMIT_BRANCH: "topic" })), "test-tools tree build-tools");
check("a merge request, also a ready one", jobs(merge), "test-tools tree build-tools");
check("a version", jobs(push({ CI_COMMIT_TAG: "1.2.3" })), "tree version-tools");
check("another tag", jobs(push({ CI_COMMIT_TAG: "wip" })), "");
check("somebody asks for logs", jobs({ CI_PIPELINE_SOURCE: "web", CI_COMMIT_BRANCH: "main", SERVICE_NAME: "x" }), "tree");

const lines = (name) => [data[name].before_script, data[name].script].flat(2).join("\n");
check("tests are what CI runs", String(lines("test-tools").includes("../../../.ci/run")), "true");
check("tests may start an engine", String(data["test-tools"].tags), "privileged");
check("the image is the component's to build", String(lines("build-tools").includes('cbuild "$@" --reuse-from "$image"')), "true");
for (const name of ["build-tools", "release-tools", "version-tools"]) {
	check(`${name}: has the tree`, String(data[name].dependencies.includes("tree")), "true");
	check(`${name}: runs the commit's tools`, String(data[name].variables.PATH.endsWith("/build/static/tree/cbuild/bin")), "true");
	check(`${name}: stands in the tree`, String(lines(name).includes('cd "build/static/tree"')), "true");
}
check("the tree is kept", String(data.tree.artifacts.paths.includes("build/static/tree")), "true");
check("the tree is made", String(lines("tree").includes("make image")), "true");
const [, dockerfile] = lines("build-tools").match(/-f "([^"]+)"/);
check("the Dockerfile is the toolkit's", path.join("build/static/tree", dockerfile), "Dockerfile");
check("a version is never moved", String(lines("version-tools").includes("cpush --immutable")), "true");
// the tag's, and no other
const version = lines("version-tools").split("\n").filter((line) => /version/.test(line)).join("\n");
for (const [tag, status] of [["0.1.0", 0], ["v0.1.0", 0], ["0.1.1", 2]]) {
	const work = fs.mkdtempSync(path.join(os.tmpdir(), "own-"));
	fs.writeFileSync(`${work}/VERSION`, "0.1.0\n");
	const ran = spawnSync("sh", ["-ec", `cpush() { echo "$@"; }; image=i\n${version}`], { env: { PATH: process.env.PATH, CI_PROJECT_DIR: work, CI_COMMIT_TAG: tag, CI_COMMIT_SHORT_SHA: "1" } });
	check(`the tag ${tag} on version 0.1.0`, `${ran.status} ${ran.stdout}`.trim(), status ? `${status}` : "0 --immutable docker://i:git-1 i:0.1.0");
	fs.rmSync(work, { recursive: true });
}
// cpush reads it itself: a key in a script would be in the log
check("no key in a script", String(["build-tools", "release-tools", "version-tools"].some((name) => /KEY|PASSWORD|TOKEN/.test(lines(name)))), "false");

console.log(`own: ${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
