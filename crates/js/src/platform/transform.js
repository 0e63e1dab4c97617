/**
 * `TransformStream` and its controller (Streams, section 6, https://streams.spec.whatwg.org).
 *
 * As in workerd, a `start` that throws breaks both sides and is not thrown by the constructor.
 */

import { ERRORED, READABLE, Readable } from "./readable_core.js";
import { readableStream } from "./readable.js";
import { ValueController } from "./readable_value.js";
import { INTERNAL, WAIT, handled, react, readStrategy, soon } from "./streams_core.js";
import {
    functionField,
    illegalConstructor,
    illegalInvocation,
    finish,
    isObject,
    wrongConstructorArgument,
} from "./idl.js";
import { writableStream } from "./writable.js";
import { Writable } from "./writable_core.js";

/**
 * What chunks go through.
 *
 * @typedef {object} Transformer
 * @property {any} self `this` of the functions
 * @property {Function | undefined} transform
 * @property {Function | undefined} flush
 * @property {Function | undefined} cancel
 * @property {any} argument what they are given; a `Transform` if nothing else
 */

/** Both sides, and what is between them. It is the source of the one and the sink of the other. */
class Transform {
    readable = new Readable();
    writable;
    #controller;
    /** @type {Transformer | null} */
    #transformer;
    /** Whether the readable side wants nothing. */
    #isFull = true;
    /** A chunk that waits until it does. @type {{ chunk: any } | null} */
    #held = null;
    /** Whether the readable side waits until it is full. */
    #isPulling = false;
    /** How it ends. @type {Promise<void> | null} */
    #ending = null;

    /**
     * @param {Transformer} transformer
     * @param {{ mark: number, size: Function | undefined }} writable
     * @param {{ mark: number, size: Function | undefined }} readable
     */
    constructor(transformer, writable, readable) {
        this.#transformer = transformer;
        const source = { self: this, pull: this.#pull, cancel: this.#cancel };
        this.#controller = new ValueController(this.readable, source, readable.mark, readable.size);
        const sink = { self: this, write: this.#write, close: this.#close, abort: this.#abort };
        this.writable = new Writable(sink, writable.mark, writable.size);
    }

    /** @param {unknown} result what `start` returned */
    begin(result) {
        const started = isObject(result) ? Promise.resolve(result) : undefined;
        this.#controller.begin(started);
        this.writable.begin(started);
    }

    get desiredSize() {
        return this.#controller.desiredSize;
    }

    /** @param {any} chunk */
    enqueue(chunk) {
        const controller = this.#controller;
        if (!controller.isOpen) {
            throw new TypeError("The readable side of this TransformStream is no longer readable.");
        }
        controller.enqueue(chunk);
        if (this.readable.state !== READABLE) {
            const { error } = this.readable;
            this.#breakWritable(error);
            throw error;
        }
        if (!this.#isFull && !controller.shouldPull()) {
            this.#isFull = true;
            if (this.#isPulling) {
                this.#isPulling = false;
                soon(controller.onPulled);
            }
        }
    }

    /** @param {unknown} error */
    fail(error) {
        this.#controller.fail(error);
        this.#breakWritable(error);
    }

    terminate() {
        if (this.#controller.isOpen) {
            this.#controller.close();
        }
        this.#breakWritable(new TypeError("The transform stream has been terminated"));
    }

    /** @param {unknown} error */
    #breakWritable(error) {
        this.#transformer = null;
        this.writable.fail(error);
        this.#wants();
    }

    /** The readable side wants more, or it does not matter any more. */
    #wants() {
        this.#isFull = false;
        if (this.#held !== null) {
            const { chunk } = this.#held;
            this.#held = null;
            soon(() => this.#resume(chunk));
        }
    }

    /** @param {any} chunk */
    #resume(chunk) {
        const { writable } = this;
        if (writable.isBroken) {
            writable.notWritten(writable.error);
            return;
        }
        try {
            react(this.#perform(chunk), writable.written, writable.notWritten);
        } catch (error) {
            writable.notWritten(error);
        }
    }

    #pull() {
        this.#isPulling = true;
        this.#wants();
        return WAIT;
    }

    /** @param {any} chunk */
    #write(chunk) {
        if (this.#isFull) {
            this.#held = { chunk };
            return WAIT;
        }
        return this.#perform(chunk);
    }

    /** @param {any} chunk */
    #perform(chunk) {
        const transformer = this.#transformer;
        try {
            if (transformer?.transform === undefined) {
                this.enqueue(chunk);
                return undefined;
            }
            const result = transformer.transform.call(transformer.self, chunk, transformer.argument ?? this);
            return isObject(result) ? this.#watch(result) : undefined;
        } catch (error) {
            this.fail(error);
            throw error;
        }
    }

    /** @param {unknown} result */
    async #watch(result) {
        try {
            await result;
        } catch (error) {
            this.fail(error);
            throw error;
        }
    }

    /** The writable side was closed. */
    #close() {
        return (this.#ending ??= this.#flush());
    }

    async #flush() {
        const transformer = this.#transformer;
        this.#transformer = null;
        try {
            await transformer?.flush?.call(transformer.self, transformer.argument ?? this);
        } catch (error) {
            this.#controller.fail(error);
            throw error;
        }
        this.#throwIfBroken();
        if (this.#controller.isOpen) {
            this.#controller.close();
        }
    }

    /** The writable side was aborted. @param {unknown} reason */
    #abort(reason) {
        return (this.#ending ??= this.#end(
            reason,
            () => this.#throwIfBroken(),
            (error) => this.#controller.fail(error),
        ));
    }

    /** The readable side was cancelled. @param {unknown} reason */
    #cancel(reason) {
        const check = () => {
            if (this.writable.isErrored) {
                throw this.writable.error;
            }
        };
        return (this.#ending ??= this.#end(reason, check, (error) => this.#breakWritable(error)));
    }

    /**
     * @param {unknown} reason
     * @param {() => void} check throws if the other side broke by itself
     * @param {(error: unknown) => void} breakOther
     */
    async #end(reason, check, breakOther) {
        const transformer = this.#transformer;
        this.#transformer = null;
        try {
            await transformer?.cancel?.call(transformer.self, reason);
        } catch (error) {
            breakOther(error);
            throw error;
        }
        check();
        breakOther(reason);
    }

    #throwIfBroken() {
        const { readable } = this;
        if (readable.state === ERRORED) {
            throw readable.error;
        }
    }
}

export class TransformStream {
    #readable;
    #writable;

    /**
     * @param {any} [transformer]
     * @param {any} [writableStrategy]
     * @param {any} [readableStrategy]
     */
    constructor(transformer, writableStrategy, readableStrategy) {
        if (transformer === INTERNAL) {
            this.#readable = readableStream(writableStrategy.readable);
            this.#writable = writableStream(writableStrategy.writable);
            return;
        }
        const transform = start(transformer, writableStrategy, readableStrategy);
        this.#readable = readableStream(transform.readable);
        this.#writable = writableStream(transform.writable);
    }

    get readable() {
        if (!(#readable in this)) {
            throw illegalInvocation();
        }
        return this.#readable;
    }

    get writable() {
        if (!(#writable in this)) {
            throw illegalInvocation();
        }
        return this.#writable;
    }
}

/**
 * @param {any} transformer
 * @param {any} writableStrategy
 * @param {any} readableStrategy
 */
function start(transformer, writableStrategy, readableStrategy) {
    if (transformer !== undefined && transformer !== null && !isObject(transformer)) {
        throw wrongConstructorArgument("TransformStream", 1, "Transformer");
    }
    const object = transformer ?? {};
    const field = (/** @type {string} */ name) => functionField(object, name, "Transformer");
    const begin = field("start");
    const [pass, flush, cancel] = [field("transform"), field("flush"), field("cancel")];
    /** @type {Transformer} */
    const through = { self: object, transform: pass, flush, cancel, argument: null };
    const writable = readStrategy(writableStrategy, 1, "TransformStream", 2);
    const readable = readStrategy(readableStrategy, 0, "TransformStream", 3);
    for (const name of ["readableType", "writableType"]) {
        if (object[name] !== undefined) {
            throw new TypeError(`transformer.${name} must be undefined.`);
        }
    }
    const transform = new Transform(through, writable, readable);
    const controller = new TransformStreamDefaultController(INTERNAL, transform);
    through.argument = controller;
    try {
        transform.begin(begin?.call(object, controller));
    } catch (error) {
        transform.begin(handled(Promise.reject(error)));
    }
    return transform;
}

/**
 * Both sides of a transformation that the platform does, for `super(INTERNAL, …)`.
 *
 * @param {{ transform: Function, flush?: Function }} transformer whose functions are given something to `enqueue` to
 */
export function transformSides(transformer) {
    const { transform, flush } = transformer;
    const through = { self: transformer, transform, flush, cancel: undefined, argument: null };
    const sides = new Transform(through, { mark: 1, size: undefined }, { mark: 0, size: undefined });
    sides.begin(undefined);
    return sides;
}

export class TransformStreamDefaultController {
    /** @type {Transform} */
    #transform;

    /**
     * @param {symbol} key
     * @param {Transform} transform
     */
    constructor(key, transform) {
        if (key !== INTERNAL) {
            throw illegalConstructor();
        }
        this.#transform = transform;
    }

    get desiredSize() {
        if (!(#transform in this)) {
            throw illegalInvocation();
        }
        return this.#transform.desiredSize;
    }

    /** @param {any} [chunk] */
    enqueue(chunk) {
        if (!(#transform in this)) {
            throw illegalInvocation();
        }
        this.#transform.enqueue(chunk);
    }

    /** @param {any} [reason] */
    error(reason) {
        if (!(#transform in this)) {
            throw illegalInvocation();
        }
        this.#transform.fail(reason);
    }

    terminate() {
        if (!(#transform in this)) {
            throw illegalInvocation();
        }
        this.#transform.terminate();
    }
}

finish(TransformStream);
finish(TransformStreamDefaultController);
