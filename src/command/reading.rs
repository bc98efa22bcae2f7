//! What the command line names: paths and their read boundary, the repository's name, facts of other repositories.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use iaclint::facts::exchange::{self, Joined};
use iaclint::files::Files;
use iaclint::files::disk::DiskFiles;

/// The facts of other repositories, from the files of `--facts`.
pub fn facts(paths: &[String]) -> Result<Arc<Joined>, String> {
    let mut joined = Joined::default();
    add_facts(&mut joined, paths)?;
    Ok(Arc::new(joined))
}

/// Adds the facts of files.
pub fn add_facts(joined: &mut Joined, paths: &[String]) -> Result<(), String> {
    for path in paths {
        let mut content = Vec::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(exchange::LIMIT + 1).read_to_end(&mut content))
            .map_err(|e| format!("{path} cannot be read: {e}"))?;
        joined.add(&content).map_err(|e| format!("{path}: {e}"))?;
    }
    Ok(())
}

/// The name of the repository: the path of its remote `origin`, else the name of the boundary's folder.
pub fn repository(files: &DiskFiles) -> Option<String> {
    let folder = files
        .boundary()
        .ancestors()
        .find(|f| f.join(".git").exists());
    let folder = folder.unwrap_or(files.boundary());
    let remote = DiskFiles::new(folder, iaclint::files::Limits::default())
        .ok()
        .and_then(|files| files.read(".git/config").ok())
        .and_then(|config| remote(&String::from_utf8_lossy(&config)));
    remote.or_else(|| Some(folder.file_name()?.to_string_lossy().into_owned()))
}

/// `acme/platform` of the remote `origin`: no host, no credentials.
fn remote(config: &str) -> Option<String> {
    let mut inside = false;
    for line in config.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line == "[remote \"origin\"]";
        } else if let Some(("url", url)) = line.split_once('=').map(|(k, v)| (k.trim(), v.trim())) {
            if inside {
                return path_of(url);
            }
        }
    }
    None
}

fn path_of(url: &str) -> Option<String> {
    let path = match url.split_once("://") {
        Some(("file", _)) => return None,
        Some((_, rest)) => rest.split_once('/')?.1,
        None => url.split_once(':')?.1,
    };
    let path = path.split(['?', '#']).next()?.trim_matches('/');
    let name = path.strip_suffix(".git").unwrap_or(path);
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    let fits = !name.is_empty() && name.chars().all(plain) && !name.split('/').any(|p| p == "..");
    fits.then(|| name.to_string())
}

/// The folder outside of which nothing is read: the root that is named, else the boundary of the paths.
pub fn boundary(paths: &[&String], root: Option<&str>) -> Result<PathBuf, String> {
    if let Some(root) = root {
        return Path::new(root)
            .canonicalize()
            .map_err(|e| format!("{root} cannot be read: {e}"));
    }
    let mut boundaries = paths.iter().map(|path| {
        DiskFiles::boundary_of(path.as_ref()).ok_or_else(|| format!("{path} cannot be read"))
    });
    let first = boundaries
        .next()
        .unwrap_or_else(|| Err("no path is given".into()))?;
    // Paths that have no repository in common have a folder in common.
    boundaries.try_fold(first, |common, next| {
        let next = next?;
        let shared = common.ancestors().find(|folder| next.starts_with(folder));
        shared
            .map(Path::to_path_buf)
            .ok_or_else(|| "the paths have no folder in common".to_string())
    })
}

/// Path to the boundary from what URIs are relative to: the repository, else the working directory.
pub fn prefix(boundary: &Path) -> String {
    let repository = boundary
        .ancestors()
        .find(|folder| folder.join(".git").exists());
    let base = match repository {
        Some(folder) => Some(folder.to_path_buf()),
        None => std::env::current_dir()
            .and_then(|folder| folder.canonicalize())
            .ok(),
    };
    let below = base
        .as_deref()
        .and_then(|base| boundary.strip_prefix(base).ok());
    let parts = below.into_iter().flat_map(Path::components);
    parts
        .map(|part| part.as_os_str().to_string_lossy())
        .collect::<Vec<_>>()
        .join("/")
}

/// A path of the command line, relative to the boundary.
pub fn inside(files: &DiskFiles, path: &str) -> Result<String, String> {
    files
        .relative(path.as_ref())
        .ok_or_else(|| format!("{path} lies outside the read boundary"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remotes_are_named_without_host_and_credentials() {
        let cases = [
            (
                "https://github.com/acme/platform.git",
                Some("acme/platform"),
            ),
            (
                "https://user:token@git.acme.dev:8443/group/sub/infra/",
                Some("group/sub/infra"),
            ),
            ("git@github.com:acme/platform.git", Some("acme/platform")),
            ("ssh://git@github.com/acme/platform", Some("acme/platform")),
            ("https://x/a/b?token=secret", Some("a/b")),
            ("file:///home/me/repo", None),
            ("../elsewhere", None),
            ("https://x/../../etc", None),
            ("https://x/a b", None),
        ];
        for (url, expected) in cases {
            let config = format!("[core]\n\turl = other:x\n[remote \"origin\"]\n\turl = {url}\n");
            assert_eq!(remote(&config).as_deref(), expected, "{url}");
        }
    }
}
