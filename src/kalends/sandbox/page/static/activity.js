// What was asked and what was told, and buttons for bad days.
import { shownAccount } from "./calendar.js";
import { ask, element } from "./http.js";

const $ = (id) => document.getElementById(id);
const KEPT = 200;
let last = 0;

// Each act is done to the provider of the account that is shown.
const microsoft = () => shownAccount().provider === "microsoft";
const fault = (kind, more) => () => ask("/_admin/faults", "POST", { kind, path: microsoft() ? "/v1.0/" : "/calendar/v3/", ...more });
const either = (google, other) => () => (microsoft() ? other() : google());
const act = (name, body) => () => ask(`/_admin/${name}`, "POST", body());
const none = () => ({});
const account = () => ({ account: shownAccount().key });
const TROUBLE = [
  ["Quota exceeded, 3 times", either(fault("error", { status: 403, reason: "rateLimitExceeded", times: 3 }), fault("error", { status: 429, reason: "ApplicationThrottled", times: 3, retry_after: 2 }))],
  ["Too many requests (429), 3 times", either(fault("error", { status: 429, reason: "rateLimitExceeded", times: 3, retry_after: 5 }), fault("error", { status: 429, reason: "ApplicationThrottled", times: 3, retry_after: 5 }))],
  ["Server error, 3 times", either(fault("error", { status: 503, reason: "backendError", times: 3 }), fault("error", { status: 503, reason: "ServiceUnavailable", times: 3 }))],
  ["Lose the answer of the next write", fault("drop_after", { method: "POST" })],
  ["Lose the next 5 notifications", either(act("pushes", () => ({ lose: 5 })), act("microsoft-pushes", () => ({ lose: 5 })))],
  ["Repeat the next 5 notifications", either(act("pushes", () => ({ repeat: 5 })), act("microsoft-pushes", () => ({ repeat: 5 })))],
  ["Expire sync tokens (410)", either(act("expire-sync-tokens", none), act("microsoft-expire-delta", none))],
  ["Expire access tokens", either(act("expire-access-tokens", none), act("microsoft-expire-access", none))],
  ["Revoke the shown account's grant", either(act("revoke-grants", account), act("microsoft-revoke", account))],
  ["End all trouble", () => Promise.all([ask("/_admin/faults", "DELETE", {}), ask("/_admin/microsoft-pushes", "POST", {})])],
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
    element("td", { textContent: push ? entry.calendar : decodeURIComponent(entry.path).replace(/^\/(calendar\/v3|v1\.0)\//, "").replace(/AA[\w-]{30,}=*/g, (id) => `${id.slice(0, 14)}…`) }),
    element("td", { textContent: status === "0" ? "no answer" : status, className: good ? "" : "bad" }));
}
