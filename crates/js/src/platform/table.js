/** Rows and columns as text: what `console.table` prints. */

import { inspect } from "./inspect.js";

/** Rows and columns; what is more is left out. */
const ROWS_MAX = 1_000;
const COLUMNS_MAX = 50;

/**
 * A table of the members of `data`, or null when that has none.
 *
 * @param {any} data
 * @param {string[]} [only] The columns that are wanted.
 * @returns {string | null}
 */
export function table(data, only) {
    if (typeof data !== "object" || data === null) {
        return null;
    }
    const rows = rowsOf(data);
    /** @type {string[]} */
    const columns = [];
    let hasValues = false;
    for (const { value } of rows) {
        if (typeof value !== "object" || value === null) {
            hasValues = true;
            continue;
        }
        for (const name of Object.keys(value)) {
            if (!columns.includes(name) && columns.length < COLUMNS_MAX) {
                columns.push(name);
            }
        }
    }
    const shown = Array.isArray(only) ? only.map(String) : columns;
    const head = ["(index)", ...shown, ...(hasValues ? ["Values"] : [])];
    const lines = rows.map(({ index, value }) => {
        const isObject = typeof value === "object" && value !== null;
        const cells = shown.map((name) => (isObject && Object.hasOwn(value, name) ? cell(value[name]) : ""));
        return [index, ...cells, ...(hasValues ? [isObject ? "" : cell(value)] : [])];
    });
    return draw([head, ...lines]);
}

/**
 * @param {any} data
 * @returns {Array<{ index: string, value: any }>}
 */
function rowsOf(data) {
    const isMap = data instanceof Map;
    const entries = isMap ? [...data] : Object.entries(data instanceof Set ? [...data] : data);
    return entries.slice(0, ROWS_MAX).map(([index, value]) => ({ index: isMap ? cell(index) : String(index), value }));
}

/** @param {unknown} value */
function cell(value) {
    return inspect(value, { depth: 0 }).replaceAll("\n", " ");
}

/** @param {string[][]} rows */
function draw(rows) {
    const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)) + 2);
    const rule = (/** @type {[string, string, string]} */ ...[left, cross, right]) =>
        left + widths.map((width) => "─".repeat(width)).join(cross) + right;
    const pad = (/** @type {string} */ text, /** @type {number} */ column) => ` ${text}`.padEnd(widths[column]);
    const lines = rows.map((row) => `│${row.map(pad).join("│")}│`);
    const [head, ...body] = lines;
    return [rule("┌", "┬", "┐"), head, rule("├", "┼", "┤"), ...body, rule("└", "┴", "┘")].join("\n");
}
