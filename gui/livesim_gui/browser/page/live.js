// Watch the stream: take pictures and reports over one WebSocket, and say what is wanted.

import { unpacked } from "./packing.js";
import { View } from "./picture.js";
import { suggest } from "./trial.js";
import { figures, find, list, photons, rows, say } from "./words.js";

const AGAIN_MS = 2000, RATE_MS = 3000;
const COLUMNS = ["angle", "state", "period", "peak", "modulation", "drift"];

const wanted = { channel: null, stage: null, other: null, split: false, low: null, high: null };
const drawn = []; // when pictures were drawn
let socket = null, asked = "", newest = null, drawing = false, stages = "";

const view = new View(() => ask());

export function watch() {
  socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/watch`);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => { asked = ""; ask(); };
  socket.onmessage = (event) =>
    typeof event.data === "string" ? report(JSON.parse(event.data)) : take(unpacked(event.data));
  socket.onclose = (event) => {
    say("engine", event.reason || "livesim serve does not answer", "bad");
    setTimeout(watch, AGAIN_MS);
  };
}

function ask() {
  const choice = JSON.stringify({ kind: "choice", ...wanted, width: view.width });
  if (choice === asked || socket === null || socket.readyState !== WebSocket.OPEN) return;
  asked = choice;
  socket.send(choice);
}

// Only the newest picture is drawn; whatever came meanwhile is left out, and said to be done with.
async function take(message) {
  if (newest !== null) done(newest);
  newest = message;
  if (drawing) return;
  drawing = true;
  while (newest !== null) {
    const { header, pictures } = newest;
    newest = null;
    const jpegs = pictures.map((bytes) => createImageBitmap(new Blob([bytes], { type: "image/jpeg" })));
    view.show(header, await Promise.all(jpegs));
    drawn.push(performance.now());
    describe(header);
    done({ header });
    ask();
  }
  drawing = false;
}

function done({ header }) {
  if (socket.readyState === WebSocket.OPEN) {
    socket.send(JSON.stringify({ kind: "drawn", picture: header.picture }));
  }
}

function describe(header) {
  const [main, other] = header.pictures;
  const title = (one) => one.title + (one.note ? `: ${one.note}` : "");
  say("right", title(main));
  say("left", other ? title(other) : "");
  say("age", header.words);
  find("hint").hidden = true;
  find("left").hidden = !other;
  find("age").hidden = !header.words;
  find("divider").hidden = !other;
  find("picture").setAttribute("aria-label", `${main.title}${other ? ` beside ${other.title}` : ""}, time ${header.time}`);
  find("picture").dataset.picture = header.picture;
  offer(header.stages, main.stage);
  showLevels(main);
  const now = performance.now();
  while (drawn.length && now - drawn[0] > RATE_MS) drawn.shift();
  const age = header.screen_ms === null ? "" : `, ${header.screen_ms} ms after the last raw frame`;
  say("rate", `${(1000 * drawn.length / RATE_MS).toFixed(1)} pictures/s${age}`);
}

function offer(offered, shown) {
  const now = JSON.stringify([offered, shown]);
  if (now === stages) return;
  stages = now;
  find("stages").replaceChildren(...offered.map((stage) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = stage.title;
    button.title = stage.meaning;
    button.setAttribute("aria-pressed", String(stage.name === shown));
    button.onclick = () => {
      if (stage.name !== shown) Object.assign(wanted, { stage: stage.name, other: shown });
      ask();
    };
    return button;
  }));
}

// The sliders reach as far again as the picture's own black and white on both sides.
function showLevels({ levels, by_itself }) {
  const range = by_itself[1] - by_itself[0];
  const [from, to] = [by_itself[0] - range, by_itself[1] + range];
  const automatic = find("auto").checked;
  ["black", "white"].forEach((name, number) => {
    say(`${name}-value`, photons(levels[number]));
    const slider = find(name);
    slider.disabled = automatic;
    if (automatic) {
      slider.dataset.from = from;
      slider.dataset.to = to;
      slider.value = Math.round(1000 * (levels[number] - from) / (to - from));
    }
  });
}

function byHand() {
  const value = (name) => {
    const { value: at, dataset } = find(name);
    return Number(dataset.from) + at / 1000 * (dataset.to - dataset.from);
  };
  const [low, high] = [value("black"), value("white")];
  const automatic = find("auto").checked;
  for (const name of ["black", "white"]) find(name).disabled = automatic;
  Object.assign(wanted, automatic || !(high > low) ? { low: null, high: null } : { low, high });
  ask();
}

function report(told) {
  say("engine", told.engine.word, told.engine.tone);
  for (const id of ["trust", "trust-word"]) say(id, told.trust.word, told.trust.tone);
  say("alarm", told.alarm);
  find("alarm").hidden = !told.alarm;
  if (told.hint) say("hint", told.hint);
  find("hint").hidden = !told.hint;
  list("trust-reasons", told.trust.reasons);
  list("advice", told.advice);
  rows("angles", told.angles, COLUMNS);
  say("resolution", told.resolution && `Resolution: ${told.resolution}`);
  figures("figures", told.figures);
  suggest(told.microscope);
  document.title = told.stream.source ? `livesim: ${told.stream.source}` : "livesim";
  offerChannels(told.channels);
}

function offerChannels(channels) {
  const select = find("channel");
  find("channel-row").hidden = channels.length < 2;
  if (select.options.length === channels.length) return;
  select.replaceChildren(...channels.map((one) => new Option(String(one + 1), String(one))));
}

find("channel").onchange = (event) => { wanted.channel = Number(event.target.value); ask(); };
find("split").onclick = (event) => {
  wanted.split = !wanted.split;
  event.target.setAttribute("aria-pressed", String(wanted.split));
  ask();
};
find("divider").oninput = (event) => { view.divider = event.target.value / 100; view.draw(); };
find("fit").onclick = () => view.zoomBy(0);
find("closer").onclick = () => view.zoomBy(1.5);
find("farther").onclick = () => view.zoomBy(1 / 1.5);
for (const name of ["auto", "black", "white"]) find(name).oninput = byHand;
