"use strict";

const KEPT = 96;

/** Plays sounds that the server reads, one at a time. */
class Player {
  constructor() { this.kept = new Map(); this.turn = 0; }

  /** Whoever may hear must have clicked or pressed a key first: browsers ask for it. */
  wake() {
    this.context ??= new AudioContext({ latencyHint: "interactive" });
    if (this.context.state === "suspended") this.context.resume();
  }

  /** The samples of a sound. Throws with what the server said. */
  async load(id) {
    let buffer = this.kept.get(id);
    if (!buffer) {
      const answer = await fetch(`map/sound/${id}.wav`);
      if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error ?? `it cannot be read (${answer.status})`);
      this.context ??= new AudioContext({ latencyHint: "interactive" });
      buffer = await this.context.decodeAudioData(await answer.arrayBuffer());
    }
    this.kept.delete(id);
    this.kept.set(id, buffer);
    while (this.kept.size > KEPT) this.kept.delete(this.kept.keys().next().value);
    return buffer;
  }

  /** Play a sound in place of the last one; its samples. What was asked for later goes before. */
  async play(id) {
    const turn = ++this.turn;
    const buffer = await this.load(id);
    if (turn !== this.turn) return buffer;
    this.stop();
    this.gain = new GainNode(this.context);
    this.source = new AudioBufferSourceNode(this.context, { buffer });
    this.source.connect(this.gain).connect(this.context.destination);
    this.source.start();
    return buffer;
  }

  /** End what plays, without a click. */
  stop() {
    if (!this.source) return;
    this.gain.gain.setTargetAtTime(0, this.context.currentTime, 0.004);
    this.source.stop(this.context.currentTime + 0.03);
    this.source = undefined;
  }
}

/** Draw the outline of a sound. */
function drawWave(canvas, buffer, colour) {
  const ratio = devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  if (!buffer) return;
  const samples = buffer.getChannelData(0), columns = Math.floor(width / 3);
  let loudest = 1e-4;
  const peaks = Array.from({ length: columns }, (_, k) => {
    let peak = 0;
    const end = Math.floor((k + 1) * samples.length / columns);
    for (let s = Math.floor(k * samples.length / columns); s < end; s++) peak = Math.max(peak, Math.abs(samples[s]));
    loudest = Math.max(loudest, peak);
    return peak;
  });
  context.fillStyle = colour;
  peaks.forEach((peak, k) => {
    const tall = Math.max(2, height * Math.sqrt(peak / loudest));
    context.beginPath();
    context.roundRect(k * 3, (height - tall) / 2, 2, tall, 1);
    context.fill();
  });
}
