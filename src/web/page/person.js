// A dialog about one member: how it is, and its key, which is compared by voice and then trusted.

import { visible } from "./talk.js";
import { $, make } from "./view.js";

const KEYS = {
  unknown: "not told", new: "seen for the first time under this name", known: "the one that was seen under this name before",
  verified: "verified", changed: "NOT the one that was seen under this name before: it may be somebody else",
};

export class Person {
  #talk;
  #ask;
  #refused;
  #name = "";

  // `ask(op, answered)` asks the gateway, `refused(answer)` tells of an error.
  constructor(talk, ask, refused) {
    [this.#talk, this.#ask, this.#refused] = [talk, ask, refused];
    $("person-compare").addEventListener("click", () => this.compare(this.#name));
    $("person-trust").addEventListener("click", () => (this.trust(this.#name), $("person").close()));
    $("person").addEventListener("close", () => $("text").focus());
  }

  // What is known of the member of that name.
  show(name) {
    this.#wanted({ op: "whois", name }, "presence", (o) => this.#draw(o, null));
  }

  // What both read to each other.
  compare(name) {
    this.#wanted({ op: "verify", name }, "fingerprints", (o) => this.#draw(o, o));
  }

  trust(name) {
    this.#wanted({ op: "trust", name }, "presence", (o) => this.#talk.say(`the key of ${o.name} is verified now`));
  }

  #wanted(op, type, does) {
    this.#ask(op, (answer) => (answer.type === "error" ? this.#refused(answer) : this.#talk.expect(type, does)));
  }

  #draw(object, prints) {
    const member = { ...this.#talk.members.get(object.id), name: object.name };
    const me = object.id === this.#talk.me.id;
    const key = object.key ?? (object.verified ? "verified" : member.key);
    const known = [
      ["State", member.away == null ? "here" : `away ${member.away}`],
      ["Rooms", (member.rooms ?? []).map((room) => `#${room}`).join(" ")],
      ["Address", member.addr], ["Round trip", member.rtt_us && `${(member.rtt_us / 1000).toFixed(1)} ms`], ["Id", object.id],
    ];
    const compared = prints ? [["Theirs", prints.fingerprint], ["Yours", prints.own]] : known;
    const rows = [["Key", me ? "your own" : KEYS[key]], ...compared];
    this.#name = object.name;
    $("person-name").textContent = visible(object.name);
    $("person-list").replaceChildren(...rows.filter(([, value]) => value).flatMap(([what, value]) => [
      make("dt", {}, what), make("dd", { class: ["Theirs", "Yours", "Id"].includes(what) ? "digits" : "" }, visible(value)),
    ]));
    $("person-how").hidden = !prints;
    $("person-trust").hidden = !prints || key === "verified";
    $("person-compare").hidden = Boolean(prints) || me;
    if (!$("person").open) {
      $("person").showModal();
    }
    // The button that had the focus may be gone.
    const first = [...$("person").querySelectorAll("button")].find((button) => !button.hidden);
    first.focus();
  }
}
