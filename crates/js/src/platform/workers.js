/** The module `cloudflare:workers`. */

export { env } from "./env.js";
export { waitUntil } from "./state.js";
export { exports } from "./exports.js";

export class DurableObject {
    /**
     * @param {import("./state.js").DurableObjectState} ctx
     * @param {unknown} env
     */
    constructor(ctx, env) {
        this.ctx = ctx;
        this.env = env;
    }
}

export class WorkerEntrypoint {
    /**
     * @param {import("./state.js").ExecutionContext} ctx
     * @param {unknown} env
     */
    constructor(ctx, env) {
        this.ctx = ctx;
        this.env = env;
    }
}

export class RpcTarget {}
