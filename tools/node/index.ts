/** Rows of sfn-cqrs in a browser. An event says that something happened; what is true is read. */

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 8000;
const TICK_MS = 5000;
/** A tick that is later than this was not on time: the machine slept, or the tab was frozen. */
const ASLEEP_MS = 20000;
const PAGE = 100;
const CLOSED = ["APPLIED", "FAILED", "BLOCKED", "SKIPPED"];

/** The outputs LiveEndpoint and LiveRealtimeEndpoint of a stack. */
export interface Places {
  endpoint: string;
  realtime: string;
}
export type Headers = Record<string, string>;
/** What an event has: it says that something happened, and to what. */
export interface Told {
  action: string;
  id: string;
  content: { code?: string; version?: number; outcome?: string; status?: string };
}
export interface On {
  state?(text: "connecting" | "connected" | "connection lost" | "refused"): void;
  /** It is subscribed, at first or again: read now what is true. */
  ready(): void;
  event(event: Told): void;
  /** It is over, because the stack refuses it. */
  refused?(message: string): void;
}
/** The attributes of a type, as openapi-typescript writes `components` of /openapi.json. */
export type Attributes<C extends { schemas: object }, T extends keyof C["schemas"]> =
  C["schemas"][T];
/** An item; a pending one is what a person hopes for and the stack has not applied yet. */
export interface Row<A> {
  code: string;
  name: string;
  attributes: A;
  version: number;
  outcome?: string;
  pending?: boolean;
}
/** A content to publish; `version` is the one that it is made from, by default the one shown. */
export interface Change<A> {
  name: string;
  attributes: A;
  version?: number;
}

/** A refusal of the API; decide by its code, not by its text. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, body: { code?: string; detail?: string; message?: string }) {
    super(body.detail ?? body.message ?? `HTTP ${status}`);
    this.status = status;
    this.code = body.code ?? `HTTP ${status}`;
  }
}

const base64url = (text: string): string => {
  const bytes = Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte));
  return btoa(bytes.join("")).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
};

/** A segment of a path; a code that a path cannot carry is encoded. */
export const pathOf = (text: string): string =>
  /^(?!\.{1,2}$)(?!~)[^/]+$/.test(text) ? encodeURIComponent(text) : `~${base64url(text)}`;

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A part of a channel: as it is, where AppSync takes it, else a hash. */
async function segment(text: string): Promise<string> {
  if (/^[A-Za-z0-9]([A-Za-z0-9-]{0,48}[A-Za-z0-9])?$/.test(text) && !text.startsWith("h--")) {
    return text;
  }
  const hashed = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  const hex = Array.from(new Uint8Array(hashed), (byte) => byte.toString(16).padStart(2, "0"));
  return `h--${hex.join("").slice(0, 40)}`;
}

/** The channel of one thing; `*` is everything of a type. */
export async function channelOf(
  tenant: string,
  kind: string,
  type: string,
  id: string,
): Promise<string> {
  const parts = await Promise.all([tenant, kind, type].map(segment));
  return `/live/${parts.join("/")}/${id === "*" ? id : await segment(id)}`;
}

/** A subscription that comes back by itself, also after the machine has slept. */
export class Subscription {
  private socket?: WebSocket;
  private tries = 0;
  private patience = 15000;
  private timer?: ReturnType<typeof setTimeout>;
  private ticked = Date.now();
  private isOver = false;
  private readonly ticking = setInterval(() => this.tick(), TICK_MS);
  private readonly online = (): void => this.again(0);

  /** `headers` says who asks; it is called for each connection, since a token may expire. */
  constructor(
    private readonly places: Places,
    private readonly headers: () => Headers | Promise<Headers>,
    private readonly channel: string,
    private readonly on: On,
  ) {
    globalThis.addEventListener?.("online", this.online);
    void this.connect();
  }

  close(): void {
    this.isOver = true;
    clearInterval(this.ticking);
    globalThis.removeEventListener?.("online", this.online);
    this.drop();
  }

  private async connect(): Promise<void> {
    this.on.state?.("connecting");
    const host = new URL(this.places.endpoint).host;
    let authorization: Headers;
    try {
      authorization = { host, ...(await this.headers()) };
    } catch {
      return this.lost();
    }
    if (this.isOver) return;
    const header = `header-${base64url(JSON.stringify(authorization))}`;
    const socket = new WebSocket(this.places.realtime, ["aws-appsync-event-ws", header]);
    const send = (message: object): void => socket.send(JSON.stringify(message));
    this.socket = socket;
    this.watch();
    socket.onopen = () => send({ type: "connection_init" });
    socket.onclose = () => this.lost();
    socket.onmessage = (message) => {
      const heard = JSON.parse(message.data);
      if (heard.type === "connection_ack") {
        this.patience = heard.connectionTimeoutMs;
        const { channel } = this;
        send({ type: "subscribe", id: crypto.randomUUID(), channel, authorization });
      } else if (heard.type === "subscribe_success") {
        this.tries = 0;
        this.on.state?.("connected");
        this.on.ready();
      } else if (heard.type === "data") {
        for (const event of [heard.event].flat()) this.on.event(JSON.parse(event));
      } else if (heard.errors) {
        this.close();
        this.on.state?.("refused");
        const messages = heard.errors as { message?: string; errorType?: string }[];
        this.on.refused?.(messages.map((error) => error.message ?? error.errorType).join("; "));
        return;
      }
      this.watch();
    };
  }

  /** A connection on which nothing is heard for so long is lost, whatever TCP says. */
  private watch(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.lost(), this.patience);
  }

  /** Timers do not run while a machine sleeps; its connection is dead, and says so late. */
  private tick(): void {
    const slept = Date.now() - this.ticked > ASLEEP_MS;
    this.ticked = Date.now();
    if (slept) {
      this.tries = 0;
      this.lost();
    }
  }

  private lost(): void {
    if (this.isOver) return;
    this.on.state?.("connection lost");
    const longest = Math.min(FIRST_PAUSE_MS * 2 ** this.tries++, LONGEST_PAUSE_MS);
    this.again(longest / 2 + (Math.random() * longest) / 2);
  }

  private again(after: number): void {
    this.drop();
    this.timer = setTimeout(() => void this.connect(), after);
  }

  private drop(): void {
    clearTimeout(this.timer);
    const { socket } = this;
    this.socket = undefined;
    if (socket === undefined) return;
    socket.onopen = socket.onclose = socket.onmessage = null;
    socket.close();
  }
}

/** How a page reaches its stack. */
export interface Stack {
  /** The output HttpApiUrl; "" if the page is served beside the API. */
  api: string;
  places: Places;
  tenant: string;
  /** Who asks, such as `{ authorization: token }`; called for each request. */
  headers(): Headers | Promise<Headers>;
}

export interface Watch<A> {
  /** The rows as they are shown, by code; and the codes that have changed since the last call. */
  change(rows: Row<A>[], changed: string[]): void;
  state?: On["state"];
  event?: On["event"];
  refused?: On["refused"];
  /** The cursor of an earlier page: what has changed since then is named by `change`. */
  cursor?: string;
}

interface Hope<A> {
  key: string;
  row: Row<A>;
  version?: number;
}

/** All items of a type that this person may read, as they are, and as a person has changed them. */
export class Items<A = Record<string, unknown>> {
  private readonly rows = new Map<string, Row<A>>();
  private readonly seen: Map<string, number>;
  private readonly hopes = new Map<string, Hope<A>>();
  private subscription?: Subscription;
  private isOver = false;
  private reading = Promise.resolve();

  constructor(
    private readonly stack: Stack,
    private readonly type: string,
    private readonly watch: Watch<A>,
  ) {
    this.seen = new Map(JSON.parse(watch.cursor ?? "[]"));
    void channelOf(stack.tenant, "command", type, "*").then((channel) => {
      if (this.isOver) return;
      this.subscription = new Subscription(stack.places, () => stack.headers(), channel, {
        state: (text) => watch.state?.(text),
        ready: () => this.read(() => this.readAll()),
        event: (event) => {
          watch.event?.(event);
          const { code, version = 0, outcome = "" } = event.content;
          if (code !== undefined) this.read(() => this.readOne(code, version, outcome));
        },
        refused: (message) => watch.refused?.(message),
      });
    });
  }

  /** The version of each item that was seen; keep it to know later what has changed. */
  get cursor(): string {
    return JSON.stringify([...this.seen]);
  }

  close(): void {
    this.isOver = true;
    this.subscription?.close();
  }

  /** Publish a version: it is shown at once, and taken back if the stack refuses it. */
  async publish(code: string, change: Change<A>): Promise<number> {
    const { name, attributes } = change;
    const version = change.version ?? this.rows.get(code)?.version ?? 0;
    const key = crypto.randomUUID();
    const row = { code, name, attributes, version: version + 1, pending: true };
    this.hopes.set(code, { key, row });
    this.tell([code]);
    const mine = (): Hope<A> | undefined => {
      const hope = this.hopes.get(code);
      return hope?.key === key ? hope : undefined;
    };
    try {
      const body = JSON.stringify({ type: this.type, code, name, attributes, version });
      const answer = await this.ask<{ version: number; unchanged?: boolean }>("/commands", {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": key },
        body,
      });
      const hope = mine();
      if (hope) hope.version = answer.version;
      this.read(() => this.settle(code));
      return answer.version;
    } catch (problem) {
      if (mine()) this.hopes.delete(code);
      this.tell([code]);
      throw problem;
    }
  }

  /** Reads run one after the other, so that an older answer never comes after a newer one. */
  private read(what: () => Promise<void>): void {
    this.reading = this.reading.then(what).catch((problem) => {
      if (!this.isOver) this.watch.refused?.(String(problem.message));
    });
  }

  private async readAll(): Promise<void> {
    const found: Row<A>[] = [];
    let cursor: string | undefined;
    do {
      const more = cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      const path = `/data?type=${encodeURIComponent(this.type)}&limit=${PAGE}${more}`;
      const page = await this.ask<{ items: Row<A>[]; nextCursor?: string }>(path);
      found.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    const codes = new Set(found.map((row) => row.code));
    const gone = [...this.seen.keys()].filter((code) => !codes.has(code));
    for (const code of gone) this.forget(code);
    const changed = found.filter((row) => this.keep(row)).map((row) => row.code);
    this.tell([...gone, ...changed]);
    for (const code of this.hopes.keys()) await this.settle(code);
  }

  private async readOne(code: string, version: number, outcome: string): Promise<void> {
    const hope = this.hopes.get(code);
    if (hope?.version !== undefined && hope.version <= version && CLOSED.includes(outcome)) {
      this.hopes.delete(code);
    }
    try {
      const item = await this.ask<Row<A>>(`/data/${pathOf(this.type)}/${pathOf(code)}`);
      this.keep(item);
    } catch (problem) {
      if (!(problem instanceof Problem && [404, 410].includes(problem.status))) throw problem;
      this.forget(code);
    }
    this.tell([code]);
  }

  /** Look how a hope has ended, whose end was perhaps told while nobody listened. */
  private async settle(code: string): Promise<void> {
    const version = this.hopes.get(code)?.version;
    if (version === undefined) return;
    const path = `/commands/${pathOf(this.type)}/${pathOf(code)}/${version}`;
    const { outcome } = await this.ask<{ outcome: string }>(path);
    if (CLOSED.includes(outcome)) await this.readOne(code, version, outcome);
  }

  private keep(row: Row<A>): boolean {
    const { code, name, attributes, version, outcome } = row;
    const known = this.rows.get(code);
    const isNew = this.seen.get(code) !== version || known?.outcome !== outcome;
    this.rows.set(code, { code, name, attributes, version, outcome });
    this.seen.set(code, version);
    return isNew;
  }

  private forget(code: string): void {
    this.rows.delete(code);
    this.seen.delete(code);
  }

  private tell(changed: string[]): void {
    if (this.isOver || changed.length === 0) return;
    const shown = new Map(this.rows);
    for (const [code, hope] of this.hopes) shown.set(code, hope.row);
    const ordered = [...shown.values()].sort((a, b) => (a.code < b.code ? -1 : 1));
    this.watch.change(ordered, changed);
  }

  /** A request that is repeated while the network or the stack is away; it has a key if it writes. */
  private async ask<T>(path: string, init: RequestInit = {}): Promise<T> {
    for (let wait = FIRST_PAUSE_MS; ; wait = Math.min(wait * 2, LONGEST_PAUSE_MS)) {
      const headers = { ...(await this.stack.headers()), ...(init.headers as Headers) };
      const answer = await fetch(this.stack.api + path, { ...init, headers }).catch(() => null);
      if (answer?.ok) return (await answer.json()) as T;
      const isAway = answer === null || answer.status === 429 || answer.status === 503;
      if (!isAway || this.isOver) {
        throw new Problem(answer?.status ?? 0, (await answer?.json().catch(() => null)) ?? {});
      }
      await pause(wait);
    }
  }
}
