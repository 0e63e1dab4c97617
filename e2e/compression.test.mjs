// Compressed messages (permessage-deflate), with clients that offer it in their own ways.
//
// Run: as client-socket.test.mjs.

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import WebSocket from "ws";

import { launch } from "./support/browser.mjs";
import { Server, within } from "./support/server.mjs";

const LIMIT = { timeout: 30_000 };
const NO_CONTEXT = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

const running = {};
let browser;

before(async () => {
  const start = async (kind) => { running[kind] = await Server.start({ flags: ["--compression", kind] }); };
  [browser] = await Promise.all([launch(), ...["messages", "streams", "off"].map(start)]);
}, LIMIT);
after(async () => {
  await Promise.all([browser?.close(), ...Object.values(running).map((server) => server.stop("SIGKILL"))]);
}, LIMIT);

/** A socket that compresses every message, or none; and what the server agreed to. */
async function dial(server, perMessageDeflate) {
  const options = { headers: { "account-id": "alice" }, perMessageDeflate };
  const socket = new WebSocket(`ws://${server.address}/client-socket`, options);
  const answered = once(socket, "upgrade");
  await within(once(socket, "open"), "an open socket");
  const [response] = await answered;
  return { socket, agreed: response.headers["sec-websocket-extensions"], wire: response.socket };
}

/** What comes back of a text, and the bytes that it took. */
async function echo({ socket, wire }, text) {
  const before = wire.bytesRead;
  const answer = within(once(socket, "message"), "an echo");
  socket.send(`echo:${text}`);
  const [data] = await answer;
  assert.equal(String(data), text);
  return wire.bytesRead - before;
}

const prose = (length) => Array.from({ length }, (_, i) => `word${(i * i) % 97}`).join(" ").slice(0, length);
const line = (number) => JSON.stringify({ type: "message", from: "alice", number, text: "how do you do?" });

test("clients that offer compression in their own ways are understood", LIMIT, async () => {
  for (const [offer, agreed] of [
    [{ threshold: 0 }, NO_CONTEXT],
    [{ threshold: 0, serverNoContextTakeover: true, clientNoContextTakeover: true }, NO_CONTEXT],
    [{ threshold: 0, clientMaxWindowBits: 9 }, NO_CONTEXT],
    [{ threshold: 0, serverMaxWindowBits: 9 }, `${NO_CONTEXT}; server_max_window_bits=9`],
    [false, undefined],
  ]) {
    const client = await dial(running.messages, offer);
    assert.equal(client.agreed, agreed);
    for (const length of [0, 1, 255, 256, 5000, 500_000]) {
      for (let round = 0; round < 2; round++) {
        const bytes = await echo(client, prose(length));
        const shrinks = agreed !== undefined && length >= 256;
        assert.ok(shrinks ? bytes < length * 0.9 : bytes >= length, `${bytes} of ${length} for ${agreed}`);
      }
    }
    client.socket.close();
  }
});

test("with context, short messages become much shorter", LIMIT, async () => {
  for (const [offer, agreed] of [
    [{ threshold: 0 }, "permessage-deflate; client_max_window_bits=12"],
    [{ threshold: 0, clientNoContextTakeover: true }, "permessage-deflate; client_no_context_takeover; client_max_window_bits=12"],
    [{ threshold: 0, serverMaxWindowBits: 10 }, "permessage-deflate; server_max_window_bits=10; client_max_window_bits=12"],
  ]) {
    const client = await dial(running.streams, offer);
    assert.equal(client.agreed, agreed);
    for (let number = 0; number < 300; number++) {
      const bytes = await echo(client, line(number));
      assert.ok(number === 0 || bytes < line(number).length / 2, `${bytes} of ${line(number).length}`);
    }
    for (const length of [100_000, 10, 30_000]) await echo(client, prose(length));
    client.socket.close();
  }
});

test("a server that was told not to compress does not", LIMIT, async () => {
  const client = await dial(running.off, { threshold: 0 });
  assert.equal(client.agreed, undefined);
  assert.ok(await echo(client, prose(5000)) >= 5000);
  client.socket.close();
});

test("a browser compresses", LIMIT, async () => {
  for (const [kind, agreed] of [
    ["messages", NO_CONTEXT],
    ["streams", "permessage-deflate; client_max_window_bits=12"],
    ["off", ""],
  ]) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(running[kind].origin);
    const texts = [...Array.from({ length: 50 }, (_, i) => line(i)), prose(300), prose(200_000), "ünïcödé 🐭".repeat(50)];
    const [extensions, echoes] = await page.evaluate(async ([address, texts]) => {
      await fetch("/session", { method: "POST", body: "bob" });
      const socket = new WebSocket(`ws://${address}/client-socket`);
      await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onclose = reject; });
      const echoes = [];
      for (const text of texts) {
        const answer = new Promise((resolve, reject) => { socket.onmessage = ({ data }) => resolve(data); socket.onclose = reject; });
        socket.send(`echo:${text}`);
        echoes.push(await answer);
      }
      return [socket.extensions, echoes];
    }, [running[kind].address, texts]);
    assert.equal(extensions, agreed);
    assert.deepEqual(echoes, texts);
    await context.close();
  }
});
