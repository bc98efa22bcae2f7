//! The pipeline from files to a report: discovery of inputs, the floors in order, suppression comments, filters.
//!
//! All reading goes through the given files; nothing here prints or asks the environment.

pub mod changes;
mod circle;
mod environments;
pub mod floors;
pub mod mend;
pub mod offer;
pub mod secrets;
pub mod suppress;

use std::sync::Arc;

use crate::facts::Estate;
use crate::files::Files;
use crate::report::Report;
use crate::rule::{Finding, Show};
use crate::source::{Gap, GapKind, Inputs, Sources};

/// What a run is asked to do.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Boundary-relative folders and files; empty: everything.
    pub paths: Vec<String>,
    /// Boundary-relative files: only findings that touch one of them are reported; empty: those that touch `paths`.
    pub anchors: Vec<String>,
    pub inputs: Inputs,
    /// Names of rules; empty: all.
    pub select: Vec<String>,
    pub ignore: Vec<String>,
    pub show: Vec<Show>,
    /// Offer exact edits: each is decided again.
    pub mends: bool,
    pub suppressions: suppress::Settings,
    pub uri_prefix: String,
    /// Name of this analysis beside others of the same repository; may be empty.
    pub category: String,
    /// The folder that the reader is in, if it lies inside the boundary: paths in the terminal start there.
    pub folder: Option<String>,
    /// Only this environment, and what joins it.
    pub environment: Option<String>,
}

/// Files by what reads them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Discovery {
    /// Configuration files, and JSON files that may be plans.
    pub terraform: Vec<Arc<str>>,
    /// YAML and JSON files that may be templates.
    pub templates: Vec<Arc<str>>,
    /// Files of wrappers, which are not understood.
    pub wrappers: Vec<Arc<str>>,
}

/// Which files a run reads.
pub fn discover(files: &dyn Files, paths: &[String]) -> Discovery {
    let mut found: Vec<Arc<str>> = Vec::new();
    let everything = [String::new()];
    for path in if paths.is_empty() {
        &everything[..]
    } else {
        paths
    } {
        if files.is_file(path) {
            found.push(path.as_str().into());
            if is_terraform(path) {
                // A file stands for its whole root module.
                let folder = crate::files::folder_of(path);
                let beside = files.list(folder).unwrap_or_default().into_iter();
                found.extend(beside.filter(|p| {
                    crate::files::folder_of(p) == folder
                        && (is_terraform(p) || floors::is_plan(files, p))
                }));
            } else if floors::is_plan(files, path) {
                // A plan stands for the root module that it was made of.
                let folder = crate::files::folder_of(path);
                let beside = files.list(folder).unwrap_or_default().into_iter();
                found.extend(
                    beside.filter(|p| is_terraform(p) && crate::files::folder_of(p) == folder),
                );
            }
        } else {
            found.extend(files.list(path).unwrap_or_default());
        }
    }
    found.sort();
    found.dedup();
    let mut out = Discovery::default();
    for path in found {
        let name = path.rsplit('/').next().unwrap_or("");
        if name == "terragrunt.hcl" || name == "terragrunt.stack.hcl" {
            out.wrappers.push(path);
        } else if path
            .split('/')
            .any(|part| part == ".terraform" || part == "cdk.out")
            && !paths.contains(&path.to_string())
        {
        } else if is_terraform(&path) {
            out.terraform.push(path);
        } else if [".yaml", ".yml", ".json", ".template"]
            .iter()
            .any(|e| name.ends_with(e))
        {
            if floors::is_plan(files, &path) {
                out.terraform.push(path.clone());
            }
            out.templates.push(path);
        }
    }
    out
}

fn is_terraform(path: &str) -> bool {
    path.ends_with(".tf") || path.ends_with(".tf.json") || path.ends_with(".tofu")
}

/// Sources and facts of the files; of the environment that is asked for, with what joins each.
pub fn load(files: &dyn Files, request: &Request) -> (Sources, Estate) {
    let sources = read(files, request);
    let mut sources = match sources.environments().is_empty() {
        true => sources,
        false => sources.within(request.environment.as_deref()),
    };
    floors::join(&mut sources);
    let estate = floors::build(&sources, &request.inputs);
    (sources, estate)
}

/// What the files say, in every environment.
fn read(files: &dyn Files, request: &Request) -> Sources {
    let found = discover(files, &request.paths);
    let mut sources = Sources::default();
    for path in &found.wrappers {
        sources.gaps.push(Gap {
            what: path.clone(),
            why: "Terragrunt is not read; analyse the rendered configuration".into(),
            place: None,
            path: Some(path.clone()),
            kind: GapKind::Unsupported,
        });
    }
    floors::read_terraform(files, &found.terraform, &request.inputs, &mut sources);
    floors::read_cloudformation(files, &found.templates, &request.inputs, &mut sources);
    sources
}

/// Analyses the files as one estate.
pub fn run(files: &dyn Files, request: &Request) -> Report {
    revision(files, request).report
}

/// Analyses the files as one estate, with what a comparison of two revisions needs.
pub fn revision(files: &dyn Files, request: &Request) -> changes::Revision {
    let mut sources = read(files, request);
    let environments::Ran {
        mut findings,
        decided,
        gaps,
        mut read,
        names,
        public,
    } = environments::run(&sources, request);
    read.files = sources.files.len();
    let all = request.mends.then(|| findings.clone());
    let (suppressions, silenced) =
        suppress::apply(&mut findings, &mut sources, &request.suppressions);
    let shown = shown(files, request);
    findings.retain(|f| wanted(f, request, &shown, &sources, files));
    findings.sort_by(|a, b| {
        (b.level, a.primary.place.span, a.rule, &a.fingerprint).cmp(&(
            a.level,
            b.primary.place.span,
            b.rule,
            &b.fingerprint,
        ))
    });
    let undecided_mends = match &all {
        Some(all) => {
            let before = offer::State::new(&sources.files, all, &decided, public);
            offer::offer(files, request, &before, &mut findings)
        }
        None => 0,
    };
    let mut not_understood = std::mem::take(&mut sources.gaps);
    not_understood.extend(gaps);
    let blocks = sources
        .resources
        .iter()
        .map(|r| (r.address.clone(), r.block))
        .collect();
    let mut report = Report {
        findings,
        decided,
        not_understood,
        unused: std::mem::take(&mut sources.unused),
        environments: names,
        read,
        files: sources.files,
        silenced,
        undecided_mends,
        suppressions,
        changes: None,
        category: request.category.clone(),
        uri_prefix: request.uri_prefix.clone(),
        folder: request.folder.clone(),
    };
    secrets::cover(&mut report, &sources.secrets);
    changes::Revision { report, blocks }
}

/// The paths that are named, and for a plan the files of the root module that it was made of.
fn shown(files: &dyn Files, request: &Request) -> Vec<String> {
    let mut out = request.paths.clone();
    for path in request.paths.iter().filter(|p| floors::is_plan(files, p)) {
        let own = crate::files::folder_of(path);
        let others = request.inputs.plan_sources.as_deref();
        for folder in std::iter::once(own).chain(others) {
            let beside = files.list(folder).unwrap_or_default().into_iter();
            let beside = beside.filter(|p| crate::files::folder_of(p) == folder);
            out.extend(beside.filter(|p| is_terraform(p)).map(|p| p.to_string()));
        }
    }
    out
}

/// Selected, asked for, and touching what was named.
fn wanted(
    finding: &Finding,
    request: &Request,
    shown: &[String],
    sources: &Sources,
    files: &dyn Files,
) -> bool {
    let named = |list: &[String]| list.iter().any(|n| n == finding.rule);
    let selected = (request.select.is_empty() || named(&request.select)) && !named(&request.ignore);
    let asked = finding.only_with.is_none_or(|s| request.show.contains(&s));
    let named = if request.anchors.is_empty() {
        shown
    } else {
        &request.anchors
    };
    let touches = |path: &str| {
        named.iter().any(|p| {
            p.is_empty() || p == path || (!files.is_file(p) && path.starts_with(&format!("{p}/")))
        })
    };
    let here = named.is_empty()
        || std::iter::once(&finding.primary)
            .chain(&finding.steps)
            .flat_map(|step| {
                let uses = step.place.uses().map(|via| via.span.file);
                std::iter::once(step.place.span.file).chain(uses)
            })
            .any(|file| sources.files.get(file).is_some_and(|f| touches(&f.path)));
    selected && asked && here
}
