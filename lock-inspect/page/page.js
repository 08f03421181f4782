"use strict";
const at = (id) => document.getElementById(id);
let last = null;
let lastAt = 0;
let trouble = "";
let timer;

// At most two units, as the command line has it.
function short(ms) {
  const s = Math.floor(ms / 1000), m = Math.floor(s / 60), h = Math.floor(s / 3600), d = Math.floor(s / 86400);
  const two = (n) => String(n).padStart(2, "0");
  if (s < 1) return `${Math.floor(ms)}ms`;
  if (m < 1) return `${s}.${Math.floor((ms % 1000) / 100)}s`;
  if (h < 1) return `${m}m${two(s % 60)}s`;
  if (d < 1) return `${h}h${two(m % 60)}m`;
  return `${d}d${two(h % 24)}h`;
}

// Keys and holders are what strangers wrote: they come in as text, never as markup.
function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// A cell that says its own title where the table's titles are not to be seen.
function cell(title, className, text) {
  const made = element("td", text === "" ? `${className} empty` : className, text === "" ? "–" : text);
  made.dataset.title = title;
  return made;
}

function row(lock) {
  const tr = element("tr", lock.leak ? "is-leak" : lock.renewing === "late" ? "is-late" : "");
  const key = element("td", "key", lock.key);
  if (lock.leak) key.append(element("div", "leak", lock.leak));
  const holder = element("td");
  const by = lock.held_by;
  if (by.kind === "ours") {
    holder.append(element("div", "", by.function), element("div", "soft", `${by.host}, pid ${by.pid}`));
  } else {
    holder.append(element("span", "soft", by.words));
  }
  const age = cell("age", "age number", lock.age_ms === null ? "" : short(lock.age_ms));
  const left = cell("left", "left", lock.remaining_ms === null ? "no expiry" : short(lock.remaining_ms));
  if (by.kind === "ours" && lock.remaining_ms !== null) {
    left.append(element("span", "soft", ` of ${short(by.ttl_ms)}`));
    const gauge = element("div", "gauge");
    const fill = element("div");
    fill.style.width = `${100 * Math.min(lock.remaining_ms / Math.max(by.ttl_ms, 1), 1)}%`;
    gauge.append(fill);
    left.append(gauge);
  }
  const plain = lock.renewing === "no" || lock.renewing === "not yet";
  const renewing = cell("renewing", plain ? "renewing soft" : `renewing ${lock.renewing}`,
    lock.renewing === "-" ? "" : lock.renewing);
  tr.append(key, holder, age, left, renewing);
  return tr;
}

function paint() {
  document.body.classList.toggle("stale", trouble !== "");
  at("trouble").hidden = trouble === "";
  at("trouble").textContent = trouble;
  if (!last) return;
  const locks = last.locks;
  const leaks = locks.filter((lock) => lock.leak);
  const leaking = leaks.length + last.leaks_not_listed;
  const late = locks.filter((lock) => lock.renewing === "late");
  const foreign = locks.filter((lock) => lock.held_by.kind !== "ours").length + last.foreign_not_listed;
  at("server").textContent = last.server;
  at("prefix").textContent = last.prefix || "no prefix";
  at("count-locks").textContent = locks.length - (foreign - last.foreign_not_listed);
  at("count-foreign").textContent = foreign;
  at("count-leaks").textContent = leaking;
  at("count-late").textContent = late.length;
  at("leaks").className = leaking ? "bad" : "";
  at("lates").className = late.length ? "warn" : "";
  document.title = leaking ? `(${leaking}) Locks` : "Locks";
  const words = at("filter").value.toLowerCase();
  const shown = (at("only-leaks").checked ? leaks : locks)
    .filter((lock) => `${lock.key} ${lock.held_by.words}`.toLowerCase().includes(words));
  // What somebody is about to copy stays until it is copied.
  const selection = getSelection();
  const copying = !selection.isCollapsed && at("rows").contains(selection.anchorNode);
  if (!copying) at("rows").replaceChildren(...shown.map(row));
  at("none").hidden = shown.length > 0;
  at("none").textContent = locks.length ? "No lock fits the filter." : "No locks: nobody holds any, or the prefix is another one.";
  document.querySelector("table").hidden = shown.length === 0;
}

function fresh() {
  if (last) at("fresh").textContent = `${short(Date.now() - lastAt)} ago`;
}

async function look() {
  try {
    const answer = await fetch("/locks.json", { cache: "no-store" });
    const told = await answer.json();
    if (answer.ok) {
      last = told;
      lastAt = Date.now();
      trouble = "";
    } else {
      trouble = told.error;
    }
  } catch {
    trouble = "lock-inspect itself does not answer any more: start it again.";
  }
  paint();
  fresh();
  // A page that nobody sees asks less often.
  clearTimeout(timer);
  timer = setTimeout(look, Math.max(last ? last.every_ms : 1000, document.hidden ? 10000 : 250));
}

at("filter").addEventListener("input", paint);
at("only-leaks").addEventListener("change", paint);
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
setInterval(fresh, 500);
look();
