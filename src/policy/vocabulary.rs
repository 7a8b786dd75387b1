//! The types of resources that this server describes itself by, with their fields: what a rule may ask for.

use regorus::{Rc, languages::azure_policy::aliases::AliasRegistry};
use serde_json::json;

/// With what names of our own begin.
pub(super) const OURS: &str = "Wardwatch/";

/// A type of resources.
#[derive(Debug, Clone, Copy)]
pub struct TypeSpec {
    /// Its name.
    pub name: &'static str,
    /// What there is one of.
    pub about: &'static str,
    /// Its fields; a rule names them `TYPE/FIELD`.
    pub fields: &'static [FieldSpec],
}

/// A field.
#[derive(Debug, Clone, Copy)]
pub struct FieldSpec {
    /// Its name; that of a list ends in `[*]`.
    pub name: &'static str,
    /// What it says, with its unit.
    pub about: &'static str,
}

const fn field(name: &'static str, about: &'static str) -> FieldSpec {
    FieldSpec { name, about }
}

/// All types.
pub const TYPES: &[TypeSpec] = &[
    TypeSpec {
        name: "Wardwatch/servers/listeners",
        about: "each place where the server listens: http, mllp.NAME, and its Unix sockets",
        fields: &[
            field("protocol", "http, mllp or unix"),
            field("address", "address and port, or the path of a socket"),
            field("network", "unix, loopback, private, public, or any for 0.0.0.0 and ::"),
            field("tls", "whether it speaks TLS"),
            field("tlsMinimum", "the lowest version of TLS that it agrees to, such as 1.2; without TLS absent"),
            field("certificateDaysLeft", "whole days until its certificate ends; without TLS absent"),
            field("origins[*]", "origins of web pages that may talk to it"),
            field("unknownOriginsRefused", "whether requests of other origins are refused"),
        ],
    },
    TypeSpec {
        name: "Wardwatch/stores",
        about: "the database",
        fields: &[
            field("engine", "sqlite"),
            field("encrypted", "whether the server encrypts it itself, with a key of the operator's"),
        ],
    },
    TypeSpec {
        name: "Wardwatch/keys",
        about: "each file with a secret key",
        fields: &[
            field("mode", "its permissions in octal, such as 600"),
            field("private", "whether nobody but its owner may read or write it"),
            field("ownedByServer", "whether the account that owns the data folder owns it, or root"),
            field("operatorSupplied", "whether the configuration names it, so that it does not lie with the data"),
            field("ageDays", "whole days since it was last written"),
        ],
    },
    TypeSpec {
        name: "Wardwatch/audit/sinks",
        about: "the audit trail",
        fields: &[
            field("probeWritten", "whether an entry could be written just now"),
            field("probeReadBack", "whether that entry was read back from the store, as it was written"),
            field("chainVerified", "whether all entries fit the last signed checkpoint"),
            field("categories[*]", "what is recorded: reads, logins, alerts, exports, configuration"),
            field("kept", "days, as those of a person's removal of old entries (audit.retention_years)"),
            field("retentionDays", "how long entries are kept at least, in days"),
            field("witnesses", "how many witnesses off this machine the configuration names"),
            field("witnessedMinutes", "minutes since a witness last cosigned a checkpoint; absent if none ever did"),
            field("receivers", "how many receivers of syslog the configuration names"),
            field("copies", "witnesses and receivers together"),
            field(
                "copyMinutes",
                "minutes since the receiver had all that it has, or if there is none since a witness cosigned; absent if neither",
            ),
        ],
    },
    TypeSpec {
        name: "Wardwatch/accounts",
        about: "each account of a person",
        fields: &[
            field("role", "its role"),
            field("enabled", "whether it may sign in"),
            field("secondFactor", "whether it has a second factor"),
            field("sshKey", "whether it has a key of OpenSSH"),
            field("standingAdmin", "whether it administers the site all the time"),
            field("sharedName", "whether its name is one that installations give to many, such as admin or nurse"),
            field("wards", "all, or how many wards it is for"),
        ],
    },
    TypeSpec {
        name: "Wardwatch/sessions",
        about: "how long people stay signed in",
        fields: &[
            field("idleLockSeconds", "seconds after which an idle session locks"),
            field("absoluteSeconds", "seconds after which a session ends"),
        ],
    },
    TypeSpec {
        name: "Wardwatch/intakes",
        about: "each way in for data of devices: http, mllp.NAME, mqtt.NAME",
        fields: &[
            field("protocol", "http, mllp or mqtt"),
            field("network", "as of listeners; of mqtt where the broker is: loopback or remote"),
            field("credential", "token, certificate, broker (it knows its senders), or none"),
            field("anonymous", "whether somebody on another machine can send data without a credential"),
        ],
    },
    TypeSpec {
        name: "Wardwatch/devices",
        about: "each device and gateway of a ward",
        fields: &[
            field("kind", "its kind"),
            field("credential", "whether it, its gateway or the source of HL7 v2 that stands for one has a credential"),
            field("clockWrong", "whether an alert stands that its clock is wrong"),
        ],
    },
    TypeSpec {
        name: "Wardwatch/mappings",
        about: "the mappings of device messages, if the configuration names them",
        fields: &[
            field("errors", "how many errors the lint finds"),
            field("warnings", "how many warnings"),
            field("codes[*]", "the codes of what it finds"),
        ],
    },
    TypeSpec {
        name: "Wardwatch/clocks",
        about: "the clock of this machine",
        fields: &[field("synchronized", "whether it is synchronised"), field("source", "who says so")],
    },
    TypeSpec {
        name: "Wardwatch/logs",
        about: "the diagnostic log",
        fields: &[
            field("level", "what is logged"),
            field("payloads", "whether it may hold what devices and people sent (levels debug and trace)"),
        ],
    },
    TypeSpec {
        name: "Wardwatch/disks",
        about: "the disk of the data folder",
        fields: &[field("usedPercent", "used part, in percent"), field("freeMiB", "free space, in MiB")],
    },
    TypeSpec {
        name: "Wardwatch/backups",
        about: "the folder of backups that the configuration names",
        fields: &[
            field("ageHours", "whole hours since the newest file in it was written"),
            field("restoreTestAgeDays", "whole days since a restore was last tested"),
        ],
    },
    TypeSpec {
        name: "Wardwatch/backups/permissions",
        about: "who may read the folder of backups",
        fields: &[field("private", "whether nobody but its owner may")],
    },
    TypeSpec {
        name: "Microsoft.HealthcareApis/workspaces/fhirservices",
        about: "the FHIR API, in the words of Azure's FHIR service",
        fields: &[
            field("corsConfiguration", "as a whole"),
            field("corsConfiguration.origins[*]", "origins of web pages that may talk to it"),
            field("publicNetworkAccess", "Disabled on loopback and private addresses, else Enabled"),
            field(
                "encryption.customerManagedKeyEncryption.keyEncryptionKeyUrl",
                "absent: the server does not encrypt its store",
            ),
        ],
    },
    TypeSpec {
        name: "Microsoft.HealthcareApis/services",
        about: "the FHIR API, in the words of Azure API for FHIR",
        fields: &[
            field("corsConfiguration", "as a whole"),
            field("corsConfiguration.origins[*]", "origins of web pages that may talk to it"),
            field("publicNetworkAccess", "Disabled on loopback and private addresses, else Enabled"),
            field("cosmosDbConfiguration.keyVaultKeyUri", "absent: the server does not encrypt its store"),
        ],
    },
];

/// The fields, as the language of rules wants them.
pub(super) fn registry() -> Result<Rc<AliasRegistry>, String> {
    let alias = |kind: &str, name: &str| json!({"name": format!("{kind}/{name}"), "defaultPath": format!("properties.{name}"), "paths": []});
    let providers: Vec<serde_json::Value> = TYPES
        .iter()
        .map(|kind| {
            let (namespace, rest) = kind.name.split_once('/').unwrap_or((kind.name, ""));
            let lists = kind.fields.iter().filter_map(|field| field.name.strip_suffix("[*]"));
            let names = kind.fields.iter().map(|field| field.name).chain(lists);
            let aliases: Vec<serde_json::Value> = names.map(|name| alias(kind.name, name)).collect();
            json!({"namespace": namespace, "resourceTypes": [{"resourceType": rest, "aliases": aliases}]})
        })
        .collect();
    let mut registry = AliasRegistry::new();
    registry.load_from_json(&json!(providers).to_string()).map_err(|e| e.to_string())?;
    Ok(Rc::new(registry))
}

/// The type of a field that a rule names, and its name without what follows `[*]`; both as they are written here.
pub(super) fn field_of(named: &str) -> Option<(&'static str, &'static str)> {
    let named = named.to_lowercase();
    TYPES.iter().find_map(|kind| {
        let rest = named.strip_prefix(&kind.name.to_lowercase())?.strip_prefix('/')?;
        let base = |name: &str| name.split("[*]").next().unwrap_or_default().to_lowercase();
        let found = kind.fields.iter().find(|field| base(field.name) == base(rest))?;
        Some((kind.name, found.name.trim_end_matches("[*]")))
    })
}
