//! Words of facts files: what a repository declares, written by one run and joined by the run of another repository.
//!
//! The format is versioned JSON. It holds declarations before they are joined, so that those of several
//! repositories meet by name and ARN as those of several roots do. Values without a number yet keep their identity:
//! scopes and files of a facts file are numbered apart from those of this run, so none equals one of its symbols.

mod read;
mod records;
mod wire;
mod write;

use std::ops::Range;
use std::sync::Arc;

use thiserror::Error;

use crate::facts::declare::Declared;
use crate::files::SourceFile;
use crate::source::Scope;
use crate::value::ScopeId;

pub use write::{Published, redact, write};

/// Raised when a field changes its meaning or goes away.
pub const VERSION: u32 = 1;
/// The word that opens a facts file.
pub const FORMAT: &str = "iaclint-facts";
/// Bytes of one facts file.
pub const LIMIT: u64 = 64 << 20;

#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub enum FactsError {
    #[error("larger than the limit of {LIMIT} bytes")]
    TooLarge,
    #[error("no facts file: {0}")]
    NotFacts(String),
    #[error(
        "facts of version {0}, and this version of iaclint reads {VERSION}: write them again with `iaclint facts`"
    )]
    Version(u64),
    #[error("a damaged facts file: {0}")]
    Damaged(String),
}

/// One facts file of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Name of the repository.
    pub repository: Arc<str>,
    /// Numbers of its scopes.
    pub scopes: Range<u32>,
    /// What was not understood when it was written: (what, why).
    pub gaps: Vec<(Arc<str>, Arc<str>)>,
}

/// The facts of other repositories that a run joins.
#[derive(Debug, Clone, Default)]
pub struct Joined {
    pub origins: Vec<Origin>,
    pub scopes: Vec<Scope>,
    /// Numbered from [`crate::value::ELSEWHERE`] on.
    pub files: Vec<SourceFile>,
    pub declarations: Vec<Declared>,
}

impl Joined {
    /// Joins the content of one more facts file.
    pub fn add(&mut self, content: &[u8]) -> Result<(), FactsError> {
        read::read(content, self)
    }

    /// Without the roots and templates that the run reads itself: a run over one root of a repository may join the
    /// facts of all of them.
    pub fn beside(&self, repository: Option<&str>, prefix: &str, own: &[Scope]) -> Joined {
        let mut out = self.clone();
        let same = |s: &Scope, o: &Scope| {
            s.format == o.format
                && s.environment_name() == o.environment_name()
                && *s.path == *write::prefixed(prefix, &o.path)
        };
        let read_here = |s: &Scope| {
            let of = self.origins.iter().find(|o| o.scopes.contains(&s.id.0));
            of.is_some_and(|o| repository == Some(&*o.repository)) && own.iter().any(|o| same(s, o))
        };
        let left_out: Vec<ScopeId> = self
            .scopes
            .iter()
            .filter(|s| read_here(s))
            .map(|s| s.id)
            .collect();
        out.scopes.retain(|s| !left_out.contains(&s.id));
        out.declarations.retain(|d| !left_out.contains(&d.scope));
        out
    }
}
