// The object of `examples/client-socket`, with `ctx.broadcast` instead of the loop: what one call costs next to many.

import { DurableObject } from "cloudflare:workers";

export class Account extends DurableObject {
  fetch(): Response {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  webSocketMessage(ws: WebSocket, message: string | ArrayBuffer): void {
    if (typeof message === "string" && message.startsWith("echo:")) {
      ws.send(message.slice(5));
      return;
    }
    this.ctx.broadcast(message, { except: ws });
  }
}

export default {
  fetch: (request, env) => env.ACCOUNT.getByName(request.headers.get("account-id") ?? "").fetch(request),
} satisfies ExportedHandler<{ ACCOUNT: DurableObjectNamespace<Account> }>;
