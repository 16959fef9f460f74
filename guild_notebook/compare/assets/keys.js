// The keyboard: what a key does in the page, where it is not for a control that has the focus.

const ARROWS = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]};
const LETTER_KEYS = {
  j: () => stepCell(1), k: () => stepCell(-1), b: () => makeBaseline(),
  "/": () => document.getElementById("filter").select(), "?": () => help.showModal(),
  1: () => set({view: "sheet"}), 2: () => set({view: "one"}), 3: () => set({view: "two"}),
};
function makeBaseline() {
  set({base: state.run});
  say(`Baseline: ${runName(state.run)}`);
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  const {target} = event, isTile = target.classList && target.classList.contains("tile");
  if (target.isContentEditable || /^(textarea|select)$/.test(target.localName)) return;
  if (target.localName === "input" && (!/^(checkbox|radio|range)$/.test(target.type) || ARROWS[event.key])) return;
  let act = null;
  if (ARROWS[event.key]) {
    // Charts, tables and lists of panels may have arrows of their own, and wide parts scroll by them.
    if (!isTile && target.closest(".panels, .scrolled, [role=listbox], [role=slider]")) return;
    act = () => stepRun(...ARROWS[event.key]);
  } else if (event.key === " ") {
    if (!isTile && target !== document.body && target.closest("button, summary, a, input, [role=button], .panels")) return;
    act = state.view === "two" ? blinkImages : blink;
  } else if (hasLetters) act = LETTER_KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
function blinkImages() {
  if (state.images !== "blink") return set({images: "blink"});
  const buttons = document.querySelectorAll(".blinker");
  for (const each of buttons) each.click();
  return undefined;
}
