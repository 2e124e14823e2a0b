// Draw the newest pictures of a stream: zoomed, moved, and split between two stages.

import { find, lengthWords, roundLength, say } from "./words.js";

const FARTHEST = 1, CLOSEST = 32;
const STEP = 1.25, MOST_PIXELS = 8192;

export class View {
  constructor(changed) {
    this.canvas = find("picture");
    this.changed = changed; // called where more or fewer pixels are needed
    this.zoom = 1;
    this.centre = [0.5, 0.5]; // of the field, where the middle of the canvas is
    this.divider = 0.5;
    this.shown = null;
    this.pointers = new Map();
    new ResizeObserver(() => { this.draw(); this.changed(); }).observe(this.canvas);
    this.canvas.addEventListener("pointerdown", (event) => this.down(event));
    this.canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) {
      this.canvas.addEventListener(name, (event) => this.pointers.delete(event.pointerId));
    }
    this.canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoomBy(event.deltaY < 0 ? 1.25 : 0.8);
    }, { passive: false });
    this.canvas.addEventListener("keydown", (event) => this.key(event));
  }

  // Pixels of the screen that the width of the field covers, in steps: a little more or less of
  // zoom asks for no other picture.
  get width() {
    const exact = Math.max(1, this.scale() * this.rawSize()[1]);
    return Math.min(MOST_PIXELS, Math.ceil(STEP ** Math.ceil(Math.log(exact) / Math.log(STEP))));
  }

  rawSize() {
    return this.shown === null ? [1, 1] : this.shown.header.raw_size;
  }

  // Pixels of the screen for each raw pixel.
  scale() {
    const [rows, columns] = this.rawSize();
    const box = this.canvas.getBoundingClientRect();
    const fit = Math.min(box.width / columns, box.height / rows) * devicePixelRatio;
    return fit * this.zoom;
  }

  show(header, bitmaps) {
    if (this.shown !== null) this.shown.bitmaps.forEach((one) => one.close());
    this.shown = { header, bitmaps };
    this.draw();
  }

  draw() {
    const box = this.canvas.getBoundingClientRect();
    const width = Math.round(box.width * devicePixelRatio), height = Math.round(box.height * devicePixelRatio);
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    const pen = this.canvas.getContext("2d", { alpha: false });
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, width, height);
    if (this.shown === null) return;
    const { header, bitmaps } = this.shown;
    const scale = this.scale(), [rows, columns] = header.raw_size;
    const x = width / 2 - this.centre[0] * columns * scale, y = height / 2 - this.centre[1] * rows * scale;
    const edge = bitmaps.length > 1 ? Math.round(width * this.divider) : 0;
    bitmaps.forEach((bitmap, number) => {
      // Pixel (0, 0) of every stage has the same centre: half a raw pixel inside the field.
      const step = header.pictures[number].step, start = (0.5 - step / 2) * scale;
      pen.save();
      pen.beginPath();
      if (number === 0) pen.rect(edge, 0, width - edge, height);
      else pen.rect(0, 0, edge, height);
      pen.clip();
      pen.imageSmoothingEnabled = step * scale < 1;
      pen.drawImage(bitmap, x + start, y + start, bitmap.width * step * scale, bitmap.height * step * scale);
      pen.restore();
    });
    if (edge) {
      pen.fillStyle = "#fff";
      pen.fillRect(edge - 1, 0, 2, height);
    }
    this.drawBar(scale / devicePixelRatio, box.width);
  }

  drawBar(scale, width) {
    const um = this.shown.header.pixel_um;
    find("bar").hidden = um === null;
    if (um === null) return;
    const length = roundLength(width / 4 / scale * um);
    find("bar").style.width = `${length / um * scale}px`;
    say("bar", lengthWords(length));
  }

  zoomBy(factor) {
    this.zoom = Math.min(CLOSEST, Math.max(FARTHEST, this.zoom * factor));
    if (this.zoom === FARTHEST) this.centre = [0.5, 0.5];
    this.draw();
    this.changed();
  }

  moveBy(dx, dy) {
    const [rows, columns] = this.rawSize(), scale = this.scale() / devicePixelRatio;
    const inside = (value) => Math.min(1, Math.max(0, value));
    this.centre = [inside(this.centre[0] - dx / columns / scale), inside(this.centre[1] - dy / rows / scale)];
    this.draw();
  }

  down(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (before === undefined) return;
    const now = [event.clientX, event.clientY];
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
    this.pointers.set(event.pointerId, now);
    if (others.length === 0) {
      this.moveBy(now[0] - before[0], now[1] - before[1]);
    } else {
      const apart = ([x, y]) => Math.hypot(x - others[0][0], y - others[0][1]);
      this.zoomBy(apart(now) / Math.max(1, apart(before)));
    }
  }

  key(event) {
    const moves = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
    if (event.key in moves) this.moveBy(...moves[event.key]);
    else if (event.key === "+") this.zoomBy(1.5);
    else if (event.key === "-") this.zoomBy(1 / 1.5);
    else return;
    event.preventDefault();
  }
}
