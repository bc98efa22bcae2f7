//! Policies and their holders: canonical texts in documents, inline and managed policies, boundaries, groups, trust.

use std::sync::Arc;

use super::{Assembly, blank_caller, caller_kind};
use crate::facts::declare::{Declaration, Declared, Holder, HolderKind};
use crate::facts::link::Linker;
use crate::facts::managed;
use crate::facts::{AttachedPolicy, Caller, Open, Policies};
use crate::policy::{Effect, Policy, PolicyType, PolicyVersion, PrincipalKind, parse};
use crate::value::{Guards, Place, Text, Value};

/// Makes every text of a policy canonical.
pub(super) fn canonical(linker: &Linker<'_>, policy: &mut Policy) {
    for statement in &mut policy.statements {
        if let Some(principals) = &mut statement.principals {
            for entry in &mut principals.entries {
                entry.text = linker.resolve(&entry.text);
            }
        }
        let patterns = statement.actions.patterns.iter_mut();
        let resources = statement
            .resources
            .iter_mut()
            .flat_map(|r| r.patterns.iter_mut());
        let values = statement.conditions.iter_mut().flat_map(|c| {
            c.key = linker.resolve(&c.key);
            c.values.iter_mut()
        });
        for placed in patterns.chain(resources).chain(values) {
            placed.text = linker.resolve(&placed.text);
        }
    }
}

/// Places the whole of a document where it is attached: its own text is in no file.
fn put(policy: &mut Policy, place: &Place) {
    policy.place = place.clone();
    for statement in &mut policy.statements {
        statement.place = place.clone();
        for element in statement
            .resources
            .iter_mut()
            .chain(std::iter::once(&mut statement.actions))
        {
            element.place = place.clone();
            element
                .patterns
                .iter_mut()
                .for_each(|p| p.place = place.clone());
        }
        for test in &mut statement.conditions {
            test.place = place.clone();
            test.key_place = place.clone();
            test.values.iter_mut().for_each(|v| v.place = place.clone());
        }
    }
}

enum Held {
    Caller(usize),
    Group(usize),
}

impl Assembly<'_, '_> {
    /// The caller or group that a holder names; one that no source declares becomes an open caller.
    fn held(&mut self, holder: &Holder, d: &Declared) -> Option<Held> {
        let account = self.linker.account(d.scope, &d.provider);
        let key = account.id.identity();
        let name = self.resolve(&holder.named);
        let found = match holder.kind {
            HolderKind::Role => self.roles.find(&name, d.scope, key.as_deref(), &d.guards),
            HolderKind::User => self.users.find(&name, d.scope, key.as_deref(), &d.guards),
            HolderKind::Group => {
                return self
                    .groups
                    .find(&name, d.scope, key.as_deref(), &d.guards)
                    .map(Held::Group);
            }
        };
        if let Some(at) = found {
            return Some(Held::Caller(at));
        }
        let kind = caller_kind(holder.kind)?;
        let arn = if name.known_prefix().starts_with("arn:") {
            name.clone()
        } else {
            let kind = if holder.kind == HolderKind::Role {
                ":role/"
            } else {
                ":user/"
            };
            let mut arn = Text::literal("arn:");
            arn.push(&self.linker.partition(d.scope, &d.provider));
            arn.push_str(":iam::");
            arn.push(&account.id);
            arn.push_str(kind);
            // Its path is not known; the name alone does not say it.
            arn.push_unknown(crate::value::Unknown::because(
                "the path of a principal that is not declared here",
            ));
            arn.push(&name);
            arn
        };
        let at = self.estate.callers.len();
        let index = if holder.kind == HolderKind::Role {
            &mut self.roles
        } else {
            &mut self.users
        };
        for text in [&name, &arn] {
            index.add(text, d.scope, key.as_deref(), &[], at);
        }
        let why: Arc<str> = format!("`{}` is declared elsewhere", name.display()).into();
        let identity = Policies {
            attached: Vec::new(),
            open: vec![why.into()],
        };
        let blank = blank_caller(d, kind, name, arn);
        self.estate.callers.push(Caller {
            account,
            identity,
            open: true,
            trust_open: true,
            ..blank
        });
        Some(Held::Caller(at))
    }

    fn identity(&mut self, held: &Held) -> Option<&mut Policies> {
        match held {
            Held::Caller(at) => self.estate.callers.get_mut(*at).map(|c| &mut c.identity),
            Held::Group(at) => self.group_list.get_mut(*at).map(|g| &mut g.identity),
        }
    }

    /// Policies of callers, groups and boundaries.
    pub(super) fn join_holder(&mut self, d: &Declared) {
        match &d.what {
            Declaration::InlinePolicy { holder, document } => {
                let policy = self.policy(document, PolicyType::Identity, &d.address);
                let attached = AttachedPolicy {
                    policy,
                    guards: d.guards.clone(),
                    attached: None,
                };
                if let Some(identity) = self.held(holder, d).and_then(|h| self.identity(&h)) {
                    identity.attached.push(attached);
                }
            }
            Declaration::Attachment { holder, policy } => {
                let policies = self.managed(policy, PolicyType::Identity, d);
                if let Some(identity) = self.held(holder, d).and_then(|h| self.identity(&h)) {
                    identity.attached.extend(policies.attached);
                    identity.open.extend(policies.open);
                }
            }
            Declaration::OpenHolder { holder, why } => {
                if let Some(identity) = self.held(holder, d).and_then(|h| self.identity(&h)) {
                    identity.open.push(Open {
                        why: why.clone(),
                        guards: d.guards.clone(),
                    });
                }
            }
            Declaration::Role {
                arn,
                boundary: Some(boundary),
                ..
            } => self.bound(HolderKind::Role, arn, boundary, d),
            Declaration::User {
                arn,
                boundary: Some(boundary),
                ..
            } => self.bound(HolderKind::User, arn, boundary, d),
            Declaration::GroupMembership { user, group } => {
                let user = self.held(
                    &Holder {
                        kind: HolderKind::User,
                        named: user.clone(),
                    },
                    d,
                );
                let group = self.held(
                    &Holder {
                        kind: HolderKind::Group,
                        named: group.clone(),
                    },
                    d,
                );
                match (user, group) {
                    (Some(Held::Caller(user)), Some(Held::Group(group))) => {
                        self.members.push((user, group, d.guards.clone()));
                    }
                    (Some(user), _) => {
                        if let Some(identity) = self.identity(&user) {
                            identity.open.push(Open {
                                why: "the user is in a group that no source declares".into(),
                                guards: d.guards.clone(),
                            });
                        }
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// Leaves open the policies of what a text names.
    pub(super) fn open_target(&mut self, named: &Text, why: &Arc<str>, d: &Declared) {
        let (name, account) = (self.resolve(named), self.account_key(d));
        let account = account.as_deref();
        let open = |policies: &mut Policies| {
            policies.open.push(Open {
                why: why.clone(),
                guards: d.guards.clone(),
            });
        };
        let at = |(at, _): (usize, &Guards)| at;
        let all = |index: &super::Index| -> Vec<usize> {
            let all = index.all(&name, d.scope, account, &d.guards);
            all.into_iter().map(at).collect()
        };
        for at in all(&self.buckets) {
            if let Some(bucket) = self.estate.buckets.get_mut(at) {
                open(bucket.policy.get_or_insert_default());
            }
        }
        // Any word may be the name of a role.
        if name.as_literal().is_some_and(|n| !n.starts_with("arn:")) {
            return;
        }
        for at in all(&self.keys) {
            let Some(key) = self.estate.keys.get_mut(at) else {
                continue;
            };
            match &mut key.policy {
                Some(policies) => open(policies),
                None => key.open = true,
            }
        }
        for at in all(&self.roles).into_iter().chain(all(&self.users)) {
            if let Some(caller) = self.estate.callers.get_mut(at) {
                open(&mut caller.identity);
            }
        }
        for at in all(&self.groups) {
            if let Some(group) = self.group_list.get_mut(at) {
                open(&mut group.identity);
            }
        }
    }

    fn bound(&mut self, kind: HolderKind, arn: &Text, boundary: &Value, d: &Declared) {
        let mut policies = Policies::default();
        for (guards, arm) in boundary.arms() {
            match arm.as_text() {
                Some(text) => {
                    let mut found = self.managed(&text, PolicyType::Boundary, d);
                    found
                        .attached
                        .iter_mut()
                        .for_each(|a| a.guards.extend(guards.iter().cloned()));
                    found
                        .open
                        .iter_mut()
                        .for_each(|o| o.guards.extend(guards.iter().cloned()));
                    policies.attached.extend(found.attached);
                    policies.open.extend(found.open);
                }
                None if arm.is_null() && guards.is_empty() => return,
                // Without a boundary in one world, nothing is bounded in it.
                None if arm.is_null() => {
                    let policy = self.unbounded(boundary, d);
                    policies.attached.push(AttachedPolicy {
                        policy,
                        guards,
                        attached: None,
                    });
                }
                None => policies.open.push(Open {
                    why: "the permissions boundary is not known".into(),
                    guards,
                }),
            }
        }
        if let Some(Held::Caller(at)) = self.held(
            &Holder {
                kind,
                named: arn.clone(),
            },
            d,
        ) {
            if let Some(caller) = self.estate.callers.get_mut(at) {
                caller.boundary = Some(policies);
            }
        }
    }

    /// What stands for the boundary in a world without one.
    fn unbounded(&self, boundary: &Value, d: &Declared) -> Arc<Policy> {
        let text = r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
        let value = Value::text(text, boundary.place.clone());
        Arc::new(parse::parse(&value, PolicyType::Boundary, &d.address))
    }

    /// A managed policy by its ARN; open where its text is not at hand.
    fn managed(&mut self, arn: &Text, policy_type: PolicyType, d: &Declared) -> Policies {
        let arn = self.resolve(arn);
        let account = self.linker.account(d.scope, &d.provider).id.identity();
        let Some(at) = self
            .managed
            .find(&arn, d.scope, account.as_deref(), &d.guards)
        else {
            if let Some(found) = arn
                .as_literal()
                .and_then(|arn| self.aws_managed(arn, policy_type, d))
            {
                return found;
            }
            let why = format!(
                "the text of the managed policy `{}` is not at hand",
                arn.display()
            );
            return Policies {
                attached: Vec::new(),
                open: vec![Open {
                    why: why.into(),
                    guards: d.guards.clone(),
                }],
            };
        };
        let Some((document, address, guards)) = self
            .managed_list
            .get(at)
            .map(|m| (m.document.clone(), m.address.clone(), m.guards.clone()))
        else {
            return Policies::default();
        };
        let policy = match self.parsed.get(&(at, policy_type)) {
            Some(policy) => policy.clone(),
            None => {
                let policy = self.policy(&document, policy_type, &address);
                self.parsed.insert((at, policy_type), policy.clone());
                policy
            }
        };
        let mut all: Guards = d.guards.clone();
        all.extend(guards.into_iter().filter(|g| !d.guards.contains(g)));
        let attached: Option<Place> = Some(d.place.clone());
        Policies {
            attached: vec![AttachedPolicy {
                policy,
                guards: all,
                attached,
            }],
            open: Vec::new(),
        }
    }

    /// A managed policy of AWS, from the text that the program holds: read once, and placed where it is attached.
    fn aws_managed(
        &mut self,
        arn: &str,
        policy_type: PolicyType,
        d: &Declared,
    ) -> Option<Policies> {
        let key = (arn.to_string(), policy_type);
        if !self.aws_managed.contains_key(&key) {
            let read = match managed::held(arn)? {
                managed::Held::Nothing => Policy {
                    policy_type,
                    version: PolicyVersion::V2012,
                    statements: Vec::new(),
                    address: arn.into(),
                    place: d.place.clone(),
                    gaps: Vec::new(),
                    open: false,
                    faults: Vec::new(),
                },
                managed::Held::Document(text) => {
                    let value = Value::text(text, d.place.clone());
                    let mut policy = parse::parse(&value, policy_type, arn);
                    canonical(self.linker, &mut policy);
                    policy
                }
            };
            self.aws_managed.insert(key.clone(), read);
        }
        let mut policy = self.aws_managed.get(&key)?.clone();
        put(&mut policy, &d.place);
        let attached = AttachedPolicy {
            policy: Arc::new(policy),
            guards: d.guards.clone(),
            attached: Some(d.place.clone()),
        };
        Some(Policies {
            attached: vec![attached],
            open: Vec::new(),
        })
    }

    /// Gives each user what its groups have.
    pub(super) fn give_groups(&mut self) {
        for (user, group, guards) in std::mem::take(&mut self.members) {
            let Some(given) = self.group_list.get(group).map(|g| g.identity.clone()) else {
                continue;
            };
            if let Some(caller) = self.estate.callers.get_mut(user) {
                caller
                    .identity
                    .open
                    .extend(given.open.into_iter().map(|mut o| {
                        o.guards.extend(guards.iter().cloned());
                        o
                    }));
                caller
                    .identity
                    .attached
                    .extend(given.attached.into_iter().map(|mut a| {
                        a.guards.extend(guards.iter().cloned());
                        a
                    }));
            }
        }
    }

    /// Who may assume the role.
    pub(super) fn trust(&mut self, caller: &mut Caller, document: &Value, d: &Declared) {
        let settled = self.linker.settled(document);
        let document = settled.as_ref().unwrap_or(document);
        let mut policy = parse::parse(document, PolicyType::Trust, &d.address);
        canonical(self.linker, &mut policy);
        caller.trust_open = policy.open || !policy.gaps.is_empty();
        for statement in policy
            .statements
            .iter()
            .filter(|s| s.effect == Effect::Allow)
        {
            match &statement.principals {
                Some(principals) => {
                    caller.trust_open |= principals.open || principals.negated;
                    for entry in &principals.entries {
                        match entry.kind {
                            PrincipalKind::Service => {
                                caller.trusted_services.push(entry.text.clone())
                            }
                            // SAML brings people, and so does an AWS principal.
                            PrincipalKind::Federated
                                if !entry.text.display().contains(":saml-provider/") =>
                            {
                                caller.web_identity.push(entry.text.clone())
                            }
                            _ => caller.trust_open = true,
                        }
                    }
                }
                None => caller.trust_open = true,
            }
        }
    }
}
