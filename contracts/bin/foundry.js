// How the programs of this folder start forge and anvil: the native ones that npm put here. npm's own wrappers of them end with
// status 0 whatever happened (1.7.1), so that a failed test would pass, and a killed wrapper leaves its anvil running.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the contracts. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const architectures = { x64: "amd64", arm64: "arm64" };

/** Where npm put `forge` or `anvil` for this machine. */
export function program(name) {
  const folder = `@foundry-rs/${name}-${process.platform}-${architectures[process.arch]}`;
  const file = process.platform === "win32" ? `${name}.exe` : name;
  return createRequire(join(root, "package.json")).resolve(`${folder}/bin/${file}`);
}

/** Runs forge. With `show`, on this terminal; else its words come back. */
export function forge(args, { env = {}, cwd = root, show = false } = {}) {
  // The compiler's wrapper is a node program; it shall be run by the node that runs us.
  const path = [dirname(process.execPath), process.env.PATH].join(delimiter);
  const done = spawnSync(program("forge"), args, {
    cwd,
    encoding: "utf8",
    env: { ...process.env, PATH: path, FOUNDRY_DISABLE_NIGHTLY_WARNING: "1", ...env },
    maxBuffer: 256 * 1024 * 1024,
    stdio: show ? "inherit" : "pipe",
  });
  if (done.error) throw done.error;
  return { status: done.status ?? 1, out: done.stdout ?? "", err: done.stderr ?? "" };
}

/** The same where a failure has no other meaning than that something is wrong. */
export function mustForge(args, options) {
  const done = forge(args, options);
  if (done.status !== 0) throw new Error(`forge ${args[0]} failed\n${done.out}\n${done.err}`);
  return done.out;
}
