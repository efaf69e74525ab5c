// What every page has: its texts, its server, where it says what it does, and how it reports a problem.

import { Server, ServerSilent, onThisSite } from "./api.js";
import { browserSurroundings, findHelper, mayProbeByItself } from "./helper.js";
import { actionsFor, describe } from "./problem.js";
import { HelperSession, Memory } from "./session.js";
import { Texts } from "./texts.js";

/** @typedef {import("./problem.js").Action} Action */
/** @typedef {import("./helper.js").Found} Found */

export class Page {
  /** @param {Window} view */
  constructor(view) {
    const { prefix = "", attempt = "", language = "zh-CN", ports = "", login = "" } = view.document.body.dataset;
    this.view = view;
    this.document = view.document;
    this.prefix = prefix;
    this.language = language;
    /** Where the host's login page is; empty when the server did not say. */
    this.loginUrl = login;
    /** Some pages are open to anybody; without a login under way they ask nothing of the server. */
    this.hasAttempt = attempt !== "";
    this.ports = ports.split(" ").filter(Boolean).map(Number);
    this.texts = Texts.of(view.document);
    this.surroundings = browserSurroundings(view);
    this.server = new Server({ prefix, attempt, language, fetch: view.fetch.bind(view) });
    this.memory = new Memory(
      () => view.localStorage,
      () => view.sessionStorage,
    );
    // The back button may bring a page back as it was left: in the middle of something that is over.
    view.addEventListener("pageshow", (event) => event.persisted && view.location.reload());
    const later = this.document.getElementById("later");
    if (later) later.addEventListener("click", () => this._later());
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
   * Does it lead to a page of this site?
   * @param {unknown} address
   */
  isHere(address) {
    return onThisSite(address, this.view.location.href) !== null;
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

  /**
   * Goes where a finished login leads.
   * @param {{next: string, method?: string}} answer
   */
  async leave(answer) {
    this.say("js.proven");
    if (answer.method !== "POST") return this.go(answer.next);
    // A login by script: its answer is fetched as the script would have, then the page goes where it says.
    const address = await this.server.release(answer.next);
    if (address) return this.go(address);
    this.view.location.reload();
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

  /**
   * Tells the server which helper runs here; only with a login under way.
   * @param {Found} found
   * @returns {Promise<unknown>} the next address
   */
  async reportReady(found) {
    return (await this.report(found)).next;
  }

  /**
   * The same; what the server says of a helper that is not the newest comes along.
   * @param {Found} found
   * @returns {Promise<{next: unknown, helper?: {needed: string, reason: string}}>}
   */
  async report({ version, os, arch }) {
    return await this.server.post("api/report", { state: "ready", version, os, arch });
  }

  /** The user says that this is another helper, and that it is to be trusted. */
  trustAgain() {
    this.memory.forget();
    this.view.location.reload();
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
    const { title, nextStep, extra, code, supportId } = describe(failure, this.texts);
    this.element("problem-title").textContent = title;
    this.element("problem-next").textContent = nextStep;
    this.line("problem-extra", extra);
    this.line("problem-code", this.t("js.code", { code }));
    this.line("problem-support", supportId ? this.t("js.support", { support_id: supportId }) : "");
    this._actions([...actionsFor(failure, this), ...actions]);
    const box = this.element("problem");
    box.dataset.code = code;
    box.hidden = false;
    box.scrollIntoView({ block: "nearest" });
  }

  /** Goes on without the certificate that is only advised. */
  async _later() {
    const button = this.element("later");
    button.disabled = true;
    this.clearProblem();
    try {
      await this.leave(await this.server.post("api/skip"));
    } catch (failure) {
      button.disabled = false;
      this.problem(failure);
    }
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
  line(id, text) {
    const line = this.element(id);
    line.textContent = text;
    line.hidden = text === "";
  }
}
