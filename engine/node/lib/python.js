"use strict";
/** The Python that has sfn-local: the one that is named, or a virtual environment that is made once. */

const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { version } = require("../package.json");

const IS_NEW_ENOUGH = "import sys; sys.exit(sys.version_info < (3, 11))";
const MODULE = ["-m", "sfn_local.cli"];

/** Return the program that runs sfn-local, and its first arguments. */
function program(env = process.env) {
  return [env.SFN_LOCAL_PYTHON || installed(env), MODULE];
}

/** Return the Python of this version's environment, after making it if it is missing. */
function installed(env) {
  const home = path.join(env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache"), "sfn-local");
  const mark = path.join(home, `${version}.txt`); // written last: it names a whole environment
  if (fs.existsSync(mark)) {
    const known = fs.readFileSync(mark, "utf8");
    if (fs.existsSync(known)) return known;
  }
  const python = ["python3", "python"].find((name) => ran(name, ["-c", IS_NEW_ENOUGH]));
  if (!python) {
    throw new Error("sfn-local needs Python 3.11 or newer; or set SFN_LOCAL_PYTHON to one that has it");
  }
  fs.mkdirSync(home, { recursive: true });
  const folder = fs.mkdtempSync(path.join(home, `${version}-`)); // two first calls do not meet
  console.error(`sfn-local ${version} is installed into ${folder}, once`);
  const bin = process.platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"];
  const own = path.join(folder, ...bin);
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
  if (!ran(python, ["-m", "venv", folder]) || !ran(own, [...pip, `sfn-local[aws]==${version}`])) {
    fs.rmSync(folder, { recursive: true, force: true });
    throw new Error(`sfn-local ${version} could not be installed`);
  }
  fs.writeFileSync(`${folder}.txt`, own);
  fs.renameSync(`${folder}.txt`, mark);
  return own;
}

function ran(command, args) {
  return spawnSync(command, args, { stdio: ["ignore", 2, 2] }).status === 0;
}

module.exports = { program };
