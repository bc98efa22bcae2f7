//! HCL text to the tree of `document`, by way of hcl-edit, with absolute places.
//!
//! Literal texts are decoded again from the source, so that each byte of a value knows its bytes in the file
//! (escapes, heredocs, dedent); the parser's own spans do not say that.

use std::sync::Arc;

use hcl_edit::Span as _;
use hcl_edit::expr as hcl;
use hcl_edit::structure as hcl_structure;

use super::document::*;
use super::literal::{Flavour, Token, nest, read_literal, shape_tokens};
use crate::value::{FileId, Number, SourceMap, Span};

/// Turns byte ranges of a parsed text into places.
#[derive(Clone, Copy)]
pub enum Origin<'a> {
    /// The text is a slice of a file from this offset.
    File(FileId, usize),
    /// The text was decoded from a file, as a JSON string is.
    Decoded(&'a SourceMap, Span),
}

impl Origin<'_> {
    pub fn span(&self, start: usize, end: usize) -> Span {
        match self {
            Origin::File(file, base) => Span::new(*file, base + start, base + end),
            Origin::Decoded(map, whole) => map.locate(start, end).unwrap_or(*whole),
        }
    }
}

/// A text that does not parse: message and offset in it.
#[derive(Debug, Clone)]
pub struct ParseFault {
    pub message: String,
    pub offset: usize,
}

impl ParseFault {
    fn of(error: &hcl_edit::parser::Error) -> ParseFault {
        ParseFault {
            message: error.message().trim().to_string(),
            offset: error.location().offset(),
        }
    }
}

/// Parses the body of a file, or a slice of it.
pub fn body(text: &str, origin: Origin<'_>) -> Result<Body, ParseFault> {
    let parsed = match hcl_edit::parser::parse_body(text) {
        Ok(parsed) => parsed,
        Err(error) => match with_other_keys(text, &error) {
            Some(parsed) => parsed,
            None => otherwise_parsed(text, &error)?,
        },
    };
    Ok(Converter { text, origin }.body(&parsed))
}

/// The body with what the parser does not take, and Terraform does, written otherwise.
fn otherwise_parsed(
    text: &str,
    error: &hcl_edit::parser::Error,
) -> Result<hcl_structure::Body, ParseFault> {
    // Newlines inside a `for` in braces mean nothing; the parser takes them only between its parts.
    let fault = ParseFault::of(error);
    let marked = super::recover::other_marks(text);
    let plain = marked.as_deref().unwrap_or(text);
    match super::recover::join_for_lines(plain).or_else(|| marked.clone()) {
        Some(mended) => hcl_edit::parser::parse_body(&mended)
            .or_else(|_| hcl_edit::parser::parse_body(plain))
            .map_err(|_| fault),
        None => Err(fault),
    }
}

/// The body with other names for keys of objects that are written twice, which Terraform takes and the parser does
/// not. The tree takes its names from the text as it is.
fn with_other_keys(text: &str, error: &hcl_edit::parser::Error) -> Option<hcl_structure::Body> {
    let twice = |e: &hcl_edit::parser::Error| e.message().contains("redefined object key");
    if !twice(error) {
        return None;
    }
    let mut changed = text.to_string();
    let mut offset = error.location().offset();
    for attempt in 0..REPEATED_KEYS {
        changed = super::recover::other_key(&changed, offset, attempt)?;
        match hcl_edit::parser::parse_body(&changed) {
            Ok(parsed) => return Some(parsed),
            Err(error) if twice(&error) => offset = error.location().offset(),
            Err(_) => return None,
        }
    }
    None
}

/// Keys of objects that are written twice, in one text.
const REPEATED_KEYS: usize = 32;

/// Parses one expression.
pub fn expression(text: &str, origin: Origin<'_>) -> Result<Expression, ParseFault> {
    let parsed = hcl_edit::parser::parse_expr(text).map_err(|e| ParseFault::of(&e))?;
    Ok(Converter { text, origin }.expression(&parsed))
}

/// Parses a template without quotes: a template file, a JSON string.
pub fn template(text: &str, origin: Origin<'_>) -> Result<Template, ParseFault> {
    if !text.contains("${") && !text.contains("%{") {
        let mut tokens = Vec::new();
        read_literal(text, 0..text.len(), Flavour::Plain, origin, &mut tokens);
        return Ok(Template {
            parts: nest(shape_tokens(tokens, Flavour::Plain)),
            unwraps: false,
        });
    }
    let parsed = hcl_edit::parser::parse_template(text).map_err(|e| ParseFault::of(&e))?;
    Ok(Converter { text, origin }.template(&parsed, Flavour::Plain))
}

struct Converter<'a> {
    text: &'a str,
    origin: Origin<'a>,
}

impl Converter<'_> {
    fn range(&self, range: Option<std::ops::Range<usize>>) -> Span {
        let range = range.unwrap_or(0..0);
        self.origin.span(range.start, range.end)
    }

    fn body(&self, body: &hcl_structure::Body) -> Body {
        let mut out = Body::default();
        for structure in body.iter() {
            match structure {
                hcl_structure::Structure::Attribute(attribute) => {
                    out.attributes.insert(
                        attribute.key.as_str().into(),
                        Attribute {
                            name_span: self.range(attribute.key.span()),
                            expression: self.expression(&attribute.value),
                        },
                    );
                }
                hcl_structure::Structure::Block(block) => out.blocks.push(self.block(block)),
            }
        }
        out
    }

    fn block(&self, block: &hcl_structure::Block) -> Block {
        let kind = self.range(block.ident.span());
        let mut header = kind;
        for label in &block.labels {
            let span = match label {
                hcl_structure::BlockLabel::Ident(ident) => ident.span(),
                hcl_structure::BlockLabel::String(string) => string.span(),
            };
            if span.is_some() {
                header = header.cover(self.range(span));
            }
        }
        Block {
            kind: block.ident.as_str().into(),
            labels: block.labels.iter().map(|l| l.as_str().into()).collect(),
            body: self.body(&block.body),
            header,
            span: block
                .span()
                .map_or(header, |s| self.origin.span(s.start, s.end)),
        }
    }

    fn boxed(&self, expression: &hcl::Expression) -> Box<Expression> {
        Box::new(self.expression(expression))
    }

    fn expression(&self, expression: &hcl::Expression) -> Expression {
        let span = self.range(expression.span());
        let kind = match expression {
            hcl::Expression::Null(_) => ExpressionKind::Null,
            hcl::Expression::Bool(value) => ExpressionKind::Bool(*value.value()),
            hcl::Expression::Number(value) => ExpressionKind::Number(number(value.value(), || {
                expression
                    .span()
                    .and_then(|s| self.text.get(s))
                    .unwrap_or("")
                    .to_string()
            })),
            hcl::Expression::String(_) => {
                let mut tokens = Vec::new();
                let range = expression.span().unwrap_or(0..0);
                let inner = range.start + 1..range.end.saturating_sub(1).max(range.start + 1);
                read_literal(self.text, inner, Flavour::Quoted, self.origin, &mut tokens);
                ExpressionKind::Template(Template {
                    parts: nest(shape_tokens(tokens, Flavour::Quoted)),
                    unwraps: false,
                })
            }
            hcl::Expression::StringTemplate(template) => {
                ExpressionKind::Template(self.template(template, Flavour::Quoted))
            }
            hcl::Expression::HeredocTemplate(heredoc) => {
                let opening = expression
                    .span()
                    .and_then(|s| self.text.get(s))
                    .unwrap_or("");
                let flavour = if opening.starts_with("<<-") {
                    Flavour::Dedented
                } else {
                    Flavour::Plain
                };
                let mut template = self.template(&heredoc.template, flavour);
                template.unwraps = false;
                ExpressionKind::Template(template)
            }
            hcl::Expression::Array(array) => {
                ExpressionKind::Tuple(array.iter().map(|e| self.expression(e)).collect())
            }
            hcl::Expression::Object(object) => ExpressionKind::Object(
                object
                    .iter()
                    .map(|(key, value)| (self.object_key(key), self.expression(value.expr())))
                    .collect(),
            ),
            hcl::Expression::Parenthesis(inner) => {
                ExpressionKind::Parenthesis(self.boxed(inner.inner()))
            }
            hcl::Expression::Variable(name) => ExpressionKind::Variable(name.as_str().into()),
            hcl::Expression::Conditional(conditional) => ExpressionKind::Conditional(Box::new([
                self.expression(&conditional.cond_expr),
                self.expression(&conditional.true_expr),
                self.expression(&conditional.false_expr),
            ])),
            hcl::Expression::FuncCall(call) => {
                let mut name = String::new();
                for part in &call.name.namespace {
                    name.push_str(part.as_str());
                    name.push_str("::");
                }
                name.push_str(call.name.name.as_str());
                ExpressionKind::Call {
                    name: name.into(),
                    arguments: call.args.iter().map(|e| self.expression(e)).collect(),
                    expand: call.args.expand_final(),
                }
            }
            hcl::Expression::Traversal(traversal) => ExpressionKind::Traversal {
                base: self.boxed(&traversal.expr),
                operators: traversal
                    .operators
                    .iter()
                    .map(|o| self.operator(o))
                    .collect(),
            },
            hcl::Expression::UnaryOp(unary) => match unary.operator.value() {
                hcl::UnaryOperator::Neg => ExpressionKind::Negative(self.boxed(&unary.expr)),
                hcl::UnaryOperator::Not => ExpressionKind::Not(self.boxed(&unary.expr)),
            },
            hcl::Expression::BinaryOp(binary) => ExpressionKind::Binary {
                operator: operator(*binary.operator.value()),
                operands: Box::new([
                    self.expression(&binary.lhs_expr),
                    self.expression(&binary.rhs_expr),
                ]),
            },
            hcl::Expression::ForExpr(each) => ExpressionKind::For(Box::new(For {
                key_name: each.intro.key_var.as_ref().map(|k| k.as_str().into()),
                value_name: each.intro.value_var.as_str().into(),
                collection: self.expression(&each.intro.collection_expr),
                key: each.key_expr.as_ref().map(|k| self.expression(k)),
                value: self.expression(&each.value_expr),
                grouping: each.grouping,
                test: each.cond.as_ref().map(|c| self.expression(&c.expr)),
            })),
        };
        Expression { kind, span }
    }

    /// A bare key, as the text has it.
    fn name(&self, parsed: &str, range: Option<std::ops::Range<usize>>) -> ObjectKey {
        let written = range.clone().and_then(|r| self.text.get(r));
        let written = written.filter(|w| w.len() == parsed.len());
        ObjectKey::Name(written.unwrap_or(parsed).into(), self.range(range))
    }

    fn object_key(&self, key: &hcl::ObjectKey) -> ObjectKey {
        match key {
            hcl::ObjectKey::Ident(ident) => self.name(ident.as_str(), ident.span()),
            hcl::ObjectKey::Expression(hcl::Expression::Variable(name)) => {
                self.name(name.as_str(), name.span())
            }
            hcl::ObjectKey::Expression(expression) => {
                ObjectKey::Expression(self.expression(expression))
            }
        }
    }

    fn operator(&self, operator: &hcl_edit::Decorated<hcl::TraversalOperator>) -> (Operator, Span) {
        match operator.value() {
            hcl::TraversalOperator::AttrSplat(splat) => {
                (Operator::AttributeSplat, self.range(splat.span()))
            }
            hcl::TraversalOperator::FullSplat(splat) => {
                (Operator::FullSplat, self.range(splat.span()))
            }
            hcl::TraversalOperator::GetAttr(name) => (
                Operator::Attribute(name.as_str().into()),
                self.range(name.span()),
            ),
            hcl::TraversalOperator::Index(index) => {
                let span = self.range(index.span());
                (Operator::Index(self.expression(index)), span)
            }
            hcl::TraversalOperator::LegacyIndex(index) => {
                let span = self.range(index.span());
                let kind = ExpressionKind::Number(Number::Int(i128::from(*index.value())));
                (Operator::Index(Expression { kind, span }), span)
            }
        }
    }

    fn template(&self, template: &hcl_edit::template::Template, flavour: Flavour) -> Template {
        let mut tokens = Vec::new();
        self.tokens(template, flavour, &mut tokens);
        let unwraps = matches!(tokens.as_slice(), [Token::Hole { .. }]);
        Template {
            parts: nest(shape_tokens(tokens, flavour)),
            unwraps,
        }
    }

    fn tokens(
        &self,
        template: &hcl_edit::template::Template,
        flavour: Flavour,
        out: &mut Vec<Token>,
    ) {
        use hcl_edit::template::{Directive, Element};
        for element in template.iter() {
            match element {
                Element::Literal(literal) => {
                    if let Some(range) = literal.span() {
                        read_literal(self.text, range, flavour, self.origin, out);
                    }
                }
                Element::Interpolation(hole) => out.push(Token::Hole {
                    expression: self.expression(&hole.expr),
                    span: self.range(hole.span()),
                    strip: strip(hole.strip),
                }),
                Element::Directive(directive) => {
                    let span = self.range(directive.span());
                    match &**directive {
                        Directive::If(branch) => {
                            out.push(Token::If {
                                test: self.expression(&branch.if_expr.cond_expr),
                                span,
                                strip: strip(branch.if_expr.strip),
                            });
                            self.tokens(&branch.if_expr.template, flavour, out);
                            if let Some(other) = &branch.else_expr {
                                out.push(Token::Else {
                                    strip: strip(other.strip),
                                });
                                self.tokens(&other.template, flavour, out);
                            }
                            out.push(Token::End {
                                strip: strip(branch.endif_expr.strip),
                            });
                        }
                        Directive::For(each) => {
                            out.push(Token::For {
                                key_name: each
                                    .for_expr
                                    .key_var
                                    .as_ref()
                                    .map(|k| Arc::from(k.as_str())),
                                value_name: each.for_expr.value_var.as_str().into(),
                                collection: self.expression(&each.for_expr.collection_expr),
                                span,
                                strip: strip(each.for_expr.strip),
                            });
                            self.tokens(&each.for_expr.template, flavour, out);
                            out.push(Token::End {
                                strip: strip(each.endfor_expr.strip),
                            });
                        }
                    }
                }
            }
        }
    }
}

fn strip(strip: hcl_edit::template::Strip) -> (bool, bool) {
    (strip.strip_start(), strip.strip_end())
}

fn operator(operator: hcl::BinaryOperator) -> Binary {
    match operator {
        hcl::BinaryOperator::Eq => Binary::Equal,
        hcl::BinaryOperator::NotEq => Binary::NotEqual,
        hcl::BinaryOperator::Less => Binary::Less,
        hcl::BinaryOperator::LessEq => Binary::LessEqual,
        hcl::BinaryOperator::Greater => Binary::Greater,
        hcl::BinaryOperator::GreaterEq => Binary::GreaterEqual,
        hcl::BinaryOperator::Plus => Binary::Plus,
        hcl::BinaryOperator::Minus => Binary::Minus,
        hcl::BinaryOperator::Mul => Binary::Multiply,
        hcl::BinaryOperator::Div => Binary::Divide,
        hcl::BinaryOperator::Mod => Binary::Modulo,
        hcl::BinaryOperator::And => Binary::And,
        hcl::BinaryOperator::Or => Binary::Or,
    }
}

/// Whole numbers from the text, as the parser's own type keeps only 64 bits.
fn number(value: &hcl_edit::Number, written: impl Fn() -> String) -> Number {
    match value.as_i64() {
        Some(whole) => Number::Int(i128::from(whole)),
        None => match written().replace(' ', "").parse::<i128>() {
            Ok(whole) => Number::Int(whole),
            Err(_) => {
                let float = value.as_f64().unwrap_or(0.0);
                if float.fract() == 0.0 && float.abs() < 1e18 {
                    Number::Int(float as i128)
                } else {
                    Number::Float(float)
                }
            }
        },
    }
}
