// Small globals, rejections that nobody handles, and errors that nobody catches.
import { transcript } from "./transcript.js";

const atTopLevel = outcomes({
    setTimeout: () => setTimeout(() => {}, 0),
    "scheduler.wait": () => scheduler.wait(0),
    "AbortSignal.timeout": () => AbortSignal.timeout(1),
    "performance.now": () => typeof performance.now(),
    "new URL": () => new URL("https://example.com").href,
    "new Event": () => new Event("x").type,
});

function outcomes(runs) {
    return Object.entries(runs).map(([name, run]) => {
        try {
            const value = run();
            return [name, typeof value === "object" ? value.constructor.name : value];
        } catch (error) {
            return [name, error.name, error.message];
        }
    });
}

export default transcript(async (t) => {
    for (const [name, ...outcome] of atTopLevel) t.show(`at top level, ${name}`, outcome);
    names(t);
    navigators(t);
    await times(t);
    await marks(t);
    await rejections(t);
    await lateness(t);
    await reports(t);
});

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function names(t) {
    t.show("self", [self === globalThis, typeof self]);
    t.show("global", globalThis.global === globalThis);
    t.show("origin", globalThis.origin);
    t.show("window", typeof window);
    t.show("document", typeof document);
    t.show("global object as text", Object.prototype.toString.call(globalThis));
    t.show("class of the global object", globalThis.constructor.name);
    const classes = [
        "AbortController",
        "AbortSignal",
        "CloseEvent",
        "CustomEvent",
        "DOMException",
        "ErrorEvent",
        "Event",
        "EventTarget",
        "MessageEvent",
        "Navigator",
        "Performance",
        "PromiseRejectionEvent",
        "URL",
        "URLPattern",
        "URLSearchParams",
        "WorkerGlobalScope",
        "ServiceWorkerGlobalScope",
    ];
    t.show(
        "classes",
        classes.filter((name) => typeof globalThis[name] === "function"),
    );
    t.show(
        "methods",
        ["addEventListener", "removeEventListener", "dispatchEvent", "reportError"].map(
            (name) => typeof globalThis[name],
        ),
    );
    t.show("event handler attributes", ["onerror" in globalThis, "onunhandledrejection" in globalThis]);
    globalThis.mine = 1;
    t.show("own global", [mine, delete globalThis.mine, typeof mine]);
    const kept = globalThis.URL;
    globalThis.URL = 5;
    t.show("a global can be replaced", URL);
    globalThis.URL = kept;
}

function navigators(t) {
    t.show("user agent", navigator.userAgent);
    t.show("navigator", [navigator.hardwareConcurrency, navigator.language, navigator.languages, navigator.platform]);
    t.show("navigator as text", String(navigator));
    t.show("navigator keys", Object.keys(navigator).sort());
    t.show("beacon", typeof navigator.sendBeacon);
    t.show(
        "navigator is constructed",
        (() => {
            try {
                return new Navigator();
            } catch (error) {
                return error.message;
            }
        })(),
    );
}

async function times(t) {
    const before = performance.now();
    await pause(3);
    const after = performance.now();
    t.show("now", [typeof before, before >= 0, after > before, after - before < 5000]);
    t.show("time origin", typeof performance.timeOrigin);
    t.show("now and date", Math.abs(performance.timeOrigin + performance.now() - Date.now()) < 5000);
    t.show("performance as text", String(performance));
    t.show("to JSON", Object.keys(performance.toJSON()));
    await t.throws("performance is constructed", () => new Performance());
}

async function marks(t) {
    const show = (entry) =>
        entry && [
            entry.constructor.name,
            entry.name,
            entry.entryType,
            typeof entry.startTime,
            entry.duration >= 0,
            entry.detail,
        ];
    await t.throws("mark", () => show(performance.mark("a")));
    await t.throws("mark with detail", () => show(performance.mark("b", { detail: { x: 1 }, startTime: 5 })));
    await t.throws("measure", () => show(performance.measure("m", "a", "b")));
    await t.throws("measure without marks", () => show(performance.measure("n")));
    await t.throws("measure of an unknown mark", () => show(performance.measure("o", "unknown")));
    await t.throws("measure with options", () => show(performance.measure("p", { start: 1, end: 4, detail: 5 })));
    await t.throws("duration of a measure", () => performance.measure("q", { start: 1, end: 4 }).duration);
    await t.throws("mark without name", () => performance.mark());
    await t.throws("entries", () => performance.getEntries().map((entry) => entry.name));
    await t.throws("entries by name", () => performance.getEntriesByName("a").length);
    await t.throws("entries by type", () => performance.getEntriesByType("measure").map((entry) => entry.name));
    await t.throws("clear marks", () => [performance.clearMarks("a"), performance.getEntriesByType("mark").length]);
    await t.throws("clear measures", () => [performance.clearMeasures(), performance.getEntries().length]);
    performance.clearMarks();
}

/** What `run` makes of rejections and of who hears of them, in order. */
async function watched(run) {
    const seen = [];
    const unhandled = (event) => seen.push(["unhandled", String(event.reason?.message ?? event.reason)]);
    const handled = (event) => seen.push(["handled", String(event.reason?.message ?? event.reason)]);
    addEventListener("unhandledrejection", unhandled);
    addEventListener("rejectionhandled", handled);
    await run(seen);
    await pause(1);
    removeEventListener("unhandledrejection", unhandled);
    removeEventListener("rejectionhandled", handled);
    return seen;
}

async function rejections(t) {
    const event = await new Promise((resolve) => {
        addEventListener("unhandledrejection", resolve, { once: true });
        Promise.reject(new TypeError("nobody"));
    });
    t.show("event", [event.constructor.name, event.type, event.reason, event.promise instanceof Promise]);
    t.show("event attributes", [event.cancelable, event.bubbles, event.isTrusted, event.target === globalThis]);
    t.show("event keys", Object.keys(event).sort());
    t.show(
        "reason of any kind",
        await watched(() => {
            Promise.reject("text");
            Promise.reject(undefined);
        }),
    );
    t.show(
        "async function",
        await watched(() => {
            (async () => {
                throw new Error("async");
            })();
        }),
    );
    t.show(
        "handled at once",
        await watched(() => {
            Promise.reject(1).catch(() => {});
        }),
    );
    t.show(
        "handled by await",
        await watched(async (seen) => {
            try {
                await Promise.reject(1);
            } catch {
                seen.push("caught");
            }
        }),
    );
    t.show(
        "chain",
        await watched(() => {
            Promise.reject("chain")
                .then(() => {})
                .then(() => {});
        }),
    );
    t.show(
        "finally",
        await watched(() => {
            Promise.reject("finally").finally(() => {});
        }),
    );
    t.show(
        "handler that throws",
        await watched(() => {
            Promise.reject(1).catch(() => {
                throw new Error("again");
            });
        }),
    );
    t.show(
        "executor that throws",
        await watched(() => {
            new Promise(() => {
                throw new Error("executor");
            });
        }),
    );
    t.show(
        "rejected twice",
        await watched(() => {
            new Promise((_, reject) => {
                reject(1);
                reject(2);
            });
        }),
    );
    t.show(
        "rejected after it was resolved",
        await watched(() => {
            new Promise((resolve, reject) => {
                resolve(1);
                reject(2);
            });
        }),
    );
    t.show(
        "all",
        await watched(() => {
            Promise.all([Promise.reject("one"), Promise.reject("two")]).catch(() => {});
        }),
    );
    t.show("all settled", await watched(() => Promise.allSettled([Promise.reject("one")]).then(() => {})));
    t.show("race", await watched(() => Promise.race([Promise.resolve(1), Promise.reject("two")]).then(() => {})));
    t.show(
        "in a timer",
        await watched(
            (seen) =>
                new Promise((resolve) => {
                    setTimeout(() => {
                        Promise.reject("timer");
                        seen.push("in the timer");
                    }, 0);
                    setTimeout(() => {
                        seen.push("next timer");
                        resolve();
                    }, 1);
                }),
        ),
    );
    t.show(
        "property",
        await (async () => {
            const seen = [];
            globalThis.onunhandledrejection = (event) => seen.push(event.reason);
            const done = new Promise((resolve) => addEventListener("unhandledrejection", resolve, { once: true }));
            Promise.reject("property");
            await done;
            delete globalThis.onunhandledrejection;
            return seen;
        })(),
    );
}

async function lateness(t) {
    t.show(
        "caught by a later microtask",
        await watched(async (seen) => {
            const promise = Promise.reject("late");
            await null;
            await null;
            await promise.catch(() => seen.push("caught"));
        }),
    );
    t.show(
        "caught by a later timer",
        await watched(async (seen) => {
            const promise = Promise.reject("later");
            await pause(1);
            seen.push("before catch");
            promise.catch(() => seen.push("caught"));
            seen.push("after catch");
            await null;
        }),
    );
    t.show(
        "awaited by a later timer",
        await watched(async (seen) => {
            const promise = Promise.reject("later");
            await pause(1);
            try {
                await promise;
            } catch {
                seen.push("caught");
            }
        }),
    );
    t.show(
        "order of events",
        await watched(async (seen) => {
            Promise.reject("rejected");
            seen.push("sync");
            await null;
            seen.push("microtask");
            await pause(1);
            seen.push("timer");
        }),
    );
    t.show(
        "rejected in a listener",
        await watched(async () => {
            addEventListener(
                "unhandledrejection",
                () => {
                    Promise.reject("second");
                },
                { once: true },
            );
            Promise.reject("first");
            await pause(1);
        }),
    );
}

async function reports(t) {
    const seen = [];
    const listener = (event) => seen.push([event.constructor.name, event.message, event.error?.message ?? event.error]);
    addEventListener("error", listener);
    t.show("reportError returns", reportError(new RangeError("reported")));
    t.show("reported error", seen.splice(0));
    reportError("text");
    t.show("reported text", seen.splice(0));
    reportError(undefined);
    t.show("reported undefined", seen.splice(0));
    reportError(null);
    t.show("reported null", seen.splice(0));
    await t.throws("report of nothing", () => reportError());
    globalThis.onerror = (...args) => seen.push(["property", args.length, args[0]?.type]);
    reportError(new Error("property"));
    delete globalThis.onerror;
    t.show("error property", seen.splice(0));
    const target = new EventTarget();
    target.addEventListener("x", () => {
        throw new Error("from a listener");
    });
    target.dispatchEvent(new Event("x"));
    t.show("listener that throws", seen.splice(0));
    const again = () => {
        throw new Error("from an error listener");
    };
    addEventListener("error", again);
    reportError(new Error("outer"));
    removeEventListener("error", again);
    t.show("error listener that throws", seen.splice(0));
    removeEventListener("error", listener);
    t.show("reported to nobody", reportError(new Error("nobody")));
}
