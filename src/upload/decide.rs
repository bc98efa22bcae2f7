//! From answers to outcomes: plays the default upload, then any upload, then those that the sources mean.

use std::sync::Arc;

use crate::decision::search::{SearchResult, search};
use crate::decision::space::{Class, Domain, DomainValues, Variable, classes_of, key_classes};
use crate::decision::{AccountRelation, ContextValue, Match, Principal, Reading, World};
use crate::facts::{CallerKind, Estate};
use crate::outcome::{Level, Outcome};
use crate::policy::{ConditionTest, PolicyVersion};
use crate::source::{Gap, GapKind, Scope};
use crate::upload::attempt::{Journey, Played, same_cause};
use crate::upload::calls::{Draft, Sent};
use crate::upload::headers::{self, HEADERS, Values};
use crate::upload::pairs::Pair;
use crate::upload::{
    Cause, Confidence, Decided, Denial, Headers, Path, PathCertainty, Route, Uploader, blame, path,
    shapes,
};
use crate::value::{Guard, Piece, ScopeId, Text};

/// States of one search; past them the answer is undecided.
const BUDGET: usize = 20_000;
/// Tags that are tried in one search.
const TAG_LIMIT: usize = 8;

/// Plays every upload that the estate makes possible.
pub fn decide(estate: &Estate, scopes: &[Scope], gaps: &mut Vec<Gap>) -> Vec<Decided> {
    use rayon::prelude::*;
    let pairs = crate::upload::pairs::pairs(estate, scopes);
    // A role that only delivers for a service sends what its service sends.
    let (delivering, pairs): (Vec<Pair>, Vec<Pair>) = pairs
        .into_iter()
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
    out.extend(crate::upload::shown::decide(estate, scopes));
    for pair in &delivering {
        if let Some((caller, row)) = delivers(estate, pair) {
            out.extend(crate::upload::shown::decide_role(
                estate, scopes, caller, pair, row,
            ));
        }
    }
    out
}

/// The caller and the row of a pair whose role only delivers for an AWS service.
fn delivers(
    estate: &Estate,
    pair: &Pair,
) -> Option<(usize, &'static crate::upload::writers::Writer)> {
    let Uploader::Declared(index) = pair.uploader else {
        return None;
    };
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
    let routes = match caller {
        Some(caller) => path::paths(caller, estate),
        None => vec![vec![Path {
            route: Route::Internet,
            certainty: PathCertainty::Assumed,
            shown_by: None,
        }]],
    };
    let mut out = Vec::new();
    for alternatives in routes {
        let mut best: Option<Decided> = None;
        for path in alternatives {
            let decided = decide_path(estate, pair, path, gaps);
            let better = best
                .as_ref()
                .is_none_or(|b| rank(decided.outcome) > rank(b.outcome));
            if better {
                best = Some(decided);
            }
        }
        out.extend(best);
    }
    out
}

/// The more passes, the higher.
fn rank(outcome: Outcome) -> u8 {
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

fn decide_path(estate: &Estate, pair: &Pair, path: Path, gaps: &mut Vec<Gap>) -> Decided {
    let mut decided = decide_relation(estate, pair, &path, pair.relation, gaps);
    // What would be refused if only the account were another one is said in a note.
    if pair.relation == AccountRelation::Unknown
        && matches!(decided.outcome, Outcome::Allowed | Outcome::Depends)
        && matches!(pair.uploader, Uploader::External { .. })
    {
        let other = decide_relation(estate, pair, &path, AccountRelation::Cross, gaps);
        if let Uploader::External { account, .. } = &pair.uploader {
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
    decided
}

/// The variables of a search and how they enter a draft.
struct Space {
    variables: Vec<Variable>,
    roles: Vec<Role>,
    keys: Vec<Text>,
    /// Every upload has its class here: a search that finds nothing is a proof.
    complete: bool,
}

#[derive(Clone, PartialEq)]
enum Role {
    Key,
    Header(usize),
    Tag(Arc<str>),
    SourceIp,
}

impl Space {
    /// Keys only: headers stay as a plain upload has them.
    fn keys_of(journey: &Journey<'_>) -> (Variable, Vec<Text>, bool) {
        let mut prefix = Text::from_pieces(journey.bucket.arn.pieces().iter().cloned());
        prefix.push_str("/");
        let patterns: Vec<(&Text, PolicyVersion)> = journey
            .documents()
            .flat_map(|p| p.statements.iter().map(|s| (s, p.version)))
            .filter_map(|(s, version)| Some((s.resources.as_ref()?, version)))
            .flat_map(|(r, version)| r.patterns.iter().map(move |p| (&p.text, version)))
            .collect();
        let found = key_classes(&patterns, &prefix, &journey.base);
        let mut keys = found.keys;
        // No client sends a key with a policy variable in it: where variables are literal text, the grant is dead.
        keys.retain(|k| !k.as_literal().is_some_and(|k| k.contains("${")));
        if keys.is_empty() {
            keys.push(Text::literal("x"));
        }
        let classes = keys
            .iter()
            .map(|k| Class {
                value: ContextValue::Present(vec![k.clone()]),
                cost: 0,
            })
            .collect();
        (
            Variable {
                name: "key".into(),
                classes,
            },
            keys,
            found.complete,
        )
    }

    fn new(journey: &Journey<'_>, with_headers: bool, with_network: bool) -> Space {
        let (key, keys, complete) = Space::keys_of(journey);
        let mut space = Space {
            variables: vec![key],
            roles: vec![Role::Key],
            keys,
            complete,
        };
        let tests = journey.tests();
        let on = |key: &str| -> Vec<&ConditionTest> {
            tests
                .iter()
                .copied()
                .filter(|t| {
                    t.key
                        .as_literal()
                        .is_some_and(|k| k.eq_ignore_ascii_case(key))
                })
                .collect()
        };
        if with_network && journey.route == Route::Internet {
            let ip = on("aws:SourceIp");
            if !ip.is_empty() {
                let domain = Domain {
                    may_be_absent: false,
                    values: DomainValues::Ip,
                };
                let mut classes = space.classes(&ip, &domain, journey);
                // S3 sees public addresses only (spec 8.2, UP214).
                classes
                    .retain(|c| !matches!(c.value, ContextValue::Absent) && !is_private(&c.value));
                if classes.is_empty() {
                    let value = ContextValue::Present(vec![Text::literal("192.0.2.1")]);
                    classes.push(Class { value, cost: 0 });
                }
                space.push("aws:SourceIp", classes, Role::SourceIp);
            }
        }
        if !with_headers {
            return space;
        }
        let managed = gates_care(journey);
        for (i, header) in HEADERS.iter().enumerate() {
            let asked = on(header.key);
            let forced =
                managed && (header.name == headers::SSE || header.name == headers::SSE_KEY);
            if asked.is_empty() && !forced {
                continue;
            }
            let values = match header.values {
                Values::OneOf(values) => {
                    DomainValues::Fixed(values.iter().map(|v| Text::literal(*v)).collect())
                }
                Values::Any | Values::KeyArn => DomainValues::AnyText,
                Values::Date => DomainValues::Date,
                Values::Days => DomainValues::Number,
            };
            let mut classes = space.classes(
                &asked,
                &Domain {
                    may_be_absent: true,
                    values,
                },
                journey,
            );
            if header.name == headers::SSE_KEY {
                name_default_key(journey, &mut classes);
            }
            for class in &mut classes {
                if !matches!(class.value, ContextValue::Absent) {
                    class.cost = header.cost;
                }
            }
            space.push(header.name, classes, Role::Header(i));
        }
        let mut tags: Vec<Arc<str>> = Vec::new();
        for test in &tests {
            let Some(key) = test.key.as_literal() else {
                continue;
            };
            if key
                .get(..headers::REQUEST_TAG.len())
                .is_some_and(|p| p.eq_ignore_ascii_case(headers::REQUEST_TAG))
            {
                let tag: Arc<str> = key
                    .get(headers::REQUEST_TAG.len()..)
                    .unwrap_or_default()
                    .into();
                if !tags.contains(&tag) {
                    tags.push(tag);
                }
            } else if key.eq_ignore_ascii_case(headers::REQUEST_TAG_KEYS) {
                for value in &test.values {
                    let Some(tag) = value.text.as_literal() else {
                        space.complete = false;
                        continue;
                    };
                    // One name that the pattern takes; together with others it may take more.
                    space.complete &= !tag.contains(['*', '?']);
                    let tag = tag.replace(['*', '?'], "x");
                    if !tags.iter().any(|t| **t == *tag) {
                        tags.push(tag.into());
                    }
                }
            }
        }
        space.complete &= tags.len() <= TAG_LIMIT;
        for tag in tags.into_iter().take(TAG_LIMIT) {
            let asked = on(&format!("{}{tag}", headers::REQUEST_TAG));
            let domain = Domain {
                may_be_absent: true,
                values: DomainValues::AnyText,
            };
            let mut classes = space.classes(&asked, &domain, journey);
            for class in &mut classes {
                if !matches!(class.value, ContextValue::Absent) {
                    class.cost = 3;
                }
            }
            space.push(&format!("tag {tag}"), classes, Role::Tag(tag));
        }
        space
    }

    fn classes(
        &mut self,
        tests: &[&ConditionTest],
        domain: &Domain,
        journey: &Journey<'_>,
    ) -> Vec<Class> {
        let found = classes_of(tests, domain, &journey.base);
        self.complete &= found.complete;
        found.classes
    }

    fn push(&mut self, name: &str, classes: Vec<Class>, role: Role) {
        self.variables.push(Variable {
            name: name.into(),
            classes,
        });
        self.roles.push(role);
    }

    /// The draft of a partial assignment; whether every variable is chosen.
    fn draft(&self, chosen: &[Option<usize>]) -> (Draft, bool) {
        let mut draft = Draft::plain(None);
        let mut complete = true;
        let mut tags_open = false;
        for ((variable, role), choice) in self.variables.iter().zip(&self.roles).zip(chosen) {
            let value = choice
                .and_then(|c| variable.classes.get(c))
                .map(|c| &c.value);
            complete &= value.is_some();
            match role {
                Role::Key => draft.key = choice.and_then(|c| self.keys.get(c)).cloned(),
                Role::Header(i) => {
                    if let Some(slot) = draft.headers.get_mut(*i) {
                        *slot = match value {
                            None => Sent::Open,
                            Some(value) => sent(value),
                        };
                    }
                }
                Role::SourceIp => {
                    draft.source_ip = match value {
                        None => Sent::Open,
                        Some(value) => sent(value),
                    }
                }
                Role::Tag(tag) => match value {
                    None => tags_open = true,
                    Some(value) => {
                        if let (Sent::Value(text), Some(tags)) = (sent(value), draft.tags.as_mut())
                        {
                            tags.push((tag.clone(), text));
                        }
                    }
                },
            }
        }
        if tags_open {
            draft.tags = None;
        }
        (draft, complete)
    }
}

/// An address that no request from the internet has.
fn is_private(value: &ContextValue) -> bool {
    let ContextValue::Present(values) = value else {
        return false;
    };
    values.iter().filter_map(Text::as_literal).any(|ip| {
        ip.parse::<std::net::Ipv4Addr>()
            .is_ok_and(|ip| ip.is_private() || ip.is_loopback() || ip.is_link_local())
    })
}

fn sent(value: &ContextValue) -> Sent {
    match value {
        ContextValue::Present(values) => match values.first() {
            Some(text) => Sent::Value(text.clone()),
            None => Sent::Absent,
        },
        ContextValue::Absent => Sent::Absent,
        ContextValue::Unknown | ContextValue::PresentUnknown => Sent::Open,
    }
}

/// True where the bucket's encryption may refuse, so that another encryption is a way through.
fn gates_care(journey: &Journey<'_>) -> bool {
    use crate::facts::Algorithm;
    journey
        .bucket
        .encryption
        .value()
        .is_none_or(|e| e.algorithm != Algorithm::Aes256)
}

/// The bucket's own key, by its ARN, is a value that a client can send.
fn name_default_key(journey: &Journey<'_>, classes: &mut Vec<Class>) {
    use crate::facts::KeyUse;
    let Some(encryption) = journey.bucket.encryption.value() else {
        return;
    };
    if let KeyUse::Declared { key, .. } = &encryption.key {
        if let Some(key) = journey.estate.keys.get(*key) {
            let value = ContextValue::Present(vec![key.arn.clone()]);
            if !classes.iter().any(|c| c.value == value) {
                classes.push(Class { value, cost: 1 });
            }
        }
    }
}

/// What a path gives for the default upload and for any upload.
struct Answers {
    /// The default upload that passes, or the best that fails with what it met.
    default: Result<Draft, (Draft, Played)>,
    /// The default upload needs a certain address.
    by_address: bool,
    any: Option<Draft>,
    undecided: bool,
}

fn answers(journey: &Journey<'_>, hosted: bool) -> Answers {
    let plain = Space::new(journey, false, false);
    // An address that no policy lists.
    let unlisted = {
        let network = Space::new(journey, false, true);
        match network.roles.iter().position(|r| *r == Role::SourceIp) {
            None => None,
            Some(at) => network
                .variables
                .get(at)
                .and_then(|v| v.classes.iter().max_by_key(|c| u32::from(c.cost == 0)))
                .map(|c| sent(&c.value)),
        }
    };
    let mut undecided = false;
    let mut passes = |space: &Space, fixed: Option<&Sent>| -> Option<Draft> {
        let result = search(&space.variables, BUDGET, &mut |chosen| {
            let (mut draft, complete) = space.draft(chosen);
            if let Some(ip) = fixed {
                draft.source_ip = ip.clone();
            }
            journey.answer(&draft, complete)
        });
        match result {
            SearchResult::Found { classes, .. } => {
                let chosen: Vec<Option<usize>> = classes.into_iter().map(Some).collect();
                let (mut draft, _) = space.draft(&chosen);
                if let Some(ip) = fixed {
                    draft.source_ip = ip.clone();
                }
                Some(draft)
            }
            SearchResult::None => {
                undecided |= !space.complete;
                None
            }
            SearchResult::Undecided { best } => match best {
                Some(classes) => {
                    let chosen: Vec<Option<usize>> = classes.into_iter().map(Some).collect();
                    Some(space.draft(&chosen).0)
                }
                None => {
                    undecided = true;
                    None
                }
            },
        }
    };
    if let Some(draft) = passes(&plain, unlisted.as_ref()) {
        return Answers {
            default: Ok(draft),
            by_address: false,
            any: None,
            undecided,
        };
    }
    if unlisted.is_some() && !hosted {
        let network = Space::new(journey, false, true);
        if let Some(draft) = passes(&network, None) {
            return Answers {
                default: Ok(draft),
                by_address: true,
                any: None,
                undecided,
            };
        }
    }
    // The default upload fails for every key: blame the key that fails for the fewest reasons.
    let mut worst: Option<(Draft, Played)> = None;
    let network = Space::new(journey, false, true);
    let mut addresses: Vec<Sent> = unlisted.iter().cloned().collect();
    if !hosted {
        let at = network.roles.iter().position(|r| *r == Role::SourceIp);
        let listed = at
            .and_then(|at| network.variables.get(at))
            .map(|v| v.classes.as_slice())
            .unwrap_or_default();
        addresses.extend(listed.iter().map(|c| sent(&c.value)));
    }
    if addresses.is_empty() {
        addresses.push(Sent::Open);
    }
    for (key, ip) in plain
        .keys
        .iter()
        .flat_map(|k| addresses.iter().map(move |ip| (k, ip)))
    {
        let mut draft = Draft::plain(Some(key.clone()));
        draft.source_ip = ip.clone();
        let played = journey.play(&draft, Reading::Favourable);
        if played.allowed {
            continue;
        }
        if worst
            .as_ref()
            .is_none_or(|(_, w)| played.causes.len() < w.causes.len())
        {
            worst = Some((draft, played));
        }
    }
    let all = Space::new(journey, true, true);
    let any = passes(&all, None);
    match worst {
        Some(worst) => Answers {
            default: Err(worst),
            by_address: false,
            any,
            undecided,
        },
        None => Answers {
            default: Ok(Draft::plain(None)),
            by_address: false,
            any,
            undecided: true,
        },
    }
}

fn decide_relation(
    estate: &Estate,
    pair: &Pair,
    path: &Path,
    relation: AccountRelation,
    gaps: &mut Vec<Gap>,
) -> Decided {
    let Some(bucket) = estate.buckets.get(pair.bucket) else {
        return decided_nothing(pair, path);
    };
    let caller = match &pair.uploader {
        Uploader::Declared(index) => estate.callers.get(*index),
        Uploader::External { .. } | Uploader::Deployer { .. } | Uploader::Service { .. } => None,
    };
    let journey_by = |route: Route| {
        Journey::new(
            estate,
            pair.uploader.clone(),
            principal_of(estate, &pair.uploader),
            caller,
            bucket,
            route,
            relation,
        )
    };
    let journey = journey_by(path.route.clone());
    let hosted = path.certainty == PathCertainty::HostedCi;
    let mut journey = journey;
    let mut found = answers(&journey, hosted);
    if found.default.is_ok() && !found.undecided {
        // Unknown guards were read one by one in favour of the upload; one world has one truth for each.
        if let Some((world, refused)) = refused_in_every_world(&mut journey, hosted) {
            journey.world = world;
            found = refused;
        }
    }
    let mut out = Decided {
        uploader: pair.uploader.clone(),
        bucket: pair.bucket,
        path: path.clone(),
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
        return out;
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
                out.outcome = Outcome::Depends;
                out.hangs_on = strict.hangs_on;
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
                return out;
            }
            // Where nothing shows the path, another one may be what the author wants.
            if path.certainty == PathCertainty::Assumed
                && played.causes.iter().any(|(c, _)| blame::by_network(c))
                && elsewhere(&journey_by, &journey, pair, &played, &mut out)
            {
                return out;
            }
            refuse(&journey, pair, path, draft, played, found.any, &mut out);
        }
    }
    if pair.broad {
        for denial in &mut out.denials {
            denial.level = Level::Note;
        }
    }
    out
}

/// Guards beyond which worlds are not enumerated.
const WORLDS: usize = 64;

/// Every assignment of the unknown guards that the policies of a journey mention; empty where there are too many.
fn worlds(journey: &Journey<'_>) -> Vec<World> {
    let mut inputs: Vec<(ScopeId, Arc<str>, u32)> = Vec::new();
    let mut note = |guards: &[Guard]| {
        for guard in guards {
            let input = (
                guard.scope,
                guard.input.clone(),
                guard.arms.max(guard.arm + 1),
            );
            if guard.arms > 1 && !inputs.contains(&input) {
                inputs.push(input);
            }
        }
    };
    for statement in journey.documents().flat_map(|p| p.statements.iter()) {
        note(&statement.guards);
        let patterns = statement
            .resources
            .iter()
            .chain(std::iter::once(&statement.actions));
        for pattern in patterns.flat_map(|e| e.patterns.iter()) {
            note(&pattern.guards);
        }
        for value in statement.conditions.iter().flat_map(|t| t.values.iter()) {
            note(&value.guards);
        }
    }
    let count = inputs
        .iter()
        .try_fold(1usize, |n, (_, _, arms)| n.checked_mul(*arms as usize));
    if inputs.is_empty() || count.is_none_or(|n| n > WORLDS) {
        return Vec::new();
    }
    let mut out = vec![World::default()];
    for (scope, input, arms) in &inputs {
        out = out
            .into_iter()
            .flat_map(|world| {
                (0..*arms).map(move |arm| {
                    let mut world = world.clone();
                    world.set(*scope, input, arm);
                    world
                })
            })
            .collect();
    }
    out
}

/// The refusal of the world in which most passes, where the default upload is refused in each.
fn refused_in_every_world(journey: &mut Journey<'_>, hosted: bool) -> Option<(World, Answers)> {
    let mut best: Option<(World, Answers)> = None;
    for world in worlds(journey) {
        journey.world = world.clone();
        let found = answers(journey, hosted);
        if found.default.is_ok() || found.undecided {
            journey.world = World::default();
            return None;
        }
        if best
            .as_ref()
            .is_none_or(|(_, b)| b.any.is_none() && found.any.is_some())
        {
            best = Some((world, found));
        }
    }
    journey.world = World::default();
    best
}

fn decided_nothing(pair: &Pair, path: &Path) -> Decided {
    Decided {
        uploader: pair.uploader.clone(),
        bucket: pair.bucket,
        path: path.clone(),
        outcome: Outcome::Depends,
        hangs_on: Vec::new(),
        grants: pair.grants.clone(),
        denials: Vec::new(),
    }
}

/// A note: uploads pass only from certain addresses or networks.
fn network_note(journey: &Journey<'_>, passes: &Draft, out: &mut Decided) {
    let mut refused = passes.clone();
    refused.source_ip = Sent::Value(Text::literal("192.0.2.1"));
    let played = journey.play(&refused, Reading::Favourable);
    for (cause, _) in played
        .causes
        .into_iter()
        .filter(|(c, _)| blame::by_network(c))
    {
        out.denials.push(Denial {
            cause,
            outcome: Outcome::Depends,
            level: Level::Note,
            evidence: None,
            behind: Vec::new(),
            refused: headers_of(&refused),
            passes: Some(headers_of(passes)),
            provisos: Vec::new(),
            proviso: None,
        });
    }
}

/// Tries the endpoints that the refusing conditions name. True where the upload's answer is found there: a way
/// through (a note), or the proof that the path asked for refuses too.
fn elsewhere<'e>(
    journey_by: &dyn Fn(Route) -> Journey<'e>,
    journey: &Journey<'e>,
    pair: &Pair,
    played: &Played,
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
    let note = |out: &mut Decided, passes: Option<&Draft>| {
        out.outcome = Outcome::Depends;
        out.hangs_on
            .push("the network that the upload comes from".into());
        for (cause, _) in played.causes.iter().filter(|(c, _)| blame::by_network(c)) {
            out.denials.push(Denial {
                cause: cause.clone(),
                outcome: Outcome::Depends,
                level: Level::Note,
                evidence: None,
                behind: Vec::new(),
                refused: Headers {
                    key: Text::literal("x"),
                    ..Headers::default()
                },
                passes: passes.map(headers_of),
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
        let there = journey_by(route.clone());
        let found = answers(&there, false);
        match found.default {
            Ok(draft) => {
                note(out, Some(&draft));
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
        let there = journey_by(route.clone());
        let path = Path {
            route,
            certainty: PathCertainty::Assumed,
            shown_by: None,
        };
        out.path = path.clone();
        refuse(&there, pair, &path, draft, met, any, out);
        return true;
    }
    false
}

/// Turns the refusals of the default upload into denials.
fn refuse(
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
    let space = Space::new(journey, true, true);
    let mut avoided: Vec<Option<Draft>> = Vec::new();
    for (cause, _) in &played.causes {
        avoided.push(if any.is_some() {
            None
        } else {
            avoid(journey, &space, cause)
        });
    }
    let some_unavoidable = overall == Outcome::AlwaysDenied && avoided.iter().any(Option::is_none);
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
            if !causes.is_empty() {
                behind.push((headers_of(way), causes));
            }
        }
        out.denials.push(Denial {
            cause: cause.clone(),
            outcome,
            level: level(outcome, *confidence, path, pair),
            evidence: None,
            behind,
            refused: headers_of(&draft),
            passes: any.as_ref().map(headers_of),
            provisos: provisos.clone(),
            proviso: None,
        });
    }
}

/// The cheapest request that one refusal does not meet, whatever else refuses it.
fn avoid(journey: &Journey<'_>, space: &Space, cause: &Cause) -> Option<Draft> {
    let result = search(&space.variables, BUDGET / 4, &mut |chosen| {
        let (draft, complete) = space.draft(chosen);
        if crate::upload::gates::legal(&draft) == Match::No {
            return Match::No;
        }
        let met = journey
            .play(&draft, Reading::Favourable)
            .causes
            .iter()
            .any(|(c, _)| same_cause(c, cause));
        match (met, complete) {
            (true, _) => Match::No,
            (false, true) => Match::Yes,
            (false, false) => Match::Unknown,
        }
    });
    match result {
        SearchResult::Found { classes, .. } => {
            let chosen: Vec<Option<usize>> = classes.into_iter().map(Some).collect();
            Some(space.draft(&chosen).0)
        }
        SearchResult::None | SearchResult::Undecided { .. } => None,
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

/// A draft as the headers that a person would send.
pub fn headers_of(draft: &Draft) -> Headers {
    let mut set: Vec<(Arc<str>, Text)> = HEADERS
        .iter()
        .zip(&draft.headers)
        .filter_map(|(h, sent)| match sent {
            Sent::Value(value) => Some((Arc::from(h.name), value.clone())),
            Sent::Absent | Sent::Open => None,
        })
        .collect();
    if let Some(tags) = draft.tags.as_ref().filter(|t| !t.is_empty()) {
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
    Headers {
        key: draft.key.clone().unwrap_or_else(|| Text::literal("x")),
        set,
        multipart: draft.multipart,
        source_ip: match &draft.source_ip {
            Sent::Value(ip) => Some(ip.clone()),
            Sent::Absent | Sent::Open => None,
        },
    }
}
