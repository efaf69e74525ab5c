// One row of a radio list.

/**
 * @typedef {object} Row
 * @property {string} name
 * @property {string} value
 * @property {string} id
 * @property {string} title
 * @property {string[]} lines
 * @property {boolean} [disabled]
 * @property {boolean} [checked]
 */

/**
 * @param {Document} document
 * @param {Row} row
 * @returns {HTMLLabelElement}
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
