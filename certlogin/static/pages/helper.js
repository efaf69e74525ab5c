// 环境检查: B1, B2, B7.

import { HelperFailure, findHelper } from "../helper.js";
import { Page } from "../page.js";
import { watchForHelper } from "../watch.js";

/** How long a started helper may take to answer. */
const LAUNCH_LIMIT = 10000;
/** Then the helper may be missing, so its download is offered. */
const MISSING = ["helper_not_running", "unreachable"];
/** What the server wants to know of a check that failed: the table of the helper protocol, section 1. */
const REPORTED = ["helper_not_running", "browser_blocked", "prompt_dismissed", "origin_refused", "unreachable"];

const page = new Page(window);
const start = page.element("start");
const dialog = page.element("missing");
let checking = false;
let reported = "";
let dismissed = false;
let stopWatching = () => {};

async function check() {
  if (checking) return;
  checking = true;
  stopWatching();
  start.disabled = true;
  page.clearProblem();
  page.say("js.checking");
  try {
    await ready(await findHelper(page.ports, page.surroundings, { onAsking: () => page.say("js.asking") }));
  } catch (failure) {
    failed(failure);
  } finally {
    checking = false;
    start.disabled = false;
    start.textContent = start.dataset.retry;
  }
}

/** @param {import("../helper.js").Found} found */
async function ready(found) {
  closeDialog();
  page.clearProblem();
  offerHelper(false);
  page.say(page.hasAttempt ? "js.ready" : "js.ready_alone", { version: found.version });
  if (page.hasAttempt) page.go(await page.reportReady(found));
}

/** @param {unknown} failure */
function failed(failure) {
  page.problem(failure);
  if (!(failure instanceof HelperFailure)) return;
  report(failure.code);
  const missing = MISSING.includes(failure.code);
  offerHelper(missing);
  if (!missing) return;
  watch();
  if (!dismissed) openDialog(failure.code);
  dismissed = false;
}

/** @param {boolean} offered */
function offerHelper(offered) {
  for (const id of ["launch", "download", "launch-hint"]) page.element(id).hidden = !offered;
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
  if (!page.hasAttempt || state === reported || !REPORTED.includes(state)) return;
  reported = state;
  page.server.post("api/report", { state, version: null, os: "", arch: "" }).catch(() => {});
}

/** @param {string} code */
function openDialog(code) {
  page.element("missing-code").textContent = page.t("js.code", { code });
  // Firefox before 98 has no dialogs; there it stands in the page.
  if (dialog.showModal) {
    if (!dialog.open) dialog.showModal();
  } else dialog.setAttribute("open", "");
}

/** The helper has come: its close is not the user's. */
function closeDialog() {
  if (!dialog.open || !dialog.close) return;
  dialog.dataset.closing = "yes";
  dialog.close();
}

/** B7: closing the dialog checks again; when nothing has changed, the page below can be read in peace. */
function closed() {
  if (dialog.dataset.closing) {
    delete dialog.dataset.closing;
    return;
  }
  dismissed = true;
  check();
}

function launch() {
  page.say("js.launching");
  watch(LAUNCH_LIMIT);
}

async function begin() {
  start.addEventListener("click", check);
  page.element("launch").addEventListener("click", launch);
  dialog.addEventListener("close", closed);
  if (await page.mayProbeByItself()) await check();
  else page.say("js.click_to_check");
}

begin();
