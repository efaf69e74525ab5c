// Which processor this computer has, as far as its browser tells. It only chooses which installers are shown first.

/** @type {Record<string, string>} */
const HINTED = { "arm/64": "aarch64", "x86/64": "x86_64" };

/**
 * @param {Navigator} navigator
 * @returns {Promise<string>} empty: unknown
 */
export async function archFrom(navigator) {
  // Older Chromium says "Linux aarch64" here while its User-Agent says x86_64.
  const named = /\b(aarch64|mips64|loongarch64)/i.exec(navigator.platform || "");
  if (named) return named[1].toLowerCase() === "mips64" ? "mips64el" : named[1].toLowerCase();
  const data = /** @type {any} */ (navigator).userAgentData;
  if (!data || !data.getHighEntropyValues) return "";
  try {
    const values = await data.getHighEntropyValues(["architecture", "bitness"]);
    return HINTED[`${values.architecture}/${values.bitness}`] || "";
  } catch {
    return "";
  }
}
