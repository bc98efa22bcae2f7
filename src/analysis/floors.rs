//! The calls of the floors below, in their order.

use std::sync::Arc;

use crate::facts::Estate;
use crate::files::Files;
use crate::report::DecidedUpload;
use crate::rule::Finding;
use crate::rule::finding::Found;
use crate::source::{Gap, Inputs, Sources};
use crate::upload::decide::{Judged, scopes_of};
use crate::upload::pairs::Pair;
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

/// True where a JSON file may be a plan or state of Terraform.
pub fn is_plan(files: &dyn Files, path: &str) -> bool {
    source::terraform::may_be_plan(files, path)
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

/// Values that one root or template reads from another, put in their places.
pub fn join(sources: &mut Sources) {
    source::join::join(sources);
}

/// Sources into facts.
pub fn build(sources: &Sources, inputs: &Inputs) -> Estate {
    facts::build::build(sources, inputs)
}

/// The uploads that are granted.
pub fn pairs(estate: &Estate, sources: &Sources, gaps: &mut Vec<Gap>) -> Vec<Pair> {
    upload::pairs::pairs(estate, &sources.scopes, gaps)
}

/// The uploads that are judged here decided, their denials named.
pub fn findings(
    estate: &Estate,
    sources: &Sources,
    pairs: Vec<Pair>,
    judged: &Judged<'_>,
    gaps: &mut Vec<Gap>,
) -> (Vec<Found<Finding>>, Vec<Found<DecidedUpload>>) {
    let mut decided = upload::decide::decide(estate, &sources.scopes, pairs, judged, gaps);
    let deployed = upload::deploy::decide(estate).into_iter();
    decided.extend(deployed.filter(|d| judged(&scopes_of(estate, &d.uploader, d.bucket))));
    let (mut findings, list) = rule::finding::findings(estate, &decided);
    findings.extend(rule::document::findings(estate, &findings, judged));
    (findings, list)
}
