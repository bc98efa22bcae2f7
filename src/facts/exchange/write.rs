//! Facts files are written: what the sources of a repository declare, without secrets and without scripts.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use indexmap::IndexSet;
use rustc_hash::FxHashMap;
use serde_json::{Map as Object, Value as Json, json};
use sha2::{Digest, Sha256};

use super::wire::{Wire, Writer};
use super::{FORMAT, VERSION};
use crate::facts::declare::{Declaration, Declarations, Declared, DeclaredSender, RunsAs};
use crate::facts::link::Linker;
use crate::facts::shell;
use crate::source::{Format, Gap, Scope, Sources};
use crate::value::{Arm, FileId, Map, ScopeId, Text, Unknown, Value, ValueKind};

/// Takes the sensitive values out of sources, before facts are made of them.
pub fn redact(sources: &mut Sources) {
    for resource in &mut sources.resources {
        resource.properties = redacted(&resource.properties);
    }
    for scope in &mut sources.scopes {
        scope.exports.retain(|(_, value)| !value.sensitive);
    }
}

fn redacted(value: &Value) -> Value {
    let items = |items: &[Value]| Arc::new(items.iter().map(redacted).collect());
    let kind = match &value.kind {
        // The parts of an encoded value say themselves which of them are sensitive; where none does, all are.
        ValueKind::Json(inner) => {
            let parts = redacted(inner);
            if value.sensitive && parts == **inner {
                left_out()
            } else {
                ValueKind::Json(Arc::new(parts))
            }
        }
        ValueKind::Choice(arms) => ValueKind::Choice(Arc::new(
            arms.iter()
                .map(|arm| Arm {
                    guard: arm.guard.clone(),
                    value: redacted(&arm.value),
                })
                .collect(),
        )),
        _ if value.sensitive => left_out(),
        ValueKind::List(list) => ValueKind::List(items(list)),
        ValueKind::Set(list) => ValueKind::Set(items(list)),
        ValueKind::Map(map) => {
            let mut out = Map {
                duplicates: map.duplicates.clone(),
                ..Map::default()
            };
            for (key, entry) in map.iter() {
                let mut entry = entry.clone();
                entry.value = redacted(&entry.value);
                out.entries.insert(key.clone(), entry);
            }
            ValueKind::Map(Arc::new(out))
        }
        other => other.clone(),
    };
    Value {
        kind,
        place: value.place.clone(),
        sensitive: false,
    }
}

fn left_out() -> ValueKind {
    ValueKind::Unknown(Unknown::because("a sensitive value is left out"))
}

/// What the sources of one environment declare.
pub struct Published<'s> {
    pub linker: Linker<'s>,
    pub declarations: Declarations,
}

/// The content of a facts file: one line per scope, file and declaration, in the order of the sources.
pub fn write(worlds: &[Published<'_>], gaps: &[Gap], repository: &str, prefix: &str) -> String {
    // A scope belongs to the first one that has it: what stands outside of all environments is in each.
    let mut positions: FxHashMap<ScopeId, usize> = FxHashMap::default();
    let mut own: Vec<Vec<&Scope>> = Vec::new();
    for world in worlds {
        let scopes = world.linker.sources().scopes.iter();
        let next = scopes.filter(|s| !positions.contains_key(&s.id));
        let next: Vec<&Scope> = next.collect();
        for scope in &next {
            positions.insert(scope.id, positions.len());
        }
        own.push(next);
    }
    let files: RefCell<IndexSet<FileId>> = RefCell::default();
    let (mut scopes, mut items) = (Vec::new(), Vec::new());
    for (world, own) in worlds.iter().zip(own) {
        let Published {
            linker,
            declarations,
        } = world;
        let to = Writer::new(linker, &positions, &files);
        let known = known(linker, declarations);
        scopes.extend(own.iter().map(|s| scope(s, &to, prefix, &known)));
        let roles = profiles(linker, declarations);
        let here = |d: &&Declared| own.iter().any(|s| s.id == d.scope);
        for declared in declarations.items.iter().filter(here) {
            for declared in without_scripts(declared, &roles, linker) {
                items.push(item(&declared, &to));
            }
        }
    }
    let table = worlds.first().map(|w| &w.linker.sources().files);
    let files = files.borrow();
    let files = files.iter().map(|id| {
        let file = table.and_then(|t| t.get(*id));
        let path = file.map_or("", |f| &*f.path);
        json!([prefixed(prefix, path), file.map_or(1, |f| f.line_count())])
    });
    let gaps: BTreeSet<(&str, &str)> = gaps.iter().map(|g| (&*g.what, &*g.why)).collect();
    let gaps = gaps.into_iter().map(|(what, why)| json!([what, why]));
    let head = [
        ("format", json!(FORMAT)),
        ("version", json!(VERSION)),
        (
            "written_by",
            json!(concat!("iaclint ", env!("CARGO_PKG_VERSION"))),
        ),
        ("repository", json!(repository)),
    ];
    let lists: [(&str, Vec<Json>); 4] = [
        ("files", files.collect()),
        ("scopes", scopes),
        ("declarations", items),
        ("not_understood", gaps.collect()),
    ];
    let mut parts: Vec<String> = head
        .iter()
        .map(|(name, value)| format!("\"{name}\": {value}"))
        .collect();
    for (name, list) in lists {
        let lines: Vec<String> = list.iter().map(|item| format!("\n{item}")).collect();
        parts.push(format!("\"{name}\": [{}]", lines.join(",")));
    }
    format!("{{\n{}\n}}\n", parts.join(",\n"))
}

/// A path as the repository has it.
pub(super) fn prefixed(prefix: &str, path: &str) -> String {
    match prefix.trim_matches('/') {
        "" => path.to_string(),
        prefix => format!("{prefix}/{path}").trim_matches('/').to_string(),
    }
}

/// A text told apart from others without giving it away.
pub(super) fn digest(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().take(8).map(|b| format!("{b:02x}")).collect()
}

fn scope(scope: &Scope, to: &Writer<'_, '_>, prefix: &str, known: &BTreeSet<String>) -> Json {
    let mut out = Object::new();
    let format = match scope.format {
        Format::Terraform => "terraform",
        Format::CloudFormation => "cloudformation",
    };
    out.insert("format".into(), json!(format));
    out.insert("path".into(), json!(prefixed(prefix, &scope.path)));
    to.field(&mut out, "environment", &scope.environment_name().cloned());
    let listed = scope.providers.iter().map(|p| (&*p.name, &p.assume_role));
    let mut listed: Vec<(&str, &Option<Text>)> = listed.collect();
    // A scope that configures no provider has the default one.
    if !listed.iter().any(|(name, _)| name.is_empty()) {
        listed.push(("", &None));
    }
    let providers = listed.into_iter().map(|(name, assume_role)| {
        let mut out = Object::new();
        out.insert("name".into(), json!(name));
        // Options of this run and its environment state them too.
        let account = to.linker.account(scope.id, name).id;
        to.field(&mut out, "account", &account.as_literal().map(Arc::from));
        let region = to.linker.region(scope.id, name);
        to.field(&mut out, "region", &region.as_literal().map(Arc::from));
        to.field(&mut out, "assume_role", assume_role);
        Json::Object(out)
    });
    out.insert("providers".into(), providers.collect());
    out.insert("writes_own_account".into(), json!(scope.writes_own_account));
    // Outputs of what is declared; what else a stack exports is nobody's business.
    let of_declared = |value: &Value| {
        let text = value.as_text().map(|t| to.linker.resolve(&t));
        let identity = text.and_then(|t| t.identity());
        !value.sensitive && identity.is_some_and(|i| known.contains(&i))
    };
    let exports = scope.exports.iter().filter(|(_, value)| of_declared(value));
    let exports: Vec<(Value, Value)> = exports.cloned().collect();
    to.field(&mut out, "exports", &exports);
    let outputs = scope.outputs.iter().filter(|(_, e)| of_declared(&e.value));
    let outputs = outputs.map(|(name, e)| (name.clone(), e.value.clone()));
    to.field(&mut out, "outputs", &outputs.collect::<Vec<_>>());
    // Of a backend only what tells one state from another.
    let backend = scope.backend.as_ref().map(|(name, settings)| {
        let telling = crate::source::join::telling(name).iter();
        let told = telling.filter_map(|key| Some((*key, settings.get(key)?)));
        let told = told.filter(|(_, value)| !value.sensitive);
        let mut map = Map::default();
        for (key, value) in told {
            map.insert(key, value.place.clone(), value.clone());
        }
        (name.clone(), Value::map(map, settings.place.clone()))
    });
    to.field(&mut out, "backend", &backend);
    Json::Object(out)
}

fn item(declared: &Declared, to: &Writer<'_, '_>) -> Json {
    let mut out = Object::new();
    let scope = to.scopes.get(&declared.scope).copied();
    out.insert("scope".into(), json!(scope.unwrap_or_default()));
    out.insert("address".into(), json!(&*declared.address));
    to.field(&mut out, "provider", &declared.provider);
    to.field(&mut out, "guards", &declared.guards);
    out.insert("at".into(), declared.place.write(to));
    if let Json::Object(what) = declared.what.write(to) {
        out.insert("declares".into(), Json::Object(what));
    }
    Json::Object(out)
}

/// Names, ARNs and ids of everything that is declared.
fn known(linker: &Linker<'_>, declarations: &Declarations) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    let mut add = |text: &Text| out.extend(linker.resolve(text).identity());
    for declared in &declarations.items {
        match &declared.what {
            Declaration::Bucket { name, arn, .. }
            | Declaration::AccessPoint { name, arn, .. }
            | Declaration::Role { name, arn, .. }
            | Declaration::User { name, arn, .. }
            | Declaration::Group { name, arn }
            | Declaration::ManagedPolicy { name, arn, .. }
            | Declaration::InstanceProfile { name, arn, .. } => {
                add(name);
                add(arn);
            }
            Declaration::Key { id, arn, .. } => {
                add(id);
                add(arn);
            }
            Declaration::Alias { name, .. } => add(name),
            Declaration::Endpoint { id, vpc, .. } | Declaration::Subnet { id, vpc } => {
                add(id);
                vpc.iter().for_each(&mut add);
            }
            Declaration::RouteTableAssociation { route_table, .. }
            | Declaration::MainRouteTable { route_table, .. } => add(route_table),
            _ => {}
        }
    }
    out
}

/// Roles of instance profiles, by name and ARN of the profile.
fn profiles(linker: &Linker<'_>, declarations: &Declarations) -> FxHashMap<String, Text> {
    let mut out = FxHashMap::default();
    for declared in &declarations.items {
        if let Declaration::InstanceProfile { name, arn, role } = &declared.what {
            for text in [name, arn] {
                if let Some(identity) = linker.resolve(text).identity() {
                    out.insert(identity, role.clone());
                }
            }
        }
    }
    out
}

/// A workload without its strings and scripts; the uploads that scripts show stand beside it, or in their place.
fn without_scripts(
    declared: &Declared,
    profiles: &FxHashMap<String, Text>,
    linker: &Linker<'_>,
) -> Vec<Declared> {
    let with = |what, place| Declared {
        what,
        place,
        ..declared.clone()
    };
    let uploads = |sender: &DeclaredSender, script, variables: &[(Arc<str>, Text)], place| {
        let commands = shell::commands(script, variables, place).into_iter();
        let uploads = commands.map(|shown| {
            let upload = Declaration::Upload {
                sender: sender.clone(),
                bucket: shown.bucket,
                key: shown.key,
                headers: shown.headers,
                multipart: shown.multipart,
            };
            with(upload, shown.place)
        });
        uploads.collect::<Vec<_>>()
    };
    if let Declaration::Script {
        sender,
        script,
        variables,
    } = &declared.what
    {
        return uploads(sender, script, variables, &declared.place);
    }
    let Declaration::Workload {
        ids,
        runs_as,
        network,
        scripts,
        variables,
        ..
    } = &declared.what
    else {
        return vec![declared.clone()];
    };
    let workload = Declaration::Workload {
        ids: ids.clone(),
        runs_as: runs_as.clone(),
        network: network.clone(),
        strings: Vec::new(),
        scripts: Vec::new(),
        variables: Vec::new(),
    };
    let mut out = vec![with(workload, declared.place.clone())];
    let role = match runs_as {
        Some(RunsAs::Role(role)) => Some(role.clone()),
        Some(RunsAs::InstanceProfile(profile)) => linker
            .resolve(profile)
            .identity()
            .and_then(|i| profiles.get(&i).cloned()),
        None => None,
    };
    let Some(role) = role else {
        return out;
    };
    let sender = DeclaredSender::Role(role);
    for (script, place) in scripts {
        out.extend(uploads(&sender, script, variables, place));
    }
    out
}
