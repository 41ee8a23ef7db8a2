// Makes forms smoother: hides what is not asked, searches links while you type, and adds rows without a new page.
// Everything works without it, and the server decides everything. What this script adds to the page it builds from
// elements and text, never from markup.

import { evaluate } from "./conditions.js";

const HELPERS = new Set(["_add", "_remove", "_find", "_clear", "_refresh"]);
const ROUNDS = 5;
const PAUSE = 200;

/** Enhance every form of a document that has the marker which `begin(form)` draws. */
export function enhance(root) {
  for (const marker of root.querySelectorAll("[data-townhall-form]")) {
    const form = marker.closest("form");
    if (form !== null) start(form);
  }
  root.querySelector(".errors[tabindex]")?.focus();
}

function start(form) {
  const state = { dirty: false, leaving: false, turn: Promise.resolve(), touched: new Set() };
  dress(form, form, state);
  showWhatIsAsked(form);
  form.addEventListener("input", (event) => {
    touch(state, event.target);
    showWhatIsAsked(form);
  });
  form.addEventListener("change", (event) => {
    touch(state, event.target);
    showWhatIsAsked(form);
    const field = event.target.closest("[data-refresh]");
    const chosen = field !== null && event.target.name === field.dataset.field;
    if (chosen) redraw(form, state, "_refresh", field.dataset.field);
  });
  form.addEventListener("submit", (event) => {
    const name = event.submitter?.name;
    if (!state.leaving && HELPERS.has(name)) {
      event.preventDefault();
      redraw(form, state, name, event.submitter.value, event.submitter);
    } else {
      state.dirty = false;
    }
  });
  window.addEventListener("beforeunload", (event) => {
    if (state.dirty) event.preventDefault();
  });
  askForWhatWasChosen(form, state);
}

/** Quick people choose before this script runs, and browsers bring back what was chosen on an earlier visit. */
function askForWhatWasChosen(form, state) {
  for (const field of form.querySelectorAll("[data-refresh]")) {
    if (named(form, field.dataset.field).some(wasChanged)) redraw(form, state, "_refresh", field.dataset.field);
  }
}

function wasChanged(input) {
  if (input.type === "checkbox" || input.type === "radio") return input.checked !== input.defaultChecked;
  if (input.options === undefined) return input.type !== "hidden" && input.value !== input.defaultValue;
  const drawn = [...input.options].findIndex((option) => option.defaultSelected);
  return input.selectedIndex !== Math.max(drawn, 0);
}

/** Somebody changed this: it is not saved yet, and an answer that is under way knows nothing of it. */
function touch(state, element) {
  state.dirty = true;
  const field = element.closest("[data-field]");
  if (field !== null) state.touched.add(field);
}

/** What has to be done with content that is new, in the form or on its way there. */
function dress(root, form, state) {
  for (const part of root.querySelectorAll("[data-without-script]")) part.hidden = true;
  for (const box of root.querySelectorAll("[data-lookup]")) if (box.dataset.url) combobox(form, state, box);
  for (const button of root.querySelectorAll("[data-locate]")) locating(button);
}

// -- conditions ---------------------------------------------------------------------------------------------------

function showWhatIsAsked(form) {
  const marker = form.querySelector("[data-townhall-form]");
  const environment = JSON.parse(marker.dataset.environment);
  const holds = (told) => evaluate(told.test, valuesOf(form, told.scope, marker.dataset.townhallForm), environment);
  for (let round = 0, changed = true; changed && round < ROUNDS; round += 1) {
    changed = false;
    for (const part of form.querySelectorAll("[data-show-if]")) {
      const hidden = !holds(JSON.parse(part.dataset.showIf));
      changed ||= part.hidden !== hidden;
      part.hidden = hidden;
    }
  }
  for (const cell of form.querySelectorAll("[data-sum-of]")) addUp(form, cell);
  for (const mark of form.querySelectorAll("[data-optional-unless]")) {
    mark.hidden = holds(JSON.parse(mark.dataset.optionalUnless));
  }
}

/** What stands in the form, by path, as conditions.js reads it. */
function valuesOf(form, scope, prefix) {
  const get = (_, path) => {
    if (typeof path !== "string") return undefined;
    const [first, rest] = path.split(".");
    const name = path.replace(".", "-");
    const inputs = [scope + name, prefix + name].map((one) => named(form, one)).find((found) => found.length > 0);
    if (inputs !== undefined) return valueOf(inputs);
    if (rest === undefined) return named(form, `${prefix}${first}-kept`).map((input) => input.value);
    const start = `${prefix}${first}-`;
    const column = [...form.querySelectorAll("[name]")].filter(
      (input) => input.name.startsWith(start) && /^\d+-/.test(input.name.slice(start.length))
        && input.name.slice(start.length).replace(/^\d+-/, "") === rest,
    );
    return [...new Set(column.map((input) => input.name))].map((one) => valueOf(named(form, one)));
  };
  return new Proxy({}, { get, has: () => true });
}

function named(form, name) {
  return [...form.querySelectorAll("[name]")].filter((input) => input.name === name);
}

function valueOf(inputs) {
  if (inputs.every((input) => input.closest("[data-clear][hidden]") !== null)) return undefined;
  const [first] = inputs;
  if (first.type === "radio") return inputs.find((input) => input.checked)?.value ?? "";
  if (first.type !== "checkbox") return first.value;
  const alone = inputs.length === 1 && first.value === "yes";
  return alone ? first.checked : inputs.filter((input) => input.checked).map((input) => input.value);
}

/** The sum below a column, as long as every amount in it can be read; the server has the exact one. */
function addUp(form, cell) {
  const start = `${cell.dataset.sumOf}-`;
  const end = `-${cell.dataset.column}`;
  const texts = [...form.querySelectorAll("input[name]")]
    .filter((input) => input.name.startsWith(start) && input.name.endsWith(end))
    .map((input) => input.value.replace(/[$€£¥,\s]/g, ""))
    .filter((text) => text !== "");
  if (!texts.every((text) => /^-?\d+(\.\d{1,2})?$/.test(text))) return;
  const cents = texts.reduce((sum, text) => sum + Math.round(Number(text) * 100), 0);
  const decimals = cell.textContent.includes(".") || cents % 100 !== 0 ? 2 : 0;
  const sign = /^[^\d-]*/.exec(cell.textContent.trim())[0];
  const options = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  cell.textContent = texts.length === 0 ? "" : sign + (cents / 100).toLocaleString("en", options);
}

// -- asking the server for the form again -------------------------------------------------------------------------

/** Draw the form again as the server has it, one after the other when several things are asked at once. */
function redraw(form, state, name, value, button = null) {
  state.turn = state.turn.then(() => drawAgain(form, state, name, value, button));
}

async function drawAgain(form, state, name, value, button) {
  const asking = document.activeElement;
  // What a button changes is drawn anew by the answer, so nobody may type into it meanwhile.
  const changing = name === "_refresh" ? null : fieldOf(form, name === "_remove" ? value.replace(/-[^-]*$/, "") : value);
  form.setAttribute("aria-busy", "true");
  if (changing !== null) changing.inert = true;
  state.touched.clear();
  try {
    const data = new FormData(form);
    data.append(name, value);
    const sent = loose(form);
    const response = await fetch(form.getAttribute("action") || location.href, { method: "POST", body: data });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const prefix = form.querySelector("[data-townhall-form]").dataset.townhallForm;
    const fresh = page.querySelector(`[data-townhall-form="${CSS.escape(prefix)}"]`)?.closest("form");
    if (!fresh) throw new Error("The answer has no such form.");
    const place = placeOf(form);
    dress(fresh, form, state);
    keepWork(state, changing, sent, fresh);
    form.replaceChildren(...fresh.childNodes);
    showWhatIsAsked(form);
    const stayed = asking === place?.element || place === null;
    if (name === "_refresh" || !stayed) goBack(place);
    else focusAfter(form, name, value, asking?.id);
  } catch {
    state.leaving = true;
    state.dirty = false;
    if (button?.isConnected) HTMLFormElement.prototype.requestSubmit.call(form, button);
    state.leaving = false;
  } finally {
    if (changing !== null) changing.inert = false;
    form.removeAttribute("aria-busy");
  }
}

function fieldOf(root, name) {
  return root.querySelector(`[data-field="${CSS.escape(name)}"]`);
}

/** The inputs that stand in no field, with what stood in them when the server was asked. */
function loose(form) {
  const inputs = form.querySelectorAll("input[name]:not([type=hidden]), select[name], textarea[name]");
  return [...inputs].filter((input) => input.closest("[data-field]") === null).map((input) => ({ input, at: stateOf(input) }));
}

function stateOf(input) {
  return input.type === "checkbox" || input.type === "radio" ? input.checked : input.value;
}

/** People go on while the server answers: fields that they changed meanwhile go over into the answer as they are. */
function keepWork(state, changing, sent, fresh) {
  for (const field of state.touched) {
    if (field.isConnected && !changing?.contains(field)) fieldOf(fresh, field.dataset.field)?.replaceWith(field);
  }
  for (const { input, at } of sent) {
    if (stateOf(input) !== at) loose(fresh).find((one) => alike(one.input, input))?.input.replaceWith(input);
  }
}

function alike(one, other) {
  const tick = one.type === "checkbox" || one.type === "radio";
  return one.name === other.name && one.type === other.type && (!tick || one.value === other.value);
}

/** Where somebody is in a form: the element, and what is marked in it. */
function placeOf(form) {
  const element = document.activeElement;
  if (element === null || !form.contains(element)) return null;
  return { element, id: element.id, from: element.selectionStart ?? null, to: element.selectionEnd ?? null };
}

function goBack(place) {
  const target = place?.element.isConnected ? place.element : place?.id ? document.getElementById(place.id) : null;
  target?.focus();
  if (place?.from != null && target?.selectionStart != null) target.setSelectionRange(place.from, place.to);
}

function focusAfter(form, name, value, focused) {
  const field = fieldOf(form, value);
  const inputs = "input:not([type=hidden]), select, textarea";
  let target = document.getElementById(focused);
  if (name === "_add") target = [...(field?.querySelectorAll("tbody tr, fieldset.then") ?? [])].pop()?.querySelector(inputs);
  if (name === "_remove") target = document.getElementById(`field-${value.replace(/-[^-]*$/, "")}`);
  if (name === "_clear") target = document.getElementById(`field-${value}`);
  if (name === "_find") target = field?.querySelector("[type=radio], [type=checkbox]") ?? target;
  target?.focus();
}

// -- searching links while you type (the combobox of WAI-ARIA) ----------------------------------------------------

function combobox(form, state, box) {
  const input = box.querySelector("input[type=search]");
  const list = make("ul", { className: "options", id: `${input.id}-options`, hidden: true });
  const said = make("p", { className: "hide" });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Matches");
  said.setAttribute("role", "status");
  input.after(list);
  box.append(said);
  box.querySelector("button")?.remove();
  const settings = { role: "combobox", "aria-expanded": "false", "aria-controls": list.id, "aria-autocomplete": "list" };
  for (const [key, text] of Object.entries(settings)) input.setAttribute(key, text);
  input.type = "text";
  input.addEventListener("search", (event) => event.stopPropagation());

  let options = [];
  let active = -1;
  let timer = 0;
  let asked = 0;

  const show = () => {
    list.replaceChildren(...options.map((option, index) => entry(option, index)));
    list.hidden = options.length === 0;
    input.setAttribute("aria-expanded", String(!list.hidden));
    const current = list.children[active];
    if (current) {
      input.setAttribute("aria-activedescendant", current.id);
      current.scrollIntoView({ block: "nearest" });
    } else {
      input.removeAttribute("aria-activedescendant");
    }
  };
  const entry = (option, index) => {
    const item = make("li", { id: `${list.id}-${index}` });
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", String(index === active));
    item.append(make("b", { textContent: option.title }));
    if (option.note) item.append(make("small", { textContent: option.note }));
    item.addEventListener("pointerdown", (event) => event.preventDefault());
    item.addEventListener("click", () => choose(option));
    return item;
  };
  const close = () => {
    options = [];
    active = -1;
    show();
  };
  const search = async () => {
    const text = input.value.trim();
    const turn = (asked += 1);
    if (text === "") return close();
    const address = new URL(box.dataset.url, location.href);
    address.searchParams.set("q", text);
    const response = await fetch(address, { headers: { Accept: "application/json" } });
    const found = response.ok ? (await response.json()).options : [];
    if (turn !== asked) return undefined;
    options = found;
    active = -1;
    said.textContent = found.length === 0 ? "Nothing was found" : found.length === 1 ? "One match" : `${found.length} matches`;
    return show();
  };
  const choose = (option) => {
    close();
    input.value = "";
    touch(state, box);
    if (box.dataset.many) pickOneMore(box, option);
    else pick(form, state, box, input, option);
    showWhatIsAsked(form);
  };

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, PAUSE);
  });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && options.length > 0) {
      event.preventDefault();
      active = (active + step + options.length + (active < 0 && step < 0 ? 1 : 0)) % options.length;
      show();
    } else if (event.key === "Enter" && (active >= 0 || input.value.trim() !== "")) {
      event.preventDefault();
      if (options.length > 0) choose(options[Math.max(active, 0)]);
    } else if (event.key === "Escape" && options.length > 0) {
      event.preventDefault();
      close();
    }
  });
}

function pick(form, state, box, input, option) {
  const hidden = make("input", { type: "hidden", name: box.dataset.name, value: String(option.id) });
  const words = make("span");
  words.append(make("b", { textContent: option.title }));
  if (option.note) words.append(make("small", { textContent: option.note }));
  const change = make("button", { type: "button", className: "btn btn-quiet push", textContent: "Change" });
  const picked = make("div", { className: "picked" });
  picked.append(words, hidden, change);
  for (const old of box.querySelectorAll(".choice")) old.remove();
  box.hidden = true;
  box.after(picked);
  change.addEventListener("click", () => {
    touch(state, box);
    picked.remove();
    box.hidden = false;
    input.focus();
    showWhatIsAsked(form);
  });
  change.focus();
  if (box.closest("[data-refresh]") !== null) redraw(form, state, "_refresh", box.dataset.name);
}

function pickOneMore(box, option) {
  const id = `field-${box.dataset.name}-picked-${option.id}`;
  if (document.getElementById(id) !== null) return;
  const tick = make("input", { type: "checkbox", id, name: box.dataset.name, value: String(option.id), checked: true });
  const choice = make("div", { className: "choice" });
  choice.append(tick, make("label", { htmlFor: id, textContent: option.title }));
  box.before(choice);
}

// -- where am I ---------------------------------------------------------------------------------------------------

function locating(button) {
  if (!("geolocation" in navigator)) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    const input = document.getElementById(button.dataset.locate);
    const said = button.closest("[data-field]")?.querySelector("[data-locate-said]");
    const say = (text) => {
      if (said) said.textContent = text;
    };
    say("Looking for where you are…");
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        input.value = `${coords.latitude.toFixed(6)}, ${coords.longitude.toFixed(6)}`;
        input.dispatchEvent(new Event("input", { bubbles: true }));
        say("This is where you are.");
      },
      () => say("Your device did not say where you are. You can leave this empty."),
      { enableHighAccuracy: true, timeout: 15000 },
    );
  });
}

function make(name, told = {}) {
  return Object.assign(document.createElement(name), told);
}

enhance(document);
