/**
 * The controller of a stream of bytes that user code gives, and the request by which it fills a reader's buffer
 * (Streams, sections 4.7 and 4.8).
 *
 * As in workerd: closing answers reads that wait at once, with what is there; a reader without a buffer makes one of
 * 4096 bytes when the source asks for it, and it gets small chunks that wait for it together. Other than in workerd,
 * and as the standard has it, a large chunk arrives in one piece and is not copied.
 */

import { CLOSED, Space, spaceOf } from "./readable_core.js";
import { Puller } from "./readable_value.js";
import { INTERNAL, Queue } from "./streams_core.js";
import { illegalConstructor, illegalInvocation, finish, wrongArgument } from "./idl.js";
import { bytesIn } from "./values.js";

/** Bytes of the buffer for a reader that gave none, unless the source says otherwise. */
const CHUNK_LEN = 4096;

/** Of a space whose reader gave none, until user code looks at it. */
const NO_BUFFER = new ArrayBuffer(0);

/** Who a space is for: a reader without a buffer, one with its own, or nobody any more. */
const DEFAULT = 0;
const BYOB = 1;
const NONE = 2;

/** @typedef {import("./readable_core.js").Space & { use?: number }} Waiting */

export class ByteController extends Puller {
    isBytes = true;
    #queue = new Queue();
    /** Spaces that wait for bytes. */
    #spaces = new Queue();
    /** What user code was given for the first of them. @type {ReadableStreamBYOBRequest | null} */
    #request = null;
    #chunkLen;

    /**
     * @param {import("./readable_core.js").Readable} stream
     * @param {import("./readable_value.js").Source} source
     * @param {number} mark
     * @param {number} [chunkLen]
     */
    constructor(stream, source, mark, chunkLen = CHUNK_LEN) {
        super(stream, source, mark);
        this.#chunkLen = chunkLen;
    }

    /** Whether a read would get something at once. */
    get ready() {
        return this.total;
    }

    isWanted() {
        return super.isWanted() || (this.#spaces.length > 0 && this.#spaces.peek().use !== NONE);
    }

    /** @param {import("./readable_core.js").ReadRequest} request */
    read(request) {
        if (this.total > 0) {
            request.chunk(this.take());
            return;
        }
        if (this.source?.pull !== undefined) {
            /** @type {Waiting} */
            const space = new Space(NO_BUFFER, 0, this.#chunkLen, Uint8Array, 1, null);
            space.use = DEFAULT;
            this.#spaces.push(space);
        }
        this.stream.reader?.requests.push(request);
        this.more();
    }

    /**
     * @param {ArrayBufferView} view
     * @param {number} min
     * @param {import("./readable_core.js").ReadRequest} request
     */
    readInto(view, min, request) {
        /** @type {Waiting} */
        const space = spaceOf(view, min, request);
        space.use = BYOB;
        if (this.#spaces.length > 0) {
            this.#spaces.push(space);
            return;
        }
        if (this.total > 0) {
            const isEnough = this.#fill(space);
            if (isEnough || !this.isOpen) {
                this.#drained();
                if (isEnough) {
                    request.chunk(space.view());
                } else {
                    space.end();
                }
                return;
            }
        }
        this.#spaces.push(space);
        this.more();
    }

    /** What user code is to fill. */
    get request() {
        if (this.#request === null && this.#spaces.length > 0) {
            const space = this.#spaces.peek();
            if (space.buffer === NO_BUFFER) {
                space.buffer = new ArrayBuffer(space.length);
                space.bufferLength = space.length;
            }
            this.#request = new ReadableStreamBYOBRequest(INTERNAL, this, space);
        }
        return this.#request;
    }

    /** @param {Uint8Array} chunk whose buffer becomes ours */
    enqueue(chunk) {
        if (!this.isOpen) {
            throw new TypeError("This ReadableByteStreamController is closed.");
        }
        const { byteOffset, length } = chunk;
        const bytes = new Uint8Array(/** @type {ArrayBuffer} */ (chunk.buffer).transfer(), byteOffset, length);
        if (this.#request !== null) {
            // User code may still hold the view that it was to fill.
            const space = this.#spaces.peek();
            space.buffer = space.buffer.transfer();
            this.#forgetRequest();
        }
        this.#keepWhatNobodyReads();
        const requests = this.stream.reader?.requests;
        if (requests !== undefined && requests.length > 0) {
            // Its space, if it has one, was not needed.
            if (this.#spaces.length > 0) {
                this.#spaces.shift();
            }
            requests.shift()?.chunk(bytes);
        } else {
            this.#append(bytes);
            this.#fillSpaces();
        }
        this.more();
    }

    close() {
        this.finish();
        if (this.total > 0) {
            return;
        }
        const spaces = this.#spaces.drain();
        this.stream.close();
        for (const space of spaces) {
            space.end();
        }
    }

    /** @param {unknown} error */
    fail(error) {
        const spaces = this.#spaces.drain();
        this.stream.fail(error);
        for (const space of spaces) {
            space.request?.error(error);
        }
    }

    /** @param {unknown} reason */
    cancel(reason) {
        const spaces = this.#spaces.drain();
        for (const space of spaces) {
            space.filled = 0;
            space.end();
        }
        return super.cancel(reason);
    }

    ended() {
        super.ended();
        this.#forgetRequest();
        this.#queue.clear();
        this.#spaces.clear();
    }

    /** @param {unknown} error */
    release(error) {
        const [first, ...rest] = this.#spaces.drain();
        for (const space of rest) {
            space.request?.error(error);
        }
        if (first === undefined) {
            return;
        }
        first.request?.error(error);
        // User code may be filling it: what it answers is kept for the next reader.
        if (this.#request !== null || first.filled > 0) {
            first.use = NONE;
            first.request = null;
            this.#spaces.push(first);
        }
    }

    /**
     * User code has filled the first space.
     *
     * @param {Waiting} space
     * @param {number} count
     */
    answer(space, count) {
        this.#forgetRequest();
        space.filled += count;
        if (space.use === NONE) {
            this.#keepWhatNobodyReads();
            this.#serveRequests();
            this.#fillSpaces();
        } else if (space.filled >= space.min) {
            this.#spaces.shift();
            const { odd } = space;
            if (odd > 0) {
                const end = space.offset + space.filled;
                this.#append(new Uint8Array(space.buffer.slice(end - odd, end)));
            }
            const request = space.use === DEFAULT ? this.stream.reader?.requests.shift() : space.request;
            request?.chunk(space.view());
            this.#fillSpaces();
        }
        this.more();
    }

    /** @param {Uint8Array} bytes */
    #append(bytes) {
        this.#queue.push(bytes);
        this.total += bytes.length;
    }

    take() {
        const chunk = this.#take();
        this.#drained();
        return chunk;
    }

    /** The first chunk of the queue, with those that follow as long as they are small. @returns {Uint8Array} */
    #take() {
        const queue = this.#queue;
        const first = queue.shift();
        let { length } = first;
        const chunks = [first];
        while (queue.length > 0 && length + queue.peek().length <= this.#chunkLen) {
            length += queue.peek().length;
            chunks.push(queue.shift());
        }
        this.total -= length;
        if (chunks.length === 1) {
            return first;
        }
        const joined = new Uint8Array(length);
        let at = 0;
        for (const chunk of chunks) {
            joined.set(chunk, at);
            at += chunk.length;
        }
        return joined;
    }

    #forgetRequest() {
        if (this.#request !== null) {
            invalidate(this.#request);
            this.#request = null;
        }
    }

    /** The first space may be one whose reader has gone: what is in it goes into the queue. */
    #keepWhatNobodyReads() {
        const first = this.#spaces.peek();
        if (first?.use === NONE) {
            this.#spaces.shift();
            if (first.filled > 0) {
                this.#append(new Uint8Array(first.buffer, first.offset, first.filled));
            }
        }
    }

    #serveRequests() {
        const requests = this.stream.reader?.requests;
        while (requests !== undefined && requests.length > 0 && this.total > 0) {
            const chunk = this.#take();
            if (this.#spaces.length > 0) {
                this.#spaces.shift();
            }
            requests.shift()?.chunk(chunk);
        }
    }

    /** Answers reads as far as the queue goes. */
    #fillSpaces() {
        while (this.total > 0 && this.#spaces.length > 0) {
            const space = this.#spaces.peek();
            if (!this.#fill(space)) {
                return;
            }
            this.#spaces.shift();
            space.request?.chunk(space.view());
        }
    }

    /**
     * Moves bytes from the queue; returns whether they are enough.
     *
     * @param {Space} space
     */
    #fill(space) {
        const whole = space.filled + Math.min(this.total, space.room);
        const aligned = whole - (whole % space.size);
        const isEnough = aligned >= space.min;
        let wanted = (isEnough ? aligned : whole) - space.filled;
        while (wanted > 0) {
            const head = this.#queue.peek();
            if (head.length <= wanted) {
                space.put(head);
                this.#queue.shift();
                this.total -= head.length;
                wanted -= head.length;
            } else {
                space.put(head.subarray(0, wanted));
                this.#queue.replace(head.subarray(wanted));
                this.total -= wanted;
                wanted = 0;
            }
        }
        return isEnough;
    }

    /** The queue has become shorter. */
    #drained() {
        if (this.total === 0 && !this.isOpen) {
            this.stream.close();
        } else {
            this.more();
        }
    }
}

/** @type {(request: ReadableStreamBYOBRequest) => void} */
let invalidate;

export class ReadableStreamBYOBRequest {
    /** @type {ByteController} */
    #controller;
    /** Null when it was answered. @type {(Waiting) | null} */
    #space;
    /** @type {Uint8Array | null} */
    #view = null;

    /**
     * @param {symbol} key
     * @param {ByteController} controller
     * @param {Waiting} space
     */
    constructor(key, controller, space) {
        if (key !== INTERNAL) {
            throw illegalConstructor();
        }
        this.#controller = controller;
        this.#space = space;
    }

    get view() {
        if (!(#space in this)) {
            throw illegalInvocation();
        }
        const space = this.#space;
        if (space === null) {
            return null;
        }
        return (this.#view ??= new Uint8Array(space.buffer, space.offset + space.filled, space.room));
    }

    /** Bytes that the reader needs at least: workerd's own. */
    get atLeast() {
        if (!(#space in this)) {
            throw illegalInvocation();
        }
        return this.#space === null ? 0 : this.#space.min - this.#space.filled;
    }

    /** @param {number} bytesWritten */
    respond(bytesWritten) {
        if (!(#space in this)) {
            throw illegalInvocation();
        }
        if (arguments.length < 1) {
            throw wrongArgument("ReadableStreamBYOBRequest", "respond", 1, "integer");
        }
        const count = bytesWritten | 0;
        if (this.#space === null && count === 0 && this.#controller.stream.state === CLOSED) {
            // The standard asks for it after `close`; everything was answered then.
            return;
        }
        const space = this.#open();
        if (count <= 0) {
            throw new TypeError("The bytesWritten must be more than zero while the stream is open.");
        }
        if (count > space.room) {
            throw new RangeError(`Too many bytes [${count}] in response to a BYOB read request.`);
        }
        space.buffer = space.buffer.transfer();
        this.#controller.answer(space, count);
    }

    /** @param {ArrayBufferView} view */
    respondWithNewView(view) {
        if (!(#space in this)) {
            throw illegalInvocation();
        }
        const bytes = bytesIn(view);
        if (bytes === null) {
            throw wrongArgument("ReadableStreamBYOBRequest", "respondWithNewView", 1, "BufferSource");
        }
        const space = this.#open();
        const { buffer, byteOffset, length } = bytes;
        if (length === 0) {
            throw new TypeError("The view byte length must be more than zero while the stream is open.");
        }
        if (space.offset + space.filled !== byteOffset) {
            throw new RangeError("The given view has an invalid byte offset.");
        }
        if (space.bufferLength !== buffer.byteLength) {
            throw new RangeError("The underlying ArrayBuffer is not the correct length.");
        }
        if (length > space.room) {
            throw new RangeError("The view is not the correct length.");
        }
        space.buffer = /** @type {ArrayBuffer} */ (buffer).transfer();
        this.#controller.answer(space, length);
    }

    #open() {
        if (this.#space === null) {
            throw new TypeError("This ReadableStreamBYOBRequest has been invalidated.");
        }
        return this.#space;
    }

    static {
        invalidate = (request) => {
            request.#space = null;
            request.#view = null;
        };
    }
}

export class ReadableByteStreamController {
    /** @type {ByteController} */
    #controller;

    /**
     * @param {symbol} key
     * @param {ByteController} controller
     */
    constructor(key, controller) {
        if (key !== INTERNAL) {
            throw illegalConstructor();
        }
        this.#controller = controller;
    }

    get byobRequest() {
        if (!(#controller in this)) {
            throw illegalInvocation();
        }
        return this.#controller.request;
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

    /** @param {ArrayBufferView | ArrayBuffer} chunk */
    enqueue(chunk) {
        if (!(#controller in this)) {
            throw illegalInvocation();
        }
        const bytes = bytesIn(chunk);
        if (bytes === null) {
            throw wrongArgument("ReadableByteStreamController", "enqueue", 1, "BufferSource");
        }
        if (bytes.length === 0) {
            throw new TypeError("Cannot enqueue a zero-length ArrayBuffer.");
        }
        this.#controller.enqueue(bytes);
    }

    /** @param {any} error */
    error(error) {
        if (!(#controller in this)) {
            throw illegalInvocation();
        }
        if (arguments.length < 1) {
            throw wrongArgument("ReadableByteStreamController", "error", 1, "Value");
        }
        this.#controller.fail(error);
    }
}

finish(ReadableByteStreamController);
finish(ReadableStreamBYOBRequest);
