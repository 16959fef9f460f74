// The baseline and the chosen run: what differs in flags and scalars, then cell by cell.

function makeTwo() {
  const head = el("div", {class: "two-head"}), cells = el("div", {class: "two-cells"});
  const section = el("section", {class: "two", "aria-label": "Two runs"}, head, cells);
  const areOther = changes();
  const update = (changed = []) => {
    if (state.view !== "two") return;
    const {base, run} = state;
    if (base === null || run === null) {
      head.replaceChildren(el("p", {class: "muted"}, "Two runs are needed: choose one and press b to make it the baseline."));
      cells.replaceChildren();
      return;
    }
    if (changed.includes("images")) for (const each of cells.querySelectorAll(".two-images")) each.redraw();
    if (["run", "base", "view", "data"].some((key) => changed.includes(key))) {
      // What is filled when it is seen has its height until then: the page does not move.
      const heights = new Map([...cells.children].map((each) => [each.dataset.of, each.open ? each.lastChild.offsetHeight : 0]));
      head.replaceChildren(runsChoice(), valuesElement(base, run));
      const {slots} = data.sections[data.runs[run].section];
      if (areOther(slots, [base, run].map((i) => slots.map((slot) => [i, cellOf(slot, i), outputsOf(slot, i)])))) {
        cells.replaceChildren(...cellsOfTwo(base, run, heights));
      }
    }
    for (const each of cells.querySelectorAll("[data-of]")) {
      const isIt = Number(each.dataset.of) === state.slot;
      each.classList.toggle("is-shown", isIt);
      if (isIt && (changed.includes("slot") || changed.includes("images"))) { each.open = true; each.scrollIntoView({block: "start"}); }
    }
  };
  watch(["slot", "run", "base", "view", "data", "images"], update);
  update(["view"]);
  return section;
}

function runsChoice() {
  const choose = (key, word) => {
    const select = el("select", {id: `two-${key}`, onchange: () => set({[key]: Number(select.value)})},
      ...data.runs.map((_, i) => el("option", {value: i}, `${runMark(i)} ${runName(i)}`)));
    select.value = state[key];
    return el("span", {class: `of-${key}`}, el("label", {for: `two-${key}`}, word), select);
  };
  return el("div", {class: "two-runs"}, choose("base", "Baseline"),
    button("⇄", () => set({base: state.run, run: state.base}), {"aria-label": "Swap the two runs", title: "Swap the two runs", class: "plain"}),
    choose("run", "Chosen"));
}

function valuesElement(base, run) {
  const row = (name, before, after) => [name, before, after, deltaText(before, after), before !== after];
  const listed = (of, text) => {
    const [a, b] = [data.runs[base][of], data.runs[run][of]];
    return data[of].filter(({name}) => name in a || name in b)
      .map(({name}) => row(name, name in a ? text(a[name]) : "–", name in b ? text(b[name]) : "–"));
  };
  const facts = [["state", data.runs[base].state, data.runs[run].state, "", data.runs[base].state !== data.runs[run].state],
    row("time", secondsText(data.runs[base].seconds) || "–", secondsText(data.runs[run].seconds) || "–")];
  const groups = [["Flags", listed("flags", flagText)], ["Scalars", listed("scalars", (value) => numberText(value, 6))],
    ["Run", facts]];
  const equal = groups.slice(0, 2).map(([name, rows]) => {
    const same = rows.filter((each) => !each[4]).map(([each, text]) => `${each}=${text}`);
    return same.length ? `${name.toLowerCase()} ${same.join(" ")}` : "";
  }).filter(Boolean);
  return el("div", {class: "two-values"},
    el("div", {class: "scrolled", role: "region", tabindex: "0", "aria-label": "Flags and scalars that differ"}, el("table", {class: "data"},
      el("thead", {}, el("tr", {}, el("td"), el("th", {scope: "col"}, "baseline"), el("th", {scope: "col"}, "chosen"), el("th", {scope: "col"}, "change"))),
      ...groups.map(([, rows]) => rows.filter((each) => each[4])).filter((rows) => rows.length).map((rows) => el("tbody", {},
        ...rows.map(([name, before, after, delta]) => el("tr", {}, el("th", {scope: "row"}, name),
          el("td", {}, before), el("td", {}, after), el("td", {class: "delta"}, delta))))))),
    equal.length ? el("p", {class: "muted"}, `the same: ${equal.join("; ")}`) : null);
}

function cellsOfTwo(base, run, heights) {
  if (data.runs[base].section !== data.runs[run].section) {
    return [el("p", {class: "muted"}, "They are runs of two notebooks: only flags and scalars are compared.")];
  }
  return data.sections[data.runs[run].section].slots.map((slot) => {
    const compared = comparedCell(slot, base, run);
    const body = el("div", {class: "two-body", style: {"min-height": `${heights.get(String(slot)) || 32}px`}});
    const fill = () => {
      if (!body.childNodes.length) body.append(...compared.make());
      body.style.setProperty("min-height", "0");
    };
    const details = el("details", {"data-of": slot, class: compared.isSame ? "is-same" : null, open: !compared.isSame,
      ontoggle: () => { if (details.open) whenSeen(body, fill); }},
    el("summary", {}, el("span", {class: "cell-name"}, data.slots[slot].name), el("span", {class: "note"}, compared.summary)), body);
    return details;
  });
}

// How a cell differs: {isSame, summary, make() -> elements}. Outputs are paired by their kind and
// the how manieth of it they are, so that one more warning does not shift the images.
function comparedCell(slot, base, run) {
  const [holeA, holeB] = [holeOf(slot, base), holeOf(slot, run)], [a, b] = [cellOf(slot, base), cellOf(slot, run)];
  const sources = a && b && a.source !== undefined && b.source !== undefined && a.source !== b.source ? [a.source, b.source] : null;
  const code = () => (sources ? [el("details", {class: "code"}, el("summary", {}, "Code changed"),
    scrolled(textsElement(...sources.map((i) => ({text: data.sources[i]}))), "Code and its changes"))] : []);
  const changedCode = sources ? ["code changed"] : [];
  if (holeA && holeB) {
    const isSame = holeA === holeB;
    return {isSame: isSame && !sources, summary: [isSame ? holeA : `${holeA} → ${holeB}`, ...changedCode].join(", "),
      make: () => [...code(), el("div", {class: "sides"}, holeElement(slot, base, holeA), holeElement(slot, run, holeB))]};
  }
  if (holeA || holeB) {
    const side = (of, hole) => el("div", {}, ...(hole ? [holeElement(slot, of, hole)] : cellElements(slot, of)));
    return {isSame: false, summary: [holeA ? `baseline: ${holeA}` : `chosen: ${holeB}`, ...changedCode].join(", "),
      make: () => [...code(), el("div", {class: "sides"}, side(base, holeA), side(run, holeB))]};
  }
  const pairs = pairedOutputs(outputsOf(slot, base), outputsOf(slot, run));
  const compared = pairs.map(([before, after]) => comparedOutput(before, after, slot, base, run));
  const differ = compared.filter((each) => !each.isSame);
  const isSame = !differ.length && !sources;
  return {isSame, summary: [...differ.map((each) => each.summary), ...changedCode].join(", ") || "same",
    make: () => [...code(), ...(differ.length ? differ : compared).flatMap((each) => each.make()),
      differ.length && differ.length < compared.length
        ? el("p", {class: "muted"}, `${plural(compared.length - differ.length, "other output")} the same`) : null].filter(Boolean)};
}
function pairedOutputs(before, after) {
  const keyed = (outputs) => {
    const counts = {};
    return new Map(outputs.map((output) => {
      const kind = output.kind === "text" ? `text ${output.from}` : output.kind;
      counts[kind] = (counts[kind] || 0) + 1;
      return [`${kind} ${counts[kind]}`, output];
    }));
  };
  const [a, b] = [keyed(before), keyed(after)];
  return [...new Set([...b.keys(), ...a.keys()])].map((key) => [a.get(key), b.get(key)]);
}
function comparedOutput(before, after, slot, base, run) {
  if (!before || !after) {
    const [output, side, of] = before ? [before, "baseline", base] : [after, "chosen", run];
    return {isSame: false, summary: `${output.kind} only in the ${side}`, make: () => [
      el("p", {class: "muted"}, `Only in the ${side}:`), outputElement(output, slot, of)]};
  }
  const whole = () => [outputElement(after, slot, run)];
  // Outputs are stored once; what a reader calls the same has the same mark where it is not. What
  // is equal here and stored twice differs in what is not shown here, or in the days of the runs.
  const isEqual = bareText(before) === bareText(after), isHidden = after.kind === "figure" || after.cut > 0;
  if (before === after || (before.same !== undefined && before.same === after.same) || (isEqual && !isHidden)) {
    return {isSame: true, summary: "same", make: whole};
  }
  if (isEqual || after.kind === "figure") {
    const summary = after.kind === "figure" ? "figure changed" : LEFT_OUT_CHANGED;
    return {isSame: false, summary, make: whole};
  }
  if (after.kind === "image") {
    return {isSame: false, summary: "image changed",
      make: () => [imagesElement(before.image, after.image, data.slots[slot].name)]};
  }
  if (after.kind === "table") {
    const {element, summary} = tablesElement(before, after);
    return {isSame: false, summary, make: () => [element]};
  }
  if (after.kind === "error") {
    return {isSame: false, summary: "error changed", make: () => [el("div", {class: "sides"},
      outputElement(before, slot, base), outputElement(after, slot, run))]};
  }
  return {isSame: false, summary: textSummary(before, after),
    make: () => [scrolled(textsElement(before, after), `Texts of ${data.slots[slot].name} beside each other`)]};
}
const bareText = (output) => JSON.stringify({...output, same: 0, plain: 0});
