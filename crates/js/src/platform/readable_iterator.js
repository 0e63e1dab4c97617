/**
 * What `for await` reads a stream with (Streams, section 4.2.5; Web IDL, section 3.7.10).
 *
 * Calls are answered in their order, and one that need not wait for another costs a single promise. As in workerd, the
 * stream stays locked when it breaks.
 */

import { ReadPromise } from "./readable_core.js";
import { INTERNAL } from "./streams_core.js";
import { illegalConstructor, illegalInvocation, finish } from "./idl.js";

/** An iteration, which user code does not hold. */
class Iteration {
    #reader;
    #preventCancel;
    #isFinished = false;
    /** What was promised last, while it is not settled. @type {Promise<any> | null} */
    #last = null;

    /**
     * @param {import("./readable_core.js").Reader} reader
     * @param {boolean} preventCancel
     */
    constructor(reader, preventCancel) {
        this.#reader = reader;
        this.#preventCancel = preventCancel;
    }

    /** @returns {Promise<any>} */
    next() {
        return this.#last === null ? this.#next() : this.#after(() => this.#next());
    }

    /** @param {any} value @returns {Promise<any>} */
    return(value) {
        this.#last ??= Promise.resolve();
        return this.#after(() => this.#return(value));
    }

    /** @param {() => Promise<any>} run */
    #after(run) {
        const promise = /** @type {Promise<any>} */ (this.#last).then(run, run);
        this.#last = promise;
        const forget = () => {
            if (this.#last === promise) {
                this.#last = null;
            }
        };
        promise.then(forget, forget);
        return promise;
    }

    #next() {
        const { stream } = this.#reader;
        if (this.#isFinished || stream === null) {
            return Promise.resolve({ done: true, value: undefined });
        }
        const { controller } = stream;
        if (controller.ready > 0) {
            stream.disturbed = true;
            return Promise.resolve({ done: false, value: controller.take() });
        }
        const read = new IterationPromise(this);
        stream.read(read);
        const { promise } = read;
        if (!read.isSettled) {
            this.#last ??= promise;
        }
        return promise;
    }

    /**
     * @param {IterationPromise} read
     * @param {boolean} isEnd
     */
    settled(read, isEnd) {
        if (this.#last === read.promise) {
            this.#last = null;
        }
        if (isEnd) {
            this.#isFinished = true;
            this.#release();
        }
    }

    /** @param {any} value */
    async #return(value) {
        if (!this.#isFinished) {
            this.#isFinished = true;
            const cancelled = this.#preventCancel ? undefined : this.#reader.stream?.cancel(value);
            this.#release();
            await cancelled;
        }
        return { done: true, value };
    }

    #release() {
        this.#reader.release(new TypeError("This ReadableStream reader has been released."));
    }
}

/** A read of an iteration. */
class IterationPromise extends ReadPromise {
    #iteration;

    /** @param {Iteration} iteration */
    constructor(iteration) {
        super();
        this.#iteration = iteration;
    }

    /** @param {any} value */
    chunk(value) {
        this.answer({ done: false, value });
        this.#iteration.settled(this, false);
    }

    close() {
        this.answer({ done: true, value: undefined });
        this.#iteration.settled(this, true);
    }

    /** @param {unknown} error */
    error(error) {
        super.error(error);
        this.#iteration.settled(this, false);
    }
}

export class ReadableStreamAsyncIterator {
    /** @type {Iteration} */
    #iteration;

    /**
     * @param {symbol} key
     * @param {import("./readable_core.js").Reader} reader
     * @param {boolean} preventCancel
     */
    constructor(key, reader, preventCancel) {
        if (key !== INTERNAL) {
            throw illegalConstructor();
        }
        this.#iteration = new Iteration(reader, preventCancel);
    }

    next() {
        if (!(#iteration in this)) {
            throw illegalInvocation();
        }
        return this.#iteration.next();
    }

    /** @param {any} [value] */
    return(value) {
        if (!(#iteration in this)) {
            throw illegalInvocation();
        }
        return this.#iteration.return(value);
    }
}

finish(ReadableStreamAsyncIterator);
const generator = (async function* () {})();
const asyncIterator = Object.getPrototypeOf(Object.getPrototypeOf(Object.getPrototypeOf(generator)));
Object.setPrototypeOf(ReadableStreamAsyncIterator.prototype, asyncIterator);
