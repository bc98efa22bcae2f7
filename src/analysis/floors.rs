//! The calls of the floors below, in their order.

use std::sync::Arc;

use crate::facts::Estate;
use crate::files::Files;
use crate::report::DecidedUpload;
use crate::rule::Finding;
use crate::source::{Gap, Inputs, Sources};
use crate::{facts, rule, source, upload};

/// Root modules into sources.
pub fn read_terraform(
    files: &dyn Files,
    paths: &[Arc<str>],
    inputs: &Inputs,
    sources: &mut Sources,
) {
    source::terraform::read(files, paths, inputs, sources);
}

/// Templates into sources.
pub fn read_cloudformation(
    files: &dyn Files,
    paths: &[Arc<str>],
    inputs: &Inputs,
    sources: &mut Sources,
) {
    source::cloudformation::read(files, paths, inputs, sources);
}

/// Sources into facts.
pub fn build(sources: &Sources, inputs: &Inputs) -> Estate {
    facts::build::build(sources, inputs)
}

/// Uploads decided, their denials named.
pub fn findings(
    estate: &Estate,
    sources: &Sources,
    gaps: &mut Vec<Gap>,
) -> (Vec<Finding>, Vec<DecidedUpload>) {
    let mut decided = upload::decide::decide(estate, &sources.scopes, gaps);
    decided.extend(upload::deploy::decide(estate));
    let (mut findings, list) = rule::finding::findings(estate, &decided);
    findings.extend(rule::document::findings(estate, &findings));
    (findings, list)
}
