#!/usr/bin/env node
"use strict";
const { spawn } = require("node:child_process");
const { program } = require("../lib/python.js");

let python, first;
try {
  [python, first] = program();
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
const child = spawn(python, [...first, ...process.argv.slice(2)], { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
child.on("exit", (code) => process.exit(code ?? 1));
