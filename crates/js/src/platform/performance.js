/**
 * `performance` (High Resolution Time; User Timing), in the shape that workerd gives it: its origin is the beginning of
 * 1970.
 *
 * Unlike in workerd, time passes while code runs: an object is trusted here, and nothing is to be hidden from it.
 * Entries are kept for all objects of a realm together, up to a limit. Left out: observers, resource timing, and what
 * only Node has.
 */

import { core_now } from "dormouse:ops";
import { finish, isObject, toNumber, toText, wrongArgument, wrongConstructorArgument, wrongField } from "./idl.js";

/** How the platform makes entries. */
const INTERNAL = Symbol("internal");

/** How many entries are kept; then the oldest go. */
const ENTRIES_MAX = 10_000;

export class PerformanceEntry {
    #name;
    #entryType;
    #startTime;
    #duration;

    /**
     * @param {symbol} key
     * @param {string} name
     * @param {string} entryType
     * @param {number} startTime
     * @param {number} duration
     */
    constructor(key, name, entryType, startTime, duration) {
        if (key !== INTERNAL) {
            throw new TypeError("Illegal constructor");
        }
        this.#name = name;
        this.#entryType = entryType;
        this.#startTime = startTime;
        this.#duration = duration;
    }

    get name() {
        return this.#name;
    }

    get entryType() {
        return this.#entryType;
    }

    get startTime() {
        return this.#startTime;
    }

    get duration() {
        return this.#duration;
    }

    toJSON() {
        const { name, entryType, startTime, duration } = this;
        return { name, entryType, startTime, duration };
    }
}

finish(PerformanceEntry);

export class PerformanceMark extends PerformanceEntry {
    #detail;

    /**
     * @param {string} name
     * @param {{ detail?: unknown, startTime?: number }} [options]
     */
    constructor(name, options) {
        if (arguments.length < 1) {
            throw wrongConstructorArgument("PerformanceMark", 1, "string");
        }
        const { detail, startTime } = optionsOf(options);
        super(INTERNAL, toText(name), "mark", startTime === undefined ? core_now() : toNumber(startTime), 0);
        this.#detail = detail ?? null;
    }

    get detail() {
        return this.#detail;
    }

    toJSON() {
        return { ...super.toJSON(), detail: this.#detail };
    }
}

finish(PerformanceMark);

export class PerformanceMeasure extends PerformanceEntry {
    #detail;

    /**
     * @param {symbol} key
     * @param {string} name
     * @param {number} start
     * @param {number} end
     * @param {unknown} detail
     */
    constructor(key, name, start, end, detail) {
        super(key, name, "measure", start, Math.max(end - start, 0));
        this.#detail = detail ?? null;
    }

    get detail() {
        return this.#detail;
    }

    toJSON() {
        return { ...super.toJSON(), detail: this.#detail };
    }
}

finish(PerformanceMeasure);

/** @type {PerformanceEntry[]} */
let entries = [];

export class Performance {
    /** @param {symbol} key */
    constructor(key) {
        if (key !== INTERNAL) {
            throw new TypeError("Illegal constructor");
        }
    }

    get timeOrigin() {
        return 0;
    }

    now() {
        return core_now();
    }

    /**
     * @param {string} name
     * @param {{ detail?: unknown, startTime?: number }} [options]
     */
    mark(name, options) {
        if (arguments.length < 1) {
            throw wrongArgument("Performance", "mark", 1, "string");
        }
        return keep(new PerformanceMark(name, options));
    }

    /**
     * @param {string} name
     * @param {string | { start?: string | number, end?: string | number, duration?: number, detail?: unknown }} [first]
     * @param {string} [endMark]
     */
    measure(name, first, endMark) {
        if (arguments.length < 1) {
            throw wrongArgument("Performance", "measure", 1, "string");
        }
        const given = isObject(first) ? first : { start: first, end: endMark };
        const { start, end, duration, detail } = /** @type {any} */ (given);
        optionsOf(given);
        const from = start === undefined ? 0 : timeOf(start);
        const after = duration === undefined ? core_now() : from + toNumber(duration);
        const until = end === undefined ? after : timeOf(end);
        return keep(new PerformanceMeasure(INTERNAL, toText(name), from, until, detail));
    }

    getEntries() {
        return [...entries];
    }

    /**
     * @param {string} name
     * @param {string} [type]
     */
    getEntriesByName(name, type) {
        return entries.filter((entry) => entry.name === name && (type === undefined || entry.entryType === type));
    }

    /** @param {string} type */
    getEntriesByType(type) {
        return entries.filter((entry) => entry.entryType === type);
    }

    /** @param {string} [name] */
    clearMarks(name) {
        drop("mark", name);
    }

    /** @param {string} [name] */
    clearMeasures(name) {
        drop("measure", name);
    }

    clearResourceTimings() {}

    setResourceTimingBufferSize() {}

    toJSON() {
        return { timeOrigin: this.timeOrigin };
    }
}

finish(Performance);

export const performance = new Performance(INTERNAL);

/**
 * @template {PerformanceEntry} T
 * @param {T} entry
 */
function keep(entry) {
    entries.push(entry);
    if (entries.length > ENTRIES_MAX) {
        entries = entries.slice(ENTRIES_MAX / 2);
    }
    return entry;
}

/**
 * @param {string} type
 * @param {string} [name]
 */
function drop(type, name) {
    entries = entries.filter((entry) => entry.entryType !== type || (name !== undefined && entry.name !== name));
}

/** The time of a mark, of one that is unknown the origin. @param {string | number} mark */
function timeOf(mark) {
    if (typeof mark === "number") {
        return mark;
    }
    return entries.findLast((entry) => entry.entryType === "mark" && entry.name === mark)?.startTime ?? 0;
}

/** @param {any} options @returns {{ detail?: unknown, startTime?: number }} */
function optionsOf(options) {
    const { detail } = options ?? {};
    if (detail !== undefined && !isObject(detail)) {
        throw wrongField("Options", "detail", "Object");
    }
    return options ?? {};
}
