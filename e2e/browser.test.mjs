// The page of the example, in a real browser.
//
// Run: `cargo build -p client-socket-rust && npm ci && node --test`, in this folder, with Chromium installed. With
// DORMOUSE_E2E_SCREENSHOTS set to a folder, pictures of the page are put there. See support/server.mjs for how to
// test another program.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { launch } from "./support/browser.mjs";
import { PATIENCE, Server } from "./support/server.mjs";

const LIMIT = { timeout: 30_000 };

let browser;
let server;

before(async () => { [browser, server] = await Promise.all([launch(), Server.start()]); }, LIMIT);
after(async () => Promise.all([browser?.close(), server?.stop("SIGKILL")]), LIMIT);

/** A browser of its own: no cookie is shared with another. */
async function profile(t, options) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(PATIENCE);
  t.after(() => context.close());
  return context;
}

/** A page that shows `path`, and what it complained of. */
async function open(context, url) {
  const page = await context.newPage();
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(error.message));
  await page.goto(url);
  return page;
}

/** Logs in as the account, and waits until the page says that it is connected. */
async function connect(page, account) {
  await page.getByLabel("account").fill(account);
  await page.getByRole("button", { name: "Connect" }).click();
  await state(page, `connected as ${account}`);
}

/** Waits until the page shows this state. */
async function state(page, text) {
  await page.getByRole("status").filter({ hasText: text }).waitFor();
}

async function type(page, text) {
  await page.getByLabel("message").fill(text);
  await page.getByRole("button", { name: "Send" }).click();
}

/** Waits until the page shows a message. */
async function heard(page, text) {
  await page.getByRole("listitem").filter({ hasText: text }).waitFor();
}

async function messages(page) {
  return page.getByRole("listitem").allTextContents();
}

async function picture(page, name) {
  const folder = process.env.DORMOUSE_E2E_SCREENSHOTS;
  if (folder) await page.screenshot({ path: join(folder, `${name}.png`) });
}

/** Opens a socket to the server from within a page, and tells how that went. */
async function dial(page, address) {
  return page.evaluate((address) => new Promise((resolve) => {
    const socket = new WebSocket(`ws://${address}/client-socket`);
    socket.onopen = () => { resolve("open"); socket.close(); };
    socket.onclose = ({ code }) => resolve(`closed ${code}`);
  }), address);
}

test("two pages of one account talk, and another account hears nothing", LIMIT, async (t) => {
  const shared = await profile(t);
  const [one, two] = [await open(shared, server.origin), await open(shared, server.origin)];
  const stranger = await open(await profile(t), server.origin);
  await picture(one, "closed");
  for (const page of [one, two]) await connect(page, "alice");
  await connect(stranger, "bob");
  await type(one, "hello from one");
  await heard(two, "hello from one");
  await type(two, "hello from two");
  await heard(one, "hello from two");
  // An echo comes after all that was sent before.
  for (const page of [one, two, stranger]) {
    await type(page, "echo:end");
    await page.getByRole("listitem").filter({ hasText: /^end$/ }).waitFor();
  }
  assert.deepEqual(await messages(one), ["end", "echo:end", "hello from two", "hello from one"]);
  assert.deepEqual(await messages(two), ["end", "echo:end", "hello from two", "hello from one"]);
  assert.deepEqual(await messages(stranger), ["end", "echo:end"]);
  assert.deepEqual([one, two, stranger].flatMap((page) => page.faults), []);
  await picture(two, "talk");
});

test("the page shows its state, and sends only while it is connected", LIMIT, async (t) => {
  const page = await open(await profile(t), server.origin);
  const text = page.getByLabel("message");
  await state(page, "not connected");
  assert.ok(await text.isDisabled());
  await connect(page, "alice");
  assert.ok(await text.isEnabled());
  assert.equal(await page.getByRole("status").getAttribute("data-state"), "open");
  assert.ok(await text.evaluate((element) => element === document.activeElement), "one can type at once");
  // Enter sends, and the field is empty again.
  await page.keyboard.type("echo:typed");
  await page.keyboard.press("Enter");
  await heard(page, /^typed$/);
  assert.equal(await text.inputValue(), "");
});

test("a page that changes its account hears the new one alone", LIMIT, async (t) => {
  const context = await profile(t);
  const [mover, alice, bob] = [await open(context, server.origin), await open(await profile(t), server.origin),
    await open(await profile(t), server.origin)];
  await connect(mover, "moves-from");
  await connect(mover, "moves-to");
  await connect(alice, "moves-from");
  await connect(bob, "moves-to");
  await type(alice, "for the old");
  await type(bob, "for the new");
  await heard(mover, "for the new");
  assert.deepEqual(await messages(mover), ["for the new"]);
});

test("what a message says is shown as text", LIMIT, async (t) => {
  const context = await profile(t);
  const [one, two] = [await open(context, server.origin), await open(context, server.origin)];
  for (const page of [one, two]) await connect(page, "markup");
  await type(one, "<img src=x onerror=alert(1)> & ünïcödé 🐭");
  await heard(two, "<img src=x onerror=alert(1)> & ünïcödé 🐭");
  assert.equal(await two.locator("#messages img").count(), 0);
});

test("an account that cannot be one is refused with words", LIMIT, async (t) => {
  const page = await open(await profile(t), server.origin);
  await page.locator("#account").evaluate((input) => { input.pattern = ".*"; input.value = "two words"; });
  await page.getByRole("button", { name: "Connect" }).click();
  await state(page, "an account is 1 to 64 letters");
  assert.equal(await page.getByRole("status").getAttribute("data-state"), "closed");
});

test("a page stays connected while its account sleeps", LIMIT, async (t) => {
  const sleepy = await Server.start({ flags: ["--hibernate-after", "300ms"] });
  t.after(() => sleepy.stop("SIGKILL"));
  const context = await profile(t);
  const [one, two] = [await open(context, sleepy.origin), await open(context, sleepy.origin)];
  for (const page of [one, two]) await connect(page, "alice");
  for (const round of ["first", "second"]) {
    await sleepy.logged("object leaves memory");
    await type(one, `after the ${round} sleep`);
    await heard(two, `after the ${round} sleep`);
  }
  assert.equal(await two.getByRole("status").textContent(), "connected as alice");
});

test("pages connect again by themselves when the server is back", LIMIT, async (t) => {
  let current = await Server.start();
  t.after(() => current.stop("SIGKILL"));
  const context = await profile(t);
  const [one, two] = [await open(context, current.origin), await open(context, current.origin)];
  for (const page of [one, two]) await connect(page, "alice");
  // Once it stops in order, once it is killed.
  for (const [signal, says] of [["SIGTERM", "closed (1001: The server is shutting down.)"], ["SIGKILL", "closed (1006)"]]) {
    const said = Promise.all([state(one, says), state(two, says)]);
    await current.stop(signal);
    await said;
    if (signal === "SIGTERM") await picture(one, "gone");
    current = await Server.start({ port: current.port });
    for (const page of [one, two]) await state(page, "connected as alice");
    await type(one, `after ${signal}`);
    await heard(two, `after ${signal}`);
  }
});

test("a forged cookie opens no socket", LIMIT, async (t) => {
  const context = await profile(t);
  const page = await open(context, server.origin);
  assert.equal(await dial(page, server.address), "closed 1006", "nor does none");
  await page.evaluate(() => fetch("/session", { method: "POST", body: "alice" }));
  assert.equal(await dial(page, server.address), "open", "a true one does");
  const [cookie] = await context.cookies();
  assert.deepEqual([cookie.httpOnly, cookie.sameSite], [true, "Strict"]);
  const [, signature] = cookie.value.split(":");
  for (const value of [`bob:${signature}`, "alice", "alice:", `alice:${signature.slice(1)}`, `alice:${"A".repeat(signature.length)}`]) {
    await context.addCookies([{ ...cookie, value }]);
    assert.equal(await dial(page, server.address), "closed 1006", value);
  }
});

test("a page of another origin cannot use the cookie", LIMIT, async (t) => {
  // The same host at another port: the browser sends the cookie along, and only the server can say no.
  const cookies = [];
  const evil = createServer((request, response) => {
    cookies.push(request.headers.cookie);
    response.setHeader("content-type", "text/html").end("<title>evil</title>");
  });
  await new Promise((resolve) => evil.listen(0, "127.0.0.1", resolve));
  t.after(() => { evil.close(); evil.closeAllConnections(); });
  const context = await profile(t);
  const page = await open(context, server.origin);
  await connect(page, "alice");
  const elsewhere = await open(context, `http://127.0.0.1:${evil.address().port}/`);
  assert.match(cookies[0], /^session=alice:/, "the browser sends it");
  assert.equal(await dial(elsewhere, server.address), "closed 1006");
  assert.equal(await dial(page, server.address), "open", "the page itself can");
});

test("the page fits a telephone, and a dark room", LIMIT, async (t) => {
  const context = await profile(t, { viewport: { width: 360, height: 640 }, colorScheme: "dark" });
  const page = await open(context, server.origin);
  await connect(page, "telephone");
  await type(page, `echo:${"long".repeat(100)}`);
  await heard(page, /^(long){100}$/);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 360, `nothing sticks out: ${width}`);
  await picture(page, "telephone");
});
