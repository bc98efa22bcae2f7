//! Values that one root module or template reads from another: outputs by remote state, exports, stored parameters.
//!
//! Where the other one is among the sources, its value stands in the place of the symbol. What is read matches for
//! certain (the same backend settings, the same literal name), or the symbol stays.

mod state;

use std::cell::RefCell;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use self::state::state;
use crate::source::{Scope, Sources, encode};
use crate::value::{
    Arm, Entry, Map, Piece, ScopeId, Step, Symbol, SymbolKind, Text, Unknown, Value, ValueKind,
};

/// Values that lead to values of further roots are followed so far.
const HOPS: usize = 8;
/// Levels of one value.
const LEVELS: usize = 256;
/// Parts of a value that is read, and bytes of a text in it.
const PARTS: usize = 100_000;
const BYTES: usize = 1 << 20;

/// How far the reading has come.
#[derive(Debug, Clone, Copy, Default)]
struct Depth {
    hops: usize,
    levels: usize,
}

impl Depth {
    fn hop(self) -> Depth {
        Depth {
            hops: self.hops + 1,
            ..self
        }
    }

    fn level(self) -> Depth {
        Depth {
            levels: self.levels + 1,
            ..self
        }
    }
}
/// The settings that say which state a backend means.
pub fn telling(backend: &str) -> &'static [&'static str] {
    let known = state::BACKENDS.iter().find(|(name, _)| *name == backend);
    known.map_or(&[], |(_, keys)| *keys)
}

/// Puts the values in, and notes which scopes meet by it.
pub fn join(sources: &mut Sources) {
    let reader = Reader::new(sources);
    if reader.nothing() {
        return;
    }
    let mut joins = FxHashSet::default();
    let rewritten: Vec<Option<Value>> = sources
        .resources
        .iter()
        .map(|r| reader.rewrite(&r.properties, Depth::default(), &mut joins))
        .collect();
    let mut joins: Vec<(ScopeId, ScopeId)> = joins.into_iter().collect();
    joins.sort_unstable();
    for (resource, value) in sources.resources.iter_mut().zip(rewritten) {
        if let Some(value) = value {
            resource.properties = value;
        }
    }
    sources.joins = joins;
}

/// What can be read, and who reads it.
struct Reader {
    /// Where each scope lies.
    homes: FxHashMap<ScopeId, Home>,
    /// Data sources that read, by scope and address.
    reads: FxHashMap<(ScopeId, Arc<str>), Read>,
    parameters: Named,
    exports: Named,
    memo: RefCell<FxHashMap<Arc<Symbol>, Option<Value>>>,
}

/// What a data source reads.
enum Read {
    Outputs { scope: ScopeId, outputs: Map },
    Parameter(String, Home),
    Export(String, Home),
}

/// Account and Region of a provider configuration, as far as they are stated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Home {
    account: Option<Arc<str>>,
    region: Option<Arc<str>>,
}

impl Home {
    fn of(scope: &Scope, provider: &str) -> Home {
        let provider = scope.providers.iter().find(|p| &*p.name == provider);
        let environment = scope.environment.as_deref();
        let stated = |own: Option<&Option<Arc<str>>>, around: Option<&Option<Arc<str>>>| {
            own.cloned().flatten().or(around.cloned().flatten())
        };
        Home {
            account: stated(
                provider.map(|p| &p.account),
                environment.map(|e| &e.account),
            ),
            region: stated(provider.map(|p| &p.region), environment.map(|e| &e.region)),
        }
    }

    /// False where both state another account or Region.
    fn may_be(&self, other: &Home) -> bool {
        let may = |a: &Option<Arc<str>>, b: &Option<Arc<str>>| a.is_none() || b.is_none() || a == b;
        may(&self.account, &other.account) && may(&self.region, &other.region)
    }
}

/// Values by literal name, with the scope that declares each and where it lies.
#[derive(Default)]
struct Named(FxHashMap<String, Vec<(ScopeId, Home, Value)>>);

impl Named {
    fn add(&mut self, name: &Value, scope: ScopeId, home: Home, value: &Value) {
        if let Some(name) = name.as_str() {
            let all = self.0.entry(name.to_string()).or_default();
            all.push((scope, home, value.clone()));
        }
    }

    /// The one of the scope, else the only one.
    fn find(&self, name: &str, scope: ScopeId, home: &Home) -> Option<(ScopeId, Value)> {
        let here = self.0.get(name)?.iter().filter(|(_, h, _)| h.may_be(home));
        let all: Vec<&(ScopeId, Home, Value)> = here.collect();
        let found = match all.as_slice() {
            [only] => only,
            several => {
                let mut own = several.iter().filter(|(s, ..)| *s == scope);
                own.next().filter(|_| own.next().is_none())?
            }
        };
        Some((found.0, found.2.clone()))
    }
}

impl Reader {
    fn new(sources: &Sources) -> Reader {
        let mut out = Reader {
            homes: sources
                .scopes
                .iter()
                .map(|s| (s.id, Home::of(s, "")))
                .collect(),
            reads: FxHashMap::default(),
            parameters: Named::default(),
            exports: Named::default(),
            memo: RefCell::default(),
        };
        for scope in &sources.scopes {
            for (name, value) in &scope.exports {
                out.exports.add(name, scope.id, Home::of(scope, ""), value);
            }
        }
        let scopes: FxHashMap<ScopeId, &Scope> = sources.scopes.iter().map(|s| (s.id, s)).collect();
        for resource in &sources.resources {
            let get = |name: &str| resource.properties.get(name);
            let Some(scope) = scopes.get(&resource.scope) else {
                continue;
            };
            let home = || Home::of(scope, &resource.provider);
            match (&*resource.type_name, resource.data) {
                ("aws_ssm_parameter", false) => {
                    let value = ["value", "insecure_value"].into_iter().find_map(get);
                    if let (Some(name), Some(value)) = (get("name"), value) {
                        out.parameters.add(name, resource.scope, home(), value);
                    }
                }
                ("AWS::SSM::Parameter", _) => {
                    if let (Some(name), Some(value)) = (get("Name"), get("Value")) {
                        out.parameters.add(name, resource.scope, home(), value);
                    }
                }
                _ => {}
            }
        }
        for resource in sources.resources.iter().filter(|r| r.data) {
            let name = || Some(resource.properties.get("name")?.as_str()?.to_string());
            let Some(own) = scopes.get(&resource.scope) else {
                continue;
            };
            let home = Home::of(own, &resource.provider);
            let read = match &*resource.type_name {
                "terraform_remote_state" => {
                    state(resource, own, &sources.scopes).map(|scope| Read::Outputs {
                        scope: scope.id,
                        outputs: scope.outputs.clone(),
                    })
                }
                "aws_ssm_parameter" => name().map(|n| Read::Parameter(n, home)),
                "aws_cloudformation_export" => name().map(|n| Read::Export(n, home)),
                _ => None,
            };
            if let Some(read) = read {
                out.reads
                    .insert((resource.scope, resource.address.clone()), read);
            }
        }
        out
    }

    fn nothing(&self) -> bool {
        self.reads.is_empty() && self.parameters.0.is_empty()
    }

    /// What a symbol reads, and from which scope.
    fn read(&self, symbol: &Symbol) -> Option<(ScopeId, Value)> {
        if symbol.kind != SymbolKind::Data {
            return None;
        }
        if let Some(name) = symbol.subject.strip_prefix("resolve:ssm:") {
            // Behind a colon stands a version.
            let name = name.split_once(':').map_or(name, |(name, _)| name);
            let home = self.homes.get(&symbol.scope)?;
            return self.parameters.find(name, symbol.scope, home);
        }
        let at = (symbol.scope, symbol.subject.clone());
        let bare = || {
            let bare = symbol.subject.strip_prefix("data.")?;
            self.reads.get(&(symbol.scope, bare.into()))
        };
        match self.reads.get(&at).or_else(bare)? {
            Read::Outputs { scope, outputs } => {
                let steps = steps(&symbol.attribute)?;
                // Before Terraform 0.12 outputs were attributes themselves.
                let (first, rest) = match steps.split_first()? {
                    (word, rest) if word == "outputs" => rest.split_first()?,
                    split => split,
                };
                let mut value = outputs.get(first)?.clone();
                for step in rest {
                    value = member(&value, step)?;
                }
                Some((*scope, value))
            }
            Read::Parameter(name, home) => match &*symbol.attribute {
                "value" | "insecure_value" => self.parameters.find(name, symbol.scope, home),
                _ => None,
            },
            Read::Export(name, home) => match &*symbol.attribute {
                "value" => self.exports.find(name, symbol.scope, home),
                _ => None,
            },
        }
    }

    /// What an unknown stands for, with what that reads in turn.
    fn resolve(
        &self,
        unknown: &Unknown,
        depth: Depth,
        joins: &mut FxHashSet<(ScopeId, ScopeId)>,
    ) -> Option<Value> {
        let symbol = unknown.symbol.as_ref()?;
        if let Some(known) = self.memo.borrow().get(symbol) {
            return known.clone();
        }
        if depth.hops >= HOPS {
            return None;
        }
        // What reads itself stays a symbol.
        self.memo.borrow_mut().insert(symbol.clone(), None);
        let (from, value) = self.read(symbol)?;
        joins.insert((symbol.scope, from));
        let value = self.rewrite(&value, depth.hop(), joins).unwrap_or(value);
        let value = (!value.has_more_parts_than(PARTS)).then_some(value);
        self.memo.borrow_mut().insert(symbol.clone(), value.clone());
        value
    }

    /// The value with everything put in that it reads; `None` where it reads nothing.
    fn rewrite(
        &self,
        value: &Value,
        depth: Depth,
        joins: &mut FxHashSet<(ScopeId, ScopeId)>,
    ) -> Option<Value> {
        if depth.levels > LEVELS {
            return None;
        }
        let kind = match &value.kind {
            ValueKind::Unknown(unknown) => {
                let mut read = self.resolve(unknown, depth, joins)?;
                let name = unknown.symbol.as_ref().map(|s| s.display());
                read = read.through(Step::Output(name?.into()), value.place.span);
                read.sensitive |= value.sensitive;
                return Some(read);
            }
            ValueKind::Text(text) => ValueKind::Text(self.text(text, depth, joins)?),
            ValueKind::List(items) => ValueKind::List(Arc::new(self.all(items, depth, joins)?)),
            ValueKind::Set(items) => ValueKind::Set(Arc::new(self.all(items, depth, joins)?)),
            ValueKind::Json(inner) => {
                ValueKind::Json(Arc::new(self.rewrite(inner, depth.level(), joins)?))
            }
            ValueKind::Map(map) => {
                let mut out: Option<Map> = None;
                for (name, entry) in map.iter() {
                    if let Some(value) = self.rewrite(&entry.value, depth.level(), joins) {
                        let out = out.get_or_insert_with(|| (**map).clone());
                        if let Some(place) = out.entries.get_mut(name) {
                            *place = Entry {
                                value,
                                ..entry.clone()
                            };
                        }
                    }
                }
                ValueKind::Map(Arc::new(out?))
            }
            ValueKind::Choice(arms) => {
                let values: Vec<Value> = arms.iter().map(|a| a.value.clone()).collect();
                let values = self.all(&values, depth, joins)?;
                let arms = arms.iter().zip(values);
                let arms = arms.map(|(arm, value)| Arm {
                    guard: arm.guard.clone(),
                    value,
                });
                ValueKind::Choice(Arc::new(arms.collect()))
            }
            ValueKind::Null | ValueKind::Bool(_) | ValueKind::Number(_) => return None,
        };
        Some(Value {
            kind,
            ..value.clone()
        })
    }

    fn all(
        &self,
        items: &[Value],
        depth: Depth,
        joins: &mut FxHashSet<(ScopeId, ScopeId)>,
    ) -> Option<Vec<Value>> {
        let mut out: Option<Vec<Value>> = None;
        for (i, item) in items.iter().enumerate() {
            if let Some(value) = self.rewrite(item, depth.level(), joins) {
                let out = out.get_or_insert_with(|| items.to_vec());
                if let Some(place) = out.get_mut(i) {
                    *place = value;
                }
            }
        }
        out
    }

    fn text(
        &self,
        text: &Text,
        depth: Depth,
        joins: &mut FxHashSet<(ScopeId, ScopeId)>,
    ) -> Option<Text> {
        let mut out = Text::default();
        let (mut changed, mut bytes) = (false, length(text));
        for piece in text.pieces() {
            match piece {
                Piece::Literal(literal) => out.push_str(literal),
                Piece::Unknown(unknown) => {
                    let read = self.resolve(unknown, depth, joins);
                    match read.as_ref().and_then(text_of) {
                        Some(read) if bytes + length(&read) <= BYTES => {
                            bytes += length(&read);
                            changed = true;
                            out.push(&read);
                        }
                        _ => out.push_unknown(unknown.clone()),
                    }
                }
            }
        }
        changed.then_some(out)
    }
}

fn length(text: &Text) -> usize {
    let literals = text.pieces().iter().map(|piece| match piece {
        Piece::Literal(literal) => literal.len(),
        Piece::Unknown(_) => 1,
    });
    literals.sum()
}

fn text_of(value: &Value) -> Option<Text> {
    match &value.kind {
        ValueKind::Json(inner) => Some(encode::json_text(inner)),
        _ => value.as_text(),
    }
}

/// The parts of `outputs.subnets[0]`, `outputs["a"].b`.
fn steps(attribute: &str) -> Option<Vec<String>> {
    let mut out = Vec::new();
    let mut rest = attribute;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (key, after) = inner.split_once(']')?;
            out.push(key.trim_matches('"').to_string());
            rest = after;
        } else {
            let word = rest.strip_prefix('.').unwrap_or(rest);
            let end = word.find(['.', '[']).unwrap_or(word.len());
            let (name, after) = word.split_at_checked(end)?;
            if name.is_empty() {
                return None;
            }
            out.push(name.to_string());
            rest = after;
        }
    }
    Some(out)
}

fn member(value: &Value, step: &str) -> Option<Value> {
    match &value.kind {
        ValueKind::Map(map) => map.get(step).cloned(),
        ValueKind::List(items) => items.get(step.parse::<usize>().ok()?).cloned(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
