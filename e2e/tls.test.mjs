// TLS and HTTP/2: the relay, seen by `ws`, by node's own client of HTTP/2 and by a browser.
//
// Run: as client-socket.test.mjs.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import http2 from "node:http2";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import selfsigned from "selfsigned";
import WebSocket from "ws";

import { launch } from "./support/browser.mjs";
import { PATIENCE, Server, within } from "./support/server.mjs";

const LIMIT = { timeout: 30_000 };

let folder;
let ca;
let server;
let browser;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "dormouse-tls-"));
  const pems = await selfsigned.generate([{ name: "commonName", value: "localhost" }], {
    keySize: 2048,
    algorithm: "sha256",
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "subjectAltName", altNames: [{ type: 2, value: "localhost" }, { type: 7, ip: "127.0.0.1" }] },
    ],
  });
  ca = pems.cert;
  await writeFile(join(folder, "cert.pem"), pems.cert);
  await writeFile(join(folder, "key.pem"), pems.private);
  const flags = ["--tls-cert", join(folder, "cert.pem"), "--tls-key", join(folder, "key.pem")];
  [browser, server] = await Promise.all([launch(), Server.start({ flags })]);
}, LIMIT);
after(async () => {
  await Promise.all([browser?.close(), server?.stop("SIGKILL")]);
  await rm(folder, { recursive: true, force: true });
}, LIMIT);

/** What comes back of a text that is to be echoed. */
async function echo(socket, text) {
  const answer = within(once(socket, "message"), "an echo");
  socket.send(`echo:${text}`);
  assert.equal(String((await answer)[0]), text);
}

/** A socket over TLS and HTTP/1.1. */
async function dial(account) {
  const socket = new WebSocket(`wss://${server.address}/client-socket`, { ca, headers: { "account-id": account } });
  await within(once(socket, "open"), "an open socket");
  return socket;
}

/** A connection of HTTP/2 that knows whether it may open sockets. */
async function session(t, origin, options) {
  const session = http2.connect(origin, options);
  t.after(() => session.destroy());
  await within(once(session, "remoteSettings"), "the settings of the server");
  return session;
}

/** Asks for a socket on such a connection, and tells the answer. */
async function handshake(session, account, headers = {}) {
  const stream = session.request({
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":path": "/client-socket",
    "sec-websocket-version": "13",
    "account-id": account,
    ...headers,
  }, { endStream: false });
  const [answer] = await within(once(stream, "response"), "an answer");
  return { stream, answer };
}

/** The same, as a socket of `ws`, to which the stream is given instead of a connection. */
async function dialWithin(session, account) {
  const { stream, answer } = await handshake(session, account);
  assert.equal(answer[":status"], 200);
  const socket = new WebSocket(null, undefined, { autoPong: true, closeTimeout: 30_000 });
  socket._isServer = false;
  socket.setSocket(stream, Buffer.alloc(0), { allowSynchronousEvents: true, maxPayload: 1 << 26, skipUTF8Validation: false });
  return socket;
}

test("the log says what to connect to", LIMIT, () => {
  assert.equal(server.origin, `https://${server.address}`);
});

test("sockets over TLS talk, and end in order", LIMIT, async () => {
  const [one, two, stranger] = [await dial("alice"), await dial("alice"), await dial("bob")];
  const heard = within(once(two, "message"), "what the other says");
  one.send("hello");
  assert.equal(String((await heard)[0]), "hello");
  for (const length of [0, 1, 70_000, 3_000_000]) await echo(stranger, "x".repeat(length));
  for (const socket of [one, two, stranger]) {
    socket.close(4000, "bye");
    const [code, reason] = await within(once(socket, "close"), "the end of a socket");
    assert.deepEqual([code, String(reason)], [4000, "bye"]);
  }
});

test("sockets within HTTP/2 talk to one another and to those of HTTP/1.1", LIMIT, async (t) => {
  const connection = await session(t, server.origin, { ca });
  assert.equal(connection.alpnProtocol, "h2");
  assert.equal(connection.remoteSettings.enableConnectProtocol, true);
  const outside = await dial("carol");
  const sockets = await Promise.all(Array.from({ length: 20 }, () => dialWithin(connection, "carol")));
  // Whoever has had an echo is connected.
  for (const socket of sockets) await echo(socket, "here");
  const heard = [outside, ...sockets.slice(1)].map((socket) => within(once(socket, "message"), "what one says"));
  sockets[0].send("hello");
  for (const [data] of await Promise.all(heard)) assert.equal(String(data), "hello");
  for (const length of [0, 1, 70_000, 3_000_000]) await echo(sockets[1], "y".repeat(length));
  for (const socket of [...sockets, outside]) {
    socket.close(4001, "over");
    const [code, reason] = await within(once(socket, "close"), "the end of a socket");
    assert.deepEqual([code, String(reason)], [4001, "over"]);
  }
  // The connection is there for more.
  await echo(await dialWithin(connection, "carol"), "again");
});

test("a handshake within HTTP/2 that user code refuses is refused", LIMIT, async (t) => {
  const connection = await session(t, server.origin, { ca });
  for (const [account, headers, status] of [
    ["", {}, 400],
    ["alice", { "sec-websocket-version": "8" }, 426],
    ["alice", { ":protocol": "connect-udp" }, 501],
    ["alice", { ":path": "/" }, 400],
  ]) {
    const { stream, answer } = await handshake(connection, account, headers);
    assert.equal(answer[":status"], status, JSON.stringify(headers));
    stream.close();
  }
});

test("HTTP/2 without TLS is spoken by those who know", LIMIT, async (t) => {
  const plain = await Server.start();
  t.after(() => plain.stop("SIGKILL"));
  assert.equal(plain.origin, `http://${plain.address}`);
  const connection = await session(t, plain.origin, {});
  await echo(await dialWithin(connection, "alice"), "hello");
});

test("a stopping server says so to sockets within HTTP/2", LIMIT, async (t) => {
  const plain = await Server.start();
  t.after(() => plain.stop("SIGKILL"));
  const connection = await session(t, plain.origin, {});
  const socket = await dialWithin(connection, "alice");
  await echo(socket, "hello");
  const closed = within(Promise.all([once(socket, "close"), once(connection, "goaway"), once(connection, "close")]), "the end");
  assert.equal(await plain.stop("SIGTERM"), 0);
  const [[code, reason]] = await closed;
  assert.deepEqual([code, String(reason)], [1001, "The server is shutting down."]);
});

test("a browser puts its page and its sockets on one connection", LIMIT, async (t) => {
  // Between the browser and the server, connections are counted.
  let connections = 0;
  const counter = createServer((near) => {
    connections += 1;
    const far = connect(server.port, "127.0.0.1");
    near.pipe(far).pipe(near);
    for (const end of [near, far]) end.on("error", () => { near.destroy(); far.destroy(); });
  });
  counter.listen(0, "127.0.0.1");
  await once(counter, "listening");
  t.after(() => counter.close());
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  t.after(() => context.close());
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  await page.goto(`https://localhost:${counter.address().port}/`);
  const protocol = await page.evaluate(() => performance.getEntriesByType("navigation")[0].nextHopProtocol);
  assert.equal(protocol, "h2");
  await page.getByLabel("account").fill("dave");
  await page.getByRole("button", { name: "Connect" }).click();
  await page.getByRole("status").filter({ hasText: "connected as dave" }).waitFor();
  const before = connections;
  const heard = await page.evaluate(() => Promise.all(Array.from({ length: 10 }, (_, number) => new Promise((resolve, reject) => {
    const socket = new WebSocket(`${location.origin.replace("http", "ws")}/client-socket`);
    socket.onopen = () => socket.send(`echo:${number}`);
    socket.onmessage = ({ data }) => { resolve([data, socket.extensions]); socket.close(); };
    socket.onerror = () => reject(new Error("no socket"));
  }))));
  assert.deepEqual(heard.map(([text]) => text), Array.from({ length: 10 }, (_, number) => String(number)));
  assert.match(heard[0][1], /^permessage-deflate/);
  assert.equal(connections, before, "no socket needs a connection of its own");
});
