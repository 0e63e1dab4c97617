/**
 * The state of a `WritableStream` whose sink is user code (Streams, section 5), and the lock on any stream that is
 * written to. User code never holds either.
 *
 * What is written is an entry with a request, of which `resolve` or `reject` is called once: the functions of a
 * promise, or a pipe. A sink that returns no promise costs none.
 */

import { LazyPromise, Queue, WAIT, noop, react } from "./streams_core.js";
import { toCount } from "./idl.js";

const WRITABLE = 0;
/** It is broken, and waits for what is under way. */
const ERRORING = 1;
const ERRORED = 2;
const CLOSED = 3;

/**
 * @typedef {object} WriteRequest
 * @property {(value?: any) => void} resolve
 * @property {(error: unknown) => void} reject
 */

/**
 * What a writer and a pipe know of a stream.
 *
 * @typedef {object} Target
 * @property {Writer | null} writer
 * @property {unknown} error
 * @property {boolean} isClosed
 * @property {boolean} isBroken it takes no more chunks, and `error` says why
 * @property {boolean} isErrored nothing is under way any more
 * @property {boolean} isClosing `close` was called, or it is closed
 * @property {boolean} isFull
 * @property {number | null} desiredSize
 * @property {(chunk: any, request: WriteRequest) => void} write
 * @property {(request: WriteRequest) => void} close
 * @property {(reason: unknown) => Promise<void>} abort
 */

/** A lock on a stream. */
export class Writer {
    /** Null when it was released. @type {Target | null} */
    stream;
    closed = new LazyPromise();
    /** Made when it is asked for. @type {LazyPromise | null} */
    #ready = null;
    /** Hears that the stream broke. @type {((error: unknown) => void) | null} */
    broken = null;

    /** @param {Target} stream */
    constructor(stream) {
        this.stream = stream;
        stream.writer = this;
        if (stream.isErrored) {
            this.closed.reject(stream.error);
        } else if (stream.isClosed) {
            this.closed.resolve();
        }
    }

    get ready() {
        if (this.#ready === null) {
            const ready = new LazyPromise();
            this.#ready = ready;
            const { stream } = this;
            if (stream?.isBroken) {
                ready.reject(stream.error);
            } else if (stream === null || stream.isClosing || !stream.isFull) {
                ready.resolve();
            }
        }
        return this.#ready;
    }

    /** @param {unknown} error */
    release(error) {
        if (this.stream !== null) {
            this.broken = null;
            this.stream.writer = null;
            this.stream = null;
            this.closed.reject(error);
            this.notReady(error);
        }
    }

    /** There is room, or there is none. @param {boolean} isFull */
    pressure(isFull) {
        if (this.#ready === null) {
            return;
        }
        if (isFull) {
            this.#ready = this.#ready.renewed();
        } else {
            this.#ready.resolve();
        }
    }

    /** There will be no room. @param {unknown} error */
    notReady(error) {
        const ready = this.#ready?.isPending ? this.#ready : new LazyPromise();
        this.#ready = ready;
        ready.reject(error);
    }

    /** @param {unknown} error */
    failed(error) {
        this.closed.reject(error);
        const { broken } = this;
        this.broken = null;
        broken?.(error);
    }
}

/**
 * What a stream goes to. `start` was called before.
 *
 * @typedef {object} Sink
 * @property {any} self `this` of the functions
 * @property {Function | undefined} write
 * @property {Function | undefined} close
 * @property {Function | undefined} abort
 */

/** @typedef {{ chunk: any, size: number, isClose: boolean, request: WriteRequest }} Entry */

/** @type {Sink} */
const NO_SINK = { self: undefined, write: undefined, close: undefined, abort: undefined };

/** One stream. */
export class Writable {
    /** @type {unknown} */
    error = undefined;
    /** @type {Writer | null} */
    writer = null;
    /** What the sink's functions are given. @type {any} */
    argument = this;
    isClosing = false;
    wasAborted = false;
    /** @type {unknown} */
    abortReason = undefined;
    /** Hears at once of an abort. @type {((reason: unknown) => void) | null} */
    aborted = null;
    #state = WRITABLE;
    #sink;
    #mark;
    #size;
    #total = 0;
    #isStarted = false;
    #isFull = false;
    #queue = new Queue();
    /** What the sink has not answered. @type {Entry | null} */
    #underWay = null;
    /** @type {{ reason: unknown, wasBroken: boolean, done: PromiseWithResolvers<void> } | null} */
    #abort = null;

    /**
     * @param {Sink} sink
     * @param {number} mark
     * @param {Function | undefined} size
     */
    constructor(sink, mark, size) {
        this.#sink = sink;
        this.#mark = mark;
        this.#size = size;
        this.#isFull = mark <= 0;
    }

    /** The sink has been started. @param {unknown} result what `start` returned */
    begin(result) {
        const started = () => {
            this.#isStarted = true;
            this.#advance();
        };
        react(result, started, (error) => {
            this.#isStarted = true;
            this.#deal(error);
        });
    }

    get isClosed() {
        return this.#state === CLOSED;
    }

    get isBroken() {
        return this.#state === ERRORING || this.#state === ERRORED;
    }

    get isErrored() {
        return this.#state === ERRORED;
    }

    get isFull() {
        return this.#isFull;
    }

    get desiredSize() {
        if (this.#state === WRITABLE) {
            return this.#mark - this.#total;
        }
        return this.#state === CLOSED ? 0 : null;
    }

    /**
     * @param {any} chunk
     * @param {WriteRequest} request
     */
    write(chunk, request) {
        const size = this.#size === undefined ? 1 : this.#measure(chunk, this.#size);
        if (this.#state === ERRORED) {
            request.reject(this.error);
        } else if (this.isClosing) {
            request.reject(new TypeError(this.isClosed ? CLOSED_TEXT : "This ReadableStream is closed."));
        } else if (this.#state === ERRORING) {
            request.reject(this.error);
        } else {
            this.#total += size;
            const entry = { chunk, size, isClose: false, request };
            if (this.#isStarted && this.#underWay === null) {
                // Then nothing is queued either.
                this.#updatePressure();
                this.#give(entry);
            } else {
                this.#queue.push(entry);
                this.#updatePressure();
            }
        }
    }

    /**
     * @param {any} chunk
     * @param {Function} size
     */
    #measure(chunk, size) {
        try {
            return toCount(size(chunk));
        } catch (error) {
            this.fail(error);
            return 1;
        }
    }

    /** @param {WriteRequest} request */
    close(request) {
        if (this.isClosed) {
            request.reject(new TypeError(CLOSED_TEXT));
        } else if (this.#state === ERRORED) {
            request.reject(this.error);
        } else if (this.isClosing) {
            request.reject(new TypeError("Cannot close a writer that is already being closed"));
        } else {
            this.isClosing = true;
            if (this.#isFull && this.#state === WRITABLE) {
                this.writer?.pressure(false);
            }
            this.#queue.push({ chunk: undefined, size: 0, isClose: true, request });
            this.#advance();
        }
    }

    /** @param {unknown} reason @returns {Promise<void>} */
    abort(reason) {
        if (this.#state === CLOSED || this.#state === ERRORED) {
            return Promise.resolve();
        }
        if (!this.wasAborted) {
            this.wasAborted = true;
            this.abortReason = reason;
            this.aborted?.(reason);
        }
        // What hears of it may have done anything.
        if (this.isClosed || this.isErrored) {
            return Promise.resolve();
        }
        if (this.#abort !== null) {
            return this.#abort.done.promise;
        }
        const wasBroken = this.#state === ERRORING;
        this.#abort = { reason: wasBroken ? undefined : reason, wasBroken, done: Promise.withResolvers() };
        const { promise } = this.#abort.done;
        if (!wasBroken) {
            this.#startErroring(reason);
        }
        return promise;
    }

    /** It breaks, unless it has ended. @param {unknown} error */
    fail(error) {
        if (this.#state === WRITABLE) {
            this.#startErroring(error);
        }
    }

    #updatePressure() {
        if (this.isClosing || this.#state !== WRITABLE) {
            return;
        }
        const isFull = this.#mark <= this.#total;
        if (isFull !== this.#isFull) {
            this.#isFull = isFull;
            this.writer?.pressure(isFull);
        }
    }

    /** Gives the sink what is next, if it is free. */
    #advance() {
        if (!this.#isStarted || this.#underWay !== null) {
            return;
        }
        if (this.#state === ERRORING) {
            this.#finishErroring();
            return;
        }
        if (this.#queue.length === 0) {
            return;
        }
        this.#give(this.#queue.shift());
    }

    /** @param {Entry} entry */
    #give(entry) {
        this.#underWay = entry;
        const sink = this.#sink;
        let result;
        try {
            result = entry.isClose
                ? sink.close?.call(sink.self)
                : sink.write?.call(sink.self, entry.chunk, this.argument);
        } catch (error) {
            result = Promise.reject(error);
        }
        if (result !== WAIT) {
            react(result, this.written, this.notWritten);
        }
    }

    /** The sink has done what was under way. An internal sink that waits calls it in a microtask. */
    /** @type {() => void} */
    written = () => {
        const entry = /** @type {Entry} */ (this.#underWay);
        this.#underWay = null;
        if (entry.isClose) {
            this.#closed(entry.request);
            return;
        }
        this.#total -= entry.size;
        entry.request.resolve();
        this.#updatePressure();
        this.#advance();
    };

    /** The sink has failed. @type {(error: unknown) => void} */
    notWritten = (/** @type {unknown} */ error) => {
        const entry = /** @type {Entry} */ (this.#underWay);
        this.#underWay = null;
        entry.request.reject(error);
        if (entry.isClose && this.#abort !== null) {
            this.#abort.done.reject(error);
            this.#abort = null;
        }
        this.#deal(error);
    };

    /** @param {WriteRequest} request */
    #closed(request) {
        request.resolve();
        if (this.#state === ERRORING) {
            // It was aborted too late.
            this.error = undefined;
            this.#abort?.done.resolve();
            this.#abort = null;
        }
        this.#state = CLOSED;
        this.#ended();
        const { writer } = this;
        if (writer !== null) {
            writer.closed.resolve();
            writer.broken = null;
        }
    }

    /** What has ended is no cycle of objects, which would wait for the engine to look for cycles. */
    #ended() {
        this.#sink = NO_SINK;
        this.#size = undefined;
        this.argument = null;
        this.aborted = null;
        this.written = noop;
        this.notWritten = noop;
    }

    /** @param {unknown} error */
    #deal(error) {
        if (this.#state === WRITABLE) {
            this.#startErroring(error);
        } else if (this.#state === ERRORING) {
            this.#finishErroring();
        }
    }

    /** @param {unknown} reason */
    #startErroring(reason) {
        this.#state = ERRORING;
        this.error = reason;
        this.writer?.notReady(reason);
        if (this.#underWay === null && this.#isStarted) {
            this.#finishErroring();
        }
    }

    #finishErroring() {
        this.#state = ERRORED;
        const sink = this.#sink;
        const entries = this.#queue.drain();
        const closing = entries.find((entry) => entry.isClose);
        for (const { request, isClose } of entries) {
            if (!isClose) {
                request.reject(this.error);
            }
        }
        this.#total = 0;
        const abort = this.#abort;
        this.#abort = null;
        this.#ended();
        if (abort === null || abort.wasBroken) {
            abort?.done.reject(this.error);
            this.#fellSilent(closing);
            return;
        }
        let result;
        try {
            result = sink.abort?.call(sink.self, abort.reason);
        } catch (error) {
            result = Promise.reject(error);
        }
        const aborted = () => {
            abort.done.resolve();
            this.#fellSilent(closing);
        };
        react(result, aborted, (error) => {
            abort.done.reject(error);
            this.#fellSilent(closing);
        });
    }

    /** Nothing more will happen. @param {Entry | undefined} closing */
    #fellSilent(closing) {
        closing?.request.reject(this.error);
        this.writer?.failed(this.error);
    }
}

/** What a closed stream answers to whoever writes. */
export const CLOSED_TEXT = "This WritableStream has been closed.";
