/**
 * Iterators over what a class holds in pairs (Web IDL, section 3.7.10), named as workerd names them
 * (src/workerd/jsg/iterator.h).
 *
 * An iterator goes by a place in a list, so whoever wants changes to be seen hands over the list itself.
 */

import { illegalConstructor, illegalInvocation } from "./idl.js";

/** `%IteratorPrototype%`, which gives iterators their helpers and makes them iterable. */
const base = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));

/**
 * A kind of iterator: a function that makes one over a list.
 *
 * @template T, R
 * @param {string} name
 * @param {(item: T) => R} pick
 * @returns {(list: T[]) => IterableIterator<R>}
 */
function kind(name, pick) {
    class Iterator {
        #list;
        #at = 0;

        /** @param {T[]} list */
        constructor(list) {
            this.#list = list;
        }

        next() {
            if (this.#at >= this.#list.length) {
                // What ended stays ended, even when something is added.
                this.#at = Infinity;
                return { done: true, value: undefined };
            }
            const value = pick(this.#list[this.#at]);
            this.#at += 1;
            return { done: false, value };
        }
    }
    const proto = Iterator.prototype;
    Object.setPrototypeOf(proto, base);
    Object.defineProperty(proto, "next", { enumerable: true });
    Object.defineProperty(proto, Symbol.toStringTag, { value: name, configurable: true });
    // Nobody makes one but the platform.
    Reflect.deleteProperty(proto, "constructor");
    return (list) => /** @type {any} */ (new Iterator(list));
}

/**
 * Iterators over lists of names and values.
 *
 * @template V
 * @returns {{
 *     entries: (list: Array<[string, V]>) => IterableIterator<[string, V]>,
 *     keys: (list: Array<[string, V]>) => IterableIterator<string>,
 *     values: (list: Array<[string, V]>) => IterableIterator<V>,
 * }}
 */
export function pairIterators() {
    return {
        entries: kind("EntryIterator", (pair) => [pair[0], pair[1]]),
        keys: kind("KeyIterator", (pair) => pair[0]),
        values: kind("ValueIterator", (pair) => pair[1]),
    };
}

/**
 * A class of iterators over something that gives its results itself: a function that makes one.
 *
 * @template S
 * @param {string} name
 * @param {(source: S) => IteratorResult<any, undefined>} next
 * @returns {(source: S) => IterableIterator<any>}
 */
export function iteratorClass(name, next) {
    let isOpen = false;
    class Iterator {
        #source;

        /** @param {S} source */
        constructor(source) {
            if (!isOpen) {
                throw illegalConstructor();
            }
            this.#source = source;
        }

        next() {
            if (!(#source in this)) {
                throw illegalInvocation();
            }
            return next(this.#source);
        }
    }
    const proto = Iterator.prototype;
    Object.defineProperty(Iterator, "name", { value: name });
    Object.setPrototypeOf(proto, base);
    Object.defineProperty(proto, "next", { enumerable: true });
    Object.defineProperty(proto, Symbol.toStringTag, { value: name, configurable: true });
    return (source) => {
        isOpen = true;
        const iterator = new Iterator(source);
        isOpen = false;
        return /** @type {any} */ (iterator);
    };
}
