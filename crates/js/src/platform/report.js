/**
 * The global object as a target of events, and what ends there: errors that nobody catches, and promises that are
 * rejected while nobody listens (HTML, section 8.1.4).
 *
 * All of these go to the log as well. As in workerd, an error of a timer's callback goes only there.
 */

import { core_log, core_on_handled } from "dormouse:ops";
import {
    ErrorEvent,
    EventTarget,
    dispatchByUser,
    dispatchFor,
    hasListeners,
    rejectionEvent,
    setReport,
} from "./events.js";
import { wrongArgument } from "./idl.js";
import { inspect } from "./inspect.js";

/** Who listens to the global object. */
const listeners = new EventTarget();
/** Whether listeners of `error` run: what they throw goes only to the log. */
let isReporting = false;

/** Its methods, which need no `this`. */
export const globalTarget = {
    /** @param {[any, any, any]} args */
    addEventListener(...args) {
        listeners.addEventListener(...args);
    },
    /** @param {[any, any, any]} args */
    removeEventListener(...args) {
        listeners.removeEventListener(...args);
    },
    /** @param {any} event */
    dispatchEvent(event) {
        return dispatchByUser(listeners, globalThis, event);
    },
};

/** Something was thrown that nobody catches. @param {any} error */
export function report(error) {
    core_log("error", `Uncaught ${inspect(error)}`);
    if (isReporting || !hasListeners(listeners, globalThis, "error")) {
        return;
    }
    isReporting = true;
    tell(new ErrorEvent("error", { message: `Uncaught ${brief(error)}`, error, ...origin(error) }));
    isReporting = false;
}

/** @param {unknown} error */
export function reportError(error) {
    if (arguments.length < 1) {
        throw wrongArgument("ServiceWorkerGlobalScope", "reportError", 1, "Value");
    }
    report(error);
}

/**
 * A promise was rejected and nobody listened until the turn's jobs were done.
 *
 * @param {Promise<unknown>} promise
 * @param {unknown} reason
 */
export function unhandled(promise, reason) {
    core_log("error", `Uncaught (in promise) ${inspect(reason)}`);
    tellOf("unhandledrejection", promise, reason);
}

/** Somebody listens to such a promise at last. @param {Promise<unknown>} promise */
function handled(promise) {
    tellOf("rejectionhandled", promise, undefined);
}

/**
 * @param {string} type
 * @param {Promise<unknown>} promise
 * @param {unknown} reason
 */
function tellOf(type, promise, reason) {
    if (hasListeners(listeners, globalThis, type)) {
        tell(rejectionEvent(type, promise, reason));
    }
}

/** @param {Event} event */
function tell(event) {
    try {
        dispatchFor(listeners, globalThis, /** @type {any} */ (event), true);
    } catch {
        // It was reported.
    }
}

/** What is said of an error in one line. @param {unknown} error */
function brief(error) {
    try {
        return typeof error === "symbol" ? error.toString() : String(error);
    } catch {
        return "exception";
    }
}

/** Where an error was made, as far as its stack says. @param {any} error */
function origin(error) {
    const stack = error instanceof Error && typeof error.stack === "string" ? error.stack : "";
    const [, filename = "", lineno = "0", colno = "0"] = /\(?([^\s(]+?):(\d+)(?::(\d+))?\)?\s*$/m.exec(stack) ?? [];
    return { filename, lineno: Number(lineno), colno: Number(colno) };
}

setReport(report);
core_on_handled(handled);
