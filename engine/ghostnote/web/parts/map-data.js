"use strict";

/** Numbers that came as base64, little-endian. */
function unpack(text, Kind) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let k = 0; k < raw.length; k++) bytes[k] = raw.charCodeAt(k);
  return new Kind(bytes.buffer);
}

const CELLS = 96;
const TURN = Math.PI * 2;

/** All sounds of a document in typed arrays, and ways to find some of them. */
class Sounds {
  constructor(document) {
    Object.assign(this, document);
    for (const [name, Kind] of [["ids", Uint32Array], ["x", Float32Array], ["y", Float32Array],
      ["kinds", Uint16Array], ["lengths", Float32Array], ["onsets", Float32Array], ["folders", Uint32Array]]) {
      this[name] = unpack(document[name], Kind);
    }
    if (document.points) this.points = unpack(document.points, Int16Array);
    this.rows = new Map();
    this.ids.forEach((id, row) => this.rows.set(id, row));
    this.counts = new Uint32Array(this.classes.length);
    for (const kind of this.kinds) this.counts[kind]++;
    this.shown = new Uint8Array(this.count).fill(1);
    this.found = this.count;
    this.order = this.shuffled();
    this.buildCells();
  }

  /** Rows in an order in which no class always lies on top; the same each time. */
  shuffled() {
    const order = Uint32Array.from({ length: this.count }, (_, row) => row);
    let state = 88172645;
    for (let k = this.count - 1; k > 0; k--) {
      state ^= state << 13; state ^= state >>> 17; state ^= state << 5;
      const other = (state >>> 0) % (k + 1);
      [order[k], order[other]] = [order[other], order[k]];
    }
    return order;
  }

  /** Left, top, right and bottom of all sounds, never less than a part of the map. */
  box() {
    const box = [1, 1, 0, 0];
    for (let row = 0; row < this.count; row++) {
      box[0] = Math.min(box[0], this.x[row]); box[2] = Math.max(box[2], this.x[row]);
      box[1] = Math.min(box[1], this.y[row]); box[3] = Math.max(box[3], this.y[row]);
    }
    if (!this.count) return [0, 0, 1, 1];
    for (const axis of [0, 1]) {
      const lack = Math.max(0, 0.2 - (box[axis + 2] - box[axis])) / 2;
      box[axis] -= lack; box[axis + 2] += lack;
    }
    return box;
  }

  cell(value) { return Math.min(CELLS - 1, Math.max(0, Math.floor(value * CELLS))); }

  /** Rows sorted by cells of a grid, so that what is near a place is found at once. */
  buildCells() {
    this.starts = new Uint32Array(CELLS * CELLS + 1);
    const cells = new Uint32Array(this.count);
    for (let row = 0; row < this.count; row++) {
      cells[row] = this.cell(this.y[row]) * CELLS + this.cell(this.x[row]);
      this.starts[cells[row] + 1]++;
    }
    for (let c = 0; c < CELLS * CELLS; c++) this.starts[c + 1] += this.starts[c];
    const next = this.starts.slice();
    this.celled = new Uint32Array(this.count);
    for (let row = 0; row < this.count; row++) this.celled[next[cells[row]]++] = row;
  }

  /** The row of the shown sound nearest to a place, within a radius; -1 where there is none. */
  at(x, y, radius) {
    let best = -1, least = radius * radius;
    for (let line = this.cell(y - radius); line <= this.cell(y + radius); line++) {
      const from = line * CELLS;
      const first = this.starts[from + this.cell(x - radius)], last = this.starts[from + this.cell(x + radius) + 1];
      for (let k = first; k < last; k++) {
        const row = this.celled[k];
        const dx = this.x[row] - x, dy = this.y[row] - y, apart = dx * dx + dy * dy;
        if (this.shown[row] && apart < least) { least = apart; best = row; }
      }
    }
    return best;
  }

  /** The nearest shown sound in a direction (a unit vector) from a row; -1 where there is none. */
  towards(row, east, south) {
    let best = -1, least = Infinity;
    for (let other = 0; other < this.count; other++) {
      if (!this.shown[other] || other === row) continue;
      const dx = this.x[other] - this.x[row], dy = this.y[other] - this.y[row];
      const along = dx * east + dy * south, aside = Math.abs(dx * south - dy * east);
      if (along > 0 && aside <= along && along + 2 * aside < least) { least = along + 2 * aside; best = other; }
    }
    return best;
  }

  /** Show only what is of some classes (null: of all) and has all words in its name or folder; how many. */
  filter(kinds, text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    this.lower ??= this.names.map((name) => name.toLowerCase());
    const folders = this.folder_names.map((name) => name.toLowerCase());
    let found = 0;
    for (let row = 0; row < this.count; row++) {
      const good = (!kinds || kinds.has(this.kinds[row])) && words.every((word) =>
        this.lower[row].includes(word) || folders[this.folders[row]].includes(word));
      this.shown[row] = good ? 1 : 0;
      found += good ? 1 : 0;
    }
    return this.found = found;
  }

  /** A folder without what all folders begin with. */
  folder(row) {
    if (this.common === undefined) {
      const parts = this.folder_names.map((name) => name.split("/"));
      let k = 0;
      while (parts.length > 1 && parts.every((list) => k < list.length && list[k] === parts[0][k])) k++;
      this.common = parts.length > 1 ? parts[0].slice(0, k).join("/").length + 1 : 0;
    }
    return this.folder_names[this.folders[row]].slice(this.common);
  }

  /** What is most like a row, by the points that a saved page holds; copies are left out. */
  near(row, count) {
    if (!this.points) return [];
    const size = this.size, found = [];
    let worst = Infinity;
    for (let other = 0; other < this.count; other++) {
      let apart = 0;
      for (let k = 0, a = row * size, b = other * size; k < size; k++) {
        const d = this.points[a + k] - this.points[b + k];
        apart += d * d;
      }
      if (apart === 0 || apart >= worst) continue;
      found.push([apart, other]);
      if (found.length > 4 * count) {
        found.sort((a, b) => a[0] - b[0]);
        found.length = count;
        worst = found[count - 1][0];
      }
    }
    return found.sort((a, b) => a[0] - b[0]).slice(0, count)
      .map(([apart, other]) => ({ row: other, distance: Math.sqrt(apart) * this.unit }));
  }

  /** Where the name of each class would stand best: the middle of where most of its sounds are. */
  centres() {
    const cells = 20, found = [];
    for (let kind = 0; kind < this.classes.length; kind++) {
      if (!this.counts[kind]) continue;
      const counts = new Float32Array(cells * cells);
      const cell = (v) => Math.min(cells - 1, Math.floor(v * cells));
      for (let row = 0; row < this.count; row++) {
        if (this.kinds[row] === kind) counts[cell(this.y[row]) * cells + cell(this.x[row])]++;
      }
      let best = 0, most = -1;
      for (let c = 0; c < cells * cells; c++) {
        let sum = 0;
        for (let dy = -1; dy <= 1; dy++) for (let dx = -1; dx <= 1; dx++) {
          const x = c % cells + dx, y = Math.floor(c / cells) + dy;
          if (x >= 0 && y >= 0 && x < cells && y < cells) sum += counts[y * cells + x];
        }
        if (sum > most) { most = sum; best = c; }
      }
      let x = 0, y = 0, n = 0;
      for (let row = 0; row < this.count; row++) {
        if (this.kinds[row] !== kind) continue;
        if (Math.abs(cell(this.x[row]) - best % cells) > 1) continue;
        if (Math.abs(cell(this.y[row]) - Math.floor(best / cells)) > 1) continue;
        x += this.x[row]; y += this.y[row]; n++;
      }
      found.push({ kind, x: x / n, y: y / n, count: this.counts[kind] });
    }
    return found.sort((a, b) => b.count - a.count);
  }
}

/** OKLCH (Ottosson 2020) as 8-bit sRGB. */
function oklch(light, chroma, turn) {
  const a = chroma * Math.cos(turn * TURN), b = chroma * Math.sin(turn * TURN);
  const l = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (light - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((v) => {
    const c = Math.min(1, Math.max(0, v));
    return Math.round(255 * (c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055));
  });
}

/** A colour for each class: hues around the circle, every other one lighter; grey for none. */
function palette(classes, dark) {
  const named = Math.max(1, classes.filter(Boolean).length);
  let k = 0;
  return classes.map((name) => {
    if (!name) return dark ? [128, 134, 146] : [140, 143, 150];
    const lift = named > 6 && k % 2 ? 0.09 : 0;
    return oklch((dark ? 0.72 : 0.6) + lift, 0.155, 0.12 + k++ / named);
  });
}

const css = (rgb) => `rgb(${rgb.join(" ")})`;
