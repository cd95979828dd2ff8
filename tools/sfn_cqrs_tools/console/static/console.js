// The console in the browser. Plain, without a build.
"use strict";
const $ = (selector, within = document) => within.querySelector(selector);
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
const root = document.body.dataset.root;
const main = $("#main");

// Times in the chosen zone; exact on hover.
const language = navigator.language.startsWith("en") ? navigator.language : "en-GB";
const own = new Intl.DateTimeFormat().resolvedOptions().timeZone;
let zone = localStorage.getItem("zone") === "UTC" ? "UTC" : own;
const shaped = {
  "": { dateStyle: "medium", timeStyle: "medium" },
  today: { timeStyle: "medium" },
  fine: { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 },
};
const formats = new Map();
function format(date, shape, inZone = zone) {
  const key = `${shape} ${inZone}`;
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(language, { ...shaped[shape], timeZone: inZone }));
  return formats.get(key).format(date);
}
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const pad = (number, length = 2) => String(number).padStart(length, "0");

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

// The same moment as an ISO text of a zone, without its offset.
function exact(date, inZone = zone) {
  if (inZone === "UTC") return date.toISOString().slice(0, 23);
  const day = [pad(date.getFullYear(), 4), pad(date.getMonth() + 1), pad(date.getDate())].join("-");
  return `${day}T${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${pad(date.getMilliseconds(), 3)}`;
}
const typed = (text) => new Date(zone === "UTC" ? `${text}Z` : text);
const readable = (date, inZone) => `${exact(date, inZone).replace("T", " ")} ${inZone}`;

function tell(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function tellTimes(within = document) {
  const today = format(new Date(), "").slice(0, -8);
  for (const time of $$("time", within)) {
    const date = new Date(time.dateTime);
    const shape = time.dataset.shape || (format(date, "").slice(0, -8) === today ? "today" : "");
    tell(time, shape === "ago" ? ago(date) : format(date, shape));
    const title = zone === "UTC" ? readable(date, "UTC") : `${readable(date, zone)} · ${readable(date, "UTC")}`;
    if (time.title !== title) time.title = title;
  }
  if (!downSince) for (const since of $$("[data-since]", within)) tell(since, lasting((Date.now() - new Date(since.dataset.since)) / 1000));
}

function tellZone(within = document) {
  for (const name of $$("[data-zone]", within)) tell(name, zone);
  for (const input of $$("[data-moment]", within)) {
    const key = `${input.dataset.moment} ${zone}`;
    if (input.shown === key || document.activeElement === input) continue;
    input.shown = key;
    input.value = input.dataset.moment ? exact(new Date(input.dataset.moment)).slice(0, 19) : "";
  }
}

function switchZone() {
  zone = zone === "UTC" ? own : "UTC";
  localStorage.setItem("zone", zone === "UTC" ? "UTC" : "own");
  look(document);
}
let downSince = null;
setInterval(() => { if (!document.hidden) tellTimes(); }, 1000);

// Charts.
let chart = null;
function drawCharts() {
  const place = $("[data-chart]");
  if (!place || typeof uPlot === "undefined") return;
  const plot = $(".plot", place), found = JSON.parse(place.dataset.chart);
  const style = getComputedStyle(plot), colour = (name) => { plot.style.color = `var(--${name})`; return style.color; };
  const data = [found.x, found.succeeded.map((n, i) => n + found.failed[i]), found.failed];
  const key = `${colour("text")} ${zone}`;
  if (chart && chart.root.isConnected && chart.key === key) { chart.setData(data); return; }
  chart?.destroy();
  const bars = uPlot.paths.bars({ size: [0.72, 24] });
  const series = (label, name, own) => ({ label, fill: colour(name), stroke: colour(name), width: 0, points: { show: false }, paths: bars, value: (_, __, ___, i) => (i == null ? "" : String(own[i])) });
  const axis = { stroke: colour("muted"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, font: `11px ${style.getPropertyValue("--sans")}` };
  chart = new uPlot({
    width: plot.clientWidth, height: plot.clientHeight, legend: { show: false }, cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
    hooks: { setSelect: [(drawn) => listBetween(drawn, found.x)] },
    scales: { y: { range: (_, __, most) => [0, Math.max(most, 4)] } },
    axes: [{ ...axis, grid: { show: false }, size: 26, space: 90, values: (_, moments) => moments.map((at) => new Intl.DateTimeFormat(language, { ...(found.x.at(-1) - found.x[0] > 86400 ? { day: "numeric", month: "short" } : { hour: "2-digit", minute: "2-digit" }), timeZone: zone }).format(at * 1000)) }, { ...axis, size: 38, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000] }],
    series: [{}, series("succeeded", "good-bar", found.succeeded), series("failed", "bad-bar", found.failed)],
  }, data, plot);
  chart.key = key;
}
// Dragging lists the executions of that time, in whole bars.
function listBetween(drawn, bars) {
  const { left, width } = drawn.select, size = bars[1] - bars[0];
  if (width < 4) return;
  const at = (place, side) => new Date((Math.floor(drawn.posToVal(place, "x") / size) + side) * size * 1000).toISOString();
  location.assign(`${root}/executions?${new URLSearchParams({ within: "between", from: at(left, 0), to: at(left + width, 1) })}`);
}
// A moment that is pasted in any notation.
document.addEventListener("paste", async (event) => {
  const input = event.target, text = event.clipboardData.getData("text");
  if (!input.matches?.("[data-moment]")) return;
  event.preventDefault();
  const answer = await fetch(`${root}/moment?${new URLSearchParams({ text, zone })}`);
  if (!answer.ok) { tell($("#status"), `${text}: no time`); return; }
  input.value = exact(new Date(await answer.text())).slice(0, 19);
  input.dispatchEvent(new Event("change", { bubbles: true }));
});
new ResizeObserver(() => { if (chart?.root.isConnected) chart.setSize({ width: chart.root.parentNode.clientWidth, height: chart.root.parentNode.clientHeight }); }).observe(main);

// Live pages: changed content is morphed in.
let stream = null;
async function change(html, digest) {
  if (main.contains(document.activeElement) && document.activeElement.matches("textarea, select, input:not([type=checkbox])")) return;
  const before = new Map($$("[data-list] tr[id]").map((row) => [row.id, $$("td:not(.when)", row).map((cell) => cell.textContent).join()]));
  await htmx.swap({ target: main, text: html, swap: "innerMorph", sourceElement: main });
  main.dataset.digest = digest;
  for (const row of before.size ? $$("[data-list] tr[id]") : []) {
    if (before.get(row.id) === $$("td:not(.when)", row).map((cell) => cell.textContent).join()) continue;
    row.classList.add("changed");
    setTimeout(() => row.classList.remove("changed"), 4000);
  }
  look();
}

// What runs: the title has its state, and a message tells of its end.
const title = document.title;
let isAwaited = false;
const stateOf = () => $(".heading .pill")?.textContent.trim();
function showState() {
  const state = main.dataset.live === "true" || isAwaited ? stateOf() : "";
  document.title = state ? `${state} · ${title}` : title;
  const button = $("[data-await]");
  button.hidden = !(state && main.dataset.live === "true" && "Notification" in window);
  button.setAttribute("aria-pressed", isAwaited);
}
async function awaitEnd() {
  isAwaited = !isAwaited && (await Notification.requestPermission()) === "granted";
  const isRefused = !isAwaited && Notification.permission !== "granted";
  tell($("#status"), isAwaited ? "you will be told when it has ended" : "");
  $("[data-await]").textContent = isRefused ? "This browser allows no messages" : isAwaited ? "You will be told" : "Tell me when it ends";
  showState();
}
function ended() {
  stream?.close();
  main.dataset.live = "false";
  if (!isAwaited) { showState(); return; }
  const told = new Notification($("h1").textContent, { body: `${stateOf()}, ${document.title.split(" · ").at(-1)}`, tag: location.pathname, requireInteraction: true });
  told.onclick = () => { window.focus(); told.close(); };
  showState();
  isAwaited = false;
}

function live() {
  stream?.close();
  stream = null;
  if (main.dataset.live !== "true") return;
  const page = location.pathname + location.search;
  stream = new EventSource(`${root}/live?${new URLSearchParams({ page, digest: main.dataset.digest })}`);
  stream.addEventListener("change", (event) => change(event.data, event.lastEventId));
  stream.addEventListener("down", () => setDown(true));
  stream.addEventListener("end", ended);
}
document.addEventListener("visibilitychange", () => { if (isAwaited) return; if (document.hidden) { stream?.close(); stream = null; } else if (!stream) live(); });
addEventListener("pagehide", () => stream?.close());
addEventListener("pageshow", (event) => { if (event.persisted) live(); });

// Whenever content has come; a page's own script adds to it.
const looks = [tellTimes, tellZone, drawCharts, showState];
function look(within = main) { for (const each of looks) each(within); if (downSince) disable(true); }

document.addEventListener("htmx:after:swap", (event) => {
  const target = event.detail.ctx?.target;
  const element = typeof target === "string" ? $(target) : target;
  if (element?.id === "dialog-body" && !$("#dialog").open) $("#dialog").showModal();
  tellTimes(element ?? document);
  tellZone(element ?? document);
  if (element?.id === "fall") look(element);
});

// Another view of a page is another address.
let latest = 0;
async function go(address) {
  const mine = ++latest;
  const answer = await fetch(address, { headers: { "hx-request": "true" } });
  const html = await answer.text();
  if (mine !== latest) return;
  stream?.close();
  const isSame = new URL(address, location).href === location.href;
  history[isSame ? "replaceState" : "pushState"]({}, "", address);
  await htmx.swap({ target: main, text: html, swap: "innerMorph", sourceElement: main });
  main.dataset.digest = "";
  main.dataset.live = answer.headers.get("x-live") ?? "false";
  const command = decodeURIComponent(answer.headers.get("x-command") ?? "");
  $("#command").hidden = !command;
  tell($("#command code"), command);
  $("#command button").dataset.copy = command;
  look();
  live();
}
// A time without a zone is one of the zone that is shown.
document.addEventListener("submit", (event) => {
  if (!event.target.matches(".search") || !/\d:\d\d/.test(event.target.elements.q.value)) return;
  event.target.insertAdjacentHTML("beforeend", '<input type="hidden" name="zone">');
  event.target.elements.zone.value = zone;
});
addEventListener("popstate", () => location.reload());

// A filter's address: only what is chosen, its moments in UTC.
function addressOf(form) {
  const asked = new URLSearchParams();
  const given = new FormData(form), within = given.get("within");
  for (const [name, value] of given) {
    const input = form.elements[name];
    if (!value || ((name === "from" || name === "to") && within !== "between")) continue;
    asked.append(name, input.dataset?.moment === undefined ? value : typed(value).toISOString());
  }
  if (within === "today") asked.set("offset", zone === "UTC" ? 0 : -new Date().getTimezoneOffset());
  return `${form.getAttribute("action")}${asked.size ? `?${asked}` : ""}`;
}
let pause = 0;
function filter(form, delay = 0) {
  clearTimeout(pause);
  if (!form.checkValidity()) return;
  pause = setTimeout(() => go(addressOf(form)).catch(() => setDown(true)), delay);
}
document.addEventListener("input", (event) => { if (event.target.matches("[data-filter] [type=search], [data-filter] [type=text]")) filter(event.target.form, 350); });
document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-filter]:not([data-on-submit]) *")) return;
  if (event.target.name === "within" && event.target.value === "between") { for (const each of $$(".between", event.target.form)) each.hidden = false; return; }
  filter(event.target.form);
});
document.addEventListener("change", (event) => { if (event.target.matches("[data-all]")) for (const box of $$("td [type=checkbox]", event.target.form)) box.checked = event.target.checked; });
// The form of a type that has a model.
document.addEventListener("change", (event) => {
  const forms = event.target.closest("[data-forms]")?.dataset.forms.split(" ") ?? [];
  const isOfModel = new URLSearchParams(location.search).get("type");
  if (event.target.name !== "type" || !(forms.includes(event.target.value) || forms.includes(isOfModel))) return;
  location.assign(`${root}/publish?${new URLSearchParams({ type: event.target.value, code: event.target.form.elements.code.value })}`);
});
let added = 1000;
document.addEventListener("click", (event) => {
  if (event.target.matches("[data-remove]")) event.target.closest(".entry").remove();
  if (!event.target.matches("[data-add]")) return;
  const entries = event.target.closest("[data-entries]"), blank = $("template", entries), number = added++;
  const entry = document.createElement("div");
  entry.innerHTML = blank.innerHTML.replaceAll(`${blank.dataset.name}.~`, `${blank.dataset.name}.${number}`);
  blank.before(entry.firstElementChild);
  $("input, select, textarea", blank.previousElementSibling)?.focus();
});
document.addEventListener("submit", (event) => { if (event.target.matches("[data-filter]")) { event.preventDefault(); filter(event.target); } });

// A stack that stopped: the page says so, and its buttons do nothing.
const ACTS = "form[method=post] button:not([type=button]), [data-import] .primary";
function disable(isDown) {
  for (const button of $$(ACTS)) {
    if (isDown && !button.disabled) { button.disabled = true; button.dataset.waits = ""; }
    else if (!isDown && "waits" in button.dataset) { button.disabled = false; delete button.dataset.waits; }
  }
}
function setDown(isDown) {
  if (isDown === Boolean(downSince)) return;
  downSince = isDown ? new Date() : null;
  document.body.classList.toggle("down", isDown);
  $("#down").hidden = !isDown;
  tell($("#down"), isDown ? `The stack has not answered since ${format(downSince, "today")}. Trying again …` : "");
  disable(isDown);
  if (!isDown) live();
}
async function ask() {
  try { setDown(!(await fetch(`${root}/alive`)).ok); } catch { setDown(true); }
}
setInterval(() => { if (!document.hidden) ask(); }, 3000);

// Dark and light, by system or by choice.
function switchTheme() {
  const isDark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = isDark ? "light" : "dark";
  localStorage.setItem("theme", document.documentElement.dataset.theme);
  drawCharts();
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawCharts);

// Clicks.
async function copy(button, text) {
  await navigator.clipboard.writeText(text);
  tell($("#status"), "copied");
  button.classList.add("copied");
  setTimeout(() => button.classList.remove("copied"), 1500);
}
document.addEventListener("click", (event) => {
  const on = (selector) => event.target.closest(selector);
  if (on("[data-theme-switch]")) switchTheme();
  else if (on("[data-keys]")) $("#keys").showModal();
  else if (on("[data-back]")) history.back();
  else if (on("[data-close]")) { if ($("#dialog").open) $("#dialog").close(); else history.back(); }
  else if (on("[data-zone-switch]")) switchZone();
  else if (on("[data-await]")) awaitEnd();
  else if (on("a[data-part]") && !event.ctrlKey && !event.metaKey && !event.shiftKey) { event.preventDefault(); go(on("a[data-part]").href).catch(() => setDown(true)); scrollTo(0, 0); }
  else if (on("[data-copy]")) copy(on("[data-copy]"), on("[data-copy]").dataset.copy);
  else if (on("[data-copy-near]")) { event.preventDefault(); copy(on("[data-copy-near]"), $(".json", on("[data-copyable]")).textContent); }
  else if (on("[data-menu]")) {
    const isOpen = $("#menu").classList.toggle("open");
    on("[data-menu]").setAttribute("aria-expanded", isOpen);
  } else if (on("[data-list] tbody tr") && !on("a, button, input, summary, label, pre") && !getSelection().toString()) $("a[data-open]", on("tr"))?.click();
  else if (event.target.matches("dialog")) event.target.close();
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
  if (event.target.matches(".json, .canvas, pre") && event.key.startsWith("Arrow")) return;
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
      else {
        fail(answer.responseText);
        for (const each of form.elements) each.ariaInvalid = (answer.getResponseHeader("x-fields") ?? "").split(",").includes(each.name) ? "true" : null;
        button.disabled = false;
        bar.hidden = true;
      }
    } catch (error) { fail(error.message); button.disabled = false; }
  });
}

look(document);
live();
