//! Words of the decision: requests with their context, policies by type, answers with reasons.
//!
//! The decision knows policies and requests, neither buckets nor templates. Every question is answered
//! with three values; a reading turns the third one into an answer in favour of the request or against it.

pub mod compare;
pub mod condition;
pub mod evaluate;
pub mod nearest;
pub mod principal;
pub mod search;
pub mod space;
pub mod statement;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use crate::pattern::Match;
use crate::policy::{Policy, PolicyType, StatementRef};
use crate::value::{Guard, ScopeId, Text, arms_left, rivals};

/// How an unknown is read (architecture, idea 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// An unknown Allow applies, an unknown Deny does not: what is refused even so is certainly refused.
    Favourable,
    /// The reverse: what passes even so certainly passes.
    Unfavourable,
}

/// Who makes the request.
#[derive(Debug, Clone, PartialEq)]
pub enum Principal {
    User {
        arn: Text,
        account: Text,
    },
    /// A session of a role. `session` is the session's ARN where it is known.
    Role {
        arn: Text,
        account: Text,
        session: Option<Text>,
    },
    /// A session of `GetFederationToken`.
    FederatedUser {
        arn: Text,
        account: Text,
    },
    Root {
        account: Text,
    },
    /// Some principal of an account, known no further.
    Account {
        account: Text,
    },
    /// An AWS service with its own identity, by its principal name.
    Service {
        name: Text,
    },
    Anonymous,
}

impl Principal {
    pub fn account(&self) -> Option<&Text> {
        match self {
            Principal::User { account, .. }
            | Principal::Role { account, .. }
            | Principal::FederatedUser { account, .. }
            | Principal::Root { account }
            | Principal::Account { account } => Some(account),
            Principal::Service { .. } | Principal::Anonymous => None,
        }
    }
}

/// Value of a condition key in a request.
#[derive(Debug, Clone, PartialEq)]
pub enum ContextValue {
    /// Several values where the key is multivalued; an empty list is a key without values.
    Present(Vec<Text>),
    /// Definitely not in the request.
    Absent,
    /// Present or not, with whatever value.
    Unknown,
    /// Present, with an unknown value.
    PresentUnknown,
}

/// Condition keys, lower-cased, with their values. `other` says what a key that is not listed is.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestContext {
    pub keys: BTreeMap<Arc<str>, ContextValue>,
    /// What many requests have in common; own keys come before it.
    pub(crate) under: Option<Arc<RequestContext>>,
    pub other: ContextValue,
}

impl Default for RequestContext {
    fn default() -> Self {
        RequestContext {
            keys: BTreeMap::new(),
            under: None,
            other: ContextValue::Absent,
        }
    }
}

impl RequestContext {
    /// What another context says, until keys are set.
    pub fn over(under: &Arc<RequestContext>) -> RequestContext {
        RequestContext {
            keys: BTreeMap::new(),
            under: Some(under.clone()),
            other: under.other.clone(),
        }
    }

    /// The value of a key that is listed; `key` in lower case.
    pub fn listed(&self, key: &str) -> Option<&ContextValue> {
        let own = self.keys.get(key);
        own.or_else(|| self.under.as_ref().and_then(|under| under.listed(key)))
    }

    /// Looks a key up; `key` in any case.
    pub fn get(&self, key: &str) -> &ContextValue {
        if let Some(value) = self.listed(key) {
            return value;
        }
        if key.bytes().any(|b| b.is_ascii_uppercase()) {
            // Names of keys are short: they are lower-cased without allocation.
            let mut buffer = [0u8; 96];
            let found = match buffer.get_mut(..key.len()) {
                Some(lower) => {
                    lower.copy_from_slice(key.as_bytes());
                    lower.make_ascii_lowercase();
                    std::str::from_utf8(lower)
                        .ok()
                        .and_then(|lower| self.listed(lower))
                }
                None => self.listed(&key.to_ascii_lowercase()),
            };
            if let Some(value) = found {
                return value;
            }
        }
        &self.other
    }

    pub fn set(&mut self, key: &str, value: ContextValue) {
        self.keys.insert(key.to_ascii_lowercase().into(), value);
    }

    pub fn present(&mut self, key: &str, value: impl Into<Text>) {
        self.set(key, ContextValue::Present(vec![value.into()]));
    }

    pub fn absent(&mut self, key: &str) {
        self.set(key, ContextValue::Absent);
    }
}

impl From<&str> for Text {
    fn from(value: &str) -> Text {
        Text::literal(value)
    }
}

/// One call that AWS authorizes: an S3 or a KMS action on one resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub principal: Principal,
    /// `s3:PutObject`.
    pub action: Arc<str>,
    /// The target's ARN. For a key policy the resource is the key itself.
    pub resource: Text,
    /// Account that owns the target.
    pub resource_account: Text,
    pub context: RequestContext,
}

/// Policies of one type. `open` means that there may be more that we do not see.
#[derive(Debug, Clone, Default)]
pub struct Layer {
    pub policies: Vec<Arc<Policy>>,
    pub open: bool,
}

impl Layer {
    pub fn of(policies: Vec<Arc<Policy>>) -> Layer {
        Layer {
            policies,
            open: false,
        }
    }

    pub fn open() -> Layer {
        Layer {
            policies: Vec::new(),
            open: true,
        }
    }
}

/// What kind of endpoint an endpoint policy stands on (spec 2.8, E4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndpointKind {
    Gateway,
    Interface,
    Unknown,
}

/// Whether caller and owner of the target share an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountRelation {
    Same,
    Cross,
    Unknown,
}

/// Which rule says what the target's own policy delegates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TargetKind {
    /// S3: the account owns what its policy does not mention (spec 2.3).
    Bucket,
    /// S3 through an access point: as a bucket, by the access point's own policy.
    AccessPoint,
    /// KMS: without delegation in the key policy nobody gets anything (spec 5.3).
    Key,
}

/// Every policy that takes part in one request. `None` means that there is none of that type.
#[derive(Debug, Clone)]
pub struct PolicySet {
    pub identity: Layer,
    pub boundary: Option<Layer>,
    pub session: Option<Layer>,
    pub endpoint: Option<(EndpointKind, Layer)>,
    /// Levels, root first; each level must allow. Empty: the layer does not apply.
    pub scp: Vec<Layer>,
    pub rcp: Vec<Layer>,
    /// Policy of the target: bucket, access point or key; `None` where it has none.
    pub resource: Option<Layer>,
    pub target: TargetKind,
    pub relation: AccountRelation,
}

/// An element of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Element {
    Principal,
    Action,
    Resource,
    /// Position in [`crate::policy::Statement::conditions`].
    Condition(usize),
    /// The guards of the statement.
    Guard,
}

/// What one element of a statement said.
#[derive(Debug, Clone, PartialEq)]
pub struct ElementAnswer {
    pub element: Element,
    pub answer: Match,
    /// For an unknown answer: what it hangs on, for a reader.
    pub because: Option<Arc<str>>,
}

/// Whether one statement applies to one request, and what each element said, in the order of [`Element`].
#[derive(Debug, Clone, PartialEq)]
pub struct StatementAnswer {
    pub answer: Match,
    pub elements: Vec<ElementAnswer>,
}

/// Why one policy type said no.
#[derive(Debug, Clone, PartialEq)]
pub struct DenyReason {
    pub policy_type: PolicyType,
    pub action: Arc<str>,
    pub kind: DenyKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum DenyKind {
    /// A Deny statement applies; each alone suffices.
    Explicit {
        statement: StatementRef,
        /// The conditions of the statement, all of which hold: first those that hold because their key is
        /// absent, then the others as they are written. The action where the statement has no condition.
        /// Which of them a reader can change (a header, the network, who calls) is for the caller to judge.
        deciding: Vec<Element>,
    },
    /// No Allow applies where one is needed.
    Implicit {
        /// The Allow statements that came nearest, best first, with the elements that failed.
        nearest: Vec<NearMiss>,
        /// Documents of this type that were looked at; empty where there is none.
        documents: Vec<Arc<Policy>>,
        /// Where an Allow was found but only delegates to the account's own policies (spec 2.3).
        delegated_by: Option<StatementRef>,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub struct NearMiss {
    pub statement: StatementRef,
    pub failed: Vec<Element>,
    /// Why some of them failed.
    pub misses: Vec<(Element, Miss)>,
}

/// Why an element failed, where more can be said than its name.
#[derive(Debug, Clone, PartialEq)]
pub enum Miss {
    /// The pattern names the bucket and not its objects.
    BucketOnly(Text),
    /// The pattern matches but for upper and lower case.
    Case(Text),
    /// No action has that name; the one that is asked for is near.
    Misspelt {
        written: Arc<str>,
        meant: &'static str,
    },
    /// The request does not carry that condition key.
    KeyAbsent(Arc<str>),
    /// No request of the action carries that condition key; a key with a name like it.
    KeyForeign {
        key: Arc<str>,
        meant: Option<&'static str>,
    },
}

/// Answer for one request under one reading.
#[derive(Debug, Clone)]
pub struct Decision {
    pub allowed: bool,
    /// All reasons of a denial, in the order of the journey; empty where allowed.
    pub reasons: Vec<DenyReason>,
    /// Statements that allowed, per policy type that had to.
    pub allowing: Vec<(PolicyType, StatementRef)>,
    /// What unknowns were read in favour or against, for a reader, sorted and without repeats.
    pub hangs_on: Vec<Arc<str>>,
}

/// One arm for each input that is decided; guards over any other input are unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct World {
    arms: BTreeMap<(ScopeId, Arc<str>), u32>,
}

impl World {
    /// The world of a conjunction; what it does not speak of is not decided.
    pub fn of(guards: &[Guard]) -> World {
        World::default().and(guards)
    }

    /// Decides one input.
    pub fn set(&mut self, scope: ScopeId, input: &Arc<str>, arm: u32) {
        self.arms.insert((scope, input.clone()), arm);
    }

    /// The same with further inputs decided.
    pub fn and(&self, guards: &[Guard]) -> World {
        let mut world = self.clone();
        for guard in guards {
            world.set(guard.scope, &guard.input, guard.arm);
        }
        world
    }

    /// What both decide; where they differ, the other one wins.
    pub fn with(&self, other: &World) -> World {
        let mut world = self.clone();
        world
            .arms
            .extend(other.arms.iter().map(|(input, arm)| (input.clone(), *arm)));
        world
    }

    pub fn holds(&self, guard: &Guard) -> Match {
        match self.arms.get(&(guard.scope, guard.input.clone())) {
            Some(arm) => Match::of(*arm == guard.arm),
            None if guard.arms == 1 => Match::Yes,
            None => {
                // What equals one value equals no other.
                let rival = self.arms.iter().any(|((scope, input), arm)| {
                    *arm == 1 && *scope == guard.scope && rivals(input, &guard.input)
                });
                if rival {
                    return Match::of(guard.arm == 0);
                }
                // An input that has one arm has none of the others.
                self.arms
                    .iter()
                    .filter(|((scope, _), _)| *scope == guard.scope)
                    .find_map(|((_, input), arm)| {
                        let (known, asked) = arms_left((input, *arm), (&guard.input, guard.arm))?;
                        match (known & !asked, known & asked) {
                            (0, _) => Some(Match::Yes),
                            (_, 0) => Some(Match::No),
                            _ => None,
                        }
                    })
                    .unwrap_or(Match::Unknown)
            }
        }
    }

    /// All guards of a conjunction.
    pub fn all(&self, guards: &[Guard]) -> Match {
        guards
            .iter()
            .fold(Match::Yes, |all, guard| all.and(self.holds(guard)))
    }
}
