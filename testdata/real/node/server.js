const greeting = require("greeting");

console.log(greeting("world"), process.env.NODE_ENV, process.getuid(), process.cwd());
