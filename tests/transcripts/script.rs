//! A transcript as it is written: a title in lines that begin with `#`, then blocks of one command,
//! a line `----`, and what came of it up to the next empty line.
//!
//! | command | |
//! |---|---|
//! | `members 3 delay 10ms window 20000B` | a world of A, B, C; every way takes that long (1 ms) |
//! | `start A B` | they begin; without names all do |
//! | `gather ABC` | the same, a second apart, and nothing is told of it: A is the oldest |
//! | `run 500ms` | time passes |
//! | `skip 3s` | time passes, and nothing is told of it |
//! | `until "A  sends CUT" within 2s` | time passes up to the event of which a line says so |
//! | `settle` | time passes until all are at rest |
//! | `say A agreed "hello"` | fifo, causal, agreed or safe; `8000B` for a long one |
//! | `leave A`, `crash A`, `restart A`, `recall A` | recall: it comes back with its archive |
//! | `pause A`, `resume A` | |
//! | `partition AB CD`, `isolate A`, `cut A B`, `rejoin` | cut: B does not hear A |
//! | `lose INSTALL A BC 2` | the next (2) such packets of A do not reach B and C |
//! | `show heartbeats`, `show receipts` | what is not told otherwise |
//! | `hide "sends NACK"` | lines that say so are not told |
//! | `heard`, `views` | what each delivered; where each is |

/// Between a command and what came of it.
const RULE: &str = "----";

/// What is to be played.
pub struct Script {
    /// With the `#`, and a line end after each line.
    pub title: String,
    pub commands: Vec<String>,
}

impl Script {
    pub fn read(text: &str) -> Self {
        let (mut title, mut commands) = (String::new(), Vec::new());
        let mut told = false;
        for line in text.lines().map(str::trim_end) {
            if line.starts_with('#') {
                title += &format!("{line}\n");
            } else if line.is_empty() {
                told = false;
            } else if line == RULE {
                told = true;
            } else if !told {
                commands.push(line.to_owned());
            }
        }
        Self { title, commands }
    }
}

#[test]
fn a_script_is_its_commands_without_what_came_of_them() {
    let script = Script::read("# A title.\n\nstart\n----\n0.0  A  starts\n\nrun 1s\nskip 2s\n");
    assert_eq!(script.title, "# A title.\n");
    assert_eq!(script.commands, ["start", "run 1s", "skip 2s"]);
}
