/**
 * A test of objects in sections: each runs in an object of its own, and the Worker answers with all that they said.
 * Only `fetch` goes between the Worker and its objects.
 */
import { DurableObject } from "cloudflare:workers";
import { describe, transcript } from "./transcript.js";

/**
 * The class and the Worker that run `sections`: one after the other, or at once if they wait for long.
 *
 * @param {Record<string, (t: any, ctx: any, env: any, subject: any) => unknown>} sections
 * @param {{ atOnce?: boolean }} [options]
 */
export function objects(sections, { atOnce = false } = {}) {
    class Subject extends DurableObject {
        fetch(request) {
            const section = sections[new URL(request.url).pathname.slice(1)];
            return transcript((t) => section(t, this.ctx, this.env, this)).fetch(request, this.env, this.ctx);
        }
    }
    const worker = {
        async fetch(request, env) {
            const names = Object.keys(sections);
            const run = (name) => ask(env.SUBJECT.getByName(name), name);
            if (atOnce) {
                return new Response((await Promise.all(names.map(run))).join(""));
            }
            let text = "";
            for (const name of names) {
                text += await run(name);
            }
            return new Response(text);
        },
    };
    return { Subject, worker };
}

/**
 * What an object says to a request for `path`, or that it fails.
 *
 * @param {any} stub
 * @param {string} path
 * @param {string} [label] what a failure is called
 */
export async function ask(stub, path, label = path) {
    let text;
    try {
        const response = await stub.fetch(`http://example.com/${path}`);
        text = await response.text();
    } catch (error) {
        text = `${label} fails: ${describe(error)}, reset ${error.durableObjectReset}, remote ${error.remote}\n`;
    }
    // An internal error has a number of its own, and other sections may have stopped too.
    return text
        .replace(/reference = \w+/g, "reference = …")
        .replace(/^STOPPED: (.*)[^]*/m, (_, error) => `STOPPED in ${label}: ${error}\n`);
}
