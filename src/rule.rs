//! Words of findings: a rule is the name of a reason for a denial, a finding is one such reason at one place.
//!
//! The rule floor turns denials into findings; reports print them and decide nothing.

pub mod document;
pub mod environment;
pub mod finding;
pub mod mend;
pub mod message;
pub mod name;
pub mod page;
pub mod pages;
pub mod registry;
pub mod request;

use std::sync::Arc;

use crate::source::edit::Change;
use crate::value::Place;

pub use crate::outcome::{Level, Outcome};
pub use crate::source::edit::Edit;

/// One stop of the journey: a place and what it says.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub place: Place,
    /// A sentence for the reader: "granted here, ACL included".
    pub text: String,
    /// The words under the marked characters; the text where there is none.
    pub label: Option<String>,
    /// Address of the block at the place.
    pub address: Arc<str>,
}

/// A caller that meets the refusal, with the uploads that show it.
#[derive(Debug, Clone, PartialEq)]
pub struct Witness {
    /// Address or ARN, as the user types it.
    pub address: Arc<str>,
    /// `internet`, or the address of the endpoint.
    pub path: Arc<str>,
    /// The smallest upload that is refused; `None` until known.
    pub refused: Option<ShownRequest>,
    /// The smallest upload that passes; `None` where there is none or it is not known.
    pub passes: Option<ShownRequest>,
    /// Environments in which it meets the refusal, where not in all.
    pub environments: Vec<Arc<str>>,
}

/// An upload as a line that can be run, from the search's witness.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownRequest {
    /// `aws s3api put-object …`, quoted for a POSIX shell; for services a sentence.
    pub command: String,
    /// Parameters: (`x-amz-acl`, `bucket-owner-full-control`), in order.
    pub parameters: Vec<(Arc<str>, String)>,
    /// "as nightly-batch, through aws_vpc_endpoint.s3", "provided: …".
    pub notes: Vec<String>,
}

/// The change that mends it.
#[derive(Debug, Clone, PartialEq)]
pub struct Fix {
    /// What to change, in one sentence.
    pub text: String,
    /// Exact edits, where they are certain.
    pub edits: Vec<Edit>,
    /// Decided again after the edit: the denial is gone and nobody gains access.
    pub safe: bool,
    /// Who gains, where it is not safe.
    pub gains: Vec<String>,
    /// What could be edited, the smallest first; the analysis turns the first that mends into `edits`.
    pub proposals: Vec<Proposal>,
}

/// A change that could mend a denial, before it is written and decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    pub change: Change,
    /// What it does, in one sentence, where the mend of the finding says it otherwise.
    pub text: Option<String>,
    /// The statement that is changed, or the value itself where there is none: the change stands inside.
    pub within: Place,
    /// The policy document, or the value itself where there is none.
    pub document: Place,
    /// What stands at the change now; it must be found there.
    pub was: Option<String>,
    /// Whom else the changed statement names.
    pub shares: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Name of the rule, which is the name of its page.
    pub rule: &'static str,
    pub level: Level,
    pub outcome: Outcome,
    /// One sentence, lower case, no full stop, AWS's own words of the denial in it.
    pub message: String,
    /// The statement or setting that refuses; for a missing permission, the nearest statement that lacks it.
    pub primary: Step,
    /// The rest of the journey in its order: the grant, other refusing gates, the key that decided.
    pub steps: Vec<Step>,
    /// The first one is shown.
    pub callers: Vec<Witness>,
    /// Address or name of the bucket.
    pub bucket: Arc<str>,
    pub fix: Option<Fix>,
    /// Rule, address of the refusing document, Sid or content of the statement, bucket: no caller, no line.
    pub fingerprint: String,
    /// Fingerprints of other refusals of the same upload.
    pub also: Vec<String>,
    /// Environments in which it holds, where not in all.
    pub environments: Vec<Arc<str>>,
    /// Reported only where it is asked for.
    pub only_with: Option<Show>,
}

impl Finding {
    /// The statement or setting that refuses: the primary place, unless that had to be one of this repository.
    pub fn refusing(&self) -> &Step {
        // INVARIANT: a primary place that stands for a refusal elsewhere has no label, and the refusal comes first.
        match self.steps.first() {
            Some(step) if self.primary.label.is_none() && step.place.span.file.is_elsewhere() => {
                step
            }
            _ => &self.primary,
        }
    }
}

/// What `--show` can ask for beyond the findings that are always reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Show {
    /// Uploads that are refused for some values of what is unknown.
    Depends,
    /// Refused shapes of uploads that nothing in the sources shows or means.
    Shapes,
}
