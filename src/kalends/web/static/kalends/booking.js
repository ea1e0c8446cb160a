// The public pages, quicker: the browser's time zone, days without a page load, arrow keys in the month.
// Every act here is a link or a form that works without it.

const COOKIE = "kalends_tz";
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

function remembered() {
  return document.cookie.split("; ").find((part) => part.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);
}

function remember(name) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${COOKIE}=${name}; Path=/; Max-Age=2592000; SameSite=Lax${secure}`;
}

let current = 0;

// Fetches a page and takes its picker over; what fails is followed as a plain link.
async function show(address, { push = true, focus = "" } = {}) {
  const picker = document.getElementById("picker");
  const turn = ++current;
  picker.setAttribute("aria-busy", "true");
  let page;
  try {
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(String(answer.status));
    page = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    location.assign(address);
    return;
  }
  // A later click was quicker.
  if (turn !== current) return;
  const fresh = page.getElementById("picker");
  if (!fresh) {
    location.assign(address);
    return;
  }
  picker.replaceWith(fresh);
  if (push) history.pushState({ picker: true }, "", address);
  arrange();
  const target = focus && document.querySelector(`[data-nav="${focus}"]`);
  if (target) target.focus({ preventScroll: true });
  const said = document.getElementById("day") ?? document.getElementById("month");
  const live = document.getElementById("live");
  if (live && said) live.textContent = said.textContent;
}

function days() {
  return [...document.querySelectorAll("[data-month] a.day")];
}

// One stop for Tab in the month; arrows go from free day to free day.
function arrange() {
  const all = days();
  const chosen = all.find((day) => day.hasAttribute("aria-current")) ?? all[0];
  for (const day of all) day.tabIndex = day === chosen ? 0 : -1;
}

const addDays = (iso, number) => {
  const day = new Date(`${iso}T00:00Z`);
  day.setUTCDate(day.getUTCDate() + number);
  return day.toISOString().slice(0, 10);
};

function nearest(all, at, wanted, step) {
  const ahead = all.filter((day) => (step > 0 ? day.dataset.nav >= wanted : day.dataset.nav <= wanted));
  return (step > 0 ? ahead[0] : ahead.at(-1)) ?? null;
}

document.addEventListener("keydown", (event) => {
  const day = event.target.closest?.("[data-month] a.day");
  if (!day || event.altKey || event.ctrlKey || event.metaKey) return;
  const all = days();
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };
  let target = null;
  if (event.key in steps) target = nearest(all, day, addDays(day.dataset.nav, steps[event.key]), steps[event.key]);
  else if (event.key === "Home") target = all[0];
  else if (event.key === "End") target = all.at(-1);
  else if (event.key === "PageUp" || event.key === "PageDown") {
    const name = event.key === "PageUp" ? "previous" : "next";
    const link = document.querySelector(`[data-nav="${name}"]`);
    event.preventDefault();
    if (link) show(link.href).then(() => days().find((one) => one.tabIndex === 0)?.focus());
    return;
  } else return;
  event.preventDefault();
  if (!target) return;
  for (const one of all) one.tabIndex = one === target ? 0 : -1;
  target.focus();
});

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("#picker a[data-nav]");
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  const narrow = matchMedia("(max-width: 52rem)").matches && link.classList.contains("day");
  show(link.href, { focus: link.dataset.nav }).then(() => {
    if (narrow) document.getElementById("times")?.scrollIntoView({ behavior: "smooth", block: "start" });
  });
});

document.addEventListener("change", (event) => {
  const select = event.target.closest?.("[data-zone-select]");
  if (!select) return;
  remember(select.value);
  const address = new URL(location.href);
  address.search = new URLSearchParams(new FormData(select.form));
  show(address.href).then(() => document.getElementById("tz")?.focus());
});

addEventListener("popstate", () => {
  if (document.getElementById("picker")) show(location.href, { push: false });
});

// The reader's own zone, unless one was chosen: remembered for the pages to come, and shown now if this one differs.
const picker = document.getElementById("picker");
const asked = new URLSearchParams(location.search).has("tz");
if (zone && !asked && !remembered()) {
  remember(zone);
  if (picker && picker.dataset.zone !== zone) {
    const address = new URL(location.href);
    // In another site's page cookies do not stick: the address carries the zone there.
    if (remembered() !== zone) address.searchParams.set("tz", zone);
    show(address.href, { push: false });
  }
}
if (picker) arrange();

// Inside another site's page: say how high this one is, and nothing else.
if (document.querySelector(".site--embedded") && parent !== window) {
  const tell = () => parent.postMessage({ kalendsHeight: document.documentElement.getBoundingClientRect().height }, "*");
  new ResizeObserver(tell).observe(document.body);
  tell();
}
