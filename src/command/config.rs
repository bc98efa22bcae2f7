//! The configuration file: the nearest `iaclint.toml`, `.iaclint.toml` or `.github/iaclint.toml` from the first
//! path up to the read boundary. What the command line says comes first.

use std::path::{Path, PathBuf};

use iaclint::analysis::suppress::Configured;
use iaclint::files::disk::DiskFiles;
use iaclint::files::{Files, folder_of, join};
use iaclint::source::environment::Declared;
use serde::Deserialize;

const NAMES: [&str; 3] = ["iaclint.toml", ".iaclint.toml", ".github/iaclint.toml"];
/// Bytes of a configuration.
const LIMIT: u64 = 1 << 20;

/// The settings of a file; each is called as the option that it stands for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Config {
    pub select: Vec<String>,
    pub ignore: Vec<String>,
    pub exclude: Vec<String>,
    pub fail_on: Option<String>,
    pub strict: bool,
    pub show: Vec<String>,
    pub account: Option<String>,
    pub region: Option<String>,
    pub var: Vec<String>,
    pub parameter: Vec<String>,
    pub environment: Vec<Environment>,
    pub require_reason: bool,
    suppress: Vec<toml::Spanned<Suppress>>,
    /// Path and text of the file.
    #[serde(skip)]
    source: Option<(String, String)>,
}

/// `[[suppress]]`: findings that are not reported; at least one of rule, path and address is given.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Suppress {
    rule: Option<String>,
    path: Option<String>,
    address: Option<String>,
    #[serde(default)]
    reason: String,
    /// The last day, `2027-01-31`.
    expires: Option<String>,
}

impl Config {
    /// The suppressions, with the places where they stand; `relative` gives the path below the boundary.
    pub fn suppressions(
        &self,
        relative: impl Fn(&str) -> Option<String>,
    ) -> Result<Vec<Configured>, String> {
        let source = self.source.as_ref();
        let file = source.and_then(|(path, text)| Some((relative(path)?, text)));
        let file = file.map(|(path, text)| (path.into(), text.as_str().into()));
        let mut out = Vec::new();
        for one in &self.suppress {
            let given = one.get_ref();
            if given.rule.is_none() && given.path.is_none() && given.address.is_none() {
                let shown = source.map_or("the configuration", |(path, _)| path);
                return Err(format!(
                    "{shown}: a `[[suppress]]` without `rule`, `path` and `address` would silence everything"
                ));
            }
            out.push(Configured {
                rule: given.rule.clone(),
                path: given.path.clone(),
                address: given.address.clone(),
                reason: given.reason.clone(),
                expires: given.expires.clone(),
                file: file.clone().map(
                    |(path, text): (std::sync::Arc<str>, std::sync::Arc<str>)| {
                        (path, text, one.span())
                    },
                ),
            });
        }
        Ok(out)
    }
}

/// An `[[environment]]`; its paths and files are relative to the configuration's folder.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Environment {
    pub name: String,
    pub var_files: Vec<String>,
    pub parameter_files: Vec<String>,
    /// `NAME=VALUE`.
    pub parameters: Vec<String>,
    pub account: Option<String>,
    pub region: Option<String>,
    /// Root modules and templates that it speaks of; empty: those that its values fit.
    pub paths: Vec<String>,
    /// Folder of the configuration.
    #[serde(skip)]
    folder: PathBuf,
}

/// The environments of a configuration, with paths relative to the read boundary.
pub fn environments(declared: &[Environment], files: &DiskFiles) -> Result<Vec<Declared>, String> {
    let inside = |one: &Environment, paths: &[String]| -> Result<Vec<String>, String> {
        let inside = paths.iter().map(|path| {
            files.relative(&one.folder.join(path)).ok_or_else(|| {
                format!(
                    "environment `{}`: {path} is not inside the read boundary",
                    one.name
                )
            })
        });
        inside.collect()
    };
    let all = declared.iter().map(|one| {
        if one.name.is_empty() {
            return Err("an environment of the configuration has no name".to_string());
        }
        Ok(Declared {
            name: one.name.clone(),
            variable_files: inside(one, &one.var_files)?,
            parameter_files: inside(one, &one.parameter_files)?,
            parameters: super::pairs(&one.parameters)?,
            account: one.account.clone(),
            region: one.region.clone(),
            paths: inside(one, &one.paths)?,
        })
    });
    all.collect()
}

/// The configuration that holds for a path; the default one where there is none.
pub fn find(first: &Path, boundary: &Path) -> Result<Config, String> {
    let start = first
        .canonicalize()
        .map_err(|e| format!("{} cannot be read: {e}", first.display()))?;
    let folders = start
        .ancestors()
        .take_while(|folder| folder.starts_with(boundary));
    let found: Option<PathBuf> = folders
        .flat_map(|folder| NAMES.iter().map(|name| folder.join(name)))
        .find(|path| path.is_file());
    found.map_or_else(|| Ok(Config::default()), |path| read(&path))
}

/// Reads a configuration; an unknown key is an error.
pub fn read(path: &Path) -> Result<Config, String> {
    let shown = path.display();
    let size = std::fs::metadata(path)
        .map_err(|e| format!("{shown} cannot be read: {e}"))?
        .len();
    if size > LIMIT {
        return Err(format!("{shown} is larger than {LIMIT} bytes"));
    }
    let text = std::fs::read_to_string(path).map_err(|e| format!("{shown} cannot be read: {e}"))?;
    parse(
        &shown.to_string(),
        text,
        path.parent().unwrap_or(Path::new("")),
    )
}

/// The configuration that holds for a boundary-relative path of another tree.
pub fn find_in(files: &dyn Files, boundary: &Path, first: &str) -> Result<Config, String> {
    let mut folder = first;
    loop {
        let found = NAMES
            .iter()
            .filter_map(|name| join(folder, name))
            .find(|path| files.is_file(path));
        if let Some(path) = found {
            return read_in(files, boundary, &path);
        }
        if folder.is_empty() {
            return Ok(Config::default());
        }
        folder = folder_of(folder);
    }
}

/// Reads a configuration of another tree.
pub fn read_in(files: &dyn Files, boundary: &Path, path: &str) -> Result<Config, String> {
    let bytes = files
        .read(path)
        .map_err(|e| format!("{path} cannot be read: {e}"))?;
    let text = String::from_utf8(bytes.to_vec()).map_err(|_| format!("{path} is no UTF-8"))?;
    parse(path, text, &boundary.join(folder_of(path)))
}

/// `folder` is where the file lies.
fn parse(shown: &str, text: String, folder: &Path) -> Result<Config, String> {
    let mut config: Config =
        toml::from_str(&text).map_err(|e| format!("{shown}: {}", e.to_string().trim_end()))?;
    // What lies in `.github` speaks of the folder above.
    let folder = match folder.ends_with(".github") {
        true => folder.parent().unwrap_or(folder),
        false => folder,
    };
    for one in &mut config.environment {
        one.folder = folder.to_path_buf();
    }
    config.source = Some((shown.to_string(), text));
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_a_closed_list() {
        let config: Config = toml::from_str("ignore = [\"a\"]\nfail-on = \"error\"\n").unwrap();
        assert_eq!(
            (config.ignore, config.fail_on.as_deref()),
            (vec!["a".to_string()], Some("error"))
        );
        assert!(toml::from_str::<Config>("fail_on = \"error\"\n").is_err());
    }

    #[test]
    fn the_nearest_file_counts_and_none_beyond_the_boundary() {
        let outside = tempfile::tempdir().unwrap();
        let top = outside.path().canonicalize().unwrap();
        let boundary = top.join("repository");
        let deep = boundary.join("infra/app");
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::write(top.join("iaclint.toml"), "region = \"outside\"\n").unwrap();
        assert_eq!(find(&deep, &boundary).unwrap().region, None);
        std::fs::create_dir(boundary.join(".github")).unwrap();
        std::fs::write(boundary.join(".github/iaclint.toml"), "region = \"top\"\n").unwrap();
        assert_eq!(
            find(&deep, &boundary).unwrap().region.as_deref(),
            Some("top")
        );
        std::fs::write(boundary.join("infra/.iaclint.toml"), "region = \"infra\"\n").unwrap();
        assert_eq!(
            find(&deep, &boundary).unwrap().region.as_deref(),
            Some("infra")
        );
    }
}
