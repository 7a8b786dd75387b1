//! wardwatch: remote patient monitoring for terminals.
//!
//! `ARCHITECTURE.md` draws the rooms and their floors; a room imports only rooms on lower floors.
//!
//! wardwatch is not a medical device and not a primary alarm source.

pub mod access;
pub mod alarm;
pub mod analysis;
pub mod audit;
pub mod backend;
pub mod cli;
pub mod client;
pub mod domain;
pub mod engine;
pub mod fhir;
pub mod ingest;
pub mod notify;
pub mod policy;
pub mod predict;
pub mod protocol;
pub mod quality;
pub mod replay;
pub mod rights;
pub mod score;
pub mod seam;
pub mod store;
pub mod tui;
