//! The word `Environment`: a named set of inputs under which a root module or a template is evaluated.
//!
//! The readers look for environments where people keep them and accept a file by its keys, never by its name;
//! its name only says how the environment is called.

use std::sync::Arc;

/// Environments of one root module, and of one run; what is past it is listed and not analysed.
pub const LIMIT: usize = 16;

/// Inputs of one environment. An empty name is the environment of those who name none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    pub name: Arc<str>,
    /// 12 digits, where stated.
    pub account: Option<Arc<str>>,
    pub region: Option<Arc<str>>,
    /// Boundary-relative tfvars files, a later one wins.
    pub variable_files: Vec<Arc<str>>,
    /// Values of template parameters, a later one wins.
    pub parameters: Vec<(String, String)>,
}

/// An environment as the configuration declares it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declared {
    pub name: String,
    /// Boundary-relative.
    pub variable_files: Vec<String>,
    /// Boundary-relative.
    pub parameter_files: Vec<String>,
    pub parameters: Vec<(String, String)>,
    pub account: Option<String>,
    pub region: Option<String>,
    /// Boundary-relative folders and files that it speaks of; empty: those that its inputs fit.
    pub paths: Vec<String>,
}

impl Declared {
    /// True where the paths name a folder or file, or say nothing.
    pub fn concerns(&self, path: &str) -> bool {
        self.paths.is_empty()
            || self.paths.iter().any(|p| {
                p.is_empty()
                    || p == path
                    || path
                        .strip_prefix(p.as_str())
                        .is_some_and(|rest| rest.starts_with('/'))
            })
    }

    /// What it says beside values.
    pub fn without_values(&self) -> Environment {
        Environment {
            name: self.name.as_str().into(),
            account: self.account.as_deref().map(Arc::from),
            region: self.region.as_deref().map(Arc::from),
            ..Environment::default()
        }
    }

    /// It gives no values: account and region alone.
    pub fn bare(&self) -> bool {
        self.variable_files.is_empty()
            && self.parameter_files.is_empty()
            && self.parameters.is_empty()
    }
}

/// Puts an environment beside others: one of the same name takes its inputs too.
pub fn add(all: &mut Vec<Environment>, one: Environment) {
    match all.iter_mut().find(|e| e.name == one.name) {
        Some(known) => {
            for path in one.variable_files {
                if !known.variable_files.contains(&path) {
                    known.variable_files.push(path);
                }
            }
            known.parameters.extend(one.parameters);
            known.account = one.account.or(known.account.take());
            known.region = one.region.or(known.region.take());
        }
        None => all.push(one),
    }
}

/// Takes in what the configuration says without values: for the environments of its name, and where nothing in
/// the run has one of that name, for everything that has none.
pub fn add_bare(runs: &mut [(&str, &mut Vec<Environment>)], declared: &[Declared]) {
    for one in declared.iter().filter(|d| d.bare()) {
        let same = |e: &Environment| *e.name == *one.name;
        let nowhere = !runs.iter().any(|(_, all)| all.iter().any(same));
        for (_, all) in runs.iter_mut().filter(|(path, _)| one.concerns(path)) {
            if nowhere || !one.paths.is_empty() || all.iter().any(same) {
                add(all, one.without_values());
            }
        }
    }
}

/// Sorts by name and cuts at the limit; the names of those that are left out.
pub fn settle(all: &mut Vec<Environment>) -> Vec<Arc<str>> {
    // Where some are named, what names none holds for those of them that have no values.
    if let Some(at) = all
        .iter()
        .position(|e| e.name.is_empty())
        .filter(|_| all.len() > 1)
    {
        let unnamed = all.remove(at);
        for one in all.iter_mut() {
            if one.parameters.is_empty() && one.variable_files.is_empty() {
                one.parameters.clone_from(&unnamed.parameters);
                one.region = one.region.take().or(unnamed.region.clone());
            }
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    let beyond = all.split_off(all.len().min(LIMIT));
    beyond.into_iter().map(|e| e.name).collect()
}

/// Why environments are left out, for a reader.
pub fn beyond(names: &[Arc<str>]) -> String {
    format!(
        "more environments than the limit of {LIMIT}: {} not analysed",
        names.join(", ")
    )
}

/// Words of file and folder names that say what is in them, not which environment it means.
const FILE_WORDS: [&str; 18] = [
    "parameters",
    "parameter",
    "params",
    "param",
    "config",
    "configs",
    "configuration",
    "template",
    "templates",
    "terraform",
    "stack",
    "env",
    "envs",
    "environment",
    "environments",
    "vars",
    "variables",
    "tfvars",
];

/// How the environment of a file is called: its name without what only says what it is, else its folder's. Empty
/// where neither says anything: then the values are those of everybody. `of` is the stem of the file that it gives
/// values to, if it has one.
pub fn name_of(path: &str, of: &str) -> Arc<str> {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = [".tfvars.json", ".tfvars", ".json"]
        .iter()
        .find_map(|end| file.strip_suffix(end))
        .unwrap_or(file);
    let own = match stem.strip_prefix(of) {
        Some(rest) if !of.is_empty() && (rest.is_empty() || rest.starts_with(CUTS)) => rest,
        _ => stem,
    };
    let folder = folder.rsplit('/').next().unwrap_or("");
    [own, folder]
        .into_iter()
        .map(telling)
        .find(|name| !name.is_empty())
        .unwrap_or("")
        .into()
}

const CUTS: [char; 3] = ['-', '.', '_'];

/// A name without the words at its ends that only say what the file is.
fn telling(name: &str) -> &str {
    let word = |w: &str| FILE_WORDS.iter().any(|f| f.eq_ignore_ascii_case(w));
    let mut name = name.trim_matches(CUTS);
    loop {
        let shorter = match (name.rsplit_once(CUTS), name.split_once(CUTS)) {
            (Some((head, last)), _) if word(last) => head,
            (_, Some((first, tail))) if word(first) => tail,
            _ if word(name) => "",
            _ => return name,
        };
        name = shorter.trim_matches(CUTS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_which_environment() {
        for (path, of, name) in [
            ("envs/prod.tfvars", "", "prod"),
            ("app/prod.tfvars.json", "", "prod"),
            ("envs/prod/terraform.tfvars", "", "prod"),
            ("eu-west-1.prod.tfvars", "", "eu-west-1.prod"),
            ("parameters/prod.json", "template", "prod"),
            ("prod/parameters.json", "template", "prod"),
            ("prod-parameters.json", "app", "prod"),
            ("params.prod.json", "app", "prod"),
            ("app-prod.json", "app", "prod"),
            ("app.prod.params.json", "app", "prod"),
            ("example_parameters/app.json", "app", "example"),
            ("parameters.json", "app", ""),
            ("config/terraform.tfvars", "", ""),
        ] {
            assert_eq!(&*name_of(path, of), name, "{path}");
        }
    }

    #[test]
    fn the_limit_cuts_by_name() {
        let mut all: Vec<Environment> = (0..LIMIT + 2)
            .rev()
            .map(|i| Environment {
                name: format!("e{i:02}").into(),
                ..Environment::default()
            })
            .collect();
        all.push(Environment {
            parameters: vec![("P".into(), "v".into())],
            ..Environment::default()
        });
        let left = settle(&mut all);
        assert!(all.iter().all(|e| e.parameters.len() == 1));
        assert_eq!((all.len(), left.len()), (LIMIT, 2));
        assert_eq!(all.first().map(|e| &*e.name), Some("e00"));
        assert!(beyond(&left).contains("limit of 16: e16, e17"));
    }
}
