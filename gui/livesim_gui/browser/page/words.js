// Put words where they belong; text only, so that nothing a stream is called becomes HTML.

export const find = (id) => document.getElementById(id);

export function say(id, words, tone) {
  const place = find(id);
  if (place.textContent !== words) place.textContent = words;
  if (tone) place.className = place.className.replace(/\b(quiet|good|note|bad)\b/g, "").trim() + " " + tone;
}

function element(kind, words, tone) {
  const made = document.createElement(kind);
  made.textContent = words;
  if (tone) made.className = tone;
  return made;
}

// What stands there already is left alone, so that it can be read out and selected.
const standing = new Map();

function stands(id, words) {
  const now = JSON.stringify(words), same = standing.get(id) === now;
  standing.set(id, now);
  return same;
}

export function list(id, lines) {
  if (stands(id, lines)) return;
  find(id).replaceChildren(...lines.map((one) =>
    typeof one === "string" ? element("li", one) : element("li", one.words, one.tone)));
}

export function figures(id, lines) {
  if (stands(id, lines)) return;
  find(id).replaceChildren(...lines.flatMap((one) =>
    [element("dt", one.label), element("dd", one.value, one.tone)]));
}

export function rows(id, table, columns) {
  if (stands(id, table)) return;
  find(id).tBodies[0].replaceChildren(...table.map((one) => {
    const row = document.createElement("tr");
    row.append(...columns.map((column) => element("td", one[column])));
    return row;
  }));
  find(id).hidden = table.length === 0;
}

export function photons(value) {
  return `${Number(value.toPrecision(3))} photo-electrons`.replace(/^-/, "−");
}

// The longest of 1, 2, 5, 10, … that is no longer than `most`.
export function roundLength(most) {
  const decade = 10 ** Math.floor(Math.log10(most));
  return [5, 2, 1].map((step) => step * decade).find((one) => one <= most * 1.000001);
}

export function lengthWords(um) {
  return um >= 1 ? `${Number(um.toPrecision(3))} µm` : `${Number((1000 * um).toPrecision(3))} nm`;
}
