/** Errors in Node's words, for what is Node's. */

import { inspect } from "./inspect.js";

/** Units of a text that an error quotes. */
const QUOTED_MAX = 25;

/** An argument that must be a function. @param {string} name @param {unknown} value */
export function notFunction(name, value) {
    const error = new TypeError(`The "${name}" argument must be of type function.${received(value)}`);
    return Object.assign(error, { code: "ERR_INVALID_ARG_TYPE" });
}

/** @param {any} value */
function received(value) {
    if (value === undefined || value === null) {
        return ` Received ${value}`;
    }
    if (typeof value === "object") {
        const name = value.constructor?.name;
        return name ? ` Received an instance of ${name}` : ` Received ${inspect(value, { depth: -1 })}`;
    }
    const isLong = typeof value === "string" && value.length > QUOTED_MAX + 3;
    const shown = inspect(isLong ? `${value.slice(0, QUOTED_MAX)}...` : value);
    return ` Received type ${typeof value} (${shown})`;
}
