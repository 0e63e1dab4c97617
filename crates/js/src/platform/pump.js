/**
 * Streams of user code as bodies that the host sends.
 *
 * Writing is a task of the guest, so its object stays in memory meanwhile. It goes no faster than the reader, and ends
 * when the reader goes: then the stream is cancelled.
 */

import { body_encode, body_end, body_gone, body_pipe, body_write, task_background } from "dormouse:ops";
import { expectedLength } from "./streams.js";
import { watch } from "./tasks.js";
import { bytesIn } from "./values.js";

export const NO_BYTES = "This ReadableStream did not return bytes.";

/**
 * A body that comes out of a stream: its number.
 *
 * @param {any} stream
 * @param {any} reader
 */
export function piped(stream, reader) {
    const [writer, body] = body_pipe(expectedLength(stream));
    const call = task_background();
    const work = pump(reader, writer);
    if (call !== null) {
        watch(work, call);
    }
    return { body, sent: work.catch(() => {}) };
}

/**
 * Writes what a stream gives, until it ends or nobody reads any more.
 *
 * @param {any} reader
 * @param {number} writer
 */
async function pump(reader, writer) {
    let isOpen = true;
    /** @param {unknown} reason */
    const stop = (reason) => {
        if (isOpen) {
            isOpen = false;
            reader.cancel(reason).catch(() => {});
        }
    };
    body_gone(writer).then(() => stop(new Error("Network connection lost.")));
    try {
        while (isOpen) {
            const { done, value } = await reader.read();
            if (done) {
                break;
            }
            if (!(await body_write(writer, chunkOf(value)))) {
                stop(new Error("Network connection lost."));
            }
        }
        isOpen = false;
        body_end(writer);
    } catch (error) {
        stop(error);
        await body_end(writer, String(error));
        throw error;
    }
}

/** The bytes of what a stream of user code gave: a text is let pass here. @param {unknown} value */
function chunkOf(value) {
    const chunk = typeof value === "string" ? body_encode(value) : bytesIn(value);
    if (chunk === null) {
        throw new TypeError(NO_BYTES);
    }
    return chunk;
}
