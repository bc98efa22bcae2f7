//! What the process's terminal can show, and writing to it: colour, width, characters, progress, closed pipes.

use std::io::{IsTerminal, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use iaclint::report::text::TextStyle;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    #[default]
    Auto,
    Always,
    Never,
}

/// How standard output shows text; a file that is written instead is no terminal.
pub fn style(colour: Colour, to_file: bool, verbose: bool) -> TextStyle {
    let terminal = !to_file && std::io::stdout().is_terminal();
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty() && v != "0");
    let colour = match colour {
        Colour::Always => true,
        Colour::Never => false,
        // Any value counts, by the convention of no-color.org.
        Colour::Auto if std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty()) => false,
        Colour::Auto if set("FORCE_COLOR") || set("CLICOLOR_FORCE") => true,
        Colour::Auto => terminal && std::env::var("TERM").as_deref() != Ok("dumb"),
    };
    TextStyle {
        colour,
        unicode: !terminal || speaks_unicode(|name| std::env::var(name).ok()),
        width: width(),
        verbose,
        links: terminal && colour && follows_links(|name| std::env::var(name).ok()),
    }
}

/// True for terminals that are known to follow links in text; `FORCE_HYPERLINK` decides where it is set.
fn follows_links(variable: impl Fn(&str) -> Option<String>) -> bool {
    let set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    let is = |name: &str, known: &[&str]| {
        variable(name).is_some_and(|value| known.iter().any(|k| value.contains(k)))
    };
    match variable("FORCE_HYPERLINK").as_deref() {
        Some("0") => return false,
        Some(value) if !value.is_empty() => return true,
        _ => {}
    }
    let vte = variable("VTE_VERSION").and_then(|version| version.parse().ok());
    let programs = ["iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "zed"];
    is("TERM_PROGRAM", &programs)
        || is("TERM", &["kitty", "alacritty", "foot", "ghostty"])
        || vte.is_some_and(|version: u32| version >= 5000)
        || [
            "WT_SESSION",
            "KITTY_WINDOW_ID",
            "KONSOLE_VERSION",
            "DOMTERM",
        ]
        .iter()
        .any(|name| set(name))
}

/// `COLUMNS`, else the width of the terminal, else 100; never too narrow to read.
fn width() -> usize {
    let given = std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok());
    let seen = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    given.or_else(seen).unwrap_or(100).clamp(40, 500)
}

/// True unless the locale names a character set that is not UTF-8; the first variable that is set decides.
fn speaks_unicode(variable: impl Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| variable(name).filter(|value| !value.is_empty()));
    match locale {
        Some(locale) => {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        }
        // Without a locale only systems that have none are trusted with more than ASCII.
        None => cfg!(any(windows, target_os = "macos")),
    }
}

/// Writes to standard output; a reader that has left is no error.
pub fn put(text: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(format!("standard output cannot be written: {e}"))
        }
        _ => Ok(()),
    }
}

/// A line on standard error; there is nobody to tell if it cannot be written.
pub fn tell(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// A line on the terminal's standard error that says that a run of more than a second goes on; gone when dropped.
pub struct Progress {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    pub fn start(wanted: bool) -> Progress {
        let dumb = std::env::var("TERM").as_deref() == Ok("dumb");
        if !wanted || dumb || !std::io::stderr().is_terminal() {
            return Progress {
                stop: None,
                thread: None,
            };
        }
        let (stop, stopped) = channel::<()>();
        let started = Instant::now();
        let thread = std::thread::spawn(move || {
            let mut shown = false;
            while stopped.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
                shown = true;
                let mut out = std::io::stderr().lock();
                let _ = write!(out, "\ranalysing, {} s", started.elapsed().as_secs());
                let _ = out.flush();
            }
            if shown {
                let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
            }
        });
        Progress {
            stop: Some(stop),
            thread: Some(thread),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_for_terminals_that_follow_them() {
        let follows = |given: &[(&str, &str)]| {
            follows_links(|name| {
                let found = given.iter().find(|(n, _)| *n == name);
                found.map(|(_, value)| value.to_string())
            })
        };
        assert!(follows(&[("TERM_PROGRAM", "vscode")]));
        assert!(follows(&[("TERM", "xterm-kitty")]));
        assert!(follows(&[("VTE_VERSION", "7006")]));
        assert!(!follows(&[
            ("VTE_VERSION", "4002"),
            ("TERM", "xterm-256color")
        ]));
        assert!(!follows(&[
            ("TERM", "xterm-kitty"),
            ("FORCE_HYPERLINK", "0")
        ]));
        assert!(follows(&[("FORCE_HYPERLINK", "1")]));
    }

    #[test]
    fn the_locale_decides_on_characters() {
        let speaks = |given: &[(&str, &str)]| {
            speaks_unicode(|name| {
                given
                    .iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, v)| v.to_string())
            })
        };
        assert!(speaks(&[("LANG", "en_GB.UTF-8")]));
        assert!(speaks(&[("LANG", "C.utf8"), ("LC_ALL", "")]));
        assert!(!speaks(&[("LANG", "en_GB.UTF-8"), ("LC_ALL", "C")]));
        assert!(!speaks(&[("LC_CTYPE", "de_DE.ISO-8859-1")]));
    }
}
