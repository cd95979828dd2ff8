// An execution in the browser: its graph, and its states as bars over time.
"use strict";

// A graph: as large as it takes to read it; larger, smaller, and moved by dragging.
let zoom = null;
function graphOf() { const place = $(".graph .canvas"); return place && { place, picture: $("svg", place) }; }
function showGraph() {
  const found = graphOf();
  if (!found?.picture) return;
  const { place, picture } = found, box = picture.viewBox.baseVal;
  const isNew = zoom === null;
  zoom ??= Math.min(Math.max(place.clientWidth / box.width, 1), 1.25);
  picture.setAttribute("width", Math.round(box.width * zoom));
  picture.setAttribute("height", Math.round(box.height * zoom));
  if (!isNew) return;
  const seen = $(".node.failed, .node.running, .start", picture).getBoundingClientRect(), around = place.getBoundingClientRect();
  place.scrollLeft = seen.left - around.left - (around.width - seen.width) / 2;
  place.scrollTop = seen.top - around.top - (around.height - seen.height) / 2;
}
function zoomTo(wanted) {
  const { place } = graphOf();
  const x = (place.scrollLeft + place.clientWidth / 2) / zoom, y = (place.scrollTop + place.clientHeight / 2) / zoom;
  zoom = Math.min(Math.max(wanted, 0.2), 4);
  showGraph();
  place.scrollLeft = x * zoom - place.clientWidth / 2;
  place.scrollTop = y * zoom - place.clientHeight / 2;
}
const zooms = {
  in: () => zoomTo(zoom * 1.25),
  out: () => zoomTo(zoom / 1.25),
  fit: () => { const { place, picture } = graphOf(), box = picture.viewBox.baseVal; zoomTo(Math.min(place.clientWidth / box.width, place.clientHeight / box.height)); },
  full: () => (document.fullscreenElement ? document.exitFullscreen() : $(".graph").requestFullscreen()),
};
document.addEventListener("wheel", (event) => {
  if (!event.ctrlKey || !event.target.closest?.(".graph .canvas")) return;
  event.preventDefault();
  zoomTo(zoom * (event.deltaY < 0 ? 1.1 : 1 / 1.1));
}, { passive: false });
let drag = null;
document.addEventListener("pointerdown", (event) => {
  const place = event.target.closest?.(".graph .canvas");
  if (place && event.pointerType === "mouse" && event.button === 0) drag = { place, x: event.clientX + place.scrollLeft, y: event.clientY + place.scrollTop };
});
document.addEventListener("pointermove", (event) => { if (drag) { drag.place.scrollLeft = drag.x - event.clientX; drag.place.scrollTop = drag.y - event.clientY; } });
document.addEventListener("pointerup", () => { drag = null; });

// Bars over time: dragging over them shows that time alone, and so does z on a state; again shows all.
let span = null, pull = null;
const ALL = [0, 1000];
function secondsAt(knots, x) {
  const after = Math.max(knots.findIndex(([, place]) => place >= x), 1), [t1, x1] = knots[after - 1], [t2, x2] = knots[after] ?? knots.at(-1);
  return x2 > x1 ? t1 + ((t2 - t1) * (x - x1)) / (x2 - x1) : t2;
}
const brief = (seconds) => (seconds < 1 ? `${Math.round(seconds * 1000)} ms` : seconds < 60 ? `${seconds.toFixed(seconds < 10 ? 2 : 1)} s` : lasting(seconds));
function showSpan() {
  const fall = $(".fall[data-knots]");
  if (!fall) return;
  const [from, to] = span ?? ALL, knots = JSON.parse(fall.dataset.knots);
  for (const svg of $$("a.fall-row svg", fall)) svg.setAttribute("viewBox", `${from} 0 ${to - from} 20`);
  $$(".ticks span", fall).forEach((tick, index) => {
    tick.dataset.all ??= tick.textContent;
    tell(tick, span ? brief(secondsAt(knots, from + ((to - from) * index) / 4)) : tick.dataset.all);
  });
  $("[data-span-all]").hidden = !span;
}
function zoomSpan(from, to) { span = to - from > 0.5 ? [Math.max(from, 0), Math.min(to, 1000)] : null; showSpan(); }
function zoomState() {
  const row = document.activeElement.closest?.("a.fall-row") ?? $("a.fall-row.lit");
  const bars = row ? $$("rect:not(.fold, .usual)", row).map((bar) => [bar.x.baseVal.value, bar.x.baseVal.value + bar.width.baseVal.value]) : [];
  const from = Math.min(...bars.flat()), to = Math.max(...bars.flat()), room = (to - from) / 20;
  if (span || !bars.length) { span = null; showSpan(); } else zoomSpan(from - room, to + room);
}
const placeIn = (svg, event) => { const box = svg.getBoundingClientRect(), [from, to] = span ?? ALL; return from + ((to - from) * (event.clientX - box.left)) / box.width; };
document.addEventListener("pointerdown", (event) => {
  const svg = event.target.closest?.(".fall[data-knots] a.fall-row svg");
  pull = svg && event.button === 0 ? { svg, x: event.clientX, from: placeIn(svg, event) } : null;
});
document.addEventListener("pointerup", (event) => {
  if (!pull || Math.abs(event.clientX - pull.x) < 8) { pull = null; return; }
  const to = placeIn(pull.svg, event);
  zoomSpan(Math.min(pull.from, to), Math.max(pull.from, to));
  setTimeout(() => { pull = null; });
});
document.addEventListener("click", (event) => { if (pull) { event.preventDefault(); event.stopPropagation(); } }, true);
document.addEventListener("dragstart", (event) => { if (event.target.closest?.("a.fall-row")) event.preventDefault(); });

// The state under the pointer is lit in graph and waterfall alike.
const rowOf = (name) => $$("[data-row]").find((row) => row.dataset.row === name);
function light(name) {
  for (const each of $$(".lit")) each.classList.remove("lit");
  if (!name) return;
  rowOf(name)?.classList.add("lit");
  for (const node of $$(".graph [data-state]")) if (node.dataset.state === name) node.classList.add("lit");
}
document.addEventListener("pointerover", (event) => {
  const place = event.target.closest?.("[data-row], .graph [data-state]");
  light(place?.dataset.row ?? place?.dataset.state);
});

document.addEventListener("click", (event) => {
  const on = (selector) => event.target.closest(selector);
  if (on("[data-zoom]")) zooms[on("[data-zoom]").dataset.zoom]();
  else if (on("[data-span-all]")) { span = null; showSpan(); }
  else if (on(".graph .node")) {
    const row = rowOf(on(".graph .node").dataset.state);
    if (row) { row.scrollIntoView({ block: "nearest" }); row.click(); }
  }
});
document.addEventListener("keydown", (event) => {
  if (!event.target.matches(".graph .node") || (event.key !== "Enter" && event.key !== " ")) return;
  event.preventDefault();
  event.target.dispatchEvent(new MouseEvent("click", { bubbles: true }));
});
keys.z = zoomState;
// A visit that is opened has an address of its own.
document.addEventListener("htmx:after:swap", () => {
  const link = $("#detail #state")?.dataset.link;
  if (link && link !== location.pathname + location.search) history.replaceState({}, "", link);
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy-link]");
  if (button) copy(button, new URL($("#state").dataset.link ?? location.href, location).href);
});

// Events keep coming: those behind the last one that is shown.
let isTailing = false;
async function tail() {
  const end = $("#events [data-tail]");
  if (!end || isTailing) return;
  isTailing = true;
  try {
    const answer = await fetch(end.dataset.tail, { headers: { "hx-request": "true" } });
    if (!answer.ok || !end.isConnected) return;
    const part = document.createElement("div");
    part.innerHTML = await answer.text();
    htmx.process(part);
    const body = $$("#events tbody").at(-1), rows = $$("tbody tr", part), next = $("[data-tail], .more", part);
    if (!body && rows.length) { end.replaceWith(part); tellTimes(part); return; }
    body?.append(...rows);
    tellTimes($("#events"));
    if (next) end.replaceWith(next); else end.remove();
  } finally { isTailing = false; }
}
looks.push(tail);
looks.push(showGraph, showSpan);
showGraph();
showSpan();
