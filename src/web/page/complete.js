// Tab makes a whole word of the one before the cursor, as on the screen: a command, a room, a name.
// Where several fit, a list shows them; without one to complete, Tab goes on to the next field.

import { visible } from "./talk.js";
import { $, make } from "./view.js";

export class Complete {
  #field;
  #candidates;
  #changed;
  #fits = [];
  #at = 0;
  #start = 0;
  #typed = "";
  // What was typed is to stay as it is, until something else is.
  #left = false;

  // `candidates(before, word)` gives what the word after `before` may become; `changed()` is called
  // when the field has another text.
  constructor(field, candidates, changed) {
    [this.#field, this.#candidates, this.#changed] = [field, candidates, changed];
    field.addEventListener("input", () => (this.close(), (this.#left = false)));
    field.addEventListener("blur", () => this.close());
  }

  // Takes a key in the field; whether it was one for here.
  key(event) {
    const plain = !event.ctrlKey && !event.altKey && !event.metaKey && !event.isComposing;
    if (!plain) {
      return false;
    }
    if (event.key === "Tab") {
      return this.#fits.length ? this.#move(event.shiftKey ? -1 : 1) : !event.shiftKey && this.#begin();
    }
    const keys = { ArrowDown: () => this.#move(1), ArrowUp: () => this.#move(-1), Enter: () => this.close(), Escape: () => this.#back() };
    return this.#fits.length > 0 && !event.shiftKey && Boolean(keys[event.key]?.());
  }

  close() {
    this.#fits = [];
    $("choices").hidden = true;
    $("choices-told").textContent = "";
    for (const name of ["role", "aria-expanded", "aria-activedescendant"]) {
      this.#field.removeAttribute(name);
    }
    return true;
  }

  #begin() {
    const { selectionStart: end, selectionEnd, value } = this.#field;
    if (this.#left || end !== selectionEnd || !value) {
      return false;
    }
    this.#typed = value.slice(0, end).match(/\S*$/)[0];
    this.#start = end - this.#typed.length;
    const wanted = this.#typed.toLowerCase();
    const all = this.#candidates(value.slice(0, this.#start), this.#typed);
    const fits = all.filter((word) => word.toLowerCase().startsWith(wanted));
    if (fits.length === 0) {
      return false;
    }
    this.#put(fits[0]);
    if (fits.length > 1) {
      [this.#fits, this.#at] = [fits, 0];
      this.#show();
    }
    return true;
  }

  #move(step) {
    this.#at = (this.#at + step + this.#fits.length) % this.#fits.length;
    this.#put(this.#fits[this.#at]);
    this.#mark();
    return true;
  }

  #back() {
    this.#put(this.#typed);
    this.#left = true;
    return this.close();
  }

  #put(word) {
    this.#field.setRangeText(word, this.#start, this.#field.selectionStart, "end");
    this.#changed();
  }

  #show() {
    $("choices").replaceChildren(...this.#fits.map((word, at) => {
      const option = make("li", { role: "option", id: `choice-${at}` }, visible(word.trim()));
      // Before the field loses the focus.
      option.addEventListener("mousedown", (event) => {
        event.preventDefault();
        this.#move(at - this.#at);
        this.close();
      });
      return option;
    }));
    $("choices").hidden = false;
    this.#field.setAttribute("role", "combobox");
    this.#field.setAttribute("aria-expanded", "true");
    $("choices-told").textContent = `${this.#fits.length} fit: Tab or arrows choose, Enter takes, Escape goes back`;
    this.#mark();
  }

  #mark() {
    for (const [at, option] of [...$("choices").children].entries()) {
      option.setAttribute("aria-selected", String(at === this.#at));
    }
    $("choices").children[this.#at].scrollIntoView({ block: "nearest" });
    this.#field.setAttribute("aria-activedescendant", `choice-${this.#at}`);
  }
}
