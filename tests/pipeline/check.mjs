// How the expanded component is made (structure.mjs), and which jobs there are for every event of events.mjs; then every rule
// and every condition of a rule is taken out, and some event must show it. Says what is wrong, and at the end
//
//	rules: N passed, N failed
//
// Arguments: a clone of a project, the folder where npm put its packages, the component.
import fs from "node:fs";
import path from "node:path";
import { component } from "./component.mjs";
import { cancels, events, projects, shared } from "./events.mjs";
import { structure } from "./structure.mjs";

const [work, packages, template] = process.argv.slice(2).map((name) => path.resolve(name));
const { expand, from, yaml } = await component(work, packages, template);
const { GitData } = await from("git-data");
const { Utils } = await from("utils");

let passed = 0, failed = 0;
function check(what, got, wanted) {
	if (got === wanted) return void passed++;
	failed++;
	console.log(`FAIL  ${what}\n      has    ${got || "no jobs"}\n      wanted ${wanted || "no jobs"}`);
}

// What changed is the event's, not the clone's.
let changed = [];
GitData.changedFiles = () => changed;
// Ruby's File.fnmatch, by which GitLab goes, knows no "./".
const evaluateRuleChanges = Utils.evaluateRuleChanges;
Utils.evaluateRuleChanges = (branch, globs, cwd) =>
	evaluateRuleChanges.call(Utils, branch, globs?.filter((glob) => !glob.startsWith("./")), cwd);


const is_job = ([name, value]) => !name.startsWith(".") && value?.script;
const letters = { test: "T", sonarqube: "Q", build: "B", release: "R", "deploy-staging": "S", "deploy-production": "P", "logs-inspect": "L" };
const jobs_of = (data) => Object.entries(data).filter(is_job).map(([name]) => name);

function evaluate(project, rules, variables) {
	const { argv } = project;
	return Utils.getRulesResult({ argv, cwd: work, rules, variables }, { branches: { default: "master" } }).when;
}

// "T B", of one service
function jobs(project, service, variables, files = ["app.py"]) {
	changed = files;
	const { data } = project;
	if (evaluate(project, data.workflow.rules, variables) === "never") return "none";
	const order = Object.keys(letters);
	const found = [];
	for (const name of jobs_of(data)) {
		const kind = name === "logs-inspect" ? name : name.replace(`-${service}`, "");
		if (!order.includes(kind)) continue;
		const when = evaluate(project, data[name].rules, variables);
		if (when === "never") continue;
		found.push([order.indexOf(kind), when === "manual" ? letters[kind].toLowerCase() : letters[kind]]);
	}
	return found.sort((a, b) => a[0] - b[0]).map((one) => one[1]).join(" ");
}

function on_new_commit(project, variables) {
	const { workflow } = project.data;
	const rule = workflow.rules.find((one) => evaluate(project, [{ ...one, when: "always" }], variables) === "always");
	return rule?.auto_cancel?.on_new_commit ?? workflow.auto_cancel.on_new_commit;
}

const cases = [
	...events.map(([what, variables, wanted, files, name = "one"]) => ({ what, variables, wanted, files, name, service: "app" })),
	...shared.flatMap(([what, variables, a, b, files]) => [
		{ what: `two services: ${what}: a`, variables, wanted: a, files, name: "two", service: "a" },
		{ what: `two services: ${what}: b`, variables, wanted: b, files, name: "two", service: "b" },
	]),
];
for (const one of cases)
	one.variables = Object.fromEntries(Object.entries(one.variables).filter(([, value]) => value !== undefined));

const expanded = {};
for (const [name, inputs] of Object.entries(projects))
	expanded[name] = await expand(inputs);
const page = fs.readFileSync(new URL("../../docs/PIPELINE.md", import.meta.url), "utf8");
const blocks = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map((one) => yaml.load(one[1]));
structure(yaml.loadAll(fs.readFileSync(template, "utf8")), blocks, expanded, jobs_of, check);
for (const one of cases)
	check(one.what, jobs(expanded[one.name], one.service, one.variables, one.files), one.wanted);
for (const [what, variables, wanted, name = "one"] of cancels)
	check(`${what}: what a newer commit stops`, on_new_commit(expanded[name], variables), wanted);

// -- without this rule, or this condition of it, does any event differ? -------------------------
function shows() {
	return cases.some((one) => jobs(expanded[one.name], one.service, one.variables, one.files) !== one.wanted);
}

// The same list in every project, changed and put back.
function with_lists(pick, change) {
	const lists = Object.values(expanded).flatMap(({ data }) => pick(data));
	const before = lists.map((list) => list.slice());
	lists.forEach((list) => change(list));
	const seen = shows();
	lists.forEach((list, i) => list.splice(0, list.length, ...before[i]));
	return seen;
}

function mutate(what, pick, sample) {
	const found = { seen: 0, unseen: [] };
	const tell = (seen, how) => (seen ? found.seen++ : found.unseen.push(how));
	for (const [i, rule] of sample.entries()) {
		tell(with_lists(pick, (list) => list.splice(i, 1)), `rule ${i + 1} (${rule.if})`);
		const parts = rule.if.split(" && ");
		for (let k = 0; parts.length > 1 && k < parts.length; k++)
			tell(with_lists(pick, (list) => {
				const own = list[i].if.split(" && ");
				own.splice(k, 1);
				list[i] = { ...list[i], if: own.join(" && ") };
			}), `'${parts[k]}' of rule ${i + 1}`);
		for (const key of ["changes", "when"])
			if (rule[key] !== undefined)
				tell(with_lists(pick, (list) => (list[i] = { ...list[i], [key]: undefined })), `${key} of rule ${i + 1}`);
	}
	check(`${what}: each rule is needed`, found.unseen.join("; "), "");
	return found.seen;
}

let mutants = mutate("workflow", (data) => [data.workflow.rules], expanded.two.data.workflow.rules);
const kinds = { "test-N": /^test-/, "sonarqube-N": /^sonarqube-/, "build-N": /^build-/, "release-N": /^release-/,
	"deploy-N-staging": /-staging$/, "deploy-N-production": /-production$/, "logs-inspect": /^logs-inspect$/ };
for (const [kind, pattern] of Object.entries(kinds)) {
	const pick = (data) => jobs_of(data).filter((name) => pattern.test(name)).map((name) => data[name].rules);
	const [sample] = pick(expanded.byHand.data);
	mutants += mutate(kind, pick, sample);
}
console.log(`  ok  ${cases.length} events; ${mutants} changes of a rule, each seen by an event`);
console.log(`rules: ${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
