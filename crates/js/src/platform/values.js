/** Conversions of values that the fetch classes share, in the words of workerd (src/workerd/jsg/value.h). */

import { toInteger } from "./idl.js";

const INT_MIN = -2147483648;
const INT_MAX = 2147483647;

/** A whole number of 32 bits; what is no number is 0. @param {unknown} value */
export function toInt(value) {
    const number = toInteger(value);
    if (number < INT_MIN || number > INT_MAX) {
        throw new TypeError(`Value out of range. Must be between ${INT_MIN} and ${INT_MAX} (inclusive).`);
    }
    return number;
}

/**
 * The bytes that a buffer or a view shows; null for any other value.
 *
 * @param {unknown} value
 * @returns {Uint8Array | null}
 */
export function bytesIn(value) {
    if (value instanceof Uint8Array) {
        return value;
    }
    if (ArrayBuffer.isView(value)) {
        return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    }
    return value instanceof ArrayBuffer ? new Uint8Array(value) : null;
}

/**
 * A copy of what JSON can say of an object: what becomes of `cf`.
 *
 * @template T
 * @param {T} value
 * @returns {T}
 */
export function jsonCopy(value) {
    return value === undefined ? value : JSON.parse(JSON.stringify(value));
}
