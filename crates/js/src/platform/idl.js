/**
 * What Web IDL asks of every class and argument, in the words of workerd (src/workerd/jsg/util.c++).
 *
 * Only what the platform uses: checks are made where an argument is read, so there is no general converter here.
 */

/**
 * A method got an argument of another type.
 *
 * @param {string} className
 * @param {string} method
 * @param {number} index
 * @param {string} type
 */
export function wrongArgument(className, method, index, type) {
    return new TypeError(
        `Failed to execute '${method}' on '${className}': parameter ${index} is not of type '${type}'.`,
    );
}

/**
 * A constructor got an argument of another type.
 *
 * @param {string} className
 * @param {number} index
 * @param {string} type
 */
export function wrongConstructorArgument(className, index, type) {
    return new TypeError(
        `Failed to construct '${className}': constructor parameter ${index} is not of type '${type}'.`,
    );
}

/**
 * A member of an options object is of another type.
 *
 * @param {string} dictionary
 * @param {string} field
 * @param {string} type
 */
export function wrongField(dictionary, field, type) {
    return new TypeError(
        `Incorrect type for the '${field}' field on '${dictionary}': the provided value is not of type '${type}'.`,
    );
}

/** @param {unknown} value @returns {string} */
export function toText(value) {
    if (typeof value === "string") {
        return value;
    }
    if (typeof value === "symbol") {
        throw new TypeError("Cannot convert a Symbol value to a string");
    }
    return `${value}`;
}

/** @param {any} value @returns {number} */
export function toNumber(value) {
    if (typeof value === "symbol") {
        throw new TypeError("Cannot convert a Symbol value to a number");
    }
    if (typeof value === "bigint") {
        throw new TypeError("Cannot convert a BigInt value to a number");
    }
    return +value;
}

/** A whole number, 0 for what is none. @param {unknown} value */
export function toInteger(value) {
    const number = Math.trunc(toNumber(value));
    return Number.isFinite(number) ? number : 0;
}

/** Whether a value can be an options object. @param {unknown} value @returns {value is object} */
export function isObject(value) {
    return (typeof value === "object" && value !== null) || typeof value === "function";
}

/** For a method or accessor that was called on what is no object of its class. */
export function illegalInvocation() {
    return new TypeError(
        "Illegal invocation: function called with incorrect `this` reference. See " +
            "https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details.",
    );
}

/** For a class that only the platform makes objects of. */
export function illegalConstructor() {
    return new TypeError("Illegal constructor");
}

/**
 * A member of an options object that is a function or missing.
 *
 * @param {any} object
 * @param {string} name
 * @param {string} dictionary
 * @returns {Function | undefined}
 */
export function functionField(object, name, dictionary) {
    const value = object[name];
    if (value !== undefined && typeof value !== "function") {
        throw wrongField(dictionary, name, "function");
    }
    return value;
}

/**
 * A count, as workerd takes it: an unsigned number of 64 bits, without its fraction.
 *
 * @param {unknown} value
 */
export function toCount(value) {
    const number = typeof value === "bigint" ? Number(value) : toNumber(value);
    if (!Number.isFinite(number)) {
        throw new TypeError("The value cannot be converted because it is not an integer.");
    }
    if (number < 0) {
        throw new TypeError(
            "The value cannot be converted because it is negative and this API expects a positive bigint.",
        );
    }
    if (number > 2 ** 64) {
        throw new TypeError("Value out of range. Must be less than or equal to 18446744073709551615.");
    }
    return Math.trunc(number);
}

/** The prototypes of the platform's classes. @type {WeakSet<object>} */
const prototypes = new WeakSet();

/** Whether getters of a prototype are the platform's. @param {object | null} proto */
export function isPlatformPrototype(proto) {
    return proto !== null && prototypes.has(proto);
}

/**
 * Members of a class are enumerable, and its instances say what they are (Web IDL, sections 3.7.3 and 3.7.6).
 *
 * @param {Function} Class
 */
export function finish(Class) {
    prototypes.add(Class.prototype);
    const proto = Class.prototype;
    showMembers(proto);
    showMembers(Class);
    Object.defineProperty(proto, Symbol.toStringTag, { value: Class.name, configurable: true });
}

/** @param {any} holder */
function showMembers(holder) {
    for (const name of Object.getOwnPropertyNames(holder)) {
        if (!["constructor", "prototype", "name", "length"].includes(name)) {
            Object.defineProperty(holder, name, { enumerable: true });
        }
    }
}

/**
 * Constants of a class, which its instances have too (Web IDL, section 3.7.5).
 *
 * @param {Function} Class
 * @param {Record<string, number>} constants
 */
export function defineConstants(Class, constants) {
    for (const [name, value] of Object.entries(constants)) {
        const constant = { value, enumerable: true };
        Object.defineProperty(Class, name, constant);
        Object.defineProperty(Class.prototype, name, constant);
    }
}
