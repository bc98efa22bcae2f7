//! Values that one root module or template reads from another: outputs by remote state, exports, stored parameters.
//!
//! Where the other one is among the sources, its value stands in the place of the symbol. What is read matches for
//! certain (the same backend settings, the same literal name), or the symbol stays.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::files::join as path_join;
use crate::source::{Format, Resource, Scope, Sources, encode};
use crate::value::{
    Arm, Entry, Map, Piece, ScopeId, Step, Symbol, SymbolKind, Text, Unknown, Value, ValueKind,
};

/// Values that lead to values of further roots are followed so far.
const DEPTH: usize = 8;
/// What says which state a backend means, by the backend's name.
const BACKENDS: [(&str, &[&str]); 5] = [
    ("s3", &["bucket", "key"]),
    ("gcs", &["bucket", "prefix"]),
    (
        "azurerm",
        &["storage_account_name", "container_name", "key"],
    ),
    ("http", &["address"]),
    ("consul", &["address", "path"]),
];

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
        .map(|r| reader.rewrite(&r.properties, 0, &mut joins))
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
    /// Data sources that read, by scope and address.
    reads: FxHashMap<(ScopeId, Arc<str>), Read>,
    parameters: Named,
    exports: Named,
}

/// What a data source reads.
enum Read {
    Outputs { scope: ScopeId, outputs: Map },
    Parameter(String),
    Export(String),
}

/// Values by literal name, with the scope that declares each.
#[derive(Default)]
struct Named(FxHashMap<String, Vec<(ScopeId, Value)>>);

impl Named {
    fn add(&mut self, name: &Value, scope: ScopeId, value: &Value) {
        if let Some(name) = name.as_str() {
            let all = self.0.entry(name.to_string()).or_default();
            all.push((scope, value.clone()));
        }
    }

    /// The one of the scope, else the only one.
    fn find(&self, name: &str, scope: ScopeId) -> Option<&(ScopeId, Value)> {
        let all = self.0.get(name)?;
        match all.as_slice() {
            [only] => Some(only),
            several => {
                let mut own = several.iter().filter(|(s, _)| *s == scope);
                own.next().filter(|_| own.next().is_none())
            }
        }
    }
}

impl Reader {
    fn new(sources: &Sources) -> Reader {
        let mut out = Reader {
            reads: FxHashMap::default(),
            parameters: Named::default(),
            exports: Named::default(),
        };
        for scope in &sources.scopes {
            for (name, value) in &scope.exports {
                out.exports.add(name, scope.id, value);
            }
        }
        let scopes: FxHashMap<ScopeId, &Scope> = sources.scopes.iter().map(|s| (s.id, s)).collect();
        for resource in &sources.resources {
            let get = |name: &str| resource.properties.get(name);
            match (&*resource.type_name, resource.data) {
                ("aws_ssm_parameter", false) => {
                    let value = ["value", "insecure_value"].into_iter().find_map(get);
                    if let (Some(name), Some(value)) = (get("name"), value) {
                        out.parameters.add(name, resource.scope, value);
                    }
                }
                ("AWS::SSM::Parameter", _) => {
                    if let (Some(name), Some(value)) = (get("Name"), get("Value")) {
                        out.parameters.add(name, resource.scope, value);
                    }
                }
                _ => {}
            }
        }
        for resource in sources.resources.iter().filter(|r| r.data) {
            let name = || Some(resource.properties.get("name")?.as_str()?.to_string());
            let read = match &*resource.type_name {
                "terraform_remote_state" => scopes
                    .get(&resource.scope)
                    .and_then(|own| state(resource, own, &sources.scopes))
                    .map(|scope| Read::Outputs {
                        scope: scope.id,
                        outputs: scope.outputs.clone(),
                    }),
                "aws_ssm_parameter" => name().map(Read::Parameter),
                "aws_cloudformation_export" => name().map(Read::Export),
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
            return self.parameters.find(name, symbol.scope).cloned();
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
            Read::Parameter(name) => matches!(&*symbol.attribute, "value" | "insecure_value")
                .then(|| self.parameters.find(name, symbol.scope).cloned())?,
            Read::Export(name) => (&*symbol.attribute == "value")
                .then(|| self.exports.find(name, symbol.scope).cloned())?,
        }
    }

    /// What an unknown stands for, with what that reads in turn.
    fn resolve(
        &self,
        unknown: &Unknown,
        depth: usize,
        joins: &mut FxHashSet<(ScopeId, ScopeId)>,
    ) -> Option<Value> {
        let symbol = unknown.symbol.as_ref()?;
        if depth >= DEPTH {
            return None;
        }
        let (from, value) = self.read(symbol)?;
        joins.insert((symbol.scope, from));
        Some(self.rewrite(&value, depth + 1, joins).unwrap_or(value))
    }

    /// The value with everything put in that it reads; `None` where it reads nothing.
    fn rewrite(
        &self,
        value: &Value,
        depth: usize,
        joins: &mut FxHashSet<(ScopeId, ScopeId)>,
    ) -> Option<Value> {
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
            ValueKind::Json(inner) => ValueKind::Json(Arc::new(self.rewrite(inner, depth, joins)?)),
            ValueKind::Map(map) => {
                let mut out: Option<Map> = None;
                for (name, entry) in map.iter() {
                    if let Some(value) = self.rewrite(&entry.value, depth, joins) {
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
        depth: usize,
        joins: &mut FxHashSet<(ScopeId, ScopeId)>,
    ) -> Option<Vec<Value>> {
        let mut out: Option<Vec<Value>> = None;
        for (i, item) in items.iter().enumerate() {
            if let Some(value) = self.rewrite(item, depth, joins) {
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
        depth: usize,
        joins: &mut FxHashSet<(ScopeId, ScopeId)>,
    ) -> Option<Text> {
        let mut out = Text::default();
        let mut changed = false;
        for piece in text.pieces() {
            match piece {
                Piece::Literal(literal) => out.push_str(literal),
                Piece::Unknown(unknown) => {
                    let read = self.resolve(unknown, depth, joins);
                    match read.as_ref().and_then(text_of) {
                        Some(read) => {
                            changed = true;
                            out.push(&read);
                        }
                        None => out.push_unknown(unknown.clone()),
                    }
                }
            }
        }
        changed.then_some(out)
    }
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

/// The root whose state a `terraform_remote_state` reads, if it is certain which.
fn state<'s>(resource: &Resource, own: &Scope, scopes: &'s [Scope]) -> Option<&'s Scope> {
    let wanted = resource.properties.get("backend")?.as_str()?;
    let config = resource.properties.get("config")?;
    // The older form is a block.
    let config = match config.as_items() {
        Some([only]) => only,
        _ => config,
    };
    let mut found = scopes.iter().filter(|scope| {
        scope.format == Format::Terraform
            && scope.id != own.id
            && of_workspace(resource, scope)
            && match wanted {
                "local" => local_state(own, config).is_some_and(|at| is_local(scope, &at)),
                _ => scope
                    .backend
                    .as_ref()
                    .is_some_and(|(name, b)| **name == *wanted && same(wanted, config, b)),
            }
    });
    found.next().filter(|_| found.next().is_none())
}

/// The workspace that is read is that of the environment, or none.
fn of_workspace(resource: &Resource, scope: &Scope) -> bool {
    match resource.properties.get("workspace") {
        None => true,
        Some(value) => match value.as_str() {
            Some(name) => {
                name == "default" || scope.environment_name().is_some_and(|e| **e == *name)
            }
            // The own workspace: what is read lies in the same environment.
            None => value.is_null() || value.as_text().is_some_and(|t| t.display() == OWN),
        },
    }
}

/// How the own workspace is shown.
const OWN: &str = "${terraform.workspace}";

/// Both name the same literal settings.
fn same(kind: &str, config: &Value, backend: &Value) -> bool {
    let Some((_, names)) = BACKENDS.iter().find(|(name, _)| *name == kind) else {
        return false;
    };
    let word =
        |value: &Value, name: &str| value.get(name).and_then(|v| v.as_str().map(str::to_string));
    let mut any = false;
    names.iter().all(|name| {
        let (one, other) = (word(config, name), word(backend, name));
        any |= one.is_some();
        let written = config.get(name).is_some() || backend.get(name).is_some();
        (one.is_some() && one == other) || !written
    }) && any
}

/// Where a local state lies that a root reads, relative to the boundary.
fn local_state(own: &Scope, config: &Value) -> Option<String> {
    path_join(&own.path, config.get("path")?.as_str()?)
}

/// True where the root keeps its state in that file.
fn is_local(scope: &Scope, at: &str) -> bool {
    let path = match &scope.backend {
        None => None,
        Some((name, backend)) if &**name == "local" => match backend.get("path") {
            Some(path) => match path.as_str() {
                Some(path) => Some(path),
                None => return false,
            },
            None => None,
        },
        Some(_) => return false,
    };
    let file = path.unwrap_or("terraform.tfstate");
    path_join(&scope.path, file).as_deref() == Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_paths() {
        let parts = |text: &str| steps(text).map(|parts| parts.join("|"));
        assert_eq!(parts("outputs.a").as_deref(), Some("outputs|a"));
        assert_eq!(
            parts("outputs.subnets[0].id").as_deref(),
            Some("outputs|subnets|0|id")
        );
        assert_eq!(
            parts("outputs[\"a-b\"].c").as_deref(),
            Some("outputs|a-b|c")
        );
        assert_eq!(parts("outputs[0"), None);
        assert_eq!(parts("a..b"), None);
    }
}
