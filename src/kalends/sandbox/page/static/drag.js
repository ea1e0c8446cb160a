// Pointer work: move and resize an event in steps of a quarter hour, or draw a new one on an empty place.
import { element } from "./http.js";

const STEP = 15;
const snap = (pixels, hour) => Math.round((pixels / hour) * (60 / STEP)) * STEP;
const columnAt = (x) => [...document.querySelectorAll(".column")].findIndex((column) => {
  const box = column.getBoundingClientRect();
  return x >= box.left && x < box.right;
});

// `preview` gives the label while the event is being dragged.
export function draggable(node, hour, preview, done) {
  node.addEventListener("pointerdown", (press) => {
    if (press.button !== 0) return;
    const resize = press.target.classList.contains("grip");
    const begin = { x: press.clientX, y: press.clientY, top: node.offsetTop, height: node.offsetHeight, column: columnAt(press.clientX) };
    const columns = [...document.querySelectorAll(".column")];
    let days = 0;
    let shift = 0;
    delete node.dataset.dragged;
    const move = (event) => {
      const far = Math.hypot(event.clientX - begin.x, event.clientY - begin.y) > 4;
      if (!far && !node.dataset.dragged) return;
      node.dataset.dragged = "1";
      node.classList.add("dragging");
      shift = snap(event.clientY - begin.y, hour);
      node.querySelector("small").textContent = preview(resize ? 0 : shift, resize ? shift : 0);
      if (resize) {
        node.style.height = `${Math.max(hour / 4, begin.height + (shift / 60) * hour)}px`;
        return;
      }
      const over = columnAt(event.clientX);
      if (over >= 0) days = over - begin.column;
      const target = columns[begin.column + days];
      if (target && node.parentElement !== target) {
        target.append(node);
        // A node that is put elsewhere loses the pointer, and with it the end of the drag.
        node.setPointerCapture(press.pointerId);
      }
      node.style.top = `${begin.top + (shift / 60) * hour}px`;
    };
    const end = (event) => {
      node.removeEventListener("pointermove", move);
      node.removeEventListener("pointerup", end);
      node.removeEventListener("pointercancel", end);
      node.classList.remove("dragging");
      if (event.type !== "pointerup" || !node.dataset.dragged) return;
      setTimeout(() => delete node.dataset.dragged, 50);
      if (days || shift) done(days, resize ? 0 : shift, resize ? shift : 0);
    };
    node.setPointerCapture(press.pointerId);
    node.addEventListener("pointermove", move);
    node.addEventListener("pointerup", end);
    node.addEventListener("pointercancel", end);
  });
}

export function dragToCreate(column, hour, done) {
  column.addEventListener("pointerdown", (press) => {
    if (press.target !== column || press.button !== 0 || press.pointerType === "touch") return;
    const begin = press.clientY - column.getBoundingClientRect().top;
    const from = Math.floor((begin / hour) * 2) * 30;
    let length = 60;
    const draft = element("div", { className: "draft" });
    const size = () => {
      draft.style.top = `${(from / 60) * hour}px`;
      draft.style.height = `${(length / 60) * hour}px`;
    };
    size();
    column.append(draft);
    const move = (event) => {
      const moved = event.clientY - column.getBoundingClientRect().top - begin;
      length = Math.max(30, Math.min(1440 - from, snap(moved, hour)));
      size();
    };
    const end = (event) => {
      column.removeEventListener("pointermove", move);
      column.removeEventListener("pointerup", end);
      column.removeEventListener("pointercancel", end);
      draft.remove();
      if (event.type === "pointerup") done(from, length);
    };
    column.setPointerCapture(press.pointerId);
    column.addEventListener("pointermove", move);
    column.addEventListener("pointerup", end);
    column.addEventListener("pointercancel", end);
  });
}
