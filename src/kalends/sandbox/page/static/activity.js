// What was asked and what was told, and buttons for bad days.
import { ask, element } from "./http.js";

const $ = (id) => document.getElementById(id);
const KEPT = 200;
let last = 0;

const fault = (kind, more) => () => ask("/_admin/faults", "POST", { kind, path: "/calendar/v3/", ...more });
const account = () => document.querySelector("#accounts [aria-pressed='true'] small").textContent;
const TROUBLE = [
  ["Quota exceeded, 3 times", fault("error", { status: 403, reason: "rateLimitExceeded", times: 3 })],
  ["Too many requests (429), 3 times", fault("error", { status: 429, reason: "rateLimitExceeded", times: 3, retry_after: 5 })],
  ["Server error, 3 times", fault("error", { status: 503, reason: "backendError", times: 3 })],
  ["Lose the answer of the next write", fault("drop_after", { method: "POST" })],
  ["Lose the next 5 notifications", () => ask("/_admin/pushes", "POST", { lose: 5 })],
  ["Repeat the next 5 notifications", () => ask("/_admin/pushes", "POST", { repeat: 5 })],
  ["Expire sync tokens (410)", () => ask("/_admin/expire-sync-tokens", "POST", {})],
  ["Expire access tokens", () => ask("/_admin/expire-access-tokens", "POST", {})],
  ["Revoke the shown account's grant", () => ask("/_admin/revoke-grants", "POST", { account: account() })],
  ["End all trouble", () => ask("/_admin/faults", "DELETE", {})],
];

export function startActivity() {
  $("trouble").append(...TROUBLE.map(([label, work]) => {
    const button = element("button", { type: "button", textContent: label });
    button.addEventListener("click", async () => {
      await work().then(() => { $("trouble-state").textContent = `Ordered: ${label}.`; }, (error) => { $("trouble-state").textContent = error.message; });
    });
    return button;
  }));
}

export async function refreshActivity() {
  const { items } = await ask(`/_admin/journal?since=${last}`);
  if (!items.length) return;
  last = items[items.length - 1].number;
  const table = $("journal");
  table.prepend(...items.slice(-KEPT).reverse().map(row));
  while (table.children.length > KEPT) table.lastElementChild.remove();
}

function row(entry) {
  const push = entry.kind === "push";
  const time = new Date(entry.at * 1000).toLocaleTimeString("en-GB");
  const what = push ? `Notification${entry.state ? ` (${entry.state})` : ""}` : (entry.name || `${entry.method} ${entry.path}`).replace("calendar.", "");
  const status = String(entry.status);
  const good = /^[23]/.test(status);
  return element("tr", {},
    element("td", { textContent: time }),
    element("td", { textContent: what, className: push ? "push" : "" }),
    element("td", { textContent: push ? entry.calendar : decodeURIComponent(entry.path).replace("/calendar/v3/", "") }),
    element("td", { textContent: status === "0" ? "no answer" : status, className: good ? "" : "bad" }));
}
