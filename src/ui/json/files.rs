//! News of files as objects.

use super::object::Object;
use crate::chat::Safe;
use crate::files::{News, Offer};
use crate::ui::Transfer;

/// The object that tells of a transfer.
pub(super) fn object<'a>(transfer: &Transfer<'a>) -> Object<'a> {
    let plain = match transfer.news {
        News::Offered { offer, by } => named("offered", offer, by.as_ref().map(Safe::as_str)),
        News::Getting { offer, .. } => named("getting", offer, None),
        News::Got { offer, .. } => named("got", offer, None),
        News::Waiting(offer) => named("waiting", offer, None),
        News::Has { offer, by, .. } => named("has", offer, Some(by.as_str())),
        News::Giving { object, name, to, progress } => {
            let id = Some(object.to_string());
            let (who, size) = (Some(to.as_str()), Some(progress.total));
            empty("giving", id, name.as_str(), size, who)
        }
        News::Failed { name, .. } => empty("failed", None, name.as_str(), None, None),
    };
    with_details(plain, transfer)
}

/// What is offered, as it was when that was told.
pub(super) fn offered(offer: &Offer) -> Object<'_> {
    named("offered", offer, None)
}

/// Adds what only some events have.
fn with_details<'a>(object: Object<'a>, transfer: &Transfer<'a>) -> Object<'a> {
    let Object::File { event, id, name, size, who, .. } = object else { return object };
    let progress = match transfer.news {
        News::Getting { progress, .. } | News::Giving { progress, .. } => Some(*progress),
        _ => None,
    };
    let path = match transfer.news {
        News::Got { path, .. } => Some(path.display().to_string()),
        _ => None,
    };
    let why = match transfer.news {
        News::Failed { why, .. } => Some(why.as_str()),
        _ => None,
    };
    let (done, rate) = (progress.map(|progress| progress.done), transfer.rate);
    let seconds_left = transfer.time_left().map(|left| left.as_secs());
    Object::File { event, id, name, size, who, done, rate, seconds_left, path, why }
}

fn named<'a>(event: &'a str, offer: &'a Offer, who: Option<&'a str>) -> Object<'a> {
    empty(event, Some(offer.object.to_string()), &offer.name, Some(offer.total()), who)
}

fn empty<'a>(
    event: &'a str,
    id: Option<String>,
    name: &'a str,
    size: Option<u64>,
    who: Option<&'a str>,
) -> Object<'a> {
    let (done, rate, seconds_left, path, why) = (None, None, None, None, None);
    Object::File { event, id, name, size, who, done, rate, seconds_left, path, why }
}
