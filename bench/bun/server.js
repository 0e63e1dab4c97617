// Bun as a contender: the same protocol with Bun's own means (publish and subscribe), no objects.
// Run: bun server.js 127.0.0.1 8790

const [hostname, port] = process.argv.slice(2);

Bun.serve({
  hostname,
  port: Number(port),
  fetch(request, server) {
    if (new URL(request.url).pathname !== "/client-socket") return new Response(null, { status: 404 });
    const account = request.headers.get("account-id") ?? "default";
    if (server.upgrade(request, { data: { account } })) return undefined;
    return new Response(null, { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    // No pings while memory is measured.
    idleTimeout: 960,
    sendPings: false,
    open(socket) {
      socket.subscribe(socket.data.account);
    },
    message(socket, message) {
      if (message.startsWith("echo:")) socket.send(message.slice(5));
      else socket.publish(socket.data.account, message);
    },
  },
});
