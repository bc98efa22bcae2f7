//! All rules of this version: their pages, found by name or by an earlier name.

use std::sync::OnceLock;

use crate::rule::page::{self, Page};
use crate::rule::pages::PAGES;

/// Every page, sorted by name.
pub fn all() -> &'static [Page] {
    static ALL: OnceLock<Vec<Page>> = OnceLock::new();
    // INVARIANT: a page that does not parse fails the tests of this file, so none is lost here.
    ALL.get_or_init(|| {
        PAGES
            .iter()
            .filter_map(|(name, text)| page::parse(name, text).ok())
            .collect()
    })
}

/// The page of a rule by its name or an alias.
pub fn find(name: &str) -> Option<&'static Page> {
    all()
        .iter()
        .find(|p| p.name == name)
        .or_else(|| all().iter().find(|p| p.aliases.contains(&name)))
}

/// The rules that a selector means: a name, an alias, or the beginning of names up to a `-`.
pub fn select(selector: &str) -> Vec<&'static str> {
    if let Some(page) = find(selector) {
        return vec![page.name];
    }
    let beginning = format!("{}-", selector.trim_end_matches(['*', '-']));
    all()
        .iter()
        .map(|p| p.name)
        .filter(|name| name.starts_with(&beginning))
        .collect()
}

/// The name that is most like a mistyped one.
pub fn nearest(name: &str) -> Option<&'static str> {
    let distance = |other: &str| {
        let mut row: Vec<usize> = (0..=other.chars().count()).collect();
        for (i, a) in name.chars().enumerate() {
            let mut next = vec![i + 1];
            for (b, pair) in other.chars().zip(row.windows(2)) {
                let [diagonal, above] = pair else { continue };
                let left = next.last().copied().unwrap_or(0);
                next.push(
                    (diagonal + usize::from(a != b))
                        .min(above + 1)
                        .min(left + 1),
                );
            }
            row = next;
        }
        row.last().copied().unwrap_or(usize::MAX)
    };
    if name.len() > 100 {
        return None;
    }
    let best = all().iter().map(|p| (distance(p.name), p.name)).min()?;
    (best.0 <= name.len() / 3).then_some(best.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn every_page_parses_and_is_listed_once() {
        for (name, text) in PAGES {
            page::parse(name, text).unwrap_or_else(|e| panic!("rules/{name}.md: {e}"));
        }
        let names: Vec<&str> = PAGES.iter().map(|(n, _)| *n).collect();
        let sorted: BTreeSet<&str> = names.iter().copied().collect();
        assert!(
            names.iter().copied().eq(sorted),
            "the list is sorted, each name once"
        );
    }

    #[test]
    fn the_list_of_pages_equals_the_folder() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut names: Vec<String> = std::fs::read_dir(root.join("rules"))
            .unwrap()
            .filter_map(|e| {
                e.unwrap()
                    .file_name()
                    .into_string()
                    .unwrap()
                    .strip_suffix(".md")
                    .map(str::to_string)
            })
            .collect();
        names.sort();
        if std::env::var_os("IACLINT_WRITE").is_some() {
            let path = root.join("src/rule/pages.rs");
            let text = std::fs::read_to_string(&path).unwrap();
            let head = text.split("pub const PAGES").next().unwrap();
            let rows: String = names
                .iter()
                .map(|n| format!("    (\"{n}\", include_str!(\"../../rules/{n}.md\")),\n"))
                .collect();
            std::fs::write(
                path,
                format!("{head}pub const PAGES: &[(&str, &str)] = &[\n{rows}];\n"),
            )
            .unwrap();
            return;
        }
        let listed: Vec<&str> = PAGES.iter().map(|(n, _)| *n).collect();
        assert_eq!(
            listed, names,
            "run `IACLINT_WRITE=1 cargo test pages` after adding a page"
        );
    }

    #[test]
    fn pages_keep_their_form() {
        for page in all() {
            assert!(
                page.name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{}",
                page.name
            );
            assert!(
                !page.summary.ends_with('.')
                    && (page.summary.starts_with(|c: char| !c.is_uppercase())
                        // AWS's own names keep their capitals.
                        || ["AWS ", "VPC ", "Block Public Access ", "RestrictPublicBuckets "]
                            .iter()
                            .any(|name| page.summary.starts_with(name))),
                "{}",
                page.name
            );
            assert!(
                page.references
                    .iter()
                    .all(|r| r.starts_with("https://docs.aws.amazon.com/")),
                "{}",
                page.name
            );
            let prose: usize = page
                .sections()
                .iter()
                .filter(|(t, _)| *t != "Denied" && *t != "Allowed")
                .map(|(_, s)| s.lines().count())
                .sum();
            assert!(prose <= 60, "{}: {prose} lines of prose", page.name);
            for title in ["Denied", "Allowed"] {
                let languages: Vec<&str> =
                    page.examples(title).iter().map(|e| e.language).collect();
                assert!(
                    page.formats.is_some()
                        || (languages.contains(&"hcl") && languages.contains(&"yaml")),
                    "{}: {title}",
                    page.name
                );
            }
            assert!(
                page.examples("Denied").iter().any(|e| !e.marks.is_empty()),
                "{}: no line is marked",
                page.name
            );
            assert!(
                page.examples("Allowed").iter().all(|e| e.marks.is_empty()),
                "{}: a mended line is marked",
                page.name
            );
        }
    }

    #[test]
    fn selectors_mean_rules() {
        let name = "bucket-policy-denies-missing-encryption-header";
        assert_eq!(select(name), [name]);
        assert!(select("bucket-policy").contains(&name));
        assert!(select("bucket-pol").is_empty());
        assert_eq!(
            nearest("bucket-policy-denies-missing-encryption-headers"),
            Some(name)
        );
        assert_eq!(nearest("nothing"), None);
    }
}
