// Times, CPU times and peak memory of the cells, as bars: of the chosen run, of the baseline, and over all
// visible runs of the notebook the median and the range.

const TIME_KINDS = [["seconds", "Time", secondsText], ["cpu", "CPU time", secondsText],
  ["memory", "Peak memory", bytesText], ["gpu", "GPU memory", bytesText]];

function median(sorted) {
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

// {low, high, middle, number} of the values that are known, null where none is.
function spread(values) {
  const sorted = values.filter((value) => Number.isFinite(value)).sort((a, b) => a - b);
  return sorted.length ? {low: sorted[0], high: sorted[sorted.length - 1], middle: median(sorted),
    number: sorted.length} : null;
}

const timesPanel = {
  title: "Times and memory",

  make(container) {
    this.kind = "seconds";
    this.switches = TIME_KINDS.map(([kind, name]) => button(name, () => {
      this.kind = kind;
      this.fill();
    }, {"data-kind": kind}));
    this.head = el("thead");
    this.body = el("tbody");
    this.none = el("p", {class: "panel-note"});
    this.scroller = el("div", {class: "table-scroll", tabindex: 0, role: "region",
      "aria-label": "Times and memory of cells"}, el("table", {class: "times"}, this.head, this.body));
    container.append(el("div", {class: "panel-tools"},
      el("span", {class: "segments", role: "group", "aria-label": "What is measured"}, this.switches),
      el("span", {class: "times-key"}, el("i", {class: "bar is-chosen"}), "chosen ",
        el("i", {class: "bar is-base"}), "baseline ", el("i", {class: "range"}), "all shown")),
    this.none, this.scroller);
    this.fill();
  },

  update(changed) {
    const isOther = changed.includes("visible") && this.filled !== visibleKey();
    const section = state.run === null ? null : data.runs[state.run].section;
    if (isOther || changed.includes("data") || section !== this.section) this.fill();
    else if (changed.includes("run") || changed.includes("base")) this.show();
  },

  fill() {
    this.section = state.run === null ? null : data.runs[state.run].section;
    this.filled = visibleKey();
    const [, name, text] = TIME_KINDS.find(([kind]) => kind === this.kind);
    this.text = text;
    const section = data.sections[this.section] ?? {slots: [], runs: []};
    const shown = new Set(visibleRuns());
    const runs = section.runs.filter((i) => shown.has(i));
    const hasGpu = section.slots.some((slot) => section.runs.some((i) => cellOf(slot, i)?.gpu));
    for (const each of this.switches) {
      each.setAttribute("aria-pressed", String(each.dataset.kind === this.kind));
      each.hidden = each.dataset.kind === "gpu" && !hasGpu;
    }
    const all = section.slots.map((slot) => ({
      name: data.slots[slot].name,
      of: (run) => (cellOf(slot, run) ?? {})[this.kind],
      isShared: runs.some((run) => cellOf(slot, run)?.shared),
    }));
    if (this.kind === "seconds") all.push({name: "Whole run", of: (run) => data.runs[run].seconds, isWhole: true});
    for (const row of all) row.spread = spread(runs.map(row.of));
    const isKnown = (row) => row.spread || [state.run, state.base].some((i) => this.valueOf(row, i) !== undefined);
    this.rows = all.filter(isKnown);
    this.none.textContent = this.rows.length ? "" : `No run says its ${name.toLowerCase()}.`;
    this.scroller.hidden = !this.rows.length;
    this.head.replaceChildren(el("tr", {}, ["cell", "", "chosen", "baseline", "median", "range"].map((text, i) =>
      el("th", {scope: "col", class: i > 1 ? "number" : null}, text || el("span", {class: "hidden"}, "bars")))));
    this.body.replaceChildren(...this.rows.map((row) => this.row(row)));
    this.show();
  },

  valueOf(row, run) {
    const inSection = run !== null && data.runs[run].section === this.section;
    const value = inSection ? row.of(run) : undefined;
    return Number.isFinite(value) ? value : undefined;
  },

  row(row) {
    row.bars = ["is-chosen", "is-base"].map((name) => el("i", {class: `bar ${name}`}));
    row.range = el("i", {class: "range"}, el("i", {class: "middle"}));
    row.numbers = ["chosen", "base"].map(() => el("td", {class: "number"}));
    const {low, high, middle} = row.spread ?? {};
    return el("tr", {class: row.isWhole ? "whole" : null}, el("th", {scope: "row"}, row.name,
      row.isShared ? el("small", {title: "Executed once for several runs (nb-fork)"}, " ·\u00a0shared") : null),
      el("td", {"aria-hidden": "true"}, el("div", {class: "bars"}, row.bars, row.spread && row.range)), row.numbers,
      el("td", {class: "number"}, this.text(middle)),
      el("td", {class: "number"}, low === undefined ? "" : low === high ? this.text(low)
        : `${this.text(low)} – ${this.text(high)}`));
  },

  // The bars of the chosen run and the baseline. Whole runs are not on the scale of the cells.
  show() {
    const chosen = [state.run, state.base];
    const most = (isWhole) => Math.max(1e-9, ...this.rows.filter((row) => Boolean(row.isWhole) === isWhole)
      .flatMap((row) => [row.spread ? row.spread.high : 0, ...chosen.map((i) => this.valueOf(row, i) ?? 0)]));
    const highest = {true: most(true), false: most(false)};
    for (const row of this.rows) {
      const share = (value) => `${(100 * value / highest[Boolean(row.isWhole)]).toFixed(2)}%`;
      chosen.forEach((i, k) => {
        const value = this.valueOf(row, i);
        row.bars[k].style.setProperty("width", share(value ?? 0));
        row.numbers[k].textContent = value === undefined ? "–" : this.text(value);
      });
      if (!row.spread) continue;
      const {low, high, middle} = row.spread;
      row.range.style.setProperty("left", share(low));
      row.range.style.setProperty("width", share(high - low));
      row.range.firstChild.style.setProperty("left", high > low ? `${100 * (middle - low) / (high - low)}%` : "0");
    }
  },
};
panels.push(timesPanel);
