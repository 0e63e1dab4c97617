/**
 * `TextEncoder`, `TextDecoder` and their streams (https://encoding.spec.whatwg.org), `atob` and `btoa`
 * (https://html.spec.whatwg.org, section 8.3).
 *
 * A decoder that stands in the middle of a text holds a number for its state, which is the isolate's: a decoder may be
 * made at a module's top level and used by all objects.
 */

import {
    base64_decode,
    base64_encode,
    decoder_drop,
    decoder_new,
    decoder_push,
    encoding_name,
    text_decode,
    text_encode,
    text_encode_into,
    utf8_decode,
} from "dormouse:ops";
import { INTERNAL } from "./streams_core.js";
import { TransformStream, transformSides } from "./transform.js";
import { illegalInvocation, finish, isObject, toText, wrongConstructorArgument, wrongArgument } from "./idl.js";
import { bytesIn } from "./values.js";

export class TextEncoder {
    /** Marks objects of this class. */
    #brand = true;

    get encoding() {
        if (!(#brand in this)) {
            throw illegalInvocation();
        }
        return "utf-8";
    }

    /** @param {string} [input] @returns {Uint8Array} */
    encode(input = "") {
        if (!(#brand in this)) {
            throw illegalInvocation();
        }
        return text_encode(typeof input === "string" ? input : toText(input));
    }

    /**
     * @param {string} input
     * @param {Uint8Array} target
     * @returns {{ read: number, written: number }}
     */
    encodeInto(input, target) {
        if (!(#brand in this)) {
            throw illegalInvocation();
        }
        if (arguments.length < 1) {
            throw wrongArgument("TextEncoder", "encodeInto", 1, "String");
        }
        const text = toText(input);
        if (!(target instanceof Uint8Array)) {
            throw wrongArgument("TextEncoder", "encodeInto", 2, "Uint8Array");
        }
        const [read, bytes] = text_encode_into(text, target.length);
        if (bytes.length > 0) {
            target.set(bytes);
        }
        return { read, written: bytes.length };
    }
}

/** Numbers of decoders whose objects are gone. */
const forgotten = new FinalizationRegistry((/** @type {{ handle: number }} */ held) => {
    if (held.handle >= 0) {
        decoder_drop(held.handle);
    }
});

/** What a `TextDecoder` and a `TextDecoderStream` have in common. */
class Decoding {
    name;
    fatal;
    ignoreBOM;
    /** The state in the middle of a text. @type {{ handle: number } | null} */
    #held = null;

    /**
     * @param {unknown} label
     * @param {boolean} fatal
     * @param {boolean} ignoreBOM
     */
    constructor(label, fatal, ignoreBOM) {
        const text = label === undefined ? "utf-8" : toText(label);
        const name = encoding_name(text);
        if (name === null) {
            throw new RangeError(`"${text}" is not a valid encoding.`);
        }
        this.name = name;
        this.fatal = fatal;
        this.ignoreBOM = ignoreBOM;
    }

    /** A whole text. @param {Uint8Array | ArrayBuffer} bytes @returns {string} */
    whole(bytes) {
        if (this.#held !== null && this.#held.handle >= 0) {
            return this.part(bytes, true);
        }
        if (this.name === "utf-8") {
            return utf8_decode(bytes, this.fatal, this.ignoreBOM);
        }
        return text_decode(this.name, bytes, this.fatal, this.ignoreBOM);
    }

    /**
     * A part of a text.
     *
     * @param {Uint8Array | ArrayBuffer} bytes
     * @param {boolean} isLast
     * @returns {string}
     */
    part(bytes, isLast) {
        if (this.#held === null) {
            this.#held = { handle: -1 };
            forgotten.register(this, this.#held);
        }
        const held = this.#held;
        const handle = held.handle >= 0 ? held.handle : decoder_new(this.name, this.ignoreBOM);
        // The host lets go of it at the end, and when it fails.
        held.handle = -1;
        const text = decoder_push(handle, bytes, this.fatal, isLast);
        if (!isLast) {
            held.handle = handle;
        }
        return text;
    }
}

const NO_BYTES = new Uint8Array(0);

export class TextDecoder {
    #decoding;

    /**
     * @param {string} [label]
     * @param {{ fatal?: boolean, ignoreBOM?: boolean }} [options]
     */
    constructor(label, options) {
        if (options !== undefined && !isObject(options)) {
            throw wrongConstructorArgument("TextDecoder", 2, "ConstructorOptions");
        }
        this.#decoding = new Decoding(label, Boolean(options?.fatal), Boolean(options?.ignoreBOM));
    }

    get encoding() {
        if (!(#decoding in this)) {
            throw illegalInvocation();
        }
        return this.#decoding.name;
    }

    get fatal() {
        if (!(#decoding in this)) {
            throw illegalInvocation();
        }
        return this.#decoding.fatal;
    }

    get ignoreBOM() {
        if (!(#decoding in this)) {
            throw illegalInvocation();
        }
        return this.#decoding.ignoreBOM;
    }

    /**
     * @param {ArrayBuffer | ArrayBufferView} [input]
     * @param {{ stream?: boolean }} [options]
     * @returns {string}
     */
    decode(input, options) {
        if (!(#decoding in this)) {
            throw illegalInvocation();
        }
        /** @type {any} */
        let bytes = input;
        // What the host takes as it is: most are.
        if (!(bytes instanceof Uint8Array || bytes instanceof ArrayBuffer || bytes instanceof SharedArrayBuffer)) {
            bytes = bytes === undefined ? NO_BYTES : bytesIn(bytes);
        }
        if (bytes === null) {
            throw wrongArgument("TextDecoder", "decode", 1, "Array");
        }
        if (bytes.byteLength === 0) {
            // The host refuses a buffer that was taken.
            bytes = NO_BYTES;
        }
        if (options === undefined) {
            return this.#decoding.whole(bytes);
        }
        if (!isObject(options)) {
            throw wrongArgument("TextDecoder", "decode", 2, "DecodeOptions");
        }
        return options.stream ? this.#decoding.part(bytes, false) : this.#decoding.whole(bytes);
    }
}

/** Whether a text ends with the first half of a pair. @param {string} text */
function endsInPair(text) {
    const code = text.charCodeAt(text.length - 1);
    return code >= 0xd800 && code <= 0xdbff;
}

export class TextEncoderStream extends TransformStream {
    /** Marks objects of this class. */
    #brand = true;

    constructor() {
        let held = "";
        super(
            INTERNAL,
            transformSides({
                transform(/** @type {any} */ chunk, /** @type {any} */ controller) {
                    let text = held + toText(chunk);
                    held = "";
                    if (endsInPair(text)) {
                        held = text.slice(-1);
                        text = text.slice(0, -1);
                    }
                    if (text !== "") {
                        controller.enqueue(text_encode(text));
                    }
                },
                flush(/** @type {any} */ controller) {
                    if (held !== "") {
                        controller.enqueue(text_encode(held));
                    }
                },
            }),
        );
    }

    get encoding() {
        if (!(#brand in this)) {
            throw illegalInvocation();
        }
        return "utf-8";
    }
}

export class TextDecoderStream extends TransformStream {
    #decoding;

    /**
     * @param {string} [label]
     * @param {{ fatal?: boolean, ignoreBOM?: boolean }} [options]
     */
    constructor(label, options) {
        if (options !== undefined && !isObject(options)) {
            throw wrongConstructorArgument("TextDecoderStream", 2, "TextDecoderStreamInit");
        }
        // As in workerd: options that do not speak of faults do not want them.
        const fatal = options === undefined ? false : Boolean(options.fatal ?? true);
        const decoding = new Decoding(label, fatal, Boolean(options?.ignoreBOM));
        super(
            INTERNAL,
            transformSides({
                transform(/** @type {any} */ chunk, /** @type {any} */ controller) {
                    const bytes = bytesIn(chunk);
                    if (bytes === null) {
                        throw new TypeError(
                            "This TransformStream is being used as a byte stream, but received a value that is not a " +
                                "BufferSource.",
                        );
                    }
                    const text = decoding.part(bytes, false);
                    if (text !== "") {
                        controller.enqueue(text);
                    }
                },
                flush(/** @type {any} */ controller) {
                    const text = decoding.whole(NO_BYTES);
                    if (text !== "") {
                        controller.enqueue(text);
                    }
                },
            }),
        );
        this.#decoding = decoding;
    }

    get encoding() {
        if (!(#decoding in this)) {
            throw illegalInvocation();
        }
        return this.#decoding.name;
    }

    get fatal() {
        if (!(#decoding in this)) {
            throw illegalInvocation();
        }
        return this.#decoding.fatal;
    }

    get ignoreBOM() {
        if (!(#decoding in this)) {
            throw illegalInvocation();
        }
        return this.#decoding.ignoreBOM;
    }
}

/** Methods are no constructors. */
export const { atob, btoa } = {
    /** @param {string} data */
    atob(data) {
        if (arguments.length < 1) {
            throw wrongArgument("ServiceWorkerGlobalScope", "atob", 1, "string");
        }
        return base64_decode(toText(data));
    },

    /** @param {string} data */
    btoa(data) {
        if (arguments.length < 1) {
            throw wrongArgument("ServiceWorkerGlobalScope", "btoa", 1, "String");
        }
        return base64_encode(toText(data));
    },
};

finish(TextEncoder);
finish(TextDecoder);
finish(TextEncoderStream);
finish(TextDecoderStream);
