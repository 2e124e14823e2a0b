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

export function list(id, lines) {
  find(id).replaceChildren(...lines.map((one) =>
    typeof one === "string" ? element("li", one) : element("li", one.words, one.tone)));
}

export function figures(id, lines) {
  find(id).replaceChildren(...lines.flatMap((one) =>
    [element("dt", one.label), element("dd", one.value, one.tone)]));
}

export function rows(id, table, columns) {
  find(id).tBodies[0].replaceChildren(...table.map((one) => {
    const row = document.createElement("tr");
    row.append(...columns.map((column) => element("td", one[column])));
    return row;
  }));
  find(id).hidden = table.length === 0;
}

export function photons(value) {
  return `${value.toPrecision(3)} photo-electrons`;
}

// The longest of 1, 2, 5, 10, … that is no longer than `most`.
export function roundLength(most) {
  const decade = 10 ** Math.floor(Math.log10(most));
  return [5, 2, 1].map((step) => step * decade).find((one) => one <= most * 1.000001);
}

export function lengthWords(um) {
  return um >= 1 ? `${Number(um.toPrecision(3))} µm` : `${Number((1000 * um).toPrecision(3))} nm`;
}
