// The filter box: what is typed in it is the state's `filter`, and filters the runs of all views.
// A mistake is said below it, and filters nothing.

let fields = makeFields();

function applyFilter() {
  const text = state.filter.trim();
  try {
    const {test} = parseFilter(text, fields);
    setFilter(text ? (i) => test(data.runs[i]) : null);
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    setFilter(null, "text", error.message);
  }
}
watch(["data"], () => {fields = makeFields();});
watch(["filter", "data"], applyFilter);
applyFilter();

// Whole texts of the box that go on from what is typed: names, or values of the name before.
function filterCompletions(typed) {
  const [, before, name, op, begun] =
    /^(.*?)(?:([^\s<>=!()[\],]+)(=|!=|:))?([^\s<>=!()[\],:]*)$/s.exec(typed);
  const known = name && fields.list.find((field) => [field.key, filterName(field, fields)].includes(name));
  let words;
  if (known) {
    words = [...new Set(data.runs.flatMap((run) => known.value(run) ?? []))].map(filterValue);
  } else {
    const states = FILTER_STATES.filter((each) => data.runs.some((run) =>
      [run.state, run.status].includes(each))).map(filterValue);
    words = [...fields.list.filter((field) => field.varies).map((field) => filterName(field, fields)),
      ...states];
  }
  const low = begun.toLowerCase();
  return words.filter((word) => word.toLowerCase().startsWith(low) && word !== begun).slice(0, 30)
    .map((word) => before + (name ? name + op : "") + word);
}

// The box with its suggestions and the line for mistakes.
function filterBox() {
  const list = el("datalist", {id: "filter-completions"});
  const input = el("input", {
    type: "search", id: "filter", list: list.id, "aria-describedby": "filter-error",
    autocomplete: "off", spellcheck: "false", placeholder: "filter: lr<0.01 failed",
    "aria-label": "Filter runs, as lr<0.01 status=error",
  });
  const error = el("p", {id: "filter-error", class: "filter-error", role: "status"});
  const complete = () => list.replaceChildren(
    ...filterCompletions(input.value).map((value) => el("option", {value})));
  input.addEventListener("focus", complete);
  input.addEventListener("input", () => {
    complete();
    set({filter: input.value});
  });
  const show = () => {
    if (input.value !== state.filter) input.value = state.filter;
    error.textContent = filterErrors().join(" ");
    input.setAttribute("aria-invalid", String(Boolean(error.textContent)));
  };
  watch(["filter", "visible"], show);
  show();
  return el("div", {class: "filter"}, input, list, error);
}
