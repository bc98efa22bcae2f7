//! Templates in, resources out: the reader as a whole.

use super::*;
use crate::files::MemoryFiles;
use crate::source::show;

fn sources(files: &[(&str, &str)], inputs: &Inputs) -> Sources {
    let mut memory = MemoryFiles::new();
    for (path, text) in files {
        memory.insert(path, *text);
    }
    let paths: Vec<Arc<str>> = files.iter().map(|(path, _)| Arc::from(*path)).collect();
    let mut sources = Sources::default();
    read(&memory, &paths, inputs, &mut sources);
    sources
}

fn one(text: &str) -> Sources {
    sources(&[("t.yaml", text)], &Inputs::default())
}

fn property(sources: &Sources, address: &str, name: &str) -> String {
    let resource = sources
        .resources
        .iter()
        .find(|r| &*r.address == address)
        .unwrap_or_else(|| panic!("no {address}"));
    resource
        .properties
        .get(name)
        .map_or("absent".into(), |v| show::to_json(v).to_string())
}

const HEAD: &str = "
Parameters:
  Env: {Type: String, AllowedValues: [dev, prod]}
  Name: {Type: String}
  Given: {Type: String, Default: given}
  Subnets: {Type: 'List<AWS::EC2::Subnet::Id>'}
  Secret: {Type: String, NoEcho: true, Default: s}
  Empty: {Type: String, Default: ''}
  Zones: {Type: CommaDelimitedList, Default: 'a, b,c'}
  Stored: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /x}
Mappings:
  M: {dev: {k: 1, l: [x]}, prod: {k: 2}}
  Region: {us-east-1: {account: '1'}, eu-west-1: {account: '2'}}
Conditions:
  IsProd: !Equals [!Ref Env, prod]
  HasEmpty: !Not [!Equals [!Ref Empty, '']]
  HasGiven: !Not [!Equals [!Ref Given, '']]
  Named: !Equals [!Ref Name, x]
  NotNamed: !Not [!Condition Named]
  Both: !And [!Condition HasGiven, !Condition Named]
  Never: !And [!Condition HasEmpty, !Condition Named]
  Cyclic: !Not [!Condition Cyclic]
Resources:
  B: {Type: 'AWS::S3::Bucket'}
";

#[test]
fn intrinsics() {
    for (node, want) in [
        ("!Ref B", r#"{"$text":[{"$ref":"B.Ref"}]}"#),
        ("!GetAtt B.Arn", r#"{"$text":[{"$ref":"B.Arn"}]}"#),
        ("!GetAtt [B, Arn]", r#"{"$text":[{"$ref":"B.Arn"}]}"#),
        ("!Sub '${B.Arn}/*'", r#"{"$text":[{"$ref":"B.Arn"},"/*"]}"#),
        ("!Sub 'a${!aws:username}b'", r#""a${aws:username}b""#),
        (
            "!Sub ['${X}-${Given}', {X: !Ref Name}]",
            r#"{"$text":[{"$ref":"Name"},"-given"]}"#,
        ),
        (
            "!Sub 'arn:${AWS::Partition}:s3:::x'",
            r#"{"$text":["arn:",{"$ref":"partition"},":s3:::x"]}"#,
        ),
        ("!Sub '${unclosed'", r#""${unclosed""#),
        (
            "!Join ['-', [a, !Ref Given, !Ref 'AWS::NoValue']]",
            r#""a-given""#,
        ),
        ("!Join [',', !Ref Zones]", r#""a,b,c""#),
        ("!Select [1, !Ref Zones]", r#""b""#),
        (
            "!Select ['7', !Ref Zones]",
            r#"{"$unknown":"Fn::Select: the index is outside of the list"}"#,
        ),
        (
            "!Select [0, !Ref Subnets]",
            r#"{"$text":[{"$ref":"Subnets.0"}]}"#,
        ),
        ("!Sub '${Secret}x'", r#"{"$sensitive":true}"#),
        ("!Split [':', 'a:b']", r#"["a","b"]"#),
        (
            "!Select [5, !Split [':', !Sub 'arn:aws:s3:::${AWS::AccountId}-x']]",
            r#"{"$text":[{"$ref":"account"},"-x"]}"#,
        ),
        ("!FindInMap [M, dev, l]", r#"["x"]"#),
        ("!FindInMap [M, nope, l, {DefaultValue: d}]", r#""d""#),
        (
            "!FindInMap [M, !Ref Env, k]",
            r#"{"$choice":[{"value":1,"when":"parameter `Env` is `dev`"},{"value":2,"when":"parameter `Env` is `prod`"}]}"#,
        ),
        (
            "!FindInMap [Region, !Ref 'AWS::Region', account]",
            r#"{"$choice":[{"value":"1","when":"`${region}` is `us-east-1`"},{"value":"2","when":"`${region}` is `eu-west-1`"}]}"#,
        ),
        (
            "!If [IsProd, p, d]",
            r#"{"$choice":[{"value":"d","when":"parameter `Env` is `dev`"},{"value":"p","when":"parameter `Env` is `prod`"}]}"#,
        ),
        (
            "!If [Named, n, m]",
            r#"{"$choice":[{"value":"n","when":"parameter `Name` is `x`"},{"value":"m","when":"parameter `Name` is not `x`"}]}"#,
        ),
        (
            "!If [NotNamed, n, m]",
            r#"{"$choice":[{"value":"m","when":"parameter `Name` is `x`"},{"value":"n","when":"parameter `Name` is not `x`"}]}"#,
        ),
        (
            "!Join ['', [!If [Named, n, m], !If [Named, x, y]]]",
            r#"{"$choice":[{"value":"nx","when":"parameter `Name` is `x`"},{"value":"my","when":"parameter `Name` is not `x`"}]}"#,
        ),
        ("!If [HasGiven, yes, no]", r#""yes""#),
        ("!If [HasEmpty, yes, !Ref 'AWS::NoValue']", "absent"),
        (
            "[!If [Named, {a: 1}, !Ref 'AWS::NoValue'], {b: 2}]",
            r#"[{"$choice":[{"value":{"a":1},"when":"parameter `Name` is `x`"},{"value":null,"when":"parameter `Name` is not `x`"}]},{"b":2}]"#,
        ),
        ("!If [Never, yes, no]", r#""no""#),
        ("!If [Cyclic, 1, 1]", "1"),
        ("!Ref Stored", r#"{"$text":[{"$ref":"resolve:ssm:/x"}]}"#),
        (
            "'{{resolve:ssm:/a}}/x'",
            r#"{"$text":[{"$ref":"resolve:ssm:/a"},"/x"]}"#,
        ),
        ("!ToJsonString {a: !Ref Given}", r#""{\"a\":\"given\"}""#),
        ("!Length [a, b]", "2"),
        (
            "!Cidr [10.0.0.0/16, 2, 8]",
            r#"["10.0.0.0/24","10.0.1.0/24"]"#,
        ),
        (
            "!ImportValue elsewhere",
            r#"{"$text":[{"$ref":"elsewhere"}]}"#,
        ),
        ("!Base64 'x ${B}'", r#""x ${B}""#),
        (
            "!Nonsense x",
            r#"{"$unknown":"Fn::Nonsense: unknown function"}"#,
        ),
        (
            "!Ref Undeclared",
            r#"{"$unknown":"`Undeclared` is neither a parameter nor a resource of the template"}"#,
        ),
        (
            "{'Fn::ForEach::L': [X, [p, q], {'K${X}': !Sub '${X}-${Given}'}]}",
            r#"{"Kp":"p-given","Kq":"q-given"}"#,
        ),
    ] {
        let text = format!("{HEAD}  R: {{Type: 'X::Y', Properties: {{P: {node}}}}}\n");
        let json = |text: &str| {
            serde_json::from_str::<serde_json::Value>(text).unwrap_or_else(|_| text.into())
        };
        assert_eq!(json(&property(&one(&text), "R", "P")), json(want), "{node}");
    }
}

#[test]
fn conditions_of_resources() {
    for (condition, want) in [
        ("HasGiven", Some(vec![])),
        ("HasEmpty", None),
        ("Never", None),
        ("Named", Some(vec!["parameter `Name` is `x`"])),
        ("Both", Some(vec!["parameter `Name` is `x`"])),
        ("IsProd", Some(vec!["parameter `Env` is `prod`"])),
        ("Undeclared", Some(vec!["condition `Undeclared` is true"])),
    ] {
        let text = format!(
            "{HEAD}  R: {{Type: 'X::Y', Condition: {condition}, Properties: {{P: !If [{condition}, y, n]}}}}\n"
        );
        let sources = one(&text);
        let found = sources.resources.iter().find(|r| &*r.address == "R");
        let guards = found.map(|r| r.guards.iter().map(|g| &*g.label).collect::<Vec<_>>());
        assert_eq!(guards, want, "{condition}");
        if found.is_some() {
            assert_eq!(property(&sources, "R", "P"), r#""y""#, "{condition}");
        }
    }
}

#[test]
fn inputs_are_worlds() {
    let inputs = Inputs {
        parameters: vec![("Name".into(), "x".into()), ("Zones".into(), "q,r".into())],
        region: Some("eu-west-1".into()),
        ..Inputs::default()
    };
    let text = format!(
        "{HEAD}  R:\n    Type: X::Y\n    Properties:\n      P: !If [Named, [!Ref Zones], n]\n      A: !FindInMap [Region, !Ref 'AWS::Region', account]\n      G: !Ref AWS::Region\n"
    );
    let sources = sources(&[("t.yaml", &text)], &inputs);
    assert_eq!(property(&sources, "R", "P"), r#"[["q","r"]]"#);
    assert_eq!(property(&sources, "R", "A"), r#""2""#);
    assert_eq!(
        property(&sources, "R", "G"),
        r#"{"$text":[{"$ref":"region"}]}"#
    );
    assert_eq!(
        sources.scopes[0].providers[0].region.as_deref(),
        Some("eu-west-1")
    );
}

#[test]
fn nested_stacks_and_exports() {
    let parent = "
Resources:
  Child:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: ./sub/child.yaml, Parameters: {Bucket: given-bucket}}
  Away: {Type: 'AWS::CloudFormation::Stack', Properties: {TemplateURL: 'https://x.s3.amazonaws.com/t.yaml'}}
  R: {Type: 'X::Y', Properties: {Arn: !GetAtt Child.Outputs.Arn, Other: !GetAtt Away.Outputs.Arn}}
";
    let child = "
Parameters: {Bucket: {Type: String}}
Resources:
  B: {Type: 'AWS::S3::Bucket', Properties: {BucketName: !Ref Bucket}}
Outputs:
  Arn: {Value: !GetAtt B.Arn, Export: {Name: shared-arn}}
";
    let importer = r#"{"Resources": {"I": {"Type": "X::Y", "Properties": {"P": {"Fn::ImportValue": "shared-arn"}}}}}"#;
    let files = [
        ("parent.yaml", parent),
        ("sub/child.yaml", child),
        ("importer.json", importer),
    ];
    let sources = sources(&files, &Inputs::default());
    assert_eq!(sources.scopes.len(), 2);
    assert_eq!(
        property(&sources, "Child.B", "BucketName"),
        r#""given-bucket""#
    );
    assert_eq!(
        property(&sources, "R", "Arn"),
        r#"{"$text":[{"$ref":"Child.B.Arn"}]}"#
    );
    assert_eq!(
        property(&sources, "R", "Other"),
        r#"{"$text":[{"$ref":"Away.Outputs.Arn"}]}"#
    );
    assert_eq!(
        property(&sources, "I", "P"),
        r#"{"$text":[{"$ref":"Child.B.Arn"}]}"#
    );
    let gaps: Vec<_> = sources.gaps.iter().map(|g| (&*g.what, g.kind)).collect();
    assert_eq!(gaps, [("Away", GapKind::Missing)]);
}

#[test]
fn serverless_functions_have_roles() {
    let text = "
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Environment: {Variables: {A: a}}, VpcConfig: {SubnetIds: [s]}}}
Resources:
  B: {Type: 'AWS::S3::Bucket'}
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Environment: {Variables: {B: !Ref B}}
      PermissionsBoundary: arn:aws:iam::111122223333:policy/b
      Policies:
        - AmazonS3ReadOnlyAccess
        - S3CrudPolicy: {BucketName: !Ref B}
        - Statement: [{Effect: Allow, Action: 's3:PutObject', Resource: !Sub '${B.Arn}/*'}]
        - SQSPollerPolicy: {QueueName: q}
  G: {Type: 'AWS::Serverless::Function', Properties: {Role: !GetAtt FRole.Arn}}
  Api: {Type: 'AWS::Serverless::Api'}
";
    let sources = one(text);
    assert_eq!(sources.gaps, []);
    let types: Vec<_> = sources
        .resources
        .iter()
        .map(|r| (&*r.address, &*r.type_name))
        .collect();
    assert_eq!(
        types,
        [
            ("B", "AWS::S3::Bucket"),
            ("FRole", "AWS::IAM::Role"),
            ("F", "AWS::Lambda::Function"),
            ("G", "AWS::Lambda::Function"),
            ("Api", "AWS::Serverless::Api"),
        ]
    );
    assert_eq!(
        property(&sources, "F", "Role"),
        r#"{"$text":[{"$ref":"FRole.Arn"}]}"#
    );
    assert_eq!(
        property(&sources, "G", "Role"),
        r#"{"$text":[{"$ref":"FRole.Arn"}]}"#
    );
    assert_eq!(
        property(&sources, "F", "Environment"),
        r#"{"Variables":{"A":"a","B":{"$text":[{"$ref":"B.Ref"}]}}}"#
    );
    let policies = property(&sources, "FRole", "Policies");
    assert!(
        policies.contains(r#"["arn:",{"$ref":"partition"},":s3:::",{"$ref":"B.Ref"},"/*"]"#),
        "{policies}"
    );
    assert!(property(&sources, "FRole", "ManagedPolicyArns").contains("AmazonS3ReadOnlyAccess"));
    assert_eq!(
        property(&sources, "FRole", "PermissionsBoundary"),
        r#""arn:aws:iam::111122223333:policy/b""#
    );
}

#[test]
fn connectors_make_policies() {
    let text = "
Transform: AWS::Serverless-2016-10-31
Resources:
  B: {Type: 'AWS::S3::Bucket'}
  Q: {Type: 'AWS::SQS::Queue'}
  F:
    Type: AWS::Serverless::Function
    Connectors:
      Mine: {Properties: {Destination: [{Id: Q}, {Id: B}], Permissions: [Write]}}
  G: {Type: 'AWS::Serverless::Function', Properties: {Role: !GetAtt R.Arn}}
  Link: {Type: 'AWS::Serverless::Connector', Properties: {Source: {Id: G}, Destination: {Id: B}, Permissions: [Read]}}
  Odd: {Type: 'AWS::Serverless::Connector', Properties: {Source: {Id: Gone}, Destination: {Id: B}, Permissions: [Write]}}
";
    let sources = one(text);
    let what: Vec<_> = sources.gaps.iter().map(|g| &*g.what).collect();
    assert!(what.contains(&"Odd"), "{what:?}");
    let policy = |name: &str| property(&sources, name, "PolicyDocument");
    let mine = policy("FMine1Policy");
    assert!(
        mine.contains("s3:PutObject") && !mine.contains("s3:GetObject"),
        "{mine}"
    );
    assert!(
        mine.contains(r#"{"$text":[{"$ref":"B.Arn"},"/*"]}"#),
        "{mine}"
    );
    assert_eq!(
        property(&sources, "FMine1Policy", "Roles"),
        r#"[{"$text":[{"$ref":"FRole.Arn"}]}]"#
    );
    assert!(!policy("LinkPolicy").contains("s3:PutObject"));
    assert_eq!(
        property(&sources, "LinkPolicy", "Roles"),
        r#"[{"$text":[{"$ref":"R.Arn"}]}]"#
    );
}

#[test]
fn loops_make_resources() {
    let text = "
Transform: AWS::LanguageExtensions
Resources:
  Fn::ForEach::Buckets:
    - Name
    - [Logs, Data]
    - Bucket${Name}: {Type: 'AWS::S3::Bucket', Properties: {BucketName: !Sub 'x-${Name}', Tag: !Ref Name, Arn: !Sub '${Bucket${Name}.Arn}/*'}}
";
    let sources = one(text);
    assert_eq!(
        property(&sources, "BucketLogs", "BucketName"),
        r#""x-Logs""#
    );
    assert_eq!(
        property(&sources, "BucketLogs", "Arn"),
        r#"{"$text":[{"$ref":"BucketLogs.Arn"},"/*"]}"#
    );
    assert_eq!(property(&sources, "BucketData", "Tag"), r#""Data""#);
}

#[test]
fn faults_are_listed_and_strangers_passed_over() {
    let long: String = (0..60)
        .map(|i| {
            format!(
                "  R{i}: {{Type: 'X::Y', Properties: {{A: !GetAtt R{}.B}}}}\n",
                i + 1
            )
        })
        .collect();
    let deep = format!(
        "Resources:\n  R: {{Type: 'X::Y', Properties: {{A: {}1{}}}}}\n",
        "!Not [".repeat(150),
        "]".repeat(150)
    );
    for (text, resources, gaps) in [
        ("{{ helm }}: [", 0, 0),
        ("a: 1\n", 0, 0),
        ("", 0, 0),
        ("Resources:\n  A: {Type: 'X::Y'\n", 0, 1),
        (
            "AWSTemplateFormatVersion: 2010-09-09\nResources: [1]\n",
            0,
            1,
        ),
        ("AWSTemplateFormatVersion: 2010-09-09\n", 0, 0),
        (
            "Resources:\n  A: 1\n  B: {Type: 'X::Y'}\n  C: {Type: {a: b}}\n  D: {Type: 'X::Y', Properties: [1]}\n",
            // What the third one is, is not understood.
            2,
            3,
        ),
        (
            "Transform: [AWS::Serverless-2016-10-31, Mine]\nResources:\n  B: {Type: 'X::Y', Properties: {P: !Ref Made}}\n",
            1,
            0,
        ),
        (
            "Transform: ['AWS::X', Mine]\nResources:\n  B: {Type: 'X::Y', Properties: {P: !Ref Made}}\n",
            1,
            2,
        ),
        (&format!("Resources:\n{long}"), 60, 1),
        (&deep, 1, 0),
    ] {
        let sources = one(text);
        let short = text.get(..60).unwrap_or(text);
        assert_eq!(sources.resources.len(), resources, "{short}");
        if gaps > 0 {
            assert_eq!(sources.gaps.len(), gaps, "{short}: {:?}", sources.gaps);
        }
    }
}

#[test]
fn deep_and_growing_templates_come_to_an_end() {
    let nest = |open: &str, close: &str, times: usize| {
        format!(
            "Resources:\n  R: {{Type: 'X::Y', Properties: {{A: {}x{}}}}}\n",
            open.repeat(times),
            close.repeat(times)
        )
    };
    for text in [
        nest("!Join ['', [", "]]", 95),
        nest("!Select [0, [", "]]", 95),
        nest("!Sub ['${A}', {A: ", "}]", 95),
        nest("!FindInMap [M, a, b, {DefaultValue: ", "}]", 95),
        nest("!If [C, a, ", "]", 190),
        nest("!ToJsonString [", "]", 190),
        nest("{a: ", "}", 190),
    ] {
        assert_eq!(
            one(&text).resources.len(),
            1,
            "{}",
            text.get(..80).unwrap_or(&text)
        );
    }
    // Each stack doubles the text that the one before gives out.
    let mut parent = String::from(
        "Resources:\n  S0: {Type: 'AWS::CloudFormation::Stack', Properties: {TemplateURL: c.yaml, Parameters: {P: abcdefgh}}}\n",
    );
    for i in 1..60 {
        parent.push_str(&format!("  S{i}: {{Type: 'AWS::CloudFormation::Stack', Properties: {{TemplateURL: c.yaml, Parameters: {{P: !GetAtt S{}.Outputs.X}}}}}}\n", i - 1));
    }
    let child = "Parameters: {P: {Type: String}}\nResources:\n  B: {Type: 'AWS::S3::Bucket', Properties: {T: !Ref P}}\nOutputs: {X: {Value: !Sub '${P}${P}'}}\n";
    let sources = sources(
        &[("p.yaml", &parent), ("c.yaml", child)],
        &Inputs::default(),
    );
    assert_eq!(sources.resources.len(), 120);
    assert!(property(&sources, "S59.B", "T").contains("larger than 1048576 bytes"));
}

#[test]
fn places_point_at_the_source() {
    let text = format!(
        "{HEAD}  R:\n    Type: X::Y\n    Properties:\n      Direct: plain\n      Given: !Ref Given\n      Sub: !Sub 'a-${{Given}}-${{B.Arn}}/x'\n"
    );
    let sources = one(&text);
    let resource = sources
        .resources
        .iter()
        .find(|r| &*r.address == "R")
        .unwrap();
    let slice =
        |span: crate::value::Span| text.get(span.start as usize..span.end as usize).unwrap();
    let get = |name: &str| resource.properties.get(name).unwrap();
    assert_eq!(slice(resource.place.span), "R");
    assert!(slice(resource.block).starts_with("R:") && slice(resource.block).ends_with("/x'"));
    assert!(get("Direct").place.is_literal());
    assert_eq!(slice(get("Given").place.span), "given");
    assert!(!get("Given").place.is_literal());
    let ValueKind::Text(sub) = &get("Sub").kind else {
        panic!()
    };
    assert_eq!(slice(sub.source_map().unwrap().locate(0, 2).unwrap()), "a-");
    let shown = "a-given-\u{e000}/x";
    let at = shown.find("/x").unwrap();
    assert_eq!(
        slice(sub.source_map().unwrap().locate(at, at + 2).unwrap()),
        "/x"
    );
    assert_eq!(
        slice(sub.source_map().unwrap().locate(2, 7).unwrap()),
        "${Given}"
    );
}
