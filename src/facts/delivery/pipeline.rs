//! Artifacts of a pipeline: who writes them into which store, for both formats.
//!
//! The action's role writes what the action makes, the pipeline's role where the action names none. A build writes
//! as the role of its project, with the project's own key: that of the store does not reach it (documentation of
//! CodeBuild on the encryption of build outputs, and the known limitation in issue 4182 of aws/aws-cdk). A function
//! writes with credentials that the pipeline hands to it, or with its own: nothing is claimed of it.

use super::Delivery;
use crate::facts::declare::{Declaration, Declarations};
use crate::facts::link::Linker;
use crate::source::Resource;
use crate::value::{Guards, Place, Text};

/// What a pipeline configures.
pub struct Pipeline {
    pub role: Option<Text>,
    pub stores: Vec<Store>,
    /// Those that make artifacts.
    pub actions: Vec<Action>,
}

/// A bucket for artifacts.
pub struct Store {
    pub bucket: Text,
    pub key: Option<(Text, Place)>,
    pub region: Option<Text>,
    pub place: Place,
    pub guards: Guards,
}

/// An action that makes artifacts.
pub struct Action {
    pub provider: Option<Text>,
    pub role: Option<(Text, Place)>,
    /// Project of a build.
    pub project: Option<(Text, Place)>,
    /// Where it differs from the pipeline's.
    pub region: Option<Text>,
    pub guards: Guards,
}

impl Action {
    fn is_by(&self, provider: &str) -> bool {
        let named = self.provider.as_ref().and_then(Text::as_literal);
        named == Some(provider)
    }

    /// True where CodePipeline itself writes what the action makes.
    fn is_written_by_role(&self) -> bool {
        // What comes from a repository or from a service; other actions write by workers of their own.
        ["CodeCommit", "S3", "ECR", "CodeStarSourceConnection"]
            .iter()
            .any(|p| self.is_by(p))
    }
}

impl Pipeline {
    pub fn declare(&self, linker: &Linker<'_>, r: &Resource, out: &mut Declarations) {
        // Where every source has a role of its own, that of the pipeline only assumes it.
        let mut sources = self.actions.iter().filter(|a| a.is_written_by_role());
        let overridden = sources.clone().next().is_some() && sources.all(|a| a.role.is_some());
        if let (Some(role), false) = (&self.role, overridden) {
            for store in &self.stores {
                store.send(role, &store.place, &[], linker, r, out);
            }
        }
        for action in &self.actions {
            let Some(store) = self.store_of(action, linker, r) else {
                continue;
            };
            match (&action.role, &action.project) {
                (Some((role, place)), _) if action.is_written_by_role() => {
                    store.send(role, place, &action.guards, linker, r, out);
                }
                (role, Some((project, place))) if action.is_by("CodeBuild") => {
                    let what = Declaration::BuildArtifacts {
                        project: project.clone(),
                        action_role: role.as_ref().map(|(role, _)| role.clone()),
                        bucket: store.bucket.clone(),
                        store_key: store.key.as_ref().map(|(key, _)| key.clone()),
                    };
                    let guards = store.guards.iter().chain(&action.guards).cloned();
                    out.add_at(r, place.clone(), guards.collect(), what);
                }
                _ => {}
            }
        }
    }

    /// The only store, else that of the action's Region; `None` where that is not certain.
    fn store_of(&self, action: &Action, linker: &Linker<'_>, r: &Resource) -> Option<&Store> {
        if let [only] = self.stores.as_slice() {
            return Some(only);
        }
        let region = match &action.region {
            Some(region) => linker.resolve(region),
            None => linker.region(r.scope, &r.provider),
        };
        let wanted = region.identity()?;
        self.stores.iter().find(|store| {
            let region = store.region.as_ref().map(|t| linker.resolve(t));
            region.and_then(|t| t.identity()).as_ref() == Some(&wanted)
        })
    }
}

impl Store {
    fn send(
        &self,
        role: &Text,
        place: &Place,
        guards: &[crate::value::Guard],
        linker: &Linker<'_>,
        r: &Resource,
        out: &mut Declarations,
    ) {
        let mut delivery = Delivery {
            role: Some(role.clone()),
            guards: self.guards.iter().chain(guards).cloned().collect(),
            ..Delivery::new("codepipeline", self.bucket.clone(), place)
        }
        .below(None);
        if let Some((key, at)) = &self.key {
            delivery = delivery.with_key(key.clone(), at);
        }
        delivery.declare(linker, r, out);
    }
}
