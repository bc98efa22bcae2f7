//! Words of a report: everything that a run found, ready to be printed in any format.
//!
//! The files below it print: none of them decides, reads files or asks the environment.

pub mod changes;
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
use crate::value::Span;

/// One upload that was played.
#[derive(Debug, Clone, PartialEq)]
pub struct DecidedUpload {
    pub caller: Arc<str>,
    pub bucket: Arc<str>,
    pub path: Arc<str>,
    pub outcome: Outcome,
    /// For `depends`: what it depends on.
    pub hangs_on: Vec<Arc<str>>,
    /// Environments in which it was decided so, where not in all.
    pub environments: Vec<Arc<str>>,
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

/// What came from the facts of another repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinedCounts {
    pub repository: Arc<str>,
    /// Without files and policies, which are counted where they lie.
    pub read: ReadCounts,
}

#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Sorted: by level (errors first), file, position, rule.
    pub findings: Vec<Finding>,
    pub decided: Vec<DecidedUpload>,
    pub not_understood: Vec<Gap>,
    /// Files of values that fit nothing; listed with `-v`.
    pub unused: Vec<Gap>,
    /// Environments that were analysed; none where everything was read as it stands.
    pub environments: Vec<Arc<str>>,
    pub read: ReadCounts,
    pub joined: Vec<JoinedCounts>,
    pub files: FileTable,
    /// Texts of sensitive values, the longest first: no excerpt of the files shows them.
    pub secrets: Vec<Arc<str>>,
    /// Findings that a suppression silences; not among `findings`.
    pub silenced: usize,
    /// Suppressions that are in order, and what each of them silences.
    pub suppressions: Vec<Suppression>,
    /// What changed since an earlier commit, where one was asked for.
    pub changes: Option<Changes>,
    /// Name of this analysis beside others of the same repository; may be empty.
    pub category: String,
    /// Findings whose edits were not decided again, as there are too many.
    pub undecided_mends: usize,
    /// Path from the repository root to the read boundary's root, for URIs; usually empty.
    pub uri_prefix: String,
    /// The folder that the reader is in, relative to the boundary; `None` outside of it.
    pub folder: Option<String>,
}

/// A suppression of the sources or the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    pub span: Span,
    /// Names of rules as they are written; empty for every rule.
    pub rules: Vec<String>,
    pub reason: String,
    /// The same for the same suppression in another revision.
    pub key: String,
    /// False where it is new in a change whose suppressions do not count.
    pub counts: bool,
    /// Fingerprints of the findings that it silences, or would.
    pub silenced: Vec<String>,
}

/// What a change did to uploads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// The earlier commit, as it was named.
    pub since: String,
    pub uploads: Vec<Change>,
}

/// One pair of caller and bucket whose uploads the change refused or mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub caller: Arc<str>,
    pub bucket: Arc<str>,
    pub path: Arc<str>,
    pub before: Option<Outcome>,
    pub after: Outcome,
    /// The rule that refuses now, or did.
    pub rule: &'static str,
    /// The lines that the change wrote or took away.
    pub causes: Vec<ChangedLine>,
}

/// A line that a change wrote or took away.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangedLine {
    pub path: Arc<str>,
    /// Number of the line, in the revision that has it.
    pub line: u32,
    /// False for a line that was taken away.
    pub added: bool,
    pub text: String,
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
