//! Where something stands: files, byte ranges, the way through module calls and loops; scopes.

use std::sync::Arc;

/// A file of the run; the file table that gave the number turns it back into a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// Files and scopes numbered from here on belong to other repositories, of which only facts are at hand.
pub const ELSEWHERE: u32 = 1 << 31;

impl FileId {
    /// True for a file of another repository: its places are known, its text is not.
    pub fn is_elsewhere(self) -> bool {
        self.0 >= ELSEWHERE
    }
}

/// Half-open byte range in one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    pub file: FileId,
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub fn new(file: FileId, start: usize, end: usize) -> Span {
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Span {
            file,
            start: clamp(start),
            end: clamp(end.max(start)),
        }
    }

    /// The smallest span that covers both; the first one where they lie in different files.
    pub fn cover(self, other: Span) -> Span {
        if self.file != other.file {
            return self;
        }
        Span {
            file: self.file,
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }
}

/// Where a value comes from: the bytes a person would change, and the uses it went through to get here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The literal bytes.
    pub span: Span,
    /// Uses on the way, innermost (nearest the literal) first reached through [`Via::next`] outwards.
    pub via: Option<Arc<Via>>,
}

/// One use of a value on its way to where it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Via {
    pub step: Step,
    /// Where the use stands.
    pub span: Span,
    /// The use before this one, nearer to the literal.
    pub next: Option<Arc<Via>>,
}

/// The kind of a use; it decides whether an edit of the literal changes this one value only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Reference to a variable or template parameter of that name.
    Input(Arc<str>),
    /// Reference to a Terraform local or a template mapping.
    Local(Arc<str>),
    /// Reference to a module output, stack output or export.
    Output(Arc<str>),
    /// The block stands in a module; this is the call with that address.
    ModuleCall(Arc<str>),
    /// `count`, `for_each`, `for`, `dynamic` or `Fn::ForEach` made this instance.
    Instance(Arc<str>),
    /// A function or intrinsic of that name computed the value from its operands.
    Function(Arc<str>),
    /// The value is a hole in a longer text.
    Interpolation,
    /// A policy document block or a policy resource rendered the value.
    Document(Arc<str>),
    /// The value was read from another file.
    File,
}

impl Place {
    pub fn at(span: Span) -> Place {
        Place { span, via: None }
    }

    /// The same bytes, seen through one more use.
    pub fn through(&self, step: Step, span: Span) -> Place {
        Place {
            span: self.span,
            via: Some(Arc::new(Via {
                step,
                span,
                next: self.via.clone(),
            })),
        }
    }

    /// The uses, the outermost first.
    pub fn uses(&self) -> impl Iterator<Item = &Via> {
        std::iter::successors(self.via.as_deref(), |v| v.next.as_deref())
    }

    /// The module calls that the value's block went through, the outermost first.
    pub fn module_calls(&self) -> Vec<(&str, Span)> {
        self.uses()
            .filter_map(|v| match &v.step {
                Step::ModuleCall(address) => Some((&**address, v.span)),
                _ => None,
            })
            .collect()
    }

    /// True where the bytes stand for this one value alone: no loop, shared input or function between.
    pub fn is_literal(&self) -> bool {
        self.uses().all(|v| matches!(v.step, Step::Document(_)))
    }
}

/// One root module or one template: names mean something only inside their scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScopeId(pub u32);

impl ScopeId {
    /// True for a root module or template of another repository.
    pub fn is_elsewhere(self) -> bool {
        self.0 >= ELSEWHERE
    }
}
