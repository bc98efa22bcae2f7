//! Words of a report: everything that a run found, ready to be printed in any format.
//!
//! The files below it print: none of them decides, reads files or asks the environment.

pub mod github;
pub mod json;
pub mod manual;
pub mod markdown;
pub mod place;
pub mod plain;
pub mod sarif;
pub mod statistics;
pub mod text;

use std::sync::Arc;

use crate::files::FileTable;
use crate::rule::{Finding, Level, Outcome};
use crate::source::Gap;

/// One upload that was played.
#[derive(Debug, Clone, PartialEq)]
pub struct DecidedUpload {
    pub caller: Arc<str>,
    pub bucket: Arc<str>,
    pub path: Arc<str>,
    pub outcome: Outcome,
    /// For `depends`: what it depends on.
    pub hangs_on: Vec<Arc<str>>,
}

/// What was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadCounts {
    pub files: usize,
    pub callers: usize,
    pub buckets: usize,
    pub endpoints: usize,
    pub keys: usize,
    pub policies: usize,
    pub policies_understood: usize,
}

#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Sorted: by level (errors first), file, position, rule.
    pub findings: Vec<Finding>,
    pub decided: Vec<DecidedUpload>,
    pub not_understood: Vec<Gap>,
    pub read: ReadCounts,
    pub files: FileTable,
    /// Findings that a comment in the sources silences; not among `findings`.
    pub silenced: usize,
    /// Findings whose edits were not decided again, as there are too many.
    pub undecided_mends: usize,
    /// Path from the repository root to the read boundary's root, for URIs; usually empty.
    pub uri_prefix: String,
    /// The folder that the reader is in, relative to the boundary; `None` outside of it.
    pub folder: Option<String>,
}

impl Report {
    /// Number of findings of a level.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|f| f.level == level).count()
    }

    /// The highest level that occurs.
    pub fn worst(&self) -> Option<Level> {
        self.findings.iter().map(|f| f.level).max()
    }
}
