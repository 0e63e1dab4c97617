// Errors as user code sees them: stacks, call sites, DOMException, code from strings, weak references.
import { describe, transcript } from "./transcript.js";

export default transcript(async (t) => {
    await heads(t);
    await properties(t);
    await frames(t);
    await prepare(t);
    await capture(t);
    await limits(t);
    await domException(t);
    await strings(t);
    await weak(t);
});

const head = (error) => error.stack.split("\n    at ")[0];
const lines = (error) => error.stack.split("\n").slice(1);
const names = (object) => Object.getOwnPropertyNames(object).sort();

async function heads(t) {
    const of = (label, error) => t.show(`head of ${label}`, head(error));
    of("an error", new Error("a"));
    of("a TypeError", new TypeError("a"));
    of("no message", new Error());
    of("a message of two lines", new Error("a\nb"));
    of("an empty message", new RangeError(""));
    of("an error without new", Error("a"));
    of("a changed message", Object.assign(new Error("a"), { message: "b" }));
    of("a changed name", Object.assign(new Error("a"), { name: "N" }));
    of("a changed name and message", Object.assign(new Error("a"), { name: "N", message: "b" }));
    of("an empty name", Object.assign(new Error("a"), { name: "" }));
    of("a late message", Object.assign(new Error(), { message: "b" }));
    const deleted = new Error("a");
    delete deleted.message;
    of("a deleted message", deleted);
    of("a subclass", new (class Sub extends Error {})("a"));
    of(
        "a subclass that names itself",
        new (class extends Error {
            constructor(m) {
                super(m);
                this.name = "Own";
            }
        })("a"),
    );
    of(
        "a subclass with a field",
        new (class extends Error {
            name = "Field";
        })("a"),
    );
    of(
        "a subclass with a getter",
        new (class extends Error {
            get name() {
                return "Got";
            }
        })("a"),
    );
    of(
        "a subclass with a message",
        new (class extends Error {
            constructor() {
                super("a");
                this.message = "b";
            }
        })(),
    );
    of(
        "a subclass with toString",
        new (class extends Error {
            toString() {
                return "text";
            }
        })("a"),
    );
    of("an aggregate", new AggregateError([1], "a"));
    of("a cause", new Error("a", { cause: new Error("b") }));
    of(
        "what was thrown",
        thrown(() => {
            throw new Error("a");
        }),
    );
    of(
        "what the engine throws",
        thrown(() => notDefined),
    );
    of(
        "JSON.parse",
        thrown(() => JSON.parse("{bad")),
    );
    of("a rejection", await Promise.reject(new Error("a")).catch((error) => error));
    of(
        "an async function",
        await (async () => {
            await null;
            throw new Error("a");
        })().catch((error) => error),
    );
    const read = new Error("a");
    void read.stack;
    of("a name that is changed too late", Object.assign(read, { name: "N" }));
    const log = [];
    class Logging extends Error {
        get name() {
            log.push("name");
            return "n";
        }
    }
    const error = new Logging("a");
    log.push("made");
    void error.stack;
    log.push("read");
    void error.stack;
    t.show("the head is made when it is read", [log[0], log.at(-1), log.includes("name")]);
}

function thrown(run) {
    try {
        run();
    } catch (error) {
        return error;
    }
    return undefined;
}

async function properties(t) {
    t.show("own properties", [names(new Error("a")), names(new Error()), names(new Error("a", { cause: undefined }))]);
    t.show("of an aggregate", names(new AggregateError([], "a", { cause: 1 })));
    t.show("keys", [Object.keys(new Error("a")), Object.keys(Object.assign(new Error("a"), { code: 1 }))]);
    t.show("as JSON", [JSON.stringify(new Error("a")), JSON.stringify(new Error("a"), ["message", "name"])]);
    const listed = JSON.parse(JSON.stringify(new TypeError("a"), names(new TypeError("a"))));
    t.show("as JSON with all names", [Object.keys(listed).sort(), listed.stack.split("\n")[0]]);
    const { enumerable, configurable } = Object.getOwnPropertyDescriptor(new Error("a"), "stack");
    t.show("stack property", [enumerable, configurable, typeof new Error("a").stack]);
    const set = (value) => {
        const error = new Error("a");
        error.stack = value;
        return error.stack;
    };
    t.show("stack is set", [set("own"), set(5), set(undefined)]);
    t.show("stack of a frozen error", head(Object.freeze(new Error("a"))));
    t.show("stack is assigned", Object.assign(new Error("a"), { stack: "s" }).stack);
    const defined = Object.defineProperty(new Error("a"), "stack", { value: "d" });
    t.show("stack is defined", [defined.stack, Object.keys(defined)]);
    const removed = new Error("a");
    delete removed.stack;
    t.show("stack is deleted", Object.hasOwn(removed, "stack"));
    t.show("texts", [String(new TypeError("a")), `${new Error()}`, Object.prototype.toString.call(new Error("a"))]);
    t.show("isError", [Error.isError(new Error()), Error.isError({}), Error.isError(Object.create(Error.prototype))]);
    t.show(
        "own properties of Error",
        names(Error).filter((name) => name !== "prepareStackTrace"),
    );
    t.show("prepareStackTrace is not there", [
        typeof Error.prepareStackTrace,
        Object.hasOwn(Error, "prepareStackTrace"),
    ]);
    const overflow = thrown(() => {
        const deeper = () => deeper() + 1;
        deeper();
    });
    t.show("too deep", [overflow.name, overflow.message, overflow.stack.split("\n")[0]]);
}

function outer() {
    return middle();
}

function middle() {
    return inner();
}

function inner() {
    return new Error("here");
}

class Thing {
    constructor() {
        this.error = new Error("a");
    }
}

class Derived extends Thing {}

const frame = /^    at (?:(?:async )?(?:new )?[\w$.<> ]+ \()?(?:errors\.js|transcript\.js):\d+:\d+\)?$/;
const places = (error) => lines(error).map((line) => /at (?:(.*) \()?(\w+\.js):(\d+)/.exec(line)?.slice(1, 4));
/** The line of the call of this function, from the line of another one. */
const here = () => Number(places(new Error())[1][2]);

async function frames(t) {
    const error = outer();
    t.show(
        "functions",
        places(error)
            .slice(0, 3)
            .map(([name]) => name),
    );
    t.show(
        "files",
        places(error)
            .map(([, file]) => file)
            .filter((file, at) => at < 3),
    );
    const [[, , one], [, , two], [, , three]] = places(error);
    t.show("lines", [one - two, two - three]);
    const base = here();
    const next = new Error("next");
    t.show("the line of new", places(next)[0][2] - base);
    const member = thrown(() => {
        null.property;
    });
    t.show("the line of a mistake", places(member)[0][2] - base);
    t.show(
        "form of frames",
        lines(error).every((line) => frame.test(line)),
    );
    t.show("no frame of the platform", !/dormouse|node_modules|workerd/.test(error.stack));
    t.show("constructor", places(new Thing().error)[0][0]);
    t.show(
        "class that has none",
        places(new Derived().error)
            .slice(0, 2)
            .map(([name]) => name),
    );
    class Custom extends Error {
        constructor(message) {
            super(message);
        }
    }
    t.show(
        "the class of the error is no frame",
        places(
            (function make() {
                return new Custom("a");
            })(),
        )[0][0],
    );
    class Inherited extends Error {}
    t.show(
        "a class without constructor neither",
        places(
            (function make() {
                return new Inherited("a");
            })(),
        )[0][0],
    );
    t.show("functions without a name", places((() => new Error("a"))())[0][0]);
    const named = () => new Error("a");
    t.show("an arrow function with a name", places(named())[0][0]);
    const mapped = [1].map(function each() {
        return new Error("a");
    })[0];
    t.show("a function of the language between", [places(mapped)[0][0], /map \(<anonymous>\)/.test(lines(mapped)[1])]);
    t.show(
        "getter",
        places(
            {
                get value() {
                    return new Error("a");
                },
            }.value,
        )[0][0]?.includes("value"),
    );
    const after = await (async function waits() {
        await null;
        return new Error("a");
    })();
    t.show("after await", places(after)[0][0]);
    t.show(
        "in a microtask",
        places(
            await Promise.resolve().then(function reaction() {
                return new Error("a");
            }),
        )[0][0],
    );
    const callback = await new Promise((resolve) =>
        setTimeout(function fired() {
            resolve(new Error("a"));
        }, 0),
    );
    t.show("in a timer", places(callback)[0][0]);
    t.show(
        "of the platform's error",
        places(
            thrown(function calls() {
                structuredClone(() => 1);
            }),
        )[0][0],
    );
    const generator = (function* counts() {
        yield new Error("a");
    })();
    t.show("in a generator", places(generator.next().value)[0][0]?.includes("counts"));
    t.show("the same text each time", error.stack === error.stack);
}

async function prepare(t) {
    const with_ = (handler, run) => {
        Error.prepareStackTrace = handler;
        try {
            return run();
        } finally {
            delete Error.prepareStackTrace;
        }
    };
    t.show(
        "result is the stack",
        with_(
            () => "prepared",
            () => new Error("a").stack,
        ),
    );
    t.show(
        "any result",
        with_(
            () => ({ a: 1 }),
            () => new Error("a").stack,
        ),
    );
    let calls = 0;
    const lazy = with_(
        () => {
            calls += 1;
            return "p";
        },
        () => {
            const error = new Error("a");
            const before = calls;
            void error.stack;
            void error.stack;
            return [before, calls];
        },
    );
    t.show("when it is read, once", lazy);
    const early = new Error("a");
    t.show(
        "for an error that is there already",
        with_(
            () => "late",
            () => early.stack,
        ),
    );
    const args = with_(
        function (...all) {
            return [this === Error, all.length, all[0].message, Array.isArray(all[1])];
        },
        () => new Error("a").stack,
    );
    t.show("arguments", args);
    t.show(
        "no function",
        with_(5, () => head(new Error("a"))),
    );
    await t.throws("it throws", () =>
        with_(
            () => {
                throw new RangeError("in it");
            },
            () => new Error("a").stack,
        ),
    );
    t.show(
        "of a subclass",
        (() => {
            class Sub extends Error {}
            Sub.prepareStackTrace = () => "sub";
            return head(new Sub("a"));
        })(),
    );
    t.show(
        "an error in it",
        with_(
            () => head(new Error("inside")),
            () => new Error("a").stack,
        ),
    );

    const sites = with_(
        (_, all) => all,
        () => outer().stack,
    );
    const base = places(outer())[0][2];
    t.show(
        "call sites",
        sites.slice(0, 3).map((site) => [site.getFunctionName(), site.getFileName(), site.getLineNumber() - base]),
    );
    t.show(
        "columns",
        sites.every((site) => site.getColumnNumber() > 0),
    );
    t.show(
        "flags",
        sites
            .slice(0, 3)
            .map((site) => [
                site.isConstructor(),
                site.isNative(),
                site.isEval(),
                site.isToplevel(),
                site.isAsync(),
                site.isPromiseAll(),
            ]),
    );
    t.show(
        "what strict code hides",
        sites
            .slice(0, 3)
            .map((site) => [site.getThis(), site.getFunction(), site.getEvalOrigin(), site.getPromiseIndex()]),
    );
    t.show("script name", sites[0].getScriptNameOrSourceURL());
    t.show(
        "texts of sites",
        sites.slice(0, 3).map((site) => String(site).replace(/:\d+:\d+/, ":L:C")),
    );
    t.show("methods of sites", names(Object.getPrototypeOf(sites[0])));
    t.show("class of sites", [sites[0].constructor.name, Object.prototype.toString.call(sites[0])]);
    const made = with_(
        (_, all) => all,
        () => new Thing().error.stack,
    );
    t.show("site of a constructor", [
        made[0].getFunctionName(),
        made[0].isConstructor(),
        made[0].isToplevel(),
        String(made[0]).replace(/:\d+:\d+/, ""),
    ]);
    const caller = () =>
        with_(
            (_, all) => all[1].getFileName(),
            () => new Error().stack,
        );
    t.show("the file of a caller", caller());
}

async function capture(t) {
    const plain = {};
    t.show("captureStackTrace returns", Error.captureStackTrace(plain));
    t.show("of a plain object", [head(plain), Object.keys(plain), typeof plain.stack]);
    const titled = { name: "N", message: "M" };
    Error.captureStackTrace(titled);
    t.show("of an object with a name", head(titled));
    function first() {
        return second();
    }
    function second() {
        return third();
    }
    function third() {
        const holder = {};
        Error.captureStackTrace(holder, second);
        return holder;
    }
    t.show("from a function on", places(first())[0][0]);
    t.show(
        "from a function that does not run",
        (() => {
            const o = {};
            Error.captureStackTrace(o, () => {});
            return o.stack;
        })(),
    );
    const again = new TypeError("a");
    const before = again.stack;
    (function elsewhere() {
        Error.captureStackTrace(again);
    })();
    t.show("of an error", [head(again), again.stack === before, places(again)[0][0]]);
    class Http extends Error {
        constructor(message) {
            super(message);
            Error.captureStackTrace(this, Http);
            this.name = "HttpError";
        }
    }
    t.show("in a constructor", [
        head(new Http("a")),
        places(
            (function make() {
                return new Http("a");
            })(),
        )[0][0],
    ]);
    t.show(
        "of a function",
        (() => {
            const f = () => {};
            Error.captureStackTrace(f);
            return typeof f.stack;
        })(),
    );
    Error.prepareStackTrace = (object, sites) => [object === plain, sites.length > 0];
    Error.captureStackTrace(plain);
    t.show("with prepareStackTrace", plain.stack);
    delete Error.prepareStackTrace;
    await t.throws("of a frozen object", () => {
        Error.captureStackTrace(Object.freeze({}));
        return "nothing";
    });
    t.show("of no object", thrown(() => Error.captureStackTrace(5)).name);
    t.show("captureStackTrace itself", [Error.captureStackTrace.name, Error.captureStackTrace.length]);
}

async function limits(t) {
    const deep = (count) => (count === 0 ? new Error("a") : deep(count - 1));
    const limited = (limit, count = 30) => {
        Error.stackTraceLimit = limit;
        try {
            return lines(deep(count)).length;
        } finally {
            Error.stackTraceLimit = 10;
        }
    };
    t.show("limit", Error.stackTraceLimit);
    t.show(
        "frames by limit",
        [10, 1, 0, -1, 3.7, 20].map((limit) => limited(limit)),
    );
    t.show("limit that is no end", limited(Infinity) > 20);
    t.show(
        "head without frames",
        (() => {
            Error.stackTraceLimit = 0;
            const e = new Error("a");
            Error.stackTraceLimit = 10;
            return e.stack;
        })(),
    );
}

async function domException(t) {
    const error = new DOMException("m", "AbortError");
    t.show("DOMException", error);
    t.show("its text and head", [String(error), head(error)]);
    t.show("its properties", [Object.keys(error).sort(), names(error)]);
    const { writable, enumerable, configurable, value } = Object.getOwnPropertyDescriptor(error, "name");
    t.show("its name property", [writable, enumerable, configurable, value]);
    t.show(
        "its frames",
        places(
            (function make() {
                return new DOMException("m");
            })(),
        )[0][0],
    );
    t.show("defaults", [new DOMException().name, new DOMException().message, new DOMException().code]);
    t.show("conversions", [
        new DOMException(null, null).name,
        new DOMException(5).message,
        new DOMException("m", { name: "X" }).name,
    ]);
    const known = [
        "IndexSizeError",
        "NotFoundError",
        "NotSupportedError",
        "InvalidStateError",
        "SyntaxError",
        "AbortError",
    ];
    const more = ["QuotaExceededError", "TimeoutError", "DataCloneError", "OperationError", "NotReadableError", "Foo"];
    t.show(
        "codes",
        [...known, ...more].map((name) => new DOMException("", name).code),
    );
    t.show(
        "statics",
        Object.getOwnPropertyNames(DOMException)
            .filter((name) => name.endsWith("_ERR"))
            .map((name) => [name, DOMException[name]]),
    );
    t.show("constants of instances", [error.ABORT_ERR, Object.keys(DOMException.prototype).length]);
    t.show("classes", [
        error instanceof DOMException,
        error instanceof Error,
        Error.isError(error),
        Object.getPrototypeOf(DOMException.prototype) === Error.prototype,
        Object.getPrototypeOf(DOMException) === Function.prototype,
        Object.prototype.toString.call(error),
        DOMException.length,
    ]);
    class Special extends DOMException {
        field = 1;
        get double() {
            return this.field * 2;
        }
    }
    const special = new Special("m", "AbortError");
    t.show("subclass", [special.name, special.message, special.double, special.constructor.name, head(special)]);
    t.show("name is redefined", head(Object.defineProperty(new DOMException("m", "A"), "name", { value: "B" })));
    t.show(
        "stack of it is set",
        (() => {
            const e = new DOMException("m");
            e.stack = "own";
            return e.stack;
        })(),
    );
    t.show("a DOMException as JSON", Object.keys(JSON.parse(JSON.stringify(error))).sort());
    await t.throws("without new", () => DOMException("m"));
    t.show(
        "its name is set",
        thrown(() => {
            error.name = "x";
        }).name,
    );
    t.show("as a cause", new Error("a", { cause: error }).cause === error);
}

async function strings(t) {
    const refused = {
        eval: () => eval("1"),
        "indirect eval": () => (0, eval)("1"),
        "eval of the global object": () => globalThis.eval("1"),
        "eval of an object": () => eval({}),
        "new Function": () => new Function("return 1"),
        Function: () => Function("a", "return a"),
        "Reflect.construct": () => Reflect.construct(Function, ["1"]),
        "constructor of a function": () => (() => {}).constructor("1"),
        "constructor of an async function": () => new (async () => {}).constructor("1"),
        "constructor of a generator": () => new (Object.getPrototypeOf(function* () {}).constructor)("1"),
        "constructor of an async generator": () => new (Object.getPrototypeOf(async function* () {}).constructor)("1"),
        "subclass of Function": () => new (class Sub extends Function {})("1"),
    };
    for (const [label, run] of Object.entries(refused)) {
        await t.throws(`from a string, ${label}`, run);
    }
    t.show("eval of nothing", eval());
    t.show("Function of nothing", [typeof new Function(), new Function()(), new Function().name]);
    t.show("Function", [
        Function.name,
        Function.length,
        Function.prototype.constructor === Function,
        (() => {}) instanceof Function,
    ]);
    t.show("eval", [eval.name, eval.length, typeof eval]);
    const asyncFunction = (async () => {}).constructor;
    t.show("AsyncFunction", [
        asyncFunction.name,
        Object.getPrototypeOf(asyncFunction) === Function,
        (async () => {}) instanceof asyncFunction,
    ]);
    t.show("descriptors", [
        Object.getOwnPropertyDescriptor(Function, "prototype").writable,
        Object.getOwnPropertyDescriptor(Function.prototype, "constructor").enumerable,
        Object.getOwnPropertyDescriptor(globalThis, "eval").enumerable,
    ]);
    t.show("import of a module", typeof (await import("./transcript.js")).describe);
    t.show("native text", /^function \w*\(\) \{\s+\[native code\]\s+\}$/.test(String(structuredClone)));
}

async function weak(t) {
    t.show("WeakRef in a turn", new WeakRef({}).deref() !== undefined);
    const ref = new WeakRef({ a: 1 });
    await null;
    await null;
    t.show("over microtasks", ref.deref());
    t.show("WeakRef", [
        WeakRef.name,
        WeakRef.length,
        Object.getOwnPropertyNames(WeakRef.prototype).sort(),
        String(ref),
        ref instanceof WeakRef,
    ]);
    class Sub extends WeakRef {
        x = 1;
    }
    const sub = new Sub({ b: 1 });
    t.show("subclass of WeakRef", [sub.x, sub.deref(), sub instanceof WeakRef, sub.constructor.name]);
    const symbol = Symbol("s");
    t.show("WeakRef of a symbol", new WeakRef(symbol).deref() === symbol);
    for (const [label, value] of [
        ["number", 5],
        ["null", null],
        ["registered symbol", Symbol.for("x")],
    ]) {
        await t.throws(`WeakRef of a ${label}`, () => new WeakRef(value));
    }
    await t.throws("WeakRef without new", () => WeakRef({}));
    t.show("deref of something else", thrown(() => WeakRef.prototype.deref.call({})).name);
    t.show("described", describe(new WeakRef({})));
}
