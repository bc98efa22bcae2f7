//! SARIF 2.1.0 as GitHub's code scanning reads it: one run, the rules with their help, a result per finding.
//!
//! Locations count Unicode code points from 1 and are relative to the repository root.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use serde_sarif::sarif::{
    ArtifactChange, ArtifactContent, ArtifactLocation, CodeFlow, Fix as SarifFix, Invocation,
    Location, LogicalLocation, Message, MultiformatMessageString, Notification, PhysicalLocation,
    PropertyBag, Region, Replacement, ReportingConfiguration, ReportingDescriptor,
    Result as SarifResult, ResultKind, ResultLevel, Run, RunAutomationDetails, Sarif, ThreadFlow,
    ThreadFlowLocation, Tool, ToolComponent,
};
use sha2::{Digest, Sha256};

use crate::report::plain::{sanitize, shorten};
use crate::report::text::page_address;
use crate::report::{Report, json as json_format, place};
use crate::rule::page::Page;
use crate::rule::{Finding, Fix, Level, Outcome, Step, registry};
use crate::source::Gap;
use crate::value::Span;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
const HOME: &str = env!("CARGO_PKG_REPOSITORY");
/// GitHub takes 25,000 results of a run and 1,000 locations of a result; the findings come worst first.
const RESULTS: usize = 25_000;
const LOCATIONS: usize = 100;
const NOTIFICATIONS: usize = 1_000;
/// GitHub takes 10 MB of a compressed log; results shrink to less than a tenth of their bytes.
const BYTES: usize = 80 << 20;
/// Callers that one result lists.
const CALLERS: usize = 100;

/// The whole log, with a line break at its end; an empty report is a run without results.
pub fn render(report: &Report) -> String {
    within(report, BYTES)
}

/// The log, with results of so many bytes at most.
fn within(report: &Report, limit: usize) -> String {
    let rules = registry::all();
    let mut seen = BTreeMap::new();
    let mut results: Vec<SarifResult> = Vec::new();
    let mut bytes = 0;
    for finding in report.findings.iter().take(RESULTS) {
        let result = result(report, finding, rules, &mut seen);
        bytes += serde_json::to_string_pretty(&result).map_or(0, |text| text.len());
        if bytes > limit {
            break;
        }
        results.push(result);
    }
    let driver = ToolComponent::builder()
        .name("iaclint")
        .semantic_version(env!("CARGO_PKG_VERSION"))
        .information_uri(HOME)
        .rules(rules.iter().map(rule).collect::<Vec<_>>())
        .build();
    let mut notifications: Vec<Notification> = report
        .not_understood
        .iter()
        .take(NOTIFICATIONS)
        .map(|g| notification(report, g))
        .collect();
    for (left, what) in [
        (report.findings.len() - results.len(), "findings"),
        (
            report.not_understood.len().saturating_sub(NOTIFICATIONS),
            "things that were not understood",
        ),
    ] {
        if left > 0 {
            let words =
                format!("{left} more {what} are left out: a log of code scanning has limits");
            notifications.push(
                Notification::builder()
                    .level("warning")
                    .message(message(&words))
                    .build(),
            );
        }
    }
    let invocation = Invocation::builder()
        .execution_successful(true)
        .tool_execution_notifications(notifications)
        .build();
    let root = ArtifactLocation::builder()
        .description(message("the root of the repository"))
        .build();
    let mut run = Run::builder()
        .tool(Tool::builder().driver(driver).build())
        .column_kind("unicodeCodePoints")
        .original_uri_base_ids(BTreeMap::from([("%SRCROOT%".to_string(), root)]))
        .invocations(vec![invocation])
        .results(results)
        .build();
    // Code scanning tells uploads of one commit apart by what stands before the last slash.
    let category = sanitize(report.category.trim_matches('/'));
    run.automation_details = Some(
        RunAutomationDetails::builder()
            .id(match category.as_str() {
                "" => "iaclint/".to_string(),
                name => format!("iaclint/{name}/"),
            })
            .build(),
    );
    let sarif = Sarif::builder()
        .schema(SCHEMA)
        .version("2.1.0")
        .runs(vec![run])
        .build();
    // INVARIANT: the log holds strings, numbers and lists; nothing in it can fail to serialise.
    let text = serde_json::to_string_pretty(&sarif).unwrap_or_default();
    super::plain::escape_json(format!("{text}\n"))
}

fn rule(page: &Page) -> ReportingDescriptor {
    let severity = match page.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "recommendation",
    };
    let mut properties = bag([
        ("precision", json!("very-high")),
        ("problem.severity", json!(severity)),
    ]);
    properties.tags = Some(
        page.tags
            .iter()
            .map(|t| t.to_string())
            .chain(["reliability".into()])
            .collect(),
    );
    let help = MultiformatMessageString::builder()
        .text(page.help_text())
        .markdown(page.help_markdown())
        .build();
    let mut descriptor = ReportingDescriptor::builder()
        .id(page.name)
        .name(pascal(page.name))
        .short_description(text(&sentence(page.summary)))
        .full_description(text(&shorten(
            &paragraph(page.section("What happens")),
            1000,
        )))
        .help(help)
        .help_uri(page_address(page.name))
        .default_configuration(
            ReportingConfiguration::builder()
                .level(page.level.name())
                .build(),
        )
        .properties(properties)
        .build();
    if !page.aliases.is_empty() {
        descriptor.deprecated_ids = Some(page.aliases.iter().map(|a| a.to_string()).collect());
    }
    descriptor
}

fn pascal(name: &str) -> String {
    name.split('-')
        .map(|word| {
            let mut letters = word.chars();
            letters
                .next()
                .map(|c| c.to_uppercase().chain(letters).collect::<String>())
                .unwrap_or_default()
        })
        .collect()
}

/// The first paragraph on one line.
fn paragraph(markdown: &str) -> String {
    markdown
        .lines()
        .take_while(|l| !l.trim().is_empty())
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(" ")
}

/// With a capital and a full stop.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first: String = letters
        .next()
        .map(|c| c.to_uppercase().collect())
        .unwrap_or_default();
    let end = if words.ends_with('.') { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

fn result(
    report: &Report,
    finding: &Finding,
    rules: &[Page],
    seen: &mut BTreeMap<String, usize>,
) -> SarifResult {
    let level = match finding.level {
        Level::Error => ResultLevel::Error,
        Level::Warning => ResultLevel::Warning,
        Level::Note => ResultLevel::Note,
    };
    let steps: Vec<&Step> = finding
        .steps
        .iter()
        .filter(|s| location(report, s, None).physical_location.is_some())
        .take(LOCATIONS)
        .collect();
    let related: Vec<Location> = steps
        .iter()
        .enumerate()
        .map(|(i, s)| location(report, s, Some(i as i64 + 1)))
        .collect();
    let mut fingerprints = BTreeMap::from([("iaclint/v1".to_string(), hash(&finding.fingerprint))]);
    if let Some(line) = line_hash(report, finding.primary.place.span, seen) {
        fingerprints.insert("primaryLocationLineHash".to_string(), line);
    }
    let mut callers = json_format::callers(finding);
    let callers_left = callers.len().saturating_sub(CALLERS);
    callers.truncate(CALLERS);
    let mut out = SarifResult::builder()
        .rule_id(finding.rule)
        .level(level)
        .kind(ResultKind::Fail)
        .message(message(&result_text(report, finding, &steps)))
        .locations(vec![location(report, &finding.primary, None)])
        .code_flows(vec![flow(report, finding)])
        .partial_fingerprints(fingerprints)
        .properties(bag([
            ("outcome", json!(finding.outcome.name())),
            ("callers", Json::Array(callers)),
            ("bucket", json!(&*finding.bucket)),
        ]))
        .build();
    if callers_left > 0 {
        if let Some(properties) = &mut out.properties {
            let left = ("callersLeftOut".to_string(), json!(callers_left));
            properties.additional_properties.extend([left]);
        }
    }
    let others: Vec<Json> = elsewhere(report, finding)
        .into_iter()
        .map(|(step, at)| json!({ "place": at, "address": &*step.address, "text": step.text }))
        .collect();
    if let (false, Some(bag)) = (others.is_empty(), &mut out.properties) {
        bag.additional_properties
            .insert("elsewhere".into(), Json::Array(others));
    }
    out.rule_index = rules
        .iter()
        .position(|p| p.name == finding.rule)
        .map(|i| i as i64);
    if !related.is_empty() {
        out.related_locations = Some(related);
    }
    // A viewer applies a fix with one click and has no place for what else it lets in.
    let safe = finding.fix.iter().filter(|f| f.safe);
    let fixes: Vec<SarifFix> = safe.filter_map(|f| fix(report, f)).collect();
    if !fixes.is_empty() {
        out.fixes = Some(fixes);
    }
    out
}

/// The first sentence stands alone; the steps are linked by their ids.
fn result_text(report: &Report, finding: &Finding, steps: &[&Step]) -> String {
    let mut out = sentence(&escape(&finding.message));
    for (i, step) in steps.iter().enumerate() {
        out.push_str(&format!("\n{}. [{}]({})", i + 1, escape(&step.text), i + 1));
    }
    for (step, at) in elsewhere(report, finding) {
        out.push_str(&format!("\nIn {}: {}", escape(&at), escape(&step.text)));
    }
    if let Some(witness) = finding.callers.first() {
        if let Some(refused) = &witness.refused {
            out.push_str(&format!(
                "\nRefused: {}",
                escape(&joined(&refused.command, &refused.notes))
            ));
        }
        match &witness.passes {
            Some(passes) => out.push_str(&format!(
                "\nPasses: {}",
                escape(&joined(&passes.command, &passes.notes))
            )),
            None if finding.outcome == Outcome::AlwaysDenied => out.push_str("\nPasses: nothing."),
            None => {}
        }
    }
    if let Some(fix) = &finding.fix {
        out.push_str(&format!("\nMend: {}", sentence(&escape(&fix.text))));
        if !fix.gains.is_empty() {
            let gains: Vec<String> = fix.gains.iter().map(|g| escape(g)).collect();
            out.push_str(&format!("\nThis also lets in: {}.", gains.join(", ")));
        }
    }
    out
}

/// The steps that lie in other repositories, with their places in words.
fn elsewhere<'f>(report: &Report, finding: &'f Finding) -> Vec<(&'f Step, String)> {
    let steps = finding.steps.iter().take(LOCATIONS);
    steps
        .filter_map(|s| Some((s, place::elsewhere(report, s.place.span)?)))
        .collect()
}

fn joined(command: &str, notes: &[String]) -> String {
    if notes.is_empty() {
        command.to_string()
    } else {
        format!("{command} ({})", notes.join("; "))
    }
}

/// Brackets and backslashes make links in SARIF messages.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in sanitize(text).chars() {
        if matches!(c, '[' | ']' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn flow(report: &Report, finding: &Finding) -> CodeFlow {
    let stops: Vec<ThreadFlowLocation> = finding
        .steps
        .iter()
        .chain(std::iter::once(&finding.primary))
        .map(|step| location(report, step, None))
        .filter(|l| l.physical_location.is_some())
        .take(LOCATIONS)
        .map(|l| ThreadFlowLocation::builder().location(l).build())
        .collect();
    CodeFlow::builder()
        .thread_flows(vec![ThreadFlow::builder().locations(stops).build()])
        .build()
}

fn location(report: &Report, step: &Step, id: Option<i64>) -> Location {
    let mut out = Location::builder()
        .message(message(&sanitize(&step.text)))
        .build();
    out.id = id;
    out.physical_location = physical(report, step.place.span);
    if !step.address.is_empty() {
        out.logical_locations = Some(vec![
            LogicalLocation::builder()
                .fully_qualified_name(sanitize(&step.address))
                .kind("resource")
                .build(),
        ]);
    }
    out
}

/// A region of more lines than that is cut; the whole of it is its context.
const REGION_LINES: u32 = 12;

fn physical(report: &Report, span: Span) -> Option<PhysicalLocation> {
    // A place of another repository has no address here.
    let at = place::position(report, span).filter(|at| at.repository.is_none())?;
    let mut out = PhysicalLocation::builder()
        .artifact_location(artifact(report, &at.path))
        .region(region(&at))
        .build();
    // Code scanning shows a result beside a change only where all lines of its region are part of the change.
    let last = at.line + REGION_LINES - 1;
    if at.end_line > last {
        let line = report.files.get(span.file).and_then(|f| f.line(last));
        let short = place::Position {
            end_line: last,
            end_column: line.map_or(1, |l| l.chars().count() as u32 + 1),
            ..at.clone()
        };
        out.context_region = Some(region(&at));
        out.region = Some(region(&short));
    }
    Some(out)
}

fn artifact(report: &Report, path: &str) -> ArtifactLocation {
    ArtifactLocation::builder()
        .uri(place::uri(report, path))
        .uri_base_id("%SRCROOT%")
        .build()
}

fn region(at: &place::Position) -> Region {
    Region::builder()
        .start_line(i64::from(at.line))
        .start_column(i64::from(at.column))
        .end_line(i64::from(at.end_line))
        .end_column(i64::from(at.end_column))
        .build()
}

fn fix(report: &Report, fix: &Fix) -> Option<SarifFix> {
    let mut changes: BTreeMap<String, Vec<Replacement>> = BTreeMap::new();
    for edit in &fix.edits {
        let file = report.files.get(edit.span.file)?;
        if file.repository().is_some() {
            return None;
        }
        let (line, column) = file.line_column(edit.span.start);
        let (end_line, end_column) = file.line_column(edit.span.end);
        let at = place::Position {
            repository: None,
            path: file.path.to_string(),
            line,
            column,
            end_line,
            end_column,
        };
        let content = ArtifactContent::builder()
            .text(edit.replacement.clone())
            .build();
        changes.entry(at.path.clone()).or_default().push(
            Replacement::builder()
                .deleted_region(region(&at))
                .inserted_content(content)
                .build(),
        );
    }
    let changes: Vec<ArtifactChange> = changes
        .into_iter()
        .map(|(path, replacements)| {
            ArtifactChange::builder()
                .artifact_location(artifact(report, &path))
                .replacements(replacements)
                .build()
        })
        .collect();
    (!changes.is_empty()).then(|| {
        SarifFix::builder()
            .description(message(&sanitize(&fix.text)))
            .artifact_changes(changes)
            .build()
    })
}

fn notification(report: &Report, gap: &Gap) -> Notification {
    let words = format!(
        "not understood: {} ({})",
        sanitize(&gap.what),
        sanitize(&gap.why)
    );
    let mut out = Notification::builder()
        .level("warning")
        .message(message(&words))
        .build();
    let physical = gap
        .place
        .as_ref()
        .and_then(|p| physical(report, p.span))
        .or_else(|| {
            let path = gap.path.as_ref()?;
            Some(
                PhysicalLocation::builder()
                    .artifact_location(artifact(report, path))
                    .build(),
            )
        });
    if let Some(physical) = physical {
        out.locations = Some(vec![
            Location::builder().physical_location(physical).build(),
        ]);
    }
    out
}

/// Hash of the text of the first line without its blanks, and which occurrence of that hash it is.
fn line_hash(report: &Report, span: Span, seen: &mut BTreeMap<String, usize>) -> Option<String> {
    let file = report.files.get(span.file)?;
    if file.repository().is_some() {
        return None;
    }
    let (line, _) = file.line_column(span.start);
    let words: String = file
        .line(line)?
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect();
    let short: String = hash(&format!("{}\n{words}", file.path))
        .chars()
        .take(16)
        .collect();
    let count = seen.entry(short.clone()).or_insert(0);
    *count += 1;
    Some(format!("{short}:{count}"))
}

fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

fn message(words: &str) -> Message {
    Message::builder().text(words).build()
}

fn text(words: &str) -> MultiformatMessageString {
    MultiformatMessageString::builder().text(words).build()
}

fn bag<const N: usize>(entries: [(&str, Json); N]) -> PropertyBag {
    let additional = entries
        .into_iter()
        .map(|(k, v)| (k.to_string(), v))
        .collect::<BTreeMap<_, _>>();
    PropertyBag::builder()
        .additional_properties(additional)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Witness;
    use crate::value::Place;

    #[test]
    fn a_log_keeps_to_its_limits_and_says_so() {
        let witness = Witness {
            address: "x".into(),
            path: "internet".into(),
            refused: None,
            passes: None,
            environments: Vec::new(),
        };
        let finding = Finding {
            rule: "bucket-policy-denies-upload",
            level: Level::Error,
            outcome: Outcome::AlwaysDenied,
            message: "refused".into(),
            primary: Step {
                place: Place::at(Span::new(crate::value::FileId(0), 0, 1)),
                text: "denies".into(),
                label: None,
                address: "a".into(),
            },
            steps: Vec::new(),
            callers: vec![witness; 101],
            bucket: "b".into(),
            fix: None,
            fingerprint: "f".into(),
            also: Vec::new(),
            environments: Vec::new(),
            only_with: None,
        };
        let report = Report {
            findings: vec![finding; 50],
            ..Report::default()
        };
        let text = within(&report, 200_000);
        let log: Json = serde_json::from_str(&text).unwrap();
        let run = &log["runs"][0];
        let count = run["results"].as_array().unwrap().len();
        assert!(count > 1 && count < 50, "{count}");
        assert_eq!(run["results"][0]["properties"]["callersLeftOut"], 1);
        let said = run["invocations"][0]["toolExecutionNotifications"].to_string();
        assert!(
            said.contains(&format!("{} more findings", 50 - count)),
            "{said}"
        );
    }
}
