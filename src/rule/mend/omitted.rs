//! What an Allow lacks: the action, the objects, the caller, or the whole statement.

use super::{described, is, plain};
use crate::decision::{DenyKind, DenyReason, Element, NearMiss};
use crate::facts::{Caller, Estate};
use crate::policy::{
    ConditionTest, Effect, PlacedText, PolicyType, PrincipalKind, Statement, StatementRef, actions,
};
use crate::rule::Proposal;
use crate::rule::name::names_sender;
use crate::source::edit::{Change, NewStatement, Written, single};
use crate::upload::{Decided, Route, Uploader};
use crate::value::{Place, ScopeId, Text};

/// Changes of the nearest statement, then one that adds a statement.
pub fn proposals(
    estate: &Estate,
    upload: &Decided,
    reason: &DenyReason,
    key: Option<usize>,
) -> Vec<Proposal> {
    let DenyKind::Implicit {
        nearest, documents, ..
    } = &reason.kind
    else {
        return Vec::new();
    };

    let layer = Layer {
        estate,
        upload,
        reason,
        key,
    };
    let mut out = Vec::new();
    if let Some(near) = nearest.first() {
        layer.nearest(near, &mut out);
    }
    // A statement that fails by a condition or by a part of the bucket was written so.
    let meant = nearest.first().is_none_or(|n| {
        let action = n.failed.contains(&Element::Action);
        let principal =
            n.failed.contains(&Element::Principal) && reason.policy_type != PolicyType::Endpoint;
        let condition = n
            .failed
            .iter()
            .any(|e| matches!(e, Element::Condition(_) | Element::Guard));
        let about_it = n
            .statement
            .get()
            .is_none_or(|s| names_sender(s, &upload.uploader));
        (action || principal || !about_it) && (!condition || !about_it)
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
