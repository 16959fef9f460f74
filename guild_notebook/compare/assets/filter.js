// Expressions of the filter box, as `lr<0.01 status=error` or `acc>=0.9 and not failed`.
//
// The words are those of `guild runs --filter`; what is shorter here: `and` may be left out,
// `name:text` is `name contains text`, `name=a,b` is `name in [a, b]`, `name=` and `no name` are
// `name is undefined`, and a word alone is looked for in all that a run is called by.

const FILTER_TOKEN = new RegExp([
  /(?<op><=|>=|!=|<>|==|[=<>()[\],])/,
  /(?<before>[^\s<>=!()[\],"']*:)?(?:"(?<double>(?:[^"\\]|\\.)*)"|'(?<single>(?:[^'\\]|\\.)*)')/,
  /(?<word>[^\s<>=!()[\],"'][^\s<>=!()[\],]*)/,
  /(?<odd>.)/,
].map((part) => part.source).join("|"), "gsu");
const FILTER_STATES = ["completed", "failed", "stopped", "timed out", "over memory",
  "kernel died", "running",
  "error", "terminated", "pending", "staged"];
const FILTER_DEPTH = 100;

class FilterError extends Error {
  constructor(message, at) {
    super(`${message} (character ${at + 1})`);
    this.at = at;
  }
}

function filterTokens(text) {
  const tokens = [];
  for (const {0: whole, index, groups} of text.matchAll(FILTER_TOKEN)) {
    const {op, before = "", double, single, word, odd} = groups;
    if (odd && !odd.trim()) continue;
    const quoted = (double ?? single)?.replace(/\\(.)/gs, "$1");
    if (odd) {
      throw new FilterError(/["']/.test(odd) ? `the quotation mark ${odd} has no second one`
        : `“${odd}” stands alone - put it in quotation marks`, index);
    }
    tokens.push({ op, before, quoted, word, text: quoted === undefined ? whole : before + quoted,
      start: index, end: index + whole.length });
  }
  return tokens;
}

// {test(run), parts} of an expression; `parts` are the tests that all have to hold, as
// {field, op, values, start, end} where one is a comparison. Raises FilterError.
function parseFilter(text, fields) {
  const tokens = filterTokens(text);
  const end = {op: "end", text: "", start: text.length, end: text.length};
  let at = 0;
  let depth = 0;
  const peek = (ahead = 0) => tokens[at + ahead] ?? end;
  const next = () => (at < tokens.length ? tokens[at++] : end);
  const isWord = (token, ...words) =>
    token.word !== undefined && words.includes(token.word.toLowerCase());
  const isOp = (token, ...ops) => ops.includes(token.op);
  const isComparison = (token) => isOp(token, "=", "==", "!=", "<>", "<", "<=", ">", ">=");
  // Whether a word is a name that something is said of, and not a word of the language.
  const isName = (ahead) => isComparison(peek(ahead + 1))
    || isWord(peek(ahead + 1), "is", "in", "contains")
    || (isWord(peek(ahead + 1), "not") && isWord(peek(ahead + 2), "in", "contains"));
  const endsTest = (ahead = 0) => isOp(peek(ahead), "end", ")")
    || isWord(peek(ahead), "and", "or", "not")
    || (!peek(ahead).op && isName(ahead));

  function any() {
    const parts = [all()];
    while (isWord(peek(), "or")) {
      next();
      parts.push(all());
    }
    if (parts.length === 1) return parts[0];
    return {test: (run) => parts.some((part) => part.test(run))};
  }

  function all() {
    const parts = [one()];
    for (;;) {
      if (isWord(peek(), "and")) next();
      else if (isOp(peek(), "end", ")") || isWord(peek(), "or")) break;
      parts.push(one());
    }
    if (parts.length === 1) return parts[0];
    return {parts, test: (run) => parts.every((part) => part.test(run))};
  }

  function one() {
    const token = peek();
    if (++depth > FILTER_DEPTH) throw new FilterError("too many parentheses", token.start);
    try {
      if (isWord(token, "not") && !isComparison(peek(1))) {
        next();
        const negated = one();
        return {start: token.start, end: negated.end, test: (run) => !negated.test(run)};
      }
      if (isOp(token, "(")) {
        next();
        const inner = any();
        if (!isOp(peek(), ")")) throw new FilterError("the parenthesis ( is not closed", token.start);
        return {start: token.start, end: next().end, test: inner.test};
      }
      return test();
    } finally {
      depth--;
    }
  }

  function test() {
    const token = next();
    if (token === end) throw new FilterError("a test is missing at the end, as in lr<0.01", token.start);
    if (token.op || (isWord(token, "and", "or") && !isName(-1))) {
      throw new FilterError(`“${token.text}” has nothing before it, as in lr<0.01`, token.start);
    }
    if (isComparison(peek())) return comparison(token, next().op);
    const isNegated = isWord(peek(), "not") && isWord(peek(1), "in", "contains");
    if (isNegated) next();
    if (isWord(peek(), "in", "contains", "is") && isKnown(token)) {
      const word = next().word.toLowerCase();
      const not = isNegated || (word === "is" && isWord(peek(), "not") && Boolean(next()));
      return comparison(token, {in: "=", is: "=", contains: ":"}[word], not);
    }
    const start = token.start;
    if (isWord(token, "no") && !peek().op && lookUp(peek().text)) {
      const named = next();
      return made(lookUp(named.text), "=", [{isMissing: true}], start, named.end);
    }
    return about(token);
  }

  // A word alone: how a run has ended, `name:text`, a name, or text of the run.
  function about(token) {
    const {start, end: stop} = token;
    const low = token.text.toLowerCase();
    if (FILTER_STATES.includes(low)) {
      return {start, end: stop, test: (run) => run.status === low || run.state === low};
    }
    const named = lookUp(token.text);
    if (named && token.quoted === undefined) {
      return {start, end: stop, test: (run) => ![undefined, false].includes(named.value(run))};
    }
    const said = token.quoted === undefined ? token.text : token.before;
    for (let colon = said.indexOf(":"); colon > 0; colon = said.indexOf(":", colon + 1)) {
      const before = lookUp(said.slice(0, colon));
      if (!before) continue;
      const values = moreValues([{text: token.text.slice(colon + 1)}], token, ":");
      return made(before, ":", values, start, tokens[at - 1].end);
    }
    return {start, end: stop, test: (run) => runText(run).includes(low)};
  }

  const lookUp = (name) => {
    const [, kind, plain] = /^(?:(attr|flag|scalar):)?(.*)$/s.exec(name);
    const key = SAME_AS.get(plain) ?? plain;
    const found = (kind ? [kind] : ["attr", "flag", "scalar"])
      .map((each) => fields.byKey.get(`${each}:${each === "attr" ? key : plain}`)).filter(Boolean);
    if (found.length < 2) return found[0];
    // What a run has not as an attribute it may have as a flag, or as a scalar.
    return {...found[0], value: (run) =>
      found.map((each) => each.value(run)).find((value) => value !== undefined)};
  };
  const isKnown = (token) => Boolean(lookUp(token.text));

  function comparison(token, op, isNegated = false) {
    const field = lookUp(token.text);
    if (!field) {
      const near = nearestName(token.text.replace(/^(attr|flag|scalar):/, ""), fields.list.map((each) => each.name));
      throw new FilterError(`no run has a flag, scalar or attribute ${token.text}`
        + (near ? ` - do you mean ${near}?` : ""), token.start);
    }
    const operator = {"==": "=", "<>": "!="}[op] ?? op;
    const values = listOfValues(token, operator);
    const stop = tokens[at - 1].end;
    const tested = made(field, operator === "!=" ? "=" : operator, values, token.start, stop);
    if (operator !== "!=" && !isNegated) return tested;
    return {start: token.start, end: stop, test: (run) => !tested.test(run)};
  }

  function listOfValues(token, op) {
    const bracket = isOp(peek(), "[") && next();
    if (!bracket && op !== ":" && ["=", "!="].includes(op) && endsTest()) return [{isMissing: true}];
    const values = moreValues([value(token, op)], token, op);
    if (bracket) {
      if (!isOp(peek(), "]")) throw new FilterError("the list [ is not closed with ]", bracket.start);
      next();
    }
    if (values.length > 1 && !["=", "!=", ":"].includes(op)) {
      throw new FilterError(`“${token.text}${op}” takes one value, not a list`, token.start);
    }
    return values;
  }

  function moreValues(values, token, op) {
    while (isOp(peek(), ",")) {
      next();
      values.push(value(token, op));
    }
    return values;
  }

  function value(token, op) {
    const found = peek();
    if (found.op || (endsTest() && !isName(0))) {
      throw new FilterError(`“${token.text}${op}” needs a value, as in ${token.text}${op}1`, token.start);
    }
    next();
    if (found.quoted !== undefined) return {text: found.text, isQuoted: true};
    return isWord(found, "undefined") ? {isMissing: true} : {text: found.text};
  }

  const made = (field, op, values, start, stop) =>
    ({field, op, values, start, end: stop, test: comparing(field, op, values)});

  if (!tokens.length) return {test: () => true, parts: []};
  const whole = any();
  if (at < tokens.length) throw new FilterError(`“${peek().text}” closes nothing`, peek().start);
  return {test: whole.test, parts: whole.parts ?? [whole]};
}

// (run) => whether its value of the field compares with one of the values.
function comparing(field, op, values) {
  const typed = values.map(({text, isMissing, isQuoted}) => {
    if (isMissing) return {isMissing};
    const read = field.read ? field.read(text) : text;
    return { text: typeof read === "string" ? read : text, isQuoted,
      number: typeof read === "number" ? read : readNumber(text) };
  });
  return (run) => {
    const value = field.value(run);
    return typed.some((each) => {
      if (each.isMissing) return value === undefined;
      if (value === undefined) return false;
      if (op === ":") {
        return [value].flat().some((part) => String(part).toLowerCase().includes(each.text.toLowerCase()));
      }
      return op === "=" ? isSame(field, value, each) : isOrdered(field, value, op, each);
    });
  };
}

function isSame(field, value, typed) {
  if (field.same) return field.same(value, typed.text);
  if (Array.isArray(value)) return value.includes(typed.text);
  if (typeof value === "number" && !typed.isQuoted) {
    return value === typed.number || (Number.isNaN(value) && Number.isNaN(typed.number));
  }
  if (typeof value === "boolean") {
    return [String(value), flagText(value)].includes(typed.text.toLowerCase());
  }
  if (field.kind === "attr") return String(value).toLowerCase() === typed.text.toLowerCase();
  return flagText(value) === typed.text;
}

function isOrdered(field, value, op, typed) {
  let order;
  if (typeof value === "number" && typed.number !== undefined) order = value - typed.number;
  // Of a time that is begun, as 2026-11-27, the rest does not count.
  else if (field.isBegun) order = compareTexts(value.slice(0, typed.text.length), typed.text);
  else if (typeof value === "string" && (typed.isQuoted || typed.number === undefined)) {
    order = compareTexts(value, typed.text);
  }
  if (value === typed.number) order = 0; // infinity minus infinity
  return {"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[op];
}

const compareTexts = (one, other) => (one < other ? -1 : one > other ? 1 : 0);

const runTexts = new WeakMap();

// All by which a run may be looked for, in small letters.
function runText(run) {
  if (!runTexts.has(run)) {
    const flags = Object.entries(run.flags).map(([name, value]) => `${name}=${flagText(value)}`);
    const error = run.error ? [run.error.name, run.error.message] : [];
    runTexts.set(run, [run.id, run.name, run.operation, run.label, ...run.tags, run.status, run.state,
      run.reason, ...flags, ...error].join("\n").toLowerCase());
  }
  return runTexts.get(run);
}

// The name that is most like the one that was typed, or undefined where none is.
function nearestName(typed, names) {
  const pairs = (text) => new Set([...text.toLowerCase()].map((c, i, all) => c + (all[i + 1] ?? "")));
  const wanted = pairs(typed);
  const likeness = (name) => {
    const found = pairs(name);
    return 2 * [...found].filter((pair) => wanted.has(pair)).length / (found.size + wanted.size);
  };
  const best = names.map((name) => [likeness(name), name]).sort((a, b) => b[0] - a[0])[0];
  return best && best[0] >= 0.5 ? best[1] : undefined;
}

// Writing expressions

const quotedWhere = (pattern, text) => (pattern.test(text)
  ? `"${text.replace(/["\\]/g, "\\$&")}"` : text);
const filterValue = (value) => (typeof value === "string"
  ? quotedWhere(/^$|^(and|or|not|is|in|no|contains|undefined)$|[\s<>=!()[\],"']/i, value) : String(value));

// How a field is called in an expression: as short as it can be told from others.
function filterName(field, fields) {
  const first = ["attr", "flag", "scalar"].find((kind) => fields.byKey.has(`${kind}:${field.name}`));
  const isAlias = field.kind !== "attr" && SAME_AS.has(field.name);
  const name = quotedWhere(/^(and|or|not|is|in|no|contains)$|[\s<>=!()[\],"']|^$/i, field.name);
  const prefix = first !== field.kind || isAlias || /^(attr|flag|scalar):/.test(name);
  return prefix ? `${field.kind}:${name}` : name;
}

// The expression with other tests of a field, or none, among those that all have to hold.
function withTests(text, fields, field, tests) {
  let parts;
  try {
    parts = parseFilter(text, fields).parts;
  } catch {
    return tests;
  }
  // An expression that is an "or" as a whole has no parts that all have to hold.
  const isAlternative = parts.length === 1 && parts[0].start === undefined;
  let rest = isAlternative && tests ? `(${text.trim()})` : text.trimEnd();
  for (const part of isAlternative ? [] : parts.slice().reverse()) {
    if (part.field !== field || part.op === ":") continue;
    const before = rest.slice(0, part.start).replace(/\s*(\band)?\s*$/i, "");
    const after = rest.slice(part.end);
    rest = before ? before + after : after.replace(/^\s*(and\b)?\s*/i, "");
  }
  return [rest, tests].filter(Boolean).join(" ");
}
