// 正在确认证书状态: the signature held, and the certificate's issuer is being asked. The page goes on by itself.

import { ServerRefusal } from "../api.js";
import { Page } from "../page.js";

/** Milliseconds between two looks. */
const EVERY = 2000;
/** Seconds left at which the page says that it still waits. */
const ANNOUNCED = [30, 10];

const page = new Page(window);
const form = page.element("revocation");
const bar = page.element("rest");
const { now, later } = page.surroundings;
/** When the server gives up, in milliseconds of this page. */
let ends = now() + Number(form.dataset.rest) * 1000;
let looking = false;
let over = false;
/** How often was looked: a look that was set for later is left out when the button came first. */
let looks = 0;

async function look() {
  if (looking || over) return;
  looking = true;
  looks += 1;
  try {
    const answer = await page.server.post("api/revocation");
    page.clearProblem();
    if (typeof answer.next === "string") await finish(answer);
    else wait(answer.rest);
  } catch (failure) {
    fail(failure);
  } finally {
    looking = false;
  }
}

/** @param {number} rest seconds, as the server counts them */
function wait(rest) {
  ends = now() + rest * 1000;
  lookLater();
}

function lookLater() {
  const done = looks;
  later(() => {
    if (looks === done) look();
  }, EVERY);
}

/** @param {{next: string, method?: string}} answer */
async function finish(answer) {
  stop();
  await page.leave(answer);
}

/** @param {unknown} failure */
function fail(failure) {
  if (!(failure instanceof ServerRefusal)) lookLater();
  else stop();
  page.problem(failure, over ? [{ label: page.t("js.await_again"), address: page.link("login") }] : []);
}

function stop() {
  over = true;
  for (const name of ["asking", "waiting", "ask"]) page.element(name).hidden = true;
}

/** The numbers change every second and are not announced; the status beside them is, now and then. */
function tick() {
  if (over) return;
  const rest = Math.max(Math.ceil((ends - now()) / 1000), 0);
  if (ANNOUNCED.includes(rest)) page.say("js.awaiting_still", { seconds: rest });
  bar.value = Math.max(bar.max - rest, 0);
  page.element("rest-text").textContent = page.t("js.await_rest", { seconds: rest });
  later(tick, 1000);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  look();
});
page.say("js.awaiting");
tick();
look();
