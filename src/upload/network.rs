//! Refusals that hang on the network: from where an upload would pass, or that it passes from nowhere.

use crate::decision::Reading;
use crate::outcome::{Level, Outcome};
use crate::upload::answers::answers;
use crate::upload::attempt::{Journey, Played};
use crate::upload::calls::{Draft, Sent};
use crate::upload::decide::{NO_REPLAY, refuse};
use crate::upload::pairs::Pair;
use crate::upload::{Cause, Decided, Denial, Path, PathCertainty, Route, blame, witness};
use crate::value::{Piece, Text};

/// A note: uploads pass only from certain addresses or networks.
pub(super) fn network_note(journey: &Journey<'_>, passes: &Draft, out: &mut Decided) {
    let mut refused = passes.clone();
    refused.source_ip = Sent::Value(Text::literal("192.0.2.1"));
    let played = journey.play(&refused, Reading::Favourable);
    for (cause, _) in played
        .causes
        .into_iter()
        .filter(|(c, _)| blame::by_network(c))
    {
        let Some(shown) = witness::refused(journey, &refused, Reading::Favourable, &cause) else {
            out.hangs_on.push(NO_REPLAY.into());
            continue;
        };
        out.denials.push(Denial {
            cause,
            outcome: Outcome::Depends,
            level: Level::Note,
            evidence: None,
            behind: Vec::new(),
            refused: shown,
            passes: witness::passing(journey, passes),
            provisos: Vec::new(),
            proviso: None,
        });
    }
}

/// The same upload by another way, in the world that is looked at.
fn in_the_world_of<'e>(journey: &Journey<'e>, mut there: Journey<'e>) -> Journey<'e> {
    there.enter(there.world.with(&journey.world));
    there
}

/// Tries the endpoints that the refusing conditions name. True where the upload's answer is found there: a way
/// through (a note), or the proof that the path asked for refuses too.
pub(super) fn elsewhere<'e>(
    journey_by: &dyn Fn(Route) -> Journey<'e>,
    journey: &Journey<'e>,
    pair: &Pair,
    (refused, played): (&Draft, &Played),
    out: &mut Decided,
) -> bool {
    let causes: Vec<Cause> = played.causes.iter().map(|(c, _)| c.clone()).collect();
    let wanted = blame::network_values(&causes);
    let estate = journey.estate;
    let mut candidates: Vec<usize> = Vec::new();
    let mut open = false;
    for (key, value) in &wanted {
        match &**key {
            "aws:sourcevpce" => match estate.endpoints.iter().position(|e| e.id == *value) {
                Some(i) => candidates.push(i),
                None => open = true,
            },
            "aws:sourcevpc" => {
                let inside: Vec<usize> = estate
                    .endpoints
                    .iter()
                    .enumerate()
                    .filter(|(_, e)| {
                        e.vpc.as_ref() == Some(value) && e.service.as_deref() == Some("s3")
                    })
                    .map(|(i, _)| i)
                    .collect();
                // A VPC that is declared here is closed: without an S3 endpoint there is no such path.
                let declared = value.pieces().iter().any(|p| matches!(p, Piece::Unknown(u) if u.symbol.as_ref().is_some_and(|s| s.kind == crate::value::SymbolKind::GeneratedName)));
                open |= inside.is_empty() && !declared;
                candidates.extend(inside);
            }
            // Addresses are judged by the search over addresses.
            "aws:sourceip" | "aws:vpcsourceip" => {}
            // What other keys ask for is not shown by any source.
            _ => open = true,
        }
    }
    candidates.sort_unstable();
    candidates.dedup();
    let note = |out: &mut Decided, there: &Journey<'_>, passes: &Draft| {
        out.outcome = Outcome::Depends;
        out.hangs_on
            .push("the network that the upload comes from".into());
        for (cause, _) in played.causes.iter().filter(|(c, _)| blame::by_network(c)) {
            let shown = witness::refused(journey, refused, Reading::Favourable, cause);
            let Some(shown) = shown else {
                out.hangs_on.push(NO_REPLAY.into());
                continue;
            };
            out.denials.push(Denial {
                cause: cause.clone(),
                outcome: Outcome::Depends,
                level: Level::Note,
                evidence: None,
                behind: Vec::new(),
                refused: shown,
                passes: witness::passing(there, passes),
                provisos: Vec::new(),
                proviso: None,
            });
        }
    };
    let mut routes: Vec<Route> = candidates.into_iter().map(Route::Endpoint).collect();
    if open {
        routes.push(Route::Elsewhere);
    }
    let mut refused_there: Option<(Route, Draft, Played, Option<Draft>)> = None;
    for route in routes {
        let there = in_the_world_of(journey, journey_by(route.clone()));
        let found = answers(&there, false);
        match found.default {
            Ok(draft) => {
                note(out, &there, &draft);
                return true;
            }
            Err((draft, met)) => {
                let network_still = met.causes.iter().any(|(c, _)| blame::by_network(c));
                if refused_there.is_none() || !network_still {
                    refused_there = Some((route, draft, met, found.any));
                }
            }
        }
    }
    if let Some((route, draft, met, any)) = refused_there {
        let there = in_the_world_of(journey, journey_by(route.clone()));
        let path = Path {
            route,
            certainty: PathCertainty::Assumed,
            access_point: out.path.access_point,
            shown_by: None,
            guards: Vec::new(),
        };
        out.path = path.clone();
        refuse(&there, pair, &path, draft, met, any, out);
        return true;
    }
    false
}
