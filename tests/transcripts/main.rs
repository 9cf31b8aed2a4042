//! Golden transcripts: small stories of the protocol, commands with all that is said on the wire
//! and to the application below each. `UPDATE=1 cargo test --test transcripts` writes them anew;
//! what a change of the protocol does shows as a difference. `script` has the commands.
//!
//! A story is a world without chance: no loss but what is asked for, one delay, exact clocks.

mod script;
mod stage;

use script::Script;
use stage::Stage;
use std::path::{Path, PathBuf};

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("the folder can be read").path());
    let mut texts: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|ext| ext == "txt")).collect();
    texts.sort();
    texts
}

/// The script with what comes of it now.
fn play(script: &Script) -> Result<String, String> {
    let mut stage = Stage::default();
    let mut text = script.title.clone();
    for command in &script.commands {
        let told = stage.perform(command).map_err(|why| format!("\"{command}\": {why}"))?;
        text += &format!("\n{command}\n----\n{told}");
    }
    Ok(text)
}

/// The first line in which the two differ.
fn difference(kept: &str, played: &str) -> String {
    let mut lines = kept.lines().zip(played.lines()).enumerate();
    match lines.find(|(_, (kept, played))| kept != played) {
        Some((index, (kept, played))) => {
            format!("line {}:\n  kept   {kept}\n  played {played}", index + 1)
        }
        None => {
            format!("{} lines are kept, {} played", kept.lines().count(), played.lines().count())
        }
    }
}

#[test]
fn every_story_goes_as_it_is_written_down() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut wrong = Vec::new();
    let files = files();
    for path in &files {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        println!("{name}");
        let kept = std::fs::read_to_string(path).expect("the transcript can be read");
        let played = play(&Script::read(&kept)).unwrap_or_else(|why| panic!("{name}: {why}"));
        if update {
            std::fs::write(path, &played).expect("the transcript can be written");
        } else if played != kept {
            wrong.push(format!("{name}: {}", difference(&kept, &played)));
        }
    }
    assert!(files.len() > 10, "only {} transcripts were found", files.len());
    assert!(wrong.is_empty(), "{}\nUPDATE=1 writes them anew", wrong.join("\n"));
}

#[test]
fn what_is_no_command_is_said_to_be_none() {
    let refused = |text: &str| play(&Script::read(text)).expect_err("it is no command");
    assert!(refused("members 2\n\nshout A").contains("no such command"));
    assert!(refused("say A agreed \"x\"").contains("there are no members yet"));
    assert!(refused("members 2\n\nsay C agreed \"x\"").contains("\"C\" is no member"));
    assert!(refused("members 2\n\nsay A loudly \"x\"").contains("\"loudly\" is no service"));
    assert!(refused("members 2\n\nrun 5").contains("\"5\" is no interval"));
    assert!(refused("members 2\n\nlose prayers A B").contains("\"prayers\" is no kind"));
    assert!(refused("members 2\n\nuntil \"never\" within 1s").contains("was not told"));
}
