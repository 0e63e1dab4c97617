// Timers: arguments, order, what clears what, callbacks that throw, microtasks, `scheduler.wait`.
import { transcript } from "./transcript.js";

export default transcript(async (t) => {
    await wrongly(t);
    await delays(t);
    await calling(t);
    await order(t);
    await clearing(t);
    await repeating(t);
    await throwing(t);
    await immediates(t);
    await microtasks(t);
    await waiting(t);
    shapes(t);
});

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function wrongly(t) {
    for (const name of ["setTimeout", "setInterval", "setImmediate", "queueMicrotask"]) {
        const start = globalThis[name];
        await t.throws(`${name} without arguments`, () => void start());
        await t.throws(`${name} of text`, () => void start("globalThis.evil = 1"));
        await t.throws(`${name} of null`, () => void start(null));
        await t.throws(`${name} of an object`, () => void start({}));
    }
    await t.throws("delay that is a symbol", () => void setTimeout(() => {}, Symbol("x")));
    await t.throws("delay that is a bigint", () => void setTimeout(() => {}, 1n));
    await t.throws(
        "delay that throws",
        () =>
            void setTimeout(() => {}, {
                valueOf() {
                    throw new RangeError("no number");
                },
            }),
    );
    t.show("text was not run", globalThis.evil);
}

async function delays(t) {
    const seen = [];
    const odd = [undefined, null, "1", NaN, -5, "x", true, [1], {}, 0.9, 2 ** 31, 2 ** 32, Infinity];
    const ids = odd.map((delay) => setTimeout(() => seen.push(String(delay)), delay));
    await pause(20);
    t.show("odd delays that fire", seen.sort());
    ids.forEach(clearTimeout);
}

async function calling(t) {
    const seen = [];
    setTimeout(
        function (...args) {
            seen.push(args, this === globalThis, this === undefined);
        },
        0,
        "a",
        2,
        null,
        undefined,
    );
    await pause(1);
    t.show("arguments of a timeout", seen.splice(0));
    t.show("id of a timeout", [typeof setTimeout(() => {}, 0), typeof setInterval]);
    const id = setTimeout(() => seen.push("never"), 1);
    t.show("timer as a number", [Number(id) > 0, String(id) === String(Number(id)), id.constructor.name]);
    t.show("members of a timer", Object.getOwnPropertyNames(Object.getPrototypeOf(id)).sort());
    t.show("refs of a timer", [id.hasRef(), id.unref() === id, id.hasRef(), id.ref() === id, id.hasRef()]);
    t.show("close of a timer", id.close() === id);
    const again = setTimeout(() => seen.push("again"), 1);
    await pause(5);
    t.show("refresh of a timer that has fired", [seen.splice(0), again.refresh() === again]);
    await pause(5);
    t.show("it fires again", seen.splice(0));
    clearTimeout(Number(setTimeout(() => seen.push("never"), 1)));
    clearTimeout(`${setTimeout(() => seen.push("never"), 1)}`);
    setTimeout(() => seen.push("never"), 1)[Symbol.dispose]();
    await pause(5);
    t.show("timers that are cleared by number and text", seen.splice(0));
    const [a, b] = [setTimeout(() => {}, 0), setTimeout(() => {}, 0)];
    t.show("ids differ", a !== b);
    t.show("promise of a timeout", await new Promise((resolve) => setTimeout(resolve, 0, "value")));
    t.show(
        "await of a callback is not waited for",
        await (async () => {
            setTimeout(async () => {
                await null;
                seen.push("inside");
            }, 0);
            await pause(2);
            return seen.splice(0);
        })(),
    );
}

async function order(t) {
    const seen = [];
    setTimeout(() => seen.push("10"), 10);
    setTimeout(() => seen.push("1"), 1);
    setTimeout(() => seen.push("0 a"), 0);
    setTimeout(() => seen.push("0 b"), 0);
    setTimeout(() => seen.push("5"), 5);
    queueMicrotask(() => seen.push("microtask"));
    Promise.resolve().then(() => seen.push("then"));
    seen.push("sync");
    await pause(20);
    t.show("order", seen.splice(0));
    setTimeout(() => {
        seen.push("first");
        queueMicrotask(() => seen.push("its microtask"));
        setTimeout(() => seen.push("nested"), 0);
    }, 0);
    setTimeout(() => seen.push("second"), 0);
    await pause(10);
    t.show("microtasks between timers", seen.splice(0));
}

async function clearing(t) {
    const seen = [];
    const id = setTimeout(() => seen.push("never"), 1);
    t.show("clear returns", clearTimeout(id));
    clearTimeout(id);
    const interval = setInterval(() => seen.push("never"), 1);
    clearTimeout(interval);
    const timeout = setTimeout(() => seen.push("never"), 1);
    clearInterval(timeout);
    const text = setTimeout(() => seen.push("as text"), 1);
    clearTimeout(String(text));
    await pause(5);
    t.show("cleared timers", seen.splice(0));
    for (const [label, value] of [
        ["undefined", undefined],
        ["null", null],
        ["unknown", 123456],
        ["text", "x"],
        ["object", {}],
        ["negative", -1],
        ["fraction", 1.5],
        ["not a number", NaN],
    ]) {
        await t.throws(`clear of what is none, ${label}`, () => clearTimeout(value));
    }
    await t.throws("clear without arguments", () => clearTimeout());
    await t.throws("clear interval without arguments", () => clearInterval());
    const other = setTimeout(() => seen.push("other"), 2);
    setTimeout(() => clearTimeout(other), 1);
    await pause(8);
    t.show("cleared by another timer", seen.splice(0));
    const self = setTimeout(() => {
        clearTimeout(self);
        seen.push("cleared itself");
    }, 0);
    await pause(2);
    t.show("clears itself", seen.splice(0));
    const late = [];
    late.push(
        setTimeout(() => {
            seen.push("a");
            clearTimeout(late[1]);
        }, 0),
    );
    late.push(setTimeout(() => seen.push("b"), 0));
    await pause(3);
    t.show("clears one that is due", seen.splice(0));
}

async function repeating(t) {
    const seen = [];
    await new Promise((resolve) => {
        const id = setInterval(
            (word) => {
                seen.push(word);
                if (seen.length === 3) {
                    clearInterval(id);
                    resolve();
                }
            },
            1,
            "tick",
        );
    });
    await pause(5);
    t.show("interval", seen.splice(0));
    await new Promise((resolve) => {
        const id = setInterval(async () => {
            seen.push("start");
            clearInterval(id);
            await pause(1);
            seen.push("end");
            resolve();
        }, 1);
    });
    t.show("interval clears itself", seen.splice(0));
    let count = 0;
    await new Promise((resolve) => {
        const id = setInterval(() => {
            if (++count === 2) {
                clearInterval(id);
                resolve();
            }
        });
    });
    t.show("interval without delay", count);
}

async function throwing(t) {
    const seen = [];
    const listener = (event) => seen.push(["error event", event.message]);
    addEventListener("error", listener);
    setTimeout(() => {
        seen.push("throws");
        throw new Error("from a timer");
    }, 0);
    setTimeout(() => seen.push("next"), 0);
    await pause(5);
    t.show("timer that throws", seen.splice(0));
    await new Promise((resolve) => {
        let runs = 0;
        const id = setInterval(() => {
            seen.push(`run ${++runs}`);
            if (runs === 3) {
                clearInterval(id);
                resolve();
            }
            throw new Error("from an interval");
        }, 1);
    });
    t.show("interval that throws", seen.splice(0));
    setTimeout(async () => {
        throw new Error("rejected");
    }, 0);
    await pause(3);
    t.show("timer that rejects", seen.splice(0));
    removeEventListener("error", listener);
}

async function immediates(t) {
    const seen = [];
    setImmediate((...args) => seen.push(["immediate", args]), 1, 2);
    queueMicrotask(() => seen.push("microtask"));
    const cleared = setImmediate(() => seen.push("never"));
    t.show("clear immediate returns", clearImmediate(cleared));
    await pause(3);
    t.show("immediate", seen.splice(0));
    const id = setImmediate(() => {});
    t.show("immediate id", [typeof id, id?.constructor?.name]);
    clearImmediate(id);
    await t.throws("clear immediate of nothing", () => clearImmediate());
    await t.throws("clear immediate of undefined", () => clearImmediate(undefined));
    await t.throws("clear immediate of a number", () => clearImmediate(5));
    await t.throws("clear immediate of a timeout", () => clearImmediate(setTimeout(() => {}, 0)));
}

async function microtasks(t) {
    const seen = [];
    t.show(
        "queueMicrotask returns",
        queueMicrotask(function (...args) {
            seen.push(this === undefined, args.length);
        }),
    );
    await null;
    t.show("microtask", seen.splice(0));
    queueMicrotask(() => {
        seen.push("outer");
        queueMicrotask(() => seen.push("inner"));
    });
    queueMicrotask(() => seen.push("second"));
    await pause(1);
    t.show("nested microtasks", seen.splice(0));
    const listener = (event) => seen.push([event.message, event.error.constructor.name]);
    addEventListener("error", listener);
    queueMicrotask(() => {
        throw new RangeError("from a microtask");
    });
    queueMicrotask(() => seen.push("next"));
    await pause(1);
    t.show("microtask that throws", seen.splice(0));
    removeEventListener("error", listener);
}

async function waiting(t) {
    const seen = [];
    scheduler.wait(2).then(() => seen.push("2"));
    scheduler.wait(0).then(() => seen.push("0"));
    t.show("wait gives a promise", scheduler.wait(0) instanceof Promise);
    await scheduler.wait(10);
    t.show("waits", seen.splice(0));
    await t.throws("wait of nothing", () => scheduler.wait());
    await t.throws("wait of text", () => scheduler.wait("1"));
    await t.throws("wait of what is no number", () => scheduler.wait("x"));
    await t.throws("negative wait", () => scheduler.wait(-1));
    await t.throws("wait with options that are none", () => scheduler.wait(0, 5));
}

function shapes(t) {
    for (const name of [
        "setTimeout",
        "clearTimeout",
        "setInterval",
        "clearInterval",
        "setImmediate",
        "clearImmediate",
        "queueMicrotask",
    ]) {
        t.show(`shape of ${name}`, [typeof globalThis[name], globalThis[name].name]);
    }
    t.show("shape of scheduler", [Object.prototype.toString.call(scheduler), typeof scheduler.wait]);
}
