/**
 * What streams are made of besides user code: the branches of a `tee` (Streams, section 4.9.1) and what can be iterated
 * (section 4.2.3, `from`).
 *
 * As in workerd, cancelling the first branch is done at once, and the reason given to the source is that of the second.
 * A branch of a stream of bytes is one too; the two never share a buffer.
 */

import { READABLE, Readable, Reader } from "./readable_core.js";
import { ByteController } from "./readable_byte.js";
import { ValueController } from "./readable_value.js";
import { isObject, wrongArgument } from "./idl.js";

/** Reads one stream for two. */
class Tee {
    #stream;
    #isBytes;
    #isReading = false;
    #readAgain = false;
    #cancelled = 0;
    /** @type {[Readable, Readable]} */
    branches;

    /** @param {Readable} stream */
    constructor(stream) {
        this.#stream = stream;
        this.#isBytes = stream.controller.isBytes;
        const reader = new Reader(stream);
        this.branches = [this.#branch(), this.#branch()];
        reader.broken = (error) => this.error(error);
        if (stream.state !== READABLE) {
            // Says what has become of it.
            this.pull();
        }
    }

    #branch() {
        const branch = new Readable();
        const source = { self: this, pull: this.pull, cancel: this.#cancel };
        const Controller = this.#isBytes ? ByteController : ValueController;
        new Controller(branch, source, 0, undefined).begin(undefined);
        return branch;
    }

    pull() {
        if (this.#isReading) {
            this.#readAgain = true;
        } else {
            this.#isReading = true;
            this.#stream.read(this);
        }
    }

    /** @param {unknown} reason */
    #cancel(reason) {
        this.#cancelled += 1;
        return this.#cancelled === 2 ? this.#stream.cancel(reason) : undefined;
    }

    /** @param {any} value */
    chunk(value) {
        this.#isReading = false;
        const [one, other] = this.branches.map((branch) => branch.controller);
        const copy = this.#isBytes && other.isOpen ? value.slice() : value;
        if (one.isOpen) {
            one.enqueue(value);
        }
        if (other.isOpen) {
            other.enqueue(copy);
        }
        if (this.#readAgain) {
            this.#readAgain = false;
            this.pull();
        }
    }

    close() {
        for (const { controller } of this.branches) {
            if (controller.isOpen) {
                controller.close();
            }
        }
    }

    /** @param {unknown} error */
    error(error) {
        for (const { controller } of this.branches) {
            controller.fail(error);
        }
    }
}

/** @param {Readable} stream unlocked */
export function tee(stream) {
    return new Tee(stream).branches;
}

/** What a stream made by `from` comes from. */
class Iteration {
    #iterator;
    #next;
    #isAsync;

    /**
     * @param {any} iterator
     * @param {boolean} isAsync
     */
    constructor(iterator, isAsync) {
        this.#iterator = iterator;
        this.#next = iterator.next;
        this.#isAsync = isAsync;
    }

    /** @param {ValueController} controller */
    async pull(controller) {
        const called = this.#next.call(this.#iterator);
        const result = this.#isAsync ? await called : called;
        if (!isObject(result)) {
            throw new TypeError("Incorrect type for Promise: the Promise did not resolve to 'GeneratorNext'.");
        }
        const { done, value } = /** @type {any} */ (result);
        if (done) {
            controller.close();
        } else {
            controller.enqueue(this.#isAsync ? value : await value);
        }
    }

    /** @param {unknown} reason */
    async cancel(reason) {
        const iterator = this.#iterator;
        const method = iterator.return;
        if (method === undefined || method === null) {
            return;
        }
        const result = await method.call(iterator, reason);
        if (!isObject(result)) {
            throw new TypeError("Incorrect type for Promise: the Promise did not resolve to 'GeneratorNext'.");
        }
    }
}

/** @param {any} iterable */
export function fromIterable(iterable) {
    let iterator;
    let isAsync = false;
    if (iterable !== undefined && iterable !== null) {
        const asynchronous = iterable[Symbol.asyncIterator];
        isAsync = typeof asynchronous === "function";
        const method = isAsync ? asynchronous : iterable[Symbol.iterator];
        iterator = typeof method === "function" ? method.call(iterable) : undefined;
    }
    if (!isObject(iterator)) {
        throw wrongArgument("ReadableStream", "from", 1, "AsyncGenerator");
    }
    const iteration = new Iteration(iterator, isAsync);
    const stream = new Readable();
    const source = { self: iteration, pull: iteration.pull, cancel: iteration.cancel };
    new ValueController(stream, source, 0, undefined).begin(undefined);
    return stream;
}
