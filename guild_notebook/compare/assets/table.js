// The table of runs: a row for each, columns of one's choice, in the order of one's choice.

const tableRows = new Map(); // index of a run -> its row

function tableKeys() {
  const chosen = (state.columns ?? []).filter((key) => fields.byKey.has(key));
  if (chosen.length || (state.columns && !state.columns.length)) return chosen;
  return [...[...variedFields("scalar"), ...variedFields("flag")].map((field) => field.key), "attr:time",
    ...(data.sections.length > 1 ? ["attr:notebook"] : [])];
}

// The order of the runs: that of the column that is sorted by, of equal ones that of the data.
function applySort() {
  const field = fields.byKey.get(state.sort.key);
  setOrder(field ? (i, j) => compareValues(field.value(data.runs[i]), field.value(data.runs[j]),
    state.sort.down) || i - j : null);
}
watch(["sort", "data"], applySort);

const tablePanel = {
  title: "Runs",

  make(container) {
    this.count = el("p", {class: "table-count", role: "status"});
    this.chooser = fieldChooser("Columns", ["attr", "flag", "scalar"], tableKeys,
      (columns) => set({columns}));
    this.marks = el("p", {class: "runs"}, el("span", {class: "is-lowest"}, "lowest"), " and ", el("span", {class: "is-highest"}, "highest"), " underlined");
    this.head = el("thead");
    this.body = el("tbody", {
      onclick: (event) => this.clicked(event),
      onkeydown: (event) => this.pressed(event),
      // No text is to be selected where a baseline is chosen.
      onmousedown: (event) => event.shiftKey && event.preventDefault(),
    });
    this.scroller = el("div", {class: "table-scroll", tabindex: 0, role: "region",
      "aria-label": "Table of runs"}, el("table", {class: "runs"}, this.head, this.body));
    container.append(
      el("div", {class: "panel-tools"}, this.count, this.chooser, this.marks), this.scroller);
    this.rebuild();
  },

  update(changed) {
    if (changed.includes("data") || changed.includes("columns")) this.rebuild();
    else if (changed.includes("visible")) this.arrange();
    else if (changed.includes("run")) this.show();
    if (changed.includes("sort")) this.sorted();
  },

  rebuild() {
    const columns = tableKeys().map((key) => fields.byKey.get(key));
    this.columns = columns;
    this.head.replaceChildren(el("tr", {}, el("th", {scope: "col"}, "run"),
      ...columns.map((field) => this.heading(field))));
    tableRows.clear();
    const numeric = new Map(columns.filter(this.isNumeric).map((field) => [field, this.digits(field)]));
    data.runs.forEach((run, i) => tableRows.set(i, this.row(run, i, columns, numeric)));
    this.chooser.show();
    this.sorted();
    this.arrange();
  },

  heading(field) {
    const sort = () => {
      const {key, down} = state.sort;
      set({sort: key !== field.key ? {key: field.key, down: false}
        : down ? {key: "", down: false} : {key, down: true}});
    };
    return el("th", {scope: "col", "data-key": field.key, class: this.isNumeric(field) ? "number" : null},
      button(filterName(field, fields), sort, {title: `Sort by ${field.name}`}));
  },

  // How many digits behind the point all numbers of a column have, where few are enough for each.
  digits(field) {
    if (field.kind !== "scalar") return 0;
    const most = Math.max(...data.runs.map((run) => /\.(\d*)$/.exec(fieldText(field, field.value(run)))?.[1].length ?? 0));
    return most > 4 ? 0 : most;
  },

  isNumeric: (field) => data.runs.some((run) => typeof field.value(run) === "number"),

  row(run, i, columns, numeric) {
    const choose = el("button", {type: "button", tabindex: -1, title: runName(i),
      "aria-label": `${run.short}, ${runName(i)}${isFailed(run) ? `, ${run.state}` : ""}`}, run.short);
    const report = run.report && el("a", {href: run.report, target: "_blank", rel: "noopener",
      tabindex: -1, "aria-label": `report of ${run.short}`, title: "report"}, "↗");
    return el("tr", {"data-run": i, class: runClass(i)},
      el("th", {scope: "row"}, el("span", {class: "mark", "aria-hidden": "true"}, runMark(i)), choose, report),
      ...columns.map((field) => {
        const value = field.value(run);
        const shown = fieldText(field, value), digits = numeric.get(field);
        const text = digits && /^-?[\d.]+$/.test(shown) ? value.toFixed(digits) : shown;
        return el("td", {class: numeric.has(field) ? "number" : null,
          title: text.length > 24 ? text : null}, value === undefined ? "–" : text);
      }));
  },

  sorted() {
    for (const heading of this.head.querySelectorAll("[data-key]")) {
      const isIt = heading.dataset.key === state.sort.key;
      if (isIt) heading.setAttribute("aria-sort", state.sort.down ? "descending" : "ascending");
      else heading.removeAttribute("aria-sort");
    }
  },

  // The visible rows in their order, with the lowest and highest value of each scalar marked.
  arrange() {
    const shown = visibleRuns();
    this.body.replaceChildren(...shown.map((i) => tableRows.get(i)));
    const all = data.runs.length;
    this.count.textContent = shown.length === all ? plural(all, "run") : `${shown.length} of ${plural(all, "run")}`;
    if (!shown.length) {
      this.body.append(el("tr", {}, el("td", {colspan: this.columns.length + 1},
        "No run passes the filter. ", button("Show all", () => set({filter: ""}), {class: "plain"}))));
    }
    for (const cell of this.body.querySelectorAll(".is-lowest, .is-highest")) {
      cell.classList.remove("is-lowest", "is-highest");
    }
    this.columns.forEach((field, place) => {
      if (field.kind !== "scalar") return;
      const values = shown.map((i) => field.value(data.runs[i]));
      const [low, high] = extent(values.filter(Number.isFinite));
      values.forEach((value, k) => {
        if (low < high && (value === low || value === high)) {
          const cell = tableRows.get(shown[k]).cells[place + 1];
          cell.classList.add(value === low ? "is-lowest" : "is-highest");
        }
      });
    });
    this.show();
  },

  // One row can be reached by the Tab key: the chosen one. It is in sight.
  show() {
    const reached = this.body.querySelector('th button[tabindex="0"]');
    const row = tableRows.get(state.run);
    const now = row && row.isConnected ? row : this.body.rows[0];
    if (reached) this.reach(reached.closest("tr"), -1);
    if (now) this.reach(now, 0);
    markRuns(this.body);
    if (!row || !row.isConnected) return;
    const top = row.offsetTop - this.head.offsetHeight;
    const bottom = row.offsetTop + row.offsetHeight - this.scroller.clientHeight;
    if (this.scroller.scrollTop > top) this.scroller.scrollTop = top;
    else if (this.scroller.scrollTop < bottom) this.scroller.scrollTop = bottom;
  },

  reach(row, tabindex) {
    for (const each of row.querySelectorAll("button, a")) each.tabIndex = tabindex;
  },

  clicked(event) {
    const row = event.target.closest("tr[data-run]");
    if (!row || event.target.closest("a")) return;
    set({[event.shiftKey ? "base" : "run"]: Number(row.dataset.run)});
  },

  pressed(event) {
    const row = event.target.closest("tr[data-run]");
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    const rows = this.body.rows;
    const to = {ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling,
      Home: rows[0], End: rows[rows.length - 1]}[event.key];
    if (event.key === "b") set({base: Number(row.dataset.run)});
    else if (to !== undefined) to?.querySelector("th button").focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  },
};
panels.push(tablePanel);
