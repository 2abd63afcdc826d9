// Prints what a job of the component would run.
//
//	script.mjs CLONE PACKAGES COMPONENT JOB [INPUT=VALUE...]
import { component } from "./component.mjs";

const [work, packages, template, job, ...inputs] = process.argv.slice(2);
const { expand } = await component(work, packages, template);
const { data } = await expand([Object.fromEntries(inputs.map((one) => one.split(/=(.*)/s).slice(0, 2)))]);
process.stdout.write([data[job].before_script, data[job].script].flat(2).filter(Boolean).join("\n") + "\n");
