//! Who is here, in words.

use super::Screen;
use super::log::Place;
use crate::chat::{KeyState, MemberId, Person, Safe, TYPING};

impl Screen {
    /// Who is in the room that is shown; in a talk, the two. Whoever told nothing of rooms is
    /// taken to be in all.
    pub(super) fn people_here(&self) -> Vec<&Person> {
        let all = self.people.iter();
        match &self.log().place {
            Place::With(id) => all.filter(|one| one.id == *id || one.id == self.me).collect(),
            Place::Room(room) => {
                let is_in = |one: &&Person| one.rooms.is_empty() || one.rooms.contains(room);
                all.filter(|one| one.id == self.me || is_in(one)).collect()
            }
        }
    }

    /// What is said beside a name in the list.
    pub(super) fn state_of(&self, person: &Person) -> &'static str {
        match (person.id == self.me, &person.away, person.key) {
            (_, Some(_), _) => " away",
            (true, ..) => " (you)",
            (_, _, KeyState::Changed) => " KEY!",
            _ if person.lagging => " lags",
            (_, _, KeyState::Verified) if self.settings.look.ascii => " key",
            (_, _, KeyState::Verified) => " ✓key",
            _ => "",
        }
    }

    /// Whose turn it is in the room that is shown.
    pub(super) fn floor_words(&self) -> Option<String> {
        let floor = self.log().floor.as_ref().filter(|floor| floor.on)?;
        let waiting = match floor.waiting.len() {
            0 => String::new(),
            count => format!(", {count} wait"),
        };
        let holder = match &floor.holder {
            Some((id, _)) if *id == self.me => "YOUR TURN".to_owned(),
            Some((_, name)) => format!("floor: {name}"),
            None => "floor: free".to_owned(),
        };
        Some(format!("{holder}{waiting}"))
    }

    /// `person` writes in `room`.
    pub(super) fn note_typing(&mut self, person: &Person, room: &Safe) {
        let end = self.now + TYPING;
        self.typing.insert(person.id, (person.name.clone(), room.clone(), end));
        self.changed = true;
    }

    /// It writes no longer.
    pub(super) fn stop_typing(&mut self, id: MemberId) {
        self.typing.remove(&id);
    }

    /// Who is typing in the room that is shown.
    pub(super) fn typing_words(&self) -> String {
        const MOST: usize = 3;
        let Place::Room(shown) = &self.log().place else { return String::new() };
        let here = self.typing.values().filter(|(_, room, end)| room == shown && *end > self.now);
        let names: Vec<&str> = here.map(|(name, ..)| name.as_str()).collect();
        let more = if self.settings.look.ascii { "..." } else { "…" };
        match &names[..] {
            [] => String::new(),
            [one] => format!("{one} is typing{more}"),
            some if some.len() <= MOST => format!("{} are typing{more}", some.join(", ")),
            some => format!("{} are typing{more}", some.len()),
        }
    }
}
