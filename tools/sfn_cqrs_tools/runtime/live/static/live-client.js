const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 8000;
const TICK_MS = 5000;
const ASLEEP_MS = 20000;
const PAGE = 100;
const CLOSED = ["APPLIED", "FAILED", "BLOCKED", "SKIPPED"];
export class Problem extends Error {
    status;
    code;
    constructor(status, body) {
        super(body.detail ?? body.message ?? `HTTP ${status}`);
        this.status = status;
        this.code = body.code ?? `HTTP ${status}`;
    }
}
const base64url = (text) => {
    const bytes = Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte));
    return btoa(bytes.join("")).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
};
export const pathOf = (text) => /^(?!\.{1,2}$)(?!~)[^/]+$/.test(text) ? encodeURIComponent(text) : `~${base64url(text)}`;
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
async function segment(text) {
    if (/^[A-Za-z0-9]([A-Za-z0-9-]{0,48}[A-Za-z0-9])?$/.test(text) && !text.startsWith("h--")) {
        return text;
    }
    const hashed = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    const hex = Array.from(new Uint8Array(hashed), (byte) => byte.toString(16).padStart(2, "0"));
    return `h--${hex.join("").slice(0, 40)}`;
}
export async function channelOf(tenant, kind, type, id) {
    const parts = await Promise.all([tenant, kind, type].map(segment));
    return `/live/${parts.join("/")}/${id === "*" ? id : await segment(id)}`;
}
export class Subscription {
    places;
    headers;
    channel;
    on;
    socket;
    tries = 0;
    patience = 15000;
    timer;
    ticked = Date.now();
    isOver = false;
    ticking = setInterval(() => this.tick(), TICK_MS);
    online = () => this.again(0);
    constructor(places, headers, channel, on) {
        this.places = places;
        this.headers = headers;
        this.channel = channel;
        this.on = on;
        globalThis.addEventListener?.("online", this.online);
        void this.connect();
    }
    close() {
        this.isOver = true;
        clearInterval(this.ticking);
        globalThis.removeEventListener?.("online", this.online);
        this.drop();
    }
    async connect() {
        this.on.state?.("connecting");
        const host = new URL(this.places.endpoint).host;
        let authorization;
        try {
            authorization = { host, ...(await this.headers()) };
        }
        catch {
            return this.lost();
        }
        if (this.isOver)
            return;
        const header = `header-${base64url(JSON.stringify(authorization))}`;
        const socket = new WebSocket(this.places.realtime, ["aws-appsync-event-ws", header]);
        const send = (message) => socket.send(JSON.stringify(message));
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
            }
            else if (heard.type === "subscribe_success") {
                this.tries = 0;
                this.on.state?.("connected");
                this.on.ready();
            }
            else if (heard.type === "data") {
                for (const event of [heard.event].flat())
                    this.on.event(JSON.parse(event));
            }
            else if (heard.errors) {
                this.close();
                this.on.state?.("refused");
                const messages = heard.errors;
                this.on.refused?.(messages.map((error) => error.message ?? error.errorType).join("; "));
                return;
            }
            this.watch();
        };
    }
    watch() {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.lost(), this.patience);
    }
    tick() {
        const slept = Date.now() - this.ticked > ASLEEP_MS;
        this.ticked = Date.now();
        if (slept) {
            this.tries = 0;
            this.lost();
        }
    }
    lost() {
        if (this.isOver)
            return;
        this.on.state?.("connection lost");
        const longest = Math.min(FIRST_PAUSE_MS * 2 ** this.tries++, LONGEST_PAUSE_MS);
        this.again(longest / 2 + (Math.random() * longest) / 2);
    }
    again(after) {
        this.drop();
        this.timer = setTimeout(() => void this.connect(), after);
    }
    drop() {
        clearTimeout(this.timer);
        const { socket } = this;
        this.socket = undefined;
        if (socket === undefined)
            return;
        socket.onopen = socket.onclose = socket.onmessage = null;
        socket.close();
    }
}
export class Items {
    stack;
    type;
    watch;
    rows = new Map();
    seen;
    hopes = new Map();
    subscription;
    isOver = false;
    reading = Promise.resolve();
    constructor(stack, type, watch) {
        this.stack = stack;
        this.type = type;
        this.watch = watch;
        this.seen = new Map(JSON.parse(watch.cursor ?? "[]"));
        void channelOf(stack.tenant, "command", type, "*").then((channel) => {
            if (this.isOver)
                return;
            this.subscription = new Subscription(stack.places, () => stack.headers(), channel, {
                state: (text) => watch.state?.(text),
                ready: () => this.read(() => this.readAll()),
                event: (event) => {
                    watch.event?.(event);
                    const { code, version = 0, outcome = "" } = event.content;
                    if (code !== undefined)
                        this.read(() => this.readOne(code, version, outcome));
                },
                refused: (message) => watch.refused?.(message),
            });
        });
    }
    get cursor() {
        return JSON.stringify([...this.seen]);
    }
    close() {
        this.isOver = true;
        this.subscription?.close();
    }
    async publish(code, change) {
        const { name, attributes } = change;
        const version = change.version ?? this.rows.get(code)?.version ?? 0;
        const key = crypto.randomUUID();
        const row = { code, name, attributes, version: version + 1, pending: true };
        this.hopes.set(code, { key, row });
        this.tell([code]);
        const mine = () => {
            const hope = this.hopes.get(code);
            return hope?.key === key ? hope : undefined;
        };
        try {
            const body = JSON.stringify({ type: this.type, code, name, attributes, version });
            const answer = await this.ask("/commands", {
                method: "POST",
                headers: { "content-type": "application/json", "idempotency-key": key },
                body,
            });
            const hope = mine();
            if (hope)
                hope.version = answer.version;
            this.read(() => this.settle(code));
            return answer.version;
        }
        catch (problem) {
            if (mine())
                this.hopes.delete(code);
            this.tell([code]);
            throw problem;
        }
    }
    read(what) {
        this.reading = this.reading.then(what).catch((problem) => {
            if (!this.isOver)
                this.watch.refused?.(String(problem.message));
        });
    }
    async readAll() {
        const found = [];
        let cursor;
        do {
            const more = cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`;
            const path = `/data?type=${encodeURIComponent(this.type)}&limit=${PAGE}${more}`;
            const page = await this.ask(path);
            found.push(...page.items);
            cursor = page.nextCursor;
        } while (cursor !== undefined);
        const codes = new Set(found.map((row) => row.code));
        const gone = [...this.seen.keys()].filter((code) => !codes.has(code));
        for (const code of gone)
            this.forget(code);
        const changed = found.filter((row) => this.keep(row)).map((row) => row.code);
        this.tell([...gone, ...changed]);
        for (const code of this.hopes.keys())
            await this.settle(code);
    }
    async readOne(code, version, outcome) {
        const hope = this.hopes.get(code);
        if (hope?.version !== undefined && hope.version <= version && CLOSED.includes(outcome)) {
            this.hopes.delete(code);
        }
        try {
            const item = await this.ask(`/data/${pathOf(this.type)}/${pathOf(code)}`);
            this.keep(item);
        }
        catch (problem) {
            if (!(problem instanceof Problem && [404, 410].includes(problem.status)))
                throw problem;
            this.forget(code);
        }
        this.tell([code]);
    }
    async settle(code) {
        const version = this.hopes.get(code)?.version;
        if (version === undefined)
            return;
        const path = `/commands/${pathOf(this.type)}/${pathOf(code)}/${version}`;
        const { outcome } = await this.ask(path);
        if (CLOSED.includes(outcome))
            await this.readOne(code, version, outcome);
    }
    keep(row) {
        const { code, name, attributes, version, outcome } = row;
        const known = this.rows.get(code);
        const isNew = this.seen.get(code) !== version || known?.outcome !== outcome;
        this.rows.set(code, { code, name, attributes, version, outcome });
        this.seen.set(code, version);
        return isNew;
    }
    forget(code) {
        this.rows.delete(code);
        this.seen.delete(code);
    }
    tell(changed) {
        if (this.isOver || changed.length === 0)
            return;
        const shown = new Map(this.rows);
        for (const [code, hope] of this.hopes)
            shown.set(code, hope.row);
        const ordered = [...shown.values()].sort((a, b) => (a.code < b.code ? -1 : 1));
        this.watch.change(ordered, changed);
    }
    async ask(path, init = {}) {
        for (let wait = FIRST_PAUSE_MS;; wait = Math.min(wait * 2, LONGEST_PAUSE_MS)) {
            const headers = { ...(await this.stack.headers()), ...init.headers };
            const answer = await fetch(this.stack.api + path, { ...init, headers }).catch(() => null);
            if (answer?.ok)
                return (await answer.json());
            const isAway = answer === null || answer.status === 429 || answer.status === 503;
            if (!isAway || this.isOver) {
                throw new Problem(answer?.status ?? 0, (await answer?.json().catch(() => null)) ?? {});
            }
            await pause(wait);
        }
    }
}
