// The invitation's text: Jodit (MIT) with the menus File, Edit, View, Insert, Format, Tools, Table over its commands.
// If it cannot be had, the plain text area stays and does the same.

const BUTTONS = [
  "undo", "redo", "|", "bold", "italic", "underline", "strikethrough", "|", "ul", "ol", "outdent", "indent", "|",
  "paragraph", "font", "fontsize", "brush",
];
// What the text looks like while it is written is what the mail will look like.
const OPEN = '<div style="font-family: Verdana, Geneva, sans-serif; font-size: 11pt;">';
const CLOSE = "</div>";
const FONTS = {
  "": "Verdana",
  "Arial, Helvetica, sans-serif": "Arial",
  "Georgia, serif": "Georgia",
  "Tahoma, Geneva, sans-serif": "Tahoma",
  "'Times New Roman', Times, serif": "Times New Roman",
  "'Courier New', Courier, monospace": "Courier New",
};
// Jodit's own French says "clause" for a paragraph, among others.
const FRENCH = {
  paragraph: "Paragraphe", "Insert format block": "Style du paragraphe", "Increase Indent": "Augmenter le retrait",
  Underline: "Souligné", "Strike through": "Barré",
};
const KNOWN = new Set(["{company}", "{staff}", "{link}"]);

function load(root) {
  const style = document.createElement("link");
  style.rel = "stylesheet";
  style.href = root.dataset.style;
  document.head.append(style);
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = root.dataset.script;
    script.onload = () => resolve(window.Jodit);
    script.onerror = reject;
    document.head.append(script);
  });
}

// Before the text has a selection its size is not known, and is ours.
function sizeOf(Jodit) {
  const own = Jodit.defaultOptions.controls.fontsize.value;
  return (editor, button) => {
    const size = own?.(editor, button);
    return Number.parseFloat(size) ? size : 11;
  };
}

// The policy drops `style` attributes that come with markup (undo, paste); set by script they hold.
function keepStyles(area) {
  const mend = (node) => {
    if (node.nodeType !== Node.ELEMENT_NODE) return;
    for (const item of [node, ...node.querySelectorAll("[style]")]) {
      const wanted = item.getAttribute("style");
      if (wanted && item.style.length === 0) item.style.cssText = wanted;
    }
  };
  new MutationObserver((changes) => {
    for (const change of changes) change.addedNodes.forEach(mend);
  }).observe(area, { childList: true, subtree: true });
}

export async function startEditor(root) {
  const field = root.querySelector("textarea");
  let Jodit;
  try {
    Jodit = await load(root);
  } catch {
    return;
  }
  Object.assign(Jodit.lang.fr ?? {}, FRENCH);
  if (field.value.startsWith(OPEN)) field.value = field.value.slice(OPEN.length, -CLOSE.length);
  const proposed = field.value;
  // A helper input that hides itself by a style attribute, which the policy refuses; our popups do not need it.
  Jodit.modules.ToolbarEditorCollection.prototype.prependInvisibleInput = () => {};
  const editor = Jodit.make(field, {
    buttons: BUTTONS, buttonsMD: BUTTONS, buttonsSM: BUTTONS, buttonsXS: BUTTONS,
    toolbarAdaptive: false,
    toolbarButtonSize: "middle",
    sourceEditor: "area",
    beautifyHTML: false,
    minHeight: 220,
    defaultFontSizePoints: "pt",
    askBeforePasteHTML: false,
    askBeforePasteFromWord: false,
    defaultActionOnPaste: "insert_clear_html",
    showPlaceholder: false, // an empty text needs none, and it comes with a style attribute
    showCharsCounter: false, showWordsCounter: false, showXPathInStatusbar: false,
    disablePlugins: ["image", "imageProcessor", "imageProperties", "file", "video", "iframe", "media", "speechRecognize", "powered-by-jodit", "about", "aceEditor", "ai-assistant"],
    language: document.documentElement.lang,
    popupRoot: root.closest("dialog") ?? document.body,
    controls: {
      paragraph: { component: "select" },
      font: { component: "select", list: Jodit.atom(FONTS) },
      fontsize: { component: "select", list: Jodit.atom([8, 9, 10, 11, 12, 14, 18, 24]), value: sizeOf(Jodit) },
    },
  });
  keepStyles(root.closest("dialog") ?? document.body);
  menus(root, editor, proposed);
  field.form.addEventListener("submit", () => { field.value = `${OPEN}${editor.value}${CLOSE}`; }, { capture: true });
  // Escape closes an open list of the tool bar, not the dialog under it.
  const dialog = root.closest("dialog");
  dialog?.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !dialog.querySelector(".jodit-popup")) return;
    event.preventDefault();
    editor.e.fire("closeAllPopups hidePopup");
  }, { capture: true });
}

function menus(root, editor, proposed) {
  const bar = root.querySelector(".editor__menus");
  const said = root.querySelector(".editor__said");
  const tops = [...bar.querySelectorAll(".editor__menu > button")];
  const listOf = (top) => top.nextElementSibling;
  const close = () => {
    for (const top of tops) {
      top.setAttribute("aria-expanded", "false");
      listOf(top).hidden = true;
    }
  };
  const open = (top) => {
    close();
    top.setAttribute("aria-expanded", "true");
    listOf(top).hidden = false;
    listOf(top).querySelector("button").focus();
  };
  bar.hidden = false;
  tops.forEach((top, at) => { top.tabIndex = at ? -1 : 0; });
  bar.addEventListener("mousedown", (event) => event.preventDefault()); // the selection in the text stays
  bar.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (tops.includes(button)) {
      if (button.getAttribute("aria-expanded") === "true") close();
      else open(button);
      return;
    }
    close();
    act(button, editor, said, proposed);
  });
  bar.addEventListener("keydown", (event) => move(event, tops, listOf, open, close));
  document.addEventListener("click", (event) => { if (!bar.contains(event.target)) close(); });
}

function move(event, tops, listOf, open, close) {
  const top = event.target.closest(".editor__menu").firstElementChild;
  const at = tops.indexOf(top);
  const items = [...listOf(top).querySelectorAll("button")];
  const here = items.indexOf(event.target);
  const beside = (step) => tops[(at + step + tops.length) % tops.length];
  const keys = {
    ArrowRight: () => (here < 0 ? beside(1).focus() : open(beside(1))),
    ArrowLeft: () => (here < 0 ? beside(-1).focus() : open(beside(-1))),
    ArrowDown: () => (here < 0 ? open(top) : items[(here + 1) % items.length].focus()),
    ArrowUp: () => (here < 0 ? open(top) : items[(here - 1 + items.length) % items.length].focus()),
    Home: () => (here < 0 ? tops[0] : items[0]).focus(),
    End: () => (here < 0 ? tops.at(-1) : items.at(-1)).focus(),
    Escape: () => { close(); top.focus(); },
  };
  if (!keys[event.key] || (event.key === "Escape" && here < 0)) return;
  event.preventDefault();
  event.stopPropagation();
  keys[event.key]();
}

function act(button, editor, said, proposed) {
  const { command, value, insert, table, own } = button.dataset;
  said.textContent = "";
  if (command) editor.execCommand(command, false, value ?? null);
  else if (insert) editor.s.insertHTML(insert);
  else if (table) insertTable(editor, ...table.split("x").map(Number));
  else OWN[own](editor, said, proposed);
  if (own !== "preview" && own !== "source") editor.focus();
}

function insertTable(editor, rows, columns) {
  const row = `<tr>${"<td><br></td>".repeat(columns)}</tr>`;
  editor.s.insertHTML(`<table border="1" cellpadding="6" width="100%"><tbody>${row.repeat(rows)}</tbody></table><p><br></p>`);
}

function cellOf(editor) {
  const at = editor.s.current();
  const node = at?.nodeType === Node.ELEMENT_NODE ? at : at?.parentElement;
  const cell = node?.closest("td, th");
  return cell && editor.editor.contains(cell) ? cell : null;
}

const emptyCell = () => {
  const cell = document.createElement("td");
  cell.append(document.createElement("br"));
  return cell;
};

const OWN = {
  new: (editor) => { editor.value = "<p>{link}</p>"; },
  reset: (editor, _said, proposed) => { editor.value = proposed; },
  print: () => window.print(),
  source: (editor) => editor.toggleMode(),
  preview: (editor) => editor.element.form.querySelector('[name="do"][value="preview"]').click(),
  weblink: (editor, said) => {
    const address = window.prompt(said.dataset.ask, "https://");
    if (address && /^(https?:|mailto:)/.test(address)) editor.execCommand("createLink", false, address);
  },
  count: (editor, said) => {
    const words = editor.text.split(/\s+/u).filter(Boolean).length;
    said.textContent = `${words} ${said.dataset.countWords}`;
  },
  check: (editor, said) => {
    const found = editor.value.match(/\{[^{}<>\s]{1,40}\}/gu) ?? [];
    const unknown = found.filter((item) => !KNOWN.has(item));
    if (unknown.length) said.textContent = `${said.dataset.unknown} ${unknown.join(", ")}`;
    else said.textContent = found.includes("{link}") ? said.dataset.ok : said.dataset.missing;
  },
  row: (editor) => {
    const row = cellOf(editor)?.parentElement;
    if (!row) return;
    const added = document.createElement("tr");
    for (const _cell of row.children) added.append(emptyCell());
    row.after(added);
    editor.synchronizeValues();
  },
  column: (editor) => {
    const cell = cellOf(editor);
    if (!cell) return;
    const at = cell.cellIndex;
    for (const row of cell.closest("table").rows) row.cells[at]?.after(emptyCell());
    editor.synchronizeValues();
  },
  droptable: (editor) => {
    cellOf(editor)?.closest("table").remove();
    editor.synchronizeValues();
  },
};
