//! `check --fix` and `check --diff`: mends written to the files, or shown as they would be.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{Error, Result, Write};
use std::path::{Path, PathBuf};

use iaclint::analysis::mend::{Mended, mend};
use iaclint::report::Report;

/// The byte-order mark, which is no part of the texts that were analysed.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// The differences that the mends would make; empty for none.
pub fn differences(report: &Report, unsafe_too: bool) -> String {
    mend(report, unsafe_too)
        .iter()
        .map(|m| m.difference.as_str())
        .collect()
}

/// Writes the mends and gives the paths that changed. Nothing is written unless every file can be.
pub fn write(
    boundary: &Path,
    report: &Report,
    unsafe_too: bool,
) -> std::result::Result<Vec<String>, String> {
    let fault = |path: &str, e: Error| format!("{path} cannot be mended: {e}");
    let mut ready = Vec::new();
    for file in mend(report, unsafe_too) {
        let place = check(boundary, &file).map_err(|e| fault(&file.path, e))?;
        ready.push((file, place));
    }
    for (file, place) in &ready {
        replace(file, place).map_err(|e| fault(&file.path, e))?;
    }
    Ok(ready.into_iter().map(|(file, _)| file.path).collect())
}

/// A file as it was found, whose bytes are those that were analysed.
struct Place {
    path: PathBuf,
    about: Metadata,
    bytes: Vec<u8>,
}

/// A regular file inside the boundary, reached through no link, that has not changed since it was read.
fn check(boundary: &Path, file: &Mended) -> Result<Place> {
    let path = boundary.join(&file.path);
    let about = fs::symlink_metadata(&path)?;
    if !about.is_file() {
        return Err(Error::other("it is no regular file"));
    }
    if path.canonicalize()? != path || !path.starts_with(boundary) {
        return Err(Error::other("a link leads to it"));
    }
    if about.permissions().readonly() {
        return Err(Error::other("it is read-only"));
    }
    let bytes = fs::read(&path)?;
    if bytes.strip_prefix(MARK).unwrap_or(&bytes) != file.before.as_bytes() {
        return Err(Error::other("it changed during the run"));
    }
    Ok(Place { path, about, bytes })
}

/// Writes the new text beside the file, with its mode, and renames it over the file.
fn replace(file: &Mended, place: &Place) -> Result<()> {
    let name = place.path.file_name().unwrap_or_default().to_string_lossy();
    let beside = place
        .path
        .with_file_name(format!(".{name}.iaclint-{}", std::process::id()));
    let mark: &[u8] = if place.bytes.starts_with(MARK) {
        MARK
    } else {
        &[]
    };
    let mut new: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&beside)?;
    let written = new
        .write_all(mark)
        .and_then(|()| new.write_all(file.after.as_bytes()))
        .and_then(|()| fs::set_permissions(&beside, place.about.permissions()))
        .and_then(|()| new.sync_all())
        .and_then(|()| match fs::read(&place.path)? == place.bytes {
            true => fs::rename(&beside, &place.path),
            false => Err(Error::other("it changed during the run")),
        });
    if written.is_err() {
        // The fault itself is what the reader needs to know.
        let _ = fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mended(path: &str, before: &str) -> Mended {
        Mended {
            path: path.into(),
            before: before.into(),
            after: "after\n".into(),
            difference: String::new(),
        }
    }

    #[test]
    #[cfg(unix)]
    fn files_keep_mode_and_mark_and_links_are_not_followed() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let path = root.join("a.tf");
        fs::write(&path, "\u{feff}before\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let file = mended("a.tf", "before\n");
        replace(&file, &check(&root, &file).unwrap()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "\u{feff}after\n");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o640
        );
        assert_eq!(
            fs::read_dir(&root).unwrap().count(),
            1,
            "nothing is left beside"
        );

        symlink(&path, root.join("link.tf")).unwrap();
        assert!(check(&root, &mended("link.tf", "after\n")).is_err());
        fs::create_dir(root.join("real")).unwrap();
        fs::write(root.join("real/b.tf"), "b\n").unwrap();
        symlink(root.join("real"), root.join("way")).unwrap();
        assert!(check(&root, &mended("way/b.tf", "b\n")).is_err());
        assert!(check(&root, &mended("real/b.tf", "b\n")).is_ok());
        let changed = check(&root, &mended("real/b.tf", "c\n"));
        assert!(changed.is_err_and(|e| e.to_string() == "it changed during the run"));
        assert!(check(&root, &mended("real", "")).is_err());
    }
}
