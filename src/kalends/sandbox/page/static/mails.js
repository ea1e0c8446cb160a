// The mails that the product sent: a list, and one mail with its text, HTML and invitation.
import { ask, element } from "./http.js";

const $ = (id) => document.getElementById(id);
let shown = "";
let open = "";
let read = Number(sessionStorage.getItem("mails-read") || 0);

export async function refreshMails() {
  const answer = await ask("/_page/mails");
  const visible = !$("view-mails").hidden;
  if (visible) sessionStorage.setItem("mails-read", read = answer.items.length);
  $("mail-count").textContent = answer.items.length > read ? answer.items.length - read : "";
  if (visible && !open && answer.items.length) await show(answer.items[0].name);
  const text = JSON.stringify([answer, open]);
  if (text === shown) return;
  shown = text;
  if (!answer.items.length) {
    const note = answer.folder ? "No mail was sent yet." : "The sandbox was started without --mail.";
    $("mail-list").replaceChildren(element("p", { className: "note", textContent: note }));
    return;
  }
  $("mail-list").replaceChildren(...answer.items.map(entry));
}

function entry(mail) {
  const button = element("button", { type: "button" },
    element("b", { textContent: mail.subject || "(no subject)" }),
    element("small", { textContent: `To ${mail.to}` }),
    element("small", { textContent: `${mail.date}${mail.invitation ? " · invitation" : ""}` }));
  button.setAttribute("aria-pressed", String(mail.name === open));
  button.addEventListener("click", () => show(mail.name).then(refreshMails).catch(() => {}));
  return button;
}

async function show(name) {
  open = name;
  const mail = await ask(`/_page/mails/${encodeURIComponent(name)}`);
  const fields = [["From", mail.from], ["To", mail.to], ["Reply to", mail.reply_to], ["Date", mail.date], ["Message id", mail.message_id], ["Attached", mail.attachments.join(", ")]];
  const list = element("dl", {}, ...fields.filter(([, value]) => value).flatMap(([label, value]) => [element("dt", { textContent: label }), element("dd", { textContent: value })]));
  const place = element("div");
  place.className = "part";
  const parts = [];
  if (mail.html) parts.push(["Page", () => frame(name)]);
  if (mail.text) parts.push(["Text", () => element("pre", {}, ...linked(mail.text))]);
  if (mail.calendar) parts.push([`Invitation${mail.method ? ` (${mail.method})` : ""}`, () => element("pre", { textContent: mail.calendar })]);
  const buttons = parts.map(([label, make]) => {
    const button = element("button", { type: "button", textContent: label });
    button.addEventListener("click", () => {
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      $("mail").lastElementChild.replaceWith(make());
    });
    return button;
  });
  $("mail").replaceChildren(element("h2", { textContent: mail.subject || "(no subject)" }), list, element("div", { className: "parts" }, ...buttons), place);
  buttons[0]?.click();
}

function frame(name) {
  const node = element("iframe", { title: "The mail's own page", src: `/_page/mails/${encodeURIComponent(name)}/html` });
  node.setAttribute("sandbox", "allow-popups allow-popups-to-escape-sandbox");
  return node;
}

function linked(text) {
  return text.split(/(https?:\/\/[^\s<>"]+)/).map((part, index) =>
    index % 2 ? element("a", { href: part, textContent: part, target: "_blank", rel: "noopener" }) : part);
}
