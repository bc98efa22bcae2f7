//! The only way from a draft to an upload that is printed: it is played again first, as it will be printed.
//!
//! A witness that does not replay is a fault of the search: it stops a debug build, and is not shown by a release.

use std::sync::Arc;

use crate::decision::Reading;
use crate::upload::attempt::{Journey, Played, same_cause};
use crate::upload::calls::{Draft, Sent, unknown_text};
use crate::upload::headers::{self, HEADERS};
use crate::upload::{Cause, Headers};
use crate::value::Text;

/// The draft as an upload that passes under a favourable reading.
pub(super) fn passing(journey: &Journey<'_>, draft: &Draft) -> Option<Headers> {
    let (printed, again) = printed(draft);
    let passes = journey.play(&again, Reading::Favourable).allowed;
    debug_assert!(passes, "a way through does not replay: {printed:?}");
    passes.then_some(printed)
}

/// A draft that was played again.
pub(super) struct Replay {
    printed: Headers,
    met: Played,
}

impl Replay {
    pub(super) fn new(journey: &Journey<'_>, draft: &Draft, reading: Reading) -> Replay {
        let (printed, again) = printed(draft);
        let met = journey.play(&again, reading);
        Replay { printed, met }
    }

    /// The draft as an upload that meets the refusal, whatever else it meets.
    pub(super) fn refused(&self, cause: &Cause) -> Option<Headers> {
        let met = !self.met.allowed && self.met.causes.iter().any(|(c, _)| same_cause(c, cause));
        debug_assert!(met, "a refused upload does not replay: {:?}", self.printed);
        met.then(|| self.printed.clone())
    }
}

/// As [`Replay::refused`], for one refusal.
pub(super) fn refused(
    journey: &Journey<'_>,
    draft: &Draft,
    reading: Reading,
    cause: &Cause,
) -> Option<Headers> {
    Replay::new(journey, draft, reading).refused(cause)
}

/// What is printed of a draft, and the draft that says no more than that.
fn printed(draft: &Draft) -> (Headers, Draft) {
    let mut again = draft.clone();
    for sent in &mut again.headers {
        if *sent == Sent::Open {
            *sent = Sent::Absent;
        }
    }
    let mut set: Vec<(Arc<str>, Text)> = HEADERS
        .iter()
        .zip(&again.headers)
        .filter_map(|(h, sent)| match sent {
            Sent::Value(value) => Some((Arc::from(h.name), value.clone())),
            Sent::Absent | Sent::Open => None,
        })
        .collect();
    let tags = again.tags.get_or_insert_default();
    if !tags.is_empty() {
        let mut text = Text::default();
        for (i, (key, value)) in tags.iter().enumerate() {
            if i > 0 {
                text.push_str("&");
            }
            text.push_str(key);
            text.push_str("=");
            text.push(value);
        }
        set.push((headers::TAGGING.into(), text));
    }
    let printed = Headers {
        key: again
            .key
            .clone()
            .unwrap_or_else(|| unknown_text("any object key")),
        set,
        multipart: again.multipart,
        copies: again.copies.clone(),
        source_ip: match &again.source_ip {
            Sent::Value(ip) => Some(ip.clone()),
            Sent::Absent | Sent::Open => None,
        },
    };
    (printed, again)
}
