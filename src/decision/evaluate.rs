//! All policies together: explicit denials, missing permissions, same account and across accounts (spec 2, 5.3).
//!
//! A reading turns every unknown into an answer; then all reasons of a denial are listed, gate by gate.

use std::sync::Arc;

use super::nearest::{explain, near_miss};
use super::principal::{GrantForm, PrincipalAnswer};
use super::statement::{Surroundings, applies, statement_answer, strongest};
use super::{
    AccountRelation, Decision, DenyKind, DenyReason, Element, EndpointKind, Layer, Match, NearMiss,
    PolicySet, Principal, Reading, Request, TargetKind, World,
};
use crate::policy::{Effect, Policy, PolicyType, Statement, StatementRef};
use crate::value::Text;

/// Near misses that are reported per missing permission.
const NEAR_MISSES: usize = 3;

/// Decides one request under one reading, in one world.
pub fn evaluate(
    request: &Request,
    policies: &PolicySet,
    reading: Reading,
    world: &World,
) -> Decision {
    let mut answer =
        |_, statement: &Statement, around: Surroundings<'_>| applies(statement, request, around);
    let by = (&request.principal, Some(request));
    decide(by, policies, reading, world, &mut answer)
}

/// The same answer without its reasons, for searches.
pub fn allows(request: &Request, policies: &PolicySet, reading: Reading, world: &World) -> bool {
    allows_by(
        &request.principal,
        policies,
        reading,
        world,
        &mut |_, statement, around| applies(statement, request, around),
    )
}

/// What a statement says to a request. The statements of a set of policies are numbered in the order in which they are
/// asked, which depends on the principal alone.
pub type Answer<'a> = dyn FnMut(usize, &Statement, Surroundings<'_>) -> PrincipalAnswer + 'a;

/// The same for a request of which only the principal and what each statement says are known.
pub fn allows_by(
    principal: &Principal,
    policies: &PolicySet,
    reading: Reading,
    world: &World,
    answer: &mut Answer<'_>,
) -> bool {
    decide((principal, None), policies, reading, world, answer).allowed
}

/// With the request, reasons are collected; without, the first refusal ends it.
fn decide(
    (principal, request): (&Principal, Option<&Request>),
    policies: &PolicySet,
    reading: Reading,
    world: &World,
    answer: &mut Answer<'_>,
) -> Decision {
    let bounded = policies.boundary.is_some();
    let gate = Gate {
        request,
        reading,
        world,
        bounded,
        endpoint: EndpointKind::Unknown,
    };
    let own_policies = !matches!(principal, Principal::Service { .. } | Principal::Anonymous);
    let limited = own_policies && !matches!(principal, Principal::Root { .. });

    let mut out = Collected {
        refused: false,
        asked: 0,
        answer,
        reasons: Vec::new(),
        allowing: Vec::new(),
        hangs_on: Vec::new(),
    };
    let identity = if limited {
        gate.layer(&policies.identity, PolicyType::Identity, &mut out)
    } else {
        // The root user of an account has everything that its account may have.
        Said {
            grant: own_policies.then_some(GrantForm::Direct),
            ..Said::default()
        }
    };
    let boundary = policies.boundary.as_ref().filter(|_| limited);
    let boundary = boundary.map(|layer| gate.layer(layer, PolicyType::Boundary, &mut out));
    let session = policies.session.as_ref().filter(|_| limited);
    let session = session.map(|layer| gate.layer(layer, PolicyType::Session, &mut out));
    let scp: Vec<Said> = match own_policies {
        true => policies
            .scp
            .iter()
            .map(|level| gate.layer(level, PolicyType::Scp, &mut out))
            .collect(),
        false => Vec::new(),
    };
    let endpoint = policies.endpoint.as_ref().map(|(kind, layer)| {
        Gate {
            endpoint: *kind,
            ..gate
        }
        .layer(layer, PolicyType::Endpoint, &mut out)
    });
    let target_type = match policies.target {
        TargetKind::Bucket => PolicyType::Bucket,
        TargetKind::AccessPoint => PolicyType::AccessPoint,
        TargetKind::Key => PolicyType::Key,
    };
    let resource = policies
        .resource
        .as_ref()
        .map(|layer| gate.layer(layer, target_type, &mut out));
    for level in &policies.rcp {
        // AWS's own allow-all policy stands at every level and cannot be taken away.
        gate.layer(level, PolicyType::Rcp, &mut out);
    }

    if request.is_none() && out.refused {
        return out.short(false);
    }
    let granted = |said: &Option<Said>| said.as_ref().is_none_or(|s| s.grant.is_some());
    let (boundary_ok, session_ok) = (granted(&boundary), granted(&session));
    let identity_ok = identity.grant.is_some();
    let target = resource.as_ref().and_then(|s| s.grant);

    // Types that lack an Allow, in the order of the journey.
    let lacking = |relation: AccountRelation| -> Vec<PolicyType> {
        let mut missing = Vec::new();
        let caller_side = identity_ok && boundary_ok && session_ok;
        if !own_policies {
            if target.is_none() {
                missing.push(target_type);
            }
            return missing;
        }
        let passes = match (relation, policies.target) {
            (AccountRelation::Cross, _) => caller_side && target.is_some(),
            (_, TargetKind::Bucket | TargetKind::AccessPoint) => match target {
                Some(GrantForm::Direct) => true,
                Some(GrantForm::Role) => caller_side || boundary_ok && session_ok,
                Some(GrantForm::Account) | None => caller_side,
            },
            (_, TargetKind::Key) => match target {
                Some(GrantForm::Direct) => true,
                Some(GrantForm::Role) => boundary_ok && session_ok,
                Some(GrantForm::Account) => caller_side,
                None => false,
            },
        };
        if passes {
            return missing;
        }
        let identity_needed = match (relation, policies.target, target) {
            (AccountRelation::Cross, _, _) => true,
            (_, _, Some(GrantForm::Role | GrantForm::Direct)) => false,
            (_, TargetKind::Key, None) => false,
            _ => true,
        };
        if !identity_ok && identity_needed {
            missing.push(PolicyType::Identity);
        }
        if !boundary_ok {
            missing.push(PolicyType::Boundary);
        }
        if !session_ok {
            missing.push(PolicyType::Session);
        }
        let target_needed =
            relation == AccountRelation::Cross || policies.target == TargetKind::Key;
        if target.is_none() && (target_needed || !identity_ok) {
            missing.push(target_type);
        }
        missing
    };
    let mut missing = match policies.relation {
        AccountRelation::Unknown => {
            let (same, cross) = (
                lacking(AccountRelation::Same),
                lacking(AccountRelation::Cross),
            );
            let settled = same.is_empty() == cross.is_empty();
            let favoured = match reading {
                Reading::Favourable => same.is_empty() || !cross.is_empty(),
                Reading::Unfavourable => !same.is_empty(),
            };
            if !settled {
                out.hangs_on
                    .push("whether caller and target are in the same account".into());
            }
            if favoured { same } else { cross }
        }
        relation => lacking(relation),
    };
    if scp.iter().any(|level| level.grant.is_none()) {
        missing.push(PolicyType::Scp);
    }
    if endpoint.as_ref().is_some_and(|s| s.grant.is_none()) {
        missing.push(PolicyType::Endpoint);
    }

    let Some(request) = request else {
        return out.short(missing.is_empty());
    };
    let Collected {
        refused: _,
        asked: _,
        answer: _,
        mut reasons,
        mut allowing,
        mut hangs_on,
    } = out;
    let allowed = reasons.is_empty() && missing.is_empty();
    for policy_type in missing {
        if reasons
            .iter()
            .any(|r| r.policy_type == policy_type && matches!(r.kind, DenyKind::Implicit { .. }))
        {
            continue;
        }
        let at = Gate {
            endpoint: policies
                .endpoint
                .as_ref()
                .map_or(EndpointKind::Unknown, |(k, _)| *k),
            ..gate
        };
        let layers: Vec<&Layer> = match policy_type {
            PolicyType::Identity => vec![&policies.identity],
            PolicyType::Boundary => policies.boundary.iter().collect(),
            PolicyType::Session => policies.session.iter().collect(),
            PolicyType::Scp => {
                let levels = policies.scp.iter().zip(&scp);
                levels
                    .filter(|(_, said)| said.grant.is_none())
                    .map(|(level, _)| level)
                    .collect()
            }
            PolicyType::Endpoint => policies.endpoint.iter().map(|(_, layer)| layer).collect(),
            _ => policies.resource.iter().collect(),
        };
        let delegated_by = (policy_type == PolicyType::Identity
            && target == Some(GrantForm::Account))
        .then(|| resource.as_ref().and_then(|s| s.allowing.clone()))
        .flatten();
        reasons.push(DenyReason {
            policy_type,
            action: request.action.clone(),
            kind: DenyKind::Implicit {
                nearest: at.nearest(&layers, policy_type, request),
                documents: layers
                    .iter()
                    .flat_map(|l| l.policies.iter().cloned())
                    .collect(),
                delegated_by,
            },
        });
    }
    reasons.sort_by_key(|reason| journey(reason.policy_type));
    if !allowed {
        allowing.retain(|(policy_type, _)| !reasons.iter().any(|r| r.policy_type == *policy_type));
    }
    hangs_on.sort();
    hangs_on.dedup();
    Decision {
        allowed,
        reasons,
        allowing,
        hangs_on,
    }
}

/// Position of a gate on the way from the caller to the target.
fn journey(policy_type: PolicyType) -> u8 {
    match policy_type {
        PolicyType::Identity => 0,
        PolicyType::Boundary => 1,
        PolicyType::Session => 2,
        PolicyType::Scp => 3,
        PolicyType::Endpoint => 4,
        PolicyType::AccessPoint => 5,
        PolicyType::Bucket | PolicyType::Key => 6,
        PolicyType::Rcp => 7,
        PolicyType::Trust => 8,
    }
}

struct Collected<'c, 'a> {
    /// Some layer refuses, whatever is granted.
    refused: bool,
    /// Statements that were asked.
    asked: usize,
    answer: &'c mut Answer<'a>,
    reasons: Vec<DenyReason>,
    allowing: Vec<(PolicyType, StatementRef)>,
    hangs_on: Vec<Arc<str>>,
}

impl Collected<'_, '_> {
    /// The answer without its reasons.
    fn short(self, allowed: bool) -> Decision {
        Decision {
            allowed,
            reasons: Vec::new(),
            allowing: Vec::new(),
            hangs_on: Vec::new(),
        }
    }
}

/// What one layer said about an Allow, under the reading.
#[derive(Default)]
struct Said {
    grant: Option<GrantForm>,
    allowing: Option<StatementRef>,
}

#[derive(Clone, Copy)]
struct Gate<'g> {
    /// The request, where what a reader wants to know beside the answer is collected.
    request: Option<&'g Request>,
    reading: Reading,
    world: &'g World,
    bounded: bool,
    endpoint: EndpointKind,
}

impl Gate<'_> {
    fn around(&self, policy: &Policy, policy_type: PolicyType) -> Surroundings<'_> {
        Surroundings {
            policy_type,
            version: policy.version,
            endpoint: self.endpoint,
            bounded: self.bounded,
            world: self.world,
        }
    }

    fn layer(&self, layer: &Layer, policy_type: PolicyType, out: &mut Collected<'_, '_>) -> Said {
        let favourable = self.reading == Reading::Favourable;
        let (least_allow, least_deny) = if favourable {
            (Match::Unknown, Match::Yes)
        } else {
            (Match::Yes, Match::Unknown)
        };
        let mut said = Said::default();
        if self.request.is_none() && out.refused {
            return said;
        }
        let mut certain: Option<GrantForm> = None;
        let mut doubtful: Vec<(&Arc<Policy>, usize)> = Vec::new();
        let mut open = layer.open;
        for policy in &layer.policies {
            open |= policy.open;
            let around = self.around(policy, policy_type);
            for (position, statement) in policy.statements.iter().enumerate() {
                let answer = (out.answer)(out.asked, statement, around);
                out.asked += 1;
                let any = answer.any();
                if any == Match::No {
                    continue;
                }
                match statement.effect {
                    Effect::Deny => {
                        if any == Match::Unknown {
                            self.note_unknowns(policy, position, policy_type, out);
                        }
                        if any >= least_deny {
                            out.refused = true;
                            let Some(request) = self.request else {
                                return said;
                            };
                            let reference = StatementRef {
                                policy: policy.clone(),
                                position,
                            };
                            out.reasons.push(explicit(reference, policy_type, request));
                        }
                    }
                    Effect::Allow => {
                        certain = certain.max(strongest(answer, Match::Yes));
                        if any == Match::Unknown && self.request.is_some() {
                            doubtful.push((policy, position));
                        }
                        let form = strongest(answer, least_allow);
                        if form > said.grant {
                            said.grant = form;
                            said.allowing = self.request.map(|_| StatementRef {
                                policy: policy.clone(),
                                position,
                            });
                        }
                    }
                }
            }
        }
        if said.grant > certain || certain.is_none() && !doubtful.is_empty() {
            for (policy, position) in doubtful {
                self.note_unknowns(policy, position, policy_type, out);
            }
        }
        let Some(request) = self.request else {
            if open {
                said.grant = favourable.then_some(GrantForm::Direct);
                out.refused |= !favourable;
            }
            return said;
        };
        if let Some(reference) = &said.allowing {
            out.allowing.push((policy_type, reference.clone()));
        }
        if open {
            if certain < Some(GrantForm::Direct) || !favourable {
                out.hangs_on
                    .push(format!("{} statements that are not at hand", policy_type.name()).into());
            }
            said.grant = favourable.then_some(GrantForm::Direct);
            if !favourable {
                // What is not seen may deny.
                out.reasons.push(DenyReason {
                    policy_type,
                    action: request.action.clone(),
                    kind: DenyKind::Implicit {
                        nearest: Vec::new(),
                        documents: layer.policies.clone(),
                        delegated_by: None,
                    },
                });
            }
        }
        said
    }

    fn note_unknowns(
        &self,
        policy: &Arc<Policy>,
        position: usize,
        policy_type: PolicyType,
        out: &mut Collected<'_, '_>,
    ) {
        let (Some(statement), Some(request)) = (policy.statements.get(position), self.request)
        else {
            return;
        };
        let answer = statement_answer(statement, request, self.around(policy, policy_type));
        for element in answer.elements {
            if element.answer == Match::Unknown {
                out.hangs_on.extend(element.because);
            }
        }
        out.hangs_on
            .extend(statement.unknown.iter().map(|(_, why)| why.clone()));
    }

    /// The Allow statements that came nearest, best first.
    fn nearest(
        &self,
        layers: &[&Layer],
        policy_type: PolicyType,
        request: &Request,
    ) -> Vec<NearMiss> {
        let least = match self.reading {
            Reading::Favourable => Match::Unknown,
            Reading::Unfavourable => Match::Yes,
        };
        let mut found: Vec<((usize, usize), NearMiss)> = Vec::new();
        for policy in layers.iter().flat_map(|l| &l.policies) {
            let around = self.around(policy, policy_type);
            found.extend((0..policy.statements.len()).filter_map(|position| {
                let reference = StatementRef {
                    policy: policy.clone(),
                    position,
                };
                near_miss(reference, request, around, least)
            }));
        }
        found.sort_by_key(|(distance, _)| *distance);
        let kept = found.into_iter().take(NEAR_MISSES);
        kept.map(|(_, mut near)| {
            explain(&mut near, request);
            near
        })
        .collect()
    }
}

fn explicit(reference: StatementRef, policy_type: PolicyType, request: &Request) -> DenyReason {
    let mut deciding = Vec::new();
    if let Some(statement) = reference.get() {
        let absent = |position: &usize| {
            statement.conditions.get(*position).is_some_and(|test| {
                let key: &Text = &test.key;
                key.as_literal()
                    .is_some_and(|key| *request.context.get(key) == super::ContextValue::Absent)
            })
        };
        let positions = 0..statement.conditions.len();
        let (first, rest): (Vec<usize>, Vec<usize>) = positions.partition(absent);
        deciding.extend(first.into_iter().chain(rest).map(Element::Condition));
        if deciding.is_empty() {
            deciding.push(Element::Action);
        }
    }
    DenyReason {
        policy_type,
        action: request.action.clone(),
        kind: DenyKind::Explicit {
            statement: reference,
            deciding,
        },
    }
}
