//! Words of the IAM policy language: policies, statements and their elements, each with its place.
//!
//! `policy/parse.rs` makes them from values; facts attach them; the decision reads them.
//! Nothing here knows a bucket, a template or a request.

pub mod actions;
pub mod guards;
pub mod operator;
pub mod parse;
pub mod public;

use std::sync::Arc;

use crate::value::{Guards, Place, Text};

/// Which rules of combination a policy follows (spec 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PolicyType {
    Identity,
    Boundary,
    Session,
    Scp,
    Rcp,
    Endpoint,
    AccessPoint,
    Bucket,
    Key,
    /// Who may assume a role; not a party to the upload.
    Trust,
}

impl PolicyType {
    /// AWS's words for the policy type in an Access Denied message.
    pub fn name(self) -> &'static str {
        match self {
            PolicyType::Identity => "identity-based policy",
            PolicyType::Boundary => "permissions boundary",
            PolicyType::Session => "session policy",
            PolicyType::Scp => "service control policy",
            PolicyType::Rcp => "resource control policy",
            PolicyType::Endpoint => "VPC endpoint policy",
            PolicyType::AccessPoint => "access point policy",
            PolicyType::Bucket | PolicyType::Key => "resource-based policy",
            PolicyType::Trust => "trust policy",
        }
    }

    /// True for policies whose statements name principals.
    pub fn names_principals(self) -> bool {
        match self {
            PolicyType::Rcp
            | PolicyType::Endpoint
            | PolicyType::AccessPoint
            | PolicyType::Bucket
            | PolicyType::Key
            | PolicyType::Trust => true,
            PolicyType::Identity | PolicyType::Boundary | PolicyType::Session | PolicyType::Scp => {
                false
            }
        }
    }
}

/// `Version`: decides whether `${…}` is a policy variable (spec 1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyVersion {
    V2012,
    /// Absent or 2008-10-17: variables are literal text.
    V2008,
    Unknown,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    pub policy_type: PolicyType,
    pub version: PolicyVersion,
    pub statements: Vec<Statement>,
    /// Address of the resource or file that holds the document, as the user types it.
    pub address: Arc<str>,
    /// The whole document.
    pub place: Place,
    /// Parts that were not understood; a policy with any of them is open where they stand.
    pub gaps: Vec<PolicyGap>,
    /// True where statements may exist that we do not see (an unknown document, an unknown list of statements).
    pub open: bool,
    /// Faults of the form that AWS refuses to store, or that change the meaning silently (spec 1.8).
    pub faults: Vec<PolicyFault>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PolicyGap {
    pub what: Arc<str>,
    pub why: Arc<str>,
    pub place: Place,
}

/// A fault of a document that is no denial by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyFault {
    pub kind: FaultKind,
    /// The element or word concerned.
    pub detail: Arc<str>,
    pub place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultKind {
    /// A key written twice in one object: the last one wins silently.
    DuplicateKey,
    /// A partial wildcard or a wildcard session in `Principal`.
    PrincipalWildcard,
    /// `Principal` in a policy that must not have one.
    PrincipalForbidden,
    /// No `Principal` in a policy that needs one.
    PrincipalMissing,
    /// `Effect` is neither `Allow` nor `Deny`.
    UnknownEffect,
    /// A condition operator that AWS does not know.
    UnknownOperator,
    /// An element that AWS does not know.
    UnknownElement,
    /// Both or neither of `Action` and `NotAction`, `Resource` and `NotResource`.
    ElementMissing,
    /// `Id` in an identity policy.
    IdForbidden,
    /// A `Version` that AWS does not know.
    UnknownVersion,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Effect {
    Allow,
    Deny,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    pub sid: Option<Text>,
    pub effect: Effect,
    pub principals: Option<PrincipalElement>,
    pub actions: PatternElement,
    /// `None` where the policy type needs none (trust policies).
    pub resources: Option<PatternElement>,
    pub conditions: Vec<ConditionTest>,
    /// The statement exists only under these guards.
    pub guards: Guards,
    /// The whole statement, small: where a finding points.
    pub place: Place,
    /// Position in the document as written, from 0.
    pub index: usize,
    /// An element that was not understood, so that the statement's reach is unknown: (element, why).
    pub unknown: Vec<(Arc<str>, Arc<str>)>,
}

impl Statement {
    /// For a reader: the Sid, or "statement 2".
    pub fn label(&self) -> String {
        match &self.sid {
            Some(sid) if !sid.is_empty() => sid.display(),
            _ => format!("statement {}", self.index + 1),
        }
    }
}

/// `Action`/`NotAction` or `Resource`/`NotResource`.
#[derive(Debug, Clone, PartialEq)]
pub struct PatternElement {
    /// `NotAction`, `NotResource`.
    pub negated: bool,
    pub patterns: Vec<PlacedText>,
    /// The list may hold more than we see.
    pub open: bool,
    pub place: Place,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PlacedText {
    pub text: Text,
    pub place: Place,
    /// The entry exists only under these guards.
    pub guards: Guards,
}

/// `Principal` or `NotPrincipal`.
#[derive(Debug, Clone, PartialEq)]
pub struct PrincipalElement {
    pub negated: bool,
    pub entries: Vec<PrincipalEntry>,
    pub open: bool,
    pub place: Place,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PrincipalEntry {
    pub kind: PrincipalKind,
    pub text: Text,
    pub place: Place,
    pub guards: Guards,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PrincipalKind {
    /// `"*"` written bare, without a map.
    Everyone,
    Aws,
    Service,
    Federated,
    CanonicalUser,
}

/// One key under one operator: the conjuncts of `Condition` are a list of these.
#[derive(Debug, Clone, PartialEq)]
pub struct ConditionTest {
    pub operator: ConditionOperator,
    pub if_exists: bool,
    pub set: Option<SetOperator>,
    /// As written; compared without case.
    pub key: Text,
    pub key_place: Place,
    pub values: Vec<PlacedText>,
    /// The list of values may hold more than we see.
    pub open: bool,
    /// Operator as written, for a reader: `StringNotEqualsIfExists`.
    pub written: Arc<str>,
    pub place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SetOperator {
    ForAllValues,
    ForAnyValue,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConditionOperator {
    StringEquals,
    StringNotEquals,
    StringEqualsIgnoreCase,
    StringNotEqualsIgnoreCase,
    StringLike,
    StringNotLike,
    NumericEquals,
    NumericNotEquals,
    NumericLessThan,
    NumericLessThanEquals,
    NumericGreaterThan,
    NumericGreaterThanEquals,
    DateEquals,
    DateNotEquals,
    DateLessThan,
    DateLessThanEquals,
    DateGreaterThan,
    DateGreaterThanEquals,
    Bool,
    BinaryEquals,
    IpAddress,
    NotIpAddress,
    ArnEquals,
    ArnLike,
    ArnNotEquals,
    ArnNotLike,
    Null,
    /// A word AWS does not know: its statement never matches for certain.
    Unrecognized,
}

impl ConditionOperator {
    /// True for operators that hold when the key is absent (spec 1.7).
    pub fn is_negated(self) -> bool {
        use ConditionOperator::*;
        match self {
            StringNotEquals
            | StringNotEqualsIgnoreCase
            | StringNotLike
            | NumericNotEquals
            | DateNotEquals
            | NotIpAddress
            | ArnNotEquals
            | ArnNotLike => true,
            StringEquals
            | StringEqualsIgnoreCase
            | StringLike
            | NumericEquals
            | NumericLessThan
            | NumericLessThanEquals
            | NumericGreaterThan
            | NumericGreaterThanEquals
            | DateEquals
            | DateLessThan
            | DateLessThanEquals
            | DateGreaterThan
            | DateGreaterThanEquals
            | Bool
            | BinaryEquals
            | IpAddress
            | ArnEquals
            | ArnLike
            | Null
            | Unrecognized => false,
        }
    }
}

/// A statement in the policy that holds it.
#[derive(Debug, Clone)]
pub struct StatementRef {
    pub policy: Arc<Policy>,
    pub position: usize,
}

impl StatementRef {
    pub fn get(&self) -> Option<&Statement> {
        self.policy.statements.get(self.position)
    }
}

impl PartialEq for StatementRef {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.policy, &other.policy) && self.position == other.position
    }
}
