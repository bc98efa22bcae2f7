//! The environments of templates: parameter files in the forms of the command line and of CodePipeline, plain maps,
//! and the configuration of the serverless command line. A file belongs to the nearest template that declares all
//! of its keys; where several fit alike it is listed, not guessed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::evaluate::text_of;
use super::template::{Document, Run};
use super::{is_template, may_be_template};
use crate::files::{folder_of, join};
use crate::source::environment::{self, Declared, Environment};
use crate::source::{Gap, GapKind};
use crate::value::{Value, ValueKind};

/// Bytes of a file of parameters.
const BYTES: usize = 256 << 10;
/// Files of the serverless command line, beside the template.
const SAM: &str = "samconfig.toml";
/// What it takes for the template where nothing is said.
const SAM_TEMPLATES: [&str; 3] = ["template.yaml", "template.yml", "template.json"];

/// Names and values, in the order of the file.
type Parameters = Vec<(String, String)>;

/// The environments of each template, in the order of the templates; none where it is read as it stands.
pub(super) fn of_templates(
    run: &Run<'_>,
    paths: &[Arc<str>],
    templates: &[(&Arc<str>, &Document)],
    unused: &mut Vec<Gap>,
) -> Vec<Vec<Environment>> {
    let mut found: Vec<Vec<Environment>> = templates.iter().map(|_| Vec::new()).collect();
    let takes_any = |(_, document): &(&Arc<str>, &Document)| declared(document).next().is_some();
    if run.inputs.discover && templates.iter().any(takes_any) {
        for path in paths.iter().filter(|p| p.ends_with(".json")) {
            let Some((parameters, plain)) = parameter_file(run, path) else {
                continue;
            };
            match nearest(&parameters, path, templates) {
                Ok(at) => {
                    if let (Some((template, _)), Some(all)) = (templates.get(at), found.get_mut(at))
                    {
                        let file = template.rsplit('/').next().unwrap_or("");
                        let stem = file.split_once('.').map_or(file, |(stem, _)| stem);
                        environment::add(
                            all,
                            Environment {
                                name: environment::name_of(path, stem),
                                parameters,
                                ..Environment::default()
                            },
                        );
                    }
                }
                // Most plain maps have nothing to do with templates.
                Err(None) if plain => {}
                Err(None) => {
                    unused.push(not_used(path, "no template declares all of its parameters"));
                }
                Err(Some(why)) => unused.push(not_used(path, &why)),
            }
        }
        samconfigs(run, templates, &mut found, unused);
    }
    for one in run.inputs.environments.iter().filter(|d| !d.bare()) {
        declare(run, one, templates, &mut found, unused);
    }
    let mut runs: Vec<(&str, &mut Vec<Environment>)> = templates
        .iter()
        .map(|(path, _)| &***path)
        .zip(&mut found)
        .collect();
    environment::add_bare(&mut runs, &run.inputs.environments);
    for ((path, _), all) in templates.iter().zip(&mut found) {
        let beyond = environment::settle(all);
        if !beyond.is_empty() {
            run.gaps.borrow_mut().push(Gap {
                what: "environments".into(),
                why: environment::beyond(&beyond).into(),
                place: None,
                path: Some((*path).clone()),
                kind: GapKind::Reading,
            });
        }
    }
    found
}

/// An environment that the configuration declares.
fn declare(
    run: &Run<'_>,
    one: &Declared,
    templates: &[(&Arc<str>, &Document)],
    found: &mut [Vec<Environment>],
    unused: &mut Vec<Gap>,
) {
    let mut parameters: Parameters = Vec::new();
    for path in &one.parameter_files {
        match run.document(path).ok().and_then(|d| parameters_of(&d.root)) {
            Some((more, _)) => parameters.extend(more),
            None => unused.push(not_used(&path.as_str().into(), "holds no parameters")),
        }
    }
    parameters.extend(one.parameters.iter().cloned());
    if parameters.is_empty() {
        return;
    }
    for ((path, document), all) in templates.iter().zip(found) {
        let fits = match one.paths.is_empty() {
            true => declares_all(document, &parameters),
            false => one.concerns(path),
        };
        if fits {
            all.retain(|e| *e.name != *one.name);
            all.push(Environment {
                parameters: parameters.clone(),
                ..one.without_values()
            });
        }
    }
}

fn not_used(path: &Arc<str>, why: &str) -> Gap {
    Gap {
        what: path.clone(),
        why: why.into(),
        place: None,
        path: Some(path.clone()),
        kind: GapKind::Reading,
    }
}

fn declared(document: &Document) -> impl Iterator<Item = (&Arc<str>, &Value)> {
    document
        .root
        .get("Parameters")
        .and_then(Value::as_map)
        .into_iter()
        .flat_map(|map| map.iter().map(|(name, entry)| (name, &entry.value)))
}

fn declares_all(document: &Document, parameters: &Parameters) -> bool {
    let map = document.root.get("Parameters").and_then(Value::as_map);
    map.is_some_and(|map| parameters.iter().all(|(name, _)| map.get(name).is_some()))
}

/// True where nothing that has no default is left without a value.
fn suffices(document: &Document, parameters: &Parameters) -> bool {
    declared(document).all(|(name, about)| {
        about.get("Default").is_some() || parameters.iter().any(|(given, _)| **given == **name)
    })
}

/// The template that a file belongs to; why to none, where it looks as if it should.
fn nearest(
    parameters: &Parameters,
    path: &str,
    templates: &[(&Arc<str>, &Document)],
) -> Result<usize, Option<String>> {
    let fitting: Vec<(usize, &str, bool)> = templates
        .iter()
        .enumerate()
        .filter(|(_, (_, document))| declares_all(document, parameters))
        .map(|(i, (path, document))| (i, &***path, suffices(document, parameters)))
        .collect();
    let complete = fitting.iter().any(|(_, _, complete)| *complete);
    let ranked: Vec<(usize, usize, &str)> = fitting
        .iter()
        .filter(|(_, _, c)| *c || !complete)
        .map(|(i, template, _)| (steps(folder_of(path), folder_of(template)), *i, *template))
        .collect();
    let Some(least) = ranked.iter().map(|(steps, ..)| *steps).min() else {
        return Err(None);
    };
    let best: Vec<&(usize, usize, &str)> = ranked
        .iter()
        .filter(|(steps, ..)| *steps == least)
        .collect();
    match best.as_slice() {
        [(_, only, _)] => Ok(*only),
        several => {
            let names: Vec<&str> = several.iter().map(|(.., name)| *name).collect();
            let why = format!("fits several templates alike: {}", names.join(", "));
            Err(Some(why))
        }
    }
}

/// Folders between two folders, up and down.
fn steps(from: &str, to: &str) -> usize {
    let parts = |folder: &str| -> Vec<String> {
        let parts = folder.split('/').filter(|p| !p.is_empty());
        parts.map(str::to_string).collect()
    };
    let (from, to) = (parts(from), parts(to));
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    from.len() + to.len() - 2 * common
}

/// The parameters of a JSON file that has one of the forms, and is no template; whether it is a plain map.
fn parameter_file(run: &Run<'_>, path: &str) -> Option<(Parameters, bool)> {
    let bytes = run.files.read(path).ok()?;
    if bytes.len() > BYTES || may_be_template(&bytes) || !may_be_parameters(&bytes) {
        return None;
    }
    // Read aside: what turns out to be none is no file of the run.
    let text = std::str::from_utf8(&bytes).ok()?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let root = crate::source::json::parse_file(crate::value::FileId(0), text).ok()?;
    parameters_of(&root)
}

/// True where a text holds the words of a form, or one map alone.
fn may_be_parameters(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, b"Parameter").is_some()
        || memchr::memchr_iter(b'{', bytes).take(2).count() == 1
}

/// Names and values in the form of the command line, of CodePipeline, or a plain map; whether they are a plain map.
fn parameters_of(root: &Value) -> Option<(Parameters, bool)> {
    if is_template(root) {
        return None;
    }
    let inner = root.get("Parameters").unwrap_or(root);
    let out: Option<Parameters> = match &inner.kind {
        ValueKind::List(items) => items
            .iter()
            .map(|item| {
                let name = item.get("ParameterKey").and_then(Value::as_str)?;
                let value = item.get("ParameterValue").and_then(scalar)?;
                Some((name.to_string(), value))
            })
            .collect(),
        ValueKind::Map(map) => map
            .iter()
            .map(|(name, entry)| Some((name.to_string(), scalar(&entry.value)?)))
            .collect(),
        _ => None,
    };
    let plain = root.as_map().is_some() && root.get("Parameters").is_none();
    out.filter(|pairs| !pairs.is_empty())
        .map(|pairs| (pairs, plain))
}

/// A value as a parameter is given: text, or a list as one text with commas.
fn scalar(value: &Value) -> Option<String> {
    if let Some(items) = value.as_items() {
        let texts: Option<Vec<String>> = items.iter().map(scalar).collect();
        return Some(texts?.join(","));
    }
    match value.kind {
        ValueKind::Null | ValueKind::Map(_) => None,
        _ => text_of(value).as_literal().map(str::to_string),
    }
}

/// What the serverless command line deploys each template with.
fn samconfigs(
    run: &Run<'_>,
    templates: &[(&Arc<str>, &Document)],
    found: &mut [Vec<Environment>],
    unused: &mut Vec<Gap>,
) {
    let positions: BTreeMap<&str, usize> = templates
        .iter()
        .enumerate()
        .map(|(i, (path, _))| (&***path, i))
        .collect();
    let folders: std::collections::BTreeSet<&str> =
        positions.keys().map(|path| folder_of(path)).collect();
    // A template in a folder below is named from above.
    let homes: std::collections::BTreeSet<&str> = folders
        .iter()
        .flat_map(|folder| [*folder, folder_of(folder)])
        .collect();
    for home in homes {
        let path: Arc<str> = match home {
            "" => SAM.into(),
            _ => format!("{home}/{SAM}").into(),
        };
        if !run.files.is_file(&path) {
            continue;
        }
        let parsed = run.files.read(&path).ok().filter(|b| b.len() <= BYTES);
        let parsed = parsed.and_then(|bytes| {
            let text = std::str::from_utf8(&bytes).ok()?;
            toml::from_str::<toml::Table>(text).ok()
        });
        let Some(table) = parsed else {
            unused.push(not_used(&path, "does not parse"));
            continue;
        };
        let sections: Vec<(&String, &toml::Table)> = table
            .iter()
            .filter_map(|(name, section)| Some((name, section.as_table()?)))
            .collect();
        let only = sections.len() == 1;
        for (name, section) in sections {
            let setting = |key: &str| {
                ["deploy", "global"]
                    .iter()
                    .find_map(|command| section.get(*command)?.get("parameters")?.get(key))
            };
            let named = setting("template_file").or_else(|| setting("template"));
            let at = named
                .and_then(toml::Value::as_str)
                .and_then(|file| positions.get(join(home, file)?.as_str()))
                .or_else(|| {
                    SAM_TEMPLATES
                        .iter()
                        .find_map(|file| positions.get(join(home, file)?.as_str()))
                });
            let Some((at, (_, document))) = at.and_then(|at| Some((*at, templates.get(*at)?)))
            else {
                unused.push(not_used(
                    &path,
                    &format!("the template of `{name}` is not here"),
                ));
                continue;
            };
            let parameters = setting("parameter_overrides").map_or_else(Vec::new, overrides);
            if !declares_all(document, &parameters) && !parameters.is_empty() {
                let why = format!("`{name}` gives a parameter that the template does not declare");
                unused.push(not_used(&path, &why));
                continue;
            }
            let region = setting("region").and_then(toml::Value::as_str);
            if parameters.is_empty() && region.is_none() {
                continue;
            }
            if let Some(all) = found.get_mut(at) {
                let one = Environment {
                    // The only one is what everybody deploys.
                    name: match only && name == "default" {
                        true => "".into(),
                        false => name.as_str().into(),
                    },
                    region: region.map(Arc::from),
                    parameters,
                    ..Environment::default()
                };
                environment::add(all, one);
            }
        }
    }
}

/// `parameter_overrides`: a text of `Name=Value` words, or a list of them; a value may be quoted, and the older
/// form is `ParameterKey=Name,ParameterValue=Value`.
fn overrides(value: &toml::Value) -> Parameters {
    let mut words: Vec<String> = Vec::new();
    match value {
        toml::Value::String(text) => words = split(text),
        toml::Value::Array(items) => {
            for item in items.iter().filter_map(toml::Value::as_str) {
                if let Some((name, value)) = item.split_once('=') {
                    words.push(format!("{name}={}", bare(value)));
                }
            }
        }
        toml::Value::Table(table) => {
            for (name, value) in table {
                if let Some(text) = value.as_str() {
                    words.push(format!("{name}={text}"));
                }
            }
        }
        _ => {}
    }
    words
        .iter()
        .filter_map(|word| {
            let word = match word.strip_prefix("ParameterKey=") {
                Some(rest) => {
                    let (name, value) = rest.split_once(",ParameterValue=")?;
                    return Some((name.to_string(), bare(value)));
                }
                None => word,
            };
            let (name, value) = word.split_once('=')?;
            Some((name.to_string(), value.to_string()))
        })
        .collect()
}

/// A value without the quotes around it.
fn bare(value: &str) -> String {
    let inner = ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    inner.unwrap_or(value).to_string()
}

/// Words at blanks, where quotes hold blanks together and a backslash takes the next sign as it is.
fn split(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut word = String::new();
    let mut quote: Option<char> = None;
    let mut signs = text.chars();
    while let Some(sign) = signs.next() {
        match (sign, quote) {
            ('\\', _) => word.extend(signs.next()),
            (sign, Some(open)) if sign == open => quote = None,
            ('"' | '\'', None) => quote = Some(sign),
            (sign, None) if sign.is_whitespace() => {
                if !word.is_empty() {
                    out.push(std::mem::take(&mut word));
                }
            }
            _ => word.push(sign),
        }
    }
    if !word.is_empty() {
        out.push(word);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_are_written_in_several_ways() {
        let pairs = |text: &str| {
            let table: toml::Table = toml::from_str(&format!("v = {text}")).unwrap();
            let found = overrides(table.get("v").unwrap());
            let words: Vec<String> = found.iter().map(|(n, v)| format!("{n}:{v}")).collect();
            words.join("|")
        };
        assert_eq!(pairs(r#""A=1 B=\"x y\"""#), "A:1|B:x y");
        assert_eq!(pairs(r#"["A=1", "B=\"x y\"", "C=d=e"]"#), "A:1|B:x y|C:d=e");
        assert_eq!(
            pairs(r#""ParameterKey=A,ParameterValue=1 ParameterKey=B,ParameterValue=2""#),
            "A:1|B:2"
        );
    }

    #[test]
    fn the_forms_of_parameter_files() {
        let pairs = |text: &str| {
            let root = crate::source::json::parse_file(crate::value::FileId(0), text).unwrap();
            parameters_of(&root).map(|(all, _)| {
                let words: Vec<String> = all.iter().map(|(n, v)| format!("{n}:{v}")).collect();
                words.join("|")
            })
        };
        let list = r#"[{"ParameterKey":"A","ParameterValue":"1"}]"#;
        assert_eq!(pairs(list).as_deref(), Some("A:1"));
        let pipeline = r#"{"Parameters":{"A":"1","B":"x"},"Tags":{"t":"v"},"StackPolicy":{}}"#;
        assert_eq!(pairs(pipeline).as_deref(), Some("A:1|B:x"));
        let input = r#"{"StackName":"s","Parameters":[{"ParameterKey":"A","ParameterValue":"1"}]}"#;
        assert_eq!(pairs(input).as_deref(), Some("A:1"));
        assert_eq!(
            pairs(r#"{"A":"1","N":2,"L":["a","b"]}"#).as_deref(),
            Some("A:1|N:2|L:a,b")
        );
        for none in [r#"{"A":{"b":1}}"#, "[]", "{}", r#"["a"]"#, "1"] {
            assert_eq!(pairs(none), None, "{none}");
        }
    }
}
