/**
 * `FormData` (XMLHttpRequest, section 4), and forms as bodies (Fetch, section 5.2; RFC 7578), as workerd has them
 * (src/workerd/api/form-data.c++).
 *
 * Names and file names are written with `%22` and `%0A` for quotes and line feeds and read back as they are; values are
 * written as they are.
 */

import { form_boundary, form_parse } from "dormouse:ops";
import { File, bytesOf, fileOf, isBlob, joined } from "./blob.js";
import { finish, toText, wrongArgument } from "./idl.js";
import { pairIterators } from "./iterators.js";

const iterators = pairIterators();

/** The list of names and values, which changes with the form. @type {(form: any) => Array<[string, string | File]>} */
let listOf;

export class FormData {
    /** @type {Array<[string, string | File]>} */
    #list = [];

    /**
     * @param {string} name
     * @param {string | Blob} value
     * @param {string} [fileName]
     */
    append(name, value, fileName) {
        const entry = entryOf("append", arguments.length, name, value, fileName);
        this.#list.push(entry);
    }

    /**
     * @param {string} name
     * @param {string | Blob} value
     * @param {string} [fileName]
     */
    set(name, value, fileName) {
        const entry = entryOf("set", arguments.length, name, value, fileName);
        const list = this.#list;
        const first = list.findIndex(([have]) => have === entry[0]);
        if (first < 0) {
            list.push(entry);
            return;
        }
        list[first] = entry;
        removeFrom(list, entry[0], first + 1);
    }

    /** @param {string} name */
    delete(name) {
        removeFrom(this.#list, nameOf("delete", arguments.length, name), 0);
    }

    /** @param {string} name */
    get(name) {
        const key = nameOf("get", arguments.length, name);
        return this.#list.find(([have]) => have === key)?.[1] ?? null;
    }

    /** @param {string} name */
    getAll(name) {
        const key = nameOf("getAll", arguments.length, name);
        return this.#list.filter(([have]) => have === key).map(([, value]) => value);
    }

    /** @param {string} name */
    has(name) {
        const key = nameOf("has", arguments.length, name);
        return this.#list.some(([have]) => have === key);
    }

    /**
     * @param {(value: string | File, name: string, form: FormData) => void} callback
     * @param {any} [self]
     */
    forEach(callback, self) {
        if (typeof callback !== "function") {
            throw wrongArgument("FormData", "forEach", 1, "function");
        }
        for (const [name, value] of this.#list) {
            callback.call(self, value, name, this);
        }
    }

    entries() {
        return iterators.entries(this.#list);
    }

    keys() {
        return iterators.keys(this.#list);
    }

    values() {
        return iterators.values(this.#list);
    }

    [Symbol.iterator]() {
        return iterators.entries(this.#list);
    }

    static {
        listOf = (form) => form.#list;
    }
}

finish(FormData);

/**
 * @param {string} method
 * @param {number} count
 * @param {unknown} name
 */
function nameOf(method, count, name) {
    if (count < 1) {
        throw wrongArgument("FormData", method, 1, "string");
    }
    return toText(name);
}

/**
 * A name and a value. A blob becomes a file; its name is the entry's when none is given.
 *
 * @param {string} method
 * @param {number} count
 * @param {unknown} name
 * @param {unknown} value
 * @param {unknown} fileName
 * @returns {[string, string | File]}
 */
function entryOf(method, count, name, value, fileName) {
    const key = nameOf(method, count, name);
    if (count < 2) {
        throw wrongArgument("FormData", method, 2, "File or Blob or string");
    }
    if (!isBlob(value)) {
        return [key, toText(value)];
    }
    if (fileName === undefined && value instanceof File) {
        return [key, value];
    }
    return [key, fileOf(bytesOf(value), fileName === undefined ? key : toText(fileName), value.type)];
}

/**
 * @param {Array<[string, unknown]>} list
 * @param {string} name
 * @param {number} from
 */
function removeFrom(list, name, from) {
    for (let at = list.length - 1; at >= from; at -= 1) {
        if (list[at][0] === name) {
            list.splice(at, 1);
        }
    }
}

/** @param {string} name */
function escaped(name) {
    if (name.endsWith("\\")) {
        throw new TypeError("Name or filename can't end with backslash");
    }
    return name.replaceAll("\\", "\\\\").replaceAll('"', "%22").replaceAll("\n", "%0A");
}

/**
 * A form as `multipart/form-data`: its bytes, and its type with the boundary.
 *
 * @param {FormData} form
 * @returns {{ bytes: Uint8Array, type: string }}
 */
export function written(form) {
    const boundary = form_boundary();
    /** @type {Array<string | Uint8Array>} */
    const parts = [];
    let text = "";
    for (const [name, value] of listOf(form)) {
        text += `--${boundary}\r\nContent-Disposition: form-data; name="${escaped(name)}"`;
        if (typeof value === "string") {
            text += `\r\n\r\n${value}\r\n`;
        } else {
            const type = value.type === "" ? "application/octet-stream" : value.type;
            parts.push(`${text}; filename="${escaped(value.name)}"\r\nContent-Type: ${type}\r\n\r\n`, bytesOf(value));
            text = "\r\n";
        }
    }
    parts.push(`${text}--${boundary}--`);
    return { bytes: joined(parts), type: `multipart/form-data; boundary=${boundary}` };
}

/**
 * The form that a body is.
 *
 * @param {Uint8Array} bytes
 * @param {string} type
 */
export function parsed(bytes, type) {
    const form = new FormData();
    const list = listOf(form);
    for (const [name, value, fileName, fileType] of form_parse(bytes, type)) {
        list.push([name, fileName === null ? value : fileOf(value, fileName, fileType)]);
    }
    return form;
}

/** @param {unknown} value @returns {value is FormData} */
export function isForm(value) {
    return value instanceof FormData;
}
