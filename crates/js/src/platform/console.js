/**
 * `console` (Console Standard), which writes to the log of the server, with the name of the object.
 *
 * Groups, counts and times are each object's own. Left out: what needs a terminal (`clear`, `profile`, `timeStamp`).
 */

import { core_log, core_now, guest_record } from "dormouse:ops";
import { format } from "./format.js";
import { inspect } from "./inspect.js";
import { table } from "./table.js";

/** Units of one entry of the log; the rest is cut. */
const ENTRY_MAX = 65_536;
/** Labels that an object can count and time at once. */
const LABELS_MAX = 1_000;

/** @typedef {{ indent: string, counts: Map<string, number>, times: Map<string, number> }} State */

/** @returns {State} */
function newState() {
    return { indent: "", counts: new Map(), times: new Map() };
}

/** While modules load, before there is any object. */
const common = newState();

/** @returns {State} */
function state() {
    try {
        return (guest_record().console ??= newState());
    } catch {
        return common;
    }
}

/**
 * @param {"debug" | "info" | "warn" | "error"} level
 * @param {string} text
 */
function write(level, text) {
    const { indent } = state();
    const entry = indent === "" ? text : indent + text.replaceAll("\n", `\n${indent}`);
    core_log(level, entry.length > ENTRY_MAX ? `${entry.slice(0, ENTRY_MAX)}... cut` : entry);
}

/** @param {"debug" | "info" | "warn" | "error"} level */
const line =
    (level) =>
    (/** @type {unknown[]} */ ...values) =>
        write(level, format(values));

/** @param {unknown} label */
function labelOf(label) {
    return label === undefined ? "default" : String(label);
}

/**
 * @template T
 * @param {Map<string, T>} map
 * @param {string} label
 * @param {T} value
 */
function remember(map, label, value) {
    if (map.size < LABELS_MAX || map.has(label)) {
        map.set(label, value);
    }
}

/** How long it is since `time`. @param {string} label @param {number} since */
function elapsed(label, since) {
    const ms = core_now() - since;
    return `${label}: ${ms < 1000 ? `${Number(ms.toFixed(3))}ms` : `${(ms / 1000).toFixed(3)}s`}`;
}

/** @param {unknown[]} data */
function group(...data) {
    if (data.length > 0) {
        write("info", format(data));
    }
    state().indent += "  ";
}

export const console = {
    debug: line("debug"),
    error: line("error"),
    info: line("info"),
    log: line("info"),
    warn: line("warn"),

    /**
     * @param {unknown} value
     * @param {object} [options]
     */
    dir(value, options) {
        write("info", inspect(value, options ?? {}));
    },

    dirxml: line("info"),

    /**
     * @param {unknown} data
     * @param {string[]} [columns]
     */
    table(data, columns) {
        write("info", table(data, columns) ?? format([data]));
    },

    /** @param {unknown[]} data */
    trace(...data) {
        const stack = String(new Error().stack ?? "").split("\n");
        const frames = stack.filter((frame) => /^\s+at /.test(frame) && !frame.includes("dormouse:"));
        const head = data.length === 0 ? "Trace" : `Trace: ${format(data)}`;
        write("debug", [head, ...frames].join("\n"));
    },

    group,
    groupCollapsed: group,

    groupEnd() {
        const current = state();
        current.indent = current.indent.slice(2);
    },

    clear() {},

    /** @param {string} [label] */
    count(label) {
        const { counts } = state();
        const name = labelOf(label);
        remember(counts, name, (counts.get(name) ?? 0) + 1);
        write("info", `${name}: ${counts.get(name) ?? "?"}`);
    },

    /** @param {string} [label] */
    countReset(label) {
        const name = labelOf(label);
        if (!state().counts.delete(name)) {
            write("warn", `Count for '${name}' does not exist`);
        }
    },

    /**
     * @param {boolean} [condition]
     * @param {unknown[]} data
     */
    assert(condition, ...data) {
        if (!condition) {
            const [first, ...rest] = data;
            const isText = typeof first === "string";
            const words = isText ? [`Assertion failed: ${first}`, ...rest] : ["Assertion failed", ...data];
            write("error", format(words));
        }
    },

    profile() {},
    profileEnd() {},

    /** @param {string} [label] */
    time(label) {
        const { times } = state();
        const name = labelOf(label);
        if (times.has(name)) {
            write("warn", `Label '${name}' already exists for console.time()`);
        } else {
            remember(times, name, core_now());
        }
    },

    /**
     * @param {string} [label]
     * @param {unknown[]} data
     */
    timeLog(label, ...data) {
        const name = labelOf(label);
        const since = state().times.get(name);
        if (since === undefined) {
            write("warn", `No such label '${name}' for console.timeLog()`);
        } else {
            write("info", format([elapsed(name, since), ...data]));
        }
    },

    /** @param {string} [label] */
    timeEnd(label) {
        const { times } = state();
        const name = labelOf(label);
        const since = times.get(name);
        if (since === undefined) {
            write("warn", `No such label '${name}' for console.timeEnd()`);
        } else {
            write("info", elapsed(name, since));
            times.delete(name);
        }
    },

    timeStamp() {},
};

Object.defineProperty(console, Symbol.toStringTag, { value: "console", configurable: true });
