// `dormouse dev`: new code while sockets stay open, seen by programs.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import WebSocket from "ws";

import { DORMOUSE, Server, within } from "./support/server.mjs";

const LIMIT = { timeout: 30_000 };

/** The log's line with this message, and where in the sources it says that it was thrown. */
async function stackOf(message) {
  const { stack } = await server.logged(message);
  return stack.match(/\(?([\w./]+:\d+:\d+)\)?$/m)?.[1];
}

/** A Worker whose objects say which version they are. */
const version = (number) => `
  import { DurableObject } from "cloudflare:workers";
  const enum Version { Now = ${number} }
  export class Room extends DurableObject {
    private count: number = 0;
    fetch(): Response {
      const { 0: client, 1: server } = new WebSocketPair();
      this.ctx.acceptWebSocket(server);
      server.serializeAttachment({ since: Version.Now });
      return new Response(null, { status: 101, webSocket: client });
    }
    webSocketMessage(ws: WebSocket, message: string): void {
      if (message === "throw") throw new TypeError("on purpose");
      ws.send(JSON.stringify({ version: Version.Now, since: ws.deserializeAttachment().since, count: ++this.count }));
    }
  }
  export default {
    fetch: (request: Request, env: any): Promise<Response> => env.ROOM.getByName("lobby").fetch(request),
  };`;

let folder, file, server;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "dormouse-dev-"));
  file = join(folder, "room.ts");
  await writeFile(file, version(1));
  server = await Server.start({ command: `${DORMOUSE} dev ${file}` });
}, LIMIT);
after(async () => {
  await server?.stop("SIGKILL");
  await rm(folder, { recursive: true });
}, LIMIT);

/** Sends something and returns what the object says of itself. */
async function ask(socket) {
  const answer = new Promise((resolve) => socket.once("message", (data) => resolve(JSON.parse(data))));
  socket.send("?");
  return within(answer, "an answer");
}

test("a socket lives through new code, broken code and its repair", LIMIT, async () => {
  const socket = new WebSocket(`ws://${server.address}/`);
  await within(new Promise((resolve) => socket.once("open", resolve)), "a connection");
  assert.deepEqual(await ask(socket), { version: 1, since: 1, count: 1 });

  await writeFile(file, version(2));
  await server.logged("reloaded; sockets stay open");
  assert.deepEqual(await ask(socket), { version: 2, since: 1, count: 1 });

  await writeFile(file, "export default { fetch( }");
  const refusal = await server.logged(/^not reloaded, the code before stays:/);
  assert.match(refusal.message, /room\.ts:1:25/);
  assert.deepEqual(await ask(socket), { version: 2, since: 1, count: 2 });

  await writeFile(file, version(3));
  await server.logged("reloaded; sockets stay open");
  assert.deepEqual(await ask(socket), { version: 3, since: 1, count: 1 });
  socket.send("throw");
  assert.match(await stackOf("handler failed"), /^room\.ts:13:\d+$/, "the place in TypeScript");
  socket.close();
});
