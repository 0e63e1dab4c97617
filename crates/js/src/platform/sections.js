/** Critical sections: what `blockConcurrencyWhile` and `transaction` run while all else of the object waits. */

import { task_section } from "dormouse:ops";

/** What a section runs, by its call. @type {Map<number, () => Promise<void>>} */
const sections = new Map();

/**
 * Runs code as soon as the gate lets it, and nothing else of the object until its promise is settled. When that is
 * rejected, the object is reset.
 *
 * @param {() => Promise<void>} run
 */
export function enterSection(run) {
    const call = task_section();
    if (call !== null) {
        sections.set(call, run);
    }
}

/**
 * Runs the code of a critical section, for the host.
 *
 * @param {number} call
 */
export function section(call) {
    const run = sections.get(call);
    sections.delete(call);
    return run?.();
}
