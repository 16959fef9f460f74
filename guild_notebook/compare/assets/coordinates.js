// Parallel coordinates: an axis for each flag that varies and each scalar that is chosen, a line
// for each run. A part of an axis is chosen by dragging or by the handles at its ends; what comes
// of it is a test in the filter box, and what is typed there is shown on the axes.

const AXES = {top: 10, height: 180, extra: 18, width: 84, near: 12};

function axisKeys() {
  const chosen = (state.axes ?? []).filter((key) => fields.byKey.has(key));
  if (chosen.length) return chosen;
  return [...variedFields("flag"), ...variedFields("scalar").slice(0, 3)].map((field) => field.key);
}

// Where values of a field are: at(value) from 0 to 1, of `values`, all that there are in order.
// Numbers that are not finite and missing values have a tick of their own, of `extras`.
function makeScale(field) {
  const found = data.runs.map((run) => field.value(run));
  const areNumbers = found.every((value) => value === undefined || typeof value === "number");
  const shown = (value) => (areNumbers ? value : Array.isArray(value) ? value.join(", ") : value);
  const isOdd = (value) => typeof value === "number" && !Number.isFinite(value);
  const values = [...new Set(found.filter((value) => value !== undefined && !isOdd(value)).map(shown))]
    .sort((a, b) => compareValues(a, b));
  const low = values[0];
  const high = values[values.length - 1];
  // Of values that span decades half lie low; of shares from 0 to 1 they do not, small as one is.
  const isLog = areNumbers && low > 0 && high / low >= 100
    && values[(values.length - 1) >> 1] <= 0.2 * high;
  const of = isLog ? Math.log : Number;
  const places = new Map(values.map((value, place) => [value, place]));
  const at = (value) => {
    if (values.length < 2) return 0.5;
    return areNumbers ? (of(value) - of(low)) / (of(high) - of(low))
      : places.get(shown(value)) / (values.length - 1);
  };
  const name = filterName(field, fields);
  const count = (test) => found.filter(test).length;
  const extras = [
    {name: "nan", test: isOdd, filter: `${name}=nan,inf,-inf`},
    {name: "missing", test: (value) => value === undefined, filter: `no ${name}`},
  ].map((extra) => ({...extra, count: count(extra.test)})).filter((extra) => extra.count);
  return {field, name, values, areNumbers, isLog, at, extras, shown,
    extraOf: (value) => extras.findIndex((extra) => extra.test(value))};
}

// The test by which the values from one place to another are chosen, "" for all of them.
function rangeFilter({values, areNumbers, name}, from, to) {
  if (from === 0 && to === values.length - 1) return "";
  if (from === to || !areNumbers) {
    return `${name}=${values.slice(from, to + 1).map(filterValue).join(",")}`;
  }
  return [from > 0 && `${name}>=${values[from]}`, to < values.length - 1 && `${name}<=${values[to]}`]
    .filter(Boolean).join(" ");
}

// [value, text] of the ticks of a scale: all values where they are few, else round numbers between
// the lowest and the highest; none so near to another one that their texts overlap.
function scaleTicks({values, areNumbers, isLog, at, field}) {
  const text = (value) => fieldText({...field, key: ""}, value);
  const [low, high] = [values[0], values[values.length - 1]];
  const round = areNumbers && values.length > 7
    ? roundNumbers(low, high, 5, isLog).map((value) => [value, numberText(value, 3)]) : null;
  const found = round ? [[low, numberText(low, 3)], [high, numberText(high, 3)], ...round]
    : [low, high, ...values].map((value) => [value, text(value)]);
  const kept = [];
  for (const tick of values.length ? found : []) {
    if (kept.every(([value]) => Math.abs(at(value) - at(tick[0])) * AXES.height >= 12)) kept.push(tick);
  }
  return kept;
}

// The scalar that lines are coloured by, with its scale; null for none.
function colourScale() {
  const field = state.colour ? fields.byKey.get(state.colour) : variedFields("scalar")[0];
  return field && makeScale(field);
}

const coordinatesPanel = {
  title: "Parallel coordinates",

  make(container) {
    this.chooser = fieldChooser("Axes", ["flag", "scalar", "attr"], axisKeys, (axes) => set({axes}));
    this.colour = el("select", {onchange: () => set({colour: this.colour.value})});
    this.legend = el("span", {class: "ramp"});
    this.labels = el("div", {class: "axis-labels"});
    this.plot = svg("svg", {class: "coordinates", role: "group",
      "aria-label": "Parallel coordinates of the runs; the table of runs has the same values"});
    this.said = el("p", {class: "panel-note axis-said"});
    this.scroller = el("div", {class: "coordinates-scroll"}, el("div", {}, this.labels, this.plot));
    this.plot.addEventListener("pointerdown", (event) => this.dragged(event));
    this.plot.addEventListener("pointermove", (event) => this.hovered(event));
    this.plot.addEventListener("pointerleave", () => this.hover(null));
    container.append(el("div", {class: "panel-tools"},
      el("label", {}, "Colour ", this.colour), this.legend, this.chooser), this.scroller, this.said);
    new ResizeObserver(() => this.width !== this.scroller.clientWidth && this.draw()).observe(this.scroller);
    this.draw();
  },

  update(changed) {
    if (changed.includes("data") || changed.includes("axes")) this.draw();
    else {
      if (changed.includes("colour")) this.paint();
      if (changed.includes("visible")) this.filter();
      if (changed.includes("run") || changed.includes("base")) this.raise();
    }
  },

  draw() {
    this.width = this.scroller.clientWidth;
    const keys = axisKeys();
    this.axes = keys.map((key) => makeScale(fields.byKey.get(key)));
    const width = Math.max(this.width, keys.length * AXES.width);
    this.step = width / Math.max(1, keys.length);
    const extras = Math.max(0, ...this.axes.map((axis) => axis.extras.length));
    const height = keys.length && AXES.top + AXES.height + 12 + extras * AXES.extra;
    this.scroller.firstChild.style.setProperty("width", `${width}px`);
    for (const [name, value] of Object.entries({width, height, viewBox: `0 0 ${width} ${height}`})) {
      this.plot.setAttribute(name, value);
    }
    this.places = data.runs.map((run) => this.axes.map((axis) => this.y(axis, axis.field.value(run))));
    this.lines = data.runs.map((_, i) => svg("path", {"data-run": i, class: "line",
      d: this.places[i].map((y, k) => `${k ? "L" : "M"}${this.x(k).toFixed(1)} ${y.toFixed(1)}`).join("")}));
    this.group = svg("g", {}, this.lines);
    this.labels.replaceChildren(...this.axes.map((axis) => this.label(axis)));
    this.plot.replaceChildren(this.group, ...this.axes.map((axis, k) => this.axis(axis, k)));
    this.chooser.show();
    this.note(keys.length ? "" : "No flag and no scalar varies.");
    this.filter();
    this.paint();
  },

  x(k) { return (k + 0.5) * this.step; },
  y(axis, value) {
    const extra = axis.extraOf(value);
    return extra >= 0 ? AXES.top + AXES.height + 14 + (extra + 0.5) * AXES.extra
      : AXES.top + (1 - axis.at(value)) * AXES.height;
  },

  label(axis) {
    const {key} = axis.field;
    const move = (by) => {
      const keys = axisKeys(); // which may have moved since this was drawn
      const to = keys.indexOf(key) + by;
      if (!by || to < 0 || to >= keys.length) return;
      const axes = keys.filter((each) => each !== key);
      axes.splice(to, 0, key);
      this.focused = key;
      set({axes});
    };
    const made = button(axis.name, () => this.choose(axis, ""), {
      "data-key": key, "data-name": axis.name,
      onkeydown: (event) => {
        const by = {ArrowLeft: -1, ArrowRight: 1}[event.key];
        if (!by) return;
        event.preventDefault();
        event.stopPropagation();
        move(by);
      },
      onpointerdown: (event) => {
        const from = event.clientX;
        const moved = (by) => Math.round(by / this.step);
        made.setPointerCapture(event.pointerId);
        made.onpointermove = (to) => made.style.setProperty("translate", `${to.clientX - from}px 0`);
        made.onpointerup = made.onpointercancel = (to) => {
          made.onpointermove = made.onpointerup = made.onpointercancel = null;
          made.style.removeProperty("translate");
          move(moved(to.clientX - from));
        };
      },
    });
    if (this.focused === key) {
      this.focused = null;
      queueMicrotask(() => made.focus());
    }
    return made;
  },

  axis(axis, k) {
    const x = this.x(k);
    const tick = ([value, text]) => svg("g", {class: "tick"},
      svg("line", {x1: x - 4, x2: x, y1: this.y(axis, value), y2: this.y(axis, value)}),
      svg("text", {x: x - 7, y: this.y(axis, value) + 4}, text.length > 12 ? `${text.slice(0, 11)}…` : text,
        text.length > 12 && svg("title", {}, text)));
    const pressed = (act) => (event) => {
      if (event.type === "keydown" && event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      act();
    };
    axis.ticks = axis.extras.map((extra, place) => {
      const act = pressed(() => this.choose(axis, extra.isChosen ? "" : extra.filter));
      const y = AXES.top + AXES.height + 14 + (place + 0.5) * AXES.extra;
      return svg("g", {class: "extra", role: "button", tabindex: 0, onkeydown: act, onclick: act,
        "aria-label": `${axis.name}: ${extra.name}, ${plural(extra.count, "run")}`},
      svg("circle", {cx: x, cy: y, r: 4}), svg("text", {x: x + 7, y: y + 4}, `${extra.name} ${extra.count}`));
    });
    axis.brush = svg("g", {class: "brush"});
    axis.handles = ["least", "most"].map((name, end) => svg("path", {class: "handle", role: "slider",
      tabindex: axis.values.length > 1 ? 0 : null, "aria-label": `${axis.name} at ${name}`,
      "aria-orientation": "vertical", "aria-valuemin": 0, "aria-valuemax": axis.values.length - 1,
      onkeydown: (event) => this.keyed(event, axis, end)}));
    return svg("g", {class: "axis"},
      svg("line", {x1: x, x2: x, y1: AXES.top, y2: AXES.top + AXES.height}),
      svg("rect", {class: "grip", x: x - AXES.near, y: 0, width: 2 * AXES.near,
        height: AXES.top + AXES.height + 10}),
      axis.brush, scaleTicks(axis).map(tick), axis.values.length > 1 && axis.handles, axis.ticks);
  },

  choose(axis, tests) {
    set({filter: withTests(state.filter, fields, axis.field, tests)});
  },

  keyed(event, axis, end) {
    const most = axis.values.length - 1;
    const [from, to] = axis.range;
    const now = axis.range[end];
    const next = {ArrowUp: now + 1, ArrowRight: now + 1, ArrowDown: now - 1, ArrowLeft: now - 1,
      Home: 0, End: most, Delete: end * most, Backspace: end * most}[event.key];
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const place = Math.min(Math.max(next, end ? from : 0), end ? most : to);
    axis.range = end ? [from, place] : [place, to]; // for a key that comes before this is drawn
    this.choose(axis, rangeFilter(axis, ...axis.range));
  },

  // A drag along an axis; where it does not move, it is a click on a line or on what was chosen.
  dragged(event) {
    const box = this.plot.getBoundingClientRect();
    const k = Math.round((event.clientX - box.left) / this.step - 0.5);
    const axis = this.axes[k];
    if (event.button || event.target.closest?.(".extra") || !axis) return;
    const isNear = Math.abs(event.clientX - box.left - this.x(k)) <= AXES.near;
    const start = event.clientY - box.top;
    const shade = svg("rect", {class: "shade", x: this.x(k) - 8, width: 16});
    let end = start;
    const moved = (to) => {
      end = to.clientY - box.top;
      shade.setAttribute("y", Math.min(start, end));
      shade.setAttribute("height", Math.abs(end - start));
      if (isNear && !shade.parentNode) this.plot.append(shade);
    };
    const done = (to) => {
      this.plot.removeEventListener("pointermove", moved);
      shade.remove();
      const isDrag = isNear && Math.abs(end - start) > 4;
      if (isDrag) this.brushed(axis, Math.min(start, end), Math.max(start, end));
      else if (to.type === "pointerup") this.clicked(axis, isNear, to);
    };
    this.plot.setPointerCapture(event.pointerId);
    this.plot.addEventListener("pointermove", moved);
    for (const name of ["pointerup", "pointercancel"]) {
      this.plot.addEventListener(name, done, {once: true});
    }
    event.preventDefault();
  },

  brushed(axis, top, bottom) {
    const inside = axis.values.map((value, place) => [this.y(axis, value), place])
      .filter(([y]) => y >= top && y <= bottom).map(([, place]) => place);
    if (inside.length) this.choose(axis, rangeFilter(axis, inside[0], inside[inside.length - 1]));
    else this.note(`No run has a value of ${axis.name} there.`);
  },

  clicked(axis, isNear, event) {
    const run = this.nearest(event);
    if (run !== null) set({[event.shiftKey ? "base" : "run"]: run});
    else if (isNear) this.choose(axis, "");
  },

  // The visible run whose line is nearest to the pointer, null where none is near.
  nearest(event) {
    const box = this.plot.getBoundingClientRect();
    const across = (event.clientX - box.left) / this.step - 0.5;
    const k = Math.min(Math.max(0, Math.floor(across)), Math.max(0, this.axes.length - 2));
    const part = Math.min(Math.max(0, across - k), 1);
    let best = null;
    let least = AXES.near;
    for (const i of visibleRuns()) {
      const [one, other = one] = this.places[i].slice(k, k + 2);
      const away = Math.abs(one + (other - one) * part - (event.clientY - box.top));
      if (away < least) [best, least] = [i, away];
    }
    return best;
  },

  hovered(event) {
    if (!event.buttons) this.hover(this.nearest(event));
  },

  hover(run) {
    if (run === this.hoveredRun) return;
    this.lines[this.hoveredRun]?.classList.remove("is-hovered");
    this.lines[run]?.classList.add("is-hovered");
    this.hoveredRun = run;
    this.note(run === null ? "" : this.axes.map((axis) =>
      `${axis.name} ${fieldText(axis.field, axis.field.value(data.runs[run])) || "missing"}`).join(" · "));
  },

  note(text) {
    this.said.textContent = text || "Drag along an axis to filter, drag a name to move its axis, "
      + "click a line to choose its run.";
  },

  // What the filter leaves, and what of it is about an axis.
  filter() {
    const shown = new Set(visibleRuns());
    this.lines.forEach((line, i) => line.classList.toggle("is-left-out", !shown.has(i)));
    let parts = [];
    try {
      parts = parseFilter(state.filter, fields).parts;
    } catch { /* the box says so */ }
    this.axes.forEach((axis, k) => {
      const own = parts.filter((part) => part.field === axis.field);
      const passes = (run) => own.every((part) => part.test(run));
      const left = new Set(data.runs.filter(passes).map((run) => axis.shown(axis.field.value(run))));
      const places = axis.values.map((value, place) => (left.has(value) ? place : -1)).filter((p) => p >= 0);
      axis.range = places.length ? [places[0], places[places.length - 1]] : [0, axis.values.length - 1];
      const isFiltered = own.length > 0;
      this.labels.children[k].classList.toggle("is-filtered", isFiltered);
      this.labels.children[k].replaceChildren(...axis.name.split(/(?<=[_.])/).flatMap((part) => [part, el("wbr")]),
        isFiltered ? " ✕" : "");
      this.labels.children[k].title = isFiltered ? `${axis.name}: show all its values`
        : `${axis.name}: drag, or press the left or right arrow, to move its axis`;
      axis.extras.forEach((extra, place) => {
        extra.isChosen = isFiltered && data.runs.some((run) => extra.test(axis.field.value(run)) && passes(run));
        axis.ticks[place].setAttribute("aria-pressed", String(extra.isChosen));
      });
      this.shade(axis, k, isFiltered ? places : []);
    });
    this.raise();
  },

  // Bars beside what is chosen of an axis, one for what is without a gap, and the handles.
  shade(axis, k, places) {
    const x = this.x(k);
    const y = (place) => this.y(axis, axis.values[place]);
    const bars = [];
    for (const place of places) {
      const last = bars[bars.length - 1];
      if (last && last[1] === place - 1) last[1] = place;
      else bars.push([place, place]);
    }
    axis.brush.replaceChildren(...bars.map(([from, to]) => svg("rect",
      {x: x - 5, width: 10, y: y(to) - 4, height: y(from) - y(to) + 8})));
    axis.handles.forEach((handle, end) => {
      if (axis.values.length < 2) return;
      const place = axis.range[end];
      const tip = y(place) + (end ? -5 : 5);
      handle.setAttribute("d", `M${x} ${tip}l6 ${end ? -7 : 7}h-12z`);
      handle.setAttribute("aria-valuenow", place);
      handle.setAttribute("aria-valuetext", fieldText(axis.field, axis.values[place]));
    });
  },

  paint() {
    const scale = colourScale();
    const varied = fields.list.filter((field) => field.kind === "scalar");
    this.colour.replaceChildren(el("option", {value: "none"}, "none"),
      ...varied.map((field) => el("option", {value: field.key}, field.name)));
    this.colour.value = scale ? scale.field.key : "none";
    this.lines.forEach((line, i) => {
      const value = scale && scale.field.value(data.runs[i]);
      const isPlaced = scale && scale.extraOf(value) < 0;
      line.classList.toggle("is-coloured", Boolean(isPlaced));
      line.style.setProperty("--at", isPlaced ? `${(scale.at(value) * 100).toFixed(1)}%` : "0%");
    });
    const {values = []} = scale ?? {};
    this.legend.hidden = !values.length;
    this.legend.replaceChildren(numberText(values[0], 3), el("i", {class: "ramp-bar"}),
      numberText(values[values.length - 1], 3));
  },

  // The lines of the baseline and of the chosen run are above all others.
  raise() {
    markRuns(this.group);
    for (const run of [state.base, state.run]) if (this.lines[run]) this.group.append(this.lines[run]);
  },
};
panels.push(coordinatesPanel);
