//! `iaclint why`: plays one upload and prints the journey gate by gate.

use std::process::ExitCode;

use clap::Args;
use iaclint::analysis::secrets::Cover;
use iaclint::analysis::{self, Request};
use iaclint::facts::{AccessPoint, Estate};
use iaclint::files::disk::DiskFiles;
use iaclint::files::{FileTable, Limits};
use iaclint::source::{Inputs, Sources};
use iaclint::upload::calls::{Draft, Sent};
use iaclint::upload::why::{GateLine, Why, why};
use iaclint::upload::{Route, access_point, headers, path};
use iaclint::value::{Place, Text};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  iaclint why --caller aws_iam_role.batch --bucket acme-reports infra/\n  iaclint why --caller TaskRole --bucket Reports --acl bucket-owner-full-control template.yaml\n  iaclint why --message \"User: arn:aws:iam::111122223333:role/x is not authorized to perform: s3:PutObject on resource: \\\"arn:aws:s3:::b/k\\\" …\" infra/"
)]
pub struct WhyArguments {
    /// Files or folders
    #[arg(default_value = ".")]
    paths: Vec<String>,
    /// Address, name or ARN of the caller; without it those that exist are listed
    #[arg(long)]
    caller: Option<String>,
    /// Address or name of the bucket; without it those that exist are listed
    #[arg(long)]
    bucket: Option<String>,
    /// Address, name or ARN of an access point through which the upload goes to its bucket
    #[arg(long)]
    access_point: Option<String>,
    /// Object key
    #[arg(long)]
    key: Option<String>,
    /// `internet`, or the address of a VPC endpoint
    #[arg(long)]
    path: Option<String>,
    /// Canned ACL that the upload sends
    #[arg(long)]
    acl: Option<String>,
    /// `AES256` or `aws:kms`
    #[arg(long)]
    sse: Option<String>,
    /// Key ARN that the upload names
    #[arg(long)]
    sse_kms_key_id: Option<String>,
    #[arg(long)]
    storage_class: Option<String>,
    /// Tag set: `key=value&key=value`
    #[arg(long)]
    tagging: Option<String>,
    /// Play a multipart upload
    #[arg(long)]
    multipart: bool,
    /// Text of an AWS Access Denied message, from which caller, action and bucket are taken
    #[arg(long)]
    message: Option<String>,
    #[arg(long = "var", value_name = "NAME=VALUE")]
    variables: Vec<String>,
    #[arg(long = "parameter", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// Environment that the upload is made in
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// Account that the sources are deployed to
    #[arg(long)]
    account: Option<String>,
    #[arg(long)]
    region: Option<String>,
}

/// Runs the command: 0 where the upload passes, 1 where it is refused, 2 for wrong use.
pub fn run(arguments: &WhyArguments) -> ExitCode {
    match answer(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

fn answer(arguments: &WhyArguments) -> Result<bool, String> {
    let first = arguments.paths.first().map_or(".", String::as_str);
    let boundary =
        DiskFiles::boundary_of(first.as_ref()).ok_or_else(|| format!("{first} cannot be read"))?;
    let files = DiskFiles::new(&boundary, Limits::default()).map_err(|e| e.to_string())?;
    let paths = arguments
        .paths
        .iter()
        .map(|p| {
            files
                .relative(p.as_ref())
                .ok_or_else(|| format!("{p} lies outside the read boundary"))
        })
        .collect::<Result<_, _>>()?;
    let request = Request {
        paths,
        inputs: Inputs {
            variables: super::pairs(&arguments.variables)?,
            parameters: super::pairs(&arguments.parameters)?,
            account: arguments.account.clone(),
            region: arguments.region.clone(),
            discover: arguments.environment.is_some(),
            ..Inputs::default()
        },
        environment: arguments.environment.clone(),
        ..Request::default()
    };
    let (sources, estate) = analysis::load(&files, &request);
    if let Some(name) = &arguments.environment
        && !sources.environments().iter().any(|e| **e == **name)
    {
        return Err(format!("no environment is called `{name}`"));
    }
    let message = arguments.message.as_deref().map(Denied::read);
    let caller_word = arguments
        .caller
        .clone()
        .or_else(|| message.as_ref().and_then(|m| m.caller.clone()));
    let bucket_word = arguments
        .bucket
        .clone()
        .or_else(|| message.as_ref().and_then(|m| m.bucket.clone()));
    let caller = caller_word.as_deref().and_then(|w| find_caller(&estate, w));
    let point = match &arguments.access_point {
        Some(word) => Some(find_point(&estate, word)?),
        None => None,
    };
    let behind = point
        .and_then(|i| estate.access_points.get(i))
        .map(|p| p.bucket);
    let named = bucket_word.as_deref().and_then(|w| find_bucket(&estate, w));
    if behind.is_some() && bucket_word.is_some() && named != behind {
        return Err("the access point belongs to another bucket".into());
    }
    let bucket = behind.or(named);
    let (Some(caller), Some(bucket)) = (caller, bucket) else {
        let cover = Cover::of(&sources.secrets);
        list(
            &estate,
            &cover,
            caller_word.as_deref(),
            bucket_word.as_deref(),
        );
        return Err(
            "name a caller and a bucket of the lists above with --caller and --bucket".into(),
        );
    };
    let draft = draft(arguments, message.as_ref());
    let route = route(&estate, caller, point, arguments.path.as_deref())?;
    let Some(found) = why(&estate, caller, bucket, point, route, &draft) else {
        return Err("the upload cannot be played".into());
    };
    print(&found, &sources);
    Ok(found.allowed)
}

fn route(
    estate: &Estate,
    caller: usize,
    point: Option<usize>,
    wanted: Option<&str>,
) -> Result<Route, String> {
    match wanted {
        Some("internet") => Ok(Route::Internet),
        Some(address) => estate
            .endpoints
            .iter()
            .position(|e| &*e.address == address)
            .map(Route::Endpoint)
            .ok_or_else(|| format!("no endpoint is called `{address}`")),
        None => Ok(estate
            .callers
            .get(caller)
            .and_then(|c| {
                let mut ways = path::ways(c, estate, "s3").into_iter();
                ways.find_map(|way| {
                    let cases = match point {
                        Some(point) => access_point::paths(estate, point, way.cases),
                        None => way.cases,
                    };
                    cases.into_iter().flatten().next()
                })
            })
            .map_or(Route::Internet, |p| p.route)),
    }
}

fn draft(arguments: &WhyArguments, message: Option<&Denied>) -> Draft {
    let key = arguments
        .key
        .clone()
        .or_else(|| message.and_then(|m| m.key.clone()))
        .unwrap_or_else(|| "x".into());
    let mut draft = Draft::plain(Some(Text::literal(key)));
    let mut set = |name: &str, value: &Option<String>| {
        if let Some(value) = value {
            draft.set(name, Sent::Value(Text::literal(value.as_str())));
        }
    };
    set(headers::ACL, &arguments.acl);
    set(headers::SSE, &arguments.sse);
    set(headers::SSE_KEY, &arguments.sse_kms_key_id);
    set(headers::STORAGE_CLASS, &arguments.storage_class);
    if arguments.acl.is_none()
        && message.is_some_and(|m| m.action.as_deref() == Some("s3:PutObjectAcl"))
    {
        draft.set(
            headers::ACL,
            Sent::Value(Text::literal("bucket-owner-full-control")),
        );
    }
    if let Some(tags) = &arguments.tagging {
        draft.tags = Some(
            tags.split('&')
                .filter(|p| !p.is_empty())
                .map(|p| {
                    let (key, value) = p.split_once('=').unwrap_or((p, ""));
                    (key.into(), Text::literal(value))
                })
                .collect(),
        );
    }
    draft.multipart = arguments.multipart;
    draft
}

fn find_caller(estate: &Estate, word: &str) -> Option<usize> {
    let tail = word.rsplit('/').next().unwrap_or(word);
    // A session's ARN holds the role's name before the session's.
    let session = word
        .split_once(":assumed-role/")
        .and_then(|(_, rest)| rest.split('/').next());
    estate
        .callers
        .iter()
        .position(|c| &*c.address == word || c.arn.as_literal() == Some(word))
        .or_else(|| {
            let name = session.unwrap_or(tail);
            let mut named = estate
                .callers
                .iter()
                .enumerate()
                .filter(|(_, c)| c.name.as_literal() == Some(name))
                .map(|(i, _)| i);
            named.next().filter(|_| named.next().is_none())
        })
}

fn find_point(estate: &Estate, word: &str) -> Result<usize, String> {
    let is = |p: &AccessPoint| {
        let texts = [&p.name, &p.arn];
        &*p.address == word || texts.iter().any(|t| t.as_literal() == Some(word))
    };
    let mut found = estate.access_points.iter().enumerate();
    let found = found.find(|(_, p)| is(p)).map(|(i, _)| i);
    found.ok_or_else(|| format!("no access point is called `{word}`"))
}

fn find_bucket(estate: &Estate, word: &str) -> Option<usize> {
    let name = word.rsplit(":::").next().unwrap_or(word);
    estate
        .buckets
        .iter()
        .position(|b| &*b.address == word || b.name.as_literal() == Some(name))
}

fn list(estate: &Estate, cover: &Cover, caller: Option<&str>, bucket: Option<&str>) {
    for (wanted, kind) in [(caller, "caller"), (bucket, "bucket")] {
        if let Some(word) = wanted {
            eprintln!("no single {kind} is called `{word}`, or the other one is missing");
        }
    }
    eprintln!("callers:");
    for caller in estate.callers.iter().filter(|c| !c.open) {
        eprintln!("  {}", cover.text(&caller.address));
    }
    eprintln!("buckets:");
    for bucket in estate.buckets.iter().filter(|b| !b.open) {
        match bucket.name.as_literal() {
            Some(name) => eprintln!("  {} ({})", bucket.address, cover.text(name)),
            None => eprintln!("  {}", bucket.address),
        }
    }
}

fn print(found: &Why, sources: &Sources) {
    let cover = Cover::of(&sources.secrets);
    println!();
    let mut action = "";
    for line in &found.lines {
        let shown = if &*line.action == action {
            ""
        } else {
            &line.action
        };
        action = &line.action;
        println!("{}", cover.text(&row(shown, line, &sources.files)));
    }
    println!();
    println!(" {}", cover.text(&found.verdict));
    for unknown in &found.hangs_on {
        println!(" provided: {}", cover.text(unknown));
    }
}

fn row(action: &str, line: &GateLine, files: &FileTable) -> String {
    let verdict = if line.refused { "REFUSED" } else { "allowed" };
    let place = line
        .place
        .as_ref()
        .map_or_else(String::new, |p| at(p, files));
    format!(
        " {action:<24} {:<13} {verdict:<8} {place:<24} {}",
        line.gate, line.text
    )
}

fn at(place: &Place, files: &FileTable) -> String {
    match files.get(place.span.file) {
        Some(file) => format!("{}:{}", file.path, file.line_column(place.span.start).0),
        None => String::new(),
    }
}

/// What the text of an Access Denied message says.
#[derive(Debug, Default, PartialEq)]
struct Denied {
    caller: Option<String>,
    action: Option<String>,
    bucket: Option<String>,
    key: Option<String>,
}

impl Denied {
    fn read(message: &str) -> Denied {
        let after = |mark: &str| {
            message.split_once(mark).map(|(_, rest)| {
                rest.trim_start_matches(['"', '\\', ' '])
                    .split(['"', '\\', ' ', '\n'])
                    .next()
                    .unwrap_or("")
                    .trim_end_matches(['.', ','])
                    .to_string()
            })
        };
        let resource = after("on resource:");
        let object = resource
            .as_deref()
            .and_then(|r| r.split_once(":::"))
            .map(|(_, rest)| rest.to_string());
        let (bucket, key) = match object.as_deref().map(|o| o.split_once('/')) {
            Some(Some((bucket, key))) => (Some(bucket.to_string()), Some(key.to_string())),
            Some(None) => (object, None),
            None => (None, None),
        };
        Denied {
            caller: after("User:"),
            action: after("to perform:"),
            bucket,
            key,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_text_of_a_denial() {
        let read = Denied::read(
            "An error occurred (AccessDenied): User: arn:aws:sts::111122223333:assumed-role/etl/i-1 is not authorized to perform: s3:PutObject on resource: \"arn:aws:s3:::acme/in/a.csv\" with an explicit deny in a resource-based policy",
        );
        assert_eq!(
            read,
            Denied {
                caller: Some("arn:aws:sts::111122223333:assumed-role/etl/i-1".into()),
                action: Some("s3:PutObject".into()),
                bucket: Some("acme".into()),
                key: Some("in/a.csv".into()),
            }
        );
    }
}
