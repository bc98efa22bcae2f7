//! The pipeline from files to a report: discovery of inputs, the floors in order, suppression comments, filters.
//!
//! All reading goes through the given files; nothing here prints or asks the environment.

mod circle;
pub mod floors;
pub mod mend;
pub mod offer;
pub mod suppress;

use std::sync::Arc;

use crate::facts::Estate;
use crate::files::Files;
use crate::report::{ReadCounts, Report};
use crate::rule::{Finding, Show};
use crate::source::{Gap, GapKind, Inputs, Sources};

/// What a run is asked to do.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Boundary-relative folders and files; empty: everything.
    pub paths: Vec<String>,
    pub inputs: Inputs,
    /// Names of rules; empty: all.
    pub select: Vec<String>,
    pub ignore: Vec<String>,
    pub show: Vec<Show>,
    /// Offer exact edits: each is decided again.
    pub mends: bool,
    pub uri_prefix: String,
    /// The folder that the reader is in, if it lies inside the boundary: paths in the terminal start there.
    pub folder: Option<String>,
}

/// Files by what reads them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Discovery {
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
            out.templates.push(path);
        }
    }
    out
}

fn is_terraform(path: &str) -> bool {
    path.ends_with(".tf") || path.ends_with(".tf.json") || path.ends_with(".tofu")
}

/// Sources and facts of the files.
pub fn load(files: &dyn Files, request: &Request) -> (Sources, Estate) {
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
    let estate = floors::build(&sources, &request.inputs);
    (sources, estate)
}

/// Analyses the files as one estate.
pub fn run(files: &dyn Files, request: &Request) -> Report {
    let (mut sources, estate) = load(files, request);
    let mut undecided = Vec::new();
    let (mut findings, decided) = floors::findings(&estate, &sources, &mut undecided);
    let all = if request.mends {
        findings.clone()
    } else {
        Vec::new()
    };
    let silenced = suppress::apply(&mut findings, &sources);
    findings.retain(|f| wanted(f, request, &sources, files));
    findings.sort_by(|a, b| {
        (b.level, a.primary.place.span, a.rule, &a.fingerprint).cmp(&(
            a.level,
            b.primary.place.span,
            b.rule,
            &b.fingerprint,
        ))
    });
    let undecided_mends = if request.mends {
        let before = offer::State::new(&sources.files, &estate, all, &decided);
        offer::offer(files, request, &before, &mut findings)
    } else {
        0
    };
    let read = ReadCounts {
        files: sources.files.len(),
        callers: estate.callers.len(),
        buckets: estate.buckets.len(),
        endpoints: estate.endpoints.len(),
        keys: estate.keys.len(),
        policies: estate.policies,
        policies_understood: estate.policies_understood,
    };
    let mut not_understood = std::mem::take(&mut sources.gaps);
    not_understood.extend(estate.gaps);
    not_understood.extend(undecided);
    Report {
        findings,
        decided,
        not_understood,
        read,
        files: sources.files,
        silenced,
        undecided_mends,
        uri_prefix: request.uri_prefix.clone(),
        folder: request.folder.clone(),
    }
}

/// Selected, asked for, and touching what was named.
fn wanted(finding: &Finding, request: &Request, sources: &Sources, files: &dyn Files) -> bool {
    let named = |list: &[String]| list.iter().any(|n| n == finding.rule);
    let selected = (request.select.is_empty() || named(&request.select)) && !named(&request.ignore);
    let shown = finding.only_with.is_none_or(|s| request.show.contains(&s));
    let touches = |path: &str| {
        request.paths.iter().any(|p| {
            p.is_empty() || p == path || (!files.is_file(p) && path.starts_with(&format!("{p}/")))
        })
    };
    let here = request.paths.is_empty()
        || std::iter::once(&finding.primary)
            .chain(&finding.steps)
            .any(|step| {
                let calls = step
                    .place
                    .module_calls()
                    .into_iter()
                    .map(|(_, span)| span.file);
                std::iter::once(step.place.span.file)
                    .chain(calls)
                    .any(|f| sources.files.get(f).is_some_and(|f| touches(&f.path)))
            });
    selected && shown && here
}
