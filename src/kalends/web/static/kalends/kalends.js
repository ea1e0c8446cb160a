// What every page may use. Nothing here is needed for a page to work; without it links and forms do the same.

const root = document.documentElement;
root.classList.add("js");

function setCookie(name, value) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${name}=${value}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}

function say(text) {
  const live = document.getElementById("live");
  if (live) live.textContent = text;
}

function toggleTheme() {
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  setCookie("kalends_theme", root.dataset.theme);
}

// <button data-copy="#id"> copies that element's value or text; data-copied is what is said afterwards.
async function copy(button) {
  const source = document.querySelector(button.dataset.copy);
  if (!source) return;
  const text = source.value ?? source.textContent.trim();
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // No clipboard on plain http: leave the text selected, so that the keyboard can copy it.
    source.focus();
    if (source.select) source.select();
    return;
  }
  const label = button.querySelector("[data-label]") ?? button;
  const before = label.textContent;
  label.textContent = button.dataset.copied;
  say(button.dataset.copied);
  setTimeout(() => { label.textContent = before; }, 2000);
}

// <a href="/page" data-dialog="id"> opens the dialog where it is on the page; otherwise the link is followed.
function openDialog(event, link) {
  const dialog = document.getElementById(link.dataset.dialog);
  if (!dialog?.showModal) return;
  event.preventDefault();
  dialog.showModal();
}

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  if (!target) return;
  const button = target.closest("[data-copy], [data-theme-toggle], [data-dialog], [data-close], [data-print]");
  if (button?.matches("[data-copy]")) copy(button);
  else if (button?.matches("[data-theme-toggle]")) toggleTheme();
  else if (button?.matches("[data-dialog]")) openDialog(event, button);
  else if (button?.matches("[data-close]") && button.closest("dialog")) {
    event.preventDefault();
    button.closest("dialog").close();
  } else if (button?.matches("[data-print]")) window.print();
  if (target instanceof HTMLDialogElement) target.close();
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(target)) menu.open = false;
  }
  // The phone's menu closes when the page behind it is touched.
  if (location.hash === "#menu" && !target.closest("#menu, a[href]")) location.hash = "#content";
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector("details.menu[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
  if (location.hash === "#menu") location.hash = "#content";
});

// <select data-autosubmit>: the choice is sent at once; the button beside it carries js-hide.
document.addEventListener("change", (event) => {
  if (event.target.matches?.("[data-autosubmit]")) event.target.form.requestSubmit();
});

// A form is sent once: a second press while the answer is on its way does nothing.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  event.submitter?.setAttribute("aria-busy", "true");
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    form.querySelector("[aria-busy]")?.removeAttribute("aria-busy");
  }
});

// Errors are read first: the summary on top takes the focus.
document.querySelector(".error-summary")?.focus();
