import { DurableObject } from "cloudflare:workers";
import type { Env } from "./index";
import { isAllowed } from "./limiter";

/** What is known of a client, kept with its socket. */
interface Session {
  name?: string;
  /** Whose rate is limited. */
  address: string;
}

/** What clients send. */
type Incoming = { name: string } | { text: string };

/** What was said. */
interface Said {
  name: string;
  text: string;
  at: number;
}

const NAME_LEN_MAX = 32;
const TEXT_LEN_MAX = 256;
/** How much of what was said is kept. */
const HISTORY_LEN_MAX = 100;

/** One chat room. */
export class Room extends DurableObject<Env> {
  private history: Said[] = [];
  private last = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    // Answered without waking the room.
    this.ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
  }

  async fetch(request: Request): Promise<Response> {
    if (!new URL(request.url).pathname.endsWith("/socket")) {
      return Response.json({ members: this.members(), history: this.history });
    }
    if (request.headers.get("upgrade") !== "websocket") {
      return new Response("expected a WebSocket", { status: 426 });
    }
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    const session: Session = { address: request.headers.get("cf-connecting-ip") ?? "unknown" };
    server.serializeAttachment(session);
    return new Response(null, { status: 101, webSocket: client });
  }

  async webSocketMessage(ws: WebSocket, message: string | ArrayBuffer): Promise<void> {
    const session: Session = ws.deserializeAttachment();
    const incoming = parse(message);
    if (incoming === undefined) {
      return refuse(ws, "this is no message");
    }
    if ("name" in incoming) {
      return this.join(ws, session, incoming.name);
    }
    if (session.name === undefined) {
      return refuse(ws, "say your name first");
    }
    if (!(await isAllowed(this.env, session.address))) {
      return refuse(ws, "you are talking too fast");
    }
    if (incoming.text.length > TEXT_LEN_MAX) {
      return refuse(ws, `a message has at most ${TEXT_LEN_MAX} characters`);
    }
    this.say({ name: session.name, text: incoming.text, at: this.now() });
  }

  webSocketClose(ws: WebSocket): void {
    this.leave(ws);
  }

  webSocketError(ws: WebSocket): void {
    this.leave(ws);
  }

  private join(ws: WebSocket, session: Session, name: string): void {
    if (session.name !== undefined) {
      return refuse(ws, `you are ${session.name} already`);
    }
    if (name.length === 0 || name.length > NAME_LEN_MAX) {
      return refuse(ws, `a name has 1 to ${NAME_LEN_MAX} characters`);
    }
    ws.serializeAttachment({ ...session, name } satisfies Session);
    ws.send(JSON.stringify({ ready: true, members: this.members(), history: this.history }));
    this.broadcast({ joined: name }, ws);
  }

  private leave(ws: WebSocket): void {
    const { name } = ws.deserializeAttachment() as Session;
    if (name !== undefined) this.broadcast({ left: name }, ws);
  }

  private say(said: Said): void {
    this.history.push(said);
    if (this.history.length > HISTORY_LEN_MAX) this.history.shift();
    this.broadcast(said);
  }

  /** Sends to all who have a name, but for `except`. */
  private broadcast(message: object, except?: WebSocket): void {
    const text = JSON.stringify(message);
    for (const { ws } of this.sessions()) {
      if (ws !== except) ws.send(text);
    }
  }

  private members(): string[] {
    return this.sessions().map(({ name }) => name).sort();
  }

  private sessions(): { ws: WebSocket; name: string }[] {
    return this.ctx.getWebSockets().flatMap((ws) => {
      const { name } = ws.deserializeAttachment() as Session;
      return name !== undefined && ws.readyState === WebSocket.OPEN ? [{ ws, name }] : [];
    });
  }

  /** Times that only grow, so that they order what was said. */
  private now(): number {
    this.last = Math.max(Date.now(), this.last + 1);
    return this.last;
  }
}

function refuse(ws: WebSocket, error: string): void {
  ws.send(JSON.stringify({ error }));
}

function parse(message: string | ArrayBuffer): Incoming | undefined {
  try {
    const value = JSON.parse(typeof message === "string" ? message : new TextDecoder().decode(message));
    if (typeof value?.name === "string") return { name: value.name };
    if (typeof value?.text === "string") return { text: value.text };
  } catch {
    // Not JSON is no message either.
  }
  return undefined;
}
