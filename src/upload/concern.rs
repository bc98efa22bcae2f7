//! Which uploads concern this repository, where the facts of others are joined: those that something declared
//! here takes part in. What lies elsewhere as a whole is reported there.

use crate::facts::{Bucket, Caller, Estate, KeyUse, Policies};
use crate::upload::pairs::Pair;
use crate::upload::{Decided, Path, Route, Uploader};
use crate::value::Place;

/// What of an estate is declared here.
pub struct Concern<'e> {
    estate: &'e Estate,
    /// Nothing is elsewhere, or an organization policy of this repository may reach everything.
    everything: bool,
    endpoints: bool,
}

impl<'e> Concern<'e> {
    pub fn of(estate: &'e Estate) -> Concern<'e> {
        let elsewhere = estate.callers.iter().any(|c| c.scope.is_elsewhere())
            || estate.buckets.iter().any(|b| b.scope.is_elsewhere());
        let mut organization = estate.organization.iter();
        Concern {
            estate,
            everything: !elsewhere || organization.any(|p| !p.scope.is_elsewhere()),
            endpoints: estate
                .endpoints
                .iter()
                .any(|e| !e.scope.is_elsewhere() || e.policy.as_ref().is_some_and(written_here)),
        }
    }

    /// False where an upload cannot concern this repository, whatever comes of it.
    pub fn may(&self, pair: &Pair) -> bool {
        self.everything
            || self.endpoints
            || self.uploader(&pair.uploader)
            || self.bucket(pair.bucket)
    }

    /// True for an upload in which something of this repository takes part.
    pub fn is(&self, decided: &Decided) -> bool {
        self.everything
            || self.uploader(&decided.uploader)
            || self.bucket(decided.bucket)
            || self.path(&decided.path)
    }

    fn uploader(&self, uploader: &Uploader) -> bool {
        let caller = |index: usize| self.estate.callers.get(index).is_some_and(caller_here);
        match uploader {
            Uploader::Declared(index) => caller(*index),
            Uploader::Service { role, .. } => role.is_some_and(caller),
            Uploader::External { .. } | Uploader::Deployer { .. } => false,
        }
    }

    fn bucket(&self, index: usize) -> bool {
        let bucket = self.estate.buckets.get(index);
        let mut points = self.estate.access_points.iter();
        bucket.is_some_and(|b| bucket_here(b) || self.key(b))
            || points.any(|p| {
                p.bucket == index
                    && (!p.scope.is_elsewhere() || p.policy.as_ref().is_some_and(written_here))
            })
    }

    fn key(&self, bucket: &Bucket) -> bool {
        let Some(KeyUse::Declared { key, .. }) = bucket.encryption.value().map(|e| &e.key) else {
            return false;
        };
        self.estate.keys.get(*key).is_some_and(|key| {
            !key.scope.is_elsewhere() || key.policy.as_ref().is_some_and(written_here)
        })
    }

    fn path(&self, path: &Path) -> bool {
        let Route::Endpoint(index) = &path.route else {
            return false;
        };
        self.estate
            .endpoints
            .get(*index)
            .is_some_and(|e| !e.scope.is_elsewhere() || e.policy.as_ref().is_some_and(written_here))
    }
}

fn here(place: &Place) -> bool {
    !place.span.file.is_elsewhere()
}

fn written_here(policies: &Policies) -> bool {
    policies
        .attached
        .iter()
        .any(|a| here(&a.policy.place) || a.attached.as_ref().is_some_and(here))
}

fn caller_here(caller: &Caller) -> bool {
    !caller.scope.is_elsewhere()
        || written_here(&caller.identity)
        || caller.boundary.as_ref().is_some_and(written_here)
        || caller.workloads.iter().any(|w| here(&w.place))
}

fn bucket_here(bucket: &Bucket) -> bool {
    !bucket.scope.is_elsewhere()
        || bucket.policy.as_ref().is_some_and(written_here)
        || bucket.acl.as_ref().is_some_and(|a| here(&a.place))
        || bucket.ownership.place().is_some_and(here)
        || bucket.encryption.place().is_some_and(here)
}
