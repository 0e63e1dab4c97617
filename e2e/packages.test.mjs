// Packages from npm, unmodified, each doing its normal job in a Worker.
//
// `packages/` is a project of its own with the packages that it uses; `npm ci` in this folder installs them too.

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { DORMOUSE, Server } from "./support/server.mjs";

const LIMIT = { timeout: 60_000 };
const PROJECT = fileURLToPath(new URL("packages", import.meta.url));

let server;
before(async () => { server = await Server.start({ command: `${DORMOUSE} serve ${PROJECT}` }); }, LIMIT);
after(async () => server?.stop("SIGKILL"), LIMIT);

/** Status and body of a request to the Worker. */
async function ask(path, init) {
  const response = await fetch(server.origin + path, init);
  const text = await response.text();
  return [response.status, text.startsWith("{") || text.startsWith("[") ? JSON.parse(text) : text];
}

test("hono routes, validates and renders", LIMIT, async () => {
  assert.deepEqual(await ask("/hono/users/7?full=1"), [200, { id: "7", full: "1" }]);
  assert.deepEqual(await ask("/hono/json", { method: "POST", body: '{"a":1}' }), [200, { got: { a: 1 } }]);
  assert.deepEqual(await ask("/hono/throws"), [500, "caught: on purpose"]);
  assert.deepEqual(await ask("/hono/nothing"), [404, "404 Not Found"]);
  const [status, html] = await ask("/hono/html");
  assert.deepEqual([status, html], [200, "<p>&lt;escaped&gt;</p>"]);
});

test("itty-router routes", LIMIT, async () => {
  assert.deepEqual(await ask("/itty/todos/3"), [200, { todo: "3" }]);
  assert.equal((await ask("/itty/gone"))[0], 404);
});

test("zod parses and tells what is wrong", LIMIT, async () => {
  assert.deepEqual(await ask("/zod", { method: "POST", body: '{"name":"a","age":"5"}' }), [200, { name: "a", age: 5 }]);
  const [status, issues] = await ask("/zod", { method: "POST", body: '{"name":1}' });
  assert.equal(status, 400);
  assert.deepEqual(issues.map(({ path }) => path[0]), ["name", "age"]);
});

test("nanoid makes ids", LIMIT, async () => {
  const [, ids] = await ask("/nanoid");
  assert.equal(new Set(ids).size, 100);
  for (const id of ids) assert.match(id, /^[A-Za-z0-9_-]{21}$/);
});

test("date-fns formats and computes", LIMIT, async () => {
  assert.deepEqual(await ask("/date-fns"), [200, { formatted: "2026-11-24", later: "2026-12-01", days: 7, day: "Dienstag" }]);
});

test("jose signs and verifies", LIMIT, async () => {
  assert.deepEqual(await ask("/jose"), [200, { hs256: "alice", es256: "bob", rs256: "carol", forged: "ERR_JWS_SIGNATURE_VERIFICATION_FAILED" }]);
});

test("yjs merges concurrent edits", LIMIT, async () => {
  const [status, { one, two }] = await ask("/yjs");
  assert.equal(status, 200);
  assert.equal(one, two);
  assert.match(one, /^(hello world!|hello! world)/);
});
