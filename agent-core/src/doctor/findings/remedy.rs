//! What an owner can do about what was found.

/// What he can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::doctor) enum Remedy<'f> {
    Engine(EngineRemedy),
    Card(CardRemedy),
    Pc(PcRemedy<'f>),
    Owner(OwnerRemedy),
    /// Let the system set its clock.
    SetClock,
}

/// About the container engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::doctor) enum EngineRemedy {
    Install,
    Start,
    /// Let this user use it.
    Admit,
    ReadItsLog,
    GiveAnAddress,
    Change,
    Update,
    RemapUsers,
    BootWithVersion2,
    PreferVersion2,
    TurnSeccompOn,
}

/// About graphics cards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::doctor) enum CardRemedy {
    AskTheDriver,
    InstallDriver,
    InstallToolkit,
    UpdateToolkit,
}

/// About the PC and the agent's own files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::doctor) enum PcRemedy<'f> {
    CloseFolder {
        path: &'f str,
    },
    MakeFolderWritable,
    BecomeItsUser,
    UseAnotherFolder,
    ChangeLine {
        path: &'f str,
    },
    RemoveThings,
    FreeSpaceOrGiveLess,
    RunAsRoot,
    /// Nothing: it is said what it means.
    ExpectFewJobs,
    TellWsl,
    StopVm,
}

/// About what tells whether he is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::doctor) enum OwnerRemedy {
    WorkWhileHere,
    /// Nothing: it is said what it means.
    ExpectNoWork,
    StartInSession,
}

impl From<EngineRemedy> for Remedy<'_> {
    fn from(remedy: EngineRemedy) -> Self {
        Self::Engine(remedy)
    }
}

impl From<CardRemedy> for Remedy<'_> {
    fn from(remedy: CardRemedy) -> Self {
        Self::Card(remedy)
    }
}

impl<'f> From<PcRemedy<'f>> for Remedy<'f> {
    fn from(remedy: PcRemedy<'f>) -> Self {
        Self::Pc(remedy)
    }
}

impl From<OwnerRemedy> for Remedy<'_> {
    fn from(remedy: OwnerRemedy) -> Self {
        Self::Owner(remedy)
    }
}
