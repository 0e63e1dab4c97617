// MessageChannel and MessagePort: what is delivered, when, to whom; what closing does; what is refused.
import { describe, transcript } from "./transcript.js";

export default transcript(async (t) => {
    await shape(t);
    await delivery(t);
    await starting(t);
    await listening(t);
    await closing(t);
    await refusals(t);
});

const tick = () => new Promise((resolve) => setTimeout(resolve, 1));

/** A channel whose second port collects what it gets. */
function collecting() {
    const { port1, port2 } = new MessageChannel();
    const log = [];
    port2.onmessage = (event) => log.push(event.data);
    return { port1, port2, log };
}

async function shape(t) {
    const channel = new MessageChannel();
    const { port1, port2 } = channel;
    t.show("own properties", Object.getOwnPropertyNames(channel).sort());
    const { writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(channel, "port1");
    t.show("port property", [writable, enumerable, configurable]);
    t.show("ports", [
        channel.port1 === port1,
        port1 !== port2,
        port1 instanceof MessagePort,
        port1 instanceof EventTarget,
    ]);
    t.show("tags", [String(channel), String(port1)]);
    t.show("constructors", [MessageChannel.name, MessageChannel.length, MessagePort.name, MessagePort.length]);
    t.show("properties of a port", Object.getOwnPropertyNames(port1));
    t.show("methods of a port", Object.getOwnPropertyNames(MessagePort.prototype).sort());
    const methods = ["postMessage", "close", "start"];
    t.show(
        "enumerable",
        ["onmessage", ...methods].map(
            (name) => Object.getOwnPropertyDescriptor(MessagePort.prototype, name).enumerable,
        ),
    );
    t.show("results", [port1.postMessage(1), port1.start(), port1.close(), port1.postMessage(1), port1.start()]);
    await t.throws("new MessagePort", () => new MessagePort());
    await t.throws("MessageChannel without new", () => MessageChannel());
    await t.throws("another this", () => port1.postMessage.call({}, 1));
    await t.throws("another this of onmessage", () =>
        Object.getOwnPropertyDescriptor(MessagePort.prototype, "onmessage").get.call({}),
    );
}

async function delivery(t) {
    const { port1, port2, log } = collecting();
    const object = { a: 1, list: [new Date(5), new Map([[1, 2]])] };
    port1.postMessage(object);
    object.a = 2;
    log.push("sync");
    await null;
    log.push("microtask");
    await tick();
    t.show("a copy, in a microtask", log);

    const both = new MessageChannel();
    const talk = [];
    both.port1.onmessage = (event) => talk.push(`1 got ${event.data}`);
    both.port2.onmessage = (event) => {
        talk.push(`2 got ${event.data}`);
        both.port2.postMessage(event.data + 1);
    };
    both.port1.postMessage(1);
    both.port1.postMessage(5);
    await tick();
    t.show("both ways", talk);

    const order = collecting();
    order.port2.onmessage = (event) => {
        order.log.push(event.data);
        queueMicrotask(() => order.log.push(`after ${event.data}`));
    };
    order.port1.postMessage(1);
    order.port1.postMessage(2);
    queueMicrotask(() => order.log.push("queued"));
    await tick();
    t.show("order of microtasks", order.log);

    const event = await new Promise((resolve) => {
        const channel = new MessageChannel();
        channel.port2.onmessage = function (event) {
            resolve({
                event,
                this: this === channel.port2,
                source: event.source === channel.port2,
                target: event.target === channel.port2,
            });
        };
        channel.port1.postMessage("data");
    });
    t.show("event", [event.event.constructor.name, event.event.type, event.event.data, event.this]);
    t.show("event's source", event.source);
    t.show("event's target", event.target);
    t.show("event's origin", [event.event.origin, event.event.lastEventId, event.event.ports]);
    t.show("event's flags", [
        event.event.bubbles,
        event.event.cancelable,
        event.event.isTrusted,
        event.event.defaultPrevented,
    ]);

    const nothing = collecting();
    nothing.port1.postMessage();
    nothing.port1.postMessage(null);
    await tick();
    t.show("no data", nothing.log);
}

async function starting(t) {
    const held = new MessageChannel();
    const log = [];
    held.port1.postMessage(1);
    held.port1.postMessage(2);
    await tick();
    held.port2.onmessage = (event) => {
        log.push(event.data);
        if (event.data === 1) held.port1.postMessage(3);
    };
    log.push("set");
    await null;
    log.push("microtask");
    await tick();
    t.show("held back until onmessage", log);

    const added = new MessageChannel();
    const seen = [];
    added.port1.postMessage(1);
    added.port2.addEventListener("message", (event) => seen.push(event.data));
    seen.push("added");
    await tick();
    t.show("held back until a listener", seen);

    const started = new MessageChannel();
    const later = [];
    started.port1.postMessage("lost");
    started.port2.start();
    await tick();
    started.port2.onmessage = (event) => later.push(event.data);
    started.port1.postMessage("heard");
    await tick();
    t.show("start without a listener", later);

    const other = new MessageChannel();
    const types = [];
    other.port1.postMessage(1);
    other.port2.addEventListener("close", () => types.push("close"));
    await tick();
    other.port2.onmessage = () => types.push("message");
    await tick();
    t.show("a listener for something else", types);

    const twice = collecting();
    twice.port1.postMessage(1);
    twice.port2.start();
    twice.port2.start();
    await tick();
    t.show("start again", twice.log);
}

async function listening(t) {
    const { port1, port2 } = new MessageChannel();
    const values = [port2.onmessage];
    const object = { handleEvent() {} };
    const handler = () => 1;
    for (const value of [handler, object]) {
        port2.onmessage = value;
        values.push(port2.onmessage === value);
    }
    t.show("onmessage", values);
    t.show(
        "onmessage of other values",
        describe(
            outcome(() =>
                [5, "x", undefined, null].map((value) => {
                    port2.onmessage = value;
                    return port2.onmessage;
                }),
            ),
        ),
    );

    const order = new MessageChannel();
    const log = [];
    order.port2.addEventListener("message", () => log.push("listener"));
    order.port2.onmessage = () => log.push("onmessage");
    order.port2.addEventListener("message", () => log.push("last"));
    order.port1.postMessage(1);
    await tick();
    t.show("listeners in order", log);

    const replaced = collecting();
    replaced.port2.onmessage = (event) => replaced.log.push(`new ${event.data}`);
    replaced.port1.postMessage(1);
    await tick();
    t.show("onmessage is replaced", replaced.log);

    const paused = collecting();
    t.show(
        "onmessage is taken away",
        describe(
            await outcome(async () => {
                paused.port2.onmessage = null;
                paused.port1.postMessage(1);
                await tick();
                paused.log.push("-");
                paused.port2.onmessage = (event) => paused.log.push(`again ${event.data}`);
                await tick();
                return paused.log;
            }),
        ),
    );

    const removed = new MessageChannel();
    const heard = [];
    const listener = (event) => heard.push(event.data);
    t.show(
        "the last listener is removed",
        describe(
            await outcome(async () => {
                removed.port2.addEventListener("message", listener);
                removed.port1.postMessage(1);
                await tick();
                removed.port2.removeEventListener("message", listener);
                removed.port1.postMessage(2);
                await tick();
                heard.push("-");
                removed.port2.addEventListener("message", listener);
                await tick();
                return heard;
            }),
        ),
    );

    const objects = new MessageChannel();
    const handled = [];
    objects.port2.onmessage = { handleEvent: (event) => handled.push(event.data) };
    objects.port1.postMessage(1);
    await tick();
    t.show("an object as onmessage", handled);

    const failing = new MessageChannel();
    const events = [];
    failing.port2.addEventListener("messageerror", (event) => events.push(`${event.type} ${event.data}`));
    failing.port2.onmessage = (event) => {
        events.push(event.data);
        throw new Error("oops");
    };
    failing.port2.addEventListener("message", (event) => events.push(`second ${event.data}`));
    failing.port1.postMessage(1);
    failing.port1.postMessage(2);
    await tick();
    t.show("a handler that throws", events);
}

async function closing(t) {
    const { port1, port2 } = new MessageChannel();
    const log = [];
    for (const [name, port] of [
        ["port1", port1],
        ["port2", port2],
    ]) {
        port.addEventListener("close", (event) => log.push(`${name} ${event.type} ${event.constructor.name}`));
    }
    port1.close();
    log.push("after");
    port1.close();
    port2.close();
    await tick();
    t.show("close", log);

    const reflected = new MessageChannel();
    const called = [];
    reflected.port2.addEventListener("close", () => called.push("listener"));
    reflected.port2.onclose = () => called.push("onclose");
    reflected.port1.close();
    t.show("onclose", called);

    const pending = collecting();
    pending.port1.postMessage(1);
    pending.port1.close();
    pending.port1.postMessage(2);
    pending.port2.postMessage(3);
    await tick();
    t.show("what is on its way still comes", pending.log);

    const waiting = new MessageChannel();
    const never = [];
    waiting.port1.postMessage(1);
    waiting.port1.close();
    waiting.port2.onmessage = (event) => never.push(event.data);
    waiting.port2.start();
    await tick();
    t.show("what was held back is dropped", never);
}

async function refusals(t) {
    const { port1 } = new MessageChannel();
    await t.throws("a function", () => port1.postMessage(() => 1));
    await t.throws("a port", () => port1.postMessage(new MessageChannel().port1));
    await t.throws("a getter that throws", () =>
        port1.postMessage({
            get a() {
                throw new RangeError("a");
            },
        }),
    );
    const buffer = new ArrayBuffer(1);
    await t.throws("a transfer", () => port1.postMessage(buffer, [buffer]));
    await t.throws("a transfer in options", () => port1.postMessage(buffer, { transfer: [buffer] }));
    t.show("the buffer stays", buffer.detached);
    t.show(
        "no transfer",
        [undefined, null, [], {}, { transfer: [] }, { transfer: undefined }, new Set([1])].map((list) =>
            port1.postMessage(1, list),
        ),
    );
    for (const [label, list] of [
        ["number", 5],
        ["string", "x"],
        ["list in options", { transfer: 5 }],
        ["null in options", { transfer: null }],
    ]) {
        await t.throws(`a list of a wrong type, ${label}`, () => port1.postMessage(1, list));
    }
    const closed = new MessageChannel();
    closed.port1.close();
    await t.throws("a function when closed", () => closed.port1.postMessage(() => 1));
}

/** What `run` comes to, or its error as text. */
function outcome(run) {
    try {
        const result = run();
        return result instanceof Promise ? result.catch(String) : result;
    } catch (error) {
        return String(error);
    }
}
