// Finds the helper on this computer, and tells the reasons apart why it cannot be reached.
//
// A page that may not reach the helper sees a bare TypeError, so the reason has to be concluded from how long the request
// took and from what the browser says of its permission. That answer is a hint: it is asked for, and never decides alone
// whether a request is made.

/** After so many milliseconds without an answer the browser is probably asking the user. */
export const ASK_AFTER = 800;
/** The user was asked and did not allow it, if it took so long; a browser refuses sooner without asking. */
export const REFUSED_AT_ONCE = 500;
export const GIVE_UP_AFTER = 120000;
/** Where no prompt can be open, a program that accepts and does not answer is passed over. */
const SILENT_AFTER = 5000;

const PRODUCT = "certlogin-helper";
const PROTOCOL = 1;

/** @typedef {"granted" | "prompt" | "denied" | "unsupported"} PermissionName */

/**
 * @typedef {object} Found
 * @property {number} port
 * @property {string} version
 * @property {string} os
 * @property {string} arch
 */

/**
 * What the browser lends us; tests lend something else.
 * @typedef {object} Surroundings
 * @property {typeof fetch} fetch
 * @property {() => Promise<PermissionName>} permission
 * @property {() => number} now milliseconds, monotonic
 * @property {(action: () => void, milliseconds: number) => unknown} later
 * @property {(timer: unknown) => void} cancelLater
 * @property {string} hostname of the page
 */

/** The helper cannot be reached, or it refused. */
export class HelperFailure extends Error {
  /**
   * @param {string} code
   * @param {Record<string, unknown>} [facts]
   */
  constructor(code, facts = {}) {
    super(code);
    this.code = code;
    this.facts = facts;
  }
}

/**
 * @param {Window} view
 * @returns {Surroundings}
 */
export function browserSurroundings(view) {
  return {
    fetch: view.fetch.bind(view),
    permission: () => permissionState(view.navigator),
    now: () => view.performance.now(),
    later: (action, milliseconds) => view.setTimeout(action, milliseconds),
    cancelLater: (timer) => view.clearTimeout(/** @type {number} */ (timer)),
    hostname: view.location.hostname,
  };
}

/**
 * @param {Navigator} navigator
 * @returns {Promise<PermissionName>}
 */
export async function permissionState(navigator) {
  try {
    const status = await navigator.permissions.query({ name: /** @type {PermissionName} */ ("loopback-network") });
    return /** @type {PermissionName} */ (status.state);
  } catch {
    return "unsupported";
  }
}

/**
 * May the page look for the helper without a click? Only where the browser will not ask the user.
 * @param {PermissionName} state
 * @param {string} hostname
 */
export function mayProbeByItself(state, hostname) {
  return state === "granted" || isIntranet(hostname);
}

/**
 * Pages from a private address are not gated: addresses, names without a dot, and the suffixes kept for such networks.
 * @param {string} hostname
 */
export function isIntranet(hostname) {
  const octets = /^(\d{1,3})\.(\d{1,3})\.\d{1,3}\.\d{1,3}$/.exec(hostname);
  if (octets) {
    const [first, second] = [Number(octets[1]), Number(octets[2])];
    return (
      first === 10 ||
      first === 127 ||
      (first === 172 && second >= 16 && second <= 31) ||
      (first === 192 && second === 168) ||
      (first === 169 && second === 254)
    );
  }
  if (hostname.startsWith("[")) return hostname === "[::1]" || /^\[f[cd]|^\[fe[89ab]/i.test(hostname);
  return !hostname.includes(".") || /\.(internal|intranet|lan|home\.arpa)$/i.test(hostname);
}

/**
 * What a failed request means (helper-protocol, table of section 1).
 * @param {PermissionName} state as the browser says after the failure
 * @param {number} milliseconds until it failed
 * @param {boolean} somebodyListens a program on one of the ports answers, but not to us
 */
export function failureCode(state, milliseconds, somebodyListens) {
  if (state === "denied") return "browser_blocked";
  if (state === "prompt") return milliseconds < REFUSED_AT_ONCE ? "helper_not_running" : "prompt_dismissed";
  if (state === "granted") return somebodyListens ? "origin_refused" : "helper_not_running";
  return "unreachable";
}

/**
 * @param {number[]} ports in the order to try
 * @param {Surroundings} surroundings
 * @param {{onAsking?: () => void, thorough?: boolean}} [options] thorough: find out whether another program listens
 * @returns {Promise<Found>}
 * @throws {HelperFailure}
 */
export async function findHelper(ports, surroundings, { onAsking = () => {}, thorough = true } = {}) {
  const started = surroundings.now();
  const asking = surroundings.later(onAsking, ASK_AFTER);
  /** @type {HelperFailure | null} */
  let refusal = null;
  let slowest = 0;
  try {
    for (const port of ports) {
      const before = surroundings.now();
      const rest = GIVE_UP_AFTER - (before - started);
      try {
        return await hello(port, surroundings, Math.min(rest, await patience(surroundings)));
      } catch (failure) {
        if (failure instanceof HelperFailure) refusal = refusal || failure;
      }
      slowest = Math.max(slowest, surroundings.now() - before);
      // The next port would only make the browser ask again.
      if ((await stateNow(surroundings)) === "prompt" && slowest >= REFUSED_AT_ONCE) break;
      if (surroundings.now() - started >= GIVE_UP_AFTER) break;
    }
  } finally {
    surroundings.cancelLater(asking);
  }
  if (refusal) throw refusal;
  const state = await stateNow(surroundings);
  const listens = thorough && state === "granted" && (await somebodyListens(ports, surroundings));
  throw new HelperFailure(failureCode(state, slowest, listens), { state, milliseconds: Math.round(slowest) });
}

/**
 * On an intranet page the browser does not ask, whatever it says of the permission.
 * @param {Surroundings} surroundings
 * @returns {Promise<PermissionName>}
 */
async function stateNow(surroundings) {
  const state = await surroundings.permission();
  if (/^127\./.test(surroundings.hostname)) return "granted";
  return state === "prompt" && isIntranet(surroundings.hostname) ? "granted" : state;
}

/** @param {Surroundings} surroundings */
async function patience(surroundings) {
  return (await stateNow(surroundings)) === "granted" ? SILENT_AFTER : GIVE_UP_AFTER;
}

/**
 * @param {number} port
 * @param {Surroundings} surroundings
 * @param {number} limit milliseconds
 * @returns {Promise<Found>}
 */
async function hello(port, surroundings, limit) {
  const answer = await timed(surroundings, limit, async (signal) => {
    const response = await surroundings.fetch(`http://127.0.0.1:${port}/v1/hello`, { ...request, signal });
    return await response.json();
  });
  const code = answer && answer.error && answer.error.code;
  // Another user's helper holds this port; ours may be on the next one.
  if (typeof code === "string") throw new HelperFailure(code);
  if (!answer || answer.product !== PRODUCT) throw new TypeError("another program");
  if (!Array.isArray(answer.protocols) || !answer.protocols.includes(PROTOCOL)) {
    throw new HelperFailure("unsupported_protocol", { version: String(answer.version) });
  }
  return { port, version: String(answer.version), os: String(answer.os), arch: String(answer.arch) };
}

/** @type {RequestInit} */
const request = { method: "GET", mode: "cors", credentials: "omit", cache: "no-store", redirect: "error", referrerPolicy: "no-referrer" };

/**
 * An opaque answer says that a program is there and that it did not open its answer to this page.
 * @param {number[]} ports
 * @param {Surroundings} surroundings
 */
async function somebodyListens(ports, surroundings) {
  for (const port of ports) {
    try {
      await timed(surroundings, SILENT_AFTER, (signal) =>
        surroundings.fetch(`http://127.0.0.1:${port}/v1/hello`, { ...request, mode: "no-cors", redirect: "follow", signal }),
      );
      return true;
    } catch {
      continue;
    }
  }
  return false;
}

/**
 * @template T
 * @param {Surroundings} surroundings
 * @param {number} limit milliseconds
 * @param {(signal: AbortSignal) => Promise<T>} action
 * @returns {Promise<T>}
 */
export async function timed(surroundings, limit, action) {
  const controller = new AbortController();
  const timer = surroundings.later(() => controller.abort(), limit);
  try {
    return await action(controller.signal);
  } finally {
    surroundings.cancelLater(timer);
  }
}
