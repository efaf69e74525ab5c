// 选择证书登录: A4, D6, D7. Which certificates belong to the unit is the server's business; the page shows those made for login.

import { decode, hex } from "../base64url.js";
import { readCertificate } from "../certificate.js";
import { choice } from "../choice.js";
import { Enrolment, guardLeaving } from "../enrolment.js";
import { HelperFailure } from "../helper.js";
import { MismatchCoach } from "../mismatch.js";
import { Page } from "../page.js";

/**
 * @typedef {object} Held
 * @property {string} sha256
 * @property {import("../certificate.js").CertificateView} view
 * @property {string} label of the token
 * @property {boolean} isLocked
 */

const page = new Page(window);
const form = page.element("chooser");
const enrolment = new Enrolment(page.server, (key) => page.say(key));
/** @type {import("../session.js").HelperSession | null} */
let helper = null;
/** @type {import("../session.js").TokenReport[]} */
let tokens = [];
/** The names of the certificates that can be chosen, by SHA-256. */
let names = new Map();
const coach = new MismatchCoach(page, chooseInstead);
let working = false;

async function read() {
  if (working) return;
  busy(true);
  try {
    helper = await page.connect();
    page.say("js.reading");
    tokens = await helper.certificates();
    const held = await loginCertificates(tokens);
    const usable = show(held, await page.server.clock());
    if (tokens.length === 0) throw new HelperFailure("no_token");
    if (tokens.every((token) => token.locked)) throw new HelperFailure("pin_locked");
    if (held.length === 0 && page.element("resume").hidden) throw new HelperFailure("no_certificate");
    if (held.length > 0 && usable === 0) throw new HelperFailure("certificate_expired");
    page.say(held.length > 0 ? "js.certificates_found" : "", { count: held.length });
  } catch (failure) {
    page.problem(failure, extraActions(failure));
  } finally {
    busy(false);
    page.element("read").hidden = helper !== null;
    page.element("again").hidden = helper === null;
  }
}

/** @param {unknown} failure */
function extraActions(failure) {
  const code = failure instanceof HelperFailure ? failure.code : "";
  if (code === "certificate_expired") return [{ label: page.t("js.expired_help"), address: page.link("help/expired") }];
  if (helper === null) return [{ label: page.t("js.back_to_check"), address: page.link("helper") }];
  return [];
}

/**
 * @param {import("../session.js").TokenReport[]} reports
 * @returns {Promise<Held[]>}
 */
async function loginCertificates(reports) {
  const found = [];
  for (const token of reports) {
    for (const { certificate } of token.certificates) {
      const held = await readHeld(certificate, token);
      if (held && held.view.isForLogin) found.push(held);
    }
  }
  return found;
}

/**
 * @param {string} certificate
 * @param {import("../session.js").TokenReport} token
 * @returns {Promise<Held | null>} null: unreadable, so nothing to choose
 */
async function readHeld(certificate, token) {
  if (!crypto.subtle) throw new HelperFailure("insecure_page");
  try {
    const der = decode(certificate);
    const sha256 = hex(new Uint8Array(await crypto.subtle.digest("SHA-256", der)));
    return { sha256, view: readCertificate(der), label: token.label || token.model, isLocked: token.locked };
  } catch {
    return null;
  }
}

/**
 * @param {Held[]} held
 * @param {Date} now
 * @returns {number} how many can be chosen
 */
function show(held, now) {
  const state = held.map(({ view, isLocked }) => {
    if (view.notAfter < now) return "js.certificate_expired";
    if (view.notBefore > now) return "js.certificate_early";
    return isLocked ? "js.token_locked" : "";
  });
  const usable = state.filter((remark) => remark === "").length;
  names = new Map(held.filter((_, index) => state[index] === "").map((one) => [one.sha256, one.view.name]));
  page.element("certificate-list").replaceChildren(
    ...held.map((one, index) =>
      choice(document, {
        name: "certificate",
        value: one.sha256,
        id: `certificate-${index + 1}`,
        title: one.view.name,
        lines: lines(one, state[index]),
        disabled: state[index] !== "",
        checked: usable === 1 && state[index] === "",
      }),
    ),
  );
  page.element("certificates").hidden = held.length === 0;
  page.element("submit").hidden = usable === 0;
  page.element("resume").hidden = !tokens.some((token) => token.pending && !token.locked);
  return usable;
}

/**
 * @param {Held} held
 * @param {string} remark
 */
function lines({ view, label }, remark) {
  const found = [
    page.t("js.certificate_serial", { tail: view.serial.slice(-8) }),
    page.t("js.certificate_validity", { from: day(view.notBefore), to: day(view.notAfter) }),
    page.t("js.certificate_on", { label }),
  ];
  return remark ? [page.t(remark), ...found] : found;
}

/** @param {Date} date */
function day(date) {
  // The day in China, whatever the computer is set to.
  return new Date(date.getTime() + 8 * 3600 * 1000).toISOString().slice(0, 10);
}

/** @param {Event} event */
async function login(event) {
  event.preventDefault();
  if (working) return;
  const chosen = new FormData(form).get("certificate");
  if (!helper || typeof chosen !== "string") return page.say("js.choose_certificate");
  busy(true);
  try {
    const answer = await prove(helper, chosen);
    working = false;
    await page.leave(answer);
  } catch (failure) {
    page.problem(failure);
    busy(false);
    await coach.show(failure, tokens, names);
  }
}

/**
 * The one that fits is chosen, and the way on is in front of the user.
 * @param {string} sha256
 */
function chooseInstead(sha256) {
  for (const input of form.querySelectorAll("input[name=certificate]")) input.checked = input.value === sha256;
  page.clearProblem();
  coach.hide();
  page.element("submit").focus();
}

/**
 * @param {import("../session.js").HelperSession} session
 * @param {string} certificateSha256
 */
async function prove(session, certificateSha256) {
  page.say("js.reporting");
  const challenge = await page.server.post("api/challenge", { purpose: "login" });
  page.say("js.enter_pin");
  const { payload, signature, certificate, chain } = await session.login(challenge, certificateSha256);
  page.say("js.proving");
  return await page.server.post("api/proof", { format: "native", payload, signature, certificate, chain });
}

/** The certificate was issued and never reached the token. */
async function resume() {
  const token = tokens.find((one) => one.pending && !one.locked);
  if (working || !helper || !token) return;
  busy(true);
  page.element("unplug").hidden = false;
  const stay = guardLeaving(window);
  try {
    const next = await enrolment.run(helper, token.serial, token.key_types[0]);
    stay();
    working = false;
    page.go(next);
  } catch (failure) {
    page.problem(failure);
    busy(false);
  } finally {
    stay();
    page.element("unplug").hidden = true;
  }
}

/** @param {boolean} on */
function busy(on) {
  working = on;
  for (const id of ["submit", "read", "again", "resume-button", "certificates"]) page.element(id).disabled = on;
  if (!on) return;
  page.clearProblem();
  coach.hide();
}

async function start() {
  form.addEventListener("submit", login);
  page.element("read").addEventListener("click", read);
  page.element("again").addEventListener("click", read);
  page.element("resume-button").addEventListener("click", resume);
  window.addEventListener("pagehide", () => working && helper && helper.cancel());
  if (await page.mayProbeByItself()) await read();
  else page.say("js.click_to_read");
}

start();
