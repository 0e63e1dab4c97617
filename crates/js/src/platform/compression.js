/**
 * `CompressionStream` and `DecompressionStream` (https://compression.spec.whatwg.org).
 *
 * As in workerd, a write is done when its bytes have been compressed, read or not. What was not read is on the heap of
 * the isolate; beyond `AHEAD_MAX` a write waits for reads, so a small body that unpacks to a huge one does no harm.
 */

import { compression_drop, compression_new, compression_run } from "dormouse:ops";
import { asError } from "./identity.js";
import { Readable } from "./readable_core.js";
import { SourceController } from "./readable_source.js";
import { INTERNAL, Queue } from "./streams_core.js";
import { TransformStream } from "./transform.js";
import { finish, toText, wrongConstructorArgument } from "./idl.js";
import { SinkWritable } from "./writable_sink.js";

/** Bytes of output that may wait for reads before writes wait too: a quarter of what an isolate may hold. */
const AHEAD_MAX = 32 << 20;

const FORMATS = ["deflate", "deflate-raw", "gzip"];

/** Numbers of compressors whose objects are gone. */
const forgotten = new FinalizationRegistry((/** @type {{ handle: number }} */ held) => drop(held));

/** @param {{ handle: number }} held */
function drop(held) {
    if (held.handle >= 0) {
        compression_drop(held.handle);
        held.handle = -1;
    }
}

/** The source of the readable side and the sink of the writable side. */
class Compressor {
    readable = new Readable();
    writable = new SinkWritable(this, null);
    #controller = new SourceController(this.readable, this);
    /** The state at the host, which is gone when all has been said. */
    #held;
    #output = new Queue();
    #ahead = 0;
    /** Whether the readable side waits. */
    #isAsked = false;
    /** The write or the close that waits for reads. @type {{ isLast: boolean } | null} */
    #waiting = null;
    #isFinished = false;
    /** Why nothing goes through any more. @type {{ error: unknown } | null} */
    #broken = null;

    /**
     * @param {string} format
     * @param {boolean} unpacks
     */
    constructor(format, unpacks) {
        this.#held = { handle: compression_new(format, unpacks) };
        forgotten.register(this, this.#held);
    }

    /** @param {Uint8Array} bytes */
    write(bytes) {
        this.#run(bytes, false);
    }

    close() {
        this.#run(null, true);
    }

    /**
     * @param {Uint8Array | null} bytes
     * @param {boolean} isLast
     */
    #run(bytes, isLast) {
        if (this.#broken !== null) {
            this.writable.fail(this.#broken.error);
            return;
        }
        this.#waiting = null;
        try {
            let next = compression_run(this.#held.handle, bytes, isLast);
            while (next !== null) {
                this.#output.push(next);
                this.#ahead += next.length;
                if (this.#ahead > AHEAD_MAX) {
                    this.#waiting = { isLast };
                    break;
                }
                next = compression_run(this.#held.handle, null, isLast);
            }
        } catch (error) {
            this.#break(error);
            this.writable.fail(error);
            this.#controller.fail(error);
            return;
        }
        if (this.#waiting === null) {
            if (isLast) {
                this.#isFinished = true;
                drop(this.#held);
            }
            this.writable.done();
        }
        this.#move();
    }

    pull() {
        this.#isAsked = true;
        this.#move();
        if (this.#waiting !== null && this.#ahead <= AHEAD_MAX / 2) {
            this.#run(null, this.#waiting.isLast);
        }
    }

    #move() {
        if (!this.#isAsked) {
            return;
        }
        if (this.#output.length > 0) {
            this.#isAsked = false;
            const bytes = this.#output.shift();
            this.#ahead -= bytes.length;
            this.#controller.supply(bytes);
        } else if (this.#isFinished) {
            this.#isAsked = false;
            this.#controller.end();
        }
    }

    /** @param {unknown} error */
    #break(error) {
        this.#broken = { error };
        this.#waiting = null;
        this.#output.clear();
        this.#ahead = 0;
        drop(this.#held);
    }

    /** The readable side was cancelled. @param {unknown} reason */
    cancel(reason) {
        const isWaiting = this.#waiting !== null;
        const error = reason === undefined ? new Error("Stream was cancelled.") : asError(reason);
        this.#break(error);
        if (isWaiting) {
            this.writable.fail(error);
        }
    }

    /** The writable side was aborted. @param {unknown} reason */
    abort(reason) {
        const error = asError(reason);
        this.#break(error);
        this.#controller.fail(error);
    }
}

/**
 * @param {string} owner
 * @param {IArguments} given
 * @param {boolean} unpacks
 */
function sides(owner, given, unpacks) {
    if (given.length < 1) {
        throw wrongConstructorArgument(owner, 1, "string");
    }
    const format = toText(given[0]);
    if (!FORMATS.includes(format)) {
        throw new TypeError("The compression format must be either 'deflate', 'deflate-raw' or 'gzip'.");
    }
    return new Compressor(format, unpacks);
}

export class CompressionStream extends TransformStream {
    /** @param {string} _format */
    constructor(_format) {
        super(INTERNAL, sides("CompressionStream", arguments, false));
    }
}

export class DecompressionStream extends TransformStream {
    /** @param {string} _format */
    constructor(_format) {
        super(INTERNAL, sides("DecompressionStream", arguments, true));
    }
}

finish(CompressionStream);
finish(DecompressionStream);
