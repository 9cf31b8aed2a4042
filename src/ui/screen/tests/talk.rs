//! What is done to messages, and how members and rooms are.

use super::*;
use crate::chat::{Change, Deed, Floor, Target, Topic};

fn show(screen: &mut Screen, happening: &Happening) {
    screen.show(&chat(), happening).expect("is only state");
}

fn change(number: u64, deed: Deed) -> Happening {
    let id = message(number, "").key();
    let (name, room) = (Safe::line("bo"), Safe::line("general"));
    let from = crate::chat::story::id(2);
    let guest = None;
    Happening::Changed(Change { id, deed, from, name, guest, room, time: noon(), history: false })
}

#[test]
fn a_message_is_edited_thought_of_and_taken_back_where_it_stands() {
    let mut screen = screen(80, 24);
    say(&mut screen, message(1, "teh answer"));
    say(&mut screen, message(2, "another"));
    let reply_to = Some(message(1, "").key());
    say(&mut screen, Message { reply_to, ..message(3, "indeed") });
    show(&mut screen, &change(1, Deed::Edited("the answer".to_owned())));
    show(&mut screen, &change(1, Deed::Reacted(Safe::line("👍"))));
    let text = drawn(&screen);
    for part in ["bo     the answer", "(edited)", "👍 bo", "bo     ↪bo indeed"] {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
    assert!(!text.contains("teh"));
    show(&mut screen, &change(1, Deed::Deleted));
    assert!(line_with(&screen, "taken back").contains("bo     (taken back)"));
    show(&mut screen, &change(99, Deed::Edited("of long ago".to_owned())));
    assert!(drawn(&screen).contains("instead of"), "it is told where its message is not here");
}

#[test]
fn commands_about_a_message_mean_the_last_one_of_the_room_that_is_shown() {
    let mut screen = screen(80, 24);
    say(&mut screen, own(1, "mine"));
    say(&mut screen, message(2, "of bo"));
    let mut ask =
        |line: &str| screen.understand(line).expect("is understood").expect("is asked for").action;
    let (mine, of_bo) = (own(1, "").key(), message(2, "").key());
    assert_eq!(ask("/delete"), Action::Delete(Target::Id(mine)));
    let action = Action::React { target: Target::Id(of_bo), text: "👍".to_owned() };
    assert_eq!(ask("/react 👍"), action);
    let Action::Say(say) = ask("/reply yes") else { panic!("is said") };
    assert_eq!(say.reply_to, Some(Target::Id(of_bo)));
    press(&mut screen, "alt+up a");
    assert_eq!(screen.log().editor.text(), format!("/reply {of_bo} "));
    press(&mut screen, "ctrl+u alt+up up e");
    assert_eq!(screen.log().editor.text(), format!("/edit {mine} mine"));
    press(&mut screen, "ctrl+u alt+up d");
    assert_eq!(screen.log().editor.text(), format!("/delete {of_bo} "));
    press(&mut screen, "ctrl+u alt+up +");
    assert_eq!(screen.log().editor.text(), format!("/react {of_bo} "));
}

#[test]
fn who_is_away_who_types_and_whose_turn_it_is_is_said_in_words() {
    let mut screen = screen(100, 20);
    let mut bo = chat().people().nth(1).expect("is here").clone();
    screen.people[1].away = Some(Safe::line("lunch"));
    assert!(drawn(&screen).contains("2 here, 1 away"));
    assert!(line_with(&screen, "away│").contains("bo"), "{}", drawn(&screen));
    bo.away = None;
    let general = Safe::line("general");
    show(&mut screen, &Happening::Typing(bo.clone(), general.clone()));
    assert!(drawn(&screen).contains("bo is typing…"));
    screen.tick(noon() + Duration::from_secs(7));
    assert!(!drawn(&screen).contains("typing"));
    let holder = Some((bo.id, bo.name.clone()));
    let waiting = vec![(id(3), Safe::line("cy"))];
    let floor = Floor { room: general.clone(), on: true, holder, waiting };
    show(&mut screen, &Happening::Floor(floor.clone()));
    assert!(drawn(&screen).lines().next().is_some_and(|line| line.contains("floor: bo, 1 wait")));
    let mine = Floor { holder: Some((id(1), Safe::line("me"))), ..floor };
    show(&mut screen, &Happening::Floor(mine));
    assert!(drawn(&screen).contains("YOUR TURN"));
    let topic = Topic {
        room: general,
        text: Safe::line("the new switch"),
        from: id(2),
        name: Safe::line("bo"),
        history: false,
    };
    show(&mut screen, &Happening::Topic(topic));
    assert!(drawn(&screen).lines().nth(1).is_some_and(|line| line.contains(" the new switch ─")));
}

#[test]
fn what_is_said_to_any_one_member_tells_who_took_it() {
    let mut screen = screen(80, 24);
    let any = |number| Message { reach: Reach::Any, ..own(number, "who can?") };
    say(&mut screen, any(1));
    let taken = Happening::Taken(any(1).key(), Some((id(2), Safe::line("bo"))));
    show(&mut screen, &taken);
    assert!(drawn(&screen).contains("[any] who can?") && drawn(&screen).contains("taken by bo"));
    say(&mut screen, any(2));
    show(&mut screen, &Happening::Taken(any(2).key(), None));
    assert!(drawn(&screen).contains("✗ NOT taken: nobody is left"));
}

#[test]
fn rooms_are_entered_and_left_and_others_learn_where_one_looks() {
    let mut chat = chat();
    let mut screen = screen(80, 24);
    chat.enter("build").expect("can be entered");
    let room = Answer::Room("build".to_owned());
    screen.answer(&chat, None, &room).expect("is only state");
    assert_eq!(screen.log().title.as_str(), "#build");
    assert_eq!(screen.next_effect(), None, "it is known already");
    press(&mut screen, "alt+2");
    let entered = Effect::Do(Action::Room("general".to_owned()));
    assert_eq!(screen.next_effect(), Some(entered));
    chat.enter("general").expect("can be entered");
    chat.leave(Some("build")).expect("can be left");
    let left = Answer::LeftRoom("build".to_owned());
    screen.answer(&chat, None, &left).expect("is only state");
    assert!(!drawn(&screen).contains("#build") && drawn(&screen).contains("you left build"));
}

#[test]
fn whoever_types_tells_it_now_and_then_and_not_of_commands() {
    let mut screen = screen(80, 24);
    type_in(&mut screen, "/msg bo secret");
    assert_eq!(screen.next_effect(), None);
    press(&mut screen, "ctrl+u");
    type_in(&mut screen, "hello");
    let typing = Effect::Do(Action::Typing(Some("general".to_owned())));
    assert_eq!(std::iter::from_fn(|| screen.next_effect()).collect::<Vec<_>>(), [typing]);
}

#[test]
fn what_comes_while_the_window_is_not_looked_at_is_marked_as_new() {
    let mut screen = screen(80, 24);
    say(&mut screen, message(1, "seen"));
    screen.on_event(&Event::FocusLost);
    say(&mut screen, message(2, "not seen"));
    say(&mut screen, message(3, "nor this"));
    assert_eq!(screen.log().unread, 2);
    screen.on_event(&Event::FocusGained);
    let text = drawn(&screen);
    assert!(
        text.find("new ──") < text.find("not seen") && text.find(" seen") < text.find("new ──")
    );
    assert_eq!(screen.log().unread, 0);
    send(&mut screen, "I am back", 1);
    assert!(!drawn(&screen).contains("new ──"));
}

#[test]
fn a_line_has_a_bound_and_what_is_longer_is_a_file() {
    let mut screen = screen(80, 24);
    let long = "0123456789abcde\n".repeat(5_000);
    screen.on_event(&Event::Paste(long.clone()));
    press(&mut screen, "m");
    assert!(drawn(&screen).contains("5000 lines") && screen.log().editor.is_empty());
    press(&mut screen, "f");
    let text = long.trim_end().to_owned();
    assert_eq!(effects(&mut screen), [Effect::ShareText(text)]);
    let line = "x".repeat(60_000);
    screen.on_event(&Event::Paste(line.clone()));
    screen.on_event(&Event::Paste(line.clone()));
    assert_eq!(screen.log().editor.text(), line);
}

#[test]
fn what_leaves_the_screen_has_nothing_that_a_terminal_obeys() {
    let mut screen = screen(80, 24);
    say(&mut screen, message(1, "one\n\x1b]0;x\x07two"));
    press(&mut screen, "alt+up y o");
    let clean = "one\n\\u{1b}]0;x\\u{7}two".to_owned();
    assert_eq!(effects(&mut screen), [Effect::Copy(clean.clone()), Effect::Open(clean)]);
}

#[test]
fn a_word_about_turns_is_no_message_and_does_not_stay() {
    let mut screen = screen(80, 24);
    type_in(&mut screen, "#");
    press(&mut screen, "enter");
    let request = screen.understand("#").expect("is understood").expect("asks for something");
    assert!(drawn(&screen).contains("me     … #"));
    let sent = Answer::Sent { session: Session(id(1).0), number: 1, to: None, said: false };
    screen.answer(&chat(), request.reference.as_deref(), &sent).expect("is only state");
    assert!(screen.log().pending.is_empty() && !drawn(&screen).contains(" #\n"));
    let reference = screen.understand("#").expect("is understood").and_then(|it| it.reference);
    let refusal = crate::ui::Refusal::new("floor", "it is bo's turn", "say something");
    screen.refuse(&crate::ui::Refusal { reference, ..refusal }).expect("is only state");
    assert!(screen.log().editor.is_empty() && screen.log().pending.is_empty());
}

#[test]
fn a_word_about_turns_where_nobody_takes_any_is_a_message_and_never_waits_for_ever() {
    for text in ["#", "Exit"] {
        let mut screen = screen(80, 24);
        send(&mut screen, text, 1);
        receipt(&mut screen, 1, 2, 0, true);
        let had = format!("✓ {text}");
        assert!(line_with(&screen, &had).ends_with(&format!("me     {had}")), "all have it");
        say(&mut screen, own(1, text));
        assert_eq!(line_with(&screen, &had), format!("09:14 me     {had}"));
    }
}

#[test]
fn a_line_whose_room_was_left_before_it_had_its_place_does_not_wait_for_ever() {
    let mut screen = screen(80, 24);
    say(&mut screen, Message { room: Safe::line("build"), ..message(7, "x") });
    press(&mut screen, "alt+1");
    effects(&mut screen);
    send(&mut screen, "bye", 1);
    let left = Answer::LeftRoom("build".to_owned());
    screen.answer(&chat(), None, &left).expect("is only state");
    receipt(&mut screen, 1, 2, 0, true);
    say(&mut screen, Message { room: Safe::line("build"), ..own(1, "bye") });
    press(&mut screen, "alt+1");
    assert!(line_with(&screen, "✓ bye").contains("me"), "{}", drawn(&screen));
    assert!(screen.early.is_empty());
}
