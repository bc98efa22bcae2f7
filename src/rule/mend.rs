//! The smallest changes that could mend a denial, at the layer that refuses; the analysis writes and decides them.
//!
//! A change is proposed where it only says more of what the sources mean already: the action that the grant
//! lacks, the objects of the bucket that it names, the caller that the statement forgot. A Deny is never
//! weakened but where it says the opposite of what it can mean.

use crate::decision::{DenyKind, DenyReason, Element, NearMiss};
use crate::facts::{Algorithm, Caller, Estate};
use crate::policy::{
    ConditionTest, Effect, PlacedText, Policy, PolicyType, PrincipalKind, Statement, StatementRef,
    actions,
};
use crate::rule::Proposal;
use crate::rule::name::{Subject, deciding};
use crate::source::edit::{Change, NewCondition, NewStatement, Written, single};
use crate::upload::{Cause, Decided, Denial, EvidenceKind, Gate, Route, Uploader, headers};
use crate::value::{Place, ScopeId, Text};

/// Changes that could mend the denial, the smallest first.
pub fn proposals(estate: &Estate, upload: &Decided, denial: &Denial) -> Vec<Proposal> {
    let mut out = possible(estate, upload, denial);
    // A value that stands elsewhere has other uses.
    out.retain(|p| {
        let at = p.change.place().span;
        let whole = p.within.span;
        at.file == whole.file && whole.start <= at.start && at.end <= whole.end
    });
    out
}

fn possible(estate: &Estate, upload: &Decided, denial: &Denial) -> Vec<Proposal> {
    match &denial.cause {
        Cause::Policy { reason, key } => match &reason.kind {
            DenyKind::Explicit {
                statement,
                deciding: elements,
            } => explicit(estate, upload, statement, elements),
            DenyKind::Implicit {
                nearest, documents, ..
            } => {
                let layer = Layer {
                    estate,
                    upload,
                    reason,
                    key: *key,
                };
                let mut out = Vec::new();
                if let Some(near) = nearest.first() {
                    layer.nearest(near, &mut out);
                }
                // A statement that fails by a condition or by a part of the bucket was written so.
                let meant = nearest.first().is_none_or(|n| {
                    (n.failed.contains(&Element::Action)
                        || (n.failed.contains(&Element::Principal)
                            && reason.policy_type != PolicyType::Endpoint))
                        && !n
                            .failed
                            .iter()
                            .any(|e| matches!(e, Element::Condition(_) | Element::Guard))
                });
                if !meant {
                    return out;
                }
                let stands = nearest
                    .first()
                    .map(|n| &n.statement)
                    .or_else(|| layer.grant());
                let last = documents.first().and_then(|policy| {
                    let position = policy.statements.len().checked_sub(1)?;
                    Some(StatementRef {
                        policy: policy.clone(),
                        position,
                    })
                });
                if let Some(stands) = stands.cloned().or(last) {
                    layer.statement(&stands, &mut out);
                }
                out
            }
        },
        Cause::Gate(gate) => setting(gate, denial),
    }
}

/// A Deny that says the opposite of what it can mean, or that spares too few: never one that is right for somebody.
fn explicit(
    estate: &Estate,
    upload: &Decided,
    statement: &StatementRef,
    elements: &[Element],
) -> Vec<Proposal> {
    let Some(s) = statement.get() else {
        return Vec::new();
    };
    let policy = &statement.policy;
    let Some((test, subject)) = deciding(s, elements) else {
        return Vec::new();
    };
    if !s.guards.is_empty() || !single(&policy.address) || test.open {
        return Vec::new();
    }
    let Some(key) = test.key.as_literal() else {
        return Vec::new();
    };
    let beside = |operator: &'static str, key: &str, value: &'static str| Change::Condition {
        key: test.key_place.clone(),
        condition: NewCondition {
            beside: test.written.clone(),
            operator,
            key: key.into(),
            value,
        },
    };
    let taken = |operator: &str| s.conditions.iter().any(|c| &*c.written == operator);
    match subject {
        Subject::Transport => match test.values.as_slice() {
            [value] if is(value, "true") => vec![Proposal {
                was: value.text.as_literal().map(str::to_string),
                ..plain(
                    policy,
                    &s.place,
                    Change::Replace {
                        at: value.place.clone(),
                        with: Written::Text("false".into()),
                    },
                )
            }],
            _ => Vec::new(),
        },
        Subject::EncryptionHeader
        | Subject::KeyIdHeader
        | Subject::CustomerKeyHeader
        | Subject::Acl
        | Subject::GrantHeader
        | Subject::StorageClass
        | Subject::Tags
        | Subject::Lock
        | Subject::CopySource
            if test.operator.is_negated() && !taken("Null") =>
        {
            // What the header asks for is what the bucket does anyway: nothing is lost without it.
            let anyway = subject == Subject::EncryptionHeader && encrypts_so(estate, upload, test);
            vec![Proposal {
                shares: match anyway {
                    true => Vec::new(),
                    false => vec![format!("uploads without `{}`", header_of(key))],
                },
                text: Some(format!(
                    "add `\"Null\": {{\"{key}\": \"false\"}}` to the statement's Condition"
                )),
                ..plain(policy, &s.place, beside("Null", key, "false"))
            }]
        }
        Subject::ServiceSource if !taken("Bool") => vec![plain(
            policy,
            &s.place,
            beside("Bool", "aws:PrincipalIsAWSService", "true"),
        )],
        Subject::Organization
            if !taken("Bool") && matches!(upload.uploader, Uploader::Service { .. }) =>
        {
            vec![plain(
                policy,
                &s.place,
                beside("Bool", "aws:PrincipalIsAWSService", "false"),
            )]
        }
        Subject::EncryptionHeader
        | Subject::KeyIdHeader
        | Subject::CustomerKeyHeader
        | Subject::Acl
        | Subject::GrantHeader
        | Subject::StorageClass
        | Subject::Tags
        | Subject::Lock
        | Subject::CopySource
        | Subject::ServiceSource
        | Subject::Organization
        | Subject::ConditionalWrite
        | Subject::Network
        | Subject::Caller
        | Subject::EncryptionContext
        | Subject::Other => Vec::new(),
    }
}

/// The bucket encrypts by default as the test asks.
fn encrypts_so(estate: &Estate, upload: &Decided, test: &ConditionTest) -> bool {
    let bucket = estate.buckets.get(upload.bucket).filter(|b| !b.open);
    let word = match bucket
        .and_then(|b| b.encryption.value())
        .map(|e| e.algorithm)
    {
        Some(Algorithm::Aes256) => "AES256",
        Some(Algorithm::Kms) => "aws:kms",
        Some(Algorithm::KmsDsse) => "aws:kms:dsse",
        None => return false,
    };
    test.values
        .iter()
        .any(|v| v.text.as_literal() == Some(word))
}

/// The header of a condition key, for a reader.
fn header_of(key: &str) -> String {
    match headers::by_key(key) {
        Some(header) => header.name.to_string(),
        None => key.to_string(),
    }
}

/// The header that the bucket refuses, where the sources write it.
fn setting(gate: &Gate, denial: &Denial) -> Vec<Proposal> {
    let (acl, instead) = match gate {
        Gate::AclsDisabled { acl, .. } => (acl, "bucket-owner-full-control"),
        Gate::PublicAclBlocked { acl, .. } => (acl, "private"),
        Gate::ManagedKey { .. }
        | Gate::KeyDisabled { .. }
        | Gate::KeyNotSymmetric { .. }
        | Gate::KeyRegion { .. }
        | Gate::SseCBlocked { .. }
        | Gate::ServiceNeedsSseS3 { .. }
        | Gate::KeyNamedLocally { .. }
        | Gate::PublicPolicyRestricted { .. }
        | Gate::BucketAclDisabled { .. }
        | Gate::PublicPolicyBlocked { .. }
        | Gate::ServiceNeedsNoLock { .. }
        | Gate::ServiceTarget { .. } => return Vec::new(),
    };
    let Some(evidence) = &denial.evidence else {
        return Vec::new();
    };
    if !acl.is_literal() || !single(&evidence.address) {
        return Vec::new();
    }
    match evidence.kind {
        EvidenceKind::Shown | EvidenceKind::Intent => vec![Proposal {
            change: Change::Replace {
                at: evidence.place.clone(),
                with: Written::Text(instead.into()),
            },
            text: Some(format!("send `{instead}`, or no ACL")),
            within: evidence.place.clone(),
            document: evidence.place.clone(),
            was: acl.as_literal().map(str::to_string),
            shares: Vec::new(),
        }],
    }
}

/// The change in one sentence, where it is another one than that of the denial.
fn described(change: &Change, was: Option<&str>) -> Option<String> {
    match (change, was) {
        (
            Change::Replace {
                with: Written::Text(text),
                ..
            },
            Some(was),
        ) => Some(format!("write `{text}` in place of `{was}`")),
        (Change::Begin { was, with, .. }, _) => Some(format!(
            "write `{with}` in place of `{was}`: it is another partition"
        )),
        _ => None,
    }
}

/// A proposal inside a policy document.
fn plain(policy: &Policy, within: &Place, change: Change) -> Proposal {
    Proposal {
        change,
        text: None,
        within: within.clone(),
        document: policy.place.clone(),
        was: None,
        shares: Vec::new(),
    }
}

fn is(text: &PlacedText, literal: &str) -> bool {
    text.text
        .as_literal()
        .is_some_and(|t| t.eq_ignore_ascii_case(literal))
}

/// A policy type that lacks an Allow for one action of one upload.
struct Layer<'a> {
    estate: &'a Estate,
    upload: &'a Decided,
    reason: &'a DenyReason,
    key: Option<usize>,
}

impl Layer<'_> {
    /// What the nearest statement lacks.
    fn nearest(&self, near: &NearMiss, out: &mut Vec<Proposal>) {
        let Some(statement) = near.statement.get() else {
            return;
        };
        let policy = &near.statement.policy;
        if statement.effect != Effect::Allow
            || !statement.guards.is_empty()
            || !single(&policy.address)
        {
            return;
        }
        let mut propose = |change: Change, was: Option<String>| {
            out.push(Proposal {
                text: described(&change, was.as_deref()),
                change,
                within: statement.place.clone(),
                document: policy.place.clone(),
                was,
                shares: self.shares(statement, &near.failed),
            });
        };
        match near.failed.as_slice() {
            [Element::Action] if !statement.actions.negated => {
                let action = &*self.reason.action;
                for pattern in &statement.actions.patterns {
                    let Some(written) = pattern.text.as_literal() else {
                        continue;
                    };
                    if actions::suggest_action(written).is_some_and(|s| s == action) {
                        propose(
                            Change::Replace {
                                at: pattern.place.clone(),
                                with: Written::Text(action.into()),
                            },
                            Some(written.into()),
                        );
                    }
                }
                // A grant of another service says nothing about this one's resources: a statement more is smaller.
                let service = action.split_inclusive(':').next().unwrap_or("");
                let same = statement.actions.patterns.iter().any(|p| {
                    let known = p.text.known_prefix();
                    known == "*" || known.starts_with(service)
                });
                let limits = self.reason.policy_type != PolicyType::Identity;
                if let Some(last) = last(&statement.actions.patterns).filter(|_| same || limits) {
                    propose(
                        Change::Add {
                            behind: last.place.clone(),
                            entries: vec![Written::Text(action.into())],
                        },
                        last.text.as_literal().map(str::to_string),
                    );
                }
            }
            [Element::Resource] => self.resource(statement, &mut propose),
            // In a gateway endpoint's policy the effect of a role's ARN is not documented (spec 2.8, E4).
            [Element::Principal] if self.reason.policy_type != PolicyType::Endpoint => {
                if let Some(who) = self.principal() {
                    self.add_principal(statement, who, &mut propose);
                }
            }
            [Element::Condition(i)] => {
                if let Some(test) = statement.conditions.get(*i) {
                    self.condition(test, &mut propose);
                }
            }
            _ => {}
        }
    }

    fn resource(&self, statement: &Statement, propose: &mut dyn FnMut(Change, Option<String>)) {
        let Some(element) = statement.resources.as_ref().filter(|r| !r.negated) else {
            return;
        };
        let Some(target) = self.target() else { return };
        let bucket_arn = self.estate.buckets.get(self.upload.bucket).map(|b| &b.arn);
        let named = element
            .patterns
            .iter()
            .find(|p| self.key.is_none() && Some(&p.text) == bucket_arn);
        if let Some(named) = named {
            // Where no action is about the bucket itself, its ARN alone was never meant.
            let objects_only = !statement.actions.negated
                && statement.actions.patterns.iter().all(|p| {
                    p.text
                        .as_literal()
                        .and_then(actions::action)
                        .is_some_and(|a| !a.resources.contains(&"bucket"))
                });
            let was = named.text.as_literal().map(str::to_string);
            if objects_only {
                propose(
                    Change::Append {
                        at: named.place.clone(),
                        suffix: "/*",
                    },
                    was,
                );
            } else {
                propose(
                    Change::Add {
                        behind: named.place.clone(),
                        entries: vec![target],
                    },
                    was,
                );
            }
            return;
        }
        // An ARN inside of an ARN, or that of another partition.
        if let Some(arn) = self.target_arn() {
            for pattern in &element.patterns {
                let was = pattern.text.as_literal().map(str::to_string);
                if wraps(&pattern.text, arn) {
                    propose(
                        Change::Replace {
                            at: pattern.place.clone(),
                            with: target.clone(),
                        },
                        was,
                    );
                } else if let Some(partition) = other_partition(&pattern.text, arn) {
                    propose(
                        Change::Begin {
                            at: pattern.place.clone(),
                            was: "arn:aws:",
                            with: format!("arn:{partition}:"),
                        },
                        was,
                    );
                }
            }
        }
        // A part of this bucket was named on purpose.
        let part = bucket_arn.is_some_and(|arn| {
            self.key.is_none() && element.patterns.iter().any(|p| begins_with(&p.text, arn))
        });
        if part {
            return;
        }
        if let Some(last) = last(&element.patterns) {
            propose(
                Change::Add {
                    behind: last.place.clone(),
                    entries: vec![target],
                },
                last.text.as_literal().map(str::to_string),
            );
        }
    }

    fn add_principal(
        &self,
        statement: &Statement,
        who: (PrincipalKind, Written),
        propose: &mut dyn FnMut(Change, Option<String>),
    ) {
        let Some(element) = statement.principals.as_ref().filter(|p| !p.negated) else {
            return;
        };
        let beside = element
            .entries
            .iter()
            .rev()
            .find(|e| e.kind == who.0 && e.guards.is_empty());
        if let Some(beside) = beside {
            propose(
                Change::Add {
                    behind: beside.place.clone(),
                    entries: vec![who.1],
                },
                beside.text.as_literal().map(str::to_string),
            );
        }
    }

    /// A condition that nearly holds: both forms of the encryption context, a flag that is turned round.
    fn condition(&self, test: &ConditionTest, propose: &mut dyn FnMut(Change, Option<String>)) {
        let Some(key) = test.key.as_literal() else {
            return;
        };
        let Some(last) = last(&test.values) else {
            return;
        };
        let was = last.text.as_literal().map(str::to_string);
        if key.eq_ignore_ascii_case("kms:EncryptionContext:aws:s3:arn") && !test.open {
            let scope = self.scope();
            for suffix in ["/*", ""] {
                if let Some(entry) = self.bucket(scope, suffix) {
                    propose(
                        Change::Add {
                            behind: last.place.clone(),
                            entries: vec![entry],
                        },
                        was.clone(),
                    );
                }
            }
        }
        if key.eq_ignore_ascii_case("aws:SecureTransport") && is(last, "false") {
            propose(
                Change::Replace {
                    at: last.place.clone(),
                    with: Written::Text("true".into()),
                },
                was,
            );
        }
    }

    /// A statement more, behind the one that stands.
    fn statement(&self, stands: &StatementRef, out: &mut Vec<Proposal>) {
        let Some(neighbour) = stands.get() else {
            return;
        };
        let policy = &stands.policy;
        if policy.policy_type != self.reason.policy_type
            || !neighbour.guards.is_empty()
            || !single(&policy.address)
        {
            return;
        }
        let named = |kind: PrincipalKind| match kind {
            PrincipalKind::Aws => Some("AWS"),
            PrincipalKind::Service => Some("Service"),
            PrincipalKind::Everyone | PrincipalKind::Federated | PrincipalKind::CanonicalUser => {
                None
            }
        };
        let principal = match policy.policy_type {
            PolicyType::Identity | PolicyType::Boundary => None,
            PolicyType::Bucket | PolicyType::Key => match self.principal() {
                Some((kind, who)) => match named(kind) {
                    Some(kind) => Some((kind, who)),
                    None => return,
                },
                None => return,
            },
            // Who may pass is said by the other policies.
            PolicyType::Endpoint => Some(("AWS", Written::Text("*".into()))),
            PolicyType::Session
            | PolicyType::Scp
            | PolicyType::Rcp
            | PolicyType::AccessPoint
            | PolicyType::Trust => return,
        };
        let resource = match policy.policy_type {
            // In a key policy the resource is the key that holds it.
            PolicyType::Key => Written::Text("*".into()),
            _ => match self.target() {
                Some(target) => target,
                None => return,
            },
        };
        out.push(plain(
            policy,
            &neighbour.place,
            Change::Statement {
                behind: neighbour.place.clone(),
                statement: NewStatement {
                    principal,
                    actions: vec![self.reason.action.to_string()],
                    resource,
                },
            },
        ));
    }

    /// The statement that grants the rest of the upload.
    fn grant(&self) -> Option<&StatementRef> {
        self.upload
            .grants
            .iter()
            .find(|g| g.policy.policy_type == self.reason.policy_type)
    }

    /// The root module or template whose policy refuses.
    fn scope(&self) -> Option<ScopeId> {
        match self.reason.policy_type {
            PolicyType::Endpoint => match self.upload.path.route {
                Route::Endpoint(index) => self.estate.endpoints.get(index).map(|e| e.scope),
                Route::Internet | Route::Elsewhere => None,
            },
            PolicyType::Bucket | PolicyType::AccessPoint => {
                self.estate.buckets.get(self.upload.bucket).map(|b| b.scope)
            }
            PolicyType::Key => self
                .key
                .and_then(|k| self.estate.keys.get(k))
                .map(|k| k.scope),
            PolicyType::Identity
            | PolicyType::Boundary
            | PolicyType::Session
            | PolicyType::Scp
            | PolicyType::Rcp
            | PolicyType::Trust => self.caller().map(|c| c.scope),
        }
    }

    fn caller(&self) -> Option<&Caller> {
        match self.upload.uploader {
            Uploader::Declared(index)
            | Uploader::Service {
                role: Some(index), ..
            } => self.estate.callers.get(index),
            Uploader::External { .. } | Uploader::Deployer { .. } | Uploader::Service { .. } => {
                None
            }
        }
    }

    /// What the action is asked for.
    fn target(&self) -> Option<Written> {
        let scope = self.scope();
        if !self.reason.action.starts_with("kms:") {
            return self.bucket(scope, "/*");
        }
        let key = self.estate.keys.get(self.key?)?;
        if !key.open && Some(key.scope) == scope {
            return Some(Written::Arn {
                address: key.address.clone(),
                suffix: "",
            });
        }
        key.arn.as_literal().map(|a| Written::Text(a.into()))
    }

    fn target_arn(&self) -> Option<&Text> {
        match self.key {
            Some(key) => self.estate.keys.get(key).map(|k| &k.arn),
            None => self.estate.buckets.get(self.upload.bucket).map(|b| &b.arn),
        }
    }

    /// The bucket's ARN with a suffix, as the scope can write it.
    fn bucket(&self, scope: Option<ScopeId>, suffix: &'static str) -> Option<Written> {
        let bucket = self.estate.buckets.get(self.upload.bucket)?;
        if !bucket.open && Some(bucket.scope) == scope {
            return Some(Written::Arn {
                address: bucket.address.clone(),
                suffix,
            });
        }
        let arn = bucket.arn.as_literal()?;
        Some(Written::Text(format!("{arn}{suffix}")))
    }

    /// Who sends, as the refusing policy can name it.
    fn principal(&self) -> Option<(PrincipalKind, Written)> {
        if let Some(caller) = self.caller() {
            if !caller.open && Some(caller.scope) == self.scope() {
                return Some((
                    PrincipalKind::Aws,
                    Written::Arn {
                        address: caller.address.clone(),
                        suffix: "",
                    },
                ));
            }
            let arn = caller.arn.as_literal()?;
            return Some((PrincipalKind::Aws, Written::Text(arn.into())));
        }
        match &self.upload.uploader {
            Uploader::Service { principal, .. } => {
                Some((PrincipalKind::Service, Written::Text(principal.to_string())))
            }
            Uploader::External { principal, .. } => principal
                .as_literal()
                .map(|p| (PrincipalKind::Aws, Written::Text(p.into()))),
            Uploader::Declared(_) | Uploader::Deployer { .. } => None,
        }
    }

    /// Whom else a statement names that would say more: they gain what is added. Limits grant nothing, and
    /// who holds an identity policy is decided again.
    fn shares(&self, statement: &Statement, failed: &[Element]) -> Vec<String> {
        let grants = match self.reason.policy_type {
            PolicyType::Bucket | PolicyType::Key | PolicyType::AccessPoint => true,
            PolicyType::Identity
            | PolicyType::Boundary
            | PolicyType::Session
            | PolicyType::Scp
            | PolicyType::Rcp
            | PolicyType::Endpoint
            | PolicyType::Trust => false,
        };
        let adds_principal = failed == [Element::Principal];
        let Some(element) = statement.principals.as_ref().filter(|_| grants) else {
            return Vec::new();
        };
        if adds_principal {
            return Vec::new();
        }
        let own = self.caller().map(|c| &c.arn);
        let service = match &self.upload.uploader {
            Uploader::Service { principal, .. } => Some(&**principal),
            _ => None,
        };
        element
            .entries
            .iter()
            .filter(|e| Some(&e.text) != own && e.text.as_literal() != service.or(Some("")))
            .map(|e| match e.text.as_literal() {
                Some("*") => "everyone whom the statement admits".to_string(),
                _ => e.text.display(),
            })
            .collect()
    }
}

/// The text holds the ARN behind something else.
fn wraps(text: &Text, arn: &Text) -> bool {
    match (text.identity(), arn.identity()) {
        (Some(text), Some(arn)) => text
            .find(&arn)
            .is_some_and(|at| at > 0 && matches!(text.get(at + arn.len()..), Some("" | "/*"))),
        _ => false,
    }
}

/// The partition of the ARN, where the text begins with another one and goes on in the same way.
fn other_partition<'a>(text: &Text, arn: &'a Text) -> Option<&'a str> {
    let partition = arn.known_prefix().strip_prefix("arn:")?.split(':').next()?;
    let (text, whole) = (text.identity()?, arn.identity()?);
    let rest = text.strip_prefix("arn:aws:")?;
    let behind = whole
        .strip_prefix("arn:")?
        .strip_prefix(partition)?
        .strip_prefix(':')?;
    (partition.starts_with("aws-") && rest.starts_with(behind)).then_some(partition)
}

/// The text is the other one, and more behind it.
fn begins_with(text: &Text, beginning: &Text) -> bool {
    match (text.identity(), beginning.identity()) {
        (Some(text), Some(beginning)) => text
            .strip_prefix(&beginning)
            .is_some_and(|rest| rest.starts_with('/')),
        _ => false,
    }
}

/// The last entry that stands for itself.
fn last(patterns: &[PlacedText]) -> Option<&PlacedText> {
    patterns.iter().rev().find(|p| {
        p.guards.is_empty() && Place::uses(&p.place).all(|via| via.span.file == p.place.span.file)
    })
}

/// Joins what further callers of one finding need: entries behind the same place are added together.
pub fn merge(known: &mut [Proposal], more: Vec<Proposal>) {
    for proposal in more {
        let Change::Add { behind, entries } = proposal.change else {
            continue;
        };
        let same = known.iter_mut().find_map(|k| match &mut k.change {
            Change::Add {
                behind: at,
                entries: all,
            } if *at == behind => Some(all),
            _ => None,
        });
        if let Some(all) = same {
            for entry in entries {
                if !all.contains(&entry) {
                    all.push(entry);
                }
            }
        }
    }
}
