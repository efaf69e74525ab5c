// 下载证书: C1, C2, C5.

import { choice } from "../choice.js";
import { Enrolment, guardLeaving } from "../enrolment.js";
import { HelperFailure } from "../helper.js";
import { Page } from "../page.js";

const page = new Page(window);
const form = page.element("enrol");
const enrolment = new Enrolment(page.server, (key) => page.say(key));
/** @type {import("../session.js").HelperSession | null} */
let helper = null;
/** @type {import("../session.js").TokenReport[]} */
let tokens = [];
let working = false;

async function readTokens() {
  if (working) return;
  working = true;
  page.clearProblem();
  page.element("read-tokens").disabled = true;
  try {
    helper = await page.connect();
    page.say("js.reading");
    tokens = await helper.certificates();
    page.say();
    showTokens();
    if (tokens.length === 0) throw new HelperFailure("no_token");
  } catch (failure) {
    page.problem(failure, [{ label: page.t("js.back_to_check"), address: page.link("helper") }]);
  } finally {
    working = false;
    page.element("read-tokens").disabled = false;
  }
}

function showTokens() {
  const usable = tokens.filter((token) => !token.locked);
  page.element("token-list").replaceChildren(
    ...tokens.map((token, index) =>
      choice(document, {
        name: "token",
        value: token.serial,
        id: `token-${index + 1}`,
        title: page.t("js.token_label", { label: token.label || token.model, serial: token.serial }),
        lines: remarks(token),
        disabled: token.locked,
        checked: usable.length === 1 && token === usable[0],
      }),
    ),
  );
  page.element("submit").disabled = usable.length === 0;
  showKeyTypes();
}

/** @param {import("../session.js").TokenReport} token */
function remarks(token) {
  const lines = [];
  if (token.locked) lines.push(page.t("js.token_locked"));
  else if (token.tries_left !== null) lines.push(page.t("js.tries_left", { tries_left: token.tries_left }));
  if (token.pending) lines.push(page.t("js.token_pending"));
  return lines;
}

/** Only kinds of keys that the chosen token can make; the kind of a key that waits for its certificate stands first. */
function showKeyTypes() {
  const token = chosenToken();
  const radios = [...form.querySelectorAll("input[name=key_type]")];
  for (const radio of radios) {
    radio.disabled = token !== undefined && !token.key_types.includes(radio.value);
    radio.closest("label").classList.toggle("choice-disabled", radio.disabled);
  }
  const waiting = token && token.pending ? radios.find((radio) => radio.value === token.key_types[0]) : undefined;
  const chosen = waiting || radios.find((radio) => radio.checked && !radio.disabled);
  const first = chosen || radios.find((radio) => !radio.disabled);
  if (first) first.checked = true;
}

function chosenToken() {
  const serial = new FormData(form).get("token");
  return tokens.find((token) => token.serial === serial);
}

/** @param {Event} event */
async function download(event) {
  event.preventDefault();
  if (working) return;
  const token = chosenToken();
  const keyType = new FormData(form).get("key_type");
  if (!token || !helper) return page.say("js.choose_token");
  if (typeof keyType !== "string") return page.say("js.choose_key_type");
  busy(true);
  const leave = guardLeaving(window);
  try {
    const next = await enrolment.run(helper, token.serial, keyType);
    leave();
    working = false;
    page.go(next);
  } catch (failure) {
    busy(false);
    page.problem(failure);
  } finally {
    leave();
  }
}

/** @param {boolean} on */
function busy(on) {
  working = on;
  page.element("unplug").hidden = !on;
  for (const id of ["submit", "tokens", "key-types"]) page.element(id).disabled = on;
  if (on) page.clearProblem();
}

async function start() {
  form.addEventListener("submit", download);
  page.element("token-list").addEventListener("change", showKeyTypes);
  page.element("read-tokens").addEventListener("click", readTokens);
  window.addEventListener("pagehide", () => working && helper && helper.cancel());
  if (await page.mayProbeByItself()) await readTokens();
  else page.say("js.click_to_read");
}

start();
