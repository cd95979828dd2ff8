// The page of live updates; live-client.js is the npm package, compiled.
//
// An event says that something has happened; what is true is read from the API. So whatever was
// told while nobody listened is made good by one read after each subscription.

import { Items, Subscription, channelOf } from "./live-client.js";

const SHOWN = 50;
const READS = {
  import: (_type, id) => `/imports/${id}`,
  archive: (_type, id) => `/imports/${id}`,
  task: (_type, id) => `/tasks/${id}`,
  approval: (_type, id) => `/approvals/${id}`,
  saga: (_type, id) => `/sagas/${id}`,
};

// What the API says of what is watched. Of an item: never an older version than one told of.
class Reader {
  constructor(headers, kind, type, id, show) {
    Object.assign(this, { headers, kind, type, id, show, version: 0, running: null, again: false });
  }

  // Reads run one after the other; what is asked for while one runs is one more.
  read() {
    if (this.running) {
      this.again = true;
      return;
    }
    this.running = this.once().catch(() => { this.failed = true; }).finally(() => {
      this.running = null;
      const again = this.again || this.failed;
      const pause = this.failed ? 1000 : 0;
      this.again = this.failed = false;
      if (again) setTimeout(() => this.read(), pause);
    });
  }

  async once() {
    if (this.kind !== "command") {
      this.show(await this.get(READS[this.kind](this.type, encodeURIComponent(this.id))));
      return;
    }
    const path = `${encodeURIComponent(this.type)}/${encodeURIComponent(this.id)}`;
    const { items = [] } = await this.get(`/commands/${path}?limit=20`);
    const applied = items.filter((one) => one.outcome === "APPLIED").map((one) => one.version);
    this.version = Math.max(this.version, ...applied);
    const asked = this.version ? `?atLeast=${this.version}&wait=10` : "";
    const data = await this.get(`/data/${path}${asked}`);
    this.show({
      version: data.version ?? 0,
      name: data.name,
      attributes: data.attributes,
      versions: items.map((one) => `${one.version}: ${one.outcome}`),
    });
  }

  async get(path) {
    const answer = await fetch(path, { headers: this.headers });
    if (answer.status === 404) return {};
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status}`);
    return answer.json();
  }
}

const element = (id) => document.getElementById(id);

function showNow(now) {
  element("now").textContent = JSON.stringify(now, null, 2);
  const bar = element("progress");
  bar.hidden = !now.total;
  if (now.total) {
    const done = (now.created ?? 0) + (now.updated ?? 0) + (now.unchanged ?? 0)
      + (now.failed ?? 0) + (now.completed ?? 0) + (now.cancelled ?? 0);
    bar.value = (100 * done) / now.total;
  }
}

function showEvent(event) {
  const line = document.createElement("li");
  const { content } = event;
  const what = content.outcome ? `version ${content.version}: ${content.outcome}` : content.status;
  line.textContent = `${event.action} ${content.code ?? event.id}: ${what}`;
  const list = element("told");
  list.prepend(line);
  while (list.children.length > SHOWN) list.lastChild.remove();
}

function showRows(rows, changed) {
  showNow(rows.map(({ code, name, version, outcome }) => ({ code, name, version, outcome })));
  element("now").dataset.changed = changed.join(" ");
}

let subscription = null;

async function watch(asked) {
  subscription?.close();
  element("problem").textContent = "";
  element("now").textContent = "";
  element("told").replaceChildren();
  element("progress").hidden = true;
  const places = await (await fetch("live.json")).json();
  const headers = () => asked.token
    ? { Authorization: asked.token }
    : { "x-tenant-code": asked.tenant };
  const on = {
    state: (text) => { element("state").textContent = text; },
    event: showEvent,
    refused: (message) => { element("problem").textContent = message; },
  };
  if (asked.kind === "command" && asked.id === "*") {
    const stack = { api: "", places, tenant: asked.tenant, headers };
    subscription = new Items(stack, asked.type, { ...on, change: showRows });
    return;
  }
  const isOne = asked.id !== "*";
  const reader = new Reader(headers(), asked.kind, asked.type, asked.id, showNow);
  const channel = await channelOf(asked.tenant, asked.kind, asked.type, asked.id);
  subscription = new Subscription(places, headers, channel, {
    ...on,
    ready: () => isOne && reader.read(),
    event: (event) => {
      showEvent(event);
      if (isOne) reader.read();
    },
  });
}

element("origin").textContent = location.origin;
const form = element("watch");
for (const [name, value] of new URLSearchParams(location.search)) {
  if (form.elements[name] && name !== "token") form.elements[name].value = value;
}
form.addEventListener("submit", (submitted) => {
  submitted.preventDefault();
  watch(Object.fromEntries(new FormData(form)));
});
if (form.checkValidity()) form.requestSubmit();
