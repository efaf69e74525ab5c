// Talks with the helper once it is found: pairing, certificates, signing, issuing.
//
// The page pins the helper's key at the first pairing. Every later list of certificates must come with a signature by that
// key, so that a program that merely listens on the port is noticed before anything is asked of it.

import { decode, encode } from "./base64url.js";
import { HelperFailure, timed } from "./helper.js";

/** @typedef {import("./helper.js").Surroundings} Surroundings */

/**
 * @typedef {object} TokenReport
 * @property {string} serial
 * @property {string} model
 * @property {string} label
 * @property {string[]} key_types
 * @property {number | null} tries_left
 * @property {boolean} locked
 * @property {boolean} pending
 * @property {{certificate: string, chain: string[]}[]} certificates
 */

/**
 * @typedef {object} Challenge the server's answer to api/challenge
 * @property {string} challenge
 * @property {string} unit
 * @property {string} unit_name
 * @property {string} sid
 * @property {string[]} algorithms
 */

/** A prompt of the helper stays open for 120 s; a little more, so that its own answer comes first. */
const PROMPT_LIMIT = 130000;

const KEY_NAME = "certlogin.helper_key";
const TOKEN_NAME = "certlogin.helper_token";
const PROOF_PREFIX = "CERTLOGIN-HELPER-V1";

export class HelperSession {
  /**
   * @param {object} parts
   * @param {number} parts.port
   * @param {string} parts.origin of the page
   * @param {Surroundings} parts.surroundings
   * @param {Memory} parts.memory
   * @param {Crypto} parts.crypto
   * @param {() => void} [parts.onPairing] the helper is about to ask the user
   */
  constructor({ port, origin, surroundings, memory, crypto, onPairing = () => {} }) {
    this.port = port;
    this.origin = origin;
    this.surroundings = surroundings;
    this.memory = memory;
    this.crypto = crypto;
    this.onPairing = onPairing;
  }

  /**
   * @returns {Promise<TokenReport[]>}
   * @throws {HelperFailure}
   */
  async certificates() {
    const challenge = this.crypto.getRandomValues(new Uint8Array(32));
    const answer = await this._paired("certificates", { challenge: encode(challenge) });
    await this._checkIdentity(challenge, answer.helper_proof);
    if (!Array.isArray(answer.tokens)) throw new HelperFailure("helper_error");
    return answer.tokens;
  }

  /**
   * @param {Challenge} challenge
   * @param {string} certificateSha256 hex
   * @returns {Promise<{payload: string, signature: string, certificate: string, chain: string[], tries_left: number | null}>}
   */
  login(challenge, certificateSha256) {
    return this._paired("login", {
      purpose: "login",
      unit: challenge.unit,
      unit_name: challenge.unit_name,
      nonce: challenge.challenge,
      algorithms: challenge.algorithms,
      sid: challenge.sid,
      certificate_sha256: certificateSha256,
    });
  }

  /**
   * Has the helper show the whole text and sign it. The server knows the same text: what comes back is a proof for it.
   * @param {Challenge} challenge of an agreement
   * @param {string} certificateSha256 hex
   * @param {{text: string, version: string}} agreement exactly as the server gave it
   * @returns {Promise<{payload: string, signature: string, certificate: string, chain: string[], tries_left: number | null}>}
   */
  agree(challenge, certificateSha256, { text, version }) {
    return this._paired("agree", {
      unit: challenge.unit,
      unit_name: challenge.unit_name,
      nonce: challenge.challenge,
      algorithms: challenge.algorithms,
      sid: challenge.sid,
      certificate_sha256: certificateSha256,
      text,
      text_version: version,
    });
  }

  /**
   * Makes a key pair on the token, or takes the one that still waits for its certificate.
   * @param {Challenge} challenge
   * @param {string} tokenSerial
   * @param {string} keyType
   * @returns {Promise<{request: string, key_id: string}>}
   */
  enroll(challenge, tokenSerial, keyType) {
    return this._paired("enroll", {
      unit: challenge.unit,
      unit_name: challenge.unit_name,
      nonce: challenge.challenge,
      token_serial: tokenSerial,
      key_type: keyType,
    });
  }

  /**
   * @param {string} keyId
   * @param {string} certificate
   * @param {string[]} chain
   * @returns {Promise<{certificate_sha256: string}>}
   */
  install(keyId, certificate, chain) {
    return this._paired("install", { key_id: keyId, certificate, chain });
  }

  /** Withdraws the open prompt; for a page that is being left, so nothing waits for the answer. */
  cancel() {
    const token = this.memory.token();
    if (!token) return;
    this._post("cancel", {}, token, { keepalive: true }).catch(() => {});
  }

  /**
   * A call that needs the pairing; pairs first, and once more when the helper has forgotten us.
   * @param {string} name
   * @param {object} body
   * @returns {Promise<any>}
   */
  async _paired(name, body) {
    const known = this.memory.helperKey() && this.memory.token();
    if (known) {
      try {
        return await this._post(name, body, known);
      } catch (failure) {
        if (!(failure instanceof HelperFailure) || failure.code !== "not_paired") throw failure;
      }
    }
    return await this._post(name, body, await this._pair());
  }

  /** @returns {Promise<string>} the bearer token */
  async _pair() {
    this.onPairing();
    const answer = await this._post("pair", { purpose: "login" }, null);
    const pinned = this.memory.helperKey();
    if (pinned && pinned !== answer.helper_key) throw new HelperFailure("helper_identity_changed");
    if (typeof answer.token !== "string" || typeof answer.helper_key !== "string") throw new HelperFailure("helper_error");
    this.memory.keep(answer.helper_key, answer.token, answer.mode === "always");
    return answer.token;
  }

  /**
   * @param {Uint8Array} challenge
   * @param {unknown} proof
   */
  async _checkIdentity(challenge, proof) {
    const key = this.memory.helperKey();
    const genuine = await verifyHelper(this.crypto, key || "", this.origin, challenge, proof).catch(() => false);
    if (!genuine) throw new HelperFailure("helper_identity_changed");
  }

  /**
   * @param {string} name
   * @param {object} body
   * @param {string | null} token
   * @param {RequestInit} [more]
   * @returns {Promise<any>}
   */
  async _post(name, body, token, more = {}) {
    /** @type {Record<string, string>} */
    const headers = { "Content-Type": "application/json", "X-Certlogin": "1" };
    if (token) headers.Authorization = `Bearer ${token}`;
    let aborted = false;
    let response;
    let answer;
    try {
      [response, answer] = await timed(this.surroundings, PROMPT_LIMIT, async (signal) => {
        signal.addEventListener("abort", () => (aborted = true));
        const got = await this.surroundings.fetch(`http://127.0.0.1:${this.port}/v1/${name}`, {
          method: "POST",
          mode: "cors",
          credentials: "omit",
          cache: "no-store",
          redirect: "error",
          referrerPolicy: "no-referrer",
          headers,
          body: JSON.stringify(body),
          signal,
          ...more,
        });
        return [got, await got.json()];
      });
    } catch (problem) {
      if (aborted) throw new HelperFailure("helper_timeout");
      throw new HelperFailure(problem instanceof SyntaxError ? "helper_error" : "helper_not_running");
    }
    if (response.ok && answer && !answer.error) return answer;
    const { code, retryable, ...facts } = (answer && answer.error) || {};
    throw new HelperFailure(typeof code === "string" ? code : "helper_error", facts);
  }
}

/**
 * Did the helper with this key sign the page's challenge, for this origin?
 * @param {Crypto} crypto
 * @param {string} key base64url SubjectPublicKeyInfo
 * @param {string} origin
 * @param {Uint8Array} challenge
 * @param {unknown} proof base64url r‖s
 * @returns {Promise<boolean>}
 */
export async function verifyHelper(crypto, key, origin, challenge, proof) {
  if (!crypto.subtle) throw new HelperFailure("insecure_page");
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const imported = await crypto.subtle.importKey("spki", decode(key), algorithm, false, ["verify"]);
  const head = new TextEncoder().encode(`${PROOF_PREFIX}\0${origin}\0`);
  const signed = new Uint8Array(head.length + challenge.length);
  signed.set(head);
  signed.set(challenge, head.length);
  return await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, imported, decode(proof), signed);
}

/** What the page remembers of the helper: its key for ever, the token for this tab or for ever. */
export class Memory {
  /**
   * @param {() => Storage} lasting
   * @param {() => Storage} passing
   */
  constructor(lasting, passing) {
    this.lasting = guarded(lasting);
    this.passing = guarded(passing);
  }

  helperKey() {
    return this.lasting.getItem(KEY_NAME);
  }

  token() {
    return this.passing.getItem(TOKEN_NAME) || this.lasting.getItem(TOKEN_NAME);
  }

  /**
   * @param {string} helperKey
   * @param {string} token
   * @param {boolean} always
   */
  keep(helperKey, token, always) {
    this.lasting.setItem(KEY_NAME, helperKey);
    this.lasting.removeItem(TOKEN_NAME);
    this.passing.removeItem(TOKEN_NAME);
    (always ? this.lasting : this.passing).setItem(TOKEN_NAME, token);
  }

  forget() {
    this.lasting.removeItem(KEY_NAME);
    this.lasting.removeItem(TOKEN_NAME);
    this.passing.removeItem(TOKEN_NAME);
  }
}

/**
 * A browser may forbid its storage; then the page remembers as long as it lives.
 * @param {() => Storage} open
 * @returns {Pick<Storage, "getItem" | "setItem" | "removeItem">}
 */
function guarded(open) {
  /** @type {Map<string, string>} */
  const own = new Map();
  try {
    const storage = open();
    storage.getItem(KEY_NAME);
    return storage;
  } catch {
    return {
      getItem: (name) => own.get(name) || null,
      setItem: (name, value) => void own.set(name, value),
      removeItem: (name) => void own.delete(name),
    };
  }
}
