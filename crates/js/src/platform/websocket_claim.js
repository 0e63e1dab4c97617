/**
 * Ends of pairs that nobody uses. An end is used when it is accepted or goes into a response; one that code has lost before
 * is found by the collector, and the other end then hears that its peer has gone. What else becomes of an end is the matter
 * of `websocket.js`.
 */

import { socket_abandon, socket_forsake } from "dormouse:ops";

/**
 * What both ends of a pair know. The server's end is a socket of the object that made the pair, the client's becomes one
 * of whoever accepts it. `isForsaken` says that nobody can reach one of the two any more, and that it was not used.
 *
 * @typedef {{
 *     guest: number,
 *     server: number,
 *     client: number,
 *     isServerUsed: boolean,
 *     isClientUsed: boolean,
 *     isForsaken: boolean,
 * }} Pair
 */

/**
 * An end of a pair that was not used holds one. Once it is used, the host lets go of the pair in other ways.
 *
 * @typedef {{ held: { pair: Pair, isUsed: boolean } }} Claim
 */

/** Ends that nobody can reach any more. @type {FinalizationRegistry<Claim["held"]>} */
const forsaken = new FinalizationRegistry(({ pair, isUsed }) => {
    if (isUsed) {
        return;
    }
    if (pair.isServerUsed || pair.isClientUsed || pair.isForsaken) {
        letGo(pair);
    }
    pair.isForsaken = true;
});

/** @param {Pair} pair @returns {Claim} */
export function claimOn(pair) {
    const claim = { held: { pair, isUsed: false } };
    forsaken.register(claim, claim.held);
    return claim;
}

/** Nobody will use what of a pair was not used: the other end of it hears that its peer has gone. @param {Pair} pair */
export function letGo(pair) {
    if (!pair.isClientUsed) {
        pair.isClientUsed = true;
        socket_abandon(pair.guest, pair.client);
    }
    if (!pair.isServerUsed) {
        pair.isServerUsed = true;
        socket_forsake(pair.guest, pair.client);
    }
}
