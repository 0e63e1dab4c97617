// What Dormouse adds to the types of @cloudflare/workers-types: code that uses it runs only here. Copy this file into a
// project that does.

/** Whom `ctx.broadcast` sends to. */
interface BroadcastOptions {
  /** Only to sockets with this tag. */
  tag?: string;
  /** Not to this socket, or to none of these. */
  except?: WebSocket | Iterable<WebSocket>;
}

interface DurableObjectState<Props = unknown> {
  /**
   * Sends a message to every open socket of the object, or to those that the options choose, hibernatable or taken with
   * `accept()`: to all of them or, when it throws, to none. Returns to how many.
   */
  broadcast(message: string | ArrayBuffer | ArrayBufferView, options?: BroadcastOptions): number;

  /**
   * What becomes of clients that read too slowly, from now on and while the object hibernates: their sockets are closed
   * with 1013, or the messages that have waited longest for them are dropped. Nothing is what the server is set to.
   */
  setSlowClients(rule?: "close" | "drop-oldest"): void;
}
