// Choosing fields and their order: the columns of the table, the axes of the coordinates.

// A folded list of all fields, with a box each and buttons to move those that are chosen.
// chosen() are their keys in order, choose(keys) takes others, null for those at first.
// show() shows them again.
function fieldChooser(title, kinds, chosen, choose) {
  const list = el("ul", {class: "chooser-list"});
  const made = el("details", {class: "chooser"}, el("summary", {}, title), list,
    button("As at first", () => choose(null), {class: "plain"}));
  let focused = "";
  const act = (name, keys) => {
    focused = name;
    choose(keys);
  };
  const item = (key, place, number) => {
    const field = fields.byKey.get(key);
    const label = filterName(field, fields);
    const move = (text, name, by) => button(text, () => {
      const moved = chosen().filter((each) => each !== key);
      moved.splice(chosen().indexOf(key) + by, 0, key);
      act(`${key} ${by}`, moved);
    }, {"aria-label": `${label}: ${name}`, title: name, "data-act": `${key} ${by}`, class: "plain",
      disabled: place + by < 0 || place + by >= number});
    const box = el("input", {type: "checkbox", "data-act": key, checked: place >= 0,
      onchange: () => act(key, [...chosen().filter((each) => each !== key), ...(box.checked ? [key] : [])])});
    return el("li", {}, el("label", {}, box, label),
      place >= 0 && [move("↑", "earlier", -1), move("↓", "later", 1)]);
  };
  const show = () => {
    if (!made.open) return;
    const keys = chosen();
    const others = fields.list.filter((field) => kinds.includes(field.kind) && !keys.includes(field.key));
    list.replaceChildren(...keys.map((key, place) => item(key, place, keys.length)),
      ...others.map((field) => item(field.key, -1, keys)));
    const again = [...list.querySelectorAll("[data-act]")].find((each) => each.dataset.act === focused);
    if (again) (again.disabled ? again.parentElement.querySelector("input") : again).focus();
    focused = "";
  };
  made.addEventListener("toggle", show);
  return Object.assign(made, {show});
}
