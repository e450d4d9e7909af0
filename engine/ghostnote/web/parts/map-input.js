"use strict";

const TOUCH_PX = 22;
const MOUSE_PX = 12;
const STILL_PX = 6;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Mouse, pen and fingers on the map: look, choose, move, zoom. */
function listenToPointers(page) {
  const marks = $("marks"), { view } = page, held = new Map();
  let moved = false;

  const place = (event) => {
    const box = marks.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const under = ([x, y], reach) => page.sounds ? page.sounds.at(...view.toMap(x, y), reach / view.scale) : -1;

  marks.onpointerdown = (event) => {
    if (event.button > 0) return;
    marks.setPointerCapture(event.pointerId);
    held.set(event.pointerId, place(event));
    moved = held.size > 1;
    page.player.wake();
  };
  marks.onpointermove = (event) => {
    const now = place(event), before = held.get(event.pointerId);
    if (!before) {
      if (event.pointerType === "touch") return;
      page.hover(under(now, MOUSE_PX));
      page.tip(...now);
      return;
    }
    if (!moved && Math.hypot(now[0] - before[0], now[1] - before[1]) < STILL_PX) return;
    moved = true;
    marks.classList.add("held");
    page.hover(-1);
    page.tip(0, 0);
    if (held.size === 1) view.panBy(now[0] - before[0], now[1] - before[1]);
    else {
      const [other] = [...held].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
      const far = Math.hypot(now[0] - other[0], now[1] - other[1]), was = Math.hypot(before[0] - other[0], before[1] - other[1]);
      view.panBy((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
      view.zoomBy(far / Math.max(was, 1), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    }
    held.set(event.pointerId, now);
    page.redraw();
  };
  const release = (event) => {
    const last = held.size === 1 && held.has(event.pointerId);
    held.delete(event.pointerId);
    marks.classList.remove("held");
    if (event.type !== "pointerup" || !last || moved || !page.sounds) return;
    const row = under(place(event), event.pointerType === "mouse" ? MOUSE_PX : TOUCH_PX);
    if (row >= 0 || page.chosen >= 0) page.choose(row, { play: true });
  };
  marks.onpointerup = marks.onpointercancel = release;
  marks.onpointerleave = () => { page.hover(-1); page.tip(0, 0); };
  marks.addEventListener("wheel", (event) => {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    view.zoomBy(Math.exp(-Math.max(-120, Math.min(120, event.deltaY * lines)) * (event.ctrlKey ? 0.012 : 0.0025)), ...place(event));
    page.hover(-1);
    page.tip(0, 0);
    page.redraw();
  }, { passive: false });
  marks.ondblclick = (event) => { view.zoomBy(2, ...place(event)); page.redraw(); };
}

/** Keys: some everywhere, those that move on the map only there. */
function listenToKeys(page) {
  const { view } = page;
  addEventListener("keydown", (event) => {
    const typing = event.target === $("search");
    if (event.ctrlKey || event.metaKey || event.altKey || !page.sounds) return;
    if (event.key === "Escape") {
      if (typing && $("search").value) { $("search").value = ""; page.filter(); }
      else if (page.chosen >= 0) { page.choose(-1); $("marks").focus(); }
      else if (typing) $("marks").focus();
      return;
    }
    if (typing) {
      if (event.key === "Enter" && page.first >= 0) { page.player.wake(); page.choose(page.first, { play: true, show: true }); }
      return;
    }
    if (event.key === "/") { event.preventDefault(); $("search").focus(); }
    else if (event.key === "h" && page.served) page.sweep();
    else if (event.key === "+" || event.key === "=") { view.zoomBy(1.3); page.redraw(); }
    else if (event.key === "-") { view.zoomBy(1 / 1.3); page.redraw(); }
    else if (event.key === "0") page.showAll();
  });
  $("marks").addEventListener("keydown", (event) => {
    if (!page.sounds || event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    if (arrow) {
      event.preventDefault();
      if (event.shiftKey) { view.panBy(-80 * arrow[0], -80 * arrow[1]); page.redraw(); return; }
      page.player.wake();
      const next = page.chosen >= 0 ? page.sounds.towards(page.chosen, ...arrow) : page.sounds.at(view.x, view.y, 2);
      if (next >= 0) page.choose(next, { play: true, show: true });
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      page.again();
    }
  });
}

const page = new Page();
