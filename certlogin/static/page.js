// What every page has: its texts, its server, where it says what it does, and how it reports a problem.

import { Server, ServerRefusal, ServerSilent, onThisSite } from "./api.js";
import { HelperFailure, browserSurroundings, findHelper, mayProbeByItself } from "./helper.js";
import { HelperSession, Memory } from "./session.js";
import { Texts } from "./texts.js";

/** @typedef {{label: string, address?: string, act?: () => void}} Action a link or a button */

export class Page {
  /** @param {Window} view */
  constructor(view) {
    const { prefix = "", attempt = "", language = "zh-CN", ports = "" } = view.document.body.dataset;
    this.view = view;
    this.document = view.document;
    this.prefix = prefix;
    this.language = language;
    this.ports = ports.split(" ").filter(Boolean).map(Number);
    this.texts = Texts.of(view.document);
    this.surroundings = browserSurroundings(view);
    this.server = new Server({ prefix, attempt, language, fetch: view.fetch.bind(view) });
    this.memory = new Memory(
      () => view.localStorage,
      () => view.sessionStorage,
    );
  }

  /**
   * @param {string} id
   * @returns {any}
   */
  element(id) {
    const found = this.document.getElementById(id);
    if (!found) throw new Error(`element missing: ${id}`);
    return found;
  }

  /**
   * @param {string} key
   * @param {Record<string, unknown>} [facts]
   */
  t(key, facts) {
    return this.texts.text(key, facts);
  }

  /**
   * Says what the page is doing; empty: nothing.
   * @param {string} [key]
   * @param {Record<string, unknown>} [facts]
   */
  say(key, facts) {
    this.element("status").textContent = key ? this.t(key, facts) : "";
  }

  /** @param {string} path below the prefix */
  link(path) {
    return `${this.prefix}/${path}?lang=${this.language}`;
  }

  /**
   * Leaves for an address of this site; our own pages are told the language.
   * @param {unknown} address
   */
  go(address) {
    const url = onThisSite(address, this.view.location.href);
    if (!url) throw new ServerSilent("server_error");
    const chosen = new URLSearchParams(this.view.location.search).has("lang");
    if (chosen && url.pathname.startsWith(`${this.prefix}/`) && !url.searchParams.has("lang")) {
      url.searchParams.set("lang", this.language);
    }
    this.view.location.assign(url.href);
  }

  /** @returns {Promise<boolean>} */
  async mayProbeByItself() {
    return mayProbeByItself(await this.surroundings.permission(), this.surroundings.hostname);
  }

  /**
   * Finds the helper and opens a session with it.
   * @returns {Promise<HelperSession>}
   */
  async connect() {
    this.say("js.checking");
    const { port } = await findHelper(this.ports, this.surroundings, { onAsking: () => this.say("js.asking") });
    return new HelperSession({
      port,
      origin: this.view.location.origin,
      surroundings: this.surroundings,
      memory: this.memory,
      crypto: this.view.crypto,
      onPairing: () => this.say("js.pairing"),
    });
  }

  clearProblem() {
    this.element("problem").hidden = true;
  }

  /**
   * Shows what went wrong and what to do next. The form and everything typed into it stay.
   * @param {unknown} failure
   * @param {Action[]} [actions] besides those that belong to the failure itself
   */
  problem(failure, actions = []) {
    this.say();
    const { title, nextStep, extra, code, supportId } = this._described(failure);
    this.element("problem-title").textContent = title;
    this.element("problem-next").textContent = nextStep;
    this._line("problem-extra", extra);
    this._line("problem-code", this.t("js.code", { code }));
    this._line("problem-support", supportId ? this.t("js.support", { support_id: supportId }) : "");
    this._actions([...this._actionsFor(failure), ...actions]);
    const box = this.element("problem");
    box.dataset.code = code;
    box.hidden = false;
    box.scrollIntoView({ block: "nearest" });
  }

  /** @param {unknown} failure */
  _described(failure) {
    if (failure instanceof ServerRefusal) {
      const spare = this.texts.error("server_error", {});
      return {
        title: failure.title || spare.title,
        nextStep: failure.nextStep || spare.nextStep,
        extra: "",
        code: failure.code,
        supportId: failure.supportId,
      };
    }
    if (failure instanceof HelperFailure) {
      const { title, nextStep } = this.texts.error(failure.code, failure.facts);
      return { title, nextStep, extra: this._extra(failure), code: failure.code, supportId: "" };
    }
    const code = failure instanceof ServerSilent ? failure.code : "server_error";
    // A mistake of our own: the console is where somebody looks for it.
    if (!(failure instanceof ServerSilent)) console.error(failure);
    return { ...this.texts.error(code, {}), extra: "", code, supportId: "" };
  }

  /** @param {HelperFailure} failure */
  _extra({ facts }) {
    const lines = [];
    if (typeof facts.tries_left === "number") {
      lines.push(this.t("js.tries_left", facts));
      if (facts.tries_left <= 2) lines.push(this.t("js.tries_warning"));
    }
    if (typeof facts.retry_after === "number" && facts.retry_after > 0) lines.push(this.t("js.retry_after", facts));
    return lines.join(" ");
  }

  /**
   * @param {unknown} failure
   * @returns {Action[]}
   */
  _actionsFor(failure) {
    if (failure instanceof ServerRefusal) {
      return onThisSite(failure.next, this.view.location.href) ? [{ label: this.t("js.go_on"), address: failure.next }] : [];
    }
    const code = failure instanceof HelperFailure ? failure.code : "";
    if (code === "pin_locked") return [{ label: this.t("js.locked_help"), address: this.link("help/locked") }];
    if (code === "unsupported_protocol") {
      return [{ label: this.t("js.download_link"), address: this.link("helper/download") }];
    }
    if (code === "helper_identity_changed") {
      const trust = () => {
        this.memory.forget();
        this.view.location.reload();
      };
      return [{ label: this.t("js.trust_helper"), act: trust }];
    }
    return [];
  }

  /** @param {Action[]} actions */
  _actions(actions) {
    const holder = this.element("problem-actions");
    holder.replaceChildren(...actions.map((action) => this._action(action)));
    holder.hidden = actions.length === 0;
  }

  /** @param {Action} action */
  _action({ label, address, act }) {
    const made = this.document.createElement(address ? "a" : "button");
    made.className = "button button-quiet";
    made.textContent = label;
    if (address) made.setAttribute("href", address);
    else made.setAttribute("type", "button");
    if (act) made.addEventListener("click", act);
    return made;
  }

  /**
   * @param {string} id
   * @param {string} text
   */
  _line(id, text) {
    const line = this.element(id);
    line.textContent = text;
    line.hidden = text === "";
  }
}

/**
 * One row of a radio list.
 * @param {Document} document
 * @param {{name: string, value: string, id: string, title: string, lines: string[], disabled?: boolean, checked?: boolean}} row
 */
export function choice(document, { name, value, id, title, lines, disabled = false, checked = false }) {
  const label = document.createElement("label");
  label.className = disabled ? "choice choice-disabled" : "choice";
  label.htmlFor = id;
  const input = document.createElement("input");
  Object.assign(input, { type: "radio", name, value, id, disabled, checked });
  const body = document.createElement("span");
  body.className = "choice-text";
  body.append(text(document, "strong", title), ...lines.map((line) => text(document, "span", line)));
  label.append(input, body);
  return label;
}

/**
 * @param {Document} document
 * @param {string} tag
 * @param {string} content
 */
function text(document, tag, content) {
  const element = document.createElement(tag);
  element.textContent = content;
  return element;
}
