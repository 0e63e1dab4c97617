/** Everything that is installed on the global object, in one list. */

import { AbortController, AbortSignal } from "./abort.js";
import { Blob, File } from "./blob.js";
import { Body } from "./body.js";
import { Cache, CacheStorage, caches } from "./cache.js";
import { allFlags, isOn } from "./compat.js";
import { CompressionStream, DecompressionStream } from "./compression.js";
import { console } from "./console.js";
import { Crypto, CryptoKey, SubtleCrypto, crypto } from "./crypto.js";
import { TextDecoder, TextDecoderStream, TextEncoder, TextEncoderStream, atob, btoa } from "./encoding.js";
import { DOMException } from "./errors.js";
import {
    CloseEvent,
    CustomEvent,
    ErrorEvent,
    Event,
    EventTarget,
    MessageEvent,
    PromiseRejectionEvent,
} from "./events.js";
import { fetch } from "./fetch.js";
import { FormData } from "./form_data.js";
import { Headers } from "./headers.js";
import { keepTargets, refuseStrings } from "./language.js";
import { MessageChannel, MessagePort } from "./message_channel.js";
import { DurableObjectId, DurableObjectNamespace } from "./namespace.js";
import { Navigator, ServiceWorkerGlobalScope, WorkerGlobalScope, navigator } from "./navigator.js";
import { Performance, PerformanceEntry, PerformanceMark, PerformanceMeasure, performance } from "./performance.js";
import { globalTarget, reportError } from "./report.js";
import { Request } from "./request.js";
import { Response } from "./response.js";
import { SqlStorage, sqlClasses } from "./sql.js";
import { DurableObjectState, ExecutionContext } from "./state.js";
import { DurableObjectStorage, DurableObjectTransaction } from "./storage.js";
import { refuse, structuredClone } from "./structured_clone.js";
import {
    ByteLengthQueuingStrategy,
    CountQueuingStrategy,
    FixedLengthStream,
    IdentityTransformStream,
    ReadableByteStreamController,
    ReadableStream,
    ReadableStreamBYOBReader,
    ReadableStreamBYOBRequest,
    ReadableStreamDefaultController,
    ReadableStreamDefaultReader,
    TransformStream,
    TransformStreamDefaultController,
    WritableStream,
    WritableStreamDefaultController,
    WritableStreamDefaultWriter,
} from "./streams.js";
import { SyncKvStorage } from "./sync_kv.js";
import {
    clearImmediate,
    clearInterval,
    clearTimeout,
    queueMicrotask,
    scheduler,
    setImmediate,
    setInterval,
    setTimeout,
} from "./timers.js";
import { URL } from "./url.js";
import { URLPattern } from "./url_pattern.js";
import { URLSearchParams } from "./url_search_params.js";
import { WebSocket, WebSocketPair } from "./websocket.js";
import { WebSocketRequestResponsePair } from "./websocket_state.js";

const globals = {
    ...globalTarget,
    AbortController,
    AbortSignal,
    Blob,
    Body,
    ByteLengthQueuingStrategy,
    Cache,
    CacheStorage,
    CloseEvent,
    CompressionStream,
    CountQueuingStrategy,
    Crypto,
    CryptoKey,
    CustomEvent,
    DOMException,
    DecompressionStream,
    ErrorEvent,
    Event,
    EventTarget,
    File,
    FixedLengthStream,
    FormData,
    Headers,
    IdentityTransformStream,
    MessageChannel,
    MessageEvent,
    MessagePort,
    Navigator,
    Performance,
    PerformanceEntry,
    PerformanceMark,
    PerformanceMeasure,
    PromiseRejectionEvent,
    ReadableByteStreamController,
    ReadableStream,
    ReadableStreamBYOBReader,
    ReadableStreamBYOBRequest,
    ReadableStreamDefaultController,
    ReadableStreamDefaultReader,
    Request,
    Response,
    ServiceWorkerGlobalScope,
    SubtleCrypto,
    TextDecoder,
    TextDecoderStream,
    TextEncoder,
    TextEncoderStream,
    TransformStream,
    TransformStreamDefaultController,
    URL,
    URLPattern,
    URLSearchParams,
    WebSocket,
    WebSocketPair,
    WebSocketRequestResponsePair,
    WorkerGlobalScope,
    WritableStream,
    WritableStreamDefaultController,
    WritableStreamDefaultWriter,
    atob,
    btoa,
    caches,
    clearImmediate,
    clearInterval,
    clearTimeout,
    console,
    crypto,
    fetch,
    navigator,
    origin: "null",
    performance,
    queueMicrotask,
    reportError,
    scheduler,
    setImmediate,
    setInterval,
    setTimeout,
    structuredClone,
};

/** Classes without a global name, whose instances cannot be cloned either. */
const nameless = [
    ...sqlClasses,
    DurableObjectId,
    DurableObjectNamespace,
    DurableObjectState,
    DurableObjectStorage,
    DurableObjectTransaction,
    ExecutionContext,
    SqlStorage,
    SyncKvStorage,
];

/** @param {any} global */
export function install(global) {
    delete global.__ops;
    refuseStrings(global);
    keepTargets(global);
    refuse([...Object.values(globals), ...nameless]);
    for (const [name, value] of Object.entries(globals)) {
        Object.defineProperty(global, name, { value, writable: true, configurable: true, enumerable: false });
    }
    const self = { value: global, writable: true, configurable: true, enumerable: false };
    Object.defineProperty(global, "self", self);
    Object.setPrototypeOf(global, ServiceWorkerGlobalScope.prototype);
    delete global[Symbol.toStringTag];
    if (isOn("nodejs_compat")) {
        Object.defineProperty(global, "global", self);
    }
    global.Cloudflare = Object.freeze({ compatibilityFlags: Object.freeze(allFlags()) });
}
