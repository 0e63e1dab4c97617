// The program under test as a child process.
//
// Its command stands in DORMOUSE_E2E_SERVER (words separated by spaces); the flags of the server are added to it.
// Without it, it is the Rust example of a debug build. Every program that these tests can run must take the flags
// --listen, --data, --shards, --hibernate-after, --log and --log-filter, and log what it does as `dormouse` does. Unless
// a test names a data folder, each server has one of its own, which goes with the tests.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** Nothing takes longer, unless it is broken. */
export const PATIENCE = 10_000;

const TARGET = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL("../../target", import.meta.url));
const COMMAND = process.env.DORMOUSE_E2E_SERVER ?? `${TARGET}/debug/client-socket-rust`;

/** The binary `dormouse`, for tests of what it alone does. */
export const DORMOUSE = `${TARGET}/debug/dormouse`;

/** Processes that have not ended: none survives the tests, however they end. */
const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(1));

/** Data folders of servers. */
const folders = mkdtempSync(join(tmpdir(), "dormouse-e2e-"));
process.on("exit", () => rmSync(folders, { recursive: true, force: true }));

/** The value of a promise, or an error that says what was waited for. */
export async function within(promise, what, patience = PATIENCE) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${patience} ms`)), patience);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export class Server {
  #child;
  #waiting = new Set();
  /** Lines of the log, as objects, that nobody has waited for. */
  log = [];

  /** Starts the program on a free port, or on the port of one before it. */
  static async start({ port = 0, flags = [], command = COMMAND, env = {} } = {}) {
    const server = new Server();
    const [program, ...words] = command.split(" ").filter((word) => word !== "");
    const args = ["--listen", `127.0.0.1:${port}`, "--shards", "2", "--log", "json"];
    args.push("--log-filter", "info,dormouse_runtime=debug", ...flags);
    if (!flags.includes("--data")) args.push("--data", mkdtempSync(join(folders, "data-")));
    const child = spawn(program, [...words, ...args], {
      stdio: ["ignore", "inherit", "pipe"],
      env: { ...process.env, ...env },
    });
    server.#child = child;
    running.add(child);
    child.on("exit", () => running.delete(child));
    const failed = once(child, "error").then(([error]) => { throw error; });
    createInterface({ input: child.stderr }).on("line", (line) => server.#read(line));
    const { address, url } = await Promise.race([failed, server.logged("listening")]);
    server.address = address;
    server.origin = url;
    server.port = Number(address.split(":").at(-1));
    return server;
  }

  #read(line) {
    let fields = { message: line };
    try {
      ({ fields } = JSON.parse(line));
    } catch {
      // A panic, or what a tool before the program says.
    }
    this.log.push(fields);
    this.#waiting.forEach((look) => look());
  }

  /** Waits for a message in the log, or for one of a form, and takes it and all before it. */
  async logged(message) {
    const is = (text) => (message instanceof RegExp ? message.test(text) : text === message);
    let look;
    const found = new Promise((resolve) => {
      look = () => {
        const at = this.log.findIndex((fields) => is(fields.message));
        if (at >= 0) resolve(this.log.splice(0, at + 1).at(-1));
      };
      this.#waiting.add(look);
      look();
    });
    return within(found, `the log line "${message}"`).finally(() => this.#waiting.delete(look));
  }

  /** Ends the program, and waits for its end. */
  async stop(signal = "SIGTERM") {
    const child = this.#child;
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, "exit");
      child.kill(signal);
      await within(ended, "the end of the server");
    }
    return child.exitCode;
  }
}
