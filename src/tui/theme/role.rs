//! What a thing on the screen is for.

macro_rules! roles {
    ($($variant:ident = $name:literal, $what:literal;)+) => {
        /// What a thing on the screen is for; themes say what it looks like.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Role {
            $(#[doc = $what] $variant,)+
        }

        impl Role {
            /// Every role.
            pub const ALL: [Self; Self::COUNT] = [$(Self::$variant,)+];
            /// How many there are.
            pub const COUNT: usize = [$($name,)+].len();

            /// The name as theme files use it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// What it is for.
            #[must_use]
            pub const fn what(self) -> &'static str {
                match self {
                    $(Self::$variant => $what,)+
                }
            }
        }
    };
}

roles! {
    Text = "text", "Values and names that ask for nothing.";
    Dim = "dim", "What may be overlooked.";
    Label = "label", "Names of columns and vitals.";
    Title = "title", "Titles of panes.";
    TitleFocus = "title.focus", "The title of the pane that takes the keys.";
    Rule = "rule", "Lines between panes.";
    RuleFocus = "rule.focus", "The line above the pane that takes the keys.";
    Header = "header", "The header while the link is live.";
    HeaderAlarm = "header.alarm", "The header while what is shown is not live.";
    Live = "live", "The mark of a live link, within the header.";
    AlarmHigh = "alarm.high", "An alert of high priority that nobody has acknowledged.";
    AlarmMedium = "alarm.medium", "An alert of medium priority that nobody has acknowledged.";
    AlarmLow = "alarm.low", "An alert of low priority that nobody has acknowledged.";
    Technical = "technical", "A technical alert that nobody has acknowledged.";
    Acknowledged = "acknowledged", "An alert that somebody deals with.";
    Quiet = "quiet", "The mark of what is paused or switched off.";
    Late = "late", "A value that is overdue.";
    Stale = "stale", "A value too old to stand for the present.";
    Beyond = "beyond", "A value beyond its limit without an alert, and the past beyond the limit.";
    Limit = "limit", "Lines of limits in charts.";
    Axis = "axis", "Axes of charts.";
    Gap = "gap", "Time without a value.";
    Selection = "selection", "What is selected.";
    Input = "input", "A field that is being typed into.";
    Dialog = "dialog", "A box above the page.";
    DialogTitle = "dialog.title", "The title of such a box.";
    NoticeDone = "notice.done", "News that something was done.";
    NoticeFailed = "notice.failed", "News that something could not be done.";
    Demo = "demo", "The mark of data that are of no patient.";
    Locked = "locked", "The mark of a locked session.";
    Key = "key", "A key in the footer.";
    KeyWords = "key.words", "What the key does.";
    VitalHr = "vital.hr", "Traces of heart and pulse rate.";
    VitalSpo2 = "vital.spo2", "Traces of oxygen saturation.";
    VitalRr = "vital.rr", "Traces of respiration.";
    VitalBp = "vital.bp", "Traces of pressures.";
    VitalTemp = "vital.temp", "Traces of temperatures.";
    VitalOther = "vital.other", "Traces of all other vitals.";
}

impl Role {
    /// The role with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}
