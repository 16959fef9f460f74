// Curves: a scalar by step, a line for each visible run. What all have is drawn once; a step of a
// slider draws the chosen run and the baseline over it.

const CURVES = {height: 260, left: 56, right: 10, top: 8, bottom: 24, near: 40};

// Means that follow a curve, more slowly the more `smooth` is (from 0 to 1), as TensorBoard has
// them: those of the first steps are not drawn to zero. NaN and infinite values stay as they are.
function smoothed(values, smooth) {
  if (!smooth) return values;
  let mean = 0;
  let weight = 1;
  return values.map((value) => {
    if (!Number.isFinite(value)) return value;
    mean = mean * smooth + value * (1 - smooth);
    weight *= smooth;
    return mean / (1 - weight);
  });
}

// [low, high] that shows the curves: all values, or, where a few would flatten the rest to less
// than a quarter of the height, those within three times the middle half.
function robustRange(values) {
  const sorted = Float64Array.from(values).sort();
  if (!sorted.length) return [0, 1];
  const at = (part) => sorted[Math.round(part * (sorted.length - 1))];
  const [least, most] = [sorted[0], sorted[sorted.length - 1]];
  let [one, three] = [at(0.25), at(0.75)];
  if (one === three) [one, three] = [at(0.05), at(0.95)];
  const low = Math.max(least, one - 3 * (three - one));
  const high = Math.min(most, three + 3 * (three - one));
  return high > low && most - least > 4 * (high - low) ? [low, high] : [least, most];
}

const curvesPanel = {
  title: "Curves",
  curves: [],

  make(container) {
    const change = (patch) => set({curves: {...state.curves, ...patch}});
    this.scalar = el("select", {onchange: () => change({scalar: this.scalar.value})});
    this.smooth = el("input", {type: "range", min: 0, max: 0.99, step: 0.01,
      oninput: () => change({smooth: Number(this.smooth.value)})});
    this.step = el("select", {onchange: () => change({step: this.step.value})},
      el("option", {value: "step"}, "step"), el("option", {value: "relative"}, "share of its steps"));
    this.log = el("input", {type: "checkbox", onchange: () => change({log: this.log.checked})});
    this.all = el("input", {type: "checkbox", onchange: () => change({all: this.all.checked})});
    this.canvas = el("canvas", {class: "curves", tabindex: 0, role: "slider", "aria-label": "Curves: "
      + "left and right arrow for another step, up and down for another run, Enter to choose the run",
    onpointermove: (event) => this.hover(this.nearest(event)),
    onpointerleave: () => this.hover(null),
    onclick: (event) => this.chosen(event),
    onkeydown: (event) => this.keyed(event)});
    this.said = el("p", {class: "panel-note curve-said"});
    this.outside = el("p", {class: "panel-note"});
    this.rows = el("tbody");
    this.folded = el("details", {class: "as-table", ontoggle: () => this.tabulate()},
      el("summary", {}, "As a table"), el("div", {class: "table-scroll"}, el("table", {class: "runs"},
        el("thead", {}, el("tr", {}, ["run", "steps", "first", "lowest", "highest", "last"].map((name, i) =>
          el("th", {scope: "col", class: i ? "number" : null}, name)))), this.rows)));
    this.tools = el("div", {class: "panel-tools"},
      el("label", {}, "Scalar ", this.scalar), el("label", {}, "by ", this.step),
      el("label", {}, "Smoothing ", this.smooth), el("label", {}, this.log, "logarithmic"),
      el("label", {}, this.all, "all values"));
    this.none = el("p", {class: "panel-note"}, "No run has a scalar by step.");
    this.shown = el("div", {}, this.tools, this.canvas, this.said, this.outside, this.folded);
    container.append(this.none, this.shown);
    new ResizeObserver(() => this.canvas.clientWidth !== this.width && this.draw()).observe(this.canvas);
    const redraw = () => this.draw();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    new MutationObserver(redraw).observe(document.documentElement, {attributeFilter: ["data-theme"]});
    this.draw();
  },

  update(changed) {
    const isOther = changed.includes("visible") && this.drawn !== visibleKey();
    if (isOther || changed.includes("data") || changed.includes("curves")) this.draw();
    else if (changed.includes("run") || changed.includes("base")) this.emphasise();
  },

  name() {
    const names = [...new Set(data.curves.map((curve) => curve.scalar))];
    return names.includes(state.curves.scalar) ? state.curves.scalar : names[0];
  },

  controls() {
    const {smooth, step, log, all} = state.curves;
    const names = [...new Set(data.curves.map((curve) => curve.scalar))].sort(collator.compare);
    this.none.hidden = names.length > 0;
    this.shown.hidden = !names.length;
    this.scalar.replaceChildren(...names.map((name) => el("option", {value: name}, name)));
    this.scalar.value = this.name();
    this.smooth.value = smooth;
    this.step.value = step === "relative" ? step : "step";
    this.log.checked = log;
    this.all.checked = all;
  },

  // The curves of the visible runs, and where they are on the canvas.
  draw() {
    this.controls();
    this.width = this.canvas.clientWidth;
    this.hovered = null;
    if (!this.width) return;
    this.drawn = visibleKey();
    const {step, log, all} = state.curves;
    const smooth = Math.min(Math.max(state.curves.smooth, 0), 0.99);
    const byRun = new Map(data.curves.filter((curve) => curve.scalar === this.name())
      .map((curve) => [curve.run, curve.points]));
    const shown = visibleRuns();
    this.curves = shown.filter((i) => byRun.has(i) && byRun.get(i).length).map((run) => {
      const points = byRun.get(run);
      const [first, last] = [points[0][0], points[points.length - 1][0]];
      const steps = points.map((point) => point[0]);
      return {run, steps, raw: points.map((point) => point[1]),
        across: step === "relative" ? steps.map((each) => (each - first) / (last - first || 1)) : steps,
        values: smoothed(points.map((point) => point[1]), smooth)};
    });
    const isShown = (value) => Number.isFinite(value) && (!log || value > 0);
    const of = log ? Math.log10 : Number;
    const values = this.curves.flatMap((curve) => curve.values.filter(isShown).map(of));
    const across = this.curves.flatMap((curve) => [curve.across[0], curve.across[curve.across.length - 1]]);
    let [low, high] = all ? extent(values) : robustRange(values);
    if (!(low < high)) [low, high] = Number.isFinite(low) ? [low - 0.5, low + 0.5] : [0, 1];
    const margin = (high - low) * 0.03;
    this.range = {low: low - margin, high: high + margin, of, isShown,
      from: Math.min(...across), to: Math.max(...across)};
    if (!(this.range.from < this.range.to)) [this.range.from, this.range.to] =
      across.length ? [this.range.from - 0.5, this.range.from + 0.5] : [0, 1];
    for (const curve of this.curves) {
      curve.x = Float32Array.from(curve.across, (each) => this.x(each));
      curve.y = Float32Array.from(curve.values, (each) => (isShown(each) ? this.y(of(each)) : NaN));
    }
    this.paint();
    this.tell(shown.length);
    this.emphasise();
    this.tabulate();
  },

  x(across) {
    const {from, to} = this.range;
    return CURVES.left + (across - from) / (to - from) * (this.width - CURVES.left - CURVES.right);
  },
  y(value) {
    const {low, high} = this.range;
    const y = CURVES.top + (high - value) / (high - low) * (CURVES.height - CURVES.top - CURVES.bottom);
    return Math.min(Math.max(y, -1e4), 1e4); // canvases are not exact far outside
  },

  tell(number) {
    const {low, high, isShown, of} = this.range;
    let points = 0;
    let runs = 0;
    let gaps = 0;
    for (const {values} of this.curves) {
      const outside = values.filter((value) => isShown(value) && (of(value) < low || of(value) > high)).length;
      points += outside;
      runs += outside > 0;
      gaps += values.filter((value) => !isShown(value)).length;
    }
    const none = number - this.curves.length;
    const are = (many) => (many === 1 ? "is" : "are");
    const odd = state.curves.log ? "nan, infinite or not above zero" : "nan or infinite";
    this.outside.replaceChildren([
      points && `${plural(points, "value")} of ${plural(runs, "run")} ${are(points)} outside. `,
      gaps && `${plural(gaps, "value")} ${are(gaps)} ${odd}, and left out. `,
      none && `Without a curve of ${this.name()}: ${none} of ${plural(number, "run")}. `,
    ].filter(Boolean).join(""), points ? button("Show all values", () =>
      set({curves: {...state.curves, all: true}}), {class: "plain"}) : "");
  },

  // All lines and the ticks, on a canvas of their own that emphasise() begins with.
  paint() {
    const scale = devicePixelRatio || 1;
    this.canvas.width = Math.round(this.width * scale);
    this.canvas.height = Math.round(CURVES.height * scale);
    this.back = el("canvas", {width: this.canvas.width, height: this.canvas.height});
    const style = getComputedStyle(this.canvas);
    const probe = el("i");
    this.canvas.after(probe);
    this.colours = Object.fromEntries(["text", "muted", "line", "accent", "base", "ground"].map((name) => {
      probe.style.setProperty("color", `var(--${name})`);
      return [name, getComputedStyle(probe).color];
    }));
    probe.remove();
    const pen = this.pen(this.back);
    pen.font = `11px ${style.fontFamily}`;
    this.ticks(pen);
    pen.beginPath();
    pen.rect(CURVES.left, 0, this.width - CURVES.left, CURVES.height - CURVES.bottom + 2);
    pen.clip();
    // A line as wide as a pixel is drawn 15 times as fast as a wider one.
    const width = this.curves.length > 30 ? 1 / scale : 1.2;
    pen.globalAlpha = this.curves.length > 30 ? 0.6 : 0.9;
    for (const curve of this.curves) this.line(pen, curve, this.colours.muted, width);
  },

  pen(canvas) {
    const pen = canvas.getContext("2d");
    const scale = devicePixelRatio || 1;
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    return pen;
  },

  ticks(pen) {
    const {low, high, from, to} = this.range;
    const bottom = CURVES.height - CURVES.bottom;
    const log = state.curves.log;
    pen.fillStyle = this.colours.muted;
    pen.strokeStyle = this.colours.line;
    pen.lineWidth = 1;
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    const values = log ? roundNumbers(10 ** low, 10 ** high, 5, true) : roundNumbers(low, high, 5);
    for (const value of values) {
      const y = this.y(log ? Math.log10(value) : value);
      pen.beginPath();
      pen.moveTo(CURVES.left, y);
      pen.lineTo(this.width - CURVES.right, y);
      pen.stroke();
      pen.fillText(numberText(value, 3), CURVES.left - 6, y);
    }
    pen.textAlign = "center";
    const isRelative = state.curves.step === "relative";
    for (const step of roundNumbers(from, to, Math.max(2, Math.floor(this.width / 110)))) {
      if (!isRelative && !Number.isInteger(step)) continue;
      pen.fillText(isRelative ? `${Math.round(step * 100)} %` : numberText(step),
        Math.min(this.x(step), this.width - 14), bottom + 12);
    }
  },

  // A line through the points, with gaps where there are none.
  line(pen, {x, y}, colour, width, dash = []) {
    pen.strokeStyle = pen.fillStyle = colour;
    pen.lineWidth = width;
    pen.lineJoin = "round";
    pen.setLineDash(dash);
    pen.beginPath();
    let isDown = false;
    for (let i = 0; i < x.length; i++) {
      if (Number.isNaN(y[i])) isDown = false;
      else if (isDown) pen.lineTo(x[i], y[i]);
      else {
        isDown = true;
        pen.moveTo(x[i], y[i]);
        // A point that is alone between gaps.
        if (!(i + 1 < x.length) || Number.isNaN(y[i + 1])) pen.rect(x[i] - 1, y[i] - 1, 2, 2);
      }
    }
    pen.stroke();
  },

  emphasise() {
    if (!this.back) return;
    const pen = this.pen(this.canvas);
    pen.clearRect(0, 0, this.width, CURVES.height);
    pen.drawImage(this.back, 0, 0, this.width, CURVES.height);
    pen.save();
    pen.beginPath();
    pen.rect(CURVES.left, 0, this.width - CURVES.left, CURVES.height - CURVES.bottom + 2);
    pen.clip();
    const of = (run) => this.curves.find((curve) => curve.run === run);
    const [chosen, base, at] = [of(state.run), of(state.base), this.hovered];
    if (chosen && state.curves.smooth > 0) {
      pen.globalAlpha = 0.35;
      const y = chosen.raw.map((value) => (this.range.isShown(value) ? this.y(this.range.of(value)) : NaN));
      this.line(pen, {x: chosen.x, y}, this.colours.accent, 1);
      pen.globalAlpha = 1;
    }
    if (base) {
      this.line(pen, base, this.colours.ground, 4);
      this.line(pen, base, this.colours.base, 2.5, [8, 3]);
    }
    if (chosen) this.line(pen, chosen, this.colours.accent, 3);
    if (at) {
      this.line(pen, at.curve, this.colours.text, 2);
      pen.beginPath();
      pen.arc(at.curve.x[at.place], Number.isNaN(at.curve.y[at.place]) ? CURVES.top : at.curve.y[at.place],
        4, 0, 7);
      pen.fill();
    }
    pen.restore();
    this.say();
  },

  say() {
    const at = this.hovered;
    const text = at ? `${runName(at.curve.run)} · step ${numberText(at.curve.steps[at.place])} · ${this.name()} `
      + numberText(at.curve.raw[at.place])
      + (state.curves.smooth > 0 ? ` (smoothed ${numberText(at.curve.values[at.place])})` : "") : "";
    this.said.textContent = text || "Point at a line to see its run, click to choose it.";
    this.canvas.setAttribute("aria-valuetext", text || `${this.curves.length} curves of ${this.name()}`);
    this.canvas.setAttribute("aria-valuenow", at ? at.curve.steps[at.place] : 0);
  },

  hover(at) {
    const same = at && this.hovered && at.curve === this.hovered.curve && at.place === this.hovered.place;
    if (same || (!at && !this.hovered)) return;
    this.hovered = at;
    this.emphasise();
  },

  // {curve, place} of the point that is nearest to the pointer, null where none is near.
  nearest(event) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let best = null;
    let least = CURVES.near ** 2;
    for (const curve of this.curves) {
      for (let place = 0; place < curve.x.length; place++) {
        const away = (curve.x[place] - x) ** 2 + (curve.y[place] - y) ** 2;
        if (away < least) {
          least = away;
          best = {curve, place};
        }
      }
    }
    return best;
  },

  chosen(event) {
    const at = this.nearest(event);
    if (at) set({[event.shiftKey ? "base" : "run"]: at.curve.run});
  },

  keyed(event) {
    if (!this.curves.length || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = this.hovered ?? this.first();
    const last = at.curve.x.length - 1;
    const along = {ArrowLeft: at.place - 1, ArrowRight: at.place + 1, Home: 0, End: last}[event.key];
    if (along !== undefined) {
      this.hover({curve: at.curve, place: this.hovered ? Math.min(Math.max(along, 0), last) : at.place});
    } else if (event.key === "ArrowUp" || event.key === "ArrowDown") this.hover(this.beside(at, event.key));
    else if (event.key === "Enter") set({run: at.curve.run});
    else if (event.key === "b") set({base: at.curve.run});
    else if (event.key === "Escape") this.hover(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  },

  first() {
    const curve = this.curves.find((each) => each.run === state.run) ?? this.curves[0];
    return {curve, place: curve.x.length - 1};
  },

  // The point of the run whose line is next above or below at the same step, the same if none is.
  beside(at, key) {
    const x = at.curve.across[at.place];
    const found = this.curves.map((curve) => {
      const next = curve.across.findIndex((each) => each >= x);
      return {curve, place: next < 0 ? curve.x.length - 1 : next};
    });
    const height = (each) => (Number.isNaN(each.curve.y[each.place]) ? 1e5 : each.curve.y[each.place]);
    found.sort((one, other) => height(one) - height(other) || one.curve.run - other.curve.run);
    const place = found.findIndex((each) => each.curve === at.curve);
    return found[place + (key === "ArrowUp" ? -1 : 1)] ?? at;
  },

  tabulate() {
    if (!this.folded.open) return;
    this.rows.replaceChildren(...this.curves.map(({run, raw}) => {
      const known = raw.filter((value) => !Number.isNaN(value));
      const numbers = [raw.length, raw[0], ...extent(known), raw[raw.length - 1]];
      return el("tr", {"data-run": run}, el("th", {scope: "row"}, runName(run)),
        numbers.map((value) => el("td", {class: "number"}, known.length ? numberText(value) : "nan")));
    }));
    markRuns(this.rows);
  },
};
panels.push(curvesPanel);
