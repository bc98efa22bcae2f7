//! Mends offered: each edit is written, the estate is decided again with it, and what came of it is said.
//!
//! An edit is offered only where its denial is gone and no other comes in its place. It is safe where nobody may
//! upload who could not before, beside the callers whose uploads it is for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::{Request, circle, environments};
use crate::decision::Match;
use crate::facts::Estate;
use crate::files::{FileTable, Files, FilesError, folder_of};
use crate::policy::public;
use crate::report::DecidedUpload;
use crate::rule::{Edit, Finding, Level, Outcome, Proposal};
use crate::source::{Format, Scope, Sources, edit};
use crate::value::{FileId, ScopeId};

/// Proposals of one finding that are decided.
const ALTERNATIVES: usize = 3;
/// Edits of one run that are decided again.
const DECIDED: usize = 40;
/// Resources that are read again in one run for edits that nobody asked for, where half of the run's own are fewer.
const RESOURCES: usize = 2_000;

/// Fills in the edits of the findings. Gives the number of findings whose edits were not decided, as they are too many.
pub fn offer(
    files: &dyn Files,
    request: &Request,
    before: &State,
    findings: &mut [Finding],
) -> usize {
    let mut wanted: Vec<(usize, Vec<(Candidate, usize)>)> = Vec::new();
    let mut parts: Vec<Part> = Vec::new();
    let (mut count, mut left_out, mut work) = (0, 0, 0);
    let most = match request.thorough {
        true => usize::MAX,
        false => RESOURCES.max(before.resources / 2),
    };
    for (index, finding) in findings.iter().enumerate() {
        let proposals = match &finding.fix {
            Some(fix) if finding.level > Level::Note || finding.callers.is_empty() => {
                fix.proposals.as_slice()
            }
            _ => continue,
        };
        let candidates: Vec<Candidate> = proposals
            .iter()
            .filter_map(|p| Candidate::new(&before.sources.files, p))
            .take(ALTERNATIVES)
            .collect();
        if candidates.is_empty() {
            continue;
        }
        let mut known = parts.len();
        let placed: Vec<(Candidate, usize)> = candidates
            .into_iter()
            .map(|candidate| {
                let part = Part::of(before, &candidate.edits);
                let at = parts.iter().position(|p| p.scopes == part.scopes);
                let at = at.unwrap_or_else(|| {
                    parts.push(part);
                    parts.len() - 1
                });
                (candidate, at)
            })
            .collect();
        let mut cost = 0usize;
        for (_, at) in &placed {
            let size = parts.get(*at).map_or(0, |p| p.resources);
            cost += size;
            // Each part is decided once without an edit.
            if *at >= known {
                cost += size;
                known = at + 1;
            }
        }
        if count + placed.len() > DECIDED || work + cost > most {
            left_out += 1;
            continue;
        }
        count += placed.len();
        work += cost;
        wanted.push((index, placed));
    }
    let used: BTreeSet<usize> = wanted
        .iter()
        .flat_map(|(_, c)| c)
        .map(|(_, at)| *at)
        .collect();
    let parts: Vec<Option<Basis>> = parts
        .into_par_iter()
        .enumerate()
        .map(|(at, part)| {
            used.contains(&at)
                .then(|| Basis::new(files, request, &part))
        })
        .collect();
    let shown: &[Finding] = findings;
    let found: Vec<(usize, Option<Offer>)> = wanted
        .into_par_iter()
        .map(|(index, candidates)| {
            let finding = shown.get(index);
            let offer = finding.and_then(|f| best(files, before, f, candidates, &parts));
            (index, offer)
        })
        .collect();
    for (index, offer) in found {
        let fix = findings.get_mut(index).and_then(|f| f.fix.as_mut());
        if let (Some(fix), Some(offer)) = (fix, offer) {
            fix.edits = offer.edits;
            if let Some(text) = offer.text {
                fix.text = text;
            }
            fix.safe = offer.gains.is_empty();
            fix.gains = offer.gains;
        }
    }
    left_out
}

/// The part of the estate that an edit can change: the scopes of its files and those that they meet.
struct Part {
    scopes: BTreeSet<ScopeId>,
    /// What stands for them as named paths.
    paths: Vec<String>,
    resources: usize,
}

impl Part {
    fn of(before: &State, edits: &[Edit]) -> Part {
        let mut own = BTreeSet::new();
        for edit in edits {
            own.extend(before.declaring.get(&edit.span.file).into_iter().flatten());
        }
        // What declares nothing may be read by any.
        if own.is_empty() {
            own.extend(before.sources.scopes.iter().map(|s| s.id));
        }
        let scopes = environments::reached(&before.meets, own);
        let listed = before
            .sources
            .scopes
            .iter()
            .filter(|s| scopes.contains(&s.id));
        let mut paths: Vec<String> = listed
            .filter(|s| !s.id.is_elsewhere())
            .filter_map(|s| before.named(s))
            .collect();
        paths.sort();
        paths.dedup();
        let resources = scopes.iter().filter_map(|s| before.sizes.get(s)).sum();
        Part {
            scopes,
            paths,
            resources,
        }
    }
}

/// What holds in a part of the estate before an edit.
struct Basis {
    request: Request,
    findings: Vec<Finding>,
    /// Caller and bucket of every upload that may pass in some form.
    access: BTreeSet<(Arc<str>, Arc<str>)>,
    /// Buckets whose policy may be public.
    public: BTreeSet<Arc<str>>,
}

impl Basis {
    fn new(files: &dyn Files, request: &Request, part: &Part) -> Basis {
        let request = Request {
            paths: part.paths.clone(),
            ..request.clone()
        };
        let mut read = super::read(files, &request);
        let beside = super::beside(files, &request, &mut read);
        let ran = environments::run(&read, &request, &beside);
        Basis {
            request,
            access: access(&ran.decided),
            findings: ran.findings,
            public: ran.public,
        }
    }
}

/// Edits that could be offered.
struct Candidate {
    edits: Vec<Edit>,
    shares: Vec<String>,
    text: Option<String>,
    refers: bool,
}

impl Candidate {
    fn new(sources: &FileTable, proposal: &Proposal) -> Option<Candidate> {
        let was = proposal.was.as_deref();
        let edits = edit::edits(sources, &proposal.change, &proposal.document, was)?;
        Some(Candidate {
            edits,
            shares: proposal.shares.clone(),
            text: proposal.text.clone(),
            refers: proposal.change.refers(),
        })
    }
}

struct Offer {
    edits: Vec<Edit>,
    text: Option<String>,
    gains: Vec<String>,
}

/// What held before an edit.
pub struct State<'f> {
    sources: &'f Sources,
    /// Those that are not shown too.
    findings: &'f [Finding],
    meets: Vec<(ScopeId, ScopeId)>,
    /// Scopes that declare something in a file.
    declaring: BTreeMap<FileId, BTreeSet<ScopeId>>,
    /// Resources of each scope.
    sizes: BTreeMap<ScopeId, usize>,
    resources: usize,
}

impl<'f> State<'f> {
    pub fn new(
        sources: &'f Sources,
        findings: &'f [Finding],
        meets: Vec<(ScopeId, ScopeId)>,
    ) -> State<'f> {
        let mut declaring: BTreeMap<FileId, BTreeSet<ScopeId>> = BTreeMap::new();
        let mut sizes: BTreeMap<ScopeId, usize> = BTreeMap::new();
        for resource in &sources.resources {
            let file = resource.block.file;
            declaring.entry(file).or_default().insert(resource.scope);
            *sizes.entry(resource.scope).or_default() += 1;
        }
        State {
            sources,
            findings,
            meets,
            declaring,
            sizes,
            resources: sources.resources.len(),
        }
    }

    /// A file that stands for a scope where it is named: a template, or one of a root module.
    fn named(&self, scope: &Scope) -> Option<String> {
        match scope.format {
            Format::CloudFormation => Some(scope.path.to_string()),
            Format::Terraform => {
                let inside = |path: &str| folder_of(path) == &*scope.path;
                let mut files = self.sources.files.iter().map(|(_, f)| &f.path);
                files
                    .find(|path| super::is_terraform(path) && inside(path))
                    .map(|path| path.to_string())
            }
        }
    }
}

/// The first safe one, else the first that mends.
fn best(
    files: &dyn Files,
    before: &State,
    finding: &Finding,
    candidates: Vec<(Candidate, usize)>,
    parts: &[Option<Basis>],
) -> Option<Offer> {
    let mut unsafe_one = None;
    for (candidate, at) in candidates {
        let Some(basis) = parts.get(at).and_then(Option::as_ref) else {
            continue;
        };
        let Some(offer) = try_out(files, before, basis, finding, candidate) else {
            continue;
        };
        if offer.gains.is_empty() {
            return Some(offer);
        }
        unsafe_one = unsafe_one.or(Some(offer));
    }
    unsafe_one
}

/// Decides the part of the estate with the edits; `None` where they do not mend the finding.
fn try_out(
    files: &dyn Files,
    before: &State,
    basis: &Basis,
    finding: &Finding,
    candidate: Candidate,
) -> Option<Offer> {
    let request = &basis.request;
    // What lies in another repository is mended there.
    if candidate.edits.iter().any(|e| e.span.file.is_elsewhere()) {
        return None;
    }
    let edited = Edited::new(files, &before.sources.files, &candidate.edits)?;
    let mut read = super::read(&edited, request);
    let beside = super::beside(&edited, request, &mut read);
    // INVARIANT: a text that does not parse any more is never offered.
    if !edited.parses(&read) {
        return None;
    }
    // Neither Terraform nor CloudFormation deploys blocks that refer to each other in a circle.
    if candidate.refers && circle::new_one(&read, &candidate.edits) {
        return None;
    }
    let ran = environments::run(&read, request, &beside);
    let (findings, decided) = (ran.findings, ran.decided);
    let like = |other: &&Finding| {
        other.rule == finding.rule
            && other.bucket == finding.bucket
            && other.primary.label == finding.primary.label
            && (finding.callers.is_empty() || same_upload(other, finding))
    };
    let known: BTreeSet<&str> = before.findings.iter().map(|f| f.rule).collect();
    let counted = |all: &[Finding]| all.iter().filter(like).count();
    // INVARIANT: the part alone shows what the whole shows; else nothing follows from it.
    let held = counted(&basis.findings);
    if held != counted(before.findings) {
        return None;
    }
    let gone = counted(&findings) < held;
    let worse = findings.iter().any(|f| {
        f.level > Level::Note
            && f.only_with.is_none()
            && !known.contains(f.rule)
            && !same_upload(f, finding)
    });
    if !gone || worse {
        return None;
    }
    let mut gains: Vec<String> = Vec::new();
    for (caller, bucket) in access(&decided).difference(&basis.access) {
        let meant =
            *bucket == finding.bucket && finding.callers.iter().any(|w| w.address == *caller);
        if !meant {
            gains.push(format!("{caller} to {bucket}"));
        }
    }
    for bucket in ran.public.difference(&basis.public) {
        gains.push(format!("everyone to {bucket}"));
    }
    let callers: BTreeSet<&str> = finding.callers.iter().map(|w| &*w.address).collect();
    gains.extend(
        candidate
            .shares
            .into_iter()
            .filter(|s| !callers.contains(s.as_str())),
    );
    gains.dedup();
    Some(Offer {
        edits: candidate.edits,
        text: candidate.text,
        gains,
    })
}

/// The same upload, of which another gate may say no once this one does not.
fn same_upload(one: &Finding, other: &Finding) -> bool {
    one.bucket == other.bucket
        && one
            .callers
            .iter()
            .any(|w| other.callers.iter().any(|v| v.address == w.address))
}

fn access(decided: &[DecidedUpload]) -> BTreeSet<(Arc<str>, Arc<str>)> {
    decided
        .iter()
        .filter(|d| match d.outcome {
            Outcome::AlwaysDenied | Outcome::ServiceDeliveryDenied | Outcome::OtherFailure => false,
            Outcome::DefaultDenied | Outcome::ShapeDenied | Outcome::Depends | Outcome::Allowed => {
                true
            }
        })
        .map(|d| (d.caller.clone(), d.bucket.clone()))
        .collect()
}

pub fn public_buckets(estate: &Estate) -> BTreeSet<Arc<str>> {
    estate
        .buckets
        .iter()
        .filter(|b| {
            b.policy.iter().flat_map(|p| &p.attached).any(|a| {
                a.policy
                    .statements
                    .iter()
                    .any(|s| public::is_public_statement(s, a.policy.version) == Match::Yes)
            })
        })
        .map(|b| b.address.clone())
        .collect()
}

/// A tree with some files edited.
struct Edited<'f> {
    files: &'f dyn Files,
    changed: BTreeMap<Arc<str>, Arc<[u8]>>,
}

impl<'f> Edited<'f> {
    /// `None` where an edit does not fit its file.
    fn new(files: &'f dyn Files, sources: &FileTable, edits: &[Edit]) -> Option<Edited<'f>> {
        let mut by_file: BTreeMap<crate::value::FileId, Vec<&Edit>> = BTreeMap::new();
        for edit in edits {
            by_file.entry(edit.span.file).or_default().push(edit);
        }
        let mut changed = BTreeMap::new();
        for (id, mut edits) in by_file {
            edits.sort_by_key(|e| (e.span.start, e.span.end));
            let file = sources.get(id)?;
            let text = super::mend::apply(&file.text, 0, &edits)?;
            changed.insert(file.path.clone(), Arc::from(text.into_bytes()));
        }
        Some(Edited { files, changed })
    }

    /// True where none of the edited files has a fault of syntax.
    fn parses(&self, read: &crate::source::Sources) -> bool {
        !read.gaps.iter().any(|gap| {
            let path = gap
                .place
                .as_ref()
                .and_then(|p| read.files.get(p.span.file))
                .map(|f| &f.path)
                .or(gap.path.as_ref());
            gap.kind == crate::source::GapKind::Syntax
                && path.is_some_and(|p| self.changed.contains_key(p))
        })
    }
}

impl Files for Edited<'_> {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, FilesError> {
        match self.changed.get(path) {
            Some(bytes) => Ok(bytes.clone()),
            None => self.files.read(path),
        }
    }

    fn list(&self, folder: &str) -> Result<Vec<Arc<str>>, FilesError> {
        self.files.list(folder)
    }

    fn is_file(&self, path: &str) -> bool {
        self.files.is_file(path)
    }
}
