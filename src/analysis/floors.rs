//! The calls of the floors below, in their order.

use std::sync::Arc;

use crate::facts::Estate;
use crate::facts::context::{Context, Prepared};
use crate::facts::exchange::Joined;
use crate::files::Files;
use crate::report::DecidedUpload;
use crate::rule::Finding;
use crate::rule::finding::Found;
use crate::source::{Gap, Inputs, Sources};
use crate::upload::concern::Concern;
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
pub fn build(sources: &Sources, inputs: &Inputs, joined: &Joined) -> Estate {
    facts::build::build(sources, inputs, joined)
}

/// What the configuration states about accounts of scopes.
pub fn settle_accounts(context: &Context, sources: &mut Sources) {
    facts::context::settle_accounts(context, &mut sources.scopes);
}

/// The files that the configuration names.
pub fn prepare(context: &Arc<Context>, files: &dyn Files, sources: &mut Sources) -> Prepared {
    facts::context::prepare(context, files, sources)
}

/// What the configuration states beside the sources.
pub fn complete(prepared: &Prepared, estate: &mut Estate) {
    facts::context::complete(prepared, estate);
}

/// Sources into a facts file: those of each environment, and of what stands outside of them.
pub fn publish(
    worlds: &mut [Sources],
    gaps: &[Gap],
    inputs: &Inputs,
    repository: &str,
    prefix: &str,
) -> String {
    facts::build::publish(worlds, gaps, inputs, repository, prefix)
}

/// The uploads that are granted or stated, as far as they concern this repository.
pub fn pairs(estate: &Estate, sources: &Sources, gaps: &mut Vec<Gap>) -> Vec<Pair> {
    let mut pairs = upload::pairs::pairs(estate, &sources.scopes, gaps);
    pairs.extend(upload::stated::without_grant(estate, &pairs));
    let concern = Concern::of(estate);
    pairs.retain(|pair| concern.may(pair));
    pairs
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
    let concern = Concern::of(estate);
    decided.retain(|upload| concern.is(upload));
    let (mut findings, list) = rule::finding::findings(estate, &decided);
    findings.extend(rule::document::findings(estate, &findings, judged));
    (findings, list)
}
