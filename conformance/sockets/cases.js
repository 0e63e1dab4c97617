/**
 * A test of sockets in cases: each has an object of its own, named like the case, and steps for clients, which the
 * Worker says at `/` (see README.md). What a case does not say is done here: its object accepts every socket with the
 * tags of the query, and notes every event.
 *
 * What is noted is kept outside of objects, so that it stays when an instance goes. `/CASE/log` has it.
 */
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import { describe, transcript } from "./transcript.js";

/** @type {Map<string, string[]>} */
const logs = new Map();

/** An error that may come after a socket's close, depending on when the end of its connection is noticed. */
export const LOST = "Uncaught Error: Network connection lost.";

/**
 * Notes a line about a case.
 *
 * @param {string} name
 * @param {string} line
 */
export function note(name, line) {
    if (!logs.has(name)) {
        logs.set(name, []);
    }
    logs.get(name)?.push(line);
}

/**
 * The path behind the name of the case.
 *
 * @param {Request} request
 */
export function pathOf(request) {
    return new URL(request.url).pathname.split("/").slice(2).join("/");
}

/**
 * A line for what `run` throws or returns.
 *
 * @param {() => unknown} run
 */
export function attempt(run) {
    try {
        return describe(run());
    } catch (error) {
        return `throws ${describe(error)}`;
    }
}

/**
 * The class, the Worker and its other entry that run `all`.
 *
 * @param {Record<string, any>} all
 */
export function cases(all) {
    class Subject extends DurableObject {
        constructor(ctx, env) {
            super(ctx, env);
            this.name = ctx.id.name;
            this.case = all[this.name];
            this.case.construct?.(this);
        }
        /** @param {string} line */
        note(line) {
            note(this.name, line);
        }
        /** A pair whose object's end is accepted; the other one is in the response. */
        accept(request, headers = {}) {
            const [client, server] = Object.values(new WebSocketPair());
            this.ctx.acceptWebSocket(server, new URL(request.url).searchParams.getAll("tag"));
            return new Response(null, { status: 101, webSocket: client, headers });
        }
        /** The same with a standard socket, which is given to `use` before it is accepted. */
        standard(use, options) {
            const [client, server] = Object.values(new WebSocketPair());
            use(server);
            server.accept(options);
            return new Response(null, { status: 101, webSocket: client });
        }
        /** Notes the events of a standard socket. */
        listen(socket) {
            const say = (line) => this.note(line);
            socket.addEventListener("open", () => say("open"));
            socket.addEventListener("message", ({ data }) => say(`message ${describe(data)}`));
            socket.addEventListener("close", ({ code, reason, wasClean }) =>
                say(`close ${code} ${describe(reason)} ${wasClean}, state ${socket.readyState}`),
            );
            socket.addEventListener("error", ({ message, error }) => {
                if (message !== LOST) {
                    say(`error ${describe(message)}, ${describe(error)}, state ${socket.readyState}`);
                }
            });
        }
        report(request, run) {
            return transcript((t) => run(t)).fetch(request, this.env, this.ctx);
        }
        fetch(request) {
            return this.case.fetch ? this.case.fetch(this, request) : this.accept(request);
        }
        webSocketMessage(ws, message) {
            if (this.case.message) {
                return this.case.message(this, ws, message);
            }
            this.note(`message ${describe(message)}`);
        }
        webSocketClose(ws, code, reason, wasClean) {
            this.note(`close ${code} ${describe(reason)} ${wasClean}, state ${ws.readyState}`);
            return this.case.closed?.(this, ws, code, reason, wasClean);
        }
        webSocketError(ws, error) {
            this.note(`error ${describe(error)}, state ${ws.readyState}`);
            return this.case.failed?.(this, ws, error);
        }
        alarm(info) {
            return this.case.alarm?.(this, info);
        }
    }

    const pass = (request, env, ctx) => {
        const name = new URL(request.url).pathname.split("/")[1];
        const stub = env.SUBJECT.getByName(name);
        return { name, stub, entry: all[name]?.entry, hop: all[name]?.hop, env, ctx };
    };
    class Hop extends WorkerEntrypoint {
        fetch(request) {
            const { stub, hop } = pass(request, this.env, this.ctx);
            return hop ? hop(request, stub, this.env) : stub.fetch(request);
        }
    }
    const worker = {
        async fetch(request, env, ctx) {
            const { pathname } = new URL(request.url);
            if (pathname === "/") {
                return new Response(Object.keys(all).map((name) => `case ${name}\n${all[name].steps}\n`).join(""));
            }
            const { name, stub, entry } = pass(request, env, ctx);
            if (pathOf(request) === "log") {
                return new Response((logs.get(name) ?? []).map((line) => `${line}\n`).join(""));
            }
            return entry ? entry(request, stub, env, ctx) : stub.fetch(request);
        },
    };
    return { Subject, Hop, worker };
}
