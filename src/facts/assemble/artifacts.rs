//! Artifacts of pipelines that builds write: the action names a project, the project its role and its key.

use super::Assembly;
use crate::facts::declare::{Declaration, Declared, DeclaredSender};
use crate::facts::delivery::{SSE, SSE_KEY};
use crate::facts::{BucketUse, Header, ShownUpload};
use crate::policy::guards::join;
use crate::value::{Place, Text, Unknown};

impl Assembly<'_, '_> {
    /// Makes build projects known by the names that pipelines use.
    pub(super) fn stand_project(&mut self, d: &Declared, account: Option<&str>) {
        let Declaration::BuildProject { names, .. } = &d.what else {
            return;
        };
        let at = self.project_list.len();
        self.project_list.push(d.clone());
        for name in names {
            let name = self.linker.resolve(name);
            self.projects.add(&name, d.scope, account, &d.guards, at);
        }
    }

    /// The uploads of a build into a pipeline's store, by the role of each project that is meant.
    pub(super) fn join_artifacts(&mut self, d: &Declared) {
        let Declaration::BuildArtifacts {
            project,
            action_role,
            bucket,
            store_key,
        } = &d.what
        else {
            return;
        };
        // An action with a role runs in the account of the role.
        let action_role = action_role.as_ref().map(|t| self.linker.resolve(t));
        let foreign = action_role.is_some();
        let account = match action_role {
            Some(role) => account_of(&role).and_then(|t| t.identity()),
            None => self.linker.account(d.scope, &d.provider).id.identity(),
        };
        let name = self.linker.resolve(project);
        let found: Vec<Declared> = self
            .projects
            .all(&name, d.scope, account.as_deref(), &d.guards)
            .into_iter()
            .filter_map(|(at, _)| self.project_list.get(at).cloned())
            .collect();
        for owner in found {
            let own = self.linker.account(owner.scope, &owner.provider);
            if foreign && name.is_literal() && (account.is_none() || own.id.identity() != account) {
                continue;
            }
            let Declaration::BuildProject { role, key, .. } = &owner.what else {
                continue;
            };
            let sender = DeclaredSender::Role(role.clone());
            let (Some(sender), Some(guards)) =
                (self.sender(&sender, &owner), join(&d.guards, &owner.guards))
            else {
                continue;
            };
            let headers = self.artifact_headers(key.as_ref(), &owner, store_key.as_ref(), d);
            let own_account = self.linker.account(d.scope, &d.provider).id.identity();
            let bucket = self.linker.resolve(bucket);
            let at = self
                .buckets
                .find(&bucket, d.scope, own_account.as_deref(), &guards);
            self.estate.shown.push(ShownUpload {
                sender,
                bucket: at.map_or(BucketUse::Named(bucket), BucketUse::Declared),
                key: None,
                headers,
                multipart: false,
                place: d.place.clone(),
                address: d.address.clone(),
                guards,
            });
        }
    }

    /// The encryption that a build asks for: the project's key, where the store names no other. A project without a
    /// key takes the account's key for S3, or that of the store.
    fn artifact_headers(
        &self,
        key: Option<&(Text, Place)>,
        owner: &Declared,
        store_key: Option<&Text>,
        d: &Declared,
    ) -> Vec<Header> {
        let header = |name: &str, value: Text, place: &Place| Header {
            name: name.into(),
            value,
            place: place.clone(),
        };
        let unknown = |what| Text::unknown(Unknown::because(what));
        let Some((key, place)) = key else {
            return vec![header(SSE, unknown("the build's own encryption"), &d.place)];
        };
        let key = self.linker.resolve(key);
        let same = store_key.is_none_or(|other| {
            let other = self.linker.resolve(other);
            let declared = self.key(&key, owner);
            key.identity().is_some() && key.identity() == other.identity()
                || declared.is_some() && declared == self.key(&other, d)
        });
        let named = if same {
            key
        } else {
            unknown("the project's key or that of the store")
        };
        vec![
            header(SSE, Text::literal("aws:kms"), place),
            header(SSE_KEY, named, place),
        ]
    }
}

/// The account in the ARN of a role.
fn account_of(arn: &Text) -> Option<Text> {
    let (_, rest) = arn.split_once(":iam::")?;
    let (account, _) = rest.split_once(":")?;
    Some(account)
}
