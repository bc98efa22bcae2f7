//! A disk tree inside a read boundary: links are resolved before the test, only regular files are read.

use std::fs::Metadata;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustc_hash::FxHashMap;

use super::globs::Ignored;
use super::{Files, FilesError, Limits, join};

/// The path with everything up to its last `..` resolved.
fn without_parents(path: &Path) -> Option<PathBuf> {
    let parts: Vec<Component<'_>> = path.components().collect();
    let last = parts.iter().rposition(|c| *c == Component::ParentDir);
    let (before, after) = parts.split_at(last.map_or(0, |at| at + 1));
    let mut out: PathBuf = before.iter().collect();
    if !before.is_empty() {
        out = out.canonicalize().ok()?;
    }
    out.extend(after);
    Some(out)
}

/// Folders whose canonical path was asked, with the answers.
type FoldersSeen = FxHashMap<Box<str>, Result<PathBuf, FilesError>>;

/// Files below a folder of the disk, and nothing else.
#[derive(Debug)]
pub struct DiskFiles {
    /// Canonical path of the boundary.
    boundary: PathBuf,
    limits: Limits,
    /// Folders and files to leave out when listing, as ignore globs.
    exclude: Vec<String>,
    folders: Mutex<FoldersSeen>,
    /// What hides files in place of the ignore files that lie on the disk.
    ignored: Option<Ignored>,
}

impl DiskFiles {
    /// The boundary of a path: the nearest folder upwards that holds `.git`, else the path's own folder.
    ///
    /// A link counts where it stands: one that leads out of its repository lies outside of the boundary.
    pub fn boundary_of(path: &Path) -> Option<PathBuf> {
        let canonical = path.canonicalize().ok()?;
        let written = without_parents(&std::path::absolute(path).ok()?)?;
        let stands_in = written
            .ancestors()
            .find(|f| f.join(".git").exists())
            .and_then(|f| f.canonicalize().ok());
        if let Some(repository) = stands_in.filter(|r| !canonical.starts_with(r)) {
            return Some(repository);
        }
        let folder = if canonical.is_dir() {
            canonical.as_path()
        } else {
            canonical.parent()?
        };
        let repository = folder.ancestors().find(|f| f.join(".git").exists());
        Some(repository.unwrap_or(folder).to_path_buf())
    }

    /// Files below `boundary`, which must exist.
    pub fn new(boundary: &Path, limits: Limits) -> Result<DiskFiles, FilesError> {
        let boundary = boundary
            .canonicalize()
            .map_err(|e| FilesError::Unreadable(e.to_string().into()))?;
        Ok(DiskFiles {
            boundary,
            limits,
            exclude: Vec::new(),
            folders: Mutex::default(),
            ignored: None,
        })
    }

    /// Leaves out what matches the globs when listing.
    pub fn excluding(mut self, globs: &[String]) -> DiskFiles {
        self.exclude = globs.to_vec();
        self
    }

    /// Hides what these ignore files hide, and nothing for those that lie on the disk.
    pub fn ignoring(mut self, ignored: Ignored) -> DiskFiles {
        self.ignored = Some(ignored);
        self
    }

    /// With other limits.
    pub fn limited(mut self, limits: Limits) -> DiskFiles {
        self.limits = limits;
        self
    }

    pub fn boundary(&self) -> &Path {
        &self.boundary
    }

    /// The boundary-relative form of a disk path; `None` outside the boundary.
    pub fn relative(&self, path: &Path) -> Option<String> {
        let canonical = path.canonicalize().ok()?;
        let inside = canonical.strip_prefix(&self.boundary).ok()?;
        Some(
            inside
                .components()
                .map(|c| c.as_os_str().to_string_lossy())
                .collect::<Vec<_>>()
                .join("/"),
        )
    }

    /// The canonical path of a boundary-relative one, and what stands there, if it lies inside.
    fn resolve(&self, path: &str) -> Result<(PathBuf, Metadata), FilesError> {
        let clean = join("", path).ok_or(FilesError::Outside)?;
        let (folder, name) = match clean.rsplit_once('/') {
            Some((folder, name)) => (self.resolve_folder(folder)?, name),
            None => (self.boundary.clone(), clean.as_str()),
        };
        let full = folder.join(name);
        let about = std::fs::symlink_metadata(&full).map_err(|e| unreadable(&e))?;
        if !about.is_symlink() {
            return Ok((full, about));
        }
        let full = self.inside(&full)?;
        let about = std::fs::metadata(&full).map_err(|e| unreadable(&e))?;
        Ok((full, about))
    }

    /// The canonical path of a folder inside the boundary; asked of the disk once.
    fn resolve_folder(&self, folder: &str) -> Result<PathBuf, FilesError> {
        let known = |cache: &FoldersSeen| cache.get(folder).cloned();
        if let Some(answer) = self.folders.lock().ok().and_then(|cache| known(&cache)) {
            return answer;
        }
        let answer = self.inside(&self.boundary.join(folder));
        if let Ok(mut cache) = self.folders.lock() {
            cache.insert(folder.into(), answer.clone());
        }
        answer
    }

    /// Resolves every link of a disk path, and tests that it stays inside.
    fn inside(&self, path: &Path) -> Result<PathBuf, FilesError> {
        let full = path.canonicalize().map_err(|e| unreadable(&e))?;
        if full.starts_with(&self.boundary) {
            Ok(full)
        } else {
            Err(FilesError::Outside)
        }
    }
}

fn unreadable(error: &std::io::Error) -> FilesError {
    match error.kind() {
        std::io::ErrorKind::NotFound => FilesError::Missing,
        _ => FilesError::Unreadable(error.to_string().into()),
    }
}

impl Files for DiskFiles {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, FilesError> {
        use std::io::Read;
        let (full, about) = self.resolve(path)?;
        if !about.is_file() {
            return Err(FilesError::NotRegular);
        }
        let limit = self.limits.file_bytes;
        if about.len() > limit {
            return Err(FilesError::TooLarge { limit });
        }
        let file = std::fs::File::open(&full).map_err(|e| unreadable(&e))?;
        let mut bytes = Vec::with_capacity(about.len() as usize + 1);
        // The file may have grown since its size was asked.
        file.take(limit + 1)
            .read_to_end(&mut bytes)
            .map_err(|e| unreadable(&e))?;
        if bytes.len() as u64 > limit {
            return Err(FilesError::TooLarge { limit });
        }
        Ok(bytes.into())
    }

    fn list(&self, folder: &str) -> Result<Vec<Arc<str>>, FilesError> {
        let (full, _) = self.resolve(folder)?;
        let mut overrides = ignore::overrides::OverrideBuilder::new(&self.boundary);
        for glob in &self.exclude {
            overrides
                .add(&format!("!{glob}"))
                .map_err(|e| FilesError::Unreadable(e.to_string().into()))?;
        }
        let overrides = overrides
            .build()
            .map_err(|e| FilesError::Unreadable(e.to_string().into()))?;
        let walk = ignore::WalkBuilder::new(&full)
            .require_git(false)
            .git_global(false)
            .follow_links(false)
            .git_ignore(self.ignored.is_none())
            .git_exclude(self.ignored.is_none())
            .ignore(self.ignored.is_none())
            .parents(self.ignored.is_none())
            .overrides(overrides)
            .build();
        let mut out: Vec<Arc<str>> = Vec::new();
        for entry in walk.flatten() {
            let kind = entry.file_type();
            let linked = kind.is_some_and(|t| t.is_symlink()) && is_part_of_a_module(entry.path());
            if !linked && !kind.is_some_and(|t| t.is_file()) {
                continue;
            }
            if let Ok(inside) = entry.path().strip_prefix(&self.boundary) {
                let path = inside
                    .components()
                    .map(|c| c.as_os_str().to_string_lossy())
                    .collect::<Vec<_>>()
                    .join("/");
                let hidden = self.ignored.as_ref().is_some_and(|i| i.hide(&path));
                if !hidden && (!linked || self.is_file(&path)) {
                    out.push(path.into());
                }
            }
            if out.len() > self.limits.files {
                return Err(FilesError::TooMany {
                    limit: self.limits.files,
                });
            }
        }
        out.sort();
        Ok(out)
    }

    fn is_file(&self, path: &str) -> bool {
        self.resolve(path).is_ok_and(|(_, about)| about.is_file())
    }
}

/// Configuration that several folders share by links is part of each of them.
fn is_part_of_a_module(path: &Path) -> bool {
    let name = path.file_name().map(|n| n.to_string_lossy());
    name.is_some_and(|name| {
        [
            ".tf",
            ".tf.json",
            ".tofu",
            ".tofu.json",
            ".tfvars",
            ".tfvars.json",
        ]
        .iter()
        .any(|end| name.ends_with(end))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leaves_a_repository_by_name_is_no_link() {
        let around = tempfile::tempdir().unwrap();
        let top = around.path().canonicalize().unwrap();
        std::fs::create_dir_all(top.join("repository/.git")).unwrap();
        std::fs::create_dir(top.join("beside")).unwrap();
        std::fs::write(top.join("beside/a.tf"), "").unwrap();
        let named = top.join("repository/../beside/a.tf");
        assert_eq!(DiskFiles::boundary_of(&named), Some(top.join("beside")));
        std::os::unix::fs::symlink("../beside/a.tf", top.join("repository/a.tf")).unwrap();
        let linked = top.join("repository/a.tf");
        assert_eq!(
            DiskFiles::boundary_of(&linked),
            Some(top.join("repository"))
        );
    }

    #[test]
    fn reads_inside_the_boundary_only() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "s").unwrap();
        let inside = tempfile::tempdir().unwrap();
        std::fs::write(inside.path().join("a.tf"), "a").unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), inside.path().join("link"))
            .unwrap();
        let files = DiskFiles::new(
            inside.path(),
            Limits {
                file_bytes: 4,
                files: 10,
            },
        )
        .unwrap();
        assert_eq!(&*files.read("a.tf").unwrap(), b"a");
        assert_eq!(files.read("link"), Err(FilesError::Outside));
        assert_eq!(files.read("../secret"), Err(FilesError::Outside));
        assert_eq!(files.read("none"), Err(FilesError::Missing));
        std::fs::write(inside.path().join("large"), "12345").unwrap();
        assert_eq!(files.read("large"), Err(FilesError::TooLarge { limit: 4 }));
        assert_eq!(
            files.list("").unwrap(),
            ["a.tf".into(), "large".into()] as [Arc<str>; 2]
        );
        // Configuration that folders share by links is part of each; what lies outside is of none.
        std::fs::create_dir(inside.path().join("root")).unwrap();
        let link = |to: PathBuf, at: &str| {
            std::os::unix::fs::symlink(to, inside.path().join("root").join(at)).unwrap();
        };
        link("../a.tf".into(), "shared.tf");
        link("../large".into(), "large");
        link(outside.path().join("secret"), "secret.tf");
        assert_eq!(
            files.list("root").unwrap(),
            ["root/shared.tf".into()] as [Arc<str>; 1]
        );
        assert_eq!(&*files.read("root/shared.tf").unwrap(), b"a");
    }
}
