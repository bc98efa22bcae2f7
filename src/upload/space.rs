//! The variables of an upload's search: key, headers, tags and address, each cut into its classes.

use std::sync::Arc;

use crate::decision::condition::test_answer;
use crate::decision::space::{
    Class, Domain, DomainValues, Variable, classes_of, domain_values, key_classes, tests_on,
};
use crate::decision::statement::{Surroundings, resource_answer};
use crate::decision::{ContextValue, EndpointKind, Request, RequestContext, World};
use crate::policy::{ConditionTest, Policy, PolicyVersion, Statement};
use crate::upload::attempt::Journey;
use crate::upload::calls::{Draft, Sent, object_arn, public_acl};
use crate::upload::headers::{self, HEADERS, Values};
use crate::upload::{Route, access_point, gates};
use crate::value::{Piece, Text};
use rustc_hash::FxHashSet;

/// Keys that are tried without looking for those that are alike.
const FEW_KEYS: usize = 4;
/// Tags that are tried in one search.
const TAG_LIMIT: usize = 8;

/// The variables of a search and how they enter a draft.
pub(super) struct Space {
    pub(super) variables: Vec<Variable>,
    pub(super) roles: Vec<Role>,
    pub(super) keys: Arc<[Text]>,
    /// Every upload has its class here: a search that finds nothing is a proof.
    pub(super) complete: bool,
}

/// The classes of object keys of a journey, which no header changes.
pub(super) struct ObjectKeys {
    variable: Variable,
    keys: Arc<[Text]>,
    complete: bool,
}

#[derive(Clone, PartialEq)]
pub(super) enum Role {
    Key,
    Header(usize),
    Tag(Arc<str>),
    SourceIp,
    /// A key that no header sets and the sources do not show: who calls, when, from which organization.
    Context(Arc<str>),
}

impl Space {
    /// Keys only: headers stay as a plain upload has them.
    fn keys_of<'j>(journey: &'j Journey<'_>) -> &'j ObjectKeys {
        journey.keys.get_or_init(|| Space::find_keys(journey))
    }

    fn find_keys(journey: &Journey<'_>) -> ObjectKeys {
        let mut prefix = Text::from_pieces(journey.bucket.arn.pieces().iter().cloned());
        prefix.push_str("/");
        let live = journey.live_statements();
        let written: Vec<(&Text, PolicyVersion)> = live
            .iter()
            .filter_map(|(p, s)| Some((s.resources.as_ref()?, p.version)))
            .flat_map(|(r, version)| r.patterns.iter().map(move |p| (&p.text, version)))
            .collect();
        // An access point's objects are the bucket's: their patterns cut the same keys.
        let of_point: Vec<(Text, PolicyVersion)> = match &journey.through {
            Some(_) => written
                .iter()
                .filter_map(|(t, v)| Some((access_point::as_bucket_objects(t, &prefix)?, *v)))
                .collect(),
            None => Vec::new(),
        };
        let patterns: Vec<(&Text, PolicyVersion)> = written
            .into_iter()
            .chain(of_point.iter().map(|(t, v)| (t, *v)))
            .collect();
        let found = key_classes(&patterns, &prefix, &journey.base);
        let mut keys = found.keys;
        // No client sends a key with a policy variable in it: where variables are literal text, the grant is dead.
        keys.retain(|k| !k.as_literal().is_some_and(|k| k.contains("${")));
        alike(journey, &live, &mut keys);
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
        ObjectKeys {
            variable: Variable {
                name: "key".into(),
                classes,
            },
            keys: keys.into(),
            complete: found.complete,
        }
    }

    pub(super) fn new(journey: &Journey<'_>, with_headers: bool, with_network: bool) -> Space {
        let keys = Space::keys_of(journey);
        let mut space = Space {
            variables: vec![keys.variable.clone()],
            roles: vec![Role::Key],
            keys: keys.keys.clone(),
            complete: keys.complete,
        };
        let live = journey.live_statements();
        let tests: Vec<&ConditionTest> = live.iter().flat_map(|(_, s)| &s.conditions).collect();
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
        space.push_context(journey, &tests);
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
            if [headers::ACL, headers::STORAGE_CLASS].contains(&header.name) {
                keep_different(journey, header, &asked, &mut classes);
            }
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
        tags.sort();
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

    /// Keys of the context that are not known and that several conditions ask about: one value has to serve them all.
    /// A key with a single condition is read in favour of the upload as well without one, and so is a key whose
    /// classes are not all found, that is listed with a value that is not known, or that stands in a pattern.
    fn push_context(&mut self, journey: &Journey<'_>, tests: &[&ConditionTest]) {
        let mut keys: Vec<String> = tests
            .iter()
            .filter_map(|t| t.key.as_literal())
            .map(str::to_ascii_lowercase)
            .collect();
        keys.sort_unstable();
        let shared: Vec<String> = keys
            .chunk_by(|a, b| a == b)
            .filter(|same| same.len() > 1)
            .filter_map(|same| same.first().cloned())
            .collect();
        for key in shared {
            let base = journey.base.get(&key);
            let may_be_absent = match base {
                ContextValue::Unknown => true,
                ContextValue::PresentUnknown => false,
                ContextValue::Present(_) | ContextValue::Absent => continue,
            };
            let asked = tests_on(tests, &key);
            let known =
                |t: &&&ConditionTest| !t.open && t.values.iter().all(|v| v.text.is_literal());
            if key == "aws:sourceip"
                || !asked.iter().all(|t| known(&t))
                || stands_in_pattern(journey, &key)
            {
                continue;
            }
            let domain = Domain {
                may_be_absent,
                values: domain_values(&key),
            };
            let found = classes_of(&asked, &domain, &journey.base);
            if !found.complete {
                continue;
            }
            let classes = found.classes.into_iter().map(|c| Class { cost: 0, ..c });
            self.push(&key, classes.collect(), Role::Context(key.as_str().into()));
        }
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

    /// Some assignments of the keys of the context, at most so many.
    pub(super) fn contexts(&self, most: usize) -> Vec<Vec<(Arc<str>, ContextValue)>> {
        let mut out = vec![Vec::new()];
        for (variable, role) in self.variables.iter().zip(&self.roles) {
            let Role::Context(key) = role else {
                continue;
            };
            out = out
                .into_iter()
                .flat_map(|before| {
                    variable.classes.iter().map(move |class| {
                        let mut with = before.clone();
                        with.push((key.clone(), class.value.clone()));
                        with
                    })
                })
                .take(most)
                .collect();
        }
        out
    }

    /// The draft of a partial assignment; whether every variable is chosen.
    pub(super) fn draft(&self, chosen: &[Option<usize>]) -> (Draft, bool) {
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
                Role::Context(key) => {
                    let chosen = value.map(|v| (key.clone(), v.clone()));
                    draft.context.extend(chosen);
                }
                Role::SourceIp => {
                    draft.source_ip = match value {
                        None => Sent::Open,
                        Some(value) => sent(value),
                    }
                }
                Role::Tag(tag) => {
                    draft.open_tags.push(tag.clone());
                    match value {
                        None => tags_open = true,
                        Some(value) => {
                            if let (Sent::Value(text), Some(tags)) =
                                (sent(value), draft.tags.as_mut())
                            {
                                tags.push((tag.clone(), text));
                            }
                        }
                    }
                }
            }
        }
        if tags_open {
            draft.tags = None;
        }
        (draft, complete)
    }
}

/// Keeps one key of those to which every statement says the same, whichever of its patterns says it.
fn alike(journey: &Journey<'_>, live: &[(&Policy, &Statement)], keys: &mut Vec<Text>) {
    // What is guarded says the same only until its guard is decided.
    let guarded = |s: &Statement| {
        let mut patterns = s.resources.iter().flat_map(|r| &r.patterns);
        !s.guards.is_empty() || patterns.any(|p| !p.guards.is_empty())
    };
    // Through an access point a call asks about two resources.
    if keys.len() <= FEW_KEYS || journey.through.is_some() || live.iter().any(|(_, s)| guarded(s)) {
        return;
    }
    let everywhere = World::default();
    let mut context = journey.base.clone();
    context.other = ContextValue::Unknown;
    let mut request = Request {
        principal: journey.principal.clone(),
        action: "s3:PutObject".into(),
        resource: Text::default(),
        resource_account: journey.bucket.account.id.clone(),
        context,
    };
    let mut seen: FxHashSet<Vec<u8>> = FxHashSet::default();
    keys.retain(|key| {
        request.resource = object_arn(&journey.bucket, &Some(key.clone()));
        let answers = live.iter().map(|(policy, statement)| {
            let around = Surroundings {
                policy_type: policy.policy_type,
                version: policy.version,
                endpoint: EndpointKind::Unknown,
                bounded: false,
                world: &everywhere,
            };
            resource_answer(statement, &request, around) as u8
        });
        seen.insert(answers.collect())
    });
}

/// Keeps the first of the values of a header that every condition and every gate takes alike.
fn keep_different(
    journey: &Journey<'_>,
    header: &headers::Header,
    asked: &[&ConditionTest],
    classes: &mut Vec<Class>,
) {
    let known = |t: &&ConditionTest| {
        let mut values = t.values.iter();
        !t.open
            && values.all(|v| {
                let text = v.text.as_literal();
                v.guards.is_empty() && text.is_some_and(|text| !text.contains("${"))
            })
    };
    if !asked.iter().all(known) || stands_in_pattern(journey, header.key) {
        return;
    }
    let everywhere = World::default();
    let mut seen: FxHashSet<(Vec<u8>, usize, bool, bool)> = FxHashSet::default();
    classes.retain(|class| {
        let mut context = RequestContext::default();
        context.set(header.key, class.value.clone());
        let version = PolicyVersion::V2012;
        let answers = asked
            .iter()
            .map(|t| test_answer(t, version, &context, &everywhere) as u8);
        let mut draft = Draft::plain(None);
        draft.set(header.name, sent(&class.value));
        let gates = gates::acl_gates(&journey.bucket, &draft, journey.relation);
        seen.insert((
            answers.collect(),
            gates.len(),
            public_acl(&draft).is_some(),
            class.value == ContextValue::Absent,
        ))
    });
}

/// The key is a policy variable of a resource or of a condition's value.
fn stands_in_pattern(journey: &Journey<'_>, key: &str) -> bool {
    let mut statements = journey.documents().flat_map(|p| p.statements.iter());
    statements.any(|s| mentions(s, key))
}

/// The statement holds a policy variable whose key begins so, in lower case.
pub(super) fn mentions(statement: &Statement, key: &str) -> bool {
    let holds = |text: &Text| {
        text.pieces().iter().any(|piece| match piece {
            Piece::Literal(l) => l.split("${").skip(1).any(|name| {
                name.get(..key.len())
                    .is_some_and(|name| name.eq_ignore_ascii_case(key))
            }),
            Piece::Unknown(_) => false,
        })
    };
    let resources = statement.resources.iter().flat_map(|r| &r.patterns);
    let listed = statement.conditions.iter().flat_map(|t| &t.values);
    resources.chain(listed).any(|v| holds(&v.text))
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

pub(super) fn sent(value: &ContextValue) -> Sent {
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
