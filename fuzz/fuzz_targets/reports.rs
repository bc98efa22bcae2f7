//! Arbitrary names in an estate that is refused: what is written stays harmless in every format.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let name = String::from_utf8_lossy(data);
    let quoted = serde_json::Value::from(name.as_ref()).to_string();
    let template = format!(
        r#"{{"AWSTemplateFormatVersion": "2010-09-09", "Resources": {{
        {quoted}: {{"Type": "AWS::S3::Bucket"}},
        "Role": {{"Type": "AWS::IAM::Role", "Metadata": {{"aws:cdk:path": {quoted}}}, "Properties": {{
            "RoleName": {quoted}, "AssumeRolePolicyDocument": {{}},
            "Policies": [{{"PolicyName": {quoted}, "PolicyDocument": {{"Statement": [{{"Sid": {quoted},
                "Effect": "Allow", "Action": "s3:PutObject",
                "Resource": {{"Fn::Sub": ["arn:aws:s3:::${{b}}/*", {{"b": {{"Ref": {quoted}}}}}]}}}}]}}}}]}}}},
        "Policy": {{"Type": "AWS::S3::BucketPolicy", "Properties": {{"Bucket": {{"Ref": {quoted}}},
            "PolicyDocument": {{"Statement": [{{"Sid": {quoted}, "Effect": "Deny", "Principal": "*",
                "Action": "s3:PutObject", "Resource": "*",
                "Condition": {{"StringNotEquals": {{"s3:x-amz-acl": {quoted}}}}}}}]}}}}}}
        }}}}"#
    );
    iaclint_fuzz::check(&iaclint_fuzz::analyse(&[("template.json", template.as_bytes())]));
});
