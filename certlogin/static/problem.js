// What went wrong, in the words of the page, and which links and buttons belong to it.

import { ServerRefusal, ServerSilent } from "./api.js";
import { HelperFailure } from "./helper.js";

/** @typedef {{label: string, address?: string, act?: () => void}} Action a link or a button */
/** @typedef {{title: string, nextStep: string, extra: string, code: string, supportId: string}} Description */

/** With so few tries left a user who is not sure of the PIN had better stop. */
const FEW_TRIES = 2;

/**
 * @param {unknown} failure
 * @param {import("./texts.js").Texts} texts
 * @returns {Description}
 */
export function describe(failure, texts) {
  if (failure instanceof ServerRefusal) {
    const spare = texts.error("server_error", {});
    return {
      title: failure.title || spare.title,
      nextStep: failure.nextStep || spare.nextStep,
      extra: "",
      code: failure.code,
      supportId: failure.supportId,
    };
  }
  if (failure instanceof HelperFailure) {
    return { ...texts.error(failure.code, failure.facts), extra: extra(failure, texts), code: failure.code, supportId: "" };
  }
  const code = failure instanceof ServerSilent ? failure.code : "server_error";
  // A mistake of our own: the console is where somebody looks for it.
  if (!(failure instanceof ServerSilent)) console.error(failure);
  return { ...texts.error(code, {}), extra: "", code, supportId: "" };
}

/**
 * @param {HelperFailure} failure
 * @param {import("./texts.js").Texts} texts
 */
function extra({ code, facts }, texts) {
  const lines = [];
  if (typeof facts.tries_left === "number") {
    lines.push(texts.text("js.tries_left", facts));
    if (facts.tries_left <= FEW_TRIES) lines.push(texts.text("js.tries_warning"));
  }
  if (typeof facts.retry_after === "number" && facts.retry_after > 0) lines.push(texts.text("js.retry_after", facts));
  if (code === "helper_identity_changed") lines.push(texts.text("js.trust_helper_hint"));
  return lines.join(" ");
}

/**
 * @param {unknown} failure
 * @param {import("./page.js").Page} page
 * @returns {Action[]}
 */
export function actionsFor(failure, page) {
  if (failure instanceof ServerRefusal) return afterRefusal(failure, page);
  const code = failure instanceof HelperFailure ? failure.code : "";
  if (code === "pin_locked") return [{ label: page.t("js.locked_help"), address: page.link("help/locked") }];
  if (code === "unsupported_protocol") return [{ label: page.t("js.download_link"), address: page.link("helper/download") }];
  if (code === "helper_identity_changed") return [{ label: page.t("js.trust_helper"), act: () => page.trustAgain() }];
  return [];
}

/**
 * @param {ServerRefusal} refusal
 * @param {import("./page.js").Page} page
 * @returns {Action[]}
 */
function afterRefusal({ next, code }, page) {
  if (page.isHere(next)) return [{ label: page.t("js.go_on"), address: next }];
  const help = code === "certificate_expired" ? [{ label: page.t("js.expired_help"), address: page.link("help/expired") }] : [];
  return page.isHere(page.loginUrl) ? [...help, { label: page.t("js.back_to_login"), address: page.loginUrl }] : help;
}
