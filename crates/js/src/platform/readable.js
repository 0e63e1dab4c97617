/**
 * `ReadableStream` (Streams, section 4.2, https://streams.spec.whatwg.org).
 *
 * The state of a stream is in `readable_core.js`, which user code cannot reach. Where workerd's messages and answers
 * are its own, they are followed; conformance/apis says where not.
 */

import { isSignal } from "./abort.js";
import { ByteController, ReadableByteStreamController } from "./readable_byte.js";
import { Readable } from "./readable_core.js";
import { ReadableStreamAsyncIterator } from "./readable_iterator.js";
import { LOCKED, ReadableStreamBYOBReader, ReadableStreamDefaultReader, lock } from "./readable_reader.js";
import { fromIterable, tee } from "./readable_tee.js";
import { ReadableStreamDefaultController, ValueController } from "./readable_value.js";
import { pipe } from "./pipe.js";
import { INTERNAL, handled, readStrategy } from "./streams_core.js";
import {
    functionField,
    illegalInvocation,
    finish,
    isObject,
    toText,
    wrongConstructorArgument,
    wrongField,
    wrongArgument,
} from "./idl.js";
import { writableOf } from "./writable.js";

/** The state of a stream; undefined for what is none. @type {(stream: any) => Readable | undefined} */
export let readableOf;

export class ReadableStream {
    /** @type {Readable} */
    #state;

    /**
     * @param {any} [source]
     * @param {any} [strategy]
     */
    constructor(source, strategy) {
        if (source === INTERNAL) {
            this.#state = strategy;
            return;
        }
        this.#state = new Readable();
        start(this.#state, source, strategy);
    }

    get locked() {
        if (!(#state in this)) {
            throw illegalInvocation();
        }
        return this.#state.reader !== null;
    }

    /** @param {any} [reason] @returns {Promise<void>} */
    cancel(reason) {
        if (!(#state in this)) {
            throw illegalInvocation();
        }
        if (this.#state.reader !== null) {
            return Promise.reject(new TypeError(LOCKED));
        }
        return this.#state.cancel(reason);
    }

    /** @param {{ mode?: string } | null} [options] */
    getReader(options) {
        if (!(#state in this)) {
            throw illegalInvocation();
        }
        if (options === undefined || options === null) {
            return new ReadableStreamDefaultReader(/** @type {any} */ (this));
        }
        if (!isObject(options)) {
            throw wrongArgument("ReadableStream", "getReader", 1, "GetReaderOptions");
        }
        const { mode } = options;
        if (mode === undefined) {
            return new ReadableStreamDefaultReader(/** @type {any} */ (this));
        }
        if (toText(mode) !== "byob") {
            throw new TypeError("mode must be undefined or 'byob' in call to getReader().");
        }
        return new ReadableStreamBYOBReader(/** @type {any} */ (this));
    }

    /**
     * @param {{ readable: ReadableStream, writable: WritableStream }} transform
     * @param {any} [options]
     */
    pipeThrough(transform, options) {
        if (!(#state in this)) {
            throw illegalInvocation();
        }
        if (!isObject(transform)) {
            throw wrongArgument("ReadableStream", "pipeThrough", 1, "Transform");
        }
        const { readable, writable } = transform;
        if (readableOf(readable) === undefined) {
            throw wrongField("Transform", "readable", "ReadableStream");
        }
        const target = writableOf(writable);
        if (target === undefined) {
            throw wrongField("Transform", "writable", "WritableStream");
        }
        const read = pipeOptions(options, "pipeThrough");
        if (this.#state.reader !== null) {
            throw new TypeError(LOCKED);
        }
        if (target.writer !== null) {
            throw new TypeError("This WritableStream is currently locked to a writer.");
        }
        handled(pipe(this.#state, target, read));
        return readable;
    }

    /**
     * @param {WritableStream} destination
     * @param {any} [options]
     * @returns {Promise<void>}
     */
    pipeTo(destination, options) {
        if (!(#state in this)) {
            throw illegalInvocation();
        }
        try {
            const target = writableOf(destination);
            if (target === undefined) {
                throw wrongArgument("ReadableStream", "pipeTo", 1, "WritableStream");
            }
            const read = pipeOptions(options, "pipeTo");
            if (this.#state.reader !== null) {
                throw new TypeError(LOCKED);
            }
            if (target.writer !== null) {
                throw new TypeError("This WritableStream is currently locked to a writer");
            }
            return pipe(this.#state, target, read);
        } catch (error) {
            return Promise.reject(error);
        }
    }

    tee() {
        if (!(#state in this)) {
            throw illegalInvocation();
        }
        if (this.#state.reader !== null) {
            throw new TypeError("This ReadableStream is currently locked to a reader,");
        }
        return tee(this.#state).map(readableStream);
    }

    /** @param {{ preventCancel?: boolean } | null} [options] */
    values(options) {
        if (!(#state in this)) {
            throw illegalInvocation();
        }
        if (options !== undefined && options !== null && !isObject(options)) {
            throw wrongArgument("ReadableStream", "values", 1, "ValuesOptions");
        }
        const preventCancel = Boolean(options?.preventCancel);
        return new ReadableStreamAsyncIterator(INTERNAL, lock(this.#state), preventCancel);
    }

    /** @param {any} iterable */
    static from(iterable) {
        return readableStream(fromIterable(iterable));
    }

    static {
        readableOf = (stream) => (isObject(stream) && #state in stream ? stream.#state : undefined);
    }
}

/** A stream of the platform's. @param {Readable} state @returns {ReadableStream} */
export function readableStream(state) {
    return new ReadableStream(INTERNAL, state);
}

/** Whether a stream was ever read or cancelled. @param {ReadableStream} stream */
export function isDisturbed(stream) {
    return readableOf(stream)?.disturbed ?? false;
}

/** How many bytes a stream says that it will give; null if it does not say. @param {ReadableStream} stream */
export function expectedLength(stream) {
    return readableOf(stream)?.expected ?? null;
}

/**
 * Makes the controller of a stream and starts its source.
 *
 * @param {Readable} state
 * @param {any} source
 * @param {any} strategy
 */
function start(state, source, strategy) {
    if (source !== undefined && source !== null && !isObject(source)) {
        throw wrongConstructorArgument("ReadableStream", 1, "UnderlyingSource");
    }
    const object = source ?? {};
    const { type, autoAllocateChunkSize } = object;
    const begin = functionField(object, "start", "UnderlyingSource");
    const pull = functionField(object, "pull", "UnderlyingSource");
    const cancel = functionField(object, "cancel", "UnderlyingSource");
    const kind = type === undefined ? "" : toText(type);
    const { mark, size } = readStrategy(strategy, kind === "bytes" ? 0 : 1, "ReadableStream", 2);
    const from = { self: object, pull, cancel };
    let controller;
    if (kind === "bytes") {
        controller = new ByteController(state, from, mark, toChunkLen(autoAllocateChunkSize));
        controller.argument = new ReadableByteStreamController(INTERNAL, controller);
    } else if (kind === "") {
        controller = new ValueController(state, from, mark, size);
        controller.argument = new ReadableStreamDefaultController(INTERNAL, controller);
    } else {
        throw new TypeError(`"${kind}" is not a valid type of ReadableStream.`);
    }
    try {
        controller.begin(begin?.call(object, controller.argument));
    } catch (error) {
        controller.fail(error);
    }
}

/** @param {any} size */
function toChunkLen(size) {
    if (size === undefined) {
        return undefined;
    }
    const length = size | 0;
    if (length <= 0) {
        throw new TypeError("The autoAllocateChunkSize option cannot be zero.");
    }
    return length;
}

/**
 * @param {any} options
 * @param {string} method
 */
function pipeOptions(options, method) {
    if (options === undefined || options === null) {
        return {};
    }
    if (!isObject(options)) {
        throw wrongArgument("ReadableStream", method, 2, "PipeToOptions");
    }
    const { preventAbort, preventCancel, preventClose, signal } = /** @type {any} */ (options);
    if (signal !== undefined && !isSignal(signal)) {
        throw wrongField("PipeToOptions", "signal", "AbortSignal");
    }
    return {
        preventAbort: Boolean(preventAbort),
        preventCancel: Boolean(preventCancel),
        preventClose: Boolean(preventClose),
        signal,
    };
}

finish(ReadableStream);
Object.defineProperty(ReadableStream.prototype, Symbol.asyncIterator, {
    value: ReadableStream.prototype.values,
    writable: true,
    configurable: true,
});
