// The chat of `examples/chat`, seen by programs.

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import WebSocket from "ws";

import { DORMOUSE, Server, within } from "./support/server.mjs";

const LIMIT = { timeout: 30_000 };
const EXAMPLE = fileURLToPath(new URL("../examples/chat", import.meta.url));

let server;
before(async () => {
  server = await Server.start({ command: `${DORMOUSE} serve ${EXAMPLE}`, flags: ["--hibernate-after", "50ms"] });
}, LIMIT);
after(async () => server?.stop("SIGKILL"), LIMIT);

class Member {
  #messages = [];
  #waiting = [];

  static async enter(room, name) {
    const member = new Member();
    member.socket = new WebSocket(`ws://${server.address}/rooms/${room}/socket`);
    member.socket.on("message", (data) => {
      const message = String(data).startsWith("{") ? JSON.parse(data) : String(data);
      const waiting = member.#waiting.shift();
      if (waiting) waiting(message);
      else member.#messages.push(message);
    });
    await within(new Promise((resolve) => member.socket.once("open", resolve)), "a connection");
    member.say({ name });
    return member;
  }

  say(message) {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  async next() {
    if (this.#messages.length > 0) return this.#messages.shift();
    return within(new Promise((resolve) => this.#waiting.push(resolve)), "a message");
  }
}

test("members hear each other, in their own room only", LIMIT, async () => {
  const alice = await Member.enter("one", "alice");
  assert.deepEqual(await alice.next(), { ready: true, members: ["alice"], history: [] });
  const bob = await Member.enter("one", "bob");
  assert.deepEqual((await bob.next()).members, ["alice", "bob"]);
  assert.deepEqual(await alice.next(), { joined: "bob" });
  const carol = await Member.enter("two", "carol");
  assert.deepEqual((await carol.next()).members, ["carol"]);

  alice.say({ text: "hello" });
  for (const member of [alice, bob]) {
    const { name, text } = await member.next();
    assert.deepEqual({ name, text }, { name: "alice", text: "hello" });
  }
  bob.socket.close();
  assert.deepEqual(await alice.next(), { left: "bob" });
  carol.say("ping");
  assert.equal(await carol.next(), "pong", "and nothing of the other room before it");
  for (const member of [alice, carol]) member.socket.close();
});

test("a room that has slept knows its members", LIMIT, async () => {
  const alice = await Member.enter("sleepy", "alice");
  await alice.next();
  await server.logged("object leaves memory");
  const bob = await Member.enter("sleepy", "bob");
  assert.deepEqual((await bob.next()).members, ["alice", "bob"]);
  assert.deepEqual(await alice.next(), { joined: "bob" });
  for (const member of [alice, bob]) member.socket.close();
});

test("what is no message, comes too early or is too much is refused", LIMIT, async () => {
  const alice = await Member.enter("rules", "alice");
  await alice.next();
  alice.say("no JSON");
  assert.deepEqual(await alice.next(), { error: "this is no message" });
  alice.say({ name: "again" });
  assert.deepEqual(await alice.next(), { error: "you are alice already" });
  alice.say({ text: "x".repeat(257) });
  assert.deepEqual(await alice.next(), { error: "a message has at most 256 characters" });
  for (let number = 0; number < 30; number++) alice.say({ text: "spam" });
  let refusal;
  do refusal = await alice.next(); while (refusal.error === undefined);
  assert.deepEqual(refusal, { error: "you are talking too fast" });
  alice.socket.close();
  const response = await fetch(`${server.origin}/rooms/${"x".repeat(33)}`);
  assert.equal(response.status, 400);
});
