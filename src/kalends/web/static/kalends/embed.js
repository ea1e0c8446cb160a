// A company's booking pages on its own site:
//   <script src="https://booking.example.org/embed.js" data-company="lakeside" async></script>
// data-mode: inline (default), popup (a button that opens a dialog) or button (a link to the booking pages);
// data-label, data-close: the buttons' texts; data-service, data-staff, data-group: begin there. No cookie is set or needed.

(() => {
  const script = document.currentScript;
  const { company, service, staff, group, mode = "inline", label = "Book an appointment", close = "Close" } = script.dataset;
  if (!company) {
    console.error("Kalends: embed.js needs data-company");
    return;
  }
  const base = new URL(script.src);

  function address(embedded) {
    const url = new URL(`/${encodeURIComponent(company)}`, base);
    if (service) {
      url.pathname += "/book";
      url.searchParams.set("service", service);
      if (staff) url.searchParams.set("staff", staff);
      else if (group) url.searchParams.set("group", group);
    } else if (staff) url.pathname += `/staff/${encodeURIComponent(staff)}`;
    else if (group) url.pathname += `/group/${encodeURIComponent(group)}`;
    if (embedded) url.searchParams.set("embed", "1");
    return url.href;
  }

  function frame() {
    const element = document.createElement("iframe");
    element.src = address(true);
    element.title = label;
    Object.assign(element.style, { width: "100%", height: "640px", border: "0", colorScheme: "normal" });
    addEventListener("message", (event) => {
      if (event.source !== element.contentWindow || event.origin !== base.origin) return;
      const height = Number(event.data?.kalendsHeight);
      if (mode === "inline" && height > 0) element.style.height = `${Math.ceil(height)}px`;
    });
    return element;
  }

  function popup() {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.className = "kalends-button";
    const dialog = document.createElement("dialog");
    Object.assign(dialog.style, { width: "min(960px, 96vw)", height: "min(760px, 92vh)", padding: "0", border: "0", borderRadius: "14px", overflow: "hidden" });
    const shut = document.createElement("button");
    shut.type = "button";
    shut.textContent = "×";
    shut.setAttribute("aria-label", close);
    Object.assign(shut.style, { position: "absolute", top: "8px", right: "8px", width: "44px", height: "44px", border: "0", borderRadius: "50%", background: "#fff", color: "#1b2220", font: "24px/1 system-ui, sans-serif", cursor: "pointer" });
    shut.addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    button.addEventListener("click", () => {
      if (!shut.isConnected) {
        const element = frame();
        element.style.height = "100%";
        dialog.append(element, shut);
      }
      dialog.showModal();
    });
    script.before(button, dialog);
  }

  if (mode === "popup") popup();
  else if (mode === "button") {
    const link = document.createElement("a");
    link.href = address(false);
    link.textContent = label;
    link.className = "kalends-button";
    script.before(link);
  } else script.before(frame());
})();
