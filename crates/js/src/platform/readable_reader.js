/**
 * `ReadableStreamDefaultReader` and `ReadableStreamBYOBReader` (Streams, sections 4.4 and 4.5), with workerd's
 * `readAtLeast`.
 */

import { readableOf } from "./readable.js";
import { READABLE, ReadPromise, Reader } from "./readable_core.js";
import { illegalInvocation, finish, wrongConstructorArgument, wrongArgument } from "./idl.js";

export const LOCKED = "This ReadableStream is currently locked to a reader.";

/** For reads whose reader is released. */
function released() {
    return new TypeError("This ReadableStream reader has been released.");
}

/** @param {import("./readable_core.js").Readable} state */
export function lock(state) {
    if (state.reader !== null) {
        throw new TypeError(LOCKED);
    }
    return new Reader(state);
}

/**
 * Lets go of a stream, unless bytes of the platform are on their way to the reader.
 *
 * @param {Reader} reader
 */
function release(reader) {
    if (reader.stream?.controller.isBusy) {
        throw new TypeError("Cannot call releaseLock() on a reader with outstanding read promises.");
    }
    reader.release(released());
}

export class ReadableStreamDefaultReader {
    #reader;

    /** @param {ReadableStream} stream */
    constructor(stream) {
        const state = readableOf(stream);
        if (state === undefined) {
            throw wrongConstructorArgument("ReadableStreamDefaultReader", 1, "ReadableStream");
        }
        this.#reader = lock(state);
    }

    get closed() {
        if (!(#reader in this)) {
            throw illegalInvocation();
        }
        return this.#reader.closed.promise;
    }

    /** @param {any} [reason] @returns {Promise<void>} */
    cancel(reason) {
        if (!(#reader in this)) {
            throw illegalInvocation();
        }
        return this.#reader.stream?.cancel(reason) ?? Promise.reject(released());
    }

    /** @returns {Promise<{ value: any, done: boolean }>} */
    read() {
        if (!(#reader in this)) {
            throw illegalInvocation();
        }
        const { stream } = this.#reader;
        if (stream === null) {
            return Promise.reject(released());
        }
        const { controller } = stream;
        if (controller.ready > 0) {
            stream.disturbed = true;
            return Promise.resolve({ value: controller.take(), done: false });
        }
        const read = new ReadPromise();
        stream.read(read);
        return read.promise;
    }

    releaseLock() {
        if (!(#reader in this)) {
            throw illegalInvocation();
        }
        release(this.#reader);
    }
}

export class ReadableStreamBYOBReader {
    #reader;

    /** @param {ReadableStream} stream */
    constructor(stream) {
        const state = readableOf(stream);
        if (state === undefined) {
            throw wrongConstructorArgument("ReadableStreamBYOBReader", 1, "ReadableStream");
        }
        if (state.reader === null && state.state === READABLE && !state.controller.isBytes) {
            throw new TypeError("This ReadableStream does not support BYOB reads.");
        }
        this.#reader = lock(state);
    }

    get closed() {
        if (!(#reader in this)) {
            throw illegalInvocation();
        }
        return this.#reader.closed.promise;
    }

    /** @param {any} [reason] @returns {Promise<void>} */
    cancel(reason) {
        if (!(#reader in this)) {
            throw illegalInvocation();
        }
        return this.#reader.stream?.cancel(reason) ?? Promise.reject(released());
    }

    /**
     * @param {ArrayBufferView} view
     * @param {{ min?: number }} [options]
     * @returns {Promise<{ value: any, done: boolean }>}
     */
    read(view, options) {
        if (!(#reader in this)) {
            throw illegalInvocation();
        }
        if (!ArrayBuffer.isView(view)) {
            return Promise.reject(wrongArgument("ReadableStreamBYOBReader", "read", 1, "ArrayBufferView"));
        }
        const min = options?.min;
        return readInto(this.#reader, view, min === undefined ? 1 : Math.trunc(Number(min)) || 0);
    }

    /**
     * Reads that many elements, or less at the end: workerd's own.
     *
     * @param {number} minElements
     * @param {ArrayBufferView} view
     * @returns {Promise<{ value: any, done: boolean }>}
     */
    readAtLeast(minElements, view) {
        if (!(#reader in this)) {
            throw illegalInvocation();
        }
        if (arguments.length < 1) {
            return Promise.reject(wrongArgument("ReadableStreamBYOBReader", "readAtLeast", 1, "integer"));
        }
        if (!ArrayBuffer.isView(view)) {
            return Promise.reject(wrongArgument("ReadableStreamBYOBReader", "readAtLeast", 2, "ArrayBufferView"));
        }
        return readInto(this.#reader, view, minElements | 0);
    }

    releaseLock() {
        if (!(#reader in this)) {
            throw illegalInvocation();
        }
        release(this.#reader);
    }
}

/**
 * @param {Reader} reader
 * @param {ArrayBufferView} view
 * @param {number} min
 * @returns {Promise<{ value: any, done: boolean }>}
 */
function readInto({ stream }, view, min) {
    if (stream === null) {
        return Promise.reject(released());
    }
    const { byteLength } = view;
    if (byteLength === 0) {
        const message = 'You must call read() on a "byob" reader with a positive-sized TypedArray object.';
        return Promise.reject(new TypeError(message));
    }
    if (min === 0) {
        return Promise.reject(new TypeError("Requested invalid minimum number of bytes to read (0)."));
    }
    const size = /** @type {any} */ (view).BYTES_PER_ELEMENT ?? 1;
    if (min < 0 || min * size > byteLength) {
        // A negative number is a large one there.
        const asked = BigInt.asUintN(64, BigInt(min));
        const message = `Minimum bytes to read (${asked}) exceeds size of buffer (${byteLength}).`;
        return Promise.reject(new TypeError(message));
    }
    const read = new ReadPromise();
    stream.readInto(view, min, read);
    return read.promise;
}

finish(ReadableStreamDefaultReader);
finish(ReadableStreamBYOBReader);
