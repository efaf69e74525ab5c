// The certificate is not the account's: both units side by side, what would fit, and what to do next (D6, D7).

import { ServerRefusal } from "./api.js";

/** @typedef {import("./page.js").Page} Page */
/** @typedef {import("./session.js").TokenReport} TokenReport */

/** What the server answers for at once. */
const MOST = 8;
const CHAIN = 6;

export class MismatchCoach {
  /**
   * @param {Page} page
   * @param {(sha256: string) => void} choose another certificate
   */
  constructor(page, choose) {
    this.page = page;
    this.choose = choose;
  }

  hide() {
    this.page.element("mismatch").hidden = true;
  }

  /**
   * @param {unknown} failure
   * @param {TokenReport[]} tokens
   * @param {Map<string, string>} names of the certificates that can be chosen, by SHA-256
   */
  async show(failure, tokens, names) {
    if (!(failure instanceof ServerRefusal) || typeof failure.facts.advice !== "string") return;
    const { account_name, account_code, certificate_name, certificate_code, advice } = failure.facts;
    this._put("account-name", account_name);
    this._put("account-code", account_code);
    this._put("certificate-name", certificate_name);
    this._put("certificate-code", certificate_code);
    for (const list of this.page.document.querySelectorAll(".mismatch-steps")) {
      /** @type {HTMLElement} */ (list).hidden = /** @type {HTMLElement} */ (list).dataset.advice !== advice;
    }
    this._fits([]);
    this.page.element("mismatch").hidden = false;
    this._fits((await this._ask(tokens)).filter((sha256) => names.has(sha256)), names);
  }

  /**
   * @param {TokenReport[]} tokens
   * @returns {Promise<string[]>}
   */
  async _ask(tokens) {
    const held = tokens.flatMap((token) => token.certificates);
    const chain = [...new Set(held.flatMap((one) => one.chain))].slice(0, CHAIN);
    const certificates = held.map((one) => one.certificate).slice(0, MOST);
    // It is a hint: without an answer the rest of the page is still right.
    return await this.page.server.post("api/fits", { certificates, chain }).then(
      ({ fits }) => (Array.isArray(fits) ? fits.map(String) : []),
      () => [],
    );
  }

  /**
   * @param {string[]} found
   * @param {Map<string, string>} [names]
   */
  _fits(found, names = new Map()) {
    this.page.element("mismatch-fits").hidden = found.length === 0;
    this.page.element("mismatch-list").replaceChildren(...found.map((one) => this._row(one, names.get(one) || "")));
  }

  /**
   * @param {string} sha256
   * @param {string} name
   */
  _row(sha256, name) {
    const row = this.page.document.createElement("li");
    const button = this.page.document.createElement("button");
    Object.assign(button, { type: "button", className: "button button-quiet" });
    button.textContent = this.page.t("js.mismatch_choose", { name });
    button.addEventListener("click", () => this.choose(sha256));
    row.append(button);
    return row;
  }

  /**
   * @param {string} id
   * @param {unknown} value
   */
  _put(id, value) {
    this.page.element(`mismatch-${id}`).textContent = value ? String(value) : this.page.t("js.mismatch_none");
  }
}
