// The page: its parts in their places, and its start.

set({...chosenAtFirst(), ...readHash()});
const root = document.getElementById("page");
root.replaceChildren(filterBox());
for (const panel of panels) {
  const inside = el("div", {class: "panel-inside"});
  root.append(el("section", {class: "panel"}, el("h2", {}, panel.title), inside));
  panel.make(inside);
}
watch([...Object.keys(DEFAULTS), "visible", "data"], (changed) => {
  markRuns();
  for (const panel of panels) panel.update(changed);
});
