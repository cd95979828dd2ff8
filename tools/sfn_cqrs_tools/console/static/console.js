// The console in the browser: live pages, keys, times, charts, files. Plain, without a build.
"use strict";
const $ = (selector, within = document) => within.querySelector(selector);
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
const root = document.body.dataset.root;
const main = $("#main");

// Times: in the reader's zone, with UTC on hover.
const shapes = {
  "": new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" }),
  today: new Intl.DateTimeFormat(undefined, { timeStyle: "medium" }),
  fine: new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 }),
};
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });
const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

function ago(date) {
  const seconds = (date - Date.now()) / 1000;
  const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  return relative.format(Math.round(seconds / size), unit);
}

function lasting(seconds) {
  if (seconds < 60) return `${Math.max(seconds, 0).toFixed(0)} s`;
  const [size, unit] = [[86400, "d"], [3600, "h"], [60, "min"]].find(([size]) => seconds >= size);
  return `${(seconds / size).toFixed(1)} ${unit}`;
}

function tell(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function tellTimes(within = document) {
  for (const time of $$("time", within)) {
    const date = new Date(time.dateTime);
    const shape = time.dataset.shape || (date.toDateString() === new Date().toDateString() ? "today" : "");
    tell(time, shape === "ago" ? ago(date) : shapes[shape].format(date));
    if (!time.title) time.title = `${time.dateTime.replace("T", " ").replace("Z", "")} UTC`;
  }
  for (const since of $$("[data-since]", within)) tell(since, lasting((Date.now() - new Date(since.dataset.since)) / 1000));
}
setInterval(() => { if (!document.hidden) tellTimes(); }, 1000);

// Charts.
let chart = null;
function drawCharts() {
  const place = $("[data-chart]");
  if (!place || typeof uPlot === "undefined") return;
  const plot = $(".plot", place), found = JSON.parse(place.dataset.chart);
  const style = getComputedStyle(plot), colour = (name) => { plot.style.color = `var(--${name})`; return style.color; };
  const data = [found.x, found.succeeded.map((n, i) => n + found.failed[i]), found.failed];
  const key = colour("text");
  if (chart && chart.root.isConnected && chart.key === key) { chart.setData(data); return; }
  chart?.destroy();
  const bars = uPlot.paths.bars({ size: [0.72, 24] });
  const series = (label, name, own) => ({ label, fill: colour(name), stroke: colour(name), width: 0, points: { show: false }, paths: bars, value: (_, __, ___, i) => (i == null ? "" : String(own[i])) });
  const axis = { stroke: colour("muted"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, font: `11px ${style.getPropertyValue("--sans")}` };
  chart = new uPlot({
    width: plot.clientWidth, height: plot.clientHeight, legend: { show: false }, cursor: { y: false, points: { show: false } },
    scales: { y: { range: (_, __, most) => [0, Math.max(most, 4)] } },
    axes: [{ ...axis, grid: { show: false }, size: 26, space: 90, values: (_, moments) => moments.map((at) => new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" }).format(at * 1000)) }, { ...axis, size: 38, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000] }],
    series: [{}, series("succeeded", "good-bar", found.succeeded), series("failed", "bad-bar", found.failed)],
  }, data, plot);
  chart.key = key;
}
new ResizeObserver(() => { if (chart?.root.isConnected) chart.setSize({ width: chart.root.parentNode.clientWidth, height: chart.root.parentNode.clientHeight }); }).observe(main);

// Live pages: the server sends the content again when it has changed, and it is morphed in.
let stream = null;
async function change(html, digest) {
  if (main.contains(document.activeElement) && document.activeElement.matches("textarea, select")) return;
  await htmx.swap({ target: main, text: html, swap: "innerMorph", sourceElement: main });
  main.dataset.digest = digest;
  look();
}

function live() {
  stream?.close();
  stream = null;
  if (main.dataset.live !== "true") return;
  const page = location.pathname + location.search;
  stream = new EventSource(`${root}/live?${new URLSearchParams({ page, digest: main.dataset.digest })}`);
  stream.addEventListener("change", (event) => change(event.data, event.lastEventId));
  stream.addEventListener("end", () => { stream?.close(); main.dataset.live = "false"; });
}
document.addEventListener("visibilitychange", () => { if (document.hidden) { stream?.close(); stream = null; } else if (!stream) live(); });
addEventListener("pagehide", () => stream?.close());
addEventListener("pageshow", (event) => { if (event.persisted) live(); });

function look() { tellTimes(main); drawCharts(); }

document.addEventListener("htmx:after:swap", (event) => {
  const target = event.detail.ctx?.target;
  const element = typeof target === "string" ? $(target) : target;
  if (element?.id === "dialog-body" && !$("#dialog").open) $("#dialog").showModal();
  if (element === main && event.detail.ctx?.sourceElement !== main) { main.dataset.digest = ""; live(); }
  tellTimes(element ?? document);
});

// Dark and light, by system or by choice.
function switchTheme() {
  const isDark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = isDark ? "light" : "dark";
  localStorage.setItem("theme", document.documentElement.dataset.theme);
  drawCharts();
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawCharts);

// Clicks.
async function copy(text) {
  await navigator.clipboard.writeText(text);
  tell($("#status"), "copied");
}
document.addEventListener("click", (event) => {
  const on = (selector) => event.target.closest(selector);
  if (on("[data-theme-switch]")) switchTheme();
  else if (on("[data-keys]")) $("#keys").showModal();
  else if (on("[data-back]")) history.back();
  else if (on("[data-close]")) { if ($("#dialog").open) $("#dialog").close(); else history.back(); }
  else if (on("[data-copy]")) copy(on("[data-copy]").dataset.copy);
  else if (on("[data-copy-near]")) { event.preventDefault(); copy($(".json", on("[data-copyable]")).textContent); }
  else if (on("[data-menu]")) {
    const isOpen = $("#menu").classList.toggle("open");
    on("[data-menu]").setAttribute("aria-expanded", isOpen);
  } else if (on(".graph .node")) {
    const row = rowOf(on(".graph .node").dataset.state);
    if (row) { row.scrollIntoView({ block: "nearest" }); row.click(); }
  } else if (on("[data-list] tbody tr") && !on("a, button, input, summary, label, pre") && !getSelection().toString()) $("a[data-open]", on("tr"))?.click();
  else if (event.target.matches("dialog")) event.target.close();
});

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

// Keys.
let before = "";
function move(by) {
  const links = $$("[data-list] a[data-open]").filter((link) => link.offsetParent);
  if (!links.length) return;
  const at = links.indexOf(document.activeElement);
  const next = links[Math.min(Math.max(at + by, 0), links.length - 1)];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}
const keys = {
  "/": () => { if (!$("#search").checkVisibility()) $("[data-menu]").click(); $("#search").focus(); $("#search").select(); },
  "?": () => $("#keys").showModal(),
  t: switchTheme,
  j: () => move(1), ArrowDown: () => move(1),
  k: () => move(-1), ArrowUp: () => move(-1),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isTyping = event.target.matches("input, textarea, select");
  if (event.key === "Escape" && isTyping) { event.target.blur(); return; }
  if (isTyping || $("dialog[open]")) return;
  if (before === "g") {
    before = "";
    const link = $(`nav [data-go="${CSS.escape(event.key)}"]`);
    if (link) { event.preventDefault(); link.click(); }
    return;
  }
  before = event.key;
  if (event.target.matches(".json, .graph, .scroll, pre") && event.key.startsWith("Arrow")) return;
  if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
});

// Importing a file: looked at before it is sent.
const HEAD = 65536;
const form = $("[data-import]");
if (form) {
  const input = $("[type=file]", form), button = $("button.primary", form), bar = $("progress", form), problem = $("[data-problem]", form);
  const asked = () => {
    const given = new URLSearchParams(new FormData(form));
    given.delete("file");
    given.set("name", input.files[0].name);
    return given;
  };
  const send = (url, body, onProgress) => new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.setRequestHeader("x-csrf", $("meta[name=csrf]").content);
    request.setRequestHeader("hx-request", "true");
    request.upload.onprogress = onProgress ?? null;
    request.onload = () => resolve(request);
    request.onerror = () => reject(new Error("the console does not answer: is it still running?"));
    request.send(body);
  });
  const fail = (text) => { problem.hidden = !text; tell(problem, text); };
  const preview = async () => {
    const file = input.files[0];
    if (!file) return;
    fail("");
    tell($(".drop-text strong", form), `${file.name}, ${new Intl.NumberFormat().format(file.size)} bytes`);
    const given = asked();
    given.set("cut", file.size > HEAD);
    const answer = await send(`${form.dataset.import}/preview?${given}`, file.slice(0, HEAD));
    await htmx.swap({ target: $("#preview"), text: answer.responseText, swap: "innerHTML" });
    button.disabled = false;
  };
  form.addEventListener("change", (event) => { if (event.target.matches("[type=file], select")) preview().catch((error) => fail(error.message)); });
  for (const kind of ["dragenter", "dragover"]) form.addEventListener(kind, (event) => { event.preventDefault(); $(".drop", form).classList.add("over"); });
  for (const kind of ["dragleave", "drop"]) form.addEventListener(kind, (event) => { event.preventDefault(); $(".drop", form).classList.remove("over"); });
  form.addEventListener("drop", (event) => { input.files = event.dataTransfer.files; input.dispatchEvent(new Event("change", { bubbles: true })); });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    bar.hidden = false;
    try {
      const answer = await send(`${form.dataset.import}/take?${asked()}`, input.files[0], (sent) => { bar.value = sent.loaded / sent.total; });
      const place = answer.getResponseHeader("x-go");
      if (place) location.assign(place);
      else { fail(new DOMParser().parseFromString(answer.responseText, "text/html").body.textContent.replace(/\s+/g, " ").trim()); button.disabled = false; bar.hidden = true; }
    } catch (error) { fail(error.message); button.disabled = false; }
  });
}

look();
live();
