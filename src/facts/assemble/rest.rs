//! Joins of buckets, keys, endpoints and networks: policies and settings that stand beside their targets.

use std::sync::Arc;

use super::{Assembly, blank_bucket, open_settings, set};
use crate::facts::declare::{
    BucketSetting, Declaration, Declared, DeclaredEncryption, DeclaredSender, RunsAs,
};
use crate::facts::shell;
use crate::facts::{
    AccessPoint, Algorithm, Bucket, BucketUse, Encryption, KeyName, KeyUse, KmsGrant, Network,
    OrganizationPolicy, PublicAccess, Sender, Setting, ShownUpload, Subnet, Workload,
};
use crate::policy::PolicyType;
use crate::policy::guards::{complement, implies, join};
use crate::value::{Guard, Guards, Place, Text, Value};

impl Assembly<'_, '_> {
    /// Uploads that a script shows.
    fn shown_in(
        &mut self,
        script: &Text,
        variables: &[(Arc<str>, Text)],
        place: &Place,
        sender: &Sender,
        guards: &Guards,
        d: &Declared,
    ) {
        let account = self.linker.account(d.scope, &d.provider);
        for command in shell::commands(script, variables, place) {
            let name = self.resolve(&command.bucket);
            let bucket =
                match self
                    .buckets
                    .find(&name, d.scope, account.id.identity().as_deref(), &d.guards)
                {
                    Some(at) => BucketUse::Declared(at),
                    None => BucketUse::Named(name),
                };
            let mut headers = command.headers;
            headers
                .iter_mut()
                .for_each(|h| h.value = self.linker.resolve(&h.value));
            let key = command.key.as_ref().map(|k| self.resolve(k));
            self.estate.shown.push(ShownUpload {
                sender: sender.clone(),
                bucket,
                key,
                headers,
                multipart: command.multipart,
                place: command.place,
                address: d.address.clone(),
                guards: guards.clone(),
            });
        }
    }

    /// Who sends what a declaration shows; nobody where that is a role that no source declares, of which is not
    /// known what it may do.
    pub(super) fn sender(&self, sender: &DeclaredSender, d: &Declared) -> Option<Sender> {
        let account = self.linker.account(d.scope, &d.provider);
        let role = |text: &Option<Text>| {
            text.as_ref().and_then(|t| {
                self.roles.find(
                    &self.resolve(t),
                    d.scope,
                    account.id.identity().as_deref(),
                    &d.guards,
                )
            })
        };
        Some(match sender {
            DeclaredSender::Deployer { role: r } => Sender::Deployer {
                caller: role(r),
                account: account.clone(),
            },
            DeclaredSender::Role(r) => Sender::Caller(role(&Some(r.clone()))?),
            DeclaredSender::Writer {
                service,
                role: r,
                source_arn,
                region,
            } => Sender::Writer {
                service: service.clone(),
                role: role(r),
                account: account.clone(),
                source_arn: source_arn.as_ref().map(|t| self.resolve(t)),
                region: Some(region.as_ref().map_or_else(
                    || self.linker.region(d.scope, &d.provider),
                    |t| self.resolve(t),
                )),
            },
        })
    }

    pub(super) fn account_key(&self, d: &Declared) -> Option<String> {
        self.linker.account(d.scope, &d.provider).id.identity()
    }

    pub(super) fn stand_rest(&mut self, d: &Declared, account: Option<&str>) {
        match &d.what {
            Declaration::OrganizationPolicy {
                id,
                policy_type,
                document,
            } => {
                let policy = self.policy(document, *policy_type, &d.address);
                let at = self.estate.organization.len();
                let id = self.resolve(id);
                self.organization.add(&id, d.scope, account, &d.guards, at);
                let (address, scope, guards) = (d.address.clone(), d.scope, d.guards.clone());
                self.estate.organization.push(OrganizationPolicy {
                    address,
                    policy,
                    targets: Vec::new(),
                    scope,
                    guards,
                });
            }
            Declaration::Subnet { id, vpc } => {
                let (id, vpc) = (self.resolve(id), vpc.as_ref().map(|t| self.resolve(t)));
                self.estate.subnets.push(Subnet {
                    scope: d.scope,
                    id,
                    vpc,
                    route_tables: Vec::new(),
                });
            }
            _ => self.stand_project(d, account),
        }
    }

    /// Second pass: aliases, by which later passes name keys.
    pub(super) fn join_alias(&mut self, d: &Declared) {
        let Declaration::Alias { name, key } = &d.what else {
            return;
        };
        let account = self.account_key(d);
        let (name, key) = (self.resolve(name), self.resolve(key));
        let Some(at) = self.keys.find(&key, d.scope, account.as_deref(), &d.guards) else {
            return;
        };
        self.keys
            .add(&name, d.scope, account.as_deref(), &d.guards, at);
        if let Some(found) = self.estate.keys.get_mut(at) {
            if let Some((prefix, _)) = split_last_slash(&found.arn, &found.id) {
                let mut arn = prefix;
                arn.push(&name);
                self.keys
                    .add(&arn, d.scope, account.as_deref(), &d.guards, at);
            }
            found.aliases.push(name);
        }
    }

    /// Third pass: what stands beside its target.
    pub(super) fn join(&mut self, d: &Declared) {
        match &d.what {
            Declaration::BucketSetting { bucket, setting } => {
                let encryption = match setting {
                    BucketSetting::Encryption(declared) => self.encryption(declared, d),
                    _ => Setting::Unknown("no source sets it".into()),
                };
                if let Some(found) = self
                    .bucket(bucket, d)
                    .and_then(|at| self.estate.buckets.get_mut(at))
                {
                    set(found, setting.clone(), &d.guards, || encryption);
                }
            }
            Declaration::BucketPolicy { bucket, document } => {
                let policies = self.one(document, PolicyType::Bucket, d, None);
                for at in self.buckets_of(bucket, d) {
                    if let Some(found) = self.estate.buckets.get_mut(at) {
                        let attached = &mut found.policy.get_or_insert_default().attached;
                        attached.extend(policies.attached.iter().cloned());
                    }
                }
            }
            Declaration::AccessPoint {
                name,
                arn,
                bucket,
                vpc,
                document,
                public_access,
                multi_region,
            } => {
                let Some(bucket) = self.bucket(bucket, d) else {
                    return;
                };
                let (name, arn) = (self.resolve(name), self.resolve(arn));
                let policy = document
                    .as_ref()
                    .map(|v| self.one(v, PolicyType::AccessPoint, d, None));
                let vpc = vpc
                    .as_ref()
                    .map(|(t, place)| (self.resolve(t), place.clone()));
                self.estate.access_points.push(AccessPoint {
                    scope: d.scope,
                    address: d.address.clone(),
                    name,
                    arn,
                    bucket,
                    account: self.linker.account(d.scope, &d.provider),
                    guards: d.guards.clone(),
                    policy,
                    public_access: public_access.clone().unwrap_or_else(PublicAccess::unset),
                    vpc,
                    multi_region: *multi_region,
                    place: d.place.clone(),
                });
            }
            Declaration::KeyPolicy { key, document } => {
                let mut policies = self.one(document, PolicyType::Key, d, None);
                if let Some(found) = self.key(key, d).and_then(|at| self.estate.keys.get_mut(at)) {
                    // Where the resource does not exist, another policy holds.
                    if d.guards.iter().any(|g| !found.guards.contains(g)) {
                        policies
                            .open
                            .push("the key policy is set under a condition".into());
                    }
                    found.policy = Some(policies);
                }
            }
            Declaration::Grant {
                key,
                grantee,
                operations,
            } => {
                let grantee = self.resolve(grantee);
                let operations = operations.iter().map(|t| self.resolve(t)).collect();
                if let Some(found) = self.key(key, d).and_then(|at| self.estate.keys.get_mut(at)) {
                    found.grants.push(KmsGrant {
                        grantee,
                        operations,
                        place: d.place.clone(),
                        guards: d.guards.clone(),
                    });
                }
            }
            Declaration::EndpointPolicy { endpoint, document } => {
                let mut policies = self.one(document, PolicyType::Endpoint, d, None);
                if let Some(found) = self.endpoint(endpoint, d) {
                    if d.guards.iter().any(|g| !found.guards.contains(g)) {
                        policies
                            .open
                            .push("the endpoint policy is set under a condition".into());
                    }
                    found.policy = Some(policies);
                }
            }
            Declaration::EndpointRoute {
                endpoint,
                route_table,
            } => {
                let table = self.resolve(route_table);
                if let Some(found) = self.endpoint(endpoint, d) {
                    found.route_tables.push((d.guards.clone(), table));
                }
            }
            Declaration::EndpointSubnet { endpoint, subnet } => {
                let subnet = self.resolve(subnet);
                if let Some(found) = self.endpoint(endpoint, d) {
                    found.subnets.push(subnet);
                }
            }
            Declaration::OrganizationAttachment { policy, target } => {
                let (policy, target) = (self.resolve(policy), self.resolve(target));
                let account = self.account_key(d);
                let found = self
                    .organization
                    .find(&policy, d.scope, account.as_deref(), &d.guards);
                if let Some(found) = found.and_then(|at| self.estate.organization.get_mut(at)) {
                    found.targets.push((d.guards.clone(), target));
                }
            }
            _ => self.join_holder(d),
        }
    }

    /// Last pass: what needs the rest joined.
    pub(super) fn join_late(&mut self, d: &Declared) {
        match &d.what {
            Declaration::AccessPointPolicy {
                access_point,
                document,
            } => {
                let policies = self.one(document, PolicyType::AccessPoint, d, None);
                let text = self.resolve(access_point);
                let identity = text.identity();
                let same = |t: &Text| identity.is_some() && t.identity() == identity;
                let known = self
                    .estate
                    .access_points
                    .iter()
                    .any(|a| same(&a.arn) || a.scope == d.scope && same(&a.name));
                // One of several Regions stands once for each of its buckets.
                for found in &mut self.estate.access_points {
                    if !known && !text.is_literal() && found.scope == d.scope {
                        let why = "a policy is set on an access point that is not known".into();
                        found.policy.get_or_insert_default().open.push(why);
                    } else if same(&found.arn) || found.scope == d.scope && same(&found.name) {
                        let mut policies = policies.clone();
                        if d.guards.iter().any(|g| !found.guards.contains(g)) {
                            policies
                                .open
                                .push("the access point's policy is set under a condition".into());
                        }
                        found.policy = Some(policies);
                    }
                }
            }
            Declaration::OpenTarget { named, why } => self.open_target(named, why, d),
            Declaration::Upload {
                sender,
                bucket,
                key,
                headers,
                multipart,
            } => {
                let Some(sender) = self.sender(sender, d) else {
                    return;
                };
                let account = self.linker.account(d.scope, &d.provider);
                let name = self.resolve(bucket);
                let bucket = match self.buckets.find(
                    &name,
                    d.scope,
                    account.id.identity().as_deref(),
                    &d.guards,
                ) {
                    Some(at) => BucketUse::Declared(at),
                    None => BucketUse::Named(name),
                };
                let key = key.as_ref().map(|t| self.resolve(t));
                let mut headers = headers.clone();
                headers
                    .iter_mut()
                    .for_each(|h| h.value = self.linker.resolve(&h.value));
                let (place, address, guards) =
                    (d.place.clone(), d.address.clone(), d.guards.clone());
                let multipart = *multipart;
                self.estate.shown.push(ShownUpload {
                    sender,
                    bucket,
                    key,
                    headers,
                    multipart,
                    place,
                    address,
                    guards,
                });
            }
            Declaration::BuildArtifacts { .. } => self.join_artifacts(d),
            Declaration::Script {
                sender,
                script,
                variables,
            } => {
                if let Some(sender) = self.sender(sender, d) {
                    self.shown_in(script, variables, &d.place, &sender, &d.guards, d);
                }
            }
            Declaration::Workload {
                ids,
                runs_as,
                network,
                strings,
                scripts,
                variables,
            } => {
                let account = self.account_key(d);
                let roles: Vec<(Guards, Text)> = match runs_as {
                    Some(RunsAs::Role(role)) => vec![(Vec::new(), self.resolve(role))],
                    Some(RunsAs::InstanceProfile(profile)) => {
                        let profile = self.resolve(profile);
                        self.profiles
                            .all(&profile, d.scope, account.as_deref(), &d.guards)
                            .into_iter()
                            .filter_map(|(at, _)| self.profile_roles.get(at).cloned())
                            .collect()
                    }
                    None => Vec::new(),
                };
                let mut callers: Vec<(Guards, usize)> = Vec::new();
                for (profile_guards, role) in &roles {
                    let Some(guards) = join(&d.guards, profile_guards) else {
                        continue;
                    };
                    for (at, role_guards) in
                        self.roles.all(role, d.scope, account.as_deref(), &guards)
                    {
                        callers.extend(join(&guards, role_guards).map(|g| (g, at)));
                    }
                }
                let placed = |list: &[(Text, Place)]| -> Vec<(Text, Place)> {
                    list.iter()
                        .map(|(t, p)| (self.linker.resolve(t), p.clone()))
                        .collect()
                };
                for (guards, at) in callers {
                    let workload = Workload {
                        address: d.address.clone(),
                        network: self.network(network),
                        strings: placed(strings),
                        scripts: placed(scripts),
                        guards: guards.clone(),
                        place: d.place.clone(),
                    };
                    for (script, place) in scripts {
                        let sender = Sender::Caller(at);
                        self.shown_in(script, variables, place, &sender, &guards, d);
                    }
                    let Some(caller) = self.estate.callers.get_mut(at) else {
                        continue;
                    };
                    let position = caller.workloads.len();
                    caller.workloads.push(workload);
                    let number = self.workload_list.len();
                    self.workload_list.push((at, position));
                    for id in ids {
                        self.workloads.add(
                            &self.linker.resolve(id),
                            d.scope,
                            account.as_deref(),
                            &guards,
                            number,
                        );
                    }
                }
            }
            Declaration::AccountPublicAccess(access) => {
                let account = self.account_key(d);
                for bucket in &mut self.estate.buckets {
                    if account.is_some() && bucket.account.id.identity() == account {
                        self.linker.joins().note(d.scope, bucket.scope);
                        let mut guards = d.guards.clone();
                        guards.retain(|g| !implies(&bucket.guards, std::slice::from_ref(g)));
                        let own = &mut bucket.public_access;
                        for (own, account) in [
                            (&mut own.block_public_acls, &access.block_public_acls),
                            (&mut own.ignore_public_acls, &access.ignore_public_acls),
                            (&mut own.block_public_policy, &access.block_public_policy),
                            (
                                &mut own.restrict_public_buckets,
                                &access.restrict_public_buckets,
                            ),
                        ] {
                            either(own, account, &guards);
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn network(&self, network: &Network) -> Network {
        match network {
            Network::Subnets { subnets, place } => Network::Subnets {
                subnets: subnets.iter().map(|t| self.resolve(t)).collect(),
                place: place.clone(),
            },
            Network::Choice(arms) => Network::Choice(
                arms.iter()
                    .map(|(guards, network)| (guards.clone(), self.network(network)))
                    .collect(),
            ),
            Network::Outside | Network::Unknown => network.clone(),
        }
    }

    /// What workloads get from other resources, and which route tables subnets use.
    pub(super) fn join_network(&mut self, declared: &[Declared]) {
        type Tables = rustc_hash::FxHashMap<String, Vec<(Guards, Text)>>;
        let mut tables = Tables::default();
        let mut main = Tables::default();
        for d in declared {
            match &d.what {
                Declaration::RouteTableAssociation {
                    subnet,
                    route_table,
                } => {
                    if let Some(identity) = self.resolve(subnet).identity() {
                        let table = (d.guards.clone(), self.resolve(route_table));
                        tables.entry(identity).or_default().push(table);
                    }
                }
                Declaration::MainRouteTable { vpc, route_table } => {
                    if let Some(identity) = self.resolve(vpc).identity() {
                        let table = (d.guards.clone(), self.resolve(route_table));
                        main.entry(identity).or_default().push(table);
                    }
                }
                Declaration::WorkloadNetwork { workload, network } => {
                    let account = self.account_key(d);
                    let (named, network) = (self.resolve(workload), self.network(network));
                    let found: Vec<(usize, usize)> = self
                        .workloads
                        .all(&named, d.scope, account.as_deref(), &d.guards)
                        .into_iter()
                        .filter_map(|(at, _)| self.workload_list.get(at).copied())
                        .collect();
                    for (caller, position) in found {
                        let caller = self.estate.callers.get_mut(caller);
                        if let Some(workload) = caller.and_then(|c| c.workloads.get_mut(position)) {
                            place_in(workload, network.clone(), &d.guards);
                        }
                    }
                }
                _ => {}
            }
        }
        for subnet in &mut self.estate.subnets {
            let own = subnet.id.identity().and_then(|i| tables.get(&i));
            let of_vpc = subnet.vpc.as_ref().and_then(Text::identity);
            let main = of_vpc.and_then(|i| main.get(&i));
            subnet.route_tables = own.or(main).cloned().unwrap_or_default();
        }
    }

    /// Every bucket that a name can mean: several of one name may exist in different worlds.
    fn buckets_of(&mut self, named: &Text, d: &Declared) -> Vec<usize> {
        let (name, account) = (self.resolve(named), self.account_key(d));
        let found: Vec<usize> = self
            .buckets
            .all(&name, d.scope, account.as_deref(), &d.guards)
            .into_iter()
            .map(|(at, _)| at)
            .collect();
        if found.is_empty() {
            return self.bucket(named, d).into_iter().collect();
        }
        found
    }

    /// Scopes that meet without naming each other: in a network, under a policy of the organization.
    pub(super) fn meet(&self) {
        let mut places = rustc_hash::FxHashMap::default();
        let mut note = |scope, text: &Text| {
            if let Some(identity) = text.identity() {
                let first = *places.entry(identity).or_insert(scope);
                self.linker.joins().note(first, scope);
            }
        };
        for subnet in &self.estate.subnets {
            let tables = subnet.route_tables.iter().map(|(_, t)| t);
            let texts = subnet.vpc.iter().chain(tables);
            texts.for_each(|text| note(subnet.scope, text));
        }
        for endpoint in &self.estate.endpoints {
            let tables = endpoint.route_tables.iter().map(|(_, t)| t);
            let texts = endpoint.vpc.iter().chain(tables);
            texts.for_each(|text| note(endpoint.scope, text));
        }
        for policy in &self.estate.organization {
            for scope in &self.linker.sources().scopes {
                self.linker.joins().note(policy.scope, scope.id);
            }
        }
    }

    /// The bucket that a text names; one that no source declares becomes an open bucket.
    fn bucket(&mut self, named: &Text, d: &Declared) -> Option<usize> {
        let (name, account) = (self.resolve(named), self.account_key(d));
        if let Some(at) = self
            .buckets
            .find(&name, d.scope, account.as_deref(), &d.guards)
        {
            return Some(at);
        }
        let at = self.estate.buckets.len();
        let mut arn = Text::literal("arn:");
        arn.push(&self.linker.partition(d.scope, &d.provider));
        arn.push_str(":s3:::");
        arn.push(&name);
        for text in [&name, &arn] {
            self.buckets.add(text, d.scope, account.as_deref(), &[], at);
        }
        let account = self.linker.account(d.scope, &d.provider);
        let mut bucket = Bucket {
            account,
            open: true,
            ..blank_bucket(d, name, arn)
        };
        open_settings(&mut bucket);
        self.estate.buckets.push(bucket);
        Some(at)
    }

    pub(super) fn key(&self, named: &Text, d: &Declared) -> Option<usize> {
        self.keys.find(
            &self.resolve(named),
            d.scope,
            self.account_key(d).as_deref(),
            &d.guards,
        )
    }

    fn endpoint(&mut self, named: &Text, d: &Declared) -> Option<&mut crate::facts::VpcEndpoint> {
        let at = self.endpoints.find(
            &self.resolve(named),
            d.scope,
            self.account_key(d).as_deref(),
            &d.guards,
        )?;
        self.estate.endpoints.get_mut(at)
    }

    fn encryption(
        &self,
        declared: &Setting<DeclaredEncryption>,
        d: &Declared,
    ) -> Setting<Encryption> {
        match declared {
            Setting::Is(e, place) => self.one_encryption(e, d, |e| Setting::Is(e, place.clone())),
            Setting::Default(e) => self.one_encryption(e, d, Setting::Default),
            Setting::Choice(arms) => Setting::Choice(
                arms.iter()
                    .map(|(g, s)| (g.clone(), self.encryption(s, d)))
                    .collect(),
            ),
            Setting::Unknown(why) => Setting::Unknown(why.clone()),
        }
    }

    fn one_encryption(
        &self,
        e: &DeclaredEncryption,
        d: &Declared,
        wrap: impl Fn(Encryption) -> Setting<Encryption>,
    ) -> Setting<Encryption> {
        let with = |key| Encryption {
            algorithm: e.algorithm,
            key,
            bucket_key: e.bucket_key.clone(),
            place: e.place.clone(),
        };
        match (&e.key, e.algorithm) {
            (_, Algorithm::Aes256) => wrap(with(KeyUse::None)),
            (None, _) => wrap(with(KeyUse::AwsManaged)),
            (Some(key), _) => {
                let mut arms: Vec<_> = key
                    .arms()
                    .into_iter()
                    .map(|(g, v)| (g, wrap(with(self.key_use(v, d)))))
                    .collect();
                match (arms.len(), arms.pop()) {
                    (1, Some((_, only))) => only,
                    (_, Some(last)) => {
                        arms.push(last);
                        Setting::Choice(arms)
                    }
                    (_, None) => Setting::Unknown("the key is not known".into()),
                }
            }
        }
    }

    fn key_use(&self, value: &Value, d: &Declared) -> KeyUse {
        if value.is_null() {
            return KeyUse::AwsManaged;
        }
        let Some(text) = value.as_text() else {
            return KeyUse::Unknown("the key is not known".into());
        };
        let id = self.resolve(&text);
        let written = id.display();
        if written == "alias/aws/s3" || written.ends_with(":alias/aws/s3") {
            return KeyUse::AwsManaged;
        }
        let place = value.place.clone();
        let named_by = match id.known_prefix() {
            p if p.starts_with("arn:") && written.contains(":alias/") => KeyName::AliasArn,
            p if p.starts_with("arn:") => KeyName::Arn,
            p if p.starts_with("alias/") => KeyName::Alias,
            "" => KeyName::Unknown,
            _ => KeyName::BareId,
        };
        match self.key(&id, d) {
            Some(key) => {
                let named_by = if named_by == KeyName::Unknown {
                    KeyName::BareId
                } else {
                    named_by
                };
                KeyUse::Declared {
                    key,
                    named_by,
                    place,
                }
            }
            None => KeyUse::Other {
                id,
                named_by,
                place,
            },
        }
    }
}

/// The ARN of a key up to `key/`, where its id ends it.
fn split_last_slash(arn: &Text, id: &Text) -> Option<(Text, ())> {
    let prefix: Vec<_> = arn
        .pieces()
        .iter()
        .take(arn.pieces().len().checked_sub(id.pieces().len())?)
        .cloned()
        .collect();
    let mut text = Text::default();
    for piece in prefix {
        match piece {
            crate::value::Piece::Literal(l) => text.push_str(l.strip_suffix("key/").unwrap_or(&l)),
            crate::value::Piece::Unknown(u) => text.push_unknown(u),
        }
    }
    (!text.is_empty()).then_some((text, ()))
}

/// The account's setting holds too where the bucket's own does not already block.
fn either(own: &mut Setting<bool>, account: &Setting<bool>, guards: &[Guard]) {
    if account.value() == Some(&true) && own.value() != Some(&true) {
        *own = own.clone().under(guards, account.clone());
    }
}

/// The network that another resource states for a workload, in the worlds in which that one exists.
fn place_in(workload: &mut Workload, network: Network, guards: &[Guard]) {
    let mut guards = guards.to_vec();
    guards.retain(|g| !implies(&workload.guards, std::slice::from_ref(g)));
    if guards.is_empty() {
        workload.network = network;
        return;
    }
    let mut arms: Vec<(Guards, Network)> = complement(&guards)
        .into_iter()
        .map(|rest| (rest, workload.network.clone()))
        .collect();
    arms.push((guards, network));
    workload.network = Network::Choice(arms);
}
