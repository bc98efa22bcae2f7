//! Functions that the AWS provider defines.

use super::pieces::{Builder, Flat};
use super::{Body, Call, Entry, FunctionError, Outcome};
use crate::value::Map;

pub(super) fn find(name: &str) -> Option<Entry> {
    Some(match name {
        "provider::aws::arn_parse" => (1, 1, Body::Pure(arn_parse)),
        "provider::aws::arn_build" => (5, 5, Body::Pure(arn_build)),
        "provider::aws::trim_iam_role_path" => (1, 1, Body::Pure(trim_iam_role_path)),
        _ => return None,
    })
}

/// The five colons of an ARN, found before anything that could hold one of its own.
fn colons(call: &Call, flat: &Flat) -> Result<Vec<usize>, FunctionError> {
    let found: Vec<usize> = flat
        .text
        .match_indices(':')
        .map(|(i, _)| i)
        .take(5)
        .collect();
    let end = if found.len() == 5 {
        found.last().copied().unwrap_or(0)
    } else {
        flat.text.len()
    };
    if let Some((_, unknown)) = flat
        .holes()
        .iter()
        .find(|(at, u)| *at < end && super::pieces::may_touch(u, ":"))
    {
        return Err(FunctionError::Unknown(unknown.reason.to_string()));
    }
    if found.len() < 5 || !flat.text.starts_with("arn:") {
        return call.error("the argument is no ARN");
    }
    Ok(found)
}

fn arn_parse(call: &Call) -> Outcome {
    let flat = Flat::of(&call.text(0)?, &call.of(0));
    let colons = colons(call, &flat)?;
    let ends = colons.iter().skip(1).copied().chain([flat.text.len()]);
    let mut map = Map::default();
    for ((start, end), name) in
        colons
            .iter()
            .zip(ends)
            .zip(["partition", "service", "region", "account_id", "resource"])
    {
        map.insert(
            name,
            call.through(0),
            call.made(flat.slice(start + 1, end), 0)?,
        );
    }
    map.entries.sort_keys();
    Ok(crate::value::Value::map(map, call.through(0)))
}

fn arn_build(call: &Call) -> Outcome {
    let mut out = Builder::default();
    out.push_str("arn");
    for index in 0..5 {
        out.push_str(":");
        out.push(&call.text(index)?);
    }
    call.made(out.finish(), 4)
}

fn trim_iam_role_path(call: &Call) -> Outcome {
    let text = call.text(0)?;
    let flat = Flat::of(&text, &call.of(0));
    let colons = colons(call, &flat)?;
    let resource = colons.last().map_or(0, |c| c + 1);
    let rest = flat.text.get(resource..).unwrap_or("");
    if let Some((_, unknown)) = flat
        .holes()
        .iter()
        .find(|(at, u)| *at >= resource && super::pieces::may_touch(u, "/"))
    {
        return Err(FunctionError::Unknown(unknown.reason.to_string()));
    }
    let (Some(first), Some(last)) = (rest.find('/'), rest.rfind('/')) else {
        return call.error("the argument is no ARN of a role");
    };
    if !rest.starts_with("role/") {
        return call.error("the argument is no ARN of a role");
    }
    let parts = [
        super::pieces::Part::Slice(0, resource + first + 1),
        super::pieces::Part::Slice(resource + last + 1, flat.text.len()),
    ];
    call.made(flat.build(&parts), 0)
}
