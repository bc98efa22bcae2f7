//! The configuration file: the nearest `iaclint.toml`, `.iaclint.toml` or `.github/iaclint.toml` from the first
//! path up to the read boundary. What the command line says comes first. `docs/configuration.md` has every key.

mod entries;
mod fault;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use iaclint::files::disk::DiskFiles;
use iaclint::files::{Files, Limits, folder_of, join};
use iaclint::source::environment::Declared;
use serde::Deserialize;
use toml::Spanned;

pub use entries::{AccountSays, PathSays, PolicySays, SuppressSays, UploadSays};

const NAMES: [&str; 3] = ["iaclint.toml", ".iaclint.toml", ".github/iaclint.toml"];
/// Bytes of a configuration.
const LIMIT: u64 = 1 << 20;

/// The settings of a file; those that stand for an option are called as it is.
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
    pub var_file: Vec<String>,
    pub parameter: Vec<String>,
    pub environment: Vec<Environment>,
    pub facts: Vec<String>,
    /// Rule, or the beginning of rules, to its level.
    pub levels: BTreeMap<String, String>,
    pub organization: Option<String>,
    pub accounts: BTreeMap<String, Spanned<AccountSays>>,
    pub upload: Vec<Spanned<UploadSays>>,
    pub path: Vec<Spanned<PathSays>>,
    pub policy: Vec<Spanned<PolicySays>>,
    pub require_reason: bool,
    pub limits: LimitsSays,
    pub suppress: Vec<Spanned<SuppressSays>>,
    #[serde(skip)]
    origin: Option<Origin>,
}

/// Limits of reading; one that is left out keeps its value.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct LimitsSays {
    /// Bytes of one file.
    pub file_bytes: Option<u64>,
    /// Files of one run.
    pub files: Option<usize>,
}

impl LimitsSays {
    pub fn limits(self) -> Limits {
        let usual = Limits::default();
        Limits {
            file_bytes: self.file_bytes.unwrap_or(usual.file_bytes),
            files: self.files.unwrap_or(usual.files),
        }
    }
}

/// The file of a configuration.
#[derive(Debug)]
struct Origin {
    /// Its path, as it was found.
    shown: String,
    text: String,
    /// Where its paths start.
    folder: PathBuf,
}

impl Config {
    /// The environments, with paths relative to the read boundary.
    pub fn environments(&self, files: &DiskFiles) -> Result<Vec<Declared>, String> {
        let inside = |one: &Environment, paths: &[String]| -> Result<Vec<String>, String> {
            let inside = paths.iter().map(|path| {
                files
                    .relative(Path::new(&self.locate(path)))
                    .ok_or_else(|| {
                        format!(
                            "environment `{}`: {path} is not inside the read boundary",
                            one.name
                        )
                    })
            });
            inside.collect()
        };
        let all = self.environment.iter().map(|one| {
            if one.name.is_empty() {
                return Err("an environment of the configuration has no name".to_string());
            }
            Ok(Declared {
                name: one.name.clone(),
                variable_files: inside(one, &one.var_files)?,
                parameter_files: inside(one, &one.parameter_files)?,
                parameters: super::pairs(&one.parameters)?,
                account: self.account_number(one.account.clone()),
                region: one.region.clone(),
                paths: inside(one, &one.paths)?,
            })
        });
        all.collect()
    }

    /// A path of the configuration, from the working directory.
    pub fn locate(&self, path: &str) -> String {
        let folder = self.origin.as_ref().map(|o| o.folder.join(path));
        folder.map_or_else(|| path.to_string(), |p| p.to_string_lossy().into_owned())
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
}

/// The configuration of a run: the file that is named, the nearest one, or none.
pub fn load(
    named: Option<&str>,
    none: bool,
    first: &Path,
    boundary: &Path,
) -> Result<Config, String> {
    match named {
        _ if none => Ok(Config::default()),
        Some(path) => read(Path::new(path)),
        None => find(first, boundary),
    }
}

/// The configuration that holds for a path; the default one where there is none.
fn find(first: &Path, boundary: &Path) -> Result<Config, String> {
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
fn read(path: &Path) -> Result<Config, String> {
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
    let mut config = settings(&text).map_err(|fault| format!("{shown}:{fault}"))?;
    // What lies in `.github` speaks of the folder above.
    let folder = match folder.ends_with(".github") {
        true => folder.parent().unwrap_or(folder),
        false => folder,
    };
    config.origin = Some(Origin {
        shown: shown.to_string(),
        text,
        folder: folder.to_path_buf(),
    });
    Ok(config)
}

/// The settings of a text; faults begin with line and column.
fn settings(text: &str) -> Result<Config, String> {
    let config: Config = toml::from_str(text).map_err(|e| fault::say(text, &e))?;
    entries::check(&config, text)?;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_a_closed_list() {
        let config = settings("ignore = [\"a\"]\nfail-on = \"error\"\n").unwrap();
        assert_eq!(
            (config.ignore, config.fail_on.as_deref()),
            (vec!["a".to_string()], Some("error"))
        );
        for (text, expected) in [
            (
                "strict = true\nfail_on = \"error\"\n",
                "2:1: unknown key `fail_on`; is `fail-on` meant?",
            ),
            (
                "[[upload]]\ncaller = \"a\"\nbukcet = \"b\"\n",
                "3:1: unknown key `bukcet`; is `bucket` meant?",
            ),
            (
                "[[upload]]\ncaller = \"a\"\n",
                "1:1: missing field `bucket`",
            ),
            ("strict = 1\n", "1:10: "),
            (
                "xyzzy = 1\n",
                "1:1: unknown key `xyzzy`; the keys are `select`, ",
            ),
            (
                "[accounts]\nprod = \"1234\"\n",
                "2:8: an account has 12 digits",
            ),
            (
                "[accounts]\nprod = { number = \"1\" }\n",
                "2:8: an account is its number, or a table of `id` and `paths`",
            ),
            (
                "organization = \"acme\"\n",
                "1:16: an organization's id begins with `o-`",
            ),
            (
                "[levels]\nbucket-policy = \"fatal\"\n",
                "`fatal` is no level: `error`, `warning`, `note` or `off`",
            ),
            (
                "[levels]\nbucket-policy-denies-misssing-acl = \"note\"\n",
                "is `bucket-policy-denies-missing-acl` meant?",
            ),
            (
                "[[suppress]]\nreason = \"x\"\n",
                "1:1: a `[[suppress]]` without `rule`, `path` and `address` would silence everything",
            ),
            (
                "[[suppress]]\nrule = \"bucket-policy\"\nexpires = \"soon\"\n",
                "3:11: a date is written as `2026-12-31`",
            ),
            (
                "[[policy]]\ntype = \"scp\"\nfile = \"../x.json\"\n",
                "the file lies outside",
            ),
            (
                "[[upload]]\ncaller = \"a\"\nbucket = \"b\"\nacl = \"public\"\n",
                "4:7: `public` is no canned ACL",
            ),
            (
                "[[upload]]\ncaller = \"a\"\nbucket = \"b\"\nheaders = { \"x-amz-ac1\" = \"private\" }\n",
                "no header of an upload is called `x-amz-ac1`",
            ),
        ] {
            let fault = settings(text).unwrap_err();
            assert!(fault.contains(expected), "{text}: {fault}");
        }
    }

    /// The JSON blocks of the schema and the keys that are read are the same.
    #[test]
    fn the_published_schema_has_the_same_keys() {
        let schema: serde_json::Value =
            serde_json::from_str(include_str!("../../docs/iaclint.schema.json")).unwrap();
        let keys = |value: &serde_json::Value| -> Vec<String> {
            let mut keys: Vec<String> = value["properties"]
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect();
            keys.sort();
            assert_eq!(value["additionalProperties"], false);
            keys
        };
        // An unknown key is answered with those that are known.
        let read = |text: &str| -> Vec<String> {
            let error = toml::from_str::<Config>(text).unwrap_err();
            let mut keys = fault::expected(error.message());
            keys.sort();
            keys
        };
        let entry = |name: &str| &schema["properties"][name]["items"];
        assert_eq!(keys(&schema), read("xyzzy = 1"));
        assert_eq!(
            keys(entry("environment")),
            read("[[environment]]\nxyzzy = 1")
        );
        assert_eq!(keys(entry("upload")), read("[[upload]]\nxyzzy = 1"));
        assert_eq!(keys(entry("path")), read("[[path]]\nxyzzy = 1"));
        assert_eq!(keys(entry("policy")), read("[[policy]]\nxyzzy = 1"));
        assert_eq!(keys(entry("suppress")), read("[[suppress]]\nxyzzy = 1"));
        assert_eq!(
            keys(&schema["properties"]["limits"]),
            read("[limits]\nxyzzy = 1")
        );
    }

    #[test]
    fn every_example_of_the_documentation_is_a_configuration() {
        let page = include_str!("../../docs/configuration.md");
        let mut count = 0;
        for block in page.split("```toml\n").skip(1) {
            let text = block.split("```").next().unwrap();
            settings(text).unwrap_or_else(|fault| panic!("{fault}\n{text}"));
            count += 1;
        }
        assert!(count >= 7, "{count} examples");
        let error = toml::from_str::<Config>("xyzzy = 1").unwrap_err();
        for key in fault::expected(error.message()) {
            let shown = page.contains(&format!("`{key}`"))
                || page.contains(&format!("`[{key}]`"))
                || page.contains(&format!("`[[{key}]]`"));
            assert!(shown, "docs/configuration.md does not explain `{key}`");
        }
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
        let found = find(&deep, &boundary).unwrap();
        assert_eq!(found.region.as_deref(), Some("top"));
        assert_eq!(Path::new(&found.locate("x")), boundary.join("x"));
        std::fs::write(boundary.join("infra/.iaclint.toml"), "region = \"infra\"\n").unwrap();
        assert_eq!(
            find(&deep, &boundary).unwrap().region.as_deref(),
            Some("infra")
        );
    }
}
