// Notices by itself when the helper appears (B7).

import { HelperFailure, findHelper } from "./helper.js";

/** @typedef {import("./helper.js").Surroundings} Surroundings */
/** @typedef {import("./helper.js").Found} Found */

export const EVERY = 2000;

/** While one of these is the answer, the next look may find something else, and asking again disturbs nobody. */
const WORTH_WAITING = ["helper_not_running", "unreachable", "origin_refused", "wrong_user", "unsupported_protocol", "busy"];

/**
 * @typedef {object} Watch
 * @property {(found: Found) => void} onFound
 * @property {(failure: HelperFailure) => void} [onStopped]
 * @property {() => void} [onAsking]
 * @property {number} [limit] gives up after so many milliseconds
 * @property {string} [except] a version to look past: the outdated one that is still running
 */

/**
 * @param {number[]} ports
 * @param {Surroundings} surroundings
 * @param {Watch} watch
 * @returns {() => void} stops watching
 */
export function watchForHelper(ports, surroundings, { onFound, onStopped = () => {}, onAsking, limit = Infinity, except = "" }) {
  const started = surroundings.now();
  let stopped = false;

  async function look() {
    if (stopped) return;
    try {
      const found = await findHelper(ports, surroundings, { onAsking, thorough: false });
      if (stopped) return;
      if (found.version === except) surroundings.later(look, EVERY);
      else onFound(found);
    } catch (failure) {
      if (stopped) return;
      if (!(failure instanceof HelperFailure)) throw failure;
      const late = surroundings.now() - started >= limit;
      if (late || !WORTH_WAITING.includes(failure.code)) onStopped(failure);
      else surroundings.later(look, EVERY);
    }
  }

  look();
  return () => {
    stopped = true;
  };
}
