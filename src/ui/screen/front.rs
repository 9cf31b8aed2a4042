//! What happens, as the screen takes it.

use super::item::{Item, Mark, Said, Tone};
use super::lay;
use super::log::{Pending, Place};
use super::{Asked, Effect, MAX_EARLY, NOTIFY_EVERY, Screen, Transferring};
use crate::chat::{
    Action, Change, Chat, Command, Floor, GapState, Happening, MemberId, Message, MessageId,
    Person, Reach, Receipt, Safe, Say, Tally, Target, Topic, command,
};
use crate::files::News;
use crate::ui::line::refusal;
use crate::ui::settings::NotifyOn;
use crate::ui::words::{self, Notices};
use crate::ui::{Answer, Front, Greeting, Refusal, Request, Transfer, describe, digits};
use std::io;

impl Screen {
    /// The counters, once a second.
    pub fn count(&mut self, tally: &Tally) {
        self.net.count(tally);
    }

    fn meet(&mut self, people: impl Iterator<Item = Person>) {
        self.people = people.collect();
        if let Some(me) = self.people.iter().find(|person| person.id == self.me) {
            self.my_name = me.name.clone();
        }
        let named = self.people.iter().map(|person| (person.id, person.name.clone()));
        for (id, name) in named.collect::<Vec<_>>() {
            let title = Safe::shown(&format!("@{name}"));
            let talk = self.logs.iter_mut().find(|log| log.place == Place::With(id));
            talk.into_iter().for_each(|log| log.title = title.clone());
        }
        self.changed = true;
    }

    /// Where a message belongs.
    fn home_of(&mut self, message: &Message) -> usize {
        match (&message.to, message.reach) {
            (Some((to, name)), Reach::One) if message.own => self.talk(*to, name),
            (Some(_), Reach::One) => self.talk(message.from, &message.name),
            // What is said in all rooms is said in the one that is looked at.
            (_, Reach::All) if matches!(self.log().place, Place::Room(_)) => self.current,
            _ => self.room(&message.room),
        }
    }

    fn talk(&mut self, with: MemberId, name: &Safe) -> usize {
        self.place(&Place::With(with), &Safe::shown(&format!("@{name}")))
    }

    fn on_message(&mut self, message: &Message) {
        self.stop_typing(message.from);
        if message.ignored {
            let name = &message.name;
            let text = format!("{name} says something that is not shown: /ignore {name} ends that");
            return self.note(&text, Tone::News);
        }
        let at = self.home_of(message);
        let own = message.own && self.session == Some(message.session);
        let mark = if own { self.take_pending(message.number) } else { Mark::None };
        let number = self.push_said(at, Said::new(message, mark.clone()));
        if own && !mark.is_final() {
            self.own.insert(message.number, (self.logs[at].place.clone(), number));
        }
        if !message.own && !message.history {
            self.tell(message);
        }
    }

    /// The own line of that number has its place now; what is known of who has it.
    fn take_pending(&mut self, number: u64) -> Mark {
        let early = self.early.remove(&number);
        for log in &mut self.logs {
            let at = log.pending.iter().position(|pending| pending.number == Some(number));
            if let Some(at) = at {
                return log.pending.remove(at).mark;
            }
        }
        early.unwrap_or(Mark::Waits)
    }

    fn on_receipt(&mut self, chat: &Chat, receipt: &Receipt) {
        self.changed = true;
        let mark = Mark::of(receipt, || words::names(chat, &receipt.lack));
        if let Some((place, number)) = self.own.get(&receipt.number).cloned() {
            let log = self.logs.iter_mut().find(|log| log.place == place);
            if let Some(Item::Said(said)) = log.and_then(|log| log.get_mut(number)) {
                said.mark = mark;
            }
        } else {
            self.mark_pending(receipt, &mark);
        }
        if receipt.is_final {
            self.own.remove(&receipt.number);
        }
    }

    /// All may have an own line before it has its place here: it waits for that with its mark.
    /// Where its room was left meanwhile, the last mark waits alone.
    fn mark_pending(&mut self, receipt: &Receipt, mark: &Mark) {
        let all = self.logs.iter_mut().flat_map(|log| &mut log.pending);
        let mut own = all.filter(|pending| pending.number == Some(receipt.number));
        match own.next() {
            Some(pending) => pending.mark = mark.clone(),
            None if receipt.is_final => self.expect_place(receipt.number, mark.clone()),
            None => {}
        }
    }

    fn expect_place(&mut self, number: u64, mark: Mark) {
        self.early.insert(number, mark);
        if self.early.len() > MAX_EARLY {
            self.early.pop_first();
        }
    }

    /// Tells whoever looks elsewhere, of what concerns that person.
    fn tell(&mut self, message: &Message) {
        let (private, mention) = (message.to.is_some(), message.mention);
        let wanted = match self.settings.notify.on {
            NotifyOn::All => true,
            NotifyOn::Mentions => private || mention,
            NotifyOn::Private => private,
            NotifyOn::None => false,
        };
        let soon = self
            .notified
            .is_some_and(|at| self.now.duration_since(at).is_ok_and(|since| since < NOTIFY_EVERY));
        if wanted && !soon {
            self.notified = Some(self.now);
            let place = if private { String::new() } else { format!(" in #{}", message.room) };
            let title = Safe::shown(&format!("{}{place}", message.speaker()));
            let text = Safe::shown(&message.text.chars().take(200).collect::<String>());
            self.effects.push_back(Effect::Notify { title, text });
        }
    }

    /// What is done to a message is shown with it, where it is still here.
    fn on_change(&mut self, change: &Change) -> bool {
        self.changed = true;
        let apply = |said: &mut Said| crate::chat::apply(change, &mut said.message);
        self.logs.iter_mut().any(|log| log.change(change.id, apply))
    }

    fn on_taken(&mut self, id: MessageId, by: Option<&(MemberId, Safe)>) -> bool {
        self.changed = true;
        let taken = by.map(|(_, name)| name.clone());
        let mark = |said: &mut Said| said.taken = Some(taken.clone());
        self.logs.iter_mut().any(|log| log.change(id, mark))
    }

    fn on_floor(&mut self, floor: &Floor) {
        let at = self.room(&floor.room);
        self.logs[at].floor = Some(floor.clone());
    }

    fn on_topic(&mut self, topic: &Topic) {
        let at = self.room(&topic.room);
        self.logs[at].topic = topic.text.clone();
        self.changed = true;
    }

    fn on_gap(&mut self, from: MemberId, name: &Safe, first: u64, last: u64, state: GapState) {
        const MOST: usize = 64;
        match state {
            GapState::Requested => {
                if self.gaps.len() < MOST {
                    let count = last.saturating_sub(first) + 1;
                    let asked = Asked { name: name.clone(), count, since: self.now };
                    self.gaps.insert((from, first), asked);
                }
            }
            GapState::Recovered | GapState::Lost => {
                self.gaps.retain(|(who, number), _| *who != from || *number > last);
            }
        }
        self.changed = true;
    }

    /// What is told of in a sentence.
    fn on_other(&mut self, chat: &Chat, happening: &Happening) {
        let Some(notice) = self.teller.words(chat, happening) else { return };
        if self.notices < notice.least {
            return;
        }
        match notice.code {
            "join" | "leave" | "nick" | "presence" => self.fold(&notice.text),
            "topic" | "floor" => self.note_in_its_room(happening, &notice.text),
            "edit" | "delete" | "react" | "taken" | "key" => self.note(&notice.text, Tone::News),
            "gap" => self.note_everywhere(&notice.text, Tone::Gap),
            "sync" => self.note(&notice.text, Tone::News),
            "receipt" => {}
            _ => self.note_everywhere(&notice.text, Tone::Trouble),
        }
    }

    /// What concerns one room is told there.
    fn note_in_its_room(&mut self, happening: &Happening, text: &str) {
        let room = match happening {
            Happening::Topic(topic) => &topic.room,
            Happening::Floor(floor) => &floor.room,
            _ => return self.note(text, Tone::News),
        };
        let at = self.room(room);
        let (now, text) = (self.now, Safe::shown(text).to_string());
        self.logs[at].note(now, text, Tone::News);
    }

    /// Who comes and goes is told in all rooms.
    pub(super) fn fold(&mut self, text: &str) {
        let (now, text) = (self.now, Safe::shown(text).to_string());
        let rooms = self.logs.iter_mut().filter(|log| matches!(log.place, Place::Room(_)));
        rooms.for_each(|log| log.fold(now, &text));
        self.changed = true;
    }

    /// What was typed is on its way: it stands below all that has a place.
    fn expect(&mut self, say: &Say, line: &str, reference: &str) {
        let at = match (&say.to, say.reach) {
            (Some(name), _) => self.talk_named(name),
            (None, Reach::Room) => say.room.as_ref().map(|room| self.room(&Safe::line(room))),
            (None, _) => None,
        };
        let at = at.unwrap_or(self.current);
        self.logs[at].pending.push(Pending {
            reference: reference.to_owned(),
            number: None,
            line: line.to_owned(),
            text: say.text.clone(),
            act: say.act,
            mark: Mark::Waits,
        });
        if at != self.current {
            self.hint = Some(format!("it is said in {}", self.logs[at].title));
        }
        self.logs[at].show_newest();
    }

    /// The talk with whom `name` means, if that is clear.
    fn talk_named(&mut self, name: &str) -> Option<usize> {
        let plain = name.strip_prefix('@').unwrap_or(name);
        let person = self
            .people
            .iter()
            .find(|person| person.name.as_str() == plain || person.id.to_string() == plain)?;
        let (id, name) = (person.id, person.name.clone());
        Some(self.talk(id, &name))
    }

    /// It is on its way under this number. Where what was typed is no message but a word (`#`
    /// passes the floor), no message will come that it could wait for.
    fn on_sent(&mut self, reference: Option<&str>, number: u64, said: bool) {
        let is_it = |pending: &Pending| Some(pending.reference.as_str()) == reference;
        for log in &mut self.logs {
            log.pending.retain(|pending| said || !is_it(pending));
            let pending = log.pending.iter_mut().filter(|pending| is_it(pending));
            pending.for_each(|pending| pending.number = Some(number));
        }
    }

    /// Where it is said that a line is typed for: its room, or the member talked with.
    fn address(&self, say: &mut Say) {
        if say.to.is_some() || say.room.is_some() {
            return;
        }
        match &self.log().place {
            Place::Room(room) => say.room = Some(room.to_string()),
            Place::With(id) if say.reach == Reach::Room => {
                (say.to, say.reach) = (Some(id.to_string()), Reach::One);
            }
            Place::With(_) => {}
        }
    }

    /// The last message of the room that is shown, where that is meant.
    fn aim(&self, target: &mut Target, own: bool) {
        let mut said = self.log().newest().filter_map(|(_, item)| item.said());
        let fits = |said: &&Said| said.message.own == own && !said.message.deleted;
        if let (Target::Last, Some(said)) = (*target, said.find(fits)) {
            *target = Target::Id(said.message.key());
        }
    }

    fn request(&mut self, line: &str, mut action: Action) -> Request {
        self.references += 1;
        let reference = format!("s{}", self.references);
        match &mut action {
            Action::Say(say) => {
                self.address(say);
                if let Some(target) = &mut say.reply_to {
                    self.aim(target, false);
                }
                self.expect(say, line, &reference);
            }
            Action::Edit { target, .. } | Action::Delete(target) => self.aim(target, true),
            Action::React { target, .. } => self.aim(target, false),
            Action::Topic { room, .. } | Action::Floor { room, .. } => {
                if let Place::Room(shown) = &self.log().place {
                    room.get_or_insert_with(|| shown.to_string());
                }
            }
            _ => {}
        }
        Request { reference: Some(reference), action }
    }

    fn meet_rooms(&mut self, chat: &Chat) {
        let joined = chat.rooms().filter(|room| room.joined).map(|room| room.name.clone());
        self.joined = joined.collect();
    }

    /// One speaks in that room now; keys may have led there already.
    fn go_into(&mut self, chat: &Chat, room: &str) {
        self.meet_rooms(chat);
        let at = self.room(&Safe::line(room));
        if at != self.current {
            self.show_log(at);
            // That it is looked at is known.
            if let Some(Effect::Do(Action::Room(_))) = self.effects.back() {
                self.effects.pop_back();
            }
        }
    }

    fn leave(&mut self, chat: &Chat, room: &str) {
        self.meet_rooms(chat);
        let left = Place::Room(Safe::line(room));
        let shown = self.log().place == left;
        let at = self.logs.iter().position(|log| log.place == left);
        if let Some(at) = at.filter(|_| self.logs.len() > 1) {
            self.remove(at);
        }
        if shown {
            self.go_into(chat, chat.room());
        }
        self.note(&format!("you left {room}"), Tone::Answer);
    }

    fn help(&mut self, asked: &'static Command) {
        let text = format!("/{} {}: {}", asked.word, asked.arguments, asked.does);
        self.note(&text, Tone::Answer);
    }

    fn list(&mut self, lines: impl IntoIterator<Item = String>) {
        lines.into_iter().for_each(|line| self.note(&line, Tone::Answer));
        self.log_mut().show_newest();
    }

    fn who(&mut self, chat: &Chat) {
        let line = |person: &Person| {
            let you = if person.id == chat.me() { " (you)" } else { "" };
            format!("{}{you}", crate::ui::line::describe(person).replace('\t', "  "))
        };
        let all: Vec<String> = chat.people().map(line).collect();
        self.list(std::iter::once(format!("{} here", all.len())).chain(all));
    }

    fn tally(&mut self, tally: &Tally) {
        let counters = tally.counters.iter().filter(|(_, count)| *count > 0);
        let words = counters.map(|(name, count)| format!("{name} {count}"));
        let drops = tally.drops.iter().filter(|(_, count)| *count > 0);
        let dropped = drops.map(|(name, count)| format!("dropped {name} {count}"));
        let all: Vec<String> = words.chain(dropped).collect();
        self.list([all.join(" · ")]);
    }

    fn past_messages<'a>(&mut self, messages: impl Iterator<Item = &'a Message>) {
        let zone = self.settings.look.zone.clone();
        self.list(messages.map(|message| lay::line_of(&zone, message)).collect::<Vec<_>>());
    }
}

impl Front for Screen {
    fn greet(&mut self, greeting: &Greeting) -> io::Result<()> {
        (self.me, self.session) = (greeting.me.id, Some(greeting.me.session));
        self.my_name = greeting.me.name.clone();
        self.people = vec![greeting.me.clone()];
        self.private = greeting.private;
        let through = greeting.through.join(", ");
        self.group = Safe::shown(&format!("{} via {through}", greeting.group));
        if self.notices == Notices::Verbose {
            for (interface, why) in &greeting.skipped {
                self.note(&format!("not used: {interface}: {why}"), Tone::News);
            }
        }
        let privacy = match greeting.private {
            true => "locked group: only who has the passphrase can read and write",
            false => "open group: anyone on this network can read and write",
        };
        self.note(&format!("you are {}; {privacy}; F1 is help", greeting.me.name), Tone::News);
        Ok(())
    }

    fn recall(&mut self, last: &[&Message], count: usize) -> io::Result<()> {
        let text = match count > last.len() {
            true => format!("{count} earlier messages, the last {} of them:", last.len()),
            false => "earlier messages".to_owned(),
        };
        let now = last.first().map_or(self.now, |message| message.time);
        self.log_mut().push(Item::Heading(now, text));
        for message in last {
            let at = self.home_of(message);
            let message = Message { history: true, ..(*message).clone() };
            self.push_said(at, Said::new(&message, Mark::None));
        }
        Ok(())
    }

    fn show(&mut self, chat: &Chat, happening: &Happening) -> io::Result<()> {
        match happening {
            Happening::Message(message) => self.on_message(message),
            Happening::Receipt(receipt) => self.on_receipt(chat, receipt),
            Happening::Changed(change) if self.on_change(change) => return Ok(()),
            Happening::Taken(id, by) if self.on_taken(*id, by.as_ref()) => return Ok(()),
            Happening::Typing(person, room) => self.note_typing(person, room),
            Happening::Topic(topic) => self.on_topic(topic),
            Happening::Floor(floor) => self.on_floor(floor),
            Happening::View(_)
            | Happening::Presence(_)
            | Happening::Entered(..)
            | Happening::Exited(..)
            | Happening::Key(_)
            | Happening::Joined(_)
            | Happening::Left(..)
            | Happening::Renamed(..)
            | Happening::SameName(_) => self.meet(chat.people().cloned()),
            Happening::Gap { from, name, first, last, state } => {
                self.on_gap(*from, name, *first, *last, *state);
            }
            Happening::Divided { here, of } => self.net.divided = Some((*here, *of)),
            Happening::Whole(_) => self.net.divided = None,
            _ => {}
        }
        self.on_other(chat, happening);
        Ok(())
    }

    fn warn(&mut self, _code: &'static str, text: &str) -> io::Result<()> {
        if self.notices >= Notices::Normal {
            self.note(text, Tone::Trouble);
        }
        Ok(())
    }

    fn tell(&mut self, _code: &'static str, text: &str) -> io::Result<()> {
        if self.notices >= Notices::Normal {
            self.note(text, Tone::News);
        }
        Ok(())
    }

    fn transfer(&mut self, transfer: &Transfer<'_>) -> io::Result<()> {
        let (name, who, done) = match transfer.news {
            News::Getting { offer, progress } => (describe(offer), String::new(), Some(*progress)),
            News::Giving { name, to, progress, .. } => {
                (name.to_string(), format!("{to} gets "), Some(*progress))
            }
            News::Got { offer, .. } | News::Waiting(offer) => {
                (describe(offer), String::new(), None)
            }
            _ => (String::new(), String::new(), None),
        };
        let words = format!("[file] {who}{name}");
        match done.filter(|progress| progress.done < progress.total) {
            Some(progress) => {
                let (done, total) = (progress.done, progress.total);
                let going = Transferring { words: words.clone(), done, total };
                self.transfers.insert(words, going);
                self.changed = true;
            }
            None => {
                self.transfers.remove(&words);
                self.note(&format!("[file] {}", transfer.words()), Tone::Answer);
            }
        }
        Ok(())
    }

    fn understand(&mut self, line: &str) -> Result<Option<Request>, Refusal> {
        if let Some(done) = self.understand_locally(line) {
            return done.map(|()| None);
        }
        match command::parse(line) {
            Ok(action) => Ok(action.map(|action| self.request(line, action))),
            Err(error) => {
                self.give_back(line, "not understood: it is in the line again");
                Err(refusal(&error))
            }
        }
    }

    fn answer(
        &mut self,
        chat: &Chat,
        reference: Option<&str>,
        answer: &Answer<'_>,
    ) -> io::Result<()> {
        self.changed = true;
        match answer {
            Answer::Sent { number, said, .. } => self.on_sent(reference, *number, *said),
            Answer::Quit | Answer::Begun => {}
            Answer::Sync(true) => {
                self.note("from now on a line waits until all have the one before", Tone::Answer);
            }
            Answer::Sync(false) => self.note("lines are sent at once", Tone::Answer),
            Answer::Nick(name) => {
                self.my_name = Safe::shown(name);
                self.note(&format!("you are {name}"), Tone::Answer);
            }
            Answer::Clear => self.log_mut().clear(),
            Answer::Room(room) => self.go_into(chat, room),
            Answer::LeftRoom(room) => self.leave(chat, room),
            Answer::Whois(_)
            | Answer::Rooms
            | Answer::Topic(_)
            | Answer::Away(_)
            | Answer::Fingerprints { .. }
            | Answer::Trusted(_)
            | Answer::Ignored(..) => {
                let lines = crate::ui::line::people::lines(chat, answer);
                self.list(lines.into_iter().map(|line| line.replace('\t', "  ")));
            }
            Answer::Who => self.who(chat),
            Answer::Stats(tally) => self.tally(tally),
            Answer::Help(Some(command)) => self.help(command),
            Answer::Help(None) => self.mode = super::Mode::Help(0),
            Answer::Files(offers) if offers.is_empty() => {
                self.list(["nothing is offered".to_owned()]);
            }
            Answer::Files(offers) => {
                let line = |(offer, here): &(crate::files::Offer, bool)| {
                    let absent = if *here { "" } else { "  nobody who has it is here" };
                    format!("{}  {}{absent}", digits(offer), describe(offer))
                };
                self.list(offers.iter().map(line).collect::<Vec<_>>());
            }
            Answer::History(messages) => self.past_messages(messages.iter().copied()),
            Answer::Found([]) => self.list(["no message has all of that".to_owned()]),
            Answer::Found(messages) => self.past_messages(messages.iter()),
        }
        Ok(())
    }

    /// What could not be sent stands where it was typed again.
    fn refuse(&mut self, refusal: &Refusal) -> io::Result<()> {
        let Refusal { code, message, hint, reference } = refusal;
        let mut line = None;
        for log in &mut self.logs {
            let is_it = |pending: &Pending| Some(&pending.reference) == reference.as_ref();
            let at = log.pending.iter().position(is_it);
            line = line.or(at.map(|at| log.pending.remove(at).line));
        }
        self.note(&format!("error[{code}]: {message}; not sent. {hint}"), Tone::Trouble);
        self.log_mut().show_newest();
        // As it was typed: what was for one member must not be said to a room by another Enter.
        // A word about turns was not meant to be said at all.
        let is_word = |line: &String| *code == "floor" && matches!(line.trim(), "#" | "Exit");
        if let Some(line) = line.filter(|line| !is_word(line)) {
            self.give_back(&line, "not sent: it is in the line again");
        }
        Ok(())
    }

    fn bye(&mut self, _: &Chat, _: &Tally) -> io::Result<()> {
        Ok(())
    }

    fn idle(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn screen(&mut self) -> Option<&mut Screen> {
        Some(self)
    }
}
