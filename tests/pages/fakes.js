// What the modules are given in tests instead of a browser: time that moves only when nothing else can happen.

window.fakes = {
  /** A clock whose timers run when `drive` lets them. */
  clock() {
    let now = 0;
    let timers = [];
    return {
      now: () => now,
      later: (action, milliseconds) => {
        const timer = { at: now + milliseconds, action };
        timers.push(timer);
        return timer;
      },
      cancelLater: (timer) => (timers = timers.filter((other) => other !== timer)),
      /** Runs the next timer, if there is one before `until`. */
      step(until = Infinity) {
        const next = timers.filter(({ at }) => at <= until).sort((one, other) => one.at - other.at)[0];
        if (!next) return false;
        timers = timers.filter((other) => other !== next);
        now = Math.max(now, next.at);
        next.action();
        return true;
      },
      /** Everything up to then. */
      async pass(milliseconds) {
        const until = now + milliseconds;
        do await window.fakes.turn();
        while (this.step(until));
        now = until;
      },
      pending: () => timers.length,
    };
  },

  /** Lets everything run that waits for no timer. */
  turn: () =>
    new Promise((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => resolve();
      port2.postMessage(0);
    }),

  /** Moves the clock until the promise is settled; says what became of it. */
  async drive(clock, promise) {
    let settled = null;
    promise.then(
      (value) => (settled = { value }),
      (failure) => (settled = { code: failure.code || failure.name, facts: failure.facts || {} }),
    );
    for (;;) {
      await window.fakes.turn();
      if (settled) return { ...settled, at: clock.now() };
      if (!clock.step()) throw new Error("waits for ever");
    }
  },

  /**
   * Surroundings with a network: by port, after how long which answer; nothing listed: refused at once.
   * `state` is what the browser says of its permission, or a list of [from, state].
   */
  surroundings({ ports = {}, state = "granted", hostname = "survey.example.cn" }) {
    const clock = window.fakes.clock();
    const asked = [];
    const states = Array.isArray(state) ? state : [[0, state]];
    const answer = (address, options) =>
      new Promise((resolve, reject) => {
        const port = Number(new URL(address).port);
        const { after = 2, json, text, refused = json === undefined && text === undefined, opaque = false, silent = false } = ports[port] || {};
        asked.push({ address, method: options.method, mode: options.mode, options: { ...options, signal: undefined }, at: clock.now() });
        options.signal.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
        if (silent) return;
        clock.later(() => {
          if (options.mode === "no-cors" && opaque) resolve({ type: "opaque" });
          else if (refused || opaque) reject(new TypeError("Failed to fetch"));
          // No real Response: reading one takes time that this clock does not see.
          else resolve({ ok: true, json: async () => (text === undefined ? json : JSON.parse(text)) });
        }, after);
      });
    return {
      ...clock,
      clock,
      asked,
      hostname,
      fetch: answer,
      permission: async () => states.filter(([from]) => from <= clock.now()).pop()[1],
    };
  },

  /** A store as the browser's. */
  storage() {
    const held = new Map();
    return {
      held,
      getItem: (name) => (held.has(name) ? held.get(name) : null),
      setItem: (name, value) => void held.set(name, String(value)),
      removeItem: (name) => void held.delete(name),
    };
  },
};
