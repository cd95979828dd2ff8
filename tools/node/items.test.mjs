// The client alone, with a stack of its own in memory and a clock that a test moves.

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

const { Items, Problem, pathOf } = await import(process.env.CLIENT);
const HOUR = 3_600_000;
const PLACES = { endpoint: "https://events.example/event", realtime: "wss://events.example/live" };

let stack;
let opened;

/** The API and the Events API of a stack; `isUp` says whether a connection reaches them. */
class Stack {
  constructor() {
    Object.assign(this, { isUp: true, rows: new Map(), outcomes: new Map(), sockets: new Set() });
    this.posts = [];
    this.keys = new Map();
  }

  put(code, version, outcome = "APPLIED") {
    this.rows.set(code, { code, name: `v${version}`, attributes: { n: version }, version, outcome });
    this.tell(code, version, outcome);
  }

  remove(code, version) {
    this.rows.delete(code);
    this.tell(code, version, "APPLIED");
  }

  tell(code, version, outcome) {
    this.outcomes.set(`${code}/${version}`, outcome);
    const event = JSON.stringify({ action: "command-status", id: "x", content: { code, version, outcome } });
    if (this.isUp) for (const socket of this.sockets) socket.hear({ type: "data", event: [event] });
  }

  fetch(path, init) {
    const [, collection, , code, version] = new URL(path, "http://x").pathname.split("/");
    if (collection === "data" && code === undefined) {
      const [rows, query] = [[...this.rows.values()], new URL(path, "http://x").searchParams];
      const from = Number(query.get("cursor") ?? 0);
      const items = rows.slice(from, from + 2);
      const more = from + 2 < rows.length ? { nextCursor: String(from + 2) } : {};
      return [200, { items, ...more }];
    }
    if (collection === "data") {
      const row = this.rows.get(decodeURIComponent(code));
      return row ? [200, row] : [404, { code: "not_found", detail: "there is none" }];
    }
    if (init.method !== "POST") return [200, { outcome: this.outcomes.get(`${code}/${version}`) ?? "OPEN" }];
    const body = JSON.parse(init.body);
    const key = init.headers["idempotency-key"];
    this.posts.push(key);
    const known = this.rows.get(body.code)?.version ?? 0;
    if (!this.keys.has(key)) {
      const answer = body.version === known
        ? [202, { version: known + 1 }]
        : [409, { code: "version_conflict", detail: "read it again" }];
      this.keys.set(key, answer);
    }
    return this.keys.get(key);
  }
}

class Socket {
  constructor(_url, protocols) {
    this.protocols = protocols;
    this.sent = [];
    setTimeout(() => (stack.isUp ? this.onopen?.() : this.onclose?.()), 1);
  }

  send(text) {
    const message = JSON.parse(text);
    this.sent.push(message);
    if (message.type === "connection_init") this.hear({ type: "connection_ack", connectionTimeoutMs: 300_000 });
    if (message.type === "subscribe") {
      stack.sockets.add(this);
      this.hear({ type: "subscribe_success" });
    }
  }

  hear(message) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  close() {
    stack.sockets.delete(this);
  }
}

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
  [stack, opened] = [new Stack(), []];
  globalThis.WebSocket = Socket;
  globalThis.fetch = async (path, init) => {
    if (!stack.isUp) throw new TypeError("failed to fetch");
    const [status, body] = stack.fetch(path, init);
    return { ok: status < 300, status, json: async () => structuredClone(body) };
  };
});
afterEach(() => {
  for (const items of opened) items.close();
  mock.timers.reset();
});

/** Let so much time pass, with everything that it brings. */
async function pass(milliseconds) {
  for (let done = 0; done < milliseconds; done += 50) {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    mock.timers.tick(50);
  }
  for (let turn = 0; turn < 200; turn++) await Promise.resolve();
}

/** The machine sleeps: time goes on, and no timer runs. */
const sleep = (milliseconds) => mock.timers.setTime(Date.now() + milliseconds);

async function items(cursor) {
  const seen = { rows: [], changed: [], states: [], refused: [] };
  const watch = {
    change: (rows, changed) => { seen.rows = rows; seen.changed.push(...changed); },
    state: (text) => seen.states.push(text),
    refused: (message) => seen.refused.push(message),
    cursor,
  };
  const headers = async () => ({ authorization: "token" });
  seen.items = new Items({ api: "", places: PLACES, tenant: "tenant1", headers }, "ORDER", watch);
  opened.push(seen.items);
  seen.shown = () => seen.rows.map(({ code, version, pending }) => `${code} ${version}${pending ? " pending" : ""}`);
  await pass(100);
  return seen;
}

test("a page that slept for an hour has every row, and knows which have changed", async () => {
  for (const code of ["a", "b", "c", "d"]) stack.put(code, 1);
  const page = await items();
  assert.deepEqual(page.shown(), ["a 1", "b 1", "c 1", "d 1"]);

  stack.isUp = false;
  page.changed = [];
  stack.put("b", 4);
  stack.remove("c", 2);
  for (const code of ["e", "f", "g"]) stack.put(code, 1);
  sleep(HOUR);
  stack.isUp = true;
  await pass(6000);

  assert.deepEqual(page.shown(), ["a 1", "b 4", "d 1", "e 1", "f 1", "g 1"]);
  assert.deepEqual([...page.changed].sort(), ["b", "c", "e", "f", "g"]);
  assert.equal(stack.sockets.size, 1);
});

test("a connection that dies without a word is replaced, with longer pauses", async () => {
  const page = await items();
  stack.isUp = false;
  stack.sockets.clear();
  await pass(310_000);
  assert.equal(page.states.at(-1), "connection lost");
  stack.put("a", 1);
  stack.isUp = true;
  await pass(9000);
  assert.deepEqual(page.shown(), ["a 1"]);
});

test("a cursor of an earlier page tells what has changed since", async () => {
  for (const code of ["a", "b", "c"]) stack.put(code, 1);
  const first = await items();
  const { cursor } = first.items;
  first.items.close();
  stack.put("b", 2);
  stack.remove("c", 2);

  const second = await items(cursor);

  assert.deepEqual(second.shown(), ["a 1", "b 2"]);
  assert.ok(!JSON.stringify(cursor).includes("v1"));
  assert.deepEqual(second.items.cursor, JSON.stringify([["a", 1], ["b", 2]]));
});

test("a publish shows at once, and then as the stack has it", async () => {
  stack.put("a", 1);
  const page = await items();

  const published = page.items.publish("a", { name: "mine", attributes: { n: 9 } });
  assert.deepEqual(page.shown(), ["a 2 pending"]);
  assert.equal(await published, 2);
  await pass(100);
  assert.deepEqual(page.shown(), ["a 2 pending"]);
  stack.put("a", 2);
  await pass(100);
  assert.deepEqual(page.shown(), ["a 2"]);
});

test("a refused publish is taken back, and says why", async () => {
  stack.put("a", 3);
  const page = await items();

  const published = page.items.publish("a", { name: "mine", attributes: {}, version: 1 });
  assert.deepEqual(page.shown(), ["a 2 pending"]);
  await assert.rejects(published, (problem) => problem instanceof Problem && problem.code === "version_conflict");
  assert.deepEqual(page.shown(), ["a 3"]);
});

test("a publish without an answer is sent again with its key, and is one version", async () => {
  const page = await items();
  stack.isUp = false;
  const published = page.items.publish("a", { name: "mine", attributes: {} });
  await pass(3000);
  stack.isUp = true;
  await pass(9000);
  assert.equal(await published, 1);
  assert.equal(new Set(stack.posts).size, 1);
});

test("a hope whose end was told while the page slept is settled", async () => {
  stack.put("a", 1);
  const page = await items();
  await page.items.publish("a", { name: "mine", attributes: {} });
  stack.isUp = false;
  stack.tell("a", 2, "FAILED");
  stack.rows.get("a").outcome = "FAILED";
  sleep(HOUR);
  stack.isUp = true;
  await pass(6000);

  assert.deepEqual(page.shown(), ["a 1"]);
  assert.equal(page.rows[0].outcome, "FAILED");
});

test("a code that no path can carry is encoded as the stack decodes it", () => {
  const codes = ["o-1", "a/b", "..", "~x", "ü z"];
  assert.deepEqual(codes.map(pathOf), ["o-1", "~YS9i", "~Li4", "~fng", "%C3%BC%20z"]);
});
