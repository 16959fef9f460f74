// Fields: all that runs are told apart by – attributes, flags, scalars. What filters, the table,
// the coordinates and the curves call by a name is one of these.
//
// A field: {key: "flag:lr", kind: "attr|flag|scalar", name, varies, value(run)}. A value is a
// number (also NaN), text, a boolean or a list of texts, and undefined where it is missing.

const present = (value) => (value === "" || value === null ? undefined : value);

// A duration in seconds as it is typed: 90, 1.5h, 2m30s, 1:05, 0:01:05.
function readDuration(text) {
  if (/^\d+(:\d\d?){1,2}(\.\d+)?$/.test(text)) {
    return text.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  }
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(h|m|s)/g)];
  if (!parts.length || parts.map((part) => part[0]).join("") !== text) return readNumber(text);
  return parts.reduce((sum, part) => sum + part[1] * {h: 3600, m: 60, s: 1}[part[2]], 0);
}

// The number that a text is, or undefined: Number() takes "" and "0x1f" too.
function readNumber(text) {
  if (/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text)) return Number(text);
  const odd = /^([-+]?)(nan|inf|infinity)$/i.exec(text);
  if (!odd) return undefined;
  return odd[2].toLowerCase() === "nan" ? NaN : odd[1] === "-" ? -Infinity : Infinity;
}

// "2026-11-27 09:05:00" in the reader's own time, which sorts as text and is begun by a date.
function localTime(iso) {
  const time = new Date(iso);
  if (!iso || Number.isNaN(time.getTime())) return undefined;
  const two = (part) => String(part).padStart(2, "0");
  const date = [time.getFullYear(), time.getMonth() + 1, time.getDate()].map(two).join("-");
  return `${date} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":")}`;
}

// Of a message what is the same in other runs: numbers, addresses and ids are masked.
const masked = (text) => text
  .replace(/0x[0-9a-f]+|\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{32,64}\b/gi, "#")
  .replace(/(?<![\w.])[-+]?(\d+(\.\d+)?|\.\d+)(e[-+]?\d+)?/gi, "#");

// Why a run is not completed: "Training: ValueError: loss is #", "" of one that is. It is what
// failures are grouped by.
function cause(run) {
  if (run.failed === null && !run.error && !run.reason) return "";
  const cell = run.failed === null ? "" : data.slots[run.failed].name;
  const what = run.error ? [run.error.name, run.error.message] : [run.reason || run.state];
  return [cell, ...what].filter(Boolean).map(masked).join(": ");
}

// read(text): the value that is meant by what is typed. same(value, typed): whether it is equal.
const ATTRIBUTES = {
  id: {value: (run) => run.id, same: (id, typed) => id.startsWith(typed)},
  run: {value: (run) => run.short, same: (id, typed) => id.startsWith(typed.slice(0, 8))},
  name: {value: (run) => run.name},
  operation: {value: (run) => run.operation},
  label: {value: (run) => run.label},
  tag: {value: (run) => (run.tags.length ? run.tags : undefined)},
  status: {value: (run) => run.status},
  state: {value: (run) => run.state},
  started: {
    value: (run) => localTime(run.started),
    read: (text) => text.replace("T", " "),
    same: (time, typed) => time.startsWith(typed),
    isBegun: true,
  },
  time: {value: (run) => run.seconds, read: readDuration},
  cell: {value: (run) => (run.failed === null ? "" : data.slots[run.failed].name)},
  exception: {value: (run) => run.error && run.error.name},
  message: {value: (run) => (run.error ? run.error.message : run.reason)},
  cause: {value: cause},
  batch: {value: (run) => run.batch, same: (id, typed) => id.startsWith(typed)},
  notebook: {value: (run) => data.sections[run.section].notebook},
};

function flagValue(value) {
  if (value === undefined || value === null) return undefined;
  return typeof value === "object" ? flagText(value) : value;
}

const SAME_AS = new Map([["tags", "tag"], ["short_id", "run"], ["op", "operation"]]);

function attribute(name) {
  const {value, ...more} = ATTRIBUTES[name];
  return { key: `attr:${name}`, kind: "attr", name, varies: true,
    value: (run) => present(value(run)), ...more };
}

// All fields, in the order in which a name is looked for, which is Guild's.
function makeFields() {
  const flagged = data.flags.map((flag) => ({
    key: `flag:${flag.name}`, kind: "flag", name: flag.name, varies: flag.varies,
    value: (run) => flagValue(run.flags[flag.name]),
  }));
  const scalars = data.scalars.map((scalar) => ({
    key: `scalar:${scalar.name}`, kind: "scalar", name: scalar.name,
    varies: scalar.varies, ofCell: scalar.ofCell,
    value: (run) => run.scalars[scalar.name] ?? undefined,
  }));
  const made = [...Object.keys(ATTRIBUTES).map(attribute), ...flagged, ...scalars];
  return {list: made, byKey: new Map(made.map((field) => [field.key, field]))};
}

// Those that are shown unless others are chosen: what cells took is in a panel of its own.
const variedFields = (kind) => fields.list.filter((field) => field.kind === kind && field.varies && !field.ofCell);

// Values as they are shown: "" for a missing one.
function fieldText(field, value) {
  if (value === undefined) return "";
  if (field.key === "attr:time") return secondsText(value);
  if (Array.isArray(value)) return value.join(", ");
  return typeof value === "number" ? numberText(value, field.kind === "flag" ? FLAG_DIGITS : 5) : flagText(value);
}

// What orders values: numbers before texts, those by the numbers in them, NaN and then missing
// ones last, whichever direction it is.
const collator = new Intl.Collator("en", {numeric: true});
function compareValues(one, other, down = false) {
  const last = (value) => (value === undefined ? 2 : Number.isNaN(value) ? 1 : 0);
  const late = last(one) - last(other);
  if (late || last(one)) return late;
  const areNumbers = typeof one === "number" && typeof other === "number";
  const order = areNumbers ? (one < other ? -1 : one > other ? 1 : 0)
    : typeof one === "number" ? -1 : typeof other === "number" ? 1
      : collator.compare(String(one), String(other));
  return down ? -order : order;
}

// About so many round numbers from low to high; powers of ten where the scale is logarithmic and
// spans several.
function roundNumbers(low, high, number, isLog = false) {
  if (isLog && high / low >= 100) {
    const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
    const every = Math.ceil((last - first + 1) / number);
    return Array.from({length: Math.floor((last - first) / every) + 1},
      (_, i) => Number(`1e${first + i * every}`));
  }
  const rough = (high - low) / number;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((each) => each * power >= rough * 0.999) * power;
  if (!(step > 0) || !Number.isFinite(step)) return [low];
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({length: count}, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

// [lowest, highest] of numbers, which may be too many to be arguments.
function extent(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

// What is the same as long as the same runs are visible, whatever their order is.
const visibleKey = () => visibleRuns().slice().sort((a, b) => a - b).join();
