// The data of the page, what is chosen in it, and how names and values are written.
// All other files build on this one. The data is described in ../page_data.py.

let data = prepared(JSON.parse(document.getElementById("data").textContent));
let cellIndex = [];   // for each slot: index of a run -> its cell, made by indexed()

// What is chosen. `slot`, `run` and `base` are indices into the data. What is not as DEFAULTS has
// it stands in the address (#run=1a2b3c4d&cell=Training&...), so that a link shows the same.
const DEFAULTS = {
  slot: null, run: null, base: null, view: "one", filter: "", sort: {key: "", down: false},
  columns: null, size: 160, across: "", axes: null, colour: "",
  curves: {scalar: "", smooth: 0, step: "step", log: false, all: false},
  images: "side", panel: "",
};
const KINDS = {slot: "slot", run: "run", base: "run"};
const HASH_NAMES = {slot: "cell"};
const VIEWS = ["sheet", "one", "two"];
const state = {...DEFAULTS};
const panels = [];    // {title, make(container), update(changedKeys)}, placed by main.js in this order

// Numbers that JSON lacks are the texts "nan", "inf" and "-inf" in the data.
function num(value) {
  if (value === "nan") return NaN;
  if (value === "inf") return Infinity;
  if (value === "-inf") return -Infinity;
  return value;
}

function prepared(read) {
  const numeric = new Set(read.flags.filter((f) => f.kind === "number").map((f) => f.name));
  const decoded = (values, of) => Object.setPrototypeOf(Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, of(name) ? num(value) : value])), null); // a flag may be "constructor"
  for (const flag of read.flags) if (flag.kind === "number") flag.values = flag.values.map(num);
  for (const run of read.runs) {
    run.flags = decoded(run.flags, (name) => numeric.has(name));
    run.scalars = decoded(run.scalars, () => true);
  }
  for (const curve of read.curves) {
    curve.points = curve.points.map(([step, value]) => [num(step), num(value)]);
  }
  return read;
}

function indexed() {
  const places = data.sections.map((section) => new Map(section.runs.map((run, k) => [run, k])));
  cellIndex = data.slots.map((slot) => places[slot.section]);
}
indexed();

// Runs and cells

// The cell of a run in a slot: {hole} or {n, state, seconds, memory, source, outputs}, or null.
function cellOf(slot, run) {
  const place = cellIndex[slot] && cellIndex[slot].get(run);
  return place === undefined ? null : data.cells[slot][place];
}
function outputsOf(slot, run) {
  const cell = cellOf(slot, run);
  return cell && cell.outputs ? cell.outputs.map((index) => data.outputs[index]) : [];
}
// Why a run has nothing to show in a slot, "" where it has.
function holeOf(slot, run) {
  if (slot === null) return data.runs[run].reason || "nothing has been run yet";
  const cell = cellOf(slot, run);
  if (!cell) return "not in this notebook";
  if (cell.hole) return cell.hole;
  return (cell.outputs || []).length ? "" : "no output";
}
const isRunning = (run) => run.state === "running"; // or is to run
const isFailed = (run) => !isRunning(run) && run.state !== "completed";
const runMark = (i) => (isRunning(data.runs[i]) ? "◌" : isFailed(data.runs[i]) ? "◆" : "●");
const runClass = (i) => (isRunning(data.runs[i]) ? "is-running" : isFailed(data.runs[i]) ? "is-failed" : "");
const runName = (i) => data.runs[i].name || data.runs[i].short;
const varying = () => data.flags.filter((flag) => flag.varies);

// Filter and order of runs. A filter is a function of a run's index, or null for none; each has a
// name ("text" is that of the box in the header). `error` says what is wrong with its text.
const filters = new Map();
let order = null, visible = null;
const filterErrors = () => [...filters.values()].map((each) => each.error).filter(Boolean);
function setFilter(accepts, name = "text", error = "") {
  if (accepts || error) filters.set(name, {accepts, error}); else filters.delete(name);
  visible = null;
  notify(["visible"]);
}
function setOrder(compare) { // of two indices of runs, as Array.sort has it; null for the data's order
  order = compare;
  visible = null;
  notify(["visible"]);
}
function visibleRuns() {
  if (!visible) {
    const all = [...filters.values()].map((each) => each.accepts).filter(Boolean);
    visible = data.runs.map((_, i) => i).filter((i) => all.every((accepts) => accepts(i)));
    if (order) visible.sort(order);
  }
  return visible;
}

// State and those who watch it

function set(patch) {
  const before = {...state};
  Object.assign(state, patch);
  agree("slot" in patch);
  const changed = Object.keys(state).filter((key) =>
    JSON.stringify(state[key]) !== JSON.stringify(before[key]));
  if (!changed.length) return;
  keepHash();
  notify(changed);
}
// The chosen cell and the chosen run are of one notebook: the one of the other is chosen anew.
function agree(isOfSlot = false) {
  const {slot, run} = state;
  if (run === null || slot !== null && data.slots[slot].section === data.runs[run].section) return;
  if (isOfSlot && slot !== null) state.run = data.sections[data.slots[slot].section].runs[0] ?? null;
  else state.slot = rankedSlots(data.runs[run].section)[0] ?? null;
}
// Indices of the slots of a section, those first whose outputs differ most.
function rankedSlots(section) {
  return [...data.sections[section].slots].sort((a, b) => data.slots[b].change - data.slots[a].change);
}

const watchers = [], pending = new Set();
let placesBefore = null; // those that have their names by the data which other data replaces
// f(changed keys) in the next frame after one of the keys was set. Two keys are not of the state:
// "visible" (the filter or the order of the runs) and "data" (replaceData).
function watch(keys, f) { watchers.push({keys, f}); }
function notify(keys) {
  if (!pending.size) requestAnimationFrame(flush);
  for (const key of keys) pending.add(key);
}
function flush() {
  const changed = [...pending], places = placesBefore ?? placesNow();
  pending.clear();
  placesBefore = null;
  for (const {keys, f} of watchers) if (keys.some((key) => changed.includes(key))) f(changed);
  restorePlaces(places);
}

// The state in the address

const slotLabels = () => numbered(data.slots.map(({name}) => name), "~");
// Names, with a mark and a number behind those that were there before.
function numbered(names, mark) {
  const seen = new Map();
  return names.map((name) => {
    seen.set(name, (seen.get(name) || 0) + 1);
    return seen.get(name) > 1 ? `${name}${mark}${seen.get(name)}` : name;
  });
}
const toName = {slot: (i) => slotLabels()[i], run: (i) => data.runs[i] && data.runs[i].short};
const toIndex = {
  slot: (name) => slotLabels().indexOf(name),
  run: (name) => data.runs.findIndex((run) => run.short === name),
};
function hashText() {
  const parts = new URLSearchParams();
  for (const [key, standard] of Object.entries(DEFAULTS)) {
    const value = state[key];
    if (value === null || JSON.stringify(value) === JSON.stringify(standard)) continue;
    const text = KINDS[key] ? toName[KINDS[key]](value) : value;
    if (text !== undefined) parts.set(HASH_NAMES[key] || key, typeof text === "string" ? text : JSON.stringify(text));
  }
  return parts.toString();
}
function readHash() {
  const parts = new URLSearchParams(location.hash.slice(1) || data.start || ""), found = {};
  for (const [key, standard] of Object.entries(DEFAULTS)) {
    const text = parts.get(HASH_NAMES[key] || key);
    if (text === null) continue;
    if (KINDS[key]) {
      const index = toIndex[KINDS[key]](text);
      if (index >= 0) found[key] = index;
    } else if (typeof standard === "string") {
      found[key] = text;
    } else {
      try { found[key] = accepted(JSON.parse(text), standard); } catch { found[key] = standard; }
    }
  }
  if (found.view && !VIEWS.includes(found.view)) delete found.view;
  return found;
}
// A value of an address that anybody may have written, where it is as the standard one.
function accepted(value, standard) {
  if (Array.isArray(value)) return standard === null ? value.map(String) : standard;
  if (value && typeof value === "object") {
    return standard && typeof standard === "object"
      ? Object.fromEntries(Object.entries(standard).map(([key, is]) =>
        [key, typeof value[key] === typeof is ? value[key] : is]))
      : standard;
  }
  return typeof value === typeof standard ? value : standard;
}
let hashTimer = 0;
function keepHash() { // browsers refuse more than a hundred or so in half a minute
  if (!hashTimer) hashTimer = setTimeout(writeHash, 300);
}
function writeHash() {
  hashTimer = 0;
  const text = hashText();
  try { history.replaceState(null, "", text ? `#${text}` : "#"); } catch { /* too many */ }
}
addEventListener("hashchange", () => set({...DEFAULTS, ...chosenAtFirst(), ...readHash()}));
addEventListener("pagehide", writeHash);

// What is chosen where the address says nothing: the image that differs most, or the output where
// no image does; the newest run that completed, and the one before it to compare with.
function chosenAtFirst() {
  const {slots} = data, shows = (slot) => Number(slot.kind !== "none");
  const [slot = null] = slots.map((_, i) => i).sort((a, b) => slots[b].plots - slots[a].plots
    || slots[b].change - slots[a].change || shows(slots[b]) - shows(slots[a]));
  const runs = slot === null ? [] : data.sections[data.slots[slot].section].runs;
  const well = runs.filter((i) => !holeOf(slot, i) && data.runs[i].state === "completed");
  const [run = runs[0] ?? (data.runs.length ? 0 : null), base = null] = [...well, ...runs.filter((i) => !well.includes(i))];
  return {slot, run, base};
}

// Put other data in place of this, with what is chosen kept; pages that are live are given it again
// and again. A run or a cell that is not there any more is one that was not chosen, and so is a cell
// as long as none has an output.
function replaceData(read) {
  const isEmpty = data.slots.every(({kind}) => kind === "none");
  const kept = Object.fromEntries(Object.entries(KINDS)
    .filter(([key]) => state[key] !== null && !(isEmpty && key === "slot")).map(([key, kind]) => [key, toName[kind](state[key])]));
  placesBefore ??= placesNow(true);
  data = prepared(read);
  indexed();
  visible = null;
  const first = chosenAtFirst();
  for (const key of Object.keys(KINDS)) {
    const index = key in kept ? toIndex[KINDS[key]](kept[key]) : -1;
    state[key] = index >= 0 ? index : first[key];
  }
  agree();
  keepHash();
  notify(["data", "visible", ...Object.keys(KINDS)]);
}

// f(...) that says whether anything of what it is asked for has changed since it was asked before:
// what is the same after other data has come stays as it is, with its focus and its folds.
function changes() {
  let before = null;
  return (...parts) => {
    const now = JSON.stringify(parts), is = now !== before;
    before = now;
    return is;
  };
}

// Elements

// An element: attributes by name, "on..." listeners, true and false for those without a value,
// `style` an object of properties; children are elements and texts, null for none.
function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}
function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}
function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, is] of Object.entries(value)) made.style.setProperty(key, is);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}
function button(text, act, attributes = {}) {
  return el("button", {type: "button", onclick: act, ...attributes}, text);
}

// Elements with the attribute data-run, an index, are emphasised where that run is chosen or the
// baseline, in the whole page. Call it for what was made after the choice.
function markRuns(root = document) {
  for (const [key, name] of [["run", "is-chosen"], ["base", "is-base"]]) {
    for (const each of root.querySelectorAll(`[data-run].${name}`)) {
      if (Number(each.dataset.run) !== state[key]) each.classList.remove(name);
    }
    if (state[key] === null) continue;
    for (const each of root.querySelectorAll(`[data-run="${state[key]}"]`)) each.classList.add(name);
  }
}

// Values as texts

// A number in as many significant digits; whole ones in all of theirs.
function numberText(value, digits = 5) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return String(value);
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  if (Number.isInteger(value) && Math.abs(value) < 1e10) return String(value);
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 10 ** digits) {
    return value.toExponential(digits - 1).replace(/\.?0+e/, "e").replace("e+", "e");
  }
  return value.toPrecision(digits).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
}
function flagText(value) { // what tells the values of a flag apart
  if (value === true) return "yes";
  if (value === false) return "no";
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return numberText(value, 12);
  return typeof value === "string" ? value : JSON.stringify(value);
}
const FLAG_DIGITS = 6; // of what a search has drawn, where a flag is shown beside others
const flagShown = (value) => (typeof value === "number" ? numberText(value, FLAG_DIGITS) : flagText(value));
function secondsText(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 59.5) return `${seconds.toFixed(seconds < 9.95 ? 1 : 0)} s`;
  const whole = Math.round(seconds), minutes = Math.floor(whole / 60) % 60;
  return whole < 3600 ? `${minutes} min ${String(whole % 60).padStart(2, "0")} s`
    : `${Math.floor(whole / 3600)} h ${String(minutes).padStart(2, "0")} min`;
}
// Memory as reports say it (document/measures.py), with 1,024 MB to the GB.
function bytesText(bytes) {
  if (bytes === null || bytes === undefined) return "";
  return bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(1)} GB` : `${(bytes / 2 ** 20).toFixed(0)} MB`;
}
