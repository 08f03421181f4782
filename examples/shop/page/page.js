"use strict";

const at = (id) => document.getElementById(id);
const under = new Set();

// Names are what users have chosen: they are shown as text, and as nothing else.
function span(kind, text) {
  const element = document.createElement("span");
  element.className = kind;
  element.textContent = text;
  return element;
}

function seconds(ms) {
  return ms < 60000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.floor(ms / 60000)} min`;
}

function list(id, rows, ago) {
  at(id).replaceChildren(...rows.map((row) => {
    const item = document.createElement("li");
    item.append(span("user", row.user));
    if (row.kind) item.append(span(`how ${row.kind}`, row.words));
    item.append(span("time", seconds(row.ms) + (ago ? " ago" : "")));
    return item;
  }));
}

function show(board) {
  for (const [name, count] of Object.entries(board.counts)) at(`${name}-count`).textContent = count;
  list("holding", board.holding);
  list("waiting", board.waiting);
  list("gone", board.gone, true);
  at("elsewhere").hidden = board.elsewhere.length === 0;
  at("elsewhere").textContent = `Another instance holds the lock of ${board.elsewhere.join(", ")}.`;
  state(board.closing ? "shutting down: who holds may finish" : "live", false);
  document.body.classList.toggle("closing", board.closing);
}

function state(words, lost) {
  at("state").textContent = words;
  document.body.classList.toggle("lost", lost);
}

const news = new EventSource("events");
news.onmessage = (event) => show(JSON.parse(event.data));
news.onerror = () => state("no connection, trying again", true);

async function order(user, controller) {
  const path = `users/${encodeURIComponent(user)}/orders`;
  const cart = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16)).join("-");
  under.add(controller);
  at("leave").disabled = false;
  try {
    const answer = await fetch(path, { method: "POST", body: new URLSearchParams({ cart }), signal: controller.signal });
    await answer.text();
  } catch {
    // Hung up, or the service has ended: the board tells.
  }
  under.delete(controller);
  at("leave").disabled = under.size === 0;
}

at("order").addEventListener("submit", (event) => {
  event.preventDefault();
  const times = Number(event.submitter?.value ?? 1);
  for (let n = 0; n < times; n += 1) order(at("user").value, new AbortController());
});
at("leave").addEventListener("click", () => under.forEach((controller) => controller.abort()));
