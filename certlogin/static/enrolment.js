// C1, C2, C5: from "下载证书" to a certificate on the token. A repeated run goes on where the last one broke off: the helper
// takes the key that still waits, the authority issues the same certificate again for it.

/** @typedef {import("./api.js").Server} Server */
/** @typedef {import("./session.js").HelperSession} HelperSession */

export class Enrolment {
  /**
   * @param {Server} server
   * @param {(key: string) => void} say
   */
  constructor(server, say) {
    this.server = server;
    this.say = say;
    /** SHA-256 of the certificate that is on the token but not yet reported. */
    this.unreported = "";
  }

  /**
   * @param {HelperSession} helper
   * @param {string} tokenSerial
   * @param {string} keyType
   * @returns {Promise<unknown>} the next address
   */
  async run(helper, tokenSerial, keyType) {
    if (!this.unreported) this.unreported = await this._issue(helper, tokenSerial, keyType);
    this.say("js.reporting");
    const answer = await this.server.post("api/enrol/installed", { certificate_sha256: this.unreported });
    this.unreported = "";
    this.say("js.installed");
    return answer.next;
  }

  /**
   * @param {HelperSession} helper
   * @param {string} tokenSerial
   * @param {string} keyType
   * @returns {Promise<string>}
   */
  async _issue(helper, tokenSerial, keyType) {
    const challenge = await this.server.post("api/challenge", { purpose: "enrol" });
    this.say("js.enter_pin");
    const made = await helper.enroll(challenge, tokenSerial, keyType);
    this.say("js.issuing");
    const issued = await this.server.post("api/enrol", { request: made.request });
    this.say("js.installing");
    const installed = await helper.install(made.key_id, issued.certificate, issued.chain);
    return installed.certificate_sha256;
  }
}

/**
 * The browser asks before it leaves while something is under way.
 * @param {Window} view
 * @returns {() => void} ends it
 */
export function guardLeaving(view) {
  /** @param {Event} event */
  const ask = (event) => event.preventDefault();
  view.addEventListener("beforeunload", ask);
  return () => view.removeEventListener("beforeunload", ask);
}
