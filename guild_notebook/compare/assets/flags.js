// Which run is beside which: the values of flags among the runs of a notebook, and the run that is
// nearest to wanted values.

// The runs of the chosen notebook that pass the filter, and the chosen one.
function shownRuns() {
  const section = state.slot === null ? null : data.slots[state.slot].section;
  return visibleRuns().filter((i) => section === null || data.runs[i].section === section);
}
// Flags of these runs: {name, kind, continuous, values: distinct, sorted} where they have several
// values, and texts "name=value" of those that are the same for all.
function flagsAmong(runs) {
  const vary = [], same = [];
  for (const flag of data.flags) {
    const texts = new Map();
    let missing = false;
    for (const i of runs) {
      const value = data.runs[i].flags[flag.name];
      if (value === undefined || value === null) missing = true; else texts.set(flagText(value), value);
    }
    const values = [...texts.values()].sort((a, b) => compareValues(a, b));
    if (values.length > 1) vary.push({...flag, values, continuous: flag.continuous && values.length > 12});
    else if (values.length && !missing) same.push(`${flag.name}=${flagText(values[0])}`);
    else if (values.length) vary.push({...flag, values, continuous: false});
  }
  return {vary, same};
}
const flagOf = (run, name) => flagText(data.runs[run].flags[name]);

// How far two runs are from each other, by the ranks of their values, each flag from 0 to 1.
function distance(a, b, flags) {
  let sum = 0;
  for (const {name, values, ranks} of flags) {
    const one = flagOf(a, name), other = flagOf(b, name);
    if (one === other) continue;
    const i = ranks.get(one), j = ranks.get(other);
    sum += typeof values[0] === "number" && i !== undefined && j !== undefined
      ? 0.1 + 0.9 * Math.abs(i - j) / (values.length - 1 || 1) : 1;
  }
  return sum;
}
const ranked = (flags) => flags.map((flag) => ({...flag, ranks: new Map(flag.values.map((v, i) => [flagText(v), i]))}));

// The run nearest to `from` with the value `text` of the flag, the one that completed where two
// are as near; null where no run has it.
function nearestWith(from, name, text, runs, vary) {
  const others = ranked(vary.filter((flag) => flag.name !== name));
  let best = null, least = Infinity;
  for (const i of runs) {
    if (flagOf(i, name) !== text) continue;
    const far = distance(from, i, others) + (data.runs[i].state === "completed" ? 0 : 1e-6);
    if (far < least) [best, least] = [i, far];
  }
  return best;
}
// "also moved: lr 0.1 → 0.2" where other flags than `name` differ.
function alsoMoved(from, to, name, vary) {
  const moved = vary.filter((flag) => flag.name !== name && flagOf(from, flag.name) !== flagOf(to, flag.name))
    .map((flag) => `${flag.name} ${flagOf(from, flag.name) || "none"} → ${flagOf(to, flag.name) || "none"}`);
  return moved.length ? `also moved: ${moved.join(", ")}` : "";
}
function scalarsText(run, limit = 3) {
  return data.scalars.filter(({name, ofCell}) => name in data.runs[run].scalars && !ofCell).slice(0, limit)
    .map(({name}) => `${name} ${numberText(data.runs[run].scalars[name])}`).join(", ");
}
function chooseRun(run, more = "") {
  set({run});
  say([more, runName(run), isFailed(data.runs[run]) ? data.runs[run].state : "", scalarsText(run)].filter(Boolean).join(" · "));
}
