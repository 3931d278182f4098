//! Which network this rig belongs to, and how its owner joins another one.
//!
//! Nothing is joined at the first word: a guest has a profile looked at, shows its owner what it says and who signed it, and has just that
//! text joined.

use serde::{Deserialize, Serialize};

use crate::TimestampMs;

/// What a guest may ask about networks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum NetworkRequest {
    /// The one this rig belongs to.
    Show,
    /// What joining by a text would mean.
    Look(ProfileArgs),
    /// Join by the text that [`NetworkRequest::Look`] has answered with. The agent begins again for it.
    Join(ProfileArgs),
    /// Join a network on this PC, with money that is none. The agent begins again for it.
    Practise,
    /// Leave that for the network from before. The agent begins again for it.
    StopPractising,
}

/// A network profile, as somebody has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct ProfileArgs {
    /// A link, the text of a file, or to be looked at also the address of a coordinator, which is asked for its profile then.
    pub text: String,
}

/// What is answered about networks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum NetworkAnswer {
    /// Where the rig belongs, or will as soon as the agent has begun again.
    Here {
        /// All of it.
        network: NetworkView,
    },
    /// What would be joined.
    Offered {
        /// Signed, whole and good.
        profile: ProfileView,
    },
    /// Nothing was done.
    Refused {
        /// Why, to branch on.
        fault: NetworkFault,
        /// Why, in the agent's words.
        message: String,
    },
}

/// The network a rig belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct NetworkView {
    /// What the rig dials.
    pub coordinator: String,
    /// Whether the owner, or whoever set this PC up, has ever named a network.
    pub chosen: bool,
    /// What it was joined by; absent if its address was written by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub profile: Option<ProfileView>,
    /// It is the one on this PC, and its money is none.
    pub practice: bool,
    /// Why there can be no practice here; absent if there can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub no_practice: Option<String>,
}

/// A profile whose signature holds, as an owner reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct ProfileView {
    /// The link that stands for it.
    pub link: String,
    /// The network's name.
    pub name: String,
    /// What would be dialled.
    pub coordinator: String,
    /// The legal name of who runs it.
    pub operator: String,
    /// The fingerprint of his key, to be compared with what he publishes.
    pub key: String,
    /// The platform's part of every charge, in hundredths of a percent.
    pub fee_bps: u16,
    /// Where people who need help are sent.
    pub support: String,
    /// What may be computed and what may not.
    pub content_policy: String,
    /// His own pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub website: Option<String>,
    /// When it was signed.
    pub issued_ms: TimestampMs,
    /// When it is no longer good for joining.
    pub expires_ms: TimestampMs,
}

/// A link that somebody has opened the window with. It is looked at like any other text, and joins nothing by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum OpenedLink {
    /// One of ours, as far as can be seen from outside.
    Given {
        /// What [`NetworkRequest::Look`] takes.
        text: String,
    },
    /// Not one to be looked at.
    Refused {
        /// Why.
        fault: NetworkFault,
    },
}

/// Why a network is not joined. Add a variant together with the words of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum NetworkFault {
    /// Longer than a profile may be.
    TooLong,
    /// No profile, or not one that can be read.
    Malformed,
    /// Of a later version.
    Version,
    /// Without a signature.
    Unsigned,
    /// Not signed by the key it names, or changed afterwards.
    Forged,
    /// Its address could be listened to.
    Insecure,
    /// It says something that cannot be.
    Field,
    /// It was good once.
    Expired,
    /// Its time is still to come: a clock is wrong.
    NotYet,
    /// The address that was to be asked for it does not answer with one.
    Unreachable,
    /// The address answered with the profile of another one.
    Elsewhere,
    /// Something of a job is still on this rig.
    AtWork,
    /// The programs of a practice network are not on this PC.
    NoPractice,
    /// The settings could not be changed.
    NotWritten,
}
