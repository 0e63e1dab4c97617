// AbortController and AbortSignal: reasons, order of events, signals that follow others, timeouts.
import { transcript } from "./transcript.js";

export default transcript(async (t) => {
    await controllers(t);
    await statics(t);
    events(t);
    following(t);
    await timeouts(t);
    await waiting(t);
    await wrongly(t);
    shapes(t);
});

async function controllers(t) {
    const controller = new AbortController();
    const { signal } = controller;
    t.show("new signal", [signal.aborted, signal.reason, signal.onabort]);
    t.show("signal is the same", controller.signal === signal);
    t.show("signal is a target", [signal instanceof EventTarget, signal instanceof AbortSignal]);
    await t.throws("throw if aborted, before", () => signal.throwIfAborted());
    t.show("abort returns", controller.abort());
    t.show("aborted", [signal.aborted, signal.reason instanceof DOMException, signal.reason.name, signal.reason.code]);
    t.show("reason", signal.reason.message);
    await t.throws("throw if aborted, after", () => signal.throwIfAborted());
    const first = signal.reason;
    controller.abort(new Error("second"));
    t.show("second abort is ignored", signal.reason === first);
    for (const [label, reason] of [
        ["error", new TypeError("e")],
        ["text", "why"],
        ["null", null],
        ["zero", 0],
        ["object", { a: 1 }],
    ]) {
        const other = new AbortController();
        other.abort(reason);
        t.show(`reason, ${label}`, [other.signal.reason === reason, other.signal.aborted]);
        await t.throws(`thrown reason, ${label}`, () => other.signal.throwIfAborted());
    }
    const none = new AbortController();
    none.abort(undefined);
    t.show("reason, undefined", [none.signal.reason?.name, none.signal.aborted]);
}

async function statics(t) {
    const aborted = AbortSignal.abort();
    t.show("AbortSignal.abort()", [aborted.aborted, aborted.reason.name, aborted.reason.message]);
    t.show("AbortSignal.abort(reason)", AbortSignal.abort("why").reason);
    t.show("AbortSignal.abort(null)", AbortSignal.abort(null).reason);
    t.show("class of an aborted signal", aborted.constructor.name);
    let seen = 0;
    aborted.addEventListener("abort", () => (seen += 1));
    aborted.onabort = () => (seen += 1);
    await new Promise((resolve) => setTimeout(resolve, 1));
    t.show("listener after the abort", seen);
}

function events(t) {
    const seen = [];
    const controller = new AbortController();
    const { signal } = controller;
    signal.addEventListener("abort", (event) => {
        seen.push(event.constructor.name, event.type, event.target === signal, event.isTrusted, event.bubbles);
        seen.push(event.cancelable, signal.aborted);
    });
    controller.abort();
    t.show("abort event", seen.splice(0));
    controller.abort();
    t.show("abort event comes once", seen.splice(0));
    const order = new AbortController();
    order.signal.addEventListener("abort", () => seen.push("listener 1"));
    order.signal.onabort = () => seen.push("property");
    order.signal.addEventListener("abort", () => seen.push("listener 2"));
    t.show("onabort is kept", typeof order.signal.onabort);
    seen.push("before");
    order.abort();
    seen.push("after");
    t.show("order of listeners", seen.splice(0));
    const cleared = new AbortController();
    cleared.signal.onabort = () => seen.push("never");
    cleared.signal.onabort = null;
    cleared.abort();
    t.show("onabort is cleared", [seen.splice(0), cleared.signal.onabort]);
    const nested = new AbortController();
    nested.signal.addEventListener("abort", () => {
        seen.push("nested");
        nested.abort("again");
    });
    nested.abort("first");
    t.show("abort in its own event", [seen.splice(0), nested.signal.reason]);
    const thrower = new AbortController();
    thrower.signal.addEventListener("abort", () => {
        throw new Error("thrown");
    });
    thrower.signal.addEventListener("abort", () => seen.push("next"));
    try {
        thrower.abort();
    } catch (error) {
        seen.push(error.message);
    }
    t.show("listener that throws", seen.splice(0));
    const manual = new AbortController();
    manual.signal.addEventListener("abort", () => seen.push(manual.signal.aborted));
    manual.signal.dispatchEvent(new Event("abort"));
    t.show("dispatched by hand", [seen.splice(0), manual.signal.aborted]);
    const placed = new AbortController();
    placed.signal.onabort = () => seen.push("old");
    placed.signal.addEventListener("abort", () => seen.push("listener"));
    placed.signal.onabort = function () {
        seen.push("new", this === globalThis);
    };
    placed.abort();
    t.show("onabort keeps its place", seen.splice(0));
    const both = new AbortController();
    const same = () => seen.push("same");
    both.signal.onabort = same;
    both.signal.addEventListener("abort", same);
    both.abort();
    t.show("onabort and listener are the same", seen.splice(0));
    const odd = new AbortController();
    odd.signal.onabort = 5;
    t.show("onabort that is no function", odd.signal.onabort);
}

function following(t) {
    const seen = [];
    const a = new AbortController();
    const b = new AbortController();
    const any = AbortSignal.any([a.signal, b.signal]);
    t.show("any of two", [any.aborted, any.reason, any instanceof AbortSignal]);
    any.addEventListener("abort", () => seen.push("any", any.reason));
    a.signal.addEventListener("abort", () => seen.push("source"));
    b.abort("b");
    a.abort("a");
    t.show("any follows the first", [any.aborted, any.reason, seen.splice(0)]);
    const done = AbortSignal.any([new AbortController().signal, AbortSignal.abort("x"), AbortSignal.abort("y")]);
    t.show("any of an aborted one", [done.aborted, done.reason]);
    const empty = AbortSignal.any([]);
    t.show("any of none", [empty.aborted, empty.reason]);
    const one = new AbortController();
    const single = AbortSignal.any([one.signal]);
    t.show("any of one is another", single === one.signal);
    const deep = AbortSignal.any([AbortSignal.any([single])]);
    one.abort("deep");
    t.show("any of any", [deep.aborted, deep.reason]);
    const source = new AbortController();
    source.signal.addEventListener("abort", () => seen.push("source 1"));
    const outer = AbortSignal.any([source.signal]);
    const inner = AbortSignal.any([outer]);
    source.signal.addEventListener("abort", () => seen.push("source 2", outer.aborted, inner.aborted));
    inner.addEventListener("abort", () => seen.push("inner"));
    outer.addEventListener("abort", () => seen.push("outer"));
    source.abort();
    t.show("order of sources and followers", seen.splice(0));
    const unheld = new AbortController();
    AbortSignal.any([unheld.signal]).addEventListener("abort", () => seen.push("unheld"));
    unheld.abort();
    t.show("follower that nobody holds", seen.splice(0));
    const shared = new AbortController();
    const both = AbortSignal.any([shared.signal, shared.signal]);
    both.addEventListener("abort", () => seen.push("once"));
    shared.abort();
    t.show("any of the same twice", [both.aborted, seen.splice(0)]);
}

async function timeouts(t) {
    const seen = [];
    const signal = AbortSignal.timeout(1);
    t.show("timeout before", [signal.aborted, signal.reason]);
    await new Promise((resolve) => {
        signal.addEventListener("abort", (event) => {
            seen.push(event.type, event.target === signal, signal.aborted);
            resolve();
        });
    });
    t.show("timeout event", seen.splice(0));
    t.show("timeout reason", [
        signal.reason.name,
        signal.reason.message,
        signal.reason.code,
        signal.reason instanceof DOMException,
    ]);
    await t.throws("timeout throws", () => signal.throwIfAborted());
    const any = AbortSignal.any([AbortSignal.timeout(1), new AbortController().signal]);
    await new Promise((resolve) => (any.onabort = resolve));
    t.show("any of a timeout", [any.aborted, any.reason.name]);
    t.show("timeout of zero", AbortSignal.timeout(0).aborted);
    const text = AbortSignal.timeout("1");
    await new Promise((resolve) => text.addEventListener("abort", resolve));
    t.show("timeout as text", text.reason.name);
    for (const delay of [-1, NaN, 1.9]) {
        const odd = AbortSignal.timeout(delay);
        await new Promise((resolve) => odd.addEventListener("abort", resolve));
        t.show(`timeout of ${delay}`, odd.reason.name);
    }
    await t.throws("timeout without delay", () => AbortSignal.timeout());
    await t.throws("negative timeout", () => AbortSignal.timeout(-1).aborted);
    await t.throws("timeout that is no number", () => AbortSignal.timeout("x").aborted);
    await t.throws("infinite timeout", () => AbortSignal.timeout(Infinity).aborted);
}

async function waiting(t) {
    const controller = new AbortController();
    const wait = scheduler.wait(10_000, { signal: controller.signal });
    controller.abort(new Error("enough"));
    await t.throws("wait is aborted", () => wait);
    await t.throws("wait with an aborted signal", () => scheduler.wait(1, { signal: AbortSignal.abort("before") }));
    await t.throws("wait with a plain abort", () => {
        const other = new AbortController();
        queueMicrotask(() => other.abort());
        return scheduler.wait(10_000, { signal: other.signal });
    });
    await t.throws("wait with a signal", () => scheduler.wait(1, { signal: new AbortController().signal }));
    await t.throws("wait with a signal that is none", () => scheduler.wait(1, { signal: 5 }));
    await t.throws("wait with null", () => scheduler.wait(1, null));
    await t.throws("wait returns", () => scheduler.wait(1));
    await t.throws("wait without a delay", () => scheduler.wait());
}

async function wrongly(t) {
    await t.throws("signal is not constructed", () => new AbortSignal());
    await t.throws("any without signals", () => AbortSignal.any());
    await t.throws("any of no list", () => AbortSignal.any(5));
    await t.throws("any of a set", () => AbortSignal.any(new Set([AbortSignal.abort("set")])));
    await t.throws("any of no signals", () => AbortSignal.any([5]));
    await t.throws("any of a signal", () => AbortSignal.any(new AbortController().signal));
    await t.throws("aborted is read only", () => {
        const { signal } = new AbortController();
        try {
            signal.aborted = true;
        } catch (error) {
            return [error.name, signal.aborted];
        }
        return signal.aborted;
    });
}

function shapes(t) {
    const names = (object) => Object.getOwnPropertyNames(object).sort();
    t.show("shape of AbortController", names(AbortController.prototype));
    t.show("shape of AbortSignal", names(AbortSignal.prototype));
    t.show("statics of AbortSignal", names(AbortSignal));
    const { signal } = new AbortController();
    t.show("as text", [String(new AbortController()), String(signal)]);
    t.show("own keys", [Reflect.ownKeys(signal), Reflect.ownKeys(new AbortController())]);
}
