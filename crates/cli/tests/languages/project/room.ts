import { DurableObject } from "cloudflare:workers";

const HEX = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** A value in words that tell its kind. */
function told(value: unknown): string {
  switch (typeof value) {
    case "bigint":
      return `${value}n`;
    case "string":
      return JSON.stringify(value);
    case "object":
      break;
    default:
      return Object.is(value, -0) ? "-0" : String(value);
  }
  if (value === null) return "null";
  const list = (items: Iterable<unknown>) => [...items].map(told).join(", ");
  if (Array.isArray(value)) return `[${list(value)}]`;
  if (value instanceof Date) return `Date ${value.getTime()}`;
  if (value instanceof Map) return `Map {${[...value].map(([key, of]) => `${told(key)}: ${told(of)}`).join(", ")}}`;
  if (value instanceof Set) return `Set {${list(value)}}`;
  if (value instanceof ArrayBuffer) return `ArrayBuffer ${HEX(new Uint8Array(value))}`;
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} [${list(value as Uint8Array)}]`;
  if (Object.getPrototypeOf(value) !== Object.prototype) return `a ${value.constructor.name}`;
  return `{${Object.entries(value).map(([key, of]) => `${key}: ${told(of)}`).join(", ")}}`;
}

export class Room extends DurableObject {
  async fetch(request: Request): Promise<Response> {
    const storage = this.ctx.storage;
    switch (new URL(request.url).pathname.split("/")[2]) {
      case "store":
        await this.store();
        return new Response("stored");
      case "tell":
        return new Response(await this.tell());
      case "ring": {
        const due = Number(new URL(request.url).searchParams.get("due"));
        await storage.setAlarm(due);
        return new Response("set");
      }
      default:
        return new Response(String((await storage.get("rang")) ?? "not yet"));
    }
  }

  async store(): Promise<void> {
    const storage = this.ctx.storage;
    const twice = { once: 1 };
    await storage.put({
      number: 42,
      fraction: -0.5,
      infinite: Infinity,
      whole: Number.MAX_SAFE_INTEGER,
      text: "Größe ☃ 😀 \u0000",
      yes: true,
      nothing: null,
      holes: [1, undefined, , null],
      big: 2n ** 100n,
      negative: -5n,
      date: new Date(1_700_000_000_123),
      map: new Map<unknown, unknown>([[1, "one"], [2, "two"]]),
      names: new Map([["a", [1]], ["b", []]]),
      set: new Set(["x", "y"]),
      bytes: new Uint8Array([0, 1, 255]),
      buffer: new Uint8Array([7, 8]).buffer,
      words: new Int16Array([-1, 300]),
      floats: new Float64Array([0.25, -1e300]),
    });
    await storage.put({
      nested: { id: 7, name: "Ada", tags: ["a", null], inner: { deep: { deeper: [[1], [2, 3]] } }, more: { x: 1.5 } },
      shared: [twice, twice],
      kind: { Circle: { radius: 2 } },
      plain: "Empty",
      pattern: /a+/gi,
      error: new RangeError("too far"),
    });
    storage.kv.put("sync", ["by", "kv"]);
    storage.sql.exec("CREATE TABLE message (id INTEGER PRIMARY KEY, body TEXT, score REAL, data BLOB, gone TEXT)");
    const insert = "INSERT INTO message (body, score, data, gone) VALUES (?, ?, ?, ?)";
    storage.sql.exec(insert, "from TypeScript", 1.5, new Uint8Array([1, 2, 3]).buffer, null);
    storage.sql.exec(insert, "☃", 3, new Uint8Array().buffer, "no");
    await storage.setAlarm(4_102_444_800_123);
  }

  async tell(): Promise<string> {
    const storage = this.ctx.storage;
    const lines = [`name: ${this.ctx.id.name}`];
    for (const [key, value] of await storage.list()) {
      lines.push(`${key}: ${told(value)}`);
    }
    for (const row of storage.sql.exec("SELECT *, typeof(score) AS type FROM message ORDER BY id")) {
      lines.push(told(row));
    }
    lines.push(`alarm: ${await storage.getAlarm()}`);
    return lines.join("\n");
  }

  async alarm(): Promise<void> {
    await this.ctx.storage.put("rang", "in TypeScript");
  }
}

export default {
  async fetch(request: Request, env: any): Promise<Response> {
    const name = new URL(request.url).pathname.split("/")[1];
    if (name === "unique") return new Response(String(env.ROOM.newUniqueId()));
    const id = /^[0-9a-f]{64}$/.test(name) ? env.ROOM.idFromString(name) : env.ROOM.idFromName(name);
    return env.ROOM.get(id).fetch(request);
  },
};
