// The page's texts, as the server wrote them into the inert template `texts`.

export class Texts {
  /** @param {Record<string, string>} entries */
  constructor(entries) {
    this.entries = entries;
  }

  /** @param {Document} document */
  static of(document) {
    const holder = /** @type {HTMLTemplateElement | null} */ (document.getElementById("texts"));
    return new Texts(holder ? JSON.parse(holder.content.textContent || "{}") : {});
  }

  /**
   * A missing text or fact stays visible; it never stops the page.
   * @param {string} key
   * @param {Record<string, unknown>} [facts]
   */
  text(key, facts = {}) {
    const found = this.entries[key];
    if (typeof found !== "string") return `[${key}]`;
    return found.replace(/\{([a-z][a-z0-9_]*)\}/g, (whole, name) => (name in facts ? said(facts[name]) : whole));
  }

  /**
   * The two sentences for a code; for one that this page does not know, those of `otherwise`.
   * @param {string} code
   * @param {Record<string, unknown>} facts
   * @param {string} [otherwise]
   */
  error(code, facts, otherwise = "helper_error") {
    const known = `errors.${code}.title` in this.entries ? code : otherwise;
    return { title: this.text(`errors.${known}.title`, facts), nextStep: this.text(`errors.${known}.next_step`, facts) };
  }
}

/** @param {unknown} value */
function said(value) {
  return value === null || value === undefined ? "—" : String(value);
}
