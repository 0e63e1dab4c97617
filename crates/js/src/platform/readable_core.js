/**
 * The state of a `ReadableStream`, its lock and its reads (Streams, section 4), which user code never holds.
 *
 * A stream has one of three controllers, which all answer to `read`, `cancel` and `release`: of values, of bytes that
 * user code gives, and of bytes that the platform gives. A read is an object with `chunk`, `close` and `error`, one of
 * which is called once; so pipes, branches and iterators read without a promise.
 */

import { LazyPromise, noop } from "./streams_core.js";

export const READABLE = 0;
export const CLOSED = 1;
export const ERRORED = 2;

/** Classes of views, by the name that each view knows. @type {Record<string, any>} */
const VIEWS = {
    DataView,
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    BigInt64Array,
    BigUint64Array,
    Float16Array: globalThis.Float16Array,
    Float32Array,
    Float64Array,
};

/**
 * @typedef {object} ReadRequest
 * @property {(value: any) => void} chunk
 * @property {(value?: any) => void} close with an empty view of the given buffer, if there is one
 * @property {(error: unknown) => void} error
 */

/**
 * @typedef {object} ReadableController
 * @property {(request: ReadRequest) => void} read while the stream is readable
 * @property {(reason: unknown) => unknown} cancel when the stream has just been closed
 * @property {number} ready chunks that a read would get at once
 * @property {() => any} take the first of them
 * @property {(error: unknown) => void} release the reader has gone, and its reads are to fail
 * @property {() => void} ended the stream was closed or broke
 * @property {boolean} isBytes
 * @property {((view: ArrayBufferView, min: number, request: ReadRequest) => void) | undefined} [readInto]
 */

/**
 * The controller of a stream that has ended. It is no part of the stream, so that what has ended is no cycle of
 * objects, which would be freed only when the engine looks for cycles.
 *
 * @type {any}
 */
const ENDED = Object.freeze({ isBytes: false, isOpen: false, isBusy: false, ready: 0, source: null, fail: noop });

/** One stream. */
export class Readable {
    state = READABLE;
    /** Why it broke. @type {unknown} */
    error = undefined;
    /** Whether it was ever read or cancelled. */
    disturbed = false;
    /** Who has locked it. @type {Reader | null} */
    reader = null;
    /** @type {ReadableController | any} */
    controller = null;
    /** How many bytes it will give, if that is known. @type {number | null} */
    expected = null;

    /** @param {ReadRequest} request */
    read(request) {
        this.disturbed = true;
        if (this.state === READABLE) {
            this.controller.read(request);
        } else if (this.state === CLOSED) {
            request.close();
        } else {
            request.error(this.error);
        }
    }

    /**
     * Reads into the buffer of a view, which becomes ours.
     *
     * @param {ArrayBufferView} view
     * @param {number} min elements of the view
     * @param {ReadRequest} request
     */
    readInto(view, min, request) {
        this.disturbed = true;
        if (this.state === READABLE) {
            this.controller.readInto(view, min, request);
        } else if (this.state === CLOSED) {
            request.close(spaceOf(view, 1, null).view());
        } else {
            request.error(this.error);
        }
    }

    /** @param {unknown} reason @returns {Promise<void>} */
    async cancel(reason) {
        this.disturbed = true;
        if (this.state === ERRORED) {
            throw this.error;
        }
        if (this.state === READABLE) {
            const { controller } = this;
            this.#closed();
            await controller.cancel(reason);
        }
    }

    /** There is nothing more. */
    close() {
        if (this.state === READABLE) {
            this.controller.ended();
            this.#closed();
        }
    }

    #closed() {
        const { isBytes } = this.controller;
        this.state = CLOSED;
        this.controller = ENDED;
        const { reader } = this;
        if (reader !== null) {
            for (const request of reader.takeRequests()) {
                // As workerd has it: a read of bytes that waited is given none.
                request.close(isBytes ? new Uint8Array(0) : undefined);
            }
            reader.closed.resolve();
            reader.broken = null;
        }
    }

    /** @param {unknown} error */
    fail(error) {
        if (this.state !== READABLE) {
            return;
        }
        this.controller.ended();
        this.state = ERRORED;
        this.error = error;
        this.controller = ENDED;
        const { reader } = this;
        if (reader !== null) {
            for (const request of reader.takeRequests()) {
                request.error(error);
            }
            reader.closed.reject(error);
            const { broken } = reader;
            reader.broken = null;
            broken?.(error);
        }
    }
}

/** A lock on a stream. */
export class Reader {
    /** Null when it was released. @type {Readable | null} */
    stream;
    closed = new LazyPromise();
    /** Reads without a buffer that wait, of controllers that have a queue. @type {ReadRequest[]} */
    requests = [];
    /** Hears that the stream broke. @type {((error: unknown) => void) | null} */
    broken = null;

    /** @param {Readable} stream */
    constructor(stream) {
        this.stream = stream;
        stream.reader = this;
        if (stream.state === CLOSED) {
            this.closed.resolve();
        } else if (stream.state === ERRORED) {
            this.closed.reject(stream.error);
        }
    }

    /** @param {unknown} error what reads that wait are told */
    release(error) {
        const { stream } = this;
        if (stream === null) {
            return;
        }
        this.stream = null;
        this.broken = null;
        stream.reader = null;
        if (stream.state === READABLE) {
            this.closed.reject(error);
            stream.controller.release(error);
        }
        for (const request of this.takeRequests()) {
            request.error(error);
        }
    }

    takeRequests() {
        const { requests } = this;
        this.requests = [];
        return requests;
    }
}

/** A read for user code that may have to wait. */
export class ReadPromise {
    #made = Promise.withResolvers();
    isSettled = false;

    /** @returns {Promise<any>} */
    get promise() {
        return this.#made.promise;
    }

    /** @param {any} value */
    chunk(value) {
        this.answer({ value, done: false });
    }

    /** @param {any} [value] */
    close(value) {
        this.answer({ value, done: true });
    }

    /** @param {unknown} error */
    error(error) {
        this.isSettled = true;
        this.#made.reject(error);
    }

    /** @param {{ value: any, done: boolean }} result */
    answer(result) {
        this.isSettled = true;
        this.#made.resolve(result);
    }
}

/** Bytes that are to be filled, in the buffer that a reader gave or that is made for it. */
export class Space {
    /** @type {ArrayBuffer} */
    buffer;
    bufferLength;
    offset;
    length;
    /** What kind of view is given back. @type {any} */
    View;
    /** Bytes of an element of it. */
    size;
    /** Bytes that there must be before the read is answered. */
    min;
    /** Bytes that are there. */
    filled = 0;
    /** Who waits for it. @type {ReadRequest | null} */
    request;

    /**
     * @param {ArrayBuffer} buffer
     * @param {number} offset
     * @param {number} length
     * @param {any} View
     * @param {number} min elements
     * @param {ReadRequest | null} request
     */
    constructor(buffer, offset, length, View, min, request) {
        this.buffer = buffer;
        this.bufferLength = buffer.byteLength;
        this.offset = offset;
        this.length = length;
        this.View = View;
        this.size = View.BYTES_PER_ELEMENT ?? 1;
        this.min = min * this.size;
        this.request = request;
    }

    /** Bytes that still fit. */
    get room() {
        return this.length - this.filled;
    }

    /** @param {Uint8Array} bytes no more than fit */
    put(bytes) {
        new Uint8Array(this.buffer, this.offset + this.filled, bytes.length).set(bytes);
        this.filled += bytes.length;
    }

    /** Bytes at the end that make no whole element. */
    get odd() {
        return this.filled % this.size;
    }

    /** A view of all whole elements that are there. */
    view() {
        return new this.View(this.buffer, this.offset, (this.filled - this.odd) / this.size);
    }

    /** Answers with what is there although it is the end. */
    end() {
        if (this.filled > 0) {
            this.request?.chunk(this.view());
        } else {
            this.request?.close(this.view());
        }
    }
}

/**
 * Takes the buffer of a view over.
 *
 * @param {ArrayBufferView} view
 * @param {number} min elements
 * @param {ReadRequest | null} request
 */
export function spaceOf(view, min, request) {
    const { byteOffset, byteLength } = view;
    const View = VIEWS[/** @type {any} */ (view)[Symbol.toStringTag]];
    const buffer = /** @type {ArrayBuffer} */ (view.buffer).transfer();
    return new Space(buffer, byteOffset, byteLength, View, min, request);
}
