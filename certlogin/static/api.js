// Talks with our own server. Every answer is data: it is shown as text, and an address in it is followed only on this site.

/** The server refused, and says what to do next in the user's language. */
export class ServerRefusal extends Error {
  /** @param {Record<string, unknown>} answer */
  constructor(answer) {
    super(String(answer.code));
    this.code = String(answer.code);
    this.title = typeof answer.title === "string" ? answer.title : "";
    this.nextStep = typeof answer.next_step === "string" ? answer.next_step : "";
    this.supportId = typeof answer.support_id === "string" ? answer.support_id : "";
    this.next = typeof answer.next === "string" ? answer.next : "";
    this.facts = answer;
  }
}

/** There is no readable answer: `network_error` or `server_error`. */
export class ServerSilent extends Error {
  /** @param {"network_error" | "server_error"} code */
  constructor(code) {
    super(code);
    this.code = code;
  }
}

export class Server {
  /**
   * @param {{prefix: string, attempt: string, language: string, fetch: typeof fetch}} parts
   */
  constructor({ prefix, attempt, language, fetch }) {
    this.prefix = prefix;
    this.attempt = attempt;
    this.language = language;
    this.fetch = fetch;
  }

  /**
   * @param {string} path below the prefix, such as `api/challenge`
   * @param {object} [body]
   * @returns {Promise<any>}
   * @throws {ServerRefusal | ServerSilent}
   */
  async post(path, body = {}) {
    const response = await this._send(`${this.prefix}/${path}`, JSON.stringify({ attempt: this.attempt, ...body }));
    const answer = await response.json().catch(() => null);
    if (response.ok && answer && typeof answer === "object") return answer;
    if (answer && typeof answer.code === "string") throw new ServerRefusal(answer);
    throw new ServerSilent("server_error");
  }

  /**
   * Fetches the host's own answer to a login by script, and says where to go.
   * @param {string} address
   * @returns {Promise<string | null>} null: load the page again
   */
  async release(address) {
    const response = await this._send(address, "{}");
    const answer = await response.json().catch(() => null);
    if (!response.ok) {
      if (answer && typeof answer.code === "string") throw new ServerRefusal(answer);
      throw new ServerSilent("server_error");
    }
    if (response.redirected) return response.url;
    return answer && typeof answer.location === "string" ? answer.location : null;
  }

  /**
   * The server's clock, as far as it tells: a computer whose clock is wrong must still see which certificates are valid.
   * @returns {Promise<Date>}
   */
  async clock() {
    try {
      const response = await this.fetch(`${this.prefix}/static/icon.svg`, { method: "HEAD", cache: "no-store" });
      const date = new Date(response.headers.get("Date") || "");
      if (!Number.isNaN(date.getTime())) return date;
    } catch {
      // The computer's own clock will do.
    }
    return new Date();
  }

  /**
   * @param {string} address
   * @param {string} body
   */
  async _send(address, body) {
    try {
      return await this.fetch(address, {
        method: "POST",
        credentials: "same-origin",
        cache: "no-store",
        headers: { "Content-Type": "application/json", Accept: "application/json", "Accept-Language": this.language },
        body,
      });
    } catch {
      throw new ServerSilent("network_error");
    }
  }
}

/**
 * The address as one of this site, or null. Nothing that an answer names leads elsewhere or runs as script.
 * @param {unknown} address
 * @param {string} base
 * @returns {URL | null}
 */
export function onThisSite(address, base) {
  if (typeof address !== "string" || address === "") return null;
  try {
    const url = new URL(address, base);
    return url.origin === new URL(base).origin && /^https?:$/.test(url.protocol) ? url : null;
  } catch {
    return null;
  }
}
