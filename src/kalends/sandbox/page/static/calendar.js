// The week of one account: drawing, dragging, and the choice of account, calendars and week.
import { ask, element } from "./http.js";
import { DAY, addDays, addMinutes, at, between, clock, dayOf, daysBetween, format, minutes } from "./time.js";
import { openEditor, openNew } from "./editor.js";
import { layout } from "./layout.js";
import { dragToCreate, draggable } from "./drag.js";

const $ = (id) => document.getElementById(id);
const HOUR = 46;
const state = { accounts: [], account: null, first: null, now: null, events: [], shown: "", hidden: new Set(), seen: new Map(), client: "" };

export const shownAccount = () => state.account;
const columns = () => (innerWidth < 620 ? 3 : 7);
export const writable = () => state.account.calendars.filter((calendar) => calendar.writable);
const address = (event) => `/_page/events/${encodeURIComponent(event.calendar)}/${encodeURIComponent(event.id)}`;

export async function startCalendar() {
  const answer = await ask("/_page/accounts");
  state.client = answer.client;
  $("client").textContent = answer.client;
  state.accounts = answer.accounts;
  const asked = new URLSearchParams(location.search).get("account");
  state.account = answer.accounts.find((account) => account.key === asked) || answer.accounts[0];
  $("today").addEventListener("click", () => go(null));
  $("previous").addEventListener("click", () => go(addDays(state.first, -columns())));
  $("next").addEventListener("click", () => go(addDays(state.first, columns())));
  $("new-event").addEventListener("click", () => openNew(at(dayOf(state.now), Math.min(1380, minutes(state.now) + 60 - (minutes(state.now) % 60))), 60, api));
  addEventListener("resize", () => draw());
  $("feed").addEventListener("focus", () => $("feed").select());
  drawAccounts();
  await refreshCalendar();
  $("scroll").scrollTop = 7.5 * HOUR;
}

function go(first) {
  state.first = first;
  state.seen.clear();
  return refreshCalendar();
}

function choose(account) {
  state.account = account;
  state.hidden.clear();
  const query = new URLSearchParams({ account: account.key });
  history.replaceState(null, "", `?${query}${location.hash}`);
  drawAccounts();
  go(state.first).catch(() => {});
}

function drawAccounts() {
  $("feed").value = new URL(state.account.feed, location.href).href;
  const kinds = [...new Set(state.accounts.map((account) => account.kind))];
  $("accounts").replaceChildren(...kinds.map((kind) => element("div", { role: "group", ariaLabel: kind },
    element("h3", { textContent: kind }),
    ...state.accounts.filter((account) => account.kind === kind).map(accountButton))));
  $("calendars").replaceChildren(...state.account.calendars.map((calendar) => {
    const box = element("input", { type: "checkbox", checked: !state.hidden.has(calendar.id) });
    box.style.accentColor = calendar.color;
    box.addEventListener("change", () => { box.checked ? state.hidden.delete(calendar.id) : state.hidden.add(calendar.id); draw(); });
    return element("label", {}, box, calendar.name, calendar.writable ? "" : element("small", { textContent: "read-only" }));
  }));
}

function accountButton(account) {
  const text = element("span", {}, element("b", { textContent: account.name }), element("small", { textContent: account.label }));
  const button = element("button", { type: "button" }, element("span", { className: "avatar", textContent: account.name[0].toUpperCase(), ariaHidden: "true" }), text);
  button.setAttribute("aria-pressed", String(account === state.account));
  button.addEventListener("click", () => choose(account));
  return button;
}

export async function refreshCalendar() {
  const account = state.account;
  const first = state.first ?? "1970-01-01";
  if (state.first === null) {
    const probe = await ask(`/_page/events?${new URLSearchParams({ account: account.key, from: first, days: 1 })}`);
    state.now = probe.now;
    state.first = dayOf(probe.now);
  }
  const answer = await ask(`/_page/events?${new URLSearchParams({ account: account.key, from: state.first, days: columns() })}`);
  if (account !== state.account || document.querySelector(".dragging")) return;
  const text = JSON.stringify([answer.events, answer.now, state.first, account.key]);
  if (text === state.shown) return;
  state.shown = text;
  Object.assign(state, { events: answer.events, now: answer.now, zone: answer.timezone });
  draw();
}

function draw() {
  if (!state.now) return;
  const focused = document.activeElement?.dataset?.key;
  const days = Array.from({ length: columns() }, (_, index) => addDays(state.first, index));
  document.documentElement.style.setProperty("--cols", days.length);
  const last = days[days.length - 1];
  $("range").textContent = `${format(days[0], { day: "numeric", month: "long" })} – ${format(last, { day: "numeric", month: "long", year: "numeric" })}`;
  $("zone").textContent = state.zone;
  const events = state.events.filter((event) => !state.hidden.has(event.calendar));
  drawHead(days);
  drawAllDay(days, events.filter((event) => event.all_day));
  drawGrid(days, events.filter((event) => !event.all_day));
  state.seen = new Map(state.events.map((event) => [key(event), signature(event)]));
  if (focused) document.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

const key = (event) => `${event.calendar} ${event.id}`;
const signature = (event) => `${event.start} ${event.end} ${event.title}`;
const changed = (event) => state.seen.size > 0 && state.seen.get(key(event)) !== signature(event);

function drawHead(days) {
  $("days").replaceChildren(element("div"), ...days.map((day) => {
    const head = element("div", { className: day === dayOf(state.now) ? "today" : "" }, format(day, { weekday: "short" }), element("b", { textContent: Number(day.slice(8)) }));
    head.setAttribute("aria-label", format(day, { weekday: "long", day: "numeric", month: "long" }));
    return head;
  }));
}

function drawAllDay(days, events) {
  $("allday").replaceChildren(element("span", { textContent: "all-day" }), ...days.map((day) => {
    const list = events.filter((event) => event.start <= day && day < event.end);
    return element("div", {}, ...list.map((event) => card(event)));
  }));
}

function drawGrid(days, events) {
  const hours = element("div", { className: "hours" });
  for (let hour = 1; hour < 24; hour += 1) {
    const label = element("span", { textContent: `${String(hour).padStart(2, "0")}:00` });
    label.style.top = `${hour * HOUR}px`;
    hours.append(label);
  }
  $("grid").replaceChildren(hours, ...days.map((day) => drawColumn(day, events)));
}

function drawColumn(day, events) {
  const today = day === dayOf(state.now);
  const column = element("div", { className: today ? "column today" : "column" });
  column.dataset.day = day;
  const parts = [];
  for (const event of events) {
    const from = Math.max(0, between(`${day}T00:00`, event.start));
    const to = Math.min(DAY, between(`${day}T00:00`, event.end));
    if (from < DAY && to > 0 && to >= from && dayOf(event.start) <= day) parts.push({ event, from, to: Math.max(to, from + 15) });
  }
  for (const part of layout(parts)) column.append(place(part));
  if (today) {
    const line = element("div", { className: "now" });
    line.style.top = `${(minutes(state.now) / 60) * HOUR}px`;
    column.append(line);
  }
  dragToCreate(column, HOUR, (from, length) => openNew(at(day, from), length, api));
  return column;
}

function place({ event, from, to, lane, lanes }) {
  const node = card(event);
  if (to - from < 45) node.classList.add("short");
  node.style.top = `${(from / 60) * HOUR}px`;
  node.style.height = `${((to - from) / 60) * HOUR - 1}px`;
  node.style.left = `calc(${(lane / lanes) * 100}% + 1px)`;
  node.style.width = `calc(${100 / lanes}% - 5px)`;
  if (event.editable) {
    node.append(element("span", { className: "grip" }));
    draggable(node, HOUR, (shift, stretch) => span(...moved(event, 0, shift, stretch)), (days, shift, stretch) => shiftBy(event, days, shift, stretch));
  }
  return node;
}

function card(event) {
  const ours = Boolean(event.by);
  const classes = ["event", ours ? "ours" : "", event.free ? "free" : "", event.editable ? "" : "fixed", changed(event) ? "changed" : ""];
  const node = element("button", { type: "button", className: classes.filter(Boolean).join(" ") }, element("b", { textContent: event.title }));
  if (!event.all_day) node.append(" ", element("small", { textContent: `${clock(event.start)}${between(event.start, event.end) < 45 ? "" : ` – ${clock(event.end)}`}${event.series ? " ↻" : ""}` }));
  const long = !event.all_day && between(event.start, event.end) >= 90;
  if (ours && long) node.append(" ", element("span", { className: "from", textContent: state.client }));
  if (!ours && !event.all_day) node.style.setProperty("--edge", state.account.calendars.find((calendar) => calendar.id === event.calendar)?.color);
  node.dataset.key = key(event);
  node.title = `${event.title}${event.location ? `\n${event.location}` : ""}`;
  const day = event.all_day ? event.start : format(dayOf(event.start), { weekday: "long", day: "numeric", month: "long" });
  // What is seen comes first and as it is written, so that a person may say it to the computer.
  node.setAttribute("aria-label", `${node.textContent}, ${day}${ours ? `, from ${state.client}` : ""}${event.free ? ", free" : ""}`);
  node.addEventListener("click", () => { if (!node.dataset.dragged) openEditor(event, api); });
  node.addEventListener("keydown", (press) => moveByKey(press, event));
  return node;
}

function moveByKey(press, event) {
  const steps = { ArrowUp: [0, -15], ArrowDown: [0, 15], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
  if (!press.altKey || !steps[press.key] || !event.editable) return;
  press.preventDefault();
  shiftBy(event, ...steps[press.key], 0);
}

function shiftBy(event, days, shift, stretch) {
  if (event.all_day) {
    if (days) api.change(event, { start: addDays(event.start, days), end: addDays(event.end, days) }).catch(() => {});
    return;
  }
  const [start, end] = moved(event, days, shift, stretch);
  api.change(event, { start, end }).catch(() => {});
}

function moved(event, days, shift, stretch) {
  const start = addMinutes(event.start, days * DAY + shift);
  return [start, addMinutes(start, Math.max(15, between(event.start, event.end) + stretch))];
}

const span = (start, end) => `${clock(start)} – ${clock(end)}`;

async function act(request) {
  try {
    await request;
  } catch (error) {
    $("state").textContent = error.message;
    $("state").classList.add("bad");
    state.shown = "";
    throw error;
  } finally {
    await refreshCalendar();
    draw();
  }
}

const body = (more) => ({ account: state.account.key, ...more });
export const api = {
  calendars: writable,
  daysBetween,
  create: (calendar, edit) => act(ask("/_page/events", "POST", body({ calendar, ...edit }))),
  change: (event, edit) => act(ask(address(event), "PATCH", body(edit))),
  remove: (event, whole) => act(ask(address(event), "DELETE", body({ whole_series: whole }))),
};
