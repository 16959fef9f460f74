// The contact sheet: the chosen cell in all runs, laid out by the values of flags.

let layout = {columns: [], rows: [], rest: [], places: new Map()};

// Rows and columns by the values of flags that have few of them. Runs off the grid are `rest`:
// those alone in their row or their column, or without a value. `places` are [row, column] of runs.
function layoutOf(runs) {
  const vary = flagsAmong(runs).vary.filter((flag) => !flag.continuous && flag.values.length <= 20);
  const across = vary.find((flag) => flag.name === state.across)
    || [...vary].sort((a, b) => weight(b) - weight(a))[0];
  const none = {across: null, choices: vary, down: [], columns: [], rows: [], rest: runs, places: new Map()};
  if (!across) return none;
  const down = vary.filter((flag) => flag !== across);
  const isWhole = (i) => [across, ...down].every(({name}) => (data.runs[i].flags[name] ?? null) !== null);
  let inside = runs.filter(isWhole);
  const rowOf = (i) => down.map(({name}) => flagOf(i, name)).join("\n");
  const fewer = (key, other) => { // without runs that are alone in their row, or in their column
    const seen = new Map();
    for (const i of inside) seen.set(key(i), (seen.get(key(i)) || new Set()).add(other(i)));
    if (new Set(inside.map(other)).size > 1 && seen.size > 1) inside = inside.filter((i) => seen.get(key(i)).size > 1);
  };
  const columnOf = (i) => flagOf(i, across.name);
  if (down.length) { fewer(rowOf, columnOf); fewer(columnOf, rowOf); }
  if (inside.length < runs.length / 2) return none;
  const columns = across.values.map(flagText).filter((text) => inside.some((i) => columnOf(i) === text));
  const rows = new Map();
  for (const i of inside) {
    const key = rowOf(i);
    if (!rows.has(key)) rows.set(key, {values: down.map(({name}) => data.runs[i].flags[name]), cells: columns.map(() => [])});
    rows.get(key).cells[columns.indexOf(columnOf(i))].push(i);
  }
  const ordered = [...rows.values()].sort((a, b) => {
    for (let n = 0; n < down.length; n += 1) {
      const by = compareValues(a.values[n], b.values[n]);
      if (by) return by;
    }
    return 0;
  });
  const places = new Map();
  ordered.forEach((row, r) => row.cells.forEach((cell, c) => cell.forEach((i) => places.set(i, [r, c]))));
  return {across, choices: vary, down, columns, rows: ordered, rest: runs.filter((i) => !places.has(i)), places};
}
const weight = (flag) => (flag.values.length > 10 ? 0 : flag.values.length) + (flag.kind === "number" ? 0.5 : 0);

// The run beside the chosen one: by [rows, columns] in the grid, by one before or after elsewhere.
function neighbour(rows, columns) {
  const {places, rest} = layout, here = places.get(state.run);
  const listed = [...layout.rows.flatMap((row) => row.cells.flat()), ...rest];
  if (!here) {
    const place = listed.indexOf(state.run) + (rows + columns);
    return place >= 0 ? listed[place] : listed[0];
  }
  const stacked = layout.rows[here[0]].cells[here[1]], within = stacked.indexOf(state.run) + columns;
  if (columns && stacked[within] !== undefined) return stacked[within];
  for (let r = here[0] + rows, c = here[1] + columns; ; r += rows, c += columns) {
    const cell = layout.rows[r] && layout.rows[r].cells[c];
    if (!cell) return rows > 0 ? rest[0] : undefined;
    if (cell.length) return columns < 0 ? cell[cell.length - 1] : cell[0];
  }
}
function stepRun(rows, columns) {
  const to = neighbour(rows, columns);
  if (to !== undefined) chooseRun(to);
}

function makeSheet() {
  const grid = el("div", {class: "sheet-inside"});
  const size = el("input", {type: "range", id: "size", min: 80, max: 480, step: 20, value: state.size,
    oninput: () => set({size: Number(size.value)})});
  const across = el("select", {id: "across", onchange: () => set({across: across.value})});
  const acrossLabel = el("label", {for: "across"}, "columns ", across);
  const section = el("section", {class: "sheet", "aria-label": "Contact sheet"},
    el("div", {class: "bar-of-tools"}, acrossLabel, el("label", {for: "size"}, "size ", size)), grid);
  const areOther = changes();
  let isStale = true;
  const build = () => {
    layout = layoutOf(shownRuns());
    isStale = state.view === "two";
    if (isStale) return;
    const runs = shownRuns();
    if (!areOther(state.slot, layout, [...layout.places.keys()], state.sort.key, runs.map((i) =>
      [data.runs[i], cellOf(state.slot, i), outputsOf(state.slot, i)]))) return;
    const hasFocus = grid.contains(document.activeElement) && document.activeElement.classList.contains("tile");
    across.replaceChildren(...layout.choices.map(({name}) => el("option", {value: name}, name)));
    if (layout.across) across.value = layout.across.name;
    acrossLabel.hidden = layout.choices.length < 2;
    const common = commonLines(state.slot, runs);
    const makeTile = (i) => tile(state.slot, i, common, !layout.places.has(i));
    const {columns, rows, down, rest} = layout;
    grid.replaceChildren(...[
      rows.length ? el("div", {class: "scrolled grid", role: "region", tabindex: "0", "aria-label": "Runs by their flags"}, el("table", {style: {"--columns": columns.length, "--names": down.length ? "9rem" : "0px"}},
        el("thead", {}, el("tr", {}, down.length ? el("td") : null,
          ...columns.map((text) => el("th", {scope: "col"}, el("small", {}, `${layout.across.name} `), text)))),
        el("tbody", {}, ...rows.map((row) => el("tr", {}, down.length ? el("th", {scope: "row"},
          ...row.values.map((value, n) => el("span", {}, el("small", {}, `${down[n].name} `), flagText(value)))) : null,
        ...row.cells.map((cell) => el("td", {}, cell.map(makeTile)))))))) : null,
      rest.length && rows.length ? el("h3", {}, "Off the grid") : null,
      rest.length ? el("div", {class: "off-grid"}, ...rest.map(makeTile)) : null,
      rows.length || rest.length ? null : el("p", {class: "muted"}, "No run passes the filter."),
    ].filter(Boolean));
    markRuns(grid);
    mark();
    if (hasFocus && grid.querySelector('.tile[tabindex="0"]')) grid.querySelector('.tile[tabindex="0"]').focus({preventScroll: true});
  };
  let before = null; // the run that was chosen: the page does not scroll to the first one
  const mark = (changed = []) => { // one tile is reached by the tab key, the others from there by arrows
    for (const each of grid.querySelectorAll('.tile[tabindex="0"]')) each.tabIndex = -1;
    const chosen = grid.querySelector(`.tile[data-run="${state.run}"]`) || grid.querySelector(".tile");
    if (!chosen) return;
    chosen.tabIndex = 0;
    const follows = !changed.includes("data"); // of which the focus is kept where it is
    if (follows && document.activeElement && document.activeElement.classList.contains("tile")) chosen.focus({preventScroll: true});
    const around = chosen.closest(".grid");
    if (changed.includes("run") && before !== null && state.view === "sheet") {
      chosen.scrollIntoView({block: "nearest", inline: "nearest"});
    } else if (around && around.scrollWidth > around.clientWidth) {
      const [tile, box] = [chosen.getBoundingClientRect(), around.getBoundingClientRect()];
      const names = around.querySelector("tbody th")?.offsetWidth ?? 0; // which stay over what is scrolled
      if (tile.left < box.left + names || tile.right > box.right) around.scrollLeft += tile.left - box.left - Math.max(names + 6, box.width / 3);
    }
    if (changed.includes("run")) before = state.run;
  };
  const resize = () => {
    size.value = state.size;
    section.style.setProperty("--tile", `${state.size}px`);
    section.classList.toggle("is-fitted", state.size === DEFAULTS.size); // columns are narrower where they do not fit
  };
  watch(["slot", "visible", "data", "across", "sort"], build);
  watch(["view"], () => { if (isStale) build(); });
  watch(["run", "view"], mark);
  watch(["size"], resize);
  build();
  resize();
  return section;
}

// A run in the sheet. Names of runs are written where the place does not say them.
function tile(slot, run, common, isNamed) {
  const inside = tileContent(slot, run, common), scalar = tileScalar(run);
  const mark = isFailed(data.runs[run]) || isRunning(data.runs[run]) ? `${runMark(run)} ` : "";
  const caption = mark + [isNamed && runName(run), scalar || (mark && data.runs[run].state)].filter(Boolean).join(" · ");
  return el("button", {
    type: "button", class: `tile ${runClass(run)}`, "data-run": run, tabindex: "-1",
    "aria-label": [runName(run), isFailed(data.runs[run]) ? data.runs[run].state : "", scalarsText(run)].filter(Boolean).join(", "),
    title: runName(run), onclick: () => chooseRun(run), ondblclick: () => set({view: "one"}),
  }, inside, caption ? el("span", {class: "tile-caption"}, caption) : null);
}
function tileScalar(run) {
  const {kind, name: sorted} = fields.byKey.get(state.sort.key) ?? {}, {scalars} = data.runs[run];
  const name = kind === "scalar" ? sorted
    : data.scalars.find((scalar) => scalar.varies && !scalar.ofCell && scalar.name in scalars)?.name;
  return name in scalars ? `${name} ${numberText(scalars[name], 4)}` : "";
}
function tileContent(slot, run, common) {
  const hole = holeOf(slot, run);
  if (hole) return el("span", {class: "tile-hole"}, hole);
  const outputs = outputsOf(slot, run), kind = data.slots[slot].plots ? "image" : data.slots[slot].kind;
  const shown = outputs.find((output) => output.kind === "error") || outputs.find((output) => output.kind === kind)
    || outputs.find((output) => output.from !== "stderr") || outputs[0];
  if (shown.kind === "image") return imageElement(shown.image, "", true);
  if (shown.kind === "error") return el("span", {class: "tile-text bad"}, el("strong", {}, shown.name), ` ${shown.message}`.slice(0, 300));
  const differ = outputs.filter((output) => output.kind === shown.kind)
    .map((output) => linesOf(output).filter((line) => !common.has(line.compared))).find((lines) => lines.length);
  return el("span", {class: "tile-text"}, (differ || linesOf(shown)).slice(0, 14).map((line) => line.shown.slice(0, 120)).join("\n"));
}
const linesOf = (output) => comparedLines(output.kind === "table" ? {text: output.rows.map((row) => row.join("  ")).join("\n")} : output)
  .filter((line) => line.shown.trim());
// Lines that all runs have in which this cell has not failed: a tile has room for what differs only.
function commonLines(slot, runs) {
  const counts = new Map();
  let number = 0;
  for (const run of runs) {
    const outputs = outputsOf(slot, run);
    if (holeOf(slot, run) || outputs.some((output) => output.kind === "error")) continue;
    number += 1;
    for (const line of new Set(outputs.flatMap(linesOf).map((each) => each.compared))) counts.set(line, (counts.get(line) || 0) + 1);
  }
  return new Set([...counts].filter(([, count]) => count === number).map(([line]) => line));
}
