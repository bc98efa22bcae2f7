//! What is wrong with a configuration, with its place and the key that is meant.

use iaclint::report::plain::{sanitize, shorten};

/// `line:column: message` of a reader's error.
pub fn say(text: &str, error: &toml::de::Error) -> String {
    let at = error.span().map_or(0, |span| span.start);
    let message = error.message();
    let known = expected(message);
    let unknown = message
        .strip_prefix("unknown field `")
        .and_then(|rest| rest.split('`').next());
    let message = match unknown {
        Some(key) => match nearest(key, &known) {
            Some(meant) => format!("unknown key `{key}`; is `{meant}` meant?"),
            None => {
                let keys: Vec<String> = known.iter().map(|k| format!("`{k}`")).collect();
                format!("unknown key `{key}`; the keys are {}", keys.join(", "))
            }
        },
        None if message.contains("AccountSays") => {
            "an account is its number, or a table of `id` and `paths`".to_string()
        }
        None => message.to_string(),
    };
    at_place(text, at, &message)
}

/// `line:column: message` at a byte of the text.
pub fn at_place(text: &str, at: usize, message: &str) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
    format!("{line}:{column}: {}", shorten(&sanitize(message), 600))
}

/// The keys that an error of an unknown one lists.
pub fn expected(message: &str) -> Vec<String> {
    let listed = message.split_once("expected ").map_or("", |(_, list)| list);
    let words = listed.split('`').skip(1).step_by(2);
    words.map(str::to_string).collect()
}

/// The known word that is a few letters away, or a part of the given one.
fn nearest<'k>(given: &str, known: &'k [String]) -> Option<&'k str> {
    let plain = |word: &str| word.replace(['-', '_'], "").to_lowercase();
    let distance = |word: &str| -> usize {
        let (a, b) = (plain(given), plain(word));
        let mut row: Vec<usize> = (0..=b.chars().count()).collect();
        for (i, x) in a.chars().enumerate() {
            let mut next = vec![i + 1];
            for (y, pair) in b.chars().zip(row.windows(2)) {
                let [diagonal, above] = pair else { continue };
                let left = next.last().copied().unwrap_or(0);
                let changed = diagonal + usize::from(x != y);
                next.push(changed.min(above + 1).min(left + 1));
            }
            row = next;
        }
        row.last().copied().unwrap_or(usize::MAX)
    };
    if given.len() > 100 {
        return None;
    }
    let best = known.iter().map(|k| (distance(k), k)).min()?;
    (best.0 <= given.len() / 3).then_some(best.1)
}
