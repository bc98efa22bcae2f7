//! The environments of root modules: tfvars files that Terraform does not load by itself, where people keep them,
//! accepted by their keys.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::load::{Loader, is_configuration};
use crate::files::folder_of;
use crate::source::environment::{self, Declared, Environment};
use crate::source::{Gap, GapKind, Inputs};

/// Folders beside a root in which its tfvars files are looked for.
const FOLDERS: [&str; 9] = [
    "env",
    "envs",
    "environment",
    "environments",
    "vars",
    "variables",
    "tfvars",
    "config",
    "configs",
];

/// Groups that are compared with each other; there are more only by mistake.
const COMPARED: usize = 256;

/// Files of values that make one environment, or a layer of all.
struct Group {
    name: Arc<str>,
    files: Vec<Arc<str>>,
    keys: BTreeSet<Arc<str>>,
    /// One file beside others, not a folder of an environment.
    single: bool,
}

/// The environments of each root, in the order of the roots; none where it is read as it stands.
pub fn of_roots(
    loader: &mut Loader<'_>,
    roots: &[String],
    inputs: &Inputs,
) -> Vec<Vec<Environment>> {
    let mut found: Vec<Vec<Environment>> = roots.iter().map(|_| Vec::new()).collect();
    if inputs.discover {
        let positions: BTreeMap<&str, usize> = roots
            .iter()
            .enumerate()
            .map(|(i, r)| (r.as_str(), i))
            .collect();
        let mut groups: BTreeMap<usize, Vec<Group>> = BTreeMap::new();
        for (path, home, folder) in candidates(loader) {
            let root = home.as_deref().and_then(|h| positions.get(h)).copied();
            let keys = keys(loader, &path);
            let declared = |loader: &mut Loader<'_>, root: usize, key: &Arc<str>| {
                roots
                    .get(root)
                    .is_some_and(|r| loader.module(r).variables.contains_key(key))
            };
            match (root, keys) {
                (None, _) => unused(loader, &path, "no root module is where it lies"),
                (_, None) => unused(loader, &path, "does not parse"),
                (_, Some(keys)) if keys.is_empty() => unused(loader, &path, "holds no value"),
                (Some(root), Some(keys)) => {
                    let strange: Option<Arc<str>> = keys
                        .iter()
                        .find(|key| !declared(loader, root, key))
                        .cloned();
                    if let Some(key) = strange {
                        let why = format!("`{key}` is no variable of the root module");
                        unused(loader, &path, &why);
                        continue;
                    }
                    let name = match folder {
                        true => folder_of(&path).rsplit('/').next().unwrap_or("").into(),
                        false => environment::name_of(&path, ""),
                    };
                    put(groups.entry(root).or_default(), name, path, keys, !folder);
                }
            }
        }
        for (root, groups) in groups {
            if let Some(all) = found.get_mut(root) {
                *all = environments(groups);
            }
        }
    }
    for one in inputs.environments.iter().filter(|d| !d.bare()) {
        for (root, all) in roots.iter().zip(&mut found) {
            if !one.variable_files.is_empty() && fits(loader, root, one) {
                all.retain(|e| *e.name != *one.name);
                let variable_files = one.variable_files.iter().map(|f| f.as_str().into());
                all.push(Environment {
                    variable_files: variable_files.collect(),
                    ..one.without_values()
                });
            }
        }
    }
    let mut runs: Vec<(&str, &mut Vec<Environment>)> =
        roots.iter().map(String::as_str).zip(&mut found).collect();
    environment::add_bare(&mut runs, &inputs.environments);
    for (root, all) in roots.iter().zip(&mut found) {
        let beyond = environment::settle(all);
        if !beyond.is_empty() {
            let why = environment::beyond(&beyond);
            loader.gap("environments", &why, None, Some(root), GapKind::Reading);
        }
    }
    found
}

/// A declared environment holds for the roots that it names, else for those that declare all that it gives.
fn fits(loader: &mut Loader<'_>, root: &str, one: &Declared) -> bool {
    if !one.paths.is_empty() {
        return one.concerns(root);
    }
    let module = loader.module(root);
    one.variable_files.iter().all(|path| {
        keys(loader, path).is_some_and(|keys| keys.iter().all(|k| module.variables.contains_key(k)))
    })
}

/// Files of values that are not loaded by themselves, each with the folder of the root that it may belong to, and
/// whether its folder is what names the environment.
fn candidates(loader: &Loader<'_>) -> Vec<(Arc<str>, Option<String>, bool)> {
    let holds_configuration =
        |folder: &str| loader.listed(folder).iter().any(|p| is_configuration(p));
    let mut out = Vec::new();
    for path in loader.all_listed() {
        let name = path.rsplit('/').next().unwrap_or("");
        if !(name.ends_with(".tfvars") || name.ends_with(".tfvars.json")) || name.starts_with('.') {
            continue;
        }
        let folder = folder_of(path);
        let last = |folder: &str| FOLDERS.contains(&folder.rsplit('/').next().unwrap_or(""));
        let here = holds_configuration(folder);
        let loaded = matches!(name, "terraform.tfvars" | "terraform.tfvars.json")
            || name.ends_with(".auto.tfvars")
            || name.ends_with(".auto.tfvars.json");
        if here {
            if !loaded {
                out.push((path.clone(), Some(folder.to_string()), false));
            }
        } else if last(folder) {
            out.push((path.clone(), Some(folder_of(folder).to_string()), false));
        } else if last(folder_of(folder)) && folder.contains('/') {
            let home = folder_of(folder_of(folder)).to_string();
            out.push((path.clone(), Some(home), true));
        } else {
            out.push((path.clone(), None, false));
        }
    }
    out.sort();
    out
}

fn keys(loader: &mut Loader<'_>, path: &str) -> Option<BTreeSet<Arc<str>>> {
    if path.ends_with(".json") {
        let loaded = loader.text(path).ok()?;
        let map = super::json::values(loaded.id, &loaded.text).ok()?;
        return Some(map.iter().map(|(name, _)| name.clone()).collect());
    }
    let loaded = loader.text(path).ok()?;
    let origin = super::parse::Origin::File(loaded.id, 0);
    let body = super::parse::body(&loaded.text, origin).ok()?;
    Some(body.attributes.keys().cloned().collect())
}

fn unused(loader: &mut Loader<'_>, path: &Arc<str>, why: &str) {
    loader.sources.unused.push(Gap {
        what: path.clone(),
        why: why.into(),
        place: None,
        path: Some(path.clone()),
        kind: GapKind::Reading,
    });
}

fn put(
    groups: &mut Vec<Group>,
    name: Arc<str>,
    path: Arc<str>,
    keys: BTreeSet<Arc<str>>,
    single: bool,
) {
    match groups.iter_mut().find(|g| g.name == name) {
        Some(group) => {
            group.files.push(path);
            group.keys.extend(keys);
            group.single &= single;
        }
        None => groups.push(Group {
            name,
            files: vec![path],
            keys,
            single,
        }),
    }
}

/// Groups to environments. A file that shares no key with the others, where those share keys among themselves, is
/// no alternative to them: it is a layer below each.
fn environments(groups: Vec<Group>) -> Vec<Environment> {
    let alone = |i: usize| {
        groups.len() <= COMPARED
            && groups.get(i).is_some_and(|g| {
                g.single
                    && groups
                        .iter()
                        .enumerate()
                        .all(|(j, other)| i == j || g.keys.is_disjoint(&other.keys))
            })
    };
    let layers: Vec<bool> = (0..groups.len()).map(alone).collect();
    let told = groups.iter().zip(&layers).filter(|(_, layer)| !**layer);
    let (layered, told): (Vec<&Group>, Vec<&Group>) = if told.clone().count() >= 2 {
        let below = groups.iter().zip(&layers).filter(|(_, layer)| **layer);
        (
            below.map(|(g, _)| g).collect(),
            told.map(|(g, _)| g).collect(),
        )
    } else {
        (Vec::new(), groups.iter().collect())
    };
    told.iter()
        .map(|group| Environment {
            name: group.name.clone(),
            variable_files: layered
                .iter()
                .chain(std::iter::once(group))
                .flat_map(|g| g.files.iter().cloned())
                .collect(),
            ..Environment::default()
        })
        .collect()
}
