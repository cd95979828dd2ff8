"use strict";
/** The server of sfn-local, for tests. */

const { spawn } = require("node:child_process");
const { once } = require("node:events");
const readline = require("node:readline");
const { program } = require("./python.js");

/**
 * Start `sfn-local serve` on a free port, and return its URL and what ends it.
 *
 * `args` are further options of `serve`; `env` is added to the environment.
 */
async function serve({ mockConfig, waitTimeScale = 0, args = [], env = {} } = {}) {
  const [python, first] = program({ ...process.env, ...env });
  const options = ["serve", "--port", "0", "--json", "--wait-time-scale", String(waitTimeScale)];
  if (mockConfig) options.push("--mock-config", mockConfig);
  const child = spawn(python, [...first, ...options, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const lines = readline.createInterface({ input: child.stdout });
  const said = await Promise.race([once(lines, "line"), ended.then(() => null)]);
  if (said === null) throw new Error(`sfn-local serve ended with ${child.exitCode}`);
  const kill = () => child.kill();
  process.once("exit", kill); // a test that forgets to stop it leaves nothing behind
  return {
    url: JSON.parse(said[0]).sfn,
    async stop() {
      process.off("exit", kill);
      child.kill();
      await ended;
    },
  };
}

module.exports = { serve };
