//! The calls of the floors below, in one place: each is replaced by the floor's own worker.

use std::sync::Arc;

use crate::facts::Estate;
use crate::files::Files;
use crate::report::DecidedUpload;
use crate::rule::Finding;
use crate::source::{Gap, GapKind, Inputs, Sources};

/// Root modules into sources.
pub fn read_terraform(
    _files: &dyn Files,
    paths: &[Arc<str>],
    _inputs: &Inputs,
    sources: &mut Sources,
) {
    not_read(paths, sources);
}

/// Templates into sources.
pub fn read_cloudformation(
    _files: &dyn Files,
    paths: &[Arc<str>],
    _inputs: &Inputs,
    sources: &mut Sources,
) {
    not_read(paths, sources);
}

/// Sources into facts.
pub fn build(_sources: &Sources, _inputs: &Inputs) -> Estate {
    Estate::default()
}

/// Uploads decided, their denials named.
pub fn findings(_estate: &Estate, _sources: &Sources) -> (Vec<Finding>, Vec<DecidedUpload>) {
    (Vec::new(), Vec::new())
}

/// Until a reader is joined, its files are listed: a run that read nothing must not look clean.
fn not_read(paths: &[Arc<str>], sources: &mut Sources) {
    sources.gaps.extend(paths.iter().map(|path| Gap {
        what: path.clone(),
        why: "this build does not read it".into(),
        place: None,
        path: Some(path.clone()),
        kind: GapKind::Unsupported,
    }));
}
