//! Policy as code: what a site demands of its server, judged against what the server is.
//!
//! Definitions, initiatives, assignments and exemptions are files in Azure Policy's own JSON. The language of their rules is
//! evaluated by `regorus`; what Azure's service does around it (which resources a policy is about, parameters, scopes,
//! overrides, exemptions) is done here. Everything is pure: files come in as text, the server as [`Resource`]s, time as an
//! argument; a [`Report`] goes out. What cannot be judged is said to be not evaluated, never to be compliant.
//!
//! `backend` collects the resources and asks; `cli` prints. Files, clocks and sockets never live here.

mod ask;
mod assignment;
mod builtin;
mod definition;
mod document;
mod effect;
mod evaluate;
mod exemption;
mod guard;
mod initiative;
mod report;
mod resource;
mod rule;
mod run;
mod scope;
mod set;
mod text;
mod vocabulary;
mod wants;

#[cfg(test)]
mod tests;

pub use assignment::{Assignment, Override};
pub use builtin::{BASELINE, built_in};
pub use definition::{Definition, Parameter};
pub use document::{FILE_MAX_BYTES, Kind, PolicyFault};
pub use effect::Effect;
pub use evaluate::{FINDINGS_MAX, Wanted};
pub use exemption::{Category, EXEMPTION_MAX, Exemption};
pub use initiative::{Initiative, Reference};
pub use report::{Compliance, Count, ExemptionSeen, Finding, InitiativeReport, LookedAt, Reason, Report};
pub use resource::Resource;
pub use run::LOOK_MAX;
pub use scope::Scope;
pub use set::{Listed, PolicySet};
pub use text::{paragraph, report_text};
pub use vocabulary::{FieldSpec, TYPES, TypeSpec};
