// The relay between the sockets of an account, seen by programs.
//
// Run: `cargo build -p client-socket-rust && npm ci && node --test`, in this folder. See support/server.mjs for how
// to test another program.

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import WebSocket from "ws";

import { Client } from "./support/client.mjs";
import { PATIENCE, Server, within } from "./support/server.mjs";

const LIMIT = { timeout: 20_000 };

let server;
let accounts = 0;

/** An account that no other test uses. */
const fresh = () => `account-${++accounts}`;

before(async () => { server = await Server.start(); }, LIMIT);
after(async () => server?.stop("SIGKILL"), LIMIT);

test("text and bytes reach all others of the account and nobody else", LIMIT, async () => {
  const [mine, theirs] = [fresh(), fresh()];
  const [sender, ...others] = await Client.openMany(server, mine, 4);
  const [stranger, neighbour] = await Client.openMany(server, theirs, 2);
  sender.say("grüße");
  sender.say(Buffer.from([0, 255, 10]));
  stranger.say("theirs");
  for (const other of others) {
    assert.equal(await other.next(), "grüße");
    assert.deepEqual(await other.next(), Buffer.from([0, 255, 10]));
    assert.equal(await other.echo("end"), "end");
  }
  assert.equal(await neighbour.next(), "theirs");
  for (const client of [sender, stranger, neighbour]) assert.equal(await client.echo("end"), "end");
});

test("an echo comes back to its sender alone", LIMIT, async () => {
  const [a, b] = await Client.openMany(server, fresh(), 2);
  assert.equal(await a.echo("one"), "one");
  assert.equal(await a.echo(""), "");
  a.say(Buffer.from("echo:bytes"));
  assert.deepEqual(await b.next(), Buffer.from("echo:bytes"));
});

test("thousands of messages of several senders keep their order", LIMIT, async () => {
  const COUNT = 3_000;
  const clients = await Client.openMany(server, fresh(), 4);
  const [a, b, ...listeners] = clients;
  for (let number = 0; number < COUNT; number++) {
    a.say(`a ${number}`);
    b.say(number % 2 ? `b ${number}` : Buffer.from(`b ${number}`));
  }
  await Promise.all(listeners.map(async (listener) => {
    const next = { a: 0, b: 0 };
    for (let count = 0; count < 2 * COUNT; count++) {
      const [name, number] = String(await listener.next()).split(" ");
      assert.equal(Number(number), next[name]++);
    }
    assert.deepEqual(next, { a: COUNT, b: COUNT });
  }));
});

test("a large message passes whole", LIMIT, async () => {
  const [a, b] = await Client.openMany(server, fresh(), 2);
  const bytes = Buffer.alloc(8 << 20);
  for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE(at, at);
  a.say(bytes);
  assert.ok(bytes.equals(await b.next()));
});

test("200 sockets of one account all hear each other", LIMIT, async () => {
  const clients = await Client.openMany(server, fresh(), 200);
  for (const speaker of [0, 99, 199]) {
    clients[speaker].say(`from ${speaker}`);
    const others = clients.filter((_, at) => at !== speaker);
    const heard = await Promise.all(others.map((other) => other.next()));
    assert.ok(heard.every((text) => text === `from ${speaker}`));
  }
  await Promise.all(clients.map((client) => client.close(1000)));
});

test("those that leave and come back are found again, and nobody twice", LIMIT, async () => {
  const account = fresh();
  const stays = await Client.open(server, account);
  for (let round = 0; round < 30; round++) {
    const guest = await Client.open(server, account);
    stays.say(`round ${round}`);
    assert.equal(await guest.next(), `round ${round}`);
    guest.say(`answer ${round}`);
    assert.equal(await stays.next(), `answer ${round}`);
    // Politely, or not.
    if (round % 2) await guest.close(1000, "bye");
    else guest.socket.terminate();
  }
  assert.equal(await stays.echo("end"), "end");
});

test("a close is answered with its own code and reason", LIMIT, async () => {
  const account = fresh();
  const stays = await Client.open(server, account);
  for (const [code, reason] of [[1000, ""], [1001, "leaving"], [3000, "x"], [4999, "ü".repeat(61)]]) {
    const client = await Client.open(server, account);
    assert.deepEqual(await client.close(code, reason), [code, reason]);
  }
  const client = await Client.open(server, account);
  assert.deepEqual(await client.close(), [1005, ""], "none is answered with none");
  assert.equal(await stays.echo("end"), "end");
});

test("a ping is answered with its payload", LIMIT, async () => {
  const client = await Client.open(server, fresh());
  for (const payload of ["", "still there?", "x".repeat(125)]) {
    const pong = once(client.socket, "pong");
    client.socket.ping(payload);
    const [answer] = await within(pong, "a pong");
    assert.equal(answer.toString(), payload);
  }
});

test("a broken frame ends its socket with 1002 and harms no other", LIMIT, async () => {
  const [broken, other] = await Client.openMany(server, fresh(), 2);
  broken.socket._socket.write(Buffer.from([0xf1, 0x80, 0, 0, 0, 0]));
  const [code] = await within(broken.closed, "the end of a socket");
  assert.equal(code, 1002);
  assert.equal(await other.echo("fine"), "fine");
});

test("what is no socket is refused with a reason", LIMIT, async () => {
  const ask = async (path, init) => {
    const response = await fetch(server.origin + path, { ...init, signal: AbortSignal.timeout(PATIENCE) });
    return [response.status, (await response.text()).trim()];
  };
  assert.deepEqual(await ask("/client-socket"), [426, "this is a WebSocket endpoint: send the header `Upgrade: websocket`"]);
  assert.deepEqual(await ask("/client-socket", { method: "POST" }), [405, "method not allowed"]);
  assert.deepEqual(await ask("/nowhere"), [404, "not found"]);
  assert.equal((await ask("/session", { method: "POST", body: "no name" }))[0], 400);
  const socket = new WebSocket(`ws://${server.address}/client-socket`);
  const [request, response] = await within(once(socket, "unexpected-response"), "a refusal");
  assert.equal(response.statusCode, 400);
  assert.equal(String(await response.toArray()).trim(), "the header `account-id` is missing");
  request.destroy();
});

test("an account that has fallen asleep wakes with its sockets, in order", LIMIT, async () => {
  const sleepy = await Server.start({ flags: ["--hibernate-after", "300ms"] });
  try {
    const [sender, ...others] = await Client.openMany(sleepy, "alice", 10);
    for (let round = 0; round < 3; round++) {
      await sleepy.logged("object leaves memory");
      // A ping is answered without the object.
      const pong = once(sender.socket, "pong");
      sender.socket.ping();
      await within(pong, "a pong");
      assert.deepEqual(sleepy.log, [], "the object sleeps on");
      for (let number = 0; number < 500; number++) sender.say(`${round} ${number}`);
      await Promise.all(others.map(async (other) => {
        for (let number = 0; number < 500; number++) assert.equal(await other.next(), `${round} ${number}`);
      }));
      await sleepy.logged("object starts");
    }
    assert.ok([sender, ...others].every((client) => client.socket.readyState === WebSocket.OPEN));
  } finally {
    await sleepy.stop("SIGKILL");
  }
});

test("a server that stops tells its clients, and the next one on its port takes them", LIMIT, async () => {
  const first = await Server.start();
  let second;
  try {
    const clients = await Client.openMany(first, "alice", 3);
    const stopped = first.stop();
    for (const client of clients) {
      assert.deepEqual(await within(client.closed, "the end of a socket"), [1001, "The server is shutting down."]);
    }
    assert.equal(await stopped, 0);
    second = await Server.start({ port: first.port });
    const [a, b] = await Client.openMany(second, "alice", 2);
    a.say("back");
    assert.equal(await b.next(), "back");
  } finally {
    await first.stop("SIGKILL");
    await second?.stop("SIGKILL");
  }
});
