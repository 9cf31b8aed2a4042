//! Which front end a command shows messages with.

use super::config::Config;
use crate::ui::json::Json;
use crate::ui::line::{Line, Style};
use crate::ui::{Front, Notices};
use std::io::{self, IsTerminal as _};

/// Lines or JSON, of all rooms or one.
pub(super) fn for_messages(config: &Config, only_room: Option<&str>) -> Box<dyn Front> {
    if config.json {
        return Box::new(Json::new(io::stdout()));
    }
    Box::new(Line::new(io::stdout(), io::stderr(), style(config, config.notices, only_room)))
}

/// What a gateway tells whoever runs it: notices, and with JSON all that happens.
#[cfg(feature = "web")]
pub(super) fn for_gateway(config: &Config) -> Box<dyn Front> {
    if config.json {
        return Box::new(Json::new(io::stdout()));
    }
    Box::new(Line::new(io::sink(), io::stderr(), style(config, config.notices, None)))
}

/// The same for what was said before, perhaps on another day.
pub(super) fn for_past(config: &Config) -> Box<dyn Front> {
    if config.json {
        return Box::new(Json::new(io::stdout()));
    }
    let style = Style { short_time: false, ..style(config, Notices::Quiet, None) };
    Box::new(Line::new(io::stdout(), io::stderr(), style))
}

/// What a command tells that only sends: nothing but with `--verbose`.
pub(super) fn for_sending(config: &Config) -> Option<Box<dyn Front>> {
    if config.json {
        return Some(Box::new(Json::new(io::stdout())));
    }
    let style = style(config, config.notices, None);
    let tells = config.notices == Notices::Verbose;
    tells.then(|| Box::new(Line::new(io::sink(), io::stderr(), style)) as Box<dyn Front>)
}

/// How lines look.
pub(super) fn style(config: &Config, notices: Notices, only_room: Option<&str>) -> Style {
    Style {
        notices,
        color: config.color,
        short_time: io::stdout().is_terminal(),
        zone: config.front.look.zone.clone(),
        only_room: only_room.map(str::to_owned),
    }
}
