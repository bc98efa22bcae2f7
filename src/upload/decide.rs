//! From answers to outcomes: plays the default upload, then any upload, then those that the sources mean.

use crate::decision::{AccountRelation, Principal, Reading};
use crate::facts::{CallerKind, Estate};
use crate::outcome::{Level, Outcome};
use crate::policy::guards::{exclude, join};
use crate::source::{Gap, GapKind, Scope};
use crate::upload::answers::{answers, avoid};
use crate::upload::attempt::{Journey, Played, same_cause};
use crate::upload::calls::Draft;
use crate::upload::network::{elsewhere, network_note};
use crate::upload::pairs::Pair;
use crate::upload::space::Space;
use crate::upload::tables::Tables;
use crate::upload::worlds::{
    EachWorld, WORLDS, Worlds, each_world, refused_in_every_world, worlds,
};
use crate::upload::{
    Cause, Confidence, Decided, Denial, Path, PathCertainty, Route, Uploader, access_point, blame,
    path, shapes, stated, witness,
};
use crate::value::{ScopeId, Text};

/// Tells by the scopes of its sender and its bucket whether an upload is to be played here.
pub type Judged<'j> = dyn Fn(&[ScopeId]) -> bool + Sync + 'j;

/// The scopes of the sender and the bucket of an upload, as far as the estate declares them.
pub fn scopes_of(estate: &Estate, uploader: &Uploader, bucket: usize) -> Vec<ScopeId> {
    let caller = match uploader {
        Uploader::Declared(index)
        | Uploader::Service {
            role: Some(index), ..
        } => estate.callers.get(*index).map(|c| c.scope),
        Uploader::Service { role: None, .. }
        | Uploader::External { .. }
        | Uploader::Deployer { .. } => None,
    };
    let bucket = estate.buckets.get(bucket).map(|b| b.scope);
    caller.into_iter().chain(bucket).collect()
}

/// Plays the uploads that the estate makes possible and that are judged here; `pairs` are those of the estate.
pub fn decide(
    estate: &Estate,
    scopes: &[Scope],
    pairs: Vec<Pair>,
    judged: &Judged<'_>,
    gaps: &mut Vec<Gap>,
) -> Vec<Decided> {
    use rayon::prelude::*;
    // A role that only delivers for a service sends what its service sends.
    let (delivering, pairs): (Vec<Pair>, Vec<Pair>) = pairs
        .into_iter()
        .filter(|p| judged(&scopes_of(estate, &p.uploader, p.bucket)))
        .partition(|p| delivers(estate, p).is_some());
    let played: Vec<(Vec<Decided>, Vec<Gap>)> = pairs
        .par_iter()
        .map(|pair| {
            let mut gaps = Vec::new();
            let decided = decide_pair(estate, pair, &mut gaps);
            (decided, gaps)
        })
        .collect();
    let mut out = Vec::new();
    for (decided, found) in played {
        out.extend(decided);
        gaps.extend(found);
    }
    let shown = crate::upload::shown::decide(estate, scopes).into_iter();
    out.extend(shown.filter(|d| judged(&scopes_of(estate, &d.uploader, d.bucket))));
    for pair in &delivering {
        if let Some((caller, row)) = delivers(estate, pair) {
            out.extend(crate::upload::shown::decide_role(
                estate, scopes, caller, pair, row,
            ));
        }
    }
    gaps.extend(not_replayed(estate, &out));
    out
}

/// Uploads of which a refusal was left out are not understood.
fn not_replayed(estate: &Estate, decided: &[Decided]) -> Vec<Gap> {
    let left_out = |d: &&Decided| d.hangs_on.iter().any(|h| **h == *NO_REPLAY);
    let buckets = decided.iter().filter(left_out).map(|d| d.bucket);
    buckets
        .filter_map(|bucket| estate.buckets.get(bucket))
        .map(|bucket| Gap {
            what: format!("uploads to {}", bucket.address).into(),
            why: NO_REPLAY.into(),
            place: Some(bucket.place.clone()),
            path: None,
            kind: GapKind::Undecided,
        })
        .collect()
}

/// The caller and the row of a pair whose role only delivers for an AWS service.
fn delivers(
    estate: &Estate,
    pair: &Pair,
) -> Option<(usize, &'static crate::upload::writers::Writer)> {
    let Uploader::Declared(index) = pair.uploader else {
        return None;
    };
    if !stated::of_pair(estate, pair).is_empty() {
        return None;
    }
    let caller = estate.callers.get(index)?;
    if caller.trust_open || !caller.web_identity.is_empty() {
        return None;
    }
    Some((
        index,
        crate::upload::writers::of_role(&caller.trusted_services)?,
    ))
}

fn decide_pair(estate: &Estate, pair: &Pair, gaps: &mut Vec<Gap>) -> Vec<Decided> {
    let caller = match &pair.uploader {
        Uploader::Declared(index) => estate.callers.get(*index),
        Uploader::External { .. } | Uploader::Deployer { .. } | Uploader::Service { .. } => None,
    };
    let service = estate
        .buckets
        .get(pair.bucket)
        .map_or("s3", path::service_of);
    let mut ways = match caller {
        Some(caller) => path::ways(caller, estate, service),
        None => vec![path::Way::one(vec![Path {
            route: Route::Internet,
            certainty: PathCertainty::Assumed,
            access_point: None,
            shown_by: None,
            guards: Vec::new(),
        }])],
    };
    if let Some(point) = pair.access_point {
        for way in &mut ways {
            way.cases = access_point::paths(estate, point, std::mem::take(&mut way.cases));
        }
    }
    let mut out = Vec::new();
    for way in ways {
        let mut cases: Vec<Decided> = Vec::new();
        for alternatives in way.cases {
            let mut best: Option<Decided> = None;
            let around = alternatives.clone();
            for path in alternatives {
                let Some(decided) = decide_path(estate, pair, path, gaps) else {
                    continue;
                };
                let better = best
                    .as_ref()
                    .is_none_or(|b| rank(decided.outcome) > rank(b.outcome));
                if better {
                    best = Some(decided);
                }
            }
            if let Some(direct) = best.as_ref().filter(|b| {
                pair.access_point.is_none() && rank(b.outcome) < rank(Outcome::ShapeDenied)
            }) {
                // What is closed but for access points is judged by what comes through them.
                let closed = direct
                    .denials
                    .iter()
                    .all(|d| blame::by_access_point(&d.cause));
                let through = by_some_access_point(estate, pair, &around, gaps);
                let passes = |d: &Decided| rank(d.outcome) >= rank(Outcome::Depends);
                best = through.filter(|t| closed || passes(t)).or(best);
            }
            cases.extend(best);
        }
        let refused = |d: &Decided| d.denials.iter().any(|x| x.level > Level::Note);
        if !cases.iter().all(refused) {
            // Refused on the path of some worlds only.
            let several = cases.len() > 1;
            for case in cases.iter_mut().filter(|d| several && refused(d)) {
                case.outcome = Outcome::Depends;
                case.denials.clear();
                case.hangs_on
                    .extend(case.path.guards.iter().map(|g| g.label.clone()));
            }
        }
        out.extend(cases);
    }
    out
}

/// Access points of a bucket that are tried where its own name is refused.
const ACCESS_POINTS: usize = 8;

/// The best of the bucket's access points for the same caller.
fn by_some_access_point(
    estate: &Estate,
    pair: &Pair,
    around: &[Path],
    gaps: &mut Vec<Gap>,
) -> Option<Decided> {
    let points = estate
        .access_points
        .iter()
        .enumerate()
        .filter(|(_, p)| p.bucket == pair.bucket)
        .take(ACCESS_POINTS);
    let mut best: Option<Decided> = None;
    for (index, _) in points {
        let paths = access_point::paths(estate, index, vec![around.to_vec()]);
        for path in paths.into_iter().flatten() {
            let Some(decided) = decide_path(estate, pair, path, gaps) else {
                continue;
            };
            if best
                .as_ref()
                .is_none_or(|b| rank(decided.outcome) > rank(b.outcome))
            {
                best = Some(decided);
            }
        }
    }
    best
}

/// The more passes, the higher.
pub(super) fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::AlwaysDenied => 0,
        Outcome::ServiceDeliveryDenied | Outcome::OtherFailure => 1,
        Outcome::DefaultDenied => 2,
        Outcome::ShapeDenied => 3,
        Outcome::Depends => 4,
        Outcome::Allowed => 5,
    }
}

/// Who makes the request.
pub fn principal_of(estate: &Estate, uploader: &Uploader) -> Principal {
    match uploader {
        Uploader::Declared(index) => match estate.callers.get(*index) {
            Some(caller) => match caller.kind {
                CallerKind::User => Principal::User {
                    arn: caller.arn.clone(),
                    account: caller.account.id.clone(),
                },
                CallerKind::Role => Principal::Role {
                    arn: caller.arn.clone(),
                    account: caller.account.id.clone(),
                    session: None,
                },
            },
            None => Principal::Anonymous,
        },
        Uploader::External {
            principal,
            account,
            whole_account,
            ..
        } => {
            if *whole_account {
                return Principal::Account {
                    account: account.clone(),
                };
            }
            let literal = principal.as_literal().unwrap_or_default();
            if literal.contains(":user/") {
                Principal::User {
                    arn: principal.clone(),
                    account: account.clone(),
                }
            } else if literal.contains(":role/") {
                Principal::Role {
                    arn: principal.clone(),
                    account: account.clone(),
                    session: None,
                }
            } else if let Some((_, rest)) = literal.split_once(":assumed-role/") {
                let role = rest.split('/').next().unwrap_or_default();
                let partition = literal.split(':').nth(1).unwrap_or("aws");
                let arn = format!("arn:{partition}:iam::{}:role/{role}", account.display());
                Principal::Role {
                    arn: Text::literal(arn),
                    account: account.clone(),
                    session: Some(principal.clone()),
                }
            } else {
                Principal::FederatedUser {
                    arn: principal.clone(),
                    account: account.clone(),
                }
            }
        }
        Uploader::Deployer { account } => Principal::Account {
            account: account.clone(),
        },
        Uploader::Service { principal, .. } => Principal::Service {
            name: Text::literal(principal.clone()),
        },
    }
}

/// Said where a refusal was left out, since the upload that was to show it is not refused when it is played again.
pub(super) const NO_REPLAY: &str = "a refusal that could not be replayed";

/// `None` where the path is taken in no world in which something grants the upload.
fn decide_path(estate: &Estate, pair: &Pair, path: Path, gaps: &mut Vec<Gap>) -> Option<Decided> {
    let mut decided = decide_relation(estate, pair, &path, pair.relation, gaps)?;
    // What would be refused if only the account were another one is said in a note.
    if pair.relation == AccountRelation::Unknown
        && matches!(decided.outcome, Outcome::Allowed | Outcome::Depends)
        && matches!(pair.uploader, Uploader::External { .. })
    {
        let other = decide_relation(estate, pair, &path, AccountRelation::Cross, gaps);
        if let (Uploader::External { account, .. }, Some(other)) = (&pair.uploader, other) {
            for mut denial in other.denials {
                denial.level = Level::Note;
                denial.outcome = Outcome::Depends;
                denial.proviso = Some(format!(
                    "if {} is not the bucket's own account, ",
                    account.display()
                ));
                decided.denials.push(denial);
            }
        }
    }
    Some(decided)
}

fn decide_relation(
    estate: &Estate,
    pair: &Pair,
    path: &Path,
    relation: AccountRelation,
    gaps: &mut Vec<Gap>,
) -> Option<Decided> {
    let bucket = estate.buckets.get(pair.bucket)?;
    let caller = match &pair.uploader {
        Uploader::Declared(index) => estate.callers.get(*index),
        Uploader::External { .. } | Uploader::Deployer { .. } | Uploader::Service { .. } => None,
    };
    // The worlds in which all that takes part exists.
    let mut world = join(
        caller.map(|c| c.guards.as_slice()).unwrap_or_default(),
        &bucket.guards,
    )?;
    world = join(&world, &path.guards)?;
    let point = path.access_point.and_then(|i| estate.access_points.get(i));
    world = join(
        &world,
        point.map(|p| p.guards.as_slice()).unwrap_or_default(),
    )?;
    if let [only] = pair.granted.as_slice() {
        world = join(&world, only)?;
    } else if !pair.granted.is_empty() && pair.granted.iter().all(|g| exclude(&world, g)) {
        return None;
    }
    let journey_by = |route: Route| {
        let mut journey = Journey::new(
            estate,
            pair.uploader.clone(),
            principal_of(estate, &pair.uploader),
            caller,
            bucket,
            route,
            relation,
        )
        .through(path.access_point);
        journey.enter(journey.world.and(&world));
        journey
    };
    let mut journey = journey_by(path.route.clone());
    let hosted = path.certainty == PathCertainty::HostedCi;
    let mut found = answers(&journey, hosted);
    let mut open = Vec::new();
    let mut too_many = false;
    let mut chosen = Vec::new();
    if found.default.is_ok() && !found.undecided {
        // Unknown guards were read one by one in favour of the upload; one world has one truth for each.
        match worlds(&journey, &pair.granted) {
            Worlds::Each(each) => open = each,
            Worlds::TooMany => too_many = true,
        }
        if let Some((world, refused)) = refused_in_every_world(&mut journey, &open, hosted) {
            journey.enter(journey.world.and(&world));
            found = refused;
            chosen = world;
        }
    }
    let mut out = Decided {
        uploader: pair.uploader.clone(),
        bucket: pair.bucket,
        path: path.clone(),
        world: world.iter().cloned().chain(chosen).collect(),
        outcome: Outcome::Allowed,
        hangs_on: Vec::new(),
        grants: pair.grants.clone(),
        denials: Vec::new(),
    };
    if found.undecided {
        gaps.push(Gap {
            what: format!("uploads to {}", bucket.address).into(),
            why: "the search over all requests met its limits".into(),
            place: Some(bucket.place.clone()),
            path: None,
            kind: GapKind::Undecided,
        });
        out.outcome = Outcome::Depends;
        out.hangs_on.push("a search that met its limits".into());
        return Some(out);
    }
    let uploads = stated::of_pair(estate, pair);
    if !uploads.is_empty() {
        let any = found.default.as_ref().ok().or(found.any.as_ref());
        stated::judge(&journey, pair, path, &uploads, any, &mut out);
        return Some(out);
    }
    match found.default {
        Ok(draft) => {
            let strict = journey.play(&draft, Reading::Unfavourable);
            if found.by_address {
                out.outcome = Outcome::Depends;
                out.hangs_on
                    .push("the address that the upload comes from".into());
                network_note(&journey, &draft, &mut out);
            } else if !strict.allowed && !strict.hangs_on_open_only() {
                let each = each_world(&mut journey, &open, hosted);
                if each == EachWorld::Passes {
                    out.outcome = Outcome::Allowed;
                } else {
                    out.outcome = Outcome::Depends;
                    out.hangs_on = strict.hangs_on;
                }
                if let EachWorld::RefusedIn(labels) = each {
                    out.hangs_on.extend(labels);
                }
                if too_many {
                    gaps.push(Gap {
                        what: format!("uploads to {}", bucket.address).into(),
                        why: format!(
                            "the conditions of its policies make more than {WORLDS} worlds, which are not told apart"
                        )
                        .into(),
                        place: Some(bucket.place.clone()),
                        path: None,
                        kind: GapKind::Undecided,
                    });
                }
            }
            shapes::decide(&journey, pair, path, &draft, &mut out);
        }
        Err((draft, played)) => {
            // Headers that the sources show stand in the place of the plain upload.
            let own = crate::upload::shown::drafts_of_every_workload(estate, pair);
            if let Some(first) = own.first().filter(|_| {
                own.iter()
                    .all(|d| journey.play(d, Reading::Favourable).allowed)
            }) {
                for strict in own.iter().map(|d| journey.play(d, Reading::Unfavourable)) {
                    if !strict.allowed && !strict.hangs_on_open_only() {
                        out.outcome = Outcome::Depends;
                        out.hangs_on = strict.hangs_on;
                    }
                }
                shapes::decide(&journey, pair, path, first, &mut out);
                return Some(out);
            }
            // A bucket that is closed but for access points, of which none is declared here.
            if path.access_point.is_none()
                && !estate.access_points.iter().any(|p| p.bucket == pair.bucket)
                && played.causes.iter().any(|(c, _)| blame::by_access_point(c))
            {
                out.outcome = Outcome::Depends;
                out.hangs_on
                    .push("an access point that is not declared here".into());
                return Some(out);
            }
            // Where nothing shows the path, another one may be what the author wants.
            if path.certainty == PathCertainty::Assumed
                && played.causes.iter().any(|(c, _)| blame::by_network(c))
                && elsewhere(&journey_by, &journey, pair, (&draft, &played), &mut out)
            {
                return Some(out);
            }
            refuse(&journey, pair, path, draft, played, found.any, &mut out);
        }
    }
    if pair.broad {
        for denial in &mut out.denials {
            denial.level = Level::Note;
        }
    }
    Some(out)
}

/// Turns the refusals of the default upload into denials.
pub(super) fn refuse(
    journey: &Journey<'_>,
    pair: &Pair,
    path: &Path,
    draft: Draft,
    played: Played,
    any: Option<Draft>,
    out: &mut Decided,
) {
    let overall = if any.is_some() {
        Outcome::DefaultDenied
    } else {
        Outcome::AlwaysDenied
    };
    out.outcome = overall;
    let provisos = any
        .as_ref()
        .map(|d| journey.play(d, Reading::Unfavourable).hangs_on)
        .unwrap_or_default();
    let passes = any.as_ref().and_then(|d| witness::passing(journey, d));
    let avoided: Vec<Option<Draft>> = match any {
        Some(_) => vec![None; played.causes.len()],
        None => {
            let space = Space::new(journey, true, true);
            let mut tables = Tables::new(journey, &space, None);
            let causes = played.causes.iter();
            causes.map(|(c, _)| avoid(&space, &mut tables, c)).collect()
        }
    };
    let some_unavoidable = overall == Outcome::AlwaysDenied && avoided.iter().any(Option::is_none);
    let again = witness::Replay::new(journey, &draft, Reading::Favourable);
    for ((cause, confidence), way) in played.causes.iter().zip(avoided) {
        let outcome = match overall {
            Outcome::AlwaysDenied if some_unavoidable && way.is_some() => Outcome::DefaultDenied,
            other => other,
        };
        let mut behind = Vec::new();
        if let (Some(way), Outcome::AlwaysDenied) = (&way, outcome) {
            let met = journey.play(way, Reading::Favourable);
            let causes: Vec<Cause> = met
                .causes
                .into_iter()
                .map(|(c, _)| c)
                .filter(|c| !played.causes.iter().any(|(p, _)| same_cause(p, c)))
                .collect();
            // One witness stands for all that refuse it.
            let shown = causes
                .first()
                .and_then(|c| witness::refused(journey, way, Reading::Favourable, c));
            behind.extend(shown.map(|headers| (headers, causes)));
        }
        let Some(refused) = again.refused(cause) else {
            out.hangs_on.push(NO_REPLAY.into());
            continue;
        };
        out.denials.push(Denial {
            cause: cause.clone(),
            outcome,
            level: level(outcome, *confidence, path, pair),
            evidence: None,
            behind,
            refused,
            passes: passes.clone(),
            provisos: provisos.clone(),
            proviso: None,
        });
    }
}

/// The level of a denial (architecture, "Outcomes and levels").
pub fn level(outcome: Outcome, confidence: Confidence, path: &Path, pair: &Pair) -> Level {
    let base = match outcome {
        Outcome::AlwaysDenied | Outcome::ServiceDeliveryDenied => Level::Error,
        Outcome::DefaultDenied | Outcome::ShapeDenied | Outcome::OtherFailure => Level::Warning,
        Outcome::Depends | Outcome::Allowed => Level::Note,
    };
    let by_path = match path.certainty {
        PathCertainty::Presumed | PathCertainty::HostedCi => Level::Warning,
        PathCertainty::Shown | PathCertainty::Assumed => Level::Error,
    };
    let by_pair = if pair.broad {
        Level::Note
    } else {
        Level::Error
    };
    base.min(confidence.cap()).min(by_path).min(by_pair)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_replay_is_not_understood() {
        let mut files = crate::files::MemoryFiles::new();
        files.insert("m.tf", "resource \"aws_s3_bucket\" \"b\" {}");
        let (_, estate) = crate::analysis::load(&files, &crate::analysis::Request::default());
        let mut decided = Decided {
            uploader: Uploader::Deployer {
                account: Text::literal("1"),
            },
            bucket: 0,
            path: Path {
                route: Route::Internet,
                certainty: PathCertainty::Assumed,
                access_point: None,
                shown_by: None,
                guards: Vec::new(),
            },
            world: Vec::new(),
            outcome: Outcome::Depends,
            hangs_on: Vec::new(),
            grants: Vec::new(),
            denials: Vec::new(),
        };
        assert!(not_replayed(&estate, std::slice::from_ref(&decided)).is_empty());
        decided.hangs_on.push(NO_REPLAY.into());
        let gaps = not_replayed(&estate, &[decided]);
        let [gap] = gaps.as_slice() else {
            panic!("{gaps:?}");
        };
        assert_eq!((&*gap.why, gap.kind), (NO_REPLAY, GapKind::Undecided));
    }
}
