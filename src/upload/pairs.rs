//! Which callers are granted uploads to which buckets: pairs that cannot meet are never made.
//!
//! A grant names a bucket when its resource holds the bucket's whole name. A grant on every bucket is broad:
//! it is played, but does not by itself say that uploads to this bucket are meant.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::decision::AccountRelation;
use crate::facts::{Bucket, Estate, Policies, managed};
use crate::pattern::{self, PatternOptions};
use crate::policy::guards::{exclude, implies, join};
use crate::policy::{
    Effect, PatternElement, PlacedText, Policy, PrincipalKind, Statement, StatementRef,
};
use crate::source::{Gap, GapKind, Scope};
use crate::upload::{Uploader, access_point, account};
use crate::value::{Guards, Piece, Place, ScopeId, Text};

/// A caller that is granted uploads to a bucket.
#[derive(Debug, Clone)]
pub struct Pair {
    pub uploader: Uploader,
    pub bucket: usize,
    /// Index in the estate's access points, where the grant names one.
    pub access_point: Option<usize>,
    pub relation: AccountRelation,
    /// The statements that grant it, wherever they stand.
    pub grants: Vec<StatementRef>,
    /// No grant names the bucket.
    pub broad: bool,
    /// The worlds in which something grants the upload: one conjunction per grant, none where it stands in all.
    pub granted: Vec<Guards>,
}

/// Upper limit of pairs that broad grants may add.
const BROAD_PAIRS: usize = 5_000;

/// Buckets by the text of their name.
struct Index {
    by_name: FxHashMap<String, Vec<usize>>,
}

impl Index {
    fn new(estate: &Estate) -> Index {
        let mut by_name: FxHashMap<String, Vec<usize>> = FxHashMap::default();
        for (i, bucket) in estate.buckets.iter().enumerate() {
            by_name.entry(identity(&bucket.name)).or_default().push(i);
        }
        Index { by_name }
    }

    /// The buckets that a name means, seen from a scope; none where the name is not declared.
    fn find(&self, estate: &Estate, name: &str, scope: ScopeId) -> Option<Vec<usize>> {
        let found = self.by_name.get(name)?;
        Some(meant(found, scope, |b| {
            estate.buckets.get(b).map(|b| b.scope)
        }))
    }
}

/// Those of several declarations of one name that a scope means: its own, else the only one. Several of other
/// scopes are alternatives (a bucket's name exists once), of which none can be claimed.
fn meant(found: &[usize], scope: ScopeId, of: impl Fn(usize) -> Option<ScopeId>) -> Vec<usize> {
    let own: Vec<usize> = found
        .iter()
        .copied()
        .filter(|i| of(*i) == Some(scope))
        .collect();
    match found {
        _ if !own.is_empty() => own,
        [first, rest @ ..] if rest.iter().all(|i| of(*i) == of(*first)) => found.to_vec(),
        _ => Vec::new(),
    }
}

/// What a name means; says so where that is nothing, as other scopes only declare it, and several of them.
fn said(found: Vec<usize>, name: &Text, place: &Place, gaps: &mut Vec<Gap>) -> Vec<usize> {
    if found.is_empty() {
        gaps.push(Gap {
            what: name.display().into(),
            why: "declared in several other root modules or templates: which is meant is not known"
                .into(),
            place: Some(place.clone()),
            path: None,
            kind: GapKind::Unknown,
        });
    }
    found
}

/// A text as a key: symbols told apart by scope.
fn identity(text: &Text) -> String {
    let mut out = String::new();
    for piece in text.pieces() {
        match piece {
            // The marks of symbols in a literal are none.
            Piece::Literal(l) => out.extend(l.chars().filter(|c| !('\u{1}'..='\u{3}').contains(c))),
            Piece::Unknown(u) => match &u.symbol {
                Some(s) => out.push_str(&format!(
                    "\u{1}{}\u{2}{}\u{2}{}\u{1}",
                    s.scope.0, s.subject, s.attribute
                )),
                None => out.push('\u{3}'),
            },
        }
    }
    out
}

/// All pairs of an estate, in the order of its callers and buckets.
pub fn pairs(estate: &Estate, scopes: &[Scope], gaps: &mut Vec<Gap>) -> Vec<Pair> {
    let index = Index::new(estate);
    let mut out: BTreeMap<Key, Pair> = BTreeMap::new();
    let mut broad_left = BROAD_PAIRS;
    let mut left_out: Option<(usize, Place)> = None;
    for (c, caller) in estate.callers.iter().enumerate() {
        for (policy, position, statement, attached) in allows(&caller.identity) {
            let objects = puts(&statement.actions);
            let sessions = !statement.actions.negated && creates_sessions(&statement.actions);
            if objects.is_none() && !sessions {
                continue;
            }
            let Some(guards) = stands(attached, statement, objects.as_ref(), sessions) else {
                continue;
            };
            let reference = StatementRef {
                policy: policy.clone(),
                position,
            };
            let reached = reach(estate, &index, statement, caller.scope, gaps);
            let directory = |b: usize| estate.buckets.get(b).is_some_and(|b| b.directory);
            for (b, more) in reached.named {
                let Some(guards) = join(&guards, &more) else {
                    continue;
                };
                // An action of objects on a directory bucket is meant as an upload all the same.
                if objects.is_some() || directory(b) {
                    add(&mut out, estate, (c, b, None), &reference, &guards, false);
                }
            }
            for point in reached.points {
                if let (true, Some(found)) = (objects.is_some(), estate.access_points.get(point)) {
                    if !exclude(&caller.guards, &found.guards) {
                        let key = (c, found.bucket, Some(point));
                        add(&mut out, estate, key, &reference, &guards, false);
                    }
                }
            }
            if reached.wide.is_empty() {
                continue;
            }
            // An action granted by name on every bucket means those of the caller's own scope, but where AWS wrote it.
            let by_aws = managed::name(&policy.address).is_some();
            let by_name = !by_aws
                && statement.actions.patterns.iter().any(|p| {
                    p.text.as_literal().is_some_and(|t| {
                        let t = t.to_ascii_lowercase();
                        t.starts_with("s3:putobject") || t == CREATE_SESSION
                    })
                });
            for (b, more) in reached.wide {
                let Some(guards) = join(&guards, &more) else {
                    continue;
                };
                let Some(bucket) = estate.buckets.get(b) else {
                    continue;
                };
                // What else lies in the account is not meant by a wildcard here.
                if bucket.scope != caller.scope || bucket.open {
                    continue;
                }
                let fits = if bucket.directory {
                    sessions
                } else {
                    objects.is_some()
                };
                if !fits {
                    continue;
                }
                let means = by_name && !statement.actions.negated;
                if !means {
                    if broad_left == 0 {
                        let (count, _) =
                            left_out.get_or_insert_with(|| (0, statement.place.clone()));
                        *count += 1;
                        continue;
                    }
                    broad_left -= 1;
                }
                add(&mut out, estate, (c, b, None), &reference, &guards, !means);
            }
        }
    }
    if let Some((count, place)) = left_out {
        gaps.push(Gap {
            what: format!("{count} uploads that only a wildcard grants").into(),
            why: format!("more than {BROAD_PAIRS} in one run").into(),
            place: Some(place),
            path: None,
            kind: GapKind::Undecided,
        });
    }
    let mut external: Vec<Pair> = Vec::new();
    let mut by_arn: FxHashMap<String, Vec<usize>> = FxHashMap::default();
    for (i, caller) in estate.callers.iter().enumerate() {
        by_arn.entry(identity(&caller.arn)).or_default().push(i);
    }
    let of_buckets = estate
        .buckets
        .iter()
        .enumerate()
        .filter_map(|(b, bucket)| Some((b, bucket, None, bucket.policy.as_ref()?)));
    let of_points = estate
        .access_points
        .iter()
        .enumerate()
        .filter_map(|(i, p)| {
            let bucket = estate.buckets.get(p.bucket)?;
            Some((p.bucket, bucket, Some(i), p.policy.as_ref()?))
        });
    for (b, bucket, point, policies) in of_buckets.chain(of_points) {
        for (policy, position, statement, attached) in allows(policies) {
            let objects = puts(&statement.actions);
            let sessions = bucket.directory && creates_sessions(&statement.actions);
            if objects.is_none() && !sessions {
                continue;
            }
            let Some(guards) = stands(attached, statement, objects.as_ref(), sessions) else {
                continue;
            };
            let Some(principals) = &statement.principals else {
                continue;
            };
            if principals.negated {
                continue;
            }
            let reference = StatementRef {
                policy: policy.clone(),
                position,
            };
            for entry in &principals.entries {
                if entry.kind != PrincipalKind::Aws {
                    continue;
                }
                let Some(guards) =
                    join(&guards, &entry.guards).filter(|g| !exclude(g, &bucket.guards))
                else {
                    continue;
                };
                if let Some(found) = by_arn.get(&identity(&entry.text)) {
                    let of = |c: usize| estate.callers.get(c).map(|c| c.scope);
                    let found = meant(found, bucket.scope, of);
                    for c in said(found, &entry.text, &entry.place, gaps) {
                        add(&mut out, estate, (c, b, point), &reference, &guards, false);
                    }
                    continue;
                }
                let Some((account, whole_account)) = account_of(&entry.text) else {
                    continue;
                };
                let relation = account::of_literal(&account, &bucket.account, scopes);
                if relation == AccountRelation::Same {
                    continue;
                }
                if let Some(pair) = external.iter_mut().find(|p| {
                    p.bucket == b
                        && p.access_point == point
                        && matches!(&p.uploader, Uploader::External { principal, .. } if *principal == entry.text)
                }) {
                    pair.grants.push(reference.clone());
                    also_granted(&mut pair.granted, &guards);
                    continue;
                }
                external.push(Pair {
                    uploader: Uploader::External {
                        principal: entry.text.clone(),
                        account,
                        whole_account,
                        place: entry.place.clone(),
                    },
                    bucket: b,
                    access_point: point,
                    relation,
                    grants: vec![reference.clone()],
                    broad: false,
                    granted: vec![guards],
                });
            }
        }
    }
    out.into_values().chain(external).collect()
}

/// Caller, bucket and access point.
type Key = (usize, usize, Option<usize>);

fn add(
    out: &mut BTreeMap<Key, Pair>,
    estate: &Estate,
    key: Key,
    grant: &StatementRef,
    guards: &Guards,
    broad: bool,
) {
    let (caller, bucket, access_point) = key;
    let (Some(c), Some(b)) = (estate.callers.get(caller), estate.buckets.get(bucket)) else {
        return;
    };
    let meet = join(&c.guards, &b.guards).is_some_and(|both| !exclude(&both, guards));
    if !meet {
        return;
    }
    let pair = out.entry(key).or_insert_with(|| Pair {
        uploader: Uploader::Declared(caller),
        bucket,
        access_point,
        relation: account::between(&c.account, &b.account),
        grants: Vec::new(),
        broad: true,
        granted: Vec::new(),
    });
    pair.broad &= broad;
    also_granted(&mut pair.granted, guards);
    if !pair.grants.contains(grant) {
        pair.grants.push(grant.clone());
    }
}

/// A grant in further worlds; what stands in all of them is told apart no more.
fn also_granted(granted: &mut Vec<Guards>, guards: &Guards) {
    if granted.iter().any(|g| implies(guards, g)) {
        return;
    }
    granted.retain(|g| !implies(g, guards));
    granted.push(guards.clone());
}

fn allows(
    policies: &Policies,
) -> impl Iterator<Item = (&std::sync::Arc<Policy>, usize, &Statement, &Guards)> {
    policies.attached.iter().flat_map(|a| {
        a.policy
            .statements
            .iter()
            .enumerate()
            .filter(|(_, s)| s.effect == Effect::Allow && s.unknown.is_empty())
            .map(move |(i, s)| (&a.policy, i, s, &a.guards))
    })
}

/// The guards under which the actions reach `s3:PutObject` for certain, or are meant to: the name misspelt by an
/// ending, or only what goes with an upload. The first such action counts, one without guards before all.
fn puts(actions: &PatternElement) -> Option<Guards> {
    if actions.negated {
        // Everything but a list: broad, and only where the list spares uploads.
        let spared = !actions.patterns.iter().any(|p| action_matches(&p.text)) && !actions.open;
        return spared.then(Vec::new);
    }
    let misspelt = |p: &PlacedText| {
        let literal = p.text.as_literal();
        literal.is_some_and(|t| t.eq_ignore_ascii_case("s3:PutObjects"))
    };
    actions
        .patterns
        .iter()
        .filter(|p| action_matches(&p.text) || misspelt(p))
        .map(|p| &p.guards)
        .min_by_key(|g| g.len())
        .cloned()
}

fn action_matches(pattern: &Text) -> bool {
    let Some(literal) = pattern.as_literal() else {
        return false;
    };
    pattern::literal_matches(
        &literal.to_ascii_lowercase(),
        "s3:putobject",
        &PatternOptions::ACTION,
    )
}

/// The worlds in which an Allow stands; `None` where there are none.
fn stands(
    attached: &Guards,
    statement: &Statement,
    objects: Option<&Guards>,
    sessions: bool,
) -> Option<Guards> {
    let guards = join(attached, &statement.guards)?;
    match objects {
        Some(objects) if !sessions => join(&guards, objects),
        _ => Some(guards),
    }
}

/// True where the actions reach `s3express:CreateSession`.
fn creates_sessions(actions: &PatternElement) -> bool {
    actions.patterns.iter().any(|p| {
        let literal = p.text.as_literal();
        p.guards.is_empty()
            && literal.is_some_and(|l| {
                pattern::literal_matches(
                    &l.to_ascii_lowercase(),
                    CREATE_SESSION,
                    &PatternOptions::ACTION,
                )
            })
    })
}

/// The action of uploads to a directory bucket, lower-cased.
const CREATE_SESSION: &str = "s3express:createsession";

/// Buckets with the guards of the patterns that reach them.
type Reached = Vec<(usize, Guards)>;

/// What the resources of a statement reach.
#[derive(Default)]
struct Reach {
    /// Buckets that they name.
    named: Reached,
    /// Buckets that only a wildcard reaches.
    wide: Reached,
    /// Access points that they name.
    points: Vec<usize>,
}

fn reach(
    estate: &Estate,
    index: &Index,
    statement: &Statement,
    scope: ScopeId,
    gaps: &mut Vec<Gap>,
) -> Reach {
    let mut out = Reach::default();
    let Some(resources) = &statement.resources else {
        return out;
    };
    if resources.negated {
        return out;
    }
    let Reach {
        named,
        wide,
        points,
    } = &mut out;
    for pattern in &resources.patterns {
        let under = |b: usize| (b, pattern.guards.clone());
        if pattern.text.as_literal() == Some("*") {
            wide.extend((0..estate.buckets.len()).map(under));
            continue;
        }
        points.extend(access_point::named(estate, &pattern.text));
        let Some(name) = bucket_part(&pattern.text) else {
            continue;
        };
        let key = identity(&name);
        if let Some(found) = index.find(estate, &key, scope) {
            named.extend(
                said(found, &name, &pattern.place, gaps)
                    .into_iter()
                    .map(under),
            );
            continue;
        }
        // `${bucket.arn}*`: the whole name and a wildcard behind it.
        if let Some(stem) = key.strip_suffix('*') {
            if let Some(found) = index.find(estate, stem, scope) {
                named.extend(
                    said(found, &name, &pattern.place, gaps)
                        .into_iter()
                        .map(under),
                );
                continue;
            }
        }
        if name
            .pieces()
            .iter()
            .any(|p| matches!(p, Piece::Literal(l) if l.contains(['*', '?'])))
        {
            let reached = |b: &Bucket| {
                pattern::matches(&name, &b.name, &PatternOptions::GLOB)
                    == crate::decision::Match::Yes
            };
            let found = estate.buckets.iter().enumerate();
            wide.extend(found.filter(|(_, b)| reached(b)).map(|(i, _)| under(i)));
        }
    }
    named.sort_unstable();
    named.dedup();
    wide.sort_unstable();
    wide.dedup();
    wide.retain(|(b, _)| !named.iter().any(|(n, _)| n == b));
    points.sort_unstable();
    points.dedup();
    out
}

/// The bucket's name in a resource pattern: what stands between the last `:::` (of a directory bucket: the first
/// `:bucket/`) and the next `/`.
fn bucket_part(pattern: &Text) -> Option<Text> {
    let mut start = None;
    let directory = pattern.known_prefix().contains(":s3express:");
    for (i, piece) in pattern.pieces().iter().enumerate() {
        if let Piece::Literal(literal) = piece {
            let found = if directory {
                literal.find(":bucket/").map(|at| at + ":bucket/".len())
            } else {
                literal.rfind(":::").map(|at| at + 3)
            };
            if let Some(at) = found {
                start = Some((i, at));
            }
        }
    }
    let (first, offset) = start?;
    let mut out = Text::default();
    for (i, piece) in pattern.pieces().iter().enumerate().skip(first) {
        match piece {
            Piece::Literal(literal) => {
                let rest = if i == first {
                    literal.get(offset..)?
                } else {
                    literal
                };
                match rest.split_once('/') {
                    Some((name, _)) => {
                        out.push_str(name);
                        break;
                    }
                    None => out.push_str(rest),
                }
            }
            Piece::Unknown(unknown) => out.push_unknown(unknown.clone()),
        }
    }
    if out.is_empty() { None } else { Some(out) }
}

/// The account in a principal: `111122223333`, `arn:aws:iam::111122223333:root` or a user or role ARN; and
/// whether the whole account is meant.
fn account_of(principal: &Text) -> Option<(Text, bool)> {
    if let Some(literal) = principal.as_literal() {
        if literal.len() == 12 && literal.bytes().all(|b| b.is_ascii_digit()) {
            return Some((Text::literal(literal), true));
        }
        let mut fields = literal.splitn(6, ':');
        let (Some("arn"), Some(_), Some("iam" | "sts"), Some(""), Some(account), Some(rest)) = (
            fields.next(),
            fields.next(),
            fields.next(),
            fields.next(),
            fields.next(),
            fields.next(),
        ) else {
            return None;
        };
        let digits = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
        return digits.then(|| (Text::literal(account), rest == "root"));
    }
    None
}
