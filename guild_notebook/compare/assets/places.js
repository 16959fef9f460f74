// Where a user is in the page: what has the focus, and which folds are open. Parts of the page are
// made anew where something has changed, and then the same is found again in them.

// An element by where it is, of what run or cell, and what it is called: {kind, label, isOf}.
function placeOf(element) {
  const region = element.closest("section, nav, header, aside, dialog, .live");
  const of = element.closest("[data-run], [data-slot], [data-of]"), {run, slot = of?.dataset.of} = of?.dataset ?? {};
  const named = element.localName === "details" ? element.firstElementChild ?? element : element;
  const label = named.labels?.[0]?.textContent ?? named.getAttribute("aria-label") ?? named.textContent;
  return {
    kind: JSON.stringify([region && (region.getAttribute("aria-labelledby") ?? region.getAttribute("aria-label") ?? region.className),
      of && (run === undefined ? toName.slot(slot) : toName.run(run)), element.localName,
      (element.getAttribute("class") ?? "").replace(/\bis-(?!same)\S+/g, "").trim()]),
    label: of === element ? "" : label.replace(/\d+/g, "#"),
    isOf: Boolean(of),
  };
}
function placesNow(withFolds = false) {
  const element = document.activeElement, focused = element && element !== document.body ? element : null;
  const folds = withFolds ? [...document.querySelectorAll("#page details")] : [];
  return {withFolds, focused, place: focused && placeOf(focused), folds: folds.map((each) => [each, placeOf(each), each.open])};
}
// Also where something else of the page has taken the focus, if it was other data that came.
function restorePlaces({withFolds, focused, place, folds}) {
  for (const [element, was, isOpen] of folds) {
    const again = element.isConnected ? null : foundAgain("#page details", was);
    if (again) again.open = isOpen;
  }
  const isLost = document.activeElement === document.body; // also of what was taken out and put back
  if (!focused || document.activeElement === focused || !(isLost || (withFolds && !focused.isConnected))) return;
  (focused.isConnected ? focused : foundAgain(focused.localName, place))?.focus({preventScroll: true});
}
function foundAgain(selector, {kind, label, isOf}) {
  const alike = [...document.querySelectorAll(selector)].map((each) => [each, placeOf(each)]).filter(([, now]) => now.kind === kind);
  return (alike.find(([, now]) => now.label === label) ?? (isOf ? alike[0] : undefined))?.[0];
}
