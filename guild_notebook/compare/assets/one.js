// The chosen cell in the chosen run, at full size, with the run's flags and scalars below it.

let isBlinking = false; // the baseline is shown in place of the chosen run

function makeOne() {
  const inside = el("div", {class: "one-outputs"}), caption = el("figcaption");
  const code = el("details", {class: "code"});
  const figure = el("figure", {class: "one"}, inside, caption, code);
  const isOther = changes();
  let slot = null;
  const update = () => {
    if (state.view !== "one" || state.run === null) return;
    const run = isBlinking && state.base !== null ? state.base : state.run;
    if (!isOther(state.slot, run, state.base, data.runs[run], cellOf(state.slot, run), outputsOf(state.slot, run))) return;
    // What comes in place of an output does not move what is below, if it is not higher.
    inside.style.setProperty("min-height", slot === state.slot ? `${Math.min(inside.offsetHeight, 700)}px` : "0");
    slot = state.slot;
    inside.replaceChildren(...cellElements(slot, run));
    figure.classList.toggle("is-blinking", run !== state.run);
    caption.replaceChildren(...captionOf(slot, run));
    showCode(code, slot, run);
  };
  watch(["slot", "run", "base"], () => { isBlinking = false; });
  watch(["slot", "run", "base", "view", "data", "blink"], update);
  update();
  return figure;
}
function blink() {
  if (state.base === null) return say("No baseline is chosen: press b");
  isBlinking = !isBlinking;
  notify(["blink"]);
  return say(isBlinking ? `Baseline: ${runName(state.base)}` : runName(state.run));
}

function captionOf(slot, run) {
  const {flags, scalars, status, state: ended, reason, progress} = data.runs[run], cell = cellOf(slot, run) || {};
  const base = state.base === null ? null : data.runs[state.base];
  const vary = varying().filter(({name}) => name in flags);
  const pair = (name, text, differs) => el("div", {class: differs ? "differs" : null}, el("dt", {}, name), el("dd", {}, text));
  const isBase = run === state.base;
  return [
    el("p", {class: "run-line"}, el("span", {class: `run-state ${runClass(run)}`}, `${runMark(run)} ${ended || status}`),
      isBase ? el("span", {class: "base-word"}, "baseline") : null,
      el("code", {}, data.runs[run].short),
      progress ? el("span", {}, `cell ${progress.cell} of ${progress.of}`) : null,
      cell.seconds === null || cell.seconds === undefined ? null : el("span", {},
        `this cell ${secondsText(cell.seconds)}${cell.shared ? " · shared" : ""}`),
      cell.cpu >= 1 ? el("span", {}, `CPU ${secondsText(cell.cpu)}`) : null,
      cell.memory ? el("span", {}, `memory ${bytesText(cell.memory)}`) : null,
      cell.gpu ? el("span", {}, `GPU ${bytesText(cell.gpu)}`) : null, reportLink(run)),
    reason ? el("p", {class: "bad reason"}, reason) : null,
    el("dl", {class: "values"},
      ...vary.map(({name}) => pair(name, flagShown(flags[name]), base && !isBase && flagText(base.flags[name]) !== flagText(flags[name]))),
      ...data.scalars.filter(({name, ofCell}) => name in scalars && !ofCell).map(({name}) => pair(name, numberText(scalars[name])))),
  ].filter(Boolean);
}
function showCode(details, slot, run) {
  const cell = cellOf(slot, run), {sources} = data.slots[slot] || {sources: []};
  const text = cell && cell.source !== undefined && cell.source !== null ? data.sources[cell.source] : undefined;
  details.hidden = text === undefined;
  if (details.hidden) return;
  const versions = sources.length > 1 ? ` (${sources.indexOf(cell.source) + 1} of ${sources.length} versions)` : "";
  details.replaceChildren(el("summary", {}, `Code${versions}`), scrolled(el("pre", {}, text), "Code of the cell"));
}
