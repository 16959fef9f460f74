// What a cell has shown in one run, in full. Texts of runs enter the page as text, never as HTML.

function outputElement(output, slot, run) {
  const where = `${data.slots[slot].name}, ${runName(run)}`;
  if (output.kind === "image") {
    return el("div", {class: "output image"}, imageElement(output.image, `Image of ${where}`));
  }
  if (output.kind === "table") {
    return el("div", {class: "output"}, scrolled(tableElement(output), `Table of ${where}`),
      leftOut(output.cut, "row", run));
  }
  if (output.kind === "error") {
    return el("div", {class: "output error"},
      el("p", {class: "error-line"}, el("strong", {}, output.name), output.message ? `: ${output.message}` : ""),
      output.text ? scrolled(el("pre", {}, output.text), `Traceback of ${where}`) : null);
  }
  if (output.kind === "figure") {
    return el("div", {class: "output figure"}, el("p", {class: "muted"}, output.text, " ", reportLink(run)));
  }
  const from = output.from === "stderr" ? " stderr" : "";
  return el("div", {class: `output${from}`}, scrolled(el("pre", {}, output.text), `Text of ${where}`),
    leftOut(output.cut, "character", run));
}
// What may be wider than its place, and is scrolled by keyboard too.
function scrolled(inside, label) {
  return el("div", {class: "scrolled", role: "region", tabindex: "0", "aria-label": label}, inside);
}
function leftOut(count, what, run) {
  return count ? el("p", {class: "muted"}, `${plural(count, what)} left out. `, reportLink(run)) : null;
}
const plural = (count, what) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;

function tableElement({columns, index, rows}) {
  const cells = (row, tag) => row.map((text, i) =>
    el(i < index ? "th" : tag, i < index ? {scope: tag === "th" ? "col" : "row"} : tag === "th" ? {scope: "col"} : {}, String(text)));
  return el("table", {class: "data"},
    el("thead", {}, el("tr", {}, ...cells(columns, "th"))),
    el("tbody", {}, ...rows.map((row) => el("tr", {}, ...cells(row, "td")))));
}

// A link to the report of a run. Only a path may be one: the data could be anybody's.
function reportLink(run, text = "Report") {
  const href = data.runs[run].report;
  if (!href || /^\s*[a-z][\w+.-]*:/i.test(href) && !/^(file|https?):/i.test(href)) return null;
  return el("a", {href, class: "report", target: "_blank", rel: "noopener noreferrer"}, text);
}

// All outputs of a cell in a run, or why there are none.
function cellElements(slot, run) {
  const hole = holeOf(slot, run);
  return hole ? [holeElement(slot, run, hole)] : outputsOf(slot, run).map((output) => outputElement(output, slot, run));
}
function holeElement(slot, run, hole) {
  const {failed, error} = data.runs[run];
  const leads = failed !== null && failed !== slot && hole.startsWith("not run");
  return el("div", {class: "hole"}, el("p", {}, hole),
    leads && error ? el("p", {class: "error-line"}, el("strong", {}, error.name), error.message ? `: ${error.message}` : "") : null,
    leads ? button(`Show ${data.slots[failed].name}`, () => set({slot: failed})) : null);
}
