// The dashboard's own behaviour. Every page works without it.

// -- working hours: a spare row stands at the end of each day; with script it opens when asked for ------------------
for (const day of document.querySelectorAll(".hours__ranges")) {
  const add = day.querySelector("[data-add-range]");
  const renumber = () => {
    day.querySelectorAll(".hours__range").forEach((row, at) => {
      for (const part of row.querySelectorAll("[aria-label]")) {
        part.setAttribute("aria-label", part.getAttribute("aria-label").replace(/\d+/, at + 1));
      }
    });
  };
  add?.addEventListener("click", () => {
    const rows = [...day.querySelectorAll(".hours__range")];
    let row = rows.find((item) => item.matches("[data-spare]") && !item.classList.contains("is-open"));
    if (!row) {
      row = rows.at(-1).cloneNode(true);
      for (const input of row.querySelectorAll("input")) input.value = "";
      rows.at(-1).after(row);
    }
    const shown = rows.some((item) => item !== row && [...item.querySelectorAll("input")].some((input) => input.value));
    const [from, to] = row.querySelectorAll("input");
    if (!shown) [from.value, to.value] = ["09:00", "17:00"];
    row.classList.add("is-open");
    renumber();
    row.querySelector("input").focus();
  });
  day.addEventListener("click", (event) => {
    const clear = event.target.closest("[data-clear-range]");
    if (!clear) return;
    const row = clear.closest(".hours__range");
    for (const input of row.querySelectorAll("input")) input.value = "";
    row.setAttribute("data-spare", "");
    row.classList.remove("is-open");
    add?.focus();
  });
}

// -- a service's picture follows its fields --------------------------------------------------------------------------
const picture = document.querySelector("[data-buffers] svg");
if (picture) {
  const fields = ["buffer_before", "duration", "buffer_after"].map((name) => document.getElementById(`id_${name}`));
  const kinds = ["before", "service", "after"];
  const make = (name, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  };
  const draw = () => {
    const minutes = fields.map((field) => Math.max(0, Number.parseInt(field.value, 10) || 0));
    const total = minutes.reduce((sum, part) => sum + part, 0) || 1;
    let x = 0;
    picture.replaceChildren(...kinds.flatMap((kind, at) => {
      const width = (320 * minutes[at]) / total;
      const left = x;
      x += width;
      if (!minutes[at]) return [];
      const group = make("g", { class: `buffers__${kind}` });
      group.append(make("rect", { x: left, y: 2, width, height: 42, rx: 4 }));
      if (width >= 26) {
        const text = make("text", { x: left + width / 2, y: 28, "text-anchor": "middle" });
        text.textContent = minutes[at];
        group.append(text);
      }
      return [group];
    }));
  };
  for (const field of fields) field.addEventListener("input", draw);
  draw();
}

// -- the mail's preview: styles wait in data-style, because the policy lets only script set them ----------------------
for (const node of document.querySelectorAll("[data-styled] [data-style]")) node.style.cssText = node.dataset.style;

// -- the invitation's editor is fetched when it is looked at ----------------------------------------------------------
const root = document.querySelector("[data-editor-root]");
if (root) {
  const begin = async () => {
    const { startEditor } = await import("./editor.js");
    startEditor(root);
  };
  const dialog = root.closest("dialog");
  if (!dialog) begin();
  else new MutationObserver((_changes, observer) => {
    if (!dialog.open) return;
    observer.disconnect();
    begin();
  }).observe(dialog, { attributes: true, attributeFilter: ["open"] });
}
