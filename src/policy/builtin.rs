//! What the program brings: the checks of the baseline, and their assignment to the site.

use super::{
    document::PolicyFault,
    set::{BUILT_IN, PolicySet},
};

/// The initiative that is assigned to the site where nothing else is said.
pub const BASELINE: &str = "hipaa-baseline";

/// The files of the program.
const FILES: [(&str, &str); 26] = [
    ("NET-01.json", include_str!("builtin/NET-01.json")),
    ("NET-02.json", include_str!("builtin/NET-02.json")),
    ("NET-02-PLAIN.json", include_str!("builtin/NET-02-PLAIN.json")),
    ("NET-02-SOON.json", include_str!("builtin/NET-02-SOON.json")),
    ("NET-03.json", include_str!("builtin/NET-03.json")),
    ("KEY-01.json", include_str!("builtin/KEY-01.json")),
    ("KEY-01-FILES.json", include_str!("builtin/KEY-01-FILES.json")),
    ("KEY-01-AGE.json", include_str!("builtin/KEY-01-AGE.json")),
    ("AUD-01.json", include_str!("builtin/AUD-01.json")),
    ("AUD-01-CHAIN.json", include_str!("builtin/AUD-01-CHAIN.json")),
    ("AUD-02.json", include_str!("builtin/AUD-02.json")),
    ("AUD-03.json", include_str!("builtin/AUD-03.json")),
    ("AUD-04.json", include_str!("builtin/AUD-04.json")),
    ("ACC-01.json", include_str!("builtin/ACC-01.json")),
    ("ACC-02.json", include_str!("builtin/ACC-02.json")),
    ("ACC-03.json", include_str!("builtin/ACC-03.json")),
    ("ACC-03-DEVICES.json", include_str!("builtin/ACC-03-DEVICES.json")),
    ("MAP-01.json", include_str!("builtin/MAP-01.json")),
    ("MAP-01-LINT.json", include_str!("builtin/MAP-01-LINT.json")),
    ("TIME-01.json", include_str!("builtin/TIME-01.json")),
    ("LOG-01.json", include_str!("builtin/LOG-01.json")),
    ("RES-01.json", include_str!("builtin/RES-01.json")),
    ("RES-01-RESTORE.json", include_str!("builtin/RES-01-RESTORE.json")),
    ("RES-01-PRIVATE.json", include_str!("builtin/RES-01-PRIVATE.json")),
    ("hipaa-baseline.json", include_str!("builtin/hipaa-baseline.json")),
    ("assignment.json", include_str!("builtin/assignment.json")),
];

/// A set with what the program brings.
///
/// # Errors
/// If one of its own files cannot be used, which would be a fault of the program.
pub fn built_in() -> Result<PolicySet, PolicyFault> {
    let mut set = PolicySet::empty()?;
    for (file, content) in FILES {
        set.add(&format!("{BUILT_IN}{file}"), content)?;
    }
    Ok(set)
}
