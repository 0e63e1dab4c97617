// WebSockets of a Worker to the outside: `ws`, which this project did not write, is the server, with and without TLS.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import selfsigned from "selfsigned";
import { WebSocket, WebSocketServer } from "ws";

import { DORMOUSE, Server, within } from "./support/server.mjs";

const LIMIT = { timeout: 30_000 };

const WORKER = `
  const next = (ws, type) => new Promise((resolve) => ws.addEventListener(type, resolve, { once: true }));
  async function talk(url, protocols) {
    const ws = new WebSocket(url, protocols);
    ws.binaryType = "arraybuffer";
    const failed = next(ws, "error").then((event) => event.message);
    const closed = next(ws, "close");
    const opened = await Promise.race([next(ws, "open"), failed]);
    if (typeof opened === "string") return { failed: opened, closed: (await closed).code };
    const heard = [];
    for (const message of ["hello", "x".repeat(100_000), new Uint8Array([1, 2])]) {
      ws.send(message);
      const { data } = await next(ws, "message");
      heard.push(typeof data === "string" ? data.length : [...new Uint8Array(data)]);
    }
    ws.close(4000, "done");
    const { code, reason, wasClean } = await closed;
    return { heard, closed: [code, reason, wasClean], protocol: ws.protocol, compressed: ws.extensions !== null };
  }
  export default {
    async fetch(request) {
      const { pathname, searchParams } = new URL(request.url);
      const target = searchParams.get("to");
      if (pathname === "/pass") return fetch(target.replace(/^ws/, "http"), request);
      return Response.json(await talk(target, searchParams.getAll("protocol")));
    },
  };`;

let folder, plain, secure, origin, secureOrigin, server;
const env = {};

/** Lets a server of HTTP echo on WebSockets, compressed or not. */
async function echoing(listener) {
  const options = { noServer: true, handleProtocols: (protocols) => [...protocols].at(-1) };
  const plainSockets = new WebSocketServer(options);
  const compressing = new WebSocketServer({ ...options, perMessageDeflate: { threshold: 0 } });
  listener.on("upgrade", (request, socket, head) => {
    if (request.url === "/refused") return socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    const sockets = request.url === "/compressed" ? compressing : plainSockets;
    return sockets.handleUpgrade(request, socket, head, (ws) => {
      ws.on("message", (data, isBinary) => ws.send(data, { binary: isBinary }));
    });
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return listener.address().port;
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "dormouse-outgoing-"));
  const authority = await selfsigned.generate([{ name: "commonName", value: "authority" }], {
    keySize: 2048,
    algorithm: "sha256",
    extensions: [{ name: "basicConstraints", cA: true, critical: true }, { name: "keyUsage", keyCertSign: true }],
  });
  const pems = await selfsigned.generate([{ name: "commonName", value: "localhost" }], {
    keySize: 2048,
    algorithm: "sha256",
    ca: { key: authority.private, cert: authority.cert },
  });
  await writeFile(join(folder, "ca.pem"), authority.cert);
  await writeFile(join(folder, "worker.js"), WORKER);
  plain = http.createServer();
  secure = https.createServer({ key: pems.private, cert: pems.cert });
  origin = `ws://127.0.0.1:${await echoing(plain)}`;
  secureOrigin = `wss://localhost:${await echoing(secure)}`;
  // The roots of the system, as every program on it is told of them.
  env.SSL_CERT_FILE = join(folder, "ca.pem");
  server = await Server.start({ command: `${DORMOUSE} serve ${join(folder, "worker.js")}`, env });
}, LIMIT);
after(async () => {
  await server?.stop("SIGKILL");
  for (const listener of [plain, secure]) {
    listener?.closeAllConnections();
    listener?.close();
  }
  await rm(folder, { recursive: true });
}, LIMIT);

async function ask(to, protocols = [], of = server) {
  const query = new URLSearchParams([["to", to], ...protocols.map((protocol) => ["protocol", protocol])]);
  return (await within(fetch(`${of.origin}/?${query}`), "an answer")).json();
}

const talked = { heard: [5, 100_000, [1, 2]], closed: [4000, "done", true], protocol: null, compressed: false };

test("a Worker talks to a server, with and without TLS", LIMIT, async () => {
  assert.deepEqual(await ask(`${origin}/`), talked);
  assert.deepEqual(await ask(`${secureOrigin}/`), talked);
});

test("protocols are offered and the server chooses", LIMIT, async () => {
  assert.deepEqual(await ask(`${origin}/`, ["chat", "other"]), { ...talked, protocol: "other" });
});

test("messages are compressed where the server agrees", LIMIT, async () => {
  assert.deepEqual(await ask(`${origin}/compressed`), { ...talked, compressed: true });
  assert.deepEqual(await ask(`${secureOrigin}/compressed`), { ...talked, compressed: true });
  const flags = ["--compression", "streams"];
  const streams = await Server.start({ command: `${DORMOUSE} serve ${join(folder, "worker.js")}`, env, flags });
  try {
    assert.deepEqual(await ask(`${origin}/compressed`, [], streams), { ...talked, compressed: true });
  } finally {
    await streams.stop("SIGKILL");
  }
});

test("a refusal and a stranger's certificate are errors", LIMIT, async () => {
  const refused = "expected server to reply with HTTP status code 101 (switching protocols), but received 403 instead.";
  const failed = `Uncaught TypeError: Failed to establish the WebSocket connection: ${refused}`;
  assert.deepEqual(await ask(`${origin}/refused`), { failed, closed: 1006 });
  const doubting = await Server.start({ command: `${DORMOUSE} serve ${join(folder, "worker.js")}` });
  try {
    const lost = { failed: "Uncaught Error: Network connection lost.", closed: 1006 };
    assert.deepEqual(await ask(`${secureOrigin}/`, [], doubting), lost);
  } finally {
    await doubting.stop("SIGKILL");
  }
});

test("a client is passed on to a server, with and without TLS", LIMIT, async () => {
  for (const to of [`${origin}/`, `${secureOrigin}/compressed`]) {
    const client = new WebSocket(`ws://${server.address}/pass?to=${encodeURIComponent(to)}`);
    await within(once(client, "open"), "the socket");
    for (const message of ["hello", "x".repeat(1_000_000)]) {
      client.send(message);
      const [data] = await within(once(client, "message"), "the echo");
      assert.equal(data.toString(), message);
    }
    client.ping("there?");
    const [pong] = await within(once(client, "pong"), "a pong");
    assert.equal(pong.toString(), "there?");
    client.close(4001, "bye");
    const [code, reason] = await within(once(client, "close"), "the close");
    assert.deepEqual([code, reason.toString()], [4001, "bye"]);
  }
});
