/**
 * What the language itself lacks or must not do here: code made from strings, and weak references within a turn.
 *
 * `eval` and the constructors of functions throw as they do in workerd, which forbids code that is no module. The
 * target of a `WeakRef` stays alive as long as the turn that made or read the reference (ECMA-262, section 9.10,
 * `AddToKeptObjects`); this engine frees an object with its last reference.
 */

import { core_keep } from "dormouse:ops";

const { defineProperty, getPrototypeOf, setPrototypeOf } = Object;

function refused() {
    return new EvalError("Code generation from strings disallowed for this context");
}

/**
 * A constructor that takes the place of `prototype.constructor` and makes nothing.
 *
 * @param {string} name
 * @param {any} prototype
 * @param {() => unknown} empty Makes the function without parameters and body.
 */
function refuseConstructor(name, prototype, empty) {
    const { writable } = /** @type {PropertyDescriptor} */ (Object.getOwnPropertyDescriptor(prototype, "constructor"));
    const refusing = function (/** @type {unknown[]} */ ...source) {
        if (source.length > 0) {
            throw refused();
        }
        return empty();
    };
    defineProperty(refusing, "name", { value: name });
    defineProperty(refusing, "length", { value: 1 });
    defineProperty(refusing, "prototype", { value: prototype, writable: false });
    defineProperty(prototype, "constructor", { value: refusing, writable });
    return refusing;
}

/** @param {any} global */
export function refuseStrings(global) {
    const anonymous = (/** @type {Function} */ made) => defineProperty(made, "name", { value: "anonymous" });
    const plain = refuseConstructor("Function", Function.prototype, () => anonymous(function () {}));
    global.Function = plain;
    /** @type {[string, Function, () => unknown][]} */
    const kinds = [
        ["AsyncFunction", async function () {}, () => anonymous(async function () {})],
        ["GeneratorFunction", function* () {}, () => anonymous(function* () {})],
        ["AsyncGeneratorFunction", async function* () {}, () => anonymous(async function* () {})],
    ];
    for (const [name, sample, empty] of kinds) {
        setPrototypeOf(refuseConstructor(name, getPrototypeOf(sample), empty), plain);
    }
    const refusing = {
        eval(/** @type {unknown[]} */ ...source) {
            if (source.length > 0) {
                throw refused();
            }
        },
    };
    defineProperty(refusing.eval, "length", { value: 1 });
    global.eval = refusing.eval;
}

/** @param {any} global */
export function keepTargets(global) {
    const Native = global.WeakRef;
    const { prototype } = Native;
    const { deref } = prototype;
    const isTarget = (/** @type {unknown} */ target) =>
        (typeof target === "object" && target !== null) ||
        typeof target === "function" ||
        (typeof target === "symbol" && Symbol.keyFor(target) === undefined);
    /** @this {unknown} */
    function WeakRef(/** @type {any} */ target) {
        if (new.target === undefined) {
            throw new TypeError("Constructor WeakRef requires 'new'");
        }
        if (!isTarget(target)) {
            throw new TypeError("WeakRef: invalid target");
        }
        core_keep(target);
        return Reflect.construct(Native, [target], new.target);
    }
    defineProperty(WeakRef, "prototype", { value: prototype, writable: false });
    defineProperty(prototype, "constructor", { value: WeakRef });
    const methods = {
        deref() {
            const target = deref.call(this);
            if (target !== undefined) {
                core_keep(target);
            }
            return target;
        },
    };
    defineProperty(prototype, "deref", { value: methods.deref });
    global.WeakRef = WeakRef;
}
