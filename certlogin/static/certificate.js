// Reads from a certificate what the chooser shows. It decides nothing: the server judges the certificate.

/**
 * @typedef {object} CertificateView
 * @property {string} name common name of the subject, or its organisation
 * @property {string} serial lower-case hex
 * @property {Date} notBefore
 * @property {Date} notAfter
 * @property {boolean} isForLogin a signing certificate of a person or unit, not of an authority
 */

/** @typedef {{tag: number, body: Uint8Array}} Element */

const COMMON_NAME = "2.5.4.3";
const ORGANISATION = "2.5.4.10";
const KEY_USAGE = "2.5.29.15";
const BASIC_CONSTRAINTS = "2.5.29.19";
const EXTENDED_KEY_USAGE = "2.5.29.37";
const CLIENT_USES = ["1.3.6.1.5.5.7.3.2", "2.5.29.37.0"];

/**
 * @param {Uint8Array} der
 * @returns {CertificateView}
 * @throws {TypeError} when it is no certificate
 */
export function readCertificate(der) {
  const fields = children(child(only(der), 0));
  if (fields[0].tag === 0xa0) fields.shift(); // version
  const [serial, , , validity, subject] = fields;
  const [notBefore, notAfter] = children(validity).map(time);
  const wrapped = fields.find((field) => field.tag === 0xa3);
  const found = extensions(wrapped);
  return {
    name: attribute(subject, COMMON_NAME) || attribute(subject, ORGANISATION) || "",
    serial: hexNumber(serial.body),
    notBefore,
    notAfter,
    isForLogin: isForLogin(found),
  };
}

/** @param {Map<string, Uint8Array>} found */
function isForLogin(found) {
  const constraints = found.get(BASIC_CONSTRAINTS);
  if (constraints && children(only(constraints)).some((field) => field.tag === 0x01 && field.body[0] !== 0)) return false;
  const usage = found.get(KEY_USAGE);
  // Bits 0 and 1: digitalSignature, nonRepudiation. Without them it is the encryption half of a pair (GM/T 0015).
  if (usage && ((only(usage).body[1] || 0) & 0xc0) === 0) return false;
  const uses = found.get(EXTENDED_KEY_USAGE);
  return !uses || children(only(uses)).some((use) => CLIENT_USES.includes(identifier(use.body)));
}

/**
 * @param {Element | undefined} wrapped
 * @returns {Map<string, Uint8Array>} value by object identifier
 */
function extensions(wrapped) {
  const found = new Map();
  if (!wrapped) return found;
  for (const extension of children(child(wrapped, 0))) {
    const parts = children(extension);
    found.set(identifier(parts[0].body), parts[parts.length - 1].body);
  }
  return found;
}

/**
 * @param {Element} name
 * @param {string} wanted object identifier
 */
function attribute(name, wanted) {
  for (const set of children(name)) {
    for (const pair of children(set)) {
      const [type, value] = children(pair);
      if (identifier(type.body) === wanted) return string(value);
    }
  }
  return "";
}

/** @param {Element} value */
function string(value) {
  const encoding = { 0x1e: "utf-16be", 0x14: "latin1" }[value.tag] || "utf-8";
  return new TextDecoder(encoding).decode(value.body);
}

/**
 * UTCTime or GeneralizedTime, both in UTC and with seconds (RFC 5280, 4.1.2.5).
 * @param {Element} value
 */
function time(value) {
  const digits = new TextDecoder("latin1").decode(value.body);
  const match = /^(\d{2}|\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(digits);
  if (!match) throw new TypeError("not a time");
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number);
  const whole = match[1].length === 4 ? year : year + (year < 50 ? 2000 : 1900);
  return new Date(Date.UTC(whole, month - 1, day, hour, minute, second));
}

/** @param {Uint8Array} body */
function hexNumber(body) {
  const digits = Array.from(body, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(00)+(?=.)/, "");
}

/** @param {Uint8Array} body */
function identifier(body) {
  /** @type {number[]} */
  const arcs = [];
  let arc = 0;
  for (const byte of body) {
    // Not by shifting: arcs of 2.25 have 128 bits. Those come out rounded, and nobody here asks for them.
    arc = arc * 128 + (byte & 0x7f);
    if (byte & 0x80) continue;
    if (arcs.length === 0) arcs.push(Math.min(Math.floor(arc / 40), 2), arc - 40 * Math.min(Math.floor(arc / 40), 2));
    else arcs.push(arc);
    arc = 0;
  }
  return arcs.join(".");
}

/**
 * The one element that fills the bytes.
 * @param {Uint8Array} bytes
 */
function only(bytes) {
  const found = elements(bytes);
  if (found.length !== 1) throw new TypeError("not one element");
  return found[0];
}

/**
 * @param {Element} parent
 * @param {number} index
 */
function child(parent, index) {
  const found = children(parent)[index];
  if (!found) throw new TypeError("element missing");
  return found;
}

/** @param {Element | undefined} parent */
function children(parent) {
  if (!parent) throw new TypeError("element missing");
  return elements(parent.body);
}

/**
 * @param {Uint8Array} bytes
 * @returns {Element[]}
 */
function elements(bytes) {
  const found = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes[at++];
    let length = bytes[at++];
    if (length === undefined || length === 0x80 || length > 0x83) throw new TypeError("bad length");
    if (length > 0x80) {
      const octets = length & 0x7f;
      length = 0;
      for (let index = 0; index < octets; index++) length = length * 256 + (at < bytes.length ? bytes[at++] : NaN);
    }
    if (!(at + length <= bytes.length)) throw new TypeError("cut short");
    found.push({ tag, body: bytes.subarray(at, at + length) });
    at += length;
  }
  return found;
}
