/**
 * What bodies are made of (Fetch, section 5.2), as workerd has them (src/workerd/api/http.c++).
 *
 * A *content* is data at hand, a number of a body that the host has, or a stream of user code. Its stream object is
 * made when it is asked for. Whoever shares a stream shares its content, so a body that is passed on unread goes to the
 * host as it is. Invariant: a content is read once, by whoever claims it first; its stream is locked from then on.
 */

import { body_abandon, body_collect, body_encode, body_read, body_text, guest_record } from "dormouse:ops";
import { bytesOf, isBlob, joined } from "./blob.js";
import { isForm, written } from "./form_data.js";
import { valueIn } from "./headers.js";
import { toText } from "./idl.js";
import { NO_BYTES, piped } from "./pump.js";
import { ReadableStream, byteStream, isDisturbed } from "./streams.js";
import { bytesIn } from "./values.js";

/**
 * The host's number for a body, and whose number it is; -1 when it was given back.
 *
 * @typedef {{ guest: number, handle: number }} Held
 */

/**
 * @typedef {object} Content
 * @property {string | Uint8Array | null} data What is at hand.
 * @property {boolean} isShared Whether somebody else has the same bytes.
 * @property {Held | null} held What the host has.
 * @property {ReadableStream | null} stream What user code sees, or gave.
 * @property {boolean} isUsed
 * @property {string | null} type The type that it gives to headers without one.
 */

const TEXT = "text/plain;charset=UTF-8";
const FORM = "application/x-www-form-urlencoded;charset=UTF-8";

export const USED =
    "Body has already been used. It can only be used once. Use tee() first if you need to read it twice.";
const DISTURBED = "This ReadableStream is disturbed (has already been read from), and cannot be used as a body.";
export const RECONSTRUCTED = "Cannot reconstruct a Request with a used body.";
const NO_BODY = "This ReadableStream is locked to a reader, and cannot be used as a body.";
const NO_READ = "This ReadableStream is currently locked to a reader.";
const NO_TEE = "This ReadableStream is currently locked to a reader,";
const NO_SEND = "The ReadableStream has been locked to a reader.";

/** What streams are made of. @type {WeakMap<ReadableStream, Content>} */
const contents = new WeakMap();

/** Bodies of the host whose content nobody can reach any more. @type {FinalizationRegistry<Held>} */
const abandoned = new FinalizationRegistry(drop);

/** What most contents are: a record that has only what is special about it is made in half the time. */
const PLAIN = { data: null, isShared: false, held: null, stream: null, isUsed: false, type: null };

/**
 * @param {string | Uint8Array | null} data
 * @param {string | null} type
 * @param {boolean} isShared
 * @returns {Content}
 */
export function contentOfData(data, type, isShared) {
    return isShared ? { ...PLAIN, data, type, isShared } : /** @type {any} */ ({ __proto__: PLAIN, data, type });
}

/**
 * A body as the host gives it: null, bytes, or a number.
 *
 * @param {Uint8Array | number | null} body
 * @returns {Content | null}
 */
export function contentOfHost(body) {
    if (typeof body !== "number") {
        return body === null ? null : contentOfData(body, null, false);
    }
    const content = contentOfData(null, null, false);
    hold(content, { guest: guest_record().index, handle: body });
    return content;
}

/**
 * The content of a body that user code gives (Fetch, section 5.2, "extract a body").
 *
 * @param {any} init
 * @returns {Content | null}
 */
export function contentOf(init) {
    if (typeof init === "string") {
        return contentOfData(init, TEXT, false);
    }
    if (typeof init !== "object" || init === null || init instanceof String) {
        return init === undefined || init === null ? null : contentOfData(toText(init), TEXT, false);
    }
    if (init instanceof ReadableStream) {
        return contentOfStream(init);
    }
    const bytes = bytesIn(init);
    if (bytes !== null) {
        return contentOfData(joined([bytes]), null, false);
    }
    if (isBlob(init)) {
        return contentOfData(bytesOf(init), init.type === "" ? null : init.type, true);
    }
    if (isForm(init)) {
        const { bytes: form, type } = written(init);
        return contentOfData(form, type, false);
    }
    if (init[Symbol.toStringTag] === "URLSearchParams") {
        return contentOfData(toText(init), FORM, false);
    }
    if (typeof init[Symbol.asyncIterator] === "function" || typeof init[Symbol.iterator] === "function") {
        return contentOfStream(ReadableStream.from(init));
    }
    return contentOfData(toText(init), TEXT, false);
}

/** @param {string} text */
export function contentOfJson(text) {
    return contentOfData(text, "application/json", false);
}

/**
 * @param {ReadableStream} stream
 * @returns {Content}
 */
function contentOfStream(stream) {
    const have = contents.get(stream);
    if (have !== undefined) {
        return shared(have);
    }
    const content = contentOfData(null, null, false);
    content.stream = stream;
    contents.set(stream, content);
    return shared(content);
}

/**
 * A content that one more body is to have.
 *
 * @param {Content} content
 */
export function shared(content) {
    if (isUsed(content)) {
        throw new TypeError(DISTURBED);
    }
    if (content.stream?.locked) {
        throw new TypeError(NO_BODY);
    }
    return content;
}

/** @param {Content} content */
export function isUsed(content) {
    return content.isUsed || (content.stream !== null && isDisturbed(content.stream));
}

/**
 * Makes a body of the host this content's, until it is let go of.
 *
 * @param {Content} content
 * @param {Held} held
 */
function hold(content, held) {
    content.held = held;
    abandoned.register(content, held);
}

/** Takes the host's body out of a content. @param {Content} content */
function letGo(content) {
    const held = /** @type {Held} */ (content.held);
    const { handle } = held;
    held.handle = -1;
    content.held = null;
    return handle;
}

/** @param {Held} held */
function drop(held) {
    if (held.handle >= 0) {
        body_abandon(held.guest, held.handle);
        held.handle = -1;
    }
}

/** Tells the host that the rest will not be read. @param {Content} content */
function discard(content) {
    content.data = null;
    if (content.held !== null) {
        drop(content.held);
        content.held = null;
    }
}

/**
 * Takes the right to read. Its stream stays locked for ever.
 *
 * @param {Content} content
 * @param {string} used What is said when somebody else has read it.
 * @param {string} locked
 */
function claim(content, used, locked) {
    if (isUsed(content)) {
        throw new TypeError(used);
    }
    if (content.stream?.locked) {
        throw new TypeError(locked);
    }
    content.isUsed = true;
    return content.stream === null ? null : content.stream.getReader();
}

/** The data of a content that was claimed. @param {Content} content */
function takeData(content) {
    const { data } = content;
    content.data = null;
    return data;
}

/**
 * All bytes of a content. They are the caller's own if `isOwn` is asked for.
 *
 * @param {Content} content
 * @param {boolean} isOwn
 * @returns {Uint8Array | Promise<Uint8Array>}
 */
export function allBytes(content, isOwn) {
    const reader = claim(content, USED, NO_READ);
    const data = takeData(content);
    if (data !== null) {
        if (typeof data === "string") {
            return body_encode(data);
        }
        return isOwn && content.isShared ? data.slice() : data;
    }
    return content.held === null ? drained(reader) : body_collect(letGo(content), false);
}

/**
 * @param {Content} content
 * @returns {string | Promise<string>}
 */
export function allText(content) {
    const reader = claim(content, USED, NO_READ);
    const data = takeData(content);
    if (typeof data === "string") {
        // What bytes would say: without a mark, and without halves of characters.
        return (data.charCodeAt(0) === 0xfeff ? data.slice(1) : data).toWellFormed();
    }
    if (data !== null) {
        return body_text(data, true);
    }
    if (content.held !== null) {
        return body_collect(letGo(content), true);
    }
    return drained(reader).then((bytes) => body_text(bytes, true));
}

/** @param {any} reader */
async function drained(reader) {
    const chunks = [];
    for (;;) {
        const { done, value } = await reader.read();
        if (done) {
            return joined(chunks);
        }
        const bytes = bytesIn(value);
        if (bytes === null) {
            const error = new TypeError(NO_BYTES);
            reader.cancel(error).catch(() => {});
            throw error;
        }
        chunks.push(bytes);
    }
}

/**
 * The stream of a content.
 *
 * @param {Content} content
 * @returns {ReadableStream}
 */
export function opened(content) {
    if (content.stream === null) {
        const stream = byteStream({
            pull: (controller) => pull(content, controller),
            cancel: () => discard(content),
        });
        contents.set(stream, content);
        if (content.isUsed) {
            stream.getReader();
        }
        content.stream = stream;
    }
    return content.stream;
}

/**
 * @param {Content} content
 * @param {import("./readable_source.js").SourceController} controller
 */
function pull(content, controller) {
    content.isUsed = true;
    const data = takeData(content);
    if (data === null) {
        if (content.held === null) {
            controller.end();
        } else {
            pullHost(content, content.held, controller);
        }
        return;
    }
    const bytes = typeof data === "string" ? body_encode(data) : data;
    if (bytes.byteLength === 0) {
        controller.end();
    } else {
        controller.supply(bytes === data && content.isShared ? bytes.slice() : bytes);
    }
}

/**
 * @param {Content} content
 * @param {Held} held
 * @param {import("./readable_source.js").SourceController} controller
 */
async function pullHost(content, held, controller) {
    let chunk;
    try {
        chunk = await body_read(held.handle);
    } catch (error) {
        discard(content);
        controller.fail(error);
        return;
    }
    if (chunk === null) {
        discard(content);
        controller.end();
    } else {
        controller.supply(chunk);
    }
}

/**
 * A body as the host takes it: null, text, bytes, or a number. If user code writes it, `sent` is kept when it has done
 * so.
 *
 * @param {Content | null} content
 * @param {string} used What is said when somebody else has read it.
 * @returns {{ body: string | Uint8Array | number | null, sent: Promise<void> | null }}
 */
export function give(content, used) {
    if (content === null) {
        return { body: null, sent: null };
    }
    const reader = claim(content, used, NO_SEND);
    const data = takeData(content);
    if (data !== null) {
        return { body: data, sent: null };
    }
    return content.held === null ? piped(content.stream, reader) : { body: letGo(content), sent: null };
}

/**
 * A content that takes the place of another one, whose body is used up thereby.
 *
 * @param {Content | null} content
 * @returns {Content | null}
 */
export function moved(content) {
    if (content === null) {
        return null;
    }
    const reader = claim(content, RECONSTRUCTED, NO_SEND);
    const other = contentOfData(takeData(content), null, content.isShared);
    if (content.held !== null) {
        const { guest } = content.held;
        hold(other, { guest, handle: letGo(content) });
    } else if (other.data === null) {
        other.stream = continued(reader);
        contents.set(other.stream, other);
    }
    return other;
}

/** A stream of what a reader still gives. @param {any} reader */
function continued(reader) {
    return new ReadableStream(
        {
            async pull(/** @type {any} */ controller) {
                const { done, value } = await reader.read();
                if (done) {
                    controller.close();
                } else {
                    controller.enqueue(value);
                }
            },
            cancel: (/** @type {unknown} */ reason) => reader.cancel(reason),
        },
        { highWaterMark: 0 },
    );
}

/**
 * Two contents in the place of one.
 *
 * @param {Content | null} content
 * @returns {[Content | null, Content | null]}
 */
export function doubled(content) {
    if (content === null) {
        return [null, null];
    }
    if ((content.isUsed && content.stream === null) || content.stream?.locked) {
        throw new TypeError(NO_TEE);
    }
    const { data } = content;
    if (data !== null) {
        if (content.stream !== null) {
            claim(content, USED, NO_TEE);
        }
        return [contentOfData(data, null, true), contentOfData(data, null, true)];
    }
    const [one, other] = opened(content).tee();
    return [contentOfStream(one), contentOfStream(other)];
}

/**
 * Gives the type of a new body to headers without one. It does so once: whoever shares the body does not get it.
 *
 * @param {Content} content
 * @param {string[]} flat
 */
export function giveType(content, flat) {
    const { type } = content;
    if (type !== null) {
        content.type = null;
        if (valueIn(flat, "content-type") === null) {
            flat.push("content-type", type);
        }
    }
}
