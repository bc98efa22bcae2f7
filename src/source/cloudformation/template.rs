//! One template with its parameters, and the run that all templates of an estate share.
//!
//! The evaluator reads both; what is computed once (conditions, outputs, nested stacks) is kept here.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::files::{FileTable, Files, SourceFile};
use crate::source::environment::Environment;
use crate::source::{Comment, Gap, GapKind, Inputs, json, yaml};
use crate::value::{FileId, Guards, Map, Place, ScopeId, Value};

/// Evaluated nodes of one run.
pub(super) const STEPS: usize = 20_000_000;

/// What all templates of a run share.
pub(super) struct Run<'f> {
    pub files: &'f dyn Files,
    pub inputs: &'f Inputs,
    /// Account and region of the options are put in place of their symbols.
    pub known: bool,
    pub table: RefCell<FileTable>,
    pub gaps: RefCell<Vec<Gap>>,
    pub comments: RefCell<Vec<Comment>>,
    pub documents: RefCell<FxHashMap<Arc<str>, Result<Document, Gap>>>,
    /// Exported outputs by environment (empty for none) and name: the template and the output.
    pub exports: RefCell<FxHashMap<(Arc<str>, Arc<str>), Export>>,
    /// Export names that are being resolved.
    pub importing: RefCell<Vec<Arc<str>>>,
    /// Texts of parameters that are not shown.
    pub secrets: RefCell<Vec<Arc<str>>>,
    /// Evaluated nodes so far.
    pub steps: Cell<usize>,
    /// Templates opened so far, nested ones included.
    pub opened: Cell<usize>,
}

/// A template and the output that it exports.
pub(super) type Export = (Rc<Template>, Entry);

/// A parsed file.
#[derive(Clone)]
pub(super) struct Document {
    pub file: FileId,
    pub root: Value,
    /// Further documents stand in the file.
    pub more: bool,
}

/// A member of a section: one instance of a loop, or the only one.
#[derive(Clone)]
pub(super) struct Entry {
    pub name: Arc<str>,
    pub key_place: Place,
    pub node: Value,
    /// Loop variables, the innermost last.
    pub loops: Loops,
}

pub(super) type Loops = Rc<Vec<(Arc<str>, Value)>>;

/// A template with its inputs.
pub(super) struct Template {
    pub path: Arc<str>,
    pub scope: ScopeId,
    pub root: Value,
    /// `Parent.` for a nested stack, empty for a template of its own.
    pub prefix: Arc<str>,
    /// Paths of the templates around this one, itself last.
    pub chain: Vec<Arc<str>>,
    /// Worlds in which the stack exists.
    pub guards: Guards,
    /// The environment that the outermost template is opened in.
    pub environment: Option<Arc<Environment>>,
    pub parameters: FxHashMap<Arc<str>, Value>,
    pub resources: Vec<Entry>,
    pub conditions: Vec<Entry>,
    pub outputs: Vec<Entry>,
    /// `AWS::Serverless-2016-10-31` is among the transforms.
    pub serverless: bool,
    /// Transforms that add resources we do not see.
    pub macros: bool,
    /// Conditions that are settled; `None` while one is being computed.
    pub settled: RefCell<FxHashMap<Arc<str>, Option<Value>>>,
    /// Outputs that are settled; `None` while one is being computed.
    pub output_values: RefCell<FxHashMap<Arc<str>, Option<Value>>>,
    /// Nested stacks by logical id; `None` where the template is not at hand, or while it is being opened.
    pub children: RefCell<FxHashMap<Arc<str>, Option<Rc<Template>>>>,
}

impl Template {
    pub fn section(&self, name: &str) -> Option<&Arc<Map>> {
        self.root.get(name).and_then(Value::as_map)
    }

    /// Name of the environment; empty for none.
    pub fn environment_name(&self) -> Arc<str> {
        self.environment
            .as_ref()
            .map_or_else(|| "".into(), |e| e.name.clone())
    }

    pub fn resource(&self, name: &str) -> Option<&Entry> {
        self.resources.iter().find(|e| &*e.name == name)
    }

    pub fn condition(&self, name: &str) -> Option<&Entry> {
        self.conditions.iter().find(|e| &*e.name == name)
    }

    /// The address of a logical id in the run.
    pub fn address(&self, name: &str) -> Arc<str> {
        if self.prefix.is_empty() {
            name.into()
        } else {
            format!("{}{name}", self.prefix).into()
        }
    }
}

impl Run<'_> {
    /// Lists what was not understood, each thing once.
    pub fn gap(
        &self,
        kind: GapKind,
        what: impl Into<Arc<str>>,
        why: impl Into<Arc<str>>,
        place: &Place,
    ) {
        let gap = Gap {
            what: what.into(),
            why: why.into(),
            place: Some(place.clone()),
            path: None,
            kind,
        };
        let mut gaps = self.gaps.borrow_mut();
        let known = gaps.iter().any(|g| {
            g.kind == gap.kind
                && g.what == gap.what
                && g.place.as_ref().map(|p| p.span) == Some(place.span)
        });
        if !known {
            gaps.push(gap);
        }
    }

    /// The file at a boundary-relative path, read and parsed once.
    pub fn document(&self, path: &str) -> Result<Document, Gap> {
        if let Some(found) = self.documents.borrow().get(path) {
            return found.clone();
        }
        let document = self.open(path);
        self.documents
            .borrow_mut()
            .insert(path.into(), document.clone());
        document
    }

    fn open(&self, path: &str) -> Result<Document, Gap> {
        let unread = |kind, why: String| Gap {
            what: path.into(),
            why: why.into(),
            place: None,
            path: Some(path.into()),
            kind,
        };
        let bytes = self.files.read(path).map_err(|e| {
            let kind = if e == crate::files::FilesError::Missing {
                GapKind::Missing
            } else {
                GapKind::Reading
            };
            unread(kind, e.to_string())
        })?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| unread(GapKind::Syntax, "not UTF-8 text".into()))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let file = self.table.borrow_mut().add(SourceFile::new(path, text));
        let syntax = |message: String, place: Place| Gap {
            what: path.into(),
            why: format!("does not parse: {message}").into(),
            place: Some(place),
            path: Some(path.into()),
            kind: GapKind::Syntax,
        };
        if text.trim_start().starts_with('{') {
            match json::parse_file(file, text) {
                Ok(root) => {
                    return Ok(Document {
                        file,
                        root,
                        more: false,
                    });
                }
                Err(error) if path.ends_with(".json") => {
                    return Err(syntax(error.message, error.place));
                }
                // A template in YAML's flow style.
                Err(_) => {}
            }
        }
        let read = yaml::parse_file(file, text);
        self.comments.borrow_mut().extend(read.comments);
        let mut documents = read.documents.into_iter().filter(|d| !d.is_null());
        let first = documents.next();
        match (first, read.error) {
            // What stands before a fault in a later document is whole.
            (Some(first), error) => {
                let mut all = vec![first];
                all.extend(documents);
                let more = all.len() > 1 || error.is_some();
                let chosen = all.iter().position(super::is_template).unwrap_or(0);
                Ok(Document {
                    file,
                    root: all.swap_remove(chosen),
                    more,
                })
            }
            (None, Some(error)) => Err(syntax(error.message, error.place)),
            (None, None) => Err(unread(GapKind::Syntax, "holds nothing".into())),
        }
    }
}
