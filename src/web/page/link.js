// The way to the gateway: one WebSocket, opened again whenever it is lost. What was asked for and
// not answered when it is lost is told as not done: nothing looks sent that is not.

const FIRST_WAIT = 500;
const LONGEST_WAIT = 10_000;

export class Link {
  #socket = null;
  #wait = FIRST_WAIT;
  #next = 1;
  #asked = new Map();
  #heard;
  #changed;
  #token;

  // `heard(object)` is called for each object, `changed(state, words)` with connecting, open, lost
  // or refused.
  constructor(token, heard, changed) {
    [this.#token, this.#heard, this.#changed] = [token, heard, changed];
    addEventListener("online", () => this.#socket ?? this.open());
  }

  open() {
    if (!this.#token) {
      return this.#changed("refused", "open the address that the gateway printed: this one lacks its token");
    }
    this.#changed("connecting", "connecting…");
    const socket = new WebSocket(`ws://${location.host}/ws`);
    this.#socket = socket;
    socket.onopen = () => socket.send(this.#token);
    socket.onmessage = (event) => this.#take(JSON.parse(event.data));
    socket.onclose = (event) => this.#closed(event);
  }

  // Asks for something; `answered(object)` is called with its ack or error.
  ask(op, answered = () => {}) {
    if (this.#socket?.readyState !== WebSocket.OPEN) {
      return answered({ type: "error", code: "unsent", message: "not connected", hint: "" });
    }
    const ref = String(this.#next++);
    this.#asked.set(ref, answered);
    this.#socket.send(JSON.stringify({ ...op, ref }));
  }

  #take(object) {
    const answers = object.type === "ack" || object.type === "error";
    const answered = answers ? this.#asked.get(object.ref) : undefined;
    if (answered) {
      this.#asked.delete(object.ref);
      answered(object);
    } else {
      this.#heard(object);
    }
    if (object.type === "hello") {
      this.#wait = FIRST_WAIT;
      this.#changed("open", "");
    }
  }

  #closed(event) {
    this.#socket = null;
    const left = [...this.#asked.values()];
    this.#asked.clear();
    left.forEach((answered) => answered({ type: "error", code: "lost", message: "the connection was lost", hint: "" }));
    if (event.code === 4001) {
      return this.#changed("refused", event.reason);
    }
    const wait = this.#wait * (0.75 + Math.random() / 2);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    this.#changed("lost", `not connected to the gateway: trying again in ${Math.ceil(wait / 1000)} s`);
    setTimeout(() => this.#socket ?? this.open(), wait);
  }
}
