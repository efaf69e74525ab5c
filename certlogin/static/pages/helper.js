// 环境检查: B1, B2, B7.

import { HelperFailure, findHelper } from "../helper.js";
import { Page } from "../page.js";
import { watchForHelper } from "../watch.js";

/** How long a started helper may take to answer. */
const LAUNCH_LIMIT = 10000;
/** Then the helper may be missing, so its download is offered. */
const MISSING = ["helper_not_running", "unreachable"];

const page = new Page(window);
const dialog = page.element("missing");
let checking = false;
let reported = "";
let dismissed = false;
let stopWatching = () => {};

async function check() {
  if (checking) return;
  checking = true;
  stopWatching();
  page.element("start").disabled = true;
  page.clearProblem();
  page.say("js.checking");
  try {
    await ready(await findHelper(page.ports, page.surroundings, { onAsking: () => page.say("js.asking") }));
  } catch (failure) {
    failed(failure);
  } finally {
    checking = false;
    page.element("start").disabled = false;
    page.element("start").textContent = page.element("start").dataset.retry;
  }
}

/** @param {import("../helper.js").Found} found */
async function ready(found) {
  if (dialog.open) dialog.removeEventListener("close", closed);
  if (dialog.open && dialog.close) dialog.close();
  page.clearProblem();
  page.say("js.ready", { version: found.version });
  const answer = await page.server.post("api/report", { state: "ready", version: found.version, os: found.os, arch: found.arch });
  page.go(answer.next);
}

/** @param {unknown} failure */
function failed(failure) {
  page.problem(failure);
  if (!(failure instanceof HelperFailure)) return;
  report(failure.code);
  const missing = MISSING.includes(failure.code);
  for (const id of ["launch", "download", "launch-hint"]) page.element(id).hidden = !missing;
  if (!missing) return;
  watch();
  if (!dismissed) open(failure.code);
  dismissed = false;
}

/** @param {number} [limit] */
function watch(limit) {
  stopWatching();
  stopWatching = watchForHelper(page.ports, page.surroundings, {
    onFound: (found) => ready(found).catch(failed),
    onStopped: (failure) => failed(failure),
    onAsking: () => page.say("js.asking"),
    limit,
  });
}

/**
 * What hindered the user, for the audit log: the hotline can then tell. Nothing waits for the answer.
 * @param {string} state
 */
function report(state) {
  if (state === reported) return;
  reported = state;
  page.server.post("api/report", { state, version: null, os: "", arch: "" }).catch(() => {});
}

/** @param {string} code */
function open(code) {
  const line = dialog.querySelector(".codes span");
  if (line) line.textContent = page.t("js.code", { code });
  // Firefox before 98 has no dialogs; there it stands in the page.
  if (dialog.showModal) {
    if (!dialog.open) dialog.showModal();
  } else dialog.setAttribute("open", "");
}

/** B7: closing the dialog checks again; when nothing has changed, the page below can be read in peace. */
function closed() {
  dismissed = true;
  check();
}

function launch() {
  page.say("js.launching");
  watch(LAUNCH_LIMIT);
}

async function start() {
  page.element("start").addEventListener("click", check);
  page.element("launch").addEventListener("click", launch);
  dialog.addEventListener("close", closed);
  if (await page.mayProbeByItself()) await check();
  else page.say("js.click_to_check");
}

start();
