// The page of live updates: a client of AppSync Events that loses nothing.
//
// An event says that something has happened; what is true is read from the API. So whatever was
// told while nobody listened is made good by one read after each subscription.

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 8000;
const SHOWN = 50;
const READS = {
  import: (_type, id) => `/imports/${id}`,
  archive: (_type, id) => `/imports/${id}`,
  task: (_type, id) => `/tasks/${id}`,
  approval: (_type, id) => `/approvals/${id}`,
  saga: (_type, id) => `/sagas/${id}`,
};

const base64url = (text) => {
  const bytes = Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte));
  return btoa(bytes.join("")).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
};

// A part of a channel: as it is, where AppSync takes it, else a hash; as care/live/channels.py has it.
export async function segment(text) {
  if (/^[A-Za-z0-9]([A-Za-z0-9-]{0,48}[A-Za-z0-9])?$/.test(text) && !text.startsWith("h--")) {
    return text;
  }
  const hashed = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  const hex = Array.from(new Uint8Array(hashed), (byte) => byte.toString(16).padStart(2, "0"));
  return `h--${hex.join("").slice(0, 40)}`;
}

// One subscription that comes back by itself. `on` has state(text), ready(), event(event) and
// refused(message), after which it is over.
export class Subscription {
  constructor(places, headers, channel, on) {
    this.places = places;
    this.authorization = { host: new URL(places.endpoint).host, ...headers };
    this.channel = channel;
    this.on = on;
    this.tries = 0;
    this.connect();
  }

  close() {
    this.isOver = true;
    clearTimeout(this.timer);
    this.socket.close();
  }

  connect() {
    this.on.state("connecting");
    const header = `header-${base64url(JSON.stringify(this.authorization))}`;
    const socket = new WebSocket(this.places.realtime, ["aws-appsync-event-ws", header]);
    this.socket = socket;
    socket.onopen = () => this.send({ type: "connection_init" });
    socket.onmessage = (message) => this.hear(JSON.parse(message.data));
    socket.onclose = () => this.again(socket);
  }

  send(message) {
    this.socket.send(JSON.stringify(message));
  }

  hear(message) {
    this.watch();
    if (message.type === "connection_ack") {
      this.patience = message.connectionTimeoutMs;
      const { channel, authorization } = this;
      this.send({ type: "subscribe", id: crypto.randomUUID(), channel, authorization });
    } else if (message.type === "subscribe_success") {
      this.tries = 0;
      this.on.state("connected");
      this.on.ready();
    } else if (message.type === "data") {
      for (const event of [message.event].flat()) this.on.event(JSON.parse(event));
    } else if (message.errors) {
      this.close();
      this.on.state("refused");
      this.on.refused(message.errors.map((error) => error.message ?? error.errorType).join("; "));
    }
  }

  // A connection on which nothing is heard for so long is lost, whatever TCP says.
  watch() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.socket.close(), this.patience ?? 15000);
  }

  again(socket) {
    clearTimeout(this.timer);
    if (this.isOver || socket !== this.socket) return;
    this.on.state("connection lost");
    const longest = Math.min(FIRST_PAUSE_MS * 2 ** this.tries++, LONGEST_PAUSE_MS);
    this.timer = setTimeout(() => this.connect(), longest / 2 + (Math.random() * longest) / 2);
  }
}

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

let subscription = null;

async function watch(asked) {
  subscription?.close();
  element("problem").textContent = "";
  element("now").textContent = "";
  element("told").replaceChildren();
  element("progress").hidden = true;
  const places = await (await fetch("live.json")).json();
  const headers = asked.token ? { Authorization: asked.token } : { "x-tenant-code": asked.tenant };
  const isOne = asked.id !== "*";
  const parts = await Promise.all([asked.tenant, asked.type].map(segment));
  const last = isOne ? await segment(asked.id) : "*";
  const channel = `/live/${parts[0]}/${asked.kind}/${parts[1]}/${last}`;
  const reader = new Reader(headers, asked.kind, asked.type, asked.id, showNow);
  subscription = new Subscription(places, headers, channel, {
    state: (text) => { element("state").textContent = text; },
    ready: () => isOne && reader.read(),
    event: (event) => {
      showEvent(event);
      if (isOne) reader.read();
    },
    refused: (message) => { element("problem").textContent = message; },
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
