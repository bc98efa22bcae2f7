//! Values of variables, locals and outputs of module instances; inputs of the root.

use std::sync::Arc;

use indexmap::IndexMap;

use super::document::Expression;
use super::evaluate::{Env, Evaluator, Failure, Memo, Outcome};

use super::types::{self, Type};
use crate::source::{GapKind, Inputs};
use crate::value::{Place, Span, Step, Symbol, SymbolKind, Unknown, Value};

/// Values given to the root's variables, the last one wins.
#[derive(Debug, Clone, Default)]
pub struct RootInputs {
    pub values: IndexMap<Arc<str>, Value>,
    /// `--var` values, as they are typed.
    pub typed: IndexMap<Arc<str>, String>,
    /// A tfvars file was read.
    pub files: bool,
}

/// Parts of one value that a name stands for.
const PARTS: usize = 1_000_000;

impl<'l, 'f> Evaluator<'l, 'f> {
    /// Reads tfvars files and the options of the command line.
    pub fn read_inputs(&mut self, inputs: &Inputs) {
        let folder = self.root_folder.to_string();
        let names = self.loader.names(&folder);
        let name_of = |path: &str| path.rsplit('/').next().unwrap_or(path).to_string();
        let mut files: Vec<String> = Vec::new();
        for wanted in ["terraform.tfvars", "terraform.tfvars.json"] {
            files.extend(
                names
                    .iter()
                    .filter(|p| name_of(p) == wanted)
                    .map(|p| p.to_string()),
            );
        }
        files.extend(
            names
                .iter()
                .filter(|p| p.ends_with(".auto.tfvars") || p.ends_with(".auto.tfvars.json"))
                .map(|p| p.to_string()),
        );
        self.inputs.files = !files.is_empty() || self.plan.is_some();
        for path in files {
            self.read_values(&path);
        }
        // A plan holds the values it was made with; what is asked for now goes before it.
        if let Some(plan) = self.plan.clone() {
            for (name, entry) in plan.variables.iter() {
                self.inputs.values.insert(name.clone(), entry.value.clone());
            }
        }
        for path in &inputs.variable_files {
            self.read_values(path);
        }
        for (name, value) in &inputs.variables {
            self.inputs.values.shift_remove(name.as_str());
            self.inputs
                .typed
                .insert(name.as_str().into(), value.clone());
        }
    }

    fn read_values(&mut self, path: &str) {
        if path.ends_with(".json") {
            let loaded = match self.loader.text(path) {
                Ok(loaded) => loaded,
                Err(why) => {
                    return self
                        .loader
                        .gap(path, &why, None, Some(path), GapKind::Reading);
                }
            };
            match super::json::values(loaded.id, &loaded.text) {
                Ok(map) => {
                    for (name, entry) in map.iter() {
                        self.inputs.values.insert(name.clone(), entry.value.clone());
                    }
                }
                Err((message, span)) => {
                    self.loader
                        .gap(path, &message, Some(span), Some(path), GapKind::Syntax)
                }
            }
            return;
        }
        let Some(body) = self.loader.body(path) else {
            return;
        };
        for (name, attribute) in &body.attributes {
            let value = self.eval(
                &attribute.expression,
                Env {
                    instance: usize::MAX,
                    frame: None,
                    template: false,
                },
            );
            match value {
                Ok(value) => {
                    self.inputs.values.insert(name.clone(), value);
                }
                Err(f) => self.loader.gap(
                    name,
                    &f.message,
                    Some(f.span),
                    Some(path),
                    GapKind::Unsupported,
                ),
            }
        }
    }

    fn memo(
        &mut self,
        instance: usize,
        name: String,
        compute: &mut dyn FnMut(&mut Self) -> Outcome,
        span: Span,
    ) -> Outcome {
        let key = (instance, Arc::<str>::from(name));
        match self.names.get(&key) {
            Some(Memo::Done(outcome)) => return outcome.clone(),
            Some(Memo::Busy) => {
                self.loader.gap(
                    &key.1,
                    "depends on itself",
                    Some(span),
                    None,
                    GapKind::Unsupported,
                );
                return Ok(Value::unknown(
                    Unknown::because(format!("`{}` depends on itself", key.1)),
                    Place::at(span),
                ));
            }
            None => {}
        }
        self.names.insert(key.clone(), Memo::Busy);
        let strict = std::mem::take(&mut self.strict);
        let outcome = compute(self);
        self.strict = strict;
        let outcome = match outcome {
            Ok(value) if value.has_more_parts_than(PARTS) => {
                let why = format!("a value of more than {PARTS} parts");
                self.loader
                    .gap(&key.1, &why, Some(span), None, GapKind::Reading);
                Ok(Value::unknown(Unknown::because(why), Place::at(span)))
            }
            outcome => outcome,
        };
        self.names.insert(key, Memo::Done(outcome.clone()));
        outcome
    }

    /// A variable of a module instance.
    pub fn variable(&mut self, instance: usize, name: &Arc<str>, span: Span) -> Outcome {
        self.memo(
            instance,
            format!("var.{name}"),
            &mut |this| this.compute_variable(instance, name, span),
            span,
        )
    }

    fn compute_variable(&mut self, instance: usize, name: &Arc<str>, span: Span) -> Outcome {
        let Some(owner) = self.instances.get(instance).cloned() else {
            return Err(Failure::new("variables cannot be used here", span));
        };
        let Some(block) = owner.module.variables.get(name) else {
            return Ok(self.undeclared(&owner.path, "var", name, span));
        };
        let kind = match block.body.expression("type") {
            Some(expression) => {
                types::read(expression, &mut |e| self.eval(e, Env::of(instance)).ok())
            }
            None => Type::Any,
        };
        let flag = |name: &str, this: &mut Self| {
            block
                .body
                .expression(name)
                .and_then(|e| this.eval(e, Env::of(instance)).ok())
                .and_then(|v| v.as_bool())
        };
        let nullable = flag("nullable", self).unwrap_or(true);
        let sensitive = flag("sensitive", self).unwrap_or(false);
        let given = match owner.parent {
            Some(parent) => self.argument(parent, &owner.call, name, &owner.bindings),
            None => match (
                self.inputs.typed.get(name).cloned(),
                self.inputs.values.get(name),
            ) {
                (Some(written), _) => Some(Ok(self.typed(&written, &kind, block.header))),
                (None, Some(value)) => Some(Ok(value.clone())),
                (None, None) => None,
            },
        };
        let default = |this: &mut Self| {
            block
                .body
                .expression("default")
                .map(|e| this.eval(e, Env::of(instance)))
        };
        let chosen = match given {
            Some(Ok(value)) if value.is_null() && !nullable => default(self).unwrap_or(Ok(value)),
            Some(Ok(value)) => Ok(value),
            Some(Err(failure)) => {
                self.loader.gap(
                    &format!("{}.{name}", owner.path),
                    &failure.message,
                    Some(failure.span),
                    None,
                    GapKind::Unsupported,
                );
                Ok(Value::unknown(
                    Unknown::because(failure.message),
                    Place::at(failure.span),
                ))
            }
            None => match default(self) {
                Some(value) => value,
                None => {
                    let subject = if owner.path.is_empty() {
                        format!("var.{name}")
                    } else {
                        format!("{}.var.{name}", owner.path)
                    };
                    let symbol = Symbol {
                        scope: self.scope,
                        kind: SymbolKind::Input,
                        subject: subject.into(),
                        attribute: "".into(),
                    };
                    let reason = format!("variable `{name}` has no value");
                    Ok(Value::unknown(
                        Unknown::symbol(symbol, reason),
                        Place::at(block.header),
                    ))
                }
            },
        }?;
        let mut value = types::convert(chosen, &kind, span)?;
        if sensitive {
            self.hide(&value);
        }
        value.sensitive |= sensitive;
        Ok(value)
    }

    /// Remembers the texts of a sensitive value.
    pub fn hide(&mut self, value: &Value) {
        let secrets = &mut self.loader.sources.secrets;
        value.literals(&mut |text| secrets.push(text.into()));
    }

    /// A variable or local that a file of another tool declares, or nobody: an input all the same.
    fn undeclared(&mut self, path: &str, kind: &str, name: &Arc<str>, span: Span) -> Value {
        let what: Arc<str> = format!("{kind}.{name}").into();
        if self.undeclared.insert(what.clone()) {
            self.loader
                .gap(&what, "is not declared", Some(span), None, GapKind::Unknown);
        }
        let subject = if path.is_empty() {
            what.to_string()
        } else {
            format!("{path}.{what}")
        };
        self.input_symbol(&subject, &format!("`{what}` is not declared"), span)
    }

    /// What the call of a module gives to a variable.
    fn argument(
        &mut self,
        parent: usize,
        call: &Arc<str>,
        name: &Arc<str>,
        bindings: &[(Arc<str>, Value)],
    ) -> Option<Outcome> {
        let module = self.instances.get(parent)?.module.clone();
        let expression: &Expression = module.modules.get(call)?.body.expression(name)?;
        Some(self.with_bindings(parent, bindings, &mut |this, env| {
            this.eval(expression, env)
        }))
    }

    /// A `--var` value: text, or an expression where the type asks for another thing.
    fn typed(&mut self, written: &str, kind: &Type, span: Span) -> Value {
        let text = || Value::text(written, Place::at(span));
        match kind {
            Type::Text | Type::Any | Type::Number | Type::Bool => text(),
            _ => {
                let path: Arc<str> = "command line".into();
                let id = self
                    .loader
                    .sources
                    .files
                    .add(crate::files::SourceFile::new(path, written));
                match super::parse::expression(written, super::parse::Origin::File(id, 0)) {
                    Ok(expression) => self
                        .eval(
                            &expression,
                            Env {
                                instance: usize::MAX,
                                frame: None,
                                template: false,
                            },
                        )
                        .unwrap_or_else(|_| text()),
                    Err(_) => text(),
                }
            }
        }
    }

    /// A local of a module instance.
    pub fn local(&mut self, instance: usize, name: &Arc<str>, span: Span) -> Outcome {
        self.memo(
            instance,
            format!("local.{name}"),
            &mut |this| {
                let Some(owner) = this.instances.get(instance).map(|i| i.module.clone()) else {
                    return Err(Failure::new("locals cannot be used here", span));
                };
                match owner.locals.get(name) {
                    Some(attribute) => this.eval(&attribute.expression, Env::of(instance)),
                    None => {
                        let path = this.instances.get(instance).map(|i| i.path.clone());
                        Ok(this.undeclared(path.as_deref().unwrap_or(""), "local", name, span))
                    }
                }
            },
            span,
        )
    }

    /// An output of a module instance.
    pub fn output(&mut self, instance: usize, name: &Arc<str>, span: Span) -> Outcome {
        self.memo(
            instance,
            format!("output.{name}"),
            &mut |this| {
                let Some(owner) = this.instances.get(instance).cloned() else {
                    return Err(Failure::new("no such module", span));
                };
                let Some(block) = owner.module.outputs.get(name) else {
                    return Err(Failure::new(
                        format!("the module has no output `{name}`"),
                        span,
                    ));
                };
                let Some(expression) = block.body.expression("value") else {
                    return Ok(Value::null(Place::at(block.header)));
                };
                let mut value = this.eval(expression, Env::of(instance))?;
                let sensitive = block
                    .body
                    .expression("sensitive")
                    .and_then(|e| this.eval(e, Env::of(instance)).ok());
                value.sensitive |= sensitive.and_then(|v| v.as_bool()).unwrap_or(false);
                if !owner.path.is_empty() {
                    value = value.through(Step::ModuleCall(owner.path.clone()), block.header);
                }
                Ok(value)
            },
            span,
        )
    }
}
