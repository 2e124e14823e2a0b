// Have a dropped recording restored, and show what came of it.

import { unpacked } from "./packing.js";
import { find, lengthWords, list, say } from "./words.js";

let most = 0, recording = null, settings = null;

export function offerTrial(mostBytes) {
  most = mostBytes;
  find("show-try").hidden = most === 0;
}

// The numbers of the stream that runs are those of its microscope, until somebody types others.
export function suggest(microscope) {
  for (const [id, value] of Object.entries(microscope)) {
    if (!find(id).dataset.typed) find(id).value = value;
  }
}

for (const input of find("optics").querySelectorAll("input")) {
  input.addEventListener("input", () => { input.dataset.typed = "yes"; });
}

function choose(files) {
  for (const file of files) {
    if (file.name.toLowerCase().endsWith(".toml")) settings = file;
    else recording = file;
  }
  const mib = (file) => `${file.name} (${(file.size / 2 ** 20).toFixed(1)} MiB)`;
  say("chosen", [recording && mib(recording), settings && settings.name].filter(Boolean).join(", "));
  find("optics").disabled = settings !== null;
}

function number(id) {
  return find(id).value === "" ? null : Number(find(id).value);
}

function written() {
  const optics = { numerical_aperture: number("na"), emission_nm: number("emission"), pixel_nm: number("pixel") };
  const pattern = { angles: number("angles-count"), phases: number("phases-count") };
  const camera = { offset: number("offset"), gain: number("gain") };
  return Object.entries({ optics, pattern, camera }).map(([name, values]) =>
    [`[${name}]`, ...Object.entries(values).filter(([, one]) => one !== null).map(([key, one]) => `${key} = ${one}`)].join("\n")
  ).join("\n");
}

async function restore() {
  if (recording === null) throw new Error("Choose a recording first.");
  if (recording.size > most) throw new Error(`Expected at most ${most / 2 ** 20} MiB, found ${(recording.size / 2 ** 20).toFixed(0)} MiB.`);
  const toml = settings === null ? new Blob([written()]) : settings;
  const answer = await fetch("/try", {
    method: "POST",
    headers: { "livesim-settings-bytes": String(toml.size), "content-type": "application/octet-stream" },
    body: new Blob([toml, recording]),
  });
  if (!answer.ok) throw new Error(await answer.text());
  show(unpacked(await answer.arrayBuffer()));
}

function show({ header, pictures }) {
  if (header.refused) throw new Error(header.refused);
  for (const image of document.querySelectorAll("#tried-pictures img")) URL.revokeObjectURL(image.src);
  find("tried").hidden = false;
  say("tried-trust", header.trust.word, header.trust.tone);
  list("tried-reasons", header.trust.reasons);
  list("tried-doctor", header.doctor);
  say("tried-scale", header.width_um ? `Width ${lengthWords(header.width_um)}. ${header.words}` : header.words);
  find("tried-pictures").replaceChildren(...pictures.map((bytes, at) => {
    const figure = document.createElement("figure"), image = new Image(), caption = document.createElement("figcaption");
    image.src = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
    image.alt = caption.textContent = header.titles[at];
    figure.append(image, caption);
    return figure;
  }));
}

find("file").onchange = (event) => choose(event.target.files);
find("try-form").onsubmit = async (event) => {
  event.preventDefault();
  const began = performance.now();
  const timer = setInterval(() => say("try-words", `Restoring… ${((performance.now() - began) / 1000).toFixed(0)} s`, "quiet"), 500);
  find("restore").disabled = true;
  try {
    await restore();
    say("try-words", "");
  } catch (error) {
    find("tried").hidden = true;
    say("try-words", error.message, "bad");
  } finally {
    clearInterval(timer);
    find("restore").disabled = false;
  }
};
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    find("drop").classList.toggle("over", name === "dragover");
    if (name === "drop") choose(event.dataTransfer.files);
  });
}
