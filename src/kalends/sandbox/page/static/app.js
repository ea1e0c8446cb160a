// Which view is shown, and the clock that asks for changes every two seconds.
import { startCalendar, refreshCalendar } from "./calendar.js";
import { refreshMails } from "./mails.js";
import { startActivity, refreshActivity } from "./activity.js";

const POLL = 2000;
const views = { calendar: refreshCalendar, mails: refreshMails, activity: refreshActivity };
let current = views[location.hash.slice(1)] ? location.hash.slice(1) : "calendar";

function show(name) {
  current = name;
  for (const view of Object.keys(views)) document.getElementById(`view-${view}`).hidden = view !== name;
  for (const button of document.querySelectorAll("[data-view]"))
    button.setAttribute("aria-pressed", String(button.dataset.view === name));
  history.replaceState(null, "", `${location.pathname}${location.search}#${name}`);
  tick();
}

async function tick() {
  const state = document.getElementById("state");
  try {
    await Promise.all([views[current](), current === "mails" ? null : refreshMails()]);
    state.textContent = "Live";
    state.classList.remove("bad");
  } catch (error) {
    state.textContent = error.message || "The sandbox does not answer";
    state.classList.add("bad");
  }
}

for (const button of document.querySelectorAll("[data-view]")) button.addEventListener("click", () => show(button.dataset.view));
addEventListener("hashchange", () => { if (views[location.hash.slice(1)]) show(location.hash.slice(1)); });
await startCalendar();
startActivity();
show(current);
setInterval(() => { if (!document.hidden) tick(); }, POLL);
