// Failures by cause: runs that failed in one cell with one exception, whose messages are the same
// but for numbers and addresses; and what of their flags they have in common.

// Flags by which runs are told apart from others, as {text, filter, count}: values that all of
// them have, or that lie beyond those of all others; `count` others have the value too.
function commonFlags(runs, others) {
  const found = [];
  for (const field of fields.list.filter((each) => each.kind === "flag" && each.varies)) {
    const values = runs.map((i) => field.value(data.runs[i]));
    const theirs = others.map((i) => field.value(data.runs[i]));
    const name = filterName(field, fields);
    if (values.every((value) => value === values[0])) {
      const count = theirs.filter((value) => value === values[0]).length;
      if (count < theirs.length) {
        found.push({text: values[0] === undefined ? `no ${name}` : `${name}=${filterValue(values[0])}`, count});
      }
    } else if (values.every(Number.isFinite)) {
      const known = theirs.filter(Number.isFinite);
      const [least, most] = [Math.min(...values), Math.max(...values)];
      const text = least > Math.max(...known) ? `${name}>=${least}`
        : most < Math.min(...known) ? `${name}<=${most}` : "";
      if (text && known.length) found.push({text, count: 0});
    }
  }
  // One run differs from others by chance in some flag, so only what no other has says something.
  return found.filter((each) => runs.length > 1 || !each.count).sort((a, b) => a.count - b.count);
}

const failuresPanel = {
  title: "Failures",

  make(container) {
    this.list = el("ul", {class: "failures-list"});
    container.append(this.list);
    this.fill();
  },

  update(changed) {
    if (changed.includes("data")) this.fill();
    else if (changed.includes("visible")) this.count();
  },

  fill() {
    const groups = new Map();
    data.runs.forEach((run, i) => {
      if (!isFailed(run)) return;
      const key = `${run.section} ${cause(run)}`;
      groups.set(key, [...(groups.get(key) ?? []), i]);
    });
    this.groups = [...groups.values()].sort((one, other) => other.length - one.length);
    this.list.replaceChildren(...this.groups.map((runs) => this.group(runs)));
    if (!this.groups.length) this.list.append(el("li", {class: "panel-note"}, "No run has failed."));
    this.count();
    markRuns(this.list);
  },

  group(runs) {
    const run = data.runs[runs[0]];
    const others = data.sections[run.section].runs.filter((i) => !runs.includes(i) && !isRunning(data.runs[i]));
    const message = run.error ? run.error.message : run.reason;
    const isOne = runs.every((i) => (data.runs[i].error ?? {}).message === (run.error ?? {}).message);
    const why = cause(run);
    const only = button("", () => set({filter: state.filter === this.filterOf(why) ? "" : this.filterOf(why)}),
      {class: "plain only", "data-cause": why});
    return el("li", {class: "failure"},
      el("p", {class: "failure-head"},
        el("strong", {}, run.error ? run.error.name : run.state || run.status),
        run.failed !== null && [" in ", el("b", {}, data.slots[run.failed].name)], " ", only),
      message && el("p", {class: "failure-message"}, isOne ? message : masked(message)),
      this.common(runs, others), this.runs(runs));
  },

  filterOf: (why) => (why ? `cause=${filterValue(why)}` : "(failed or stopped or error) no cause"),

  common(runs, others) {
    const flags = commonFlags(runs, others);
    if (!others.length || !flags.length) return null;
    const start = runs.length > 1 ? "All have " : "It has ";
    return el("p", {class: "failure-common"}, start, flags.slice(0, 5).flatMap(({text, count}, i) => [
      i ? ", " : "", el("code", {}, text),
      count ? ` (so have ${count} of ${others.length} others)` : " (no other has)",
    ]), flags.length > 5 ? `, and ${flags.length - 5} more flags in common.` : ".");
  },

  runs(runs) {
    const buttons = (some) => some.map((i) => button(runName(i),
      (event) => set({[event.shiftKey ? "base" : "run"]: i}), {"data-run": i, class: "plain failure-run"}));
    return el("div", {class: "failure-runs"}, buttons(runs.slice(0, 8)),
      runs.length > 8 && el("details", {}, el("summary", {}, `${runs.length - 8} more`), buttons(runs.slice(8))));
  },

  // How many of them are shown, and whether the filter is just this.
  count() {
    const shown = new Set(visibleRuns());
    this.list.querySelectorAll(".only").forEach((only, place) => {
      const runs = this.groups[place];
      const visible = runs.filter((i) => shown.has(i)).length;
      const number = plural(runs.length, "run");
      only.textContent = visible === runs.length ? number : `${number}, ${visible} shown`;
      const isIt = state.filter === this.filterOf(only.dataset.cause);
      only.setAttribute("aria-pressed", String(isIt));
      only.title = isIt ? "Show all runs" : "Show only these";
    });
  },
};
panels.push(failuresPanel);
