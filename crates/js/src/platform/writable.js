/**
 * `WritableStream`, its writer and its controller (Streams, section 5, https://streams.spec.whatwg.org).
 *
 * The state of a stream is in `writable_core.js` or, when it goes to the platform, in `writable_sink.js`. As in
 * workerd, a `start` that throws breaks the stream and is not thrown by the constructor, and `type` is not looked at.
 */

import { AbortController } from "./abort.js";
import { INTERNAL, readStrategy } from "./streams_core.js";
import {
    functionField,
    illegalConstructor,
    illegalInvocation,
    finish,
    isObject,
    wrongConstructorArgument,
} from "./idl.js";
import { Writable, Writer } from "./writable_core.js";

/** The state of a stream; undefined for what is none. */
/** @type {(stream: any) => import("./writable_core.js").Target | undefined} */
export let writableOf;

const LOCKED = "This WritableStream is currently locked to a writer.";

/** For a writer that was released. */
function released() {
    return new TypeError("This WritableStream writer has been released.");
}

export class WritableStream {
    /** @type {import("./writable_core.js").Target} */
    #state;

    /**
     * @param {UnderlyingSink<any> | symbol | null} [sink]
     * @param {any} [strategy]
     */
    constructor(sink, strategy) {
        this.#state = sink === INTERNAL ? strategy : start(sink, strategy);
    }

    get locked() {
        if (!(#state in this)) {
            throw illegalInvocation();
        }
        return this.#state.writer !== null;
    }

    /** @param {any} [reason] @returns {Promise<void>} */
    abort(reason) {
        if (!(#state in this)) {
            throw illegalInvocation();
        }
        if (this.#state.writer !== null) {
            return Promise.reject(new TypeError(LOCKED));
        }
        return this.#state.abort(reason);
    }

    /** @returns {Promise<void>} */
    close() {
        if (!(#state in this)) {
            throw illegalInvocation();
        }
        if (this.#state.writer !== null) {
            return Promise.reject(new TypeError(LOCKED));
        }
        return close(this.#state);
    }

    getWriter() {
        if (!(#state in this)) {
            throw illegalInvocation();
        }
        return new WritableStreamDefaultWriter(this);
    }

    static {
        writableOf = (stream) => (isObject(stream) && #state in stream ? stream.#state : undefined);
    }
}

/** A stream of the platform's. @param {import("./writable_core.js").Target} state @returns {WritableStream} */
export function writableStream(state) {
    return new WritableStream(INTERNAL, state);
}

/** @param {import("./writable_core.js").Target} state @returns {Promise<void>} */
function close(state) {
    const request = Promise.withResolvers();
    state.close(request);
    return /** @type {Promise<void>} */ (request.promise);
}

/**
 * @param {any} sink
 * @param {any} strategy
 */
function start(sink, strategy) {
    if (sink !== undefined && sink !== null && !isObject(sink)) {
        throw wrongConstructorArgument("WritableStream", 1, "UnderlyingSink");
    }
    const object = sink ?? {};
    const field = (/** @type {string} */ name) => functionField(object, name, "UnderlyingSink");
    const begin = field("start");
    const to = { self: object, write: field("write"), abort: field("abort"), close: field("close") };
    const { mark, size } = readStrategy(strategy, 1, "WritableStream", 2);
    const state = new Writable(to, mark, size);
    const controller = new WritableStreamDefaultController(INTERNAL, state);
    state.argument = controller;
    try {
        state.begin(begin?.call(object, controller));
    } catch (error) {
        state.begin(Promise.reject(error));
    }
    return state;
}

export class WritableStreamDefaultWriter {
    #writer;

    /** @param {WritableStream} stream */
    constructor(stream) {
        const state = writableOf(stream);
        if (state === undefined) {
            throw wrongConstructorArgument("WritableStreamDefaultWriter", 1, "WritableStream");
        }
        if (state.writer !== null) {
            throw new TypeError(LOCKED);
        }
        this.#writer = new Writer(state);
    }

    get closed() {
        if (!(#writer in this)) {
            throw illegalInvocation();
        }
        return this.#writer.closed.promise;
    }

    get ready() {
        if (!(#writer in this)) {
            throw illegalInvocation();
        }
        return this.#writer.ready.promise;
    }

    get desiredSize() {
        if (!(#writer in this)) {
            throw illegalInvocation();
        }
        const { stream } = this.#writer;
        if (stream === null) {
            throw released();
        }
        return stream.desiredSize;
    }

    /** @param {any} [reason] @returns {Promise<void>} */
    abort(reason) {
        if (!(#writer in this)) {
            throw illegalInvocation();
        }
        return this.#writer.stream?.abort(reason) ?? Promise.reject(released());
    }

    /** @returns {Promise<void>} */
    close() {
        if (!(#writer in this)) {
            throw illegalInvocation();
        }
        const { stream } = this.#writer;
        return stream === null ? Promise.reject(released()) : close(stream);
    }

    /** @param {any} [chunk] @returns {Promise<void>} */
    write(chunk) {
        if (!(#writer in this)) {
            throw illegalInvocation();
        }
        const { stream } = this.#writer;
        if (stream === null) {
            return Promise.reject(released());
        }
        const request = Promise.withResolvers();
        stream.write(chunk, request);
        return /** @type {Promise<void>} */ (request.promise);
    }

    releaseLock() {
        if (!(#writer in this)) {
            throw illegalInvocation();
        }
        this.#writer.release(released());
    }
}

export class WritableStreamDefaultController {
    /** @type {Writable} */
    #state;
    /** Made when somebody asks for its signal. @type {AbortController | null} */
    #abort = null;

    /**
     * @param {symbol} key
     * @param {Writable} state
     */
    constructor(key, state) {
        if (key !== INTERNAL) {
            throw illegalConstructor();
        }
        this.#state = state;
    }

    get signal() {
        if (!(#state in this)) {
            throw illegalInvocation();
        }
        if (this.#abort === null) {
            const abort = new AbortController();
            this.#abort = abort;
            const { wasAborted, abortReason } = this.#state;
            if (wasAborted) {
                abort.abort(abortReason);
            }
            this.#state.aborted = (reason) => abort.abort(reason);
        }
        return /** @type {AbortController} */ (this.#abort).signal;
    }

    /** @param {any} [error] */
    error(error) {
        if (!(#state in this)) {
            throw illegalInvocation();
        }
        this.#state.fail(error);
    }
}

finish(WritableStream);
finish(WritableStreamDefaultWriter);
finish(WritableStreamDefaultController);
