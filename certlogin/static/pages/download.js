// 证书助手客户端下载: B3, B4, B7, B9, B10, B13-B16.

import { archFrom } from "../arch.js";
import { onThisSite } from "../api.js";
import { counting } from "../countdown.js";
import { Page } from "../page.js";
import { watchForHelper } from "../watch.js";

const page = new Page(window);
const builds = page.element("builds");
/** The version that runs here and is not wanted. */
let outdated = builds.dataset.running || "";
let stopWatching = () => {};

/** Shows the builds for the processor, and says so when there are none. */
function showFitting() {
  const { arch, os } = builds.dataset;
  let shown = 0;
  for (const build of builds.querySelectorAll(".build")) {
    const family = build.dataset.os === "windows" ? "windows" : "linux";
    build.hidden = build.dataset.arch !== arch || family !== os;
    if (!build.hidden) shown += 1;
  }
  page.element("no-matching").hidden = shown > 0 || arch === "";
  if (shown === 0) page.element("all-builds").open = true;
}

/** A guess from the User-Agent may be wrong; newer browsers tell the processor when they are asked. */
async function refineArch() {
  if (builds.dataset.strength === "strong") return;
  const arch = await archFrom(navigator);
  if (!arch) return;
  builds.dataset.arch = arch;
  builds.dataset.strength = "strong";
  page.element("guess").textContent = page.t("download.guess_strong", { arch: page.t(`download.arch.${arch}`) });
}

function watch() {
  stopWatching();
  page.clearProblem();
  page.say(outdated ? "js.outdated" : "js.waiting");
  stopWatching = watchForHelper(page.ports, page.surroundings, {
    onFound: (found) => arrived(found).catch((failure) => page.problem(failure)),
    onStopped: (failure) => page.problem(failure),
    onAsking: () => page.say("js.asking"),
    except: outdated,
  });
}

/** @param {import("../helper.js").Found} found */
async function arrived(found) {
  page.say(page.hasAttempt ? "js.ready" : "js.ready_alone", { version: found.version });
  if (!page.hasAttempt) return;
  const { next, helper } = await page.report(found);
  const url = onThisSite(next, window.location.href);
  // Sent to where we are: this helper is too old (B13). The page would come back for ever.
  if (!url || url.pathname !== window.location.pathname) return page.go(next);
  outdated = found.version;
  showOutdated(helper || {});
  watch();
}

/** @param {{needed?: string, reason?: string}} helper what the server says of it */
function showOutdated({ needed = "", reason = "" }) {
  page.element("outdated-version").textContent = outdated;
  page.line("outdated-needed", needed && page.t("js.needed", { needed }));
  page.line("outdated-reason", reason && page.t("js.reason", { reason }));
  page.element("outdated").hidden = false;
}

/** @param {HTMLElement} button */
function prepare(button) {
  const announce = page.element("countdown");
  const listener = counting(button, Number(builds.dataset.countdown), page.surroundings, {
    waiting: (seconds) => page.t("js.download_wait", { seconds }),
    started: (seconds) => (announce.textContent = page.t("js.download_started", { seconds })),
    ready: () => (announce.textContent = page.t("js.download_again")),
  });
  button.addEventListener("click", (event) => {
    listener(event);
    // The click is the user's consent to a question of the browser.
    if (!event.defaultPrevented) watch();
  });
}

async function begin() {
  document.querySelectorAll("a.download").forEach(prepare);
  page.element("check").addEventListener("click", watch);
  await refineArch();
  showFitting();
  if (await page.mayProbeByItself()) watch();
}

begin();
