//! The declarations in facts files: each kind with its fields, as the format names them.

use serde_json::{Map as Object, Value as Json};

use super::wire::{Fault, Read, Reader, Wire, Writer};
use crate::decision::EndpointKind;
use crate::facts::declare::{
    BucketSetting, Declaration, DeclaredEncryption, DeclaredSender, Holder, HolderKind, RunsAs,
};
use crate::facts::{AclGrant, Algorithm, BucketAcl, Header, Network, Ownership, PublicAccess};
use crate::policy::PolicyType;

/// A type that is an object with these fields.
macro_rules! record {
    ($type:ident { $($field:ident),* }) => {
        impl Wire for $type {
            fn write(&self, to: &Writer<'_, '_>) -> Json {
                let mut out = Object::new();
                $( to.field(&mut out, stringify!($field), &self.$field); )*
                Json::Object(out)
            }

            fn read(json: &Json, from: &Reader<'_>) -> Read<$type> {
                Ok($type { $( $field: from.field(json, stringify!($field))? ),* })
            }
        }
    };
}

/// A type of plain words.
macro_rules! words {
    ($type:ident { $($word:literal = $variant:ident),* }) => {
        impl Wire for $type {
            fn write(&self, _: &Writer<'_, '_>) -> Json {
                Json::from(match self { $( $type::$variant => $word ),* })
            }

            fn read(json: &Json, _: &Reader<'_>) -> Read<$type> {
                match json.as_str() {
                    $( Some($word) => Ok($type::$variant), )*
                    _ => Err(Fault::of(concat!("one of the words", $( " ", $word ),*))),
                }
            }
        }
    };
}

/// A type of several kinds; those in the second block have nameless fields in Rust.
macro_rules! kinds {
    ($type:ident {
        $( $word:literal = $variant:ident { $($field:ident),* } ),*
    } {
        $( $other:literal = $nameless:ident ( $($name:ident),* ) ),*
    }) => {
        impl Wire for $type {
            fn write(&self, to: &Writer<'_, '_>) -> Json {
                let mut out = Object::new();
                match self {
                    $( $type::$variant { $($field),* } => {
                        out.insert("type".into(), $word.into());
                        $( to.field(&mut out, stringify!($field), $field); )*
                    } )*
                    $( $type::$nameless( $($name),* ) => {
                        out.insert("type".into(), $other.into());
                        $( to.field(&mut out, stringify!($name), $name); )*
                    } )*
                }
                Json::Object(out)
            }

            fn read(json: &Json, from: &Reader<'_>) -> Read<$type> {
                match json.get("type").and_then(Json::as_str) {
                    $( Some($word) => Ok($type::$variant {
                        $( $field: from.field(json, stringify!($field))? ),*
                    }), )*
                    $( Some($other) => Ok($type::$nameless(
                        $( from.field(json, stringify!($name))? ),*
                    )), )*
                    _ => Err(Fault::of("a known type")),
                }
            }
        }
    };
}

words!(HolderKind { "role" = Role, "user" = User, "group" = Group });
words!(Algorithm { "AES256" = Aes256, "aws:kms" = Kms, "aws:kms:dsse" = KmsDsse });
words!(EndpointKind { "gateway" = Gateway, "interface" = Interface, "unknown" = Unknown });
words!(Ownership {
    "BucketOwnerEnforced" = BucketOwnerEnforced,
    "BucketOwnerPreferred" = BucketOwnerPreferred,
    "ObjectWriter" = ObjectWriter
});
words!(PolicyType {
    "identity" = Identity,
    "boundary" = Boundary,
    "session" = Session,
    "scp" = Scp,
    "rcp" = Rcp,
    "endpoint" = Endpoint,
    "access_point" = AccessPoint,
    "bucket" = Bucket,
    "key" = Key,
    "trust" = Trust
});

record!(Holder { kind, named });
record!(Header { name, value, place });
record!(AclGrant {
    grantee,
    grantee_type,
    permission,
    place
});
record!(BucketAcl {
    canned,
    grants,
    place,
    address,
    guards
});
record!(DeclaredEncryption {
    algorithm,
    key,
    bucket_key,
    place
});
record!(PublicAccess {
    block_public_acls,
    ignore_public_acls,
    block_public_policy,
    restrict_public_buckets
});

kinds!(RunsAs {} {
    "role" = Role(role),
    "instance_profile" = InstanceProfile(instance_profile)
});
kinds!(DeclaredSender {
    "deployer" = Deployer { role },
    "service" = Writer { service, role, source_arn, region }
} {
    "role" = Role(role)
});
kinds!(BucketSetting {} {
    "ownership" = Ownership(value),
    "public_access" = PublicAccess(value),
    "encryption" = Encryption(value),
    "blocks_sse_c" = BlocksSseC(value),
    "acl" = Acl(value),
    "versioning" = Versioning(value),
    "object_lock" = ObjectLock(value),
    "default_retention" = DefaultRetention(value),
    "requester_pays" = RequesterPays(value),
    "tags" = Tags(value),
    "abac" = Abac(value),
    "lifecycle_tags" = LifecycleTags(value, at)
});

impl Wire for Network {
    fn write(&self, to: &Writer<'_, '_>) -> Json {
        match self {
            Network::Outside => Json::from("outside"),
            Network::Unknown => Json::Null,
            Network::Subnets { subnets, place } => {
                let mut out = Object::new();
                to.field(&mut out, "subnets", subnets);
                to.field(&mut out, "at", place);
                Json::Object(out)
            }
            Network::Choice(arms) => {
                let mut out = Object::new();
                to.field(&mut out, "choice", arms);
                Json::Object(out)
            }
        }
    }

    fn read(json: &Json, from: &Reader<'_>) -> Read<Network> {
        match json {
            Json::Null => Ok(Network::Unknown),
            Json::String(word) if word == "outside" => Ok(Network::Outside),
            other if other.get("choice").is_some() => {
                Ok(Network::Choice(from.field(other, "choice")?))
            }
            other => Ok(Network::Subnets {
                subnets: from.field(other, "subnets")?,
                place: from.field(other, "at")?,
            }),
        }
    }
}

kinds!(Declaration {
    "bucket" = Bucket { name, arn, region, directory },
    "bucket_setting" = BucketSetting { bucket, setting },
    "bucket_policy" = BucketPolicy { bucket, document },
    "access_point" = AccessPoint { name, arn, bucket, vpc, public_access, multi_region, document },
    "access_point_policy" = AccessPointPolicy { access_point, document },
    "role" = Role { name, arn, trust, boundary, tags },
    "user" = User { name, arn, boundary, tags },
    "group" = Group { name, arn },
    "group_membership" = GroupMembership { user, group },
    "inline_policy" = InlinePolicy { holder, document },
    "managed_policy" = ManagedPolicy { name, arn, document },
    "attachment" = Attachment { holder, policy },
    "open_holder" = OpenHolder { holder, why },
    "open_target" = OpenTarget { named, why },
    "instance_profile" = InstanceProfile { name, arn, role },
    "key" = Key { id, arn, document, region, enabled, symmetric },
    "key_policy" = KeyPolicy { key, document },
    "alias" = Alias { name, key },
    "key_grant" = Grant { key, grantee, operations },
    "endpoint" = Endpoint { id, vpc, service, kind, document, route_tables, subnets, private_dns },
    "endpoint_policy" = EndpointPolicy { endpoint, document },
    "endpoint_route" = EndpointRoute { endpoint, route_table },
    "endpoint_subnet" = EndpointSubnet { endpoint, subnet },
    "subnet" = Subnet { id, vpc },
    "route_table_association" = RouteTableAssociation { subnet, route_table },
    "main_route_table" = MainRouteTable { vpc, route_table },
    "workload" = Workload { ids, runs_as, network, strings, scripts, variables },
    "build_project" = BuildProject { names, role, key },
    "build_artifacts" = BuildArtifacts { project, action_role, bucket, store_key },
    "script" = Script { sender, script, variables },
    "workload_network" = WorkloadNetwork { workload, network },
    "organization_policy" = OrganizationPolicy { id, policy_type, document },
    "organization_attachment" = OrganizationAttachment { policy, target },
    "upload" = Upload { sender, bucket, key, headers, multipart }
} {
    "account_public_access" = AccountPublicAccess(value)
});
