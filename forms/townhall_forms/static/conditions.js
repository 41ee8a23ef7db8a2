// Conditions in the browser: the twin of comparing.py and condition_sql.py, for instant feedback only. The server
// decides. One table of cases (tests/forms/condition_cases.json) runs through all three.
//
// `condition` is what Condition.to_json() gives. `values` has what is in the form, by path: strings as inputs give
// them, booleans of boxes, lists where there can be several. `environment` is { now, today, zone, actor }.

const MISSING = new Set([undefined, null, ""]);
const ORDERING = new Set(["lt", "lte", "gt", "gte"]);
const NEGATED = { ne: "eq", not_in: "in" };
const SINGLE = { codes: "code", links: "link" };
const DIGITS = 12;

/** Whether a condition holds. */
export function evaluate(condition, values, environment) {
  if ("all" in condition) return condition.all.every((member) => evaluate(member, values, environment));
  if ("any" in condition) return condition.any.some((member) => evaluate(member, values, environment));
  if ("not" in condition) return !condition.not.some((member) => evaluate(member, values, environment));
  const value = values[condition.path];
  if (condition.op === "empty") return isMissing(value) === condition.value;
  const positive = NEGATED[condition.op];
  const holds = fits(condition, positive ?? condition.op, value, values, environment);
  return positive ? !holds : holds;
}

/** Every path that decides about a condition. */
export function paths(condition) {
  const found = new Set();
  for (const member of condition.all ?? condition.any ?? condition.not ?? []) {
    for (const path of paths(member)) found.add(path);
  }
  if (condition.path) {
    found.add(condition.path);
    for (const operand of [condition.value].flat()) if (operand?.field) found.add(operand.field);
  }
  return found;
}

/** Text as it is compared: without case, accents and typographic variants. */
export function normalise(text) {
  const bare = text.normalize("NFKD").replace(/\p{M}/gu, "").toUpperCase().toLowerCase();
  return bare.replace(/[øłđðþæœς‘’ʼ“”‐‑–—]/g, (mark) => LOOKALIKES[mark]).trim().replace(/\s+/g, " ");
}

const LOOKALIKES = {
  ø: "o", ł: "l", đ: "d", ð: "d", þ: "th", æ: "ae", œ: "oe", ς: "σ",
  "‘": "'", "’": "'", ʼ: "'", "“": '"', "”": '"', "‐": "-", "‑": "-", "–": "-", "—": "-",
};

function isMissing(value) {
  if (Array.isArray(value)) return value.every(isMissing);
  return MISSING.has(value);
}

function each(value) {
  return [value].flat(Infinity).filter((part) => !MISSING.has(part));
}

function fits(leaf, operator, value, values, environment) {
  let asked = operator;
  const set = leaf.kind in SINGLE || (leaf.kind === "any" && Array.isArray(value));
  if (operator === "contains" && set) asked = "eq";
  return each(value).some((raw) => {
    const test = (op, operand) => compare(raw, op, operand, leaf.kind, values, environment);
    if (asked === "in") return leaf.value.some((operand) => test("eq", operand));
    if (asked === "between") return test("gte", leaf.value[0]) && test("lte", leaf.value[1]);
    return test(asked, leaf.value);
  });
}

// A value that is ready to be compared is { sort, value }; only those of one sort can be.

function compare(raw, operator, operand, kind, values, environment) {
  const zone = environment.zone;
  if (operand?.field) {
    const one = SINGLE[kind] ?? kind;
    if (one !== operand.kind && one !== "any" && operand.kind !== "any") return false;
    const left = read(raw, kind, zone);
    return each(values[operand.field]).some((other) => pair(left, operator, read(other, operand.kind, zone), kind));
  }
  if (operand?.actor) {
    return environment.actor != null && pair(read(raw, kind, zone), operator, read(environment.actor, kind, zone), kind);
  }
  const right = operand?.moment
    ? momentFor(operand.moment, kind, raw, environment)
    : literal(operand, kind, raw, zone);
  let left = read(raw, kind === "any" ? right.kind : kind, zone);
  if (left.sort === "instant" && right.sort === "day") left = { sort: "day", value: localDay(left.value, zone) };
  return pair(left, operator, right, kind);
}

function pair(left, operator, right, kind) {
  if (left.sort === "" || left.sort !== right.sort) return false;
  const [a, b] = [left.value, right.value];
  if (operator === "eq") return a === b;
  if (operator === "contains") return left.sort === "text" && b !== "" && a.includes(b);
  if (operator === "starts_with") return left.sort === "text" && b !== "" && a.startsWith(b);
  if (!ORDERING.has(operator) || left.sort === "text" || left.sort === "boolean") return false;
  if (operator === "lt") return a < b;
  if (operator === "lte") return a <= b;
  return operator === "gt" ? a > b : a >= b;
}

function literal(operand, kind, raw, zone) {
  if (operand !== null && typeof operand === "object") {
    const [name] = Object.keys(operand);
    const told = { ...read(operand[name], name, zone), kind: name };
    if (name === "date" && typeof raw === "string" && raw.length > 10 && kind === "any") told.kind = "datetime";
    return told;
  }
  const own = { boolean: "boolean", number: "number", string: "text" }[typeof operand];
  return { ...read(operand, kind === "any" ? own : kind, zone), kind: own };
}

/** What an input holds, as its kind compares. */
function read(raw, kind, zone) {
  switch (kind) {
    case "number":
      return decimal(raw);
    case "boolean":
      return truth(raw);
    case "date":
      return /^\d{4}-\d\d-\d\d$/.test(raw) ? { sort: "day", value: raw } : nothing;
    case "datetime":
      return instant(String(raw), zone);
    case "time":
      return /^\d\d:\d\d/.test(raw) ? { sort: "time", value: raw.slice(0, 5) } : nothing;
    case "text":
      return typeof raw === "string" ? { sort: "text", value: normalise(raw) } : nothing;
    case "any":
      return typeof raw === "boolean" ? truth(raw) : typeof raw === "number" ? decimal(raw) : read(raw, "text", zone);
    case "presence":
      return nothing;
    default:
      return { sort: "text", value: String(raw) };
  }
}

const nothing = { sort: "", value: null };

function truth(raw) {
  if (typeof raw === "boolean") return { sort: "boolean", value: raw };
  const word = String(raw).toLowerCase();
  if (["true", "yes", "on", "1"].includes(word)) return { sort: "boolean", value: true };
  return ["false", "no", "off", "0"].includes(word) ? { sort: "boolean", value: false } : nothing;
}

/** A number exactly, whatever its decimals, as people type it: "$1,180.50". */
function decimal(raw) {
  if (typeof raw === "boolean") return nothing;
  const found = /^([+-]?)(?:[$€£¥]|[A-Z]{3})?\s*(\d[\d,\u00a0 ]*|(?=\.))(?:\.(\d*))?\s*%?$/.exec(String(raw).trim());
  if (found === null || String(raw).trim() === ".") return nothing;
  const whole = found[2].replace(/\D/g, "") || "0";
  const digits = BigInt(whole + (found[3] ?? "").padEnd(DIGITS, "0").slice(0, DIGITS));
  return { sort: "number", value: found[1] === "-" ? -digits : digits };
}

// -- days and instants: days as "2026-05-31", instants as milliseconds since 1970 --------------------------------

const MOMENT = /^(today|now)(?:([+-])(\d{1,5})([hdwmy]))?$/;
const INSTANT = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?\s*(Z|[+-]\d\d:?\d\d)?)?$/i;

function momentFor(text, kind, raw, environment) {
  const [, base, sign, count, unit] = MOMENT.exec(text);
  const amount = Number(count ?? 0) * (sign === "-" ? -1 : 1);
  const timed = kind === "datetime" || (kind === "any" && INSTANT.exec(raw)?.[2] !== undefined);
  if (["text", "code", "codes"].includes(kind)) return { sort: "text", value: text, kind };
  if (base === "now" && (timed || unit === "h")) {
    const at = nowMoved(amount, unit, environment);
    if (timed) return { sort: "instant", value: at, kind: "datetime" };
    return { sort: "day", value: localDay(at, environment.zone), kind: "date" };
  }
  return { sort: "day", value: movedDay(environment.today, amount, unit), kind: timed ? "datetime" : "date" };
}

function nowMoved(amount, unit, environment) {
  const now = instant(environment.now, environment.zone).value;
  if (!unit || unit === "h") return now + amount * 3600000;
  const local = now + offset(now, environment.zone);
  const clock = ((local % 86400000) + 86400000) % 86400000;
  const day = movedDay(localDay(now, environment.zone), amount, unit);
  return fromWall(Date.parse(day + "T00:00:00Z") + clock, environment.zone);
}

function movedDay(day, amount, unit) {
  const [year, month, date] = day.split("-").map(Number);
  if (unit === "m" || unit === "y") {
    const months = year * 12 + month - 1 + amount * (unit === "y" ? 12 : 1);
    const last = new Date(Date.UTC(Math.floor(months / 12), (months % 12) + 1, 0)).getUTCDate();
    return isoDay(Date.UTC(Math.floor(months / 12), months % 12, Math.min(date, last)));
  }
  return isoDay(Date.UTC(year, month - 1, date) + amount * (unit === "w" ? 7 : 1) * 86400000);
}

function isoDay(milliseconds) {
  return new Date(milliseconds).toISOString().slice(0, 10);
}

/** An instant from ISO text; without a zone it is the town's, as datetime-local inputs give it. */
function instant(text, zone) {
  const found = INSTANT.exec(text.trim());
  if (found === null) return nothing;
  const [, day, hour = "00", minute = "00", second = "00", fraction = "", shift] = found;
  const wall = Date.parse(`${day}T${hour}:${minute}:${second}.${fraction.padEnd(3, "0").slice(0, 3)}Z`);
  if (Number.isNaN(wall)) return nothing;
  if (shift === undefined) return { sort: "instant", value: fromWall(wall, zone) };
  if (shift.toUpperCase() === "Z") return { sort: "instant", value: wall };
  const minutes = Number(shift.slice(1, 3)) * 60 + Number(shift.slice(-2));
  return { sort: "instant", value: wall - (shift[0] === "-" ? -1 : 1) * minutes * 60000 };
}

const formats = new Map();

/** How far the zone is ahead of UTC at an instant, in milliseconds. */
function offset(at, zone) {
  if (!formats.has(zone)) {
    const numeric = { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" };
    formats.set(zone, new Intl.DateTimeFormat("en-US", { timeZone: zone, calendar: "gregory", hourCycle: "h23", ...numeric }));
  }
  const part = Object.fromEntries(formats.get(zone).formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const whole = Math.floor(at / 1000) * 1000;
  return Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second) - whole;
}

/** The instant of a time on the town's clocks. One that comes twice is the first; one that is skipped is as if not. */
function fromWall(wall, zone) {
  const before = wall - offset(wall - 86400000, zone);
  const after = wall - offset(wall + 86400000, zone);
  if (before === after || wall - offset(before, zone) === before) return before;
  return wall - offset(after, zone) === after ? after : before;
}

function localDay(at, zone) {
  return isoDay(at + offset(at, zone));
}
