// The page: its parts in their places, and its start.

function makeTools() {
  const name = el("h2", {class: "cell-title"}), odd = el("p", {class: "unexplained"}, UNEXPLAINED);
  const views = [["sheet", "Sheet"], ["one", "One"], ["two", "Two"]].map(([view, text], i) =>
    button(text, () => set({view}), {"data-view": view, title: `${text} (${i + 1})`}));
  const ways = IMAGE_WAYS.map(([way, text]) => button(text, () => set({images: way}), {"data-way": way}));
  const blinker = button("Blink", () => blink(), {title: "Show the baseline in place of the chosen run (Space)", class: "plain"});
  const baseline = button("Set baseline", makeBaseline, {title: "Take the chosen run as the baseline (b)", class: "plain"});
  const imageWays = el("span", {class: "segments", role: "group", "aria-label": "How images are compared"}, ...ways);
  const update = () => {
    const slot = state.slot === null ? null : data.slots[state.slot];
    name.textContent = slot ? slot.name : "No cell";
    odd.hidden = !slot || !slot.unexplained;
    for (const each of views) each.setAttribute("aria-pressed", String(each.dataset.view === state.view));
    for (const each of ways) each.setAttribute("aria-pressed", String(each.dataset.way === state.images));
    imageWays.hidden = state.view !== "two";
    blinker.hidden = state.view !== "one";
    baseline.hidden = state.view === "two"; // which has a choice of both
    document.body.dataset.view = state.view;
  };
  watch(["slot", "view", "images", "data"], update);
  update();
  return [el("div", {class: "bar-of-tools main-tools"}, name,
    el("span", {class: "segments", role: "group", "aria-label": "View"}, ...views), imageWays, blinker, baseline), odd];
}

function makePanels() {
  return el("aside", {class: "panels", "aria-label": "Runs and charts"}, ...panels.map((panel, i) => {
    const inside = el("div", {class: "panel-inside"});
    const made = el("section", {class: "panel", "aria-labelledby": `panel-${i}`}, el("h2", {id: `panel-${i}`}, panel.title), inside);
    panel.make(inside);
    return made;
  }));
}

function start() {
  Object.assign(state, chosenAtFirst());
  set(readHash());
  const page = document.getElementById("page");
  if (!data.runs.length) {
    page.replaceChildren(makeHeader(), el("main", {class: "middle"}, el("p", {}, "There are no runs to compare.")), help);
    return;
  }
  page.replaceChildren(
    el("a", {class: "skip-link", href: "#", onclick: (event) => { event.preventDefault(); main.focus(); }}, "Skip to the output"),
    makeHeader(), makeCellsList(), help);
  const releasing = () => { releaseOriginals(); };
  watch(["slot", "data"], releasing); // before the views are made of the next cell
  const main = el("main", {class: "middle", id: "main", tabindex: "-1"}, makeSliders(), ...makeTools(), makeOne(), makeTwo(), makeSheet());
  page.append(main, makePanels());
  watch(["run", "base", "slot", "visible", "data", "view"], () => markRuns());
  watch([...Object.keys(DEFAULTS), "visible", "data"], (changed) => {
    for (const panel of panels) panel.update(changed);
  });
  markRuns();
}
start();
