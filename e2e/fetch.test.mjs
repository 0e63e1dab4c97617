// `fetch` of a Worker to the outside: what a server that this project did not write sees of it, and the other way round.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import http2 from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import selfsigned from "selfsigned";

import { DORMOUSE, Server, within } from "./support/server.mjs";

const LIMIT = { timeout: 30_000 };

const WORKER = `
  async function answer(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const target = searchParams.get("to");
    switch (pathname) {
      case "/pass": return fetch(target, request);
      case "/tell": {
        const response = await fetch(target, { redirect: searchParams.get("redirect") ?? "follow" });
        return Response.json({
          status: response.status, url: response.url, redirected: response.redirected, text: await response.text(),
        });
      }
      case "/post": {
        const response = await fetch(target, { method: "POST", body: "a body", headers: { authorization: "secret" } });
        return new Response(await response.text());
      }
      case "/stream": {
        const { readable, writable } = new IdentityTransformStream();
        const writer = writable.getWriter();
        const encoder = new TextEncoder();
        const sent = fetch(target, { method: "POST", body: readable });
        for (const part of ["one ", "two ", "three"]) await writer.write(encoder.encode(part));
        await writer.close();
        return sent;
      }
      case "/abort": {
        const controller = new AbortController();
        const hanging = fetch(target, { signal: controller.signal });
        setTimeout(() => controller.abort(new Error("no patience")), 20);
        return hanging.then(() => new Response("answered"), (error) => new Response(String(error)));
      }
      case "/fails": return fetch(target).then(() => new Response("answered"), (error) => new Response(String(error)));
    }
  }
  export default { fetch: answer };`;

let folder, outside, secure, origin, secureOrigin, server;
/** Requests that were cut off while they hung. */
let cut = 0;

function handle(request, response) {
  const { pathname } = new URL(request.url, "http://x");
  const redirect = (status, to) => response.writeHead(status, { location: to }).end();
  switch (pathname) {
    case "/hello": return response.writeHead(200, { "x-version": request.httpVersion }).end("hello");
    case "/moved": return redirect(302, "/hello");
    case "/see-other": return redirect(303, "/echo");
    case "/again": return redirect(307, "/echo");
    case "/loop": return redirect(302, "/loop");
    case "/hang": return void request.once("close", () => { cut += 1; });
    case "/echo": {
      const chunks = [];
      request.on("data", (chunk) => chunks.push(chunk));
      request.on("end", () => {
        const { authorization } = request.headers;
        response.end(JSON.stringify({ method: request.method, body: Buffer.concat(chunks).toString(), authorization }));
      });
      return undefined;
    }
    default: return response.writeHead(404).end("nothing here");
  }
}

async function listen(listener) {
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return listener.address().port;
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "dormouse-fetch-"));
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
  outside = http.createServer(handle);
  secure = http2.createSecureServer({ key: pems.private, cert: pems.cert, allowHTTP1: true }, handle);
  origin = `http://127.0.0.1:${await listen(outside)}`;
  secureOrigin = `https://localhost:${await listen(secure)}`;
  // The roots of the system, as every program on it is told of them.
  const env = { SSL_CERT_FILE: join(folder, "ca.pem") };
  server = await Server.start({ command: `${DORMOUSE} serve ${join(folder, "worker.js")}`, env });
}, LIMIT);
after(async () => {
  await server?.stop("SIGKILL");
  outside?.closeAllConnections();
  outside?.close();
  secure?.close();
  await rm(folder, { recursive: true });
}, LIMIT);

/** The Worker's answer on a path about a URL. */
async function ask(path, to, more = "") {
  const response = await within(fetch(`${server.origin}${path}?to=${encodeURIComponent(to)}${more}`), "an answer");
  const text = await response.text();
  return text.startsWith("{") ? JSON.parse(text) : text;
}

test("a response comes back whole", LIMIT, async () => {
  const hello = { status: 200, url: `${origin}/hello`, redirected: false, text: "hello" };
  assert.deepEqual(await ask("/tell", `${origin}/hello`), hello);
  assert.equal((await ask("/tell", `${origin}/gone`)).status, 404);
});

test("redirects are followed, or shown when asked for", LIMIT, async () => {
  const hello = { status: 200, url: `${origin}/hello`, redirected: true, text: "hello" };
  assert.deepEqual(await ask("/tell", `${origin}/moved`), hello);
  assert.equal((await ask("/tell", `${origin}/moved`, "&redirect=manual")).status, 302);
  assert.match(await ask("/fails", `${origin}/loop`), /^TypeError: Too many redirects/);
});

test("a body is sent, and again where the redirect says so", LIMIT, async () => {
  const echo = { method: "POST", body: "a body", authorization: "secret" };
  assert.deepEqual(await ask("/post", `${origin}/echo`), echo);
  assert.deepEqual(await ask("/post", `${origin}/again`), echo);
  assert.deepEqual(await ask("/post", `${origin}/see-other`), { method: "GET", body: "", authorization: "secret" });
});

test("a stream is sent as it is written, and a request is passed on", LIMIT, async () => {
  assert.equal((await ask("/stream", `${origin}/echo`)).body, "one two three");
  const to = encodeURIComponent(`${origin}/echo`);
  const passed = await fetch(`${server.origin}/pass?to=${to}`, { method: "POST", body: "through" });
  assert.equal((await passed.json()).body, "through");
});

test("TLS and HTTP/2 are spoken, and trust comes from the system", LIMIT, async () => {
  const to = encodeURIComponent(`${secureOrigin}/hello`);
  const response = await fetch(`${server.origin}/pass?to=${to}`);
  assert.deepEqual([response.headers.get("x-version"), await response.text()], ["2.0", "hello"]);
  const stranger = await Server.start({ command: `${DORMOUSE} serve ${join(folder, "worker.js")}` });
  try {
    const refused = await fetch(`${stranger.origin}/fails?to=${to}`);
    assert.equal(await refused.text(), "Error: Network connection lost.");
  } finally {
    await stranger.stop("SIGKILL");
  }
});

test("an abort ends the waiting and the request", LIMIT, async () => {
  assert.equal(await ask("/abort", `${origin}/hang`), "Error: no patience");
  const patience = Date.now() + 10_000;
  while (cut === 0 && Date.now() < patience) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(cut, 1, "the other side saw it end");
});

test("a server that is not there is an error", LIMIT, async () => {
  const closed = http.createServer();
  const port = await listen(closed);
  closed.close();
  await once(closed, "close");
  assert.equal(await ask("/fails", `http://127.0.0.1:${port}/`), "Error: Network connection lost.");
});
