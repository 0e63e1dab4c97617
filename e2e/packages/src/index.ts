// A Worker that uses packages from npm as their documentation says.

import { addDays, differenceInDays, format } from "date-fns";
import { de } from "date-fns/locale";
import { Hono } from "hono";
import { html } from "hono/html";
import { AutoRouter, error } from "itty-router";
import { SignJWT, exportJWK, generateKeyPair, importJWK, jwtVerify } from "jose";
import { nanoid } from "nanoid";
import * as Y from "yjs";
import { z } from "zod";

const hono = new Hono().basePath("/hono");
hono.get("/users/:id", (c) => c.json({ id: c.req.param("id"), full: c.req.query("full") }));
hono.post("/json", async (c) => c.json({ got: await c.req.json() }));
hono.get("/html", (c) => c.html(html`<p>${"<escaped>"}</p>`));
hono.get("/throws", () => { throw new Error("on purpose"); });
hono.onError((err, c) => c.text(`caught: ${err.message}`, 500));

const itty = AutoRouter({ base: "/itty" });
itty.get("/todos/:id", ({ id }) => ({ todo: id })).all("*", () => error(404));

const User = z.object({ name: z.string(), age: z.coerce.number().int() });

async function parse(request: Request): Promise<Response> {
  const result = User.safeParse(await request.json());
  return result.success ? Response.json(result.data) : Response.json(result.error.issues, { status: 400 });
}

function dates(): Response {
  const day = new Date(2026, 10, 24);
  const later = addDays(day, 7);
  return Response.json({
    formatted: format(day, "yyyy-MM-dd"),
    later: format(later, "yyyy-MM-dd"),
    days: differenceInDays(later, day),
    day: format(day, "EEEE", { locale: de }),
  });
}

async function tokens(): Promise<Response> {
  const secret = new TextEncoder().encode("0123456789abcdef0123456789abcdef");
  const hs256 = await new SignJWT({ sub: "alice" }).setProtectedHeader({ alg: "HS256" }).setExpirationTime("1h").sign(secret);
  const keys = await generateKeyPair("ES256", { extractable: true });
  const es256 = await new SignJWT({ sub: "bob" }).setProtectedHeader({ alg: "ES256" }).sign(keys.privateKey);
  const jwk = await importJWK(await exportJWK(keys.publicKey), "ES256");
  const rsa = await generateKeyPair("RS256");
  const rs256 = await new SignJWT({ sub: "carol" }).setProtectedHeader({ alg: "RS256" }).sign(rsa.privateKey);
  const forged = await jwtVerify(`${hs256.slice(0, -4)}AAAA`, secret).catch((err) => err.code);
  return Response.json({
    hs256: (await jwtVerify(hs256, secret)).payload.sub,
    es256: (await jwtVerify(es256, jwk)).payload.sub,
    rs256: (await jwtVerify(rs256, rsa.publicKey)).payload.sub,
    forged,
  });
}

function documents(): Response {
  const [one, two] = [new Y.Doc(), new Y.Doc()];
  one.getText("t").insert(0, "hello");
  Y.applyUpdate(two, Y.encodeStateAsUpdate(one));
  one.getText("t").insert(5, " world");
  two.getText("t").insert(5, "!");
  Y.applyUpdate(two, Y.encodeStateAsUpdate(one, Y.encodeStateVector(two)));
  Y.applyUpdate(one, Y.encodeStateAsUpdate(two, Y.encodeStateVector(one)));
  return Response.json({ one: one.getText("t").toString(), two: two.getText("t").toString() });
}

export default {
  async fetch(request: Request, env: unknown, ctx: ExecutionContext): Promise<Response> {
    const [, part] = new URL(request.url).pathname.split("/");
    switch (part) {
      case "hono": return hono.fetch(request, env as object, ctx);
      case "itty": return itty.fetch(request);
      case "zod": return parse(request);
      case "nanoid": return Response.json(Array.from({ length: 100 }, () => nanoid()));
      case "date-fns": return dates();
      case "jose": return tokens();
      case "yjs": return documents();
      default: return new Response("not found", { status: 404 });
    }
  },
};
