// Ties the three together: what is typed becomes operations, what comes is drawn.

import { COMMANDS, candidates } from "./commands.js";
import { Complete } from "./complete.js";
import { Link } from "./link.js";
import { Person } from "./person.js";
import { Talk, visible } from "./talk.js";
import { $, View, make } from "./view.js";

// What a message is to be, beside a message of its own: an answer, another text.
let about = null;
let typed = 0;
let mine = [];

const view = new View({ go, take, deed, again, own, about: (name) => person.show(name) });
const talk = new Talk(view);
view.show(talk);
const link = new Link(location.hash.slice(1), (object) => talk.take(object), state);

const person = new Person(talk, (op, answered) => link.ask(op, answered), refused);
const complete = new Complete($("text"), (before, word) => candidates(talk, before, word), fit);

function state(kind, words) {
  const open = kind === "open";
  $("state").dataset.tone = open || kind === "connecting" ? "" : "bad";
  const group = make("span", { class: "more" }, ` to ${visible(talk.group)}`);
  const lock = talk.encrypted ? ", locked by a passphrase" : ", open: anyone on this network can read it";
  $("state").replaceChildren(...(open ? [`connected as ${visible(talk.me.name)}`, group, lock] : [words]));
}

// ---- saying ----

function submit(event) {
  event?.preventDefault();
  const text = $("text").value.replace(/\s+$/, "");
  if (!text) {
    return;
  }
  if (text[0] === "/" && text[1] !== "/" && !about) {
    if (!command(text)) {
      return;
    }
  } else {
    say(text.startsWith("//") ? text.slice(1) : text);
  }
  $("text").value = "";
  fit();
}

const TURNS = new Map([["#", "pass"], ["Exit", "exit"]]);

function say(text, more = {}) {
  const key = more.key ?? talk.present;
  const turn = !more.op && !about && talk.room(key).floor && TURNS.get(text.trim());
  if (turn) {
    return link.ask({ op: "floor", room: key.slice(1), turn }, refused);
  }
  if (about?.deed === "edit") {
    link.ask({ op: "edit", id: about.row.id, text }, refused);
    return end();
  }
  const act = Boolean(more.act);
  const row = more.op ? null : talk.waiting(text, key, act);
  const reply = about?.deed === "reply" ? { reply_to: about.row.id } : {};
  end();
  send({ ...address(key), ...(more.op && { op: more.op }), text, act, ...reply }, row);
  view.bottom();
}

const address = (key) => (key[0] === "@" ? { op: "dm", to: key.slice(1) } : { op: "send", room: key.slice(1) });

function send(op, row) {
  if (row) {
    Object.assign(row, { failed: null, lost: false, op });
    view.changed(row);
    mine = [...mine.filter((other) => other !== row), row];
  }
  link.ask(op, (answer) => {
    if (answer.type === "ack") {
      row && (row.ack = answer.id);
      row && talk.messages.has(answer.id) && settle(row);
    } else if (row) {
      // Where the connection was lost, it may have been sent: it is looked out for.
      row.lost = answer.code === "lost";
      mine = mine.filter((other) => row.lost || other !== row);
      row.failed = row.lost ? "not known to be sent" : `not sent: ${answer.message}`;
      view.changed(row);
    } else {
      refused(answer);
    }
  });
}

// One's own message came back in its place: what stood for it goes.
function own(message) {
  const found = (row) => row.lost && row.text === message.text && row.room === message.room;
  const row = mine.find((other) => other.ack === message.id) ?? mine.find(found);
  row && settle(row);
}

function settle(row) {
  mine = mine.filter((other) => other !== row);
  talk.withdraw(row);
}

function again(row) {
  send(row.op, row);
}

function refused(answer) {
  if (answer.type === "error") {
    talk.say(answer.hint ? `${answer.message} (${answer.hint})` : answer.message, "bad");
  }
}

// Does what a line asks for; whether it was understood. Nothing of it is ever said.
function command(line) {
  const [, word, rest] = line.match(/^\/(\S*)\s*([\s\S]*)$/);
  const has = (commands) => Object.hasOwn(commands, word) && commands[word];
  const does = (rest && has(WITH_WORDS)) || has(ALONE);
  if (!does) {
    talk.say(`/${word} is not understood here, and was not sent; /help lists what is`, "bad");
    return false;
  }
  does(rest);
  return true;
}

const ask = (op) => link.ask(op, refused);
const here = () => (talk.present[0] === "#" ? talk.present.slice(1) : undefined);

const WITH_WORDS = {
  me: (act) => say(act, { act: true }),
  msg: (words) => {
    const [, name, text] = words.match(/^(\S+)\s*([\s\S]*)$/);
    go(`@${name}`);
    text && say(text);
  },
  all: (text) => say(text, { op: "all" }),
  any: (text) => say(text, { op: "any" }),
  room: (name) => enter(name.replace(/^#/, "")),
  nick: (name) => ask({ op: "nick", name }),
  floor: (turn) => ask({ op: "floor", room: here(), turn }),
  ignore: (name) => ask({ op: "ignore", name }),
  whois: (name) => person.show(name),
  verify: (name) => person.compare(name),
  trust: (name) => person.trust(name),
  get: (id) => ask({ op: "get", id }),
  search: (words) => search(words),
  reply: (text) => last(false, (row) => ((about = { deed: "reply", row }), say(text))),
  react: (text) => last(false, ({ id }) => ask({ op: "react", id, text })),
  edit: (text) => last(true, ({ id }) => ask({ op: "edit", id, text })),
};
const ALONE = {
  leave: () => leave(),
  help: () => help(),
  topic: (text) => ask({ op: "topic", room: here(), text }),
  away: (away) => ask({ op: "presence", away }),
  back: () => ask({ op: "presence" }),
  delete: () => last(true, (row) => deed("delete", row)),
  who: () => look("people", "member-list"),
  files: () => look("people", "file-list"),
  rooms: () => look("rooms", "room-list"),
  clear: () => talk.clear(),
};

// Does something with the last message here, one's own or another's.
function last(own, does) {
  const row = talk.last(own);
  row ? does(row) : talk.say("there is no message for that", "bad");
}

// Goes to a list at the side.
function look(side, list) {
  const first = () => [...$(list).querySelectorAll("button")].find((button) => button.checkVisibility());
  first() ?? drawer(side);
  first()?.focus();
}

// ---- going about ----

function go(key) {
  drawer(null);
  talk.go(key);
  $("text").focus();
}

function enter(room) {
  link.ask({ op: "room", room }, (answer) => (answer.type === "ack" ? go(`#${room}`) : refused(answer)));
}

function leave() {
  const key = talk.present;
  if (talk.rooms.size < 2) {
    return talk.say("this is the only room", "bad");
  }
  key[0] === "#" && link.ask({ op: "leave", room: key.slice(1) }, refused);
  talk.rooms.delete(key);
  go(talk.rooms.keys().next().value);
}

function take(file) {
  link.ask({ op: "get", id: file.id ?? file.name }, refused);
}

function deed(what, row) {
  if (what === "delete") {
    $("sure-text").textContent = `Whoever has read it has read it: ${visible(row.text).slice(0, 300)}`;
    return asked("sure", () => link.ask({ op: "delete", id: row.id }, refused));
  }
  if (what === "react") {
    $("react-text").value = "";
    return asked("react", () => link.ask({ op: "react", id: row.id, text: $("react-text").value.trim() }, refused));
  }
  about = { deed: what, row };
  $("about").hidden = false;
  $("about-text").textContent = what === "edit" ? "another text for your message" : `↪ ${visible(row.plain)}: ${visible(row.text)}`;
  if (what === "edit") {
    $("text").value = row.text;
    fit();
  }
  $("text").focus();
}

// Opens a dialog, and does `then` where it is answered with yes.
function asked(id, then) {
  const dialog = $(id);
  dialog.returnValue = "no";
  dialog.onclose = () => {
    dialog.returnValue === "go" && then();
    $("text").focus();
  };
  dialog.showModal();
}

function end() {
  about = null;
  $("about").hidden = true;
}

function search(words) {
  const found = [];
  link.ask({ op: "search", text: words }, (answer) => {
    if (answer.type === "error") {
      return refused(answer);
    }
    talk.found = { left: answer.count ?? 0, found };
    answer.count || results(words, found);
    talk.found.done = () => results(words, found);
  });
}

function results(words, found) {
  talk.found = null;
  $("found-title").textContent = `${found.length} with “${words}”`;
  $("found-list").replaceChildren(...found.map((o) => make("article", { class: "first" },
    make("time", { datetime: o.ts }, new Date(o.ts).toLocaleDateString([], { day: "numeric", month: "short" })),
    make("div", {}, make("span", { class: "head" }, visible(o.guest ?? o.from.name)), make("span", { class: "mark" }, ` #${visible(o.room)}`), make("div", { class: "text", dir: "auto" }, visible(o.text))))));
  $("found").showModal();
}

function help() {
  $("help-list").replaceChildren(...COMMANDS.flatMap(([what, does]) => [make("dt", {}, what), make("dd", {}, does)]));
  $("help").showModal();
}

// On a narrow screen the sides lie over the messages, one at a time.
function drawer(id) {
  for (const side of ["rooms", "people"]) {
    const shown = side === id && !$(side).classList.contains("shown");
    $(side).classList.toggle("shown", shown);
    $(`show-${side}`).setAttribute("aria-expanded", String(shown));
  }
}

// The field is as high as its text, where the browser does not see to that.
function fit() {
  const field = $("text");
  if (!CSS.supports("field-sizing", "content")) {
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight + 2}px`;
  }
}

function writing() {
  fit();
  const now = Date.now();
  if (talk.present[0] === "#" && now - typed > 3_000 && $("text").value && $("text").value[0] !== "/") {
    typed = now;
    link.ask({ op: "typing", room: talk.present.slice(1) });
  }
}

// ---- keys ----

function key(event) {
  const article = document.activeElement.closest?.("#log article");
  if (event.target === $("text") && complete.key(event)) {
    return event.preventDefault();
  }
  if (event.target === $("text")) {
    if (event.key === "Enter" && !event.shiftKey && !event.altKey && !event.isComposing) {
      submit(event);
    } else if (event.key === "Enter" && event.altKey) {
      $("text").setRangeText("\n", $("text").selectionStart, $("text").selectionEnd, "end");
      fit();
    } else if (event.key === "ArrowUp" && !$("text").value) {
      event.preventDefault();
      view.move(0);
    }
  } else if (event.target === $("log") || article) {
    over(event, article);
  }
  if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
    end();
    drawer(null);
    $("text").focus();
  } else if (event.key === "F6" && event.ctrlKey) {
    $("words").focus();
  } else if (event.altKey && /^[1-9]$/.test(event.key)) {
    const button = $("room-list").querySelectorAll("button")[event.key - 1];
    button && (event.preventDefault(), button.click());
  }
}

// Keys while a message, or all of them, have the focus.
function over(event, article) {
  const deeds = { r: "reply", "+": "react", e: "edit", d: "delete" };
  const row = article?.message;
  if (event.key === "ArrowUp" || event.key === "ArrowDown") {
    event.preventDefault();
    view.move(event.key === "ArrowUp" ? -1 : 1);
  } else if (event.key === "End" || event.key === "Home") {
    event.key === "End" ? view.bottom() : ($("log").scrollTop = 0);
  } else if (row?.id && deeds[event.key] && !event.ctrlKey && !event.altKey && !event.metaKey) {
    if (row.own || "r+".includes(event.key)) {
      event.preventDefault();
      deed(deeds[event.key], row);
    }
  }
}

$("compose").addEventListener("submit", submit);
$("text").addEventListener("input", writing);
$("about-end").addEventListener("click", () => (end(), $("text").focus()));
$("skip").addEventListener("click", () => $("text").focus());
$("search").addEventListener("submit", (event) => (event.preventDefault(), $("words").value && search($("words").value)));
$("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  const room = $("enter-room").value.trim().replace(/^#/, "");
  $("enter-room").value = "";
  room && enter(room);
});
$("show-rooms").addEventListener("click", () => drawer("rooms"));
$("show-people").addEventListener("click", () => drawer("people"));
document.addEventListener("keydown", key);
document.addEventListener("visibilitychange", () => !document.hidden && talk.room(talk.present).unread && talk.go(talk.present));
for (const emoji of ["👍", "❤️", "😂", "🎉", "😮", "😢", "👀", "✅"]) {
  const button = make("button", { value: "go" }, emoji);
  button.addEventListener("click", () => ($("react-text").value = emoji));
  $("react-list").append(button);
}
$("react-no").addEventListener("click", () => $("react").close("no"));
// Enter in the field is the word in it, not the first emoji.
$("react-text").addEventListener("keydown", (event) => event.key === "Enter" && (event.preventDefault(), $("react").close("go")));
link.open();
$("text").focus();
