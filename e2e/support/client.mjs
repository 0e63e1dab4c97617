// A program's WebSocket: what comes is kept until it is asked for.

import { once } from "node:events";
import WebSocket from "ws";

import { within } from "./server.mjs";

export class Client {
  #received = [];
  #waiting = [];

  constructor(server, account) {
    this.socket = new WebSocket(`ws://${server.address}/client-socket`, { headers: { "account-id": account } });
    this.socket.on("message", (data, isBinary) => this.#take(isBinary ? data : data.toString()));
    this.closed = new Promise((resolve) => {
      this.socket.on("close", (code, reason) => resolve([code, reason.toString()]));
    });
  }

  /** A socket of an account, once it is open. */
  static async open(server, account) {
    const client = new Client(server, account);
    await within(once(client.socket, "open"), "an open socket");
    return client;
  }

  /** Several of them. */
  static async openMany(server, account, count) {
    return Promise.all(Array.from({ length: count }, () => Client.open(server, account)));
  }

  #take(message) {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(message);
    else this.#received.push(message);
  }

  say(message) {
    this.socket.send(message);
  }

  /** The next message: text, or bytes as a Buffer. */
  async next() {
    if (this.#received.length > 0) return this.#received.shift();
    return within(new Promise((resolve) => this.#waiting.push(resolve)), "a message");
  }

  /** What comes back of a text that is to be echoed: whatever was sent to this socket before has come then. */
  async echo(text) {
    this.say(`echo:${text}`);
    return this.next();
  }

  /** Closes, and tells the code and the reason that come back. */
  async close(code, reason) {
    this.socket.close(code, reason);
    return within(this.closed, "the end of a socket");
  }
}
