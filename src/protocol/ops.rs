//! What ops are told: who sends, what became of it, how far behind it is, what waits, and what could not be used.

use crate::domain::{DeviceId, Millis, Timestamp};
use serde::{Deserialize, Serialize};

/// Most senders that a report lists; the rest are counted.
pub const OPS_SOURCES_MAX: usize = 200;
/// Most counts of dead letters that a report lists, the highest first.
pub const OPS_LETTER_COUNTS_MAX: usize = 50;
/// Most dead letters of one answer: with their payloads they fit into a message.
pub const OPS_LETTERS_MAX: u32 = 25;

/// How the intake does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpsReport {
    /// The server's time.
    pub at: Timestamp,
    /// Since when is counted: the server's start.
    pub since: Timestamp,
    /// Who sent, those that sent last first; at most [`OPS_SOURCES_MAX`].
    pub sources: Vec<SourceView>,
    /// How many more there are.
    pub more_sources: usize,
    /// The way from a message to the disk.
    pub pipeline: PipelineView,
    /// Dead letters that wait for somebody.
    pub letters_open: u64,
    /// The same by sender and reason, the most first; at most [`OPS_LETTER_COUNTS_MAX`].
    pub letters: Vec<LetterCount>,
}

/// What came from one sender and what became of it, since the server's start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceView {
    /// The device or gateway whose token it was, or that stands for a source of HL7 v2.
    pub source: DeviceId,
    /// When something came last.
    pub last_at: Timestamp,
    /// Messages.
    pub messages: u64,
    /// Values that were stored.
    pub accepted: u64,
    /// Values that were stored before.
    pub duplicate: u64,
    /// Values that were not taken.
    pub rejected: u64,
    /// Of the stored ones, how many came too late to change the present.
    pub late: u64,
    /// What came within the last minute.
    pub minute: MinuteView,
}

/// What came within the last minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MinuteView {
    /// Values, whatever became of them.
    pub values: u64,
    /// Values that were not taken.
    pub rejected: u64,
    /// How far the newest value of a message lay behind its arrival, least and most, in milliseconds. Below zero the
    /// sender's clock is ahead.
    pub lag_ms: Option<(Millis, Millis)>,
}

/// The way from a message to the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineView {
    /// Whether what comes is recorded.
    pub recording: bool,
    /// Jobs that wait now.
    pub waiting: usize,
    /// Most jobs that can wait; what comes beyond is told to try again.
    pub capacity: usize,
    /// Commits within the last minute.
    pub commits: u64,
    /// The slowest of them, from its first message to the answers, in milliseconds.
    #[serde(rename = "slowest_ms")]
    pub slowest: Millis,
}

/// How many dead letters of one sender and reason wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterCount {
    /// The sender.
    pub source: String,
    /// The reason, for programs.
    pub code: String,
    /// How many.
    pub count: u64,
    /// When the newest came.
    pub newest: Timestamp,
}

/// An input that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterView {
    /// Its number.
    pub no: u64,
    /// When it came.
    pub at: Timestamp,
    /// The sender.
    pub source: String,
    /// Why it could not be used, for programs.
    pub code: String,
    /// Why, for people: what is wrong, where, and what to do.
    pub detail: String,
    /// The input, as much of it as is kept.
    pub payload: String,
}

/// Which dead letters that wait.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterQuery {
    /// Of this sender alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// For this reason alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Older than this number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
}
