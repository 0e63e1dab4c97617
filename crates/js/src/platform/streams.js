/** All kinds of streams, for the other files of the platform, and streams of bytes that the platform gives. */

import { readableStream } from "./readable.js";
import { Readable } from "./readable_core.js";
import { SourceController } from "./readable_source.js";

export { FixedLengthStream, IdentityTransformStream } from "./identity.js";
export { ByteLengthQueuingStrategy, CountQueuingStrategy } from "./queuing.js";
export { ReadableStream, expectedLength, isDisturbed } from "./readable.js";
export { ReadableByteStreamController, ReadableStreamBYOBRequest } from "./readable_byte.js";
export { ReadableStreamBYOBReader, ReadableStreamDefaultReader } from "./readable_reader.js";
export { ReadableStreamDefaultController } from "./readable_value.js";
export { TransformStream, TransformStreamDefaultController } from "./transform.js";
export { WritableStream, WritableStreamDefaultController, WritableStreamDefaultWriter } from "./writable.js";

/**
 * A stream of bytes that the platform gives, such as a body. Its source is asked when somebody reads, and not before.
 *
 * @param {import("./readable_source.js").ByteSource} source
 * @returns {import("./readable.js").ReadableStream}
 */
export function byteStream(source) {
    const stream = new Readable();
    new SourceController(stream, source);
    return readableStream(stream);
}
