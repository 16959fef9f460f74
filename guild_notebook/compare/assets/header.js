// The head of the page: what it is about, the filter, help, light and dark, paper; and the line
// that says aloud what is chosen.

const stored = (change) => { try { return change(localStorage); } catch { return null; } };
const isDark = () => (document.documentElement.dataset.theme
  ? document.documentElement.dataset.theme === "dark"
  : matchMedia("(prefers-color-scheme: dark)").matches);
const THEME = "guild-report-theme"; // the same as that of reports
{
  const theme = stored((storage) => storage.getItem(THEME));
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
}

const live = el("p", {class: "said", role: "status"});
// Say what has happened, below the sliders and to those who hear the page.
function say(text) { live.textContent = text; }

function makeHeader() {
  const title = el("h1"), counts = el("p", {class: "counts"});
  const shown = el("span", {class: "matched", role: "status"});
  const theme = button("◐", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    stored((storage) => storage.setItem(THEME, document.documentElement.dataset.theme));
    label();
  });
  const label = () => {
    const text = isDark() ? "Light mode" : "Dark mode";
    theme.setAttribute("aria-label", text);
    theme.title = text;
  };
  label();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
  const update = () => {
    const ended = new Map(); // how many runs have not completed, by how they ended
    for (const {state} of data.runs.filter(isFailed)) ended.set(state, (ended.get(state) || 0) + 1);
    const running = data.runs.filter(isRunning).length;
    const vary = varying().length;
    title.textContent = document.title = data.title;
    counts.replaceChildren(
      ended.size ? el("span", {class: "bad"}, `◆ ${[...ended].map(([state, number]) => `${number} ${state || "not completed"}`).join(", ")}`) : "",
      running ? el("span", {}, `◌ ${running} running`) : "",
      el("span", {}, vary === 1 ? "1 flag varies" : `${vary || "no"} flags vary`));
  };
  const count = () => {
    const number = visibleRuns().length;
    shown.textContent = number < data.runs.length ? `${number} of ${data.runs.length} runs` : "";
  };
  watch(["data"], update);
  watch(["visible", "data"], count);
  update();
  count();
  return el("header", {class: "head"}, title, counts,
    filterBox(), shown,
    el("div", {class: "tools"},
      button("?", () => help.showModal(), {"aria-label": "Help", title: "Help: keys and what is shown (?)"}), theme,
      button("Print", () => print(), {title: "Print the chosen cell"})));
}

const KEYS = [
  ["← → ↑ ↓", "the next run by the values of flags"], ["j  k", "the next cell, the one before"],
  ["b", "take the chosen run as the baseline"], ["Space", "show the baseline, and the chosen run again"],
  ["/", "the filter"], ["1  2  3", "the views Sheet, One run, Two runs"], ["?", "this help"],
];
const LETTERS = "guild-compare-letters";
let hasLetters = stored((storage) => storage.getItem(LETTERS)) !== "off";
const help = el("dialog", {"aria-labelledby": "help-title"},
  el("h2", {id: "help-title"}, "Help"),
  el("p", {}, "Cells are listed by how much their outputs differ between the runs. Move the slider of a "
    + "flag, or an arrow key, and the output of the run with that value is in the same place."),
  el("dl", {class: "keys"}, ...KEYS.map(([key, text]) => el("div", {}, el("dt", {}, el("kbd", {}, key)), el("dd", {}, text)))),
  el("p", {}, el("label", {}, el("input", {type: "checkbox", checked: hasLetters, onchange: (event) => {
    hasLetters = event.target.checked;
    stored((storage) => storage.setItem(LETTERS, hasLetters ? "on" : "off"));
  }}), " Keys of one character are on")),
  el("p", {}, "The address of the page holds what is chosen: a link to it shows the same."),
  button("Close", () => help.close(), {class: "plain"}));
