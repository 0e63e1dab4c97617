// Objects with a database each, for the storage scenarios. Plain Cloudflare code, so that workerd, Dormouse and any
// other server for such code run it unchanged.
//
// Messages name what to do before a colon; after it come the sender, a number and a filling (`bench/src/load/message.rs`)
// which go back to the sender. Every answer leaves only after what the handler wrote is stored: that is the promise of
// the output gate, and what is measured here.

import { DurableObject } from "cloudflare:workers";

// Rows that one `POST /fill` adds, and the bytes of each: a megabyte.
const FILL_ROWS = 1000;
const FILL_BYTES = 1000;

export class Account extends DurableObject {
  #sql = this.ctx.storage.sql;
  // Only an object that writes pays for its tables, so that an object without a row has an empty database.
  #hasLog = false;

  async fetch(request) {
    if (request.headers.get("upgrade") === "websocket") {
      const [client, server] = Object.values(new WebSocketPair());
      this.ctx.acceptWebSocket(server);
      return new Response(null, { status: 101, webSocket: client });
    }
    switch (new URL(request.url).pathname) {
      case "/write":
        this.#write("written over HTTP");
        return new Response("ok");
      case "/alarm":
        this.#write("with an alarm");
        // Far enough away that none comes due while something is measured.
        await this.ctx.storage.setAlarm(Date.now() + 24 * 60 * 60 * 1000);
        return new Response("ok");
      case "/fill":
        return new Response(String(this.#fill()));
      case "/row":
        return new Response(this.#row(0));
      case "/count":
        return new Response(String(this.#count()));
      default:
        return new Response(null, { status: 404 });
    }
  }

  webSocketMessage(socket, message) {
    const colon = message.indexOf(":");
    const text = message.slice(colon + 1);
    switch (message.slice(0, colon)) {
      case "write":
        this.#write(text);
        break;
      case "read": {
        // The filling comes from the row, so that the answer is right only if the row was there.
        const row = this.#row(Number(text.slice(6, 16)));
        socket.send(text.slice(0, 17) + row.slice(0, text.length - 17));
        return;
      }
      case "count": {
        socket.send(`${text.slice(0, 6)}${String(this.#count()).padStart(10, "0")} `);
        return;
      }
    }
    socket.send(text);
  }

  webSocketClose(socket, code) {
    socket.close(code === 1005 || code === 1006 ? 1000 : code);
  }

  alarm() {}

  #write(body) {
    if (!this.#hasLog) {
      this.#sql.exec("CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY, body TEXT)");
      this.#hasLog = true;
    }
    this.#sql.exec("INSERT INTO log (body) VALUES (?)", body);
  }

  #count() {
    return this.#sql.exec("SELECT count(*) AS rows FROM log").one().rows;
  }

  // Adds a megabyte and returns how many rows there are.
  #fill() {
    this.#sql.exec("CREATE TABLE IF NOT EXISTS item (key INTEGER PRIMARY KEY, value TEXT)");
    const { next } = this.#sql.exec("SELECT coalesce(max(key) + 1, 0) AS next FROM item").one();
    const value = ".".repeat(FILL_BYTES);
    for (let key = next; key < next + FILL_ROWS; key++) {
      this.#sql.exec("INSERT INTO item (key, value) VALUES (?, ?)", key, value);
    }
    return next + FILL_ROWS;
  }

  // Which of the first rows it is depends on `number`; all of them exist once the object was filled.
  #row(number) {
    return this.#sql.exec("SELECT value FROM item WHERE key = ?", number % FILL_ROWS).one().value;
  }
}

export default {
  fetch(request, env) {
    const account = request.headers.get("account-id") ?? "default";
    return env.ACCOUNT.get(env.ACCOUNT.idFromName(account)).fetch(request);
  },
};
