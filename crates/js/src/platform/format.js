/** Values side by side as one text, with the directives of the first (Console Standard, section 2.2), as in Node. */

import { inspect } from "./inspect.js";

/** @param {unknown[]} values */
export function format(values) {
    const [first, ...rest] = values;
    if (typeof first !== "string" || rest.length === 0) {
        return values.map(show).join(" ");
    }
    let next = 0;
    const text = first.replace(/%[sdifjoOc%]/g, (directive) => {
        if (directive === "%%") {
            return "%";
        }
        return next < rest.length ? replace(directive, rest[next++]) : directive;
    });
    return [text, ...rest.slice(next).map(show)].join(" ");
}

/** @param {unknown} value */
function show(value) {
    return typeof value === "string" ? value : inspect(value);
}

/**
 * @param {string} directive
 * @param {any} value
 */
function replace(directive, value) {
    switch (directive) {
        case "%s":
            return asText(value);
        case "%d":
            return typeof value === "bigint" ? `${value}n` : numeric(value, Number);
        case "%i":
            return typeof value === "bigint" ? `${value}n` : numeric(value, parseInt);
        case "%f":
            return numeric(value, parseFloat);
        case "%j":
            return asJSON(value);
        case "%o":
            return inspect(value, { depth: 4, showHidden: true });
        case "%O":
            return inspect(value);
        default:
            // What it would style cannot be styled here.
            return "";
    }
}

/**
 * @param {unknown} value
 * @param {(value: any) => number} convert
 */
function numeric(value, convert) {
    if (typeof value === "symbol" || (typeof value === "object" && value !== null)) {
        return "NaN";
    }
    const number = convert(value);
    return Object.is(number, -0) ? "-0" : String(number);
}

/** @param {any} value */
function asText(value) {
    if (typeof value === "object" && value !== null) {
        return hasOwnText(value) ? String(value) : inspect(value, { depth: 0 });
    }
    return typeof value === "string" ? value : inspect(value);
}

/** Whether user code has said how an object is written as text. @param {object} value */
function hasOwnText(value) {
    if (value instanceof Error) {
        return true;
    }
    for (let object = value; object !== null; object = Object.getPrototypeOf(object)) {
        if (Object.hasOwn(object, "toString")) {
            const { toString } = /** @type {any} */ (object);
            const isFunction = typeof toString === "function";
            return isFunction && !Function.prototype.toString.call(toString).includes("[native code]");
        }
    }
    return false;
}

/** @param {unknown} value */
function asJSON(value) {
    try {
        return String(JSON.stringify(value));
    } catch {
        return "[Circular]";
    }
}
