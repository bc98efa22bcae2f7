//! One more argument of a block that writes an object: the header that it is to send.

use super::{Edit, Syntax, Target, Written, words};

/// The argument that makes a kind of block send a header.
fn argument(kind: &str, header: &str) -> Option<&'static str> {
    if ![
        "aws_s3_object",
        "aws_s3_bucket_object",
        "aws_s3_object_copy",
    ]
    .contains(&kind)
    {
        return None;
    }
    Some(match header {
        "x-amz-acl" => "acl",
        "x-amz-server-side-encryption" => "server_side_encryption",
        "x-amz-server-side-encryption-aws-kms-key-id" => "kms_key_id",
        "x-amz-storage-class" => "storage_class",
        _ => return None,
    })
}

/// The edit that puts the arguments first into the block whose header is the target.
pub fn add(target: &Target, headers: &[(String, String)]) -> Option<Vec<Edit>> {
    let kind = target
        .bytes()?
        .strip_prefix("resource")?
        .split('"')
        .nth(1)?;
    if target.syntax != Syntax::Hcl {
        return None;
    }
    let behind = target.behind();
    let open = behind.find('{')?;
    if behind.get(..open)?.trim() != "" || behind.get(open + 1..)?.trim() != "" {
        return None;
    }
    let line: String = target.before().to_string();
    let end = target.line_end();
    let names: Option<Vec<&str>> = headers.iter().map(|(h, _)| argument(kind, h)).collect();
    let names = names?;
    let width = names.iter().map(|n| n.len()).max()?;
    let mut text = String::new();
    for (name, (_, value)) in names.iter().zip(headers) {
        let value = words::write(
            &Written::Text(value.clone()),
            target.syntax,
            words::Quote::Double,
        )?;
        text.push_str(&format!("{end}{line}  {name:width$} = {value}"));
    }
    text.push_str(end);
    Some(vec![
        target.insert(target.span.end as usize + open + 1, text),
    ])
}
