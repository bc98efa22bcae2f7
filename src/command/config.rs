//! The configuration file: the nearest `iaclint.toml`, `.iaclint.toml` or `.github/iaclint.toml` from the first
//! path up to the read boundary. What the command line says comes first.

use std::path::{Path, PathBuf};

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
    toml::from_str(&text).map_err(|e| format!("{shown}: {}", e.to_string().trim_end()))
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
