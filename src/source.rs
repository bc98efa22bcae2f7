//! Words of the sources: scopes (root modules, templates), the resources they declare, and what was not understood.
//!
//! The readers below (`source/terraform`, `source/cloudformation`) fill [`Sources`]; `facts` reads it.

pub mod cloudformation;
pub mod edit;
pub mod encode;
pub mod environment;
pub mod functions;
pub mod join;
pub mod json;
pub mod show;
pub mod terraform;
pub mod yaml;

use std::sync::Arc;

use self::environment::Environment;
use crate::files::FileTable;
use crate::value::{Guards, Map, Place, ScopeId, Span, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    Terraform,
    CloudFormation,
}

/// One root module (in one environment) or one template (with one parameter file).
#[derive(Debug, Clone)]
pub struct Scope {
    pub id: ScopeId,
    pub format: Format,
    /// Folder of the root module, or path of the template.
    pub path: Arc<str>,
    /// The environment, where the scope is read once per environment.
    pub environment: Option<Arc<Environment>>,
    /// Account and region where the sources or options say so, by provider configuration
    /// (`""` is the default one; CloudFormation has only that).
    pub providers: Vec<Provider>,
    /// A module that nobody in the run calls, without provider configuration, backend or tfvars, and with
    /// variables that have no value: it may be completed by its callers.
    pub library: bool,
    /// The sources of the scope write their own account as a value (`AWS::AccountId`, `aws_caller_identity`).
    pub writes_own_account: bool,
    /// Addresses of resources to which something that is not seen may attach policies: those of a template that a
    /// macro rewrites.
    pub exposed: Vec<Arc<str>>,
    /// Output values by name, with their places (for joining scopes).
    pub outputs: Map,
    /// Where another scope finds these outputs: export names are in `exports` by resolved text; a Terraform
    /// backend as its settings.
    pub exports: Vec<(Value, Value)>,
    pub backend: Option<(Arc<str>, Value)>,
}

impl Scope {
    /// Name of its environment; `None` for a scope that joins with every environment.
    pub fn environment_name(&self) -> Option<&Arc<str>> {
        let name = self.environment.as_ref().map(|e| &e.name)?;
        (!name.is_empty()).then_some(name)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Provider {
    /// `""` for the default, else the alias with its module path (`aws.member`).
    pub name: Arc<str>,
    /// 12 digits, where known.
    pub account: Option<Arc<str>>,
    pub region: Option<Arc<str>>,
    pub place: Option<Place>,
    /// ARN of the role that the provider assumes.
    pub assume_role: Option<crate::value::Text>,
}

/// A block that declares a resource or data source: evaluated, one per instance.
#[derive(Debug, Clone)]
pub struct Resource {
    pub scope: ScopeId,
    /// As the user types it: `module.a.aws_iam_role.r["x"]`, a logical ID (`Stack.Logical` in nested stacks),
    /// for CDK the path a person knows in `display`.
    pub address: Arc<str>,
    /// `aws_s3_bucket`, `AWS::S3::Bucket`.
    pub type_name: Arc<str>,
    /// True for `data` blocks.
    pub data: bool,
    /// A map. Nested Terraform blocks are lists of maps under their type, as Terraform's JSON has them.
    pub properties: Value,
    /// CloudFormation attributes beside the properties (`DependsOn`, `Metadata`, `DeletionPolicy`), Terraform's `lifecycle`…
    pub attributes: Value,
    /// Exists only under these guards.
    pub guards: Guards,
    /// Name in [`Scope::providers`].
    pub provider: Arc<str>,
    /// The header of the block, small: where a finding about the resource itself points.
    pub place: Place,
    /// The whole block.
    pub block: Span,
    /// Makes resources that are not seen: a call of a module or a nested stack that is not on disk.
    pub unseen: bool,
}

/// Something that was not understood: listed, counted, visible in every format.
#[derive(Debug, Clone, PartialEq)]
pub struct Gap {
    /// What: `module.audit`, `var.extra_policy`, a function, a file.
    pub what: Arc<str>,
    /// Why: "not on disk", "has no value", "unknown function".
    pub why: Arc<str>,
    pub place: Option<Place>,
    /// Path of the file where no place is known.
    pub path: Option<Arc<str>>,
    pub kind: GapKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GapKind {
    /// A file or block that does not parse.
    Syntax,
    /// A file that could not be read, a limit that was met.
    Reading,
    /// A module, template or file that is not on disk.
    Missing,
    /// An expression, function, transform or resource that this version does not understand.
    Unsupported,
    /// A value without which a policy is not known (a variable without a value, a data source).
    Unknown,
    /// A search that met its budget.
    Undecided,
}

/// `# iaclint: ignore[rule] reason` as found in a file; the rule floor decides what it silences.
#[derive(Debug, Clone, PartialEq)]
pub struct Comment {
    pub span: Span,
    /// The comment's text without its mark, trimmed.
    pub text: Arc<str>,
    /// True where nothing but blanks stands before it on its line.
    pub own_line: bool,
}

/// Everything that the readers found.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    pub files: FileTable,
    pub scopes: Vec<Scope>,
    pub resources: Vec<Resource>,
    pub gaps: Vec<Gap>,
    /// Comments that hold the word `iaclint:`.
    pub comments: Vec<Comment>,
    /// Files of values that fit nothing: listed on request, no gap.
    pub unused: Vec<Gap>,
    /// Scopes of which the first reads a value of the second.
    pub joins: Vec<(ScopeId, ScopeId)>,
    /// Texts of sensitive values, which no report shows.
    pub secrets: Vec<Arc<str>>,
}

impl Sources {
    /// Names of the environments, sorted.
    pub fn environments(&self) -> Vec<Arc<str>> {
        let names: std::collections::BTreeSet<&Arc<str>> = self
            .scopes
            .iter()
            .filter_map(Scope::environment_name)
            .collect();
        names.into_iter().cloned().collect()
    }

    /// What stands in one environment: its scopes and those that have none; with `None` the latter alone.
    pub fn within(&self, environment: Option<&str>) -> Sources {
        let scopes: Vec<Scope> = self
            .scopes
            .iter()
            .filter(|s| {
                s.environment_name()
                    .is_none_or(|name| Some(&**name) == environment)
            })
            .cloned()
            .collect();
        let ids: rustc_hash::FxHashSet<ScopeId> = scopes.iter().map(|s| s.id).collect();
        Sources {
            files: self.files.clone(),
            scopes,
            resources: self
                .resources
                .iter()
                .filter(|r| ids.contains(&r.scope))
                .cloned()
                .collect(),
            secrets: self.secrets.clone(),
            ..Sources::default()
        }
    }
}

/// What the command line and the configuration say about inputs.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// `--var NAME=VALUE`, in order.
    pub variables: Vec<(String, String)>,
    /// `--var-file FILE`, boundary-relative.
    pub variable_files: Vec<String>,
    /// `--parameter NAME=VALUE`, in order.
    pub parameters: Vec<(String, String)>,
    pub account: Option<String>,
    pub region: Option<String>,
    /// Environments are looked for in the sources.
    pub discover: bool,
    /// Environments that the configuration declares.
    pub environments: Vec<environment::Declared>,
    /// Folder of the sources of plans in whose own folder there are none, boundary-relative.
    pub plan_sources: Option<String>,
}

/// The answer of `iaclint eval` for one expression or node.
#[derive(Debug, Clone)]
pub enum Evaluated {
    Value(Value),
    Error(String),
}
