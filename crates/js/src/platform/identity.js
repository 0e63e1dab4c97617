/**
 * `IdentityTransformStream` and `FixedLengthStream`: workerd's own, for bytes.
 *
 * Nothing is buffered: a write is done when all of its bytes were read. Other than in workerd, a chunk arrives in one
 * piece, however large it is, and one such stream can be piped into another.
 */

import { Readable } from "./readable_core.js";
import { SourceController } from "./readable_source.js";
import { INTERNAL } from "./streams_core.js";
import { TransformStream } from "./transform.js";
import { finish, isObject, toCount, wrongConstructorArgument } from "./idl.js";
import { SinkWritable } from "./writable_sink.js";

/** The source of the readable side and the sink of the writable side. */
class Identity {
    readable = new Readable();
    writable;
    #controller;
    /** Bytes that must still come, if it is fixed. */
    #left;
    /** Whether the readable side waits. */
    #isAsked = false;
    /** What is written and not read. @type {Uint8Array | null} */
    #bytes = null;
    #isClosed = false;
    /** Why nothing goes through any more. @type {{ error: unknown } | null} */
    #broken = null;

    /**
     * @param {number | null} length
     * @param {number | null} mark
     */
    constructor(length, mark) {
        this.#left = length;
        this.readable.expected = length;
        this.#controller = new SourceController(this.readable, this);
        this.writable = new SinkWritable(this, mark);
    }

    pull() {
        this.#isAsked = true;
        this.#move();
    }

    /** Goes on as far as both sides allow. */
    #move() {
        if (!this.#isAsked) {
            return;
        }
        if (this.#broken !== null) {
            this.#answer().fail(this.#broken.error);
        } else if (this.#bytes !== null) {
            const bytes = this.#bytes;
            this.#bytes = null;
            if (this.#left !== null && bytes.length > this.#left) {
                this.#refuse("Attempt to write too many bytes through a FixedLengthStream.");
                return;
            }
            if (this.#left !== null) {
                this.#left -= bytes.length;
            }
            this.#answer().supply(bytes);
        } else if (this.#isClosed) {
            if (this.#left !== null && this.#left !== 0) {
                this.#refuse("FixedLengthStream did not see all expected bytes before close().");
                return;
            }
            this.#answer().end();
        }
    }

    #answer() {
        this.#isAsked = false;
        return this.#controller;
    }

    /** The length is another one. The write itself was good. @param {string} message */
    #refuse(message) {
        const error = new TypeError(message);
        this.#broken = { error };
        this.#answer().fail(error);
        this.writable.done();
    }

    /** All of a write was read. */
    taken() {
        this.writable.done();
    }

    /** The readable side was cancelled. @param {unknown} reason */
    cancel(reason) {
        const error = reason === undefined ? new Error("Stream was cancelled.") : asError(reason);
        this.#broken = { error };
        if (this.#bytes !== null) {
            this.#bytes = null;
            this.writable.fail(error);
        }
    }

    /** @param {Uint8Array} bytes */
    write(bytes) {
        if (this.#broken !== null) {
            this.writable.fail(this.#broken.error);
            return;
        }
        this.#bytes = bytes;
        this.#move();
    }

    close() {
        if (this.#broken !== null) {
            this.writable.fail(this.#broken.error);
            return;
        }
        this.#isClosed = true;
        this.writable.done();
        this.#move();
    }

    /** @param {unknown} reason */
    abort(reason) {
        this.#bytes = null;
        this.#broken = { error: asError(reason) };
        this.#move();
    }
}

/** What goes from one side to the other is always an error. @param {unknown} reason */
export function asError(reason) {
    return reason instanceof Error ? reason : new Error(String(reason));
}

/**
 * @param {any} strategy
 * @param {string} owner
 * @param {number} index
 */
function readMark(strategy, owner, index) {
    if (strategy === undefined || strategy === null) {
        return null;
    }
    if (!isObject(strategy)) {
        throw wrongConstructorArgument(owner, index, "QueuingStrategy");
    }
    const { highWaterMark } = /** @type {any} */ (strategy);
    return highWaterMark === undefined ? null : toCount(highWaterMark);
}

export class IdentityTransformStream extends TransformStream {
    /**
     * @param {any} [strategy]
     * @param {any} [sides]
     */
    constructor(strategy, sides) {
        if (strategy === INTERNAL) {
            super(INTERNAL, sides);
        } else {
            super(INTERNAL, new Identity(null, readMark(strategy, "IdentityTransformStream", 1)));
        }
    }
}

export class FixedLengthStream extends IdentityTransformStream {
    /**
     * @param {number | bigint} expectedLength
     * @param {any} [strategy]
     */
    constructor(expectedLength, strategy) {
        if (arguments.length < 1) {
            throw wrongConstructorArgument("FixedLengthStream", 1, "bigint");
        }
        const length = toCount(expectedLength);
        const mark = readMark(strategy, "FixedLengthStream", 2);
        if (length > Number.MAX_SAFE_INTEGER) {
            throw new TypeError("FixedLengthStream requires an integer expected length less than 2^53.");
        }
        super(INTERNAL, new Identity(length, mark === null ? null : Math.min(length, mark)));
    }
}

finish(IdentityTransformStream);
finish(FixedLengthStream);
