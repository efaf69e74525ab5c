// B3: after a click the button greys out and counts down; it cannot be clicked again until zero.

/**
 * @typedef {object} Clock
 * @property {() => number} now milliseconds, monotonic
 * @property {(action: () => void, milliseconds: number) => unknown} later
 */

/**
 * @param {HTMLElement} button a link or a button
 * @param {number} seconds
 * @param {Clock} clock
 * @param {{waiting: (rest: number) => string, started: (rest: number) => void, ready: () => void}} words
 * @returns {(event: Event) => void} the listener for its clicks
 */
export function counting(button, seconds, clock, words) {
  const label = button.textContent || "";
  let until = 0;

  function tick() {
    const rest = Math.ceil((until - clock.now()) / 1000);
    if (rest > 0) {
      button.textContent = words.waiting(rest);
      clock.later(tick, 250);
      return;
    }
    until = 0;
    button.textContent = label;
    button.removeAttribute("aria-disabled");
    words.ready();
  }

  return (event) => {
    // `aria-disabled` and not `disabled`: the focus stays, and a link has no `disabled`.
    if (until > 0) {
      event.preventDefault();
      return;
    }
    if (seconds <= 0) return;
    until = clock.now() + seconds * 1000;
    button.setAttribute("aria-disabled", "true");
    words.started(seconds);
    tick();
  };
}
