/**
 * Asynchronous keys, values and the alarm, for `ctx.storage` and for transactions.
 *
 * An operation is done when it is called; its promise is resolved after as many microtasks as in workerd. What is sent
 * after a write waits until it is durable, whatever `allowUnconfirmed` says.
 */

import {
    alarm_delete,
    alarm_get,
    alarm_set,
    storage_delete,
    storage_delete_all,
    storage_get,
    storage_get_all,
    storage_list,
    storage_put,
    storage_put_all,
} from "dormouse:ops";
import { isOn } from "./compat.js";
import { isObject, toText, wrongArgument } from "./idl.js";
import { checkOptions, toTime } from "./storage_place.js";
import { toInt } from "./values.js";

/** @typedef {import("./storage_place.js").Place} Place */

const READ = ["allowConcurrency", "noCache"];
const WRITE = ["allowConcurrency", "allowUnconfirmed", "noCache"];
const ALARM_READ = ["allowConcurrency"];
const ALARM_WRITE = ["allowConcurrency", "allowUnconfirmed"];

/** @param {unknown[]} flat keys and values */
function mapOf(flat) {
    const map = new Map();
    for (let at = 0; at < flat.length; at += 2) {
        map.set(flat[at], flat[at + 1]);
    }
    return map;
}

/**
 * One key, or a list of them.
 *
 * @param {Place} place
 * @param {string} method
 * @param {any[]} args
 * @returns {string | string[]}
 */
function keysOf(place, method, args) {
    if (args.length < 1) {
        throw wrongArgument(place.name, method, 1, "string or Array");
    }
    return Array.isArray(args[0]) ? Array.from(args[0], toText) : toText(args[0]);
}

/**
 * @param {Place} place
 * @param {any[]} args
 */
export async function get(place, args) {
    const keys = keysOf(place, "get", args);
    checkOptions(place.name, "get", 2, args[1], "GetOptions", READ);
    place.admit("get");
    const { guest } = place.shared;
    return typeof keys === "string" ? storage_get(guest, keys) : mapOf(storage_get_all(guest, keys));
}

/**
 * @param {Place} place
 * @param {any[]} args
 */
export async function put(place, args) {
    if (args.length < 1) {
        throw wrongArgument(place.name, "put", 1, "string or object");
    }
    const [first, value, options] = args;
    if (isObject(first) && !Array.isArray(first)) {
        return putEntries(place, Object.entries(first), value, args.length > 2 ? options : undefined);
    }
    const key = toText(first);
    checkOptions(place.name, "put", 3, options, "PutOptions", WRITE);
    if (value === undefined) {
        throw new TypeError("put() called with undefined value.");
    }
    place.admit("put");
    place.shared.changes += 1;
    storage_put(place.shared.guest, key, value);
}

/**
 * @param {Place} place
 * @param {[string, unknown][]} entries
 * @param {unknown} options
 * @param {unknown} surplus
 */
function putEntries(place, entries, options, surplus) {
    checkOptions(place.name, "put", 3, surplus, "PutOptions", WRITE);
    if (options !== undefined && options !== null && !isObject(options)) {
        throw new TypeError(
            "put() may only be called with a single key-value pair and optional options as put(key, value, options) or " +
                "with multiple key-value pairs and optional options as put(entries, options)",
        );
    }
    checkOptions(place.name, "put", 2, options, "PutOptions", WRITE);
    place.admit("put");
    const given = entries.filter(([, value]) => value !== undefined);
    place.shared.changes += 1;
    storage_put_all(
        place.shared.guest,
        given.map(([key]) => key),
        given.map(([, value]) => value),
    );
}

/**
 * @param {Place} place
 * @param {any[]} args
 */
export async function deleteKeys(place, args) {
    const keys = keysOf(place, "delete", args);
    checkOptions(place.name, "delete", 2, args[1], "PutOptions", WRITE);
    place.admit("delete");
    const { guest } = place.shared;
    place.shared.changes += 1;
    if (typeof keys === "string") {
        return storage_delete(guest, keys);
    }
    return keys.filter((key) => storage_delete(guest, key)).length;
}

/**
 * Which keys `list()` means, in the order in which its options are read.
 *
 * @param {string} className
 * @param {any} options
 */
export function rangeOf(className, options) {
    if (options !== undefined && options !== null && !isObject(options)) {
        throw wrongArgument(className, "list", 1, "ListOptions");
    }
    const given = /** @type {any} */ (options ?? {});
    const text = (/** @type {string} */ name) => {
        const value = given[name];
        return value === undefined ? null : toText(value);
    };
    const range = {
        start: text("start"),
        startAfter: text("startAfter"),
        end: text("end"),
        prefix: text("prefix"),
        reverse: Boolean(given.reverse),
        limit: limitOf(given.limit),
    };
    return range;
}

/** @param {unknown} limit */
function limitOf(limit) {
    return limit === undefined ? null : toInt(limit);
}

/** @param {ReturnType<typeof rangeOf>} range */
export function checkRange(range) {
    if (range.limit !== null && range.limit <= 0) {
        throw new TypeError("List limit must be positive.");
    }
    if (range.start !== null && range.startAfter !== null) {
        throw new TypeError("list() cannot be called with both start and startAfter values.");
    }
}

/**
 * @param {Place} place
 * @param {any[]} args
 */
export async function list(place, args) {
    const range = rangeOf(place.name, args[0]);
    checkOptions(place.name, "list", 1, args[0], "ListOptions", READ);
    checkRange(range);
    place.admit("list");
    const { shared } = place;
    shared.iterator = null;
    const { start, startAfter, end, prefix, reverse, limit } = range;
    return mapOf(storage_list(shared.guest, start, startAfter, end, prefix, reverse, limit));
}

/**
 * @param {Place} place
 * @param {any[]} args
 */
export async function deleteAll(place, args) {
    checkOptions(place.name, "deleteAll", 1, args[0], "PutOptions", WRITE);
    const { shared } = place;
    if (shared.open.length > 0 || shared.synchronous > 0) {
        throw new Error("Cannot call deleteAll() within a transaction");
    }
    storage_delete_all(shared.guest);
    shared.cancel("SQLite query was canceled because the database was deleted.");
    if (isOn("delete_all_deletes_alarm")) {
        alarm_delete(shared.guest);
    }
}

/**
 * @param {Place} place
 * @param {any[]} args
 */
export function getAlarm(place, args) {
    checkOptions(place.name, "getAlarm", 1, args[0], "GetAlarmOptions", ALARM_READ);
    place.admit("getAlarm");
    return alarm_get(place.shared.guest);
}

/**
 * @param {Place} place
 * @param {any[]} args
 */
export async function setAlarm(place, args) {
    const time = toTime(place.name, "setAlarm", args[0]);
    checkOptions(place.name, "setAlarm", 2, args[1], "SetAlarmOptions", ALARM_WRITE);
    if (time <= 0) {
        throw new TypeError("setAlarm() cannot be called with an alarm time <= 0");
    }
    if (!place.shared.takesAlarms()) {
        throw new TypeError("Your Durable Object class must have an alarm() handler in order to call setAlarm()");
    }
    place.admit("setAlarm");
    // One of the past is one for now.
    alarm_set(place.shared.guest, Math.max(time, Date.now()));
}

/**
 * @param {Place} place
 * @param {any[]} args
 */
export async function deleteAlarm(place, args) {
    checkOptions(place.name, "deleteAlarm", 1, args[0], "SetAlarmOptions", ALARM_WRITE);
    place.admit("deleteAlarm");
    alarm_delete(place.shared.guest);
}
