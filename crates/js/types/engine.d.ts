// What the engine and V8 have beyond the standard.
interface ErrorConstructor {
    captureStackTrace: any;
    prepareStackTrace: any;
    stackTraceLimit: any;
}
