//! Indices of things by their canonical texts, with a choice among several of one name.

use rustc_hash::FxHashMap;

use crate::facts::link::Joins;
use crate::value::{ScopeId, Text};

#[derive(Debug, Clone)]
struct Candidate {
    scope: ScopeId,
    account: Option<String>,
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
    pub fn add(&mut self, text: &Text, scope: ScopeId, account: Option<&str>, position: usize) {
        if text.is_empty() {
            return;
        }
        if let Some(identity) = text.identity() {
            let candidates = self.by.entry(identity).or_default();
            if !candidates.iter().any(|c| c.position == position) {
                candidates.push(Candidate {
                    scope,
                    account: account.map(str::to_owned),
                    position,
                });
            }
        }
    }

    /// The position that a text names, seen from a scope and an account: one in the same scope and account
    /// first, then in the same account, then in the same scope, then the only one.
    pub fn find(&self, text: &Text, scope: ScopeId, account: Option<&str>) -> Option<usize> {
        let candidates = self.by.get(&text.identity()?)?;
        let same_account = |c: &&Candidate| account.is_some() && c.account.as_deref() == account;
        let first = |test: &dyn Fn(&&Candidate) -> bool| candidates.iter().find(|c| test(c));
        let found = first(&|c| c.scope == scope && same_account(c))
            .or_else(|| first(&|c| same_account(c)))
            .or_else(|| first(&|c| c.scope == scope))
            .or(match candidates.as_slice() {
                [only] => Some(only),
                _ => None,
            })?;
        self.joins.note(scope, found.scope);
        Some(found.position)
    }

    /// The position that a text names, where it names one thing only.
    pub fn only(&self, text: &Text) -> Option<usize> {
        match self.by.get(&text.identity()?)?.as_slice() {
            [only] => Some(only.position),
            _ => None,
        }
    }
}
