// The conversation as the gateway tells it: objects in, and what is known of rooms, messages,
// members and files. Draws nothing.

// So many messages are kept, over all rooms; and so many for each.
export const MOST = 2_000;
const MOST_IN_ROOM = 1_000;
// Somebody who writes is shown as writing for so long.
const TYPING = 6_000;

// What must not be drawn: controls, and what lets text run the other way than it is read.
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

export const visible = (text) =>
  String(text).replace(UNSAFE, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);

export class Talk {
  me = { id: "", name: "me" };
  group = "";
  encrypted = false;
  members = new Map();
  rooms = new Map();
  messages = new Map();
  files = new Map();
  present = "#general";
  loaded = false;
  // What a search finds comes as messages, so many as its answer said.
  found = null;
  #away = false;
  // The object that follows an answer, and what is to be done with it.
  #expected = null;

  // `drawn` is told what changed: see the calls below.
  constructor(drawn) {
    this.drawn = drawn;
  }

  // The room of that key (`#general`, `@bo`), made if need be.
  room(key) {
    if (!this.rooms.has(key)) {
      this.rooms.set(key, { key, rows: [], unread: 0, loud: false, topic: "", first: null, typing: new Map(), floor: null, seen: 0 });
    }
    return this.rooms.get(key);
  }

  take(object) {
    const known = this[`on_${object.type}`];
    if (known) {
      known.call(this, object);
    }
    if (this.#expected?.type === object.type) {
      const { does } = this.#expected;
      this.#expected = null;
      does(object);
    }
  }

  expect(type, does) {
    this.#expected = { type, does };
  }

  on_hello(o) {
    this.#away = this.loaded;
    this.loaded = false;
    this.#expected = null;
    this.me = { id: o.self.id, name: o.self.name, session: o.self.session };
    this.group = `${o.group} over ${o.transport}`;
    this.encrypted = o.encrypted;
    this.drawn.hello();
  }

  on_sync(o) {
    if (!this.loaded) {
      this.loaded = true;
      this.#away = false;
      this.rooms.forEach((room) => (room.missed = false));
      this.drawn.all();
    } else if (o.history > 0) {
      this.#notice(`caught up: ${o.history} messages`);
    }
  }

  on_view(o) {
    this.members = new Map(o.members.map((member) => [member.id, member]));
    this.divided = !o.primary && o.number > 0;
    const own = o.members.find((member) => member.me);
    if (own) {
      this.me.name = own.name;
      (own.rooms ?? []).forEach((room) => this.room(`#${room}`));
    }
    this.drawn.people();
  }

  on_join(o) {
    this.members.set(o.id, { ...o, state: "alive" });
    this.#notice(`${o.name} joined`, "", true);
    this.drawn.people();
  }

  on_leave(o) {
    this.members.delete(o.id);
    const why = { quit: "left", timeout: "is not heard any more", restart: "starts again", partition: "is cut off" };
    this.#notice(`${o.name} ${why[o.reason] ?? "left"}`, "", true);
    this.drawn.people();
  }

  on_nick(o) {
    const member = this.members.get(o.id);
    if (member) {
      member.name = o.name;
    }
    if (o.id === this.me.id) {
      this.me.name = o.name;
    }
    this.#notice(`${o.old} is now called ${o.name}`);
    this.drawn.people();
  }

  on_presence(o) {
    const member = this.members.get(o.id);
    if (!member) {
      return;
    }
    if (o.id === this.me.id) {
      o.rooms.forEach((room) => this.room(`#${room}`));
      this.drawn.rooms();
    }
    const was = member.away;
    Object.assign(member, { away: o.away ?? null, rooms: o.rooms, key: o.key, verified: o.key === "verified" });
    if (o.key === "changed" && this.#expected?.type !== "presence") {
      this.#notice(`the key of ${o.name} is not the one it had: it may be somebody else`, "bad");
    }
    if ((was ?? null) !== (o.away ?? null)) {
      this.#notice(o.away == null ? `${o.name} is back` : `${o.name} is away${o.away ? `: ${o.away}` : ""}`, "", true);
    }
    this.drawn.people();
  }

  on_msg(o) {
    if (this.found?.left > 0 && o.history) {
      this.found.found.push(o);
      this.found.left -= 1;
      this.found.left || this.found.done();
      return;
    }
    if (this.messages.has(o.id)) {
      return;
    }
    const own = o.from.id === this.me.id && !o.guest;
    const with_whom = own ? o.to : o.from;
    const is_private = o.to && o.reach !== "any";
    const key = is_private ? `@${with_whom.name}` : `#${o.room}`;
    const keys = o.reach === "all" ? [key, this.present].filter((k, i, all) => k[0] === "#" && all.indexOf(k) === i) : [key];
    const message = {
      row: "message", id: o.id, room: key, own, from: o.from.id,
      name: o.guest ? `${o.guest} (via ${o.from.name})` : o.from.name, plain: o.guest ?? o.from.name,
      text: o.text, act: o.kind === "act", time: new Date(o.ts), reply: o.reply_to, reach: o.reach,
      sealed: o.sealed, mention: o.mention && !own, ignored: o.ignored, edited: o.edited, deleted: o.deleted,
      late: o.history, reactions: new Map(), receipt: null,
    };
    this.messages.set(o.id, message);
    if (this.#away && !this.room(key).missed) {
      this.room(key).missed = true;
      this.#put(key, { row: "rule", text: "said while this page was not connected", loud: true });
    }
    keys.forEach((k) => this.#put(k, message));
    this.room(key).typing.delete(o.from.id);
    if (own) {
      this.drawn.own(message);
    }
    if (this.loaded && !own) {
      this.#count(key, message);
    }
    this.drawn.rooms();
  }

  // A message that is on its way to the gateway, shown until it comes back in its place.
  waiting(text, key, act) {
    const message = {
      row: "message", id: null, room: key, own: true, name: this.me.name, plain: this.me.name, text, act,
      time: new Date(), reactions: new Map(), receipt: null, waiting: true,
    };
    this.#put(key, message);
    return message;
  }

  // It came back in its place, or is given back.
  withdraw(message) {
    const room = this.room(message.room);
    room.rows = room.rows.filter((row) => row !== message);
    this.drawn.gone(message);
  }

  on_receipt(o) {
    const message = this.messages.get(o.id);
    if (message) {
      message.receipt = { have: o.delivered.length, lack: o.pending.map((id) => this.name(id)), final: o.final };
      this.drawn.changed(message);
    }
  }

  on_edit(o) {
    this.#change(o.id, (message) => Object.assign(message, { text: o.text, edited: true }));
  }

  on_delete(o) {
    this.#change(o.id, (message) => Object.assign(message, { text: "", deleted: true }));
  }

  on_react(o) {
    const who = o.guest ?? o.from.name;
    this.#change(o.id, ({ reactions }) => (o.reaction ? reactions.set(who, o.reaction) : reactions.delete(who)));
  }

  on_topic(o) {
    this.room(`#${o.room}`).topic = o.text;
    if (this.loaded && !o.history) {
      this.#put(`#${o.room}`, { row: "notice", text: o.text ? `${o.from.name}: this room is about: ${o.text}` : `${o.from.name} took the topic back` });
    }
    this.drawn.rooms();
  }

  on_typing(o) {
    if (o.from.id === this.me.id) {
      return;
    }
    const room = this.room(`#${o.room}`);
    room.typing.set(o.from.id, { name: o.from.name, until: Date.now() + TYPING });
    this.drawn.typing();
    setTimeout(() => this.drawn.typing(), TYPING + 50);
  }

  on_floor(o) {
    const room = this.room(`#${o.room}`);
    room.floor = o.on ? o : null;
    const waits = o.waiting.map((who) => who.name).join(", ");
    const holder = o.holder ? `${o.holder.name} has the floor` : "the floor is free";
    this.#put(room.key, { row: "notice", text: o.on ? holder + (waits ? `; next: ${waits}` : "") : "no more turns: all may speak" });
  }

  on_taken(o) {
    const message = this.messages.get(o.id);
    if (message) {
      message.taken = o.by ? `taken by ${o.by.name}` : "taken by nobody";
      this.drawn.changed(message);
    }
  }

  on_room(o) {
    this.room(`#${o.room}`).topic = o.topic;
    this.drawn.rooms();
  }

  on_gap(o) {
    const key = `${o.from} ${o.first}`;
    const count = o.last - o.first + 1;
    const what = `${count} message${count > 1 ? "s" : ""} from ${this.name(o.from)}`;
    if (o.state === "lost") {
      this.#notice(`${what} cannot be had any more`, "bad");
    } else if (o.state === "requested") {
      this.#notice(`${what} not received yet, asking`, "warn", false, key);
    } else {
      for (const room of this.rooms.values()) {
        room.rows.filter((row) => row.gap === key).forEach((row) => this.withdraw(row));
      }
    }
  }

  on_file(o) {
    if (!o.id && o.event !== "failed") {
      return;
    }
    const id = o.id ?? `failed ${o.name}`;
    const file = { ...this.files.get(id), ...o };
    if (o.event === "has" || o.event === "giving") {
      file.event = this.files.get(id)?.event ?? o.event;
      file.others = o.event === "has" ? `${o.who} has it` : `${o.who} takes it`;
    }
    if (o.event === "offered" && o.who && this.loaded && !this.files.has(id)) {
      this.#notice(`${o.who} offers the file ${o.name}`);
    }
    this.files.set(id, file);
    this.drawn.files();
  }

  on_warning(o) {
    this.#notice(o.message, "warn");
  }

  on_notice(o) {
    this.#notice(o.message);
  }

  on_error(o) {
    this.#notice(o.hint ? `${o.message} (${o.hint})` : o.message, "bad");
  }

  on_bye() {
    this.#notice("the gateway has ended", "bad");
  }

  name(id) {
    return this.members.get(id)?.name ?? "somebody who left";
  }

  // Goes to a room: what was unread there no longer is.
  go(key) {
    const left = this.room(this.present);
    left.rows = left.rows.filter((row) => !(row.row === "rule" && row.unread));
    this.present = key;
    const room = this.room(key);
    if (room.unread > 0) {
      room.rows.splice(Math.max(room.rows.indexOf(room.first), 0), 0, { row: "rule", text: "new", loud: true, unread: true, room: key });
    }
    this.read();
    this.drawn.all();
  }

  // The present room was looked at.
  read() {
    Object.assign(this.room(this.present), { unread: 0, loud: false });
    this.drawn.rooms();
  }

  say(text, tone = "") {
    this.#put(this.present, { row: "notice", text, tone });
  }

  // The last message here that stands, one's own or another's.
  last(own) {
    return this.room(this.present).rows.findLast((row) => row.row === "message" && row.id && !row.deleted && row.own === own);
  }

  // Nothing of what was said here up to now is shown any more.
  clear() {
    const room = this.room(this.present);
    room.rows.forEach((row) => row.id && this.messages.delete(row.id));
    room.rows = room.rows.filter((row) => row.waiting);
    this.drawn.all();
  }

  // The names of the other members: who spoke last here comes first.
  others() {
    const last = this.room(this.present).rows.filter((row) => row.row === "message").slice(-200);
    const rank = (member) => last.findLastIndex((row) => row.from === member.id);
    const others = [...this.members.values()].filter((member) => member.id !== this.me.id);
    return others.sort((a, b) => rank(b) - rank(a) || a.name.localeCompare(b.name)).map((member) => member.name);
  }

  unread() {
    return [...this.rooms.values()].reduce((all, room) => all + room.unread, 0);
  }

  #count(key, message) {
    const room = this.room(key);
    if (key !== this.present || document.hidden) {
      room.first = room.unread ? room.first : message;
      room.unread += 1;
      room.loud ||= message.mention || key[0] === "@";
    }
  }

  #change(id, change) {
    const message = this.messages.get(id);
    if (message) {
      change(message);
      this.drawn.changed(message);
    }
  }

  // Something that concerns all: shown where one is. Runs of who comes and goes are one row.
  #notice(text, tone = "", folds = false, gap = undefined) {
    const rows = this.room(this.present).rows;
    const last = rows.at(-1);
    if (folds && last?.folds) {
      last.parts = [...last.parts, text].slice(-20);
      last.text = last.parts.join(" · ");
      this.drawn.changed(last);
      return;
    }
    this.#put(this.present, { row: "notice", text, tone, folds, gap, parts: [text] });
  }

  #put(key, row) {
    const room = this.room(key);
    row.room ??= key;
    // What waits to be sent stays last.
    const at = row.waiting ? -1 : room.rows.findIndex((other) => other.waiting);
    at < 0 ? room.rows.push(row) : room.rows.splice(at, 0, row);
    this.drawn.put(key, row);
    if (room.rows.length > MOST_IN_ROOM || this.#total() > MOST) {
      this.#forget(room.rows.length > MOST_IN_ROOM ? room : this.#fullest());
    }
  }

  #total() {
    return [...this.rooms.values()].reduce((all, room) => all + room.rows.length, 0);
  }

  #fullest() {
    return [...this.rooms.values()].reduce((a, b) => (b.rows.length > a.rows.length ? b : a));
  }

  #forget(room) {
    const row = room.rows.shift();
    if (row.id) {
      this.messages.delete(row.id);
    }
    this.drawn.gone(row);
  }
}
