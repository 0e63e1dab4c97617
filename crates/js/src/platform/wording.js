/**
 * What the engine says of common mistakes, in the words that users of V8 know and search for.
 *
 * Only errors that the engine itself throws are reworded. Where V8 names an expression, the name is read from the
 * Worker's source at the place of the error. What the engine does not tell (values, receivers, the input of
 * `JSON.parse`) stays out, and texts that are not listed stay as they are.
 */

import { error_source } from "dormouse:ops";

const { defineProperty, getPrototypeOf } = Object;

const ILLEGAL_INVOCATION =
    "Illegal invocation: function called with incorrect `this` reference. See " +
    "https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details.";

/** Texts that have another one, whatever the place. @type {Map<string, string>} */
const texts = new Map([
    ["'this' can be initialized only once", "Super constructor may only be called once"],
    ["BigInt are forbidden in JSON.stringify", "Do not know how to serialize a BigInt"],
    ["BigInt division by zero", "Division by zero"],
    ["Date value is NaN", "Invalid time value"],
    ["bad normalization form", "The normalization form should be one of NFC, NFD, NFKC, NFKD."],
    ["bigint argument with unary +", "Cannot convert a BigInt value to a number"],
    ["cannot convert symbol to number", "Cannot convert a Symbol value to a number"],
    ["cannot convert symbol to string", "Cannot convert a Symbol value to a string"],
    ["cannot invoke a running generator", "Generator is already running"],
    ["circular prototype chain", "Cyclic __proto__ value"],
    ["circular reference", "Converting circular structure to JSON"],
    ["empty array", "Reduce of empty array with no initial value"],
    ["expecting hex digit", "URI malformed"],
    ["expecting surrogate pair", "URI malformed"],
    ["invalid 'instanceof' right operand", "Right-hand side of 'instanceof' is not callable"],
    ["invalid array length", "Invalid array length"],
    ["invalid string length", "Invalid string length"],
    ["invalid regular expression flags", "Invalid flags supplied to RegExp constructor"],
    ["invalid value used as WeakMap key", "Invalid value used as weak map key"],
    ["not a Date object", "this is not a Date object."],
    [
        "this is not initialized",
        "Must call super constructor in derived class before accessing 'this' or returning from derived constructor",
    ],
    ["toPrimitive", "Cannot convert object to primitive value"],
    ["unexpected data at the end", "Unexpected non-whitespace character after JSON"],
]);

/** What functions of the language say of a value that is no object. @type {Map<string | null, string>} */
const noObject = new Map([
    ["Proxy", "Cannot create proxy with a non-object as target or handler"],
    ["defineProperty", "Object.defineProperty called on non-object"],
    ["ownKeys", "Reflect.ownKeys called on non-object"],
]);

/** Texts that depend on the place. @type {[RegExp, (place: Place, ...parts: string[]) => string | null][]} */
const rules = [
    [
        /^cannot read property 'Symbol\.iterator' of (undefined|null)$/,
        (place, value) =>
            (place.isCalled || /\[|Symbol/.test(place.expression ?? "") ? null : named(place, "is not iterable")) ??
            `${value} is not iterable (cannot read property Symbol(Symbol.iterator))`,
    ],
    [
        /^cannot read property '(.*)' of (undefined|null)$/s,
        (_, key, value) => `Cannot read properties of ${value} (reading '${key}')`,
    ],
    [
        /^cannot set property '(.*)' of (undefined|null)$/s,
        (_, key, value) => `Cannot set properties of ${value} (setting '${key}')`,
    ],
    [
        /^not a function$/,
        (place) =>
            place.isNew
                ? named(place, "is not a constructor")
                : place.isCalled
                  ? named(place, "is not a function")
                  : null,
    ],
    [
        /^not a constructor$/,
        (place) =>
            place.native === null ? named(place, "is not a constructor") : `${place.native} is not a constructor`,
    ],
    [/^not an object$/, ({ native }) => noObject.get(native) ?? null],
    [
        /^out of bound$/,
        ({ native }) =>
            /^[gs]et(?:Int|Uint|Float|Big)/.test(native ?? "") ? "Offset is outside the bounds of the DataView" : null,
    ],
    [
        /^(\w+) object expected$/,
        ({ native }, name) => native && `Method ${name}.prototype.${native} called on incompatible receiver`,
    ],
    [
        /^unexpected token: '(.*)'$/s,
        ({ native }, token) => (native === "parse" ? `Unexpected token '${token}' is not valid JSON` : null),
    ],
    [/^(expecting '.*')$/, ({ native }, what) => (native === "RegExp" ? `Invalid regular expression: ${what}` : null)],
    [/^value is not iterable$/, (place) => (place.isCalled ? null : named(place, "is not iterable"))],
    [
        /^cannot convert BigInt to number$/,
        (place) =>
            place.native === null
                ? "Cannot mix BigInt and other types, use explicit conversions"
                : "Cannot convert a BigInt value to a number",
    ],
    [
        /^'(.*)' is read-only$/s,
        (place, key) =>
            place.expression === key
                ? "Assignment to constant variable."
                : `Cannot assign to read only property '${key}' of object`,
    ],
    [/^(.*) is not initialized$/s, (_, name) => `Cannot access '${name}' before initialization`],
    [
        /^class constructors must be invoked with 'new'$/,
        ({ name, isPlatform }) =>
            isPlatform
                ? `Failed to construct '${name}': Please use the 'new' operator, this object constructor cannot be ` +
                  "called as a function."
                : `Class constructor ${name} cannot be invoked without 'new'`,
    ],
    [
        /^(?:must be called with new|constructor requires 'new')$/,
        ({ native }) =>
            native === "Promise"
                ? "Promise constructor cannot be invoked without 'new'"
                : `Constructor ${native} requires 'new'`,
    ],
    [
        /^(?:private class field '(.*)' does not exist|invalid brand on object)$/,
        ({ isPlatform }, name) =>
            isPlatform
                ? ILLEGAL_INVOCATION
                : name && `Cannot read private member ${name} from an object whose class did not declare it`,
    ],
    [
        /^regexp must have the 'g' flag$/,
        ({ native }) => `String.prototype.${native} called with a non-global RegExp argument`,
    ],
    [
        /^invalid number of digits$/,
        ({ native }) =>
            native === "toPrecision"
                ? "toPrecision() argument must be between 1 and 100"
                : `${native}() ${native === "toFixed" ? "digits argument" : "argument"} must be between 0 and 100`,
    ],
];

/** Where an error was thrown. */
class Place {
    /** The name of the innermost function. @type {string | null} */
    name;
    /** The same, if that is one of the language. @type {string | null} */
    native;
    isPlatform = false;
    /** What the source has there: names, members and calls. @type {string | null} */
    expression = null;
    /** Whether that follows `new`. */
    isNew = false;
    /** Whether it is what is called there. */
    isCalled = false;
    /** Whether code made the error itself. */
    isMade = false;

    /** @param {any} site The engine's call site. */
    constructor(site) {
        this.name = site?.getFunctionName() ?? null;
        const isNative = site?.isNative() ?? true;
        this.native = isNative ? this.name : null;
        if (isNative) {
            return;
        }
        this.isPlatform = site.getFileName()?.startsWith("dormouse:") ?? true;
        const source = this.isPlatform
            ? null
            : error_source(site.getFileName(), site.getLineNumber(), site.getColumnNumber());
        if (source !== null) {
            this.#read(source[0], source[1]);
        }
    }

    /**
     * @param {string} before
     * @param {string} after
     */
    #read(before, after) {
        const word = /^[\w$]+/.exec(after)?.[0] ?? "";
        const start = chainStart(before);
        const end = chainEnd(after);
        this.isNew = /\bnew\s*$/.test(before.slice(0, start));
        this.isCalled = /^(?:\?\.)?[(`]/.test(after.slice(end)) && !/^\([^()]*\)\(/.test(after.slice(end));
        const chain = `${before.slice(start)}${after.slice(0, end)}`.replace(/^(?:\?\.|\.)/, "");
        this.isMade = chain.endsWith("Error");
        if (word !== "" && !/^\d/.test(chain)) {
            this.expression = shortened(chain);
        }
    }
}

/**
 * Where the members and calls begin that `text` ends with.
 *
 * @param {string} text
 */
function chainStart(text) {
    let at = text.length;
    let depth = 0;
    while (at > 0) {
        const character = text[at - 1];
        if (character === ")" || character === "]") {
            depth += 1;
        } else if (depth > 0 && (character === "(" || character === "[")) {
            depth -= 1;
        } else if (depth === 0 && !/[\w$.]/.test(character) && !(character === "?" && text[at] === ".")) {
            break;
        }
        at -= 1;
    }
    return depth === 0 && !text.slice(at).startsWith("..") ? at : text.length;
}

/**
 * Where the names and members end that `text` begins with.
 *
 * @param {string} text
 */
function chainEnd(text) {
    const part = /^(?:[\w$]+|\.[\w$]+|\?\.[\w$]+|\[[^[\]]*\])/;
    let at = 0;
    for (;;) {
        const length = part.exec(text.slice(at))?.[0].length ?? 0;
        if (length === 0) {
            return at;
        }
        at += length;
    }
}

/**
 * A chain as V8 writes it: the arguments of calls do not matter, and a literal key is a name.
 *
 * @param {string} chain
 */
function shortened(chain) {
    let text = "";
    let depth = 0;
    for (const character of chain.replace(/\[(?:'([\w$]+)'|"([\w$]+)")\]/g, ".$1$2")) {
        if (character === "(") {
            text += depth === 0 ? "(...)" : "";
            depth += 1;
        } else if (character === ")") {
            depth -= 1;
        } else if (depth === 0) {
            text += character;
        }
    }
    return text;
}

/**
 * @param {Place} place
 * @param {string} complaint
 */
function named({ expression }, complaint) {
    return expression === null ? null : `${expression} ${complaint}`;
}

const classes = [TypeError, RangeError, ReferenceError, SyntaxError, URIError].map((Class) => Class.prototype);

/**
 * Gives an error of the engine V8's message.
 *
 * @param {any} error
 * @param {any[]} sites The engine's call sites.
 */
export function reword(error, sites) {
    if (!classes.includes(getPrototypeOf(error))) {
        return;
    }
    const { message } = error;
    const text = texts.get(message);
    const rule = text === undefined ? rules.find(([pattern]) => pattern.test(message)) : undefined;
    if (text === undefined && rule === undefined) {
        return;
    }
    // What `JSON.parse` reads is a frame too.
    const place = new Place(!sites[0]?.isNative() && sites[0]?.getFileName() === "<input>" ? sites[1] : sites[0]);
    if (place.isMade) {
        return;
    }
    const value = text ?? rule?.[1](place, ...(rule[0].exec(message)?.slice(1) ?? []));
    if (value) {
        defineProperty(error, "message", { value });
    }
}
