"use strict";

const POLL_MS = 2000;
const NEAR = 10;
const MOST_HITS = 60;
const FRESH_MS = 2500;
const MOST_FRESH = 400;
const $ = (id) => document.getElementById(id);
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const dark = matchMedia("(prefers-color-scheme: dark)");

/** An element with properties and children. */
function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

/** The whole page: what is shown, chosen and filtered, and how it changes. */
class Page {
  constructor() {
    this.view = new View();
    this.dots = new Dots($("dots"));
    this.marks = new Marks($("marks"));
    this.player = new Player();
    this.sounds = undefined;
    this.chosen = this.over = -1;
    this.nearest = [];
    this.kinds = null;
    this.served = location.protocol.startsWith("http") && !$("data").textContent.trim();
    this.etag = "";
    this.newest = new Map();
    this.takeTheme();
    this.listen();
    new ResizeObserver(() => this.resize()).observe($("stage"));
    if (this.served) this.poll();
    else this.take(JSON.parse($("data").textContent));
  }

  takeTheme() {
    const style = getComputedStyle(document.documentElement);
    const value = (name) => style.getPropertyValue(`--${name}`).trim();
    const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
    this.theme = { mark: value("mark"), ink: value("ink"), veil: value("veil"), sheet: value("sheet"), accent: value("accent"),
      soft: value("soft"), paper: rgb(value("paper")), faded: rgb(value("line")), colours: palette(this.sounds?.classes ?? [], dark.matches) };
  }

  /** A new document: the first, or one with more sounds; what was chosen stays so. */
  take(found) {
    const before = this.sounds, id = before && this.chosen >= 0 ? before.ids[this.chosen] : undefined;
    const classes = before && this.kinds ? [...this.kinds].map((kind) => before.classes[kind]) : null;
    this.sounds = new Sounds(found);
    this.kinds = classes && new Set(classes.map((name) => this.sounds.classes.indexOf(name)).filter((kind) => kind >= 0));
    this.chosen = this.sounds.rows.get(id) ?? -1;
    this.over = -1;
    this.centres = this.sounds.centres();
    this.view.box = this.sounds.box();
    if (!before) this.view.home();
    if (before && before.fit === found.fit) {
      const now = performance.now();
      for (const other of this.sounds.ids) {
        if (!before.rows.has(other) && this.newest.size < MOST_FRESH) this.newest.set(other, now);
      }
    }
    this.takeTheme();
    document.title = `${found.library} · ghostnote`;
    $("library").textContent = found.library;
    $("count").textContent = `${found.count.toLocaleString("en")} ${found.count === 1 ? "sound" : "sounds"}, model ${found.model}`;
    this.blank(found.count ? "" : "Nothing is in this library yet.", found.count ? "" : "ghostnote index DIR");
    this.legend();
    this.filter();
    if (id !== undefined && this.chosen < 0) this.choose(-1);
    else this.nearest = this.nearest.map((near) => ({ ...near, row: this.sounds.rows.get(near.id) ?? -1 })).filter((near) => near.row >= 0);
    this.notice();
    this.redraw();
  }

  blank(text, command) {
    $("blank").hidden = !text;
    $("blank").replaceChildren(text, ...(command ? [make("br"), make("code", { textContent: command })] : []));
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = $("stage");
    if (!width || !height) return;
    Object.assign(this.view, { width, height });
    this.ratio = Math.min(2, devicePixelRatio || 1);
    this.dots.resize(width, height, this.ratio);
    this.marks.resize(width, height, this.ratio);
    this.whole = true;
    this.draw();
  }

  /** Draw soon, once for all that changes before. `marks`: nothing else changed. */
  redraw(marks = false) {
    this.whole ||= !marks;
    this.frame ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.frame = undefined;
    if (!this.sounds || !this.dots.image) return;
    if (this.whole) this.dots.draw(this.sounds, this.view, this.theme.colours, this.theme.paper, this.theme.faded);
    this.whole = false;
    this.marks.draw(this);
    if (this.newest.size) this.redraw(true);
  }

  /** Rows that came lately, each with its age from 0 to 1. */
  *fresh() {
    const now = performance.now();
    for (const [id, since] of this.newest) {
      const share = (now - since) / FRESH_MS, row = this.sounds.rows.get(id);
      if (share >= 1 || row === undefined) this.newest.delete(id);
      else yield [row, calm.matches ? 0.2 : share * 3 % 1];
    }
  }

  legend() {
    const { sounds, theme } = this;
    const chips = sounds.classes.map((name, kind) => [name, kind]).filter(([, kind]) => sounds.counts[kind]).map(([name, kind]) => {
      const chip = make("button", { type: "button" }, make("i"), title(name), make("small", { textContent: sounds.counts[kind].toLocaleString("en") }));
      chip.querySelector("i").style.background = css(theme.colours[kind]);
      chip.setAttribute("aria-pressed", String(!this.kinds || this.kinds.has(kind)));
      chip.onclick = () => this.toggle(kind);
      return chip;
    });
    const all = make("button", { type: "button", className: "all", textContent: "Show all", hidden: !this.kinds });
    all.onclick = () => { this.kinds = null; this.legend(); this.filter(); };
    const at = [...$("legend").children].indexOf(document.activeElement);
    $("legend").replaceChildren(...chips, all);
    $("legend").hidden = !chips.length;
    if (at >= 0) ($("legend").children[at].hidden ? chips[0] : $("legend").children[at])?.focus();
  }

  /** The first class that is clicked is shown alone, each more is added or taken away. */
  toggle(kind) {
    const kinds = new Set(this.kinds ?? []);
    if (kinds.has(kind)) kinds.delete(kind);
    else kinds.add(kind);
    this.kinds = kinds.size ? kinds : null;
    this.legend();
    this.filter();
  }

  filter() {
    if (!this.sounds) return;
    const text = $("search").value.trim(), found = this.sounds.filter(this.kinds, text);
    $("found").textContent = text ? found.toLocaleString("en") : "";
    this.hits(text, found);
    this.redraw();
  }

  hits(text, found) {
    const rows = [];
    if (text) for (let row = 0; row < this.sounds.count && rows.length < MOST_HITS; row++) if (this.sounds.shown[row]) rows.push(row);
    $("hits").replaceChildren(...rows.map((row) => this.item(row)));
    $("results").hidden = !text || this.chosen >= 0;
    $("results").querySelector("h2").textContent = found > rows.length ? `First ${rows.length} of ${found.toLocaleString("en")} found` : `${found} found`;
    $("help").hidden = Boolean(text) || this.chosen >= 0;
    this.first = rows[0] ?? -1;
  }

  /** A line of a list: a sound that can be chosen. */
  item(row, distance) {
    const { sounds } = this;
    const button = make("button", { type: "button" }, make("i"), make("b", { textContent: sounds.names[row] }),
      make("span", { textContent: distance === undefined ? seconds(sounds.lengths[row]) : distance.toFixed(2) }),
      make("small", {}, make("em", { textContent: title(sounds.classes[sounds.kinds[row]]) + (sounds.segmented ? `, at ${sounds.onsets[row].toFixed(2)} s` : "") }),
        make("span", {}, make("bdi", { textContent: sounds.folder(row) }))));
    button.querySelector("i").style.background = css(this.theme.colours[sounds.kinds[row]]);
    button.onclick = () => { this.player.wake(); this.choose(row, { play: true, show: true }); };
    button.onpointerenter = button.onfocus = () => { this.over = row; this.redraw(true); };
    button.onpointerleave = button.onblur = () => { this.over = -1; this.redraw(true); };
    return make("li", {}, button);
  }

  /** Choose a sound (-1: none): its facts, its neighbours, and its sound if `play`; `show` brings it into view. */
  async choose(row, { play = false, show = false } = {}) {
    const { sounds, view } = this;
    this.chosen = row;
    this.nearest = [];
    $("sound").hidden = row < 0;
    $("slotted").textContent = "";
    this.hits($("search").value.trim(), sounds.found);
    if (row < 0) { this.player.stop(); this.redraw(true); return; }
    const id = sounds.ids[row], kind = sounds.kinds[row];
    const at = sounds.segmented ? `, at ${sounds.onsets[row].toFixed(3)} s` : "";
    $("name").textContent = sounds.names[row];
    $("about").replaceChildren(make("i"), `${title(sounds.classes[kind])}, ${seconds(sounds.lengths[row])}${at}`);
    $("about").querySelector("i").style.background = css(this.theme.colours[kind]);
    $("folder").textContent = sounds.folder_names[sounds.folders[row]];
    $("near").replaceChildren();
    $("near").previousElementSibling.hidden = true;
    $("panel").scrollTop = 0;
    drawWave($("wave"), undefined, this.theme.soft);
    for (const button of $("slots").querySelectorAll("button")) button.classList.remove("held");
    if (show) {
      const [x, y] = view.toScreen(sounds.x[row], sounds.y[row]);
      if (x < 20 || y < 20 || x > view.width - 20 || y > view.height - 20) {
        [view.x, view.y] = [sounds.x[row], sounds.y[row]];
        view.keep();
        this.redraw();
      }
    }
    this.redraw(true);
    $("play").disabled = !this.served;
    if (!this.served) {
      $("mute").replaceChildren("A saved map is silent. It sounds with ", make("code", { textContent: "ghostnote library map --serve" }));
      $("mute").hidden = false;
    }
    const heard = this.served ? this.sound(id, play) : undefined;
    const near = this.served ? await this.ask(id) : sounds.near(row, NEAR).map((one) => ({ ...one, id: sounds.ids[one.row] }));
    if (this.chosen < 0 || this.sounds.ids[this.chosen] !== id) return;
    this.nearest = near;
    $("near").replaceChildren(...near.map((one) => this.item(one.row, one.distance)));
    $("near").previousElementSibling.hidden = !near.length;
    $("say").textContent = `${sounds.names[row]}, ${title(sounds.classes[kind])}, ${seconds(sounds.lengths[row])}` +
      (near.length ? `; nearest ${sounds.names[near[0].row]}` : "");
    this.redraw(true);
    await heard;
  }

  /** What the server says is nearest, as rows. */
  async ask(id) {
    try {
      const answer = await fetch(`map/near/${id}?n=${NEAR}`);
      if (!answer.ok) return [];
      const found = await answer.json();
      return found.map((one) => ({ id: one.id, distance: one.distance, row: this.sounds.rows.get(one.id) ?? -1 })).filter((one) => one.row >= 0);
    } catch {
      return [];
    }
  }

  async sound(id, play) {
    try {
      const buffer = await (play ? this.player.play(id) : this.player.load(id));
      $("mute").hidden = true;
      if (this.chosen >= 0 && this.sounds.ids[this.chosen] === id) {
        drawWave($("wave"), buffer, css(this.theme.colours[this.sounds.kinds[this.chosen]]));
      }
    } catch (error) {
      $("mute").textContent = `No sound: ${error.message}`;
      $("mute").hidden = false;
    }
  }

  hover(row) {
    if (row === this.over) return;
    this.over = row;
    $("marks").classList.toggle("over", row >= 0);
    if (row >= 0 && this.served && $("sweep").getAttribute("aria-pressed") === "true") {
      this.player.play(this.sounds.ids[row]).catch(() => {});
    }
    this.redraw(true);
  }

  tip(x, y) {
    const { sounds, over: row, view } = this, tip = $("tip");
    tip.hidden = row < 0;
    if (row < 0) return;
    tip.replaceChildren(make("b", { textContent: sounds.names[row] }),
      make("span", { textContent: `${title(sounds.classes[sounds.kinds[row]])}, ${seconds(sounds.lengths[row])}` }));
    const width = tip.offsetWidth, height = tip.offsetHeight;
    const left = x + 16 + width > view.width ? x - 12 - width : x + 16;
    const top = y + 18 + height > view.height ? y - 12 - height : y + 18;
    tip.style.transform = `translate(${Math.max(4, left)}px, ${Math.max(4, top)}px)`;
  }

  notice(state) {
    this.state = state ?? this.state;
    const { worn, added } = this.sounds ?? {};
    const text = this.lost ?? (this.state?.drawing ? "Drawing the map anew…" : this.state?.trouble ||
      (worn ? `${added.toLocaleString("en")} sounds came since this map was drawn, and it has no good place for them.` : ""));
    $("notice").hidden = !text;
    $("notice").firstElementChild.textContent = text;
    $("notice").lastElementChild.hidden = !(this.served && worn && !this.lost && !this.state?.drawing && !this.state?.trouble);
    $("slots").hidden = !this.state?.instrument;
  }

  /** Ask the server from time to time whether anything changed. */
  async poll() {
    try {
      if (!document.hidden || !this.sounds) {
        const state = await (await fetch("map/state")).json();
        this.lost = undefined;
        if (state.sounds !== this.etag) await this.load();
        this.notice(state);
      }
    } catch {
      this.lost = "The server does not answer any more.";
      this.notice();
    }
    setTimeout(() => this.poll(), POLL_MS);
  }

  async load() {
    const answer = await fetch("map/sounds", { headers: this.etag ? { "If-None-Match": `"${this.etag}"` } : {}, cache: "no-store" });
    if (answer.status === 304) return;
    const found = await answer.json();
    this.etag = (answer.headers.get("ETag") ?? "").replaceAll('"', "");
    this.take(found);
  }

  async post(path, body) {
    const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error((await answer.json()).error);
  }

  async toSlot(slot, button) {
    const { sounds, chosen } = this;
    $("slotted").className = "";
    $("slotted").textContent = `${sounds.names[chosen]} goes to slot ${slot}…`;
    try {
      await this.post("map/slot", { slot, sound: sounds.ids[chosen] });
      $("slotted").textContent = `${sounds.names[chosen]} is in slot ${slot}.`;
      button.classList.add("held");
    } catch (error) {
      $("slotted").className = "wrong";
      $("slotted").textContent = `Slot ${slot}: ${error.message}`;
    }
  }

  listen() {
    listenToPointers(this);
    listenToKeys(this);
    dark.addEventListener("change", () => { this.takeTheme(); if (this.sounds) this.legend(); this.redraw(); });
    $("search").oninput = () => this.filter();
    $("closer").onclick = () => { this.view.zoomBy(1.6); this.redraw(); };
    $("farther").onclick = () => { this.view.zoomBy(1 / 1.6); this.redraw(); };
    $("whole").onclick = () => this.showAll();
    $("sweep").onclick = () => this.sweep();
    $("sweep").hidden = !this.served;
    $("close").onclick = () => this.choose(-1);
    $("play").onclick = () => this.again();
    $("notice").lastElementChild.onclick = () => this.post("map/anew", {}).catch((error) => { this.lost = error.message; this.notice(); });
    for (const slot of "abcdefgh") {
      const button = make("button", { type: "button", textContent: slot });
      button.setAttribute("aria-label", `To slot ${slot}`);
      button.onclick = () => this.toSlot(slot, button);
      $("slots").append(button);
    }
  }

  showAll() { this.view.home(); this.redraw(); }

  sweep() {
    this.player.wake();
    $("sweep").setAttribute("aria-pressed", String($("sweep").getAttribute("aria-pressed") !== "true"));
  }

  again() {
    if (this.chosen < 0 || !this.served) return;
    this.player.wake();
    this.sound(this.sounds.ids[this.chosen], true);
  }
}

/** A length as people read it. */
function seconds(value) { return value < 0.1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(2)} s`; }
