// Run: `dormouse dev examples/client-socket`, then open http://127.0.0.1:8787 in two tabs.
//
// One durable object per account relays messages between all sockets of that account. Programs name their account in the
// header `account-id`; a browser cannot set headers, so its session cookie is turned into one. This is plain code for
// Cloudflare Workers, and the twin of `examples/client-socket-rust`.

import { DurableObject } from "cloudflare:workers";
import page from "./page.html";
import { Sessions, isAccount } from "./session";

interface Env {
  ACCOUNTS: DurableObjectNamespace<Account>;
  SESSION_KEY: string;
}

/** Names the account of a request. */
const ACCOUNT = "account-id";

/** All sockets of one account. */
export class Account extends DurableObject<Env> {
  async fetch(_request: Request): Promise<Response> {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  webSocketMessage(ws: WebSocket, message: string | ArrayBuffer): void {
    if (typeof message === "string" && message.startsWith("echo:")) {
      ws.send(message.slice("echo:".length));
      return;
    }
    for (const other of this.ctx.getWebSockets()) {
      if (other === ws) continue;
      try {
        other.send(message);
      } catch (error) {
        // One that is closing takes nothing more; the others shall have it all the same.
        console.log(`not relayed to one socket: ${error}`);
      }
    }
  }

  webSocketClose(_ws: WebSocket, code: number, reason: string, wasClean: boolean): void {
    console.log(`closed with ${code} ${JSON.stringify(reason)}, clean: ${wasClean}`);
  }

  webSocketError(_ws: WebSocket, error: unknown): void {
    console.error(`failed: ${error}`);
  }
}

/** The entry: the page, the login, and the door to the objects. */
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const sessions = new Sessions(env.SESSION_KEY);
    const { pathname } = new URL(request.url);
    switch (`${request.method} ${pathname}`) {
      case "GET /":
        return new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } });
      case "POST /session":
        return login(await request.text(), sessions);
      case "GET /client-socket":
        return clientSocket(await authenticate(request, sessions), env);
    }
    const known = ["/", "/session", "/client-socket"].includes(pathname);
    return known ? new Response("method not allowed", { status: 405 }) : new Response("not found", { status: 404 });
  },
} satisfies ExportedHandler<Env>;

async function login(account: string, sessions: Sessions): Promise<Response> {
  if (!isAccount(account)) {
    return new Response("an account is 1 to 64 letters, digits, dots, dashes or underscores", { status: 400 });
  }
  return new Response(null, { headers: { "set-cookie": await sessions.cookie(account) } });
}

/**
 * Turns the session cookie of a browser into the header that names the account. A page of another site must not open
 * sockets with it, so the request must come from a page of this one (RFC 6455, section 10.2).
 */
async function authenticate(request: Request, sessions: Sessions): Promise<Request> {
  if (request.headers.has(ACCOUNT)) return request;
  const account = await sessions.account(request.headers.get("cookie") ?? "");
  if (account === undefined || !isSameOrigin(request)) return request;
  // A request from outside stays as it came; its copy can be changed.
  const copy = new Request(request);
  copy.headers.set(ACCOUNT, account);
  return copy;
}

function isSameOrigin(request: Request): boolean {
  const origin = request.headers.get("origin");
  return origin !== null && origin.split("://")[1] === request.headers.get("host");
}

/** Passes a socket on to the object of its account. */
async function clientSocket(request: Request, env: Env): Promise<Response> {
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return new Response("this is a WebSocket endpoint: send the header `Upgrade: websocket`", { status: 426 });
  }
  const account = request.headers.get(ACCOUNT);
  if (!account) {
    return new Response("the header `account-id` is missing", { status: 400 });
  }
  return env.ACCOUNTS.get(env.ACCOUNTS.idFromName(account)).fetch(request);
}
