//! The README's table of rules is made from the pages; `IACLINT_WRITE=1 cargo test --test readme` writes it anew.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use iaclint::rule::registry;

const OPEN: &str = "<!-- rules -->\n";
const CLOSE: &str = "<!-- /rules -->";

#[test]
fn the_readme_lists_the_rules() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once(OPEN).unwrap();
    let (_, tail) = rest.split_once(CLOSE).unwrap();
    let rows: String = registry::all()
        .iter()
        .map(|page| {
            format!(
                "| [`{0}`](rules/{0}.md) | {1} | {2} |\n",
                page.name,
                page.level.name(),
                page.summary
            )
        })
        .collect();
    let made =
        format!("{head}{OPEN}| Rule | Level | What happens |\n|---|---|---|\n{rows}{CLOSE}{tail}");
    if std::env::var_os("IACLINT_WRITE").is_some() {
        std::fs::write(&path, made).unwrap();
    } else {
        assert_eq!(
            text, made,
            "run `IACLINT_WRITE=1 cargo test --test readme` after a change to a page"
        );
    }
}
