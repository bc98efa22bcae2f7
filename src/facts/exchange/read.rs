//! Facts files are read. They are untrusted text: every number is checked, every name is a plain one.

use std::sync::Arc;

use serde_json::Value as Json;

use super::wire::{Fault, Read, Reader, Wire, first, number};
use super::{FORMAT, FactsError, Joined, LIMIT, Origin, VERSION};
use crate::facts::declare::Declared;
use crate::files::SourceFile;
use crate::source::environment::Environment;
use crate::source::{Format, Provider, Scope};
use crate::value::{Map, ScopeId, Value};

/// Letters of a repository's name or a path.
const NAME: usize = 1024;

pub(super) fn read(content: &[u8], joined: &mut Joined) -> Result<(), FactsError> {
    if content.len() as u64 > LIMIT {
        return Err(FactsError::TooLarge);
    }
    let json: Json =
        serde_json::from_slice(content).map_err(|e| FactsError::NotFacts(e.to_string()))?;
    if json.get("format").and_then(Json::as_str) != Some(FORMAT) {
        let expected = format!("it does not say `\"format\": \"{FORMAT}\"`");
        return Err(FactsError::NotFacts(expected));
    }
    match json.get("version").and_then(Json::as_u64) {
        Some(version) if version == u64::from(VERSION) => {}
        version => return Err(FactsError::Version(version.unwrap_or_default())),
    }
    document(&json, joined).map_err(|Fault(what)| FactsError::Damaged(what))
}

fn document(json: &Json, joined: &mut Joined) -> Read<()> {
    let repository = name(json.get("repository")).map_err(|f| f.inside("repository"))?;
    let files = list(json, "files", |item| {
        let Some([path, lines]) = item.as_array().map(Vec::as_slice) else {
            return Err(Fault::of("a path with its lines"));
        };
        let path = name(Some(path))?;
        Ok(SourceFile::of_repository(
            repository.clone(),
            path,
            number(lines)?,
        ))
    })?;
    let listed = json.get("scopes").and_then(Json::as_array);
    let from = Reader {
        files: &files,
        file_base: first(joined.files.len()),
        scope_base: first(joined.scopes.len()),
        scopes: listed.map_or(0, |s| u32::try_from(s.len()).unwrap_or(u32::MAX)),
    };
    let mut next = from.scope_base;
    let scopes = list(json, "scopes", |item| {
        let scope = scope(item, ScopeId(next), &from)?;
        next = next.saturating_add(1);
        Ok(scope)
    })?;
    let declarations = list(json, "declarations", |item| declared(item, &from))?;
    let gaps: Vec<(Arc<str>, Arc<str>)> = from.field(json, "not_understood")?;
    joined.origins.push(Origin {
        repository: repository.clone(),
        scopes: from.scope_base..next,
        gaps,
    });
    joined.scopes.extend(scopes);
    joined.declarations.extend(declarations);
    joined.files.extend(files);
    Ok(())
}

fn list<T>(json: &Json, field: &str, mut read: impl FnMut(&Json) -> Read<T>) -> Read<Vec<T>> {
    let items = json.get(field).and_then(Json::as_array);
    let items = items.ok_or_else(|| Fault::of("a list").inside(field))?;
    items
        .iter()
        .enumerate()
        .map(|(i, item)| read(item).map_err(|f| f.inside(&format!("{field}[{i}]"))))
        .collect()
}

/// A repository's name or a path in it: relative, and of visible characters.
fn name(json: Option<&Json>) -> Read<Arc<str>> {
    let text = json
        .and_then(Json::as_str)
        .ok_or_else(|| Fault::of("a name"))?;
    let plain =
        |c: char| !c.is_control() && !matches!(c, '\\' | '\u{200b}'..='\u{206f}' | '\u{feff}');
    let parts = text.split('/').all(|part| part != "..") && !text.starts_with('/');
    if text.is_empty() || text.len() > NAME || !text.chars().all(plain) || !parts {
        return Err(Fault::of("a relative name of visible characters"));
    }
    Ok(text.into())
}

fn scope(json: &Json, id: ScopeId, from: &Reader<'_>) -> Read<Scope> {
    let format: Arc<str> = from.field(json, "format")?;
    let format = match &*format {
        "terraform" => Format::Terraform,
        "cloudformation" => Format::CloudFormation,
        _ => return Err(Fault::of("a format").inside("format")),
    };
    let providers = list(json, "providers", |item| {
        Ok(Provider {
            name: from.field(item, "name")?,
            account: from.field(item, "account")?,
            region: from.field(item, "region")?,
            place: None,
            assume_role: from.field(item, "assume_role")?,
        })
    })?;
    let number = |p: &Provider| {
        p.account
            .as_ref()
            .is_none_or(|a| a.len() == 12 && a.bytes().all(|b| b.is_ascii_digit()))
    };
    if !providers.iter().all(number) {
        return Err(Fault::of("an account of 12 digits").inside("providers"));
    }
    let environment: Option<Arc<str>> = from.field(json, "environment")?;
    let mut outputs = Map::default();
    for (name, value) in from.field::<Vec<(Arc<str>, Value)>>(json, "outputs")? {
        outputs.insert(name, value.place.clone(), value);
    }
    Ok(Scope {
        id,
        format,
        path: from.field(json, "path")?,
        environment: environment.map(|name| {
            Arc::new(Environment {
                name,
                ..Environment::default()
            })
        }),
        providers,
        // What its outputs expose is declared.
        library: false,
        writes_own_account: from.field(json, "writes_own_account")?,
        exposed: Vec::new(),
        outputs,
        exports: from.field(json, "exports")?,
        backend: from.field(json, "backend")?,
    })
}

fn declared(json: &Json, from: &Reader<'_>) -> Read<Declared> {
    Ok(Declared {
        scope: from.scope(json.get("scope").unwrap_or(&Json::Null))?,
        address: from.field(json, "address")?,
        provider: from.field(json, "provider")?,
        guards: from.field(json, "guards")?,
        place: from.field(json, "at")?,
        what: Wire::read(json.get("declares").unwrap_or(&Json::Null), from)
            .map_err(|f| f.inside("declares"))?,
    })
}
