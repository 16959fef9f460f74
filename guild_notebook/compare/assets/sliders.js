// A control for each flag that varies: a slider through its values, or a choice where they are texts.

function makeSliders() {
  const inside = el("div", {class: "sliders-inside"}), same = el("p", {class: "muted same"});
  const areOthers = changes();
  let vary = [], controls = [];
  const go = (flag, text) => {
    const from = state.run, to = nearestWith(from, flag.name, text, shownRuns(), vary);
    if (to !== null && to !== from) chooseRun(to, alsoMoved(from, to, flag.name, vary));
  };
  const place = () => { for (const control of controls) control(); };
  const update = () => {
    const runs = shownRuns(), among = flagsAmong(runs);
    vary = among.vary;
    if (areOthers(vary)) {
      controls = [];
      inside.replaceChildren(...vary.map((flag) => {
        const [element, show] = (flag.kind === "number" ? slider : choice)(flag, go);
        controls.push(show);
        return element;
      }));
    }
    same.textContent = among.same.length ? `in all runs: ${among.same.join(" ")}` : "";
    place();
  };
  let section = null;
  watch(["slot"], () => { // the flags are the same as long as the notebook is
    const now = state.slot === null ? null : data.slots[state.slot].section;
    if (now !== section) update();
    section = now;
  });
  watch(["visible", "data"], update);
  watch(["run"], place);
  section = state.slot === null ? null : data.slots[state.slot].section;
  update();
  return el("section", {class: "sliders", "aria-label": "Flags"}, inside, el("div", {class: "below"}, same, live));
}

function slider(flag, go) {
  const texts = flag.values.map(flagText), id = `flag-${data.flags.findIndex(({name}) => name === flag.name)}`;
  const shown = el("output", {for: id});
  const input = el("input", {type: "range", id, min: 0, max: texts.length - 1, step: 1, oninput: () => go(flag, texts[input.value])});
  const show = () => {
    const text = state.run === null ? "" : flagOf(state.run, flag.name);
    const place = texts.indexOf(text);
    if (place >= 0) input.value = place;
    input.setAttribute("aria-valuetext", text || "none");
    shown.textContent = text ? flagShown(data.runs[state.run].flags[flag.name]) : "–";
    shown.title = text;
  };
  const ticks = texts.length <= 12 ? el("span", {class: "ticks", "aria-hidden": "true"}, ...texts.map(() => el("i"))) : null;
  return [el("div", {class: "slider"}, el("label", {for: id}, flag.name), shown,
    el("span", {class: "track"}, input, ticks)), show];
}

function choice(flag, go) {
  const texts = flag.values.map(flagText), id = `flag-${data.flags.findIndex(({name}) => name === flag.name)}`;
  if (texts.length > 6 || texts.join("").length > 40) {
    const input = el("select", {id, onchange: () => go(flag, input.value)}, ...texts.map((text) => el("option", {value: text}, text)));
    return [el("div", {class: "choice"}, el("label", {for: id}, flag.name), input),
      () => { if (state.run !== null) input.value = flagOf(state.run, flag.name); }];
  }
  const inputs = texts.map((text) => el("input", {type: "radio", name: id, value: text, onchange: () => go(flag, text)}));
  return [el("fieldset", {class: "choice"}, el("legend", {}, flag.name), el("span", {class: "segments"},
    ...texts.map((text, i) => el("label", {}, inputs[i], el("span", {}, text || "(empty)"))))),
  () => { inputs.forEach((input) => { input.checked = state.run !== null && input.value === flagOf(state.run, flag.name); }); }];
}
