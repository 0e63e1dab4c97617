/**
 * `error.stack`, `Error.captureStackTrace`, `Error.prepareStackTrace` and call sites, as V8 has them
 * (v8.dev/docs/stack-trace-api): a text that begins with name and message, and then a line for each frame.
 *
 * The engine asks a hook when an error is made; here it only notes the frames, and the text is made when somebody reads
 * it. The platform's own frames are left out, and positions are those of the Worker's sources where it has source maps.
 * Left out: receivers and functions of call sites, which V8 does not give for strict code either; the frames of callers
 * that wait (`at async …`), which this engine does not know.
 */

import { error_position } from "dormouse:ops";
import { reword } from "./wording.js";

const NativeError = Error;
const { isError, captureStackTrace: captureNative } = Error;
const { defineProperty, getPrototypeOf, hasOwn } = Object;

/** Whether frames are wanted as they are. */
let capturing = false;
/** Whether the user's `prepareStackTrace` runs. */
let preparing = false;
/** Whether the Worker has source maps. */
let hasMaps = false;

export function mapPositions() {
    hasMaps = true;
}

/**
 * @param {any} error
 * @param {any[]} sites
 */
NativeError.prepareStackTrace = (error, sites) => {
    if (capturing) {
        return sites;
    }
    if (isError(error) && !hasOwn(error, "stack")) {
        const hasMessage = hasOwn(error, "message");
        if (hasMessage) {
            reword(error, sites);
        }
        lazyStack(error, sites, hasMessage ? error.message : "", false);
    }
    // Anything but `undefined`, or the engine asks again for every frame that the error leaves.
    return null;
};
delete NativeError.prepareStackTrace;

/** For an error that the hook could not be asked about: after the deepest call there is no room to. */
defineProperty(NativeError.prototype, "stack", {
    get() {
        return isError(this) ? headOf(this, undefined) : undefined;
    },
    set(value) {
        defineProperty(this, "stack", { value, writable: true, configurable: true });
    },
    enumerable: false,
    configurable: true,
});

/**
 * Defines `stack`, which is made when it is first read.
 *
 * @param {object} target
 * @param {any[]} sites
 * @param {string | undefined} message None for the one that the target has then.
 * @param {boolean} enumerable
 */
function lazyStack(target, sites, message, enumerable) {
    /** @type {unknown} */
    let stack;
    /** @type {any[] | null} */
    let waiting = sites;
    defineProperty(target, "stack", {
        get() {
            if (waiting !== null) {
                stack = format(this, message, waiting);
                waiting = null;
            }
            return stack;
        },
        set(value) {
            stack = value;
            waiting = null;
        },
        enumerable,
        configurable: true,
    });
}

/**
 * The engine's call sites, from the caller of `from` on.
 *
 * @param {Function} from
 * @returns {any[]}
 */
function sitesFrom(from) {
    const holder = /** @type {any} */ ({});
    capturing = true;
    try {
        captureNative(holder, from);
    } finally {
        capturing = false;
    }
    const sites = holder.stack ?? [];
    // It did not run: the engine begins with this function.
    return sites[0]?.getFunction() === sitesFrom ? [] : sites;
}

/**
 * Gives an object the stack of whoever called `from`.
 *
 * @param {object} target
 * @param {Function} from
 * @param {boolean} enumerable
 */
export function addStack(target, from, enumerable) {
    lazyStack(target, sitesFrom(from), undefined, enumerable);
}

function captureStackTrace(/** @type {unknown} */ target, /** @type {unknown} */ from) {
    if ((typeof target !== "object" || target === null) && typeof target !== "function") {
        throw new TypeError("Invalid argument");
    }
    if (!Object.isExtensible(target)) {
        throw new TypeError("Cannot define property stack, object is not extensible");
    }
    addStack(target, typeof from === "function" ? from : captureStackTrace, false);
}
defineProperty(NativeError, "captureStackTrace", { value: captureStackTrace });

/**
 * @param {any} error
 * @param {string | undefined} message
 * @param {any[]} sites
 */
function format(error, message, sites) {
    const frames = framesOf(isError(error) ? beyondConstructor(error, sites) : sites);
    const prepare = NativeError.prepareStackTrace;
    if (typeof prepare === "function" && !preparing) {
        preparing = true;
        try {
            return prepare.call(NativeError, error, frames);
        } finally {
            preparing = false;
        }
    }
    let text = headOf(error, message);
    for (const frame of frames) {
        text += `\n    at ${frame}`;
    }
    return text;
}

/**
 * `Error.prototype.toString`, with the message that the error was made with.
 *
 * @param {any} error
 * @param {string | undefined} made
 */
function headOf(error, made) {
    try {
        const name = error?.name === undefined ? "Error" : String(error.name);
        const message = made ?? (error?.message === undefined ? "" : String(error.message));
        return name === "" || message === "" ? name + message : `${name}: ${message}`;
    } catch {
        return "<error>";
    }
}

/**
 * The frames after the constructor of the error's class: how an error is made is no part of where.
 *
 * @param {any} error
 * @param {any[]} sites
 */
function beyondConstructor(error, sites) {
    if (!sites[0]?.isConstructor()) {
        return sites;
    }
    const { constructor } = getPrototypeOf(error) ?? {};
    let at = 0;
    while (sites[at]?.isConstructor() && sites[at].getFunction() !== constructor) {
        at += 1;
    }
    return sites[at]?.isConstructor() ? sites.slice(at + 1) : sites;
}

/**
 * The frames of user code. A function of the language that the platform calls is the platform's; so are ops.
 *
 * @param {any[]} sites
 */
function framesOf(sites) {
    const frames = [];
    let calledByPlatform = true;
    for (let at = sites.length - 1; at >= 0; at -= 1) {
        const site = sites[at];
        const isNative = site.isNative();
        const file = isNative ? null : site.getFileName();
        if (!isNative) {
            // What `JSON.parse` reads has a name like that of a module.
            calledByPlatform = file === null || file === "<input>" || file.startsWith("dormouse:");
        }
        if (!calledByPlatform) {
            frames.unshift(new CallSite(site, file));
        }
    }
    return frames;
}

/** One frame, as `Error.prepareStackTrace` gets it. */
class CallSite {
    #name;
    #file;
    /** @type {number | null} */ #line;
    /** @type {number | null} */ #column;
    #isConstructor;

    /**
     * @param {any} site The engine's.
     * @param {string | null} file
     */
    constructor(site, file) {
        const name = site.getFunctionName();
        // The engine names what has no name in the source in angle brackets.
        this.#name = name === null || name.startsWith("<") ? null : name;
        this.#isConstructor = site.isConstructor();
        this.#file = file;
        this.#line = file === null ? null : site.getLineNumber();
        this.#column = file === null ? null : site.getColumnNumber();
        const mapped = hasMaps && file !== null ? error_position(file, this.#line, this.#column) : null;
        if (mapped !== null) {
            [this.#file, this.#line, this.#column] = mapped;
        }
    }

    getColumnNumber() {
        return this.#column;
    }

    getEnclosingColumnNumber() {
        return this.#column;
    }

    getEnclosingLineNumber() {
        return this.#line;
    }

    getEvalOrigin() {
        return undefined;
    }

    getFileName() {
        return this.#file;
    }

    getFunction() {
        return undefined;
    }

    getFunctionName() {
        return this.#name;
    }

    getLineNumber() {
        return this.#line;
    }

    getMethodName() {
        return null;
    }

    getPosition() {
        return 0;
    }

    getPromiseIndex() {
        return null;
    }

    getScriptHash() {
        return "";
    }

    getScriptNameOrSourceURL() {
        return this.#file;
    }

    getThis() {
        return undefined;
    }

    getTypeName() {
        return null;
    }

    isAsync() {
        return false;
    }

    isConstructor() {
        return this.#isConstructor;
    }

    isEval() {
        return false;
    }

    isNative() {
        return this.#file === null;
    }

    isPromiseAll() {
        return false;
    }

    isToplevel() {
        return !this.#isConstructor;
    }

    toString() {
        const place = this.#file === null ? "<anonymous>" : `${this.#file}:${this.#line}:${this.#column}`;
        const name = this.#name ?? (this.#isConstructor || this.#file === null ? "<anonymous>" : null);
        return name === null ? place : `${this.#isConstructor ? "new " : ""}${name} (${place})`;
    }
}
