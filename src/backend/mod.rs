//! Runs it all: intake over HTTP and websocket, the pipeline, the websocket gateway, health, metrics, configuration, the
//! socket for administration.
//!
//! Nothing is drawn here and no clinical rule lives here. `cli` starts it.

pub mod admin;
pub mod app;
pub mod approvals;
pub mod audit;
mod audit_page;
pub mod blocklist;
pub mod breakglass;
pub mod config;
pub mod devices;
pub mod enrol;
pub mod entries;
pub mod factor;
pub mod gateway;
pub mod http;
pub mod hub;
pub mod identity;
pub mod intake;
mod letters;
pub mod listener;
pub mod login;
pub mod mappings;
pub mod metrics;
pub mod mllp;
pub mod mqtt;
pub mod notify;
pub mod pipeline;
pub mod policy;
pub mod rate;
pub mod relation;
pub mod server;
mod sessions;
pub mod stream;
pub mod syslog;
pub mod tls;
pub mod verb;
