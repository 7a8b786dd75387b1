//! The screen without a terminal: events go in, effects come out, and the views read the state.
//!
//! Pure: no IO, no clock, no async, no randomness. Time is an argument, in milliseconds of a monotonic clock.

mod act;
mod action;
mod acts;
mod alert_report;
mod app;
mod audit;
mod bell;
mod charting;
mod choices;
mod command;
mod desk;
mod devices;
mod emergencies;
mod event;
mod filter;
mod flash;
mod handover;
mod handover_form;
mod input;
mod keys;
mod limits;
mod link;
mod ops;
mod page;
mod pauses;
mod queue;
mod rota;
mod select;
mod server;
mod sheet;
mod shown;
mod size;
mod spark;
mod update;

pub use act::{Act, Subject};
pub use action::{Action, Offer};
pub use alert_report::{ReportPage, ReportSpan};
pub use app::{App, AppOptions, Dialog, LoginField, LoginForm, Notice, NoticeKind, Page, SignedOut, UnlockForm};
pub use audit::{AUDIT_HELD_MAX, AuditLogPage};
pub use bell::{BELL_REPEAT, Bell};
pub use charting::{ChartAnswer, ChartItem, ChartQuestion, OxygenWay, entry_words};
pub use choices::Choice;
pub use command::COMMAND_TIMEOUT;
pub use desk::{Contents, Desk, DeskLine, Entry, Mark, Wish};
pub use devices::{DeviceRow, DeviceSubject, DevicesPage, is_urgent};
pub use event::{Effect, Event};
pub use filter::Filter;
pub use flash::{FLASH_HIGH_PERIOD, FLASH_MEDIUM_PERIOD};
pub use handover::{Deed, HandoverPage, HandoverPanes, ToldLine};
pub use handover_form::{HandoverForm, HandoverStep, PEOPLE_MAX};
pub use input::{Input, Key, KeyCode};
pub use limits::{
    FieldChange, FieldReach, LimitField, LimitsPage, LimitsQuestion, LimitsSubject, Suggested, field_reach,
};
pub use link::{Health, LINK_ALARM_AFTER, LINK_STALE_AFTER, Link, Phase};
pub use ops::{LETTERS_HELD_MAX, OpsPage};
pub use page::{PatientPage, Range};
pub use queue::{QUEUE_HOLD, Queue};
pub use rota::{NurseBeds, OnDuty, RotaAnswer, RotaQuestion, nurses};
pub use sheet::{Answer, Line, Question, Sheet, span_words};
pub use shown::{Pressure, Shown};
pub use size::{FOOTER_ROWS, HEADER_ROWS, SIZE_MIN, help_rows, is_too_small};
pub use spark::{SPARK_MINUTES, Spark, SparkPart, Sparks};

#[cfg(test)]
mod tests;
