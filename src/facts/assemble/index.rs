//! Indices of things by their canonical texts, with a choice among several of one name.

use rustc_hash::FxHashMap;

use crate::facts::link::Joins;
use crate::policy::guards::exclude;
use crate::value::{Guard, Guards, ScopeId, Text};

#[derive(Debug, Clone)]
struct Candidate {
    scope: ScopeId,
    account: Option<String>,
    guards: Guards,
    position: usize,
}

/// Positions by canonical name or ARN.
#[derive(Debug, Clone, Default)]
pub struct Index {
    by: FxHashMap<String, Vec<Candidate>>,
    joins: Joins,
}

impl Index {
    /// An empty index that notes the scopes which meet in it.
    pub fn noting(joins: &Joins) -> Index {
        Index {
            by: FxHashMap::default(),
            joins: joins.clone(),
        }
    }

    /// Adds a position under a text; texts without an identity are not found by name.
    pub fn add(
        &mut self,
        text: &Text,
        scope: ScopeId,
        account: Option<&str>,
        guards: &[Guard],
        position: usize,
    ) {
        if text.is_empty() {
            return;
        }
        if let Some(identity) = text.identity() {
            let candidates = self.by.entry(identity).or_default();
            if !candidates.iter().any(|c| c.position == position) {
                candidates.push(Candidate {
                    scope,
                    account: account.map(str::to_owned),
                    guards: guards.to_vec(),
                    position,
                });
            }
        }
    }

    /// The position that a text names, seen from a scope and an account: one in the same scope and account
    /// first, then in the same account, then in the same scope, then the only one. What exists in no world of
    /// the guards is not meant.
    pub fn find(
        &self,
        text: &Text,
        scope: ScopeId,
        account: Option<&str>,
        guards: &[Guard],
    ) -> Option<usize> {
        let found = self.all(text, scope, account, guards);
        found.first().map(|(position, _)| *position)
    }

    /// Every position that the text can name so, with the guards under which the thing exists: several where
    /// they exist in different worlds, or under one name.
    pub fn all(
        &self,
        text: &Text,
        scope: ScopeId,
        account: Option<&str>,
        guards: &[Guard],
    ) -> Vec<(usize, &Guards)> {
        let Some(known) = text.identity().and_then(|i| self.by.get(&i)) else {
            return Vec::new();
        };
        let candidates: Vec<&Candidate> = known
            .iter()
            .filter(|c| !exclude(&c.guards, guards))
            .collect();
        let same_account = |c: &Candidate| account.is_some() && c.account.as_deref() == account;
        let those = |test: &dyn Fn(&Candidate) -> bool| -> Vec<&Candidate> {
            candidates.iter().copied().filter(|c| test(c)).collect()
        };
        let mut found = those(&|c| c.scope == scope && same_account(c));
        if found.is_empty() {
            found = those(&same_account);
        }
        if found.is_empty() {
            found = those(&|c| c.scope == scope);
        }
        if let (true, [only]) = (found.is_empty(), candidates.as_slice()) {
            found = vec![only];
        }
        // The first one is what a name alone means.
        if let Some(first) = found.first() {
            self.joins.note(scope, first.scope);
        }
        found.iter().map(|c| (c.position, &c.guards)).collect()
    }

    /// The position that a text names, where it names one thing only.
    pub fn only(&self, text: &Text) -> Option<usize> {
        match self.by.get(&text.identity()?)?.as_slice() {
            [only] => Some(only.position),
            _ => None,
        }
    }
}
