import { DurableObject } from "cloudflare:workers";
import type { Env } from "./index";

/** Messages that may come at once after a pause. */
const BURST = 10;
/** Milliseconds that each message costs. */
const COST = 1_000;

/** How fast one client may talk: a bucket that each message takes from and that time fills. */
export class Limiter extends DurableObject<Env> {
  private nextAllowed = 0;

  async fetch(): Promise<Response> {
    const now = Date.now();
    this.nextAllowed = Math.max(now, this.nextAllowed) + COST;
    const allowed = this.nextAllowed - now <= BURST * COST;
    if (!allowed) this.nextAllowed -= COST;
    return Response.json(allowed);
  }
}

/** Whether the client at `address` may say something now. */
export async function isAllowed(env: Env, address: string): Promise<boolean> {
  const response = await env.LIMITERS.getByName(address).fetch("https://limiter/");
  return response.json();
}
