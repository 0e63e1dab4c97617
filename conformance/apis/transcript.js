/**
 * What a Worker under test observes, as lines of text: the same file runs on workerd and on Dormouse, and the lines are
 * compared. Values are described here, by nothing that differs between engines.
 */

class Transcript {
    /** @type {string[]} */
    lines = [];

    /**
     * Notes a value. Labels are unique in a file.
     *
     * @param {string} label
     * @param {unknown} value
     */
    show(label, value) {
        this.lines.push(`${label}: ${describe(value)}`);
    }

    /**
     * Notes what `run` throws, or what its promise is rejected with.
     *
     * @param {string} label
     * @param {() => unknown} run
     */
    async throws(label, run) {
        try {
            this.lines.push(`${label}: no error, ${describe(await run())}`);
        } catch (error) {
            this.lines.push(`${label}: throws ${describe(error)}`);
        }
    }
}

/**
 * A Worker whose only answer is the transcript of `run`.
 *
 * @param {(t: Transcript, request: Request, env: any, ctx: any) => unknown} run
 */
export function transcript(run) {
    return {
        async fetch(request, env, ctx) {
            const t = new Transcript();
            try {
                await run(t, request, env, ctx);
            } catch (error) {
                t.lines.push(`STOPPED: ${describe(error)} ${error?.stack}`);
            }
            return new Response(`${t.lines.join("\n")}\n`);
        },
    };
}

/**
 * @param {unknown} value
 * @param {unknown[]} [around]
 * @returns {string}
 */
export function describe(value, around = []) {
    switch (typeof value) {
        case "string":
            return JSON.stringify(value);
        case "bigint":
            return `${value}n`;
        case "number":
            return Object.is(value, -0) ? "-0" : String(value);
        case "symbol":
            return value.toString();
        case "function":
            return `[function ${value.name}]`;
        case "object":
            return value === null ? "null" : describeObject(value, around);
        default:
            return String(value);
    }
}

/**
 * @param {any} value
 * @param {unknown[]} around
 */
function describeObject(value, around) {
    if (around.includes(value)) {
        return "[circular]";
    }
    const inside = [...around, value];
    const list = (items) => [...items].map((item) => describe(item, inside)).join(", ");
    const className = value.constructor?.name ?? "null";
    if (value instanceof Error) {
        return `${className} ${value.name}: ${value.message}`;
    }
    if (Array.isArray(value)) {
        return `[${Array.from(value, (item) => describe(item, inside)).join(", ")}]`;
    }
    if (value instanceof Date) {
        return `Date ${Number.isNaN(value.getTime()) ? "invalid" : value.toISOString()}`;
    }
    if (value instanceof RegExp) {
        return `RegExp ${value}`;
    }
    if (value instanceof Map) {
        const pairs = [...value].map(([key, item]) => `${describe(key, inside)} => ${describe(item, inside)}`);
        return `Map {${pairs.join(", ")}}`;
    }
    if (value instanceof Set) {
        return `Set {${list(value)}}`;
    }
    if (value instanceof ArrayBuffer) {
        return `ArrayBuffer [${list(new Uint8Array(value))}]`;
    }
    if (value instanceof DataView) {
        return `DataView [${list(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))}]`;
    }
    if (ArrayBuffer.isView(value)) {
        return `${className} [${list(/** @type {any} */ (value))}]`;
    }
    const proto = Object.getPrototypeOf(value);
    if (proto !== Object.prototype && proto !== null) {
        return `[${className}]`;
    }
    const entries = Object.entries(value).map(([key, item]) => `${key}: ${describe(item, inside)}`);
    return `{${entries.join(", ")}}`;
}
