//! Globs as ignore files write them, and what the ignore files of a tree hide.

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::folder_of;

/// The paths that a list of globs names.
#[derive(Debug, Clone)]
pub struct Globs {
    globs: Gitignore,
}

impl Globs {
    /// Globs as an ignore file writes them; the first that cannot be read is the error.
    pub fn new(globs: &[String]) -> Result<Globs, String> {
        let mut builder = GitignoreBuilder::new("/");
        for glob in globs {
            builder.add_line(None, glob).map_err(|e| e.to_string())?;
        }
        let globs = builder.build().map_err(|e| e.to_string())?;
        Ok(Globs { globs })
    }

    /// True for a file at a boundary-relative path that a glob names, or that lies in a folder which one names.
    pub fn name(&self, path: &str) -> bool {
        self.globs
            .matched_path_or_any_parents(path, false)
            .is_ignore()
    }
}

/// The ignore files of a tree, by their folders.
#[derive(Debug, Clone, Default)]
pub struct Ignored {
    /// Folder and its globs.
    folders: Vec<(String, Gitignore)>,
}

impl Ignored {
    /// Names of the files that hide others; where two speak of one path, the later name wins.
    pub const NAMES: [&str; 2] = [".gitignore", ".ignore"];

    /// Takes an ignore file; a line that cannot be read hides nothing.
    pub fn add(&mut self, path: &str, text: &str) {
        let folder = folder_of(path);
        let mut builder = GitignoreBuilder::new(format!("/{folder}"));
        for line in text.lines() {
            let _ = builder.add_line(None, line);
        }
        if let Ok(globs) = builder.build() {
            self.folders.push((folder.to_string(), globs));
            // The nearest folder comes last and wins.
            self.folders.sort_by_key(|(folder, _)| folder.len());
        }
    }

    /// True for a file that is hidden, or lies in a folder that is.
    pub fn hide(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(at, _)| (at, true));
        ends.chain([(path.len(), false)]).any(|(end, folder)| {
            path.get(..end)
                .is_some_and(|part| self.hide_one(part, folder))
        })
    }

    fn hide_one(&self, path: &str, is_folder: bool) -> bool {
        let full = format!("/{path}");
        let mut hidden = false;
        for (folder, globs) in &self.folders {
            let below = folder.is_empty()
                || path
                    .strip_prefix(folder.as_str())
                    .is_some_and(|rest| rest.starts_with('/'));
            if below {
                match globs.matched(&full, is_folder) {
                    ignore::Match::None => {}
                    found => hidden = found.is_ignore(),
                }
            }
        }
        hidden
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_ignore_file_wins() {
        let mut ignored = Ignored::default();
        ignored.add("a/.gitignore", "!keep.tf\n/only\n");
        ignored.add(".gitignore", "# comment\n*.tf\nbuild/\n");
        for (path, hidden) in [
            ("x.tf", true),
            ("a/x.tf", true),
            ("a/keep.tf", false),
            ("a/only", true),
            ("a/b/only", false),
            ("build/x.yaml", true),
            ("b/build/x.yaml", true),
            ("build.yaml", false),
        ] {
            assert_eq!(ignored.hide(path), hidden, "{path}");
        }
    }

    #[test]
    fn a_glob_names_what_lies_below() {
        let globs = Globs::new(&["legacy/**".into(), "old".into()]).unwrap();
        assert!(globs.name("legacy/a/b.tf") && globs.name("x/old/main.tf"));
        assert!(!globs.name("main.tf"));
    }
}
