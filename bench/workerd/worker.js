// workerd as a contender: one durable object per account, hibernatable sockets. Plain Cloudflare code, so that any
// server for such code can run it.

import { DurableObject } from "cloudflare:workers";

export class Account extends DurableObject {
  fetch() {
    const [client, server] = Object.values(new WebSocketPair());
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  webSocketMessage(socket, message) {
    if (message.startsWith("echo:")) {
      socket.send(message.slice(5));
      return;
    }
    for (const other of this.ctx.getWebSockets()) {
      if (other !== socket) other.send(message);
    }
  }

  webSocketClose(socket, code) {
    socket.close(code === 1005 || code === 1006 ? 1000 : code);
  }
}

export default {
  fetch(request, env) {
    if (new URL(request.url).pathname !== "/client-socket") return new Response(null, { status: 404 });
    if (request.headers.get("upgrade") !== "websocket") return new Response(null, { status: 426 });
    const account = request.headers.get("account-id") ?? "default";
    return env.ACCOUNT.get(env.ACCOUNT.idFromName(account)).fetch(request);
  },
};
