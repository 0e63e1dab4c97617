/**
 * A stream of bytes that goes to the platform, such as the writable side of an `IdentityTransformStream`.
 *
 * It follows workerd's own streams rather than the standard: text is taken as UTF-8, empty chunks are done at once, an
 * abort does not wait for what is under way, and without a high water mark there is no backpressure but the promise of
 * `write`.
 */

import { text_encode } from "dormouse:ops";
import { Queue } from "./streams_core.js";
import { bytesIn } from "./values.js";
import { CLOSED_TEXT } from "./writable_core.js";

const NOT_BYTES =
    "This TransformStream is being used as a byte stream, but received an object of non-ArrayBuffer/ArrayBufferView " +
    "type on its writable side.";

/**
 * Where bytes go. Each call of `write` and `close` is answered by the stream's `done` or `fail`, at once or later, and
 * there is one at a time.
 *
 * @typedef {object} ByteSink
 * @property {(bytes: Uint8Array, stream: SinkWritable) => void} write
 * @property {(stream: SinkWritable) => void} close
 * @property {(reason: unknown) => void} abort
 */

/** @typedef {{ bytes: Uint8Array | null, request: import("./writable_core.js").WriteRequest }} Entry */

export class SinkWritable {
    /** @type {unknown} */
    error = undefined;
    /** @type {import("./writable_core.js").Writer | null} */
    writer = null;
    isClosing = false;
    isClosed = false;
    isErrored = false;
    isFull = false;
    /** Null when it has ended. @type {ByteSink | null} */
    #sink;
    #mark;
    #total = 0;
    #queue = new Queue();
    /** @type {Entry | null} */
    #underWay = null;

    /**
     * @param {ByteSink} sink
     * @param {number | null} mark
     */
    constructor(sink, mark) {
        this.#sink = sink;
        this.#mark = mark;
    }

    get isBroken() {
        return this.isErrored;
    }

    get desiredSize() {
        if (this.isErrored) {
            return null;
        }
        if (this.isClosed) {
            return 0;
        }
        return this.#mark === null ? 1 : this.#mark - this.#total;
    }

    /**
     * @param {any} chunk
     * @param {import("./writable_core.js").WriteRequest} request
     */
    write(chunk, request) {
        if (this.isErrored || this.isClosing) {
            request.reject(new TypeError(CLOSED_TEXT));
            return;
        }
        const bytes = copied(chunk);
        if (bytes === null) {
            request.reject(new TypeError(NOT_BYTES));
        } else if (bytes.length === 0) {
            request.resolve();
        } else {
            this.#total += bytes.length;
            this.#push({ bytes, request });
            this.#updatePressure();
        }
    }

    /** @param {import("./writable_core.js").WriteRequest} request */
    close(request) {
        if (this.isErrored || this.isClosing) {
            request.reject(new TypeError(CLOSED_TEXT));
            return;
        }
        this.isClosing = true;
        this.#push({ bytes: null, request });
    }

    /** @param {unknown} reason @returns {Promise<void>} */
    abort(reason) {
        if (!this.isErrored && !this.isClosed) {
            const sink = this.#sink;
            this.fail(reason);
            sink?.abort(reason);
        }
        return Promise.resolve();
    }

    /** What was under way is done. */
    done() {
        const entry = this.#underWay;
        if (entry === null) {
            return;
        }
        this.#underWay = null;
        entry.request.resolve();
        if (entry.bytes === null) {
            this.isClosed = true;
            this.#sink = null;
            const { writer } = this;
            if (writer !== null) {
                writer.closed.resolve();
                writer.broken = null;
            }
            return;
        }
        this.#total -= entry.bytes.length;
        this.#updatePressure();
        this.#advance();
    }

    /** It breaks, with all that is under way. @param {unknown} error */
    fail(error) {
        if (this.isErrored || this.isClosed) {
            return;
        }
        this.isErrored = true;
        this.error = error;
        this.#sink = null;
        const entries = this.#queue.drain();
        if (this.#underWay !== null) {
            entries.unshift(this.#underWay);
            this.#underWay = null;
        }
        for (const { request } of entries) {
            request.reject(error);
        }
        this.writer?.notReady(error);
        this.writer?.failed(error);
    }

    /** @param {Entry} entry */
    #push(entry) {
        this.#queue.push(entry);
        this.#advance();
    }

    #advance() {
        if (this.#underWay !== null || this.#queue.length === 0) {
            return;
        }
        const entry = this.#queue.shift();
        this.#underWay = entry;
        if (entry.bytes === null) {
            this.#sink?.close(this);
        } else {
            this.#sink?.write(entry.bytes, this);
        }
    }

    #updatePressure() {
        const isFull = this.#mark !== null && this.#total >= this.#mark;
        if (isFull !== this.isFull && !this.isErrored) {
            this.isFull = isFull;
            this.writer?.pressure(isFull);
        }
    }
}

/**
 * A chunk's bytes, which user code may change meanwhile; null if it has none.
 *
 * @param {any} chunk
 * @returns {Uint8Array | null}
 */
function copied(chunk) {
    if (typeof chunk === "string") {
        return text_encode(chunk);
    }
    if (chunk === undefined) {
        return new Uint8Array(0);
    }
    return bytesIn(chunk)?.slice() ?? null;
}
