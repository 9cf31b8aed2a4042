// Draws what is known, and nothing else. Text of others is only ever set as text: no markup is made
// of strings anywhere.

import { visible } from "./talk.js";

export const $ = (id) => document.getElementById(id);

const CLOCK = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat([], { weekday: "short", day: "numeric", month: "short" });
const LINK = /\bhttps?:[/][/][^\s<>"]+[^\s<>".,;:!?)\]]/g;

// An element with attributes and children; strings become text.
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== false && value != null) {
      element.setAttribute(key, value === true ? "" : value);
    }
  }
  element.append(...children.filter((child) => child != null && child !== false));
  return element;
}

export function bytes(count) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (count >= 1000 && unit < units.length - 1) {
    count /= 1000;
    unit += 1;
  }
  return `${count.toFixed(unit && count < 100 ? 1 : 0)} ${units[unit]}`;
}

// Text in which addresses of the web can be followed.
function linked(text) {
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(LINK)) {
    const link = make("a", { href: found[0], target: "_blank", rel: "noopener noreferrer nofollow" }, found[0]);
    parts.push(text.slice(end, found.index), link);
    end = found.index + found[0].length;
  }
  return [...parts, text.slice(end)];
}

export class View {
  #talk;
  #deeds;
  #nodes = new Map();
  #sticks = true;
  #newBelow = 0;
  #day = "";

  // `deeds` does what the buttons of a message ask for; `go` goes to a room; `take` takes a file; `about` shows a member.
  constructor(deeds) {
    this.#deeds = deeds;
    $("log").addEventListener("scroll", () => this.#scrolled());
    $("below").addEventListener("click", () => this.bottom());
    addEventListener("resize", () => this.#sticks && this.bottom());
  }

  show(talk) {
    this.#talk = talk;
  }

  // ---- what the conversation tells ----

  hello() {
    $("log").setAttribute("aria-busy", "true");
  }

  // The room that is shown, anew.
  all() {
    const talk = this.#talk;
    this.#nodes.clear();
    this.#day = "";
    $("log").replaceChildren(...talk.room(talk.present).rows.flatMap((row) => this.#row(row)));
    const rule = [...$("log").querySelectorAll(".rule.new")].at(-1);
    rule && talk.loaded ? this.#to(rule) : this.bottom();
    $("log").setAttribute("aria-busy", String(!talk.loaded));
    this.rooms();
    this.people();
    this.files();
    this.typing();
  }

  put(key, row) {
    const talk = this.#talk;
    if (key !== talk.present || !talk.loaded) {
      return;
    }
    const rows = talk.room(key).rows;
    const after = this.#nodes.get(rows[rows.indexOf(row) + 1]);
    const nodes = this.#row(row);
    after ? after.before(...nodes) : $("log").append(...nodes);
    if (this.#sticks) {
      this.bottom();
    } else if (row.row === "message" && !row.own) {
      this.#newBelow += 1;
      this.#below();
    }
  }

  changed(row) {
    const old = this.#nodes.get(row);
    if (!old) {
      return;
    }
    const focused = old.contains(document.activeElement);
    const fresh = this.#one(row, old.classList.contains("first"));
    old.replaceWith(fresh);
    if (focused) {
      fresh.focus();
    }
    if (this.#sticks) {
      this.bottom();
    }
  }

  gone(row) {
    this.#nodes.get(row)?.remove();
    this.#nodes.delete(row);
  }

  own(message) {
    this.#deeds.own(message);
  }

  rooms() {
    const talk = this.#talk;
    const keys = [...talk.rooms.keys()].sort((a, b) => (a[0] === "@") - (b[0] === "@") || a.localeCompare(b));
    $("room-list").replaceChildren(...keys.map((key) => {
      const room = talk.rooms.get(key);
      const badge = room.unread > 0 && make("span", { class: room.loud ? "badge loud" : "badge" }, String(room.unread), make("span", { class: "unseen" }, " unread"));
      const button = make("button", { type: "button", "aria-current": key === talk.present && "true" }, make("span", { class: "name" }, visible(key)), badge);
      button.addEventListener("click", () => this.#deeds.go(key));
      return make("li", {}, button);
    }));
    const unread = talk.unread();
    const here = talk.room(talk.present);
    $("elsewhere").replaceChildren(...(unread - here.unread > 0 ? [make("span", { class: "badge" }, String(unread - here.unread))] : []));
    $("room").textContent = visible(talk.present);
    $("topic").textContent = visible(here.topic);
    document.title = `${unread ? `(${unread}) ` : ""}${visible(talk.present)} – mcast-chat`;
    $("text").placeholder = `Message ${visible(talk.present)}`;
  }

  people() {
    const members = [...this.#talk.members.values()];
    $("count").textContent = ` ${members.length}`;
    $("people-title").textContent = `Here (${members.length})`;
    $("member-list").replaceChildren(...members.map((member) => this.#member(member)));
  }

  files() {
    const files = [...this.#talk.files.values()].slice(-100).reverse();
    $("files-title").hidden = files.length === 0;
    $("file-list").replaceChildren(...files.map((file) => this.#file(file)));
  }

  typing() {
    const { typing } = this.#talk.room(this.#talk.present);
    const now = Date.now();
    const names = [...typing.values()].filter((who) => who.until > now).map((who) => visible(who.name));
    const few = names.length > 3 ? "several are" : `${names.join(", ")} ${names.length > 1 ? "are" : "is"}`;
    $("typing").textContent = names.length ? `${few} writing…` : "";
  }

  // ---- rows ----

  // The nodes of a row: before the first of a day, the day.
  #row(row) {
    const nodes = [];
    const day = row.time && DAY.format(row.time);
    if (day && day !== this.#day && !row.waiting) {
      this.#day = day;
      nodes.push(make("div", { class: "rule" }, day));
    }
    const rows = this.#talk.room(this.#talk.present).rows;
    const before = rows[rows.indexOf(row) - 1];
    const first = before?.row !== "message" || before.name !== row.name || before.act || row.act || row.time - before.time > 300_000;
    nodes.push(this.#one(row, first));
    return nodes;
  }

  #one(row, first) {
    const node = row.row === "message" ? this.#message(row, first) : this.#other(row);
    this.#nodes.set(row, node);
    return node;
  }

  #other(row) {
    return make("div", { class: `${row.row} ${row.loud ? "new" : ""} ${row.tone ?? ""}` }, visible(row.text));
  }

  #message(row, first) {
    const classes = ["own", "mention", "waiting"].filter((name) => row[name]);
    const node = make("article", { class: [...classes, first && "first"].filter(Boolean).join(" "), tabindex: "-1" });
    const time = make("time", { datetime: row.time.toISOString(), title: row.time.toLocaleString() }, CLOCK.format(row.time));
    const marks = [row.reach === "all" && "to all rooms", row.reach === "any" && "to any one", row.sealed && "sealed", row.late && "earlier", row.edited && !row.deleted && "edited", row.taken];
    const marked = marks.filter(Boolean).join(", ");
    const head = make("span", { class: first ? "head" : "unseen" }, visible(row.name), first ? "" : ": ");
    const mark = marked && make("span", { class: "mark" }, ` (${marked})`);
    const body = make("div", { class: "body" }, head, mark, this.#answers(row), this.#text(row), this.#reactions(row));
    const buttons = row.id && !row.deleted && this.#buttons(row);
    node.append(...[time, body, this.#receipt(row), buttons].filter(Boolean));
    node.message = row;
    return node;
  }

  #text(row) {
    if (row.deleted) {
      return make("div", { class: "text gone" }, "taken back");
    }
    if (row.ignored && !row.shown) {
      return make("div", { class: "text gone" }, "a message of somebody you ignore");
    }
    const text = visible(row.text);
    return make("div", { class: row.act ? "text act" : "text", dir: "auto" }, ...linked(row.act ? `${visible(row.plain)} ${text}` : text));
  }

  #answers(row) {
    const other = row.reply && this.#talk.messages.get(row.reply);
    const words = other ? `${visible(other.plain)}: ${visible(other.text).slice(0, 200)}` : "an earlier message";
    return row.reply && make("div", { class: "answers" }, `↪ ${words}`);
  }

  #reactions(row) {
    const by = new Map();
    row.reactions.forEach((what, who) => by.set(what, [...(by.get(what) ?? []), who]));
    const shown = [...by].map(([what, who]) => make("span", { title: who.join(", ") }, `${visible(what)} ${who.length}`, make("span", { class: "unseen" }, ` by ${who.map(visible).join(", ")}`)));
    return shown.length > 0 && make("div", { class: "reactions" }, ...shown);
  }

  // What is not known to be sent never looks sent.
  #receipt(row) {
    if (!row.own) {
      return false;
    }
    const { receipt } = row;
    const all = receipt ? receipt.have + receipt.lack.length : 0;
    if (row.failed) {
      const again = make("button", { type: "button" }, "Again");
      again.addEventListener("click", () => this.#deeds.again(row));
      return make("span", { class: "receipt bad" }, `✗ ${visible(row.failed)} `, again);
    }
    if (!receipt) {
      return make("span", { class: "receipt" }, row.waiting ? "… sending" : "");
    }
    if (receipt.lack.length === 0) {
      return make("span", { class: "receipt", title: "all have it" }, all ? `✓${all}/${all}` : "");
    }
    const lack = receipt.lack.map(visible).join(", ");
    return receipt.final
      ? make("span", { class: "receipt bad" }, `✗ not received by ${lack}`)
      : make("span", { class: "receipt", title: `waiting for ${lack}` }, `…${receipt.have}/${all}`);
  }

  #buttons(row) {
    const deeds = row.own ? ["reply", "react", "edit", "delete"] : ["reply", "react"];
    const buttons = deeds.map((deed) => {
      const button = make("button", { type: "button", tabindex: "-1" }, deed[0].toUpperCase() + deed.slice(1));
      button.addEventListener("click", () => this.#deeds.deed(deed, row));
      return button;
    });
    return make("div", { class: "deeds" }, ...buttons);
  }

  // ---- the side ----

  #member(member) {
    const me = member.me || member.id === this.#talk.me.id;
    const state = [
      me && "you",
      member.away != null && (member.away ? `away: ${member.away}` : "away"),
      member.state === "lagging" && "slow",
      this.#talk.present[0] === "#" && member.rooms?.length > 0 && !member.rooms.includes(this.#talk.present.slice(1)) && "in another room",
      (member.verified || member.key === "verified") && "✓ key",
    ].filter(Boolean).join(", ");
    const changed = member.key === "changed" && make("span", { class: "changed" }, "another key!");
    const button = make("button", { type: "button", class: "who", title: me ? "you" : "write to this member alone" }, make("span", { class: "name" }, visible(member.name)), make("span", { class: "state" }, visible(state)), changed);
    if (!me) {
      button.addEventListener("click", () => this.#deeds.go(`@${member.name}`));
    }
    const about = make("button", { type: "button", class: "about", "aria-label": `About ${visible(member.name)}`, title: "what is known of this member, and its key" }, "i");
    about.addEventListener("click", () => this.#deeds.about(member.name));
    return make("li", {}, button, about);
  }

  #file(file) {
    const words = {
      offered: file.who ? `offered by ${file.who}` : "offered", getting: "coming", got: `here: ${file.path ?? ""}`,
      waiting: "waiting for somebody who has it", failed: `failed: ${file.why ?? ""}`, giving: "given", has: "offered by you",
    };
    const size = file.size == null ? "" : `, ${bytes(file.size)}`;
    const rate = file.event === "getting" && file.rate ? `, ${bytes(file.rate)}/s` : "";
    const item = make("li", {}, visible(file.name), make("span", { class: "state" }, visible(`${words[file.event] ?? file.event}${size}${rate}`)));
    if (file.event === "getting" && file.size) {
      item.append(make("progress", { max: file.size, value: file.done ?? 0, "aria-label": `${visible(file.name)} received` }));
    }
    if ((file.event === "offered" && file.who !== this.#talk.me.name) || file.event === "failed") {
      const button = make("button", { type: "button", "aria-label": `Take ${visible(file.name)}` }, "Take");
      button.addEventListener("click", () => this.#deeds.take(file));
      item.append(button);
    }
    return item;
  }

  // ---- where one looks ----

  bottom() {
    this.#sticks = true;
    this.#newBelow = 0;
    $("log").scrollTop = $("log").scrollHeight;
    this.#below();
  }

  #to(node) {
    node.scrollIntoView({ block: "center" });
    this.#scrolled();
  }

  #scrolled() {
    const log = $("log");
    this.#sticks = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    if (this.#sticks) {
      this.#newBelow = 0;
    }
    this.#below();
  }

  #below() {
    $("below").hidden = this.#sticks;
    $("below").textContent = this.#newBelow ? `▼ ${this.#newBelow} new below` : "▼ to the end";
  }

  // Puts the focus on the message so many further than the one that has it.
  move(step) {
    const all = [...$("log").querySelectorAll("article")];
    const at = all.indexOf(document.activeElement.closest("article"));
    const next = at < 0 ? all.at(-1) : all[Math.min(Math.max(at + step, 0), all.length - 1)];
    next?.focus();
    return next;
  }
}
