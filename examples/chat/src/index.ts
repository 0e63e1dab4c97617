// Run: `dormouse dev examples/chat`, then open http://127.0.0.1:8787 in two tabs.
//
// A chat room is a durable object that is found by the room's name. Its sockets hibernate; who is who stands in their
// attachments, so a room that wakes knows everybody again. What was said last is kept in memory as long as the room is
// awake. Another object for each address of a client limits how fast it may talk, over all rooms.

import page from "./page.html";
import { Limiter } from "./limiter";
import { Room } from "./room";

export { Limiter, Room };

export interface Env {
  ROOMS: DurableObjectNamespace<Room>;
  LIMITERS: DurableObjectNamespace<Limiter>;
}

/** The longest name of a room. */
const ROOM_LEN_MAX = 32;

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname } = new URL(request.url);
    const [, api, name, what] = pathname.split("/").map(decodeURIComponent);
    if (pathname === "/") {
      return new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } });
    }
    if (api !== "rooms" || !name || (what !== undefined && what !== "socket")) {
      return new Response("not found", { status: 404 });
    }
    if (name.length > ROOM_LEN_MAX) {
      return new Response(`a room's name has at most ${ROOM_LEN_MAX} characters`, { status: 400 });
    }
    return env.ROOMS.getByName(name).fetch(request);
  },
} satisfies ExportedHandler<Env>;
