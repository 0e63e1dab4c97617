// `dormouse check`: what a project uses, and what is wrong with it, as a person reads it.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { DORMOUSE } from "./support/server.mjs";

const LIMIT = { timeout: 30_000 };

let folder;
before(async () => { folder = await mkdtemp(join(tmpdir(), "dormouse-check-")); }, LIMIT);
after(() => rm(folder, { recursive: true }), LIMIT);

/** Exit code and output of a check of these files; the first is the one that is checked. */
async function check(files, ...flags) {
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const path = join(folder, Object.keys(files)[0]);
  return new Promise((resolve) => {
    execFile(DORMOUSE, ["check", path, ...flags], (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, out: stdout.replaceAll(`${folder}/`, ""), err: stderr.replaceAll(`${folder}/`, "") });
    });
  });
}

const HEAD = 'import { DurableObject } from "cloudflare:workers";\n';

test("what a project uses is told, and what is not supported with its place", LIMIT, async () => {
  const source = `${HEAD}export class ChatRoom extends DurableObject<Env> {
  async fetch(): Promise<Response> {
    await this.ctx.storage.put("a", 1);
    new WebSocket("wss://example.com");
    return new Response(new Intl.NumberFormat().format(1));
  }
}
interface Env {}
export default { fetch: () => new Response() };`;
  const { code, out } = await check({ "room.ts": source });
  assert.equal(code, 0);
  assert.match(out, /export ChatRoom +class of durable objects/);
  assert.match(out, /env\.CHAT_ROOM +objects of class ChatRoom/);
  assert.match(out, /^not supported: sockets to the outside: room\.ts:5:\d+$/m);
  assert.match(out, /^not supported: Intl: room\.ts:6:29$/m);
  assert.doesNotMatch(out, /not supported: storage/);
  assert.match(out, /^ok: it starts$/m);
});

test("each fault of a project is named with its place and what to do", LIMIT, async () => {
  const main = "export default { fetch: () => new Response() };";
  const wrangler = (more) => ({ "wrangler.jsonc": `{ "name": "w", "main": "main.ts",\n${more} }`, "main.ts": main });
  const faults = [
    [wrangler('"compatiblity_date": "2026-11-01"'), /wrangler\.jsonc:2:1: `compatiblity_date` is not a known key; did you/],
    [wrangler('"kv_namespaces": []'), /wrangler\.jsonc:2:1: `kv_namespaces` is not supported yet/],
    [wrangler('"assets": { "directory": "." }'), /wrangler\.jsonc:2:1: `assets` is understood, and not served yet/],
    [
      wrangler('"durable_objects": { "bindings": [{ "name": "A", "class_name": "Gone" }] }'),
      /exports no class `Gone`/,
    ],
    [{ "a.ts": 'import "not-installed";' }, /a\.ts:1:8[^]*npm install not-installed/],
    [{ "b.ts": "export default { fetch( }" }, /b\.ts:1:25/],
    [{ "c.ts": "throw new RangeError('at the top');" }, /RangeError: at the top\n +at c\.ts:1:/],
    [{ "d.ts": 'import { readFileSync } from "node:fs";\nreadFileSync("x");' }, /No such module "node:fs"/],
  ];
  for (const [files, says] of faults) {
    const { code, err } = await check(files);
    assert.equal(code, 1, JSON.stringify(files));
    assert.match(err, says);
  }
});
