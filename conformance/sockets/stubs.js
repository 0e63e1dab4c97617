// What a stub gives: errors of every kind, and what becomes of a stub whose object was reset.
import { cases } from "./cases.js";
import { describe } from "./transcript.js";

const flags = ({ remote, retryable, overloaded, durableObjectReset }) =>
    describe({ remote, retryable, overloaded, durableObjectReset });
const told = (error) => (Object(error) === error ? `${describe(error)} ${flags(error)}` : `${describe(error)}`);
const caught = async (run) => {
    try {
        const response = await run();
        return `${response.status} ${await response.text()}`;
    } catch (error) {
        return told(error);
    }
};
const lines = (said) => new Response(said.map((line, number) => `${number + 1}: ${line}\n`).join(""));
const nameOf = (request) => new URL(request.url).pathname.split("/")[1];

/** The object throws what `make` makes; `look` says what the caller has of it. */
const thrown = (make, look = told) => ({
    fetch() {
        throw make();
    },
    async entry(request, stub) {
        try {
            await stub.fetch(request.url);
            return new Response("no error");
        } catch (error) {
            return new Response(look(error));
        }
    },
    steps: `get x`,
});
const own = (error) => `${describe(error)} ${Object.keys(error).sort()} ${Object.getOwnPropertyNames(error).sort()}`;
const firstOf = (stack) => String(stack).split("\n")[0];

/** How many instances there were. */
const born = new Map();
const count = (room) => {
    room.number = (born.get(room.name) ?? 0) + 1;
    born.set(room.name, room.number);
};
/** An object that does what the path says, and a Worker that asks it by stubs. */
const asked = (ask, more = {}) => ({
    construct: count,
    async fetch(room, request) {
        const { pathname } = new URL(request.url);
        if (pathname.endsWith("/abort")) room.ctx.abort("on purpose");
        if (pathname.endsWith("/fail")) throw new TypeError("on purpose");
        if (pathname.endsWith("/block")) {
            await room.ctx.blockConcurrencyWhile(async () => { throw Object.assign(new TypeError("in the block"), { code: 5 }); });
        }
        if (pathname.endsWith("/wait")) await scheduler.wait(20);
        if (pathname.endsWith("/socket")) return room.accept(request);
        if (pathname.endsWith("/body")) return new Response(`number ${room.number} ${await request.text()}`);
        return new Response(`number ${room.number}`);
    },
    async entry(request, stub, env) {
        const name = nameOf(request);
        const fresh = () => env.SUBJECT.getByName(name);
        const get = (one, path = "", init = undefined) => caught(() => one.fetch(`http://x/${name}/${path}`, init));
        return lines(await ask({ name, stub, fresh, get, env }));
    },
    steps: `report x`,
    ...more,
});
const aborted = (make) =>
    asked(async ({ stub, get }) => [await get(stub), await get(stub)], {
        fetch(room) {
            if (room.number > 1) return new Response("again");
            room.ctx.abort(...make());
        },
    });
const failsInConstructor = (make) =>
    asked(async ({ stub, get, fresh }) => [await get(stub), await get(stub), await get(fresh())], {
        construct(room) {
            count(room);
            if (room.number === 1) throw make();
        },
    });

export const { Subject, Hop, worker } = cases({
    // What crosses.
    number: thrown(() => 5),
    bigint: thrown(() => 5n),
    nothing: thrown(() => null),
    boolean: thrown(() => false),
    symbol: thrown(() => Symbol("mine")),
    emptyText: thrown(() => ""),
    array: thrown(() => [1, { a: 2 }]),
    map: thrown(() => new Map([[1, 2]])),
    date: thrown(() => new Date(5)),
    bytes: thrown(() => new Uint8Array([1, 2])),
    emptyObject: thrown(() => ({})),
    nullPrototype: thrown(() => Object.assign(Object.create(null), { a: 1 })),
    callable: thrown(() => () => 1, (error) => `${typeof error} ${describe(error.message)} ${flags(error)}`),
    frozenObject: thrown(() => Object.freeze({ a: 1 })),
    ownObject: thrown(() => new (class Mine { a = 1; })()),
    response: thrown(() => new Response("text")),
    headers: thrown(() => new Headers({ a: "b" }), (error) => `${error.constructor.name} ${describe(error.message)} ${flags(error)}`),
    noMessage: thrown(() => new Error(), own),
    emptyName: thrown(() => Object.assign(new Error("on purpose"), { name: "" })),
    numberName: thrown(() => Object.assign(new Error("on purpose"), { name: 5 })),
    numberMessage: thrown(() => Object.assign(new Error("on purpose"), { message: 5 })),
    longName: thrown(() => Object.assign(new Error("on purpose"), { name: "My Error: x" })),
    kinds: {
        fetch(room, request) {
            const kind = new URL(request.url).searchParams.get("kind");
            throw new globalThis[kind]("on purpose");
        },
        async entry(request, stub) {
            const said = [];
            for (const kind of ["Error", "EvalError", "RangeError", "ReferenceError", "SyntaxError", "TypeError", "URIError"]) {
                await stub.fetch(`http://x/kinds/?kind=${kind}`).catch((error) => said.push(`${error instanceof globalThis[kind]} ${told(error)}`));
            }
            return lines(said);
        },
        steps: `report x`,
    },
    colon: thrown(() => new Error("TypeError: no such class")),
    derived: thrown(() => new (class Mine extends TypeError {})("on purpose"), (error) => `${error instanceof TypeError} ${own(error)}`),
    derivedWithName: thrown(() => new (class Mine extends RangeError { name = "Mine"; })("on purpose"), (error) => `${error instanceof RangeError} ${own(error)}`),
    ownKeys: thrown(() => Object.assign(new Error("on purpose"), { code: "E", [Symbol("s")]: 1, 5: "five" }), own),
    hiddenKey: thrown(() => Object.defineProperty(new Error("on purpose"), "hidden", { value: 1 }), (error) => `${own(error)} ${error.hidden}`),
    getterKey: thrown(() => Object.defineProperty(new Error("on purpose"), "got", { get: () => "it", enumerable: true }), (error) => `${own(error)} ${error.got}`),
    getterThrows: thrown(() => Object.defineProperty(new RangeError("on purpose"), "got", { get() { throw new Error("no"); }, enumerable: true }), own),
    functionKey: thrown(() => Object.assign(new TypeError("on purpose"), { code: "E", run() {} }), own),
    functionKeyOwnName: thrown(() => Object.assign(new Error("on purpose"), { name: "Mine", run() {} }), own),
    symbolKey: thrown(() => Object.assign(new TypeError("on purpose"), { code: Symbol("s") }), own),
    functionInPlain: thrown(() => ({ message: "mine", run() {} }), (error) => `${error.constructor.name} ${own(error)}`),
    responseKey: thrown(() => Object.assign(new TypeError("on purpose"), { response: new Response("x") }), own),
    headersKey: thrown(() => Object.assign(new TypeError("on purpose"), { headers: new Headers({ a: "b" }) }), own),
    frozen: thrown(() => Object.freeze(new TypeError("on purpose")), own),
    proxy: thrown(() => new Proxy(new TypeError("on purpose"), {}), own),
    causeText: thrown(() => new Error("on purpose", { cause: "below" }), (error) => `${own(error)} ${describe(error.cause)}`),
    causeNothing: thrown(() => new Error("on purpose", { cause: undefined }), own),
    causeFunction: thrown(() => new RangeError("on purpose", { cause: () => 1 }), own),
    causeChain: thrown(() => new Error("a", { cause: new TypeError("b", { cause: new RangeError("c") }) }), (error) => `${told(error)} ${told(error.cause)} ${told(error.cause.cause)}`),
    causeCycle: thrown(() => {
        const error = new Error("on purpose");
        error.cause = error;
        return error;
    }, (error) => `${told(error)} ${error.cause === error}`),
    aggregate: thrown(() => new AggregateError([new TypeError("one"), "two"], "on purpose"), (error) => `${own(error)} ${describe(error.errors)}`),
    suppressed: thrown(() => (typeof SuppressedError === "function" ? new SuppressedError(new Error("a"), new Error("b"), "on purpose") : new Error("none")), (error) => `${error.message !== ""}`),
    domException: thrown(() => new DOMException("on purpose", "NotFoundError"), (error) => `${error instanceof DOMException} ${error.code} ${told(error)}`),
    domExceptionWithKey: thrown(() => Object.assign(new DOMException("on purpose", "NotFoundError"), { mine: 1 }), (error) => `${error.mine} ${told(error)}`),
    domExceptionOwnName: thrown(() => new DOMException("on purpose", "Mine"), (error) => `${error instanceof DOMException} ${told(error)}`),
    aborting: thrown(() => AbortSignal.abort().reason, (error) => `${error instanceof DOMException} ${told(error)}`),
    ownFlags: thrown(() => Object.assign(new Error("on purpose"), { remote: false, retryable: true, overloaded: true, durableObjectReset: 1 })),
    stack: thrown(() => new TypeError("on purpose"), (error) => `${typeof error.stack} ${firstOf(error.stack)}`),
    ownStack: thrown(() => Object.assign(new TypeError("on purpose"), { stack: "my own" }), (error) => describe(error.stack)),
    noStack: thrown(() => Object.assign(new TypeError("on purpose"), { stack: undefined }), (error) => typeof error.stack),
    longMessage: thrown(() => new Error("x".repeat(100_000)), (error) => `${error.message.length} ${flags(error)}`),
    longProperty: thrown(() => Object.assign(new TypeError("on purpose"), { data: "x".repeat(100_000) }), (error) => `${error.constructor.name} ${error.message} ${error.data?.length}`),
    wide: thrown(() => new Error("wïde 😀 \ud800")),
    rejected: {
        fetch: async () => Promise.reject(Object.assign(new Error("on purpose"), { code: 5 })),
        async entry(request, stub) {
            return new Response(await stub.fetch(request.url).catch(own));
        },
        steps: `get x`,
    },
    rejectedWithText: {
        fetch: async () => Promise.reject("a text"),
        async entry(request, stub) {
            return new Response(await stub.fetch(request.url).catch(told));
        },
        steps: `get x`,
    },
    differentObjects: {
        fetch() {
            globalThis.differentObjects ??= new Error("on purpose");
            throw globalThis.differentObjects;
        },
        async entry(request, stub) {
            const one = await stub.fetch(request.url).catch((error) => error);
            const two = await stub.fetch(request.url).catch((error) => error);
            return new Response(`${one === two} ${one === globalThis.differentObjects} ${globalThis.differentObjects.remote}`);
        },
        steps: `get x`,
    },
    // Through several.
    relays: {
        fetch: (room, request) => room.env.SUBJECT.getByName("relayed").fetch(request.url),
        async entry(request, stub) {
            const said = [];
            for (const how of ["throw", "abort", "block"]) {
                await stub.fetch(`http://x/relays/${how}`).catch((error) => said.push(`${told(error)} ${Object.keys(error).sort()}`));
            }
            return lines(said);
        },
        steps: `report x`,
    },
    relayed: {
        async fetch(room, request) {
            const { pathname } = new URL(request.url);
            if (pathname.endsWith("/abort")) room.ctx.abort("on purpose");
            if (pathname.endsWith("/block")) await room.ctx.blockConcurrencyWhile(() => { throw new TypeError("in the block"); });
            throw Object.assign(new RangeError("on purpose"), { code: 5 });
        },
        steps: `log 0`,
    },
    throughHop: {
        fetch() {
            throw Object.assign(new RangeError("on purpose"), { code: 5 });
        },
        async entry(request, stub, env) {
            return new Response(await env.HOP.fetch(request).catch((error) => `${told(error)} ${Object.keys(error).sort()}`));
        },
        steps: `get x`,
    },
    hopThrows: {
        hop() {
            throw Object.assign(new RangeError("on purpose"), { code: 5 });
        },
        async entry(request, stub, env) {
            return new Response(await env.HOP.fetch(request).catch((error) => `${told(error)} ${Object.keys(error).sort()}`));
        },
        steps: `get x`,
    },
    clones: {
        async entry(request, stub, env) {
            const said = [];
            for (const value of [stub, env.SUBJECT, env.HOP, { stub }]) {
                try {
                    structuredClone(value);
                    said.push("no error");
                } catch (error) {
                    said.push(`throws ${describe(error)}`);
                }
            }
            return lines(said);
        },
        steps: `report x`,
    },
    // Why an object is reset.
    abortNumber: aborted(() => [5]),
    abortNull: aborted(() => [null]),
    abortUndefined: aborted(() => [undefined]),
    abortObject: aborted(() => [{ message: "mine" }]),
    abortEmpty: aborted(() => [""]),
    abortLooksLikeError: aborted(() => ["TypeError: on purpose"]),
    abortWithProperties: aborted(() => [Object.assign(new TypeError("on purpose"), { code: 5 })]),
    abortInBlock: asked(async ({ stub, get, fresh }) => [await get(stub), await get(stub), await get(fresh())], {
        async fetch(room) {
            if (room.number === 1) await room.ctx.blockConcurrencyWhile(async () => room.ctx.abort("on purpose"));
            return new Response(`number ${room.number}`);
        },
    }),
    abortInTimer: asked(async ({ stub, get, fresh }) => [await get(stub), await get(stub), await get(fresh())], {
        async fetch(room) {
            if (room.number === 1) {
                setTimeout(() => room.ctx.abort("on purpose"), 1);
                await scheduler.wait(10_000);
            }
            return new Response(`number ${room.number}`);
        },
    }),
    constructorError: failsInConstructor(() => Object.assign(new Error("on purpose", { cause: new TypeError("below") }), { code: 5 })),
    constructorText: failsInConstructor(() => "a text"),
    constructorObject: failsInConstructor(() => ({ message: "mine" })),
    constructorNothing: failsInConstructor(() => undefined),
    blockWithProperties: asked(async ({ stub, get }) => {
        const look = (error) => `${told(error)} ${Object.keys(error).sort()}`;
        const one = await stub.fetch("http://x/blockWithProperties/block").catch(look);
        const two = await stub.fetch("http://x/blockWithProperties/").catch(look);
        return [one, two, await get(stub)];
    }),
    blockText: asked(async ({ stub, get }) => [await get(stub), await get(stub)], {
        async fetch(room) {
            if (room.number === 1) await room.ctx.blockConcurrencyWhile(() => { throw "a text"; });
            return new Response(`number ${room.number}`);
        },
    }),
    blockInConstructor: asked(async ({ stub, get, fresh }) => [await get(stub), await get(stub), await get(fresh())], {
        construct(room) {
            count(room);
            if (room.number === 1) room.ctx.blockConcurrencyWhile(() => Promise.reject(new TypeError("in the block")));
        },
    }),
    // Stubs of an object that was reset.
    failsOnly: asked(async ({ stub, get }) => [await get(stub, "fail"), await get(stub)]),
    otherStubAborts: asked(async ({ stub, get, fresh }) => [
        await get(stub),
        await get(fresh(), "abort"),
        await get(stub),
        await get(stub),
        await get(fresh()),
    ]),
    otherStubBlocks: asked(async ({ stub, get, fresh }) => [
        await get(stub),
        await get(fresh(), "block"),
        await get(stub),
        await get(stub),
        await get(fresh()),
    ]),
    notUsedBefore: asked(async ({ stub, get, fresh }) => [await get(fresh(), "abort"), await get(stub), await get(stub)]),
    usedAfterwards: asked(async ({ stub, get, fresh }) => [
        await get(stub),
        await get(fresh(), "abort"),
        await get(fresh()),
        await get(stub),
        await get(fresh(), "abort"),
        await get(stub),
    ]),
    twoResets: asked(async ({ get, fresh }) => {
        const [one, two] = [fresh(), fresh()];
        return [await get(one, "abort"), await get(two), await get(two, "block"), await get(one), await get(two), await get(fresh())];
    }),
    sameId: asked(async ({ stub, get, env }) => [
        await get(stub, "abort"),
        await get(env.SUBJECT.get(stub.id)),
        await get(env.SUBJECT.get(env.SUBJECT.idFromString(stub.id.toString()))),
        await get(stub),
    ]),
    atOnce: asked(async ({ stub, get }) => Promise.all([get(stub, "wait"), get(stub, "abort"), get(stub), get(stub)])),
    atOnceByOthers: asked(async ({ get, fresh }) => {
        const [one, two, three] = [fresh(), fresh(), fresh()];
        const first = await Promise.all([get(one, "wait"), get(two, "abort"), get(three)]);
        return [...first, await get(one), await get(two), await get(three)];
    }),
    body: asked(async ({ stub, get }) => {
        await get(stub, "abort");
        const init = () => ({ method: "POST", body: "text" });
        return [await get(stub, "body", init()), await get(stub, "body", { method: "POST", body: new Blob(["x"]).stream(), duplex: "half" })];
    }),
    sockets: asked(async ({ stub, get }) => {
        await get(stub, "abort");
        return [await get(stub, "socket", { headers: { upgrade: "websocket" } })];
    }),
    uncaught: {
        ...asked(async () => []),
        async entry(request, stub) {
            const path = new URL(request.url).pathname;
            if (path.endsWith("/abort")) return stub.fetch(request.url);
            await stub.fetch("http://x/uncaught/abort").catch(() => {});
            return stub.fetch(request.url);
        },
        steps: `get abort
            get x`,
    },
    ofObject: {
        construct: count,
        async fetch(room) {
            const { SUBJECT } = room.env;
            const get = (stub, path) => caught(() => stub.fetch(`http://x/heldByObject/${path}`));
            const held = SUBJECT.getByName("heldByObject");
            return lines([
                await get(held, ""),
                await get(SUBJECT.getByName("heldByObject"), "abort"),
                await get(held, ""),
                await get(SUBJECT.getByName("heldByObject"), ""),
            ]);
        },
        steps: `report x`,
    },
    heldByObject: asked(async () => [], { steps: `log 0` }),
});
export { worker as default };
