// Commands and keys in words, and what Tab may make of what is typed.

export const COMMANDS = [
  ["/me ACT", "say what you do"], ["/msg NAME TEXT", "say something to one member alone"],
  ["/all TEXT", "say something in all rooms"], ["/any TEXT", "say something to any one member: the nearest takes it"],
  ["/reply TEXT", "answer the last message here"], ["/react EMOJI", "say what you think of it"],
  ["/edit TEXT", "give your last message another text"], ["/delete", "take it back"],
  ["/room NAME", "go into a room"], ["/leave", "leave this room"], ["/rooms", "the rooms"], ["/topic TEXT", "say what this room is about"],
  ["/nick NAME", "take another name"], ["/away TEXT", "nobody is at this keyboard"], ["/back", "somebody is again"],
  ["/floor on|off|ask|pass|exit", "take turns in this room; then # passes the floor on, Exit leaves it"],
  ["/who", "who is here"], ["/whois NAME", "what is known of a member"], ["/ignore NAME", "fold what somebody says; again: no longer"],
  ["/verify NAME", "compare keys by voice"], ["/trust NAME", "take a key for its owner's"],
  ["/files", "the files that are offered"], ["/get NAME", "take one"],
  ["/search WORDS", "search what is kept"], ["/clear", "empty this room on this page"], ["/help", "this list"], ["//x", "say a literal /x"],
  ["Enter", "sends; Shift+Enter or Alt+Enter begins a new line"],
  ["Tab", "completes a command, a room or a name; again: the next that fits"],
  ["↑ in an empty field", "goes to the messages; ↑ ↓ move, Escape comes back"],
  ["r + e d on a message", "reply, react, edit, delete"], ["Alt+1…9", "goes to a room"], ["Ctrl+F6", "searches"],
];

// These want a name, also before a letter of it is typed.
const OF_NAMES = ["msg", "ignore", "whois", "verify", "trust"];

// What the word that is being typed after `before` may become.
export function candidates(talk, before, word) {
  const command = before.match(/^\/(\S+)\s/)?.[1];
  const rooms = [...talk.rooms.keys()].filter((key) => key[0] === "#");
  if (before === "" && word[0] === "/") {
    return COMMANDS.map(([use]) => use.match(/^\/[a-z]+/)?.[0]).filter(Boolean).map((use) => `${use} `);
  }
  if (command === "room") {
    return rooms.map((key) => `${key.slice(1)} `);
  }
  if (command === "floor") {
    return ["on", "off", "ask", "pass", "exit"];
  }
  if (command === "get") {
    return [...talk.files.values()].map((file) => file.name);
  }
  if (word[0] === "#") {
    return rooms.map((key) => `${key} `);
  }
  const [mark, end] = word[0] === "@" ? ["@", " "] : ["", before === "" ? ": " : " "];
  return word || OF_NAMES.includes(command) ? talk.others().map((name) => `${mark}${name}${end}`) : [];
}
