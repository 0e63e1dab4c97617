/**
 * The errors that ops throw, and those that come from other objects.
 *
 * An op names the class of its error; names that are no class of the language are names of a `DOMException`.
 */

import { clone_decode, core_set_error_maker } from "dormouse:ops";
import { addStack } from "./stack.js";

/** @type {Record<string, new (message?: string) => Error>} */
const classes = { Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError };

/**
 * Legacy codes of the names of `DOMException` (Web IDL, section 2.8.1), and three that nothing has any more.
 *
 * @type {Record<string, number>}
 */
const codes = {
    IndexSizeError: 1,
    DOMStringSizeError: 2,
    HierarchyRequestError: 3,
    WrongDocumentError: 4,
    InvalidCharacterError: 5,
    NoDataAllowedError: 6,
    NoModificationAllowedError: 7,
    NotFoundError: 8,
    NotSupportedError: 9,
    InUseAttributeError: 10,
    InvalidStateError: 11,
    SyntaxError: 12,
    InvalidModificationError: 13,
    NamespaceError: 14,
    InvalidAccessError: 15,
    ValidationError: 16,
    TypeMismatchError: 17,
    SecurityError: 18,
    NetworkError: 19,
    AbortError: 20,
    URLMismatchError: 21,
    QuotaExceededError: 22,
    TimeoutError: 23,
    InvalidNodeTypeError: 24,
    DataCloneError: 25,
};

/** The names of constants that do not follow from the names of errors. @type {Record<string, string>} */
const constants = { DOMStringSizeError: "DOMSTRING_SIZE", InUseAttributeError: "INUSE_ATTRIBUTE" };

/**
 * As in workerd (`src/workerd/jsg/dom-exception.h`) an instance has its properties itself, and is an `Error` by its
 * prototype only.
 */
export class DOMException {
    /**
     * @param {[message?: string, name?: string]} args
     */
    constructor(...args) {
        const message = args[0] === undefined ? "" : String(args[0]);
        const name = args[1] === undefined ? "Error" : String(args[1]);
        const own = { code: codes[name] ?? 0, name, message };
        for (const [key, value] of Object.entries(own)) {
            Object.defineProperty(this, key, { value, writable: false, enumerable: true, configurable: true });
        }
        addStack(this, DOMException, true);
    }
}

Object.setPrototypeOf(DOMException.prototype, Error.prototype);
for (const [name, value] of Object.entries(codes)) {
    const words = name
        .replace(/Error$/, "")
        .replace(/([a-z])([A-Z])/g, "$1_$2")
        .replace("URLM", "URL_M");
    const constant = `${constants[name] ?? words.toUpperCase()}_ERR`;
    const property = { value, enumerable: true, configurable: true };
    Object.defineProperty(DOMException, constant, property);
    Object.defineProperty(DOMException.prototype, constant, property);
}
Object.defineProperty(DOMException.prototype, Symbol.toStringTag, {
    value: "DOMException",
    writable: true,
    configurable: true,
});

/**
 * An error that was thrown in another object or Worker, or on the way there: a copy with the properties that callers are
 * told (reference 2.8). Where it was thrown is said by the log of the one who threw it.
 *
 * @param {any[]} parts Null, its text, what was thrown if it came along, and the properties that are true of it.
 */
export function errorFromHost([, text, thrown, flags]) {
    const error = thrown === null ? new Error(text) : copyOf(thrown, text);
    if (error instanceof Error && !(error instanceof DOMException)) {
        const stack = `${error.name}: ${error.message}`;
        Object.defineProperty(error, "stack", { value: stack, writable: true, enumerable: false, configurable: true });
    }
    for (const flag of flags) {
        error[flag] = true;
    }
    return error;
}

/**
 * @param {Uint8Array} bytes
 * @param {string} text
 */
function copyOf(bytes, text) {
    try {
        return clone_decode(bytes);
    } catch {
        return new Error(text);
    }
}

/**
 * An error that broke off a body which another object or Worker wrote: of it there is only a text, which begins with the
 * name of its class, unless that is unknown.
 *
 * @param {string} text
 */
function ofBody(text) {
    const [, name, message] = /^([A-Za-z]+): ([^]*)$/.exec(text) ?? [];
    if (name !== undefined && Object.hasOwn(classes, name)) {
        return new classes[name](message);
    }
    if (name !== undefined && Object.hasOwn(codes, name)) {
        return new DOMException(message, name);
    }
    return new Error(text);
}

/**
 * @param {string} name
 * @param {string} message
 */
function make(name, message) {
    switch (name) {
        case "remote":
            return Object.assign(ofBody(message), { remote: true });
        case "disconnected":
            return Object.assign(new Error(message), { remote: true, retryable: true });
        default:
            return Object.hasOwn(classes, name) ? new classes[name](message) : new DOMException(message, name);
    }
}

core_set_error_maker(make);
