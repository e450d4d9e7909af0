"use strict";

const PAD = 12;
const MOST_ZOOM = 400;

/** Where the map is looked at: the place in the middle, and pixels (of CSS) for its whole width. */
class View {
  constructor() { this.width = 1; this.height = 1; this.box = [0, 0, 1, 1]; this.home(); }

  /** Pixels for the whole width of the map where all sounds are just in view. */
  get fit() {
    const [left, top, right, bottom] = this.box, room = Math.min(48, 0.07 * Math.min(this.width, this.height));
    return Math.max(40, Math.min((this.width - 2 * room) / (right - left), (this.height - 2 * room) / (bottom - top)));
  }
  home() {
    const [left, top, right, bottom] = this.box;
    Object.assign(this, { x: (left + right) / 2, y: (top + bottom) / 2, zoom: 1 });
  }
  get scale() { return this.fit * this.zoom; }
  toScreen(x, y) { return [(x - this.x) * this.scale + this.width / 2, (y - this.y) * this.scale + this.height / 2]; }
  toMap(x, y) { return [(x - this.width / 2) / this.scale + this.x, (y - this.height / 2) / this.scale + this.y]; }

  zoomBy(factor, x = this.width / 2, y = this.height / 2) {
    const [a, b] = this.toMap(x, y);
    this.zoom = Math.min(MOST_ZOOM, Math.max(0.6, this.zoom * factor));
    const [c, d] = this.toMap(x, y);
    this.x += a - c;
    this.y += b - d;
    this.keep();
  }

  panBy(dx, dy) { this.x -= dx / this.scale; this.y -= dy / this.scale; this.keep(); }
  keep() { this.x = Math.min(1.05, Math.max(-0.05, this.x)); this.y = Math.min(1.05, Math.max(-0.05, this.y)); }
}

/** A round dot of a radius at each of 3 × 3 offsets within a pixel: which pixels, how much of them. */
function sprites(radius, width, rim) {
  const made = [];
  const outer = radius + (rim ? 1 : 0), reach = Math.ceil(outer + 1);
  for (let phase = 0; phase < 9; phase++) {
    const cx = (phase % 3 - 1) / 3, cy = (Math.floor(phase / 3) - 1) / 3;
    const core = [], edge = [], shares = [], ring = [], ringShares = [];
    for (let y = -reach; y <= reach; y++) {
      for (let x = -reach; x <= reach; x++) {
        const far = Math.hypot(x - cx, y - cy), at = y * width + x;
        const inside = Math.min(1, Math.max(0, radius + 0.5 - far));
        if (inside >= 0.98) core.push(at);
        else {
          const around = rim ? Math.min(1, Math.max(0, outer + 0.5 - far)) : 0;
          if (around > 0.02) { ring.push(at); ringShares.push(Math.round(around * 205)); }
          if (inside > 0.02) { edge.push(at); shares.push(Math.round(inside * 256)); }
        }
      }
    }
    made.push({ core: Int32Array.from(core), edge: Int32Array.from(edge), shares: Int32Array.from(shares),
      ring: Int32Array.from(ring), ringShares: Int32Array.from(ringShares) });
  }
  return { made, reach };
}

/** Draws all dots into a picture, pixel by pixel. */
class Dots {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.kept = new Map();
  }

  resize(width, height, ratio) {
    this.ratio = ratio;
    this.canvas.style.left = this.canvas.style.top = `${-PAD}px`;
    this.canvas.style.width = `${width + 2 * PAD}px`;
    this.canvas.style.height = `${height + 2 * PAD}px`;
    this.canvas.width = Math.round((width + 2 * PAD) * ratio);
    this.canvas.height = Math.round((height + 2 * PAD) * ratio);
    this.image = this.context.createImageData(this.canvas.width, this.canvas.height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.kept.clear();
  }

  /** The radius of a dot, in pixels of CSS: smaller where there are many, larger the closer one looks. */
  radius(count, view) {
    const room = Math.sqrt(view.fit * view.fit / Math.max(count, 1));
    return Math.min(7, Math.min(5.5, Math.max(1.05, 0.24 * room)) * Math.max(1, view.zoom) ** 0.45);
  }

  draw(sounds, view, colours, paper, faded) {
    const word = ([r, g, b]) => (255 << 24 | b << 16 | g << 8 | r) >>> 0;
    this.pixels.fill(word(paper));
    // What a filter leaves may be larger.
    const radius = this.radius(Math.max(sounds.found, sounds.count / 16), view) * this.ratio;
    const any = sounds.shown.indexOf(0) >= 0;
    if (any) this.pass(sounds, view, () => word(faded), Math.max(1, this.radius(sounds.count, view) * this.ratio * 0.75), 0, paper);
    const words = colours.map(word);
    this.pass(sounds, view, (kind) => words[kind], radius, 1, paper);
    this.context.putImageData(this.image, 0, 0);
  }

  pass(sounds, view, colour, radius, wanted, paper) {
    const width = this.canvas.width, height = this.canvas.height, pixels = this.pixels;
    const rim = radius >= 2.2 && wanted === 1;
    const key = `${radius.toFixed(2)} ${rim}`;
    if (!this.kept.has(key)) {
      if (this.kept.size > 24) this.kept.clear();
      this.kept.set(key, sprites(radius, width, rim));
    }
    const { made, reach } = this.kept.get(key);
    const scale = view.scale * this.ratio;
    const left = (view.width / 2 + PAD) * this.ratio - view.x * scale;
    const top = (view.height / 2 + PAD) * this.ratio - view.y * scale;
    const { x, y, kinds, shown, order, count } = sounds;
    const [pr, pg, pb] = paper;
    for (let k = 0; k < count; k++) {
      const row = order[k];
      if (shown[row] !== wanted) continue;
      const px = x[row] * scale + left, py = y[row] * scale + top;
      const ix = Math.round(px), iy = Math.round(py);
      if (ix < reach || iy < reach || ix >= width - reach || iy >= height - reach) continue;
      const phase = Math.round((py - iy) * 3 + 1) * 3 + Math.round((px - ix) * 3 + 1);
      const { core, edge, shares, ring, ringShares } = made[Math.min(8, Math.max(0, phase))];
      const base = iy * width + ix, word = colour(kinds[row]);
      for (let e = 0; e < ring.length; e++) {
        const at = base + ring[e], old = pixels[at], part = ringShares[e];
        const r = old & 255, g = old >>> 8 & 255, b = old >>> 16 & 255;
        pixels[at] = 0xff000000 | b + ((pb - b) * part >> 8) << 16 | g + ((pg - g) * part >> 8) << 8 | r + ((pr - r) * part >> 8);
      }
      const cr = word & 255, cg = word >>> 8 & 255, cb = word >>> 16 & 255;
      for (let e = 0; e < edge.length; e++) {
        const at = base + edge[e], old = pixels[at], part = shares[e];
        const r = old & 255, g = old >>> 8 & 255, b = old >>> 16 & 255;
        pixels[at] = 0xff000000 | b + ((cb - b) * part >> 8) << 16 | g + ((cg - g) * part >> 8) << 8 | r + ((cr - r) * part >> 8);
      }
      for (let c = 0; c < core.length; c++) pixels[base + core[c]] = word;
    }
  }
}

/** What lies over the dots: names of classes, the chosen sound, what is nearest to it, what is new. */
class Marks {
  constructor(canvas) { this.canvas = canvas; this.context = canvas.getContext("2d"); }

  resize(width, height, ratio) {
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.ratio = ratio;
  }

  draw(page) {
    const { context, ratio } = this, { view, sounds, theme } = page;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, view.width, view.height);
    if (!sounds) return;
    const radius = page.dots.radius(Math.max(sounds.found, sounds.count / 16), view);
    this.names(page);
    for (const [row, share] of page.fresh()) {
      this.ring(view, sounds, row, radius + 3 + 14 * share, 1.5, theme.accent, 1 - share);
    }
    if (page.chosen >= 0) {
      const [x, y] = view.toScreen(sounds.x[page.chosen], sounds.y[page.chosen]);
      context.strokeStyle = theme.mark;
      context.lineWidth = 1;
      for (const { row } of page.nearest) {
        const [a, b] = view.toScreen(sounds.x[row], sounds.y[row]);
        context.globalAlpha = 0.4;
        context.beginPath();
        context.moveTo(x, y);
        context.lineTo(a, b);
        context.stroke();
        this.ring(view, sounds, row, radius + 2.5, 1.5, theme.mark, 0.85);
      }
      this.disc(view, sounds, page.chosen, radius + 2, theme);
    }
    if (page.over >= 0 && page.over !== page.chosen) this.ring(view, sounds, page.over, radius + 3, 2, theme.mark, 1);
    context.globalAlpha = 1;
  }

  ring(view, sounds, row, radius, width, colour, alpha) {
    const [x, y] = view.toScreen(sounds.x[row], sounds.y[row]);
    this.context.globalAlpha = alpha;
    this.context.strokeStyle = colour;
    this.context.lineWidth = width;
    this.context.beginPath();
    this.context.arc(x, y, radius, 0, TURN);
    this.context.stroke();
  }

  disc(view, sounds, row, radius, theme) {
    const [x, y] = view.toScreen(sounds.x[row], sounds.y[row]);
    const { context } = this;
    context.globalAlpha = 1;
    for (const [r, fill] of [[radius + 5, theme.mark], [radius + 3, theme.sheet], [radius, css(theme.colours[sounds.kinds[row]])]]) {
      context.fillStyle = fill;
      context.beginPath();
      context.arc(x, y, r, 0, TURN);
      context.fill();
    }
  }

  names({ view, sounds, theme, kinds, centres }) {
    const { context } = this, taken = [];
    const alpha = Math.min(1, Math.max(0, 1.6 - view.zoom / 4));
    if (alpha <= 0 || sounds.count < 30) return;
    context.font = "600 13px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    for (const { kind, x, y } of centres) {
      if (kinds && !kinds.has(kind)) continue;
      const text = title(sounds.classes[kind]);
      const [a, b] = view.toScreen(x, y), half = context.measureText(text).width / 2 + 6;
      const box = [Math.min(Math.max(a, half), view.width - half), b];
      if (taken.some(([c, d, h]) => Math.abs(c - box[0]) < h + half && Math.abs(d - b) < 20)) continue;
      taken.push([...box, half]);
      context.globalAlpha = alpha;
      context.strokeStyle = theme.veil;
      context.lineWidth = 5;
      context.strokeText(text, ...box);
      context.fillStyle = theme.ink;
      context.fillText(text, ...box);
    }
  }
}

/** A class as people read it. */
const title = (name) => (name || "no class").replaceAll("_", " ");
