//! Turns in rooms, as one member sees and asks for them; `floor` has the rules.

use super::content::{Content, FloorWord};
use super::incoming::Said;
use super::{Chat, Floor, Happening, MemberId, Outgoing, Safe, SayError, Service, Turn};
use crate::engine::{Member, View};
use crate::wire::Session;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// How it stands in a view that others came to is told by whoever was here the longest; where that
/// one does not, by everybody, after this time.
const STATE_WITHIN: Duration = Duration::from_secs(1);

impl Chat {
    /// Whose turn it is in `room`; none where it was never asked for.
    pub fn floor(&self, room: &str) -> Option<Floor> {
        let turns = self.floors.of(room)?;
        let named = |id: &MemberId| (*id, self.name(*id));
        Some(Floor {
            room: Safe::word(room, super::MAX_ROOM),
            on: turns.on,
            holder: turns.queue.first().map(named),
            waiting: turns.queue.iter().skip(1).map(named).collect(),
        })
    }

    /// Whether this member may speak in `room` now; where not, it asks to.
    pub(super) fn take_turn(&mut self, at: SystemTime, room: &str) -> Result<(), SayError> {
        let Some(turns) = self.floors.of(room).filter(|turns| turns.on) else { return Ok(()) };
        let holder = turns.holder();
        if holder == Some(self.me) {
            return Ok(());
        }
        let place = turns.queue.iter().position(|id| *id == self.me);
        let place = place.unwrap_or(turns.queue.len());
        let is_waiting = turns.queue.contains(&self.me);
        let holder = holder.map(|id| self.name(id));
        if !is_waiting && !self.asks.contains(room) {
            self.asks.insert(room.to_owned());
            self.post(at, Service::Agreed, Content::Floor(FloorWord::Ask), room);
        }
        Err(SayError::NotYourTurn { room: room.to_owned(), holder, place })
    }

    /// The word for `turn` in `room`.
    pub(super) fn turn(
        &self,
        at: SystemTime,
        room: &str,
        turn: Turn,
    ) -> Result<Outgoing, SayError> {
        let turns = self.floors.of(room).filter(|turns| turns.on);
        let word = match (turn, turns) {
            (Turn::On, _) => FloorWord::On,
            (_, None) => return Err(SayError::NoTurns(room.to_owned())),
            (Turn::Off, _) => FloorWord::Off,
            (Turn::Ask, _) => FloorWord::Ask,
            (Turn::Exit, _) => FloorWord::Exit,
            (Turn::Pass, Some(turns)) if turns.holder() == Some(self.me) => FloorWord::Pass,
            (Turn::Pass, Some(turns)) => {
                let holder = turns.holder().map(|id| self.name(id));
                return Err(SayError::NotHolder { room: room.to_owned(), holder });
            }
        };
        let outgoing = self.change(at, Content::Floor(word), room, "");
        Ok(Outgoing { service: Some(Service::Agreed), ..outgoing })
    }

    /// What a line means where members take turns: `#` passes the floor on, `Exit` leaves it.
    pub fn turn_of_line(&self, room: &str, line: &str) -> Option<Turn> {
        self.floors.of(room).filter(|turns| turns.on)?;
        match line.trim() {
            "#" => Some(Turn::Pass),
            "Exit" => Some(Turn::Exit),
            _ => None,
        }
    }

    /// Somebody said something about turns. What came late was settled without this member.
    pub(super) fn on_floor(&mut self, said: &Said<'_>, word: FloorWord<'_>) -> Option<Happening> {
        let of_now = self.view.as_ref().map(|view| view.id.epoch);
        let is_stale = match word {
            FloorWord::State { view, .. } => of_now != Some(view),
            _ => false,
        };
        if said.delivery.history || said.delivery.order.is_none() || is_stale {
            return None;
        }
        let room = said.envelope.room;
        if said.from() == self.me {
            self.asks.remove(room);
        }
        let members = self.members_now();
        let has_changed = self.floors.on_word(room, said.from(), &word, &members);
        if has_changed { self.floor(room).map(Happening::Floor) } else { None }
    }

    /// The members have changed: whoever is gone has no turn, and whoever came is told.
    /// Whoever started again is not who it was.
    pub(super) fn turns_in_view(
        &mut self,
        at: SystemTime,
        before: Option<&View>,
    ) -> Vec<Happening> {
        let Some(view) = self.view.clone() else { return Vec::new() };
        let before: BTreeMap<MemberId, Session> = before
            .iter()
            .flat_map(|view| view.members.iter().map(|member| (member.id, member.session)))
            .collect();
        let is_same = |member: &&Member| {
            before.get(&member.id).is_none_or(|session| *session == member.session)
        };
        let same = view.members.iter().filter(is_same);
        let members: Vec<MemberId> = same.map(|member| member.id).collect();
        let is_new = |session| !view.transitional.contains(session);
        let newcomers = view.members.iter().any(|member| is_new(&member.session));
        let changed = self.floors.on_view(&members, newcomers);
        self.asks.clear();
        self.state_due = (newcomers && !self.floors.states().is_empty()).then_some(at);
        if self.state_due.is_some() && self.is_oldest(&view) {
            self.tell_states(at);
        }
        changed.iter().filter_map(|room| self.floor(room)).map(Happening::Floor).collect()
    }

    /// Of those that came along and tell of themselves, this one is here the longest.
    fn is_oldest(&self, view: &View) -> bool {
        let along = view.members.iter().filter(|m| view.transitional.contains(&m.session));
        let mut speaking = along.filter(|m| m.id == self.me || self.roster.noted(m.id).is_some());
        speaking.next().is_some_and(|oldest| oldest.id == self.me)
    }

    /// Tells how it stood when the view began, where nobody did in time.
    pub(super) fn states_due(&mut self, at: SystemTime) {
        let is_over = |since: SystemTime| at.duration_since(since).is_ok_and(|t| t >= STATE_WITHIN);
        if self.state_due.is_some_and(is_over) {
            self.tell_states(at);
        }
    }

    fn tell_states(&mut self, at: SystemTime) {
        self.state_due = None;
        let Some(view) = self.view.as_ref().map(|view| view.id.epoch) else { return };
        for (room, on, queue) in self.floors.states() {
            let word = FloorWord::State { view, on, queue: &queue };
            self.post(at, Service::Agreed, Content::Floor(word), &room);
        }
    }

    fn members_now(&self) -> Vec<MemberId> {
        let members = self.view.iter().flat_map(|view| &view.members);
        members.map(|member| member.id).collect()
    }
}
