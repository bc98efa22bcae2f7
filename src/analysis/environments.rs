//! One run over several environments: each is an estate of its own, with what stands outside of all of them.
//!
//! What no environment touches is decided once, so that the work grows only with what depends on them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::{Beside, Request, floors};
use crate::facts::Estate;
use crate::report::{DecidedUpload, ReadCounts};
use crate::rule::{Finding, environment};
use crate::source::environment::{LIMIT, beyond};
use crate::source::{Format, Gap, GapKind, Scope, Sources};
use crate::upload::pairs::Pair;
use crate::value::ScopeId;

/// What a run found.
pub struct Ran {
    pub findings: Vec<Finding>,
    pub decided: Vec<DecidedUpload>,
    pub gaps: Vec<Gap>,
    /// Without the number of files.
    pub read: ReadCounts,
    /// Environments that were analysed.
    pub names: Vec<Arc<str>>,
    /// Buckets whose policy is certainly public.
    pub public: BTreeSet<Arc<str>>,
    /// Scopes that meet: one names what the other declares, or may upload to it.
    pub meets: Vec<(ScopeId, ScopeId)>,
}

/// One environment, or what stands outside of them.
struct World {
    name: Option<Arc<str>>,
    sources: Sources,
    estate: Estate,
    pairs: Vec<Pair>,
    gaps: Vec<Gap>,
}

impl World {
    fn build(all: &Sources, name: Option<&Arc<str>>, request: &Request, beside: &Beside) -> World {
        let mut sources = all.within(name.map(|n| &**n));
        floors::join(&mut sources);
        let mut estate = floors::build(&sources, &request.inputs, &beside.joined);
        floors::complete(&beside.prepared, &mut estate);
        let mut gaps = estate.gaps.clone();
        let pairs = floors::pairs(&estate, &sources, &mut gaps);
        World {
            name: name.cloned(),
            sources,
            estate,
            pairs,
            gaps,
        }
    }

    /// Scopes that meet by a name, or as the two sides of an upload.
    fn meets(&self) -> BTreeSet<(ScopeId, ScopeId)> {
        let mut out: BTreeSet<(ScopeId, ScopeId)> = self.estate.joins.iter().copied().collect();
        for pair in &self.pairs {
            let scopes =
                crate::upload::decide::scopes_of(&self.estate, &pair.uploader, pair.bucket);
            if let [a, b] = scopes.as_slice()
                && a != b
            {
                out.insert((*a.min(b), *a.max(b)));
            }
        }
        out
    }

    /// Scopes outside of the environments that this one meets, over any number of others.
    fn touched(&self) -> BTreeSet<ScopeId> {
        let own = |s: &&Scope| s.environment_name().is_some();
        let own = self.sources.scopes.iter().filter(own).map(|s| s.id);
        let inside: BTreeSet<ScopeId> = own.collect();
        let mut seen = reached(&self.meets(), inside.clone());
        seen.retain(|s| !inside.contains(s));
        seen
    }

    fn counts(&self) -> [usize; 6] {
        let estate = &self.estate;
        let here = |scope: &ScopeId| !scope.is_elsewhere();
        let callers = estate.callers.iter().map(|c| c.scope);
        let buckets = estate.buckets.iter().map(|b| b.scope);
        let endpoints = estate.endpoints.iter().map(|e| e.scope);
        let keys = estate.keys.iter().map(|k| k.scope);
        [
            callers.filter(here).count(),
            buckets.filter(here).count(),
            endpoints.filter(here).count(),
            keys.filter(here).count(),
            estate.policies,
            estate.policies_understood,
        ]
    }
}

/// The scopes, and those that they meet over any number of others.
pub fn reached<'m>(
    meets: impl IntoIterator<Item = &'m (ScopeId, ScopeId)>,
    from: BTreeSet<ScopeId>,
) -> BTreeSet<ScopeId> {
    let mut beside: BTreeMap<ScopeId, BTreeSet<ScopeId>> = BTreeMap::new();
    for (a, b) in meets {
        beside.entry(*a).or_default().insert(*b);
        beside.entry(*b).or_default().insert(*a);
    }
    let mut open: Vec<ScopeId> = from.iter().copied().collect();
    let mut seen = from;
    while let Some(next) = open.pop() {
        for other in beside.get(&next).into_iter().flatten() {
            if seen.insert(*other) {
                open.push(*other);
            }
        }
    }
    seen
}

/// Decides what the sources make possible, in each environment.
pub fn run(sources: &Sources, request: &Request, beside: &Beside) -> Ran {
    let mut gaps = Vec::new();
    let mut names = sources.environments();
    if let Some(only) = &request.environment {
        names.retain(|name| **name == **only);
    }
    let left = names.split_off(names.len().min(LIMIT));
    if !left.is_empty() {
        gaps.push(Gap {
            what: "environments".into(),
            why: beyond(&left).into(),
            place: None,
            path: None,
            kind: GapKind::Reading,
        });
    }
    let outside = World::build(sources, None, request, beside);
    let inside: Vec<World> = names
        .par_iter()
        .map(|name| World::build(sources, Some(name), request, beside))
        .collect();
    let touched: BTreeSet<ScopeId> = inside.iter().flat_map(World::touched).collect();
    let free: BTreeSet<ScopeId> = outside
        .sources
        .scopes
        .iter()
        .map(|s| s.id)
        .filter(|id| !touched.contains(id))
        .collect();
    let base = outside.counts();
    let mut read = base;
    for world in &inside {
        for ((sum, here), once) in read.iter_mut().zip(world.counts()).zip(base) {
            *sum += here.saturating_sub(once);
        }
    }
    let mut ran = Vec::new();
    let public = std::iter::once(&outside)
        .chain(&inside)
        .flat_map(|world| super::offer::public_buckets(&world.estate))
        .collect();
    let meets: BTreeSet<(ScopeId, ScopeId)> = std::iter::once(&outside)
        .chain(&inside)
        .flat_map(World::meets)
        .collect();
    let mut told = BTreeSet::new();
    for world in std::iter::once(outside).chain(inside) {
        let within = world.name.is_some();
        // With nothing of its own left, an upload of unknown scopes belongs to those who stand outside.
        let judged = |scopes: &[ScopeId]| scopes.iter().all(|s| free.contains(s)) != within;
        let mut found = world.gaps;
        let (findings, decided) = floors::findings(
            &world.estate,
            &world.sources,
            world.pairs,
            &judged,
            &mut found,
        );
        // What one environment did not understand, the others say again.
        for gap in found {
            let span = gap.place.as_ref().map(|p| p.span);
            if told.insert((gap.what.clone(), gap.why.clone(), span)) || !within {
                gaps.push(gap);
            }
        }
        ran.push(environment::Ran {
            name: world.name,
            findings,
            decided,
        });
    }
    let reach = Reach::new(&sources.scopes, &names);
    let (findings, decided) = environment::merge(ran, &|scopes| reach.of(scopes));
    let [
        callers,
        buckets,
        endpoints,
        keys,
        policies,
        policies_understood,
    ] = read;
    Ran {
        findings,
        decided,
        gaps,
        read: ReadCounts {
            files: 0,
            callers,
            buckets,
            endpoints,
            keys,
            policies,
            policies_understood,
        },
        names,
        public,
        meets: meets.into_iter().collect(),
    }
}

/// Which environments a scope's root module or template has.
struct Reach {
    of: BTreeMap<ScopeId, BTreeSet<Arc<str>>>,
    all: BTreeSet<Arc<str>>,
}

impl Reach {
    fn new(scopes: &[Scope], names: &[Arc<str>]) -> Reach {
        let key = |s: &Scope| (s.format == Format::Terraform, s.path.clone());
        let mut by_root: BTreeMap<(bool, Arc<str>), BTreeSet<Arc<str>>> = BTreeMap::new();
        let named = |s: &Scope| s.environment_name().filter(|n| names.contains(n)).cloned();
        for scope in scopes {
            by_root.entry(key(scope)).or_default().extend(named(scope));
        }
        let of = |s: &Scope| by_root.get(&key(s)).cloned().unwrap_or_default();
        Reach {
            of: scopes.iter().map(|s| (s.id, of(s))).collect(),
            all: names.iter().cloned().collect(),
        }
    }

    /// Those that all of the scopes have; a scope without any joins with every one.
    fn of(&self, scopes: &BTreeSet<ScopeId>) -> BTreeSet<Arc<str>> {
        let mut out = self.all.clone();
        for own in scopes.iter().filter_map(|s| self.of.get(s)) {
            if !own.is_empty() {
                out.retain(|name| own.contains(name));
            }
        }
        out
    }
}
