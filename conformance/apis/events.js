// Events and their targets: attributes, listeners, order, what stops a dispatch, what a listener that throws does.
import { transcript } from "./transcript.js";

export default transcript(async (t) => {
    attributes(t);
    await constructors(t);
    subclasses(t);
    await adding(t);
    await dispatching(t);
    stopping(t);
    await throwing(t);
    handlerProperties(t);
    globalTarget(t);
    shapes(t);
});

const KEYS = [
    "type",
    "bubbles",
    "cancelable",
    "composed",
    "defaultPrevented",
    "returnValue",
    "cancelBubble",
    "eventPhase",
    "isTrusted",
    "target",
    "currentTarget",
    "srcElement",
];

function state(event) {
    return KEYS.map((key) => event[key]);
}

function attributes(t) {
    t.show("new event", state(new Event("a")));
    t.show("event with options", state(new Event("a", { bubbles: true, cancelable: true, composed: true })));
    t.show("options are coerced", state(new Event("a", { bubbles: 1, cancelable: "x", composed: 0 })));
    t.show("undefined options", state(new Event("a", undefined)));
    t.show("null options", state(new Event("a", null)));
    t.show("type is coerced", [new Event(5).type, new Event(null).type]);
    t.show("time stamp", [typeof new Event("a").timeStamp, new Event("a").timeStamp]);
    t.show("path outside a dispatch", new Event("a").composedPath());
    const statics = [Event.NONE, Event.CAPTURING_PHASE, Event.AT_TARGET, Event.BUBBLING_PHASE];
    t.show("constants", statics);
    t.show("constants of an event", [new Event("a").NONE, new Event("a").AT_TARGET, new Event("a").BUBBLING_PHASE]);
    t.show("own keys", Reflect.ownKeys(new Event("a")));
    t.show("enumerated keys", enumerated(new Event("a")).sort());
    t.show("attributes are read only", readOnly(new Event("a"), KEYS));
    t.show("event as text", [String(new Event("a")), Object.prototype.toString.call(new EventTarget())]);
    t.show("init event", typeof Event.prototype.initEvent);
    const kept = new Event("a", { cancelable: true });
    kept.preventDefault();
    t.show("prevented before a dispatch", [kept.defaultPrevented, kept.returnValue]);
    const plain = new Event("a");
    plain.preventDefault();
    t.show("not cancelable", [plain.defaultPrevented, plain.returnValue]);
    const stopped = new Event("a");
    stopped.stopPropagation();
    t.show("stopped before a dispatch", stopped.cancelBubble);
    const cancelled = new Event("a");
    cancelled.cancelBubble = true;
    t.show("cancel bubble is set", cancelled.cancelBubble);
    cancelled.cancelBubble = false;
    t.show("cancel bubble is cleared", cancelled.cancelBubble);
}

function enumerated(value) {
    const keys = [];
    for (const key in value) keys.push(key);
    return keys;
}

function readOnly(event, keys) {
    return keys.filter((key) => {
        const before = event[key];
        try {
            event[key] = "changed";
        } catch {
            return true;
        }
        return event[key] === before;
    });
}

async function constructors(t) {
    await t.throws("event without type", () => new Event());
    await t.throws("event of undefined", () => new Event(undefined).type);
    await t.throws("event of a symbol", () => new Event(Symbol("a")));
    await t.throws("event without new", () => Event("a"));
    await t.throws("options that are a number", () => new Event("a", 5));
    await t.throws("options that are text", () => new Event("a", "text"));
    await t.throws("custom event without type", () => new CustomEvent());
    await t.throws("message event without type", () => new MessageEvent());
    await t.throws("message event without data", () => new MessageEvent("message").data);
    await t.throws("message event with empty options", () => new MessageEvent("message", {}).data);
    await t.throws("close event without type", () => new CloseEvent());
    await t.throws("error event without type", () => new ErrorEvent());
    await t.throws("rejection event", () => new PromiseRejectionEvent("unhandledrejection", { reason: 1 }));
    await t.throws("target without new", () => EventTarget());
    await t.throws("getter of another object", () =>
        Object.getOwnPropertyDescriptor(Event.prototype, "type").get.call({}),
    );
    await t.throws("method of another object", () => EventTarget.prototype.addEventListener.call({}, "a", () => {}));
}

function subclasses(t) {
    const custom = new CustomEvent("c", { detail: { a: 1 }, cancelable: true });
    t.show("custom event", [custom.type, custom.detail, custom.cancelable, custom instanceof Event]);
    t.show("custom event without detail", [new CustomEvent("c").detail, new CustomEvent("c", {}).detail]);
    t.show("custom event with null", new CustomEvent("c", { detail: null }).detail);
    const message = new MessageEvent("message", { data: "text", origin: "http://a", lastEventId: "7", bubbles: true });
    t.show("message event", [message.data, message.origin, message.lastEventId, message.source, message.ports]);
    t.show("message event options", [message.bubbles, message.cancelable, message.isTrusted]);
    t.show("message event keys", Object.keys(message).sort());
    t.show("ports of a message event", [
        new MessageEvent("message").ports,
        new MessageEvent("message", { ports: [] }).ports,
    ]);
    const close = new CloseEvent("close", { code: 1000, reason: "bye", wasClean: true, bubbles: true });
    t.show("close event", [close.code, close.reason, close.wasClean, close.bubbles]);
    t.show("close event defaults", ((e) => [e.code, e.reason, e.wasClean])(new CloseEvent("close")));
    t.show(
        "close event coerces",
        ((e) => [e.code, e.reason, e.wasClean])(new CloseEvent("close", { code: "1001", reason: 5 })),
    );
    t.show("close event keys", Object.keys(close).sort());
    const options = { message: "m", filename: "f", lineno: 3, colno: 4, error: new TypeError("e") };
    const error = new ErrorEvent("error", options);
    t.show("error event", [error.message, error.filename, error.lineno, error.colno, error.error]);
    const none = new ErrorEvent("error");
    t.show("error event defaults", [none.message, none.filename, none.lineno, none.colno, none.error]);
    t.show("error event keys", Object.keys(error).sort());
    class Mine extends Event {
        constructor(extra) {
            super("mine", { cancelable: true });
            this.extra = extra;
        }
    }
    const target = new EventTarget();
    target.addEventListener("mine", (event) => event.preventDefault());
    const mine = new Mine(5);
    t.show("own subclass", [target.dispatchEvent(mine), mine.extra, mine.defaultPrevented, mine.constructor.name]);
    class Emitter extends EventTarget {
        emit(name) {
            return this.dispatchEvent(new Event(name));
        }
    }
    let seen = 0;
    const emitter = new Emitter();
    emitter.addEventListener("x", () => (seen += 1));
    t.show("own target", [emitter.emit("x"), emitter.emit("y"), seen]);
}

async function adding(t) {
    const target = new EventTarget();
    const seen = [];
    const first = () => seen.push("first");
    t.show("add returns", target.addEventListener("a", first));
    target.addEventListener("a", first);
    target.addEventListener("a", first, { once: true });
    target.addEventListener("a", first, false);
    target.addEventListener("a", first, { capture: false, passive: true });
    target.dispatchEvent(new Event("a"));
    t.show("one listener is called once", seen.splice(0));
    t.show("remove returns", target.removeEventListener("a", first));
    target.dispatchEvent(new Event("a"));
    t.show("removed listener", seen.splice(0));
    await t.throws("use capture", () => target.addEventListener("a", first, true));
    await t.throws("remove with use capture", () => target.removeEventListener("a", first, true));
    await t.throws("remove with capture", () => target.removeEventListener("a", first, { capture: true }));
    target.addEventListener("b", () => seen.push("once"), { once: true });
    target.dispatchEvent(new Event("b"));
    target.dispatchEvent(new Event("b"));
    t.show("once", seen.splice(0));
    const handler = {
        seen: 0,
        handleEvent(event) {
            seen.push([this === handler, event.type]);
        },
    };
    target.addEventListener("c", handler);
    target.dispatchEvent(new Event("c"));
    t.show("handler object", seen.splice(0));
    handler.handleEvent = (event) => seen.push(["changed", event.type]);
    target.dispatchEvent(new Event("c"));
    t.show("handler object is changed", seen.splice(0));
    target.removeEventListener("c", handler);
    target.dispatchEvent(new Event("c"));
    t.show("handler object is removed", seen.splice(0));
    await addingWrongly(t, target);
    await signals(t, seen);
}

async function addingWrongly(t, target) {
    await t.throws("add without arguments", () => target.addEventListener());
    await t.throws("add without listener", () => target.addEventListener("a"));
    await t.throws("add null", () => target.addEventListener("a", null));
    await t.throws("add undefined", () => target.addEventListener("a", undefined));
    await t.throws("add a number", () => target.addEventListener("a", 5));
    await t.throws("add text", () => target.addEventListener("a", "code"));
    await t.throws("add an object without method", () => target.addEventListener("a", {}));
    await t.throws("dispatch to an object without method", () => target.dispatchEvent(new Event("a")));
    await t.throws("capturing listener", () => target.addEventListener("a", () => {}, { capture: true }));
    await t.throws("passive listener", () => target.addEventListener("p", () => {}, { passive: true }));
    await t.throws("signal that is none", () => target.addEventListener("a", () => {}, { signal: 5 }));
    await t.throws("options null", () => target.addEventListener("n", () => {}, null));
    await t.throws("remove without arguments", () => target.removeEventListener());
    await t.throws("remove without listener", () => target.removeEventListener("a"));
    await t.throws("remove null", () => target.removeEventListener("a", null));
    await t.throws("dispatch without event", () => target.dispatchEvent());
    await t.throws("dispatch text", () => target.dispatchEvent("a"));
    await t.throws("dispatch an object", () => target.dispatchEvent({ type: "a" }));
}

async function signals(t, seen) {
    const target = new EventTarget();
    const controller = new AbortController();
    target.addEventListener("s", () => seen.push("s"), { signal: controller.signal });
    target.dispatchEvent(new Event("s"));
    controller.abort();
    target.dispatchEvent(new Event("s"));
    t.show("listener with a signal", seen.splice(0));
    target.addEventListener("s", () => seen.push("late"), { signal: controller.signal });
    target.dispatchEvent(new Event("s"));
    t.show("aborted signal", seen.splice(0));
    const inner = new AbortController();
    target.addEventListener("i", () => inner.abort());
    target.addEventListener("i", () => seen.push("after abort"), { signal: inner.signal });
    target.dispatchEvent(new Event("i"));
    t.show("aborted in a dispatch", seen.splice(0));
}

async function dispatching(t) {
    const target = new EventTarget();
    const seen = [];
    target.addEventListener("a", function (event) {
        seen.push(this === target, event.target === target, event.currentTarget === target);
        seen.push(event.eventPhase, event.composedPath().length, event.composedPath()[0] === target);
        seen.push(event.srcElement === target, event.isTrusted, arguments.length);
    });
    const event = new Event("a");
    t.show("dispatch returns", target.dispatchEvent(event));
    t.show("within a dispatch", seen.splice(0));
    t.show("after a dispatch", [
        event.target === target,
        event.currentTarget,
        event.eventPhase,
        event.composedPath().length,
    ]);
    t.show("same event again", target.dispatchEvent(event));
    seen.splice(0);
    const other = new EventTarget();
    other.addEventListener("a", (again) => seen.push(again.target === other));
    other.dispatchEvent(event);
    t.show("same event elsewhere", seen.splice(0));
    target.addEventListener("nested", (inner) => {
        try {
            target.dispatchEvent(inner);
        } catch (error) {
            seen.push(error.name, error.message, error.constructor.name);
        }
    });
    target.dispatchEvent(new Event("nested"));
    t.show("event in its own dispatch", seen.splice(0));
    target.addEventListener("prevent", (inner) => inner.preventDefault());
    t.show("prevented", target.dispatchEvent(new Event("prevent", { cancelable: true })));
    t.show("prevented but not cancelable", target.dispatchEvent(new Event("prevent")));
    target.addEventListener("passive", (inner) => inner.preventDefault(), { passive: true });
    t.show("prevented by a passive listener", target.dispatchEvent(new Event("passive", { cancelable: true })));
    target.addEventListener("false", () => false);
    t.show("listener returns false", target.dispatchEvent(new Event("false", { cancelable: true })));
    target.addEventListener("async", async () => {
        seen.push("async");
    });
    t.show("async listener", [target.dispatchEvent(new Event("async")), seen.splice(0)]);
    changing(t, seen);
}

function changing(t, seen) {
    const target = new EventTarget();
    const late = () => seen.push("late");
    target.addEventListener("add", () => {
        seen.push("early");
        target.addEventListener("add", late);
    });
    target.dispatchEvent(new Event("add"));
    t.show("added in a dispatch", seen.splice(0));
    target.dispatchEvent(new Event("add"));
    t.show("added before the next", seen.splice(0));
    const second = () => seen.push("second");
    target.addEventListener("remove", () => target.removeEventListener("remove", second));
    target.addEventListener("remove", second);
    target.dispatchEvent(new Event("remove"));
    t.show("removed in a dispatch", seen.splice(0));
    let depth = 0;
    target.addEventListener("deep", () => {
        seen.push(`enter ${depth}`);
        if (depth++ < 2) target.dispatchEvent(new Event("deep"));
    });
    target.addEventListener("deep", () => seen.push("other"));
    target.dispatchEvent(new Event("deep"));
    t.show("nested dispatch", seen.splice(0));
    const order = ["c", "a", "b"];
    for (const name of order) target.addEventListener("order", () => seen.push(name));
    target.dispatchEvent(new Event("order"));
    t.show("order of listeners", seen.splice(0));
    target.addEventListener("types", () => seen.push("types"));
    target.dispatchEvent(new Event("Types"));
    t.show("types are told apart by case", seen.splice(0));
}

function stopping(t) {
    const target = new EventTarget();
    const seen = [];
    target.addEventListener("stop", (event) => {
        seen.push(1);
        event.stopPropagation();
    });
    target.addEventListener("stop", (event) => seen.push(2, event.cancelBubble));
    target.dispatchEvent(new Event("stop"));
    t.show("stop propagation", seen.splice(0));
    target.addEventListener("now", (event) => {
        seen.push(1);
        event.stopImmediatePropagation();
    });
    target.addEventListener("now", () => seen.push(2));
    const now = new Event("now");
    target.dispatchEvent(now);
    t.show("stop immediate propagation", [seen.splice(0), now.cancelBubble]);
    const before = new Event("order");
    before.stopImmediatePropagation();
    target.addEventListener("order", () => seen.push("called"));
    target.dispatchEvent(before);
    t.show("stopped before", seen.splice(0));
}

async function throwing(t) {
    const target = new EventTarget();
    const seen = [];
    target.addEventListener("throw", () => {
        seen.push("thrower");
        throw new RangeError("thrown");
    });
    target.addEventListener("throw", () => seen.push("next"));
    const event = new Event("throw");
    await t.throws("dispatch to a thrower", () => target.dispatchEvent(event));
    t.show("listeners after a thrower", seen.splice(0));
    t.show("event after a thrower", [event.eventPhase, event.currentTarget, event.target === target]);
    await t.throws("again after a thrower", () => target.dispatchEvent(event));
    await t.throws("handler that is no function", () => target.addEventListener("object", { handleEvent: 5 }));
    await t.throws("dispatch to it", () => target.dispatchEvent(new Event("object")));
    target.addEventListener("reject", async () => {
        throw new Error("rejected");
    });
    await t.throws("rejecting listener", () => target.dispatchEvent(new Event("reject")));
}

function handlerProperties(t) {
    const target = new EventTarget();
    const seen = [];
    target.addEventListener("a", () => seen.push("listener"));
    target.ona = function (event) {
        seen.push(["property", this === target, event.type]);
    };
    target.dispatchEvent(new Event("a"));
    t.show("property before listeners", seen.splice(0));
    target.ona = (event) => {
        seen.push("second");
        return false;
    };
    t.show("property returns false", target.dispatchEvent(new Event("a", { cancelable: true })));
    t.show("property is replaced", seen.splice(0));
    target.ona = (event) => event.stopImmediatePropagation();
    target.dispatchEvent(new Event("a"));
    t.show("property stops", seen.splice(0));
    target.ona = null;
    target.dispatchEvent(new Event("a"));
    t.show("property is null", seen.splice(0));
    target.ona = {
        handleEvent() {
            seen.push("object");
        },
    };
    target.dispatchEvent(new Event("a"));
    t.show("property is an object", seen.splice(0));
    class WithMethod extends EventTarget {
        onb(event) {
            seen.push(["method", this instanceof WithMethod, event.type]);
        }
    }
    new WithMethod().dispatchEvent(new Event("b"));
    t.show("method of the class", seen.splice(0));
    target.onc = () => {
        throw new Error("from a property");
    };
    target.addEventListener("c", () => seen.push("after"));
    try {
        target.dispatchEvent(new Event("c"));
    } catch (error) {
        seen.push(error.message);
    }
    t.show("property throws", seen.splice(0));
}

function globalTarget(t) {
    const seen = [];
    const listener = function (event) {
        seen.push(this === globalThis, event.target === globalThis, event.type);
    };
    addEventListener("custom", listener);
    t.show("dispatch to the global object", dispatchEvent(new Event("custom")));
    t.show("global listener", seen.splice(0));
    self.removeEventListener("custom", listener);
    globalThis.dispatchEvent(new Event("custom"));
    t.show("global listener is removed", seen.splice(0));
    globalThis.onmine = (event) => seen.push(event.type);
    dispatchEvent(new Event("mine"));
    delete globalThis.onmine;
    t.show("global property", seen.splice(0));
    t.show("global object is a target", globalThis instanceof EventTarget);
}

function shapes(t) {
    for (const Class of [
        Event,
        CustomEvent,
        MessageEvent,
        CloseEvent,
        ErrorEvent,
        PromiseRejectionEvent,
        EventTarget,
    ]) {
        const proto = Class.prototype;
        const keys = Object.getOwnPropertyNames(proto).sort();
        const tag = Object.getOwnPropertyDescriptor(proto, Symbol.toStringTag);
        t.show(`shape of ${Class.name}`, [keys, tag?.value, Object.getPrototypeOf(proto).constructor.name]);
    }
    const type = Object.getOwnPropertyDescriptor(Event.prototype, "type");
    t.show("attribute", [typeof type?.get, typeof type?.set, type?.enumerable, type?.configurable]);
    const method = Object.getOwnPropertyDescriptor(EventTarget.prototype, "addEventListener");
    t.show("method", [typeof method.value, method.enumerable, method.writable, method.configurable]);
}
