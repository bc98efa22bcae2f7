//! Calls of functions: `try` and `can` here, the others by name, and what functions ask of the evaluator.

use std::sync::Arc;

use super::choice::{assume, choose, otherwise, spread};
use super::document::Expression;
use super::evaluate::{Binding, DEPTH, Env, Evaluator, Failure, Frame, Outcome};
use super::traverse::{chosen_by, members};
use super::uncertain;
use super::unknown::{computed, is_unknown, key_text, unknown_from};
use crate::files;
use crate::source::functions::{self, FunctionContext, FunctionError, convert};
use crate::value::{Arm, FileId, Guard, Guards, Map, Place, Span, Step, Unknown, Value, ValueKind};

impl<'l, 'f> Evaluator<'l, 'f> {
    pub fn call(
        &mut self,
        name: &str,
        arguments: &[Expression],
        expand: bool,
        span: Span,
        env: Env<'_>,
    ) -> Outcome {
        match name {
            "try" | "core::try" => {
                return self.first_of(arguments, span, env).map_err(|last| {
                    let why = format!("no argument of `try` has a value: {}", last.message);
                    Failure::new(why, span)
                });
            }
            "can" | "core::can" => {
                let Some(argument) = arguments.first() else {
                    return Err(Failure::new("`can` needs an argument", span));
                };
                let (outcome, needed) = self.strictly(argument, env);
                return match outcome {
                    Ok(value) if is_unknown(&value) || !convert::is_known(&value) => {
                        Ok(Value::unknown(
                            Unknown::because(format!("`{}` is not known", self.source_text(span))),
                            Place::at(span),
                        ))
                    }
                    Ok(_) => {
                        let answer = |holds| Value::bool(holds, Place::at(span));
                        Ok(where_all(&needed, answer(true), answer(false)))
                    }
                    Err(_) => Ok(Value::bool(false, Place::at(span))),
                };
            }
            _ => {}
        }
        let mut values = Vec::with_capacity(arguments.len());
        for (i, argument) in arguments.iter().enumerate() {
            let value = self.eval(argument, env)?;
            if expand && i + 1 == arguments.len() {
                match members(&value) {
                    Some(members) => values.extend(members.into_iter().map(|(_, v)| v)),
                    None if matches!(value.kind, ValueKind::Choice(_)) => {
                        let before = values.clone();
                        return spread(&[value], &Place::at(span), &mut |v| {
                            let mut all = before.clone();
                            match v.first().map(|v| (members(v), v)) {
                                Some((Some(members), _)) => {
                                    all.extend(members.into_iter().map(|(_, v)| v))
                                }
                                Some((None, v)) => return Ok(unknown_from(name, v, span)),
                                None => {}
                            }
                            self.apply(name, &all, span, env)
                        });
                    }
                    None if is_unknown(&value) => return Ok(unknown_from(name, &value, span)),
                    None => {
                        return Err(Failure::new(
                            "only a list can be expanded to arguments",
                            argument.span,
                        ));
                    }
                }
            } else {
                values.push(value);
            }
        }
        self.apply(name, &values, span, env)
    }

    /// The first argument that does not fail. One that fails where an instance is not there gives way there.
    fn first_of(&mut self, arguments: &[Expression], span: Span, env: Env<'_>) -> Outcome {
        let Some((first, rest)) = arguments.split_first() else {
            return Err(Failure::new("an argument is needed", span));
        };
        let (outcome, needed) = self.strictly(first, env);
        match outcome {
            Ok(value) if needed.is_empty() => Ok(value),
            Ok(value) if rest.is_empty() => {
                self.needed.extend(needed);
                Ok(value)
            }
            Ok(value) => Ok(match self.first_of(rest, span, env) {
                Ok(other) => where_all(&needed, value, other),
                Err(_) => value,
            }),
            Err(failure) if rest.is_empty() => Err(failure),
            Err(_) => self.first_of(rest, span, env),
        }
    }

    /// Evaluates so that the failure of a part is the failure of the whole; also the guards without which it fails.
    fn strictly(&mut self, expression: &Expression, env: Env<'_>) -> (Outcome, Guards) {
        self.strict += 1;
        let before = std::mem::take(&mut self.needed);
        let outcome = self.eval(expression, env);
        self.strict -= 1;
        (outcome, std::mem::replace(&mut self.needed, before))
    }

    /// A function that the evaluator itself asks for.
    pub fn apply_named(
        &mut self,
        name: &str,
        values: &[Value],
        span: Span,
        env: Env<'_>,
    ) -> Outcome {
        self.apply(name, values, span, env)
    }

    fn apply(&mut self, name: &str, values: &[Value], span: Span, env: Env<'_>) -> Outcome {
        if let Some(provider_function) = name.strip_prefix("provider::")
            && !matches!(
                provider_function,
                "aws::arn_build" | "aws::arn_parse" | "aws::trim_iam_role_path"
            )
        {
            return Ok(Value::unknown(
                Unknown::because(format!("function `{name}` is not understood")),
                Place::at(span),
            ));
        }
        // `list` and `map` stand in old sources; later versions replaced them by brackets.
        match name {
            "lookup" => {
                if let [collection, key, default @ ..] = values
                    && let ValueKind::Map(map) = &collection.kind
                    && let Some(chosen) = chosen_by(map, key, default.first(), span)
                {
                    return Ok(chosen);
                }
            }
            "distinct" | "sort" => {
                let of = match name {
                    "sort" => uncertain::sort,
                    _ => uncertain::distinct,
                };
                if let [list] = values
                    && let Some(mut value) = of(list, span)
                {
                    value.sensitive = list.sensitive;
                    return Ok(value);
                }
            }
            "list" => return Ok(Value::list(values.to_vec(), Place::at(span))),
            "map" => {
                let mut map = Map::default();
                for pair in values.chunks_exact(2) {
                    if let [key, value] = pair {
                        map.insert(key_text(key, span)?, key.place.clone(), value.clone());
                    }
                }
                return Ok(Value::map(map, Place::at(span)));
            }
            _ => {}
        }
        let mut context = Context {
            evaluator: self,
            env,
        };
        match functions::call(name, values, span, &mut context) {
            Ok(value) => {
                if value.sensitive {
                    self.hide(&value);
                }
                Ok(value)
            }
            Err(FunctionError::Error(message)) => Err(Failure::new(message, span)),
            Err(FunctionError::Unknown(reason)) => {
                let fixed = !matches!(
                    name,
                    "timestamp" | "uuid" | "plantimestamp" | "bcrypt" | "file" | "fileexists"
                );
                let values: Vec<&Value> = values.iter().collect();
                let mut value = if fixed {
                    computed(name, &values, span)
                } else {
                    Value::null(Place::at(span))
                };
                match &mut value.kind {
                    ValueKind::Unknown(Unknown {
                        symbol: Some(_),
                        reason: old,
                    }) => *old = reason.into(),
                    kind => *kind = ValueKind::Unknown(Unknown::because(reason)),
                }
                value.sensitive = values.iter().any(|v| v.sensitive);
                Ok(value)
            }
        }
    }
}

/// The one value where all the guards hold, else the other.
fn where_all(guards: &[Guard], value: Value, other: Value) -> Value {
    guards.iter().rev().fold(value, |value, guard| {
        let arms = std::iter::once(guard.arm).chain((0..guard.arms).filter(|a| *a != guard.arm));
        let arms = arms.map(|arm| {
            let there = otherwise(guard, arm);
            let value = if arm == guard.arm { &value } else { &other };
            Arm {
                value: assume(value, &there),
                guard: there,
            }
        });
        choose(arms.collect(), &value.place)
    })
}

/// What functions may ask of the evaluator.
struct Context<'c, 'e, 'l, 'f> {
    evaluator: &'c mut Evaluator<'l, 'f>,
    env: Env<'e>,
}

impl Context<'_, '_, '_, '_> {
    fn path(&self, path: &Value) -> Result<String, FunctionError> {
        let text = convert::text(path)?;
        let Some(written) = text.as_literal() else {
            return Err(FunctionError::Unknown(
                "the path of a file is not known".into(),
            ));
        };
        files::join(&self.evaluator.root_folder, written).ok_or_else(|| {
            FunctionError::Unknown(format!("`{written}` is outside the read boundary"))
        })
    }
}

impl FunctionContext for Context<'_, '_, '_, '_> {
    fn asks_for_failures(&self) -> bool {
        self.evaluator.strict > 0
    }

    fn read_file(&mut self, path: &Value) -> Result<(FileId, Arc<str>), FunctionError> {
        let path = self.path(path)?;
        if !self.evaluator.loader.files.is_file(&path) {
            return Err(FunctionError::Error(format!("no file exists at `{path}`")));
        }
        match self.evaluator.loader.text(&path) {
            Ok(loaded) => Ok((loaded.id, loaded.text)),
            Err(why) => Err(FunctionError::Unknown(format!("`{path}` {why}"))),
        }
    }

    fn render_template(
        &mut self,
        file: FileId,
        text: Arc<str>,
        variables: &Map,
        at: Span,
    ) -> Result<Value, FunctionError> {
        let template = super::parse::template(&text, super::parse::Origin::File(file, 0)).map_err(
            |fault| FunctionError::Error(format!("the template does not parse: {}", fault.message)),
        )?;
        let frame = Frame {
            binding: Binding::Many(variables),
            next: None,
        };
        let env = Env {
            instance: self.env.instance,
            frame: Some(&frame),
            template: true,
        };
        let whole = Span::new(file, 0, text.len());
        if self.evaluator.depth > DEPTH {
            return Err(FunctionError::Unknown("nested too deeply".into()));
        }
        self.evaluator.depth += 1;
        let out = self.evaluator.template(&template, whole, env);
        self.evaluator.depth -= 1;
        match out {
            Ok(value) => Ok(value.through(Step::File, at)),
            Err(error) => Err(FunctionError::Error(error.message.to_string())),
        }
    }

    fn list_files(&mut self, folder: &Value) -> Result<Vec<String>, FunctionError> {
        let folder = self.path(folder)?;
        let all = self.evaluator.loader.below(&folder);
        let prefix = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        Ok(all
            .iter()
            .filter_map(|p| p.strip_prefix(&prefix))
            .map(str::to_string)
            .collect())
    }
}
