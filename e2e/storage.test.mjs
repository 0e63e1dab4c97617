// What an object has stored, and said so, is there after the process was killed at any moment.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import WebSocket from "ws";

import { DORMOUSE, Server, within } from "./support/server.mjs";

/** `cargo xtask soak` asks for more. */
const ROUNDS = Number(process.env.DORMOUSE_SOAK_KILLS ?? 6);
const LIMIT = { timeout: 60_000 + ROUNDS * 5_000 };
const OBJECTS = 12;

/** An object that counts in a row and in a key, in one turn: the two never differ. Its alarm notes that it came. */
const CODE = `
  import { DurableObject } from "cloudflare:workers";

  export class Counter extends DurableObject {
    constructor(ctx: DurableObjectState, env: unknown) {
      super(ctx, env);
      ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY, value INTEGER)");
      ctx.storage.sql.exec("INSERT OR IGNORE INTO counter VALUES (1, 0)");
    }

    async fetch(request: Request): Promise<Response> {
      if (request.headers.get("Upgrade") === "websocket") {
        const { 0: client, 1: server } = new WebSocketPair();
        this.ctx.acceptWebSocket(server);
        return new Response(null, { status: 101, webSocket: client });
      }
      const { value } = this.ctx.storage.sql.exec("SELECT value FROM counter").one();
      const key = (await this.ctx.storage.get("value")) ?? 0;
      const alarms = (await this.ctx.storage.get("alarms")) ?? 0;
      return Response.json({ value, key, alarms, due: await this.ctx.storage.getAlarm() });
    }

    async webSocketMessage(ws: WebSocket, message: string): Promise<void> {
      if (message.startsWith("alarm ")) {
        await this.ctx.storage.setAlarm(Number(message.slice(6)));
        return ws.send("set");
      }
      const sql = "UPDATE counter SET value = value + 1 RETURNING value";
      const { value } = this.ctx.storage.sql.exec(sql).one();
      this.ctx.storage.put("value", value);
      ws.send(String(value));
    }

    async alarm(): Promise<void> {
      await this.ctx.storage.put("alarms", 1 + ((await this.ctx.storage.get<number>("alarms")) ?? 0));
    }
  }

  export default {
    fetch(request: Request, env: any): Promise<Response> {
      return env.COUNTER.getByName(new URL(request.url).pathname).fetch(request);
    },
  };`;

let folder, server;

async function start() {
  const flags = ["--data", join(folder, "data"), "--hibernate-after", "50ms"];
  server = await Server.start({ command: `${DORMOUSE} serve ${join(folder, "counter.ts")}`, flags });
}

/** What an object has. */
async function read(name) {
  const response = await fetch(`${server.origin}/${name}`);
  assert.equal(response.status, 200);
  return response.json();
}

async function connect(name) {
  const socket = new WebSocket(`ws://${server.address}/${name}`);
  await within(new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject)), "an open socket");
  return socket;
}

/** Says something and waits for the answer. */
async function ask(socket, text) {
  const answer = new Promise((resolve) => socket.once("message", (data) => resolve(data.toString())));
  socket.send(text);
  return within(answer, "an answer");
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "dormouse-storage-"));
  await writeFile(join(folder, "counter.ts"), CODE);
  await start();
}, LIMIT);
after(async () => {
  await server?.stop("SIGKILL");
  await rm(folder, { recursive: true });
}, LIMIT);

test("a restart in peace keeps everything", LIMIT, async () => {
  const socket = await connect("peace");
  for (const expected of ["1", "2", "3"]) assert.equal(await ask(socket, "count"), expected);
  await server.stop();
  await start();
  assert.deepEqual(await read("peace"), { value: 3, key: 3, alarms: 0, due: null });
});

test("a process that is killed at any moment has lost nothing that it had answered", LIMIT, async () => {
  const counted = new Map();
  for (let round = 0; round < ROUNDS; round++) {
    const sockets = [];
    for (let object = 0; object < OBJECTS; object++) {
      const socket = await connect(`killed-${object}`);
      socket.on("error", () => {});
      socket.on("message", (data) => {
        counted.set(object, Number(data));
        socket.send("count");
      });
      sockets.push(socket);
    }
    sockets.forEach((socket) => socket.send("count"));
    // Any moment will do: what comes is right whenever it is.
    await sleep(40 + Math.random() * 250);
    await server.stop("SIGKILL");
    await start();
    for (let object = 0; object < OBJECTS; object++) {
      const { value, key } = await read(`killed-${object}`);
      const answered = counted.get(object) ?? 0;
      assert.equal(value, key, `object ${object}, round ${round}`);
      assert.ok(value === answered || value === answered + 1, `object ${object}: ${value} after ${answered} were answered`);
    }
  }
  assert.ok(counted.size === OBJECTS);
});

test("an alarm that was set before the process was killed comes after it", LIMIT, async () => {
  const socket = await connect("alarm");
  socket.on("error", () => {});
  const due = Date.now() + 300;
  assert.equal(await ask(socket, `alarm ${due}`), "set");
  await server.stop("SIGKILL");
  await start();
  const deadline = Date.now() + 10_000;
  let state = await read("alarm");
  while (state.alarms === 0 && Date.now() < deadline) state = await read("alarm");
  assert.deepEqual(state, { value: 0, key: 0, alarms: 1, due: null });
});
