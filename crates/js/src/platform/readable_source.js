/**
 * The controller of a stream of bytes that the platform gives, such as a body: one read at a time, nothing read ahead.
 *
 * It has no queue: a read asks the source, and the source answers with `supply`, `end` or `fail`. Bytes that do not fit
 * into a reader's buffer stay for its next read. As in workerd, a second read while one waits is refused, and so is the
 * release of a reader that waits.
 */

import { spaceOf } from "./readable_core.js";

/**
 * @typedef {object} ByteSource
 * @property {(controller: SourceController) => void} pull to be answered once, at once or later
 * @property {(reason: unknown) => unknown} cancel
 * @property {() => void} [taken] what was supplied has been read whole
 */

export class SourceController {
    isBytes = true;
    /** A read always asks. */
    ready = 0;
    stream;
    /** @type {ByteSource | null} */
    source;
    /** Whether the source is asked. */
    #isAsked = false;
    /** A read without a buffer. @type {import("./readable_core.js").ReadRequest | null} */
    #request = null;
    /** A read into a buffer. @type {import("./readable_core.js").Space | null} */
    #space = null;
    /** What did not fit. @type {Uint8Array | null} */
    #rest = null;

    /**
     * @param {import("./readable_core.js").Readable} stream
     * @param {ByteSource} source
     */
    constructor(stream, source) {
        this.stream = stream;
        this.source = source;
        stream.controller = this;
    }

    /** Whether a read waits. */
    get isBusy() {
        return this.#request !== null || this.#space !== null;
    }

    /** Whether bytes have been read that nobody got. */
    get hasRest() {
        return this.#rest !== null || this.#isAsked;
    }

    /** @param {import("./readable_core.js").ReadRequest} request */
    read(request) {
        if (this.isBusy) {
            request.error(onlyOne());
            return;
        }
        if (this.#rest !== null) {
            const bytes = this.#rest;
            this.#rest = null;
            this.source?.taken?.();
            request.chunk(bytes);
            return;
        }
        this.#request = request;
        this.#ask();
    }

    /**
     * @param {ArrayBufferView} view
     * @param {number} min
     * @param {import("./readable_core.js").ReadRequest} request
     */
    readInto(view, min, request) {
        if (this.isBusy) {
            request.error(onlyOne());
            return;
        }
        this.#space = spaceOf(view, min, request);
        const rest = this.#rest;
        this.#rest = null;
        if (rest === null) {
            this.#ask();
        } else {
            this.#fill(this.#space, rest);
        }
    }

    #ask() {
        if (!this.#isAsked) {
            this.#isAsked = true;
            this.source?.pull(this);
        }
    }

    /** The next bytes, never none. @param {Uint8Array} bytes which become the reader's */
    supply(bytes) {
        this.#isAsked = false;
        const request = this.#request;
        if (request !== null) {
            this.#request = null;
            this.source?.taken?.();
            request.chunk(bytes);
        } else if (this.#space !== null) {
            this.#fill(this.#space, bytes);
        } else {
            // Its reader has gone.
            this.#rest = bytes;
        }
    }

    /**
     * @param {import("./readable_core.js").Space} space
     * @param {Uint8Array} bytes
     */
    #fill(space, bytes) {
        let count = Math.min(bytes.length, space.room);
        const odd = (space.filled + count) % space.size;
        if (space.filled + count - odd >= space.min) {
            count -= odd;
        }
        space.put(bytes.subarray(0, count));
        if (count < bytes.length) {
            this.#rest = bytes.subarray(count);
        } else {
            this.source?.taken?.();
        }
        if (space.filled >= space.min) {
            this.#space = null;
            space.request?.chunk(space.view());
        } else {
            this.#ask();
        }
    }

    /** There are no more bytes. */
    end() {
        const request = this.#request;
        const space = this.#space;
        this.stream.close();
        request?.close();
        space?.end();
    }

    /** @param {unknown} error */
    fail(error) {
        const request = this.#request;
        const space = this.#space;
        this.stream.fail(error);
        request?.error(error);
        space?.request?.error(error);
    }

    take() {
        return undefined;
    }

    ended() {
        this.#isAsked = false;
        this.#request = null;
        this.#space = null;
        this.#rest = null;
        this.source = null;
    }

    /** @param {unknown} reason */
    cancel(reason) {
        const { source } = this;
        const request = this.#request;
        const space = this.#space;
        this.ended();
        request?.close();
        if (space !== null) {
            space.filled = 0;
            space.end();
        }
        return source?.cancel(reason);
    }

    /** Only the platform releases while a read waits, and it never reads into a buffer. @param {unknown} error */
    release(error) {
        const request = this.#request;
        this.#request = null;
        request?.error(error);
    }
}

function onlyOne() {
    return new TypeError("This ReadableStream only supports a single pending read request at a time.");
}
