/**
 * `URLPattern` (URL Pattern Standard). The host parses patterns and inputs; regular expressions are the engine's own.
 *
 * An expression is made when its component is first compared, and none where any text matches.
 */

import { pattern_input, pattern_parse } from "dormouse:ops";
import { finish, isObject, toText, wrongConstructorArgument } from "./idl.js";
import { URL } from "./url.js";

const COMPONENTS = ["protocol", "username", "password", "hostname", "port", "pathname", "search", "hash"];
const MEMBERS = [...COMPONENTS, "baseURL"];

/**
 * @typedef {object} Component
 * @property {string} text
 * @property {string} expression
 * @property {string[]} names
 * @property {RegExp | null} compiled
 */

export class URLPattern {
    #hasRegExpGroups = false;
    #ignoreCase = false;
    /** @type {Record<string, Component>} */
    #components = {};

    /**
     * @param {string | URLPatternInit | null} [input]
     * @param {string | URLPatternOptions} [baseOrOptions]
     * @param {URLPatternOptions} [options]
     */
    constructor(input, baseOrOptions, options) {
        const hasBase = baseOrOptions !== undefined && baseOrOptions !== null && !isObject(baseOrOptions);
        const base = hasBase ? toText(baseOrOptions) : null;
        const given = /** @type {any} */ (isObject(baseOrOptions) ? baseOrOptions : options);
        if (given !== undefined && given !== null && !isObject(given)) {
            throw wrongConstructorArgument("URLPattern", hasBase ? 3 : 2, "URLPatternOptions");
        }
        this.#ignoreCase = Boolean(given?.ignoreCase);
        const { text, init } = readInput(input);
        if (init !== null && base !== null) {
            throw new TypeError("Failed to construct URLPattern");
        }
        const parsed = pattern_parse(this.#ignoreCase, text, base, ...membersOf(init));
        this.#hasRegExpGroups = parsed[0];
        for (const [at, name] of COMPONENTS.entries()) {
            const [text, expression, names] = parsed.slice(1 + 3 * at);
            const component = { text, expression, names, compiled: null };
            this.#components[name] = component;
            // What only the engine finds out about an expression of the user is told here.
            if (this.#hasRegExpGroups) {
                this.#compile(component);
            }
        }
    }

    get protocol() {
        return this.#components.protocol.text;
    }

    get username() {
        return this.#components.username.text;
    }

    get password() {
        return this.#components.password.text;
    }

    get hostname() {
        return this.#components.hostname.text;
    }

    get port() {
        return this.#components.port.text;
    }

    get pathname() {
        return this.#components.pathname.text;
    }

    get search() {
        return this.#components.search.text;
    }

    get hash() {
        return this.#components.hash.text;
    }

    get hasRegExpGroups() {
        return this.#hasRegExpGroups;
    }

    /**
     * @param {string | URLPatternInit} [input]
     * @param {string} [base]
     */
    test(input, base) {
        const { values } = this.#read(input, base, "Failed to test URLPattern");
        return values !== null && COMPONENTS.every((name, at) => this.#matches(this.#components[name], values[at]));
    }

    /**
     * @param {string | URLPatternInit} [input]
     * @param {string} [base]
     */
    exec(input, base) {
        const { inputs, values } = this.#read(input, base, "Failed to exec URLPattern");
        if (values === null) {
            return null;
        }
        const result = /** @type {Record<string, unknown>} */ ({ inputs });
        for (const [at, name] of COMPONENTS.entries()) {
            const groups = this.#compare(this.#components[name], values[at]);
            if (groups === null) {
                return null;
            }
            result[name] = { input: values[at], groups };
        }
        return result;
    }

    /**
     * What an input has to compare, null when it is no URL.
     *
     * @param {unknown} input
     * @param {unknown} base
     * @param {string} failure
     * @returns {{ inputs: unknown[], values: string[] | null }}
     */
    #read(input, base, failure) {
        const { text, init } = readInput(input);
        const baseText = base === undefined ? null : toText(base);
        if (init !== null && baseText !== null) {
            throw new TypeError(failure);
        }
        const values = text === null ? pattern_input(...membersOf(init)) : partsOf(text, baseText);
        return { inputs: baseText === null ? [text ?? init] : [text, baseText], values };
    }

    /**
     * @param {Component} component
     * @param {string} input
     */
    #matches(component, input) {
        return component.text === "*" || this.#compile(component).test(input);
    }

    /**
     * @param {Component} component
     * @param {string} input
     */
    #compare(component, input) {
        if (component.text === "*") {
            return { 0: input };
        }
        const match = this.#compile(component).exec(input);
        if (match === null) {
            return null;
        }
        const groups = /** @type {Record<string, string | undefined>} */ ({});
        for (const [at, name] of component.names.entries()) {
            // A name may be that of something that every object has.
            const value = match[at + 1];
            Object.defineProperty(groups, name, { value, writable: true, enumerable: true, configurable: true });
        }
        return groups;
    }

    /** @param {Component} component */
    #compile(component) {
        if (component.compiled === null) {
            try {
                component.compiled = new RegExp(component.expression, this.#ignoreCase ? "ui" : "u");
            } catch {
                throw new TypeError("Failed to construct URLPattern");
            }
        }
        return component.compiled;
    }
}

finish(URLPattern);

/**
 * An input as a text or as a dictionary.
 *
 * @param {any} input
 * @returns {{ text: string | null, init: Record<string, string | undefined> | null }}
 */
function readInput(input) {
    if (input !== undefined && input !== null && !isObject(input)) {
        return { text: toText(input), init: null };
    }
    const init = /** @type {Record<string, string | undefined>} */ ({});
    for (const name of MEMBERS) {
        const value = input?.[name];
        init[name] = value === undefined ? undefined : toText(value).toWellFormed();
    }
    return { text: null, init };
}

/** @param {Record<string, string | undefined> | null} init */
function membersOf(init) {
    return init === null ? [] : MEMBERS.map((name) => init[name] ?? null);
}

/**
 * What a URL has to compare, or null when the text is none.
 *
 * @param {string} text
 * @param {string | null} base
 */
function partsOf(text, base) {
    const url = URL.parse(text, base ?? undefined);
    if (url === null) {
        return null;
    }
    const { protocol, username, password, hostname, port, pathname, search, hash } = url;
    return [protocol.slice(0, -1), username, password, hostname, port, pathname, search.slice(1), hash.slice(1)];
}
