// How two texts, and two tables, differ.

const NUMBER = /[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|\b(?:nan|inf)\b/g;
// The lines of an output, or of a source: what is shown of each, and what is compared.
function comparedLines({text = "", plain = text}) {
  const compared = plain.replace(/\n$/, "").split("\n");
  return text.replace(/\n$/, "").split("\n").map((shown, i) => ({shown, compared: compared[i] ?? shown}));
}
const shapeOf = (line) => line.compared.replace(NUMBER, "#");
const isSameShape = ([a, b]) => a !== undefined && b !== undefined && shapeOf(a) === shapeOf(b);
const isSameLine = ([a, b]) => a !== undefined && b !== undefined && a.compared === b.compared;

// Rows of two texts beside each other: [left, right] lines, undefined where a side has none. Lines
// that differ in numbers only are beside each other, and so are those in place of others.
function alignedLines(left, right) {
  const a = left.map(shapeOf), b = right.map(shapeOf);
  let start = 0, end = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const pairs = commonPairs(a.slice(start, a.length - end), b.slice(start, b.length - end))
    .map(([i, j]) => [i + start, j + start]);
  for (let k = end; k > 0; k -= 1) pairs.push([a.length - k, b.length - k]);
  const rows = left.slice(0, start).map((line, i) => [line, right[i]]);
  let [i, j] = [start, start];
  for (const [x, y] of [...pairs, [a.length, b.length]]) {
    for (; i < x || j < y; i += 1, j += 1) rows.push([i < x ? left[i] : undefined, j < y ? right[j] : undefined]);
    if (x < a.length) rows.push([left[x], right[y]]);
    [i, j] = [x + 1, y + 1];
  }
  return rows;
}
// Pairs of indices of the longest common subsequence; of long texts, of a common one.
function commonPairs(a, b) {
  if (!a.length || !b.length) return [];
  if (a.length * b.length > 4e6) {
    const places = new Map(), found = [];
    b.forEach((line, j) => { if (!places.has(line)) places.set(line, []); places.get(line).push(j); });
    for (const each of places.values()) each.reverse();
    let after = -1;
    a.forEach((line, i) => {
      const free = places.get(line);
      while (free && free.length && free[free.length - 1] <= after) free.pop();
      if (free && free.length && free[free.length - 1] - after < 200) { after = free.pop(); found.push([i, after]); }
    });
    return found;
  }
  const wide = b.length + 1, lengths = new Uint16Array((a.length + 1) * wide);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      lengths[i * wide + j] = a[i] === b[j] ? lengths[(i + 1) * wide + j + 1] + 1
        : Math.max(lengths[(i + 1) * wide + j], lengths[i * wide + j + 1]);
    }
  }
  const pairs = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) { pairs.push([i, j]); i += 1; j += 1; }
    else if (lengths[(i + 1) * wide + j] >= lengths[i * wide + j + 1]) i += 1;
    else j += 1;
  }
  return pairs;
}

// The texts of two lines of one shape, the numbers that differ emphasised.
function numberedLines(left, right) {
  const parts = (line) => { // texts and numbers in turn
    const found = [];
    let after = 0;
    for (const match of line.matchAll(NUMBER)) {
      found.push(line.slice(after, match.index), match[0]);
      after = match.index + match[0].length;
    }
    return [...found, line.slice(after)];
  };
  const [a, b] = [parts(left), parts(right)];
  const shown = (own, other, isRight) => own.map((text, i) => (i % 2 && text !== other[i]
    ? el("mark", {title: isRight ? deltaText(other[i], text) : null}, text) : text));
  return [shown(a, b, false), shown(b, a, true)];
}
function asNumber(text) {
  const plain = String(text).trim().replace(/,(?=\d{3})/g, "").replace(/\s*%$/, "");
  return plain && /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(plain) ? Number(plain) : NaN;
}
// "+0.012" from one text or number to another, "" where these are no numbers.
function deltaText(before, after) {
  const by = asNumber(after) - asNumber(before);
  if (!Number.isFinite(by) || by === 0) return "";
  return `${by > 0 ? "+" : "−"}${numberText(Math.abs(by), 3)}`;
}

// Two texts side by side; long stretches that are the same are folded.
function textsElement(before, after) {
  const rows = alignedLines(comparedLines(before), comparedLines(after));
  const body = el("tbody");
  const row = ([left, right]) => {
    const isPair = isSameShape([left, right]), isSame = isSameLine([left, right]);
    const [a, b] = isPair && !isSame ? numberedLines(left.shown, right.shown) : [[left?.shown ?? ""], [right?.shown ?? ""]];
    const kind = !isPair ? "changed" : isSame ? "equal" : "numbers";
    return el("tr", {class: kind}, el("td", {class: left === undefined ? "absent" : "left"}, ...a),
      el("td", {class: right === undefined ? "absent" : "right"}, ...b));
  };
  const folded = (some, toEnd) => {
    const fold = el("tr", {class: "fold"}, el("td", {colspan: "2"},
      button(toEnd ? `${plural(some.length, "more line")}` : `${plural(some.length, "equal line")}`, () => fold.replaceWith(...some.map(row)))));
    return fold;
  };
  const around = 2, most = 1000;
  let made = 0;
  for (let i = 0; i < rows.length;) {
    let j = i;
    while (j < rows.length && isSameLine(rows[j])) j += 1;
    const from = i ? i + around : i, to = j < rows.length ? j - around : j;
    if (to - from > 3) {
      body.append(...rows.slice(i, from).map(row), folded(rows.slice(from, to)), ...rows.slice(to, j).map(row));
    } else body.append(...rows.slice(i, j).map(row));
    made += 1;
    if (j < rows.length) body.append(row(rows[j]));
    i = j + 1;
    if (made > most && i < rows.length) { body.append(folded(rows.slice(i), true)); break; }
  }
  return el("table", {class: "lines"}, el("thead", {class: "hidden"}, el("tr", {}, el("th", {scope: "col"}, "baseline"), el("th", {scope: "col"}, "chosen"))), body);
}
function textSummary(before, after) {
  const rows = alignedLines(comparedLines(before), comparedLines(after)).filter((row) => !isSameLine(row));
  const removed = rows.filter(([, b]) => b === undefined).length, added = rows.filter(([a]) => a === undefined).length;
  if (rows.every(isSameShape)) return `numbers differ in ${plural(rows.length, "line")}`;
  const counts = [[rows.length - removed - added, "changed"], [added, "added"], [removed, "removed"]].filter(([number]) => number);
  return counts.map(([number, word], i) => `${i ? number : plural(number, "line")} ${word}`).join(", ");
}
const LEFT_OUT_CHANGED = "changed in what is left out here";

// Two tables as one: rows by their names, columns by theirs; a cell that differs says by how much.
function tablesElement(before, after) {
  const names = (table) => numbered(table.rows.map((row) => row.slice(0, table.index).join("\n")), "\n");
  const heads = (table) => numbered(table.columns.map(String), "\n");
  const [rowsA, rowsB] = [names(before), names(after)], [headsA, headsB] = [heads(before), heads(after)];
  const placeA = new Map(rowsA.map((name, i) => [name, i])), columnA = new Map(headsA.map((name, i) => [name, i]));
  const gone = rowsA.filter((name) => !rowsB.includes(name)).length;
  let changed = 0;
  const cell = (text, r, c) => {
    const row = placeA.get(rowsB[r]), column = columnA.get(headsB[c]);
    if (c < after.index) return el("th", {scope: "row"}, String(text));
    const old = row === undefined || column === undefined ? undefined : before.rows[row][column];
    if (old === text) return el("td", {}, String(text));
    changed += 1;
    if (old === undefined) return el("td", {class: "is-new"}, String(text));
    const delta = deltaText(old, text);
    return el("td", {class: delta.startsWith("+") ? "is-more" : delta ? "is-less" : "is-other", title: `${old} → ${text}`},
      String(text), " ", el("small", {}, delta || `was ${old}`));
  };
  const body = el("tbody", {}, ...after.rows.map((row, r) => el("tr", {class: placeA.has(rowsB[r]) ? null : "is-new"}, ...row.map((text, c) => cell(text, r, c)))));
  const lost = headsA.filter((name) => !headsB.includes(name));
  return {
    element: el("div", {}, scrolled(el("table", {class: "data"}, el("thead", {}, el("tr", {}, ...after.columns.map((name) => el("th", {scope: "col"}, String(name))))), body), "Table with its changes"),
      gone || lost.length ? el("p", {class: "muted"}, [gone ? `${plural(gone, "row")} of the baseline not here` : "", lost.length ? `without the columns ${lost.join(", ")}` : ""].filter(Boolean).join("; ")) : null),
    summary: `${plural(changed, "table cell")} changed`,
  };
}
