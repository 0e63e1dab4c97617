/**
 * `pipeTo` (Streams, section 4.9.1, ReadableStreamPipeTo).
 *
 * As in workerd, one chunk is under way at a time: the next one is read when the last one was written. So a pipe needs
 * no promise for backpressure, and none for a read. As in the standard, a pipe that waits for a chunk hears at once
 * that its signal was aborted or its target broke; workerd hears of it with the next chunk.
 */

import { forgetAborted, whenAborted } from "./abort.js";
import { READABLE, Reader } from "./readable_core.js";
import { noop, soon } from "./streams_core.js";
import { Writer } from "./writable_core.js";

/**
 * @typedef {object} PipeOptions
 * @property {boolean} [preventAbort]
 * @property {boolean} [preventCancel]
 * @property {boolean} [preventClose]
 * @property {import("./abort.js").AbortSignal} [signal]
 */

/**
 * Both unlocked.
 *
 * @param {import("./readable_core.js").Readable} source
 * @param {import("./writable_core.js").Target} target
 * @param {PipeOptions} options
 * @returns {Promise<void>}
 */
export function pipe(source, target, options) {
    return new Pipe(source, target, options).promise;
}

/** It is the request of each of its reads and each of its writes. */
class Pipe {
    #source;
    #target;
    #options;
    #reader;
    #writer;
    #done = Promise.withResolvers();
    #isWriting = false;
    /** What is to be done when the last write has ended. @type {(() => Promise<void>) | null} */
    #end = null;
    #isFinished = false;
    /** @type {(() => void) | null} */
    #onAbort = null;

    /**
     * @param {import("./readable_core.js").Readable} source
     * @param {import("./writable_core.js").Target} target
     * @param {PipeOptions} options
     */
    constructor(source, target, options) {
        this.#source = source;
        this.#target = target;
        this.#options = options;
        source.disturbed = true;
        this.#reader = new Reader(source);
        this.#writer = new Writer(target);
        this.#writer.broken = (error) => this.#targetBroke(error);
        const { signal } = options;
        if (signal?.aborted) {
            this.#abort(signal);
            return;
        }
        if (signal !== undefined) {
            this.#onAbort = () => this.#abort(signal);
            whenAborted(signal, this.#onAbort);
        }
        this.#step();
    }

    /** @returns {Promise<void>} */
    get promise() {
        return /** @type {Promise<void>} */ (this.#done.promise);
    }

    #step() {
        if (this.#end !== null) {
            this.#finish();
        } else if (this.#target.isBroken) {
            this.#targetBroke(this.#target.error);
        } else if (this.#target.isClosing && this.#source.state === READABLE) {
            this.#targetBroke(new TypeError("This destination writable stream is closed."));
        } else {
            this.#source.read(this);
        }
    }

    /** @param {any} chunk */
    chunk(chunk) {
        // What comes after the end is nobody's.
        if (this.#end === null) {
            this.#isWriting = true;
            this.#target.write(chunk, this);
        }
    }

    /** The write has ended, perhaps while it was asked for. */
    resolve() {
        soon(this.#goOn);
    }

    #goOn = () => {
        this.#isWriting = false;
        this.#step();
    };

    /** The write has failed. @param {unknown} error */
    reject(error) {
        this.#isWriting = false;
        if (this.#end === null) {
            this.#targetBroke(error);
        } else {
            this.#finish();
        }
    }

    /** The source has ended. */
    close() {
        this.#stop(async () => {
            if (!this.#options.preventClose && !this.#target.isClosing) {
                await new Promise((resolve, reject) => this.#target.close({ resolve, reject }));
            }
        });
    }

    /** The source broke. @param {unknown} error */
    error(error) {
        this.#stop(async () => {
            if (!this.#options.preventAbort) {
                await this.#target.abort(error);
            }
            throw error;
        });
    }

    /** @param {unknown} error */
    #targetBroke(error) {
        this.#stop(async () => {
            if (!this.#options.preventCancel && this.#source.state === READABLE) {
                // As in workerd, the target's error is the one to tell.
                await this.#source.cancel(error).catch(noop);
            }
            throw error;
        });
    }

    /** @param {import("./abort.js").AbortSignal} signal */
    #abort({ reason }) {
        this.#stop(async () => {
            const { preventAbort, preventCancel } = this.#options;
            await Promise.all([
                preventAbort || this.#target.isClosing ? undefined : this.#target.abort(reason),
                preventCancel || this.#source.state !== READABLE ? undefined : this.#source.cancel(reason),
            ]);
            throw reason;
        });
    }

    /** @param {() => Promise<void>} end */
    #stop(end) {
        if (this.#end === null) {
            this.#end = end;
            if (!this.#isWriting) {
                this.#finish();
            }
        }
    }

    #finish() {
        const end = this.#end;
        if (end === null || this.#isFinished) {
            return;
        }
        this.#isFinished = true;
        const { signal } = this.#options;
        if (signal !== undefined && this.#onAbort !== null) {
            forgetAborted(signal, this.#onAbort);
        }
        end().then(
            () => this.#release(this.#done.resolve, undefined),
            (error) => this.#release(this.#done.reject, error),
        );
    }

    /**
     * @param {(value: any) => void} settle
     * @param {unknown} value
     */
    #release(settle, value) {
        const released = new TypeError("The pipe has ended.");
        this.#goOn = noop;
        this.#writer.release(released);
        this.#reader.release(released);
        settle(value);
    }
}
