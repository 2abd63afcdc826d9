// What GitLab does with a job and the runner on this machine does not (retry, resource groups, environments,
// reports), read from the expanded component.
import { spawnSync } from "node:child_process";

const inputs = ["build_args", "changes", "deploy_timeout", "dockerfile", "image", "main_branch", "name", "production_env",
	"production_file", "production_when", "project_dir", "sonar", "sonar_image", "staging_env", "staging_file", "tag",
	"test_image", "test_script", "tools_image", "version_file"];

const lines = (job) => [job.before_script, job.script, job.after_script].flat(2).filter(Boolean).join("\n");
const json = (value) => JSON.stringify(value ?? null);

// doc: the page that users read, as its YAML blocks
export function structure([head, body], doc, expanded, jobs_of, check) {
	const { data } = expanded.one;
	const job = (kind) => data[kind];
	const all = jobs_of(data);

	// -- inputs
	check("the inputs are those that users know", Object.keys(head.spec.inputs).sort().join(), inputs.join());
	for (const [name, input] of Object.entries(head.spec.inputs)) {
		check(`input ${name} has a default`, String(input.default !== undefined), "true");
		check(`input ${name} is used`, String(JSON.stringify(body).includes(`inputs.${name} ]]`)), "true");
	}

	// a folder below the top, by its one name: paths are put together of it, and compared with those that git tells
	const folder = new RegExp(head.spec.inputs.project_dir.regex);
	for (const good of [".", "shop", "svc/shop", "build/static/tree", ".svc/_shop-2", "a.b/c..d"])
		check(`project_dir may be ${good}`, String(folder.test(good)), "true");
	for (const bad of ["", "/", "/shop", "shop/", "svc//shop", "..", "../shop", "svc/../shop", "svc/..", "./shop", "svc/.", "-shop", "svc/-shop", "a b", "$X", "a;b", "a\nb"])
		check(`project_dir may not be ${JSON.stringify(bad)}`, String(folder.test(bad)), "false");

	// -- what users copy who have rules of their own
	const { workflow } = doc.find((one) => one?.workflow) ?? {};
	check("PIPELINE.md has the workflow to copy, below a rule that is an example", json({ ...workflow, rules: workflow?.rules.slice(1) }),
		json(data.workflow));
	check("each block of PIPELINE.md is of the component", String(doc.length >= 3 && doc.every((one) => one.include || one.workflow)), "true");

	// -- jobs and stages
	check("the stages", data.stages.filter((one) => !one.startsWith(".")).join(), "test,build,release,deploy,production");
	check("each job has its stage", all.map((name) => `${name}:${data[name].stage}`).sort().join(" "),
		"build-app:build deploy-app-production:production deploy-app-staging:deploy logs-inspect:production " +
		"release-app:release sonarqube-app:test test-app:test");
	check("two services share no job but logs-inspect", jobs_of(expanded.two.data).sort().join(" "),
		["build-N", "deploy-N-production", "deploy-N-staging", "release-N", "sonarqube-N", "test-N"]
			.flatMap((name) => [name.replace("N", "a"), name.replace("N", "b")]).concat("logs-inspect").sort().join(" "));

	for (const name of all) {
		const one = data[name];
		check(`${name}: tried again for the runner's failures and for status 5 only`, json(one.retry),
			'{"max":2,"when":["runner_system_failure","scheduler_failure"],"exit_codes":[5]}');
		check(`${name}: may not fail`, json(one.allow_failure ?? null), "null");
		check(`${name}: runs by its rules alone`, json([one.when, one.only, one.except]), "[null,null,null]");
		check(`${name}: no rule lets it fail, or runs it after a failure`,
			String(one.rules.some((rule) => rule.allow_failure !== undefined || ["always", "on_failure"].includes(rule.when))), "false");
		check(`${name}: waits for the stage before, not for jobs`, json(one.needs?.map((need) => need.job ?? need)),
			name === "sonarqube-app" ? '["test-app"]' : "null");
		check(`${name}: no secret in a script`, String(/PASSWORD|TOKEN|PRIVATE|SECRET/.test(lines(one))), "false");
		check(`${name}: paths do not depend on the runner`, String(/CI_PROJECT_DIR|CI_BUILDS_DIR/.test(lines(one))), "false");
		check(`${name}: its script is one for any shell`, spawnSync("sh", ["-n"], { input: lines(one) }).stderr.toString(), "");
		check(`${name}: no script is a program`, String([one.script].flat(2).every((line) => line.split("\n").length < 70)), "true");
	}

	// -- what the tools' jobs find
	for (const name of all.filter((one) => !/^(test|sonarqube)-/.test(one)))
		check(`${name}: no cache of the project's is in the context`, json(data[name].cache), "[]");
	for (const name of ["deploy-app-staging", "deploy-app-production", "logs-inspect"])
		check(`${name}: asks for an engine before all else`, [data[name].script].flat(2)[0], "need_engine");

	// -- one deploy at a time, in environments that have their own variables
	for (const where of ["staging", "production"]) {
		const one = job(`deploy-app-${where}`);
		check(`${where}: one deploy at a time`, one.resource_group, where);
		check(`${where}: an environment with the service's address`, json([one.environment.name, one.environment.url]),
			json([where, "$CDEPLOY_URL"]));
		check(`${where}: its tier`, one.environment.deployment_tier, where);
		check(`${where}: is not stopped by a newer pipeline`, json(one.interruptible), "false");
		check(`${where}: tells its address and its plan also after a failure`, json([one.artifacts.when, one.artifacts.reports]),
			json(["always", { dotenv: ".pipeline/app/deploy.env", annotations: ".pipeline/app/annotations.json",
				terraform: ".pipeline/app/plan.json" }]));
	}
	check("test and build may be stopped by a newer pipeline", json([job("test-app").interruptible, job("build-app").interruptible]),
		"[true,true]");

	// -- what goes from job to job
	const given = Object.fromEntries(all.map((name) => [name, data[name].dependencies]));
	check("build reads what the repository has, nothing else", json(given["build-app"]), "[]");
	check("production reads what the repository has, nothing else", json(given["deploy-app-production"]), "[]");
	check("release gets the build", json(given["release-app"]), '["build-app"]');
	check("staging gets build and release", json(given["deploy-app-staging"]), '["build-app","release-app"]');
	check("b's staging gets b's", json(expanded.two.data["deploy-b-staging"].dependencies), '["build-b","release-b"]');
	check("the page of the build is linked in the merge request, by words that GitLab takes", json([job("build-app").artifacts.expose_as,
		job("build-app").artifacts.paths.includes(".pipeline/app/build.html"), /^[-\w ]+$/.test(job("build-app").artifacts.expose_as)]),
		'["build report",true,true]');
	check("the image is an artifact", String(job("build-app").artifacts.paths.includes(".pipeline/app/image")), "true");

	// -- production is never a build
	const production = lines(job("deploy-app-production"));
	check("production builds nothing", production.match(/cbuild [^\n]*/g).join(), 'cbuild --print-input "$@" .) && staged="$image:staged-${input#sha256:}"');
	check("production moves no version", String(/cpush --immutable /.test(production)), "true");
	check("what is built and what is looked for come from the same words",
		String(lines(job("build-app")).includes('cbuild "$@" ') && json(job("build-app").before_script) === json(job("deploy-app-production").before_script)), "true");

	check("findings in the Dockerfile and the deploy files are one report", job("build-app").artifacts.reports.codequality, ".pipeline/app/code-quality.json");
	check("the image is linked on the job's page", job("release-app").artifacts.reports.annotations, ".pipeline/app/annotations.json");

	// -- tests
	const { reports, when } = job("test-app").artifacts;
	check("test results are kept after a failure", when, "always");
	check("test results are a report", reports.junit, ".pipeline/app/report.xml");
	check("coverage is a report", json(reports.coverage_report), '{"coverage_format":"cobertura","path":".pipeline/app/coverage.xml"}');
	const coverage = new RegExp(job("test-app").coverage.slice(1, -1), "m");
	check("coverage is read from pytest's table", coverage.exec("x\nTOTAL      4      1    75%\ny")?.[1], "75%");
}
