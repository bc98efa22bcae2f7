//! The resolver: texts with symbols become canonical texts, so that equal things are equal texts.
//!
//! What an attribute of a resource means is said by its format, in a table of functions ([`Table`]); accounts,
//! regions and partitions come from the provider configurations and from the options of the run.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use rustc_hash::FxHashMap;

use crate::facts::Account;
use crate::facts::declare::{Declaration, Declared};
use crate::source::environment::Environment;
use crate::source::{Format, Inputs, Resource, Scope, Sources};
use crate::value::{Arm, Map, Piece, ScopeId, Symbol, SymbolKind, Text, Unknown, Value, ValueKind};

/// Symbols that lead to symbols are followed to this depth.
const DEPTH: usize = 24;
/// Levels of a document that are looked at; policies are not read deeper.
const LEVELS: usize = 64;

/// What a format knows about its resource types.
pub struct Table {
    /// The attribute of a resource as a text, which may hold further symbols; `None` leaves the symbol as it is.
    pub attribute: fn(&Linker<'_>, &Resource, &str) -> Option<Text>,
    /// Under which name a declared resource is found by those that do not hold its address (`aws_iam_role` data
    /// sources, ARNs): the kind, the name and the canonical ARN.
    pub named: fn(&Linker<'_>, &Resource) -> Option<(NameKind, Text)>,
    /// The attribute that is the resource's ARN.
    pub arn_attribute: &'static str,
}

/// Name spaces in which resources are found by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NameKind {
    Bucket,
    Role,
    User,
    Group,
    Policy,
    Alias,
    Endpoint,
    InstanceProfile,
}

/// Which scopes meet: one names what the other declares.
#[derive(Debug, Clone, Default)]
pub struct Joins(Arc<Mutex<BTreeSet<(ScopeId, ScopeId)>>>);

impl Joins {
    pub fn note(&self, one: ScopeId, other: ScopeId) {
        if one != other
            && let Ok(mut all) = self.0.lock()
        {
            all.insert((one.min(other), one.max(other)));
        }
    }

    pub fn all(&self) -> Vec<(ScopeId, ScopeId)> {
        let all = self.0.lock().map(|all| all.iter().copied().collect());
        all.unwrap_or_default()
    }
}

/// A declaration that is found by name.
#[derive(Clone, Copy)]
pub enum Found<'s> {
    Here(&'s Resource),
    /// In another repository, which says its name and ARN.
    Elsewhere(&'s Declared),
}

impl Found<'_> {
    fn scope(&self) -> ScopeId {
        match self {
            Found::Here(resource) => resource.scope,
            Found::Elsewhere(declared) => declared.scope,
        }
    }
}

/// Resolves texts of one run.
pub struct Linker<'s> {
    sources: &'s Sources,
    inputs: &'s Inputs,
    terraform: &'s Table,
    cloudformation: &'s Table,
    scopes: FxHashMap<ScopeId, &'s Scope>,
    /// (scope, data, address) to the resource.
    resources: FxHashMap<(ScopeId, bool, Arc<str>), &'s Resource>,
    names: FxHashMap<(NameKind, String), Vec<Found<'s>>>,
    /// ARNs of keys of other repositories, by key id.
    keys: FxHashMap<String, &'s Text>,
    /// Exported values by name, with the scope that exports each.
    exports: FxHashMap<String, (ScopeId, &'s Value)>,
    joins: Joins,
    /// Resources by type, data sources left out.
    by_type: FxHashMap<&'s str, Vec<&'s Resource>>,
    memo: RefCell<FxHashMap<Arc<Symbol>, Option<Text>>>,
    depth: RefCell<usize>,
}

impl<'s> Linker<'s> {
    pub fn new(
        sources: &'s Sources,
        inputs: &'s Inputs,
        terraform: &'s Table,
        cloudformation: &'s Table,
        elsewhere: &'s [Declared],
    ) -> Linker<'s> {
        let mut linker = Linker {
            sources,
            inputs,
            terraform,
            cloudformation,
            scopes: sources.scopes.iter().map(|s| (s.id, s)).collect(),
            resources: FxHashMap::default(),
            names: FxHashMap::default(),
            keys: FxHashMap::default(),
            exports: FxHashMap::default(),
            joins: Joins::default(),
            by_type: FxHashMap::default(),
            memo: RefCell::default(),
            depth: RefCell::default(),
        };
        for (one, other) in &sources.joins {
            linker.joins.note(*one, *other);
        }
        for resource in &sources.resources {
            linker
                .resources
                .entry((resource.scope, resource.data, resource.address.clone()))
                .or_insert(resource);
        }
        for scope in &sources.scopes {
            for (name, value) in &scope.exports {
                if let Some(identity) = name.as_text().and_then(|t| linker.resolve(&t).identity()) {
                    let export = linker.exports.entry(identity);
                    export.or_insert((scope.id, value));
                }
            }
        }
        for resource in sources.resources.iter().filter(|r| !r.data) {
            let of_type = linker.by_type.entry(&resource.type_name);
            of_type.or_default().push(resource);
        }
        for resource in sources.resources.iter().filter(|r| !r.data) {
            let table = linker.table(resource);
            if let Some((kind, name)) = (table.named)(&linker, resource) {
                if let Some(identity) = linker.resolve(&name).identity() {
                    linker
                        .names
                        .entry((kind, identity))
                        .or_default()
                        .push(Found::Here(resource));
                }
            }
        }
        for declared in elsewhere {
            if let Declaration::Key { id, arn, .. } = &declared.what {
                if let Some(identity) = id.identity() {
                    linker.keys.entry(identity).or_insert(arn);
                }
            }
            let named = named_elsewhere(&declared.what);
            if let Some((kind, Some(identity))) = named.map(|(kind, t)| (kind, t.identity())) {
                linker
                    .names
                    .entry((kind, identity))
                    .or_default()
                    .push(Found::Elsewhere(declared));
            }
        }
        linker.memo.borrow_mut().clear();
        linker
    }

    pub fn sources(&self) -> &'s Sources {
        self.sources
    }

    pub fn scope(&self, id: ScopeId) -> Option<&'s Scope> {
        self.scopes.get(&id).copied()
    }

    fn table(&self, resource: &Resource) -> &'s Table {
        match self.scope(resource.scope).map(|s| s.format) {
            Some(Format::CloudFormation) => self.cloudformation,
            _ => self.terraform,
        }
    }

    /// A resource by its address in a scope.
    pub fn resource(&self, scope: ScopeId, data: bool, address: &str) -> Option<&'s Resource> {
        self.resources
            .get(&(scope, data, Arc::from(address)))
            .copied()
    }

    /// A declared resource by name: one of the same scope first, else the only one.
    pub fn find(&self, kind: NameKind, name: &Text, scope: ScopeId) -> Option<Found<'s>> {
        let candidates = self.names.get(&(kind, self.resolve(name).identity()?))?;
        let found = match candidates.as_slice() {
            [only] => *only,
            several => *several.iter().find(|f| f.scope() == scope)?,
        };
        self.joins.note(scope, found.scope());
        Some(found)
    }

    /// The only resource of some types that passes a test.
    pub fn only(
        &self,
        types: &[&str],
        scope: ScopeId,
        test: &dyn Fn(&Resource) -> bool,
    ) -> Option<&'s Resource> {
        let of_types = types.iter().filter_map(|t| self.by_type.get(*t)).flatten();
        let mut found = of_types.filter(|r| test(r));
        let first = found.next()?;
        if found.next().is_some() {
            return None;
        }
        self.joins.note(scope, first.scope);
        Some(first)
    }

    /// The scopes that have met so far.
    pub fn joins(&self) -> &Joins {
        &self.joins
    }

    /// An attribute of what was found by name; `arn` is the ARN in either format.
    pub fn of(&self, found: Found<'_>, attribute: &str) -> Option<Text> {
        let declared = match found {
            Found::Here(resource) => {
                return Some(match attribute {
                    "arn" => self.arn(resource),
                    // A template has one word for the name of a role or user.
                    "id" | "name" | "user_name" if resource.type_name.contains("::") => {
                        self.attribute(resource, "name")
                    }
                    other => self.attribute(resource, other),
                });
            }
            Found::Elsewhere(declared) => declared,
        };
        match (&declared.what, attribute) {
            (Declaration::Alias { key, .. }, "target_key_id") => Some(key.clone()),
            (Declaration::Alias { key, .. }, "target_key_arn") => {
                if key.known_prefix().starts_with("arn:") {
                    return Some(key.clone());
                }
                self.keys.get(&key.identity()?).map(|arn| (*arn).clone())
            }
            (
                Declaration::Role { arn, .. }
                | Declaration::User { arn, .. }
                | Declaration::Group { arn, .. }
                | Declaration::ManagedPolicy { arn, .. }
                | Declaration::InstanceProfile { arn, .. },
                "arn",
            ) => Some(arn.clone()),
            (what, "name" | "id" | "user_name") => {
                named_elsewhere(what).map(|(_, name)| name.clone())
            }
            _ => None,
        }
    }

    /// An attribute of a resource, canonical; its own symbol where the format does not say what it is.
    pub fn attribute(&self, resource: &Resource, attribute: &str) -> Text {
        let kind = if resource.data {
            SymbolKind::Data
        } else {
            SymbolKind::Resource
        };
        let symbol = Symbol {
            scope: resource.scope,
            kind,
            subject: resource.address.clone(),
            attribute: attribute.into(),
        };
        self.resolve(&Text::symbol(symbol, "known only after it is made"))
    }

    /// The canonical ARN of a resource of either format.
    pub fn arn(&self, resource: &Resource) -> Text {
        self.attribute(resource, self.table(resource).arn_attribute)
    }

    /// Canonical form: symbols that mean something in terms of others are replaced.
    pub fn resolve(&self, text: &Text) -> Text {
        if text.is_literal() {
            return text.clone();
        }
        let mut out = Text::default();
        for piece in text.pieces() {
            match piece {
                Piece::Literal(literal) => out.push_str(literal),
                Piece::Unknown(unknown) => match self.replacement(unknown) {
                    Some(replacement) => out.push(&replacement),
                    None => out.push_unknown(unknown.clone()),
                },
            }
        }
        out
    }

    /// A document in which whole elements that are symbols stand as what they mean; `None` where none does. Texts
    /// with symbols in them stay: they are resolved where they are read, and keep the places of their parts.
    pub fn settled(&self, value: &Value) -> Option<Value> {
        self.settled_at(value, 0)
    }

    fn settled_at(&self, value: &Value, level: usize) -> Option<Value> {
        if level > LEVELS {
            return None;
        }
        let all = |items: &[Value]| -> Option<Vec<Value>> {
            let found: Vec<Option<Value>> = items
                .iter()
                .map(|v| self.settled_at(v, level + 1))
                .collect();
            let any = found.iter().any(Option::is_some);
            let all = found.into_iter().zip(items);
            any.then(|| {
                all.map(|(new, old)| new.unwrap_or_else(|| old.clone()))
                    .collect()
            })
        };
        let kind = match &value.kind {
            ValueKind::Unknown(unknown) => ValueKind::Text(self.replacement(unknown)?),
            ValueKind::List(items) => ValueKind::List(Arc::new(all(items)?)),
            ValueKind::Set(items) => ValueKind::Set(Arc::new(all(items)?)),
            ValueKind::Json(inner) => ValueKind::Json(Arc::new(self.settled_at(inner, level + 1)?)),
            ValueKind::Map(map) => {
                let mut out: Option<Map> = None;
                for (name, entry) in map.iter() {
                    if let Some(value) = self.settled_at(&entry.value, level + 1) {
                        let out = out.get_or_insert_with(|| (**map).clone());
                        if let Some(known) = out.entries.get_mut(name) {
                            known.value = value;
                        }
                    }
                }
                ValueKind::Map(Arc::new(out?))
            }
            ValueKind::Choice(arms) => {
                let values: Vec<Value> = arms.iter().map(|a| a.value.clone()).collect();
                let arms = arms.iter().zip(all(&values)?).map(|(arm, value)| Arm {
                    guard: arm.guard.clone(),
                    value,
                });
                ValueKind::Choice(Arc::new(arms.collect()))
            }
            ValueKind::Null | ValueKind::Bool(_) | ValueKind::Number(_) | ValueKind::Text(_) => {
                return None;
            }
        };
        Some(Value {
            kind,
            ..value.clone()
        })
    }

    fn replacement(&self, unknown: &Unknown) -> Option<Text> {
        let symbol = unknown.symbol.as_ref()?;
        if let Some(known) = self.memo.borrow().get(symbol) {
            return known.clone();
        }
        if *self.depth.borrow() >= DEPTH {
            return None;
        }
        *self.depth.borrow_mut() += 1;
        let replacement = self.meaning(symbol);
        *self.depth.borrow_mut() -= 1;
        self.memo
            .borrow_mut()
            .insert(symbol.clone(), replacement.clone());
        replacement
    }

    fn meaning(&self, symbol: &Symbol) -> Option<Text> {
        match symbol.kind {
            SymbolKind::Account => Some(self.account(symbol.scope, &symbol.attribute).id),
            SymbolKind::Region => Some(self.region(symbol.scope, &symbol.attribute)),
            SymbolKind::Partition => Some(self.partition(symbol.scope, &symbol.attribute)),
            SymbolKind::UrlSuffix => Some(self.url_suffix(symbol.scope, &symbol.attribute)),
            SymbolKind::Resource | SymbolKind::Data => {
                let data = symbol.kind == SymbolKind::Data;
                let resource = self
                    .resources
                    .get(&(symbol.scope, data, symbol.subject.clone()))
                    .copied()
                    .or_else(|| {
                        let bare = symbol.subject.strip_prefix("data.")?;
                        self.resource(symbol.scope, true, bare)
                    })?;
                let text = (self.table(resource).attribute)(self, resource, &symbol.attribute)?;
                let itself = matches!(text.pieces(),
                    [Piece::Unknown(Unknown { symbol: Some(same), .. })] if **same == *symbol);
                if itself {
                    None
                } else {
                    Some(self.resolve(&text))
                }
            }
            SymbolKind::Import => {
                let (scope, value) = self.exports.get(&*symbol.subject)?;
                self.joins.note(symbol.scope, *scope);
                value_text(value).map(|t| self.resolve(&t))
            }
            SymbolKind::Input | SymbolKind::GeneratedName | SymbolKind::OwnAccount => None,
        }
    }

    /// The account that a provider configuration of a scope writes into.
    pub fn account(&self, scope: ScopeId, provider: &str) -> Account {
        let stated = self
            .scope(scope)
            .and_then(|s| s.providers.iter().find(|p| &*p.name == provider))
            .and_then(|p| p.account.as_deref())
            .or_else(|| self.environment(scope)?.account.as_deref())
            .or(self.option(scope, &self.inputs.account));
        if let Some(id) = stated {
            return Account {
                id: Text::literal(id),
                stated: true,
                scope: Some(scope),
            };
        }
        // Where the scope writes its own account as a value, a literal one is another one.
        let own = self.scope(scope).is_some_and(|s| s.writes_own_account);
        let kind = if own {
            SymbolKind::OwnAccount
        } else {
            SymbolKind::Account
        };
        let id = pseudo(scope, kind, provider, "the account is not stated");
        Account {
            id,
            stated: false,
            scope: Some(scope),
        }
    }

    /// ARN of the role that a provider configuration assumes.
    pub fn assumed_role(&self, scope: ScopeId, provider: &str) -> Option<Text> {
        let provider = self
            .scope(scope)?
            .providers
            .iter()
            .find(|p| &*p.name == provider)?;
        provider.assume_role.clone()
    }

    /// The region that a provider configuration of a scope writes into.
    pub fn region(&self, scope: ScopeId, provider: &str) -> Text {
        match self.known_region(scope, provider) {
            Some(region) => Text::literal(region),
            None => pseudo(
                scope,
                SymbolKind::Region,
                provider,
                "the region is not stated",
            ),
        }
    }

    fn known_region(&self, scope: ScopeId, provider: &str) -> Option<&str> {
        self.scope(scope)
            .and_then(|s| s.providers.iter().find(|p| &*p.name == provider))
            .and_then(|p| p.region.as_deref())
            .or_else(|| self.environment(scope)?.region.as_deref())
            .or(self.option(scope, &self.inputs.region))
    }

    /// An option of the run, which says nothing about other repositories.
    fn option<'o>(&self, scope: ScopeId, option: &'o Option<String>) -> Option<&'o str> {
        option.as_deref().filter(|_| !scope.is_elsewhere())
    }

    fn environment(&self, scope: ScopeId) -> Option<&Environment> {
        self.scope(scope)?.environment.as_deref()
    }

    /// The partition of that region; `aws` where no region is known.
    pub fn partition(&self, scope: ScopeId, provider: &str) -> Text {
        Text::literal(partition_of(
            self.known_region(scope, provider).unwrap_or_default(),
        ))
    }

    fn url_suffix(&self, scope: ScopeId, provider: &str) -> Text {
        Text::literal(
            match partition_of(self.known_region(scope, provider).unwrap_or_default()) {
                "aws-cn" => "amazonaws.com.cn",
                "aws-iso" => "c2s.ic.gov",
                "aws-iso-b" => "sc2s.sgov.gov",
                "aws-iso-e" => "cloud.adc-e.uk",
                "aws-iso-f" => "csp.hci.ic.gov",
                "aws-eusc" => "amazonaws.eu",
                _ => "amazonaws.com",
            },
        )
    }
}

/// The name space and name of a declaration of another repository.
fn named_elsewhere(what: &Declaration) -> Option<(NameKind, &Text)> {
    match what {
        Declaration::Role { name, .. } => Some((NameKind::Role, name)),
        Declaration::User { name, .. } => Some((NameKind::User, name)),
        Declaration::Group { name, .. } => Some((NameKind::Group, name)),
        Declaration::ManagedPolicy { name, .. } => Some((NameKind::Policy, name)),
        Declaration::Alias { name, .. } => Some((NameKind::Alias, name)),
        Declaration::InstanceProfile { name, .. } => Some((NameKind::InstanceProfile, name)),
        _ => None,
    }
}

/// The partition that a region belongs to.
pub fn partition_of(region: &str) -> &'static str {
    match region {
        r if r.starts_with("us-gov-") => "aws-us-gov",
        r if r.starts_with("cn-") => "aws-cn",
        r if r.starts_with("us-isob-") => "aws-iso-b",
        r if r.starts_with("eu-isoe-") => "aws-iso-e",
        r if r.starts_with("us-isof-") || r.starts_with("eu-isof-") => "aws-iso-f",
        r if r.starts_with("us-iso-") => "aws-iso",
        r if r.starts_with("eusc-") => "aws-eusc",
        _ => "aws",
    }
}

/// Symbol of a pseudo kind under a provider configuration.
pub fn pseudo(scope: ScopeId, kind: SymbolKind, provider: &str, reason: &str) -> Text {
    Text::symbol(
        Symbol {
            scope,
            kind,
            subject: "".into(),
            attribute: provider.into(),
        },
        reason,
    )
}

/// The name that AWS or the tool will give to a declared resource.
pub fn generated_name(resource: &Resource) -> Text {
    let symbol = Symbol {
        scope: resource.scope,
        kind: SymbolKind::GeneratedName,
        subject: resource.address.clone(),
        attribute: "".into(),
    };
    Text::symbol(
        symbol,
        format!("the name of `{}` is generated", resource.address),
    )
}

/// An address without `https://`.
pub fn without_scheme(url: &Text) -> Text {
    match url.split_once("https://") {
        Some((before, rest)) if before.is_empty() => rest,
        _ => url.clone(),
    }
}

/// A scalar value as a text; encoded JSON is rendered.
pub fn value_text(value: &Value) -> Option<Text> {
    match &value.kind {
        ValueKind::Json(inner) => Some(crate::source::encode::json_text(inner)),
        _ => value.as_text(),
    }
}
