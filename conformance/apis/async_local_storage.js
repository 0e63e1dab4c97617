// AsyncLocalStorage and AsyncResource of node:async_hooks: what each piece of code sees, whoever calls it.
import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
import * as hooks from "node:async_hooks";
import { transcript } from "./transcript.js";

const storage = new AsyncLocalStorage();
const atTopLevel = storage.run("top level", () => AsyncLocalStorage.bind(() => storage.getStore()));

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const see = () => storage.getStore();

export default transcript(async (t) => {
    running(t);
    await awaiting(t);
    await reactions(t);
    await mixing(t);
    await thenables(t);
    await combinators(t);
    await generators(t);
    await tasks(t);
    await listeners(t);
    await rejections(t);
    binding(t);
    resources(t);
    promises(t);
    await wrongly(t);
    t.show("many runs at once", await manyRuns());
});

function running(t) {
    t.show("outside", see());
    t.show("run", storage.run(1, see));
    t.show(
        "run with arguments",
        storage.run(1, (...args) => args, "a", 2),
    );
    t.show("after run", see());
    t.show(
        "nested runs",
        storage.run(1, () => [see(), storage.run(2, see), see()]),
    );
    t.show(
        "undefined as store",
        storage.run(1, () => storage.run(undefined, see)),
    );
    const store = {};
    t.show("store is the same", storage.run(store, see) === store);
    const other = new AsyncLocalStorage();
    t.show(
        "two storages",
        storage.run(1, () => other.run(2, () => [storage.getStore(), other.getStore()])),
    );
    t.show(
        "one storage is left",
        other.run(2, () => [storage.run(1, () => other.getStore()), storage.getStore()]),
    );
    t.show(
        "exit",
        storage.run(1, () => [storage.exit(see), see(), storage.exit((...args) => args, 1, 2)]),
    );
    t.show(
        "exit of one of two",
        storage.run(1, () => other.run(2, () => storage.exit(() => [see(), other.getStore()]))),
    );
    try {
        storage.run(1, () => {
            throw new Error("thrown");
        });
    } catch (error) {
        t.show("run that throws", [error.message, see()]);
    }
    const named = new AsyncLocalStorage({ defaultValue: "default", name: "name" });
    t.show("default value", [named.getStore(), named.run(1, () => named.getStore()), named.name]);
    t.show("bound at top level", atTopLevel());
    t.show(
        "this of run",
        storage.run(1, function () {
            return this === undefined || this === globalThis;
        }),
    );
}

async function awaiting(t) {
    t.show(
        "await of a value",
        await storage.run(1, async () => {
            await null;
            return see();
        }),
    );
    t.show(
        "await of a promise",
        await storage.run(1, async () => {
            await Promise.resolve();
            return see();
        }),
    );
    t.show(
        "await of a timer",
        await storage.run(1, async () => {
            await pause(1);
            return see();
        }),
    );
    t.show(
        "await of an async function",
        await storage.run(1, async () => {
            await (async () => {
                await pause(1);
            })();
            return see();
        }),
    );
    t.show(
        "await in a nested run",
        await storage.run(1, async () => {
            const inner = storage.run(2, async () => {
                await pause(1);
                return see();
            });
            return [see(), await inner, see()];
        }),
    );
    t.show(
        "await of a rejection",
        await storage.run(1, async () => {
            try {
                await Promise.reject(new Error("x"));
            } catch {
                return see();
            }
        }),
    );
    t.show(
        "await of a late rejection",
        await storage.run(1, async () => {
            try {
                await storage.run(2, async () => {
                    await pause(1);
                    throw new Error("x");
                });
            } catch {
                return see();
            }
        }),
    );
    t.show(
        "finally",
        await storage.run(1, async () => {
            try {
                await null;
            } finally {
                await null;
                return see();
            }
        }),
    );
    t.show(
        "many awaits",
        await storage.run(1, async () => {
            const seen = new Set();
            for (let at = 0; at < 20; at += 1) {
                await (at % 2 ? null : pause(0));
                seen.add(see());
            }
            return seen;
        }),
    );
    t.show("after all awaits", see());
    t.show(
        "scheduler.wait",
        await storage.run(1, async () => {
            await scheduler.wait(1);
            return see();
        }),
    );
    t.show("crossing turns", await storage.run(1, async () => [await one(), await one(), see()]));
}

async function one() {
    await pause(1);
    return see();
}

async function reactions(t) {
    t.show("then", await storage.run(1, () => Promise.resolve().then(see)));
    t.show("then of a late promise", await storage.run(1, () => pause(1).then(see)));
    t.show("catch", await storage.run(1, () => Promise.reject(0).catch(see)));
    t.show(
        "finally of a promise",
        await storage.run(1, () => {
            const seen = [];
            return Promise.resolve()
                .finally(() => seen.push(see()))
                .then(() => seen);
        }),
    );
    t.show(
        "chain",
        await storage.run(1, () =>
            Promise.resolve([])
                .then((seen) => [...seen, see()])
                .then((seen) => [...seen, see()]),
        ),
    );
    t.show("then outside of run", await storage.run(1, () => Promise.resolve()).then(see));
    const { promise, resolve } = Promise.withResolvers();
    const seen = storage.run("then", () => promise.then(see));
    const awaited = storage.run("await", async () => {
        await promise;
        return see();
    });
    storage.run("resolve", () => resolve());
    t.show("resolved elsewhere", [await seen, await awaited]);
    const executor = storage.run(1, () => new Promise((done) => done(see())));
    t.show("executor", await executor);
    const order = [];
    storage.run("a", () => Promise.resolve().then(() => order.push(see())));
    storage.run("b", () => queueMicrotask(() => order.push(see())));
    storage.run("c", async () => {
        await null;
        order.push(see());
    });
    storage.run("d", async () => {
        await Promise.resolve();
        order.push(see());
    });
    Promise.resolve().then(() => order.push(see()));
    await pause(1);
    t.show("order of reactions", order);
}

async function mixing(t) {
    const seen = [];
    const work = async (name) => {
        for (let at = 0; at < 3; at += 1) {
            await (at === 1 ? pause(1) : null);
            seen.push(see() === name);
        }
        return see();
    };
    const names = ["a", "b", "c", "d"];
    t.show("interleaved", await Promise.all(names.map((name) => storage.run(name, work, name))));
    t.show("each saw its own", seen.every(Boolean));
    let cached;
    const load = () =>
        (cached ??= (async () => {
            await pause(1);
            return see();
        })());
    const use = async () => [await load(), see()];
    t.show("shared promise", await Promise.all(names.map((name) => storage.run(name, use))));
    const waiting = [];
    const wait = () => new Promise((resolve) => waiting.push(resolve));
    const waiters = names.map((name) =>
        storage.run(name, async () => {
            await wait();
            return see();
        }),
    );
    storage.run("waker", () => waiting.forEach((wake) => wake()));
    t.show("woken by another", await Promise.all(waiters));
}

async function thenables(t) {
    const seen = [];
    const own = {
        then(resolve) {
            seen.push(see());
            resolve(5);
        },
    };
    t.show("thenable", await storage.run(1, async () => [await own, see(), seen.splice(0)]));
    const late = {
        then(resolve) {
            setTimeout(() => {
                seen.push(see());
                resolve();
            }, 1);
        },
    };
    t.show(
        "late thenable",
        await storage.run(1, async () => {
            await late;
            return [see(), seen.splice(0)];
        }),
    );
    const query = {
        then(...callbacks) {
            return pause(1).then(...callbacks);
        },
    };
    const noise = storage.run("noise", async () => {
        for (let at = 0; at < 10; at += 1) await pause(0);
    });
    t.show(
        "query builder",
        await storage.run(1, async () => {
            await query;
            return see();
        }),
    );
    const failing = {
        then(...callbacks) {
            return pause(1)
                .then(() => {
                    throw new Error("x");
                })
                .then(...callbacks);
        },
    };
    t.show(
        "query builder that fails",
        await storage.run(1, async () => {
            try {
                await failing;
            } catch {
                return see();
            }
        }),
    );
    await noise;
    class Mine extends Promise {}
    t.show(
        "subclass",
        await storage.run(1, async () => {
            await new Mine((resolve) => setTimeout(resolve, 1));
            return see();
        }),
    );
    t.show(
        "subclass that rejects",
        await storage.run(1, async () => {
            try {
                await storage.run(2, () => new Mine((_, reject) => setTimeout(reject, 1)));
            } catch {
                return see();
            }
        }),
    );
    t.show("then of a subclass", await storage.run(1, () => new Mine((resolve) => setTimeout(resolve, 1)).then(see)));
    t.show(
        "returned promise",
        await storage.run(1, async () => {
            const value = await (async () => pause(1).then(see))();
            return [value, see()];
        }),
    );
    t.show(
        "promise resolved with a promise",
        await storage.run(1, async () => {
            await new Promise((resolve) => resolve(pause(1)));
            return see();
        }),
    );
    t.show(
        "thenable that rejects from elsewhere",
        await storage.run(1, async () => {
            try {
                await {
                    then(_, reject) {
                        storage.run(2, () => setTimeout(reject, 1));
                    },
                };
            } catch {
                return see();
            }
        }),
    );
}

async function combinators(t) {
    const both = () => [pause(1), Promise.resolve()];
    t.show(
        "all",
        await storage.run(1, async () => {
            await Promise.all(both());
            return see();
        }),
    );
    t.show(
        "all settled",
        await storage.run(1, async () => {
            await Promise.allSettled([...both(), Promise.reject(1)]);
            return see();
        }),
    );
    t.show(
        "race",
        await storage.run(1, async () => {
            await Promise.race([pause(1), pause(2)]);
            return see();
        }),
    );
    t.show(
        "any",
        await storage.run(1, async () => {
            await Promise.any([Promise.reject(1), pause(1)]);
            return see();
        }),
    );
    t.show("all with then", await storage.run(1, () => Promise.all(both()).then(see)));
    t.show("promises of two runs", await Promise.all([storage.run(1, one), storage.run(2, one)]));
    t.show("Promise.try", typeof Promise.try === "function" ? await storage.run(1, () => Promise.try(see)) : "none");
    t.show("Array.fromAsync", await storage.run(1, async () => [await Array.fromAsync([pause(1), 2], see), see()]));
}

async function generators(t) {
    async function* count() {
        for (let at = 0; at < 3; at += 1) {
            await pause(0);
            yield see();
        }
    }
    t.show(
        "async generator",
        await storage.run(1, async () => {
            const seen = [];
            for await (const value of count()) seen.push(value, see());
            return seen;
        }),
    );
    t.show(
        "for await of promises",
        await storage.run(1, async () => {
            const seen = [];
            for await (const _ of [pause(1), Promise.resolve(), 3]) seen.push(see());
            return seen;
        }),
    );
    const iterator = storage.run(1, () => count());
    t.show("iterator of another run", [
        (await storage.run(2, () => iterator.next())).value,
        (await iterator.next()).value,
    ]);
    function* plain() {
        yield see();
        yield see();
    }
    const sync = storage.run(1, () => plain());
    t.show("generator", [storage.run(2, () => sync.next().value), sync.next().value]);
    const disposed = [];
    await storage.run(1, async () => {
        const resource = {
            async close() {
                await null;
                disposed.push(see());
            },
        };
        await resource.close();
    });
    t.show("method", disposed);
}

async function tasks(t) {
    const seen = [];
    const note = (name) => () => seen.push([name, see()]);
    storage.run(1, () => {
        setTimeout(note("timeout"), 2);
        setImmediate(note("immediate"));
        queueMicrotask(note("microtask"));
        setTimeout(() => setTimeout(note("nested"), 1), 3);
        let count = 0;
        const id = setInterval(() => {
            seen.push(["interval", see()]);
            if (++count === 2) clearInterval(id);
        }, 80);
    });
    // Long enough apart that a busy machine does not change the order.
    await pause(400);
    t.show("timers", seen.splice(0));
    storage.run(1, () =>
        setTimeout(() => {
            throw new Error("thrown in a timer");
        }, 0),
    );
    setTimeout(note("after one that throws"), 1);
    await pause(30);
    t.show("timer after one that throws", seen.splice(0));
    storage.run(1, () =>
        queueMicrotask(() => {
            throw new Error("thrown in a microtask");
        }),
    );
    queueMicrotask(note("after one that throws"));
    await pause(1);
    t.show("microtask after one that throws", seen.splice(0));
}

async function listeners(t) {
    const seen = [];
    const note = (name) => () => seen.push([name, see()]);
    const target = new EventTarget();
    storage.run("add", () => target.addEventListener("x", note("listener")));
    storage.run("add", () => target.addEventListener("x", { handleEvent: note("handler") }));
    storage.run("add", () => {
        target.onx = note("property");
    });
    storage.run("dispatch", () => target.dispatchEvent(new Event("x")));
    target.dispatchEvent(new Event("x"));
    t.show("listeners", seen.splice(0));
    const controller = new AbortController();
    storage.run("add", () => controller.signal.addEventListener("abort", note("abort")));
    storage.run("abort", () => controller.abort());
    t.show("abort", seen.splice(0));
    const timeout = storage.run("timeout", () => AbortSignal.timeout(1));
    storage.run("add", () => timeout.addEventListener("abort", note("abort")));
    await pause(5);
    t.show("timeout signal", seen.splice(0));
    const error = note("error");
    addEventListener("error", error);
    storage.run("report", () => reportError(new Error("x")));
    storage.run("microtask", () =>
        queueMicrotask(() => {
            throw new Error("x");
        }),
    );
    await pause(1);
    removeEventListener("error", error);
    t.show("error events", seen.splice(0));
}

async function rejections(t) {
    const seen = [];
    const note = (event) => seen.push([event.reason, see()]);
    addEventListener("unhandledrejection", note);
    storage.run(1, () => {
        Promise.reject("reject");
    });
    await pause(1);
    storage.run(2, async () => {
        await pause(1);
        throw "async";
    });
    await pause(3);
    storage.run(3, () =>
        Promise.resolve().then(() => {
            throw "then";
        }),
    );
    await pause(1);
    Promise.reject("outside");
    await pause(1);
    removeEventListener("unhandledrejection", note);
    t.show("unhandled rejections", seen);
}

function binding(t) {
    const snapshot = storage.run(1, () => AsyncLocalStorage.snapshot());
    t.show("snapshot", snapshot(see));
    t.show(
        "snapshot with arguments",
        snapshot((...args) => [see(), ...args], "a", "b"),
    );
    t.show(
        "snapshot in another run",
        storage.run(2, () => [snapshot(see), see()]),
    );
    const bound = storage.run(1, () => AsyncLocalStorage.bind((...args) => [see(), ...args]));
    t.show("bind", [bound("a", "b"), storage.run(2, () => bound())]);
    t.show(
        "bound function that throws",
        (() => {
            try {
                storage.run(1, () =>
                    AsyncLocalStorage.bind(() => {
                        throw new Error("x");
                    }),
                )();
            } catch (error) {
                return [error.message, see()];
            }
        })(),
    );
    t.show("snapshot outside", storage.run(1, () => AsyncLocalStorage.snapshot)()(see));
}

function resources(t) {
    const resource = storage.run(1, () => new AsyncResource("TEST"));
    t.show("resource", resource.runInAsyncScope(see));
    t.show(
        "resource with this and arguments",
        resource.runInAsyncScope(
            function (...args) {
                return [see(), this, ...args];
            },
            "this",
            "a",
            "b",
        ),
    );
    t.show(
        "resource in another run",
        storage.run(2, () => [resource.runInAsyncScope(see), see()]),
    );
    t.show(
        "bind of a resource",
        storage.run(2, () => resource.bind((...args) => [see(), ...args])("a")),
    );
    t.show("static bind", storage.run(1, () => AsyncResource.bind(see, "TEST"))());
    t.show("ids", [resource.asyncId(), resource.triggerAsyncId()]);
    class Mine extends AsyncResource {
        constructor() {
            super("MINE");
        }
        call() {
            return this.runInAsyncScope(see);
        }
    }
    const mine = storage.run(3, () => new Mine());
    t.show("subclass of a resource", mine.call());
}

/** Promises look as if nothing followed them. */
function promises(t) {
    const promise = Promise.resolve();
    t.show("constructor", [
        promise.constructor === Promise,
        Promise.prototype.constructor === Promise,
        Object.hasOwn(promise, "constructor"),
    ]);
    t.show("then of promises", [
        Promise.prototype.then.name,
        Promise.prototype.then.length,
        Promise.resolve.name,
        Promise.resolve.length,
    ]);
    t.show("keys of promises", [Object.keys(Promise.prototype), Object.keys(promise)]);
    t.show("resolve of a promise", Promise.resolve(promise) === promise);
    class Mine extends Promise {}
    t.show("classes of promises", [
        new Mine(() => {}).constructor.name,
        Mine.resolve(1).constructor.name,
        Mine.resolve(1).then(() => {}).constructor.name,
    ]);
    t.show("promise as text", String(promise));
}

async function wrongly(t) {
    const resource = new AsyncResource("TEST");
    await t.throws("run without arguments", () => storage.run());
    await t.throws("run without function", () => storage.run(1));
    await t.throws("run of text", () => storage.run(1, "x"));
    await t.throws("exit without function", () => storage.exit());
    await t.throws("bind without function", () => AsyncLocalStorage.bind());
    await t.throws("bind of text", () => AsyncLocalStorage.bind("x"));
    await t.throws("enterWith", () => storage.enterWith(1));
    await t.throws("disable", () => storage.disable());
    await t.throws("run in scope without function", () => resource.runInAsyncScope());
    await t.throws("bind of a resource without function", () => resource.bind());
    await t.throws("static bind without function", () => AsyncResource.bind());
    t.show("members of AsyncLocalStorage", Object.getOwnPropertyNames(AsyncLocalStorage.prototype).sort());
    t.show("statics of AsyncLocalStorage", Object.getOwnPropertyNames(AsyncLocalStorage).sort());
    t.show("members of AsyncResource", Object.getOwnPropertyNames(AsyncResource.prototype).sort());
    t.show("exports", Object.keys(hooks).sort());
    t.show("exports of the default", Object.keys(hooks.default).sort());
    t.show("hooks", [typeof hooks.createHook({}).enable, hooks.executionAsyncId(), hooks.triggerAsyncId()]);
}

/** Hundreds of runs that wait for one another in all ways; each names what it should see. */
async function manyRuns() {
    const wrong = new Set();
    const shared = [];
    let seed = 7;
    const pick = (count) => (seed = (seed * 48271) % 2147483647) % count;
    const check = (name, where) => {
        if (see() !== name) wrong.add(where);
    };
    class Mine extends Promise {}
    const ways = [
        () => null,
        () => pause(pick(3)),
        () => Promise.resolve(),
        () => scheduler.wait(1),
        (name, depth) => step(name, depth),
        (name, depth) => storage.run(`${name}.`, step, `${name}.`, depth),
        (name, depth) => Promise.all([step(name, depth), step(name, depth)]),
        (name, depth) => Promise.race([step(name, depth), pause(1)]),
        (name, depth) => step(name, depth).then(() => check(name, "then")),
        () => new Mine((resolve) => setTimeout(resolve, 1)),
        () => ({ then: (...callbacks) => pause(1).then(...callbacks) }),
        (name, depth) => shared[pick(shared.push(step(name, depth)))],
        (name) => new Promise((resolve) => queueMicrotask(() => resolve(check(name, "microtask")))),
        (name) => new Promise((resolve) => setTimeout(() => resolve(check(name, "timer")), 1)),
        () => storage.exit(() => pause(1).then(() => check(undefined, "exit"))),
    ];
    const step = async (name, depth) => {
        check(name, "begin");
        const way = pick(depth > 3 ? 4 : ways.length);
        await ways[way](name, depth + 1);
        check(name, `after ${ways[way]}`);
    };
    const names = Array.from({ length: 200 }, (_, at) => `run ${at}`);
    await Promise.all(names.map((name) => storage.run(name, step, name, 0)));
    await pause(20);
    check(undefined, "end");
    return [...wrong];
}
