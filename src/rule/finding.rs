//! From denials to findings: one finding per reason and place, its callers as witnesses.

use std::collections::BTreeSet;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::decision::DenyKind;
use crate::decision::nearest::concerns;
use crate::facts::Estate;
use crate::policy::{Policy, PolicyType, StatementRef};
use crate::report::DecidedUpload;
use crate::rule::name::name;
use crate::rule::request::{deploying, shown, who};
use crate::rule::{Finding, Fix, Level, Outcome, Step, Witness, mend, message};
use crate::upload::decide::scopes_of;
use crate::upload::deploy::CHANGE_POLICY;
use crate::upload::{Cause, Decided, Denial, Gate, Headers, Path, Route, Uploader};
use crate::value::{Place, ScopeId, Text};

/// The step of the key that the upload is encrypted with.
pub const KEY_STEP: &str = "the key";

/// Witnesses that one finding keeps.
const WITNESSES: usize = 10_000;

/// A finding, or an upload that was played, with the scopes of its senders and buckets.
#[derive(Debug, Clone)]
pub struct Found<T> {
    pub what: T,
    pub scopes: BTreeSet<ScopeId>,
    /// Equal for what is the same thing in another environment: where the fingerprint holds texts of statements
    /// and names of buckets, this holds places.
    pub kin: String,
}

/// Findings of what was decided, and the list of everything that was played.
pub fn findings(
    estate: &Estate,
    decided: &[Decided],
) -> (Vec<Found<Finding>>, Vec<Found<DecidedUpload>>) {
    let mut grouped: IndexMap<String, Found<Finding>> = IndexMap::new();
    let mut list = Vec::new();
    for upload in decided {
        let scopes = scopes_of(estate, &upload.uploader, upload.bucket);
        list.push(Found {
            what: DecidedUpload {
                caller: address(estate, &upload.uploader).into(),
                bucket: message::bucket(estate, upload.bucket).into(),
                path: route(estate, &upload.path).into(),
                outcome: upload.outcome,
                hangs_on: upload.hangs_on.clone(),
                environments: Vec::new(),
            },
            scopes: scopes.iter().copied().collect(),
            kin: String::new(),
        });
        let keys: Vec<String> = upload
            .denials
            .iter()
            .map(|d| fingerprint(estate, upload, d))
            .collect();
        for (denial, key) in upload.denials.iter().zip(&keys) {
            let finding = finding(estate, upload, denial, key);
            let also: Vec<String> = keys.iter().filter(|k| *k != key).cloned().collect();
            // One reason at one place with one outcome is one finding, whichever instance of a block or call of a
            // module it is seen through.
            let group = format!(
                "{}\u{0}{:?}\u{0}{}\u{0}{}\u{0}{}\u{0}{}\u{0}{}",
                finding.rule,
                finding.refusing().place.span,
                finding.refusing().text,
                finding.bucket,
                finding.outcome.name(),
                denial.proviso.is_some(),
                shown_by(denial),
            );
            match grouped.get_mut(&group) {
                Some(known) => {
                    known.scopes.extend(&scopes);
                    let known = &mut known.what;
                    known.level = known.level.max(finding.level);
                    for witness in finding.callers {
                        if known.callers.len() < WITNESSES
                            && !known
                                .callers
                                .iter()
                                .any(|w| w.address == witness.address && w.path == witness.path)
                        {
                            known.callers.push(witness);
                        }
                    }
                    if let (Some(known), Some(more)) = (&mut known.fix, finding.fix) {
                        mend::merge(&mut known.proposals, more.proposals);
                    }
                    for other in also {
                        if !known.also.contains(&other) {
                            known.also.push(other);
                        }
                    }
                }
                None => {
                    let found = Found {
                        kin: kin(estate, upload, denial, &finding),
                        what: Finding { also, ..finding },
                        scopes: scopes.iter().copied().collect(),
                    };
                    grouped.insert(group, found);
                }
            }
        }
    }
    (grouped.into_values().collect(), list)
}

fn finding(estate: &Estate, upload: &Decided, denial: &Denial, fingerprint: &str) -> Finding {
    let mut primary = primary(estate, upload, denial);
    let mut steps = steps(estate, upload, denial);
    steps.retain(|s| s.place.span != primary.place.span);
    if primary.place.span.file.is_elsewhere() {
        if let Some(here) = half_here(estate, upload, &mut steps) {
            let refusing = std::mem::replace(&mut primary, here);
            let label = None;
            steps.insert(0, Step { label, ..refusing });
        }
    }
    let bucket = estate.buckets.get(upload.bucket);
    let request = |headers: &Headers| {
        bucket.map(|b| shown(estate, &upload.uploader, b, &upload.path, headers))
    };
    let mut passes = denial.passes.as_ref().and_then(request);
    if let Some(passes) = &mut passes {
        for proviso in &denial.provisos {
            passes.notes.push(format!("provided: {proviso}"));
        }
    }
    Finding {
        rule: name(&denial.cause, &upload.uploader),
        level: denial.level,
        outcome: denial.outcome,
        message: message::message(estate, upload, denial),
        primary,
        steps,
        callers: vec![Witness {
            address: address(estate, &upload.uploader).into(),
            path: route(estate, &upload.path).into(),
            refused: deployment(&denial.cause)
                .and_then(|call| bucket.map(|b| deploying(b, call)))
                .or_else(|| request(&denial.refused)),
            passes,
            environments: Vec::new(),
        }],
        bucket: message::bucket(estate, upload.bucket).into(),
        fix: Some(Fix {
            text: message::fix(estate, upload, denial),
            edits: Vec::new(),
            safe: false,
            gains: Vec::new(),
            proposals: mend::proposals(estate, upload, denial),
        }),
        fingerprint: fingerprint.to_string(),
        also: Vec::new(),
        environments: Vec::new(),
        only_with: None,
    }
}

/// The call of a deployment that is refused, where it is no upload.
fn deployment(cause: &Cause) -> Option<&'static str> {
    match cause {
        Cause::Gate(Gate::BucketAclDisabled { .. }) => Some("put-bucket-acl"),
        Cause::Gate(Gate::PublicPolicyBlocked { .. }) => Some("put-bucket-policy"),
        Cause::Policy { reason, .. } if &*reason.action == CHANGE_POLICY => {
            Some("put-bucket-policy")
        }
        Cause::Gate(_) | Cause::Policy { .. } => None,
    }
}

/// Address of the sender, as the user types it.
fn address(estate: &Estate, uploader: &Uploader) -> String {
    match uploader {
        Uploader::Declared(index) => estate
            .callers
            .get(*index)
            .map_or_else(String::new, |c| c.address.to_string()),
        Uploader::Service {
            role: Some(index), ..
        } => estate
            .callers
            .get(*index)
            .map_or_else(String::new, |c| c.address.to_string()),
        other => who(estate, other),
    }
}

fn route(estate: &Estate, path: &Path) -> String {
    let point = path
        .access_point
        .and_then(|i| estate.access_points.get(i))
        .map_or_else(String::new, |p| format!(", {}", p.address));
    let network = match &path.route {
        Route::Internet => "internet".into(),
        Route::Elsewhere => "an endpoint that is not declared here".into(),
        Route::Endpoint(index) => estate
            .endpoints
            .get(*index)
            .map_or_else(String::new, |e| e.address.to_string()),
    };
    network + &point
}

/// Where the refusal stands.
fn primary(estate: &Estate, upload: &Decided, denial: &Denial) -> Step {
    let text = message::label(denial);
    let step = |place: &Place, address: &Arc<str>| Step {
        place: place.clone(),
        text: text.clone(),
        label: Some(text.clone()),
        address: address.clone(),
    };
    let bucket = estate.buckets.get(upload.bucket);
    let bucket_address: Arc<str> = bucket.map_or_else(|| "".into(), |b| b.address.clone());
    let fallback = || match bucket {
        Some(b) => step(&b.place, &b.address),
        None => step(
            &Place::at(crate::value::Span::new(crate::value::FileId(0), 0, 0)),
            &bucket_address,
        ),
    };
    match &denial.cause {
        Cause::Gate(gate) => {
            // A refusal of a header points at the header, where the sources show it.
            if let (Gate::AclsDisabled { .. } | Gate::PublicAclBlocked { .. }, Some(evidence)) =
                (gate, &denial.evidence)
            {
                return step(&evidence.place, &evidence.address);
            }
            match gate_place(estate, gate) {
                Some((place, address)) => step(&place, &address.unwrap_or(bucket_address)),
                None => fallback(),
            }
        }
        Cause::Policy { reason, key } => match &reason.kind {
            DenyKind::Explicit { statement, .. } => match statement.get() {
                Some(s) => step(&s.place, &statement.policy.address),
                None => fallback(),
            },
            DenyKind::Implicit {
                nearest,
                documents,
                delegated_by,
            } => {
                if let Some(near) = nearest.first().filter(|n| !n.failed.is_empty()) {
                    if let Some(s) = near.statement.get() {
                        return step(&s.place, &near.statement.policy.address);
                    }
                }
                if let Some(s) = delegated_by.as_ref().and_then(|d| d.get().map(|s| (d, s))) {
                    return step(&s.1.place, &s.0.policy.address);
                }
                // The statement that grants the rest is the nearest one that would have to contain it.
                if reason.policy_type == PolicyType::Identity {
                    if let Some((grant, s)) = upload
                        .grants
                        .iter()
                        .filter(|g| g.policy.policy_type == PolicyType::Identity)
                        .find_map(|g| g.get().map(|s| (g, s)))
                    {
                        return step(&s.place, &grant.policy.address);
                    }
                }
                if let Some(document) = documents.first() {
                    return step(&document.place, &document.address);
                }
                if let Some(key) = key.and_then(|k| estate.keys.get(k)) {
                    return step(&key.place, &key.address);
                }
                if let (PolicyType::Identity, Uploader::Declared(index)) =
                    (reason.policy_type, &upload.uploader)
                {
                    if let Some(caller) = estate.callers.get(*index) {
                        return step(&caller.place, &caller.address);
                    }
                }
                fallback()
            }
        },
    }
}

/// The half of a refused upload that lies in this repository, where the refusal itself does not: the grant or what
/// else of the journey stands here. None where the whole journey lies elsewhere.
fn half_here(estate: &Estate, upload: &Decided, steps: &mut Vec<Step>) -> Option<Step> {
    let here = |place: &Place| !place.span.file.is_elsewhere();
    let granted = |s: &Step| {
        upload.grants.iter().any(|g| {
            let statement = g.get();
            statement.is_some_and(|g| g.place.span == s.place.span)
        })
    };
    let found = steps
        .iter()
        .position(|s| here(&s.place) && granted(s))
        .or_else(|| steps.iter().position(|s| here(&s.place)));
    if let Some(at) = found {
        let step = steps.remove(at);
        return Some(Step {
            label: None,
            ..step
        });
    }
    let caller = match &upload.uploader {
        Uploader::Declared(index) => estate.callers.get(*index),
        Uploader::Service { role, .. } => role.and_then(|index| estate.callers.get(index)),
        Uploader::External { .. } | Uploader::Deployer { .. } => None,
    };
    let bucket = estate.buckets.get(upload.bucket);
    let candidates = [
        caller.map(|c| (&c.place, &c.address, "the caller")),
        bucket.map(|b| (&b.place, &b.address, "the bucket")),
    ];
    let found = candidates.into_iter().flatten();
    let (place, address, text) = found.into_iter().find(|(place, _, _)| here(place))?;
    Some(Step {
        place: place.clone(),
        text: text.into(),
        label: None,
        address: address.clone(),
    })
}

fn gate_place(estate: &Estate, gate: &Gate) -> Option<(Place, Option<Arc<str>>)> {
    match gate {
        Gate::AclsDisabled { place, .. }
        | Gate::ManagedKey { place, .. }
        | Gate::SseCBlocked { place } => place.clone().map(|p| (p, None)),
        Gate::KeyDisabled { key, place } | Gate::KeyNotSymmetric { key, place } => Some((
            place.clone(),
            estate.keys.get(*key).map(|k| k.address.clone()),
        )),
        Gate::PublicAclBlocked { place, .. }
        | Gate::KeyRegion { place, .. }
        | Gate::ServiceNeedsSseS3 { place }
        | Gate::KeyNamedLocally { place }
        | Gate::PublicPolicyRestricted { place, .. }
        | Gate::BucketAclDisabled { place, .. }
        | Gate::PublicPolicyBlocked { place, .. }
        | Gate::ServiceNeedsNoLock { place }
        | Gate::AccessPointNotDelegated { place, .. }
        | Gate::AccessPointOutsideVpc { place }
        | Gate::CopyFromOtherRegion { place }
        | Gate::ServiceTarget { place, .. } => Some((place.clone(), None)),
    }
}

/// The rest of the journey: the grant, the evidence, what else came near, what stands behind.
fn steps(estate: &Estate, upload: &Decided, denial: &Denial) -> Vec<Step> {
    let mut out: Vec<Step> = Vec::new();
    let mut add = |place: &Place, address: &Arc<str>, text: String| {
        if !out.iter().any(|s| s.place.span == place.span) {
            out.push(Step {
                place: place.clone(),
                text,
                label: None,
                address: address.clone(),
            });
        }
    };
    for (headers, causes) in &denial.behind {
        for cause in causes {
            let inner = Denial {
                cause: cause.clone(),
                behind: Vec::new(),
                ..denial.clone()
            };
            let at = primary(estate, upload, &inner);
            let sent = headers
                .set
                .iter()
                .map(|(n, v)| format!("`{n}: {}`", v.display()))
                .collect::<Vec<_>>()
                .join(", ");
            let with = if sent.is_empty() {
                "a request that avoids it".to_string()
            } else {
                format!("with {sent}")
            };
            add(
                &at.place,
                &at.address,
                format!("{with}: {}", message::why(&inner)),
            );
        }
    }
    for grant in upload.grants.iter().take(2) {
        if let Some(s) = grant.get() {
            add(&s.place, &grant.policy.address, "granted here".into());
        }
    }
    if let Some(evidence) = &denial.evidence {
        add(&evidence.place, &evidence.address, evidence.text.clone());
    }
    if let Some(place) = &upload.path.shown_by {
        let stated = estate.stated.paths.iter().any(|p| p.place == *place);
        let text = match upload.path.route {
            _ if stated => "this path is stated here",
            Route::Internet => "runs outside the VPC's endpoints, as configured here",
            Route::Endpoint(_) | Route::Elsewhere => "runs in these subnets",
        };
        let address: Arc<str> = address(estate, &upload.uploader).into();
        add(place, &address, text.into());
    }
    match &denial.cause {
        Cause::Policy { reason, key } => {
            if let DenyKind::Implicit { nearest, .. } = &reason.kind {
                for near in nearest.iter().skip(1).take(3) {
                    let about = near.statement.get();
                    if let Some(s) = about.filter(|s| concerns(s, &reason.action)) {
                        add(
                            &s.place,
                            &near.statement.policy.address,
                            "comes near, but does not match either".into(),
                        );
                    }
                }
            }
            if let Some(key) = key.and_then(|k| estate.keys.get(k)) {
                let place = estate
                    .buckets
                    .get(upload.bucket)
                    .and_then(|b| b.encryption.value().and_then(|e| e.place.clone()));
                if let Some(place) = place {
                    let address = estate
                        .buckets
                        .get(upload.bucket)
                        .map_or_else(|| "".into(), |b| b.address.clone());
                    add(
                        &place,
                        &address,
                        "the bucket's default encryption uses this key".into(),
                    );
                }
                add(&key.place, &key.address, KEY_STEP.into());
            }
        }
        Cause::Gate(gate) => {
            if let Some((place, owner)) = gate_place(estate, gate) {
                let address = owner.unwrap_or_else(|| {
                    estate
                        .buckets
                        .get(upload.bucket)
                        .map_or_else(|| "".into(), |b| b.address.clone())
                });
                add(&place, &address, "this setting refuses".into());
            }
            if let Gate::BucketAclDisabled {
                ownership: Some(place),
                ..
            } = gate
            {
                let address = estate
                    .buckets
                    .get(upload.bucket)
                    .map_or_else(|| "".into(), |b| b.address.clone());
                add(place, &address, "ACLs are disabled here".into());
            }
        }
    }
    out
}

/// Rule, address of the refusing document, Sid or content of the statement, bucket.
fn fingerprint(estate: &Estate, upload: &Decided, denial: &Denial) -> String {
    let rule = name(&denial.cause, &upload.uploader);
    let bucket = message::bucket(estate, upload.bucket);
    let part = match &denial.cause {
        Cause::Gate(gate) => gate_place(estate, gate)
            .and_then(|(_, a)| a)
            .map_or_else(String::new, |a| block_of(&a)),
        Cause::Policy { reason, .. } => match &reason.kind {
            DenyKind::Explicit { statement, .. } => document(statement),
            DenyKind::Implicit {
                nearest, documents, ..
            } => {
                let place = primary(estate, upload, denial);
                match (nearest.first(), documents.first()) {
                    (Some(near), _) => format!("{} {}", reason.action, document(&near.statement)),
                    (None, Some(d)) => format!(
                        "{} {} {}",
                        reason.action,
                        block_of(&d.address),
                        block_of(&place.address)
                    ),
                    (None, None) => format!("{} {}", reason.action, block_of(&place.address)),
                }
            }
        },
    };
    digest(&[rule, &part, &bucket, &shown_by(denial)])
}

/// A name that stays the same while its parts do; it begins with the first one, the rule.
pub fn digest(parts: &[&str]) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(parts.join("\u{0}").as_bytes());
    let hex: String = digest.iter().take(16).map(|b| format!("{b:02x}")).collect();
    format!("{}:{hex}", parts.first().unwrap_or(&""))
}

/// One setting that stops several deliveries is one finding; a shape is told apart by what shows it.
fn shown_by(denial: &Denial) -> String {
    match (denial.outcome, &denial.evidence) {
        (Outcome::ServiceDeliveryDenied, _) | (_, None) => String::new(),
        (_, Some(evidence)) => block_of(&evidence.address),
    }
}

/// The address without the keys of instances: `module.a.aws_iam_role.r` of `module.a["x"].aws_iam_role.r[0]`.
fn block_of(address: &str) -> String {
    let mut out = String::new();
    let (mut depth, mut quoted) = (0usize, false);
    for c in address.chars() {
        match c {
            '"' if depth > 0 => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted && depth > 0 => depth -= 1,
            _ if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}

/// The same in every environment: the rule, the place that refuses, the action, the bucket's own place, the evidence.
fn kin(estate: &Estate, upload: &Decided, denial: &Denial, finding: &Finding) -> String {
    let action = match &denial.cause {
        Cause::Policy { reason, .. } => reason.action.to_string(),
        Cause::Gate(_) => String::new(),
    };
    let bucket = estate.buckets.get(upload.bucket);
    let evidence = match denial.outcome {
        Outcome::ServiceDeliveryDenied => "",
        _ => denial.evidence.as_ref().map_or("", |e| &*e.address),
    };
    format!(
        "{}\u{0}{}\u{0}{}\u{0}{:?}\u{0}{action}\u{0}{:?}\u{0}{evidence}\u{0}{}",
        finding.rule,
        finding.outcome.name(),
        finding.primary.address,
        finding.primary.place.span,
        bucket.map(|b| (b.place.span, &b.address, b.open)),
        denial.proviso.is_some(),
    )
}

fn document(statement: &StatementRef) -> String {
    let policy: &Policy = &statement.policy;
    let address = block_of(&policy.address);
    match statement.get() {
        Some(s) => match &s.sid {
            Some(sid) if !sid.is_empty() => format!("{address} {}", sid.display()),
            _ => format!("{address} {}", content(s)),
        },
        None => address,
    }
}

/// What a statement says, without where it stands.
fn content(statement: &crate::policy::Statement) -> String {
    let texts = |patterns: &[crate::policy::PlacedText]| {
        patterns
            .iter()
            .map(|p| Text::display(&p.text))
            .collect::<Vec<_>>()
            .join(",")
    };
    let mut out = format!(
        "{:?} {}",
        statement.effect,
        texts(&statement.actions.patterns)
    );
    if let Some(resources) = &statement.resources {
        out.push_str(&format!(" {}", texts(&resources.patterns)));
    }
    for test in &statement.conditions {
        out.push_str(&format!(
            " {} {} {}",
            test.written,
            test.key.display(),
            texts(&test.values)
        ));
    }
    out
}

/// The order of a report: errors first, then by file and position.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        b.level
            .cmp(&a.level)
            .then_with(|| a.primary.place.span.cmp(&b.primary.place.span))
            .then_with(|| a.rule.cmp(b.rule))
            .then_with(|| a.fingerprint.cmp(&b.fingerprint))
            .then_with(|| a.outcome.cmp(&b.outcome))
    });
}

/// True for a finding that is shown by default.
pub fn is_shown(finding: &Finding) -> bool {
    finding.level > Level::Note || finding.outcome != Outcome::ShapeDenied
}
