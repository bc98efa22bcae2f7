//! Terraform source as a tree: expressions, templates and bodies with absolute places.
//!
//! HCL and Terraform's JSON both become this tree; everything above it reads only this one.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::value::{Number, Segment, Span, Value};

/// An expression and where it stands.
#[derive(Debug, Clone)]
pub struct Expression {
    pub kind: ExpressionKind,
    pub span: Span,
}

#[derive(Debug, Clone)]
pub enum ExpressionKind {
    Null,
    Bool(bool),
    Number(Number),
    Template(Template),
    Tuple(Vec<Expression>),
    Object(Vec<(ObjectKey, Expression)>),
    Parenthesis(Box<Expression>),
    Variable(Arc<str>),
    Traversal {
        base: Box<Expression>,
        operators: Vec<(Operator, Span)>,
    },
    Conditional(Box<[Expression; 3]>),
    Call {
        name: Arc<str>,
        arguments: Vec<Expression>,
        expand: bool,
    },
    Not(Box<Expression>),
    Negative(Box<Expression>),
    Binary {
        operator: Binary,
        operands: Box<[Expression; 2]>,
    },
    For(Box<For>),
    /// A value that is at hand, as a plan tells it.
    Value(Box<Value>),
    /// An expression of which only the references are told, each once for each time it stands there. Where the
    /// value of `document` is a policy document, the expression is that reference.
    Opaque {
        references: Vec<Arc<str>>,
        document: Option<Box<Expression>>,
    },
}

/// Key of an object: a bare name, or an expression.
#[derive(Debug, Clone)]
pub enum ObjectKey {
    Name(Arc<str>, Span),
    Expression(Expression),
}

/// One step of a traversal.
#[derive(Debug, Clone)]
pub enum Operator {
    Attribute(Arc<str>),
    Index(Expression),
    /// `.*`: applies the following attributes only.
    AttributeSplat,
    /// `[*]`: applies everything that follows.
    FullSplat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binary {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Plus,
    Minus,
    Multiply,
    Divide,
    Modulo,
    And,
    Or,
}

/// `[for k, v in c : v if t]` and `{for k, v in c : key => value... if t}`.
#[derive(Debug, Clone)]
pub struct For {
    pub key_name: Option<Arc<str>>,
    pub value_name: Arc<str>,
    pub collection: Expression,
    pub key: Option<Expression>,
    pub value: Expression,
    pub grouping: bool,
    pub test: Option<Expression>,
}

/// A quoted template, a heredoc, or a template file.
#[derive(Debug, Clone)]
pub struct Template {
    pub parts: Vec<Part>,
    /// A template of one hole and nothing else has the value of the hole itself.
    pub unwraps: bool,
}

#[derive(Debug, Clone)]
pub enum Part {
    /// Decoded text; the segments say where its bytes stand, their `value` counts from the start of the text.
    Literal {
        text: Arc<str>,
        segments: Arc<[Segment]>,
    },
    Hole(Expression, Span),
    If {
        test: Expression,
        then: Vec<Part>,
        otherwise: Vec<Part>,
        span: Span,
    },
    For {
        key_name: Option<Arc<str>>,
        value_name: Arc<str>,
        collection: Expression,
        body: Vec<Part>,
        span: Span,
    },
}

/// Attributes and blocks between braces.
#[derive(Debug, Clone, Default)]
pub struct Body {
    pub attributes: IndexMap<Arc<str>, Attribute>,
    pub blocks: Vec<Block>,
}

#[derive(Debug, Clone)]
pub struct Attribute {
    pub name_span: Span,
    pub expression: Expression,
}

#[derive(Debug, Clone)]
pub struct Block {
    pub kind: Arc<str>,
    pub labels: Vec<Arc<str>>,
    pub body: Body,
    /// Type and labels.
    pub header: Span,
    /// From the type to the closing brace.
    pub span: Span,
}

impl Body {
    pub fn expression(&self, name: &str) -> Option<&Expression> {
        self.attributes.get(name).map(|a| &a.expression)
    }

    pub fn blocks<'b>(&'b self, kind: &'b str) -> impl Iterator<Item = &'b Block> {
        self.blocks.iter().filter(move |b| &*b.kind == kind)
    }
}

impl Expression {
    /// The text of a quoted literal without holes, the name of a bare variable.
    pub fn as_word(&self) -> Option<&str> {
        match &self.kind {
            ExpressionKind::Variable(name) => Some(name),
            ExpressionKind::Template(template) => match template.parts.as_slice() {
                [] => Some(""),
                [Part::Literal { text, .. }] => Some(text),
                [Part::Hole(inner, _)] => inner.as_word(),
                _ => None,
            },
            ExpressionKind::Value(value) => value.as_str(),
            _ => None,
        }
    }

    /// `a.b.c` as its names, where the expression is nothing else (also in quotes, as old sources write it).
    pub fn as_path(&self) -> Option<Vec<&str>> {
        match &self.kind {
            ExpressionKind::Traversal { base, operators } => {
                let mut path = vec![base.as_word()?];
                for (operator, _) in operators {
                    match operator {
                        Operator::Attribute(name) => path.push(name),
                        _ => return None,
                    }
                }
                Some(path)
            }
            ExpressionKind::Variable(name) => Some(vec![name]),
            ExpressionKind::Template(_) | ExpressionKind::Value(_) => {
                Some(self.as_word()?.split('.').collect())
            }
            _ => None,
        }
    }
}
