// The list of cells, those first whose outputs differ most.

const UNEXPLAINED = "No flag that varies reaches this cell, and yet its output differs between runs of "
  + "the same code: it is not deterministic.";

// The slots in the order of the list, which the keys j and k follow.
let listedSlots = [];

function makeCellsList() {
  const inside = el("div", {class: "cells-inside"}), areOther = changes();
  const mark = () => {
    for (const each of inside.querySelectorAll("[data-slot]")) {
      const isIt = Number(each.dataset.slot) === state.slot;
      if (isIt) {
        each.setAttribute("aria-current", "true");
        const fold = each.closest("details");
        if (fold) fold.open = true;
        each.scrollIntoView({block: "nearest", inline: "nearest"});
      } else each.removeAttribute("aria-current");
    }
  };
  const update = () => {
    if (!areOther(data.slots, data.sections)) return mark();
    listedSlots = [];
    inside.replaceChildren(...data.sections.flatMap((section, number) => {
      const ranked = rankedSlots(number);
      const silent = ranked.filter((slot) => data.slots[slot].kind === "none" && !data.slots[slot].failed);
      const rest = ranked.filter((slot) => !silent.includes(slot));
      listedSlots.push(...rest, ...silent);
      return [
        data.sections.length > 1 ? el("h3", {}, section.notebook || "no notebook yet", el("small", {}, ` ${plural(section.runs.length, "run")}`)) : null,
        el("ul", {}, ...rest.map(cellItem)),
        silent.length ? el("details", {class: "silent"}, el("summary", {}, `${silent.length} without output`),
          el("ul", {}, ...silent.map(cellItem))) : null,
      ].filter(Boolean);
    }));
    mark();
    return undefined;
  };
  watch(["data"], update);
  watch(["slot"], mark);
  update();
  return el("nav", {class: "cells", "aria-labelledby": "cells-title"},
    el("h2", {id: "cells-title"}, "Cells", el("small", {}, " by change")), inside);
}

function cellItem(slot) {
  const {name, change, kind, failed, unexplained} = data.slots[slot];
  const share = Math.round(change * 100);
  const bar = el("span", {class: "bar"}, el("span", {style: {width: `${Math.max(share, change > 0 ? 4 : 0)}%`}}));
  const note = kind === "none" ? "no output" : change === 0 ? "same" : "";
  return el("li", {}, button([
    el("span", {class: "cell-name"}, name),
    failed ? el("span", {class: "bad", title: `${plural(failed, "run")} failed here`}, `◆${failed}`,
      el("span", {class: "hidden"}, " failed here")) : null,
    unexplained ? el("span", {class: "odd", title: UNEXPLAINED}, "≠?", el("span", {class: "hidden"}, ` ${UNEXPLAINED}`)) : null,
    note ? el("span", {class: "note"}, note) : [bar, el("span", {class: "hidden"}, ` ${share} % changed`)],
  ].flat(), () => set({slot}), {"data-slot": slot, title: note ? null : `${share} % of its output differs between the runs`}));
}

function stepCell(by) {
  const place = listedSlots.indexOf(state.slot) + by;
  if (listedSlots[place] === undefined) return;
  set({slot: listedSlots[place]});
  say(`Cell ${data.slots[listedSlots[place]].name}`);
}
