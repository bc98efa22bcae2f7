//! The configuration file: the nearest `iaclint.toml`, `.iaclint.toml` or `.github/iaclint.toml` from the first
//! path up to the read boundary. What the command line says comes first.

use std::path::{Path, PathBuf};

use iaclint::files::disk::DiskFiles;
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
    let mut config: Config =
        toml::from_str(&text).map_err(|e| format!("{shown}: {}", e.to_string().trim_end()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    // What lies in `.github` speaks of the folder above.
    let folder = match folder.ends_with(".github") {
        true => folder.parent().unwrap_or(folder),
        false => folder,
    };
    for one in &mut config.environment {
        one.folder = folder.to_path_buf();
    }
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
