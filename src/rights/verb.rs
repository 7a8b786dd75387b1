//! What can be done.

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// Watch the beds, vitals and alerts of a ward.
    WatchWard,
    /// See patients' names and notes.
    SeeNames,
    /// See the initials of patients beside their beds.
    SeeInitials,
    /// Read trends and past alerts of a patient.
    ReadHistory,
    /// Respond to an alert: acknowledge, reset, accept, decline, hand over, comment.
    AcknowledgeAlert,
    /// Make alerts quiet for minutes: pause the sound, pause alarms for a procedure, snooze a condition, standby.
    PauseAlerts,
    /// Switch an alarm or its sound off for longer, or pause the sound of the whole ward.
    SwitchAlarmsOff,
    /// Enter what was observed at the bed: consciousness, oxygen, pregnancy.
    ChartPatient,
    /// Decide on a patient's targets, such as the scale of saturation of NEWS2.
    DecideTargets,
    /// Change the alarm limits of a patient.
    ChangeLimits,
    /// Change the alarm limits of all patients of a category.
    ChangeWardLimits,
    /// Give patients to another person and take them.
    HandOver,
    /// Say who is on duty.
    ManageRota,
    /// Admit and discharge patients, set beds, assign devices.
    ManageCensus,
    /// Add devices and make their tokens.
    ManageDevices,
    /// Read messages that could not be used, as they were sent, drive them again, drop them: they may name patients.
    TriageMessages,
    /// Add users and change their roles.
    ManageUsers,
    /// Read the audit trail.
    ReadAudit,
    /// Remove entries of the audit trail whose time is over.
    RetainAudit,
    /// Propose what one administrator may not do alone, and approve what another has proposed.
    ApproveActs,
    /// Read the state of the server.
    ReadStatus,
    /// Have it judged whether the site's policies are met; some of them change a setting.
    CheckPolicy,
    /// Send observations of a device.
    SendObservations,
    /// Take out the data of many patients at once.
    Export,
    /// See and end one's own sessions, change one's own factors.
    OwnAccount,
    /// Open a patient of a ward that is not one's own, in an emergency.
    BreakGlass,
    /// Judge afterwards whether it was one.
    ReviewBreakGlass,
}

impl Verb {
    /// All verbs.
    pub const ALL: [Self; 27] = [
        Self::WatchWard,
        Self::SeeNames,
        Self::SeeInitials,
        Self::ReadHistory,
        Self::AcknowledgeAlert,
        Self::PauseAlerts,
        Self::SwitchAlarmsOff,
        Self::ChangeLimits,
        Self::ChangeWardLimits,
        Self::ChartPatient,
        Self::DecideTargets,
        Self::HandOver,
        Self::ManageRota,
        Self::ManageCensus,
        Self::ManageDevices,
        Self::TriageMessages,
        Self::ManageUsers,
        Self::ReadAudit,
        Self::RetainAudit,
        Self::ApproveActs,
        Self::ReadStatus,
        Self::CheckPolicy,
        Self::SendObservations,
        Self::Export,
        Self::OwnAccount,
        Self::BreakGlass,
        Self::ReviewBreakGlass,
    ];

    /// Whether it is about the patients of a ward; else it is about the site, or about oneself.
    #[must_use]
    pub const fn is_of_a_ward(self) -> bool {
        match self {
            Self::WatchWard
            | Self::SeeNames
            | Self::SeeInitials
            | Self::ReadHistory
            | Self::AcknowledgeAlert
            | Self::PauseAlerts
            | Self::SwitchAlarmsOff
            | Self::ChartPatient
            | Self::DecideTargets
            | Self::ChangeLimits
            | Self::ChangeWardLimits
            | Self::HandOver
            | Self::ManageRota
            | Self::ManageCensus
            | Self::ManageDevices
            | Self::TriageMessages
            | Self::SendObservations
            | Self::Export => true,
            Self::ManageUsers
            | Self::ReadAudit
            | Self::RetainAudit
            | Self::ApproveActs
            | Self::ReadStatus
            | Self::CheckPolicy
            | Self::OwnAccount
            | Self::BreakGlass
            | Self::ReviewBreakGlass => false,
        }
    }

    /// Whether it shows a patient by name, or what was measured of one over time.
    #[must_use]
    pub const fn shows_patients(self) -> bool {
        matches!(self, Self::WatchWard | Self::SeeNames | Self::SeeInitials | Self::ReadHistory | Self::Export)
    }

    /// Whether a session must have proven a factor in the last minutes: export and administration.
    #[must_use]
    pub const fn wants_fresh_proof(self) -> bool {
        matches!(self, Self::Export | Self::ManageUsers | Self::ApproveActs | Self::OwnAccount)
    }

    /// Whether an emergency opens it for a patient who is not one's own: to read, and to answer alerts.
    #[must_use]
    pub const fn is_for_emergencies(self) -> bool {
        matches!(self, Self::WatchWard | Self::SeeNames | Self::ReadHistory | Self::AcknowledgeAlert)
    }
}
