/**
 * Values as text for people, as Node writes them: what `console` prints.
 *
 * Getters of user code are not called, but for names and what says what an error is. Objects of the platform show their
 * attributes. Depth, lists, texts and keys are cut at the limits below, and circles are marked.
 */

import { core_promise_state, core_proxy_target } from "dormouse:ops";
import { isPlatformPrototype } from "./idl.js";

/** Levels of objects within objects. */
const DEPTH = 2;
/** Items of a list, keys of an object, entries of a map. */
const ITEMS_MAX = 100;
const KEYS_MAX = 200;
/** Units of a text, but for a text that is printed alone. */
const TEXT_MAX = 10_000;
/** Bytes of a buffer. */
const BYTES_MAX = 50;
/** Where a line ends. */
const LINE_LEN = 80;
/** How many levels at most stand in one line. */
const COMPACT = 3;
/** More short items than this stand in rows. */
const ROWS_FROM = 6;

const CUSTOM = Symbol.for("nodejs.util.inspect.custom");
const TypedArray = Object.getPrototypeOf(Uint8Array);

/**
 * @param {unknown} value
 * @param {{ depth?: number | null, showHidden?: boolean }} [options]
 * @returns {string}
 */
export function inspect(value, options = {}) {
    const depth = options.depth === null ? Infinity : (options.depth ?? DEPTH);
    return new Printer(depth, Boolean(options.showHidden)).print(value, 0, false);
}

/** How an object is shown: what stands before its braces, the braces, and what is in them. */
class Layout {
    prefix = "";
    open = "{";
    close = "}";
    /** @type {string[]} */
    parts = [];
    /** Whether it is a list, whose keys are not said. */
    isList = false;
    /** Shown without braces when there is nothing in them. @type {string | null} */
    alone = null;
    /** Keys that are shown already. @type {PropertyKey[]} */
    shown = [];
    /** Keys that are shown although they are hidden. @type {PropertyKey[]} */
    extra = [];
}

class Printer {
    #depth;
    #showHidden;
    /** Objects around what is printed. @type {object[]} */
    #around = [];
    /** Numbers of those that something inside refers to. @type {Map<object, number>} */
    #references = new Map();
    #indent = 0;
    /** The level of what was printed last. */
    #deepest = 0;

    /**
     * @param {number} depth
     * @param {boolean} showHidden
     */
    constructor(depth, showHidden) {
        this.#depth = depth;
        this.#showHidden = showHidden;
    }

    /**
     * @param {any} value
     * @param {number} level
     * @param {boolean} isInside
     * @returns {string}
     */
    print(value, level, isInside) {
        if (typeof value === "string") {
            return this.#text(value, isInside);
        }
        if ((typeof value !== "object" && typeof value !== "function") || value === null) {
            return primitive(value);
        }
        const target = core_proxy_target(value);
        if (target !== undefined) {
            return target === null ? "<Revoked Proxy>" : `Proxy(${this.print(target, level, isInside)})`;
        }
        if (this.#around.includes(value)) {
            if (!this.#references.has(value)) {
                this.#references.set(value, this.#references.size + 1);
            }
            return `[Circular *${this.#references.get(value)}]`;
        }
        try {
            return this.#object(value, level);
        } catch (error) {
            return `[${nameOf(value) ?? "Object"}: cannot be shown]`;
        }
    }

    /**
     * @param {any} value
     * @param {number} level
     */
    #object(value, level) {
        const custom = value[CUSTOM];
        if (typeof custom === "function") {
            const shown = custom.call(value, this.#depth - level, {}, inspect);
            return typeof shown === "string" ? shown : this.print(shown, level, true);
        }
        const layout = new Layout();
        const name = nameOf(value);
        describe(value, name, layout);
        if (this.#indent > 0 && layout.prefix.includes("\n")) {
            layout.prefix = layout.prefix.replaceAll("\n", `\n${" ".repeat(this.#indent)}`);
            layout.alone = layout.alone === null ? null : layout.prefix;
        }
        const keys = this.#keys(value, layout);
        const isEmpty = keys.length === 0 && layout.parts.length === 0 && !hasItems(value, layout);
        if (isEmpty) {
            return layout.alone ?? this.#join(layout, level);
        }
        if (level > this.#depth) {
            return `[${Array.isArray(value) ? "Array" : (name ?? "Object: null prototype")}]`;
        }
        this.#around.push(value);
        this.#deepest = level;
        this.#indent += 2;
        this.#items(value, level, layout);
        const hidden = keys.length - KEYS_MAX;
        for (const key of hidden > 0 ? keys.slice(0, KEYS_MAX) : keys) {
            layout.parts.push(this.#property(value, key, level, layout));
        }
        if (hidden > 0) {
            layout.parts.push(more(hidden, "key"));
        }
        this.#indent -= 2;
        this.#around.pop();
        const reference = this.#references.get(value);
        if (reference !== undefined) {
            layout.prefix = `<ref *${reference}> ${layout.prefix}`.trimEnd();
        }
        return this.#join(layout, level);
    }

    /**
     * What is in an object besides its properties.
     *
     * @param {any} value
     * @param {number} level
     * @param {Layout} layout
     */
    #items(value, level, layout) {
        const print = (/** @type {unknown} */ item) => this.print(item, level + 1, true);
        const { parts } = layout;
        if (layout.isList) {
            this.#list(value, level, parts);
        } else if (value instanceof Set) {
            cut(value, value.size, parts, print);
        } else if (value instanceof Map) {
            cut(value, value.size, parts, ([key, item]) => `${print(key)} => ${print(item)}`);
        } else if (value instanceof ArrayBuffer) {
            parts.push(`[Uint8Contents]: <${bytesOf(value)}>`, `byteLength: ${value.byteLength}`);
        } else if (value instanceof DataView) {
            parts.push(`byteLength: ${value.byteLength}`, `byteOffset: ${value.byteOffset}`);
            parts.push(`buffer: ${print(value.buffer)}`);
        } else if (value instanceof Promise) {
            const [state, result] = core_promise_state(value);
            const mark = state === "rejected" ? "<rejected> " : "";
            parts.push(state === "pending" ? "<pending>" : mark + print(result));
        } else if (value instanceof WeakMap || value instanceof WeakSet) {
            parts.push("<items unknown>");
        } else if (isPlatformPrototype(Object.getPrototypeOf(value))) {
            this.#attributes(value, level, layout);
        }
    }

    /**
     * @param {any} list
     * @param {number} level
     * @param {string[]} parts
     */
    #list(list, level, parts) {
        const length = list.length;
        let at = 0;
        while (at < length && parts.length < ITEMS_MAX) {
            const from = at;
            while (at < length && !(at in list)) {
                at += 1;
                // A list may be long and have nothing in it.
                if (at - from === ITEMS_MAX) {
                    at = Number(Object.keys(list).find((key) => Number(key) >= at) ?? length);
                    at = Number.isInteger(at) ? Math.min(at, length) : length;
                }
            }
            if (at > from) {
                parts.push(`<${at - from} empty item${at - from > 1 ? "s" : ""}>`);
            } else {
                const { get, set, value } = Object.getOwnPropertyDescriptor(list, at) ?? {};
                parts.push((get ?? set) ? accessor(get, set) : this.print(value, level + 1, true));
                at += 1;
            }
        }
        if (at < length) {
            parts.push(more(length - at, "item"));
        }
    }

    /**
     * The attributes of an object of the platform, whose getters are ours.
     *
     * @param {any} value
     * @param {number} level
     * @param {Layout} layout
     */
    #attributes(value, level, layout) {
        const print = (/** @type {unknown} */ item) => this.print(item, level + 1, true);
        const chain = [];
        let proto = Object.getPrototypeOf(value);
        while (isPlatformPrototype(proto)) {
            chain.unshift(proto);
            proto = Object.getPrototypeOf(proto);
        }
        if (typeof value.entries === "function" && typeof value[Symbol.iterator] === "function") {
            const entries = [...value.entries()];
            layout.prefix += `(${entries.length})`;
            cut(entries, entries.length, layout.parts, ([key, item]) => `${print(key)} => ${print(item)}`);
            return;
        }
        for (const proto of chain) {
            for (const [name, { get }] of Object.entries(Object.getOwnPropertyDescriptors(proto))) {
                if (get !== undefined) {
                    layout.parts.push(`${name}: ${print(get.call(value))}`);
                }
            }
        }
    }

    /**
     * @param {any} value
     * @param {Layout} layout
     */
    #keys(value, layout) {
        const isIndexed = layout.isList || value instanceof String;
        return Reflect.ownKeys(value).filter((key) => {
            if (layout.shown.includes(key) || (isIndexed && typeof key === "string" && /^(0|[1-9]\d*)$/.test(key))) {
                return false;
            }
            return this.#showHidden || layout.extra.includes(key) || isEnumerable(value, key);
        });
    }

    /**
     * @param {any} value
     * @param {PropertyKey} key
     * @param {number} level
     * @param {Layout} layout
     */
    #property(value, key, level, layout) {
        const { get, set, value: item, enumerable } = /** @type {any} */ (Object.getOwnPropertyDescriptor(value, key));
        // The text of a value in the next line is told apart by its indentation.
        const shown = (get ?? set) ? accessor(get, set) : this.print(item, level + 1, true);
        const name = typeof key === "symbol" ? key.toString() : key;
        if (!enumerable) {
            return `[${String(name)}]: ${shown}`;
        }
        const isPlain = typeof key === "symbol" || /^[A-Za-z_$][\w$]*$/.test(String(key));
        return `${isPlain ? String(name) : quote(String(name))}: ${shown}`;
    }

    /**
     * In one line where that is short and not deep, else one part a line.
     *
     * @param {Layout} layout
     * @param {number} level
     */
    #join({ prefix, open, close, parts, isList }, level) {
        const start = prefix === "" ? open : `${prefix} ${open}`;
        if (parts.length === 0) {
            return `${start}${close}`;
        }
        const rows = isList && parts.length > ROWS_FROM ? inRows(parts, this.#indent) : parts;
        if (rows === parts && this.#deepest - level < COMPACT) {
            const length = parts.reduce((sum, part) => sum + part.length + 1, 0);
            const line = `${start} ${parts.join(", ")} ${close}`;
            const around = this.#indent + start.length + parts.length + 10;
            if (length + around <= LINE_LEN && !line.includes("\n")) {
                return line;
            }
        }
        const indent = `\n${" ".repeat(this.#indent)}`;
        return `${start}${indent}  ${rows.join(`,${indent}  `)}${indent}${close}`;
    }

    /**
     * @param {string} text
     * @param {boolean} isInside
     */
    #text(text, isInside) {
        const rest = text.length - TEXT_MAX;
        const end = rest > 0 ? `... ${rest} more character${rest > 1 ? "s" : ""}` : "";
        const kept = rest > 0 ? text.slice(0, TEXT_MAX) : text;
        if (isInside && kept.length > 16 && kept.length > LINE_LEN - this.#indent - 4 && kept.includes("\n")) {
            const lines = kept.match(/[^\n]*\n|[^\n]+$/g) ?? [];
            return lines.map(quote).join(` +\n${" ".repeat(this.#indent + 2)}`) + end;
        }
        return quote(kept) + end;
    }
}

/**
 * What an object is: the words before its braces.
 *
 * @param {any} value
 * @param {string | null} name
 * @param {Layout} layout
 */
function describe(value, name, layout) {
    const tag = tagOf(value, name);
    const list = () => {
        [layout.isList, layout.open, layout.close] = [true, "[", "]"];
    };
    if (Array.isArray(value)) {
        list();
        layout.prefix = name === "Array" && tag === "" ? "" : title("Array", `(${value.length})`, name) + tag;
    } else if (value instanceof TypedArray) {
        list();
        layout.prefix = title(value[Symbol.toStringTag], `(${value.length})`, name);
    } else if (value instanceof Map) {
        layout.prefix = title("Map", `(${value.size})`, name);
    } else if (value instanceof Set) {
        layout.prefix = title("Set", `(${value.size})`, name);
    } else if (typeof value === "function") {
        layout.alone = layout.prefix = functionTitle(value, name) + tag;
    } else if (value instanceof Error) {
        layout.alone = layout.prefix = errorTitle(value, layout);
    } else if (value instanceof Date) {
        layout.alone = layout.prefix = Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
    } else if (value instanceof RegExp) {
        layout.alone = layout.prefix = RegExp.prototype.toString.call(value);
    } else if (Object.prototype.toString.call(value) === "[object Arguments]" && !(Symbol.toStringTag in value)) {
        list();
        layout.prefix = "[Arguments]";
    } else if (isBoxed(value)) {
        const inner = value.valueOf();
        layout.alone = layout.prefix = `[${name}: ${typeof inner === "string" ? quote(inner) : primitive(inner)}]`;
    } else if (name === null) {
        const isModule = value[Symbol.toStringTag] === "Module";
        layout.prefix = isModule ? "[Module: null prototype]" : `[Object: null prototype]${tag}`;
    } else if (name !== "Object" || tag !== "") {
        layout.prefix = `${name}${tag}`;
    }
}

/**
 * A kind of the language, and the name of the class if it is another one.
 *
 * @param {string} kind
 * @param {string} size
 * @param {string | null} name
 */
function title(kind, size, name) {
    if (name === null) {
        return `[${kind}${size}: null prototype]`;
    }
    return name === kind ? `${kind}${size}` : `${name}${size} [${kind}]`;
}

/** What an object calls itself, when that is not its class. @param {any} value @param {string | null} name */
function tagOf(value, name) {
    const tag = value[Symbol.toStringTag];
    const says = typeof tag === "string" && tag !== "" && tag !== name && !isEnumerable(value, Symbol.toStringTag);
    return says ? ` [${tag}]` : "";
}

/**
 * The name of a value's class; null when it has none.
 *
 * @param {any} value
 * @returns {string | null}
 */
function nameOf(value) {
    for (let object = value; object !== null; object = Object.getPrototypeOf(object)) {
        const { value: made, get } = Object.getOwnPropertyDescriptor(object, "constructor") ?? {};
        if (typeof made === "function" && made.name !== "" && value instanceof made) {
            return String(made.name);
        }
        // That of promises may be read by a getter: see async_context.js.
        if (get !== undefined && object === Promise.prototype) {
            return "Promise";
        }
    }
    return null;
}

/** @param {object} value @param {PropertyKey} key */
function isEnumerable(value, key) {
    return Object.prototype.propertyIsEnumerable.call(value, key);
}

/**
 * Whether there is something in an object besides its properties.
 *
 * @param {any} value
 * @param {Layout} layout
 */
function hasItems(value, layout) {
    if (layout.isList) {
        return value.length > 0;
    }
    if (value instanceof Map || value instanceof Set) {
        return value.size > 0;
    }
    const others = [ArrayBuffer, DataView, Promise, WeakMap, WeakSet];
    return others.some((Class) => value instanceof Class) || isPlatformPrototype(Object.getPrototypeOf(value));
}

/** @param {any} value */
function isBoxed(value) {
    return [String, Number, Boolean, BigInt, Symbol].some((Class) => value instanceof Class);
}

/**
 * @param {Function} value
 * @param {string | null} name
 */
function functionTitle(value, name) {
    const own = typeof value.name === "string" ? value.name : "";
    if (Function.prototype.toString.call(value).startsWith("class")) {
        const parent = Object.getPrototypeOf(value)?.name;
        return `[class ${own === "" ? "(anonymous)" : own}${parent ? ` extends ${parent}` : ""}]`;
    }
    return `[${name ?? "Function"}${own === "" ? " (anonymous)" : `: ${own}`}]`;
}

/**
 * The stack of an error, which begins with its name and message.
 *
 * @param {any} error
 * @param {Layout} layout
 */
function errorTitle(error, layout) {
    const [name, message] = [textOf(error.name) || "Error", textOf(error.message)];
    const head = message === "" ? name : `${name}: ${message}`;
    layout.shown.push("stack", "message");
    if (isEnumerable(error, "name")) {
        layout.shown.push("name");
    }
    layout.extra.push("cause", "errors");
    const stack = textOf(error.stack).trimEnd();
    if (stack === "") {
        return `[${head}]`;
    }
    return stack.includes(message || name) && !/^\s+at /.test(stack) ? stack : `${head}\n${stack}`;
}

/** @param {unknown} value */
function textOf(value) {
    return value === undefined ? "" : String(value);
}

/**
 * @param {Function | undefined} get
 * @param {Function | undefined} set
 */
function accessor(get, set) {
    return get === undefined ? "[Setter]" : set === undefined ? "[Getter]" : "[Getter/Setter]";
}

/** @param {any} value */
function primitive(value) {
    switch (typeof value) {
        case "bigint":
            return `${value}n`;
        case "symbol":
            return value.toString();
        default:
            return Object.is(value, -0) ? "-0" : String(value);
    }
}

/** @type {Record<string, string>} */
const ESCAPES = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f", "\v": "\\v", "\\": "\\\\" };

/** A text in quotes: in those that it has not. @param {string} text */
export function quote(text) {
    const mark = !text.includes("'") ? "'" : !text.includes('"') ? '"' : !/[`$]/.test(text) ? "`" : "'";
    // eslint-disable-next-line no-control-regex
    const escaped = text.replace(/[\u0000-\u001f\u007f-\u009f\\]/g, (unit) => {
        return ESCAPES[unit] ?? `\\x${unit.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
    });
    return mark + (mark === "'" ? escaped.replaceAll("'", "\\'") : escaped) + mark;
}

/**
 * The first of some items, and how many more there are.
 *
 * @param {Iterable<any>} items
 * @param {number} count
 * @param {string[]} parts
 * @param {(item: any) => string} print
 */
function cut(items, count, parts, print) {
    let left = ITEMS_MAX;
    for (const item of items) {
        if (left-- === 0) {
            break;
        }
        parts.push(print(item));
    }
    if (count > ITEMS_MAX) {
        parts.push(more(count - ITEMS_MAX, "item"));
    }
}

/** @param {number} count @param {string} what */
function more(count, what) {
    return `... ${count} more ${what}${count > 1 ? "s" : ""}`;
}

/** @param {ArrayBuffer} buffer */
function bytesOf(buffer) {
    const shown = new Uint8Array(buffer, 0, Math.min(BYTES_MAX, buffer.byteLength));
    const bytes = Array.from(shown, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const rest = buffer.byteLength - shown.length;
    return rest > 0 ? `${bytes} ${more(rest, "byte")}` : bytes;
}

/**
 * Short items side by side, in columns of about the height of the whole.
 *
 * @param {string[]} parts
 * @param {number} indent
 */
function inRows(parts, indent) {
    const hasMore = parts.length > ITEMS_MAX && /^\.\.\. \d+ more item/.test(parts[ITEMS_MAX]);
    const cells = hasMore ? parts.slice(0, ITEMS_MAX) : parts;
    const widths = cells.map((cell) => cell.length + 2);
    const [widest, total] = [Math.max(...widths), widths.reduce((sum, width) => sum + width, 0)];
    const isEven = total / widest > 5 || widest <= 8;
    if (cells.some((cell) => cell.includes("\n")) || widest * 3 + indent >= LINE_LEN || !isEven) {
        return parts;
    }
    const usual = Math.max(widest - 3 - Math.sqrt(widest - total / parts.length), 1);
    const wanted = Math.round(Math.sqrt(2.5 * usual * cells.length) / usual);
    const columns = Math.min(wanted, Math.floor((LINE_LEN - indent) / widest), COMPACT * 4, 15);
    if (columns <= 1) {
        return parts;
    }
    const rows = [];
    const columnWidths = Array.from({ length: columns }, (_, column) => {
        return Math.max(...widths.filter((_, at) => at % columns === column));
    });
    const isNumbers = cells.every((cell) => /^-?[\d.]+(e[+-]?\d+)?n?$/.test(cell));
    for (let from = 0; from < cells.length; from += columns) {
        const row = cells.slice(from, from + columns).map((cell, column, all) => {
            const [isLast, width] = [column === all.length - 1, columnWidths[column]];
            const text = isLast ? cell : `${cell}, `;
            return isNumbers ? text.padStart(isLast ? width - 2 : width) : isLast ? text : text.padEnd(width);
        });
        rows.push(row.join(""));
    }
    return hasMore ? [...rows, parts[ITEMS_MAX]] : rows;
}
