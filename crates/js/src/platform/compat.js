/** Which behaviour the Worker is written for: flags that are on, by its compatibility date or by name. */

/** @type {Set<string>} */
const flags = new Set();

/** @param {string[]} names */
export function setFlags(names) {
    for (const name of names) {
        flags.add(name);
    }
}

/** @param {string} name */
export function isOn(name) {
    return flags.has(name);
}

/** `Cloudflare.compatibilityFlags` */
export function allFlags() {
    return Object.fromEntries([...flags].map((name) => [name, true]));
}
