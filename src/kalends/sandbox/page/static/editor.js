// The dialog of one event: everything that can be dragged can be typed here.
import { element } from "./http.js";
import { addDays, addMinutes, clock, dayOf } from "./time.js";

const $ = (id) => document.getElementById(id);
const dialog = $("editor");
const form = $("editor-form");
let submit = null;
let remove = null;

function show(name, visible) {
  for (const node of form.querySelectorAll(`[data-${name}]`)) node.hidden = !visible;
}

function setAllDay(allDay) {
  show("timed", !allDay);
  show("allday", allDay);
  form.elements.from.required = form.elements.to.required = !allDay;
}

function open(title, fields, { isNew, allDay, editable, series, notes }) {
  $("editor-title").textContent = title;
  $("editor-error").textContent = "";
  $("editor-notes").textContent = notes;
  for (const [name, value] of Object.entries(fields)) form.elements[name].value = value;
  show("new", isNew);
  setAllDay(allDay);
  for (const field of form.elements) if (field.name) field.disabled = !editable;
  $("save").hidden = !editable;
  $("delete").hidden = isNew || !editable;
  $("delete-series").hidden = isNew || !editable || !series;
  dialog.showModal();
  form.elements.title.focus();
}

export function openNew(start, length, api) {
  const end = addMinutes(start, length);
  form.elements.calendar.replaceChildren(...api.calendars().map((calendar) => element("option", { value: calendar.id, textContent: calendar.name })));
  const fields = { title: "", day: dayOf(start), from: clock(start), to: clock(end), last: dayOf(start), kind: "busy" };
  open("New event", fields, { isNew: true, allDay: false, editable: true, series: false, notes: "" });
  submit = (edit, values) => api.create(values.calendar, { ...edit, kind: values.kind });
}

export function openEditor(event, api) {
  const last = event.all_day ? addDays(event.end, -1) : dayOf(event.end);
  const fields = { title: event.title, day: dayOf(event.start), from: clock(event.start), to: clock(event.end), last };
  const notes = [event.location, event.notes].filter(Boolean).join("\n\n");
  const title = event.editable ? (event.series ? "Event of a series" : "Event") : "Event (read-only)";
  open(title, fields, { isNew: false, allDay: event.all_day, editable: event.editable, series: event.series, notes });
  submit = (edit) => api.change(event, edit.title === event.title ? { start: edit.start, end: edit.end } : edit);
  remove = (whole) => api.remove(event, whole);
}

function read() {
  const values = Object.fromEntries(new FormData(form));
  const allDay = !form.querySelector("[data-allday]").hidden;
  if (allDay) return [{ title: values.title, start: values.day, end: addDays(values.last < values.day ? values.day : values.last, 1) }, values];
  const start = `${values.day}T${values.from}`;
  let end = `${values.day}T${values.to}`;
  if (end <= start) end = addMinutes(end, 1440);
  return [{ title: values.title, start, end }, values];
}

async function attempt(work) {
  try {
    await work;
    dialog.close();
  } catch (error) {
    $("editor-error").textContent = error.message;
  }
}

form.elements.kind.addEventListener("change", () => setAllDay(form.elements.kind.value === "allday"));
form.addEventListener("submit", (event) => { event.preventDefault(); attempt(submit(...read())); });
$("delete").addEventListener("click", () => attempt(remove(false)));
$("delete-series").addEventListener("click", () => attempt(remove(true)));
$("close").addEventListener("click", () => dialog.close());
