// The object of `examples/client-socket` without its page and refusals: the loop next to `broadcast.ts`.

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
    for (const other of this.ctx.getWebSockets()) {
      if (other !== ws) other.send(message);
    }
  }
}

export default {
  fetch: (request, env) => env.ACCOUNT.getByName(request.headers.get("account-id") ?? "").fetch(request),
} satisfies ExportedHandler<{ ACCOUNT: DurableObjectNamespace<Account> }>;
