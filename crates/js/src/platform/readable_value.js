/**
 * The controller of a stream of values, and what it shares with that of bytes: when to ask the source for more
 * (Streams, sections 4.5 and 4.6).
 *
 * As in workerd, a `size` that fails breaks the stream and is not thrown by `enqueue`, and a `start` that throws breaks
 * the stream and is not thrown by the constructor. What is asked for every chunk are plain fields: a getter costs as
 * much as a call.
 */

import { ERRORED, READABLE } from "./readable_core.js";
import { INTERNAL, WAIT, noop, react } from "./streams_core.js";
import { finish, illegalConstructor, illegalInvocation, toCount, wrongArgument } from "./idl.js";

/** Chunks that have been read before room is made in the queue. */
const READ_MAX = 1024;

/**
 * What a stream comes from. `start` was called before.
 *
 * @typedef {object} Source
 * @property {any} self `this` of the functions
 * @property {Function | undefined} pull
 * @property {Function | undefined} cancel
 */

/** Asks a source for more, once at a time. */
export class Puller {
    /** @type {import("./readable_core.js").Readable} */
    stream;
    /** @type {Source | null} */
    source;
    mark;
    /** How much is queued. */
    total = 0;
    /** Whether the source may give more. */
    isOpen = true;
    /** What the source's functions are given. @type {any} */
    argument = this;
    #isStarted = false;
    #isPulling = false;
    #pullAgain = false;
    /** What an internal source that waits calls, in a microtask. @type {() => void} */
    onPulled = noop;
    /** @type {(error: unknown) => void} */
    #onFailed = noop;

    /**
     * @param {import("./readable_core.js").Readable} stream
     * @param {Source} source
     * @param {number} mark
     */
    constructor(stream, source, mark) {
        this.stream = stream;
        this.source = source;
        this.mark = mark;
        stream.controller = this;
    }

    /** The source has been started. @param {unknown} result what `start` returned */
    begin(result) {
        const hasPull = this.source?.pull !== undefined;
        if (hasPull) {
            this.onPulled = () => {
                this.#isPulling = false;
                if (this.#pullAgain) {
                    this.#pullAgain = false;
                    this.more();
                }
            };
            this.#onFailed = (/** @type {unknown} */ error) => this.fail(error);
        } else if (result === undefined) {
            // Nothing can come of it later.
            this.#isStarted = true;
            return;
        }
        const started = () => {
            this.#isStarted = true;
            this.more();
        };
        react(result, started, (error) => this.fail(error));
    }

    /** @returns {number | null} */
    get desiredSize() {
        const { state } = this.stream;
        if (state === READABLE) {
            return this.mark - this.total;
        }
        return state === ERRORED ? null : 0;
    }

    /** Whether somebody waits for what is not there. */
    isWanted() {
        const { reader } = this.stream;
        return reader !== null && reader.requests.length > 0;
    }

    shouldPull() {
        return this.#isStarted && this.isOpen && (this.mark > this.total || this.isWanted());
    }

    /** Asks the source for more if there should be. */
    more() {
        const { source } = this;
        if (source === null || source.pull === undefined || !this.shouldPull()) {
            return;
        }
        if (this.#isPulling) {
            this.#pullAgain = true;
            return;
        }
        this.#isPulling = true;
        let result;
        try {
            result = source.pull.call(source.self, this.argument);
        } catch (error) {
            // In its time, as if it were rejected.
            result = Promise.reject(error);
        }
        if (result !== WAIT) {
            react(result, this.onPulled, this.#onFailed);
        }
    }

    /** The source will give no more. */
    finish() {
        if (!this.isOpen) {
            throw new TypeError("This ReadableStream is closed.");
        }
        this.isOpen = false;
    }

    /** @param {unknown} error */
    fail(error) {
        this.stream.fail(error);
    }

    ended() {
        this.isOpen = false;
        this.source = null;
        this.total = 0;
        // What has ended is no cycle.
        this.argument = null;
        this.onPulled = noop;
        this.#onFailed = noop;
    }

    /** @param {unknown} reason */
    cancel(reason) {
        const { source } = this;
        this.ended();
        return source?.cancel?.call(source.self, reason);
    }

    /** @param {unknown} _error */
    release(_error) {}
}

/** The controller of a stream of values. */
export class ValueController extends Puller {
    isBytes = false;
    /** Chunks that a read would get at once. */
    ready = 0;
    /** What is queued, from `#first` on. @type {any[]} */
    #chunks = [];
    #first = 0;
    #size;
    /** Sizes of what is queued, when they are not all one. @type {number[] | null} */
    #sizes;

    /**
     * @param {import("./readable_core.js").Readable} stream
     * @param {Source} source
     * @param {number} mark
     * @param {Function | undefined} size
     */
    constructor(stream, source, mark, size) {
        super(stream, source, mark);
        this.#size = size;
        this.#sizes = size === undefined ? null : [];
    }

    /** @param {import("./readable_core.js").ReadRequest} request */
    read(request) {
        if (this.ready > 0) {
            request.chunk(this.take());
        } else {
            this.stream.reader?.requests.push(request);
            this.more();
        }
    }

    /** Takes the first chunk, which is there. @returns {any} */
    take() {
        const chunks = this.#chunks;
        const first = this.#first;
        const chunk = chunks[first];
        this.ready -= 1;
        this.total -= this.#sizes === null ? 1 : this.#sizes[first];
        if (this.ready === 0 || first === READ_MAX) {
            chunks.splice(0, first + 1);
            this.#sizes?.splice(0, first + 1);
            this.#first = 0;
        } else {
            chunks[first] = undefined;
            this.#first = first + 1;
        }
        if (this.isOpen) {
            this.more();
        } else if (this.ready === 0) {
            this.stream.close();
        }
        return chunk;
    }

    /** @param {any} chunk */
    enqueue(chunk) {
        if (!this.isOpen) {
            throw new TypeError("Unable to enqueue");
        }
        if (this.isWanted()) {
            this.stream.reader?.requests.shift()?.chunk(chunk);
        } else if (this.#size === undefined || this.#measure(chunk, this.#size)) {
            this.#chunks.push(chunk);
            this.ready += 1;
            if (this.#sizes === null) {
                this.total += 1;
            }
        }
        this.more();
    }

    /**
     * @param {any} chunk
     * @param {Function} size
     */
    #measure(chunk, size) {
        try {
            const measured = toCount(size(chunk));
            this.#sizes?.push(measured);
            this.total += measured;
            return true;
        } catch (error) {
            this.fail(error);
            return false;
        }
    }

    close() {
        this.finish();
        if (this.ready === 0) {
            this.stream.close();
        }
    }

    ended() {
        super.ended();
        this.ready = 0;
        this.#chunks = [];
        this.#first = 0;
        this.#size = undefined;
        this.#sizes = null;
    }
}

export class ReadableStreamDefaultController {
    /** @type {ValueController} */
    #controller;

    /**
     * @param {symbol} key
     * @param {ValueController} controller
     */
    constructor(key, controller) {
        if (key !== INTERNAL) {
            throw illegalConstructor();
        }
        this.#controller = controller;
    }

    get desiredSize() {
        if (!(#controller in this)) {
            throw illegalInvocation();
        }
        return this.#controller.desiredSize;
    }

    close() {
        if (!(#controller in this)) {
            throw illegalInvocation();
        }
        this.#controller.close();
    }

    /** @param {any} [chunk] */
    enqueue(chunk) {
        if (!(#controller in this)) {
            throw illegalInvocation();
        }
        this.#controller.enqueue(chunk);
    }

    /** @param {any} error */
    error(error) {
        if (!(#controller in this)) {
            throw illegalInvocation();
        }
        if (arguments.length < 1) {
            throw wrongArgument("ReadableStreamDefaultController", "error", 1, "Value");
        }
        this.#controller.fail(error);
    }
}

finish(ReadableStreamDefaultController);
