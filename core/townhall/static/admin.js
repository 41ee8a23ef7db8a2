// Makes the staff screens quicker. Everything works without it.

// The form whose lines are picked: a list's, or that of the letters.
const picking = () => document.querySelector("[data-pick-all]")?.closest("form");
const picks = () => [...(picking()?.querySelectorAll('tbody .pick input[type="checkbox"]') ?? [])];

function countPicked() {
  const boxes = picks();
  const chosen = boxes.filter((box) => box.checked);
  for (const box of boxes) box.closest("tr")?.classList.toggle("is-picked", box.checked);
  const words = document.querySelector("[data-picked]");
  if (words) words.textContent = chosen.length ? `${chosen.length} selected` : "With those you select";
  const all = document.querySelector("[data-pick-all] input");
  if (all) {
    all.checked = chosen.length > 0 && chosen.length === boxes.length;
    all.indeterminate = chosen.length > 0 && chosen.length < boxes.length;
  }
}

function startPicking() {
  const label = document.querySelector("[data-pick-all]");
  if (!label) return;
  label.hidden = false;
  label.querySelector("input").addEventListener("change", (event) => {
    for (const box of picks()) box.checked = event.target.checked;
    countPicked();
  });
  picking().addEventListener("change", countPicked);
  countPicked();
}

// The menus of buttons close when one looks elsewhere, and with Escape.
function startMenus() {
  const open = () => document.querySelectorAll("details.more-moves[open]");
  document.addEventListener("click", (event) => {
    for (const menu of open()) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of open()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
}

// A button that was pressed is not pressed twice by an impatient hand.
function startOnce() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (form.dataset.sent) event.preventDefault();
    else form.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });
}

// "/" goes to the search box, as long as nobody is typing elsewhere.
function startShortcuts() {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    const box = document.getElementById("omni");
    if (!box) return;
    event.preventDefault();
    box.focus();
    box.select();
  });
}

// A link into a folded sheet of a form unfolds it.
function startFolds() {
  const unfold = () => {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    const fold = target && target.closest("details");
    if (fold) fold.open = true;
  };
  window.addEventListener("hashchange", unfold);
  unfold();
}

// Who else has the same case open: asked again while the page is looked at.
function startPresence() {
  const place = document.querySelector("[data-present]");
  if (!place) return;
  const ask = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(place.dataset.present, { headers: { "X-Requested-With": "fetch" }, redirect: "error" });
      if (!answer.ok) return;
      const told = document.createElement("template");
      told.innerHTML = await answer.text();
      if (told.content.textContent.trim() !== place.textContent.trim()) place.replaceChildren(told.content);
    } catch {
      // The next time may go better.
    }
  };
  setInterval(ask, 25000);
  document.addEventListener("visibilitychange", ask);
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
const wrong = document.querySelector('.errors[role="alert"]') ?? document.querySelector('[aria-invalid="true"]');
wrong?.focus();
// Going to the part of the page that the address names takes the focus away once more.
if (location.hash) addEventListener("load", () => requestAnimationFrame(() => wrong?.focus()));
startPicking();
startMenus();
startOnce();
startShortcuts();
startFolds();
startPresence();
