//! Folders of configuration files to modules: each file is read and parsed once per run.
//!
//! A folder's files are merged as Terraform merges them, override files last.

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::{FxHashMap, FxHashSet};

use super::document::{Attribute, Block, Body, Expression};
use super::parse::{self, Origin};
use super::plan::Planned;
use super::{json, recover};
use crate::files::{self, Files, SourceFile};
use crate::source::{Comment, Gap, GapKind, Sources};
use crate::value::{FileId, Place, Span};

/// The merged configuration of one folder.
#[derive(Debug, Default)]
pub struct Module {
    pub folder: Arc<str>,
    pub variables: IndexMap<Arc<str>, Arc<Block>>,
    pub locals: IndexMap<Arc<str>, Attribute>,
    pub outputs: IndexMap<Arc<str>, Arc<Block>>,
    /// Resources and data sources by `type.name` and `data.type.name`.
    pub resources: IndexMap<Arc<str>, Arc<Block>>,
    pub modules: IndexMap<Arc<str>, Arc<Block>>,
    pub providers: Vec<Block>,
    pub terraform: Vec<Block>,
    /// Read from a plan or state, and what only such a module has.
    pub planned: Option<Box<Planned>>,
}

/// A file that was read, with its text.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub id: FileId,
    pub text: Arc<str>,
}

/// Reads and parses, and remembers both.
pub struct Loader<'a> {
    pub files: &'a dyn Files,
    pub sources: &'a mut Sources,
    modules: FxHashMap<Arc<str>, Arc<Module>>,
    texts: FxHashMap<Arc<str>, Result<Loaded, Arc<str>>>,
    /// Names of files by folder, for the part of the tree that was listed.
    folders: FxHashMap<Arc<str>, Vec<Arc<str>>>,
    listed: Option<Arc<str>>,
    lists: FxHashMap<Arc<str>, Vec<Arc<str>>>,
    /// Gaps that are in the sources already.
    told: FxHashSet<(Arc<str>, Arc<str>, Option<Span>)>,
    /// Files whose comments are in the sources already.
    commented: FxHashSet<FileId>,
}

/// True for the names of configuration files.
pub fn is_configuration(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    !name.starts_with('.')
        && !name.ends_with('~')
        && [".tf", ".tf.json", ".tofu", ".tofu.json"]
            .iter()
            .any(|end| name.ends_with(end))
}

fn is_override(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = [".tf.json", ".tofu.json", ".tf", ".tofu"]
        .iter()
        .find_map(|end| name.strip_suffix(end))
        .unwrap_or(name);
    stem == "override" || stem.ends_with("_override")
}

impl<'a> Loader<'a> {
    pub fn new(files: &'a dyn Files, paths: &[Arc<str>], sources: &'a mut Sources) -> Loader<'a> {
        let mut folders: FxHashMap<Arc<str>, Vec<Arc<str>>> = FxHashMap::default();
        let mut common: Option<String> = None;
        for path in paths {
            let folder = files::folder_of(path);
            common = Some(match common {
                None => folder.to_string(),
                Some(before) => {
                    let same = before
                        .split('/')
                        .zip(folder.split('/'))
                        .take_while(|(a, b)| a == b)
                        .map(|(a, _)| a);
                    same.collect::<Vec<_>>().join("/")
                }
            });
        }
        let listed = common.map(Arc::<str>::from);
        if let Some(root) = &listed
            && let Ok(all) = files.list(root)
        {
            for path in all {
                folders
                    .entry(files::folder_of(&path).into())
                    .or_default()
                    .push(path);
            }
        }
        for path in paths {
            let known = folders.entry(files::folder_of(path).into()).or_default();
            if !known.contains(path) {
                known.push(path.clone());
            }
        }
        Loader {
            files,
            sources,
            modules: FxHashMap::default(),
            texts: FxHashMap::default(),
            folders,
            listed,
            lists: FxHashMap::default(),
            told: FxHashSet::default(),
            commented: FxHashSet::default(),
        }
    }

    /// The files that stand in a folder itself, sorted.
    pub fn names(&mut self, folder: &str) -> Vec<Arc<str>> {
        let inside = self.listed.as_deref().is_some_and(|root| {
            root.is_empty()
                || folder == root
                || folder
                    .strip_prefix(root)
                    .is_some_and(|r| r.starts_with('/'))
        }) && !folder.split('/').any(|part| part.starts_with('.'));
        let mut names = match self.folders.get(folder) {
            Some(names) => names.clone(),
            None if inside => Vec::new(),
            None => {
                let all = self.files.list(folder).unwrap_or_default();
                let names: Vec<_> = all
                    .into_iter()
                    .filter(|p| files::folder_of(p) == folder)
                    .collect();
                self.folders.insert(folder.into(), names.clone());
                names
            }
        };
        names.sort();
        names
    }

    /// The files of a folder, as far as the tree was listed.
    pub fn listed(&self, folder: &str) -> &[Arc<str>] {
        self.folders.get(folder).map_or(&[], Vec::as_slice)
    }

    /// Every file that was listed, in no order.
    pub fn all_listed(&self) -> impl Iterator<Item = &Arc<str>> {
        self.folders.values().flatten()
    }

    /// Every file below a folder.
    pub fn below(&mut self, folder: &str) -> Vec<Arc<str>> {
        if let Some(known) = self.lists.get(folder) {
            return known.clone();
        }
        let all = self.files.list(folder).unwrap_or_default();
        self.lists.insert(folder.into(), all.clone());
        all
    }

    /// Text of a file; it is registered in the table of files once.
    pub fn text(&mut self, path: &str) -> Result<Loaded, Arc<str>> {
        if let Some(known) = self.texts.get(path) {
            return known.clone();
        }
        let read = match self.files.read(path) {
            Ok(bytes) => {
                let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
                match std::str::from_utf8(bytes) {
                    Ok(text) => {
                        let text: Arc<str> = text.into();
                        let id = self.sources.files.add(SourceFile::new(path, text.clone()));
                        Ok(Loaded { id, text })
                    }
                    Err(_) => Err("is not UTF-8 text".into()),
                }
            }
            Err(error) => Err(error.to_string().into()),
        };
        self.texts.insert(path.into(), read.clone());
        read
    }

    /// True where the folder holds configuration files.
    pub fn is_module(&mut self, folder: &str) -> bool {
        self.modules.contains_key(folder) || self.names(folder).iter().any(|p| is_configuration(p))
    }

    pub fn gap(
        &mut self,
        what: &str,
        why: &str,
        span: Option<Span>,
        path: Option<&str>,
        kind: GapKind,
    ) {
        let gap = Gap {
            what: what.into(),
            why: why.into(),
            place: span.map(Place::at),
            path: path.map(Arc::from),
            kind,
        };
        if self.told.insert((gap.what.clone(), gap.why.clone(), span)) {
            self.sources.gaps.push(gap);
        }
    }

    /// The module of a folder.
    pub fn module(&mut self, folder: &str) -> Arc<Module> {
        if let Some(known) = self.modules.get(folder) {
            return known.clone();
        }
        let mut paths: Vec<Arc<str>> = self
            .names(folder)
            .into_iter()
            .filter(|p| is_configuration(p))
            .collect();
        // A `.tofu` file stands in place of the `.tf` file of the same name.
        let tofu: BTreeMap<String, ()> = paths
            .iter()
            .filter(|p| p.contains(".tofu"))
            .map(|p| (p.replace(".tofu", ".tf"), ()))
            .collect();
        paths.retain(|p| !tofu.contains_key(&**p));
        let (overrides, plain): (Vec<_>, Vec<_>) = paths.into_iter().partition(|p| is_override(p));
        let mut module = Module {
            folder: folder.into(),
            ..Module::default()
        };
        for path in plain {
            if let Some(body) = self.body(&path) {
                add(&mut module, body, false);
            }
        }
        for path in overrides {
            if let Some(body) = self.body(&path) {
                add(&mut module, body, true);
            }
        }
        let module = Arc::new(module);
        self.modules.insert(folder.into(), module.clone());
        module
    }

    /// The body of one file; what does not parse becomes a gap.
    pub fn body(&mut self, path: &str) -> Option<Body> {
        let loaded = match self.text(path) {
            Ok(loaded) => loaded,
            Err(why) => {
                self.gap(path, &why, None, Some(path), GapKind::Reading);
                return None;
            }
        };
        if path.ends_with(".json") {
            return match json::body(loaded.id, &loaded.text) {
                Ok(body) => Some(body),
                Err((message, span)) => {
                    self.gap(path, &message, Some(span), Some(path), GapKind::Syntax);
                    None
                }
            };
        }
        let marked = match self.commented.insert(loaded.id) {
            true => recover::marked_comments(&loaded.text),
            false => Vec::new(),
        };
        for (range, text, own_line) in marked {
            let span = Span::new(loaded.id, range.start, range.end);
            self.sources.comments.push(Comment {
                span,
                text: text.into(),
                own_line,
            });
        }
        match parse::body(&loaded.text, Origin::File(loaded.id, 0)) {
            Ok(body) => Some(body),
            Err(_) => Some(self.recovered(path, &loaded)),
        }
    }

    fn recovered(&mut self, path: &str, loaded: &Loaded) -> Body {
        let mut out = Body::default();
        for range in recover::split(&loaded.text) {
            let Some(slice) = loaded.text.get(range.clone()) else {
                continue;
            };
            match parse::body(slice, Origin::File(loaded.id, range.start)) {
                Ok(body) => {
                    out.attributes.extend(body.attributes);
                    out.blocks.extend(body.blocks);
                }
                Err(fault) => {
                    let at = (range.start + fault.offset).min(loaded.text.len());
                    let head = slice
                        .trim_start()
                        .lines()
                        .next()
                        .unwrap_or("")
                        .trim_end_matches('{')
                        .trim();
                    let what = if head.is_empty() { path } else { head };
                    let message = fault
                        .message
                        .lines()
                        .last()
                        .unwrap_or("")
                        .trim()
                        .to_string();
                    let span = Span::new(loaded.id, at, at + 1);
                    self.gap(
                        what,
                        &format!("does not parse: {message}"),
                        Some(span),
                        Some(path),
                        GapKind::Syntax,
                    );
                }
            }
        }
        out
    }
}

fn add(module: &mut Module, body: Body, overriding: bool) {
    for mut block in body.blocks {
        let label = |i: usize| block.labels.get(i).cloned();
        match (&*block.kind, label(0), label(1)) {
            ("variable", Some(name), _) => put(&mut module.variables, name, block, overriding),
            ("output", Some(name), _) => put(&mut module.outputs, name, block, overriding),
            ("module", Some(name), _) => put(&mut module.modules, name, block, overriding),
            ("resource", Some(kind), Some(name)) => {
                put(
                    &mut module.resources,
                    format!("{kind}.{name}").into(),
                    block,
                    overriding,
                );
            }
            ("data", Some(kind), Some(name)) => {
                put(
                    &mut module.resources,
                    format!("data.{kind}.{name}").into(),
                    block,
                    overriding,
                );
            }
            ("locals", ..) => {
                for (name, attribute) in std::mem::take(&mut block.body.attributes) {
                    if overriding {
                        module.locals.insert(name, attribute);
                    } else {
                        module.locals.entry(name).or_insert(attribute);
                    }
                }
            }
            ("provider", Some(name), _) => {
                let alias = |b: &Block| {
                    b.body
                        .expression("alias")
                        .and_then(Expression::as_word)
                        .map(str::to_string)
                };
                let same = module.providers.iter_mut().find(|p| {
                    overriding && p.labels.first() == Some(&name) && alias(p) == alias(&block)
                });
                match same {
                    Some(base) => merge(base, block),
                    None => module.providers.push(block),
                }
            }
            ("terraform", ..) => module.terraform.push(block),
            _ => {}
        }
    }
}

fn put(map: &mut IndexMap<Arc<str>, Arc<Block>>, name: Arc<str>, block: Block, overriding: bool) {
    match map.get_mut(&name) {
        Some(base) if overriding => merge(Arc::make_mut(base), block),
        Some(_) => {}
        None => {
            map.insert(name, Arc::new(block));
        }
    }
}

/// Lays an override over a block: attributes one by one, nested blocks by type.
fn merge(base: &mut Block, over: Block) {
    base.body.attributes.extend(over.body.attributes);
    let kind_of = |b: &Block| match &*b.kind {
        "dynamic" => b.labels.first().cloned().unwrap_or_default(),
        _ => b.kind.clone(),
    };
    let kinds: Vec<Arc<str>> = over.body.blocks.iter().map(kind_of).collect();
    base.body.blocks.retain(|b| !kinds.contains(&kind_of(b)));
    base.body.blocks.extend(over.body.blocks);
}
