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

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::facts::Estate;
use crate::facts::context::{Context, Prepared};
use crate::facts::declare::Declaration;
use crate::facts::exchange::{Joined, Origin};
use crate::files::Files;
use crate::report::{JoinedCounts, ReadCounts, Report};
use crate::rule::{Finding, Level, Show, Step};
use crate::source::{Gap, GapKind, Inputs, Sources};

/// What a run is asked to do.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Boundary-relative folders and files; empty: everything.
    pub paths: Vec<String>,
    /// Boundary-relative files: only findings that touch one of them are reported; empty: those that touch `paths`.
    pub anchors: Vec<String>,
    pub inputs: Inputs,
    /// What the configuration says about the estate.
    pub context: Arc<Context>,
    /// Facts of other repositories, and the name of this one.
    pub facts: Arc<Joined>,
    pub repository: Option<String>,
    /// Levels of rules that the configuration sets; none for a rule that is off.
    pub levels: BTreeMap<String, Option<Level>>,
    /// Names of rules; empty: all.
    pub select: Vec<String>,
    pub ignore: Vec<String>,
    pub show: Vec<Show>,
    /// Offer exact edits: each is decided again.
    pub mends: bool,
    /// Try every mend, however much is to be decided again for it.
    pub thorough: bool,
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

/// What stands beside the sources of a run: facts of other repositories, and what the configuration says.
struct Beside {
    joined: Joined,
    prepared: Prepared,
}

/// Puts the scopes and files that stand beside the sources among them.
fn beside(files: &dyn Files, request: &Request, sources: &mut Sources) -> Beside {
    let joined = request.facts.beside(
        request.repository.as_deref(),
        &request.uri_prefix,
        &sources.scopes,
    );
    sources.scopes.extend(joined.scopes.iter().cloned());
    sources.files.set_elsewhere(joined.files.clone());
    let prepared = floors::prepare(&request.context, files, sources);
    Beside { joined, prepared }
}

/// Sources and facts of the files; of the environment that is asked for, with what joins each, and with the facts
/// of other repositories.
pub fn load(files: &dyn Files, request: &Request) -> (Sources, Estate) {
    let mut sources = read(files, request);
    let beside = beside(files, request, &mut sources);
    let mut sources = match sources.environments().is_empty() {
        true => sources,
        false => sources.within(request.environment.as_deref()),
    };
    floors::join(&mut sources);
    let mut estate = floors::build(&sources, &request.inputs, &beside.joined);
    floors::complete(&beside.prepared, &mut estate);
    (sources, estate)
}

/// The content of a facts file: what the files declare, for the runs of other repositories.
pub fn facts(files: &dyn Files, request: &Request, repository: &str) -> String {
    let sources = read(files, request);
    let names = sources.environments();
    let names = std::iter::once(None).chain(names.iter().map(Some));
    let mut worlds: Vec<Sources> = names
        .map(|name| {
            let mut world = sources.within(name.map(|n| &**n));
            floors::join(&mut world);
            world
        })
        .collect();
    floors::publish(
        &mut worlds,
        &sources.gaps,
        &request.inputs,
        repository,
        &request.uri_prefix,
    )
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
    floors::settle_accounts(&request.context, &mut sources);
    sources
}

/// Analyses the files as one estate.
pub fn run(files: &dyn Files, request: &Request) -> Report {
    revision(files, request).report
}

/// Analyses the files as one estate, with what a comparison of two revisions needs.
pub fn revision(files: &dyn Files, request: &Request) -> changes::Revision {
    let mut sources = read(files, request);
    let beside = beside(files, request, &mut sources);
    let environments::Ran {
        mut findings,
        decided,
        gaps,
        mut read,
        names,
        meets,
        public: _,
    } = environments::run(&sources, request, &beside);
    read.files = sources.files.len();
    let all = request.mends.then(|| findings.clone());
    let (suppressions, silenced) =
        suppress::apply(&mut findings, &mut sources, &request.suppressions);
    findings.retain_mut(|finding| set_level(finding, &request.levels));
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
            let before = offer::State::new(&sources, all, meets);
            offer::offer(files, request, &before, &mut findings)
        }
        None => 0,
    };
    let mut not_understood = std::mem::take(&mut sources.gaps);
    not_understood.extend(gaps);
    // What another repository does not understand of itself is said once.
    let of_others = |gap: &Gap| {
        let place = gap.place.as_ref();
        place.is_some_and(|p| p.span.file.is_elsewhere())
    };
    not_understood.retain(|gap| !of_others(gap));
    not_understood.extend(request.facts.origins.iter().filter_map(|origin| {
        let ((what, why), more) = origin.gaps.split_first()?;
        let more = match more.len() {
            0 => String::new(),
            n => format!(", and {n} more"),
        };
        Some(Gap {
            what: format!("facts of {}", origin.repository).into(),
            why: format!("written without {what}: {why}{more}").into(),
            place: None,
            path: None,
            kind: GapKind::Missing,
        })
    }));
    let joined = beside.joined.origins.iter();
    let joined = joined.map(|origin| joined_counts(&beside.joined, origin));
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
        joined: joined.collect(),
        files: sources.files,
        secrets: Vec::new(),
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

/// Gives a finding the level that the configuration sets; false for a rule that is off. What is only a note is not
/// sure enough for more.
fn set_level(finding: &mut Finding, levels: &BTreeMap<String, Option<Level>>) -> bool {
    match levels.get(finding.rule) {
        Some(Some(level)) if finding.level > Level::Note || *level < finding.level => {
            finding.level = *level;
            true
        }
        Some(None) => false,
        Some(Some(_)) | None => true,
    }
}

/// What the facts of one repository declare.
fn joined_counts(joined: &Joined, origin: &Origin) -> JoinedCounts {
    let mut read = ReadCounts::default();
    let declared = joined.declarations.iter();
    for declared in declared.filter(|d| origin.scopes.contains(&d.scope.0)) {
        match &declared.what {
            Declaration::Role { .. } | Declaration::User { .. } => read.callers += 1,
            Declaration::Bucket { .. } => read.buckets += 1,
            Declaration::Endpoint { .. } => read.endpoints += 1,
            Declaration::Key { .. } => read.keys += 1,
            _ => {}
        }
    }
    JoinedCounts {
        repository: origin.repository.clone(),
        read,
    }
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
    // A finding that lies in another repository as a whole is reported there.
    let own = |step: &&Step| !step.place.span.file.is_elsewhere();
    let mut steps = std::iter::once(&finding.primary)
        .chain(&finding.steps)
        .filter(own)
        .peekable();
    let here = steps.peek().is_some()
        && (named.is_empty()
            || steps
                .flat_map(|step| {
                    let uses = step.place.uses().map(|via| via.span.file);
                    std::iter::once(step.place.span.file).chain(uses)
                })
                .any(|file| sources.files.get(file).is_some_and(|f| touches(&f.path))));
    selected && asked && here
}
