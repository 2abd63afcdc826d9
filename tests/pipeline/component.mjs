// The component in a project, as users have it: a few lines of inputs, the component from another project, expanded by
// the parser of gitlab-ci-local.
import { createRequire } from "node:module";
import fs from "node:fs";
import path from "node:path";

// It says once for each line of the component that it does not check an input's regex.
const say = console.log;
console.log = (...what) => String(what[0]).includes("spec:inputs:regex") || say(...what);

// work: a clone; packages: where npm put them
export async function component(work, packages, template) {
	const from = (name) => import(`${path.resolve(packages)}/gitlab-ci-local/src/${name}.js`);
	const { Parser } = await from("parser");
	const { Argv } = await from("argv");
	const { WriteStreamsMock } = await from("write-streams");
	const yaml = createRequire(`${path.resolve(packages)}/x`)("js-yaml");
	const source = fs.readFileSync(template);

	async function expand(inputs) {
		const include = inputs.map((one) => ({ component: "$CI_SERVER_FQDN/ci/cbuild/pipeline@0.1.0", inputs: one }));
		process.chdir(work);
		fs.writeFileSync(".gitlab-ci.yml", yaml.dump({ include }));
		const put = ".gitlab-ci-local/includes/127.0.0.1/ci/cbuild/0.1.0/templates";
		fs.mkdirSync(put, { recursive: true });
		fs.writeFileSync(`${put}/pipeline.yml`, source);
		const argv = await Argv.build({ jsonSchemaValidation: true }, new WriteStreamsMock());
		const parser = await Parser.create(argv, new WriteStreamsMock(), 0, []);
		return { argv, data: parser.gitlabData };
	}
	return { expand, from, yaml };
}
