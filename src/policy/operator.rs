//! Names of condition operators, with their set prefix and their `IfExists` suffix.

use super::{ConditionOperator, SetOperator};

/// Reads an operator as written, letter by letter; what AWS does not know is `Unrecognized`.
pub fn read_operator(written: &str) -> (Option<SetOperator>, ConditionOperator, bool) {
    use ConditionOperator::*;
    let (set, rest) = if let Some(rest) = written.strip_prefix("ForAllValues:") {
        (Some(SetOperator::ForAllValues), rest)
    } else if let Some(rest) = written.strip_prefix("ForAnyValue:") {
        (Some(SetOperator::ForAnyValue), rest)
    } else {
        (None, written)
    };
    let (name, if_exists) = match rest.strip_suffix("IfExists") {
        Some(name) => (name, true),
        None => (rest, false),
    };
    let operator = match name {
        "StringEquals" => StringEquals,
        "StringNotEquals" => StringNotEquals,
        "StringEqualsIgnoreCase" => StringEqualsIgnoreCase,
        "StringNotEqualsIgnoreCase" => StringNotEqualsIgnoreCase,
        "StringLike" => StringLike,
        "StringNotLike" => StringNotLike,
        "NumericEquals" => NumericEquals,
        "NumericNotEquals" => NumericNotEquals,
        "NumericLessThan" => NumericLessThan,
        "NumericLessThanEquals" => NumericLessThanEquals,
        "NumericGreaterThan" => NumericGreaterThan,
        "NumericGreaterThanEquals" => NumericGreaterThanEquals,
        "DateEquals" => DateEquals,
        "DateNotEquals" => DateNotEquals,
        "DateLessThan" => DateLessThan,
        "DateLessThanEquals" => DateLessThanEquals,
        "DateGreaterThan" => DateGreaterThan,
        "DateGreaterThanEquals" => DateGreaterThanEquals,
        "Bool" => Bool,
        "BinaryEquals" => BinaryEquals,
        "IpAddress" => IpAddress,
        "NotIpAddress" => NotIpAddress,
        "ArnEquals" => ArnEquals,
        "ArnLike" => ArnLike,
        "ArnNotEquals" => ArnNotEquals,
        "ArnNotLike" => ArnNotLike,
        "Null" if !if_exists => Null,
        _ => Unrecognized,
    };
    (set, operator, if_exists)
}
